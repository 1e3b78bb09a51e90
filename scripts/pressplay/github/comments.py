"""Comments on the lines of a pull request, the threads that they stand in, and answers to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from pressplay.clock import parse_rfc3339, rfc3339
from pressplay.errors import InputError
from pressplay.github import review_threads
from pressplay.github.access import InstallationClient
from pressplay.github.calls import Client, GitHubRefused, call, find, pages
from pressplay.github.conversation import Remark, Thread, spoken


@dataclass(frozen=True)
class LineComment:
    """A comment on lines of the difference, or an answer in the thread of one."""

    id: int
    root: int
    """The comment that began the thread: itself, or what it answers."""
    author: str
    created_at: float
    path: str = field(repr=False)
    line: int | None
    start_line: int | None
    side: str
    outdated: bool
    """Whether the lines are not part of the difference any more."""
    hunk: str = field(repr=False)
    body: str = field(repr=False)
    """Text of people's or agents', as path and hunk are: never logged, never a parameter (R7)."""
    association: str = ""
    """What its author is to the repository: OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, NONE …"""
    updated_at: float = 0.0
    node_id: str = ""
    """By which GraphQL knows it."""

    def remark(self) -> Remark:
        """The comment as a `Remark`."""
        created, updated = rfc3339(self.created_at), rfc3339(self.updated_at)
        return spoken(f"line-{self.id}", self.author, self.association, created, updated, self.body)

    def thread(self, page: str, said: tuple[Remark, ...], *, resolved: bool = False) -> Thread:
        """The thread that this comment began, with the remarks `said`, on a pull request with the address `page`."""
        return Thread(
            id=f"thread-{self.root}",
            kind="thread",
            url=f"{page}#discussion_r{self.root}",
            said=said,
            path=self.path,
            line=self.line,
            start_line=self.start_line,
            side=self.side,
            outdated=self.outdated,
            resolved=resolved,
            diff_hunk=self.hunk,
        )


def line_comments(gh: Client, repo: str, number: int) -> list[LineComment]:
    """All comments on lines of a pull request, oldest first."""
    comments = (_line_comment(item) for item in pages(gh, f"/repos/{repo}/pulls/{number}/comments"))
    return sorted(comments, key=lambda comment: comment.id)


def _line_comment(item: dict[str, Any]) -> LineComment:
    line = item.get("line") or item.get("original_line")
    of_file = item.get("subject_type") == "file"
    return LineComment(
        id=item["id"],
        root=item.get("in_reply_to_id") or item["id"],
        author=item["user"]["login"] if item["user"] else "ghost",
        created_at=parse_rfc3339(item["created_at"]),
        path=item["path"],
        line=line,
        start_line=item.get("start_line") or item.get("original_start_line"),
        side=item.get("side") or "RIGHT",
        # GitHub keeps the place in `original_line` and empties `line`, once the lines are gone.
        outdated=not of_file and not item.get("line"),
        hunk=item.get("diff_hunk") or "",
        body=item["body"] or "",
        association=item.get("author_association") or "",
        updated_at=parse_rfc3339(item.get("updated_at") or item["created_at"]),
        node_id=item["node_id"],
    )


def find_line_comment(gh: Client, repo: str, number: int, comment_id: int) -> LineComment | None:
    """One comment on lines of a pull request, or None if it has none of this number."""
    item = find(gh, f"/repos/{repo}/pulls/comments/{comment_id}")
    if item is None or item["pull_request_url"].rpartition("/")[2] != str(number):
        return None
    return _line_comment(item)


def resolved(gh: Client, repo: str, number: int) -> set[int]:
    """The comments that began a thread which somebody resolved. By GraphQL, since REST does not have it.

    Empty for a forge without GraphQL. TryAgain for a passing fault, InputError for a lasting one.
    """
    roots: set[int] = set()
    after: str | None = None
    while True:
        try:
            threads, after = review_threads.scan(gh, repo, number, after)
        except GitHubRefused as error:
            if error.status == httpx.codes.NOT_FOUND:
                return roots
            raise
        roots |= {thread.root for thread in threads if thread.resolved}
        if after is None:
            return roots


def reply(gh: Client, repo: str, number: int, root: int, body: str, marker: str) -> None:
    """Make sure of one answer by us with this marker in the thread that the comment `root` began.

    Only our own comments count: anybody may copy a marker.
    """
    if not isinstance(gh, InstallationClient):
        raise InputError("expected a client from GitHubAccess.installation, which knows as whom it writes")
    mark = hidden(marker)
    for comment in line_comments(gh, repo, number):
        if comment.author.lower() == gh.login.lower() and mark in comment.body:
            return
    text = f"{body}\n\n{mark}"
    call(gh, "POST", f"/repos/{repo}/pulls/{number}/comments/{root}/replies", json={"body": text})


def hidden(marker: str) -> str:
    """A marker as a comment holds it, hidden from readers; the same as `issues.comment` writes."""
    return f"<!-- press-play: {marker} -->"
