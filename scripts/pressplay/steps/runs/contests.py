"""What the agent that fixes contests, and whether QA answered it (R5): both are comments and reviews on GitHub.

A contest is a comment of its App. It ends no round by itself: the next one begins, and QA answers each point by its id,
by correcting its probe or test, or by the reason why it is right. The test-only gate holds QA to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pressplay import names
from pressplay.domain.entries import Entries
from pressplay.domain.entries import Run as RunEntry
from pressplay.domain.outcomes import contest_in
from pressplay.domain.roles import FIX, TEST
from pressplay.github import issues, reviews
from pressplay.github.calls import Client
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.runs import points
from pressplay.steps.runs.run import Run


@dataclass(frozen=True)
class Contest:
    """A point that an agent holds to be wrong."""

    id: str
    """`contest-<n>.<m>`: the comment's number, and the point's in it."""
    text: str = field(repr=False)
    """An agent's text: data (R7)."""


def newest(context: Context, gh: Client, run: Run, entry: RunEntry) -> int | None:
    """The comment in which the agent contests something since its run began; None if it contests nothing.

    Other authors' comments and edited ones are no contests.
    """
    author = names.bot(context.settings.agent(run.agent_id)[1].github_app)
    own = [
        comment.id
        for comment in issues.comments(gh, run.subject.repo, run.number)
        if comment.id > (entry.newest_comment or 0) and _counts(comment, author)
    ]
    return max(own, default=None)


def _counts(comment: issues.Comment, author: str) -> bool:
    edited = comment.updated_at != comment.created_at
    return comment.author.lower() == author and not edited and bool(contest_in(comment.body))


def pending(context: Context, gh: Client, subject: Subject, entries: Entries) -> list[Contest]:
    """The contested points that no verdict of QA's has answered, oldest first.

    `gh` may read pull requests.
    """
    contested = [run for run in entries.runs if run.role == FIX.name and run.result and run.result.comment]
    points_of: list[Contest] = []
    for run in sorted(contested, key=lambda run: run.ended or 0):
        number = run.result.comment if run.result else None
        comment = issues.find_comment(gh, subject.repo, subject.pull_number, number) if number else None
        if comment is None or not _counts(comment, names.bot(context.settings.agent(run.agent)[1].github_app)):
            continue
        listed = points.split(contest_in(comment.body))[1]
        points_of += [Contest(f"contest-{comment.id}.{at}", text) for at, text in enumerate(listed, start=1)]
    if not points_of:
        return []
    verdicts = _verdicts(gh, subject, entries, min(run.ended or 0 for run in contested))
    return [point for point in points_of if not any(answers(text, point.id) for text in verdicts)]


def _verdicts(gh: Client, subject: Subject, entries: Entries, since: int) -> list[str]:
    """The texts of QA's verdicts by runs that began after the first contest."""
    ids = {
        run.result.review
        for run in entries.runs
        if run.role == TEST.name and run.result and run.result.review and (run.started or 0) >= since
    }
    written: Iterable[reviews.Review | None] = (
        reviews.find_review(gh, subject.repo, subject.pull_number, id_) for id_ in sorted(ids)
    )
    return [review.body for review in written if review is not None]


def answers(text: str, id_: str) -> bool:
    """Whether a verdict's text answers a contested point: it has the id, and more behind it in the same line."""
    return re.search(rf"(?<![\w.-]){re.escape(id_)}(?![\w-]|\.\d)[^\n\w]*\w", text) is not None
