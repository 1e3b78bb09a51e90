"""How the values spell a repository, against what GitHub says it is called."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pressplay.doctor import repositories

SUBJECT = SimpleNamespace(
    settings=SimpleNamespace(events=SimpleNamespace(enabled=False), flows=SimpleNamespace(issue=None))
)


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    ("github", "message"),
    [
        ("acme/shop", ""),
        ("Acme/Shop", "GitHub calls it Acme/Shop"),
        ("acme/store", "GitHub calls it acme/store"),
    ],
)
def test_a_repository_is_to_be_written_as_github_writes_it(monkeypatch, github, message):
    monkeypatch.setattr(repositories, "_facts", lambda _subject, _repo: {"full_name": github})
    monkeypatch.setattr(repositories, "_base", lambda _subject, _repo: "main")
    found = [one for one in repositories.repository.look(SUBJECT, "acme/shop") if one.state == "wrong"]
    assert [one.message for one in found] == ([message] if message else [])
    assert all(github in one.do and "acme/shop" in one.do for one in found)
