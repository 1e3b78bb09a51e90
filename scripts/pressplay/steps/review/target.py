"""The target of an approval: one base branch, and no other pull request (R5).

GitHub keeps checks by commit. Anybody with write access can change a pull request's base, or open a second one from the
same commit to another branch: a check that one diff earned would let another diff through. And a task whose branch is
moved onto another task's approved head would be done by nothing. Each voids the check and the approval, and a person
takes over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pressplay import names
from pressplay.domain.entries import Base, Entries
from pressplay.github import pulls
from pressplay.github.calls import Client
from pressplay.steps.core import stack
from pressplay.steps.core.context import Context, Subject


@dataclass(frozen=True)
class Obstacle:
    """Why a pull request's head can't be approved, whatever its gates say."""

    reason: str
    """A sentence of ours about the pull request."""
    ways: str
    """How a person continues."""


def obstacle(
    context: Context,
    gh: Client,
    subject: Subject,
    pull: pulls.Pull,
    entries: Entries,
    opened: Iterable[pulls.Pull] | None = None,
) -> Obstacle | None:
    """What keeps an open pull request's head from being approved; None if nothing does.

    `gh` may read contents and pull requests. `opened`: the repository's open pull requests, if the caller has them.
    """
    base = _base(context, gh, subject, pull, entries)
    if pull.base_ref != base:
        shown = names.shown_branch(base)
        return Obstacle(
            f"its base branch is {names.shown_branch(pull.base_ref)}, and it was reviewed for {shown}",
            f"set its base back to `{shown}`, then comment `/press-play retry`",
        )
    if why := stack.obstacle(context, gh, subject, base, pull.head_sha):
        return Obstacle(why, "once that is put right, comment `/press-play retry`")
    same = pulls.with_head(gh, subject.repo, pull.head_sha) if opened is None else opened
    for other in doubles(pull, same):
        return Obstacle(
            f"pull request #{other.number} leads the same commit into {names.shown_branch(other.base_ref)}, "
            "where its check would count, too",
            f"close #{other.number} or push another commit to it, then comment `/press-play retry`",
        )
    return None


def doubles(pull: pulls.Pull, opened: Iterable[pulls.Pull]) -> list[pulls.Pull]:
    """The other open pull requests with this head and another base, or, where both are of tasks, with any base."""
    return [
        other
        for other in opened
        if other.number != pull.number
        and other.head_sha == pull.head_sha
        and (other.base_ref != pull.base_ref or (_is_of_task(pull) and _is_of_task(other)))
    ]


def _is_of_task(pull: pulls.Pull) -> bool:
    return not pull.fork and names.task_of_branch(pull.head_ref) is not None


def _base(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries) -> str:
    """The branch that a pull request is reviewed for in this try: noted when the try first looks at it.

    A task's is the repository's base branch; anybody else's is the one that it has then.
    """
    noted = entries.get(Base, Base.key_of(subject.attempt_of_person))
    if noted is None:
        base = pull.base_ref if subject.task is None else subject.base(gh)
        noted = Base(try_=subject.attempt_of_person, base=base)
        context.ledger(subject.repo).record("pr", pull.number, noted)
    return noted.base
