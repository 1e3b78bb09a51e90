"""Comments on the lines of a pull request, the threads that they stand in, and answers to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from pressplay.clock import parse_rfc3339, rfc3339
from pressplay.errors import InputError
from pressplay.github import review_threads
from pressplay.github.access import InstallationClient
from pressplay.github.calls import Client, Refused, call, find, pages
from pressplay.github.conversation import Said, Thread, spoken


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

    def said(self) -> Said:
        """What was said, in the one form of it."""
        created, updated = rfc3339(self.created_at), rfc3339(self.updated_at)
        return spoken(f"line-{self.id}", self.author, self.association, created, updated, self.body)

    def thread(self, page: str, said: tuple[Said, ...], *, resolved: bool = False) -> Thread:
        """The thread that this comment began, or what of it was `said`, on a pull request with the address `page`."""
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
    found = (_line_comment(item) for item in pages(gh, f"/repos/{repo}/pulls/{number}/comments"))
    return sorted(found, key=lambda comment: comment.id)


def _line_comment(found: dict[str, Any]) -> LineComment:
    line = found.get("line") or found.get("original_line")
    of_file = found.get("subject_type") == "file"
    return LineComment(
        id=found["id"],
        root=found.get("in_reply_to_id") or found["id"],
        author=found["user"]["login"] if found["user"] else "ghost",
        created_at=parse_rfc3339(found["created_at"]),
        path=found["path"],
        line=line,
        start_line=found.get("start_line") or found.get("original_start_line"),
        side=found.get("side") or "RIGHT",
        # GitHub keeps the place in `original_line` and empties `line`, once the lines are gone.
        outdated=not of_file and not found.get("line"),
        hunk=found.get("diff_hunk") or "",
        body=found["body"] or "",
        association=found.get("author_association") or "",
        updated_at=parse_rfc3339(found.get("updated_at") or found["created_at"]),
        node_id=found["node_id"],
    )


def find_line_comment(gh: Client, repo: str, number: int, comment_id: int) -> LineComment | None:
    """One comment on lines of a pull request, or None where it has none of this number."""
    found = find(gh, f"/repos/{repo}/pulls/comments/{comment_id}")
    if found is None or found["pull_request_url"].rpartition("/")[2] != str(number):
        return None
    return _line_comment(found)


def resolved(gh: Client, repo: str, number: int) -> set[int]:
    """The comments that began a thread which somebody resolved, by GraphQL: REST doesn't tell.

    A forge without GraphQL knows of none. TryAgain for a passing fault, InputError for what stays.
    """
    found: set[int] = set()
    after: str | None = None
    while True:
        try:
            threads, after = review_threads.scan(gh, repo, number, after)
        except Refused as error:
            if error.status == httpx.codes.NOT_FOUND:
                return found
            raise
        found |= {thread.root for thread in threads if thread.resolved}
        if after is None:
            return found


def reply(gh: Client, repo: str, number: int, root: int, body: str, marker: str) -> None:
    """Make sure of one answer by us with this marker in the thread that the comment `root` began.

    Only our own comments count: anybody may copy a marker.
    """
    if not isinstance(gh, InstallationClient):
        raise InputError("expected a client from GitHubAccess.installation, which knows as whom it writes")
    mark = hidden(marker)
    for found in line_comments(gh, repo, number):
        if found.author.lower() == gh.login.lower() and mark in found.body:
            return
    text = f"{body}\n\n{mark}"
    call(gh, "POST", f"/repos/{repo}/pulls/{number}/comments/{root}/replies", json={"body": text})


def hidden(marker: str) -> str:
    """A marker as it stands in a comment, unseen by people; the same as `issues.comment` writes."""
    return f"<!-- press-play: {marker} -->"
