"""Where a review stands, in which round it goes on, and why it is concluded as it is: one row a case."""

from __future__ import annotations

import pytest
from ledgers import HEAD, OTHER, PR, REPO, desk, ended, gate, numbered, pull, record, run

from pressplay.domain.entries import Stacked
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.github import pulls, refs
from pressplay.steps.core import approvals, consent, parking, stack, task_source
from pressplay.steps.core.context import Subject
from pressplay.steps.core.landing import Landing
from pressplay.steps.core.stack import Stack
from pressplay.steps.documents import task_documents
from pressplay.steps.review import approval, plans, pull_steps, rounds, scope, target
from pressplay.steps.runs import findings

INPUTS = {"repo": REPO, "pr": str(PR), "try": "1"}


def _words(reason: Reason | str) -> str:
    return reason if isinstance(reason, str) else reason.what


@pytest.fixture
def desk_of(tmp_path, monkeypatch):
    """Sets a pull request and its ledger down; `done` says what policies did beside answering."""

    def make(entries=None, *, obstacle=None, approved=False, lacking="", give="", **fields):
        context, done = desk(tmp_path), []
        record(context, "pr", PR, entries or {})
        monkeypatch.setattr(pulls, "pull", lambda *_: pull(**fields))
        held = target.Obstacle(obstacle, "go elsewhere") if obstacle else None
        monkeypatch.setattr(target, "obstacle", lambda *_: held)
        monkeypatch.setattr(approval, "take_up", lambda *_: approved)
        monkeypatch.setattr(plans, "probes_deployment", lambda *_: True)
        monkeypatch.setattr(approval, "lacks", lambda *_, deployed: Reason(what=lacking) if lacking else None)
        monkeypatch.setattr(
            approval, "give", lambda *_: done.append("approve") or (Reason(what=give) if give else None)
        )
        monkeypatch.setattr(approval, "void", lambda *_, whole: done.append(f"void whole={whole}"))
        monkeypatch.setattr(approval, "count", lambda *_: None)
        monkeypatch.setattr(approval, "say_that_it_waits", lambda *_: done.append("say that it waits"))
        monkeypatch.setattr(refs, "head", lambda *_: OTHER)
        monkeypatch.setattr(findings, "refused", lambda *_: "")
        monkeypatch.setattr(task_source, "link", lambda *_: None)
        monkeypatch.setattr(task_source, "ended", lambda *given: done.append(f"ended {given[2]}"))
        monkeypatch.setattr(
            parking, "park", lambda *given, **_: done.append(f"park: {getattr(given[3], 'what', given[3])}")
        )
        monkeypatch.setattr(consent, "ask_again", lambda *_: done.append("ask again"))
        monkeypatch.setattr(pull_steps, "hand_over", lambda *_: False)
        return context, done

    return make


# -- may it start ------------------------------------------------------------------------------------------------------


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    ("why", "fields", "facts", "state"),
    [
        ("asked", {}, {}, "go"),
        ("asked", {"state": "closed"}, {}, "closed"),
        ("asked", {"fork": True}, {}, "fork"),
        ("asked", {"fork": True, "state": "closed"}, {}, "closed"),
        ("asked", {}, {"documents": True}, "documents"),
        ("asked", {}, {"statuses": True}, "statuses"),
        # Who asks for it by name needs no label; what an event starts does.
        ("push", {}, {}, "unlabelled"),
        ("push", {}, {"in_scope": True}, "go"),
        ("push", {}, {"withdrawn": True}, "edited"),
        ("triage", {}, {}, "unlabelled"),
        ("comments", {}, {}, "go"),
    ],
)
def test_what_may_start(desk_of, monkeypatch, why, fields, facts, state):
    context, done = desk_of(**fields)
    monkeypatch.setattr(task_documents, "is_morgans", lambda *_: facts.get("documents", False))
    monkeypatch.setattr(task_documents, "is_of_statuses", lambda *_: facts.get("statuses", False))
    monkeypatch.setattr(scope, "in_scope", lambda *_: facts.get("in_scope", False))
    monkeypatch.setattr(scope, "is_withdrawn", lambda *_: facts.get("withdrawn", False))
    given = pull_steps.accept({**INPUTS, "why": why}, context)
    assert given["state"] == state
    # Asked again is only who edited what was asked for.
    assert done == (["ask again"] if state == "edited" else [])


@pytest.mark.rule("R10")
def test_an_unknown_reason_to_start_is_refused():
    with pytest.raises(InputError, match=r"parameter why: expected one of asked, push, .*, got 'because'"):
        pull_steps.why_of({"why": "because"})


# -- where does it stand -----------------------------------------------------------------------------------------------

PARKED = {"reason": "r", "head": HEAD, "ended": 1, "try": 1, "stopped": False}
DIRTY = {"mergeable_state": "dirty"}
ANSWERED = numbered(ended("comments", "done", cause="c0ffee"))


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("given", "setting", "entries", "state", "agent"),
    [
        ({}, {}, {}, "review", "none"),
        ({}, {"merged": True, "state": "closed"}, {}, "merged", "none"),
        ({}, {"state": "closed"}, {}, "closed", "none"),
        ({}, {"fork": True}, {}, "refused", "none"),
        ({}, {"approved": True}, {}, "approved", "none"),
        ({}, {"obstacle": "another leads it there"}, {}, "parked", "none"),
        ({}, {"obstacle": "another leads it there", "approved": True}, {}, "parked", "none"),
        # A person who asks goes on; a push must have brought a commit.
        ({"why": "push"}, {}, {"parked-1": PARKED}, "parked", "none"),
        ({"why": "push"}, {"head_sha": OTHER}, {"parked-1": PARKED}, "review", "none"),
        ({"why": "push", "try": "2"}, {}, {"parked-1": PARKED}, "review", "none"),
        ({}, {}, {"parked-1": PARKED}, "review", "none"),
        ({}, {}, {"parked-1": {**PARKED, "stopped": True}}, "stopped", "none"),
        ({}, {"head_sha": OTHER}, {"parked-1": {**PARKED, "stopped": True}}, "stopped", "none"),
        ({"why": "comments", "cause": "c0ffee"}, {}, {}, "ask", "rex"),
        ({"why": "comments", "cause": "c0ffee"}, {"approved": True}, {}, "ask", "rex"),
        ({"why": "comments", "cause": "c0ffee"}, {}, ANSWERED, "review", "none"),
        ({"why": "comments", "cause": "beef"}, {}, ANSWERED, "ask", "rex"),
        (
            {"why": "comments", "cause": "c0ffee"},
            {},
            numbered(ended("comments", "failed", cause="c0ffee")),
            "ask",
            "rex",
        ),
        ({"why": "triage", "cause": "check-1"}, {}, {}, "ask", "triage"),
        ({"why": "triage", "cause": "check-1"}, {}, {"triage-1": {"head": HEAD}}, "ask", "triage"),
        # The check failed on a commit that is the head no more.
        ({"why": "triage", "cause": "check-1"}, {}, {"triage-1": {"head": OTHER}}, "review", "none"),
        # A conflict comes before the review, and before an approval that leads nowhere.
        ({}, DIRTY, {}, "ask", "rex"),
        ({"why": "push"}, DIRTY, {}, "ask", "rex"),
        ({"why": "push"}, {**DIRTY, "approved": True}, {}, "ask", "rex"),
        ({"why": "push"}, {"mergeable_state": "unknown", "approved": True}, {}, "approved", "none"),
        ({"why": "push"}, {"mergeable_state": "behind", "approved": True}, {}, "approved", "none"),
        # What comments and a failing check ask for comes first, and what was done is reviewed before anything else.
        ({"why": "comments", "cause": "c0ffee"}, DIRTY, {}, "ask", "rex"),
        ({"why": "triage", "cause": "check-1"}, DIRTY, {}, "ask", "triage"),
        ({"why": "review"}, DIRTY, {}, "review", "none"),
        ({"why": "review"}, {**DIRTY, "approved": True}, {}, "approved", "none"),
        # Nobody's, or a person's.
        ({"why": "push"}, {**DIRTY, "fork": True}, {}, "refused", "none"),
        ({"why": "push"}, {**DIRTY, "state": "closed"}, {}, "closed", "none"),
        ({"why": "push"}, {**DIRTY, "obstacle": "another leads it there"}, {}, "parked", "none"),
        ({"why": "push"}, DIRTY, {"parked-1": PARKED}, "parked", "none"),
        ({"why": "push"}, DIRTY, {"parked-1": {**PARKED, "stopped": True}}, "stopped", "none"),
        ({"why": "push", "try": "2"}, DIRTY, {"parked-1": PARKED}, "ask", "rex"),
    ],
)
def test_where_it_stands(desk_of, given, setting, entries, state, agent):
    for key in [key for key in entries if key.startswith("triage-")]:
        entries = {**entries, key: {**TRIAGED, **entries[key]}}
    context, done = desk_of(entries, **setting)
    result = pull_steps.look({**INPUTS, **given}, context)
    assert (result["state"], result["agent"], result["head"]) == (state, agent, setting.get("head_sha", HEAD))
    # An approval of what is looked at anew is void, and all of it where the commit may land elsewhere.
    void = [line for line in done if line.startswith("void")]
    held = "obstacle" in setting
    assert void == ([f"void whole={held}"] if held or state in ("ask", "review") else [])
    waits = state == "ask" and setting.get("approved", False) and result["role"] == "conflict"
    assert ("say that it waits" in done) == waits


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("landed", "lacks", "held", "setting", "given", "state", "role"),
    [
        # Until what it was begun on has landed, a proven one waits, and a conflict is not its own to resolve.
        (False, False, True, {"approved": True}, {"why": "push"}, "approved", "none"),
        (False, False, True, {"approved": True, **DIRTY}, {"why": "push"}, "approved", "none"),
        (False, False, False, DIRTY, {"why": "push"}, "review", "none"),
        # Then its approval follows, after the base was taken in where that is needed.
        (True, False, True, {"approved": True}, {"why": "push"}, "conclude", "none"),
        (True, False, True, {"approved": True, **DIRTY}, {"why": "push"}, "ask", "conflict"),
        (True, True, True, {"approved": True}, {"why": "push"}, "ask", "conflict"),
        (True, True, False, {}, {"why": "push"}, "ask", "conflict"),
        (True, False, False, {"approved": True}, {"why": "push"}, "approved", "none"),
        # Parked, and a person's retry: it is proven still.
        (False, False, True, {}, {"why": "asked"}, "conclude", "none"),
        (False, False, False, {}, {"why": "asked"}, "review", "none"),
        (False, False, True, {"lacking": "no proof"}, {"why": "asked"}, "review", "none"),
    ],
)
def test_where_one_stands_that_was_begun_on_another(
    desk_of, monkeypatch, landed, lacks, held, setting, given, state, role
):
    on = Stacked(try_=1, task=1, pr=7, head=OTHER, held=HEAD if held else "")
    landing_ = Landing(7, "main", "c" * 40, "ann", "") if landed else None
    monkeypatch.setattr(stack, "of", lambda *_: Stack(on, landing_, OTHER, ""))
    monkeypatch.setattr(Stack, "lacks_base", lambda *_: lacks)
    monkeypatch.setattr(approvals, "is_held", lambda *_: held)
    context, done = desk_of(numbered(ended("test", "pass")), **setting)
    result = pull_steps.look({**INPUTS, **given}, context)
    assert (result["state"], result["role"]) == (state, role)
    # A held check stays as it is: green, it would let people merge.
    assert "say that it waits" not in done


@pytest.mark.rule("R1")
def test_one_run_for_each_pair_of_commits_in_conflict(desk_of):
    context, _ = desk_of(**DIRTY)
    result = pull_steps.look(INPUTS, context)
    assert (result["role"], result["cause"]) == ("conflict", f"{OTHER}-into-{HEAD}")
    result = pull_steps.look({**INPUTS, "why": "comments", "cause": "c0ffee"}, context)
    assert (result["role"], result["cause"]) == ("comments", "c0ffee")


TRIAGED = {
    "class": "real", "reason": "r", "plan": "repair", "done": False, "rerun": False, "check": "c", "cause": "check-1",
    "run": 0, "attempt": 0, "ended": "1", "try": 1, "at": 1,
}  # fmt: skip


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], 1),
        ([ended("lint", "done"), ended("test", "changes")], 1),
        ([ended("fix", "done")], 2),
        ([ended("fix", "nothing")], 1),
        ([ended("fix", "done"), ended("lint", "done", round=2)], 2),
        ([ended("fix", "done"), ended("fix", "done", round=2)], 3),
        ([ended("fix", "done", **{"try": 2})], 1),
        # An ask begins anew: rounds before it count no more.
        ([ended("fix", "done", round=2), ended("comments", "done", started=200)], 1),
        ([ended("fix", "done", round=2), ended("comments", "done", started=50)], 3),
        ([ended("comments", "done", started=200), ended("fix", "done", started=200)], 2),
        # What was refused at a limit never began; it ended when it was refused.
        ([{**ended("fix", "parked", round=2, ended=300), "started": None}], 2),
    ],
)
def test_the_next_round(tmp_path, entries, expected):
    context = desk(tmp_path)
    record(context, "pr", PR, numbered(*({k: v for k, v in item.items() if v is not None} for item in entries)))
    subject = Subject.of(INPUTS, context)
    assert rounds.next_round(context.ledger(REPO).entries("pr", PR), subject) == expected


# -- how does it end ---------------------------------------------------------------------------------------------------

PASS = ended("test", "pass")


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("entries", "setting", "outcome", "reason"),
    [
        ([PASS], {}, "approved", ""),
        ([PASS], {"merged": True, "state": "closed"}, "merged", ""),
        ([PASS], {"state": "closed"}, "closed", ""),
        ([PASS], {"lacking": "press-play/lint: it fails"}, "parked", "press-play/lint: it fails"),
        ([PASS], {"obstacle": "another leads it there"}, "parked", "another leads it there"),
        ([PASS], {"give": "the head moved"}, "parked", "the head moved"),
        ([], {}, "parked", "no agent has looked at it"),
        ([ended("test", "changes")], {}, "parked", "rex ended with changes"),
        ([run("test")], {}, "parked", "rex ended with"),
        # A pass of a commit that is the head no more is none.
        ([PASS], {"head_sha": OTHER}, "superseded", ""),
        ([ended("fix", "superseded", new_head=OTHER)], {}, "superseded", ""),
        ([ended("fix", "done", new_head=OTHER)], {}, "superseded", ""),
        ([ended("fix", "failed", new_head=OTHER, reason="it crashed")], {}, "parked", "rex: it crashed"),
        # QA thought better of it.
        ([PASS, ended("test", "changes", ended=200)], {}, "parked", "rex ended with changes"),
        ([ended("test", "changes"), ended("test", "pass", ended=200)], {}, "approved", ""),
        ([ended("test", "changes", round=1), ended("test", "pass", round=2)], {}, "approved", ""),
        ([ended("test", "changes", attempt=0), ended("test", "pass", attempt=1)], {}, "approved", ""),
        # What was asked for last came to nothing: what passed before that is not what people want.
        ([PASS, ended("comments", "failed", ended=200, reason="it crashed")], {}, "parked", "rex: it crashed"),
        ([PASS, ended("triage", "timeout", ended=200, reason="too slow")], {}, "parked", "rex: too slow"),
        ([PASS, ended("fix", "failed", ended=200, reason="it crashed")], {}, "approved", ""),
        ([PASS, ended("comments", "nothing", ended=200)], {}, "approved", ""),
        # Others told the last run what to do.
        ([PASS, ended("lint", "failed", ended=200, moved=True, reason="moved")], {}, "parked", "rex: moved"),
        ([ended("fix", "nothing")], {}, "parked", "round 1 changed nothing though QA wants changes"),
        ([ended("comments", "nothing")], {}, "parked", "round 1 changed nothing though reviewers do"),
        ([ended("triage", "nothing")], {}, "parked", "round 1 changed nothing though a check fails"),
    ],
)
def test_how_it_is_concluded(desk_of, entries, setting, outcome, reason):
    context, done = desk_of(numbered(*entries), **setting)
    result = pull_steps.conclude(INPUTS, context)
    assert result["outcome"] == outcome
    parked = [line.removeprefix("park: ") for line in done if line.startswith("park")]
    assert parked == [] if not reason else (len(parked) == 1 and reason in parked[0])
    gives = outcome == "approved" or "give" in setting
    assert ("approve" in done) is gives
    assert [line for line in done if line.startswith("ended")] == (
        [f"ended {outcome}"] if outcome in ("approved", "parked") else []
    )


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("last", "verdicts", "reason"),
    [
        (ended("fix", "nothing"), gate("lint", "fail"), "press-play/lint: lint says fail"),
        (ended("fix", "nothing"), gate("test-only", "error"), "press-play/test-only: test-only says error"),
        (ended("fix", "nothing"), gate("lint", "pass"), "though QA wants changes"),
        (ended("fix", "nothing"), gate("acceptance", "fail"), "though the probes do not hold"),
        (ended("fix", "nothing"), gate("acceptance", "fail", OTHER), "though QA wants changes"),
        (ended("test", "changes"), gate("lint", "fail"), "press-play/lint: lint says fail"),
        (ended("test", "changes"), gate("lint", "fail", OTHER), "rex ended with changes"),
        (ended("comments", "nothing"), gate("lint", "fail"), "though reviewers do"),
    ],
)
def test_the_reason_is_what_a_gate_said_of_this_commit_where_one_did(desk_of, last, verdicts, reason):
    context, done = desk_of({**numbered(last), **verdicts})
    assert pull_steps.conclude(INPUTS, context)["outcome"] == "parked"
    assert any(reason in line for line in done if line.startswith("park")), done


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("entries", "outcome"),
    [
        # Words alone leave the parking, for the reason that it has; a new commit is looked at.
        ({**numbered(ended("comments", "nothing")), "parked-1": PARKED}, "parked"),
        ({**numbered(PASS), "parked-1": {**PARKED, "stopped": True}}, "stopped"),
    ],
)
def test_what_is_parked_or_stopped_gets_no_second_reason(desk_of, entries, outcome):
    context, done = desk_of(entries)
    assert pull_steps.conclude(INPUTS, context)["outcome"] == outcome
    assert done == []
