"""Whether a pull request keeps its tests and its plan of probes as strong as they were, whoever changed them (R6).

It is judged twice: the whole pull request against the commit where it left its base, and each agent's push against what
others wrote in the same pull request. The author of a new test may change it. What was restored counts as untouched.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from pressplay.domain.profiles import Profile
from pressplay.gates import tests
from pressplay.gates.only_tests import ACCEPTANCE, CommitFiles, Paths, only_tests
from pressplay.gates.proving import beside, profiles
from pressplay.gates.tests import Kind, Loss, Weakening
from pressplay.github.calls import GitHubRefused
from pressplay.github.comparison import Comparison
from pressplay.steps.review.pushed import Branch, Pushed
from pressplay.validation.markdown import code

SHOWN = 50
"""The most paths or lines that a check lists."""
_LOOKED_AT = 100
"""The most pushes that are searched for a test's author."""
_UNDECIDED = frozenset({"undecided", "unseen"})
_WHAT: dict[Kind, str] = {
    "file": "test file removed",
    "test": "test removed",
    "assertion": "removed or altered",
    "snapshot": "snapshot removed or rewritten",
    "skip": "switches tests off, or expects them to fail",
}


class Files(CommitFiles, Protocol):
    """The files of one of the two commits."""

    def entry(self, path: str) -> tuple[str, str] | None:
        """What is at a path, other than a folder; None if there is nothing. Equal files are equal in it."""
        ...


@dataclass(frozen=True)
class Finding:
    """Something that the gate refuses, and who must fix it."""

    reason: str
    """A sentence of ours (R7)."""
    details: str
    """Markdown that quotes paths and lines as data."""
    fixer: Literal["qa", "rex"]
    held_for: tuple[str, ...] = ()
    """The criteria that ask for it, as the plan of probes says: a person decides, and no agent has to fix it."""
    changes: tuple[tuple[Loss, str], ...] = ()
    """What of the tests they change, each with its criterion."""


def findings(
    whole: Comparison,
    before: Files,
    after: Files,
    branch: Branch,
    base: str,
    own_plan: str,
    changed: Mapping[str, str] = MappingProxyType({}),
) -> list[Finding]:
    """What the pull request `whole` took from tests and plans; `own_plan` is the path of its own plan.

    `changed`: test file or name of a test → the criterion for which the plan says that its expectation changes.
    """
    change = tests.Change.of(whole, before.text, after.text)
    return [
        *_against_base(change, branch, base, changed),
        *_against_each_other(change, branch),
        *_plans(whole, branch, after, own_plan),
    ]


def of_profile(
    whole: Comparison, before: Files, after: Files, test_paths: Paths, profile: Profile
) -> Iterator[Finding]:
    """Whether a pull request changes what its profile is about: the program, or nothing of it."""
    others = only_tests(whole, test_paths, before, after)
    if all(offence.why in _UNDECIDED for offence in others) and profiles.TABLE[profile].source:
        nothing = "it changes nothing outside tests and the plan of probes" if whole.files else "it changes nothing"
        yield Finding(nothing, "There is nothing to prove.", "rex")
    beyond = beside.beside(profile, whole, before, after, test_paths)
    if beyond:
        yield Finding(f"a task of {profile} may not change the program ({len(beyond)} files)", paths(beyond), "rex")


def _against_base(change: tests.Change, branch: Branch, base: str, changed: Mapping[str, str]) -> Iterator[Finding]:
    weaker = change.weakening
    named = {changed.get(loss.path) or changed.get(loss.text) for loss in weaker.losses}
    if weaker and named and None not in named and not weaker.undecided and not weaker.unseen:
        criteria = tuple(sorted(filter(None, named)))
        reason = f"expectations change for {', '.join(criteria)}: {weaker}"
        changes = tuple((loss, changed.get(loss.path) or changed.get(loss.text) or "") for loss in weaker.losses)
        yield Finding(reason, listed(weaker.losses), "qa", criteria, changes)
    elif weaker:
        base = base if re.fullmatch(r"[A-Za-z0-9._/-]+", base) else "its base"
        fixer: Literal["qa", "rex"] = (
            "qa" if any(_had_part(push, change) for push in branch.moves if push.whose == "qa") else "rex"
        )
        reason = f"the tests are weaker than on {base}: {weaker}"
        yield Finding(reason, f"{listed(weaker.losses)}{_unread(change)}", fixer)


def _had_part(push: Pushed, change: tests.Change) -> bool:
    """Whether a push removed some of what the whole pull request removes."""
    try:
        own = push.change
    except GitHubRefused:
        return True
    return bool(
        own.lost & change.lost
        or own.skipped & change.skipped
        or {*own.removed} & {*change.removed}
        or own.now.undecided & change.now.undecided
    )


def _against_each_other(change: tests.Change, branch: Branch) -> Iterator[Finding]:
    """What an agent's push removed from tests that others wrote in this pull request, and nobody restored."""
    there = change.now.facts()
    for at, push in enumerate(branch.moves):
        if at < branch.judged or push.whose == "other" or not push.change.weakening:
            continue
        gone = {fact for fact in push.change.lost if there[fact] < push.change.was.facts()[fact]}
        # What the base had is judged against the base.
        added = push.change.skipped.keys() - change.skipped.keys()
        off = {text: name for text, name in change.skips.items() if text in added}
        if not gone and not off:
            continue
        by_others, by_agent = _Written(), _Written()
        for earlier in branch.moves[max(0, at - _LOOKED_AT) : at]:
            (by_agent if (earlier.whose, earlier.agent) == (push.whose, push.agent) else by_others).take(earlier.change)
        losses = [
            loss
            for loss in push.change.weakening.losses
            if (
                (loss.kind, loss.text) in gone
                and by_others.facts[loss.kind, loss.text] > by_agent.facts[loss.kind, loss.text]
            )
            or (loss.kind == "skip" and loss.text in off and off[loss.text] not in by_agent.tests)
        ]
        if losses:
            counts = Counter(loss.kind for loss in losses)
            weaker = Weakening(assertions=counts["assertion"], snapshots=counts["snapshot"], skips=counts["skip"])
            reason = f"{push.agent} weakened tests of this pull request that others wrote: {weaker}"
            yield Finding(reason, listed(losses), "qa" if push.whose == "qa" else "rex")


class _Written:
    """The tests that somebody wrote in the pull request."""

    def __init__(self) -> None:
        self.facts: Counter[tuple[Kind, str]] = Counter()
        self.tests: set[str] = set()

    def take(self, change: tests.Change) -> None:
        self.facts.update(change.gained)
        self.tests |= change.written


def _plans(whole: Comparison, branch: Branch, after: Files, own_plan: str) -> Iterator[Finding]:
    """Only QA may change a plan, and only the one of this pull request."""
    changed = {path for file in whole.files for path in (file.path, file.before) if path.startswith(ACCEPTANCE)}
    others = sorted(changed - {own_plan})
    if others:
        reason = f"it changed the plans of probes of other tasks ({len(others)})"
        writer: Literal["qa", "rex"] = (
            "qa" if any(push.paths & {*others} for push in branch.moves if push.whose == "qa") else "rex"
        )
        yield Finding(reason, paths(others), writer)
    for at, push in enumerate(branch.moves):
        if at < branch.judged or push.whose != "agent" or own_plan not in push.paths:
            continue
        rewritten = any(later.whose == "qa" and own_plan in later.paths for later in branch.moves[at + 1 :])
        if not rewritten and after.entry(own_plan) != push.was.entry(own_plan):
            yield Finding(f"{push.agent} changed the plan of probes, and that is QA's", paths([own_plan]), "qa")


def listed(losses: Iterable[Loss]) -> str:
    """Losses as Markdown, bounded."""
    lines = []
    for loss in losses:
        where = f"{loss.path}:{loss.line}" if loss.line else loss.path
        text = f": {code(loss.text)}" if loss.text and loss.kind != "snapshot" else ""
        lines.append(f"- {code(where)}: {_WHAT[loss.kind]}{text}")
    more = [f"- and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([*lines[:SHOWN], *more])


def _unread(change: tests.Change) -> str:
    undecided = sorted(change.was.undecided | change.now.undecided)
    return f"\n\nCan't be read as their language:\n\n{paths(undecided)}" if undecided else ""


def paths(changed: Iterable[str]) -> str:
    """Paths as Markdown, bounded."""
    return "\n".join(f"- {code(path)}" for path in list(changed)[:SHOWN])
