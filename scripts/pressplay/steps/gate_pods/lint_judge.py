"""The lint gate's verdict, from what Kubernetes recorded of its containers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pressplay.domain.reasons import Reason
from pressplay.gates.lint.lint_plan import LintPlan
from pressplay.gates.lint.script import result
from pressplay.plaintext import plain
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.gate_pods.pod_end import PodEnd
from pressplay.validation.details import ending
from pressplay.validation.markdown import code, fence
from pressplay.validation.redaction import redact

Kind = Literal["passed", "failed", "error", "lost"]
_DETAILS = 60_000
"""Characters of a check's text; GitHub takes 65,535."""
_LINES = 400
_AROUND = 100
"""Characters of a quoted log beside the log itself."""
_CUT = "\n… (cut)"
_UNREACHABLE = re.compile(
    r"could not resolve host|temporary failure in name resolution|name or service not known|network is unreachable"
    r"|--offline was specified|net\.offline|failed to download|failed to fetch|spurious network error"
    r"|no matching package named|disabled by GOPROXY=off|dial tcp|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH"
    r"|cache mode is 'only-if-cached'|could not choose a version of cargo|is not installed for the toolchain"
    r"|toolchain .{1,80} is not installed|cannot find implementation or library stub|library stubs not installed",
    re.IGNORECASE,
)
"""Tools' messages about missing packages or toolchains: a gate can't fetch them, and no agent can provide them."""


@dataclass(frozen=True)
class LintResult:
    """The result of one language's commands."""

    kind: Kind
    reason: str = ""
    """A clause of ours; empty if all passed."""
    log: str = ""
    """The container's output: anybody's text (R7)."""


def judge(pod_end: PodEnd, labels: Sequence[str], log: str) -> LintResult:
    """The result of a Pod's commands, by its exit status alone; `labels` are the commands' labels."""
    why = f" ({pod_end.reason})" if pod_end.reason else ""
    if pod_end.lost:
        return LintResult("lost", f"its container was lost with its node{why}", log)
    if pod_end.state == "missing":
        return LintResult("error", "its container could not be made; see the gate's Workflow")
    if pod_end.state == "waiting":
        return LintResult("error", f"its container did not start{why}")
    if pod_end.state == "running":
        return LintResult("error", "its container was not seen to end; see the gate's Workflow", log)
    if pod_end.reason == "DeadlineExceeded":
        return LintResult("error", "its commands took longer than lint.timeoutMinutes allows", log)
    if pod_end.reason == "OOMKilled":
        return LintResult("error", "its commands needed more memory than lint.resources allows", log)
    script_result = None if pod_end.exit_code is None else result(pod_end.exit_code, len(labels))
    if script_result is None:
        return LintResult("error", f"its container ended with exit status {pod_end.exit_code}{why}", log)
    named = labels[script_result.command - 1] if script_result.command else ""
    if script_result.kind == "passed":
        return LintResult("passed", log=log)
    if script_result.kind == "changed":
        return LintResult("failed", "a command changed files of the checkout while it was being judged", log)
    if script_result.kind == "broken":
        return LintResult(
            "error",
            "the checkout could not be copied; is lint.volume.size too small, or are cp, diff, grep or head missing?",
            log,
        )
    if script_result.kind == "missing" and not _UNREACHABLE.search(log):
        return LintResult(
            "error",
            f"{named} can't be run: its tool is not there; put it into the image (lint.images; in the sandbox install "
            "it on this machine), name other commands (lint.commands), or set lint.enabled to false",
            log,
        )
    if script_result.kind == "empty":
        return LintResult(
            "error",
            f"{named} sees no file, though there are files of its language; does its configuration leave them all out?",
            log,
        )
    # A tool may be missing because an earlier command could not fetch it.
    if _UNREACHABLE.search(log if script_result.kind == "missing" else _of_command(log, script_result.command)):
        return LintResult(
            "error",
            f"{named} needs packages or a toolchain that it can't reach; put them into the image (lint.images), or "
            "give gates a package proxy (gatePods.packageProxy)",
            log,
        )
    return LintResult("failed", f"{named} found what must be fixed", log)


def _of_command(log: str, command: int) -> str:
    """One command's output, by the script's marks; a command that prints such marks only harms its own result."""
    mark = f"### {command}: "
    return log.partition(mark)[2].partition(f"{mark}exit status")[0]


def verdict_of(plan: LintPlan, results: Mapping[str, LintResult]) -> GateVerdict:
    """The gate's verdict over all languages. An error comes first: an agent must not get what no agent can fix."""
    if plan.problem:
        return GateVerdict("error", "Not to be run", plan.problem)
    details = _details(plan, results)
    if plan.undecided:
        whys = [f"{_counted(count, 'file')} ({why})" for why, count in sorted(plan.whys.items())]
        reason = f"it can't be decided what is linted and by what, and nothing was run: {'; '.join(whys)}"
        return GateVerdict("error", "Could not be decided", reason, details)
    errors = [outcome.reason for outcome in results.values() if outcome.kind in ("error", "lost")]
    if errors:
        reason = _clauses(errors, plan)
        why = _why(reason, results, "error", "lost")
        return GateVerdict("error", "Could not be judged", reason, details, why)
    failures = [*(outcome.reason for outcome in results.values() if outcome.kind == "failed"), *_refused(plan)]
    if failures:
        reason = _clauses(failures, plan)
        why = _why(reason, results, "failed")
        return GateVerdict("fail", "There is something to fix", reason, details, why)
    if not plan.commands:
        reason = "there is no code that the lint gate knows, and no command in lint.commands"
        return GateVerdict("pass", "Nothing to lint", reason, details)
    labels = [label for commands in plan.commands.values() for label, _ in commands]
    passed = f"{', '.join(dict.fromkeys(labels))} passed"
    return GateVerdict("pass", f"{_counted(len(labels), 'command')} passed", _clauses([passed], plan), details)


def _why(what: str, results: Mapping[str, LintResult], *kinds: Kind) -> Reason | None:
    """The whole reason, with the end of what the first of these languages printed; None where none did."""
    logs = [result.log for result in results.values() if result.kind in kinds and result.log.strip()]
    return Reason(what=what, detail=ending(logs[0])) if logs else None


def _refused(plan: LintPlan) -> list[str]:
    """What the pull request must not exclude from linting, as clauses."""
    whole, refused = plan.count("whole"), []
    if whole:
        refused.append(f"new marks that take whole files out of linting, or silence all rules: {whole}")
    if plan.refuse and plan.silenced:
        refused.append(f"new marks that silence a linter, which lint.suppressions refuses: {plan.silenced}")
    return refused


def _clauses(reasons: list[str], plan: LintPlan) -> str:
    """The reasons, and further facts for the reader."""
    silenced = 0 if plan.refuse else plan.silenced
    notes = (
        (plan.count("taken"), "linters' files taken from the default branch"),
        (plan.count("own"), "changed files that decide what checks find"),
        (silenced, "new marks that silence a linter"),
        (plan.count("conditions"), "new conditions under which code is not linted here"),
        (plan.count("unseen"), "changed files that no command looks at"),
    )
    return "; ".join([*reasons, *(f"{what}: {count}" for count, what in notes if count)])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"


_LISTS = (
    ("whole", "Takes a whole file out of linting, or silences all rules: name one rule at one place instead"),
    ("places", "Silences a linter"),
    ("conditions", "Is linted only under a condition"),
    ("unseen", "Changed, and no command looks at it"),
    ("taken", "As the default branch has it"),
    ("own", "Decides what checks find, and changed"),
)


def _details(plan: LintPlan, results: Mapping[str, LintResult]) -> str:
    """Markdown for the check: the commands, what did not count, and the output where something is wrong."""
    lines = [f"- {language}: {code(line)}" for language, commands in plan.commands.items() for _, line in commands]
    lists = {title: [(path, "") for path in getattr(plan, name)] for name, title in _LISTS}
    counts = {title: plan.count(name) for name, title in _LISTS}
    undecided = "Can't be decided"
    for title, rows in {undecided: plan.undecided, **lists}.items():
        if rows:
            count = counts.get(title, sum(plan.whys.values()))
            cut = f" ({len(rows)} of {count})" if count > len(rows) else ""
            lines += ["", f"{title}{cut}:", "", *(f"- {code(path)}{f': {why}' if why else ''}" for path, why in rows)]
    summary = "\n".join(lines)
    logs = {
        language: outcome.log
        for language, outcome in results.items()
        if outcome.kind != "passed" and outcome.log.strip()
    }
    each = max(0, _DETAILS - len(summary)) // max(1, len(logs)) - _AROUND
    return "\n\n".join(
        [summary, *(f"**{language}** printed:\n\n{quoted(log, each)}" for language, log in logs.items())]
    )


def quoted(log: str, most: int) -> str:
    """A container's output as a fenced block, without control codes and secrets, cut to `most` characters."""
    text = redact(plain(log)).rstrip("\n")
    cut = "\n".join(text.splitlines()[:_LINES])[: max(0, most)]
    ticks = fence(cut)
    return f"{ticks}text\n{cut}{_CUT if len(cut) < len(text) else ''}\n{ticks}"
