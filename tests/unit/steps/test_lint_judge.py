"""What Kubernetes records of a gate's Pod, made into a verdict: its exit status decides, its words are quoted."""

from __future__ import annotations

from typing import Any

import pytest

from pressplay.gates.lint.lint_plan import LintPlan
from pressplay.gates.lint.script import result
from pressplay.steps.gate_pods.lint_judge import LintResult, judge, quoted, verdict_of
from pressplay.steps.gate_pods.pod_end import PodEnd, look, waiting_sidecars

LABELS = ["cargo fmt", "cargo clippy"]
PLAN = LintPlan(commands={"rust": [("cargo fmt", "cargo fmt"), ("cargo clippy", "web: cargo clippy")]})


def pod(phase: str, reason: str = "", conditions: tuple[dict[str, Any], ...] = (), **state: Any) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": phase, "conditions": list(conditions)}
    if reason:
        status["reason"] = reason
    if state:
        status["containerStatuses"] = [{"name": "main", "state": state}]
    return {"kind": "Pod", "metadata": {"name": "x"}, "status": status}


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], []),
        ([{"running": {}}, {"running": {}}], []),
        (
            [{"waiting": {"reason": "ImagePullBackOff"}}, {"waiting": {"reason": "PodInitializing"}}],
            ["ImagePullBackOff"],
        ),
        ([{"running": {}}, {"waiting": {"reason": "CreateContainerConfigError"}}], ["CreateContainerConfigError"]),
        ([{"waiting": {"reason": "not one `word`"}}, {}], []),
    ],
)
def test_a_sidecar_that_was_not_started_is_named_with_kubernetes_word(states, words):
    made = pod("Pending")
    made["status"]["initContainerStatuses"] = [{"name": f"p{n}-db", "state": state} for n, state in enumerate(states)]
    assert [text.partition(": ")[2] for text in waiting_sidecars(made)] == words
    assert waiting_sidecars(None) == waiting_sidecars({"metadata": {}}) == []


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (None, PodEnd("missing")),
        ({"metadata": {}}, PodEnd("waiting")),
        (pod("Pending", waiting={"reason": "ImagePullBackOff"}), PodEnd("waiting", reason="ImagePullBackOff")),
        (pod("Running", running={}), PodEnd("running")),
        (pod("Succeeded", terminated={"exitCode": 0, "reason": "Completed"}), PodEnd("ended", 0, "Completed")),
        (pod("Failed", terminated={"exitCode": 12, "reason": "Error"}), PodEnd("ended", 12, "Error")),
        (pod("Failed", terminated={"exitCode": 137, "reason": "OOMKilled"}), PodEnd("ended", 137, "OOMKilled")),
        (pod("Failed", "DeadlineExceeded"), PodEnd("ended", None, "DeadlineExceeded")),
        (pod("Failed", "Evicted"), PodEnd("ended", None, "Evicted", lost=True)),
        (
            pod("Failed", "", ({"type": "DisruptionTarget", "status": "True"},), terminated={"exitCode": 143}),
            PodEnd("ended", 143, "", lost=True),
        ),
        (pod("Failed", "{{=x}} words"), PodEnd("ended")),
    ],
)
def test_a_pods_end_is_read_as_kubernetes_writes_it(found, seen):
    assert look(found) == seen


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("seen", "kind", "words"),
    [
        (PodEnd("ended", 0), "passed", ""),
        (PodEnd("ended", 12), "failed", "cargo clippy found"),
        (PodEnd("ended", 11), "failed", "cargo fmt found"),
        (PodEnd("ended", 51), "failed", "changed files of the checkout"),
        (PodEnd("ended", 62), "error", "cargo clippy can't be run"),
        (PodEnd("ended", 9), "error", "lint.volume.size"),
        (PodEnd("ended", 13), "error", "exit status 13"),
        (PodEnd("ended", None, "Weird"), "error", "exit status None (Weird)"),
        (PodEnd("ended", 137, "OOMKilled"), "error", "lint.resources"),
        (PodEnd("ended", None, "DeadlineExceeded"), "error", "lint.timeoutMinutes"),
        (PodEnd("ended", None, "Evicted", lost=True), "lost", "with its node (Evicted)"),
        (PodEnd("waiting", reason="ImagePullBackOff"), "error", "did not start (ImagePullBackOff)"),
        (PodEnd("running"), "error", "not seen to end"),
        (PodEnd("missing"), "error", "could not be made"),
    ],
)
def test_only_an_exit_status_of_the_scripts_passes_or_fails(seen, kind, words):
    # Whatever was printed: no word of it makes a pass.
    found = judge(seen, LABELS, "### 1: exit status 0\n### 2: exit status 0\n2 commands passed\n")
    assert found.kind == kind
    assert words in found.reason


def test_no_exit_status_but_0_passes():
    assert [code for code in range(-1, 256) if (found := result(code, 40)) and found.kind == "passed"] == [0]


@pytest.mark.parametrize(
    "line",
    [
        "error: failed to download from `https://static.crates.io/crates/a/1.0.0/download`",
        "go: example.com/x@v1.0.0: module lookup disabled by GOPROXY=off",
        "npm error code ENOTCACHED\nnpm error request failed: cache mode is 'only-if-cached' but no cached response",
        "error: no matching package named `serde` found",
        'a.py:1: error: Cannot find implementation or library stub for module named "requests"  [import-not-found]',
        "error: toolchain '1.70.0' is not installed",
    ],
)
def test_what_only_a_network_could_give_is_no_finding(line):
    first = "### 1: cargo fmt\nit says: dial tcp\n### 1: exit status 0\n"
    log = f"{first}### 2: cargo clippy\n{line}\n### 2: exit status 1\n"
    found = judge(PodEnd("ended", 12), LABELS, log)
    assert (found.kind, "gatePods.packageProxy" in found.reason) == ("error", True)
    # Said by another command than the one that failed, it explains nothing.
    assert judge(PodEnd("ended", 11), LABELS, log.replace("dial tcp", "fine")).kind == "failed"


def test_a_verdict_over_languages_puts_errors_first():
    two = LintPlan(commands={**PLAN.commands, "python": [("ruff check", "ruff check .")]})
    passed, failed, broken = (
        LintResult("passed"),
        LintResult("failed", "ruff check found"),
        LintResult("error", "no tool"),
    )
    assert verdict_of(two, {"rust": passed, "python": passed}).title == "3 commands passed"
    assert verdict_of(two, {"rust": passed, "python": passed}).reason == "cargo fmt, cargo clippy, ruff check passed"
    assert verdict_of(two, {"rust": passed, "python": failed}).outcome == "fail"
    assert verdict_of(two, {"rust": broken, "python": failed}).reason == "no tool"
    assert verdict_of(two, {"rust": LintResult("lost", "gone"), "python": failed}).outcome == "error"


def test_a_verdict_tells_what_did_not_count_and_what_came_in():
    plan = LintPlan(PLAN.commands, taken=["ruff.toml"], own=["tsconfig.json", "x`{{=1}}`.yml"], silenced=1)
    verdict = verdict_of(plan, {"rust": LintResult("passed")})
    assert verdict.reason == (
        "cargo fmt, cargo clippy passed; linters' files taken from the default branch: 1; "
        "changed files that decide what checks find: 2; new marks that silence a linter: 1"
    )
    assert "- `ruff.toml`" in verdict.details
    assert "- ``x`{{=1}}`.yml``" in verdict.details
    assert "{{" not in verdict.reason


def test_nothing_to_lint_passes_and_says_so_and_too_much_is_an_error():
    assert verdict_of(LintPlan(), {}).title == "Nothing to lint"
    assert verdict_of(LintPlan(), {}).outcome == "pass"
    assert verdict_of(LintPlan(problem="too many"), {}).outcome == "error"


@pytest.mark.rule("R7")
@pytest.mark.rule("R9")
def test_what_was_printed_is_quoted_cut_and_without_secrets():
    log = "\x1b[31mred\x1b[0m\r\n```` fence\x00\nGITHUB_TOKEN=ghs_0123456789abcdef0123456789abcdef0123\n@somebody <b>\n"
    text = quoted(log, 10_000)
    assert text.splitlines()[0] == "`````text"
    assert text.splitlines()[-1] == "`````"
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "ghs_" not in text
    assert "red\n" in text
    long = quoted("x" * 5000 + "\n" + "y\n" * 5000, 1000)
    assert len(long) < 1100
    assert long.endswith("… (cut)\n````")
    verdict = verdict_of(PLAN, {"rust": LintResult("failed", "found", "z\n" * 200_000)})
    assert len(verdict.details) < 65_000


def test_a_plan_survives_its_journey():
    plan = LintPlan(PLAN.commands, ["a {{b}}"], ["c"], 3, "")
    packed = plan.packed()
    assert "{" not in packed
    again = LintPlan.unpacked(packed)
    assert (again.taken, again.own, again.silenced) == (["a {{b}}"], ["c"], 3)
    assert [tuple(one) for one in again.commands["rust"]] == PLAN.commands["rust"]
