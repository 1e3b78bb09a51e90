use stint::{Stint, Unit};

trait Rounding {
    fn nearest(self, unit: Unit) -> Stint;
}

impl Rounding for Stint {
    fn nearest(self, unit: Unit) -> Stint {
        let length = unit.seconds();
        Stint::from_seconds((self.seconds() + length / 2) / length * length)
    }
}

#[test]
fn rounds() {
    assert_eq!(Stint::from_seconds(5_400).nearest(Unit::Hour).seconds(), 7_200);
    assert_eq!(Stint::from_seconds(5_399).nearest(Unit::Hour).seconds(), 3_600);
}
