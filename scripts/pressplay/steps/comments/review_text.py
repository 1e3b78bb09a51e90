"""`task/review.md`: what QA and people want of a pull request, for the runs that act on it.

Rex has it in a fix; QA has it once it gave a verdict, to see what it asked for and what was contested. Everything is
quoted: a line behind `> ` is somebody's text (R7). Whose words count is the same as for comments (R8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pressplay.domain.entries import Entries
from pressplay.domain.roles import TEST
from pressplay.github import conversation, edits, pulls, reviews, snapshots
from pressplay.github.calls import Client
from pressplay.github.conversation import Thread
from pressplay.steps.comments.conversation import read_conversation
from pressplay.steps.comments.unanswered import unanswered
from pressplay.steps.core import consent
from pressplay.steps.core.context import Context
from pressplay.steps.runs import contests, points
from pressplay.steps.runs.contests import Contest
from pressplay.steps.runs.run import Run

FILE = "review.md"
MOST_OF_POINT = 4_000
"""Characters of one point that are quoted."""
MOST = 40_000
"""Characters of the file: what does not fit is listed by its id and address."""
_WANTS = {"CHANGES_REQUESTED": "changes requested", "COMMENTED": "passed"}


def files(context: Context, gh: Client, run: Run) -> Mapping[str, bytes]:
    """The file for a run, by its name; none before QA's first verdict, and none where nobody wants anything."""
    entries = context.ledger(run.subject.repo).entries("pr", run.number)
    if run.role == TEST and not _given(entries):
        return {}
    pull = pulls.pull(gh, run.subject.repo, run.number)
    talk = read_conversation(context, gh, run.subject.repo, pull)
    threads = unanswered(context, entries, talk, "")
    contested = contests.pending(context, gh, run.subject, entries)
    verdict = _verdict(context, gh, run, entries)
    text = markdown(run.number, verdict, contested, threads)
    return {FILE: text.encode(errors="backslashreplace")} if text else {}


def _given(entries: Entries) -> list[int]:
    """The numbers of the reviews that hold QA's verdicts: a later one has a higher number."""
    return [run.result.review for run in entries.runs if run.role == TEST.name and run.result and run.result.review]


def _verdict(context: Context, gh: Client, run: Run, entries: Entries) -> reviews.Review | None:
    """QA's newest verdict; None where it gave none, or where others edited it."""
    newest = max(_given(entries), default=None)
    review = reviews.find_review(gh, run.subject.repo, run.number, newest) if newest else None
    if review is None:
        return None
    made = edits.of(gh, [review.node_id]).get(review.node_id)
    writers = consent.writers(context, run.subject.repo)
    return review if writers.alone_made(made, author=review.author) else None


def markdown(
    number: int, verdict: reviews.Review | None, contested: Sequence[Contest], threads: Sequence[Thread]
) -> str:
    """The file's text; empty where there is nothing to say. Each point has an id, by which it is answered."""
    if verdict is None and not contested and not threads:
        return ""
    blocks = [*_contested(contested), *(_of_verdict(verdict) if verdict else ()), *_of_threads(threads)]
    lines = [f"# What is wanted of #{number}", "", conversation.DATA]
    left_out, room = [], MOST
    for name, block in blocks:
        room -= sum(len(line) + 1 for line in block)
        if room < 0 and name:
            left_out.append(f"- {name}")
        else:
            lines += block
    if left_out:
        lines += ["", "Left out here, since this file is long enough; they count as well:", "", *left_out]
    return "\n".join(lines) + "\n"


_Block = tuple[str, list[str]]
"""What to name it by where it is left out (empty: it never is), and its lines."""


def _contested(contested: Sequence[Contest]) -> Iterator[_Block]:
    if contested:
        yield "", ["", "## Contested by the author of the code: QA answers each by its id"]
    for point in contested:
        yield point.id, _point(point.id, point.text)


def _of_verdict(verdict: reviews.Review) -> Iterator[_Block]:
    state = _WANTS.get(verdict.state, verdict.state.lower())
    yield "", ["", f"## QA's newest verdict: {state}, on commit `{verdict.commit_id}`"]
    before, items = points.split(verdict.body)
    if before:
        yield f"what review-{verdict.id} begins with", ["", *_quoted(before)]
    for at, item in enumerate(items, start=1):
        yield f"review-{verdict.id}.{at}", _point(f"review-{verdict.id}.{at}", item)


def _of_threads(threads: Sequence[Thread]) -> Iterator[_Block]:
    if threads:
        yield "", ["", "## What people wrote, and nobody has answered"]
    for thread in threads:
        yield f"{thread.id}: {thread.url}", conversation.markdown(thread, snapshots.answered)


def _point(id_: str, text: str) -> list[str]:
    return ["", f"### {id_}", "", *_quoted(text)]


def _quoted(text: str) -> list[str]:
    cut = f"\n(cut: {len(text):,} characters)" if len(text) > MOST_OF_POINT else ""
    return [f"> {line}" for line in f"{text[:MOST_OF_POINT]}{cut}".splitlines()]
