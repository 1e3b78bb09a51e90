"""What the harness's gates found on a commit, as the next agent is told it: `task/findings.md`."""

from __future__ import annotations

from collections.abc import Mapping

from pressplay.cluster.ledger import Entry
from pressplay.github import checks, pulls
from pressplay.steps import gates
from pressplay.steps.context import Context, Subject
from pressplay.steps.run import ROUND_ROLES

FILE = "findings.md"
_GATES = (gates.LINT, gates.TEST_ONLY, gates.ACCEPTANCE)


def text(context: Context, subject: Subject, role: str, head: str) -> str:
    """What the gates refused of the commit that a run begins at, as Markdown; empty where they refused nothing.

    What they captured is read back from their checks: strangers' text goes through no ledger and no parameter (R7).
    """
    if role not in ROUND_ROLES or subject.pr is None:
        return ""
    entries = context.ledger(subject.repo).entries("pr", subject.pr)
    parts = []
    for gate in _GATES:
        found = gates.verdict_on(entries, gate, head)
        if found is not None and found["outcome"] == "fail":
            gh = context.harness(subject.repo, checks="read")
            details = checks.own_text(gh, subject.repo, head, gates.check_name(gate))
            parts.append(f"## {gates.check_name(gate)}\n\n{found['reason']}.\n\n{details}\n")
    return f"# What the harness refused of commit {head}\n\n" + "\n".join(parts) if parts else ""


def refused(context: Context, subject: Subject, entries: Mapping[str, Entry], pull: pulls.Pull) -> str:
    """The paths and lines that the test-only gate refuses of the head, as its check quotes them; empty for none."""
    verdict = gates.verdict_on(entries, gates.TEST_ONLY, pull.head_sha)
    if verdict is None or verdict["outcome"] != "fail":
        return ""
    name = gates.check_name(gates.TEST_ONLY)
    text = checks.own_text(context.harness(subject.repo, checks="read"), subject.repo, pull.head_sha, name)
    return f"\n{text}\n" if text else ""
