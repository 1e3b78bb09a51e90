"""The checks of the project's CI that replace the lint gate's commands (`lint.checks`)."""

from __future__ import annotations

from collections.abc import Mapping

from pressplay.cluster import waits
from pressplay.cluster.ledger import PART_OF
from pressplay.github import checks, pulls
from pressplay.github.calls import Client
from pressplay.settings import Lint, RequiredCheck
from pressplay.steps.core.context import Context
from pressplay.steps.lint import gate_runs

_GOOD = frozenset({"success", "neutral", "skipped"})
"""Conclusions with which GitHub counts a required check as passed."""
_BAD = frozenset({"failure", "timed_out"})


def sort_checks(
    gh: Client, repo: str, head: str, wanted: list[RequiredCheck]
) -> tuple[list[RequiredCheck], list[RequiredCheck], list[RequiredCheck]]:
    """The wanted checks that are under way or missing, those that failed, and those that ended otherwise."""
    there = checks.checks(gh, repo, head)
    pending, failed, odd = [], [], []
    for required in wanted:
        own = [run for run in there if run.name == required.name and run.app == required.app]
        if any(run.conclusion in _BAD for run in own):
            failed.append(required)
        elif not own or any(run.status != "completed" for run in own):
            pending.append(required)
        elif any(run.conclusion not in _GOOD for run in own):
            odd.append(required)
    return pending, failed, odd


def wake_checks(context: Context, repo: str) -> int:
    """End the waits for checks that have ended or are overdue; how many."""
    lint = context.settings.repository(repo).lint
    if not lint.checks:
        return 0
    woken = 0
    # In any flow, and whoever submitted it.
    for workflow in waits.running(context.cluster, context.settings.namespace, PART_OF):
        for wait in waits.of(workflow):
            if wait.kind != gate_runs.AWAIT_CHECKS or wait.key["repo"] != repo:
                continue
            overdue = context.clock.now() - wait.since > gate_runs.MINUTE * lint.timeout_minutes
            if overdue or not _under_way(context, repo, wait.key, lint):
                woken += wait.wake(context.cluster, "Succeeded", {})
    return woken


def _under_way(context: Context, repo: str, key: Mapping[str, str], lint: Lint) -> bool:
    gh = context.harness(repo, checks="read", pull_requests="read")
    if pulls.pull(gh, repo, int(key["pr"])).head_sha != key["head"]:
        return False
    pending, failed, _ = sort_checks(gh, repo, key["head"], lint.checks)
    return bool(pending) and not failed
