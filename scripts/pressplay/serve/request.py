"""One request: its calls to GitHub, counted and bounded, and what of people's text it may show (R4, R8)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from pressplay.clock import Clock
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.github import people, pulls, review_threads, reviews
from pressplay.github.access import GitHubAccess
from pressplay.github.calls import Client, GitHubRefused
from pressplay.github.conversation import Remark, Thread, suggestions
from pressplay.serve.pages import clean
from pressplay.serve.problems import Problem, missing, of_github
from pressplay.settings import Settings

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

PAGE = 50
"""Comments and reviews that are asked for at once; GitHub's texts have up to 65,536 characters each."""
CALLS = 25
"""To GitHub for one request; a list goes on by its cursor."""
SECONDS = 20.0
"""After which a request begins no further call to GitHub."""
PAGE_CHARACTERS = 100_000
"""Of people's text in an answer: a model's memory is small. One thread more may always be in it."""
HUNK_CHARACTERS = 10_000
KNOWN = 2000
"""People, and threads' nodes, that are remembered."""
KNOWN_SECONDS = 300.0
"""For how long it counts who may write."""
READ = {"pull_requests": "read"}
READ_FILES = {"contents": "read"}


class SpentError(Exception):
    """The request has had its share of calls."""


class Newest(Generic[K, V]):
    """What was learnt last, and no more of it than KNOWN."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._held: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """What was learnt, or None."""
        return self._held.get(key)

    def learn(self, key: K, value: V) -> None:
        """Remember it; the oldest is forgotten."""
        with self._lock:
            self._held[key] = value
            self._held.move_to_end(key)
            if len(self._held) > KNOWN:
                self._held.popitem(last=False)

    def forget(self, key: K) -> None:
        """Remember it no longer."""
        with self._lock:
            self._held.pop(key, None)


@dataclass(frozen=True)
class CommentSource:
    """From where requests are answered. Holds no text between two of them; safe to share between threads."""

    settings: Settings
    github: GitHubAccess
    app: str
    """The App as which GitHub is read."""
    clock: Clock
    everyone: bool = False
    """Whether comments by people without write access are shown too."""
    count: Callable[[str, str], None] = lambda _what, _outcome: None
    """Counts each call to GitHub: what was requested, and how it ended."""
    writers: Newest[tuple[str, str], tuple[float, bool]] = field(default_factory=Newest)
    """(repository, login) → (until when it holds, whether the login may write)."""
    nodes: Newest[tuple[str, int, int], str] = field(default_factory=Newest)
    """(repository, pull request, comment that began it) → the thread's node."""


class Request:
    """The calls of one request about one pull request (or, with number 0, a repository)."""

    def __init__(
        self, source: CommentSource, repo: str, number: int, permissions: dict[str, str] = READ, calls: int = CALLS
    ) -> None:
        """At most `calls` to GitHub, with these permissions."""
        self.source, self.repo, self.number = source, repo, number
        self.page = f"{source.settings.github.web_url}/{repo}/pull/{number}"
        """The pull request's address for people."""
        self._permissions = permissions
        self._calls, self._share = calls, calls
        self._until = source.clock.now() + SECONDS

    @property
    def half_spent(self) -> bool:
        """Whether the rest of the request's share should be left to what must be asked."""
        return 2 * self._calls < self._share or self.source.clock.now() > self._until - SECONDS / 2

    def ask(self, what: str, ask: Callable[[Client], T], *, must: bool = False) -> T:
        """One call; SpentError if the request has used up its share, unless it `must` be made."""
        if not must and (self._calls <= 0 or self.source.clock.now() >= self._until):
            raise SpentError
        self._calls -= 1
        outcome = "failed"
        try:
            result = ask(self.source.github.installation(self.source.app, self.repo, self._permissions))
            outcome = "ok"
            return result
        except TryAgain:
            outcome = "unavailable"
            raise
        except InputError:
            outcome = "refused"
            raise
        finally:
            self.source.count(what, outcome)

    def fault(self, error: PressPlayError) -> Problem:
        """What a fault on the way to GitHub is for the caller."""
        return of_github(error, self.repo, self.source.clock.now())

    def certain(self, what: str, ask: Callable[[Client], T]) -> T:
        """One call that is always made, with its faults as Problems for the caller."""
        try:
            return self.ask(what, ask, must=True)
        except PressPlayError as error:
            raise self.fault(error) from error

    def pull(self) -> pulls.Pull:
        """The pull request; Problem if there is none."""
        try:
            return self.ask("pull", lambda gh: pulls.pull(gh, self.repo, self.number), must=True)
        except GitHubRefused as error:
            if error.status == 404:
                raise missing(
                    f"pull_request: {self.repo} has no pull request {self.number} (issues have numbers of their own). "
                    "Check the number; an agent's own is in PRESSPLAY_PR."
                ) from error
            raise self.fault(error) from error
        except PressPlayError as error:
            raise self.fault(error) from error

    def reviews(self, at: int) -> tuple[list[reviews.Review], bool]:
        """A page of reviews, and whether another one follows."""
        return self.ask("reviews", lambda gh: reviews.reviews_page(gh, self.repo, self.number, at, PAGE))

    def threads(self, after: str | None, *, who: bool = False) -> tuple[list[review_threads.ThreadSummary], str | None]:
        """The summaries of the next threads, and the cursor for those that follow."""
        summaries, more = self.ask(
            "threads", lambda gh: review_threads.scan(gh, self.repo, self.number, after, who=who)
        )
        for summary in summaries:
            self.source.nodes.learn((self.repo, self.number, summary.root), summary.node)
        return summaries, more

    def shown(self, thread: Thread) -> tuple[Thread | None, int]:
        """The visible part of a thread (None: nothing), and how many comments of strangers were left out (R8)."""
        remarks: list[Remark] = []
        left_out = 0
        for remark in thread.said:
            ours = self.source.settings.is_ours(remark.author)
            if not (ours or self.source.everyone or self._may_write(remark.author)):
                left_out += 1
                continue
            # Only what is shown is read: a stranger's text may be made to be slow.
            remarks.append(replace(remark, ours=ours, suggestions=suggestions(remark.body)))
        return (bounded(cleaned(replace(thread, said=tuple(remarks)))) if remarks else None), left_out

    def _may_write(self, login: str) -> bool:
        if login.endswith("[bot]") or login == "ghost":
            return False
        key, now = (self.repo, login), self.source.clock.now()
        known = self.source.writers.get(key)
        if known is not None and known[0] > now:
            return known[1]
        may = self.ask("people", lambda gh: people.may_write(gh, self.repo, login))
        self.source.writers.learn(key, (now + KNOWN_SECONDS, may))
        return may


def size_of(thread: Thread) -> int:
    """The size of a thread in an answer, in characters of people's text."""
    return len(thread.path or "") + len(thread.diff_hunk or "") + sum(len(remark.body) for remark in thread.said)


def cleaned(thread: Thread) -> Thread:
    """The thread with texts that UTF-8 can encode, and with its hunk cut to the limit of an answer."""
    hunk = thread.diff_hunk
    if hunk is not None and len(hunk) > HUNK_CHARACTERS:
        # The comment is about its last lines.
        hunk = f"…\n{hunk[-HUNK_CHARACTERS:]}"
    remarks = tuple(
        replace(
            remark,
            author=clean(remark.author),
            body=clean(remark.body),
            suggestions=tuple(clean(text) for text in remark.suggestions),
        )
        for remark in thread.said
    )
    path = None if thread.path is None else clean(thread.path)
    return replace(thread, said=remarks, path=path, diff_hunk=None if hunk is None else clean(hunk))


def bounded(thread: Thread) -> Thread:
    """The thread with its first comment and as many of its newest as an answer can hold."""
    kept: list[Remark] = []
    size = len(thread.said[0].body)
    for remark in reversed(thread.said[1:]):
        size += len(remark.body)
        if size > PAGE_CHARACTERS:
            break
        kept.append(remark)
    remarks = (thread.said[0], *reversed(kept))
    return replace(thread, said=remarks, omitted=thread.omitted + len(thread.said) - len(remarks))
