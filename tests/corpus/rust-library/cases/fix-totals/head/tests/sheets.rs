use stint::{Sheet, Stint};

fn sheet() -> Sheet {
    let mut sheet = Sheet::new();
    sheet.add("docs", Stint::from_seconds(600));
    sheet.add("code", Stint::from_seconds(3_600));
    sheet
}

#[test]
fn keeps_entries_in_order() {
    let sheet = sheet();
    let projects: Vec<&str> = sheet.entries().iter().map(|entry| entry.project.as_str()).collect();
    assert_eq!(projects, ["docs", "code"]);
}

#[test]
fn adds_up() {
    assert_eq!(sheet().total().minutes(), 70);
    assert_eq!(Sheet::new().total(), Stint::default());
}

#[test]
fn knows_each_project() {
    let sheet = sheet();
    let totals = sheet.by_project();
    assert_eq!(totals.keys().copied().collect::<Vec<_>>(), ["code", "docs"]);
    assert_eq!(totals["docs"].seconds(), 600);
}

#[test]
fn finds_the_longest() {
    assert_eq!(sheet().longest().map(|entry| entry.project.as_str()), Some("code"));
    assert_eq!(Sheet::new().longest(), None);
}

#[test]
#[allow(deprecated)]
fn finds_the_longest_project() {
    assert_eq!(sheet().longest_project(), Some("code"));
}

#[test]
fn adds_up_a_project() {
    let mut sheet = sheet();
    sheet.add("docs", Stint::from_seconds(60));
    assert_eq!(sheet.by_project()["docs"].seconds(), 660);
    assert_eq!(sheet.by_project()["code"].seconds(), 3_600);
}
