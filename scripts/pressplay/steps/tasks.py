"""A task's way through a play: begun, looked at, settled.

A task's verdict stands in its ledger under `verdict-<try>`: `approved`, `merged`, `parked` or `failed`, with a reason.
"""

from __future__ import annotations

from typing import Any

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import Entry
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.github import checks, pulls, refs
from pressplay.github.calls import Client
from pressplay.steps import faults, landing, origin, start
from pressplay.steps.context import Context, Inputs, Outputs, Subject

ACCEPTANCE_CHECK = "press-play/acceptance"
OTHERS = "not-under-press-play"
"""The external id of that check where no flow works on the pull request; elsewhere that is the commit."""
AWAIT_VERDICT, AWAIT_MERGE = "await-verdict", "await-merge"
_GOOD = ("approved", "merged")
_RUNNING = "Running"


def task_of(subject: Subject) -> int:
    """The subject's task; InputError where the step was given none."""
    if subject.task is None:
        raise InputError("parameter task: expected a task's number")
    return subject.task


def begin(inputs: Inputs, context: Context) -> Outputs:
    """Start the Workflow of a task by its fixed name; say `waiting`, or what stands already."""
    subject = Subject.of(inputs, context)
    task = task_of(subject)
    verdict = verdict_of(context, subject)
    if verdict is not None:
        return _begun(verdict)
    name = names.task_workflow(subject.play, task)
    context.cluster.create(workflow(context, subject, name, priority=int(inputs.get("rank", "0"))))
    return {"state": "waiting"}


def _begun(verdict: Entry) -> Outputs:
    if verdict["outcome"] not in _GOOD:
        raise InputError(f"the task ended {verdict['outcome']} in this play: {verdict['reason']}")
    return {"state": verdict["outcome"]}


def workflow(context: Context, subject: Subject, name: str, *, priority: int, agent: str = "rex") -> Manifest:
    """The Workflow `task` of a play's task, of an issue or of a group of alerts; `agent` implements."""
    task = task_of(subject)
    arguments = {
        "repo": subject.repo,
        "task-id": str(task),
        "tag": subject.tag,
        "play": subject.play,
        "try": str(subject.attempt_of_person),
        "agent": agent,
    }
    labels = {"press-play/task": str(task), **({"press-play/play": subject.play} if subject.play else {})}
    return start.workflow(context, "task", name, arguments, labels, priority)


def verdict_of(context: Context, subject: Subject) -> Entry | None:
    """The task's verdict in this try, None while it has none."""
    entries = context.ledger(subject.repo).entries("task", task_of(subject))
    return entries.get(f"verdict-{subject.attempt_of_person}")


def begin_try(context: Context, subject: Subject, **more: Any) -> None:
    """Note that a try begins anew of what was tried before, once: of an issue, of alerts, of a task asked for by name.

    `more` goes into the entry. The pull request will be a new one, so the branch of a closed one goes: an agent would
    go on from there.
    """
    ledger = context.ledger(subject.repo)
    if (ledger.entries("task", task_of(subject)).get(landing.BEGUN) or {}).get("try") == subject.attempt_of_person:
        return
    branch = names.task_branch(task_of(subject))
    gh = context.harness(subject.repo, contents="write", pull_requests="read")
    before = pulls.find_pull(gh, subject.repo, branch)
    closed = before is not None and before.state == "closed"
    if before is not None and closed and refs.find_head(gh, subject.repo, branch) == before.head_sha:
        refs.delete_branch(gh, subject.repo, branch)
    after = before.number if before is not None and closed else 0
    entry = {"try": subject.attempt_of_person, "after": after, "began": int(context.clock.now()), **more}
    ledger.record("task", task_of(subject), landing.BEGUN, entry)


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where the task enters: `implement`, `review` (its pull request is open), or `merged`."""
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, **landing.NEEDS)
    pull = landing.pull_of(context, gh, subject)
    if pull is not None and pull.merged:
        return {"state": "merged", "pr": str(pull.number)}
    if pull is not None and pull.state == "open":
        ledger = context.ledger(subject.repo)
        ledger.record("task", task_of(subject), "pr", {"pr": pull.number, "try": subject.attempt_of_person})
        ledger.record("pr", pull.number, "task", {"task": task_of(subject), "tag": subject.tag})
        origin.opened(context, subject, pull.number)
        return {"state": "review", "pr": str(pull.number)}
    return {"state": "implement", "pr": "none"}


def settle(inputs: Inputs, context: Context) -> Outputs:
    """Record the task's verdict from what GitHub and the ledger hold, and wake the play.

    The Workflow's last step fails where the task failed, so that the Workflow does; its exit hook (`status` is then the
    Workflow's) only makes sure that the verdict is there.
    """
    subject = Subject.of(inputs, context)
    status = inputs.get("status", _RUNNING)
    verdict = verdict_of(context, subject) or judge(context, subject, status)
    context.ledger(subject.repo).record(
        "task", task_of(subject), f"verdict-{subject.attempt_of_person}", {"play": subject.play, **verdict}
    )
    origin.ended(context, subject, verdict["outcome"], verdict["reason"], verdict.get("pr"))
    wake_play(context, subject, verdict)
    if verdict["outcome"] not in _GOOD and status == _RUNNING:
        raise InputError(f"task {task_of(subject)}: {verdict['outcome']}: {verdict['reason']}")
    return {"outcome": verdict["outcome"], "pr": str(verdict.get("pr") or "none"), "link": verdict["link"]}


def is_approved(gh: Client, repo: str, pull: pulls.Pull) -> bool:
    """Whether the check on the head by `gh`'s App, the harness's, says so. `gh` may read checks."""
    return is_approval(checks.own(gh, repo, pull.head_sha, ACCEPTANCE_CHECK))


def is_approval(check: checks.Check | None) -> bool:
    """Whether the harness's check says that a commit was proven: it is green for others' pull requests, too."""
    return check is not None and check.conclusion == "success" and check.external_id == check.head_sha


def judge(context: Context, subject: Subject, status: str = "") -> Entry:
    """The verdict that the truth gives: merged and approved by GitHub, the rest by the newest run's outcome.

    Where GitHub will not tell (the App is gone, or may not see it), the task has failed, for that reason: a play must
    not wait for what nobody will ever say.
    """
    try:
        return _judge(context, subject, status)
    except InputError as error:
        why = _why(context, subject, None)
        return _verdict(context, subject, None, "failed", "; ".join(part for part in (why, str(error)) if part))


def _judge(context: Context, subject: Subject, status: str) -> Entry:
    gh = context.harness(subject.repo, **landing.NEEDS, checks="read")
    pull = landing.pull_of(context, gh, subject)
    if pull is not None and pull.merged:
        entries = context.ledger(subject.repo).entries("task", task_of(subject))
        reason = landing.note(context, subject, landing.of(context, gh, subject, pull, entries))
        return _verdict(context, subject, pull, "parked" if reason else "merged", reason)
    if pull is not None and pull.state == "closed":
        return _verdict(context, subject, pull, "failed", f"pull request #{pull.number} was closed without a merge")
    if pull is not None and is_approved(gh, subject.repo, pull):
        return _verdict(context, subject, pull, "approved", "")
    reason = _why(context, subject, pull) or _unfinished(context, subject, pull, status)
    return _verdict(context, subject, pull, "failed" if pull is None else "parked", reason)


def _unfinished(context: Context, subject: Subject, pull: pulls.Pull | None, status: str) -> str:
    said = faults.passing(_entries(context, subject, pull), subject)
    early = f"its Workflow ended {status or 'early'} before a verdict was reached"
    return f"{early}{said or '; the nodes of the Workflow say why'}"


def _entries(context: Context, subject: Subject, pull: pulls.Pull | None) -> dict[str, Entry]:
    """The ledger that tells: the pull request's, where there is one."""
    ledger = context.ledger(subject.repo)
    return ledger.entries("task", task_of(subject)) if pull is None else ledger.entries("pr", pull.number)


def _why(context: Context, subject: Subject, pull: pulls.Pull | None) -> str:
    """The reason in the ledger's newest entry that has one."""
    found = _entries(context, subject, pull).values()
    own = (0, subject.attempt_of_person)
    with_reason = [entry for entry in found if entry.get("reason") and entry.get("try", 0) in own]
    newest = max(with_reason, key=lambda entry: (entry.get("ended", 0), entry.get("attempt", 0)), default=None)
    return "" if newest is None else f"{newest['agent'] + ': ' if 'agent' in newest else ''}{newest['reason']}"


def _verdict(context: Context, subject: Subject, pull: pulls.Pull | None, outcome: str, reason: str) -> Entry:
    web = context.settings.github.web_url
    return {
        "outcome": outcome,
        "reason": reason,
        "pr": pull.number if pull else None,
        "head": pull.head_sha if pull else None,
        "link": f"{web}/{subject.repo}/pull/{pull.number}" if pull else f"{web}/{subject.repo}",
        "ended": int(context.clock.now()),
    }


def wake_play(context: Context, subject: Subject, verdict: Entry) -> None:
    """Wake the play's wait for this task's verdict. Nothing there to wake is done, not an error (R2)."""
    if not subject.play:
        return
    labels = {"press-play/flow": "play", "press-play/play": subject.play}
    for workflow in waits.running(context.cluster, context.settings.namespace, labels):
        for wait in waits.of(workflow):
            if wait.kind == AWAIT_VERDICT and wait.key.get("task") == str(subject.task):
                wake_with(context, wait, verdict)


def wake_with(context: Context, wait: waits.Wait, verdict: Entry) -> bool:
    """End a wait as a verdict says: Succeeded with its outcome, or Failed with its reason's first words."""
    if verdict["outcome"] in _GOOD:
        return wait.wake(context.cluster, "Succeeded", {"outcome": verdict["outcome"]})
    return wait.wake(context.cluster, "Failed", {}, f"{verdict['outcome']}: see the task's ledger")
