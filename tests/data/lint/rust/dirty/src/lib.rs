//! Counts what is left.

/// How many of `have` are left once `sold` went.
pub fn left(have: u32, sold: u32) -> u32 {
    let rest = have.saturating_sub(sold);
    return rest;
}
