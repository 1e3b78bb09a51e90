"""The findings of the harness's gates on a commit, for the next agent: `task/findings.md`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pressplay.domain.entries import Entries, GateEntry
from pressplay.domain.roles import FIX, LINT, TEST, Role
from pressplay.github import checks, pulls
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Context, Subject

FILE = "findings.md"
_FOR: Mapping[str, tuple[verdicts.Gate, ...]] = {
    LINT.name: (verdicts.LINT,),
    TEST.name: (verdicts.LINT, verdicts.TEST_ONLY, verdicts.TESTS, verdicts.ACCEPTANCE),
    FIX.name: (verdicts.LINT, verdicts.TEST_ONLY, verdicts.SUPPLY, verdicts.TESTS, verdicts.ACCEPTANCE),
}
"""Which gates' findings a role can do something about."""
_LASTING = (verdicts.SUPPLY, verdicts.TESTS, verdicts.ACCEPTANCE)
"""Gates that come last in a round: their findings on an earlier head stand until the gate has judged a later one."""


@dataclass(frozen=True)
class Findings:
    """What the gates refused, for one run."""

    text: str = field(default="", repr=False)
    """`task/findings.md`: Markdown that quotes strangers' text; empty where they refused nothing."""
    own: bool = False
    """Whether a gate refused what this role itself left on the commit that the run begins at."""
    probes: bool = False
    """Whether probes or tests did not hold, which the probe or the code may be the cause of."""


def of(context: Context, subject: Subject, role: Role, head: str) -> Findings:
    """What the gates refused in the commit that a run begins at, and in earlier ones where nothing judged it since.

    The captured text is read from the gates' checks: strangers' text never goes into a ledger or a parameter (R7).
    """
    if role.name not in _FOR or subject.pr is None:
        return Findings()
    entries = context.ledger(subject.repo).entries("pr", subject.pr)
    standing = [entry for gate in _FOR[role.name] if (entry := _standing(entries, gate, head)) is not None]
    parts = []
    for entry in standing:
        gh = context.harness(subject.repo, checks="read")
        name = f"press-play/{entry.gate}"
        details = checks.own_text(gh, subject.repo, entry.head, name)
        where = f"commit `{entry.head}`" + ("" if entry.head == head else ", an earlier one; it judged none since")
        parts.append(f"## {name}, on {where}\n\n{entry.reason}.\n\n{details}\n")
    if not parts:
        return Findings()
    of_role = (verdicts.LINT,) if role == LINT else (verdicts.LINT, verdicts.TEST_ONLY)
    return Findings(
        text="# What the harness refused\n\n" + "\n".join(parts),
        own=role != FIX and any(entry.gate in of_role for entry in standing),
        probes=any(entry.gate in (verdicts.TESTS, verdicts.ACCEPTANCE) for entry in standing),
    )


def _standing(entries: Entries, gate: verdicts.Gate, head: str) -> GateEntry | None:
    """A gate's refusal of a commit, or, of a gate that comes late, its newest word on an earlier one if it refused."""
    verdict = verdicts.verdict_on(entries, gate, head)
    if verdict is None and gate in _LASTING:
        judged = [entry for entry in entries.all(GateEntry) if entry.gate == gate]
        verdict = max(judged, key=lambda entry: entry.at, default=None)
    return verdict if verdict is not None and verdict.outcome == "fail" else None


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
