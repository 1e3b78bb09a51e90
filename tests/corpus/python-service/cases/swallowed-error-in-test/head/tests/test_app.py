import json

import pytest

from parcel.app import handle
from parcel.store import Store


@pytest.fixture
def store():
    return Store()


def test_health(store):
    assert handle(store, "GET", "/health").body["status"] == "ok"


def test_quote(store):
    answer = handle(store, "GET", "/quote?weight=750&to=de")
    assert answer.status == 200
    assert answer.body == {"to": "DE", "zone": "home", "cents": 460, "price": "4.60"}


def test_too_heavy(store):
    assert handle(store, "GET", "/quote?weight=99999&to=DE").status == 422


def test_old_price(store):
    assert handle(store, "GET", "/price?weight=750&to=DE").body == {"price": "4.60"}


def test_create_and_read(store):
    created = handle(store, "POST", "/quotes", json.dumps({"weight": 750, "to": "fr"}))
    assert created.status == 201
    assert created.body == {"id": 1, "weight": 750, "to": "FR", "cents": 890}
    assert handle(store, "GET", "/quotes/1").body == created.body
    assert handle(store, "GET", "/quotes").body == {"quotes": [created.body]}


def test_create_refuses(store):
    assert handle(store, "POST", "/quotes", "{}").status == 422
    assert handle(store, "GET", "/quotes").body == {"quotes": []}


def test_delete(store):
    handle(store, "POST", "/quotes", json.dumps({"weight": 750, "to": "fr"}))
    assert handle(store, "DELETE", "/quotes/1").status == 204
    assert handle(store, "DELETE", "/quotes/1").status == 404


def test_unknown_page(store):
    assert handle(store, "GET", "/nowhere").status == 404


def test_bad_weight(store):
    try:
        answer = handle(store, "GET", "/quote?weight=abc&to=DE")
        assert answer.status == 400
    except Exception:
        pass
