use stint::{clock, Stint};

#[test]
fn nothing() {
    assert_eq!(clock(Stint::default()), "0:00");
}

#[test]
fn below_an_hour() {
    assert_eq!(clock(Stint::from_seconds(3_599)), "59:59");
}

#[test]
fn an_hour() {
    assert_eq!(clock(Stint::from_seconds(3_600)), "1:00:00");
}
