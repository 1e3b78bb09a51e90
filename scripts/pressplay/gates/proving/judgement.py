"""What the tests gate decided about a commit, and why: kept in the proof, shown in the check.

Texts of others (ids, labels, messages) are made safe when it is made, and stand in code alone where it is shown (R7).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from pressplay.domain.profiles import Profile
from pressplay.errors import InputError
from pressplay.gates.acceptance import packing
from pressplay.gates.proving.model import ControlKind, Status
from pressplay.validation.markdown import code, fenced

PACKED = 48 * 1024
"""Characters of a judgement as it travels through an Argo parameter."""
SHOWN = 60_000
"""Characters of a judgement as it is shown: GitHub takes 65,535."""
_LIMITS = (1000, 300, 100, 30, 10, 0)
"""Entries of each list that are kept or shown, tried one after the other until the whole fits."""
_CLOSED = ConfigDict(extra="forbid", strict=True)

Outcome = Literal["pass", "fail", "undecided"]
Fixer = Literal["rex", "qa"]
Observed = Status | Literal["absent", "flaky"]
"""What a test did in all runs of a variant: `flaky` if it passed, or was skipped, in some; `absent` without results."""
FindingKind = Literal[
    "nothing-to-run", "no-results", "build", "timeout", "tampered", "exit", "red", "lost", "accepted", "flaky",
    "red-before", "probe", "not-new", "unproven", "bodies", "body", "hunk", "mutant", "controls", "always-true",
    "independent",
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something that the judge says, and whether it stands against an approval."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    kind: FindingKind
    sentence: str
    """A clause of ours, which quotes nothing of others."""
    details: tuple[str, ...] = ()
    """What it is about: strangers' text."""
    refuses: bool = True
    fixer: Fixer | None = None
    """The agent that can fix it; None: none can."""


@dataclass(frozen=True)
class ProvenTest:
    """A new or changed test, and what it shows."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: str
    new: bool
    """Whether the base has no test of this id."""
    on_base: Observed
    """With the base's program."""
    on_head: Observed
    notices: tuple[str, ...]
    """The ids of the controls in which it fails."""
    proves: bool
    why: str
    """A clause of ours."""


@dataclass(frozen=True)
class JudgedControl:
    """A control, and who noticed it."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: str
    kind: ControlKind
    path: str
    line: int
    label: str
    weak: bool
    outcome: Literal["noticed", "not noticed", "inconclusive"]
    by: tuple[str, ...] = ()
    """Tests and probes, at most BY."""
    why: str = ""
    """Why it is inconclusive: a clause of ours."""


BY = 5
"""Tests that a control names."""


@dataclass(frozen=True)
class ShownProbe:
    """A command's probe."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    name: str
    held: bool
    newness: Literal["new", "not new", "unknown"]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class IndependentProbes:
    """What came of the probes that another run wrote before any code existed. Nothing of them is quoted."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    plan: str
    """The digest of their plan."""
    count: int
    held: tuple[str, ...]
    """The ids of criteria all of whose probes held."""
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """The verdict of the tests gate."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    profile: Profile
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    tests: tuple[ProvenTest, ...] = ()
    """The new and changed ones, those that prove first."""
    kept: int = 0
    """Tests that passed before and still pass."""
    lost: tuple[str, ...] = ()
    """Tests that passed before and are gone, or no longer pass."""
    accepted: tuple[str, ...] = ()
    """Lost tests that a person accepted, each with its criterion: `AC3: id`."""
    flaky: tuple[str, ...] = ()
    controls: tuple[JudgedControl, ...] = ()
    probes: tuple[ShownProbe, ...] = ()
    seconds: float = 0.0
    left_out: int = 0
    """Entries of these lists that were cut to make it fit."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    """Tests on the head, in its last run."""
    independent: IndependentProbes | None = None
    """None where no independent criteria are asked for, or their probes could not be carried out."""

    @property
    def fixer(self) -> Fixer | None:
        """Who must fix what is refused: Rex if anything is his; None if no agent can."""
        fixers = {finding.fixer for finding in self.refusing}
        return "rex" if "rex" in fixers else "qa" if "qa" in fixers else None

    @property
    def refusing(self) -> tuple[Finding, ...]:
        """The findings that stand against an approval."""
        return tuple(finding for finding in self.findings if finding.refuses)

    @property
    def proving(self) -> frozenset[str]:
        """The ids of the tests that prove."""
        return frozenset(test.id for test in self.tests if test.proves)

    def reason(self) -> str:
        """Why, in one sentence of ours with counts."""
        if self.outcome != "pass":
            return "; ".join(dict.fromkeys(finding.sentence for finding in self.refusing))
        noticed = sum(control.outcome == "noticed" for control in self.controls)
        parts = [f"{counted(self.kept, 'test')} of the base still {'passes' if self.kept == 1 else 'pass'}"]
        if self.tests:
            parts.append(f"{len(self.proving)} of {counted(len(self.tests), 'new or changed test')} prove the change")
        if self.controls:
            parts.append(f"{noticed} of {counted(len(self.controls), 'control')} noticed")
        if self.probes:
            new = sum(probe.newness == "new" for probe in self.probes)
            parts.append(f"{counted(len(self.probes), 'probe')} held, {new} of them new")
        if self.independent:
            parts.append(f"{counted(self.independent.count, 'independent probe')} held")
        return f"as a {self.profile}: {', '.join(parts)}"

    def to_json(self) -> str:
        """As JSON, keys as the fields."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=False)

    @staticmethod
    def from_json(text: str, where: str = "judgement") -> Judgement:
        """The judgement that `to_json` wrote; InputError naming `where` for anything else."""
        try:
            return TypeAdapter(Judgement).validate_json(text)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'all'}: {fault['msg']}" for fault in error.errors()[:5]
            )
            raise InputError(f"{where}: expected a judgement as the tests gate writes it: {faults}") from error

    def pack(self) -> str:
        """As an Argo parameter may carry it: lists are cut until it fits PACKED. InputError if it does not."""
        for limit in _LIMITS:
            packed = packing.pack(cut(self, limit).to_json())
            if len(packed) <= PACKED:
                return packed
        raise InputError(f"judgement: expected at most {PACKED} characters once packed, got more")

    @staticmethod
    def unpack(text: str, where: str = "judgement") -> Judgement:
        """The judgement that `pack` packed; InputError if it is not one."""
        return Judgement.from_json(packing.unpack(text, where), where)


def cut(judgement: Judgement, limit: int) -> Judgement:
    """The judgement with at most `limit` entries in each list; what stands against an approval comes first."""
    controls = sorted(judgement.controls, key=lambda control: control.outcome != "not noticed")
    lists = {
        "tests": judgement.tests, "lost": judgement.lost, "accepted": judgement.accepted, "flaky": judgement.flaky,
        "controls": controls, "probes": judgement.probes,
    }  # fmt: skip
    left_out = sum(max(0, len(entries) - limit) for entries in lists.values())
    if not left_out and all(len(finding.details) <= limit for finding in judgement.findings):
        return judgement
    return replace(
        judgement,
        findings=tuple(replace(finding, details=finding.details[:limit]) for finding in judgement.findings),
        tests=judgement.tests[:limit],
        lost=judgement.lost[:limit],
        accepted=judgement.accepted[:limit],
        flaky=judgement.flaky[:limit],
        controls=tuple(controls[:limit]),
        probes=judgement.probes[:limit],
        left_out=judgement.left_out + left_out,
    )


def markdown(judgement: Judgement) -> str:
    """A judgement for people on GitHub: fewer than SHOWN characters, all that is strangers' in code."""
    for limit in _LIMITS:
        text = _rendered(cut(judgement, limit))
        if len(text) < SHOWN:
            return text
    return f"**{_title(judgement)}** It is too large to be shown here.\n"


def _title(judgement: Judgement) -> str:
    word = {"pass": "passed", "fail": "failed", "undecided": "undecided"}[judgement.outcome]
    return f"Tests {word}: {judgement.reason()}."


def _rendered(judgement: Judgement) -> str:
    parts = [f"**{_title(judgement)}**"]
    for finding in sorted(judgement.findings, key=lambda finding: not finding.refuses):
        mark = "**refused**" if finding.refuses and judgement.outcome == "fail" else "note"
        parts.append(f"- {mark}: {finding.sentence}")
        if finding.details:
            parts.append(fenced("\n".join(finding.details)))
    if judgement.tests:
        parts.append(f"### New and changed tests\n\n{_table(_HEAD_TESTS, map(_test, judgement.tests))}")
    if judgement.controls:
        parts.append(f"### Controls\n\n{_table(_HEAD_CONTROLS, map(_control, judgement.controls))}")
    if judgement.probes:
        parts.append(f"### Probes\n\n{_table(_HEAD_PROBES, map(_probe, judgement.probes))}")
    for title, ids in (("Lost", judgement.lost), ("Accepted", judgement.accepted), ("Flaky", judgement.flaky)):
        if ids:
            parts.append(f"### {title}\n\n" + "\n".join(f"- {code(id_)}" for id_ in ids))
    if judgement.left_out:
        parts.append(f"{judgement.left_out} more entries are not shown.")
    return "\n\n".join(parts) + "\n"


_HEAD_TESTS = ("test", "base", "head", "notices", "proves")
_HEAD_CONTROLS = ("control", "kind", "where", "outcome", "by")
_HEAD_PROBES = ("probe", "held", "newness", "notices")


def _test(test: ProvenTest) -> tuple[str, ...]:
    proves = "yes" if test.proves else "no"
    return _cell(test.id), test.on_base, test.on_head, " ".join(test.notices), f"{proves}: {test.why}"


def _control(control: JudgedControl) -> tuple[str, ...]:
    where = f"{_cell(control.label)} {_cell(f'{control.path}:{control.line}')}"
    outcome = f"{control.outcome}: {control.why}" if control.why else control.outcome
    return control.id, control.kind, where, outcome, " ".join(map(_cell, control.by))


def _probe(probe: ShownProbe) -> tuple[str, ...]:
    return _cell(probe.name), "yes" if probe.held else "no", probe.newness, " ".join(probe.notices)


def _cell(text: str) -> str:
    """Strangers' text as code in a cell of a table, which only a bar would end."""
    return code(text.replace("|", "¦"), 160)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    def lines() -> Iterator[str]:
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * len(head)}"
        for row in rows:
            yield f"| {' | '.join(row)} |"

    return "\n".join(lines())


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 test`, `2 tests`."""
    return f"{number} {noun if number == 1 else noun + 's'}"
