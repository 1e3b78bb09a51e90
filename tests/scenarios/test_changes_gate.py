"""Who reads a change holds no key, and who posts the verdict reads none of it."""

from __future__ import annotations

from typing import Any

import pytest
from conflicts import conflicting
from harness import REPO
from team import Team, played, writes

from pressplay.cluster import waits
from pressplay.cluster.port import Forbidden
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.domain import accounts
from pressplay.errors import InputError
from pressplay.gates.acceptance import probe_plan
from pressplay.github import checks
from pressplay.github.calls import GitHubRefused
from pressplay.github.clone import Clone
from pressplay.steps import registry
from pressplay.steps.gate_pods import gate_runs, gate_tokens
from pressplay.steps.review import change_steps

pytestmark = pytest.mark.rule("R6")


def templates(result: Any) -> list[str]:
    """The template of each pod of the play, in no order."""
    workflows = result.made.sandbox.cluster.list("Workflow", "press-play")
    return [node["templateName"] for made in workflows for node in waits.nodes(made).values() if node["type"] == "Pod"]


@pytest.mark.rule("R9")
def test_who_reads_the_change_has_a_token_that_reads_and_no_key(tmp_path, monkeypatch):
    read, inside = change_steps._read, list[str]()

    def spy(inputs: dict[str, str], limited: Any) -> Any:
        for permissions in ({"checks": "write"}, {"contents": "write"}, {"issues": "read"}):
            with pytest.raises(InputError, match="this step has no key"):
                limited.harness(REPO, **permissions)
        for app in ("press-play", "qa-agent"):
            with pytest.raises(Forbidden):
                limited.cluster.get("Secret", "press-play", f"github-app-{app}")
        gh = limited.harness(REPO, contents="read")
        with pytest.raises(GitHubRefused, match="403"):
            checks.set_check(
                gh, REPO, "press-play/acceptance", inputs["head"], conclusion="success", title="x", summary="x",
                details_url="", external_id="",
            )  # fmt: skip
        inside.append(inputs["head"])
        return read(inputs, limited)

    monkeypatch.setattr(change_steps, "_read", spy)
    result = played(tmp_path, Team(does={"implement": writes("requirements.txt", "left-pad==1.0\n")}))
    assert result.state == "approved", result.reason
    assert inside == [result.head]
    assert "pypi left-pad ==1.0" in result.check("supply")["output"]["text"]


@pytest.mark.rule("R9")
def test_no_step_with_a_key_gives_a_commit_to_git_or_parses_a_plan(tmp_path, monkeypatch):
    """A conflict resolved by a run, plans of commands, and merges with a base that moved on."""
    running, readers = list[str](), set[str]()
    run, fetch, parse = registry.run, Clone.fetch, probe_plan.read

    def spy(name: str, *given: Any) -> Any:
        running.append(name)
        try:
            return run(name, *given)
        finally:
            running.pop()

    def reads(read: Any) -> Any:
        def noted(*given: Any) -> Any:
            if running:
                readers.add(running[-1])
            return read(*given)

        return noted

    monkeypatch.setattr(registry, "run", spy)
    monkeypatch.setattr(Clone, "fetch", reads(fetch))
    monkeypatch.setattr(probe_plan, "read", reads(parse))
    summary = conflicting(tmp_path, merge=True).made.go_on()
    assert summary.state == "merged"
    assert {"gate-merge-read", "gate-changes-read"} <= readers
    assert {accounts.of_step(step).name for step in readers} == {"reader"}


@pytest.mark.rule("R9")
def test_who_posts_reads_nothing_of_the_commit(tmp_path, monkeypatch):
    post, calls = change_steps.verdict, list[str]()

    def spy(inputs: dict[str, str], context: Any) -> Any:
        def refused(*_: Any) -> Any:
            raise AssertionError("the step that posts cloned something")

        with monkeypatch.context() as patch:
            patch.setattr(Clone, "fetch", refused)
            request = type(context.github).installation

            def noted(self: Any, app: str, repo: str, permissions: dict[str, str]) -> Any:
                calls.append(" ".join(sorted(permissions)))
                return request(self, app, repo, permissions)

            patch.setattr(type(context.github), "installation", noted)
            return post(inputs, context)

    monkeypatch.setattr(change_steps, "verdict", spy)
    result = played(tmp_path, Team(does={"implement": writes("requirements.txt", "left-pad==1.0\n")}))
    assert result.state == "approved", result.reason
    assert calls
    assert all("contents" not in call for call in calls), calls


@pytest.mark.rule("R3")
def test_a_token_that_went_with_its_process_is_made_again(tmp_path, monkeypatch):
    create = SqliteCluster.create

    def forgetful(self: SqliteCluster, manifest: dict[str, Any]) -> bool:
        name = manifest["metadata"]["name"]
        return (name.startswith("gate-changes-") and name.endswith("-token-0")) or create(self, manifest)

    monkeypatch.setattr(SqliteCluster, "create", forgetful)
    result = played(tmp_path, Team())
    assert result.state == "approved", result.reason
    ran = templates(result)
    assert (ran.count("gate-changes-read"), ran.count("gate-token")) == (2, 1)


@pytest.mark.rule("R3")
def test_tokens_that_never_last_end_with_a_reason(tmp_path, monkeypatch):
    create = SqliteCluster.create
    monkeypatch.setattr(
        SqliteCluster,
        "create",
        lambda self, manifest: manifest["metadata"]["name"].startswith("gate-changes-") or create(self, manifest),
    )
    result = played(tmp_path, Team())
    assert result.state == "parked"
    assert result.reason.startswith("press-play/test-only: the change can't be read")
    assert "the token that was made for this step is gone" in result.summary.tasks[0].why.line()
    result.assert_not_approved()
    assert templates(result).count("gate-changes-read") == gate_tokens.MOST


@pytest.mark.rule("R3")
def test_a_step_that_reads_and_never_comes_back_is_given_up(tmp_path, monkeypatch):
    def lost(_inputs: Any, _context: Any) -> Any:
        raise RuntimeError("the parser died")

    monkeypatch.setattr(change_steps, "_read", lost)
    result = played(tmp_path, Team())
    assert result.state == "parked"
    assert result.reason == "press-play/test-only: the gate could not be carried out; see its Workflow"
    result.assert_not_approved()


def test_qas_commit_is_linted_and_tested_while_it_is_read(tmp_path):
    """Neither waits for the other: both are steps of one group."""
    result = played(tmp_path, Team())
    for made in result.made.sandbox.cluster.list("Workflow", "press-play"):
        nodes = waits.nodes(made)
        groups = [
            {str(nodes[child]["displayName"]) for child in node.get("children", [])}
            for node in nodes.values()
            if node["type"] == "StepGroup"
        ]
        if {"gate", "lint-gate", "tests-gate"} in groups:
            return
    raise AssertionError("no group has all three")


@pytest.mark.rule("R1")
@pytest.mark.rule("R4")
def test_a_gate_that_can_not_be_begun_ends_with_its_reason_and_costs_no_second_run(tmp_path, monkeypatch):
    """The run before it has ended well: neither a repeat of the step nor another attempt may run the agent again."""

    def refused(*_given: Any) -> str:
        raise InputError("persistentvolumeclaims is forbidden: exceeded quota")

    monkeypatch.setattr(gate_runs, "begin", refused)
    result = played(tmp_path, Team())
    assert "persistentvolumeclaims is forbidden: exceeded quota" in result.summary.tasks[0].why.line()
    assert [start.split()[2] for start in result.made.starts()] == ["implement", "lint"]
    assert not result.can_be_merged()
