"""Apps, installations, tokens, users and the rate limit."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime

from pressplay.sandbox.forge import shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, permitted_repo, refuse_suspended, route, token_hash
from pressplay.sandbox.forge.meter import RESOURCES
from pressplay.sandbox.forge.store import JSON, LEVELS, Row, at_least

TOKEN_SECONDS = 3600


@route("GET", "/app", auth="app")
def get_app(call: ApiCall) -> JSON:
    """The App that asks."""
    return shapes.app(call.s, call.app)


@route("GET", "/app/installations", auth="app")
def list_installations(call: ApiCall) -> list[JSON]:
    """The App's installations."""
    rows = call.s.all("SELECT * FROM forge_installations WHERE app_id = ? ORDER BY id", call.app["id"])
    return [shapes.installation(call.s, row) for row in call.page(rows)]


@route("GET", "/apps/<slug>", auth="any")
def get_app_by_slug(call: ApiCall) -> JSON:
    """An App by its slug."""
    row = call.s.row_or_404("SELECT * FROM forge_apps WHERE slug = ?", call.args["slug"])
    return shapes.app(call.s, row)


@route("GET", "/app/installations/<int:number>", auth="app")
def get_installation(call: ApiCall) -> JSON:
    """One installation of the App that asks."""
    return shapes.installation(call.s, _own_installation(call))


@route("GET", "/repos/<owner>/<name>/installation", auth="app")
def get_repo_installation(call: ApiCall) -> JSON:
    """The installation on a repository of the App that asks."""
    row = call.s.row_or_404(
        "SELECT i.* FROM forge_installations i JOIN forge_installation_repos r ON r.installation_id = i.id"
        " JOIN forge_repos p ON p.id = r.repo_id WHERE i.app_id = ? AND p.full_name = ?",
        call.app["id"],
        f"{call.args['owner']}/{call.args['name']}",
    )
    return shapes.installation(call.s, row)


def _own_installation(call: ApiCall) -> Row:
    return call.s.row_or_404(
        "SELECT * FROM forge_installations WHERE id = ? AND app_id = ?", call.args["number"], call.app["id"]
    )


@route("POST", "/app/installations/<int:number>/access_tokens", auth="app")
def create_token(call: ApiCall) -> ApiAnswer:
    """A token for an installation, narrowed to repositories and permissions where those are given."""
    s = call.s
    row = _own_installation(call)
    refuse_suspended(s, row)
    installed = s.all(
        "SELECT r.* FROM forge_installation_repos i JOIN forge_repos r ON r.id = i.repo_id WHERE i.installation_id = ?"
        " ORDER BY r.id",
        row["id"],
    )
    names, ids = call.get("repositories", list, []), call.get("repository_ids", list, [])
    chosen = installed
    if names or ids:
        by_name = {repo["full_name"].partition("/")[2].lower(): repo for repo in installed}
        by_id = {repo["id"]: repo for repo in installed}
        try:
            chosen = [by_name[str(name).lower()] for name in names] + [by_id[number] for number in ids]
        except (KeyError, TypeError):
            raise ApiError(
                422,
                "There is at least one repository that does not exist or is not accessible to the parent installation.",
            ) from None
    granted: dict[str, str] = {"metadata": "read", **json.loads(call.app["permissions"])}
    asked: dict[str, str] = call.get("permissions", dict, {})
    if not all(at_least(granted.get(name), level, LEVELS) for name, level in asked.items()):
        raise ApiError(422, "The permissions requested are not granted to this installation.")
    permissions = {**asked, "metadata": "read"} if asked else granted
    token = f"ghs_{secrets.token_urlsafe(27)}"
    expires = s.now + TOKEN_SECONDS
    s.run("DELETE FROM forge_tokens WHERE expires_at < ?", s.now)
    s.insert(
        "forge_tokens",
        hash=token_hash(token),
        installation_id=row["id"],
        repo_ids=[repo["id"] for repo in chosen],
        permissions=permissions,
        expires_at=expires,
    )
    body = {
        "token": token,
        "expires_at": shapes.when(expires),
        "permissions": permissions,
        "repository_selection": "selected",
        "repositories": [shapes.repository(s, repo) for repo in chosen] if names or ids else None,
    }
    return ApiAnswer(201, {key: value for key, value in body.items() if value is not None})


@route("DELETE", "/installation/token", auth="any")
def revoke_token(call: ApiCall) -> ApiAnswer:
    """Revoke the token that asks."""
    if call.s.actor.installation is None:
        raise ApiError(403, "Resource not accessible by personal access token")
    call.s.run("DELETE FROM forge_tokens WHERE hash = ?", call.s.actor.key)
    return ApiAnswer(204)


@route("GET", "/installation/repositories", auth="any")
def installation_repositories(call: ApiCall) -> JSON:
    """The repositories that the asking token sees."""
    actor = call.s.actor
    if actor.installation is None:
        raise ApiError(403, "You must authenticate with an installation access token")
    rows = [call.s.repo(number) for number in sorted(actor.repo_ids)]
    return {
        "total_count": len(rows),
        "repository_selection": "selected",
        "repositories": [shapes.repository(call.s, row) for row in call.page(rows)],
    }


@route("GET", "/user", auth="user")
def get_own_user(call: ApiCall) -> JSON:
    """The user that asks."""
    if call.s.actor.app is not None:
        raise ApiError(403, "Resource not accessible by integration")
    return shapes.page_of_user(call.s, call.s.acting_user())


@route("GET", "/users/<login>", auth="any")
def get_user(call: ApiCall) -> JSON:
    """A user or a bot by login."""
    row = call.s.row_or_404("SELECT * FROM forge_users WHERE login = ?", call.args["login"])
    return shapes.page_of_user(call.s, row)


@route("GET", "/rate_limit", auth="any")
def rate_limit(call: ApiCall) -> JSON:
    """How much of the hour's requests is left; asking counts for nothing."""
    meter, now = call.s.store.meter, call.s.now
    rates = {}
    for resource in RESOURCES:
        used = meter.add(call.s.actor.key, resource, now, 0)
        rates[resource] = {
            "limit": meter.limit,
            "remaining": max(meter.limit - used, 0),
            "reset": int(now // 3600 + 1) * 3600,
            "used": used,
            "resource": resource,
        }
    return {"resources": {**rates, "search": rates["core"]}, "rate": rates["core"]}


@route("GET", "/meta", auth="none")
def meta(call: ApiCall) -> ApiAnswer:
    """What the server says of itself, and by its clock."""
    date = format_datetime(datetime.fromtimestamp(int(call.s.now), UTC), usegmt=True)
    return ApiAnswer(200, {"verifiable_password_authentication": False}, {"Date": date})


@route("GET", "/repos/<owner>/<name>/collaborators/<login>/permission", metadata="read")
def permission(call: ApiCall) -> JSON:
    """What a user may do in the repository."""
    row = call.s.row_or_404("SELECT * FROM forge_users WHERE login = ?", call.args["login"])
    role = call.s.role(call.repo, row)
    coarse = {"triage": "read", "maintain": "write"}.get(role, role)
    return {"permission": coarse, "role_name": role, "user": {**shapes.user(call.s, row), "role_name": role}}


@route("GET", "/repositories/<int:number>", auth="any")
def repository_by_id(call: ApiCall) -> JSON:
    """A repository by id."""
    row = call.s.repo(call.args["number"])
    return shapes.repository(call.s, permitted_repo(call.s, row["full_name"], (("metadata", "read"),), "read"))
