"""One trial: what the gates make of one case, as they would of a pull request, without GitHub and without agents.

The gates are asked in the order in which they cost: what the tests lost, the plan of probes, what the change brings in,
the tests with their controls, and last what somebody else asks of the head. The first that refuses decides.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pressplay.errors import InputError
from pressplay.evaluation import trees
from pressplay.evaluation.corpus import INDEPENDENT, PLAN, Case
from pressplay.evaluation.figures import Decision, Trial
from pressplay.evaluation.workshop import Workshop
from pressplay.gates.acceptance import probe_plan
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.only_tests import Paths
from pressplay.gates.proving import assessment, environment, independent, job, judge
from pressplay.gates.proving.judgement import Judgement as Judged
from pressplay.gates.proving.judgement import Outcome
from pressplay.gates.proving.model import Environment
from pressplay.gates.supply.judge import Judgement, inspect, policy
from pressplay.github.commits import Commits, Side
from pressplay.settings import Supply
from pressplay.steps.review import kept_tests
from pressplay.steps.review.pushed import Branch
from pressplay.validation.report import Invalid

if TYPE_CHECKING:
    from pressplay.gates.proving.model import Language

_PATHS = Paths()
_IS_TEST = _PATHS.match
_DECISIONS: Mapping[Outcome, Decision] = {"pass": "approve", "fail": "refuse", "undecided": "undecided"}
_NO_COMMITS_BY_AGENTS = Branch([], 0, recorded=True)


@dataclass(frozen=True)
class _Said:
    """What one gate says."""

    decision: Decision = "approve"
    reason: str = field(default="", repr=False)


@dataclass
class _Case:
    """A case with all that its gates read, made once."""

    case: Case
    commits: Commits
    workshop: Workshop
    environment: Environment
    bounds: job.Bounds
    plan: ProbePlan | None = None

    def gates(self) -> Iterator[tuple[str, Callable[[], _Said]]]:
        """The gates, in order, by their names in the figures."""
        yield "tests kept", self._kept
        yield "plan", self._plan
        yield "supply", self._supply
        yield "tests", self._tests
        if self.case.independent() is not None:
            yield "criteria first", self._independent

    def _kept(self) -> _Said:
        head, base = (Side(tree) for tree in self.commits.trees)
        whole = self.commits.compared()
        try:
            changed = (_read(self.case.plan(), PLAN, self.case) or _NOTHING).changed
        except InputError:
            changed = {}
        findings = [
            *kept_tests.findings(whole, base, head, _NO_COMMITS_BY_AGENTS, "its base", PLAN, changed),
            *kept_tests.of_profile(whole, base, head, _PATHS, self.case.profile),
        ]
        refused = [finding.reason for finding in findings if not finding.held_for]
        if refused:
            return _Said("refuse", "; ".join(refused))
        return self._held({criterion for finding in findings for criterion in finding.held_for})

    def _held(self, criteria: set[str]) -> _Said:
        """A hold for the criteria that no person has accepted."""
        waiting = sorted(criteria - {*self.case.accepted})
        return _Said("hold", f"a person must accept {', '.join(waiting)}") if waiting else _Said()

    def _plan(self) -> _Said:
        try:
            self.plan = _read(self.case.plan(), PLAN, self.case)
        except Invalid as error:
            return _Said("refuse", f"the plan of probes: {error}")
        return _Said()

    def _supply(self) -> _Said:
        head, base = self.commits.trees
        inspection = inspect(self.commits.clone.differing(self.commits.base, self.commits.head), head, base, _IS_TEST)
        judged = Judgement(inspection, policy(Supply.model_validate({})))
        if judged.outcome == "pass":
            return _Said()
        return _Said("hold" if judged.acceptable else "refuse", f"{judged.reason()}\n{judged.markdown()}")

    def _tests(self) -> _Said:
        head, base = self.commits.trees
        made = job.prepare(
            self.environment,
            self._changed(),
            head,
            base,
            _IS_TEST,
            _mark(),
            self.bounds,
            self.plan,
            self.commits.head,
            self.case.profile,
        )
        logs = self.workshop.run(self.environment, self.commits, made)
        judged = assessment.assess(made.plan, logs, self.case.profile, judge.Bounds())
        if any(finding.kind == "nothing-to-run" for finding in judged.refusing):
            # Without a deployment nothing else can show it, and the approval says so.
            return _Said("refuse", judged.reason())
        if judged.outcome != "pass":
            decision: Decision = "refuse" if judged.outcome == "fail" else "undecided"
            details = [line for finding in judged.refusing for line in finding.details[:3]]
            return _Said(decision, "\n".join([judged.reason(), *details]))
        return self._held({text.partition(":")[0] for text in judged.accepted})

    def _independent(self) -> _Said:
        probes = _read(self.case.independent(), INDEPENDENT, self.case)
        if probes is None:
            return _Said()
        head, base = self.commits.trees
        made = independent.prepare(
            self.environment, self._changed(), head, base, _IS_TEST, _mark(), probes, self.commits.head
        )
        logs = self.workshop.run(self.environment, self.commits, made)
        judged = independent.add(Judged(self.case.profile, "pass"), made.plan, next(iter(logs.values()), None))
        decision = _DECISIONS[judged.outcome]
        return _Said(decision, "" if decision == "approve" else judged.reason())

    def _changed(self) -> list[str]:
        return list(self.commits.clone.differing(self.commits.base, self.commits.head))


def _mark() -> str:
    return f"@{secrets.token_hex(16)}"


_NOTHING = ProbePlan('{"probes":[]}')


def _read(content: bytes | None, where: str, case: Case) -> ProbePlan | None:
    ids = [f"AC{number}" for number, _ in enumerate(case.criteria, start=1)]
    return None if content is None else probe_plan.read(content, where, ids)


def trial(case: Case, number: int, workshop: Workshop, bounds: job.Bounds) -> Trial:
    """Carry out one trial of a case, with controls within `bounds`. InputError where this machine can't."""
    with _committed(case) as commits:
        contract = environment.choose(commits.trees[1])
        language: Language = contract.projects[0].language if contract.projects else "other"
        own = _Case(case, commits, workshop, contract, bounds)
        seconds: dict[str, float] = {}
        held: tuple[str, str] | None = None
        for name, gate in own.gates():
            began = time.monotonic()
            said = gate()
            seconds[name] = time.monotonic() - began
            if said.decision in ("refuse", "undecided"):
                return Trial(case, number, language, said.decision, name, said.reason, seconds)
            if said.decision == "hold" and held is None:
                held = name, said.reason
        if held is not None:
            return Trial(case, number, language, "hold", *held, seconds)
        return Trial(case, number, language, "approve", seconds=seconds)


@contextmanager
def _committed(case: Case) -> Iterator[Commits]:
    with tempfile.TemporaryDirectory(prefix="press-play-eval-") as folder:
        yield trees.commit(case, Path(folder))
