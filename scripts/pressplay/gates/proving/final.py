"""Decides whether a play left its base branch whole: what fails now, and did not fail before the play's first merge.

A test that is gone with its text is no fault: a person approved the task that took it out. What does not do the same in
every run, and what could not be carried out, decides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pressplay.domain.profiles import DEFAULT
from pressplay.gates.acceptance.proof import ProbeProof
from pressplay.gates.proving.evidence import ENDS, Evidence, ProbeRuns, names, quoted
from pressplay.gates.proving.judgement import Observed, counted
from pressplay.gates.proving.model import BEFORE, HEAD, TestRun

_FAILED = frozenset({"failed", "missing", "error"})
_OF_THE_TREE = {"build": "it does not build", "timeout": "its tests never end in time", "tampered": ENDS["tampered"]}
"""What a tree without results may itself be the cause of: clauses of ours."""
_DIGEST = 12
"""Hexadecimal digits."""
_PRINTED = 200
"""Characters of the end of what a run printed."""


@dataclass(frozen=True)
class Finding:
    """Something that fails, or that decides nothing."""

    sentence: str
    """A clause of ours, which quotes nothing of others."""
    details: tuple[str, ...] = ()
    """Strangers' text."""


@dataclass(frozen=True)
class Verdict:
    """What the tests and probes of a play's tasks do on a commit of the base branch."""

    broken: tuple[Finding, ...] = ()
    unknown: tuple[Finding, ...] = ()
    failing: tuple[str, ...] = ()
    """What is broken: a digest of each test's id, each probe's name, each way in which all of it fails."""
    passed: int = 0
    """Tests that pass."""
    held: int = 0
    """Probes that hold."""

    @property
    def outcome(self) -> Literal["pass", "fail", "error"]:
        """`error`: nothing is broken as far as is known, and not all of it is known."""
        return "fail" if self.broken else "error" if self.unknown else "pass"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Those that decide the outcome."""
        return self.broken or self.unknown

    def reason(self) -> str:
        """Why, in one sentence of ours with counts."""
        if self.findings:
            return "; ".join(dict.fromkeys(finding.sentence for finding in self.findings))
        passes = "passes" if self.passed == 1 else "pass"
        return f"{counted(self.passed, 'test')} {passes}, {counted(self.held, 'probe')} held"


def judge(
    runs: Mapping[str, Sequence[TestRun]],
    changed_tests: frozenset[str],
    probes: Mapping[str, Mapping[str, Sequence[ProbeProof]]],
) -> Verdict:
    """The verdict on a commit.

    `runs`: by variant, of the commit (HEAD) and of the one before the play's first merge (BEFORE). `changed_tests`:
    names of the tests whose text is on one side alone, or not the same on both. `probes`: what came of those of the
    play's tasks, by name and variant.
    """
    evidence = Evidence(DEFAULT, runs, (), changed_tests, [ProbeRuns.of(name, each) for name, each in probes.items()])
    case = _Case(evidence)
    if any(runs.values()):
        case.tests()
    failures = {name: [proof.failure for proof in each.get(HEAD, ())] for name, each in probes.items()}
    case.probes({name: next(filter(None, each), "it was not carried out") for name, each in failures.items()})
    return Verdict(
        tuple(case.broken),
        tuple(case.unknown),
        tuple(sorted({_digest(name) for name in case.failing})),
        sum(status == "passed" for status in evidence.head.values()),
        len(evidence.held),
    )


def without_runs(sentence: str, details: Sequence[str], *, tampered: bool) -> Verdict:
    """The verdict where the logs can't be read: it decides nothing, unless a test wrote into them (`tampered`)."""
    finding = Finding(sentence, tuple(details))
    return Verdict(broken=(finding,), failing=(_digest("all: tampered"),)) if tampered else Verdict(unknown=(finding,))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]


class _Case:
    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.broken: list[Finding] = []
        self.unknown: list[Finding] = []
        self.failing: set[str] = set()

    def tests(self) -> None:
        head, before = self.evidence.problem(HEAD), self.evidence.problem(BEFORE)
        # A runner without tests may write no report: then there were none.
        comparable = before in ("", "report")
        if head:
            logs = [run.log[-_PRINTED:] for run in self.evidence.runs.get(HEAD, ()) if run.problem and run.log][:1]
            every = all(run.problem == head for run in self.evidence.runs.get(HEAD, ()))
            if head in _OF_THE_TREE and every and not before:
                self._break(_OF_THE_TREE[head], logs, [f"all: {head}"])
            else:
                self._unknown(f"the tests have no results: {ENDS[head]}", logs)
            return
        failing = {
            id_: status
            for id_, status in self.evidence.head.items()
            if status in _FAILED and self.evidence.before.get(id_) not in _FAILED
        }
        if failing and not comparable:
            self._unknown(f"the tests before the play's first merge have no results: {ENDS[before]}")
        elif failing:
            sentence = f"{counted(len(failing), 'test')} {'fails' if len(failing) == 1 else 'fail'}"
            sentence += " that did not fail before the play's first merge"
            self._break(sentence, self._failures(failing), failing)
        # One that has a result in some runs alone is as little settled as one that does not always pass.
        varying = [id_ for id_, status in self.evidence.head.items() if status in ("flaky", "absent")]
        if varying:
            self._unknown(f"{counted(len(varying), 'test')} did not do the same in every run", varying)
        self._gone()
        if not (failing or varying) and self.evidence.exits(HEAD) and not self.evidence.exits(BEFORE):
            self._break("the test command fails although each test passes", (), ["all: exit"])

    def _failures(self, failing: Mapping[str, Observed]) -> list[str]:
        """The failing tests with their messages; where a report gives none, with the end of what was printed."""
        log = next((run.log[-_PRINTED:] for run in self.evidence.runs[HEAD] if run.log.strip()), "")
        results = {id_: result for run in self.evidence.runs[HEAD] for id_, result in run.tests.items()}
        listed = zip(sorted(failing), self.evidence.failures(failing), strict=True)
        return [text if results[id_].message or not log else f"{text}: {log}" for id_, text in listed]

    def _gone(self) -> None:
        """Tests that do not run any more, although nobody took them out."""
        gone = [
            id_
            for id_ in sorted(self.evidence.passed_before)
            if self.evidence.head.get(id_, "skipped") == "skipped"
            and self.evidence.changed_tests.isdisjoint(names(id_))
        ]
        if gone and not self.broken:
            sentence = (
                f"{counted(len(gone), 'test')} passed before, {'is' if len(gone) == 1 else 'are'} still in the source"
            )
            self._unknown(f"{sentence}, and did not run", gone)

    def probes(self, why: Mapping[str, str]) -> None:
        failing = [probe.name for probe in self.evidence.probes if probe.all(HEAD, False)]
        others = [p.name for p in self.evidence.probes if not p.all(HEAD, False) and not p.all(HEAD, True)]
        if failing:
            details = [f"{name}: {why[name]}" for name in failing]
            self._break(f"{counted(len(failing), 'probe')} of the play's tasks did not hold", details, failing)
        if others:
            sentence = f"{counted(len(others), 'probe')} could not be run, or did not do the same in every run"
            self._unknown(sentence, [f"{name}: {why[name]}" for name in others])

    def _break(self, sentence: str, details: Iterable[str], failing: Iterable[str]) -> None:
        self.broken.append(Finding(sentence, tuple(map(quoted, details))))
        self.failing.update(failing)

    def _unknown(self, sentence: str, details: Iterable[str] = ()) -> None:
        self.unknown.append(Finding(sentence, tuple(map(quoted, details))))
