"""Webhooks: an App's own and repositories'."""

from __future__ import annotations

import json

from pressplay.sandbox.forge import hooks
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, Row

_HOOKS = "/repos/<owner>/<name>/hooks"


def _of_app(call: ApiCall) -> Row:
    return call.s.row_or_404("SELECT * FROM forge_hooks WHERE app_id = ?", call.app["id"])


def _of_repo(call: ApiCall) -> Row:
    sql = "SELECT * FROM forge_hooks WHERE repo_id = ? AND id = ?"
    return call.s.row_or_404(sql, call.repo["id"], call.args["number"])


def _newest(call: ApiCall, row: Row) -> list[JSON]:
    """The first page: more of them nobody here asks for."""
    size = call.query.get("per_page", "")
    return hooks.deliveries(call.s, row["id"], min(int(size), 100) if size.isdecimal() else 30)


@route("GET", "/app/hook/config", auth="app")
def get_app_hook(call: ApiCall) -> JSON:
    """The configuration of the asking App's webhook."""
    return hooks.config_of(_of_app(call))


@route("PATCH", "/app/hook/config", auth="app")
def update_app_hook(call: ApiCall) -> JSON:
    """Change it; what is not given stays."""
    hooks.update(call.s, _of_app(call), hooks.given(call.fields))
    return hooks.config_of(_of_app(call))


@route("GET", "/app/hook/deliveries", auth="app")
def app_deliveries(call: ApiCall) -> list[JSON]:
    """What the asking App's webhook delivered, newest first."""
    return _newest(call, _of_app(call))


@route("GET", _HOOKS, repository_hooks="read", role="admin")
def list_hooks(call: ApiCall) -> list[JSON]:
    """A repository's webhooks."""
    rows = call.s.all("SELECT * FROM forge_hooks WHERE repo_id = ? ORDER BY id", call.repo["id"])
    return [hooks.shown(call.s, call.repo, row) for row in call.page(rows)]


@route("POST", _HOOKS, repository_hooks="write", role="admin")
def create_hook(call: ApiCall) -> ApiAnswer:
    """Make a repository's webhook."""
    config, active = call.need("config", dict), call.get("active", bool, True)
    row = hooks.of_repo(call.s, call.repo, config, call.get("events", list, ["push"]), active=active)
    return ApiAnswer(201, hooks.shown(call.s, call.repo, row))


@route("GET", f"{_HOOKS}/<int:number>", repository_hooks="read", role="admin")
def get_hook(call: ApiCall) -> JSON:
    """One webhook of a repository."""
    return hooks.shown(call.s, call.repo, _of_repo(call))


@route("PATCH", f"{_HOOKS}/<int:number>", repository_hooks="write", role="admin")
def update_hook(call: ApiCall) -> JSON:
    """Change a repository's webhook; what is not given stays."""
    row = _of_repo(call)
    fields = hooks.given(call.get("config", dict, {}))
    if "active" in call.fields:
        fields["active"] = int(call.need("active", bool))
    if "events" in call.fields:
        fields["events"] = json.dumps(call.need("events", list))
    hooks.update(call.s, row, fields)
    return hooks.shown(call.s, call.repo, _of_repo(call))


@route("GET", f"{_HOOKS}/<int:number>/deliveries", repository_hooks="read", role="admin")
def hook_deliveries(call: ApiCall) -> list[JSON]:
    """What a repository's webhook delivered, newest first."""
    return _newest(call, _of_repo(call))
