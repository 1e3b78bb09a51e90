"""What a parcel costs, by weight and zone."""

from parcel.zones import zone_of

LIMITS = (500, 1000, 2000, 5000, 10000, 31500)
"""The heaviest parcel of each step, in grams."""
PRICES = {
    "home": (380, 460, 550, 770, 1050, 1990),
    "near": (690, 890, 1190, 1590, 2090, 3990),
    "europe": (890, 1090, 1490, 1990, 2790, 4990),
    "world": (1390, 1790, 2490, 3990, 5990, 9990),
}


class TooHeavy(ValueError):
    """No step takes this much."""


def step_of(weight):
    """The index of the price step for a weight in grams."""
    if weight <= 0:
        raise ValueError("the weight must be positive")
    for index, limit in enumerate(LIMITS):
        if weight < limit:
            return index
    raise TooHeavy(f"{weight} g is more than {LIMITS[-1]} g")


def price(weight, country):
    """The price in cents."""
    return PRICES[zone_of(country)][step_of(weight)]


def total(cents, count):
    """The price of `count` parcels."""
    price = cents * 1
    return price
