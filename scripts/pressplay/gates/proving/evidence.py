"""What the runs of the tests show, before anybody judges it: which tests passed where, and what they notice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pressplay.domain.profiles import Profile
from pressplay.gates.acceptance.proof import ProbeProof, safe
from pressplay.gates.proving.judgement import BY, JudgedControl, Observed, ProvenTest, ShownProbe
from pressplay.gates.proving.model import BASE, BEFORE, HEAD, SAME, Control, ControlKind, TestResult, TestRun
from pressplay.gates.proving.results import BETWEEN, WHOLE

KEPT = "kept"
"""The variant, if there is one, that is the head with the base's tests upon it: what refactorings are judged by."""
SPOILT: frozenset[ControlKind] = frozenset({"bodies", "body", "mutant"})
"""Controls in which every name is still there, so that a test which fails has looked at behaviour."""
_WEAKEST: tuple[Observed, ...] = ("error", "absent", "missing", "failed")
"""Of several failures of one test, the one that shows least."""
ENDS: Mapping[str, str] = {
    "setup": "its packages could not be fetched or set up",
    "tool": "a tool that its commands need is not there",
    "timeout": "its tests did not end in time",
    "lost": "its container was lost",
    "report": "the report of its tests can't be read",
    "build": "it does not build",
    "service": "a service beside its tests was not there",
    "tampered": "a run changed what was fetched, or wrote marks of the gate",
}
"""Why a variant has no results, by the problem of its runs: clauses of ours."""


@dataclass(frozen=True)
class ProbeRuns:
    """Whether a command's probe held, by variant and run; None where it was not carried out."""

    name: str
    runs: Mapping[str, Sequence[bool | None]]

    @staticmethod
    def of(name: str, proofs: Mapping[str, Sequence[ProbeProof]]) -> ProbeRuns:
        """From what the probe brought in each run of each variant. Where it was not carried out, it did neither."""
        runs = {id_: [None if proof.fault else proof.passed for proof in each] for id_, each in proofs.items()}
        return ProbeRuns(name, runs)

    def all(self, variant: str, value: bool) -> bool:
        """Whether it did so in every run of a variant, at least one."""
        return bool(self.runs.get(variant)) and all(held is value for held in self.runs[variant])

    @property
    def newness(self) -> Literal["new", "not new", "unknown"]:
        """Whether it holds at the head and did not hold on the base; unknown where either was not carried out.

        Also for one that does not hold where the head's program is the same in other words: it reads its text.
        """
        if not self.all(HEAD, True) or self.all(SAME, False):
            return "unknown"
        return "new" if self.all(BASE, False) else "not new" if self.all(BASE, True) else "unknown"


@dataclass
class Evidence:
    """The runs of a head, with what they show; each property is computed once."""

    profile: Profile
    runs: Mapping[str, Sequence[TestRun]]
    given: Sequence[tuple[str, Control]]
    changed_tests: frozenset[str]
    probes: Sequence[ProbeRuns]

    def problem(self, variant: str) -> str:
        """Why a variant has no results, or not those of all its runs; `lost` for one that was not run."""
        runs = self.runs.get(variant, ())
        problems = [run.problem for run in runs if run.problem]
        return "" if runs and not problems else "tampered" if "tampered" in problems else (*problems, "lost")[0]

    def exits(self, variant: str) -> bool:
        """Whether the command ended with another status than 0 in every run."""
        return all(run.exit_status != 0 for run in self.runs.get(variant, ())) and bool(self.head)

    def failures(self, statuses: Mapping[str, Observed]) -> list[str]:
        """These tests, each with what it did at the head and its first message: strangers' text."""
        listed = []
        for id_, status in sorted(statuses.items()):
            results = [run.tests[id_] for run in self.runs.get(HEAD, ()) if id_ in run.tests]
            message = next((result.message for result in results if result.status != "passed"), "")
            listed.append(f"{id_}: {status}{f': {message}' if message else ''}")
        return listed

    @cached_property
    def baseline(self) -> str:
        """The variant that says what passed before: without a report there were no tests, and the head's say it."""
        return BASE if self.problem(BEFORE) == "report" else BEFORE

    @cached_property
    def before(self) -> Mapping[str, Observed]:
        """What each test did before."""
        return self._observed(self.baseline)

    @cached_property
    def passed_before(self) -> frozenset[str]:
        """The tests that must still pass."""
        return frozenset(id_ for id_, status in self.before.items() if status == "passed")

    @cached_property
    def base(self) -> Mapping[str, Observed]:
        """What each of the head's tests did with the base's program.

        A program that crashes ends a run anywhere: what a test did in runs that came to its end counts.
        """
        runs = self.runs.get(BASE, ())
        observed = {}
        for id_ in _ids(runs):
            results = [run.tests[id_] for run in runs if id_ in run.tests]
            observed[id_] = _over([result for result in results if result.status != "error"] or results)
        return observed

    @cached_property
    def head(self) -> Mapping[str, Observed]:
        """What each test did at the head."""
        return self._observed(HEAD)

    def on_base(self, id_: str) -> Observed:
        """What a test did with the base's program; `error` for one that a time limit left without a result."""
        return self.base.get(id_, "error" if self.problem(BASE) == "timeout" else "absent")

    @cached_property
    def known(self) -> frozenset[str]:
        """The tests that there were before."""
        return frozenset(_ids(self.runs.get(BEFORE, ())))

    @cached_property
    def candidates(self) -> frozenset[str]:
        """The new and the changed tests at the head.

        A test that does something else with the base's program than before is another test, though its own text is the
        same: its table of cases, a fixture or a file that it reads is not.
        """
        return frozenset(
            id_
            for id_ in self.head
            if id_ not in self.known
            or not self.changed_tests.isdisjoint(names(id_))
            or (self.changed_tests and _whole(id_))
            or (id_ in self.passed_before and self.base.get(id_) == "failed" and not _whole(id_))
        )

    @cached_property
    def flaky(self) -> frozenset[str]:
        """The tests that did not do the same in all runs of base or head."""
        return frozenset(id_ for side in (self.base, self.head) for id_, status in side.items() if status == "flaky")

    @cached_property
    def lost(self) -> dict[str, Observed]:
        """What passed before, and what it does now."""
        upon = self._observed(KEPT) if self.profile == "refactor" and self.runs.get(KEPT) else self.head
        now = {id_: upon.get(id_, "absent") for id_ in self.passed_before}
        return {id_: status for id_, status in now.items() if status != "passed"}

    def _observed(self, variant: str) -> dict[str, Observed]:
        """Each test of a variant, by all its runs."""
        runs = self.runs.get(variant, ())
        return {id_: _over([run.tests.get(id_) for run in runs]) for id_ in _ids(runs)}

    @cached_property
    def passing(self) -> frozenset[str]:
        """The tests that passed in all runs of the head."""
        return frozenset(id_ for id_, status in self.head.items() if status == "passed")

    @cached_property
    def held(self) -> tuple[ProbeRuns, ...]:
        """The probes that held in all runs of the head."""
        return tuple(probe for probe in self.probes if probe.all(HEAD, True))

    def new_probes(self) -> list[ProbeRuns]:
        """The probes that held at the head and not on the base."""
        return [probe for probe in self.held if probe.newness == "new"]

    @cached_property
    def conclusive(self) -> Mapping[str, Control]:
        """The controls that were carried out and say something."""
        return {id_: control for id_, control in self.given if not self.inconclusive[id_]}

    @cached_property
    def inconclusive(self) -> Mapping[str, str]:
        """By control, why it says nothing; '' if it does."""
        return {id_: self._inconclusive(id_) for id_, _ in self.given}

    def _inconclusive(self, id_: str) -> str:
        runs = self.runs.get(id_, ())
        if any(held is not None for probe in self.probes for held in probe.runs.get(id_, ())):
            return ""
        if not runs:
            return "there was no time for it"
        if problem := next((run.problem for run in runs if run.problem), ""):
            return ENDS[problem]
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
                if test in self.passing - self.readers and _looks(result, control.kind)
            )
            for id_, control in self.conclusive.items()
        }

    @cached_property
    def readers(self) -> frozenset[str]:
        """The tests that fail where the head's program is the same in other words: they look at its text or code."""
        runs = [run for run in self.runs.get(SAME, ()) if not run.problem]
        return frozenset(
            test
            for run in runs
            for test, result in run.tests.items()
            if test in self.passing and _looks(result, "body")
        )

    def noticed_by_any(self, id_: str) -> list[str]:
        """Tests and probes that do not do the same in a control, for whatever reason."""
        tests = {
            test
            for run in self.runs.get(id_, ())
            for test, result in run.tests.items()
            if test in self.passing - self.readers and result.status != "passed"
        }
        return [*sorted(probe.name for probe in self.held if probe.all(id_, False)), *sorted(tests)]

    @property
    def can_prove(self) -> bool:
        """Whether controls could show what tests notice, or there are none to be carried out."""
        wanted = [id_ for id_, control in self.given if control.kind in SPOILT and self.runs.get(id_)]
        return not wanted or any(control.kind in SPOILT for control in self.conclusive.values())

    @cached_property
    def controls(self) -> list[JudgedControl]:
        """All controls as they are shown."""
        judged = []
        for id_, control in self.given:
            by, why = self.noticed_by_any(id_), self.inconclusive[id_]
            judged.append(
                JudgedControl(
                    id_,
                    control.kind,
                    quoted(control.path),
                    control.line,
                    quoted(control.label),
                    control.weak,
                    "inconclusive" if why else "noticed" if by else "not noticed",
                    tuple(map(quoted, by[:BY])) if not why else (),
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
            shown.append(ProvenTest(quoted(id_), new, self.on_base(id_), self.head[id_], notices, proves, why))
        return shown

    def _proves(self, id_: str, notices: Collection[str]) -> tuple[bool, str]:
        base, head = self.on_base(id_), self.head[id_]
        if "flaky" in (base, head):
            return False, "it is flaky"
        if head != "passed":
            return False, "it does not pass at the head"
        if id_ in self.readers:
            return False, "it looks at the program's text: it fails where that alone is another"
        if base == "passed" and self.profile != "tests":
            return False, "it passes with the base's program too"
        spoilt = [control for id_, control in self.conclusive.items() if control.kind in SPOILT]
        strong = any(self.conclusive[id_].kind in SPOILT and not self.conclusive[id_].weak for id_ in notices)
        if strong and base != "failed" and not self._needs_change(id_, notices):
            return False, "it passes where the change is taken back"
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

    def _needs_change(self, id_: str, notices: Collection[str]) -> bool:
        """Whether a test that the base could not run looks at what is new, as far as controls show.

        What a changed function did before is not new, although a test of it notices that the function returns at once.
        """
        hunks = [control for control, made in self.given if made.kind == "hunk" and self.runs.get(control)]
        known = {made.path for _, made in self.given if made.kind == "hunk"}
        in_new_files = any(
            control in notices and made.kind in SPOILT and made.path not in known for control, made in self.given
        )
        passes = [all(_passed(run, id_) for run in self.runs[control]) for control in hunks]
        return in_new_files or not hunks or not all(passes)

    @cached_property
    def shown_probes(self) -> list[ShownProbe]:
        """The probes as they are shown."""
        return [
            ShownProbe(
                quoted(probe.name),
                probe in self.held,
                probe.newness,
                tuple(id_ for id_, _ in self.given if probe.all(id_, False)),
            )
            for probe in self.probes
        ]


def names(id_: str) -> frozenset[str]:
    """What the test of this id may be called in its source: its last part without parameters, subtests and suites."""
    last = id_.rpartition(BETWEEN)[2]
    plain = last.partition("[")[0]
    return frozenset({last, plain, last.partition("/")[0], *_titles(last), *_titles(plain)}) - {""}


def _titles(text: str) -> Iterator[str]:
    """A title as ECMAScript's tests have it, in each kind of quotes."""
    title = text.rpartition(" > ")[2]
    yield from (title, f'"{title}"', f"'{title}'", f"`{title}`")


def _passed(run: TestRun, id_: str) -> bool:
    return id_ in run.tests and run.tests[id_].status == "passed"


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
    return result.status == "failed" or (result.status == "missing" and not result.unbuilt and kind in SPOILT)


def quoted(text: str) -> str:
    """Strangers' text as a judgement holds it: one line, without secrets."""
    return safe(" ".join(text.split()), 300)
