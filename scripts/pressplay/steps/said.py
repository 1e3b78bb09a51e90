"""What people with write access said on a pull request: comments, and commands among them.

Strangers', other bots' and unknown people's words are left out (R8). What our own Apps said stands in its thread for
understanding, and asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pressplay.github import comments, issues, people, pulls, reviews
from pressplay.github.calls import Client
from pressplay.github.conversation import Said, Thread, suggestions
from pressplay.steps.context import Context
from pressplay.steps.pulls import is_ours

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
    """How many comments of others were left out."""


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


class _Listener:
    def __init__(self, context: Context, gh: Client, repo: str, pull: pulls.Pull) -> None:
        self._context, self._gh, self._repo, self._pull = context, gh, repo, pull
        self._may: dict[str, bool] = {}
        self._commands: list[Command] = []
        self._left_out = 0
        self._page = f"{context.settings.github.web_url}/{repo}/pull/{pull.number}"

    def hear(self) -> Heard:
        threads = [*self._reviews(), *self._lines(), *self._conversation()]
        commands = sorted(self._commands, key=lambda one: (one.created_at, int(one.id.rpartition("-")[2])))
        return Heard(tuple(threads), tuple(commands), self._left_out)

    def _heard(self, said: Said) -> Said | None:
        """A comment as it goes into a thread; None for a stranger's, and for a command without more."""
        ours = is_ours(self._context, said.author)
        if not ours and not self._may_write(said.author):
            self._left_out += 1
            return None
        body = said.body
        command = None if ours else command_of(body)
        if command and said.updated_at != said.created_at:
            # Who may write, an agent among them, may edit anybody's comment, and it stays its author's.
            command = ""
        if command is not None:
            self._commands.append(Command(said.id, command, said.created_at))
            # What follows an order to work is said to whom works; the rest of the others' is for nobody.
            body = "\n".join(body.splitlines()[1:]) if command in (FIX, RETRY) else ""
        if not body.strip():
            return None
        return replace(said, ours=ours, unanswered=not ours, body=body, suggestions=suggestions(body))

    def _may_write(self, login: str) -> bool:
        if login.endswith("[bot]"):
            return False
        if login not in self._may:
            self._may[login] = people.may_write(self._gh, self._repo, login)
        return self._may[login]

    def _conversation(self) -> list[Thread]:
        threads = []
        for found in issues.comments(self._gh, self._repo, self._pull.number):
            said = self._heard(found.said())
            if said is not None and said.unanswered:
                threads.append(found.thread(self._page, said))
        return threads

    def _reviews(self) -> list[Thread]:
        threads = []
        found = reviews.reviews(self._gh, self._repo, self._pull.number)
        withdrew = reviews.withdrawn(found)
        for review in found:
            if review.state not in reviews.ASKING or review.id in withdrew or not review.body.strip():
                continue
            said = self._heard(review.said())
            if said is not None and said.unanswered:
                threads.append(review.thread(self._page, said))
        return threads

    def _lines(self) -> list[Thread]:
        found = comments.line_comments(self._gh, self._repo, self._pull.number)
        if not found:
            return []
        resolved = comments.resolved(self._gh, self._repo, self._pull.number)
        threads = []
        of_root: dict[int, list[comments.LineComment]] = {}
        for one in found:
            of_root.setdefault(one.root, []).append(one)
        for root, members in sorted(of_root.items()):
            said = [self._heard(one.said()) for one in members]
            kept = tuple(one for one in said if one is not None)
            if root not in resolved and any(one.unanswered for one in kept):
                threads.append(members[0].thread(self._page, kept))
        return threads


def narrowed(threads: Sequence[Thread], wanted: Callable[[str], bool]) -> tuple[Thread, ...]:
    """The threads in which something `wanted` (by its id) is unanswered; all else in them counts as answered."""
    found = []
    for thread in threads:
        said = tuple(replace(one, unanswered=one.unanswered and wanted(one.id)) for one in thread.said)
        if any(one.unanswered for one in said):
            found.append(replace(thread, said=said))
    return tuple(found)
