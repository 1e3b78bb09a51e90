from parcel.store import Store


def test_a_number_is_given_once():
    store = Store()
    first = store.add({"to": "DE"})
    second = store.add({"to": "FR"})
    store.delete(first)
    assert store.add({"to": "AT"}) != second
