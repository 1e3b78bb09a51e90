import pytest

from parcel.money import format_cents, parse_amount, percent


@pytest.mark.parametrize(("cents", "text"), [(1250, "12.50"), (99, "0.99"), (1999, "19.99"), (1205, "12.05"), (1200, "12.00")])
def test_format(cents, text):
    assert format_cents(cents) == text


def test_parse():
    assert parse_amount("12.50") == 1250
    assert parse_amount(" 3 ") == 300


@pytest.mark.parametrize("text", ["", "-1", "1.5", "a"])
def test_parse_refuses(text):
    with pytest.raises(ValueError, match="not an amount"):
        parse_amount(text)


def test_percent_rounds_half_up():
    assert percent(1050, 15) == 158
    assert percent(1000, 10) == 100
