"""The parts of a project's tests: what each Pod runs, and what their runs are together."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pressplay.gates.proving import assessment, frames, job, shards
from pressplay.gates.proving.frames import Seen, Step
from pressplay.gates.proving.judge import Bounds
from pressplay.gates.proving.judgement import Judgement
from pressplay.gates.proving.model import Language, Project, TestResult, TestRun
from pressplay.gates.proving.script import ProjectScript

pytestmark = pytest.mark.rule("FR10")
MARK = "@0123456789abcdef"
RESULTS = {
    "p": TestResult("passed"),
    "f": TestResult("failed", "1 != 2"),
    "u": TestResult("missing", "No module", unbuilt=True),
    "e": TestResult("error", "a fixture"),
    "s": TestResult("skipped"),
}
PROJECT = Project("", "python", "run", "tap", shards=3)


def run(tests: str = "", status: int | None = 0, problem: Any = "") -> TestRun:
    """A run from `a:p b:f`."""
    results = {part[:-2]: RESULTS[part[-1]] for part in tests.split()}
    return TestRun(results, status, problem, "the log", 1.0)


LOST = TestRun({}, None, "lost")


@pytest.mark.parametrize(
    ("runs", "tests", "status", "problem"),
    [
        ([run("a:p"), run("b:p"), run("c:s")], "a:p b:p c:s", 0, ""),
        ([run("a:p"), run("b:f", 1), run("c:p")], "a:p b:f c:p", 1, ""),
        ([run("a:p"), run(), run()], "a:p", 0, ""),
        ([run(), run(), run()], "", 0, ""),
        ([run("", 5), run("", 5), run("", 5)], "", 5, ""),
        ([run("a:p"), run("", 5), run("b:p")], "a:p b:p", 5, "report"),
        ([run("a:p"), LOST, run("b:p")], "a:p b:p", None, "lost"),
        ([run("a:p"), run("", 1, "build"), LOST], "a:p", None, "lost"),
        ([run("", 1, "build"), run("", 124, "timeout"), run("a:p")], "a:p", 124, "timeout"),
        ([LOST, run("", 0, "tampered")], "", None, "tampered"),
        ([run("a:p"), run("a:f", 1)], "a:f", 1, ""),
        ([run("a:f", 1), run("a:p")], "a:f", 1, ""),
        ([run("a:p b:s"), run("a:s b:p")], "a:p b:p", 0, ""),
        ([run("a:s"), run("a:u", 2)], "a:u", 2, ""),
    ],
    ids=[
        "parts of one whole",
        "one fails",
        "shards without tests",
        "no tests at all",
        "no tests at all, and the runner says so",
        "a shard without tests whose runner fails",
        "a lost shard",
        "what blames nobody comes first",
        "a problem of each",
        "tampering comes first",
        "the worst of two results",
        "whichever shard has it",
        "what one skips another runs",
        "it can't be loaded",
    ],
)
def test_the_shards_of_a_run_are_one_run(runs: Sequence[TestRun], tests: str, status: int | None, problem: str) -> None:
    whole = shards.joined(runs)
    assert (dict(whole.tests), whole.exit_status, whole.problem) == (dict(run(tests).tests), status, problem)
    assert whole.seconds == sum(each.seconds for each in runs)


def test_a_problem_says_which_shard_has_it_and_why() -> None:
    assert shards.joined([run("a:p"), run("", 3, "setup")]).log == "shard 2 of 2: the log"
    empty = shards.joined([run("a:p"), run("b:p"), run("", 5)]).log
    assert empty.startswith("shard 3 of 3: it reports no test, and ended with status 5")
    # The judge shows as much of it as of any run's end.
    assert len(shards.joined([run("a:p"), replace(run("", 3, "setup"), log="x" * 9999)]).log) <= 300


def test_one_shard_is_what_it_was() -> None:
    assert shards.joined([LOST]) is LOST


@pytest.mark.parametrize(
    ("variant", "runs", "words"),
    [
        ("head", [run("a:p b:p"), run("a:p b:p"), run("a:p b:p")], "its 3 shards ran the same tests"),
        ("head", [run("a:p b:p"), run("a:p b:f")], "its 2 shards ran the same tests"),
        ("head", [run("a:p b:p"), run("c:p d:p")], ""),
        ("head", [run("a:p b:s"), run("a:s b:p")], ""),
        ("head", [run("a:p"), run("a:p")], ""),
        ("head", [run("a:u b:u"), run("a:u b:u")], ""),
        ("head", [run("a:p b:p"), LOST], ""),
        ("base", [run("a:p b:p"), run("a:p b:p")], ""),
        ("before", [run("a:p"), run("", 1, "report")], "on the base, a shard of its tests has no report"),
        ("before", [run("a:p"), run("", 5)], "on the base, a shard of its tests has no report"),
        ("before", [run("", 1, "report"), run("", 1, "report")], ""),
        ("before", [run("", 5), run("", 5)], ""),
    ],
)
def test_shards_that_are_no_parts_are_seen(variant: str, runs: Sequence[TestRun], words: str) -> None:
    fault = shards.fault(variant, runs)
    assert fault.startswith(words) if words else fault == ""


def test_the_pods_of_a_language_are_those_of_its_project_with_the_most_shards() -> None:
    projects = [PROJECT, replace(PROJECT, folder="a", shards=2), replace(PROJECT, folder="b", language="go", shards=1)]
    languages: tuple[Language, ...] = ("python", "go", "rust")
    assert {language: shards.pods(projects, language) for language in languages} == {
        "python": ["python", "python-2", "python-3"],
        "go": ["go"],
        "rust": ["rust"],
    }
    assert shards.pods([replace(PROJECT, test="")], "python") == ["python"]


def test_each_pod_has_the_projects_with_so_many_shards_and_the_first_alone_has_probes() -> None:
    whole = ProjectScript(0, PROJECT, {"head": "head"}, [("head", 1)], {"probe-1": "x"}, probed=frozenset({"head"}))
    made = shards.parts(whole)
    assert [(pod, dict(part.probes), set(part.probed)) for pod, part in made] == [
        ("python", {"probe-1": "x"}, {"head"}),
        ("python-2", {}, set()),
        ("python-3", {}, set()),
    ]
    single = replace(whole, project=replace(PROJECT, shards=1))
    assert shards.parts(single) == [("python", single)]


def test_a_test_command_reads_which_shard_it_is() -> None:
    line = shards.command(replace(PROJECT, test="A=1 sh -c 'echo \"$PRESSPLAY_SHARD/$PRESSPLAY_SHARDS\"'"), 2)
    assert subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout == "2/3\n"


def plan(**fields: Any) -> job.TestsPlan:
    variants = (
        job.PlannedVariant("before", "base", 1),
        job.PlannedVariant("base", "base", 2),
        job.PlannedVariant("head", "base", 2),
        job.PlannedVariant("c1", "base", 1, "body", "a.py", 1, "f"),
    )
    return job.TestsPlan(MARK, (job.PlannedProject(0, replace(PROJECT, **fields), variants),))


def shown(**tests: str) -> Seen:
    """What a shard's log shows: TAP by variant, `-` for one that it skipped."""
    counts = {"before": 1, "base": 2, "head": 2, "c1": 1}
    steps = {
        f"p0.{variant}.{number}": Step(0, 1.0, {"log": f"1..{len(text.split())}\n{_tap(text)}".encode()})
        for variant, text in tests.items()
        for number in range(1, counts[variant] + 1)
        if text != "-"
    }
    return Seen(steps, frozenset(f"p0.{variant}" for variant, text in tests.items() if text == "-"), ended=True)


def _tap(text: str) -> str:
    return "".join(f"ok {number} - {name}\n" for number, name in enumerate(text.split(), start=1))


def shard(own: str, c1: str = "") -> Seen:
    return shown(before=own, base=own, head=own, c1=c1 or own)


def test_the_results_of_a_plan_are_those_of_all_its_shards() -> None:
    logs = {"python": shard("a"), "python-2": shard("b"), "python-3": shard("c")}
    assert job.unlike_parts(plan(), logs) == ""
    runs = job.results(plan(), logs)
    assert {variant: [sorted(run.tests) for run in each] for variant, each in runs.items()} == {
        "before": [["a", "b", "c"]],
        "base": [["a", "b", "c"]] * 2,
        "head": [["a", "b", "c"]] * 2,
        "c1": [["a", "b", "c"]],
    }


def test_a_control_that_a_shard_had_no_time_for_says_nothing() -> None:
    logs = {"python": shard("a"), "python-2": shard("b", "-"), "python-3": shard("c")}
    assert "c1" not in job.results(plan(), logs)


@pytest.mark.rule("R6")
@pytest.mark.parametrize("gone", ["python", "python-2", "python-3"])
def test_a_shard_whose_container_was_lost_leaves_no_run_whole(gone: str) -> None:
    logs = {"python": shard("a"), "python-2": shard("b"), "python-3": shard("c")}
    del logs[gone]
    assert {run.problem for runs in job.results(plan(), logs).values() for run in runs} == {"lost"}


def judged(logs: Mapping[str, str]) -> Judgement:
    return assessment.assess(plan(), {pod: text.encode() for pod, text in logs.items()}, "refactor", Bounds())


def log(own: str) -> str:
    lines = []
    for name, step in shard(own).steps.items():
        lines += [f"{MARK} begin {name}", f"{MARK} ended {name} 0 1", f"{MARK} frame log plain"]
        lines += [base64.b64encode(step.frames["log"]).decode(), f"{MARK} done log"]
    return "\n".join([*lines, f"{MARK} end", ""])


@pytest.mark.rule("R6")
def test_what_the_shards_lack_is_undecided_with_its_reason() -> None:
    whole = {"python": log("a"), "python-2": log("b"), "python-3": log("c")}
    assert judged(whole).passed == 3
    for logs, words in (
        ({**whole, "python-2": log("b")[:200]}, "its container was lost"),
        (dict.fromkeys(whole, log("a b")), "its 3 shards ran the same tests"),
    ):
        result = judged(logs)
        assert (result.outcome, words in result.reason()) == ("undecided", True), result.reason()


@pytest.mark.rule("R5")
def test_marks_in_any_shard_s_log_are_tampering() -> None:
    forged = log("b").replace(f"{MARK} end", f"{MARK} begin p0.head.1\n{MARK} end")
    with pytest.raises(frames.Tampered):
        job.read_logs(plan(), {"python": log("a"), "python-2": forged})
