use stint::{clock, Stint};

#[test]
fn nothing() {
    let text = clock(Stint::default());
    assert!(text.len() < 100);
}
