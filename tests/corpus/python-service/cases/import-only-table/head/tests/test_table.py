from parcel.rates import table


def test_table_exists():
    assert table
