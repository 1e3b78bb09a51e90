//! Durations as people write them: `1h 30m`, `2d`, `45s`.

mod error;
mod format;
mod parse;
mod sheet;
mod units;

pub use error::ParseError;
pub use format::clock;
pub use sheet::{Entry, Sheet};
pub use units::Unit;

/// A span of time in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stint {
    seconds: u64,
}

impl Stint {
    /// A stint of so many seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self { seconds }
    }

    /// Its whole seconds.
    pub const fn seconds(self) -> u64 {
        self.seconds
    }

    /// Its whole minutes; what is left over is dropped.
    pub const fn minutes(self) -> u64 {
        self.seconds / 60
    }

    /// The sum, or `None` if it is too large.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.seconds.checked_add(other.seconds).map(Self::from_seconds)
    }

    /// The difference; nothing if `other` is longer.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self::from_seconds(self.seconds.saturating_sub(other.seconds))
    }

    /// The nearest whole multiple of a unit.
    pub fn rounded(self, unit: Unit) -> Self {
        Self::from_seconds(self.seconds - self.seconds % unit.seconds())
    }

    /// Whether it is of no length.
    pub const fn is_zero(self) -> bool {
        self.seconds == 0
    }
}
