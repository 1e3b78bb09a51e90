"""The flow `issue`: whether an issue may become a task (R8), and what is started once the Issue agent has made one.

A try of an issue ends with a verdict in the ledger of its number (`names.issue_number`). A person asks anew by taking
the label off and putting it on again. What somebody without write access edited after that is not what was asked for:
the issue then says that the label is to be put on anew (`steps.consent`).
"""

from __future__ import annotations

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import Entry
from pressplay.errors import InputError
from pressplay.github import issues
from pressplay.github.people import Writers
from pressplay.steps import consent, issue_texts, landing, origin, tasks
from pressplay.steps.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.pulls import seconds_left
from pressplay.steps.start import EVENT_PRIORITY, hand_over

FLOW, TASK_FLOW = "issue", "task-issue"
EDITED = "edited"


def accept(inputs: Inputs, context: Context) -> Outputs:
    """Whether an issue may become a task: state `go`, or why not; the seconds left of the window; its task and try.

    Why not: `respelled` (see `start.hand_over`), `pull-request`, `closed`, `unasked` (nobody with write access asked),
    `edited` (somebody without it changed the issue since), `done` (and nobody asked since).
    """
    repo, issue = _named(inputs, context)
    task = names.issue_number(issue)
    if hand_over(context, FLOW, inputs["repo"], repo, ("issue", issue)):
        return {"state": "respelled", "seconds": "0", "task": str(task), "try": "1"}
    state, try_ = _state(context, repo, issues.issue(context.harness(repo, issues="read"), repo, issue))
    if state == "go":
        subject = _subject(context, repo, task, try_)
        said = issue_texts.by_agent(context, repo, task)
        tasks.begin_try(context, subject, comment=said.comment if said else 0)
    else:
        context.say(f"issue {issue}: nothing is started: {state}")
    if state == EDITED:
        origin.ended(context, _subject(context, repo, task, try_), EDITED)
    return {"state": state, "seconds": str(seconds_left(inputs, context)), "task": str(task), "try": str(try_)}


def is_wanted(context: Context, repo: str, issue: issues.Issue) -> bool:
    """Whether the flow is to be started for an issue: somebody asked, and no Workflow is at it (for `reconcile`).

    Where the issue was edited since, and nothing is at it, that is said on it: the event may be lost.
    """
    state, try_ = _state(context, repo, issue)
    if state not in ("go", EDITED):
        return False
    labels = {"press-play/repo": names.repo_key(repo), "press-play/issue": str(issue.number)}
    at_it = waits.running(context.cluster, context.settings.namespace, labels)
    task = context.cluster.get("Workflow", context.settings.namespace, workflow_name(repo, issue.number, try_))
    if at_it or task is not None:
        return False
    if state == EDITED:
        origin.ended(context, _subject(context, repo, names.issue_number(issue.number), try_), EDITED)
    return state == "go"


def workflow_name(repo: str, issue: int, try_: int) -> str:
    """The Workflow `task` of an issue's try."""
    return names.flow_workflow(TASK_FLOW, repo, issue, try_)


def _named(inputs: Inputs, context: Context) -> tuple[str, int]:
    repo = context.settings.listed(inputs["repo"])
    issue = number(inputs, "issue")
    if issue is None:
        raise InputError("parameter issue: expected an issue's number")
    return repo, issue


def _subject(context: Context, repo: str, task: int, try_: int) -> Subject:
    return Subject.of({"repo": repo, "task": str(task), "try": str(try_)}, context)


def _state(context: Context, repo: str, found: issues.Issue) -> tuple[str, int]:
    """Where an issue stands, and the try that it is in or that begins."""
    entries = context.ledger(repo).entries("task", names.issue_number(found.number))
    try_ = _try(entries)
    if found.is_pull or not found.open:
        return ("pull-request" if found.is_pull else "closed"), try_
    people = consent.writers(context, repo)
    asked = _asked(context, repo, found, people)
    if asked is None:
        return "unasked", try_
    verdict = entries.get(f"verdict-{try_}")
    if verdict is not None and asked < verdict["ended"]:
        return "done", try_
    if not consent.words(context, repo, found.number, found.labels, people).count:
        return EDITED, try_
    return "go", try_ if verdict is None else try_ + 1


def _try(entries: dict[str, Entry]) -> int:
    return int((entries.get(landing.BEGUN) or {}).get("try", 1))


def _asked(context: Context, repo: str, issue: issues.Issue, people: Writers) -> float | None:
    """When a person with write access last asked for it (R8): by the label, or by opening it where that is enough."""
    labelled = consent.labelled_at(context, repo, issue.number, issue.labels, people)
    moments = [labelled] if labelled is not None else []
    if context.settings.events.start == "all" and issue.author_is_person and people.include(issue.author):
        moments.append(issue.created_at)
    return max(moments, default=None)


def start(inputs: Inputs, context: Context) -> Outputs:
    """Start the Workflow `task` of an issue that became one, by its fixed name; else say on the issue why it did not.

    `outcome` is that of the Issue agent's run. As exit hook of a Workflow that ended early it is `failed`.
    """
    repo, issue = _named(inputs, context)
    task, outcome = names.issue_number(issue), inputs.get("outcome", "none")
    entries = context.ledger(repo).entries("task", task)
    try_ = _try(entries)
    name = workflow_name(repo, issue, try_)
    subject = _subject(context, repo, task, try_)
    there = context.cluster.get("Workflow", context.settings.namespace, name) is not None
    if landing.BEGUN not in entries or there or f"verdict-{try_}" in entries:
        return {"state": "there" if there else "over", "workflow": name}
    if outcome == "done":
        # Said first: the task's own words are newer ones.
        origin.made(context, subject)
        context.cluster.create(tasks.workflow(context, subject, name, priority=EVENT_PRIORITY))
        return {"state": "started", "workflow": name}
    verdict = tasks.judge(context, subject, "Failed")
    context.ledger(repo).record("task", task, f"verdict-{try_}", {**verdict, "play": ""})
    if outcome == "nothing":
        origin.ended(context, subject, "asked")
    else:
        origin.ended(context, subject, verdict["outcome"], verdict["reason"], verdict.get("pr"))
    return {"state": "over", "workflow": name}
