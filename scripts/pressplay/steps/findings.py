"""What the harness's gates found on a commit, as the next agent is told it: `task/findings.md`."""

from __future__ import annotations

from pressplay.github import checks
from pressplay.steps import gates
from pressplay.steps.context import Context, Subject
from pressplay.steps.run import ROUND_ROLES
from pressplay.steps.told import Told

FILE = "findings.md"
_GATES = (gates.LINT, gates.TEST_ONLY, gates.ACCEPTANCE)


def text(context: Context, subject: Subject, told: Told) -> str:
    """What the gates refused of the commit that a run begins at, as Markdown; empty where they refused nothing."""
    if told.role not in ROUND_ROLES or subject.pr is None:
        return ""
    entries = context.ledger(subject.repo).entries("pr", subject.pr)
    parts = []
    for gate in _GATES:
        found = gates.verdict_on(entries, gate, told.head)
        if found is not None and found["outcome"] == "fail":
            gh = context.harness(subject.repo, checks="read")
            details = checks.own_text(gh, subject.repo, told.head, gates.check_name(gate))
            parts.append(f"## {gates.check_name(gate)}\n\n{found['reason']}.\n\n{details}\n")
    return f"# What the harness refused of commit {told.head}\n\n" + "\n".join(parts) if parts else ""
