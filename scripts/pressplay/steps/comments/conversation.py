"""The comments of people with write access on a pull request, and the commands among them.

Comments of strangers, other bots and unknown people are left out (R8). Comments of our own Apps stay in their threads
as context, and need no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pressplay.github import comments, edits, issues, pulls, reviews
from pressplay.github.calls import Client
from pressplay.github.conversation import Remark, Thread, suggestions
from pressplay.github.people import Writers
from pressplay.steps.core.context import Context
from pressplay.steps.review.scope import is_ours

FIX, STOP, RETRY, STATUS, ACCEPT, PROFILE = "fix", "stop", "retry", "status", "accept", "profile"
COMMANDS = (FIX, STOP, RETRY, STATUS, ACCEPT, PROFILE)
_COMMAND = re.compile(r"/press-play(?![^ \t])[ \t]*([^ \t]*)[ \t]*(.*)")


@dataclass(frozen=True)
class Command:
    """A command in the first line of a comment."""

    id: str
    """The comment's id, as in a snapshot."""
    name: str
    """One of COMMANDS; empty for any other word, and in an edited comment."""
    created_at: str
    author: str = ""
    rest: str = field(default="", repr=False)
    """What stands behind the word in the first line: a person's text."""


@dataclass(frozen=True)
class Conversation:
    """All unresolved comments of people with write access."""

    threads: tuple[Thread, ...]
    """Each with all its comments; those of people count as unanswered."""
    commands: tuple[Command, ...]
    """Oldest first."""
    left_out: int
    """How many comments were left out: by other authors, or edited by others."""


def command_of(body: str) -> str | None:
    """The command in a comment's first line (empty: an unknown one), None if there is none."""
    match = _first_line(body)
    if match is None:
        return None
    word = match[1].lower()
    return word if word in COMMANDS else ""


def _first_line(body: str) -> re.Match[str] | None:
    return _COMMAND.match(body.splitlines()[0]) if body else None


def read_conversation(context: Context, gh: Client, repo: str, pull: pulls.Pull) -> Conversation:
    """The whole conversation of a pull request; the ledger knows what was answered before.

    `gh` may read pull requests.
    """
    return _Reader(context, gh, repo, pull).read()


_Written = TypeVar("_Written", issues.Comment, comments.LineComment, reviews.Review)


class _Reader:
    """Leaves out authors without write access before it parses any text: it may be long, and written to be slow."""

    def __init__(self, context: Context, gh: Client, repo: str, pull: pulls.Pull) -> None:
        self._context, self._gh, self._repo, self._pull = context, gh, repo, pull
        self._writers = Writers(gh, repo, context.settings.is_ours)
        self._commands: list[Command] = []
        self._left_out = 0
        self._page = f"{context.settings.github.web_url}/{repo}/pull/{pull.number}"

    def read(self) -> Conversation:
        threads = [*self._reviews(), *self._lines(), *self._conversation()]
        commands = sorted(self._commands, key=lambda command: (command.created_at, int(command.id.rpartition("-")[2])))
        return Conversation(tuple(threads), tuple(commands), self._left_out)

    def _counting(self, written: Sequence[_Written]) -> list[_Written]:
        """The comments that our Apps or people with write access wrote, and that nobody else has edited.

        Everybody with write access, agents too, can edit anybody's comment, and its author stays the same.
        """
        by_us = [self._is_ours(text.author) for text in written]
        kept = [
            text for text, is_own in zip(written, by_us, strict=True) if is_own or self._writers.include(text.author)
        ]
        changed = [text.node_id for text in kept if _may_be_edited(text)]
        made = edits.of(self._gh, changed) if changed else {}
        counting = []
        for text in kept:
            if not _may_be_edited(text) or self._writers.alone_made(made.get(text.node_id), author=text.author):
                counting.append(text)
            elif not self._is_ours(text.author) and command_of(text.body) is not None:
                # It gets the answer that it orders nothing, whoever edited it.
                remark = text.remark()
                self._commands.append(Command(remark.id, "", remark.created_at))
        self._left_out += len(written) - len(counting)
        return counting

    def _is_ours(self, login: str) -> bool:
        return is_ours(self._context, login)

    def _prepared(self, remark: Remark) -> Remark | None:
        """A comment as it goes into a thread; None for a command without further text."""
        is_own = self._is_ours(remark.author)
        body = remark.body
        command = None if is_own else command_of(body)
        if command and remark.updated_at != remark.created_at:
            # Its text at the time when others read it is not known.
            command = ""
        if command is not None:
            match = _first_line(remark.body)
            rest = match[2].strip() if match else ""
            self._commands.append(Command(remark.id, command, remark.created_at, remark.author, rest))
            # Text after an order to work is for the agent; text after any other command is for nobody.
            body = "\n".join(body.splitlines()[1:]) if command in (FIX, RETRY) else ""
        if not body.strip():
            return None
        return replace(remark, ours=is_own, unanswered=not is_own, body=body, suggestions=suggestions(body))

    def _conversation(self) -> list[Thread]:
        threads = []
        # Comments of our Apps outside of threads need no answer.
        written = issues.comments(self._gh, self._repo, self._pull.number)
        for comment in self._counting([comment for comment in written if not self._is_ours(comment.author)]):
            remark = self._prepared(comment.remark())
            if remark is not None and remark.unanswered:
                threads.append(comment.thread(self._page, remark))
        return threads

    def _reviews(self) -> list[Thread]:
        threads = []
        all_reviews = reviews.reviews(self._gh, self._repo, self._pull.number)
        withdrew = reviews.withdrawn(all_reviews)
        asking = [
            review
            for review in all_reviews
            if review.state in reviews.ASKING
            and review.id not in withdrew
            and review.body
            and not self._is_ours(review.author)
        ]
        for review in self._counting(asking):
            remark = self._prepared(review.remark()) if review.body.strip() else None
            if remark is not None and remark.unanswered:
                threads.append(review.thread(self._page, remark))
        return threads

    def _lines(self) -> list[Thread]:
        line_comments = comments.line_comments(self._gh, self._repo, self._pull.number)
        if not line_comments:
            return []
        resolved = comments.resolved(self._gh, self._repo, self._pull.number)
        threads = []
        first = {comment.id: comment for comment in line_comments}
        of_root: dict[int, list[comments.LineComment]] = {}
        for comment in self._counting(line_comments):
            of_root.setdefault(comment.root, []).append(comment)
        for root, members in sorted(of_root.items()):
            remarks = [self._prepared(comment.remark()) for comment in members]
            kept = tuple(remark for remark in remarks if remark is not None)
            if root not in resolved and any(remark.unanswered for remark in kept):
                threads.append(first.get(root, members[0]).thread(self._page, kept))
        return threads


def _may_be_edited(text: issues.Comment | comments.LineComment | reviews.Review) -> bool:
    """Whether GitHub must be asked who edited it: REST does not show that a review was edited."""
    return isinstance(text, reviews.Review) or text.updated_at != text.created_at


def narrowed(threads: Sequence[Thread], wanted: Callable[[str], bool]) -> tuple[Thread, ...]:
    """The threads with an unanswered comment that is `wanted` (by its id); their other comments count as answered."""
    kept = []
    for thread in threads:
        remarks = tuple(replace(remark, unanswered=remark.unanswered and wanted(remark.id)) for remark in thread.said)
        if any(remark.unanswered for remark in remarks):
            kept.append(replace(thread, said=remarks))
    return tuple(kept)
