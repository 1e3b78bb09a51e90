use std::fmt;

/// Why a text is no stint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// There is nothing to read.
    Empty,
    /// A unit without a number before it, or a number without its unit.
    Incomplete(String),
    /// No such unit.
    Unit(String),
    /// More seconds than can be held.
    TooLarge,
}

impl fmt::Display for ParseError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(out, "there is nothing to read"),
            Self::Incomplete(part) => write!(out, "{part:?} needs a number and a unit"),
            Self::Unit(unit) => write!(out, "{unit:?} is no unit: d, h, m or s"),
            Self::TooLarge => write!(out, "it is too long"),
        }
    }
}

impl std::error::Error for ParseError {}
