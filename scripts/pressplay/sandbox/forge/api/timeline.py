"""What happened to issues and pull requests, and who did it: their events and timelines."""

from __future__ import annotations

from typing import Any

from pressplay.sandbox.forge import gitdata, shapes
from pressplay.sandbox.forge.api.issues import issue_of
from pressplay.sandbox.forge.http import ApiCall, route
from pressplay.sandbox.forge.store import JSON, Row

_REPO = "/repos/<owner>/<name>"
_ISSUE = f"{_REPO}/issues/<int:number>"


@route("GET", f"{_REPO}/issues/events", issues="read", pull_requests="read")
def list_all_events(call: ApiCall) -> list[JSON]:
    """The events of all issues and pull requests, newest first."""
    rows, _ = call.rows("SELECT * FROM forge_issue_events WHERE repo_id = ? ORDER BY id DESC", call.repo["id"])
    return [_with_issue(call, row) for row in rows]


def _with_issue(call: ApiCall, row: Row) -> JSON:
    issue = call.s.row("SELECT * FROM forge_issues WHERE id = ?", row["issue_id"])
    return {**shapes.issue_event(call.s, call.repo, row), "issue": shapes.issue(call.s, call.repo, issue)}


@route("GET", f"{_REPO}/issues/events/<int:event>", issues="read", pull_requests="read")
def get_event(call: ApiCall) -> JSON:
    """One event."""
    row = call.s.row_or_404(
        "SELECT * FROM forge_issue_events WHERE repo_id = ? AND id = ?", call.repo["id"], call.args["event"]
    )
    return _with_issue(call, row)


@route("GET", f"{_ISSUE}/events", issues="read", pull_requests="read")
def list_events(call: ApiCall) -> list[JSON]:
    """The events of one issue or pull request, oldest first: who labelled it is the actor of `labeled`."""
    rows, _ = call.rows("SELECT * FROM forge_issue_events WHERE issue_id = ? ORDER BY id", issue_of(call)["id"])
    return [shapes.issue_event(call.s, call.repo, row) for row in rows]


@route("GET", f"{_ISSUE}/timeline", issues="read", pull_requests="read")
def timeline(call: ApiCall) -> list[JSON]:
    """Events, comments, and a pull request's commits and submitted reviews, oldest first."""
    s, issue = call.s, issue_of(call)
    # Only what the page shows is made: a key for each entry, then the page, then the entries.
    entries: list[tuple[float, int, str, Any]] = [
        (row["at"], row["id"], row["kind"], None)
        for row in s.all(
            "SELECT created_at AS at, id, 'event' AS kind FROM forge_issue_events WHERE issue_id = ?1"
            " UNION ALL SELECT created_at, id, 'comment' FROM forge_comments WHERE issue_id = ?1"
            " UNION ALL SELECT submitted_at, id, 'review' FROM forge_reviews"
            " WHERE issue_id = ?1 AND submitted_at IS NOT NULL",
            issue["id"],
        )
    ]
    if issue["is_pull"]:
        pull = s.row(f"{shapes.PULL} WHERE i.id = ?", issue["id"])
        git = s.git(call.repo)
        common = gitdata.merge_base(git, pull["base_sha"], pull["head_sha"])
        commits = gitdata.commits_between(git, common, pull["head_sha"])
        entries += [(float(commitm.committer.time), at, "commit", commitm) for at, commitm in enumerate(commits)]
    entries.sort(key=lambda entry: entry[:3])
    return [_entry(call, issue, kind, number, commitm) for _, number, kind, commitm in call.page(entries)]


def _entry(call: ApiCall, issue: Row, kind: str, number: int, item: Any) -> JSON:
    s, repo = call.s, call.repo
    if kind == "event":
        return shapes.issue_event(s, repo, s.row("SELECT * FROM forge_issue_events WHERE id = ?", number))
    if kind == "commit":
        return {**shapes.git_commit(s, repo, item), "event": "committed"}
    if kind == "comment":
        shown = shapes.comment(s, repo, s.row("SELECT * FROM forge_comments WHERE id = ?", number))
        return {**shown, "event": "commented", "actor": shown["user"]}
    row = s.row("SELECT * FROM forge_reviews WHERE id = ?", number)
    review = shapes.review(s, repo, row, issue["number"])
    # Here, as in webhooks, a review's state is in lower case.
    return {**review, "state": review["state"].lower(), "event": "reviewed"}
