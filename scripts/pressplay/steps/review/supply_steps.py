"""The supply gate: what a pull request brings in besides code of its own, once its tests are as they must be.

What is refused Rex fixes; what is parked a person accepts; the rest is shown in the check and in the approval.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pressplay import names
from pressplay.domain.entries import Entries, Waiver
from pressplay.domain.reasons import Reason
from pressplay.gates.only_tests import Paths
from pressplay.gates.supply.judge import Inspection, Judgement, inspect, policy
from pressplay.gates.supply.model import Manager
from pressplay.github import pulls
from pressplay.settings import Supply
from pressplay.steps.core import stack, verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.review import proofs

_TITLES = {"fail": "It brings in what is refused", "error": "A person must decide", "pass": "What it brings in"}


def gate(inputs: Inputs, context: Context) -> Outputs:
    """The verdict on what `head` brings in: outcome `pass`, `changes` (Rex fixes it) or `error` (a person decides);
    `skipped` where the gate is off, `superseded` if the head has changed.
    """
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    settings, pr = subject.settings.supply, subject.pull_number
    if not settings.enabled:
        return {"outcome": "skipped"}
    entries = context.ledger(subject.repo).entries("pr", pr)
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    pull = pulls.pull(gh, subject.repo, pr)
    if pull.state != "open" or pull.head_sha != head:
        return {"outcome": verdicts.SUPERSEDED}
    merge_base = stack.compared(context, gh, subject, pull.base_ref, head).merge_base
    judged = _judged(context, subject, head, merge_base, accepted=accepted(entries, head))
    verdict = _verdict(judged)
    if verdict.outcome == "pass":
        # What an approval shows of it.
        proofs.keep_supply(context, subject, head, judged)
    outcome = verdicts.post(context, subject, verdicts.SUPPLY, head, verdict)
    context.say(f"pull request {pr}: {verdicts.check_name(verdicts.SUPPLY)}: {outcome}")
    return {"outcome": verdicts.CHANGES if outcome == "fail" else outcome}


def accepted(entries: Entries, head: str) -> bool:
    """Whether a person accepted what the gate parked of this very commit (`/press-play accept supply: why`)."""
    return Waiver.key_of(verdicts.SUPPLY, head) in entries


def _verdict(judged: Judgement) -> GateVerdict:
    reason, shown = judged.reason(), judged.markdown()
    if judged.outcome == "error" and judged.acceptable:
        # The other gates go on, and the approval waits for the person; but nothing is deployed that runs of itself.
        if judged.runs_early:
            todo = f"comment `/press-play accept {verdicts.SUPPLY}: why`, or have it changed"
            why = Reason(what=f"{reason}: a person must accept it", todo=todo)
            return GateVerdict("error", _TITLES["error"], why.what, shown, why, holds=(verdicts.SUPPLY,))
        return GateVerdict("pass", _TITLES["error"], reason, shown, holds=(verdicts.SUPPLY,))
    return GateVerdict(judged.outcome, _TITLES[judged.outcome], reason, shown)


def _judged(context: Context, subject: Subject, head: str, merge_base: str, *, accepted: bool) -> Judgement:
    from pressplay.github.clone import Clone

    settings = subject.settings.supply
    with tempfile.TemporaryDirectory(prefix="press-play-") as folder:
        clone = Clone(Path(folder))
        clone.fetch(context.remote(subject.repo), [head, merge_base])
        changed = clone.differing(merge_base, head)
        paths = Paths(subject.settings.test_paths.model_dump())
        inspection = inspect(changed, clone.tree(head), clone.tree(merge_base), paths.match)
    inspection, unasked = _asked(context, settings, inspection)
    return Judgement(inspection, policy(settings), unasked, accepted)


def _asked(context: Context, settings: Supply, inspection: Inspection) -> tuple[Inspection, int]:
    """With what the registries' mirrors find fault with, and how many packages none could tell about."""
    own = settings.registries
    mirrors: dict[Manager, str] = {"npm": own.npm, "pypi": own.pypi, "crates": own.crates, "go": own.go}
    if not any(mirrors.values()) or not inspection.fresh:
        return inspection, 0
    from pressplay.gates.supply import registries

    findings, unasked = registries.ask(
        inspection.fresh, mirrors, now=context.clock.now(), youngest_days=settings.youngest_days
    )
    return inspection.having(findings), unasked
