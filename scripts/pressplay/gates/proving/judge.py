"""Decides what the runs of the tests show of a change, under the proof profile of its task.

A test is worth what it notices. It proves where it passes on the head, does not pass with the base's program, and fails
in a control that spoils the program without breaking it: one that only imports, that asserts that a name is there, or
that always passes notices none. `profiles.TABLE` says who needs such a proof. What can't be known is `undecided`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from pressplay.domain.profiles import Profile
from pressplay.gates.acceptance.proof import safe
from pressplay.gates.proving.judgement import (
    BY,
    Finding,
    FindingKind,
    Fixer,
    JudgedControl,
    Judgement,
    Observed,
    Outcome,
    ProvenTest,
    ShownProbe,
)
from pressplay.gates.proving.model import BASE, BEFORE, HEAD, Control, ControlKind, TestResult, TestRun
from pressplay.gates.proving.profiles import TABLE
from pressplay.gates.proving.results import BETWEEN, WHOLE

KEPT = "kept"
"""The variant, if there is one, that is the head with the base's tests upon it: what refactorings are judged by."""
Bound = Literal["refuse", "report"]
_SPOILT: frozenset[ControlKind] = frozenset({"bodies", "body", "mutant"})
"""Controls in which every name is still there, so that a test which fails has looked at behaviour."""
_WEAKEST: tuple[Observed, ...] = ("error", "absent", "missing", "failed")
"""Of several failures of one test, the one that shows least."""
_ENDS: Mapping[str, str] = {
    "setup": "its packages could not be fetched or set up",
    "tool": "a tool that its commands need is not there",
    "timeout": "its tests did not end in time",
    "lost": "its container was lost",
    "report": "the report of its tests can't be read",
    "build": "it does not build",
    "tampered": "a run changed what was fetched, or wrote marks of the gate",
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


@dataclass(frozen=True)
class ProbeRuns:
    """Whether a command's probe held, by variant and run; None where it was not carried out."""

    name: str
    runs: Mapping[str, Sequence[bool | None]]

    def all(self, variant: str, value: bool) -> bool:
        """Whether it did so in every run of a variant, at least one."""
        return bool(self.runs.get(variant)) and all(held is value for held in self.runs[variant])

    @property
    def newness(self) -> Literal["new", "not new", "unknown"]:
        """Whether it did not hold on the base."""
        return "new" if self.all(BASE, False) else "not new" if self.all(BASE, True) else "unknown"


def judge(
    profile: Profile,
    runs: Mapping[str, Sequence[TestRun]],
    controls: Sequence[tuple[str, Control]],
    changed_tests: frozenset[str],
    bounds: Bounds,
    probes: Sequence[ProbeRuns] = (),
    accepted: Mapping[str, str] | None = None,
) -> Judgement:
    """The judgement on a head.

    `runs`: by variant, all projects together. `controls`: by their variant's id; one without runs was not carried out.
    `changed_tests`: names of tests whose text is new or otherwise than on the base. `accepted`: tests that may be
    lost → the criterion that asks for it, as a person accepted it.
    """
    return _Case(profile, runs, controls, changed_tests, bounds, probes, accepted or {}).judgement()


@dataclass
class _Case:
    profile: Profile
    runs: Mapping[str, Sequence[TestRun]]
    given: Sequence[tuple[str, Control]]
    changed_tests: frozenset[str]
    bounds: Bounds
    probes: Sequence[ProbeRuns]
    accepted: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)
    undecided: bool = False

    def judgement(self) -> Judgement:
        demand = TABLE[self.profile]
        seconds = sum(run.seconds for runs in self.runs.values() for run in runs)
        if not any(self.runs.values()) and not self.probes:
            if self.profile == "docs":
                return Judgement(self.profile, "pass")
            text = "there is nothing to run: the project has no test command, and no probe runs a command"
            self._unknown("nothing-to-run", text)
            return Judgement(self.profile, "undecided", tuple(self.findings))
        if any(self.runs.values()) and not self._ran():
            return Judgement(self.profile, self._outcome(), tuple(self.findings), seconds=seconds)
        self._head()
        self._kept()
        self._probes()
        if demand.shown in ("proof", "failed"):
            self._shown(demand.shown)
        elif demand.shown == "controls":
            self._each_notices()
        elif demand.shown == "same":
            self._same()
        if demand.bodies:
            self._unnoticed(demand.each)
        return Judgement(
            self.profile,
            self._outcome(),
            tuple(self.findings),
            tuple(sorted(self.tests, key=lambda test: (not test.proves, test.id))),
            len(self.passed_before - self.lost.keys()),
            tuple(_safe(id_) for id_ in sorted(self.lost)),
            tuple(_safe(f"{self.accepted[id_]}: {id_}") for id_ in sorted(self.lost.keys() & self.accepted.keys())),
            tuple(_safe(id_) for id_ in sorted(self.flaky)),
            tuple(self.controls),
            tuple(self.shown_probes),
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
        self.findings.append(Finding(kind, sentence, tuple(map(_safe, details)), refuses, fixer))

    def _unknown(self, kind: FindingKind, sentence: str, details: Iterable[str] = ()) -> None:
        self.undecided = True
        self._find(kind, sentence, details)

    # --- whether there are results ------------------------------------------------------------------------------------

    def _problem(self, variant: str) -> str:
        """Why a variant has no results, or not those of all its runs; `lost` for one that was not run."""
        runs = self.runs.get(variant, ())
        problems = [run.problem for run in runs if run.problem]
        return "" if runs and not problems else "tampered" if "tampered" in problems else (*problems, "lost")[0]

    def _ran(self) -> bool:
        """Whether base and head have results to judge; else the findings say why not."""
        head, before, base = (self._problem(variant) for variant in (HEAD, BEFORE, BASE))
        logs = [run.log[-300:] for run in self.runs.get(HEAD, ()) if run.problem][:1]
        all_timed_out = all(run.problem == "timeout" for run in self.runs.get(HEAD, ()))
        if "tampered" in (head, base) and before != "tampered":
            fixer: Fixer = "rex" if head == "tampered" else "qa"
            self._find("tampered", f"at the head, {_ENDS['tampered']}", logs, fixer=fixer)
        elif head == "build" and before in ("", "report"):
            self._find("build", "the head does not build, and the base does", logs, fixer="rex")
        elif head == "timeout" and all_timed_out and not before:
            self._find("timeout", "the tests never end in time at the head, and do on the base", logs, fixer="rex")
        elif head:
            self._unknown("no-results", f"at the head, {_ENDS[head]}", logs)
        elif before and not (before == "report" and not base):
            # A runner that has no tests to run may write no report; that it can is seen with the head's tests.
            self._unknown("no-results", f"on the base, {_ENDS[before]}", [run.log for run in self.runs.get(BEFORE, ())])
        elif base and base not in ("build", "timeout"):
            self._unknown("no-results", f"on the base with the head's tests, {_ENDS[base]}")
        else:
            return True
        return False

    # --- what tests did ----------------------------------------------------------------------------------------------

    @cached_property
    def baseline(self) -> str:
        return BASE if self._problem(BEFORE) == "report" else BEFORE

    @cached_property
    def before(self) -> Mapping[str, Observed]:
        return self._observed(self.baseline)

    @cached_property
    def passed_before(self) -> frozenset[str]:
        return frozenset(id_ for id_, status in self.before.items() if status == "passed")

    @cached_property
    def base(self) -> Mapping[str, Observed]:
        return self._observed(BASE)

    @cached_property
    def head(self) -> Mapping[str, Observed]:
        return self._observed(HEAD)

    def _observed(self, variant: str) -> dict[str, Observed]:
        """Each test of a variant, by all its runs."""
        runs = self.runs.get(variant, ())
        return {id_: _over([run.tests.get(id_) for run in runs]) for id_ in _ids(runs)}

    @cached_property
    def known(self) -> frozenset[str]:
        """The tests that there were before."""
        return frozenset(_ids(self.runs.get(BEFORE, ())))

    @cached_property
    def candidates(self) -> frozenset[str]:
        """The new and the changed tests at the head."""
        return frozenset(
            id_
            for id_ in self.head
            if id_ not in self.known
            or not self.changed_tests.isdisjoint(names(id_))
            or (self.changed_tests and _whole(id_))
        )

    @cached_property
    def flaky(self) -> frozenset[str]:
        return frozenset(id_ for side in (self.base, self.head) for id_, status in side.items() if status == "flaky")

    @cached_property
    def lost(self) -> dict[str, Observed]:
        """What passed before, and what it does now."""
        upon = self._observed(KEPT) if self.profile == "refactor" and self.runs.get(KEPT) else self.head
        now = {id_: upon.get(id_, "absent") for id_ in self.passed_before}
        return {id_: status for id_, status in now.items() if status != "passed"}

    def _head(self) -> None:
        """What fails or varies at the head, besides what passed before."""
        own = {id_: status for id_, status in self.head.items() if id_ in self.candidates}
        red = {id_: status for id_, status in own.items() if status not in ("passed", "skipped", "flaky")}
        if red:
            sentence = f"{_tests(len(red), 'new or changed test')} fail at the head" + (
                ", and on the base too" if all(self._on_base(id_) not in ("passed", "flaky") for id_ in red) else ""
            )
            self._find("red", sentence, self._listed(red), fixer="rex" if "failed" in red.values() else "qa")
        varying = {
            id_
            for id_ in self.flaky
            if id_ in self.candidates or (self.head.get(id_) == "flaky" and id_ in self.passed_before)
        }
        if varying:
            self._find(
                "flaky",
                f"{_tests(len(varying), 'test')} did not do the same in every run of the same commit",
                sorted(varying),
                fixer="qa" if varying <= self.candidates else "rex",
            )
        old = {
            id_
            for id_, status in self.head.items()
            if id_ not in self.candidates and id_ not in self.passed_before and status not in ("passed", "skipped")
        }
        if old:
            self._find("red-before", f"{_tests(len(old), 'test')} failed before too", sorted(old), refuses=False)
        quiet = not red and not varying and not self.lost
        if quiet and self._exits(HEAD) and not self._exits(BEFORE):
            self._find("exit", "the test command fails at the head although each test passes", fixer="rex")

    def _exits(self, variant: str) -> bool:
        """Whether the command ended with another status than 0 in every run."""
        return all(run.exit_status != 0 for run in self.runs.get(variant, ())) and bool(self.head)

    def _kept(self) -> None:
        varying = {id_ for id_, status in self.lost.items() if status == "flaky"}
        for refuses, lost in (
            (True, self.lost.keys() - self.accepted.keys() - varying),
            (False, self.lost.keys() & self.accepted.keys()),
        ):
            if lost and refuses:
                text = f"{_tests(len(lost), 'test')} passed before and {'does' if len(lost) == 1 else 'do'} not now"
                self._find("lost", text, self._listed({id_: self.lost[id_] for id_ in lost}), fixer="rex")
            elif lost:
                text = f"{_tests(len(lost), 'test')} passed before and not now, as a person accepted"
                self._find("accepted", text, sorted(f"{self.accepted[id_]}: {id_}" for id_ in lost), refuses=False)

    def _listed(self, statuses: Mapping[str, Observed]) -> list[str]:
        listed = []
        for id_, status in sorted(statuses.items()):
            results = [run.tests[id_] for run in self.runs.get(HEAD, ()) if id_ in run.tests]
            message = next((result.message for result in results if result.status != "passed"), "")
            listed.append(f"{id_}: {status}{f': {message}' if message else ''}")
        return listed

    def _on_base(self, id_: str) -> Observed:
        return self.base.get(id_, "error" if self._problem(BASE) == "timeout" else "absent")

    # --- what notices the controls -----------------------------------------------------------------------------------

    @cached_property
    def passing(self) -> frozenset[str]:
        return frozenset(id_ for id_, status in self.head.items() if status == "passed")

    @cached_property
    def held(self) -> tuple[ProbeRuns, ...]:
        return tuple(probe for probe in self.probes if probe.all(HEAD, True))

    @cached_property
    def inconclusive(self) -> Mapping[str, str]:
        """By control, why it says nothing; '' if it does."""
        return {id_: self._inconclusive(id_) for id_, _ in self.given}

    @cached_property
    def conclusive(self) -> Mapping[str, Control]:
        """The controls that were carried out and say something."""
        return {id_: control for id_, control in self.given if not self.inconclusive[id_]}

    def _inconclusive(self, id_: str) -> str:
        runs = self.runs.get(id_, ())
        if any(held is not None for probe in self.probes for held in probe.runs.get(id_, ())):
            return ""
        if not runs:
            return "there was no time for it"
        if problem := next((run.problem for run in runs if run.problem), ""):
            return _ENDS[problem]
        results = {test: result for run in runs for test, result in run.tests.items()}
        if not any(test in results and not results[test].unbuilt for test in self.candidates or self.head):
            return "the tests can't be loaded with it"
        # Those that could be loaded may not be those that would have noticed it.
        broken = any(result.unbuilt and test not in self.unbuilt for test, result in results.items())
        kind = dict(self.given)[id_].kind
        if broken and not any(_looks(result, kind) for test, result in results.items() if test in self.head):
            return "some tests can't be loaded with it"
        return ""

    @cached_property
    def unbuilt(self) -> frozenset[str]:
        """The tests that could not be loaded at the head either."""
        return frozenset(
            test for run in self.runs.get(HEAD, ()) for test, result in run.tests.items() if result.unbuilt
        )

    @cached_property
    def noticed(self) -> Mapping[str, frozenset[str]]:
        """By control, the tests that fail in it as only a test does that looks at behaviour."""
        return {
            id_: frozenset(
                test
                for run in self.runs.get(id_, ())
                for test, result in run.tests.items()
                if test in self.passing and _looks(result, control.kind)
            )
            for id_, control in self.conclusive.items()
        }

    def _noticed_by_any(self, id_: str) -> list[str]:
        """Tests and probes that do not do the same in a control, for whatever reason."""
        tests = {
            test
            for run in self.runs.get(id_, ())
            for test, result in run.tests.items()
            if test in self.passing and result.status != "passed"
        }
        return [*sorted(probe.name for probe in self.held if probe.all(id_, False)), *sorted(tests)]

    @cached_property
    def controls(self) -> list[JudgedControl]:
        """All controls as they are shown."""
        judged = []
        for id_, control in self.given:
            by, why = self._noticed_by_any(id_), self.inconclusive[id_]
            judged.append(
                JudgedControl(
                    id_,
                    control.kind,
                    _safe(control.path),
                    control.line,
                    _safe(control.label),
                    control.weak,
                    "inconclusive" if why else "noticed" if by else "not noticed",
                    tuple(map(_safe, by[:BY])) if not why else (),
                    why,
                )
            )
        return judged

    @cached_property
    def tests(self) -> list[ProvenTest]:
        """The new and changed tests, and whether each proves."""
        shown = []
        for id_ in sorted(self.candidates):
            notices = tuple(control for control, _ in self.given if id_ in self.noticed.get(control, ()))
            proves, why = self._proves(id_, notices)
            new = id_ not in self.known
            shown.append(ProvenTest(_safe(id_), new, self._on_base(id_), self.head[id_], notices, proves, why))
        return shown

    def _proves(self, id_: str, notices: Collection[str]) -> tuple[bool, str]:
        base, head = self._on_base(id_), self.head[id_]
        if "flaky" in (base, head):
            return False, "it is flaky"
        if head != "passed":
            return False, "it does not pass at the head"
        if base == "passed" and self.profile != "tests":
            return False, "it passes with the base's program too"
        spoilt = [control for id_, control in self.conclusive.items() if control.kind in _SPOILT]
        strong = any(self.conclusive[id_].kind in _SPOILT and not self.conclusive[id_].weak for id_ in notices)
        if strong:
            return True, "it fails where the program is spoilt"
        if base == "failed":
            if not spoilt:
                return True, "it fails on the base by assertion"
            if any(self.conclusive[id_].kind == "bodies" for id_ in notices):
                return True, "it fails on the base by assertion, and reaches what changed"
            return False, "it passes however the changed functions are spoilt"
        if not spoilt and any(self.conclusive[id_].kind == "hunk" for id_ in notices):
            return True, "it fails where the change is taken back"
        return False, "it does not fail by what the program does, neither on the base nor where it is spoilt"

    @property
    def _can_prove(self) -> bool:
        """Whether controls could show what tests notice, or there are none to be carried out."""
        wanted = [id_ for id_, control in self.given if control.kind in _SPOILT and self.runs.get(id_)]
        return not wanted or any(control.kind in _SPOILT for control in self.conclusive.values())

    # --- what each profile demands -----------------------------------------------------------------------------------

    def _probes(self) -> None:
        failing = [probe.name for probe in self.probes if not probe.all(HEAD, True)]
        if failing:
            self._find("probe", f"{_tests(len(failing), 'probe')} did not hold in every run", failing, fixer="rex")
        new = TABLE[self.profile].shown in ("proof", "failed")
        if new and self.probes and all(probe.newness == "not new" for probe in self.probes):
            self._find("not-new", "each probe of a command holds on the base too", fixer="qa")

    @cached_property
    def shown_probes(self) -> list[ShownProbe]:
        """The probes as they are shown."""
        return [
            ShownProbe(
                _safe(probe.name),
                probe in self.held,
                probe.newness,
                tuple(id_ for id_, _ in self.given if probe.all(id_, False)),
            )
            for probe in self.probes
        ]

    def _new_probes(self) -> list[ProbeRuns]:
        return [probe for probe in self.held if probe.newness == "new"]

    def _shown(self, shown: str) -> None:
        """A proof of new behaviour."""
        proving = [test for test in self.tests if test.proves and (shown == "proof" or test.on_base == "failed")]
        if self._new_probes():
            return
        if not proving:
            wanted = "fails on the base by assertion, and " if shown == "failed" else ""
            text = f"no new or changed test {wanted}notices what the change does, and no probe of a command is new"
            self._find("unproven", text, (f"{test.id}: {test.why}" for test in self.tests), fixer="qa")
        elif not self._can_prove:
            text = "no control could be carried out, so nothing shows that the tests notice anything"
            self._unknown("controls", text, (f"{c.label}: {c.why}" for c in self.controls))

    def _unnoticed(self, each: bool) -> None:
        """Controls that nothing notices."""
        proving = {test.id for test in self.tests if test.proves}
        probes = {probe.name for probe in self._new_probes()}
        for control in self.controls:
            if control.outcome == "inconclusive" or (control.kind == "body" and not each):
                continue
            by = self._noticed_by_any(control.id)
            if control.kind == "bodies":
                by = [name for name in by if _safe(name) in proving | probes]
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
        if not self.candidates:
            self._find("unproven", "no test is new or changed", fixer="rex")
        elif not any(control.kind in _SPOILT and not control.weak for control in self.conclusive.values()):
            text = "no control was carried out on what the tests exercise, so nothing shows that they notice anything"
            self._unknown("controls", text)
        else:
            idle = [test for test in self.tests if not test.proves and test.on_head == "passed"]
            if idle:
                text = f"{_tests(len(idle), 'new or changed test')} pass however the program is spoilt"
                self._find("always-true", text, (test.id for test in idle), fixer="rex")
            if not any(test.on_head == "passed" for test in self.tests):
                self._find("unproven", "no new or changed test passes at the head", fixer="rex")

    def _same(self) -> None:
        """Behaviour that stays: something must show it."""
        passing = self.passed_before - self.lost.keys()
        both = {test for test in self.passing if self.base.get(test) == "passed"}
        if not passing and not both and not any(probe.newness == "not new" for probe in self.held):
            text = "no test and no probe passes on both base and head, so nothing shows that it behaves as before"
            self._find("unproven", text, fixer="qa")


_UNNOTICED: Mapping[ControlKind, str] = {
    "bodies": "no test that proves and no new probe notices that all changed functions return at once",
    "body": "no test and no probe notices that a changed function returns at once",
    "hunk": "no test and no probe notices that a hunk of the change is taken back",
    "mutant": "no test and no probe notices that a changed line computes something else",
}


def names(id_: str) -> frozenset[str]:
    """What the test of this id may be called in its source: its last part without parameters, subtests and suites."""
    last = id_.rpartition(BETWEEN)[2]
    plain = last.partition("[")[0]
    return frozenset({last, plain, last.partition("/")[0], *_titles(last), *_titles(plain)}) - {""}


def _titles(text: str) -> Iterator[str]:
    """A title as ECMAScript's tests have it, in each kind of quotes."""
    title = text.rpartition(" > ")[2]
    yield from (title, f'"{title}"', f"'{title}'", f"`{title}`")


def _whole(id_: str) -> bool:
    return id_.rpartition(BETWEEN)[2] == WHOLE


def _ids(runs: Sequence[TestRun]) -> list[str]:
    return list(dict.fromkeys(id_ for run in runs for id_ in run.tests))


def _over(results: Sequence[TestResult | None]) -> Observed:
    """One word for what a test did in all runs."""
    statuses: list[Observed] = [result.status if result else "absent" for result in results]
    for settled in ("passed", "skipped"):
        if settled in statuses:
            return settled if set(statuses) == {settled} else "flaky"
    return next(status for status in _WEAKEST if status in statuses)


def _looks(result: TestResult, kind: ControlKind) -> bool:
    """Whether a failure in a control shows that the test looks at what the program does.

    Where only bodies are spoilt, an attribute that is missing was never set: that is behaviour too.
    """
    return result.status == "failed" or (result.status == "missing" and not result.unbuilt and kind in _SPOILT)


def _safe(text: str) -> str:
    return safe(" ".join(text.split()), 300)


def _tests(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else noun + 's'}"
