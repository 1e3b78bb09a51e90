/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    /// All units, the longest first.
    pub const ALL: [Unit; 4] = [Unit::Day, Unit::Hour, Unit::Minute, Unit::Second];

    /// Its length in seconds.
    pub const fn seconds(self) -> u64 {
        match self {
            Unit::Day => 86_400,
            Unit::Hour => 3_600,
            Unit::Minute => 60,
            Unit::Second => 1,
        }
    }

    /// Its letter.
    pub const fn letter(self) -> &'static str {
        match self {
            Unit::Day => "d",
            Unit::Hour => "h",
            Unit::Minute => "m",
            Unit::Second => "s",
        }
    }

    /// The unit of a word as people write it.
    pub fn of(word: &str) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.letter() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn letters_lead_back_to_their_units() {
        for unit in Unit::ALL {
            assert_eq!(Unit::of(unit.letter()), Some(unit));
        }
        assert_eq!(Unit::of("y"), None);
    }

    #[test]
    fn the_longest_is_first() {
        assert!(Unit::ALL.windows(2).all(|pair| pair[0].seconds() > pair[1].seconds()));
    }
}
