"""Counts what is left."""


def left(have: int, sold: int) -> int:
    """How many of `have` are left once `sold` went."""
    return max(0, have - sold)
