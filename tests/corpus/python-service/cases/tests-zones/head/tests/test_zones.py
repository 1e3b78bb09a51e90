import pytest

from parcel.zones import zone_of


@pytest.mark.parametrize(("country", "zone"), [("DE", "home"), ("fr", "near"), (" se ", "europe"), ("JP", "world")])
def test_zone(country, zone):
    assert zone_of(country) == zone


@pytest.mark.parametrize("country", ["", "D", "DEU", "D1"])
def test_no_country(country):
    with pytest.raises(ValueError, match="not a country"):
        zone_of(country)
