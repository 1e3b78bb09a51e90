"""The tests gate on what a play ended with: which probes it runs, and whether the tests ran on that tree before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pressplay import names
from pressplay.domain.entries import Entries, MergedEntry
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.gates.acceptance import probe_plan
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.proving.final import Verdict
from pressplay.gates.proving.judgement import counted
from pressplay.github.committed import Unreadable
from pressplay.steps.core import verdicts
from pressplay.steps.core.verdicts import TESTS, GateVerdict
from pressplay.validation.details import ending

if TYPE_CHECKING:
    from pressplay.github.clone import Clone, Tree
    from pressplay.github.remote import Remote


def plans(files: Tree, tasks: Sequence[int]) -> tuple[Mapping[int, ProbePlan], tuple[int, ...]]:
    """The plans of probes that tasks have in `files`, by task, and the tasks whose plan can't be read.

    For steps without a key alone: it parses what QA wrote.
    """
    read: dict[int, ProbePlan] = {}
    unreadable: list[int] = []
    for task in tasks:
        where = names.acceptance_plan(task)
        try:
            content = files.content(where)
            if content is not None:
                read[task] = probe_plan.read(content, where)
        except (InputError, Unreadable):
            unreadable.append(task)
    return read, tuple(unreadable)


def is_green(entries: Entries, clone: Clone, remote: Remote, head: str, tree: str) -> bool:
    """Whether all tests ran on the tree before, and none failed: as a merge of the pull request, or as its `head`.

    `entries` is the ledger of the pull request.
    """
    if any(entry.green and (entry.gate, entry.tree) == (TESTS, tree) for entry in entries.all(MergedEntry)):
        return True
    on_head = verdicts.verdict_on(entries, TESTS, head)
    if on_head is None or not on_head.green:
        return False
    try:
        clone.fetch(remote, [head])
    except InputError:
        # The branch of a merged pull request may be gone, and its commits with it.
        return False
    return not clone.differing(head, tree)


def verdict_of(verdict: Verdict, *, proven: bool) -> GateVerdict:
    """The gate's verdict of what the Pods showed; `proven`: the tests had passed on that tree before."""
    if proven and verdict.outcome == "pass":
        reason = f"all tests passed on this tree before, {counted(verdict.held, 'probe')} held"
        return GateVerdict("pass", "It holds", reason)
    title = {"pass": "It holds", "fail": "It does not hold", "error": "Could not be judged"}[verdict.outcome]
    detail = next((text for finding in verdict.findings for text in finding.details), "")
    why = Reason(what=verdict.reason(), detail=ending(detail)) if detail else None
    return GateVerdict(verdict.outcome, title, verdict.reason(), why=why)
