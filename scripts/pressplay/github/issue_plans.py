"""What people plan with issues: milestones, sub-issues, and which issue is blocked by which.

Sources: docs.github.com/rest/issues: milestones, sub-issues, issue-dependencies. All of it needs `issues: read`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pressplay.errors import InputError
from pressplay.github.calls import Client, GitHubRefused, find, pages

State = Literal["open", "completed", "not planned"]
"""Open; closed as completed; closed as not planned or as a duplicate."""
_UNPLANNED = ("not_planned", "duplicate")


@dataclass(frozen=True)
class Milestone:
    """A milestone."""

    number: int
    title: str = field(repr=False)
    """Text of people's (R7)."""


@dataclass(frozen=True)
class PlannedIssue:
    """An issue as a plan has it."""

    repo: str
    number: int
    title: str = field(repr=False)
    body: str = field(repr=False)
    """Text of people's, as the title is (R7)."""
    state: State
    was_reopened: bool = False
    """Whether somebody opened it again after it was closed."""
    is_pull: bool = False
    author: str = ""
    labels: tuple[str, ...] = ()
    open_parts: int = 0
    """How many of its sub-issues are not closed."""
    may_be_blocked: bool = True
    """Whether it may have dependencies: GitHub counts them, and an older server says nothing."""


def milestones(gh: Client, repo: str) -> list[Milestone]:
    """All milestones, open and closed."""
    return [_milestone(item) for item in pages(gh, f"/repos/{repo}/milestones", {"state": "all"})]


def find_milestone(gh: Client, repo: str, number: int) -> Milestone | None:
    """The milestone of a number; None if there is none."""
    item = find(gh, f"/repos/{repo}/milestones/{number}")
    return None if item is None else _milestone(item)


def _milestone(item: dict[str, Any]) -> Milestone:
    return Milestone(item["number"], item["title"])


def find_issue(gh: Client, repo: str, number: int) -> PlannedIssue | None:
    """The issue, or pull request, of a number; None if there is none."""
    item = find(gh, f"/repos/{repo}/issues/{number}")
    return None if item is None else _issue(item)


def of_milestone(gh: Client, repo: str, number: int) -> Iterator[PlannedIssue]:
    """The issues and pull requests of a milestone, open and closed, page after page, by their numbers."""
    params: dict[str, str | int] = {"milestone": number, "state": "all", "sort": "created", "direction": "asc"}
    return map(_issue, pages(gh, f"/repos/{repo}/issues", params))


def sub_issues(gh: Client, repo: str, number: int) -> Iterator[PlannedIssue]:
    """The sub-issues of an issue, open and closed, in the order that people gave them; of any repository."""
    return map(_issue, _listed(gh, f"/repos/{repo}/issues/{number}/sub_issues"))


def blocked_by(gh: Client, repo: str, number: int) -> list[PlannedIssue]:
    """The issues that an issue is blocked by, open and closed, of any repository."""
    return [_issue(item) for item in _listed(gh, f"/repos/{repo}/issues/{number}/dependencies/blocked_by")]


def _listed(gh: Client, path: str) -> Iterator[dict[str, Any]]:
    try:
        yield from pages(gh, path)
    except GitHubRefused as error:
        if error.status != 404:
            raise
        raise InputError(
            f"GET {path}: GitHub has no such list (404). The issue was deleted at this moment, or this is a GitHub "
            "Enterprise Server that has no sub-issues or dependencies yet: press play again, or upgrade it"
        ) from error


def _issue(item: dict[str, Any]) -> PlannedIssue:
    parts, dependencies = item.get("sub_issues_summary"), item.get("issue_dependencies_summary")
    closed_as: State = "not planned" if item.get("state_reason") in _UNPLANNED else "completed"
    return PlannedIssue(
        # https://api.github.com/repos/acme/shop
        repo="/".join(item["repository_url"].split("/")[-2:]),
        number=item["number"],
        title=item["title"],
        body=item["body"] or "",
        state="open" if item["state"] == "open" else closed_as,
        was_reopened=item["state"] == "open" and item.get("state_reason") == "reopened",
        is_pull="pull_request" in item,
        author=(item["user"] or {"login": "ghost"})["login"],
        labels=tuple(label if isinstance(label, str) else label["name"] for label in item["labels"]),
        open_parts=parts["total"] - parts["completed"] if parts else 0,
        may_be_blocked=dependencies is None or dependencies["total_blocked_by"] > 0,
    )
