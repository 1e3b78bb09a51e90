"""Issues, and the comments and labels of issues and pull requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pressplay.clock import parse_rfc3339, rfc3339
from pressplay.errors import InputError
from pressplay.github.access import InstallationClient
from pressplay.github.calls import Client, GitHubRefused, call, find, page, pages, part
from pressplay.github.conversation import Remark, Thread, spoken
from pressplay.github.lengths import fitting

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

    def remark(self) -> Remark:
        """The comment as a `Remark`."""
        return spoken(f"comment-{self.id}", self.author, self.association, self.created_at, self.updated_at, self.body)

    def thread(self, page: str, remark: Remark) -> Thread:
        """The comment in the conversation of a pull request with the address `page`."""
        return Thread(id=remark.id, kind="comment", url=f"{page}#issuecomment-{self.id}", said=(remark,))


@dataclass(frozen=True)
class Deed:
    """Who did something to an issue, and when."""

    actor: str
    is_person: bool
    at: float


def issue(gh: Client, repo: str, number: int) -> Issue:
    """One issue or pull request as it is now; InputError if there is none."""
    return _issue(call(gh, "GET", f"/repos/{repo}/issues/{number}"))


def open_issues(gh: Client, repo: str, label: str | None = None, since: float = 0.0) -> list[Issue]:
    """The open issues (no pull requests) with a label, or all, that changed at `since` (unix) or later."""
    params: dict[str, str | int] = {"state": "open"}
    if label is not None:
        params["labels"] = label
    if since > 0:
        params["since"] = rfc3339(since)
    issues = (_issue(item) for item in pages(gh, f"/repos/{repo}/issues", params))
    return [issue for issue in issues if not issue.is_pull]


def _issue(item: dict[str, Any]) -> Issue:
    user = item["user"] or _GHOST
    return Issue(
        number=item["number"],
        open=item["state"] == "open",
        is_pull="pull_request" in item,
        author=user["login"],
        author_is_person=user["type"] == "User",
        labels=tuple(label if isinstance(label, str) else label["name"] for label in item["labels"]),
        created_at=parse_rfc3339(item["created_at"]),
    )


def comments(gh: Client, repo: str, number: int) -> list[Comment]:
    """The comments of an issue, oldest first."""
    return [_comment(item) for item in pages(gh, f"/repos/{repo}/issues/{number}/comments")]


def comments_page(
    gh: Client, repo: str, number: int, at: int, size: int, since: str | None = None
) -> tuple[list[Comment], bool]:
    """One page of the comments of an issue, by ascending id, and whether another one follows.

    `since` (RFC 3339): only comments written or edited then or later.
    """
    path = f"/repos/{repo}/issues/{number}/comments"
    items, more = page(gh, path, at, size, {"since": since} if since else None)
    return [_comment(item) for item in items], more


def find_comment(gh: Client, repo: str, number: int, comment_id: int) -> Comment | None:
    """One comment of an issue, or None if it has none of this number."""
    item = find(gh, f"/repos/{repo}/issues/comments/{comment_id}")
    if item is None or item["issue_url"].rpartition("/")[2] != str(number):
        return None
    return _comment(item)


def _comment(item: dict[str, Any]) -> Comment:
    return Comment(
        id=item["id"],
        author=(item["user"] or _GHOST)["login"],
        association=item["author_association"],
        created_at=item["created_at"],
        body=item["body"] or "",
        updated_at=item["updated_at"],
        node_id=item["node_id"],
    )


def labelled(gh: Client, repo: str, number: int, label: str) -> Deed | None:
    """Who added `label` last, whether or not it is still there; None if nobody did."""
    newest: Deed | None = None
    for event in pages(gh, f"/repos/{repo}/issues/{number}/events"):
        if event["event"] == "labeled" and event["label"]["name"].lower() == label.lower():
            newest = _deed(event)
    return newest


def renamed(gh: Client, repo: str, number: int) -> list[Deed]:
    """The changes of title of an issue or pull request, oldest first."""
    events = pages(gh, f"/repos/{repo}/issues/{number}/events")
    return [_deed(event) for event in events if event["event"] == "renamed"]


def _deed(event: dict[str, Any]) -> Deed:
    actor = event["actor"] or _GHOST
    return Deed(actor["login"], actor["type"] == "User", parse_rfc3339(event["created_at"]))


def comment(gh: Client, repo: str, number: int, body: str, marker: str) -> str:
    """Make sure of one comment by us with this marker and text; its address.

    The marker is hidden in the comment. Only our own comments count: anybody may copy a marker.
    """
    if not _MARKER.fullmatch(marker) or "--" in marker:
        raise InputError(f"marker {marker!r}: expected letters, digits and . _ / -, without two dashes in a row")
    if not isinstance(gh, InstallationClient):
        raise InputError("expected a client from GitHubAccess.installation, which knows as whom it writes")
    mark = f"<!-- press-play: {marker} -->"
    end = f"\n\n{mark}"
    text = f"{fitting(body, end)}{end}"
    for existing in pages(gh, f"/repos/{repo}/issues/{number}/comments"):
        if (
            existing["user"]
            and existing["user"]["login"].lower() == gh.login.lower()
            and mark in (existing["body"] or "")
        ):
            if existing["body"] != text:
                call(gh, "PATCH", f"/repos/{repo}/issues/comments/{existing['id']}", json={"body": text})
            return str(existing["html_url"])
    return str(call(gh, "POST", f"/repos/{repo}/issues/{number}/comments", json={"body": text})["html_url"])


def labels(gh: Client, repo: str, number: int) -> list[str]:
    """The labels of an issue or pull request."""
    return [label["name"] for label in pages(gh, f"/repos/{repo}/issues/{number}/labels")]


def add_labels(gh: Client, repo: str, number: int, wanted: Sequence[str]) -> None:
    """Add labels; those that are there stay, those that the repository lacks are created."""
    if wanted:
        call(gh, "POST", f"/repos/{repo}/issues/{number}/labels", json={"labels": list(wanted)})


def remove_label(gh: Client, repo: str, number: int, label: str) -> bool:
    """Remove a label; False if it was not there."""
    try:
        call(gh, "DELETE", f"/repos/{repo}/issues/{number}/labels/{part(label)}")
    except GitHubRefused as error:
        if error.status == 404 and label not in labels(gh, repo, number):
            return False
        raise
    return True
