"""The end of a play: a pull request of the harness that sets the statuses of its tasks in tasks.json.

Only the words of statuses change (`backlog.statuses`), on a branch that nobody but the harness may push to, and a
person merges it. No flow works on it. The next play brings the one that is open up to date, or closes it if nothing
is left to set.
"""

from __future__ import annotations

from pressplay import names
from pressplay.backlog import statuses, tasks
from pressplay.domain.entries import StatusPull
from pressplay.errors import TryAgain
from pressplay.github import pulls, refs
from pressplay.github.calls import Client
from pressplay.steps.core import approvals, backlog_file
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.play import bookkeeping

_NEEDS = {"contents": "write", "pull_requests": "write", "checks": "write"}
_TITLE = "Set the statuses of what was played"
_BODY = (
    "Statuses in tasks.json, as the pull requests of this backlog stand: `done` for what people merged, `review` for "
    "what waits for a person. Nothing else of the file changes, and no agent works on this pull request. Merge it, so "
    "that `task-master next` and other tools go on from there; or close it: the next press of play needs none of it."
)


def write(inputs: Inputs, context: Context) -> Outputs:
    """Open, or bring up to date, the pull request with the statuses of the play's tag; `pr` is its number.

    State `open`, or `nothing` where every status is as it should be. Idempotent. InputError for a tasks.json that is
    not Taskmaster's, or whose statuses can't be changed alone.
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, **_NEEDS)
    base = subject.base(gh)
    commit = refs.head(gh, subject.repo, base)
    path, content = backlog_file.locate(context, gh, subject, commit)
    where = f"{subject.repo}@{commit}:{path}"
    backlog = tasks.read(content, where, subject.tag)
    # What is worked on is out of date before anybody merges this.
    standings = bookkeeping.standings(context, gh, subject, backlog, base)
    lasting = [standing for standing in standings if standing.status != "in-progress"]
    edit = statuses.edit(content, where, subject.tag, lasting)
    branch = names.status_branch(subject.repo, subject.tag)
    if not edit.changes:
        _close(context, gh, subject, branch)
        context.say("every status in tasks.json is as it should be")
        return {"state": "nothing", "pr": "none"}
    message = f"{_TITLE}\n\n{len(edit.changes)} statuses in tasks.json, by {subject.play}.\n"
    head = refs.commit_files(gh, subject.repo, branch, {path: edit.content}, message, commit)
    pull = pulls.open_pull(gh, subject.repo, branch, base, _TITLE, _BODY)
    if pull.head_sha != head:
        raise TryAgain(f"pull request {pull.number}: GitHub does not know its new head {head} yet")
    context.ledger(subject.repo).record("pr", pull.number, StatusPull(head=head, play=subject.play))
    approvals.set_check(
        gh,
        subject.repo,
        pull,
        conclusion="neutral",
        title="Statuses only: nothing to accept",
        summary=f"Commit {head} changes statuses in tasks.json and nothing else. A person approves and merges.",
    )
    context.say(f"pull request {pull.number} sets {len(edit.changes)} statuses in tasks.json; a person merges it")
    return {"state": "open", "pr": str(pull.number)}


def _close(context: Context, gh: Client, subject: Subject, branch: str) -> None:
    """Close the pull request of an earlier play, which has nothing left to say, and delete its branch."""
    pull = pulls.find_pull(gh, subject.repo, branch, state="open")
    if pull is not None:
        pulls.close(gh, subject.repo, pull.number)
        context.say(f"pull request {pull.number} was closed: it sets no status that is not set")
    refs.delete_branch(gh, subject.repo, branch)
