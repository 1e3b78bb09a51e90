"""Alerts of code scanning, Dependabot and secret scanning: raised and ended by scenarios, shown by the API.

Nothing is scanned here: `create` makes an alert, and it stays until `fix`.
Sources: GitHub's OpenAPI description (as githubkit's models have it) and the examples of octokit/webhooks.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pressplay import names
from pressplay.errors import InputError
from pressplay.sandbox.forge import events, gitdata, shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.store import JSON, Row, Session

CODE, DEPENDABOT, SECRET = "code-scanning", "dependabot", "secret-scanning"
EVENTS = {CODE: "code_scanning_alert", DEPENDABOT: "dependabot_alert", SECRET: "secret_scanning_alert"}
REOPENED = {
    CODE: ("reopened",),
    DEPENDABOT: ("reopened", "reintroduced", "auto_reopened"),
    SECRET: ("reopened",),
}


@dataclass(frozen=True)
class CodeScanning:
    """The content of a code scanning alert. `ref` has the alert; empty: the default branch."""

    rule: str
    severity: str = "error"
    security_severity: str | None = "high"
    description: str = "A weakness"
    help: str = ""
    tool: str = "CodeQL"
    path: str = "README.md"
    line: int = 1
    end_line: int | None = None
    message: str = "This is weak."
    ref: str = ""


@dataclass(frozen=True)
class Dependabot:
    """What a Dependabot alert says. `patched` is None if no version is without the fault."""

    package: str
    ecosystem: str = "pip"
    manifest: str = "requirements.txt"
    severity: str = "high"
    summary: str = "A vulnerable dependency"
    description: str = "It is vulnerable."
    vulnerable: str = "< 2.0.0"
    patched: str | None = "2.0.0"
    ghsa: str = ""
    cve: str | None = None
    scope: str = "runtime"


@dataclass(frozen=True)
class SecretScanning:
    """What a secret scanning alert says, the secret itself included, as GitHub's API does.

    A location is {"path", "line", "commit"?} of a file, or {"issue": number} of an issue's body.
    """

    secret: str
    secret_type: str = "github_personal_access_token"  # noqa: S105 - the name of a type
    display_name: str = "GitHub Personal Access Token"
    validity: str = "unknown"
    locations: Sequence[Mapping[str, Any]] = ()


_FIELDS: dict[str, type[CodeScanning | Dependabot | SecretScanning]] = {
    CODE: CodeScanning,
    DEPENDABOT: Dependabot,
    SECRET: SecretScanning,
}


def _kind(kind: str) -> str:
    if kind not in EVENTS:
        raise InputError(f"alert of kind {kind!r}: expected one of {', '.join(EVENTS)}")
    return kind


def create(s: Session, repo: Row, kind: str, fields: Mapping[str, Any]) -> int:
    """Raise an alert; its number, counted for each kind. InputError for a kind, field or ref that is not known."""
    of = _FIELDS[_kind(kind)]
    known = {field.name for field in dataclasses.fields(of)}
    if unknown := sorted(fields.keys() - known):
        raise InputError(f"{kind} alert: unknown {', '.join(unknown)}; expected some of {', '.join(sorted(known))}")
    try:
        given = of(**fields)
    except TypeError as error:
        raise InputError(f"{kind} alert: {error}") from error
    newest = s.row(
        "SELECT COALESCE(MAX(number), 0) AS n FROM forge_alerts WHERE repo_id = ? AND kind = ?", repo["id"], kind
    )
    instances: list[JSON] = []
    if isinstance(given, CodeScanning):
        instances.append(_instance(s, repo, given.ref))
    elif isinstance(given, SecretScanning):
        for place in given.locations:
            _location(s, repo, place)
    number = int(newest["n"]) + 1
    s.insert(
        "forge_alerts",
        repo_id=repo["id"],
        kind=kind,
        number=number,
        state="open",
        fields=dataclasses.asdict(given),
        instances=instances,
        created_at=s.now,
        updated_at=s.now,
    )
    row = get(s, repo, kind, number)
    _announce(s, repo, row, "created", _github(s))
    if isinstance(given, SecretScanning):
        for place in given.locations:
            events.emit(
                s,
                "secret_scanning_alert_location",
                repo,
                _github(s),
                action="created",
                alert=_webhook(s, repo, row),
                location=_location(s, repo, place),
            )
    return number


def disable(s: Session, repo: Row, kind: str) -> None:
    """Switch a kind of alerts off for a repository."""
    s.run("INSERT OR IGNORE INTO forge_disabled (repo_id, kind) VALUES (?, ?)", repo["id"], _kind(kind))


def get(s: Session, repo: Row, kind: str, number: int) -> Row:
    """An alert's row; InputError if there is none."""
    row = s.one("SELECT * FROM forge_alerts WHERE repo_id = ? AND kind = ? AND number = ?", repo["id"], kind, number)
    if row is None:
        raise InputError(f"{kind} alert {number} of {repo['full_name']}: there is none; create_alert comes first")
    return row


def fix(s: Session, repo: Row, kind: str, number: int, ref: str) -> None:
    """End an alert as a scan does that no longer has it (or, for a secret, as its owner does who revoked it).

    For code scanning it ends at one ref, by default the default branch; the alert is fixed once it ended at all refs.
    """
    row = get(s, repo, _kind(kind), number)
    if kind == SECRET:
        close(s, repo, row, "resolved", "revoked", None, s.user(repo["owner_id"]), "resolved")
        return
    if kind == CODE:
        at = _instance(s, repo, ref)
        kept = [place for place in json.loads(row["instances"]) if place["ref"] != at["ref"]]
        instances = [*kept, {**at, "state": "fixed"}]
        _keep(s, row, instances)
        row = get(s, repo, kind, number)
        if any(place["state"] == "open" for place in instances):
            _announce(s, repo, row, "fixed", _github(s))
            return
    close(s, repo, row, "fixed", None, None, None, "fixed")


def reopen(s: Session, repo: Row, kind: str, number: int, action: str, ref: str) -> None:
    """Open an ended alert again, by an action of its kind (`REOPENED`). InputError for another."""
    row = get(s, repo, _kind(kind), number)
    if action not in REOPENED[kind]:
        raise InputError(f"{kind} alert: action {action!r}; expected one of {', '.join(REOPENED[kind])}")
    if kind == CODE:
        _seen(s, repo, row, ref)
    open_again(s, repo, row, _github(s), action)


def appear(s: Session, repo: Row, number: int, ref: str) -> None:
    """A code scanning alert appears in another branch."""
    row = get(s, repo, CODE, number)
    _seen(s, repo, row, ref)
    _announce(s, repo, get(s, repo, CODE, number), "appeared_in_branch", _github(s))


def _seen(s: Session, repo: Row, row: Row, ref: str) -> None:
    at = _instance(s, repo, ref)
    instances = [*(place for place in json.loads(row["instances"]) if place["ref"] != at["ref"]), at]
    _keep(s, row, instances)


def _keep(s: Session, row: Row, instances: list[JSON]) -> None:
    text = json.dumps(instances)
    s.run("UPDATE forge_alerts SET instances = ?, updated_at = ? WHERE id = ?", text, s.now, row["id"])


def close(
    s: Session,
    repo: Row,
    row: Row,
    state: str,
    reason: str | None,
    comment: str | None,
    by: Row | None,
    action: str,
) -> None:
    """End an alert: fixed, dismissed, resolved; by a person, or by a scan where `by` is None."""
    s.run(
        "UPDATE forge_alerts SET state = ?, reason = ?, comment = ?, closed_by = ?, closed_at = ?, updated_at = ?"
        " WHERE id = ?",
        state,
        reason,
        comment,
        by["id"] if by is not None else None,
        s.now,
        s.now,
        row["id"],
    )
    _announce(s, repo, get(s, repo, row["kind"], row["number"]), action, by if by is not None else _github(s))


def open_again(s: Session, repo: Row, row: Row, by: Row, action: str) -> None:
    """Open an alert again."""
    s.run(
        "UPDATE forge_alerts SET state = 'open', reason = NULL, comment = NULL, closed_by = NULL, closed_at = NULL,"
        " updated_at = ? WHERE id = ?",
        s.now,
        row["id"],
    )
    _announce(s, repo, get(s, repo, row["kind"], row["number"]), action, by)


def _github(s: Session) -> Row:
    """Who sends what nobody did: GitHub itself, as its examples show."""
    if s.one("SELECT 1 FROM forge_users WHERE login = 'github'") is None:
        s.insert("forge_users", login="github", type="Organization", created_at=s.now)
    return s.row("SELECT * FROM forge_users WHERE login = 'github'")


def _announce(s: Session, repo: Row, row: Row, action: str, sender: Row) -> None:
    more: JSON = {}
    if row["kind"] == CODE:
        newest = json.loads(row["instances"])[-1]
        more = {"ref": newest["ref"], "commit_oid": newest["commit"]}
    events.emit(s, EVENTS[row["kind"]], repo, sender, action=action, alert=_webhook(s, repo, row), **more)


def _webhook(s: Session, repo: Row, row: Row) -> JSON:
    """An alert as webhooks have it: never with the secret."""
    shown = shape(s, repo, row)
    for name in ("secret", "first_location_detected", "has_more_locations", "is_base64_encoded", "state"):
        if row["kind"] == SECRET:
            shown.pop(name)
    return shown


def full_ref(repo: Row, ref: str) -> str:
    """A ref in full: `""` is the default branch, a bare name a branch."""
    if ref.startswith("refs/"):
        return ref
    return f"refs/heads/{ref or repo['default_branch']}"


def _instance(s: Session, repo: Row, ref: str) -> JSON:
    full = full_ref(repo, ref)
    parts = full.split("/")
    if parts[1] == "pull" and len(parts) == 4 and parts[2].isdecimal():
        pull = s.one(f"{shapes.PULL} WHERE i.repo_id = ? AND i.number = ?", repo["id"], int(parts[2]))
        commit = pull["head_sha"] if pull else None
    else:
        commit = gitdata.ref(s.git(repo), full)
    if commit is None:
        raise InputError(f"ref {ref!r}: {repo['full_name']} has none; expected a branch or refs/pull/<number>/merge")
    return {"ref": full, "commit": commit, "state": "open"}


def _location(s: Session, repo: Row, place: Mapping[str, Any]) -> JSON:
    if "issue" in place:
        url = f"{shapes.repo_url(s, repo)}/issues/{place['issue']}"
        return {"type": "issue_body", "details": {"issue_body_url": url}}
    if "path" not in place:
        raise InputError('location of a secret: expected {"path", "line", "commit"?} or {"issue"}')
    git = s.git(repo)
    sha = place.get("commit") or gitdata.ref(git, f"refs/heads/{repo['default_branch']}") or gitdata.ZERO
    try:
        blob = gitdata.entry(gitdata.commit(git, sha).tree, place["path"])
    except ApiError:
        blob = None
    if blob is None:
        raise InputError(f"location of a secret: no file {place['path']!r} at commit {sha}")
    line, path = place.get("line", 1), quote(place["path"])
    details = {
        "path": place["path"],
        "start_line": line,
        "end_line": line,
        "start_column": 1,
        "end_column": 40,
        "blob_sha": str(blob.id),
        "blob_url": f"{shapes.repo_url(s, repo)}/git/blobs/{blob.id}",
        "commit_sha": sha,
        "commit_url": f"{shapes.repo_url(s, repo)}/git/commits/{sha}",
        "html_url": f"{shapes.repo_page(s, repo)}/blob/{sha}/{path}#L{line}",
    }
    return {"type": "commit", "details": details}


def locations(s: Session, repo: Row, row: Row) -> list[JSON]:
    """The locations of a secret."""
    return [_location(s, repo, place) for place in json.loads(row["fields"])["locations"]]


def instance(row: Row, place: JSON) -> JSON:
    """A CodeScanningAlertInstance: the alert at one ref."""
    fields = json.loads(row["fields"])
    return {
        "ref": place["ref"],
        "analysis_key": ".github/workflows/codeql.yml:analyze",
        "environment": "{}",
        "category": ".github/workflows/codeql.yml:analyze",
        "state": place["state"] if row["state"] != "dismissed" else "dismissed",
        "commit_sha": place["commit"],
        "message": {"text": fields["message"]},
        "location": {
            "path": fields["path"],
            "start_line": fields["line"],
            "end_line": fields["end_line"] or fields["line"],
            "start_column": 1,
            "end_column": 10,
        },
        "classifications": [],
    }


def shape(s: Session, repo: Row, row: Row, ref: str = "") -> JSON:
    """An alert as the API has it, of code scanning with its instance at `ref` (or its newest)."""
    fields: JSON = json.loads(row["fields"])
    path = f"{row['kind']}/alerts/{row['number']}"
    shown: JSON = {
        "number": row["number"],
        "state": row["state"],
        "url": f"{shapes.repo_url(s, repo)}/{path}",
        "html_url": f"{shapes.repo_page(s, repo)}/security/{row['kind']}/{row['number']}",
        "created_at": shapes.when(row["created_at"]),
        "updated_at": shapes.when(row["updated_at"]),
    }
    if row["kind"] == SECRET:
        return {**shown, **_secret(s, repo, row, fields)}
    dismissed = row["state"] == "dismissed"
    by = shapes.user_id(s, row["closed_by"]) if dismissed else None
    shown |= {
        "fixed_at": shapes.when(row["closed_at"]) if row["state"] == "fixed" else None,
        "dismissed_by": by,
        "dismissed_at": shapes.when(row["closed_at"]) if dismissed else None,
        "dismissed_reason": row["reason"] if dismissed else None,
        "dismissed_comment": row["comment"] if dismissed else None,
        "assignees": [],
    }
    if row["kind"] == DEPENDABOT:
        return {**shown, **_dependabot(row, fields)}
    instances = json.loads(row["instances"])
    here = next((place for place in instances if place["ref"] == ref), instances[-1])
    return {
        **shown,
        "instances_url": f"{shown['url']}/instances",
        "rule": {
            "id": fields["rule"],
            "name": fields["rule"],
            "severity": fields["severity"],
            "security_severity_level": fields["security_severity"],
            "description": fields["description"],
            "full_description": fields["description"],
            "tags": ["security"],
            "help": fields["help"],
            "help_uri": "",
        },
        "tool": {"name": fields["tool"], "guid": None, "version": "2.0.0"},
        "most_recent_instance": instance(row, here),
    }


def _dependabot(row: Row, fields: JSON) -> JSON:
    package = {"ecosystem": fields["ecosystem"], "name": fields["package"]}
    digest = names.digest("advisory", fields["ecosystem"], fields["package"], fields["vulnerable"], length=12)
    ghsa = fields["ghsa"] or f"GHSA-{digest[:4]}-{digest[4:8]}-{digest[8:]}"
    vulnerability = {
        "package": package,
        "severity": fields["severity"],
        "vulnerable_version_range": fields["vulnerable"],
        "first_patched_version": {"identifier": fields["patched"]} if fields["patched"] else None,
    }
    identifiers = [("GHSA", ghsa), ("CVE", fields["cve"])]
    at = shapes.when(row["created_at"])
    return {
        "dependency": {
            "package": package,
            "manifest_path": fields["manifest"],
            "scope": fields["scope"],
            "relationship": "direct",
        },
        "security_advisory": {
            "ghsa_id": ghsa,
            "cve_id": fields["cve"],
            "summary": fields["summary"],
            "description": fields["description"],
            "severity": fields["severity"],
            "vulnerabilities": [vulnerability],
            "cwes": [],
            "identifiers": [{"type": kind, "value": value} for kind, value in identifiers if value],
            "references": [{"url": f"https://github.com/advisories/{ghsa}"}],
            "published_at": at,
            "updated_at": at,
            "withdrawn_at": None,
        },
        "security_vulnerability": vulnerability,
        "auto_dismissed_at": None,
    }


def _secret(s: Session, repo: Row, row: Row, fields: JSON) -> JSON:
    places = fields["locations"]
    blank = dict.fromkeys(
        (
            "push_protection_bypassed_by",
            "push_protection_bypassed_at",
            "push_protection_bypass_request_reviewer",
            "push_protection_bypass_request_reviewer_comment",
            "push_protection_bypass_request_comment",
            "push_protection_bypass_request_html_url",
        )
    )
    return {
        "locations_url": f"{shapes.repo_url(s, repo)}/secret-scanning/alerts/{row['number']}/locations",
        "resolution": row["reason"],
        "resolved_at": shapes.when(row["closed_at"]),
        "resolved_by": shapes.user_id(s, row["closed_by"]) if row["closed_by"] is not None else None,
        "resolution_comment": row["comment"],
        "secret_type": fields["secret_type"],
        "secret_type_display_name": fields["display_name"],
        "secret": fields["secret"],
        "validity": "inactive" if row["reason"] == "revoked" else fields["validity"],
        "push_protection_bypassed": False,
        **blank,
        "publicly_leaked": False,
        "multi_repo": False,
        "is_base64_encoded": False,
        "first_location_detected": _location(s, repo, places[0])["details"] if places else None,
        "has_more_locations": len(places) > 1,
    }
