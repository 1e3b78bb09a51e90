def format_cents(cents):
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest:02}"


def test_two_decimals():
    assert format_cents(1205) == "12.05"
    assert format_cents(1200) == "12.00"
