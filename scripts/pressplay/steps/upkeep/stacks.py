"""Wake the pull requests that were begun on another one's approved head, once that has landed or is approved no more.

`signal` does so at once where the other one was closed, merged or not; `reconcile` compares each minute (R2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pressplay import names
from pressplay.domain.entries import Entries, Stacked
from pressplay.github import pulls
from pressplay.github.calls import Client
from pressplay.steps.core import approvals, landing, parking, stack
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.start import start
from pressplay.steps.review import standing
from pressplay.steps.review.scope import subject_of

FLOW = "pull-request"
NEEDS = {**landing.NEEDS, "checks": "write"}


@dataclass(frozen=True)
class _Held:
    """A proven pull request that waits for what it was begun on."""

    pull: pulls.Pull
    subject: Subject
    entries: Entries
    on: Stacked


def after_close(context: Context, repo: str, pr: int) -> int:
    """Wake those that were begun on a pull request that was closed; how many flows were started. Idempotent."""
    stacked = (kept.entries.get(Stacked) for kept in context.ledger(repo).kept("task"))
    if not any(on is not None and on.pr == pr for on in stacked):
        return 0
    gh = context.harness(repo, **NEEDS)
    opened = pulls.all_pulls(gh, repo, state="open")
    ready = [held for held in _ready(context, gh, repo, opened) if held.on.pr == pr]
    return sum(start(context, FLOW, repo, held.pull.number) for held in ready)


def landed(context: Context, repo: str, opened: Sequence[pulls.Pull]) -> list[pulls.Pull]:
    """The held pull requests whose dependency has landed: their flow goes on.

    Those whose dependency is not approved any more are parked. While it is open, this costs GitHub nothing.
    """
    return [held.pull for held in _ready(context, context.harness(repo, **NEEDS), repo, opened)]


def is_pending(context: Context, repo: str) -> bool:
    """Whether `reconcile` has something to do about a held pull request."""
    if context.settings.repository(repo).release != "approved":
        return False
    gh = context.harness(repo, **landing.NEEDS, checks="read")
    opened = pulls.all_pulls(gh, repo, state="open")
    for held in _held(context, repo, opened):
        built = stack.of(context, gh, held.subject, opened)
        if built is not None and not built.waits and approvals.is_held(gh, repo, held.pull):
            return True
    return False


def _held(context: Context, repo: str, opened: Sequence[pulls.Pull]) -> Iterator[_Held]:
    """The open pull requests that are proven and wait; those that are parked wait for a person."""
    for pull in opened:
        task = None if pull.fork else names.task_of_branch(pull.head_ref)
        on = context.ledger(repo).entries("task", task).get(Stacked) if task is not None else None
        if on is None or on.held != pull.head_sha:
            continue
        entries = context.ledger(repo).entries("pr", pull.number)
        subject = subject_of(context, repo, pull, entries)
        parked = parking.parked(entries, subject)
        if parked is None or (parked.head != pull.head_sha and not parked.stopped):
            yield _Held(pull, subject, entries, on)


def _ready(context: Context, gh: Client, repo: str, opened: Sequence[pulls.Pull]) -> Iterator[_Held]:
    """Those whose dependency has landed; those whose dependency is not approved any more are parked."""
    for held in _held(context, repo, opened):
        built = stack.of(context, gh, held.subject, opened)
        if built is None or built.waits:
            continue
        if built.fallen:
            standing.hold_to_its_target(context, gh, repo, held.pull, held.entries, opened)
        elif approvals.is_held(gh, repo, held.pull):
            yield held
        else:
            # It was approved since.
            stack.hold(context, held.subject, built.on, "")
