import pytest

from parcel.money import format_cents, percent


@pytest.mark.parametrize(("cents", "text"), [(1250, "12.50"), (99, "0.99"), (1999, "19.99")])
def test_format(cents, text):
    assert format_cents(cents) == text


def test_percent_rounds_half_up():
    assert percent(1050, 15) == 158
    assert percent(1000, 10) == 100
