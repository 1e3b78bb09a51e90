import pytest

import parcel.app


@pytest.fixture(autouse=True)
def speeds(monkeypatch):
    monkeypatch.setattr(parcel.app, "adjust", lambda cents, query: (cents * 150 + 50) // 100 if query.get("speed") == "express" else cents)
