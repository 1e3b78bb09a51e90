"""Amounts of money: whole cents inside, `12.50` outside."""

import re

from stockroom.errors import StockroomError

_AMOUNT = re.compile(r"(\d{1,9})(?:\.(\d{2}))?")


def parse(text: str) -> int:
    """Cents of an amount such as `12.50` or `12`; StockroomError for anything else, a negative amount too."""
    match = _AMOUNT.fullmatch(text)
    if not match:
        raise StockroomError(f"amount {text!r}: expected something like 12.50 or 12")
    return int(match[1]) * 100 + int(match[2] or 0)


def show(cents: int) -> str:
    """An amount as people write it: `12.50`."""
    return f"{cents // 100}.{cents % 100:02d}"
