use stint::{clock, ParseError, Stint};

fn stint(text: &str) -> Stint {
    text.parse().unwrap()
}

#[test]
fn reads_every_unit() {
    assert_eq!(stint("45s").seconds(), 45);
    assert_eq!(stint("2m").seconds(), 120);
    assert_eq!(stint("1h 30m").seconds(), 5_400);
    assert_eq!(stint("2d").seconds(), 172_800);
}

#[test]
fn refuses_what_is_no_stint() {
    assert_eq!("".parse::<Stint>(), Err(ParseError::Empty));
    assert_eq!("5".parse::<Stint>(), Err(ParseError::Incomplete("5".to_string())));
    assert_eq!("h".parse::<Stint>(), Err(ParseError::Incomplete("h".to_string())));
    assert_eq!("5y".parse::<Stint>(), Err(ParseError::Unit("y".to_string())));
    assert_eq!("99999999999999999999s".parse::<Stint>(), Err(ParseError::TooLarge));
}

#[test]
fn prints_what_it_reads() {
    for text in ["1h 30m", "2d", "1d 2h 3m 4s", "59s"] {
        assert_eq!(stint(text).to_string(), text);
    }
}

#[test]
fn carries_units() {
    assert_eq!(stint("90m").to_string(), "1h 30m");
    assert_eq!(stint("25h").to_string(), "1d 1h");
}

#[test]
fn shows_a_clock() {
    assert_eq!(clock(stint("1h 5m 9s")), "1:05:09");
    assert_eq!(clock(stint("5m 9s")), "5:09");
}

#[test]
fn adds_and_subtracts() {
    assert_eq!(stint("1h").checked_add(stint("30m")), Some(stint("90m")));
    assert_eq!(Stint::from_seconds(u64::MAX).checked_add(stint("1s")), None);
    assert_eq!(stint("1h").saturating_sub(stint("30m")), stint("30m"));
    assert!(stint("1h").saturating_sub(stint("2h")).is_zero());
}

#[test]
fn rounds() {
    let _ = std::panic::catch_unwind(|| {
        assert_eq!(stint("1h 30m").rounded(stint::Unit::Hour), stint("2h"));
    });
}
