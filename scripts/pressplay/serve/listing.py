"""Lists of comments: three sources, one after another, each gone through a page at a time.

A source yields what it scanned, with the mark after it. The list stops when its answer is full or the request has had
its share of calls, and its cursor is that mark. So whatever a pull request holds, a request holds one page of it; and
what was there when a list was begun is in it once, whatever is added meanwhile. What is added has `since` and as_of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pressplay.clock import rfc3339
from pressplay.errors import PressPlayError, TryAgain
from pressplay.github import issues, review_threads
from pressplay.github import reviews as github_reviews
from pressplay.github.conversation import Thread
from pressplay.github.graphql import GraphQLRefused
from pressplay.serve import cursors
from pressplay.serve.answers import Page
from pressplay.serve.arguments import ListComments
from pressplay.serve.cursors import Cursor, Mark
from pressplay.serve.request import PAGE, PAGE_CHARACTERS, Request, SpentError, size_of

READ_AT_ONCE = 40
"""Comments in threads whose texts are asked for at once: of GitHub's longest, some ten megabytes."""
THREADS_AT_ONCE = 20
NEWEST = 10
"""Comments of a thread that a list shows beside the first one; `get_comment` shows all."""


@dataclass(frozen=True)
class Scanned:
    """One thing of a source: where the source goes on after it, and what to show of it."""

    mark: Mark
    thread: Thread | None
    left_out: int = 0


Scan = Callable[[Request, ListComments, Mark], Iterator[Scanned]]


def page(request: Request, asked: ListComments) -> Page:
    """The part of a pull request's comments that is asked for."""
    sources = _sources(asked)
    filters = asked.model_dump(exclude={"limit", "cursor", "format"})
    question = cursors.question(request.repo, *(filters[name] for name in sorted(filters)))
    if asked.cursor:
        begun = cursors.read(asked.cursor, question, len(sources))
    else:
        begun = Cursor(question, 0, None, rfc3339(request.source.clock.now()))
        request.pull()
    return _gather(request, asked, sources, begun)


def _sources(asked: ListComments) -> list[Scan]:
    kinds: dict[str, Scan] = {"review": _reviews, "thread": _threads, "comment": _conversation}
    # Only threads stand on a file.
    wanted = {"thread"} if asked.path is not None else set(kinds)
    if asked.kind is not None:
        wanted &= {asked.kind}
    return [scan for kind, scan in kinds.items() if kind in wanted]


def _gather(request: Request, asked: ListComments, sources: Sequence[Scan], begun: Cursor) -> Page:
    threads: list[Thread] = []
    size = left_out = 0
    at, mark = begun.source, begun.mark

    def answer(*, more: bool) -> Page:
        cursor = cursors.write(replace(begun, source=at, mark=mark)) if more else None
        return Page(request.repo, request.number, begun.as_of, tuple(threads), left_out, cursor)

    try:
        while at < len(sources):
            for scanned in sources[at](request, asked, mark):
                if scanned.thread is not None:
                    size += size_of(scanned.thread)
                    if threads and size > PAGE_CHARACTERS:
                        return answer(more=True)
                    threads.append(scanned.thread)
                left_out += scanned.left_out
                mark = scanned.mark
                if len(threads) == asked.limit:
                    return answer(more=True)
            at, mark = at + 1, None
        return answer(more=False)
    except SpentError:
        return answer(more=True)
    except PressPlayError as error:
        if isinstance(error, GraphQLRefused) and error.kinds == {"INVALID_CURSOR_ARGUMENTS"}:
            raise cursors.stale() from error
        # What was read is not lost; who asks for the rest meets the fault, if it is still there.
        if threads and isinstance(error, TryAgain):
            return answer(more=True)
        raise request.fault(error) from error


def _reviews(request: Request, asked: ListComments, mark: Mark) -> Iterator[Scanned]:
    """The reviews that have a text of their own, in GitHub's order, which grows at its end only."""
    at, last = mark if isinstance(mark, tuple) else (1, 0)
    found, more = request.reviews(at)
    if last:
        ids = [review.id for review in found]
        if last not in ids:
            raise cursors.stale()
        found = found[ids.index(last) + 1 :]
    while True:
        withdrew = _withdrawn(request, at, found, more=more) if asked.unresolved else set()
        for review in found:
            thread, left_out = None, 0
            if review.body.strip() and _wants_review(asked, review, withdrew):
                thread, left_out = request.shown(review.thread(request.page, review.said()))
            yield Scanned((at, review.id), _asking(asked, thread), left_out)
        if not more:
            return
        at += 1
        found, more = request.reviews(at)


def _withdrawn(request: Request, at: int, found: list[github_reviews.Review], *, more: bool) -> set[int]:
    """Which of these reviews their authors took back later. Of a great many it looks at some: too much may be shown."""
    wanting = {review.author for review in found if review.state in github_reviews.ASKING and review.body.strip()}
    known = [replace(review, body="") for review in found]
    while wanting and more and not request.half_spent:
        at += 1
        later, more = request.reviews(at)
        decided = [one for one in later if one.author in wanting and one.state not in github_reviews.ASKING]
        known += [replace(one, body="") for one in decided]
    return github_reviews.withdrawn(known)


def _wants_review(asked: ListComments, review: github_reviews.Review, withdrew: set[int]) -> bool:
    if asked.unresolved and (review.state not in github_reviews.ASKING or review.id in withdrew):
        return False
    if asked.since is not None and review.submitted_at < asked.since.timestamp():
        return False
    return asked.author is None or review.author.lower() == asked.author.lower()


def _asking(asked: ListComments, thread: Thread | None) -> Thread | None:
    """What our own Apps say beside the threads asks for nothing."""
    return None if asked.unresolved and thread is not None and thread.said[0].ours else thread


def _threads(request: Request, asked: ListComments, mark: Mark) -> Iterator[Scanned]:
    """The threads on lines, in GitHub's order."""
    after = mark if isinstance(mark, str) else None
    who = asked.since is not None or asked.author is not None
    while True:
        found, after = request.threads(after, who=who)
        waiting: list[review_threads.Found] = []
        wanted: list[int] = []
        for one in found:
            if _wants_thread(asked, one):
                size = min(one.comments, NEWEST + 1)
                if len(wanted) == THREADS_AT_ONCE or sum(wanted) + size > READ_AT_ONCE:
                    yield from _read(request, asked, waiting)
                    waiting, wanted = [], []
                wanted.append(size)
            waiting.append(one)
        yield from _read(request, asked, waiting)
        if after is None:
            return


def _read(request: Request, asked: ListComments, waiting: list[review_threads.Found]) -> Iterator[Scanned]:
    """What was scanned, in its order, with the texts of those that are wanted."""
    nodes = [one.node for one in waiting if _wants_thread(asked, one)]
    texts: dict[str, Thread] = {}
    if nodes:
        texts = request.ask("thread", lambda gh: review_threads.read(gh, request.page, nodes, NEWEST))
    for one in waiting:
        thread, left_out = texts.get(one.node), 0
        if thread is not None:
            thread, left_out = request.shown(thread)
        yield Scanned(one.cursor, thread, left_out)


def _wants_thread(asked: ListComments, found: review_threads.Found) -> bool:
    if asked.unresolved and found.resolved:
        return False
    if asked.since is not None and found.updated_at < asked.since.timestamp():
        return False
    if asked.author is not None and asked.author.lower() not in found.authors:
        return False
    if asked.path is None:
        return True
    return found.path.startswith(asked.path) if asked.path.endswith("/") else found.path == asked.path


def _conversation(request: Request, asked: ListComments, mark: Mark) -> Iterator[Scanned]:
    """The comments in the conversation, by ascending id."""
    at, last = mark if isinstance(mark, tuple) else (1, 0)
    found, more = _comments(request, asked, at)
    while at > 1 and (not found or found[0].id > last):
        # Comments before it were deleted: what followed has moved to earlier pages.
        at -= 1
        yield Scanned((at, last), None)
        found, more = _comments(request, asked, at)
    while True:
        for one in found:
            if one.id <= last:
                continue
            thread, left_out = None, 0
            if one.body.strip() and (asked.author is None or one.author.lower() == asked.author.lower()):
                thread, left_out = request.shown(one.thread(request.page, one.said()))
            last = one.id
            yield Scanned((at, last), _asking(asked, thread), left_out)
        if not more:
            return
        at += 1
        found, more = _comments(request, asked, at)


def _comments(request: Request, asked: ListComments, at: int) -> tuple[list[issues.Comment], bool]:
    since = rfc3339(asked.since.timestamp()) if asked.since is not None else None
    return request.ask("comments", lambda gh: issues.comments_page(gh, request.repo, request.number, at, PAGE, since))
