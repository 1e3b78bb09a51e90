"""Stacked release: a task that was begun on the approved head of a dependency, before that landed (R5).

Its pull request is against the base branch like any other, so it also holds the dependency's commits. Two things
follow. Its own change is what it adds to the dependency's head, and gates compare with that. And nobody may merge it
before the dependency has landed: it would bring the dependency along.

Only the harness's ledger says what a task was begun on. An agent can neither choose it nor change it: a branch that
does not hold that commit is approved by nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pressplay.domain.entries import Landed, Stacked
from pressplay.errors import InputError
from pressplay.github import comparison, pulls
from pressplay.github.calls import Client
from pressplay.github.comparison import Comparison
from pressplay.steps.core import landing, parking
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.landing import Landing


@dataclass(frozen=True)
class Stack:
    """What a task was begun on, and what became of that."""

    on: Stacked
    landing: Landing | None
    """None where it has not landed."""
    landed_head: str
    """The head with which it was merged; empty where it was not."""
    fallen: str
    """Why it is not approved any more, as a clause; empty while it is, or may be again without a person."""

    @property
    def dependency(self) -> str:
        """The dependency as people know it."""
        return name(self.on)

    @property
    def waits(self) -> bool:
        """Whether the dependency is still to land."""
        return self.landing is None and not self.fallen

    def lacks_base(self, gh: Client, repo: str, base: str, head: str) -> bool:
        """Whether `head` must take the branch `base` in: the dependency landed with other content than it holds.

        What was taken back from the dependency after this task had begun would come in again by it, unseen: git merges
        it, and no gate would count it as this task's change.
        """
        landed = self.landing
        return (
            landed is not None
            and self.landed_head != self.on.head
            and not comparison.contains(gh, repo, base, self.on.head)
            and not comparison.contains(gh, repo, head, landed.commit)
        )


def name(on: Stacked) -> str:
    """A dependency as people know it."""
    return f"task {on.task} (#{on.pr})"


def recorded(context: Context, subject: Subject) -> Stacked | None:
    """What the subject's task was begun on; None for the base branch, and for work without a task."""
    if subject.task is None:
        return None
    on = context.ledger(subject.repo).entries("task", subject.task).get(Stacked)
    return on if on is not None and on.head else None


def unlanded(context: Context, subject: Subject) -> Stacked | None:
    """The same as far as the ledger knows: None also where the dependency is recorded as landed."""
    on = recorded(context, subject)
    landed = context.ledger(subject.repo).entries("task", on.task).get(Landed) if on is not None else None
    return on if landed is None else None


def of(context: Context, gh: Client, subject: Subject, opened: Iterable[pulls.Pull] = ()) -> Stack | None:
    """What the subject's task was begun on, and what became of that by now; None where it was the base branch.

    `gh` may read contents and pull requests. What is among the `opened` is not read again.
    """
    on = recorded(context, subject)
    if on is None:
        return None
    pull = next((pull for pull in opened if pull.number == on.pr), None) or pulls.pull(gh, subject.repo, on.pr)
    if not pull.merged:
        return Stack(on, None, "", fallen(context, subject, pull))
    work = replace(subject, task=on.task, pr=None)
    landed = landing.of(context, gh, work, pull, context.ledger(subject.repo).entries("task", on.task))
    return Stack(on, None if landed.problem else landed, pull.head_sha, landed.problem)


def fallen(context: Context, subject: Subject, pull: pulls.Pull) -> str:
    """Why a pull request that is not merged has no approval, and none that may come back without a person; else empty.

    `subject` is of the same repository.
    """
    if pull.state == "closed":
        return "it was closed without a merge"
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    newest = replace(subject, attempt_of_person=max(entries.tries, default=1))
    parked = parking.parked(entries, newest)
    return parked.reason if parked is not None and (parked.stopped or parked.head == pull.head_sha) else ""


def compared(context: Context, gh: Client, subject: Subject, base: str, head: str) -> Comparison:
    """The own change of a pull request's commit `head`: what it adds to where it left the branch or commit `base`.

    Where it was begun on a dependency that is not part of that, it is what it adds to the dependency's approved head.
    InputError where it does not hold that commit: then nobody can say what its own change is.
    """
    whole = comparison.compare(gh, subject.repo, base, head)
    on = recorded(context, subject)
    if on is None or comparison.contains(gh, subject.repo, whole.merge_base, on.head):
        return whole
    stack = of(context, gh, subject)
    if stack is not None and _has_it(gh, subject.repo, stack, whole.merge_base):
        return whole
    if not comparison.contains(gh, subject.repo, head, on.head):
        raise InputError(f"commit {head} {_lacks_it(on)}")
    return comparison.compare(gh, subject.repo, on.head, head)


def _has_it(gh: Client, repo: str, stack: Stack, commit: str) -> bool:
    """Whether a commit of the base branch holds the dependency as it landed there."""
    return stack.landing is not None and comparison.contains(gh, repo, commit, stack.landing.commit)


def _lacks_it(on: Stacked) -> str:
    return f"does not hold commit {on.head[:12]} of {name(on)}, which it was begun on"


def obstacle(context: Context, gh: Client, subject: Subject, base: str, head: str) -> str:
    """Why what it was begun on keeps a head from being approved at all, as a sentence; empty if it does not.

    That the dependency has not landed yet is none: the approval waits for that (`Stack.waits`).
    """
    stack = of(context, gh, subject)
    if stack is None:
        return ""
    if stack.fallen:
        return f"its dependency {stack.dependency} is not approved any more: {stack.fallen}"
    if head == stack.on.head:
        return f"its head is that of #{stack.on.pr}, and GitHub keeps checks by commit: one would count for both"
    if comparison.contains(gh, subject.repo, head, stack.on.head):
        return ""
    left = comparison.compare(gh, subject.repo, base, head).merge_base
    return "" if _has_it(gh, subject.repo, stack, left) else f"its branch {_lacks_it(stack.on)}"


def hold(context: Context, subject: Subject, on: Stacked, head: str) -> None:
    """Record that the task's own head is proven, and waits for the dependency; with an empty head that none does."""
    if on.held != head:
        context.ledger(subject.repo).record("task", subject.task_number, replace(on, held=head))
