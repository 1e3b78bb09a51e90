"""Reviews and review comments of pull requests."""

from __future__ import annotations

from typing import Any

from pressplay.sandbox.forge import edits, events, gitdata, shapes
from pressplay.sandbox.forge.api.issues import comment_order
from pressplay.sandbox.forge.api.pulls import pull_of
from pressplay.sandbox.forge.errors import ApiError, invalid
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, ROLES, Row, at_least

_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
_REPO = "/repos/<owner>/<name>"
_PULL = f"{_REPO}/pulls/<int:number>"
_COMMENTS = (
    "SELECT c.*, i.number FROM forge_review_comments c JOIN forge_issues i ON i.id = c.issue_id"
    # A pending review's comments are its author's alone until it is submitted.
    " WHERE NOT EXISTS (SELECT 1 FROM forge_reviews r WHERE r.id = c.review_id AND r.state = 'PENDING')"
)


@route("GET", f"{_PULL}/reviews", pull_requests="read")
def list_reviews(call: ApiCall) -> list[JSON]:
    """A pull request's reviews, oldest first; a pending one only to its author."""
    row = pull_of(call)
    actor = call.s.actor.user["id"] if call.s.actor.user is not None else 0
    rows = call.s.all(
        "SELECT * FROM forge_reviews WHERE issue_id = ? AND (state != 'PENDING' OR user_id = ?) ORDER BY id",
        row["id"],
        actor,
    )
    return [shapes.review(call.s, call.repo, review, row["number"]) for review in call.page(rows)]


def _review(call: ApiCall, pull: Row) -> Row:
    return call.s.row_or_404(
        "SELECT * FROM forge_reviews WHERE issue_id = ? AND id = ?", pull["id"], call.args["review"]
    )


@route("GET", f"{_PULL}/reviews/<int:review>", pull_requests="read")
def get_review(call: ApiCall) -> JSON:
    """One review."""
    pull = pull_of(call)
    return shapes.review(call.s, call.repo, _review(call, pull), pull["number"])


def _event(call: ApiCall, pull: Row, reviewer: Row) -> str:
    event = call.get("event", str, "PENDING")
    if event != "PENDING" and event not in _STATES:
        raise ApiError(422, "Variable $event of type PullRequestReviewEvent was provided invalid value")
    if event in ("APPROVE", "REQUEST_CHANGES") and reviewer["id"] == pull["user_id"]:
        what = "approve" if event == "APPROVE" else "request changes on"
        raise ApiError(422, "Unprocessable Entity", [f"Can not {what} your own pull request"])  # type: ignore[list-item]
    return _STATES.get(event, "PENDING")


@route("POST", f"{_PULL}/reviews", role="read", pull_requests="write")
def create_review(call: ApiCall) -> ApiAnswer:
    """Review a pull request at a commit (its head by default), perhaps with comments on lines."""
    s, pull, reviewer = call.s, pull_of(call), call.s.acting_user()
    state, body = _event(call, pull, reviewer), call.get("body", str, "")
    comments = call.get("comments", list, [])
    if state in ("CHANGES_REQUESTED", "COMMENTED") and not body and not comments:
        raise ApiError(422, "Unprocessable Entity", ["Body can't be blank"])  # type: ignore[list-item]
    commit_id = call.get("commit_id", str, pull["head_sha"])
    git = s.git(call.repo)
    if (
        not gitdata.is_sha(commit_id)
        or commit_id not in git
        or not gitdata.is_ancestor(git, commit_id, pull["head_sha"])
    ):
        raise ApiError(422, "The commit_id is not part of the pull request")
    review_id = s.insert(
        "forge_reviews",
        issue_id=pull["id"],
        user_id=reviewer["id"],
        state=state,
        body=body,
        commit_id=commit_id,
        submitted_at=None if state == "PENDING" else s.now,
    )
    for comment in comments:
        if not isinstance(comment, dict) or not comment.get("path") or not comment.get("body"):
            raise ApiError(422, "comments must each have a path and a body")
        _insert_comment(call, pull, reviewer, comment, commit_id, review_id, announce=state != "PENDING")
    return ApiAnswer(200, _submitted(call, pull, review_id, reviewer))


def _submitted(call: ApiCall, pull: Row, review_id: int, reviewer: Row) -> JSON:
    row = call.s.row("SELECT * FROM forge_reviews WHERE id = ?", review_id)
    shown = shapes.review(call.s, call.repo, row, pull["number"])
    if row["state"] != "PENDING":
        call.s.run("DELETE FROM forge_review_requests WHERE issue_id = ? AND user_id = ?", pull["id"], reviewer["id"])
        events.review_event(call.s, "submitted", call.repo, pull, shown, reviewer)
    return shown


@route("POST", f"{_PULL}/reviews/<int:review>/events", role="read", pull_requests="write")
def submit_review(call: ApiCall) -> JSON:
    """Submit a pending review."""
    s, pull, reviewer = call.s, pull_of(call), call.s.acting_user()
    row = _review(call, pull)
    if row["state"] != "PENDING" or row["user_id"] != reviewer["id"]:
        raise ApiError(422, "Can not submit a review that is not pending")
    s.run(
        "UPDATE forge_reviews SET state = ?, body = ?, submitted_at = ? WHERE id = ?",
        _event(call, pull, reviewer),
        call.get("body", str, row["body"]),
        s.now,
        row["id"],
    )
    drafted = s.all("SELECT id FROM forge_review_comments WHERE review_id = ? ORDER BY id", row["id"])
    s.run("UPDATE forge_review_comments SET updated_at = ? WHERE review_id = ?", s.now, row["id"])
    for comment in drafted:
        _written(call, pull, comment["id"], announce=True)
    return _submitted(call, pull, row["id"], reviewer)


@route("GET", f"{_PULL}/requested_reviewers", pull_requests="read")
def list_requested(call: ApiCall) -> JSON:
    """Whom a review was asked of that is not there yet."""
    return {"users": shapes.requested_reviewers(call.s, pull_of(call)["id"]), "teams": []}


@route("POST", f"{_PULL}/requested_reviewers", pull_requests="write")
def request_reviewers(call: ApiCall) -> ApiAnswer:
    """Ask people for their review."""
    return ApiAnswer(201, _ask(call, "review_requested"))


@route("DELETE", f"{_PULL}/requested_reviewers", pull_requests="write")
def remove_requested(call: ApiCall) -> JSON:
    """Ask them no longer."""
    return _ask(call, "review_request_removed")


def _ask(call: ApiCall, action: str) -> JSON:
    s, pull = call.s, pull_of(call)
    if call.get("team_reviewers", list, []):
        raise ApiError(422, "Could not resolve to a node with the global id of a team.")
    for login in call.get("reviewers", list, []):
        asked = s.one("SELECT * FROM forge_users WHERE login = ?", str(login))
        if asked is None or not at_least(s.role(call.repo, asked), "read", ROLES) or asked["app_id"] is not None:
            raise ApiError(
                422,
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified is "
                f"not a collaborator of the {call.repo['full_name']} repository.",
            )
        if asked["id"] == pull["user_id"]:
            raise ApiError(422, "Review cannot be requested from pull request author.")
        if action == "review_requested":
            s.run("INSERT OR IGNORE INTO forge_review_requests VALUES (?, ?)", pull["id"], asked["id"])
        else:
            s.run("DELETE FROM forge_review_requests WHERE issue_id = ? AND user_id = ?", pull["id"], asked["id"])
        shown = shapes.user(s, asked)
        events.pull_event(s, action, call.repo, pull["id"], s.acting_user(), requested_reviewer=shown)
    return shapes.pull(s, call.repo, events.pull_row(s, pull["id"]))


@route("PUT", f"{_PULL}/reviews/<int:review>", role="read", pull_requests="write")
def update_review(call: ApiCall) -> JSON:
    """Replace a review's text; its author may, too."""
    pull, body = pull_of(call), call.need("body", str)
    row = _review(call, pull)
    edits.permit(call.s, call.repo, row["user_id"])
    edits.record(call.s, "PullRequestReview", row["id"])
    call.s.run("UPDATE forge_reviews SET body = ? WHERE id = ?", body, row["id"])
    return shapes.review(call.s, call.repo, _review(call, pull), pull["number"])


@route("PUT", f"{_PULL}/reviews/<int:review>/dismissals", pull_requests="write")
def dismiss_review(call: ApiCall) -> JSON:
    """Dismiss an approval or a request for changes."""
    pull = pull_of(call)
    call.need("message", str)
    row = _review(call, pull)
    if row["state"] not in ("APPROVED", "CHANGES_REQUESTED"):
        raise ApiError(422, "Can not dismiss a " + row["state"].lower() + " pull request review")
    return events.dismiss(call.s, call.repo, pull, row["id"], call.s.acting_user())


def _insert_comment(
    call: ApiCall,
    pull: Row,
    author: Row,
    comment: dict[str, Any],
    commit_id: str,
    review_id: int | None,
    *,
    announce: bool,
) -> JSON:
    s = call.s
    line, start, hunk = _place(call, pull, comment, commit_id)
    number = s.insert(
        "forge_review_comments",
        issue_id=pull["id"],
        review_id=review_id,
        user_id=author["id"],
        path=comment["path"],
        line=line,
        start_line=start,
        side="LEFT" if comment.get("side") == "LEFT" else "RIGHT",
        body=str(comment["body"]),
        commit_id=commit_id,
        original_commit_id=commit_id,
        diff_hunk=hunk,
        created_at=s.now,
        updated_at=s.now,
    )
    return _written(call, pull, number, announce=announce)


def _place(call: ApiCall, pull: Row, comment: dict[str, Any], commit_id: str) -> tuple[int | None, int | None, str]:
    """The last and first line that a comment is for, and what of the difference it shows; 422 for lines not in it."""
    git = call.s.git(call.repo)
    base = gitdata.merge_base(git, pull["base_sha"], commit_id)
    patch = next((c.patch for c in gitdata.difference(git, base, commit_id) if c.path == comment["path"]), None)
    if patch is None:
        raise invalid("PullRequestReviewComment", "pull_request_review_thread.path", "path could not be resolved")
    if comment.get("subject_type") == "file":
        return None, None, patch
    line, start, side = comment.get("line"), comment.get("start_line"), comment.get("side", "RIGHT")
    hunk = gitdata.hunk_at(patch, line, side) if isinstance(line, int) else None
    if hunk is None or not isinstance(line, int):
        field = "pull_request_review_thread.line"
        raise invalid("PullRequestReviewComment", field, f"{field} must be part of the diff")
    if start is not None and not (isinstance(start, int) and start < line and gitdata.hunk_at(patch, start, side)):
        field = "pull_request_review_thread.start_line"
        raise invalid("PullRequestReviewComment", field, f"{field} must precede the end line and be part of the diff")
    return line, start, hunk


def _written(call: ApiCall, pull: Row, number: int, *, announce: bool) -> JSON:
    s = call.s
    s.run("UPDATE forge_issues SET updated_at = ? WHERE id = ?", s.now, pull["id"])
    row = s.row("SELECT * FROM forge_review_comments WHERE id = ?", number)
    if announce:
        return _announce_comment(call, "created", row)
    return shapes.review_comment(s, call.repo, row, pull["number"])


@route("GET", f"{_PULL}/comments", pull_requests="read")
def list_comments(call: ApiCall) -> list[JSON]:
    """A pull request's review comments, oldest first; with `since` those written or edited then or later."""
    pull = pull_of(call)
    rows, _ = call.rows(
        f"{_COMMENTS} AND c.issue_id = ? AND c.updated_at >= ? ORDER BY c.id",
        pull["id"],
        call.since(),
    )
    return [shapes.review_comment(call.s, call.repo, row, pull["number"]) for row in rows]


@route("GET", f"{_REPO}/pulls/comments", pull_requests="read")
def list_all_comments(call: ApiCall) -> list[JSON]:
    """The review comments of all pull requests, in the order of their ids unless `sort` names another."""
    rows, _ = call.rows(
        f"{_COMMENTS} AND i.repo_id = ? AND c.updated_at >= ? ORDER BY {comment_order(call)}",
        call.repo["id"],
        call.since(),
    )
    return [shapes.review_comment(call.s, call.repo, row, row["number"]) for row in rows]


def _comment(call: ApiCall) -> Row:
    return call.s.row_or_404(
        "SELECT c.*, i.number FROM forge_review_comments c JOIN forge_issues i ON i.id = c.issue_id"
        " WHERE i.repo_id = ? AND c.id = ?",
        call.repo["id"],
        call.args["comment"],
    )


@route("GET", f"{_REPO}/pulls/comments/<int:comment>", pull_requests="read")
def get_comment(call: ApiCall) -> JSON:
    """One review comment."""
    row = _comment(call)
    return shapes.review_comment(call.s, call.repo, row, row["number"])


@route("PATCH", f"{_REPO}/pulls/comments/<int:comment>", role="read", pull_requests="write")
def update_comment(call: ApiCall) -> JSON:
    """Replace a review comment's text; its author may, too."""
    row, body = _comment(call), call.need("body", str)
    edits.permit(call.s, call.repo, row["user_id"])
    edits.record(call.s, "PullRequestReviewComment", row["id"])
    call.s.run("UPDATE forge_review_comments SET body = ?, updated_at = ? WHERE id = ?", body, call.s.now, row["id"])
    return _announce_comment(call, "edited", _comment(call), changes={"body": {"from": row["body"]}})


@route("DELETE", f"{_REPO}/pulls/comments/<int:comment>", role="read", pull_requests="write")
def delete_comment(call: ApiCall) -> ApiAnswer:
    """Delete a review comment; its author may, too."""
    row = _comment(call)
    edits.permit(call.s, call.repo, row["user_id"])
    _announce_comment(call, "deleted", row)
    call.s.run("DELETE FROM forge_review_comments WHERE id = ?", row["id"])
    return ApiAnswer(204)


def _announce_comment(call: ApiCall, action: str, row: Row, **more: object) -> JSON:
    s, pull = call.s, events.pull_row(call.s, row["issue_id"])
    shown = shapes.review_comment(s, call.repo, row, pull["number"])
    body = shapes.pull(s, call.repo, pull)
    events.emit(
        s,
        "pull_request_review_comment",
        call.repo,
        s.acting_user(),
        action=action,
        comment=shown,
        pull_request=body,
        **more,
    )
    return shown


@route("GET", f"{_PULL}/reviews/<int:review>/comments", pull_requests="read")
def list_review_comments(call: ApiCall) -> list[JSON]:
    """The comments of one review."""
    pull = pull_of(call)
    review = _review(call, pull)
    rows = call.s.all("SELECT * FROM forge_review_comments WHERE review_id = ? ORDER BY id", review["id"])
    return [shapes.review_comment(call.s, call.repo, row, pull["number"]) for row in call.page(rows)]


@route("POST", f"{_PULL}/comments", role="read", pull_requests="write")
def create_comment(call: ApiCall) -> ApiAnswer:
    """Comment on a line of the difference."""
    pull, author = pull_of(call), call.s.acting_user()
    if call.get("in_reply_to", int, 0):
        return _reply(call, pull, call.get("in_reply_to", int, 0))
    fields = {**call.fields, "path": call.need("path", str), "body": call.need("body", str)}
    commit_id = call.need("commit_id", str)
    if not gitdata.is_sha(commit_id) or commit_id not in call.s.git(call.repo):
        raise invalid("PullRequestReviewComment", "commit_id", "commit_id is not part of the pull request")
    review = _review_around(call, pull, author, commit_id)
    shown = _insert_comment(call, pull, author, fields, commit_id, review, announce=True)
    _submitted(call, pull, review, author)
    return ApiAnswer(201, shown)


def _review_around(call: ApiCall, pull: Row, author: Row, commit_id: str) -> int:
    """The review of its own, without a text, in which GitHub puts each single comment and each answer."""
    return call.s.insert(
        "forge_reviews",
        issue_id=pull["id"],
        user_id=author["id"],
        state="COMMENTED",
        body="",
        commit_id=commit_id,
        submitted_at=call.s.now,
    )


@route("POST", f"{_PULL}/comments/<int:comment>/replies", role="read", pull_requests="write")
def create_reply(call: ApiCall) -> ApiAnswer:
    """ApiAnswer in a thread."""
    return _reply(call, pull_of(call), call.args["comment"])


def _reply(call: ApiCall, pull: Row, comment_id: int) -> ApiAnswer:
    s, author, body = call.s, call.s.acting_user(), call.need("body", str)
    row = s.row_or_404("SELECT * FROM forge_review_comments WHERE issue_id = ? AND id = ?", pull["id"], comment_id)
    if not body.strip():
        raise invalid("PullRequestReviewComment", "body", "body cannot be blank")
    review = _review_around(call, pull, author, pull["head_sha"])
    copied = ("path", "line", "start_line", "side", "commit_id", "original_commit_id", "diff_hunk")
    number = s.insert(
        "forge_review_comments",
        issue_id=pull["id"],
        review_id=review,
        user_id=author["id"],
        body=body,
        in_reply_to=row["in_reply_to"] or row["id"],
        created_at=s.now,
        updated_at=s.now,
        **{name: row[name] for name in copied},
    )
    shown = _written(call, pull, number, announce=True)
    _submitted(call, pull, review, author)
    return ApiAnswer(201, shown)
