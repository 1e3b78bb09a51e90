"""The answers to requests, without sockets."""

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from parcel import VERSION
from parcel.money import format_cents
from parcel.rates import TooHeavy, price, total
from parcel.zones import zone_of


@dataclass
class Response:
    """What is answered: a status and a document for JSON."""

    status: int
    body: dict = field(default_factory=dict)


def _quote(store, query, body):
    weight = int(query.get("weight", "0"))
    country = query.get("to", "")
    try:
        cents = price(weight, country)
        if "count" in query:
            if int(query["count"]) < 1:
                return Response(422, {"error": "too few"})
            cents = total(cents, int(query["count"]))
    except TooHeavy as error:
        return Response(422, {"error": str(error)})
    return Response(200, {"to": country.upper(), "zone": zone_of(country), "cents": cents, "price": format_cents(cents)})


def _old_price(store, query, body):
    answer = _quote(store, query, body)
    return Response(answer.status, {"price": answer.body.get("price")})


def _list(store, query, body):
    return Response(200, {"quotes": store.all()})


def _create(store, query, body):
    try:
        wanted = json.loads(body or "{}")
        weight, country = int(wanted["weight"]), str(wanted["to"])
        cents = price(weight, country)
    except (KeyError, ValueError) as error:
        return Response(422, {"error": str(error)})
    number = store.add({"weight": weight, "to": country.upper(), "cents": cents})
    return Response(201, store.get(number))


def handle(store, method, target, body=""):
    """The answer to one request; `target` is the path with its query."""
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    path = parts.path
    if method == "GET" and path == "/health":
        return Response(200, {"status": "ok", "version": VERSION})
    if method == "GET" and path == "/quote":
        return _quote(store, query, body)
    if method == "GET" and path == "/price":
        return _old_price(store, query, body)
    if method == "GET" and path == "/quotes":
        return _list(store, query, body)
    if method == "POST" and path == "/quotes":
        return _create(store, query, body)
    if path.startswith("/quotes/") and path.removeprefix("/quotes/").isdigit():
        number = int(path.removeprefix("/quotes/"))
        if method == "GET":
            quote = store.get(number)
            return Response(200, quote) if quote else Response(404, {"error": "no such quote"})
        if method == "DELETE":
            return Response(204) if store.delete(number) else Response(404, {"error": "no such quote"})
    return Response(404, {"error": "no such page"})
