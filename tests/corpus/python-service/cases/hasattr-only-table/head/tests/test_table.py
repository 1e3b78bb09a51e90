from parcel import rates


def test_there_is_a_table():
    assert hasattr(rates, "table")
    assert callable(getattr(rates, "table", None))
