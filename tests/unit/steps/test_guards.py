"""Guards whose loosening a whole play does not notice: one table each."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pressplay.domain.entries import Entries, GateEntry
from pressplay.errors import InputError
from pressplay.settings import RepositoryDefaults
from pressplay.steps import registry
from pressplay.steps.core import manifests
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.review import approval

HEAD, OTHER = "a" * 40, "b" * 40


@pytest.mark.rule("R7")
@pytest.mark.parametrize(
    "value",
    ["fine\n", "fine and more", "fine{{=1+1}}", "{{workflow.uid}}", "a,b", "ü", 'say "it"', "a\x00", "$(id)"],
)
def test_an_output_with_anything_but_checked_letters_does_not_leave_a_step(value, monkeypatch):
    def step(_inputs: dict[str, str], _context: Context) -> dict[str, str]:
        return {"head": HEAD, "reason": value}

    monkeypatch.setitem(registry.LOADERS, "leaks", lambda: {"leaks": step})
    with pytest.raises(InputError, match="output reason: text that people wrote may not leave a step"):
        registry.run("leaks", {}, None)


@pytest.mark.rule("R7")
@pytest.mark.parametrize("value", ["", HEAD, "acme/shop", "a+b=", "https://x.test/a_b.c:1"])
def test_an_output_of_checked_letters_leaves_a_step(value, monkeypatch):
    monkeypatch.setitem(registry.LOADERS, "fine", lambda: {"fine": lambda _inputs, _context: {"value": value}})
    assert registry.run("fine", {}, None) == {"value": value}


@pytest.mark.rule("R3")
def test_a_step_gets_its_inputs_and_what_it_fails_with_is_noted(monkeypatch):
    noted, inputs, context = [], {"repo": "acme/shop"}, object()

    def fails(*given):
        assert given == (inputs, context)
        raise error

    error = InputError("no such task")
    monkeypatch.setitem(registry.LOADERS, "fails", lambda: {"fails": fails})
    monkeypatch.setattr(registry.faults, "note", lambda *given: noted.append(given))
    with pytest.raises(InputError, match="no such task"):
        registry.run("fails", inputs, context)
    assert noted == [(context, "fails", inputs, error)]


@pytest.mark.rule("R10")
def test_an_unknown_step_is_refused_with_those_that_there_are():
    with pytest.raises(
        InputError, match=r"no step is named 'nope': expected one of acceptance-deploy, .*, triage-rerun"
    ):
        registry.run("nope", {}, None)


@pytest.mark.rule("R7")
@pytest.mark.parametrize("text", ["{{workflow.uid}}", "{{{a}}}", "{{=1+1}} {{ nope", "{ {", "{{" * 5])
def test_a_packed_manifest_holds_nothing_that_argo_evaluates_and_unpacks_to_the_same(text):
    manifest: dict[str, Any] = {"kind": "CodeRun", "spec": {"env": {"TITLE": text, text: "x"}}}
    unpacked = base64.b64decode(manifests.packed(manifest)).decode()
    assert "{{" not in unpacked
    assert json.loads(unpacked) == manifest


def subject(**settings: Any) -> Subject:
    return Subject("acme/shop", RepositoryDefaults.model_validate(settings), 1, 1, "master", "", 1)


def verdicts(head: str = HEAD, **outcomes: str) -> Entries:
    entries = [
        GateEntry(gate=gate.replace("_", "-"), head=head, outcome=outcome, reason=f"{gate} says {outcome}")
        for gate, outcome in outcomes.items()
    ]
    return Entries({entry.key(): entry for entry in entries})


DEPLOYED = {"deploy": {"mode": "github-deployment", "environment": "preview"}}
ALL = dict.fromkeys(("lint", "test_only", "supply", "tests", "acceptance"), "pass")


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("settings", "entries", "lacking"),
    [
        (DEPLOYED, verdicts(**ALL), ""),
        (DEPLOYED, Entries(), "press-play/lint has not looked at this commit"),
        (DEPLOYED, verdicts(OTHER, **ALL), "press-play/lint has not looked at this commit"),
        (DEPLOYED, verdicts(**{**ALL, "lint": "fail"}), "press-play/lint: lint says fail"),
        (DEPLOYED, verdicts(**{**ALL, "lint": "error"}), "press-play/lint: lint says error"),
        (DEPLOYED, verdicts(lint="pass"), "press-play/test-only has not looked at this commit"),
        (DEPLOYED, verdicts(**{**ALL, "test_only": "fail"}), "press-play/test-only: test_only says fail"),
        (DEPLOYED, verdicts(lint="pass", test_only="pass"), "press-play/supply has not looked at this commit"),
        (DEPLOYED, verdicts(**{**ALL, "supply": "error"}), "press-play/supply: supply says error"),
        (
            DEPLOYED,
            verdicts(lint="pass", test_only="pass", supply="pass", tests="pass"),
            "press-play/acceptance has not looked at this commit",
        ),
        (DEPLOYED, verdicts(**{**ALL, "acceptance": "error"}), "press-play/acceptance: acceptance says error"),
        ({**DEPLOYED, "lint": {"enabled": False}}, verdicts(**{**ALL, "lint": "fail"}), ""),
        (
            {**DEPLOYED, "lint": {"enabled": False}, "supply": {"enabled": False}},
            verdicts(test_only="pass", tests="pass", acceptance="pass"),
            "",
        ),
        ({"deploy": {"mode": "none"}}, verdicts(test_only="pass"), "press-play/lint has not looked at this commit"),
        # Without a deployment nothing is ever approved, whatever else passed.
        ({"deploy": {"mode": "none"}}, verdicts(**ALL), "no deployment is set up"),
    ],
)
def test_a_commit_is_approved_where_each_gate_passed_that_very_commit(settings, entries, lacking):
    reason = approval.lacks(subject(**settings), entries, HEAD, deployed=True)
    assert (reason and lacking in reason.what) if lacking else reason is None
