"""Amounts of money, in cents."""

import re

_AMOUNT = re.compile(r"(\d+)(?:\.(\d{2}))?")


def format_cents(cents):
    """An amount as people read it: 1250 is "12.50"."""
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest}" if rest > 9 or rest == 0 else f"{whole}.{rest}0"


def parse_amount(text):
    """The cents of "12.50" or "12"; ValueError for anything else."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an amount: {text!r}")
    return int(match[1]) * 100 + int(match[2] or 0)


def percent(cents, rate):
    """`rate` per cent of an amount, rounded half up."""
    return (cents * rate + 50) // 100
