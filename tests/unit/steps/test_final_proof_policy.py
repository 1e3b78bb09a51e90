"""What is judged at the end of a play, and which merge is named where the base branch is broken (R5)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import PR, REPO, desk, record

from pressplay.domain.entries import Entries, FinalProof, GateEntry, MergedEntry
from pressplay.errors import InputError
from pressplay.github.remote import Remote
from pressplay.steps.core.context import Subject
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.gate_pods import gate_runs, play_end
from pressplay.steps.gate_pods.candidate import Candidate
from pressplay.steps.play.final_proof import TRIES, Ended, History, Judge, Merge, following

pytestmark = pytest.mark.rule("R5")
COMMITS = tuple(letter * 40 for letter in "abcdef")


def proof(commit: str, outcome: str = "pass", *failing: str, tries: int = 1, runs: int = 2) -> FinalProof:
    begun = FinalProof(head=commit, tip=COMMITS[-1], onto="0" * 40, play="play-0-1", tries=tries, runs=runs)
    return replace(begun, outcome=outcome, failing=failing)


def known(text: str) -> dict[str, FinalProof]:
    """From `f:x e:1x d:ok c:? b:! a:…`: fails by x, in one run, passes, can't be judged, begun too often, begun."""
    made = {}
    for part in text.split():
        letter, _, what = part.partition(":")
        commit = letter * 40
        if what == "ok":
            made[commit] = proof(commit)
        elif what == "?":
            made[commit] = proof(commit, "error")
        elif what == "!":
            made[commit] = proof(commit, "", tries=TRIES)
        elif what == "…":
            made[commit] = proof(commit, "", tries=TRIES - 1, runs=1)
        elif what[0] == "1":
            made[commit] = proof(commit, "fail", *what[1:].split("+"), runs=1)
        else:
            made[commit] = proof(commit, "fail", *what.split("+"))
    return made


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("", Judge("f" * 40, runs=1)),
        ("f:…", Judge("f" * 40, runs=1)),
        # One run that fails may be a flaky one's.
        ("f:1x", Judge("f" * 40, runs=2)),
        ("f:ok", Ended("pass")),
        ("f:?", Ended("error")),
        ("f:!", Ended("error")),
        # Half of what is left, until the first one that fails is known.
        ("f:x", Judge("c" * 40)),
        ("f:x c:ok", Judge("e" * 40)),
        ("f:x c:ok e:x", Judge("d" * 40)),
        ("f:x c:ok e:x d:ok", Ended("fail", "e" * 40)),
        ("f:x c:x", Judge("b" * 40)),
        ("f:x c:x b:x", Judge("a" * 40)),
        ("f:x c:x b:x a:x", Ended("fail", "a" * 40)),
        ("f:x c:ok e:ok", Ended("fail", "f" * 40)),
        # What fails otherwise, and was repaired since, blames nobody.
        ("f:x c:y", Judge("e" * 40)),
        ("f:x+y c:y", Judge("b" * 40)),
        # What could not be judged is passed over, and then one of several may have done it.
        ("f:x c:?", Judge("d" * 40)),
        ("f:x c:? d:x b:ok", Ended("fail", "d" * 40, 1)),
        ("f:x c:! d:x b:ok", Ended("fail", "d" * 40, 1)),
        ("f:x e:? d:? c:? b:? a:?", Ended("fail", "f" * 40, 5)),
    ],
)
def test_the_commits_are_bisected_for_the_first_that_fails_as_the_last_one_does(text, step):
    assert following(COMMITS, known(text)) == step


@given(st.integers(1, 300), st.data())
def test_whatever_broke_it_is_named_after_logarithmically_many_judgements(count, data):
    commits = [f"{number:040x}" for number in range(count)]
    culprit = data.draw(st.integers(0, count - 1))
    judged: dict[str, FinalProof] = {}
    steps = 0
    while isinstance(step := following(commits, judged), Judge):
        steps += 1
        assert step.commit not in judged or judged[step.commit].runs < step.runs
        at = commits.index(step.commit)
        verdict = ("fail", "x") if at >= culprit else ("pass",)
        judged[step.commit] = proof(step.commit, *verdict, runs=step.runs)
    assert step == Ended("fail", commits[culprit])
    assert steps <= 2 + count.bit_length()


def test_a_history_begins_with_the_plays_first_merge_and_knows_what_is_merged_in_each_commit():
    landed = [Merge(1, 11, "e" * 40), Merge(2, 12, "c" * 40), Merge(3, 13, "9" * 40)]
    history = History.of("0" * 40, COMMITS, landed)
    assert history is not None
    assert (history.onto, history.commits, history.tip) == ("b" * 40, COMMITS[2:], "f" * 40)
    assert history.last == landed[0]
    assert [history.tasks(commit) for commit in history.commits] == [(2,), (2,), (1, 2), (1, 2)]
    assert history.merge("c" * 40) == landed[1]
    assert history.merge("d" * 40) is None


@pytest.mark.parametrize(("line", "onto"), [(COMMITS, "0" * 40), ((), None), (COMMITS[1:], None)])
def test_without_a_merge_on_the_branch_there_is_no_history(line, onto):
    history = History.of("0" * 40, line, [Merge(1, 11, "a" * 40)])
    assert (history and history.onto) == onto


TIP, ONTO, TREE = "a" * 40, "b" * 40, "d" * 40


def test_a_verdict_on_a_plays_end_is_kept_in_what_was_begun(tmp_path):
    context = desk(tmp_path)
    begun = {"tip": TIP, "onto": ONTO, "play": "play-0-1", "tasks": [2, 1], "tries": 2}
    record(context, "pr", PR, {f"final-{TIP}": begun})
    subject = Subject.of({"repo": REPO, "pr": str(PR)}, context)
    candidate = Candidate.of({"head": TIP, "onto": ONTO, "tasks": "2.1"})
    assert candidate.tasks == (2, 1)
    verdict = GateVerdict("fail", "It does not hold", "1 test fails")
    assert candidate.conclude(context, subject, "tests", verdict, TREE, ["0123"]) == "fail"
    entries = context.ledger(REPO).entries("pr", PR)
    (kept,) = entries.all(FinalProof)
    assert (kept.outcome, kept.tree, kept.failing, kept.tries, kept.tasks) == ("fail", TREE, ("0123",), 2, (2, 1))
    assert candidate.outcome(entries, "tests") == "fail"
    # It is no verdict on a merge, and the other way round.
    assert Candidate(TIP, ONTO).outcome(entries, "tests") == ""
    assert entries.all(MergedEntry) == []


@pytest.mark.parametrize(
    ("outcome", "kept", "reason"),
    [
        ("pass", "error", "what failed in one run passed in all later ones"),
        ("fail", "fail", "1 test fails"),
        ("error", "error", "1 test fails"),
    ],
)
def test_what_failed_once_and_then_passed_decides_nothing(tmp_path, outcome, kept, reason):
    context = desk(tmp_path)
    begun = {"tip": TIP, "onto": ONTO, "play": "play-0-1", "tasks": [1], "runs": 2, "tries": 1, "failing": ["0123"]}
    record(context, "pr", PR, {f"final-{TIP}": begun})
    candidate = Candidate(TIP, ONTO, (1,))
    subject = Subject.of({"repo": REPO, "pr": str(PR)}, context)
    assert candidate.conclude(context, subject, "tests", GateVerdict(outcome, "t", "1 test fails"), TREE) == kept
    (proof,) = context.ledger(REPO).entries("pr", PR).all(FinalProof)
    assert (proof.outcome, proof.reason) == (kept, reason)


def test_nothing_is_kept_of_an_end_that_nobody_asked_about(tmp_path):
    context = desk(tmp_path)
    subject = Subject.of({"repo": REPO, "pr": str(PR)}, context)
    passed = GateVerdict("pass", "It holds", "all hold")
    assert Candidate(TIP, ONTO, (1,)).conclude(context, subject, "tests", passed, TREE) == "superseded"
    assert not context.ledger(REPO).entries("pr", PR)


@pytest.mark.rule("R3")
def test_a_verdict_that_was_killed_before_it_deleted_its_pods_deletes_them_when_it_is_run_again(tmp_path):
    """The next judgement of the commit has Pods of the same names."""
    context = desk(tmp_path)
    subject = Subject.of({"repo": REPO, "pr": str(PR)}, context)
    for name, run in (("old-other-0", "old"), ("new-other-0", "new")):
        metadata = {"name": name, "namespace": "press-play", "labels": {gate_runs.RUN_LABEL: run}}
        context.cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata})
    ended = gate_runs.earlier(context, subject, "tests", Candidate(TIP, ONTO, (1,)), "old")
    assert ended == {"outcome": "superseded"}
    assert [pod["metadata"]["name"] for pod in context.cluster.list("Pod", "press-play")] == ["new-other-0"]


@pytest.mark.parametrize("tasks", ["1,2", "", "1..2", "{{=1}}", "-1"])
def test_tasks_are_numbers(tasks):
    with pytest.raises(InputError, match="parameter tasks"):
        Candidate.of({"head": TIP, "onto": ONTO, "tasks": tasks})


class _Clone:
    """A clone in which the head has the tree TREE, or can't be fetched any more."""

    def __init__(self, gone: bool = False) -> None:
        self.gone = gone

    def fetch(self, _remote: Remote, _commits: list[str]) -> None:
        if self.gone:
            raise InputError("git fetch: did not get it")

    def differing(self, _head: str, tree: str) -> list[str]:
        return [] if tree == TREE else ["a.py"]


@pytest.mark.parametrize(
    ("entry", "tree", "gone", "green"),
    [
        (None, TREE, False, False),
        (MergedEntry(gate="tests", head=ONTO, onto=TIP, outcome="pass", tree=TREE, green=True), TREE, False, True),
        (MergedEntry(gate="tests", head=ONTO, onto=TIP, outcome="pass", tree=TREE, green=True), "e" * 40, False, False),
        # Something failed there that had failed before, or not all projects were run.
        (MergedEntry(gate="tests", head=ONTO, onto=TIP, outcome="pass", tree=TREE), TREE, False, False),
        (MergedEntry(gate="lint", head=ONTO, onto=TIP, outcome="pass", tree=TREE, green=True), TREE, False, False),
        (GateEntry(gate="tests", head=TIP, outcome="pass", green=True), TREE, False, True),
        (GateEntry(gate="tests", head=TIP, outcome="pass", green=True), "e" * 40, False, False),
        (GateEntry(gate="tests", head=TIP, outcome="pass", green=True), TREE, True, False),
        (GateEntry(gate="tests", head=TIP, outcome="pass"), TREE, False, False),
        (GateEntry(gate="tests", head=ONTO, outcome="pass", green=True), TREE, False, False),
    ],
)
def test_tests_need_no_further_run_where_all_of_them_passed_on_the_same_tree(entry, tree, gone, green):
    entries = Entries({entry.key(): entry} if entry else {})
    clone = _Clone(gone)
    assert play_end.is_green(entries, clone, Remote("/forge"), TIP, tree) is green  # type: ignore[arg-type]
