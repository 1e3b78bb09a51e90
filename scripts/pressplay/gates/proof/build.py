"""Makes the Statement of a commit from what the harness recorded: texts are made safe, lists are bounded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from pressplay.clock import rfc3339
from pressplay.domain.criteria import Criterion
from pressplay.domain.entries import GateEntry, Waiver, dump
from pressplay.errors import InputError
from pressplay.gates.acceptance.proof import Proof, safe, shortened
from pressplay.gates.proof import statement as parts
from pressplay.gates.proof.statement import LARGEST, MOST, TEXT, Predicate, Statement, digest
from pressplay.gates.proving.judgement import Judgement, Observed
from pressplay.gates.proving.model import Status

_NAMES = 20
"""Names that one entry lists: tests that notice a control, controls that a test notices."""
_LISTS = ("criteria", "controls", "waivers", "changed_expectations", "supply", "people", "gates")
_T = TypeVar("_T")


def statement(
    *,
    source: str,
    task: parts.Task,
    change: parts.Change,
    made_at: float,
    gates: Iterable[parts.Gate],
    versions: parts.Versions,
    criteria: Sequence[parts.CriterionShown] | None = None,
    tests: parts.Tests | None = None,
    controls: Sequence[parts.ControlShown] | None = None,
    probes: parts.Probes | None = None,
    independent: parts.Independent | None = None,
    waivers: Sequence[parts.Waiver] | None = None,
    changed_expectations: Sequence[parts.ChangedExpectation] | None = None,
    supply: Sequence[parts.SupplyFinding] | None = None,
    people: Sequence[parts.Person] | None = None,
) -> Statement:
    """The Statement of `change.head`; what nobody looked at stays None.

    `source`: the repository's address for people; `made_at`: Unix seconds. Texts may be strangers': secrets are taken
    out of them here, and they are cut. Of lists that are too long the first entries stay; `left_out` counts the others.
    """
    predicate = Predicate(
        task=task,
        change=change,
        made_at=rfc3339(made_at),
        gates=tuple(gates),
        versions=versions,
        criteria=_listed(criteria),
        tests=tests,
        controls=_listed(controls),
        probes=probes,
        independent=independent,
        waivers=_listed(waivers),
        changed_expectations=_listed(changed_expectations),
        supply=_listed(supply),
        people=_listed(people),
    )
    subject = parts.Subject(name=f"git+{source}", digest=parts.GitDigest(git_commit=change.head))
    for most in (MOST, 200, 50, 10):
        fitting = Statement(subject=(subject,), predicate=_safe(_bounded(predicate, most)))
        if fitting.fits:
            return fitting
    raise InputError(f"proof of {change.head}: expected at most {LARGEST} bytes, got more with 10 entries of each list")


def gate(entry: GateEntry) -> parts.Gate:
    """A gate's verdict as the ledger has it. A verdict that is none of the known ones is an error."""
    details = dump(entry).get("details")
    return parts.Gate(
        name=entry.gate,
        outcome="pass" if entry.outcome == "pass" else "fail" if entry.outcome == "fail" else "error",
        reason=entry.reason,
        at=rfc3339(entry.at) if entry.at else None,
        details=digest_of(details) if details else None,
    )


def waiver(entry: Waiver) -> parts.Waiver:
    """What a person accepted, as the ledger has it."""
    return parts.Waiver(
        subject=entry.subject,
        person=entry.by,
        comment=entry.comment,
        at=rfc3339(entry.at) if entry.at else None,
        reason=entry.because,
    )


def criterion(
    entry: Criterion, shown_by: Sequence[parts.Evidence] | None, accepted: Waiver | None = None
) -> parts.CriterionShown:
    """A criterion with what shows it (None: nobody looked); `accepted`: a person's waiver of it."""
    evidence = shown_by
    if accepted is not None:
        evidence = (*(shown_by or ()), parts.Evidence(kind="waiver", name=accepted.by))
    return parts.CriterionShown(
        id=entry.id,
        text=entry.text,
        digest=digest(entry.text),
        source=entry.source,
        shown_by=None if evidence is None else tuple(evidence),
    )


def tests(judgement: Judgement) -> parts.Tests:
    """What the tests gate saw of the head's tests."""
    return parts.Tests(
        passed=judgement.passed,
        failed=judgement.failed,
        skipped=judgement.skipped,
        kept=judgement.kept,
        lost=judgement.lost,
        flaky=judgement.flaky,
        changed=tuple(
            parts.TestShown(
                id=test.id,
                base=_status(test.on_base),
                head=_status(test.on_head) or "error",
                proves=test.proves,
                why=test.why,
                notices=test.notices[:_NAMES],
            )
            for test in judgement.tests
        ),
    )


def controls(judgement: Judgement) -> list[parts.ControlShown]:
    """The controls, and what noticed each."""
    return [
        parts.ControlShown(
            id=control.id,
            kind=control.kind,
            path=control.path,
            line=control.line,
            label=control.label,
            outcome=control.outcome,
            noticed_by=control.by,
        )
        for control in judgement.controls
    ]


def _status(observed: Observed) -> Status | None:
    """A test's status; a flaky one is an error here, since it is listed as flaky; None where it has no result."""
    return None if observed == "absent" else "error" if observed == "flaky" else observed


def probes(proof: Proof | None, judgement: Judgement | None, plan: str) -> parts.Probes | None:
    """The probes of a deployment, which the acceptance gate made, and those of commands; None where there are none.

    `plan`: the digest of the plan that the commit holds.
    """
    deployed = [
        parts.ProbeShown(name=probe.name, kind=probe.kind, held=probe.passed)
        for probe in (proof.probes if proof else ())
    ]
    commands = [
        parts.ProbeShown(name=probe.name, kind="command", held=probe.held, newness=probe.newness)
        for probe in (judgement.probes if judgement else ())
    ]
    if not deployed and not commands:
        return None
    return parts.Probes(
        digest=digest(proof.to_json()) if proof else digest_of([_fields(probe) for probe in commands]),
        plan=proof.plan if proof else plan,
        environment=(proof.environment or None) if proof else None,
        started=proof.started if proof else None,
        ended=proof.ended if proof else None,
        probes=(*deployed, *commands),
    )


def independent(judgement: Judgement) -> parts.Independent | None:
    """The independent probes that held; None where there are none."""
    shown = judgement.independent
    return parts.Independent(plan=shown.plan, probes=shown.count, criteria=shown.held) if shown else None


def _fields(probe: parts.ProbeShown) -> dict[str, object]:
    return {field.name: getattr(probe, field.name) for field in fields(probe)}


def digest_of(document: object) -> str:
    """The digest of a JSON document: sorted keys, no spaces."""
    return digest(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def _listed(items: Sequence[_T] | None) -> tuple[_T, ...] | None:
    return None if items is None else tuple(items)


def _safe(value: Any) -> Any:
    """`value` with all its texts as a proof may hold them."""
    if isinstance(value, str):
        # A test's id is redacted by its parts: `test_token.py::test_…` looks like a secret after its name.
        return shortened("::".join(safe(text) for text in value.split("::")), TEXT)
    if isinstance(value, tuple):
        return tuple(_safe(item) for item in value)
    if isinstance(value, Mapping):
        return {_safe(key): _safe(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _safe(getattr(value, field.name)) for field in fields(value)})
    return value


def _bounded(predicate: Predicate, most: int) -> Predicate:
    """At most `most` entries of each list, with the number of those that are left out."""
    left_out: dict[str, int] = {}

    def cut(name: str, items: tuple[_T, ...]) -> tuple[_T, ...]:
        if len(items) > most:
            left_out[name] = len(items) - most
        return items[:most]

    lists: dict[str, Any] = {
        name: cut(name, items) for name in _LISTS if (items := getattr(predicate, name)) is not None
    }
    tests, probes_ = predicate.tests, predicate.probes
    if tests is not None:
        tests = replace(
            tests,
            lost=None if tests.lost is None else cut("tests.lost", tests.lost),
            flaky=None if tests.flaky is None else cut("tests.flaky", tests.flaky),
            changed=None if tests.changed is None else cut("tests.changed", tests.changed),
        )
        if tests.changed is not None:
            tests = replace(tests, changed=tuple(replace(t, notices=t.notices[:_NAMES]) for t in tests.changed))
    if lists.get("controls"):
        lists["controls"] = tuple(replace(c, noticed_by=c.noticed_by[:_NAMES]) for c in lists["controls"])
    if probes_ is not None:
        probes_ = replace(probes_, probes=cut("probes", probes_.probes))
    return replace(predicate, **lists, tests=tests, probes=probes_, left_out=left_out)
