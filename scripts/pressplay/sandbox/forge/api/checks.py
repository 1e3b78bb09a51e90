"""Check runs and suites, commit statuses."""

from __future__ import annotations

import json

from pressplay.clock import parse_rfc3339
from pressplay.sandbox.forge import events, gitdata, shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, Row

_REPO = "/repos/<owner>/<name>"
_STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
_LONGEST = 65_535
"""Characters of a check's summary, and of its text."""
_CONCLUSIONS = ("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required")


def _fields(call: ApiCall, old: Row | None) -> JSON:
    """The columns that a create or an update sets."""
    values: JSON = {}
    for name in ("name", "details_url", "external_id"):
        if call.fields.get(name) is not None:
            values[name] = call.get(name, str, "")
    conclusion = call.get("conclusion", str, "")
    status = call.get("status", str, "completed" if conclusion else old["status"] if old else "queued")
    if status not in _STATUSES or (conclusion and conclusion not in _CONCLUSIONS):
        raise ApiError(422, 'Invalid request.\n\nNo subschema in "anyOf" matched: status or conclusion')
    if status == "completed" and not conclusion and (old is None or old["conclusion"] is None):
        raise ApiError(422, "Invalid request.\n\nMissing conclusion for a completed check run")
    values["status"] = status
    values["conclusion"] = (conclusion or (old["conclusion"] if old else None)) if status == "completed" else None
    try:
        if call.fields.get("started_at"):
            values["started_at"] = parse_rfc3339(call.get("started_at", str, ""))
        done = call.get("completed_at", str, "")
        values["completed_at"] = (
            None
            if status != "completed"
            else parse_rfc3339(done)
            if done
            else (old and old["completed_at"]) or call.s.now
        )
    except ValueError:
        raise ApiError(422, "Invalid request.\n\nA time is not in ISO 8601") from None
    output = call.get("output", dict, {})
    for name in ("summary", "text"):
        length = len(str(output.get(name) or ""))
        if length > _LONGEST:
            why = f"Only {_LONGEST} characters are allowed; {length} were supplied."
            raise ApiError(422, f"Invalid request.\n\n{why}")
    if output:
        kept = json.loads(old["output"]) if old else {}
        # At most 50 come in a request; a further request adds to them.
        given = output.get("annotations") or []
        if (
            not isinstance(given, list)
            or len(given) > 50
            or not all(isinstance(annotation, dict) for annotation in given)
        ):
            raise ApiError(422, "Invalid request.\n\nNo more than 50 annotations are allowed")
        noted = [*(kept.get("annotations") or []), *given]
        values["output"] = json.dumps({**kept, **output, "annotations": noted})
    return values


@route("POST", f"{_REPO}/check-runs", checks="write")
def create_check(call: ApiCall) -> ApiAnswer:
    """Create a check run of the asking App on a commit."""
    s, app = call.s, call.app
    sha = call.need("head_sha", str)
    call.need("name", str)
    git = s.git(call.repo)
    if not gitdata.is_sha(sha) or sha not in git:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    suite = s.one(
        "SELECT id FROM forge_check_suites WHERE repo_id = ? AND head_sha = ? AND app_id = ? AND workflow_id IS NULL",
        call.repo["id"],
        sha,
        app["id"],
    )
    suite_id = (
        suite["id"]
        if suite
        else s.insert(
            "forge_check_suites",
            repo_id=call.repo["id"],
            app_id=app["id"],
            head_sha=sha,
            head_branch=events.branch_of(s, call.repo, sha),
            created_at=s.now,
            updated_at=s.now,
        )
    )
    values = {"output": "{}", "external_id": "", "started_at": s.now, **_fields(call, None)}
    number = s.insert(
        "forge_check_runs", repo_id=call.repo["id"], app_id=app["id"], suite_id=suite_id, head_sha=sha, **values
    )
    row = _row(call, number)
    _touch(call, suite_id)
    events.check_event(s, "created", call.repo, row, s.acting_user())
    if row["status"] == "completed":
        events.check_event(s, "completed", call.repo, row, s.acting_user())
    return ApiAnswer(201, shapes.check_run(s, call.repo, row))


def _row(call: ApiCall, number: int) -> Row:
    return call.s.row_or_404("SELECT * FROM forge_check_runs WHERE repo_id = ? AND id = ?", call.repo["id"], number)


def _touch(call: ApiCall, suite_id: int) -> None:
    """A check run of the suite was reported: no longer asked for again."""
    call.s.run("UPDATE forge_check_suites SET rerequested = 0, updated_at = ? WHERE id = ?", call.s.now, suite_id)


@route("PATCH", f"{_REPO}/check-runs/<int:number>", checks="write")
def update_check(call: ApiCall) -> JSON:
    """Update a check run of the asking App; another App's is refused."""
    s, app, row = call.s, call.app, _row(call, call.args["number"])
    if row["app_id"] != app["id"]:
        raise ApiError(403, "Invalid app_id - check run can only be modified by the GitHub App that created it.")
    values = _fields(call, row)
    s.run(
        f"UPDATE forge_check_runs SET {', '.join(f'{name} = ?' for name in values)} WHERE id = ?",  # noqa: S608 - our own names
        *values.values(),
        row["id"],
    )
    new = _row(call, row["id"])
    _touch(call, row["suite_id"])
    if new["status"] == "completed" and (row["status"], row["conclusion"]) != ("completed", new["conclusion"]):
        events.check_event(s, "completed", call.repo, new, s.acting_user())
    return shapes.check_run(s, call.repo, new)


@route("GET", f"{_REPO}/check-runs/<int:number>", checks="read")
def get_check(call: ApiCall) -> JSON:
    """One check run."""
    return shapes.check_run(call.s, call.repo, _row(call, call.args["number"]))


@route("GET", f"{_REPO}/check-runs/<int:number>/annotations", checks="read")
def list_annotations(call: ApiCall) -> list[JSON]:
    """The annotations of a check run."""
    row = _row(call, call.args["number"])
    given = json.loads(row["output"]).get("annotations") or []
    return [shapes.annotation(call.s, call.repo, row, annotation) for annotation in call.page(given)]


@route("POST", f"{_REPO}/check-runs/<int:number>/rerequest", checks="write")
def rerequest(call: ApiCall) -> ApiAnswer:
    """Ask the App that reported a check run to run it again; only that App may, and Actions' jobs are re-run."""
    s, row = call.s, _row(call, call.args["number"])
    if row["app_id"] != call.app["id"]:
        raise ApiError(403, "Forbidden: the check run is not rerequestable or does not belong to this GitHub App")
    s.run("UPDATE forge_check_suites SET rerequested = 1, updated_at = ? WHERE id = ?", s.now, row["suite_id"])
    events.check_event(s, "rerequested", call.repo, row, s.acting_user())
    return ApiAnswer(201, {})


@route("GET", f"{_REPO}/commits/<path:ref>/check-runs", checks="read")
def checks_of_ref(call: ApiCall) -> JSON:
    """The check runs of a commit or branch, the newest of each App and name unless all are asked for."""
    sha = str(gitdata.resolve(call.s.git(call.repo), call.args["ref"], call.repo["default_branch"]).id)
    rows = call.s.all(
        "SELECT * FROM forge_check_runs WHERE repo_id = ? AND head_sha = ? ORDER BY id DESC", call.repo["id"], sha
    )
    return _checks(call, rows)


def _checks(call: ApiCall, rows: list[Row]) -> JSON:
    if call.query.get("filter", "latest") == "latest":
        # Newest first, so the last one to set a key back to front is the newest of its suite and name.
        newest = {(row["suite_id"], row["name"]): row for row in reversed(rows)}
        rows = sorted(newest.values(), key=lambda row: -row["id"])
    for key, column in (("check_name", "name"), ("status", "status"), ("app_id", "app_id")):
        if call.query.get(key):
            rows = [row for row in rows if str(row[column]) == call.query[key]]
    return {
        "total_count": len(rows),
        "check_runs": [shapes.check_run(call.s, call.repo, row) for row in call.page(rows)],
    }


@route("GET", f"{_REPO}/commits/<path:ref>/check-suites", checks="read")
def suites_of_ref(call: ApiCall) -> JSON:
    """The check suites of a commit or branch."""
    s = call.s
    commit = gitdata.resolve(s.git(call.repo), call.args["ref"], call.repo["default_branch"])
    rows = s.all(
        "SELECT * FROM forge_check_suites WHERE repo_id = ? AND head_sha = ? ORDER BY id",
        call.repo["id"],
        str(commit.id),
    )
    return {"total_count": len(rows), "check_suites": [_suite(call, row) for row in call.page(rows)]}


def _suite(call: ApiCall, row: Row) -> JSON:
    return {
        **shapes.check_suite(call.s, call.repo, row),
        "repository": shapes.repository(call.s, call.repo),
        "head_commit": shapes.simple_commit(call.s, call.repo, row["head_sha"]),
    }


def _suite_row(call: ApiCall) -> Row:
    return call.s.row_or_404(
        "SELECT * FROM forge_check_suites WHERE repo_id = ? AND id = ?", call.repo["id"], call.args["number"]
    )


@route("GET", f"{_REPO}/check-suites/<int:number>", checks="read")
def get_suite(call: ApiCall) -> JSON:
    """One check suite."""
    return _suite(call, _suite_row(call))


@route("GET", f"{_REPO}/check-suites/<int:number>/check-runs", checks="read")
def checks_of_suite(call: ApiCall) -> JSON:
    """The check runs of a suite, the newest of each name unless all are asked for."""
    query = "SELECT * FROM forge_check_runs WHERE suite_id = ? ORDER BY id DESC"
    return _checks(call, call.s.all(query, _suite_row(call)["id"]))


@route("POST", f"{_REPO}/statuses/<sha>", statuses="write")
def create_status(call: ApiCall) -> ApiAnswer:
    """Set a commit's status in one context."""
    s, author = call.s, call.s.acting_user()
    sha, state = call.args["sha"], call.need("state", str)
    gitdata.commit(s.git(call.repo), sha)
    if state not in ("error", "failure", "pending", "success"):
        raise ApiError(422, "state must be error, failure, pending or success")
    number = s.insert(
        "forge_statuses",
        repo_id=call.repo["id"],
        sha=sha,
        context=call.get("context", str, "default"),
        state=state,
        description=call.get("description", str, "") or None,
        target_url=call.get("target_url", str, "") or None,
        user_id=author["id"],
        created_at=s.now,
    )
    row = s.row("SELECT * FROM forge_statuses WHERE id = ?", number)
    return ApiAnswer(201, _status(call, row))


def _status(call: ApiCall, row: Row) -> JSON:
    return {
        "url": f"{shapes.repo_url(call.s, call.repo)}/statuses/{row['sha']}",
        "avatar_url": None,
        "id": row["id"],
        "node_id": shapes.node_id("Status", row["id"]),
        "state": row["state"],
        "description": row["description"],
        "target_url": row["target_url"],
        "context": row["context"],
        "created_at": shapes.when(row["created_at"]),
        "updated_at": shapes.when(row["created_at"]),
        "creator": shapes.user_id(call.s, row["user_id"]),
    }


def _statuses(call: ApiCall) -> tuple[str, list[Row]]:
    sha = str(gitdata.resolve(call.s.git(call.repo), call.args["ref"], call.repo["default_branch"]).id)
    rows = call.s.all(
        "SELECT * FROM forge_statuses WHERE repo_id = ? AND sha = ? ORDER BY id DESC", call.repo["id"], sha
    )
    return sha, rows


@route("GET", f"{_REPO}/commits/<path:ref>/statuses", statuses="read")
def statuses_of_ref(call: ApiCall) -> list[JSON]:
    """A commit's statuses, newest first."""
    return [_status(call, row) for row in call.page(_statuses(call)[1])]


@route("GET", f"{_REPO}/commits/<path:ref>/status", statuses="read")
def combined_status(call: ApiCall) -> JSON:
    """The newest status of each context, and what they come to."""
    sha, rows = _statuses(call)
    newest = list({row["context"]: row for row in reversed(rows)}.values())
    states = {row["state"] for row in newest}
    state = (
        "failure" if states & {"error", "failure"} else "pending" if "pending" in states or not states else "success"
    )
    url = f"{shapes.repo_url(call.s, call.repo)}/commits/{sha}"
    return {
        "state": state,
        "statuses": [_status(call, row) for row in call.page(newest)],
        "sha": sha,
        "total_count": len(newest),
        "repository": shapes.repository(call.s, call.repo),
        "commit_url": url,
        "url": f"{url}/status",
    }
