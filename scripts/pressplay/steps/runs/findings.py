"""The findings of the harness's gates on a commit, for the next agent: `task/findings.md`."""

from __future__ import annotations

from collections.abc import Mapping

from pressplay.domain.entries import Entries
from pressplay.domain.roles import Role
from pressplay.github import checks, pulls
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Context, Subject

FILE = "findings.md"
_GATES = (verdicts.LINT, verdicts.TEST_ONLY, verdicts.SUPPLY, verdicts.TESTS, verdicts.ACCEPTANCE)


def text(context: Context, subject: Subject, role: Role, head: str) -> str:
    """What the gates refused in the commit that a run begins at, as Markdown; empty if they refused nothing.

    The captured text is read from the gates' checks: strangers' text never goes into a ledger or a parameter (R7).
    """
    if role.stage != "round" or subject.pr is None:
        return ""
    entries = context.ledger(subject.repo).entries("pr", subject.pr)
    parts = []
    for gate in _GATES:
        verdict = verdicts.verdict_on(entries, gate, head)
        if verdict is not None and verdict.outcome == "fail":
            gh = context.harness(subject.repo, checks="read")
            details = checks.own_text(gh, subject.repo, head, verdicts.check_name(gate))
            parts.append(f"## {verdicts.check_name(gate)}\n\n{verdict.reason}.\n\n{details}\n")
    return f"# What the harness refused of commit {head}\n\n" + "\n".join(parts) if parts else ""


def refused(context: Context, subject: Subject, entries: Entries, pull: pulls.Pull) -> str:
    """The paths and lines of the head that a gate refuses or leaves to a person, as its check quotes them."""
    for gate, outcomes in _LISTING.items():
        verdict = verdicts.verdict_on(entries, gate, pull.head_sha)
        if verdict is not None and (verdict.outcome in outcomes or verdict.holds):
            gh = context.harness(subject.repo, checks="read")
            text = checks.own_text(gh, subject.repo, pull.head_sha, verdicts.check_name(gate))
            return f"\n{text}\n" if text else ""
    return ""


_LISTING: Mapping[verdicts.Gate, tuple[str, ...]] = {verdicts.TEST_ONLY: ("fail",), verdicts.SUPPLY: ("fail", "error")}
"""Gates whose checks list paths and lines, and the outcomes with which a person reads them."""
