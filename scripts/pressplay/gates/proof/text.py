"""The approval's text: what a maintainer reads, made of the proof's Statement alone, so that both say the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from pressplay.gates.acceptance.proof import SHOWN
from pressplay.gates.proof.statement import (
    Change,
    ControlShown,
    CriterionShown,
    Evidence,
    Predicate,
    ProbeShown,
    Statement,
    TestShown,
)
from pressplay.gates.proving.model import Status
from pressplay.validation.markdown import code

_T = TypeVar("_T")
_BOUNDS = ((500, 300), (100, 200), (25, 150), (8, 80))
"""(Entries of a list, characters of a text) that are shown, tried one after the other until the whole fits."""
_ON_BASE: Mapping[Status | None, str] = {
    "failed": "failed on the base",
    "missing": "did not build on the base",
    "error": "could not be run on the base",
    "skipped": "skipped on the base",
    "passed": "passed on the base",
    None: "not run on the base",
}
_UNSEEN = (
    "No test and no probe was made for what no criterion asks for: read the change for what it does beside its task."
)


def approval_text(statement: Statement) -> str:
    """The approval of a commit as Markdown of fewer than `SHOWN` characters; strangers' texts stand in code (R7)."""
    for entries, characters in _BOUNDS:
        text = _Text(statement, entries, characters).whole()
        if len(text) < SHOWN:
            return text
    return (
        f"Approved for commit `{statement.commit}`. What was shown is too large to be shown here: see the document.\n"
    )


def update_text(change: Change) -> str:
    """What a head is that is nothing but an approved one with the base branch merged in; empty for any other."""
    if change.update_of is None:
        return ""
    return (
        f"It is `{change.update_of}`, which was approved, with `{change.update_onto}` of the base branch merged in and "
        f"nothing else: the tree `{change.tree}`, which passed the gates, too. The rest was shown of the former."
    )


class _Text:
    """The text, with so many entries of each list and characters of each quotation."""

    def __init__(self, statement: Statement, entries: int, characters: int) -> None:
        self._of, self._commit = statement.predicate, statement.commit
        self._entries, self._characters = entries, characters

    def whole(self) -> str:
        parts = [
            f"Approved for commit `{self._commit}`, by the harness, on what it saw itself.",
            update_text(self._of.change),
            self._task(),
        ]
        for title, lines in (
            ("What was asked", self._shown_criteria()),
            ("Not shown", self._list(self._not_shown(), self._criterion, "criteria")),
            ("What a person should look at", self._look_at()),
            ("Accepted by people", self._waivers()),
            ("Changed expectations", self._expectations()),
            ("Tests that prove it", self._list(_proving(self._of), self._test, "tests.changed")),
            ("Controls that nothing noticed", self._list(_unnoticed(self._of), self._control, "controls")),
            ("What the change brings in", self._supply()),
            ("Probes", self._probes()),
            ("Gates", self._gates()),
            ("Judged by", self._versions()),
        ):
            listed = list(lines)
            if listed:
                parts.append("\n".join([f"### {title}", "", *listed]))
        return "\n\n".join(part for part in parts if part) + "\n"

    # -- the sections --------------------------------------------------------------------------------------------------

    def _task(self) -> str:
        task = self._of.task
        if task.kind == "pull request":
            text = f"Pull request {task.pull}, which is its own task"
        else:
            text = f"{task.kind.capitalize()} {task.number}"
        if task.tag:
            text += f" of tag {self._code(task.tag)}"
        if task.title:
            text += f": {self._code(task.title)}"
        if task.profile:
            source = f", from {self._code(task.profile_source)}" if task.profile_source else ""
            text += f" (profile `{task.profile}`{source})"
        return f"{text}. For {self._code(self._of.change.base)}."

    def _shown_criteria(self) -> Iterator[str]:
        shown = [criterion for criterion in self._of.criteria or () if criterion.shown_by != ()]
        yield from self._list(shown, self._criterion, "criteria")
        if any(criterion.shown_by is None for criterion in shown):
            yield "\nNobody recorded which test or probe shows those without one."

    def _not_shown(self) -> list[CriterionShown]:
        return [criterion for criterion in self._of.criteria or () if criterion.shown_by == ()]

    def _criterion(self, criterion: CriterionShown) -> str:
        evidence = ", ".join(map(self._evidence, criterion.shown_by or ()))
        return f"**{self._plain(criterion.id)}** {self._code(criterion.text)}" + (f": {evidence}" if evidence else "")

    def _evidence(self, evidence: Evidence) -> str:
        if evidence.kind == "waiver":
            return f"not shown, accepted by {self._code(evidence.name)}"
        if evidence.kind == "independent":
            return f"independent criteria {self._code(evidence.name)}"
        return f"{evidence.kind} {self._code(evidence.name)}"

    def _look_at(self) -> Iterator[str]:
        of = self._of
        unnoticed, old = _unnoticed(of), [probe for probe in _probes(of) if probe.newness == "not new"]
        flaky, lost = (of.tests.flaky, of.tests.lost) if of.tests else (None, None)
        for text, entries in (
            ("Criteria that nothing shows", self._not_shown()),
            ("Controls that nothing noticed, so that no test depends on that code", unnoticed),
            ("Changed expectations of existing tests", of.changed_expectations),
            ("What a person accepted in spite of a gate", of.waivers),
            ("What the change brings in", of.supply),
            ("Probes that hold on the base too, and show nothing new", old),
            ("Tests that passed before, and do not any more", lost),
            ("Flaky tests", flaky),
        ):
            if entries:
                yield f"- {text}: {len(entries)}."
        yield f"- {_UNSEEN}"

    def _waivers(self) -> Iterator[str]:
        yield from self._list(
            self._of.waivers or (),
            lambda waiver: (
                f"{self._code(waiver.subject)} by {self._code(waiver.person)}"
                + (f" at {waiver.at}" if waiver.at else "")
                + f" (comment {self._code(waiver.comment)}): {self._code(waiver.reason)}"
            ),
            "waivers",
        )

    def _expectations(self) -> Iterator[str]:
        yield from self._list(
            self._of.changed_expectations or (),
            lambda change: (
                f"{self._code(_place(change.path, change.line))}: "
                f"{self._code(change.before)} → {self._code(change.after)}"
                + (f", asked for by {self._code(change.criterion)}" if change.criterion else "")
            ),
            "changed_expectations",
        )

    def _test(self, test: TestShown) -> str:
        notices = f", notices {', '.join(map(self._code, test.notices))}" if test.notices else ""
        base = _ON_BASE[test.base]
        return f"{self._code(test.id)}: {base}{notices}"

    def _control(self, control: ControlShown) -> str:
        label = f": {self._code(control.label)}" if control.label else ""
        return f"{control.kind} at {self._code(f'{control.path}:{control.line}')}{label}"

    def _supply(self) -> Iterator[str]:
        yield from self._list(
            self._of.supply or (),
            lambda finding: (
                f"{self._code(finding.kind)}: {self._code(finding.what)}"
                + (f" in {self._code(_place(finding.path, finding.line))}" if finding.path else "")
                + (f" ({finding.outcome})" if finding.outcome else "")
            ),
            "supply",
        )

    def _probes(self) -> Iterator[str]:
        probes = self._of.probes
        if probes is None:
            return
        held = sum(probe.held for probe in probes.probes)
        where = f" in {self._code(probes.environment)}" if probes.environment else ""
        yield f"{held} of {len(probes.probes)} held{where}."
        yield ""
        yield from self._list(probes.probes, self._probe, "probes")

    def _probe(self, probe: ProbeShown) -> str:
        newness = f", {probe.newness}" if probe.newness in ("new", "not new") else ""
        return f"{self._code(probe.name)} ({self._plain(probe.kind)}{newness}): {'held' if probe.held else 'failed'}"

    def _gates(self) -> Iterator[str]:
        tests = self._of.tests
        for gate in self._of.gates:
            yield f"- {self._code(f'press-play/{gate.name}')}: {gate.outcome}: {self._code(gate.reason)}"
        if tests is not None:
            kept = "" if tests.kept is None else f"; {tests.kept} that passed before still pass"
            yield f"- tests on the head: {tests.passed} passed, {tests.failed} did not, {tests.skipped} skipped{kept}"

    def _versions(self) -> Iterator[str]:
        versions = self._of.versions
        contract = versions.environment
        yield f"- `pressplay` {self._code(versions.pressplay)}, at {self._of.made_at}"
        for language, image in sorted((versions.images or {}).items()):
            yield f"- {self._plain(language)}: {self._code(image)}"
        if contract is not None:
            yield f"- the environment contract: {contract.origin}" + (
                f", `{contract.digest}`" if contract.digest else ""
            )

    # -- their parts ---------------------------------------------------------------------------------------------------

    def _list(self, items: Sequence[_T], line: Callable[[_T], str], name: str) -> Iterator[str]:
        """A line for each item, and how many there are no lines for."""
        for item in items[: self._entries]:
            yield f"- {line(item)}"
        hidden = max(0, len(items) - self._entries) + (self._of.left_out.get(name, 0) if items else 0)
        if hidden:
            yield f"- … and {hidden} more"

    def _code(self, text: str | None) -> str:
        return code(text or "", self._characters)

    def _plain(self, text: str) -> str:
        """A name that should be of ours, in code unless it is a plain word."""
        return text if text.replace("-", "").isalnum() and text.isascii() and len(text) < 40 else self._code(text)


def _proving(predicate: Predicate) -> list[TestShown]:
    tests: Iterable[TestShown] = (predicate.tests.changed if predicate.tests else None) or ()
    return [test for test in tests if test.proves]


def _unnoticed(predicate: Predicate) -> list[ControlShown]:
    return [control for control in predicate.controls or () if control.outcome == "not noticed"]


def _probes(predicate: Predicate) -> tuple[ProbeShown, ...]:
    return predicate.probes.probes if predicate.probes else ()


def _place(path: str, line: int | None) -> str:
    return f"{path}:{line}" if line else path
