import pytest

from parcel.rates import TooHeavy, price


@pytest.mark.parametrize(
    ("weight", "country", "cents"),
    [(300, "DE", 380), (750, "DE", 460), (1500, "AT", 1190), (4000, "ES", 1990), (9000, "US", 5990)],
)
def test_price(weight, country, cents):
    assert price(weight, country) == cents


def test_too_heavy():
    with pytest.raises(TooHeavy):
        price(40000, "DE")


def test_weightless():
    with pytest.raises(ValueError, match="positive"):
        price(0, "DE")


@pytest.mark.parametrize(("weight", "cents"), [(500, 380), (501, 460), (10000, 1050), (31500, 1990)])
def test_limits(weight, cents):
    assert price(weight, "DE") == cents
