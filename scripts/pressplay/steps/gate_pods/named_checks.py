"""The checks of the project's CI that replace a gate's commands (`lint.checks`, `tests.checks`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import PART_OF
from pressplay.github import checks, pulls
from pressplay.github.calls import Client
from pressplay.settings import CommandGate, RequiredCheck
from pressplay.steps.core import stack, verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.verdicts import Gate, GateVerdict
from pressplay.steps.gate_pods import ci_files, gate_runs
from pressplay.validation.markdown import code

_GOOD = frozenset({"success", "neutral", "skipped"})
"""Conclusions with which GitHub counts a required check as passed."""
_BAD = frozenset({"failure", "timed_out"})
_SHOWN = 50
"""The most paths that a check lists."""


def _sorted(
    gh: Client, repo: str, head: str, wanted: list[RequiredCheck]
) -> tuple[list[RequiredCheck], list[RequiredCheck], list[RequiredCheck]]:
    """The wanted checks that are under way or missing, those that failed, and those that ended otherwise."""
    there = checks.checks(gh, repo, head)
    pending, failed, odd = [], [], []
    for required in wanted:
        own = [run for run in there if run.name == required.name and _is_of(required, run)]
        if any(run.conclusion in _BAD for run in own):
            failed.append(required)
        elif not own or any(run.status != "completed" for run in own):
            pending.append(required)
        elif any(run.conclusion not in _GOOD for run in own):
            odd.append(required)
    return pending, failed, odd


def read(inputs: Inputs, context: Context, gate: Gate, settings: CommandGate) -> Outputs:
    """The named checks' result for the head: `outcome`, or state `pending` while they run.

    `woken` is `true` after the wait for them: a check that still runs then counts as an error.
    """
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    wanted = settings.checks
    pending, failed, odd = _sorted(context.harness(subject.repo, checks="read"), subject.repo, head, wanted)
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, subject.pull_number)
    if not pull.is_open_at(head):
        return {"state": "done", "outcome": verdicts.SUPERSEDED}
    if pending and not failed and inputs.get("woken") != "true":
        return {"state": "pending"}
    minutes = settings.timeout_minutes
    reader = context.harness(subject.repo, contents="read", pull_requests="read")
    touched = ci_files.changed(
        reader, subject.repo, stack.compared(context, reader, subject, pull.base_ref, head), head
    )
    if touched:
        reason = f"it changes what the project's CI runs ({len(touched)} files), so its checks say nothing about it"
        listed = "\n".join(f"- {code(path)}" for path in touched[:_SHOWN])
        judged = GateVerdict("error", "It changes its own checks", reason, listed)
    elif failed:
        judged = GateVerdict("fail", f"{_counted(failed)} failed", f"{_counted(failed)} of the project's CI failed")
    elif pending:
        reason = f"{_counted(pending)} of the project's CI did not end within {minutes} minutes ({gate}.checks)"
        judged = GateVerdict("error", f"{_counted(pending)} did not end", reason)
    elif odd:
        reason = f"{_counted(odd)} of the project's CI ended without saying whether it passed"
        judged = GateVerdict("error", f"{_counted(odd)} said nothing", reason)
    else:
        passed = f"{_counted(wanted)} of the project's CI passed"
        # That tests pass does not show that they prove anything.
        judged = GateVerdict("pass", f"{_counted(wanted)} passed", passed, proves=gate != verdicts.TESTS)
    return {"state": "done", "outcome": verdicts.post(context, subject, gate, head, judged)}


def _is_of(required: RequiredCheck, run: checks.CheckRun) -> bool:
    return run.app == required.app and required.app_id in (None, run.app_id)


def _counted(required: Iterable[RequiredCheck]) -> str:
    """The checks' names, which are text of the values."""
    listed = [check.name for check in required]
    return f"the check{'s' if len(listed) > 1 else ''} {', '.join(listed)}"


def wake_checks(context: Context, repo: str) -> int:
    """End the waits for checks that have ended or are overdue; how many."""
    settings = context.settings.repository(repo)
    # A wait does not say for which gate it is: each is asked for where the other's have ended as well.
    wanted = [*settings.lint.checks, *settings.tests.checks]
    if not wanted:
        return 0
    minutes = max(gate.timeout_minutes for gate in (settings.lint, settings.tests) if gate.checks)
    woken = 0
    # In any flow, and whoever submitted it.
    for workflow in waits.running(context.cluster, context.settings.namespace, PART_OF):
        for wait in waits.of(workflow):
            if wait.kind != gate_runs.AWAIT_CHECKS or wait.key["repo"] != repo:
                continue
            overdue = context.clock.now() - wait.since > gate_runs.MINUTE * minutes
            if overdue or not _under_way(context, repo, wait.key, wanted):
                woken += wait.wake(context.cluster, "Succeeded", {})
    return woken


def _under_way(context: Context, repo: str, key: Mapping[str, str], wanted: list[RequiredCheck]) -> bool:
    gh = context.harness(repo, checks="read", pull_requests="read")
    if pulls.pull(gh, repo, int(key["pr"])).head_sha != key["head"]:
        return False
    pending, failed, _ = _sorted(gh, repo, key["head"], wanted)
    return bool(pending) and not failed
