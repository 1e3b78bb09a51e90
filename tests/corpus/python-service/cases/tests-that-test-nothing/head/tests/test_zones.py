from parcel.zones import ZONES, zone_of


def test_zone():
    for zone in ZONES:
        assert zone == zone
    assert isinstance(zone_of.__name__, str)
