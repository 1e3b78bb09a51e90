"""Decides what the runs of the tests show of a change, under the proof profile of its task.

A test is worth what it notices. It proves where it passes on the head, does not pass with the base's program, and fails
in a control that spoils the program without breaking it: one that only imports, that asserts that a name is there, or
that always passes notices none. `profiles.TABLE` says who needs such a proof. What can't be known is `undecided`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pressplay.domain.profiles import Profile
from pressplay.gates.proving.evidence import ENDS, KEPT, SPOILT, Evidence, ProbeRuns, names, quoted
from pressplay.gates.proving.judgement import Finding, FindingKind, Fixer, Judgement, Outcome
from pressplay.gates.proving.model import BASE, BEFORE, HEAD, Control, ControlKind, TestRun
from pressplay.gates.proving.profiles import TABLE
from pressplay.settings import Bound

_UNNOTICED: Mapping[ControlKind, str] = {
    "bodies": "no test that proves and no new probe notices that all changed functions return at once",
    "body": "no test and no probe notices that a changed function returns at once",
    "hunk": "no test and no probe notices that a hunk of the change is taken back",
    "mutant": "no test and no probe notices that a changed line computes something else",
}


@dataclass(frozen=True)
class Bounds:
    """What becomes of a control that nothing notices, from values (`tests.controls`)."""

    bodies: Bound = "refuse"
    """Changed functions that return at once: all together, and each."""
    hunks: Bound = "report"
    mutants: Bound = "report"

    def refuses(self, kind: ControlKind) -> bool:
        """Whether an unnoticed control of this kind stands against an approval."""
        by_kind = {"bodies": self.bodies, "body": self.bodies, "hunk": self.hunks, "mutant": self.mutants}
        return by_kind[kind] == "refuse"


def judge(
    profile: Profile,
    runs: Mapping[str, Sequence[TestRun]],
    controls: Sequence[tuple[str, Control]],
    changed_tests: frozenset[str],
    bounds: Bounds,
    probes: Sequence[ProbeRuns] = (),
    accepted: Mapping[str, str] | None = None,
    *,
    merged: bool = False,
) -> Judgement:
    """The judgement on a head.

    `runs`: by variant, all projects together. `controls`: by their variant's id; one without runs was not carried out.
    `changed_tests`: names of tests whose text is new or otherwise than on the base. `accepted`: ids or names of tests
    that may be lost → the criterion that asks for it, as a person accepted it.
    `merged`: the head is one that was proven, merged with its base branch. Nothing is asked but that all still holds.
    """
    evidence = Evidence(profile, runs, controls, changed_tests, probes)
    lost = {
        id_: min(accepted[name] for name in named)
        for id_ in evidence.lost
        if accepted and (named := accepted.keys() & {id_, *names(id_)})
    }
    return _Case(profile, evidence, bounds, lost, merged).judgement()


@dataclass
class _Case:
    profile: Profile
    evidence: Evidence
    bounds: Bounds
    accepted: Mapping[str, str]
    merged: bool
    findings: list[Finding] = field(default_factory=list)
    undecided: bool = False

    def judgement(self) -> Judgement:
        demand = TABLE[self.profile]
        seconds = sum(run.seconds for runs in self.evidence.runs.values() for run in runs)
        if not any(self.evidence.runs.values()) and not self.evidence.probes:
            if self.profile == "docs":
                return Judgement(self.profile, "pass")
            text = "there is nothing to run: the project has no test command, and no probe runs a command"
            self._unknown("nothing-to-run", text)
            return Judgement(self.profile, "undecided", tuple(self.findings))
        if any(self.evidence.runs.values()) and not self._ran():
            return Judgement(self.profile, self._outcome(), tuple(self.findings), seconds=seconds)
        self._head()
        self._kept()
        self._probes()
        if self.merged:
            return self._whole(seconds)
        if demand.shown in ("proof", "failed"):
            self._shown(demand.shown)
        elif demand.shown == "controls":
            self._each_notices()
        elif demand.shown == "same":
            self._same()
        if demand.bodies:
            self._unnoticed(demand.each)
        return self._whole(seconds)

    def _whole(self, seconds: float) -> Judgement:
        return Judgement(
            self.profile,
            self._outcome(),
            tuple(self.findings),
            tuple(sorted(self.evidence.tests, key=lambda test: (not test.proves, test.id))),
            len(self.evidence.passed_before - self.evidence.lost.keys()),
            tuple(quoted(id_) for id_ in sorted(self.evidence.lost)),
            tuple(map(quoted, self._accepted())),
            tuple(quoted(id_) for id_ in sorted(self.evidence.flaky)),
            tuple(self.evidence.controls),
            tuple(self.evidence.shown_probes),
            round(seconds, 3),
        )

    def _outcome(self) -> Outcome:
        if any(finding.refuses and not self._is_unknown(finding) for finding in self.findings):
            return "fail"
        return "undecided" if self.undecided else "pass"

    def _is_unknown(self, finding: Finding) -> bool:
        return finding.kind in ("nothing-to-run", "no-results", "controls")

    def _find(
        self,
        kind: FindingKind,
        sentence: str,
        details: Iterable[str] = (),
        *,
        fixer: Fixer | None = None,
        refuses: bool = True,
    ) -> None:
        self.findings.append(Finding(kind, sentence, tuple(map(quoted, details)), refuses, fixer))

    def _unknown(self, kind: FindingKind, sentence: str, details: Iterable[str] = ()) -> None:
        self.undecided = True
        self._find(kind, sentence, details)

    def _ran(self) -> bool:
        """Whether base and head have results to judge; else the findings say why not."""
        head, before, base = (self.evidence.problem(variant) for variant in (HEAD, BEFORE, BASE))
        logs = self._ends(HEAD)
        all_timed_out = all(run.problem == "timeout" for run in self.evidence.runs.get(HEAD, ()))
        if "tampered" in (head, base) and before != "tampered":
            fixer: Fixer = "rex" if head == "tampered" else "qa"
            self._find("tampered", f"at the head, {ENDS['tampered']}", logs, fixer=fixer)
        elif head == "build" and before in ("", "report"):
            self._find("build", "the head does not build, and the base does", logs, fixer="rex")
        elif head == "timeout" and all_timed_out and not before:
            self._find("timeout", "the tests never end in time at the head, and do on the base", logs, fixer="rex")
        elif head:
            self._unknown("no-results", f"at the head, {ENDS[head]}", logs)
        elif before and not (before == "report" and not base):
            # A runner that has no tests to run may write no report; that it can is seen with the head's tests.
            self._unknown("no-results", f"on the base, {ENDS[before]}", self._ends(BEFORE))
        elif base and base not in ("build", "timeout", "report") and not self.merged:
            # Runners that can't load one of the head's tests end without a report, as compilers do.
            self._unknown("no-results", f"on the base with the head's tests, {ENDS[base]}", self._ends(BASE))
        elif self.evidence.runs.get(KEPT) and (kept := self.evidence.problem(KEPT)) in (
            "setup",
            "tool",
            "lost",
            "service",
        ):
            self._unknown("no-results", f"at the head with the base's tests, {ENDS[kept]}", self._ends(KEPT))
        else:
            return True
        return False

    def _ends(self, variant: str) -> list[str]:
        """The end of what the first run with a problem printed, which says why."""
        return [run.log[-300:] for run in self.evidence.runs.get(variant, ()) if run.problem and run.log][:1]

    def _head(self) -> None:
        """What fails or varies at the head, besides what passed before."""
        own = {id_: status for id_, status in self.evidence.head.items() if id_ in self.evidence.candidates}
        red = {id_: status for id_, status in own.items() if status not in ("passed", "skipped", "flaky")}
        if red:
            sentence = f"{_tests(len(red), 'new or changed test')} fail at the head"
            if not self.merged and all(self.evidence.on_base(id_) not in ("passed", "flaky") for id_ in red):
                sentence += ", and on the base too"
            self._find("red", sentence, self.evidence.failures(red), fixer="rex" if "failed" in red.values() else "qa")
        varying = {
            id_
            for id_ in self.evidence.flaky
            if id_ in self.evidence.candidates
            or (self.evidence.head.get(id_) == "flaky" and id_ in self.evidence.passed_before)
        }
        if varying:
            self._find(
                "flaky",
                f"{_tests(len(varying), 'test')} did not do the same in every run of the same commit",
                sorted(varying),
                fixer="qa" if varying <= self.evidence.candidates else "rex",
            )
        old = {
            id_
            for id_, status in self.evidence.head.items()
            if id_ not in self.evidence.candidates
            and id_ not in self.evidence.passed_before
            and status not in ("passed", "skipped")
        }
        if old:
            self._find("red-before", f"{_tests(len(old), 'test')} failed before too", sorted(old), refuses=False)
        quiet = not red and not varying and not self.evidence.lost
        if quiet and self.evidence.exits(HEAD) and not self.evidence.exits(BEFORE):
            self._find("exit", "the test command fails at the head although each test passes", fixer="rex")

    def _kept(self) -> None:
        varying = {id_ for id_, status in self.evidence.lost.items() if status == "flaky"}
        for refuses, lost in (
            (True, self.evidence.lost.keys() - self.accepted.keys() - varying),
            (False, self.evidence.lost.keys() & self.accepted.keys()),
        ):
            if lost and refuses:
                text = f"{_tests(len(lost), 'test')} passed before and {'does' if len(lost) == 1 else 'do'} not now"
                listed = self.evidence.failures({id_: self.evidence.lost[id_] for id_ in lost})
                self._find("lost", text, listed, fixer="rex")
            elif lost:
                text = f"{_tests(len(lost), 'test')} passed before and not now, as a person accepted"
                self._find("accepted", text, self._accepted(), refuses=False)

    def _accepted(self) -> list[str]:
        """The lost tests that a person accepted, each with its criterion."""
        return sorted(f"{self.accepted[id_]}: {id_}" for id_ in self.evidence.lost.keys() & self.accepted.keys())

    def _probes(self) -> None:
        failing = [probe.name for probe in self.evidence.probes if not probe.all(HEAD, True)]
        if failing:
            self._find("probe", f"{_tests(len(failing), 'probe')} did not hold in every run", failing, fixer="rex")
        new = not self.merged and TABLE[self.profile].shown in ("proof", "failed")
        if new and self.evidence.probes and all(probe.newness == "not new" for probe in self.evidence.probes):
            self._find("not-new", "each probe of a command holds on the base too", fixer="qa")

    def _shown(self, shown: str) -> None:
        """A proof of new behaviour."""
        proving = [
            test for test in self.evidence.tests if test.proves and (shown == "proof" or test.on_base == "failed")
        ]
        if self.evidence.new_probes():
            return
        if not proving:
            wanted = "fails on the base by assertion, and " if shown == "failed" else ""
            text = f"no new or changed test {wanted}notices what the change does, and no probe of a command is new"
            self._find("unproven", text, (f"{test.id}: {test.why}" for test in self.evidence.tests), fixer="qa")
        elif not self.evidence.can_prove:
            text = "no control could be carried out, so nothing shows that the tests notice anything"
            self._unknown("controls", text, (f"{c.label}: {c.why}" for c in self.evidence.controls))

    def _unnoticed(self, each: bool) -> None:
        """Controls that nothing notices."""
        proving = {test.id for test in self.evidence.tests if test.proves}
        probes = {probe.name for probe in self.evidence.new_probes()}
        for control in self.evidence.controls:
            if control.outcome == "inconclusive" or (control.kind == "body" and not each):
                continue
            by = self.evidence.noticed_by_any(control.id)
            if control.kind == "bodies":
                by = [name for name in by if quoted(name) in proving | probes]
            if not by:
                self._find(
                    control.kind,
                    _UNNOTICED[control.kind],
                    [f"{control.path}:{control.line}: {control.label}"],
                    refuses=self.bounds.refuses(control.kind),
                    fixer="qa",
                )

    def _each_notices(self) -> None:
        """Tests alone: each of them must notice something."""
        if not self.evidence.candidates:
            self._find("unproven", "no test is new or changed", fixer="rex")
        elif not any(control.kind in SPOILT and not control.weak for control in self.evidence.conclusive.values()):
            text = "no control was carried out on what the tests exercise, so nothing shows that they notice anything"
            self._unknown("controls", text)
        else:
            idle = [test for test in self.evidence.tests if not test.proves and test.on_head == "passed"]
            if idle:
                text = f"{_tests(len(idle), 'new or changed test')} pass however the program is spoilt"
                self._find("always-true", text, (test.id for test in idle), fixer="rex")
            if not any(test.on_head == "passed" for test in self.evidence.tests):
                self._find("unproven", "no new or changed test passes at the head", fixer="rex")

    def _same(self) -> None:
        """Behaviour that stays: something must show it."""
        passing = self.evidence.passed_before - self.evidence.lost.keys()
        both = {test for test in self.evidence.passing if self.evidence.base.get(test) == "passed"}
        if not passing and not both and not any(probe.newness == "not new" for probe in self.evidence.held):
            text = "no test and no probe passes on both base and head, so nothing shows that it behaves as before"
            self._find("unproven", text, fixer="qa")


def _tests(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else noun + 's'}"
