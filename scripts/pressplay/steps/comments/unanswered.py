"""The comments and commands of a pull request that wait for an answer."""

from __future__ import annotations

from pressplay.cluster import waits
from pressplay.domain.entries import Entries, Snapshot
from pressplay.github import pulls
from pressplay.github.conversation import Thread
from pressplay.steps.comments import commands
from pressplay.steps.comments.conversation import Conversation, narrowed, read_conversation
from pressplay.steps.core import parking
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.review.scope import in_scope


def waiting(context: Context, subject: Subject, pull: pulls.Pull) -> bool:
    """Whether an open pull request has a pending command or an unanswered comment."""
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    conversation = read_conversation(context, context.harness(subject.repo, pull_requests="read"), subject.repo, pull)
    return bool(
        commands.pending(entries, conversation.commands)
        or (may_work(context, entries, subject, pull) and unanswered(context, entries, conversation, ""))
    )


def may_work(context: Context, entries: Entries, subject: Subject, pull: pulls.Pull) -> bool:
    """Whether comments without a command are worked on."""
    return in_scope(context, subject.repo, pull, entries) and not parking.stopped(entries, subject)


def unanswered(
    context: Context, entries: Entries, conversation: Conversation, workflow: str, *, all_of_it: bool = False
) -> tuple[Thread, ...]:
    """The threads with a comment that is in no answered snapshot, and that no other running Workflow works on."""
    answered, dropped, others = set[str](), set[str](), set[str]()
    for snapshot in entries.all(Snapshot):
        if snapshot.answered:
            answered |= set(snapshot.ids)
        elif snapshot.workflow != workflow and _lives(context, snapshot.workflow):
            others |= set(snapshot.ids)
        else:
            dropped |= set(snapshot.ids)
    # Comments that a superseded snapshot took up again, on a person's order, still wait.
    over = (set() if all_of_it else answered - dropped) | others
    return narrowed(conversation.threads, lambda id_: id_ not in over)


def _lives(context: Context, workflow: str) -> bool:
    manifest = context.cluster.get("Workflow", context.settings.namespace, workflow) if workflow else None
    return manifest is not None and waits.phase(manifest) not in waits.FINISHED
