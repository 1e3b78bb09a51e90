"""The answers that an agent of the role `comments` posted, read from GitHub."""

from __future__ import annotations

from dataclasses import dataclass, field

from pressplay import names
from pressplay.domain.entries import Run
from pressplay.github import comments, issues
from pressplay.github.calls import Client
from pressplay.github.conversation import Thread
from pressplay.steps.comments import snapshot
from pressplay.steps.core.context import Context


@dataclass(frozen=True)
class Answers:
    """What the agent of a run wrote on the pull request since the run began."""

    threads: frozenset[int]
    """The first comments of the threads in which it answered."""
    texts: tuple[str, ...] = field(repr=False)
    """What it wrote in the conversation."""

    @staticmethod
    def of(context: Context, gh: Client, repo: str, number: int, run: Run | None) -> Answers:
        """Read them from GitHub; none if no run has begun."""
        if run is None or run.newest_comment is None:
            return Answers(frozenset(), ())
        login = names.bot(context.settings.agent(run.agent)[1].github_app)
        roots = {
            comment.root
            for comment in comments.line_comments(gh, repo, number)
            if comment.author.lower() == login and comment.id > (run.newest_line or 0)
        }
        texts = [
            comment.body
            for comment in issues.comments(gh, repo, number)
            if comment.author.lower() == login and comment.id > run.newest_comment
        ]
        return Answers(frozenset(roots), tuple(texts))

    def __bool__(self) -> bool:
        """Whether it wrote anything."""
        return bool(self.threads or self.texts)

    def has(self, thread: Thread, hash_: str) -> bool:
        """Whether a thread was answered; in the conversation by the hidden marker, or by a link to the comment."""
        if thread.kind == "thread":
            return thread.number in self.threads
        anchor = f"#{thread.url.rpartition('#')[2]}"
        marks = (comments.hidden(snapshot.answer_marker(hash_, thread.id)), f"{anchor})", f"{anchor}\n", f"{anchor} ")
        return any(mark in f"{text}\n" for text in self.texts for mark in marks)


def newest_line(gh: Client, repo: str, number: int) -> int:
    """The id of the newest comment on a line of the diff; 0 if there is none."""
    return max((comment.id for comment in comments.line_comments(gh, repo, number)), default=0)
