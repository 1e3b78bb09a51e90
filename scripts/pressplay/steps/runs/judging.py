"""Judgements that several roles share: whether the head moved, or the agent is blocked."""

from __future__ import annotations

from pressplay import names
from pressplay.domain.entries import Details, Result
from pressplay.domain.entries import Run as RunEntry
from pressplay.domain.outcomes import question_in
from pressplay.domain.reasons import Reason
from pressplay.domain.roles import IMPLEMENT
from pressplay.github import bodies, issues, pulls
from pressplay.github.calls import Client
from pressplay.steps.core import landing
from pressplay.steps.core.context import Context
from pressplay.steps.runs.run import Run
from pressplay.validation.details import beginning
from pressplay.validation.redaction import redact

BLOCKED = "blocked"
"""The outcome of a run whose agent needs a person's decision to continue."""
_MOST = 10_000
"""Characters of a question that the ledger keeps; the full text is where the agent asked."""


def moved(_context: Context, gh: Client, run: Run, entry: RunEntry) -> Result:
    """`done` if the head moved since the run began, else `nothing`."""
    head = pulls.pull(gh, run.subject.repo, run.number).head_sha
    return Result(outcome="done" if head != entry.head else "nothing", new_head=head)


def newest_comment(gh: Client, run: Run) -> int | None:
    """The id of the newest comment of the conversation: the agent's comments are later ones; 0 if there is none.

    None for a run that works on no pull request.
    """
    if run.kind != "pr":
        return None
    return max((comment.id for comment in issues.comments(gh, run.subject.repo, run.number)), default=0)


def blocked(context: Context, gh: Client, run: Run, entry: RunEntry) -> Result | None:
    """The result of an ended run whose agent asks a person to decide; None if it asks nothing.

    A question is in a comment that the agent's App wrote on the pull request since the run began, or in the body of the
    pull request that the run opened. Other authors' text and edited comments are no questions.
    """
    repo, author = run.subject.repo, names.bot(context.settings.agent(run.agent_id)[1].github_app)
    if run.role == IMPLEMENT:
        opened = landing.pull_of(context, gh, run.subject)
        if opened is None or opened.state != "open" or opened.author.lower() != author:
            return None
        pr, texts = opened.number, [bodies.text(gh, repo, opened.number)]
    elif entry.newest_comment is not None:
        pr, texts = run.number, []
    else:
        # A run of the Issue agent or of Morgan, or one that an earlier version began.
        return None
    texts += [
        comment.body
        for comment in issues.comments(gh, repo, pr)
        if comment.id > (entry.newest_comment or 0)
        and comment.author.lower() == author
        and comment.updated_at == comment.created_at
    ]
    question = next(filter(None, map(question_in, reversed(texts))), "")
    if not question:
        return None
    return Result(
        outcome=BLOCKED,
        reason=f"it is blocked and asks a person to decide; its question is on pull request #{pr}",
        details=Details.of(Reason(what="", detail=beginning(question))),
        question=redact(question)[:_MOST],
        new_head=pulls.pull(gh, repo, pr).head_sha,
        pr=pr if run.role == IMPLEMENT else None,
    )
