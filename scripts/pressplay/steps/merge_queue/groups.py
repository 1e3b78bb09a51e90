"""A group of the merge queue: who its members are, and whether each may be merged (R5).

Members are those that GitHub's queue lists, and whose head the group's commits hold. The branch of a group says
nothing: anybody who may push can make one of that name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pressplay.domain.entries import Entries
from pressplay.github import checks, comparison, contents, merge_queue, pulls
from pressplay.github.calls import Client
from pressplay.github.merge_queue import QueueEntry
from pressplay.steps.core import parking
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK, awaits_landing, is_approval
from pressplay.steps.core.context import Context
from pressplay.steps.documents import task_documents
from pressplay.steps.merge_queue.decision import Decision, Member, decide
from pressplay.steps.review import standing, target
from pressplay.steps.review.scope import is_ours, subject_of

READS = {"checks": "read", "contents": "read", "merge_queues": "read", "pull_requests": "read"}


@dataclass(frozen=True)
class Group:
    """A group of the queue of a repository's base branch."""

    entry: QueueEntry
    before: tuple[QueueEntry, ...]
    """The entries that it is built upon, in order."""
    own: tuple[Member, ...]
    """Its entry's pull request, and others whose head it brings along."""
    decision: Decision


def base_branch(context: Context, gh: Client, repo: str) -> str:
    """The branch whose queue is served: that of the repository's tasks."""
    return context.settings.repository(repo).default_branch or contents.default_branch(gh, repo)


def is_answered(gh: Client, repo: str, commit: str) -> bool:
    """Whether the check on a group's commit is set."""
    return _conclusion(gh, repo, commit) is not None


def passed(gh: Client, repo: str, entries: Sequence[QueueEntry]) -> bool:
    """Whether the groups of all entries have a green check of ours."""
    return all(_conclusion(gh, repo, entry.head) == "success" for entry in entries)


def _conclusion(gh: Client, repo: str, commit: str) -> str | None:
    check = checks.own(gh, repo, commit, ACCEPTANCE_CHECK) if commit else None
    return check.conclusion if check is not None and check.status == "completed" else None


def find(context: Context, repo: str, commit: str) -> Group | None:
    """The group whose commit this is, with what becomes of it; None where GitHub's queue lists no such group."""
    gh = context.harness(repo, **READS)
    branch = base_branch(context, gh, repo)
    queue = merge_queue.entries(gh, repo, branch)
    entry = next((entry for entry in queue if entry.head == commit), None)
    if entry is None or not entry.base:
        return None
    opened = pulls.all_pulls(gh, repo, state="open")
    if any(pull.head_sha == commit for pull in opened):
        # The check would count for that pull request, whatever the queue says.
        context.say(f"{commit[:12]} is the head of a pull request: its check is that pull request's alone")
        return None
    before = tuple(other for other in queue if other.position < entry.position)
    brought = comparison.commits(gh, repo, entry.base, commit)
    listed = {other.pull: other for other in queue}
    own = [
        _member(context, gh, repo, branch, pull, listed.get(pull.number), opened)
        for pull in opened
        if pull.number == entry.pull or (pull.head_sha in brought and pull.number not in {e.pull for e in before})
    ]
    if entry.pull not in {member.pr for member in own}:
        own.append(Member(entry.pull, under_us=True, fault="is not open any more"))
    earlier = [
        _member(context, gh, repo, branch, pull, listed[pull.number], opened)
        for other in before
        for pull in opened
        if pull.number == other.pull
    ]
    return Group(entry, before, tuple(own), decide(earlier, own))


def _member(
    context: Context,
    gh: Client,
    repo: str,
    branch: str,
    pull: pulls.Pull,
    entry: QueueEntry | None,
    opened: Sequence[pulls.Pull],
) -> Member:
    """A member by what its pull request is now; `entry` is None for one that is only brought along."""
    entries = context.ledger(repo).entries("pr", pull.number)
    under_us = _is_under_us(context, repo, pull, entries)
    if entry is not None and is_ours(context, entry.enqueuer):
        fault = f"was entered into the merge queue by {entry.enqueuer}, an App of Press Play's: only people merge"
        return Member(pull.number, under_us, fault, by_our_app=True)
    fault = ""
    if entry is not None and entry.pull_head != pull.head_sha:
        fault = "has another head than the one in the queue"
    elif entry is not None and under_us and not entry.by_person:
        fault = f"was entered into the merge queue by {entry.enqueuer}, which is no person"
    elif pull.base_ref != branch:
        fault = f"is brought along by it, and is not against {branch}"
    else:
        fault = _not_ready(context, gh, repo, pull, entries, opened)
    return Member(pull.number, under_us, fault)


def _is_under_us(context: Context, repo: str, pull: pulls.Pull, entries: Entries) -> bool:
    return standing.is_requested(context, repo, pull, entries, 0.0) or standing.is_under_us(context, repo, pull)


def _not_ready(
    context: Context,
    gh: Client,
    repo: str,
    pull: pulls.Pull,
    entries: Entries,
    opened: Sequence[pulls.Pull],
) -> str:
    """Why a pull request may not be merged as it is, by what the harness itself says of its head; empty if it may."""
    check = checks.own(gh, repo, pull.head_sha, ACCEPTANCE_CHECK)
    if task_documents.left_alone(context, repo, pull, entries):
        # Documents and statuses are for people to approve: GitHub's rules have seen to that.
        is_known = check is not None and check.conclusion == "neutral"
        return "" if is_known else "brings documents or statuses that were not looked at"
    given = None
    if not standing.is_requested(context, repo, pull, entries, 0.0) or pull.fork:
        given = standing.answer(standing.facts(context, gh, repo, pull, entries, requested=False))
    if given is not None:
        return "" if given.conclusion == "success" else f"is held: {given.title[:1].lower()}{given.title[1:]}"
    subject = subject_of(context, repo, pull, entries)
    held = target.obstacle(context, gh, subject, pull, entries, opened)
    if held is not None:
        return f"can't be merged: {held.reason}"
    if awaits_landing(check):
        return "waits for the pull request that it was begun on to land"
    if is_approval(check):
        return ""
    parked = parking.parked(entries, subject)
    why = f": {parked.reason}" if parked is not None and parked.head == pull.head_sha else ""
    return f"is not approved at its head {pull.head_sha[:12]}{why}"
