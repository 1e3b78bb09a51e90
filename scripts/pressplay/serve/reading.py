"""What the operations do: find the one thing or the part of a list that is asked for, on GitHub as it is now."""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.clock import rfc3339
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.github import comments, issues, pushes, review_threads, snapshots
from pressplay.github import reviews as github_reviews
from pressplay.github.calls import GitHubRefused
from pressplay.github.conversation import Remark, Thread
from pressplay.github.graphql import GraphQLRefused
from pressplay.serve import cursors, listing
from pressplay.serve.arguments import GetComment, GetSnapshot, ListComments, ListReviews
from pressplay.serve.cursors import Cursor, Mark
from pressplay.serve.pages import Page, Reviewer, Reviews
from pressplay.serve.problems import Problem, missing, wrong
from pressplay.serve.request import (
    PAGE,
    PAGE_CHARACTERS,
    READ,
    READ_FILES,
    CommentSource,
    Request,
    SpentError,
    cleaned,
    size_of,
)

CALLS_FOR_ONE = 80
"""To GitHub for one thread: to find it by its number all are gone through, a hundred at once."""
SNAPSHOT_BYTES = 16 * 1024 * 1024
REVIEWERS = 200


def _listed(source: CommentSource, repo: str) -> str:
    """The repository as the settings name it; Problem for one that is not listed (R8)."""
    for name in source.settings.repositories:
        if name.lower() == repo.lower():
            return name
    known = ", ".join(sorted(source.settings.repositories)) or "none"
    raise Problem("not_listed", 403, f"repo: {repo} is not served here. Expected one of: {known}.")


def list_comments(source: CommentSource, asked: ListComments) -> Page:
    """A part of a pull request's comments."""
    return listing.page(Request(source, _listed(source, asked.repo), asked.pull_request), asked)


def get_comment(source: CommentSource, asked: GetComment) -> Page:
    """One comment or review, or a part of a thread."""
    request = Request(source, _listed(source, asked.repo), asked.pull_request, READ, CALLS_FOR_ONE)
    kind, _, digits = asked.id.partition("-")
    if kind == "thread":
        return _thread(request, int(digits), asked)
    if asked.cursor:
        raise wrong("cursor: only threads have more than one page; leave it out.")
    request.pull()
    try:
        shown, left_out = request.shown(_one(request, kind, int(digits)))
    except PressPlayError as error:
        raise request.fault(error) from error
    if shown is None:
        raise _hidden(asked.id, request.repo)
    return Page(request.repo, request.number, rfc3339(source.clock.now()), (shown,), left_out)


def _hidden(id_: str, repo: str) -> Problem:
    return Problem(
        "hidden",
        403,
        f"id: {id_} was written by somebody who may not write to {repo}; this server does not show such text. Go on "
        "without it.",
    )


def _none(request: Request, id_: str) -> Problem:
    return missing(
        f"id: pull request {request.number} of {request.repo} has no {id_}; it may have been deleted, or belong to "
        "another pull request. list_comments gives the ids that there are."
    )


def _one(request: Request, kind: str, number: int) -> Thread:
    """A comment, a review, or one comment of a thread; Problem if the pull request has none of this number."""
    repo, pr = request.repo, request.number
    if kind == "comment":
        comment = request.certain("comment", lambda gh: issues.find_comment(gh, repo, pr, number))
        if comment is not None:
            return comment.thread(request.page, comment.remark())
    elif kind == "review":
        review = request.certain("review", lambda gh: github_reviews.find_review(gh, repo, pr, number))
        if review is not None:
            return review.thread(request.page, review.remark())
    else:
        line = request.certain("comment", lambda gh: comments.find_line_comment(gh, repo, pr, number))
        if line is not None:
            node = _node(request, line.root)
            threads = request.certain("thread", lambda gh: review_threads.read(gh, request.page, [node], 1))
            resolved = node in threads and threads[node].resolved
            return line.thread(request.page, (line.remark(),), resolved=resolved)
    raise _none(request, f"{kind}-{number}")


def _node(request: Request, root: int) -> str:
    """The node of the thread that a comment began; Problem if there is none."""
    known = request.source.nodes.get((request.repo, request.number, root))
    if known is not None:
        return known
    after: str | None = None
    while True:
        try:
            summaries, after = request.threads(after)
        except SpentError as error:
            raise Problem(
                "too_many",
                422,
                f"id: thread-{root} is not among the first threads of pull request {request.number}, which has "
                "a great many. Go through them by list_comments with kind thread, or with its path.",
            ) from error
        except PressPlayError as error:
            raise request.fault(error) from error
        for summary in summaries:
            if summary.root == root:
                return summary.node
        if after is None:
            raise _none(request, f"thread-{root}")


def _thread(request: Request, root: int, asked: GetComment) -> Page:
    question = cursors.question(request.repo, request.number, asked.id)
    if asked.cursor:
        begun = cursors.read(asked.cursor, question, 1)
    else:
        begun = Cursor(question, 0, None, rfc3339(request.source.clock.now()))
        request.pull()
    node, after = _node(request, root), begun.mark if isinstance(begun.mark, str) else None
    most = min(asked.limit, PAGE)
    try:
        part = request.ask("thread", lambda gh: review_threads.read_from(gh, request.page, node, after, most))
        if part is None:
            request.source.nodes.forget((request.repo, request.number, root))
            raise _none(request, asked.id)
        return _part(request, begun, asked.id, *part)
    except PressPlayError as error:
        if isinstance(error, GraphQLRefused) and error.kinds == {"INVALID_CURSOR_ARGUMENTS"}:
            raise cursors.stale() from error
        raise request.fault(error) from error


def _part(request: Request, begun: Cursor, id_: str, thread: Thread, marks: tuple[str, ...], more: bool) -> Page:
    """As many of a thread's comments as an answer can hold."""
    remarks: list[Remark] = []
    size = left_out = 0
    mark: Mark = begun.mark
    for remark, after in zip(thread.said, marks, strict=True):
        try:
            shown, strangers = request.shown(replace(thread, said=(remark,)))
        except SpentError:
            more = True
            break
        size += len(remark.body)
        if remarks and size > PAGE_CHARACTERS:
            more = True
            break
        remarks += shown.said if shown is not None else ()
        left_out += strangers
        mark = after
    if not remarks and not more and begun.mark is None:
        raise _hidden(id_, request.repo)
    part = (cleaned(replace(thread, said=tuple(remarks), omitted=0)),) if remarks else ()
    cursor = cursors.write(replace(begun, mark=mark)) if more else None
    return Page(request.repo, request.number, begun.as_of, part, left_out, cursor)


def get_snapshot(source: CommentSource, asked: GetSnapshot) -> Page:
    """A part of a snapshot."""
    request = Request(source, _listed(source, asked.repo), 0, READ_FILES)
    taken = _snapshot(request, asked.id)
    question = cursors.question(request.repo, asked.id)
    begun = cursors.read(asked.cursor, question, 1) if asked.cursor else Cursor(question, 0, (0, 0), taken.taken_at)
    at = begun.mark[0] if isinstance(begun.mark, tuple) else 0
    threads: list[Thread] = []
    size = 0
    for thread in map(cleaned, taken.threads[at:]):
        size += size_of(thread)
        if threads and (len(threads) == asked.limit or size > PAGE_CHARACTERS):
            break
        threads.append(thread)
    end = at + len(threads)
    cursor = cursors.write(replace(begun, mark=(end, 0))) if end < len(taken.threads) else None
    return Page(request.repo, taken.pull_request, taken.taken_at, tuple(threads), next_cursor=cursor, snapshot=taken)


def _snapshot(request: Request, hash_: str) -> snapshots.Snapshot:
    """A kept snapshot; if it is not kept any more, a Problem that lists those that are."""
    repo = request.repo
    try:
        snapshot = request.ask("snapshot", lambda gh: snapshots.find(gh, repo, hash_, SNAPSHOT_BYTES), must=True)
    except (TryAgain, GitHubRefused) as error:
        raise request.fault(error) from error
    except InputError as error:
        raise Problem(
            "not_a_snapshot", 422, f"id: snapshot {hash_} of {repo} cannot be read: {error}. Use list_comments."
        ) from error
    if snapshot is None:
        kept = request.certain("snapshot", lambda gh: snapshots.kept(gh, repo))
        shown = ", ".join(hash_kept for hash_kept in kept[:20] if hash_kept.isalnum()) or "none"
        raise missing(
            f"id: {repo} has no snapshot {hash_}. One is kept only until its comments are answered. These "
            f"are in list_comments. Snapshots now: {shown}."
        )
    ours = names.bot(request.source.settings.github.harness_app)
    moved = request.certain("snapshot", lambda gh: pushes.record(gh, repo, snapshots.branch(hash_), ours))
    if moved.others:
        raise Problem(
            "not_a_snapshot",
            422,
            f"id: what is kept as {hash_} in {repo} was written by {' and '.join(moved.others)}, not by Press Play: it "
            "is no snapshot. Use list_comments.",
        )
    if snapshot.hash != hash_ or snapshot.repository.lower() != repo.lower():
        raise Problem(
            "not_a_snapshot", 422, f"id: what is kept as {hash_} in {repo} is not that snapshot. Use list_comments."
        )
    return snapshot


def list_reviews(source: CommentSource, asked: ListReviews) -> Reviews:
    """Who reviewed the pull request, and who still has to: each one's newest decision, or else newest comment."""
    request = Request(source, _listed(source, asked.repo), asked.pull_request)
    pull = request.pull()
    newest: dict[str, github_reviews.Review] = {}
    at, more, complete = 1, True, True
    while more:
        try:
            page, more = request.reviews(at)
        except SpentError:
            complete = False
            break
        except PressPlayError as error:
            raise request.fault(error) from error
        for review in page:
            before = newest.get(review.author)
            if before is None and len(newest) >= REVIEWERS:
                complete = False
            elif before is None or review.state != "COMMENTED" or before.state == "COMMENTED":
                newest[review.author] = replace(review, body="")
        at += 1
    reviewers = (
        Reviewer(
            author=review.author,
            association=review.association,
            ours=source.settings.is_ours(review.author),
            state=review.state,
            commit=review.commit_id,
            submitted_at=rfc3339(review.submitted_at),
        )
        for review in sorted(newest.values(), key=lambda review: review.submitted_at)
    )
    return Reviews(
        repository=request.repo,
        pull_request=request.number,
        state="merged" if pull.merged else pull.state,
        draft=pull.draft,
        head=pull.head_sha,
        as_of=rfc3339(source.clock.now()),
        requested=pull.requested_reviewers,
        requested_teams=pull.requested_teams,
        reviewers=tuple(reviewers),
        complete=complete,
    )
