"""The checkout's token: made beside the gate's volume, gone with it, renewed for a checkout that waited (R9)."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ledgers import PR, REPO, desk

from pressplay.errors import InputError
from pressplay.github.given import GivenToken, TokenSpent
from pressplay.steps import registry
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.gate_pods import gate_tokens

pytestmark = pytest.mark.rule("R9")
RUN = "gate-lint-0123456789ab"


class GitHub(SimpleNamespace):
    """Mints tokens that say which they are."""

    minted = 0

    def mint(self, app: str, repo: str, permissions: dict[str, str]) -> GivenToken:
        self.minted += 1
        return GivenToken(app, 1, f"{app}[bot]", repo, permissions, 3600.0, f"token-{self.minted}")

    def with_token(self, given: GivenToken) -> SimpleNamespace:
        return SimpleNamespace(given=given)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    made: Context = replace(desk(tmp_path), github=GitHub())  # type: ignore[arg-type]
    claim(made)
    return made


def claim(context: Context, **metadata: Any) -> None:
    named = {"name": RUN, "namespace": context.settings.namespace, "labels": {"press-play/pr": str(PR)}, **metadata}
    context.cluster.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": named, "spec": {}})


def hand_over(context: Context) -> None:
    gate_tokens.hand_over(context, subject(context), RUN, 0, gate_tokens.volume(context, RUN))


def subject(context: Context) -> Subject:
    return Subject.of({"repo": REPO, "pr": str(PR)}, context)


def secret(context: Context, count: int) -> dict[str, Any] | None:
    return context.cluster.get("Secret", context.settings.namespace, f"{RUN}-token-{count}")


def test_it_reads_one_repository_and_belongs_to_the_volume(context):
    hand_over(context)
    made = secret(context, 0)
    given = GivenToken.unpack(base64.b64decode(made["data"]["token"]))
    assert (given.app, given.repo) == (context.settings.github.harness_app, REPO)
    assert given.permissions == {"contents": "read", "pull_requests": "read"}
    volume = context.cluster.get("PersistentVolumeClaim", context.settings.namespace, RUN)
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("PersistentVolumeClaim", volume["metadata"]["uid"])
    assert (made["type"], made["immutable"], list(made["data"])) == ("Opaque", True, ["token"])
    context.cluster.delete("PersistentVolumeClaim", context.settings.namespace, RUN)
    assert secret(context, 0) is None


def test_of_a_gate_without_a_volume_it_belongs_to_the_workflow(context):
    run, workflow = "gate-changes-0123456789ab", {"name": "pull-request-1", "namespace": context.settings.namespace}
    context.cluster.create({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": workflow, "spec": {}})
    uid = context.cluster.get("Workflow", context.settings.namespace, "pull-request-1")["metadata"]["uid"]
    named = {"name": run, "number": "1", "owner": "workflow", "workflow": "pull-request-1", "uid": uid}
    registry.run("gate-token", {"repo": REPO, "pr": str(PR), **named}, context)
    made = context.cluster.get("Secret", context.settings.namespace, f"{run}-token-1")
    assert made["metadata"]["labels"]["press-play/gate-run"] == run
    context.cluster.delete("Workflow", context.settings.namespace, "pull-request-1")
    assert context.cluster.list("Secret", "") == []


@pytest.mark.rule("R3")
def test_made_again_it_stays_and_each_number_has_its_own(context):
    inputs = {"repo": REPO, "pr": str(PR), "name": RUN, "number": "1", "owner": "volume"}
    assert registry.run("gate-token", inputs, context) == {}
    before = secret(context, 1)
    registry.run("gate-token", inputs, context)
    assert secret(context, 1) == before
    registry.run("gate-token", {**inputs, "number": "2"}, context)
    assert secret(context, 2)["data"] != before["data"]


@pytest.mark.parametrize("gone", ["deleted", "being deleted"])
def test_without_the_volume_none_is_made(context, gone):
    context.cluster.delete("PersistentVolumeClaim", context.settings.namespace, RUN)
    if gone == "being deleted":
        claim(context, deletionTimestamp="2026-01-31T00:00:00Z")
    with pytest.raises(InputError, match="volume of this run of the gate is gone"):
        hand_over(context)
    assert context.github.minted == 0
    assert context.cluster.list("Secret", "") == []


@pytest.mark.parametrize(("number", "expected"), [("0", "spent"), ("1", "spent"), ("8", "spent"), ("9", "raises")])
@pytest.mark.parametrize("fault", ["gone", "expired"])
def test_a_spent_one_is_renewed_so_many_times_and_no_more(context, number, expected, fault):
    def work(_inputs: object, _context: Context) -> dict[str, str]:
        raise TokenSpent("it was good until noon")

    lines: list[str] = []
    given = gate_tokens.NEEDS and context.github.mint("press-play", REPO, gate_tokens.NEEDS).pack()
    reading = replace(context, mounted={"/github/token": given}.get if fault == "expired" else {}.get, say=lines.append)
    inputs = {"token": "/github/token", "number": number}
    if expected == "raises":
        with pytest.raises(TokenSpent):
            gate_tokens.reading(inputs, reading, work)
    else:
        assert gate_tokens.reading(inputs, reading, work) == {"state": "spent"}
        assert lines == [
            "it was good until noon" if fault == "expired" else "the token that was made for this step is gone"
        ]


def test_the_work_gets_the_token_and_no_way_to_a_key(context):
    given = context.github.mint("press-play", REPO, gate_tokens.NEEDS)
    reading = replace(context, mounted={"/github/token": given.pack()}.get)

    def work(_inputs: object, inside: Context) -> dict[str, str]:
        assert inside.github == SimpleNamespace(given=given)
        return {"plan": "x"}

    assert gate_tokens.reading({"token": "/github/token"}, reading, work) == {"plan": "x"}
