"""Rulesets, and the rules that hold on a branch."""

from __future__ import annotations

import json

from pressplay.sandbox.forge import fnmatch, rules, shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, LEVELS, Row, Session, at_least

_REPO = "/repos/<owner>/<name>"


def _row(call: ApiCall) -> Row:
    return call.s.row_or_404(
        "SELECT * FROM forge_rulesets WHERE repo_id = ? AND id = ?", call.repo["id"], call.args["number"]
    )


def _shown(call: ApiCall, row: Row) -> JSON:
    answer = shapes.ruleset(call.s, call.repo, row, full=True)
    actor = call.s.actor
    mode = rules.bypass_mode(call.s, call.repo, row, actor)
    answer["current_user_can_bypass"] = {None: "never", "pull_request": "pull_requests_only"}.get(mode, "always")
    administers = (
        at_least(actor.permissions.get("administration"), "write", LEVELS)
        if actor.permissions is not None
        else actor.user is not None and call.s.role(call.repo, actor.user) == "admin"
    )
    if administers:
        answer["bypass_actors"] = json.loads(row["bypass_actors"])
    return answer


@route("GET", f"{_REPO}/rulesets", metadata="read")
def list_rulesets(call: ApiCall) -> list[JSON]:
    """The repository's rulesets, in short."""
    rows = call.s.all("SELECT * FROM forge_rulesets WHERE repo_id = ? ORDER BY id", call.repo["id"])
    return [shapes.ruleset(call.s, call.repo, row, full=False) for row in call.page(rows)]


@route("GET", f"{_REPO}/rulesets/<int:number>", metadata="read")
def get_ruleset(call: ApiCall) -> JSON:
    """One ruleset; its bypass list is shown only to who may change it."""
    return _shown(call, _row(call))


def save(s: Session, repo: Row, fields: JSON, number: int | None) -> int:
    """Create or replace a ruleset after checking its rules; its id."""
    name, enforcement = fields.get("name"), fields.get("enforcement")
    if not isinstance(name, str) or enforcement not in ("active", "disabled", "evaluate"):
        raise ApiError(422, 'Invalid request.\n\n"name" and "enforcement" (active, disabled, evaluate) must be given')
    if fields.get("target", "branch") not in ("branch", "tag", "push"):
        raise ApiError(422, "target must be branch, tag or push")
    for rule in fields.get("rules") or []:
        if not isinstance(rule, dict) or rule.get("type") not in rules.RULE_TYPES:
            kind = rule.get("type") if isinstance(rule, dict) else rule
            raise ApiError(422, f"Invalid rule '{kind}': this forge knows {', '.join(sorted(rules.RULE_TYPES))}")
    names = (fields.get("conditions") or {}).get("ref_name") or {}
    for pattern in (*(names.get("include") or []), *(names.get("exclude") or [])):
        if not isinstance(pattern, str) or fnmatch.unsupported(pattern):
            raise ApiError(422, f"Invalid pattern {pattern!r}: GitHub's fnmatch takes no backslash and no [^…]")
    values = {
        "name": name,
        "target": fields.get("target", "branch"),
        "enforcement": enforcement,
        "conditions": json.dumps(fields.get("conditions") or {"ref_name": {"include": [], "exclude": []}}),
        "rules": json.dumps(fields.get("rules") or []),
        "bypass_actors": json.dumps(fields.get("bypass_actors") or []),
        "updated_at": s.now,
    }
    clash = s.one("SELECT id FROM forge_rulesets WHERE repo_id = ? AND name = ?", repo["id"], name)
    if clash is not None and clash["id"] != number:
        raise ApiError(422, "Name must be unique", [{"resource": "Ruleset", "field": "name", "code": "already_exists"}])
    if number is None:
        return s.insert("forge_rulesets", repo_id=repo["id"], created_at=s.now, **values)
    there = s.one("SELECT * FROM forge_rulesets WHERE id = ?", number)
    if there is not None and all(there[column] == values[column] for column in values if column != "updated_at"):
        return number
    s.run(
        f"UPDATE forge_rulesets SET {', '.join(f'{column} = ?' for column in values)} WHERE id = ?",  # noqa: S608 - our own names
        *values.values(),
        number,
    )
    return number


@route("POST", f"{_REPO}/rulesets", administration="write")
def create_ruleset(call: ApiCall) -> ApiAnswer:
    """Create a ruleset."""
    number = save(call.s, call.repo, call.fields, None)
    row = call.s.row("SELECT * FROM forge_rulesets WHERE id = ?", number)
    return ApiAnswer(201, _shown(call, row))


@route("PUT", f"{_REPO}/rulesets/<int:number>", administration="write")
def update_ruleset(call: ApiCall) -> JSON:
    """Change a ruleset; what is not given stays."""
    row = _row(call)
    kept = {
        "name": row["name"],
        "target": row["target"],
        "enforcement": row["enforcement"],
        **{name: json.loads(row[name]) for name in ("conditions", "rules", "bypass_actors")},
    }
    save(call.s, call.repo, {**kept, **call.fields}, row["id"])
    return _shown(call, _row(call))


@route("DELETE", f"{_REPO}/rulesets/<int:number>", administration="write")
def delete_ruleset(call: ApiCall) -> ApiAnswer:
    """Delete a ruleset."""
    call.s.run("DELETE FROM forge_rulesets WHERE id = ?", _row(call)["id"])
    return ApiAnswer(204)


@route("GET", f"{_REPO}/rules/branches/<path:branch>", metadata="read")
def branch_rules(call: ApiCall) -> list[JSON]:
    """The active rules on a branch, each with the ruleset that it comes from."""
    rules_on_branch = rules.on_branch(call.s, call.repo, call.args["branch"])
    return [
        {
            "type": rule.type,
            **({"parameters": rule.parameters} if rule.parameters else {}),
            "ruleset_source_type": "Repository",
            "ruleset_source": call.repo["full_name"],
            "ruleset_id": rule.ruleset["id"],
        }
        for rule in call.page(rules_on_branch)
    ]
