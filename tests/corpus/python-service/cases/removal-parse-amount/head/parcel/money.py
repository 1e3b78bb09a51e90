"""Amounts of money, in cents."""


def format_cents(cents):
    """An amount as people read it: 1250 is "12.50"."""
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest}" if rest > 9 or rest == 0 else f"{whole}.{rest}0"


def percent(cents, rate):
    """`rate` per cent of an amount, rounded half up."""
    return (cents * rate + 50) // 100
