//! Counts what is left.

/// How many of `have` are left once `sold` went.
#[must_use]
pub fn left(have: u32, sold: u32) -> u32 {
    have.saturating_sub(sold)
}

#[cfg(test)]
mod tests {
    use super::left;

    #[test]
    fn never_below_zero() {
        assert_eq!(left(2, 3), 0);
    }
}
