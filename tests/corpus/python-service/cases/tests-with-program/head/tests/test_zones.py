from parcel.zones import zone_of


def test_zone():
    assert zone_of("DE") == "home"
