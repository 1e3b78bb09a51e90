import json

from parcel.__main__ import main


def test_call(capsys):
    assert main(["call", "GET", "/quote?weight=750&to=DE"]) == 0
    status, body = capsys.readouterr().out.splitlines()
    assert status == "200"
    assert json.loads(body)["price"] == "4.60"


def test_store_is_kept(tmp_path, capsys):
    store = str(tmp_path / "quotes.json")
    main(["--store", store, "call", "POST", "/quotes", '{"weight": 750, "to": "FR"}'])
    main(["--store", store, "call", "GET", "/quotes/1"])
    assert capsys.readouterr().out.splitlines()[-2] == "200"
