"""What the flows `issue` and `security` read and write on GitHub."""

from __future__ import annotations

import pytest
from github_world import REPO

from pressplay.errors import InputError
from pressplay.github import alerts, bodies, edits, issues, people

SECRET = "ghp_" + "verysecret" * 4


def opened(github_world, login: str = "maintainer", **fields) -> int:
    return github_world.person(login).post("/issues", json={"title": "t", "body": "b", **fields}).json()["number"]


def security(github_world, *kinds: str):
    granted = {alerts.KINDS[kind].permission: "read" for kind in kinds}
    github_world.forge.create_app("press-play", "Press-Play", {"metadata": "read", **granted})
    return github_world.client("press-play", **granted)


def test_an_issue_is_read_without_its_texts(github_world):
    number = opened(github_world, labels=["press-play", "bug"])
    gh = github_world.client("press-play")
    found = issues.issue(gh, REPO, number)
    assert (found.number, found.open, found.is_pull) == (number, True, False)
    assert (found.author, found.author_is_person) == ("maintainer", True)
    assert sorted(found.labels) == ["bug", "press-play"]
    words = edits.text(gh, REPO, number)
    assert (words.title, words.body, words.author) == ("t", "b", "maintainer")
    pull = github_world.pull()
    of_app = issues.issue(gh, REPO, pull.number)
    assert (of_app.is_pull, of_app.author_is_person) == (True, False)


def test_who_labelled_is_who_did_so_last(github_world):
    gh = github_world.client("press-play")
    github_world.forge.create_user("triager")
    github_world.forge.grant(REPO, "triager", "triage")
    number = opened(github_world)
    assert issues.labelled(gh, REPO, number, "press-play") is None
    github_world.person().post(f"/issues/{number}/labels", json={"labels": ["press-play", "bug"]})
    github_world.clock.sleep(60)
    github_world.person().delete(f"/issues/{number}/labels/press-play")
    assert issues.labelled(gh, REPO, number, "press-play").actor == "maintainer"
    now = github_world.clock.now()
    github_world.person("triager").post(f"/issues/{number}/labels", json={"labels": ["press-play"]})
    found = issues.labelled(gh, REPO, number, "Press-Play")
    assert (found.actor, found.is_person, found.at) == ("triager", True, now)
    issues.remove_label(gh, REPO, number, "press-play")
    issues.add_labels(gh, REPO, number, ["press-play"])
    assert not issues.labelled(gh, REPO, number, "press-play").is_person


def test_comments_come_all_and_in_order(github_world):
    number = opened(github_world)
    for count in range(101):
        github_world.person().post(f"/issues/{number}/comments", json={"body": f"comment {count}"})
    found = issues.comments(github_world.client("press-play"), REPO, number)
    assert [comment.body for comment in found] == [f"comment {count}" for count in range(101)]
    assert (found[0].author, found[0].association) == ("maintainer", "COLLABORATOR")
    assert "comment" not in repr(found[0])


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    ("role", "may"), [("read", False), ("triage", False), ("write", True), ("maintain", True), ("admin", True)]
)
def test_r8_only_who_may_push_may_ask(github_world, role, may):
    github_world.forge.create_user("someone")
    github_world.forge.grant(REPO, "someone", role)
    gh = github_world.access.installation("press-play", REPO, {"metadata": "read"})
    assert people.may_write(gh, REPO, "someone") is may
    assert people.may_write(gh, REPO, "no-such-user") is False


@pytest.mark.parametrize(
    ("body", "closes"),
    [
        ("Closes #7", True),
        ("this fixes: #7, and more", True),
        ("resolved acme/shop#7.", True),
        ("Close GH-7", True),
        ("Closes #70", False),
        ("Closes other/shop#7", False),
        ("about #7", False),
        ("`closes #7`", False),
        ("```\ncloses #7\n```", False),
        ("<!-- closes #7 -->", False),
        ("<!-- never ended\n\ncloses #7", False),
        ("encloses #7", False),
        ("", False),
    ],
)
def test_a_body_closes_an_issue_only_by_a_keyword_that_counts(github_world, body, closes):
    gh, pull = github_world.client("press-play"), github_world.pull()
    github_world.person().patch(f"/pulls/{pull.number}", json={"body": body})
    assert bodies.closes(gh, REPO, pull.number, 7) is closes


@pytest.mark.parametrize(
    "body",
    ["Please.", "", "<!-- never ended", "```\nopen", "x" * 65_536, "<!-- press-play: issue -->\nsomebody's copy"],
)
def test_our_section_stands_first_and_once(github_world, body):
    gh, pull = github_world.client("press-play"), github_world.pull()
    github_world.person().patch(f"/pulls/{pull.number}", json={"body": body})
    assert bodies.ensure_section(gh, REPO, pull.number, "issue", "Closes #7")
    seen = github_world.forge.events()[-1].seq
    assert not bodies.ensure_section(gh, REPO, pull.number, "issue", "Closes #7")
    assert github_world.forge.events(seen) == []
    assert bodies.ensure_section(gh, REPO, pull.number, "issue", "Closes #8")
    text = edits.text(gh, REPO, pull.number).body
    section = "<!-- press-play: issue -->\nCloses #8\n<!-- /press-play: issue -->\n\n"
    assert text == (section + body)[: bodies.BODY_LIMIT].rstrip() or text == (section + body)[: bodies.BODY_LIMIT]
    assert bodies.closes(gh, REPO, pull.number, 8)
    with pytest.raises(InputError, match="small letters"):
        bodies.ensure_section(gh, REPO, pull.number, "a-->b", "x")


def test_alerts_of_every_kind_are_read_with_their_facts(github_world):
    gh, forge = security(github_world, *alerts.KINDS), github_world.forge
    forge.create_alert(
        REPO, "code-scanning", rule="py/x", security_severity="critical", path="a.py", line=3, message="m"
    )
    forge.create_alert(REPO, "code-scanning", rule="lint", severity="error", security_severity=None)
    forge.create_alert(REPO, "dependabot", package="left-pad", ecosystem="npm", manifest="package.json", patched=None)
    forge.fix_alert(REPO, "code-scanning", forge.create_alert(REPO, "code-scanning", rule="gone"))
    code, lint = alerts.open_alerts(gh, REPO, "code-scanning")[::-1]
    assert (code.number, code.group, code.severity, code.open) == (1, "py/x", "critical", True)
    assert (code.locations[0].path, code.locations[0].line) == ("a.py", 3)
    assert code.text.startswith("m")
    assert lint.severity == "high"
    (package,) = alerts.open_alerts(gh, REPO, "dependabot")
    assert package.group == "npm:left-pad"
    assert dict(package.details)["First patched version"] == "none yet"
    assert package.locations[0].path == "package.json"
    assert alerts.alert(gh, REPO, "dependabot", 1) == package
    assert not alerts.alert(gh, REPO, "code-scanning", 3).open


def test_all_pages_of_alerts_are_read_also_by_cursor(github_world):
    gh = security(github_world, "dependabot", "code-scanning")
    for count in range(101):
        github_world.forge.create_alert(REPO, "dependabot", package=f"p{count}")
        github_world.forge.create_alert(REPO, "code-scanning", rule=f"r{count}")
    for kind in ("dependabot", "code-scanning"):
        assert {alert.number for alert in alerts.open_alerts(gh, REPO, kind)} == set(range(1, 102))


@pytest.mark.rule("R9")
def test_r9_a_secret_is_dropped_at_the_door(github_world):
    gh = security(github_world, "secret-scanning")
    github_world.forge.create_alert(
        REPO,
        "secret-scanning",
        secret=SECRET,
        locations=[{"path": "README.md", "line": 1}, {"issue": opened(github_world)}],
    )
    (listed,) = alerts.open_alerts(gh, REPO, "secret-scanning")
    whole = alerts.alert(gh, REPO, "secret-scanning", 1)
    assert listed.group == whole.group == "github_personal_access_token"
    assert [place.path for place in whole.locations] == ["README.md", "(issue_body)"]
    for found in (listed, whole):
        assert SECRET not in repr(vars(found))
        assert found.severity == "critical"


@pytest.mark.rule("R9")
def test_r9_a_server_that_does_not_hide_secrets_changes_nothing(github_world, monkeypatch):
    """An older GitHub Enterprise Server knows no `hide_secret`."""
    answer = {
        "number": 1,
        "state": "open",
        "secret": SECRET,
        "secret_type": "t",
        "secret_type_display_name": "T",
        "first_location_detected": {"path": "a", "text": SECRET},
        "has_more_locations": False,
    }
    monkeypatch.setattr(alerts, "pages", lambda _gh, path, *_: iter([] if "locations" in path else [answer]))
    monkeypatch.setattr(alerts, "call", lambda *_, **__: answer)
    (listed,) = alerts.open_alerts(None, REPO, "secret-scanning")
    assert SECRET not in repr(vars(listed))
    assert SECRET not in repr(vars(alerts.alert(None, REPO, "secret-scanning", 1)))


@pytest.mark.parametrize(("kind", "status"), [("code-scanning", 403), ("dependabot", 403), ("secret-scanning", 404)])
def test_alerts_that_are_off_are_told_from_none(github_world, kind, status):
    gh = security(github_world, kind)
    github_world.forge.disable_alerts(REPO, kind)
    assert alerts.open_alerts(gh, REPO, kind) == status
