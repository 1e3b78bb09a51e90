"""Alerts of code scanning, Dependabot and secret scanning: list, get, locations, and changes by people."""

from __future__ import annotations

import json

from pressplay.sandbox.forge import alerts
from pressplay.sandbox.forge.alerts import CODE, DEPENDABOT, SECRET
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import ApiCall, route
from pressplay.sandbox.forge.store import JSON, Row

_REPO = "/repos/<owner>/<name>"
_DISABLED = {
    CODE: (
        403,
        "Code scanning is not enabled for this repository. Please enable it in the repository settings.",
    ),
    DEPENDABOT: (403, "Dependabot alerts are disabled for this repository."),
    SECRET: (404, "Secret scanning is disabled on this repository."),
}
_CODE_REASONS = ("false positive", "won't fix", "used in tests")
_DEPENDABOT_REASONS = ("fix_started", "inaccurate", "no_bandwidth", "not_used", "tolerable_risk")
_RESOLUTIONS = ("false_positive", "wont_fix", "revoked", "used_in_tests")


def _all(call: ApiCall, kind: str) -> list[Row]:
    """All alerts of a kind, as the query sorts them; refused where the feature is off."""
    s = call.s
    if s.one("SELECT 1 FROM forge_disabled WHERE repo_id = ? AND kind = ?", call.repo["id"], kind):
        raise ApiError(*_DISABLED[kind])
    column = "updated_at" if call.query.get("sort") == "updated" else "created_at"
    order = "ASC" if call.query.get("direction") == "asc" else "DESC"
    rows = s.all(
        f"SELECT * FROM forge_alerts WHERE repo_id = ? AND kind = ? ORDER BY {column} {order}, number {order}",  # noqa: S608 - our own names
        call.repo["id"],
        kind,
    )
    if kind == CODE and not rows:
        raise ApiError(404, "no analysis found")
    return rows


def _state(call: ApiCall, rows: list[Row]) -> list[Row]:
    wanted = {state for state in call.query.get("state", "").split(",") if state}
    if "closed" in wanted:
        wanted |= {"dismissed", "fixed"}
    return [row for row in rows if not wanted or row["state"] in wanted]


def _where(rows: list[Row], call: ApiCall, **queries: str) -> list[Row]:
    """The rows whose fields are among what the query names."""
    for key, field in queries.items():
        wanted = {value for value in call.query.get(key, "").split(",") if value}
        rows = [row for row in rows if not wanted or json.loads(row["fields"])[field] in wanted]
    return rows


def _one(call: ApiCall, kind: str) -> Row:
    _all(call, kind)
    row = call.s.one(
        "SELECT * FROM forge_alerts WHERE repo_id = ? AND kind = ? AND number = ?",
        call.repo["id"],
        kind,
        call.args["number"],
    )
    if row is None:
        raise ApiError(404, f"No alert found for alert number {call.args['number']}")
    return row


@route("GET", f"{_REPO}/code-scanning/alerts", role="write", security_events="read")
def list_code_alerts(call: ApiCall) -> list[JSON]:
    """Code scanning's alerts at a ref (the default branch unless given), newest first, page by page."""
    rows = _all(call, CODE)
    ref = alerts.full_ref(call.repo, call.query.get("ref", ""))
    if call.query.get("pr"):
        ref = f"refs/pull/{call.query['pr']}/merge"
    rows = [row for row in rows if any(place["ref"] == ref for place in json.loads(row["instances"]))]
    rows = _where(rows, call, tool_name="tool")
    if call.query.get("severity"):
        wanted = call.query["severity"]
        rows = [row for row in rows if wanted in _severities(row)]
    return [alerts.shape(call.s, call.repo, row, ref) for row in call.page(_state(call, rows))]


def _severities(row: Row) -> tuple[str, str | None]:
    fields = json.loads(row["fields"])
    return fields["severity"], fields["security_severity"]


@route("GET", f"{_REPO}/code-scanning/alerts/<int:number>", role="write", security_events="read")
def get_code_alert(call: ApiCall) -> JSON:
    """One alert of code scanning."""
    return alerts.shape(call.s, call.repo, _one(call, CODE), alerts.full_ref(call.repo, ""))


@route("GET", f"{_REPO}/code-scanning/alerts/<int:number>/instances", role="write", security_events="read")
def code_alert_instances(call: ApiCall) -> list[JSON]:
    """The instances of a code scanning alert."""
    row = _one(call, CODE)
    instances = json.loads(row["instances"])
    if call.query.get("ref"):
        instances = [
            instance for instance in instances if instance["ref"] == alerts.full_ref(call.repo, call.query["ref"])
        ]
    return [alerts.instance(row, instance) for instance in call.page(instances)]


@route("PATCH", f"{_REPO}/code-scanning/alerts/<int:number>", security_events="write")
def update_code_alert(call: ApiCall) -> JSON:
    """Dismiss an alert of code scanning, or open it again."""
    row = _one(call, CODE)
    _judge(call, row, _CODE_REASONS, "closed_by_user", "reopened_by_user")
    return get_code_alert(call)


def _judge(call: ApiCall, row: Row, reasons: tuple[str, ...], closed: str, opened: str) -> None:
    state, by = call.need("state", str), call.s.acting_user()
    if state not in ("open", "dismissed"):
        raise ApiError(422, "Invalid request.\n\nstate must be open or dismissed")
    if state == "dismissed":
        reason = call.need("dismissed_reason", str)
        if reason not in reasons:
            raise ApiError(422, f"Invalid request.\n\ndismissed_reason must be one of {', '.join(reasons)}")
        comment = call.get("dismissed_comment", str, "") or None
        alerts.close(call.s, call.repo, row, "dismissed", reason, comment, by, closed)
    elif row["state"] == "dismissed":
        alerts.open_again(call.s, call.repo, row, by, opened)
    elif row["state"] == "fixed":
        raise ApiError(403, "Alert is already closed")


@route("GET", f"{_REPO}/dependabot/alerts", role="write", vulnerability_alerts="read")
def list_dependabot_alerts(call: ApiCall) -> list[JSON]:
    """Dependabot's alerts, newest first, by cursor alone: GitHub refuses `page` here."""
    if "page" in call.query:
        raise ApiError(400, "Pagination using the `page` parameter is not supported.")
    names = {"severity": "severity", "ecosystem": "ecosystem", "package": "package", "manifest": "manifest"}
    everything = _all(call, DEPENDABOT)
    rows = _where(_state(call, everything), call, **names, scope="scope")
    return [alerts.shape(call.s, call.repo, row) for row in call.cursor(rows, everything)]


@route("GET", f"{_REPO}/dependabot/alerts/<int:number>", role="write", vulnerability_alerts="read")
def get_dependabot_alert(call: ApiCall) -> JSON:
    """One alert of Dependabot's."""
    return alerts.shape(call.s, call.repo, _one(call, DEPENDABOT))


@route("PATCH", f"{_REPO}/dependabot/alerts/<int:number>", vulnerability_alerts="write")
def update_dependabot_alert(call: ApiCall) -> JSON:
    """Dismiss an alert of Dependabot's, or open it again."""
    _judge(call, _one(call, DEPENDABOT), _DEPENDABOT_REASONS, "dismissed", "reopened")
    return get_dependabot_alert(call)


@route("GET", f"{_REPO}/secret-scanning/alerts", role="admin", secret_scanning_alerts="read")  # noqa: S106 - a permission
def list_secret_alerts(call: ApiCall) -> list[JSON]:
    """Secret scanning's alerts, newest first, by page or cursor, the secrets with them unless `hide_secret`."""
    rows = _where(_state(call, _all(call, SECRET)), call, secret_type="secret_type")  # noqa: S106 - the name of a field
    if call.query.get("resolution"):
        rows = [row for row in rows if row["reason"] in call.query["resolution"].split(",")]
    by_cursor = {"after", "before"} & call.query.keys()
    return [_shown(call, row) for row in (call.cursor(rows, _all(call, SECRET)) if by_cursor else call.page(rows))]


def _shown(call: ApiCall, row: Row) -> JSON:
    shown = alerts.shape(call.s, call.repo, row)
    if call.query.get("hide_secret") == "true":
        del shown["secret"]
    return shown


@route("GET", f"{_REPO}/secret-scanning/alerts/<int:number>", role="admin", secret_scanning_alerts="read")  # noqa: S106 - a permission
def get_secret_alert(call: ApiCall) -> JSON:
    """One alert of secret scanning, the secret with it unless `hide_secret`."""
    return _shown(call, _one(call, SECRET))


@route("GET", f"{_REPO}/secret-scanning/alerts/<int:number>/locations", role="admin", secret_scanning_alerts="read")  # noqa: S106 - a permission
def secret_alert_locations(call: ApiCall) -> list[JSON]:
    """The locations of a secret."""
    return call.page(alerts.locations(call.s, call.repo, _one(call, SECRET)))


@route("PATCH", f"{_REPO}/secret-scanning/alerts/<int:number>", role="admin", secret_scanning_alerts="write")  # noqa: S106 - a permission
def update_secret_alert(call: ApiCall) -> JSON:
    """Resolve an alert of secret scanning, or open it again."""
    row, state, by = _one(call, SECRET), call.need("state", str), call.s.acting_user()
    if state not in ("open", "resolved"):
        raise ApiError(422, "Invalid request.\n\nstate must be open or resolved")
    if state == "resolved":
        resolution = call.need("resolution", str)
        if resolution not in _RESOLUTIONS:
            raise ApiError(422, f"Invalid request.\n\nresolution must be one of {', '.join(_RESOLUTIONS)}")
        comment = call.get("resolution_comment", str, "") or None
        alerts.close(call.s, call.repo, row, "resolved", resolution, comment, by, "resolved")
    elif row["state"] == "resolved":
        alerts.open_again(call.s, call.repo, row, by, "reopened")
    return _shown(call, _one(call, SECRET))
