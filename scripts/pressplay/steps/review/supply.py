"""The supply gate: what a pull request brings in besides code of its own, once its tests are as they must be.

What is refused Rex fixes; what is parked a person accepts; the rest is shown in the check and in the approval.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pressplay.domain.entries import Entries, Waiver
from pressplay.domain.reasons import Reason
from pressplay.gates.only_tests import Paths
from pressplay.gates.supply.judge import Inspection, Judgement, inspect, policy
from pressplay.gates.supply.model import Manager
from pressplay.github import pulls
from pressplay.github.calls import Client
from pressplay.settings import Supply
from pressplay.steps.core import stack, verdicts
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.verdicts import GateVerdict

_TITLES = {"fail": "It brings in what is refused", "error": "A person must decide", "pass": "What it brings in"}


def judged(
    context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries
) -> tuple[GateVerdict, Judgement]:
    """The verdict on what the pull request's head brings in, and what it is: `fail` is for Rex to fix, `error` for a
    person to decide.

    `gh` may read contents and pull requests.
    """
    head = pull.head_sha
    merge_base = stack.compared(context, gh, subject, pull.base_ref, head).merge_base
    judgement = _judged(context, subject, head, merge_base, accepted=accepted(entries, head))
    return _verdict(judgement), judgement


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
