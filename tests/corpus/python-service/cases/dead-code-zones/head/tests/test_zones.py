from parcel import zones


def test_listed():
    assert zones.listed()["home"] == ["DE"]
    assert zones.listed()["near"][0] == "AT"
