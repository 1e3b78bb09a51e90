"""The gates that compare a change with its base, once QA has finished: `test-only`, then `supply`.

`read` reads the change with the token that `round_gates` made, and has no key; `verdict` posts what `read` saw. Nothing
of the project runs.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from pressplay import names
from pressplay.domain.entries import AskedToRestore
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.gates.acceptance import packing
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.github import pulls
from pressplay.github.calls import Client
from pressplay.github.given import TokenSpent
from pressplay.steps.core import evidence, verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.gate_pods import gate_runs, gate_tokens
from pressplay.steps.review import deploys, plans, supply, test_only
from pressplay.steps.review.reading import Brought, Expectation, Reading
from pressplay.validation.details import ending

_MOST_EXPECTATIONS = 200
_MOST_BROUGHT = 1_000
_PASSED = "pass"
"""QA's verdict for which the supply gate is due, too."""


def read(inputs: Inputs, context: Context) -> Outputs:
    """See `_read`; `state` spent, and nothing else, where the token has expired: see `gate_tokens.reading`."""
    try:
        return gate_tokens.reading(inputs, context, _read)
    except (InputError, TokenSpent) as error:
        # A repeat would not help, and people must read why; this step can't say it to them.
        why = Reason(what="the change can't be read", detail=ending(str(error)))
        return {"reading": Reading(GateVerdict("error", "Can't be read", why.what, why=why)).pack()}


def _read(inputs: Inputs, context: Context) -> Outputs:
    """Read the change: `reading` for the verdict, which sees whether the head has changed. `judged` is QA's verdict."""
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    if not pull.is_open_at(head):
        return {"reading": "none"}
    return {"reading": _reading(context, gh, subject, pull, with_supply=inputs["judged"] == _PASSED).pack()}


def _reading(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, *, with_supply: bool) -> Reading:
    entries = context.ledger(subject.repo).entries("pr", subject.pull_number)
    judged = test_only.judged(context, gh, subject, pull, entries)
    expectations = tuple(
        Expectation(loss.path, loss.line, loss.text, "", criterion)
        for loss, criterion in judged.changes[:_MOST_EXPECTATIONS]
    )
    made = Reading(
        judged.verdict, judged.for_rex, expectations, plan=judged.plan.to_json() if judged.plan is not None else ""
    )
    if judged.verdict.outcome != "pass" or not with_supply or not subject.settings.supply.enabled:
        return made
    of_supply, judgement = supply.judged(context, gh, subject, pull, entries)
    brought = tuple(
        Brought(
            finding.kind,
            f"{finding.text} {finding.label}".strip(),
            finding.path,
            finding.line,
            judgement.policy[finding.kind],
        )
        for finding in judgement.inspection.findings[:_MOST_BROUGHT]
    )
    return replace(made, supply=of_supply, brought=brought)


def verdict(inputs: Inputs, context: Context) -> Outputs:
    """Post what was read: outcome `pass`, `fail` (QA fixes it), `changes` (Rex fixes it) or `error` (no agent can);
    `superseded` if the head has changed. `reading` none: the change could not be read.

    `environment`: where the head is to be deployed for the probes of its plan; `none` if it has no such probe.
    """
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    if inputs["reading"] == "none":
        return {"outcome": verdicts.post(context, subject, verdicts.TEST_ONLY, head, gate_runs.given_up())}
    outcome = _posted(context, subject, head, Reading.unpack(inputs["reading"]))
    settings = subject.settings.deploy
    if settings.mode == "none" or not plans.probes_deployment(context, subject, head):
        return {"outcome": outcome}
    return {"outcome": outcome, "environment": deploys.environment(settings, subject.pull_number)}


def _posted(context: Context, subject: Subject, head: str, reading: Reading) -> str:
    if reading.expectations:
        kept = json.dumps([asdict(expectation) for expectation in reading.expectations])
        evidence.keep(context, subject, head, {evidence.EXPECTATIONS: kept})
    if reading.test_only.outcome != "error":
        plan = ProbePlan.from_json(reading.plan, "parameter reading") if reading.plan else None
        plans.keep(context, subject, head, plan)
    outcome: str = verdicts.post(context, subject, verdicts.TEST_ONLY, head, reading.test_only)
    if outcome == "fail" and reading.for_rex:
        outcome = _for_rex(context, subject, head)
    if outcome == "pass" and reading.supply is not None:
        if reading.supply.outcome == "pass":
            # What an approval shows of it.
            rows = [[row.kind, row.what, row.path, row.line, row.action] for row in reading.brought]
            evidence.keep(context, subject, head, {evidence.SUPPLY: packing.pack(json.dumps(rows))})
        outcome = verdicts.post(context, subject, verdicts.SUPPLY, head, reading.supply)
        outcome = verdicts.CHANGES if outcome == "fail" else outcome
    return outcome


def _for_rex(context: Context, subject: Subject, head: str) -> str:
    """`changes`, so that Rex fixes it; `error` if he was asked in this try already."""
    ledger, try_ = context.ledger(subject.repo), subject.attempt_of_person
    request = ledger.entries("pr", subject.pull_number).get(AskedToRestore, AskedToRestore.key_of(try_))
    if request is not None and request.head != head:
        return "error"
    ledger.record("pr", subject.pull_number, AskedToRestore(try_=try_, head=head, at=int(context.clock.now())))
    return verdicts.CHANGES


# -- as earlier versions' Workflows have it ----------------------------------------------------------------------------


def test_only_gate(inputs: Inputs, context: Context) -> Outputs:
    """Read the change and post what `test-only` makes of it, in one step: `outcome` as from `verdict`."""
    return _in_one_step(inputs, context, with_supply=False)


def supply_gate(inputs: Inputs, context: Context) -> Outputs:
    """The same with `supply`, which follows where QA passed the commit and `test-only` did."""
    return _in_one_step(inputs, context, with_supply=True)


def _in_one_step(inputs: Inputs, context: Context, *, with_supply: bool) -> Outputs:
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    pull = pulls.pull(gh, subject.repo, subject.pull_number)
    if not pull.is_open_at(head):
        return {"outcome": verdicts.SUPERSEDED}
    reading = _reading(context, gh, subject, pull, with_supply=with_supply)
    return {"outcome": _posted(context, subject, head, reading)}
