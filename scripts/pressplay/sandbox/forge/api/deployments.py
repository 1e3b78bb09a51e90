"""Deployments and their statuses."""

from __future__ import annotations

import json
from urllib.parse import quote

from pressplay.sandbox.forge import events, gitdata, shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, Row, Session

_REPO = "/repos/<owner>/<name>"


@route("POST", f"{_REPO}/deployments", deployments="write")
def create_deployment(call: ApiCall) -> ApiAnswer:
    """Record a deployment of a ref."""
    s, ref = call.s, call.need("ref", str)
    commit = gitdata.resolve(s.git(call.repo), ref, call.repo["default_branch"])
    payload = call.fields.get("payload", {})
    number = s.insert(
        "forge_deployments",
        repo_id=call.repo["id"],
        user_id=s.acting_user()["id"],
        sha=str(commit.id),
        ref=ref,
        task=call.get("task", str, "deploy"),
        environment=call.get("environment", str, "production"),
        description=call.get("description", str, "") or None,
        payload=json.dumps(payload),
        transient=int(call.get("transient_environment", bool, False)),
        created_at=s.now,
    )
    environment(s, call.repo, call.get("environment", str, "production"))
    shown = _deployment(call, _deployment_row(call, number))
    more = {"action": "created", "deployment": shown, "workflow": None, "workflow_run": None}
    events.emit(s, "deployment", call.repo, s.acting_user(), **more)
    return ApiAnswer(201, shown)


def _deployment_row(call: ApiCall, number: int) -> Row:
    return call.s.row_or_404("SELECT * FROM forge_deployments WHERE repo_id = ? AND id = ?", call.repo["id"], number)


def _deployment(call: ApiCall, row: Row) -> JSON:
    url = f"{shapes.repo_url(call.s, call.repo)}/deployments/{row['id']}"
    return {
        "url": url,
        "id": row["id"],
        "node_id": shapes.node_id("Deployment", row["id"]),
        "sha": row["sha"],
        "ref": row["ref"],
        "task": row["task"],
        "payload": json.loads(row["payload"]),
        "original_environment": row["environment"],
        "environment": row["environment"],
        "description": row["description"],
        "creator": shapes.user_id(call.s, row["user_id"]),
        "created_at": shapes.when(row["created_at"]),
        "updated_at": shapes.when(row["created_at"]),
        "statuses_url": f"{url}/statuses",
        "transient_environment": bool(row["transient"]),
        "repository_url": shapes.repo_url(call.s, call.repo),
    }


@route("GET", f"{_REPO}/deployments", deployments="read")
def list_deployments(call: ApiCall) -> list[JSON]:
    """Deployments by commit, ref and environment; newest first."""
    rows = call.s.all("SELECT * FROM forge_deployments WHERE repo_id = ? ORDER BY id DESC", call.repo["id"])
    for key in ("sha", "ref", "task", "environment"):
        if call.query.get(key):
            rows = [row for row in rows if row[key] == call.query[key]]
    return [_deployment(call, row) for row in call.page(rows)]


@route("GET", f"{_REPO}/deployments/<int:number>", deployments="read")
def get_deployment(call: ApiCall) -> JSON:
    """One deployment."""
    return _deployment(call, _deployment_row(call, call.args["number"]))


@route("POST", f"{_REPO}/deployments/<int:number>/statuses", deployments="write")
def create_deployment_status(call: ApiCall) -> ApiAnswer:
    """Report the state of a deployment."""
    s, deployment = call.s, _deployment_row(call, call.args["number"])
    state = call.need("state", str)
    if state not in ("error", "failure", "inactive", "in_progress", "queued", "pending", "success"):
        raise ApiError(422, "state is not one of a deployment's")
    number = s.insert(
        "forge_deployment_statuses",
        deployment_id=deployment["id"],
        user_id=s.acting_user()["id"],
        state=state,
        description=call.get("description", str, ""),
        environment_url=call.get("environment_url", str, ""),
        log_url=call.get("log_url", str, ""),
        created_at=s.now,
    )
    row = s.row("SELECT * FROM forge_deployment_statuses WHERE id = ?", number)
    shown = _announce(call, deployment, row)
    if state == "success" and call.get("auto_inactive", bool, True):
        _replace(call, deployment)
    return ApiAnswer(201, shown)


def _announce(call: ApiCall, deployment: Row, status: Row) -> JSON:
    """Record a `deployment_status` event; the status as the API shows it."""
    shown, about = _deployment_status(call, deployment, status), _deployment(call, deployment)
    more = {"action": "created", "deployment_status": shown, "deployment": about}
    events.emit(call.s, "deployment_status", call.repo, call.s.acting_user(), **more)
    return shown


def _replace(call: ApiCall, deployment: Row) -> None:
    """What was deployed into the same environment before is no longer there; transient ones stay as they are.

    Source: GitHub's REST reference, "Create a deployment status", auto_inactive.
    """
    for older in call.s.all(
        "SELECT d.* FROM forge_deployments d WHERE d.repo_id = ? AND d.environment = ? AND d.id < ? AND NOT d.transient"
        " AND 'success' = (SELECT s.state FROM forge_deployment_statuses s WHERE s.deployment_id = d.id"
        " ORDER BY s.id DESC LIMIT 1)",
        call.repo["id"],
        deployment["environment"],
        deployment["id"],
    ):
        number = call.s.insert(
            "forge_deployment_statuses",
            deployment_id=older["id"],
            user_id=call.s.acting_user()["id"],
            state="inactive",
            description="",
            environment_url="",
            log_url="",
            created_at=call.s.now,
        )
        _announce(call, older, call.s.row("SELECT * FROM forge_deployment_statuses WHERE id = ?", number))


def _deployment_status(call: ApiCall, deployment: Row, row: Row) -> JSON:
    url = f"{shapes.repo_url(call.s, call.repo)}/deployments/{deployment['id']}"
    return {
        "url": f"{url}/statuses/{row['id']}",
        "id": row["id"],
        "node_id": shapes.node_id("DeploymentStatus", row["id"]),
        "state": row["state"],
        "creator": shapes.user_id(call.s, row["user_id"]),
        "description": row["description"],
        "environment": deployment["environment"],
        "target_url": row["log_url"],
        "created_at": shapes.when(row["created_at"]),
        "updated_at": shapes.when(row["created_at"]),
        "deployment_url": url,
        "repository_url": shapes.repo_url(call.s, call.repo),
        "environment_url": row["environment_url"],
        "log_url": row["log_url"],
    }


@route("GET", f"{_REPO}/deployments/<int:number>/statuses", deployments="read")
def list_deployment_statuses(call: ApiCall) -> list[JSON]:
    """A deployment's statuses, newest first."""
    deployment = _deployment_row(call, call.args["number"])
    rows = call.s.all(
        "SELECT * FROM forge_deployment_statuses WHERE deployment_id = ? ORDER BY id DESC", deployment["id"]
    )
    return [_deployment_status(call, deployment, row) for row in call.page(rows)]


def environment(s: Session, repo: Row, name: str) -> Row:
    """Make sure of an environment: GitHub makes one that a deployment names."""
    s.run(
        "INSERT OR IGNORE INTO forge_environments (repo_id, name, created_at) VALUES (?, ?, ?)", repo["id"], name, s.now
    )
    return s.row("SELECT * FROM forge_environments WHERE repo_id = ? AND name = ?", repo["id"], name)


def _environment(call: ApiCall, row: Row) -> JSON:
    path = quote(row["name"], safe="")
    return {
        "id": row["id"],
        "node_id": shapes.node_id("Environment", row["id"]),
        "name": row["name"],
        "url": f"{shapes.repo_url(call.s, call.repo)}/environments/{path}",
        "html_url": f"{shapes.repo_page(call.s, call.repo)}/deployments/activity_log?environments_filter={path}",
        "created_at": shapes.when(row["created_at"]),
        "updated_at": shapes.when(row["created_at"]),
        "protection_rules": [],
        "deployment_branch_policy": None,
    }


@route("GET", f"{_REPO}/environments", actions="read")
def list_environments(call: ApiCall) -> JSON:
    """The repository's environments."""
    rows, total = call.rows("SELECT * FROM forge_environments WHERE repo_id = ? ORDER BY id", call.repo["id"])
    return {"total_count": total, "environments": [_environment(call, row) for row in rows]}


@route("GET", f"{_REPO}/environments/<path:environment>", actions="read")
def get_environment(call: ApiCall) -> JSON:
    """One environment by its name."""
    name = call.args["environment"]
    sql = "SELECT * FROM forge_environments WHERE repo_id = ? AND name = ?"
    return _environment(call, call.s.row_or_404(sql, call.repo["id"], name))


@route("PUT", f"{_REPO}/environments/<path:environment>", administration="write")
def put_environment(call: ApiCall) -> JSON:
    """Make sure of an environment; rules of its own it has none here."""
    return _environment(call, environment(call.s, call.repo, call.args["environment"]))
