"""Which try a press is, which tasks it plays, and what it says of those that it leaves out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ledgers import HEAD, PR, REPO, desk, record

from pressplay import names
from pressplay.backlog import workflow
from pressplay.errors import InputError
from pressplay.github import refs
from pressplay.settings import RepositoryDefaults
from pressplay.steps.core import landing, provable
from pressplay.steps.core.context import Subject
from pressplay.steps.documents import task_documents
from pressplay.steps.play import plan_steps, presses, protection, report
from pressplay.steps.play.presses import OpenPull
from pressplay.steps.runs import requirements

STEM = names.play(REPO, "master", 1).removesuffix("-1")


def task(number: int, *dependencies: int, status: str = "pending") -> dict:
    text = {"title": f"Task {number}", "description": "d"}
    return {"id": number, "status": status, "dependencies": list(dependencies), **text}


@pytest.fixture
def pressed(tmp_path, monkeypatch):
    """Press play on three tasks in a row; what the step put out, what it said, and what it made."""

    nodes = [
        {
            "templateRef": {"template": "start-task"},
            "arguments": {"parameters": [{"name": "task", "value": str(number)}]},
        }
        for number in (1, 2, 3)
    ]
    templates = [{"name": "play", "dag": {"tasks": nodes}}]

    def press(
        entries=(),
        *,
        done=None,
        undone=None,
        plays=(),
        opened=(),
        backlog=None,
        values=None,
        others=None,
        state=None,
        **inputs,
    ):
        lines: list[str] = []
        context = desk(tmp_path, repositories={REPO: RepositoryDefaults.model_validate(values or {})})
        context = replace(context, say=lines.append)
        for kind, number, given in entries:
            record(context, kind, number, given)
        for kind, number, phase in plays:
            labels = {"press-play/flow": "play", "press-play/repo": names.repo_key(REPO)}
            labels["press-play/play"] = name = f"{STEM}-{number}"
            metadata = {"name": name, "namespace": "press-play", "labels": labels}
            if kind == "WorkflowTemplate" and phase != "interrupted":
                metadata["annotations"] = {presses.STARTED: "2026-01-01T00:00:00Z"}
            made = {"apiVersion": workflow.API_VERSION, "kind": kind, "metadata": metadata}
            context.cluster.create({**made, "spec": {"templates": templates}})
            if phase and kind == "Workflow":
                context.cluster.set_status(kind, "press-play", name, {"phase": phase})
        listed = backlog or [task(1), task(2, 1), task(3, 2)]
        files = {".taskmaster/tasks/tasks.json": json.dumps({"master": {"tasks": listed}, **(others or {})}).encode()}
        if state is not None:
            files[".taskmaster/state.json"] = json.dumps(state).encode()
        monkeypatch.setattr(presses, "open_pulls", lambda *_: list(opened))
        monkeypatch.setattr(protection, "demand", lambda *_: None)
        monkeypatch.setattr(provable, "demand", lambda *_: [])
        monkeypatch.setattr(requirements, "check", lambda *_: None)
        monkeypatch.setattr("pressplay.steps.core.backlog_file.contents.read_file", lambda *at: files.get(at[2]))
        monkeypatch.setattr(landing, "of_backlog", lambda *_: landing.Landings(done or {}, undone or {}))
        monkeypatch.setattr(task_documents, "lacking", lambda *_: [])
        monkeypatch.setattr(refs, "head", lambda *_: "a" * 40)
        monkeypatch.setattr("pressplay.steps.core.backlog_file.contents.default_branch", lambda *_: "main")
        result = plan_steps.plan({"repo": REPO, "mode": "show", **inputs}, context)
        return result, "\n".join(lines), context

    return press


VERDICT = {"outcome": "failed", "reason": "r", "pr": None, "head": None, "link": "", "ended": 1}
LANDED = {"role": "implement", "agent": "rex", "round": 1, "cause": "", "attempt": 0, "try": 5, "started": 1}


@pytest.mark.rule("R1")
@pytest.mark.parametrize(
    ("entries", "plays", "number"),
    [
        ((), (), 1),
        ((), [("Workflow", 1, "Succeeded")], 2),
        ((), [("WorkflowTemplate", 4, None)], 5),
        # People delete plays, and retry by hand: neither makes a press an old try.
        ([("task", 1, {"verdict-3": VERDICT})], (), 4),
        ([("task", 2, {"run-00000000000a": LANDED})], (), 6),
        ([("pr", PR, {"task": {"task": 3, "tag": "master"}, "try": {"try": 8, "command": "retry"}})], (), 9),
        ([("task", 1, {"verdict-3": VERDICT})], [("Workflow", 1, "Failed")], 4),
        # What a ledger holds of tasks that are not played does not count.
        ([("task", 9, {"verdict-3": VERDICT})], (), 1),
        ([("pr", PR, {"task": {"task": 9, "tag": "master"}, "try": {"try": 8, "command": "retry"}})], (), 1),
    ],
)
def test_the_number_of_a_press_is_above_all_that_was_tried(pressed, entries, plays, number):
    result, _said, _context = pressed(entries, plays=plays)
    assert result["play"] == f"{STEM}-{number}"


@pytest.mark.rule("FR7")
@pytest.mark.parametrize(
    ("done", "only", "backlog", "count", "ready", "words"),
    [
        ({}, "", None, "3", "1", "in this order: 1, 2, 3; at once: 1;"),
        (
            {"1": 4},
            "",
            None,
            "2",
            "1",
            "merged their pull requests: 1 (#4). To play one anyway: -p tasks=1",
        ),
        ({"1": 4}, "1", None, "1", "1", "played again, because they were asked for by name: 1 (#4)"),
        ({"1": 4}, "2", None, "1", "1", "people merged their pull requests: 1 (#4)"),
        ({}, "", [task(1, status="done"), task(2, 1)], "1", "1", "taken as done, by their status in tasks.json: 1"),
    ],
)
def test_what_is_played_and_what_is_taken_as_done(pressed, done, only, backlog, count, ready, words):
    result, lines, _context = pressed(done=done, backlog=backlog, tasks=only)
    assert (result["tasks"], result["ready"], result["started"]) == (count, ready, "false")
    assert words in lines


@pytest.mark.rule("FR7")
def test_the_block_comes_first_and_taskmasters_current_tag_is_played(pressed):
    later = {"later": {"tasks": [task(7)]}}
    result, lines, context = pressed(others=later, state={"currentTag": "later"})
    # Its report is of that tag, too: two tags do not write over one another.
    assert result["report"] == names.play_report(REPO, "later")
    assert ", tag later, mode=show" in context.cluster.get("ConfigMap", "press-play", result["report"])["data"]["show"]
    assert [line.split()[0] for line in lines.splitlines()[:5]] == ["repository", "branch", "commit", "backlog", "tag"]
    assert "tag         later " in lines
    assert f"in this order: {names.task_number(7, 'later')};" in lines
    # What is chosen counts before that.
    result, _lines, _context = pressed(others=later, state={"currentTag": "later"}, tag="master")
    assert result["tasks"] == "3"
    result, _lines, _context = pressed(others=later, state={"currentTag": "later"}, values={"tag": "master"})
    assert result["tasks"] == "3"


@pytest.mark.rule("R7")
def test_the_block_has_no_text_that_people_wrote(pressed):
    odd = {"state": {"currentTag": "{{workflow.uid}}"}, "values": {"defaultBranch": "{{x}}"}}
    _result, lines, _context = pressed(**odd)
    assert "{{" not in lines
    assert "a branch with an unusual name" in lines
    assert "Taskmaster's current tag is not in the file" in lines
    with pytest.raises(InputError, match="expected only letters, digits"):
        pressed(others={"{{x}}": {"tasks": []}}, state={"currentTag": "{{x}}"})


@pytest.mark.rule("FR7")
def test_nothing_left_names_other_tags_with_work(pressed):
    result, lines, _context = pressed(
        backlog=[task(1, status="done")], others={"later": {"tasks": [task(7)]}, "{{x}}": {"tasks": [task(8)]}}
    )
    assert (result["tasks"], result["started"]) == ("0", "false")
    assert "nothing is left to play in this tag; other tags with tasks to do: later (-p tag)" in lines
    assert "{{x}}" not in lines


@pytest.mark.rule("R7")
def test_a_fault_of_one_task_leaves_that_one_out(pressed):
    result, lines, _context = pressed(
        backlog=[{**task(1), "details": {}}, task(2), {**task(3, status="done"), "details": {}}]
    )
    assert result["tasks"] == "1"
    assert "task 1: left out, the backlog has a problem with it" in lines
    assert "task 3: left out" not in lines


def test_a_merge_that_does_not_count_is_said_with_its_reason(pressed):
    _found, lines, _context = pressed(undone={"2": "its branch was merged elsewhere"})
    assert "task 2 is not taken as done: its branch was merged elsewhere" in lines


@pytest.mark.rule("FR7")
@pytest.mark.parametrize(("mode", "started"), [("show", "false"), ("play", "true")])
def test_only_mode_play_makes_anything(pressed, mode, started):
    result, _said, context = pressed(mode=mode)
    made = context.cluster.list("Workflow", "press-play")
    assert (result["started"], bool(made)) == (started, mode == "play")


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("values", "proven"),
    [
        ({"base": {"finalProof": True}, "tests": {"enabled": True}}, True),
        ({"base": {"finalProof": True}, "tests": {"enabled": False}}, False),
        ({"base": {"finalProof": False}, "tests": {"enabled": True}}, False),
        # The harness runs no tests itself where a CI's checks stand for the gate.
        ({"base": {"finalProof": True}, "tests": {"enabled": True, "checks": [{"name": "ci", "app": "ci"}]}}, False),
        # A configuration of an earlier chart, which has no template for it.
        ({"tests": {"enabled": True}}, False),
    ],
)
def test_a_play_ends_with_a_proof_where_the_harness_runs_tests(pressed, values, proven):
    _result, _lines, context = pressed(values=values, mode="play")
    (template,) = context.cluster.list("WorkflowTemplate", "press-play")
    nodes = [node["name"] for part in template["spec"]["templates"] for node in part["dag"]["tasks"]]
    assert ("final-proof" in nodes) is proven
    assert "t1-merged" in nodes


@pytest.mark.rule("R1")
@pytest.mark.parametrize(("phase", "started"), [("Running", "false"), ("Succeeded", "true"), ("Failed", "true")])
def test_a_play_under_way_is_shown_and_not_doubled(pressed, phase, started):
    result, lines, _context = pressed(plays=[("Workflow", 1, phase)], mode="play")
    assert result["started"] == started
    assert result["play"] == f"{STEM}-{1 if phase == 'Running' else 2}"
    assert ("is under way; nothing was started" in lines) is (phase == "Running")


@pytest.mark.rule("FR7")
def test_show_says_of_a_play_under_way_what_a_press_says_and_where_its_tasks_stand(pressed):
    verdict = {**VERDICT, "outcome": "approved", "pr": 5}
    entries = [
        (
            "task",
            1,
            {"verdict-1": {**verdict, "pr": 4}, "landed": {"pr": 4, "base": "main", "commit": HEAD, "by": "jo"}},
        ),
        ("task", 2, {"verdict-1": verdict}),
    ]
    plays = [("WorkflowTemplate", 1, None), ("Workflow", 1, "Running")]
    results = {}
    for mode in ("show", "play"):
        results[mode], lines, context = pressed(entries, plays=plays, mode=mode)
        assert "would start play-" not in lines
        assert "its tasks: merged: 1; wait for a person's merge: 2 (#5); not begun: 3" in lines
        if mode == "show":
            assert f"{STEM}-1 is under way; a press would start nothing" in lines
    assert results["show"] == results["play"]
    assert results["show"]["play"] == f"{STEM}-1"
    assert len(context.cluster.list("Workflow", "press-play")) == 1


@pytest.mark.rule("FR7")
@pytest.mark.parametrize("wanted", [True, False, None])
def test_a_play_ends_with_the_statuses_where_the_values_want_it(pressed, wanted):
    _result, _lines, context = pressed(values={} if wanted is None else {"statusPullRequest": wanted}, mode="play")
    (template,) = context.cluster.list("WorkflowTemplate", "press-play")
    nodes = [node["name"] for part in template["spec"]["templates"] for node in part["dag"]["tasks"]]
    assert ("write-statuses" in nodes) is bool(wanted)


@pytest.mark.rule("R3")
def test_show_says_of_a_play_that_was_interrupted_that_a_press_completes_it(pressed):
    plays = [("WorkflowTemplate", 1, "interrupted")]
    result, lines, context = pressed(plays=plays)
    assert f"{STEM}-1 was interrupted while it was created; a press would create the rest, and no other play" in lines
    assert (result["play"], context.cluster.list("Workflow", "press-play")) == (f"{STEM}-1", [])
    result, _lines, context = pressed(plays=plays, mode="play")
    assert (result["play"], result["started"]) == (f"{STEM}-1", "false")
    assert [made["metadata"]["name"] for made in context.cluster.list("Workflow", "press-play")] == [f"{STEM}-1"]


@pytest.mark.rule("FR7")
@pytest.mark.parametrize(
    ("opened", "runs", "words"),
    [
        ([], 9, ""),
        ([OpenPull(1, 4, approved=True)], 6, "task 1 needs no run: #4 is approved, and waits for a person's merge"),
        ([OpenPull(1, 4, approved=False)], 8, "task 1 goes on with the review of #4, which is open"),
        ([OpenPull(number, number, approved=True) for number in (1, 2, 3)], 0, "task 3 needs no run"),
    ],
)
def test_a_task_counts_the_runs_that_its_pull_request_leaves(pressed, opened, runs, words):
    _result, lines, _context = pressed(opened=opened)
    assert f"at least {runs} runs" in lines
    assert words in lines


@pytest.mark.rule("FR7")
def test_what_was_printed_is_kept_for_each_mode_also_of_a_press_that_is_refused(pressed):
    result, lines, context = pressed()
    kept = context.cluster.get("ConfigMap", "press-play", result["report"])["data"]
    assert list(kept) == ["show"]
    assert kept["show"].splitlines()[1:] == lines.splitlines()
    with pytest.raises(InputError):
        pressed(tasks="77", mode="play")
    kept = context.cluster.get("ConfigMap", "press-play", result["report"])["data"]
    assert 'refused: tasks "77": expected ids of tasks in this tag' in kept["play"]
    assert kept["show"].splitlines()[1:] == lines.splitlines()


@pytest.mark.rule("R7")
def test_what_is_kept_fits_a_configmap_and_moves_no_cursor(tmp_path):
    context = desk(tmp_path)
    subject = Subject.of({"repo": REPO}, context)
    for mode in ("play", "show"):
        with report.keeping(context, subject, mode) as noting:
            noting.context.say("\x1b[2Jred \N{GRINNING FACE}")
            noting.context.say("\N{GRINNING FACE}" * 200_000)
    kept = context.cluster.get("ConfigMap", "press-play", names.play_report(REPO, "master"))["data"]
    assert "\x1b" not in kept["play"]
    assert "red \N{GRINNING FACE}" in kept["show"]
    assert kept["show"].endswith("more bytes\n")
    assert sum(len(text.encode()) for text in kept.values()) < 2**20


@pytest.mark.rule("R10")
def test_an_unknown_mode_is_refused(pressed):
    with pytest.raises(InputError, match="parameter mode: expected one of play, show, got 'dry'"):
        pressed(mode="dry")
