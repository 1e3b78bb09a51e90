"""Whose words on a pull request count, before anything of them is read; and what reading the longest one costs."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from github_world import REPO

from pressplay import settings
from pressplay.errors import InputError
from pressplay.github.conversation import suggestions
from pressplay.steps.comments import conversation
from pressplay.validation.markdown import criteria_section

STRANGER = "stranger"
LONGEST = 65_536
"""Characters of a comment that GitHub takes."""
SLOW = {
    "suggestions that never end": "```suggestion\n",
    "fences of both kinds": "```suggestion\n~~~suggestion\n",
    "fences": "```\n",
    "empty lines": "\n",
    "ticks": "`",
    "blanks": " ",
    "commands": "/press-play fix\n",
}


def _hostile(kind: str, size: int) -> str:
    return (SLOW[kind] * size)[:size]


@pytest.fixture
def heard(github_world, monkeypatch):
    """What is heard on a pull request of what a stranger and the maintainer said, and which texts were looked into."""
    world = github_world
    world.forge.create_user(STRANGER)
    world.forge.grant(REPO, STRANGER, "read")
    pull = world.pull()
    read: list[str] = []
    for name in ("suggestions", "command_of"):
        whole = getattr(conversation, name)
        monkeypatch.setattr(conversation, name, lambda body, whole=whole: read.append(body) or whole(body))
    whole_settings = settings.Settings.model_validate({"namespace": "n", "controller_namespace": "c"})
    context = SimpleNamespace(settings=whole_settings)

    def hear(by: str, body: str):
        line = {"path": "task-1-implementation.txt", "line": 1, "commit_id": pull.head_sha, "body": body}
        person = world.person(by)
        assert person.post(f"/issues/{pull.number}/comments", json={"body": body}).is_success
        assert person.post(f"/pulls/{pull.number}/comments", json=line).is_success
        review = {"event": "COMMENT", "body": body}
        assert person.post(f"/pulls/{pull.number}/reviews", json=review).is_success
        return conversation.read_conversation(context, world.client("press-play"), REPO, pull), read

    return hear


@pytest.mark.rule("R8")
def test_nothing_of_a_strangers_comment_is_read(heard):
    found, read = heard(STRANGER, _hostile("suggestions that never end", LONGEST))
    # GitHub makes a review of a comment at a line, too, without a text of its own.
    assert (found.threads, found.commands, found.left_out) == ((), (), 3)
    assert read == []


def test_a_maintainers_comment_is_read(heard):
    found, read = heard("maintainer", "```suggestion\nx\n```\n")
    assert len(found.threads) == 3
    assert found.left_out == 0
    assert [thread.said[0].suggestions for thread in found.threads] == [("x\n",)] * 3
    assert len(read) == 6


@pytest.mark.parametrize("kind", SLOW)
@pytest.mark.parametrize("read", [suggestions, conversation.command_of, criteria_section], ids=lambda one: one.__name__)
def test_what_reading_a_comment_takes_grows_with_its_length_alone(read, kind):
    def seconds(size: int) -> float:
        text, best = _hostile(kind, size), 1.0e9
        for _ in range(3):
            began = time.process_time()
            read(text)
            best = min(best, time.process_time() - began)
        return best

    # Four times as long: 16 times as much would be its square; what takes under 2 ms tells nothing.
    assert seconds(LONGEST) < 10 * max(seconds(LONGEST // 4), 0.002)


@pytest.mark.rule("R8")
def test_a_repository_is_listed_whatever_its_letters_case():
    found = settings.Settings.model_validate(
        {
            "namespace": "n",
            "controller_namespace": "c",
            "repositories": {"Acme/Shop": {"tag": "own"}, "acme/web": {}},
        }
    )
    assert [found.listed(one) for one in ("acme/shop", "ACME/SHOP", "Acme/Shop", "acme/Web")] == [
        *["Acme/Shop"] * 3,
        "acme/web",
    ]
    assert found.repository("acme/shop").tag == "own"
    for other in ("acme/shop-2", "acme/sho", "acme"):
        with pytest.raises(InputError):
            found.listed(other)
