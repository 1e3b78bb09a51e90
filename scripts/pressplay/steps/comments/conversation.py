"""What people with write access said on a pull request: comments, and commands among them.

Strangers', other bots' and unknown people's words are left out (R8). What our own Apps said stands in its thread for
understanding, and asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pressplay.github import comments, edits, issues, pulls, reviews
from pressplay.github.calls import Client
from pressplay.github.conversation import Remark, Thread, suggestions
from pressplay.github.people import Writers
from pressplay.steps.core.context import Context
from pressplay.steps.review.scope import is_ours

FIX, STOP, RETRY, STATUS = "fix", "stop", "retry", "status"
COMMANDS = (FIX, STOP, RETRY, STATUS)
_COMMAND = re.compile(r"/press-play(?![^ \t])[ \t]*([^ \t]*)")


@dataclass(frozen=True)
class Command:
    """What a person orders in the first line of a comment."""

    id: str
    """The comment's id, as in a snapshot."""
    name: str
    """One of COMMANDS; empty for any other word, and in a comment that was edited."""
    created_at: str


@dataclass(frozen=True)
class Heard:
    """Everything that people with write access said and nobody resolved."""

    threads: tuple[Thread, ...]
    """Each with all that was said in it; what people said counts as unanswered."""
    commands: tuple[Command, ...]
    """Oldest first."""
    left_out: int
    """How many comments were left out: of others, and what others have edited."""


def command_of(body: str) -> str | None:
    """The command in a comment's first line (empty: an unknown one), None where there is none."""
    found = _COMMAND.match(body.splitlines()[0]) if body else None
    if found is None:
        return None
    word = found[1].lower()
    return word if word in COMMANDS else ""


def hear(context: Context, gh: Client, repo: str, pull: pulls.Pull) -> Heard:
    """Everything on a pull request, page by page; whether it was answered before is the ledger's to say.

    `gh` may read pull requests.
    """
    return _Listener(context, gh, repo, pull).hear()


_Written = TypeVar("_Written", issues.Comment, comments.LineComment, reviews.Review)


class _Listener:
    """Who may not write is left out before anything of the text is read: it may be long, and made to be slow."""

    def __init__(self, context: Context, gh: Client, repo: str, pull: pulls.Pull) -> None:
        self._context, self._gh, self._repo, self._pull = context, gh, repo, pull
        self._writers = Writers(gh, repo, context.settings.is_ours)
        self._commands: list[Command] = []
        self._left_out = 0
        self._page = f"{context.settings.github.web_url}/{repo}/pull/{pull.number}"

    def hear(self) -> Heard:
        threads = [*self._reviews(), *self._lines(), *self._conversation()]
        commands = sorted(self._commands, key=lambda one: (one.created_at, int(one.id.rpartition("-")[2])))
        return Heard(tuple(threads), tuple(commands), self._left_out)

    def _counting(self, found: Sequence[_Written]) -> list[_Written]:
        """What our Apps or people with write access wrote, and nobody else has edited since.

        Who may write, an agent among them, may edit anybody's comment, and it stays its author's.
        """
        by_us = [self._is_ours(one.author) for one in found]
        kept = [one for one, ours in zip(found, by_us, strict=True) if ours or self._writers.include(one.author)]
        changed = [one.node_id for one in kept if _may_be_edited(one)]
        made = edits.of(self._gh, changed) if changed else {}
        counting = []
        for one in kept:
            if not _may_be_edited(one) or self._writers.alone_made(made.get(one.node_id), author=one.author):
                counting.append(one)
            elif not self._is_ours(one.author) and command_of(one.body) is not None:
                # It is told that it orders nothing, whoever made it what it is.
                said = one.remark()
                self._commands.append(Command(said.id, "", said.created_at))
        self._left_out += len(found) - len(counting)
        return counting

    def _is_ours(self, login: str) -> bool:
        return is_ours(self._context, login)

    def _heard(self, said: Remark) -> Remark | None:
        """A comment that counts as it goes into a thread; None for a command without more."""
        ours = self._is_ours(said.author)
        body = said.body
        command = None if ours else command_of(body)
        if command and said.updated_at != said.created_at:
            # What it said when others read it is not known.
            command = ""
        if command is not None:
            self._commands.append(Command(said.id, command, said.created_at))
            # What follows an order to work is said to whom works; the rest of the others' is for nobody.
            body = "\n".join(body.splitlines()[1:]) if command in (FIX, RETRY) else ""
        if not body.strip():
            return None
        return replace(said, ours=ours, unanswered=not ours, body=body, suggestions=suggestions(body))

    def _conversation(self) -> list[Thread]:
        threads = []
        # What our Apps say outside of threads asks for nothing.
        found = issues.comments(self._gh, self._repo, self._pull.number)
        for one in self._counting([one for one in found if not self._is_ours(one.author)]):
            said = self._heard(one.remark())
            if said is not None and said.unanswered:
                threads.append(one.thread(self._page, said))
        return threads

    def _reviews(self) -> list[Thread]:
        threads = []
        found = reviews.reviews(self._gh, self._repo, self._pull.number)
        withdrew = reviews.withdrawn(found)
        asking = [
            one
            for one in found
            if one.state in reviews.ASKING and one.id not in withdrew and one.body and not self._is_ours(one.author)
        ]
        for review in self._counting(asking):
            said = self._heard(review.remark()) if review.body.strip() else None
            if said is not None and said.unanswered:
                threads.append(review.thread(self._page, said))
        return threads

    def _lines(self) -> list[Thread]:
        found = comments.line_comments(self._gh, self._repo, self._pull.number)
        if not found:
            return []
        resolved = comments.resolved(self._gh, self._repo, self._pull.number)
        threads = []
        first = {one.id: one for one in found}
        of_root: dict[int, list[comments.LineComment]] = {}
        for one in self._counting(found):
            of_root.setdefault(one.root, []).append(one)
        for root, members in sorted(of_root.items()):
            said = [self._heard(one.remark()) for one in members]
            kept = tuple(one for one in said if one is not None)
            if root not in resolved and any(one.unanswered for one in kept):
                threads.append(first.get(root, members[0]).thread(self._page, kept))
        return threads


def _may_be_edited(one: issues.Comment | comments.LineComment | reviews.Review) -> bool:
    """Whether GitHub has to be asked who edited it: of reviews REST does not tell that they changed."""
    return isinstance(one, reviews.Review) or one.updated_at != one.created_at


def narrowed(threads: Sequence[Thread], wanted: Callable[[str], bool]) -> tuple[Thread, ...]:
    """The threads in which something `wanted` (by its id) is unanswered; all else in them counts as answered."""
    found = []
    for thread in threads:
        said = tuple(replace(one, unanswered=one.unanswered and wanted(one.id)) for one in thread.said)
        if any(one.unanswered for one in said):
            found.append(replace(thread, said=said))
    return tuple(found)
