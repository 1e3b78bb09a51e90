"""Who edited a text, as GitHub tells it, and whether it still counts."""

from __future__ import annotations

import pytest
from github_world import REPO

from pressplay.github import edits, issues, people, reviews
from pressplay.github.edits import Edits
from pressplay.github.graphql import GraphQLRefused

STRANGER = "stranger"


class _Permitted:
    """`people.may_write` without GitHub, and how often each was asked for."""

    def __init__(self, *logins: str) -> None:
        self.logins, self.asked = logins, []

    def __call__(self, _gh, _repo, login: str) -> bool:
        self.asked.append(login)
        return login in self.logins


@pytest.fixture
def writers(monkeypatch):
    monkeypatch.setattr(people, "may_write", _Permitted("ann", "ben", "rex[bot]"))
    return people.Writers(None, REPO, lambda login: login == "ours")


@pytest.fixture
def person(github_world):
    github_world.forge.create_user(STRANGER)
    github_world.forge.grant(REPO, STRANGER, "read")
    return github_world.person


def test_an_app_and_one_of_ours_are_no_people_whatever_they_may(writers):
    assert [writers.include(one) for one in ("ann", "rex[bot]", "ours", "eve", "ann")] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert people.may_write.asked == ["ann", "eve"]


@pytest.mark.parametrize(
    ("made", "since", "author", "alone"),
    [
        (Edits(), 0, "", True),
        (Edits((("ann", 10),), last=10), 5, "", True),
        (Edits((("eve", 10),), last=10), 5, "", False),
        (Edits((("eve", 10),), last=10), 10, "", False),
        (Edits((("eve", 10),), last=10), 11, "", True),
        (Edits((("ann", 12), ("eve", 10)), last=12), 11, "", True),
        (Edits((("ann", 12), ("eve", 10)), last=12), 5, "", False),
        (Edits((("rex[bot]", 10),), last=10), 5, "", False),
        (Edits((("rex[bot]", 10),), last=10), 5, "rex[bot]", True),
        (Edits((("ghost", 10),), last=10), 5, "", False),
        (Edits((("ann", 10),), known=False, last=10), 5, "", False),
        (Edits((("ann", 10),), known=False, last=10), 11, "", True),
        (None, 0, "", False),
    ],
)
def test_a_text_counts_while_nobody_else_has_edited_it(writers, made, since, author, alone):
    assert writers.alone_made(made, since, author) is alone


def test_the_forge_tells_who_edited_an_issue_as_github_does(github_world, person):
    forge, gh = github_world.forge, github_world.client("press-play")
    number = person(STRANGER).post("/issues", json={"title": "t", "body": "b"}).json()["number"]
    assert edits.text(gh, REPO, number).edits == Edits()
    github_world.clock.sleep(10)
    at = github_world.clock.now()
    assert person(STRANGER).patch(f"/issues/{number}", json={"body": "c", "title": "u", "labels": ["x"]}).is_success
    found = edits.text(gh, REPO, number)
    assert (found.title, found.body, found.author) == ("u", "c", STRANGER)
    assert found.edits == Edits(((STRANGER, at),), True, at)
    assert issues.renamed(gh, REPO, number) == [issues.Deed(STRANGER, True, at)]
    # Who may not set labels passes none, and edits nobody else's.
    assert issues.labels(gh, REPO, number) == []
    other = person().post("/issues", json={"title": "t", "body": "b"}).json()["number"]
    assert person(STRANGER).patch(f"/issues/{other}", json={"body": "c"}).status_code == 403
    assert edits.text(gh, REPO, other).edits == Edits()
    # A title alone is no edit of the text.
    person().patch(f"/issues/{other}", json={"title": "u"})
    assert edits.text(gh, REPO, other).edits == Edits()
    with pytest.raises(GraphQLRefused):
        edits.text(gh, REPO, 99)
    assert [one.payload["action"] for one in forge.events() if one.name == "issues"].count("edited") == 2


def test_the_edits_of_comments_and_reviews_are_told_by_their_node_ids(github_world, person):
    gh, pull = github_world.client("press-play"), github_world.pull()
    said = person(STRANGER).post(f"/issues/{pull.number}/comments", json={"body": "a"}).json()
    kept = person().post(f"/issues/{pull.number}/comments", json={"body": "b"}).json()
    review = person().post(f"/pulls/{pull.number}/reviews", json={"event": "COMMENT", "body": "r"}).json()
    line = {"path": "task-1-implementation.txt", "line": 1, "commit_id": pull.head_sha, "body": "l"}
    on_line = person().post(f"/pulls/{pull.number}/comments", json=line).json()
    github_world.clock.sleep(10)
    at = github_world.clock.now()
    assert person(STRANGER).patch(f"/issues/comments/{said['id']}", json={"body": "c"}).is_success
    assert person(STRANGER).patch(f"/issues/comments/{kept['id']}", json={"body": "c"}).status_code == 403
    assert person(STRANGER).delete(f"/issues/comments/{kept['id']}").status_code == 403
    rex = github_world.client("rex", pull_requests="write")
    rex.request("PATCH", f"/repos/{REPO}/pulls/comments/{on_line['id']}", json={"body": "c"})
    rex.request("PUT", f"/repos/{REPO}/pulls/{pull.number}/reviews/{review['id']}", json={"body": "c"})
    (read,) = [one for one in reviews.reviews(gh, REPO, pull.number) if one.body]
    made = edits.of(gh, [said["node_id"], kept["node_id"], on_line["node_id"], read.node_id, "gone"])
    assert {one: found.since(at) for one, found in made.items()} == {
        said["node_id"]: (STRANGER,),
        kept["node_id"]: (),
        on_line["node_id"]: ("rex[bot]",),
        read.node_id: ("rex[bot]",),
    }


def test_more_edits_than_are_read_are_not_known(github_world, person):
    gh = github_world.client("press-play")
    number = person().post("/issues", json={"title": "t", "body": "b"}).json()["number"]
    for at in range(edits.MOST):
        person().patch(f"/issues/{number}", json={"body": f"{at}"})
    found = edits.text(gh, REPO, number)
    assert not found.edits.known
    assert found.edits.since(found.created_at) is None
