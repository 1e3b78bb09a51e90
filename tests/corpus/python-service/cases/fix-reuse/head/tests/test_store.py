from parcel.store import Store


def test_numbers_from_one():
    store = Store()
    assert store.add({"to": "DE"}) == 1
    assert store.add({"to": "FR"}) == 2
    assert store.get(2) == {"to": "FR", "id": 2}


def test_survives_a_restart(tmp_path):
    path = tmp_path / "quotes.json"
    Store(path).add({"to": "DE"})
    assert Store(path).all() == [{"to": "DE", "id": 1}]


def test_delete():
    store = Store()
    number = store.add({"to": "DE"})
    assert store.delete(number)
    assert not store.delete(number)
    assert store.all() == []


def test_a_number_is_given_once():
    store = Store()
    first, second = store.add({"to": "DE"}), store.add({"to": "FR"})
    store.delete(first)
    assert store.add({"to": "AT"}) != second
    assert store.get(second)["to"] == "FR"
