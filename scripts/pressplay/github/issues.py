"""Issues, and the comments and labels of issues and pull requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pressplay.clock import parse_rfc3339, rfc3339
from pressplay.errors import InputError
from pressplay.github.access import InstallationClient
from pressplay.github.calls import Client, Refused, call, find, page, pages, part
from pressplay.github.conversation import Said, Thread, spoken

_MARKER = re.compile(r"[A-Za-z0-9._/-]+")
_GHOST = {"login": "ghost", "type": "User"}


@dataclass(frozen=True)
class Issue:
    """What we want to know of an issue. Title and body are text of people's and are not part of it (R7)."""

    number: int
    open: bool
    is_pull: bool
    """Whether it is a pull request, which GitHub counts among the issues."""
    author: str
    author_is_person: bool
    labels: tuple[str, ...]
    created_at: float


@dataclass(frozen=True)
class Comment:
    """A comment on an issue or, outside of any review, on a pull request."""

    id: int
    author: str
    association: str
    """What its author is to the repository: OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, NONE …"""
    created_at: str
    body: str = field(repr=False)
    """Text of people's or agents': never logged, never a parameter (R7)."""
    updated_at: str = ""
    node_id: str = ""
    """By which GraphQL knows it."""

    def said(self) -> Said:
        """What was said, in the one form of it."""
        return spoken(f"comment-{self.id}", self.author, self.association, self.created_at, self.updated_at, self.body)

    def thread(self, page: str, said: Said) -> Thread:
        """The comment in the conversation of a pull request with the address `page`."""
        return Thread(id=said.id, kind="comment", url=f"{page}#issuecomment-{self.id}", said=(said,))


@dataclass(frozen=True)
class Deed:
    """Who did something to an issue, and when."""

    actor: str
    is_person: bool
    at: float


def issue(gh: Client, repo: str, number: int) -> Issue:
    """One issue or pull request as it is now; InputError where there is none."""
    return _issue(call(gh, "GET", f"/repos/{repo}/issues/{number}"))


def open_issues(gh: Client, repo: str, label: str | None = None, since: float = 0.0) -> list[Issue]:
    """The open issues (no pull requests) with a label, or all, that changed at `since` (unix) or later."""
    params: dict[str, str | int] = {"state": "open"}
    if label is not None:
        params["labels"] = label
    if since > 0:
        params["since"] = rfc3339(since)
    found = (_issue(item) for item in pages(gh, f"/repos/{repo}/issues", params))
    return [issue for issue in found if not issue.is_pull]


def _issue(found: dict[str, Any]) -> Issue:
    user = found["user"] or _GHOST
    return Issue(
        number=found["number"],
        open=found["state"] == "open",
        is_pull="pull_request" in found,
        author=user["login"],
        author_is_person=user["type"] == "User",
        labels=tuple(label if isinstance(label, str) else label["name"] for label in found["labels"]),
        created_at=parse_rfc3339(found["created_at"]),
    )


def comments(gh: Client, repo: str, number: int) -> list[Comment]:
    """The comments of an issue, oldest first."""
    return [_comment(found) for found in pages(gh, f"/repos/{repo}/issues/{number}/comments")]


def comments_page(
    gh: Client, repo: str, number: int, at: int, size: int, since: str | None = None
) -> tuple[list[Comment], bool]:
    """One page of the comments of an issue, by ascending id, and whether another one follows.

    `since` (RFC 3339): only what was written or edited then or later.
    """
    path = f"/repos/{repo}/issues/{number}/comments"
    found, more = page(gh, path, at, size, {"since": since} if since else None)
    return [_comment(item) for item in found], more


def find_comment(gh: Client, repo: str, number: int, comment_id: int) -> Comment | None:
    """One comment of an issue, or None where it has none of this number."""
    found = find(gh, f"/repos/{repo}/issues/comments/{comment_id}")
    if found is None or found["issue_url"].rpartition("/")[2] != str(number):
        return None
    return _comment(found)


def _comment(found: dict[str, Any]) -> Comment:
    return Comment(
        id=found["id"],
        author=(found["user"] or _GHOST)["login"],
        association=found["author_association"],
        created_at=found["created_at"],
        body=found["body"] or "",
        updated_at=found["updated_at"],
        node_id=found["node_id"],
    )


def labelled(gh: Client, repo: str, number: int, label: str) -> Deed | None:
    """Who put `label` on last, whether or not it is still there; None where nobody did."""
    newest: Deed | None = None
    for found in pages(gh, f"/repos/{repo}/issues/{number}/events"):
        if found["event"] == "labeled" and found["label"]["name"].lower() == label.lower():
            newest = _deed(found)
    return newest


def renamed(gh: Client, repo: str, number: int) -> list[Deed]:
    """Who gave an issue or pull request another title, oldest first."""
    events = pages(gh, f"/repos/{repo}/issues/{number}/events")
    return [_deed(found) for found in events if found["event"] == "renamed"]


def _deed(found: dict[str, Any]) -> Deed:
    actor = found["actor"] or _GHOST
    return Deed(actor["login"], actor["type"] == "User", parse_rfc3339(found["created_at"]))


def comment(gh: Client, repo: str, number: int, body: str, marker: str) -> str:
    """Make sure of one comment by us with this marker and text; its address.

    The marker is hidden in the comment. Only our own comments count: anybody may copy a marker.
    """
    if not _MARKER.fullmatch(marker) or "--" in marker:
        raise InputError(f"marker {marker!r}: expected letters, digits and . _ / -, without two dashes in a row")
    if not isinstance(gh, InstallationClient):
        raise InputError("expected a client from GitHubAccess.installation, which knows as whom it writes")
    mark = f"<!-- press-play: {marker} -->"
    text = f"{body}\n\n{mark}"
    for found in pages(gh, f"/repos/{repo}/issues/{number}/comments"):
        if found["user"] and found["user"]["login"].lower() == gh.login.lower() and mark in (found["body"] or ""):
            if found["body"] != text:
                call(gh, "PATCH", f"/repos/{repo}/issues/comments/{found['id']}", json={"body": text})
            return str(found["html_url"])
    return str(call(gh, "POST", f"/repos/{repo}/issues/{number}/comments", json={"body": text})["html_url"])


def labels(gh: Client, repo: str, number: int) -> list[str]:
    """The labels of an issue or pull request."""
    return [found["name"] for found in pages(gh, f"/repos/{repo}/issues/{number}/labels")]


def add_labels(gh: Client, repo: str, number: int, wanted: Sequence[str]) -> None:
    """Add labels; those that are there stay, those that the repository lacks are created."""
    if wanted:
        call(gh, "POST", f"/repos/{repo}/issues/{number}/labels", json={"labels": list(wanted)})


def remove_label(gh: Client, repo: str, number: int, label: str) -> bool:
    """Take a label off; False where it was not there."""
    try:
        call(gh, "DELETE", f"/repos/{repo}/issues/{number}/labels/{part(label)}")
    except Refused as error:
        if error.status == 404 and label not in labels(gh, repo, number):
            return False
        raise
    return True
