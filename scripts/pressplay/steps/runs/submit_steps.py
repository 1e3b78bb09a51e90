"""A single run that a person submits: two parameters say what it works on, and everything else is derived here.

It is a try of its own (R1): a run that a play has made already is not taken for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pressplay import names
from pressplay.backlog import graph
from pressplay.backlog.resolution import Choice
from pressplay.domain.entries import TaskOfPull
from pressplay.domain.roles import AGENT_ROLES, IMPLEMENT, ROLES, TEST, Role
from pressplay.errors import InputError
from pressplay.github import pulls
from pressplay.settings import Settings
from pressplay.steps.core import backlog_file
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number


@dataclass(frozen=True)
class _Work:
    """What a run works on."""

    task: int | None
    pr: int | None
    tag: str
    head: str = ""


def look(inputs: Inputs, context: Context) -> Outputs:
    """What a submitted run needs: from `task` (an id of tasks.json, or a number) or `pr`, who works in which role.

    Outputs the parameters of `coderun-main`. InputError where neither or both are given, or there is no such work.
    """
    given = {name: inputs.get(name, "").strip() for name in ("task", "task-id", "pr", "role", "github-app", "tag")}
    task = given["task"] or given["task-id"]
    if bool(task) == bool(given["pr"]):
        raise InputError(
            f"expected one of the parameters task (an id of tasks.json) and pr (a pull request's number), got "
            f"{'both' if task else 'neither'}: -p repo=OWNER/NAME -p task=12"
        )
    subject = Subject.of({"repo": inputs["repo"]}, context)
    work = _task(context, subject, task, given["tag"]) if task else _pull(context, subject, inputs)
    role, agent = decide("task" if task else "pr", given["role"], given["github-app"], context.settings)
    tried = _tries(context, subject, work)
    context.say(f"{agent} works in the role {role.name}, as try {tried + 1}")
    return {
        "github-app": names.checked(agent, "agent"),
        "task": str(work.task or "none"),
        "pr": str(work.pr or "none"),
        "tag": names.checked(work.tag, "tag"),
        "role": role.name,
        "head": work.head if role.stage == "round" else "",
        "try": str(tried + 1),
    }


def decide(works_on: str, role: str, app: str, settings: Settings) -> tuple[Role, str]:
    """The role of a run, and the id of the agent that works.

    Without a role: `implement` for a task; for a pull request the agent's own if it is part of a round, else `test`.
    Without an agent: the one that plays the role. InputError for a role that a person can't submit for this work.
    """
    may = [
        each for each in ROLES.values() if each.works_on == works_on and not each.has_cause and each != ROLES["issue"]
    ]
    agent_id, agent = settings.agent(app) if app else ("", None)
    if role:
        chosen = next((each for each in may if each.name == role), None)
        if chosen is None:
            what = "a task" if works_on == "task" else "a pull request"
            known = ", ".join(each.name for each in may)
            raise InputError(f"parameter role: expected one of {known} for {what}, got {role!r}")
    else:
        own = AGENT_ROLES.get(agent.role or "") if agent is not None else None
        chosen = own if own in may else IMPLEMENT if works_on == "task" else TEST
    return chosen, agent_id or settings.agent(chosen.persona)[0]


def _task(context: Context, subject: Subject, written: str, tag: str) -> _Work:
    """A task by its id in the backlog, or by its number."""
    if written.isdecimal() and names.kind_of(int(written)) != "task":
        return _Work(int(written), None, subject.tag)
    gh = context.harness(subject.repo, contents="read")
    resolved = backlog_file.read_now(context, gh, subject, Choice(tag, "by -p tag") if tag else None)
    backlog = resolved.backlog()
    known = {task.id: task.number for task in backlog.tasks}
    if written not in known and written not in map(str, known.values()):
        near = graph.Ids(backlog.tasks).near(written)
        hint = f"did you mean {near!r}?" if near else "pressplay plan lists them"
        raise InputError(
            f"parameter task: expected an id of {resolved.where}, tag {backlog.tag!r}, got {written!r}; {hint}"
        )
    return _Work(known.get(written) or int(written), None, backlog.tag)


def _pull(context: Context, subject: Subject, inputs: Inputs) -> _Work:
    """A pull request that is open, with the task that it is of."""
    pr = replace(subject, pr=number(inputs, "pr")).pull_number
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, pr)
    if pull.state != "open":
        raise InputError(f"parameter pr: expected an open pull request, got #{pr}, which is {pull.state}")
    of = context.ledger(subject.repo).entries("pr", pr).get(TaskOfPull)
    return _Work(of.task if of else None, pr, (of.tag if of else "") or subject.tag, pull.head_sha)


def _tries(context: Context, subject: Subject, work: _Work) -> int:
    """The highest try that ledgers of this work hold."""
    ledger = context.ledger(subject.repo)
    entries = [ledger.entries("pr", work.pr)] if work.pr else []
    entries += [ledger.entries("task", work.task)] if work.task else []
    return max((try_ for each in entries for try_ in each.tries), default=0)
