"""Issues, comments and labels; a pull request is an issue too."""

from __future__ import annotations

from pressplay.sandbox.forge import edits, events, shapes
from pressplay.sandbox.forge.api import planning, pulls
from pressplay.sandbox.forge.errors import ApiError, invalid
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, Row

_REPO = "/repos/<owner>/<name>"
_ISSUE = f"{_REPO}/issues/<int:number>"
_OF_REPO = (
    "SELECT c.* FROM forge_comments c JOIN forge_issues i ON i.id = c.issue_id"
    " WHERE i.repo_id = ? AND c.updated_at >= ?"
)


def issue_of(call: ApiCall) -> Row:
    """The issue that the path names; 404 if there is none."""
    return call.s.row_or_404(
        "SELECT * FROM forge_issues WHERE repo_id = ? AND number = ?", call.repo["id"], call.args["number"]
    )


@route("GET", f"{_REPO}/issues", issues="read", pull_requests="read")
def list_issues(call: ApiCall) -> list[JSON]:
    """Issues and pull requests by state, labels and author; newest first."""
    where, args = ["repo_id = ?"], [call.repo["id"]]
    state = call.query.get("state", "open")
    if state != "all":
        where.append("state = ?")
        args.append("closed" if state == "closed" else "open")
    for name in filter(None, call.query.get("labels", "").split(",")):
        where.append(
            "id IN (SELECT il.issue_id FROM forge_issue_labels il JOIN forge_labels l ON l.id = il.label_id"
            " WHERE l.repo_id = ? AND l.name = ?)"
        )
        args += [call.repo["id"], name]
    if (named := call.query.get("milestone", "")) not in ("", "*"):
        where.append("id IN (SELECT issue_id FROM forge_issue_milestones WHERE milestone_id = ?)")
        args.append(planning.milestone_of_query(call, named))
    if call.query.get("creator"):
        where.append("user_id = (SELECT id FROM forge_users WHERE login = ?)")
        args.append(call.query["creator"])
    if call.since():
        where.append("updated_at >= ?")
        args.append(call.since())
    order = "ASC" if call.query.get("direction") == "asc" else "DESC"
    column = "updated_at" if call.query.get("sort") == "updated" else "number"
    rows, _ = call.rows(
        f"SELECT * FROM forge_issues WHERE {' AND '.join(where)} ORDER BY {column} {order}, number {order}",  # noqa: S608 - conditions are ours
        *args,
    )
    return [shapes.issue(call.s, call.repo, row) for row in rows]


@route("POST", f"{_REPO}/issues", role="read", issues="write")
def create_issue(call: ApiCall) -> ApiAnswer:
    """Open an issue."""
    s, author = call.s, call.s.acting_user()
    title = call.need("title", str)
    number = s.insert(
        "forge_issues",
        repo_id=call.repo["id"],
        number=pulls.take_number(call),
        is_pull=0,
        title=title,
        body=call.get("body", str, "") or None,
        state="open",
        user_id=author["id"],
        created_at=s.now,
        updated_at=s.now,
    )
    row = s.row("SELECT * FROM forge_issues WHERE id = ?", number)
    names = _names(call.get("labels", list, []))
    if edits.has_role(s, call.repo, "triage"):
        planning.set_milestone(call, row)
    # Labels are on the issue when it is first shown; each is also announced by itself.
    added = [label for name in names if (label := _attach(call, row, name)) is not None]
    events.emit(s, "issues", call.repo, author, action="opened", issue=shapes.issue(s, call.repo, row))
    for label in added:
        _announce(call, row, "labeled", label)
    return ApiAnswer(201, shapes.issue(s, call.repo, row))


@route("GET", _ISSUE, issues="read", pull_requests="read")
def get_issue(call: ApiCall) -> JSON:
    """One issue or pull request."""
    return shapes.issue(call.s, call.repo, issue_of(call))


@route("PATCH", _ISSUE, role="read", issues="write", pull_requests="write")
def update_issue(call: ApiCall) -> JSON:
    """Edit, close or reopen an issue; its author may, too. Labels from somebody who may not set them are ignored."""
    s, row = call.s, issue_of(call)
    edits.permit(s, call.repo, row["user_id"])
    state = call.get("state", str, row["state"])
    if state not in ("open", "closed"):
        raise invalid("Issue", "state", "state must be open or closed", "invalid")
    edited = {"title": call.get("title", str, row["title"]), "body": call.get("body", str, row["body"])}
    changes: JSON = {name: {"from": row[name] or ""} for name, value in edited.items() if value != row[name]}
    s.run(
        "UPDATE forge_issues SET title = ?, body = ?, updated_at = ? WHERE id = ?",
        edited["title"],
        edited["body"],
        s.now,
        row["id"],
    )
    if "body" in changes:
        edits.record(s, "PullRequest" if row["is_pull"] else "Issue", row["id"])
    if "title" in changes:
        rename = {"from": row["title"], "to": edited["title"]}
        events.note(s, row, "renamed", s.acting_user(), rename=rename)
    if changes and row["is_pull"]:
        events.pull_event(s, "edited", call.repo, row["id"], s.acting_user(), changes=changes)
    elif changes:
        shown = shapes.issue(s, call.repo, issue_of(call))
        events.emit(s, "issues", call.repo, s.acting_user(), action="edited", issue=shown, changes=changes)
    if call.fields.get("labels") is not None and edits.has_role(s, call.repo, "triage"):
        _replace(call, row, _names(call.get("labels", list, [])))
    if "milestone" in call.fields and edits.has_role(s, call.repo, "triage"):
        planning.set_milestone(call, row)
    if state != row["state"]:
        if row["is_pull"]:
            pulls.set_state(call, pulls.pull_of(call), state)
        else:
            reason = call.get("state_reason", str, "completed") if state == "closed" else "reopened"
            events.set_issue_state(s, call.repo, row, state, reason, s.acting_user())
    return shapes.issue(s, call.repo, issue_of(call))


@route("GET", f"{_ISSUE}/comments", issues="read", pull_requests="read")
def list_comments(call: ApiCall) -> list[JSON]:
    """An issue's comments, oldest first; with `since` those written or edited then or later."""
    rows, _ = call.rows(
        "SELECT * FROM forge_comments WHERE issue_id = ? AND updated_at >= ? ORDER BY id",
        issue_of(call)["id"],
        call.since(),
    )
    return [shapes.comment(call.s, call.repo, row) for row in rows]


@route("GET", f"{_REPO}/issues/comments", issues="read", pull_requests="read")
def list_all_comments(call: ApiCall) -> list[JSON]:
    """The comments of all issues and pull requests, in the order of their ids unless `sort` names another."""
    rows, _ = call.rows(
        f"{_OF_REPO} ORDER BY {comment_order(call)}",
        call.repo["id"],
        call.since(),
    )
    return [shapes.comment(call.s, call.repo, row) for row in rows]


def comment_order(call: ApiCall) -> str:
    """The order of a repository's comments; `direction` counts only beside `sort`, as GitHub has it."""
    column = {"created": "c.created_at", "created_at": "c.created_at", "updated": "c.updated_at"}.get(
        call.query.get("sort", "")
    )
    if column is None:
        return "c.id"
    order = "DESC" if call.query.get("direction") == "desc" else "ASC"
    return f"{column} {order}, c.id {order}"


@route("POST", f"{_ISSUE}/comments", role="read", issues="write", pull_requests="write")
def create_comment(call: ApiCall) -> ApiAnswer:
    """Comment on an issue or pull request."""
    s, issue, author = call.s, issue_of(call), call.s.acting_user()
    body = call.need("body", str)
    if not body.strip():
        raise invalid("IssueComment", "body", "Body cannot be blank")
    number = s.insert(
        "forge_comments", issue_id=issue["id"], user_id=author["id"], body=body, created_at=s.now, updated_at=s.now
    )
    s.run("UPDATE forge_issues SET updated_at = ? WHERE id = ?", s.now, issue["id"])
    row = s.row("SELECT * FROM forge_comments WHERE id = ?", number)
    return ApiAnswer(201, _announce_comment(call, "created", row))


def _announce_comment(call: ApiCall, action: str, row: Row, **more: object) -> JSON:
    s = call.s
    issue = s.row("SELECT * FROM forge_issues WHERE id = ?", row["issue_id"])
    shown = shapes.comment(s, call.repo, row)
    body = shapes.issue(s, call.repo, issue)
    events.emit(s, "issue_comment", call.repo, s.acting_user(), action=action, issue=body, comment=shown, **more)
    return shown


def _comment(call: ApiCall) -> Row:
    return call.s.row_or_404(
        "SELECT c.* FROM forge_comments c JOIN forge_issues i ON i.id = c.issue_id WHERE c.id = ? AND i.repo_id = ?",
        call.args["comment"],
        call.repo["id"],
    )


@route("GET", f"{_REPO}/issues/comments/<int:comment>", issues="read", pull_requests="read")
def get_comment(call: ApiCall) -> JSON:
    """One comment."""
    return shapes.comment(call.s, call.repo, _comment(call))


@route("PATCH", f"{_REPO}/issues/comments/<int:comment>", role="read", issues="write", pull_requests="write")
def update_comment(call: ApiCall) -> JSON:
    """Replace a comment's text; its author may, too."""
    row, body = _comment(call), call.need("body", str)
    edits.permit(call.s, call.repo, row["user_id"])
    edits.record(call.s, "IssueComment", row["id"])
    call.s.run("UPDATE forge_comments SET body = ?, updated_at = ? WHERE id = ?", body, call.s.now, row["id"])
    return _announce_comment(call, "edited", _comment(call), changes={"body": {"from": row["body"]}})


@route("DELETE", f"{_REPO}/issues/comments/<int:comment>", role="read", issues="write", pull_requests="write")
def delete_comment(call: ApiCall) -> ApiAnswer:
    """Delete a comment; its author may, too."""
    row = _comment(call)
    edits.permit(call.s, call.repo, row["user_id"])
    _announce_comment(call, "deleted", row)
    call.s.run("DELETE FROM forge_comments WHERE id = ?", row["id"])
    return ApiAnswer(204)


@route("GET", f"{_REPO}/labels", issues="read", pull_requests="read")
def list_labels(call: ApiCall) -> list[JSON]:
    """The repository's labels."""
    rows = call.s.all("SELECT * FROM forge_labels WHERE repo_id = ? ORDER BY name", call.repo["id"])
    return [shapes.label(call.s, call.repo, row) for row in call.page(rows)]


def _label(call: ApiCall, name: str) -> Row | None:
    return call.s.one("SELECT * FROM forge_labels WHERE repo_id = ? AND name = ?", call.repo["id"], name)


@route("GET", f"{_REPO}/labels/<path:label>", issues="read", pull_requests="read")
def get_label(call: ApiCall) -> JSON:
    """One label by name."""
    row = _label(call, call.args["label"])
    if row is None:
        raise ApiError(404, "Not Found")
    return shapes.label(call.s, call.repo, row)


@route("POST", f"{_REPO}/labels", issues="write", pull_requests="write")
def create_label(call: ApiCall) -> ApiAnswer:
    """Create a label."""
    name = call.need("name", str)
    if _label(call, name) is not None:
        raise invalid("Label", "name", "already_exists", "already_exists")
    row = _make_label(call, name, call.get("color", str, "ededed"), call.get("description", str, "") or None)
    return ApiAnswer(201, shapes.label(call.s, call.repo, row))


def _make_label(call: ApiCall, name: str, color: str = "ededed", description: str | None = None) -> Row:
    if not name.strip() or len(name) > 50:
        raise invalid("Label", "name", "name is too long (maximum is 50 characters) or blank", "invalid")
    number = call.s.insert("forge_labels", repo_id=call.repo["id"], name=name, color=color, description=description)
    return call.s.row("SELECT * FROM forge_labels WHERE id = ?", number)


def _names(given: list[object]) -> list[str]:
    names = [item.get("name") if isinstance(item, dict) else item for item in given]
    if not all(isinstance(name, str) for name in names):
        raise ApiError(422, "labels must be names")
    return [str(name) for name in names]


def _attach(call: ApiCall, issue: Row, name: str) -> Row | None:
    label = _label(call, name) or _make_label(call, name)
    known = call.s.one("SELECT 1 FROM forge_issue_labels WHERE issue_id = ? AND label_id = ?", issue["id"], label["id"])
    if known is not None:
        return None
    call.s.insert("forge_issue_labels", issue_id=issue["id"], label_id=label["id"])
    return label


def _announce(call: ApiCall, issue: Row, action: str, label: Row) -> None:
    shown = shapes.label(call.s, call.repo, label)
    sender = call.s.acting_user()
    events.note(call.s, issue, action, sender, label={"name": label["name"], "color": label["color"]})
    call.s.run("UPDATE forge_issues SET updated_at = ? WHERE id = ?", call.s.now, issue["id"])
    if issue["is_pull"]:
        events.pull_event(call.s, action, call.repo, issue["id"], sender, label=shown)
    else:
        body = shapes.issue(call.s, call.repo, issue)
        events.emit(call.s, "issues", call.repo, sender, action=action, issue=body, label=shown)


def _detach(call: ApiCall, issue: Row, label: Row) -> None:
    call.s.run("DELETE FROM forge_issue_labels WHERE issue_id = ? AND label_id = ?", issue["id"], label["id"])
    _announce(call, issue, "unlabeled", label)


def _replace(call: ApiCall, issue: Row, names: list[str]) -> None:
    wanted = {name.lower() for name in names}
    for label in shapes.labels(call.s, call.repo, issue["id"]):
        row = _label(call, label["name"])
        if row is not None and label["name"].lower() not in wanted:
            _detach(call, issue, row)
    _add(call, issue, names)


def _add(call: ApiCall, issue: Row, names: list[str]) -> None:
    for label in [label for name in names if (label := _attach(call, issue, name)) is not None]:
        _announce(call, issue, "labeled", label)


@route("GET", f"{_ISSUE}/labels", issues="read", pull_requests="read")
def issue_labels(call: ApiCall) -> list[JSON]:
    """An issue's labels."""
    return call.page(shapes.labels(call.s, call.repo, issue_of(call)["id"]))


@route("POST", f"{_ISSUE}/labels", role="triage", issues="write", pull_requests="write")
def add_labels(call: ApiCall) -> list[JSON]:
    """Add labels, which are created where the repository has none of that name."""
    issue = issue_of(call)
    _add(call, issue, _names(call.body if isinstance(call.body, list) else call.get("labels", list, [])))
    return shapes.labels(call.s, call.repo, issue["id"])


@route("PUT", f"{_ISSUE}/labels", role="triage", issues="write", pull_requests="write")
def set_labels(call: ApiCall) -> list[JSON]:
    """Replace an issue's labels."""
    issue = issue_of(call)
    _replace(call, issue, _names(call.body if isinstance(call.body, list) else call.get("labels", list, [])))
    return shapes.labels(call.s, call.repo, issue["id"])


@route("DELETE", f"{_ISSUE}/labels/<path:label>", role="triage", issues="write", pull_requests="write")
def remove_label(call: ApiCall) -> list[JSON]:
    """Take a label off; 404 where the issue has none of that name."""
    issue = issue_of(call)
    label = _label(call, call.args["label"])
    if label is None or label["name"] not in [own["name"] for own in shapes.labels(call.s, call.repo, issue["id"])]:
        raise ApiError(404, "Label does not exist")
    _detach(call, issue, label)
    return shapes.labels(call.s, call.repo, issue["id"])
