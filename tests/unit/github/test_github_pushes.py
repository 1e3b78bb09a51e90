"""Who moved a branch, as GitHub tells it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from github_world import REPO
from githubkit_schemas.latest.models import Activity

from pressplay.errors import TryAgain
from pressplay.github import pushes
from pressplay.github.calls import call
from pressplay.github.pushes import Push

BRANCH = "feature/task-1-implementation"


def test_each_move_of_a_branch_is_told_with_who_made_it_the_newest_first(github_world):
    first = github_world.branch(BRANCH, {"a.txt": b"a"})
    second = github_world.branch(BRANCH, {"b.txt": b"b"}, "qa", first)
    github_world.branch("another", {"c.txt": b"c"})
    gh = github_world.client("press-play", contents="read")
    made, moved = list(pushes.newest(gh, REPO, BRANCH))[::-1]
    assert (made.after, made.login) == (first, "rex[bot]")
    assert moved == Push(first, second, "qa[bot]")
    assert pushes.between(gh, REPO, BRANCH, first, second) == [moved]


def test_a_forced_push_is_told_apart(github_world):
    first = github_world.branch(BRANCH, {"a.txt": b"a"})
    second = github_world.branch(BRANCH, {"b.txt": b"b"}, "qa", first)
    gh = github_world.client("qa", contents="write")
    call(gh, "PATCH", f"/repos/{REPO}/git/refs/heads/{BRANCH}", json={"sha": first, "force": True})
    assert [push.forced for push in pushes.newest(gh, REPO, BRANCH)] == [True, False, False]
    assert [push.after for push in pushes.life(gh, REPO, BRANCH, first)][-1] == first
    assert second != first


def test_what_is_not_told_whole_is_not_told(github_world):
    heads = [github_world.branch(BRANCH, {"a.txt": b"a"})]
    for number in range(3):
        heads.append(github_world.branch(BRANCH, {"b.txt": str(number).encode()}, "qa", heads[-1]))
    gh = github_world.client("press-play", contents="read")
    found = pushes.between(gh, REPO, BRANCH, heads[1], heads[3])
    assert found is not None
    assert [push.after for push in found] == [heads[3], heads[2]]
    assert pushes.between(gh, REPO, BRANCH, heads[0], heads[2]) == [Push(heads[1], heads[2], "qa[bot]"), *made(heads)]
    assert pushes.between(gh, REPO, BRANCH, "0" * 39 + "1", heads[3]) is None
    assert pushes.between(gh, REPO, BRANCH, heads[0], "f" * 40) is None


def test_the_life_of_a_branch_begins_where_it_was_made(github_world):
    heads = [github_world.branch(BRANCH, {"a.txt": b"a"})]
    for number in range(2):
        heads.append(github_world.branch(BRANCH, {"b.txt": str(number).encode()}, "qa", heads[-1]))
    gh = github_world.client("press-play", contents="read")
    moves = pushes.life(gh, REPO, BRANCH, heads[2])
    assert [(push.before, push.after) for push in moves] == list(pairwise([pushes.NOTHING, *heads]))
    assert pushes.life(gh, REPO, BRANCH, heads[1]) == moves[:2]
    with pytest.raises(TryAgain, match="does not list yet who moved the branch"):
        pushes.life(gh, REPO, BRANCH, "f" * 40)


def test_a_record_that_lacks_the_beginning_begins_elsewhere(github_world, monkeypatch):
    moves = [Push("b", "c", "qa[bot]"), Push("0", "a", "rex[bot]")]
    monkeypatch.setattr(pushes, "newest", lambda *_: iter(moves))
    assert pushes.life(None, REPO, BRANCH, "c") == moves[:1]


def made(heads: list[str]) -> list[Push]:
    return [Push(heads[0], heads[1], "qa[bot]")]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_the_forge_tells_it_page_by_page_in_githubs_form(github_world, size):
    head = github_world.branch(BRANCH, {"a.txt": b"a"})
    for number in range(4):
        head = github_world.branch(BRANCH, {"b.txt": str(number).encode()}, "qa", head)
    person = github_world.person()
    answer = person.get("activity", params={"ref": BRANCH, "per_page": size})
    seen = answer.json()
    while "next" in answer.links:
        answer = person.get(answer.links["next"]["url"])
        seen += answer.json()
    assert [Activity.model_validate(one).activity_type for one in seen] == [*["push"] * 4, "branch_creation"]
    assert person.get("activity", params={"actor": "rex[bot]", "ref": BRANCH}).json() == seen[-1:]
    assert person.get("activity", params={"activity_type": "nonsense"}).status_code == 422
