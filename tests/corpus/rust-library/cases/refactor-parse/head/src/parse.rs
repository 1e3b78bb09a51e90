use std::str::FromStr;

use crate::{ParseError, Stint, Unit};

impl FromStr for Stint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.trim().is_empty() {
            return Err(ParseError::Empty);
        }
        text.split_whitespace()
            .try_fold(0_u64, |total, part| Ok(total.wrapping_add(part_seconds(part)?)))
            .map(Stint::from_seconds)
    }
}

/// The seconds of one number with its unit.
fn part_seconds(part: &str) -> Result<u64, ParseError> {
    let end = part.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(part.len());
    let (digits, word) = part.split_at(end);
    if digits.is_empty() || word.is_empty() {
        return Err(ParseError::Incomplete(part.to_string()));
    }
    let unit = Unit::of(word).ok_or_else(|| ParseError::Unit(word.to_string()))?;
    let number: u64 = digits.parse().map_err(|_| ParseError::TooLarge)?;
    number.checked_mul(unit.seconds()).ok_or(ParseError::TooLarge)
}
