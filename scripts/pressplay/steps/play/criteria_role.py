"""The runs of the role `criteria`: probes from the task's text alone, sealed so that no other agent can read them.

GitHub is all that an agent can hand over by, and whoever implements can read all that is there. So the run gets a
key's public half and leaves a sealed file on a branch of its own, which is deleted once it was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pressplay import names
from pressplay.domain import entries
from pressplay.domain.entries import Details, IndependentPlan, Result, Sealing
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.gates.acceptance import probe_plan, sealing
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.sealing import SealingKey
from pressplay.github import comparison, contents, pushes, refs
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import backlog_file, criteria_first, task_criteria
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run
from pressplay.validation.report import Invalid

_PURPOSE = "press-play: sealed criteria"
_FINDINGS = "findings.md"


def _files(context: Context, _gh: Client, run: Run) -> Mapping[str, bytes]:
    """The script that seals, and why the attempt before was refused."""
    key = _key(context, run.subject)
    files = {"seal.sh": sealing.script(key.certificate, names.INDEPENDENT_PLAN).encode()}
    if run.attempt:
        before = replace(run, attempt=run.attempt - 1).name
        entry = context.ledger(run.subject.repo).entries("task", run.number).get(entries.Run, before)
        if entry is not None and entry.result is not None and entry.result.outcome == "failed":
            files[_FINDINGS] = f"# Why the last attempt did not count\n\n{entry.result.why.line()}\n".encode()
    return files


def _key(context: Context, subject: Subject) -> SealingKey:
    """The task's key; a new one where there is none, or none that can be used any more."""
    ledger = context.ledger(subject.repo)
    key = _recorded(context, subject)
    if key is None:
        key = sealing.new_key(context.clock.now())
        private = sealing.wrapped(key, _secret(context))
        ledger.record("task", subject.task_number, Sealing(certificate=key.certificate, private_key=private))
    return key


def _recorded(context: Context, subject: Subject) -> SealingKey | None:
    entry = context.ledger(subject.repo).entries("task", subject.task_number).get(Sealing)
    return sealing.unwrapped(entry.certificate, entry.private_key, _secret(context)) if entry else None


def _secret(context: Context) -> bytes:
    return context.github.secret_for(context.settings.github.harness_app, _PURPOSE)


def _judge(context: Context, gh: Client, run: Run, entry: entries.Run) -> Result:
    """`done` where the branch holds a plan that counts, which is recorded then; the branch is deleted in any case."""
    branch = names.task_branch(run.work)
    result = _taken(context, gh, run, entry, branch)
    refs.delete_branch(context.harness(run.subject.repo, contents="write"), run.subject.repo, branch)
    return result


def _taken(context: Context, gh: Client, run: Run, entry: entries.Run, branch: str) -> Result:
    ledger = context.ledger(run.subject.repo)
    recorded = ledger.entries("task", run.number).get(IndependentPlan)
    if recorded is not None and recorded.run == run.name:
        # Recorded before this step was killed.
        return Result(outcome="done")
    try:
        plan = _read(context, gh, run, entry, branch)
    except Invalid as error:
        return Result(outcome="failed", reason="its plan does not count", details=_places(error), again=True)
    except _Refused as error:
        return Result(outcome="failed", reason=str(error), again=True)
    new = IndependentPlan(cause=run.cause, run=run.name, plan=plan.pack(), at=int(context.clock.now()))
    ledger.record("task", run.number, new)
    return Result(outcome="done")


class _Refused(InputError):
    """What the run left does not count: a clause of ours."""


def _read(context: Context, gh: Client, run: Run, entry: entries.Run, branch: str) -> ProbePlan:
    """The plan that the run left. Invalid with its faults; _Refused where it left none that can be read."""
    repo = run.subject.repo
    head = refs.find_head(gh, repo, branch)
    if head is None:
        raise _Refused("the run succeeded but pushed no sealed plan")
    _own(context, gh, run, branch, head)
    compared = comparison.compare(gh, repo, entry.head or "", head)
    if [file.path for file in compared.files] != [names.INDEPENDENT_PLAN] or refs.parents(gh, repo, head) != [
        entry.head
    ]:
        raise _Refused(f"its branch has other things than one commit with {names.INDEPENDENT_PLAN}")
    key = _recorded(context, run.subject)
    if key is None:
        raise _Refused("the harness's App has another key than when the run began")
    sealed = contents.read_file(gh, repo, names.INDEPENDENT_PLAN, head, sealing.LONGEST)
    try:
        text = sealing.opened(sealed or b"", key, names.INDEPENDENT_PLAN)
    except InputError as error:
        raise _Refused(f"{names.INDEPENDENT_PLAN} was not sealed by `task/seal.sh`") from error
    plan = probe_plan.read(text, "the plan", task_criteria.ids(context, run.subject))
    _is_independent(context, gh, run, plan)
    return plan


def _own(context: Context, gh: Client, run: Run, branch: str, head: str) -> None:
    """_Refused where anybody but the run's App moved the branch: everybody can seal a file for the key."""
    own = names.bot(context.settings.agent(run.agent_id)[1].github_app)
    try:
        moves = pushes.life(gh, run.subject.repo, branch, head)
    except GitHubRefused as error:
        raise _Refused("GitHub does not tell who pushed its branch") from error
    if moves[0].before != pushes.NOTHING or any(move.login.lower() != own for move in moves):
        raise _Refused("somebody else than its App moved its branch")


def _is_independent(context: Context, gh: Client, run: Run, plan: ProbePlan) -> None:
    """_Refused for a plan that asks for more than commands, or leaves open which criterion a probe asks about."""
    if set(plan.kinds.values()) != {"command"} or plan.changed or plan.tests or plan.names_the_commit:
        raise _Refused("its plan may hold command probes alone: no other kind, no tests, no changed, no ${COMMIT}")
    task = backlog_file.task(context, gh, run.subject, run.subject.base(gh))
    if criteria_first.digest(task) != run.cause:
        raise _Refused("the task's text has changed since the run began")
    if task_criteria.ids(context, run.subject) and not all(plan.covers.values()):
        raise _Refused("its plan has a probe without `covers`: each must name the criteria that it asks about")


def _places(error: Invalid) -> Details | None:
    """Where the plan's faults are, and what to do about them, without a word of the plan: the reason may be read."""
    lines = [f"line {problem.line}: {problem.hint or 'it is not as the schema wants it'}" for problem in error.problems]
    return Details.of(Reason(what="", detail="\n".join(lines[:20])))


CRITERIA = RoleWork(judge=_judge, files=_files)
