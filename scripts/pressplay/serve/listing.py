"""Lists of comments: three sources, one after another, each gone through a page at a time.

A source yields what it scanned, with the mark after it. The list stops when its answer is full or the request has had
its share of calls, and its cursor is that mark. So a request holds one page, however large the pull request; and
everything at the start of a list is in it once, even if more is added meanwhile. For additions use `since` and as_of.
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
from pressplay.serve.arguments import ListComments
from pressplay.serve.cursors import Cursor, Mark
from pressplay.serve.pages import Page
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
    listed, more = request.reviews(at)
    if last:
        ids = [review.id for review in listed]
        if last not in ids:
            raise cursors.stale()
        listed = listed[ids.index(last) + 1 :]
    while True:
        withdrew = _withdrawn(request, at, listed, more=more) if asked.unresolved else set()
        for review in listed:
            thread, left_out = None, 0
            if review.body.strip() and _wants_review(asked, review, withdrew):
                thread, left_out = request.shown(review.thread(request.page, review.remark()))
            yield Scanned((at, review.id), _asking(asked, thread), left_out)
        if not more:
            return
        at += 1
        listed, more = request.reviews(at)


def _withdrawn(request: Request, at: int, listed: list[github_reviews.Review], *, more: bool) -> set[int]:
    """Which of these reviews their authors withdrew later. Of very many it reads only some, and may show too much."""
    wanting = {review.author for review in listed if review.state in github_reviews.ASKING and review.body.strip()}
    known = [replace(review, body="") for review in listed]
    while wanting and more and not request.half_spent:
        at += 1
        later, more = request.reviews(at)
        decided = [review for review in later if review.author in wanting and review.state not in github_reviews.ASKING]
        known += [replace(review, body="") for review in decided]
    return github_reviews.withdrawn(known)


def _wants_review(asked: ListComments, review: github_reviews.Review, withdrew: set[int]) -> bool:
    if asked.unresolved and (review.state not in github_reviews.ASKING or review.id in withdrew):
        return False
    if asked.since is not None and review.submitted_at < asked.since.timestamp():
        return False
    return asked.author is None or review.author.lower() == asked.author.lower()


def _asking(asked: ListComments, thread: Thread | None) -> Thread | None:
    """Comments of our own Apps outside the threads ask for nothing."""
    return None if asked.unresolved and thread is not None and thread.said[0].ours else thread


def _threads(request: Request, asked: ListComments, mark: Mark) -> Iterator[Scanned]:
    """The threads on lines, in GitHub's order."""
    after = mark if isinstance(mark, str) else None
    who = asked.since is not None or asked.author is not None
    while True:
        summaries, after = request.threads(after, who=who)
        waiting: list[review_threads.ThreadSummary] = []
        wanted: list[int] = []
        for summary in summaries:
            if _wants_thread(asked, summary):
                size = min(summary.comments, NEWEST + 1)
                if len(wanted) == THREADS_AT_ONCE or sum(wanted) + size > READ_AT_ONCE:
                    yield from _read(request, asked, waiting)
                    waiting, wanted = [], []
                wanted.append(size)
            waiting.append(summary)
        yield from _read(request, asked, waiting)
        if after is None:
            return


def _read(request: Request, asked: ListComments, waiting: list[review_threads.ThreadSummary]) -> Iterator[Scanned]:
    """The scanned threads, in order, with the texts of the wanted ones."""
    nodes = [summary.node for summary in waiting if _wants_thread(asked, summary)]
    texts: dict[str, Thread] = {}
    if nodes:
        texts = request.ask("thread", lambda gh: review_threads.read(gh, request.page, nodes, NEWEST))
    for summary in waiting:
        thread, left_out = texts.get(summary.node), 0
        if thread is not None:
            thread, left_out = request.shown(thread)
        yield Scanned(summary.cursor, thread, left_out)


def _wants_thread(asked: ListComments, summary: review_threads.ThreadSummary) -> bool:
    if asked.unresolved and summary.resolved:
        return False
    if asked.since is not None and summary.updated_at < asked.since.timestamp():
        return False
    if asked.author is not None and asked.author.lower() not in summary.authors:
        return False
    if asked.path is None:
        return True
    return summary.path.startswith(asked.path) if asked.path.endswith("/") else summary.path == asked.path


def _conversation(request: Request, asked: ListComments, mark: Mark) -> Iterator[Scanned]:
    """The comments in the conversation, by ascending id."""
    at, last = mark if isinstance(mark, tuple) else (1, 0)
    comments, more = _comments(request, asked, at)
    while at > 1 and (not comments or comments[0].id > last):
        # Comments before it were deleted: later ones have moved to earlier pages.
        at -= 1
        yield Scanned((at, last), None)
        comments, more = _comments(request, asked, at)
    while True:
        for comment in comments:
            if comment.id <= last:
                continue
            thread, left_out = None, 0
            if comment.body.strip() and (asked.author is None or comment.author.lower() == asked.author.lower()):
                thread, left_out = request.shown(comment.thread(request.page, comment.remark()))
            last = comment.id
            yield Scanned((at, last), _asking(asked, thread), left_out)
        if not more:
            return
        at += 1
        comments, more = _comments(request, asked, at)


def _comments(request: Request, asked: ListComments, at: int) -> tuple[list[issues.Comment], bool]:
    since = rfc3339(asked.since.timestamp()) if asked.since is not None else None
    return request.ask("comments", lambda gh: issues.comments_page(gh, request.repo, request.number, at, PAGE, since))
