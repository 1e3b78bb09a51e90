from parcel.zones import ZONES, listed  # noqa: F401


def test_zones_are_known():
    assert "home" in ZONES
    assert ZONES["home"] == ("DE",)
