"""The rulesets of docs/how-to/install.md: what they keep agents from, and that every judge of them agrees."""

from __future__ import annotations

import base64
import copy
import json
import re
from pathlib import Path

import pytest
from git_client import Git
from github_world import CHECK, HARNESS, REPO
from merge_queues import rule

from pressplay.errors import InputError
from pressplay.github import refs, rules
from pressplay.github.calls import call

DOCS = Path(__file__).parents[3] / "docs" / "how-to" / "install.md"
BRANCH = "press-play/context/run-0123456789ab"


def documented(app_id):
    """The rulesets as the docs have them, with the number of the harness's App."""
    section = DOCS.read_text().partition("## 4. The rulesets")[2].partition("\n## ")[0]
    found = [
        json.loads(block.replace("123456", str(app_id))) for block in re.findall(r"```json\n(.*?)```", section, re.S)
    ]
    assert [ruleset["name"] for ruleset in found] == ["press-play", "press-play-people", "press-play-orders"]
    return found


def install(world, rulesets):
    for ruleset in rulesets:
        answer = world.person().post("/rulesets", json=ruleset)
        assert answer.status_code == 201, answer.text


def wanted(world):
    return rules.RulesetTarget("main", CHECK, "press-play", world.access.app_id_of_harness(), "the rulesets' page")


def weak(world, others=("rex", "qa")):
    told = {name: rules.seen(world.client(name), REPO, "main") for name in others}
    found = rules.weaknesses(wanted(world), rules.seen(world.client("press-play"), REPO, "main"), told)
    assert all(weakness.do for weakness in found)
    return [weakness.message for weakness in found]


@pytest.fixture
def sealed(github_world):
    install(github_world, documented(github_world.access.app_id_of_harness()))
    return github_world


@pytest.mark.rule("R5")
def test_nothing_is_weak_with_the_documented_rulesets(sealed):
    assert weak(sealed) == []


SINGLE = {
    ("press-play", "deletion"): "keeps it from being deleted",
    ("press-play", "non_fast_forward"): "keeps history from being rewritten",
    ("press-play", "pull_request"): "requires a pull request",
    ("press-play", "required_status_checks"): "requires the check",
    ("press-play-people", "update"): "restricts updates of main to people",
    ("press-play-orders", "creation"): "an agent may create them",
    ("press-play-orders", "update"): "an agent may overwrite them",
    ("press-play-orders", "deletion"): "an agent may delete them",
}


@pytest.mark.rule("R5")
def test_each_documented_rule_is_looked_for(github_world):
    rulesets = documented(github_world.access.app_id_of_harness())
    assert set(SINGLE) == {(one["name"], rule["type"]) for one in rulesets for rule in one["rules"]}


@pytest.mark.rule("R5")
@pytest.mark.parametrize(("name", "rule"), SINGLE)
def test_each_single_rule_that_is_taken_out_is_missed(github_world, name, rule):
    rulesets = documented(github_world.access.app_id_of_harness())
    for ruleset in rulesets:
        if ruleset["name"] == name:
            ruleset["rules"] = [one for one in ruleset["rules"] if one["type"] != rule]
    install(github_world, rulesets)
    (message,) = weak(github_world)
    assert SINGLE[name, rule] in message


def queued(rulesets, **parameters):
    return changed(rulesets, "press-play", lambda ruleset: ruleset["rules"].append(rule(**parameters)))


@pytest.mark.rule("R5")
@pytest.mark.parametrize(("strategy", "messages"), [("ALLGREEN", 0), ("HEADGREEN", 1)])
def test_a_merge_queue_is_no_weakness_unless_it_merges_what_failed(github_world, strategy, messages):
    rulesets = documented(github_world.access.app_id_of_harness())
    install(github_world, queued(rulesets, grouping_strategy=strategy))
    assert len(weak(github_world)) == messages


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("slug", "with_queue", "admitted"),
    [("github-merge-queue", True, True), ("github-merge-queue", False, False), ("other-queue", True, False)],
)
def test_only_githubs_own_queue_may_bypass_what_is_for_people(github_world, slug, with_queue, admitted):
    """As an App that is shown the bypass lists sees it."""
    app = github_world.forge.create_app(slug, slug, {"contents": "write"}).id
    github_world.forge.create_app("press-play", "Press-Play", {**HARNESS, "administration": "write"})
    rulesets = documented(github_world.access.app_id_of_harness())
    rulesets = queued(rulesets) if with_queue else rulesets
    people = {"actor_type": "Integration", "actor_id": app, "bypass_mode": "always"}
    rulesets = changed(rulesets, "press-play-people", lambda ruleset: ruleset["bypass_actors"].append(people))
    install(github_world, rulesets)
    gh = github_world.client("press-play", administration="write")
    found = rules.weaknesses(wanted(github_world), rules.seen(gh, REPO, "main"), {})
    assert [f"the App number {app} may bypass" in weakness.message for weakness in found] == [True] * (not admitted)


def changed(rulesets, name, change):
    made = copy.deepcopy(rulesets)
    change(next(ruleset for ruleset in made if ruleset["name"] == name))
    return made


def reviews(ruleset):
    return next(rule for rule in ruleset["rules"] if rule["type"] == "pull_request")["parameters"]


def checks(ruleset):
    parameters = next(rule for rule in ruleset["rules"] if rule["type"] == "required_status_checks")["parameters"]
    return parameters["required_status_checks"][0]


def bypass(ruleset, app, mode="always"):
    ruleset["bypass_actors"] = [{"actor_type": "Integration", "actor_id": app, "bypass_mode": mode}]


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("press-play", lambda r: reviews(r).update(required_approving_review_count=0), "requires an approval"),
        ("press-play", lambda r: reviews(r).update(dismiss_stale_reviews_on_push=False), "keeps approvals"),
        ("press-play", lambda r: checks(r).pop("integration_id"), "from others than the App press-play"),
        ("press-play", lambda r: checks(r).update(integration_id=2), "from others than the App press-play"),
        ("press-play", lambda r: checks(r).update(context="ci"), "requires the check press-play/acceptance"),
        ("press-play", lambda r: bypass(r, 1), "the App press-play may bypass the ruleset on main"),
        ("press-play", lambda r: bypass(r, 2, "pull_request"), "the App rex may bypass the ruleset on main"),
        ("press-play-people", lambda r: bypass(r, 3), "the App qa may bypass the ruleset on main"),
        ("press-play-people", lambda r: r.update(enforcement="evaluate"), "restricts updates of main to people"),
        ("press-play-orders", lambda r: r.update(enforcement="evaluate"), "create, overwrite, delete them"),
        (
            "press-play-orders",
            lambda r: r["conditions"]["ref_name"].update(include=["refs/heads/press-play/**"]),
            "create, overwrite, delete them",
        ),
        ("press-play-orders", lambda r: bypass(r, 1, "pull_request"), "can't write them itself"),
        ("press-play-orders", lambda r: r.update(bypass_actors=[]), "can't write them itself"),
        (
            "press-play-orders",
            lambda r: r["bypass_actors"].append({"actor_type": "Integration", "actor_id": 2, "bypass_mode": "always"}),
            "the App rex may bypass the ruleset on the branches press-play/**/*",
        ),
    ],
)
def test_what_is_weaker_than_documented_is_named(github_world, name, change, message):
    numbers = {slug: app.id for slug, app in github_world.apps.items()}
    assert numbers == {"press-play": 1, "rex": 2, "qa": 3}
    install(github_world, changed(documented(1), name, change))
    (found,) = weak(github_world)
    assert message in found


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    "change",
    [
        lambda r: reviews(r).update(require_last_push_approval=True, required_approving_review_count=2),
        lambda r: reviews(r).update(require_code_owner_review=True, required_review_thread_resolution=True),
        lambda r: r["rules"][3]["parameters"].update(strict_required_status_checks_policy=True),
        lambda r: r["rules"][3]["parameters"]["required_status_checks"].append({"context": "ci"}),
        lambda r: r["rules"].append({"type": "required_linear_history"}),
    ],
)
def test_what_is_stricter_than_documented_is_not_weak(github_world, change):
    install(github_world, changed(documented(1), "press-play", change))
    assert weak(github_world) == []


@pytest.mark.rule("R5")
def test_what_github_does_not_tell_is_not_taken_as_never():
    untold = rules.Ruleset(frozenset({"update"}), bypass=None, actors=None)
    protection = rules.Protection((untold,), (), 0, dismisses_stale_reviews=False)
    assert protection.may_bypass
    assert not protection.stops("update")


@pytest.mark.rule("R5")
def test_only_the_harness_writes_orders_by_any_way(sealed):
    harness, rex = sealed.client("press-play"), sealed.client("rex")
    base = refs.head(harness, REPO, "main")
    other = sealed.branch("mine", {"evil.md": b"do as I say"})
    with pytest.raises(InputError, match="creations being restricted"):
        refs.commit_files(rex, REPO, BRANCH, {"f": b"x"}, "m", base)
    assert sealed.person().post("/git/refs", json={"ref": f"refs/heads/{BRANCH}", "sha": other}).status_code == 422
    first = refs.commit_files(harness, REPO, BRANCH, {"f": b"x"}, "m", base)
    with pytest.raises(InputError, match="Cannot update this protected ref"):
        refs.commit_files(rex, REPO, BRANCH, {"f": b"y"}, "m", base)
    with pytest.raises(InputError, match="Cannot update this protected ref"):
        call(rex, "PATCH", f"/repos/{REPO}/git/refs/heads/{BRANCH}", json={"sha": other, "force": True})
    with pytest.raises(InputError, match="Cannot delete this branch"):
        refs.delete_branch(rex, REPO, BRANCH)
    text = base64.b64encode(b"evil").decode()
    asked = {"message": "m", "content": text, "branch": BRANCH}
    put = sealed.person().put("/contents/evil.md", json=asked)
    assert (put.status_code, "protected ref" in put.text) == (409, True)
    into = call(rex, "POST", f"/repos/{REPO}/pulls", json={"title": "t", "head": "mine", "base": BRANCH})
    with pytest.raises(InputError, match="Cannot update this protected ref"):
        call(rex, "PUT", f"/repos/{REPO}/pulls/{into['number']}/merge", json={})
    out = call(rex, "POST", f"/repos/{REPO}/pulls", json={"title": "t", "head": BRANCH, "base": "mine"})
    with pytest.raises(InputError, match="Cannot update this protected ref"):
        call(rex, "PUT", f"/repos/{REPO}/pulls/{out['number']}/update-branch", json={})
    assert refs.head(harness, REPO, BRANCH) == first
    second = refs.commit_files(harness, REPO, BRANCH, {"f": b"y"}, "m", base)
    assert refs.head(harness, REPO, BRANCH) == second != first
    assert refs.delete_branch(harness, REPO, BRANCH)
    # The rules are of these branches alone.
    assert refs.delete_branch(rex, REPO, "mine")


@pytest.mark.rule("R5")
def test_git_pushes_no_orders_but_the_harnesss(sealed, tmp_path):
    server = sealed.forge.serve()
    mine, ours = (
        Git(server.url, sealed.access.token(app, REPO, {"contents": "write"})) for app in ("rex", "press-play")
    )
    tree = mine.clone(tmp_path / "clone")
    mine.commit(tree, "evil.md", "do as I say")
    refused = mine(tree, "push", "origin", f"HEAD:refs/heads/{BRANCH}", check=False)
    assert "creations being restricted" in refused.stderr
    mine(tree, "push", "--quiet", "origin", "HEAD:refs/heads/press-play-mine")
    ours(tree, "push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")
    mine.commit(tree, "evil.md", "and this")
    for push in (f"HEAD:refs/heads/{BRANCH}", f"+HEAD:refs/heads/{BRANCH}"):
        assert "Cannot update this protected ref" in mine(tree, "push", "origin", push, check=False).stderr
    assert "Cannot delete this branch" in mine(tree, "push", "origin", f":refs/heads/{BRANCH}", check=False).stderr
    ours(tree, "push", "--quiet", "origin", f":refs/heads/{BRANCH}")
    assert refs.find_head(sealed.client("rex"), REPO, BRANCH) is None
    server.close()
