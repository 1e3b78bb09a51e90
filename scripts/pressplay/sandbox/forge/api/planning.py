"""Milestones, sub-issues, and what an issue is blocked by.

Sources: docs.github.com/rest/issues/milestones, sub-issues and issue-dependencies. Whether GitHub refuses dependencies
in a circle its pages do not say: here they are taken.
"""

from __future__ import annotations

from pressplay.sandbox.forge import shapes
from pressplay.sandbox.forge.errors import ApiError, invalid
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, Row

_REPO = "/repos/<owner>/<name>"
_ISSUE = f"{_REPO}/issues/<int:number>"
_MILESTONE = f"{_REPO}/milestones/<int:milestone>"
_BLOCKED_BY = f"{_ISSUE}/dependencies/blocked_by"
PARTS = 100
"""Sub-issues of an issue, at most."""


@route("GET", f"{_REPO}/milestones", issues="read", pull_requests="read")
def list_milestones(call: ApiCall) -> list[JSON]:
    """Milestones by state, by their numbers: nobody here gives one a date to be sorted by."""
    rows, _ = call.rows(
        "SELECT * FROM forge_milestones WHERE repo_id = ?1 AND ?2 IN ('all', state) ORDER BY number",
        call.repo["id"],
        call.query.get("state", "open"),
    )
    return [shapes.milestone(call.s, call.repo, row) for row in rows]


@route("POST", f"{_REPO}/milestones", issues="write", pull_requests="write")
def create_milestone(call: ApiCall) -> ApiAnswer:
    """Make a milestone."""
    s, title = call.s, call.need("title", str)
    if s.one("SELECT 1 FROM forge_milestones WHERE repo_id = ? AND title = ?", call.repo["id"], title) is not None:
        raise invalid("Milestone", "title", "already_exists", "already_exists")
    last = s.row("SELECT COALESCE(MAX(number), 0) AS n FROM forge_milestones WHERE repo_id = ?", call.repo["id"])["n"]
    number = s.insert(
        "forge_milestones",
        repo_id=call.repo["id"],
        number=last + 1,
        title=title,
        description=call.get("description", str, "") or None,
        state="open",
        creator_id=s.acting_user()["id"],
        created_at=s.now,
        updated_at=s.now,
    )
    return ApiAnswer(201, shapes.milestone(s, call.repo, s.row("SELECT * FROM forge_milestones WHERE id = ?", number)))


@route("GET", _MILESTONE, issues="read", pull_requests="read")
def get_milestone(call: ApiCall) -> JSON:
    """One milestone."""
    return shapes.milestone(call.s, call.repo, _milestone(call, call.args["milestone"]))


@route("PATCH", _MILESTONE, issues="write", pull_requests="write")
def update_milestone(call: ApiCall) -> JSON:
    """Rename, close or reopen a milestone."""
    row = _milestone(call, call.args["milestone"])
    state = call.get("state", str, row["state"])
    if state not in ("open", "closed"):
        raise invalid("Milestone", "state", "state must be open or closed", "invalid")
    call.s.run(
        "UPDATE forge_milestones SET title = ?, state = ?, closed_at = ?, updated_at = ? WHERE id = ?",
        call.get("title", str, row["title"]),
        state,
        call.s.now if state == "closed" else None,
        call.s.now,
        row["id"],
    )
    return shapes.milestone(call.s, call.repo, _milestone(call, row["number"]))


def _milestone(call: ApiCall, number: int) -> Row:
    return call.s.row_or_404("SELECT * FROM forge_milestones WHERE repo_id = ? AND number = ?", call.repo["id"], number)


def milestone_of_query(call: ApiCall, text: str) -> int:
    """The id of the milestone by whose number a list is narrowed; 422 where there is none, as at GitHub."""
    number = int(text) if text.isdecimal() else 0
    row = call.s.one("SELECT id FROM forge_milestones WHERE repo_id = ? AND number = ?", call.repo["id"], number)
    if row is None:
        raise invalid("Issue", "milestone", "milestone is invalid", "invalid")
    return int(row["id"])


def set_milestone(call: ApiCall, issue: Row) -> None:
    """Give an issue or pull request the milestone whose number the body has; null takes it off."""
    number = call.get("milestone", int, 0)
    call.s.run("DELETE FROM forge_issue_milestones WHERE issue_id = ?", issue["id"])
    if number:
        milestone = milestone_of_query(call, str(number))
        call.s.insert("forge_issue_milestones", issue_id=issue["id"], milestone_id=milestone)


def _issue(call: ApiCall) -> Row:
    return call.s.row_or_404(
        "SELECT * FROM forge_issues WHERE repo_id = ? AND number = ? AND is_pull = 0",
        call.repo["id"],
        call.args["number"],
    )


def _named(call: ApiCall, id_: int) -> Row:
    """An issue by its id, of any repository; a pull request is no issue here."""
    row = call.s.one("SELECT * FROM forge_issues WHERE id = ? AND is_pull = 0", id_)
    if row is None:
        raise ApiError(404, "Not Found")
    return row


def _shown(call: ApiCall, row: Row) -> JSON:
    return shapes.issue(call.s, call.s.repo(row["repo_id"]), row)


@route("GET", f"{_ISSUE}/sub_issues", issues="read")
def list_sub_issues(call: ApiCall) -> list[JSON]:
    """The sub-issues of an issue, in their order."""
    rows, _ = call.rows(
        "SELECT f.* FROM forge_sub_issues p JOIN forge_issues f ON f.id = p.issue_id WHERE p.parent_id = ?"
        " ORDER BY p.place",
        _issue(call)["id"],
    )
    return [_shown(call, row) for row in rows]


@route("POST", f"{_ISSUE}/sub_issues", role="triage", issues="write")
def add_sub_issue(call: ApiCall) -> ApiAnswer:
    """Make an issue, by its id, a part of another one; 422 where it is a part of another or there are too many."""
    parent, part = _issue(call), _named(call, call.need("sub_issue_id", int))
    if call.s.one("SELECT 1 FROM forge_sub_issues WHERE issue_id = ?", part["id"]) is not None:
        if not call.get("replace_parent", bool, False):
            raise ApiError(422, "Issue may only have one parent")
        call.s.run("DELETE FROM forge_sub_issues WHERE issue_id = ?", part["id"])
    parts = call.s.row(
        "SELECT COUNT(*) AS n, COALESCE(MAX(place), 0) AS last FROM forge_sub_issues WHERE parent_id = ?", parent["id"]
    )
    if part["id"] == parent["id"] or parts["n"] >= PARTS:
        raise ApiError(422, f"Parent cannot have more than {PARTS} sub-issues, nor be one of them")
    call.s.insert("forge_sub_issues", issue_id=part["id"], parent_id=parent["id"], place=parts["last"] + 1)
    return ApiAnswer(201, _shown(call, parent))


@route("DELETE", f"{_ISSUE}/sub_issue", role="triage", issues="write")
def remove_sub_issue(call: ApiCall) -> JSON:
    """Take a sub-issue, by its id, out of its parent."""
    parent = _issue(call)
    call.s.run(
        "DELETE FROM forge_sub_issues WHERE issue_id = ? AND parent_id = ?",
        call.need("sub_issue_id", int),
        parent["id"],
    )
    return _shown(call, parent)


@route("GET", _BLOCKED_BY, issues="read")
def list_blocked_by(call: ApiCall) -> list[JSON]:
    """What an issue is blocked by."""
    rows, _ = call.rows(
        "SELECT f.* FROM forge_dependencies d JOIN forge_issues f ON f.id = d.blocked_by WHERE d.issue_id = ?"
        " ORDER BY f.id",
        _issue(call)["id"],
    )
    return [_shown(call, row) for row in rows]


@route("POST", _BLOCKED_BY, role="triage", issues="write")
def add_blocked_by(call: ApiCall) -> ApiAnswer:
    """An issue is blocked by another one, by that one's id."""
    issue, other = _issue(call), _named(call, call.need("issue_id", int))
    if issue["id"] == other["id"]:
        raise ApiError(422, "An issue cannot be blocked by itself")
    call.s.run(
        "INSERT OR IGNORE INTO forge_dependencies (issue_id, blocked_by) VALUES (?, ?)", issue["id"], other["id"]
    )
    return ApiAnswer(201, _shown(call, issue))


@route("DELETE", f"{_BLOCKED_BY}/<int:other>", role="triage", issues="write")
def remove_blocked_by(call: ApiCall) -> JSON:
    """An issue is not blocked by another one any more."""
    issue = _issue(call)
    call.s.run("DELETE FROM forge_dependencies WHERE issue_id = ? AND blocked_by = ?", issue["id"], call.args["other"])
    return _shown(call, issue)
