"""Alerts of code scanning, Dependabot and secret scanning. A secret itself is dropped at the door (R9).

Sources: docs.github.com, REST API endpoints for code scanning, Dependabot alerts and secret scanning (API 2022-11-28),
and GitHub's OpenAPI description of `code-scanning-alert`, `dependabot-alert`, `secret-scanning-alert`, `…-location`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from pressplay.github.calls import Client, GitHubRefused, call, pages

KindName = Literal["code-scanning", "dependabot", "secret-scanning"]
SEVERITIES = ("critical", "high", "medium", "low", "warning", "note", "unknown")
"""Worst first. Code scanning's own `error` counts as high where a rule has no security severity."""


@dataclass(frozen=True)
class Kind:
    """One of GitHub's kinds of alerts."""

    name: KindName
    title: str
    permission: str
    """What an App must be granted to read them."""
    page: str
    """Where they are shown, below `<repository>/security/`."""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("code-scanning", "Code scanning", "security_events", "code-scanning"),
        Kind("dependabot", "Dependabot", "vulnerability_alerts", "dependabot"),
        Kind("secret-scanning", "Secret scanning", "secret_scanning_alerts", "secret-scanning"),
    )
}


@dataclass(frozen=True)
class Location:
    """Where an alert points."""

    path: str
    line: int | None = None
    commit: str = ""


@dataclass(frozen=True)
class Alert:
    """One alert. Its texts come from scanners, advisories and strangers: data, for git alone (R7)."""

    kind: KindName
    number: int
    open: bool
    group: str
    """What is remedied together: the rule, the ecosystem and package, the secret's type."""
    severity: str
    """One of SEVERITIES."""
    title: str = field(repr=False)
    details: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Facts by name, in order: rule, package, vulnerable versions, first patched version …"""
    text: str = field(default="", repr=False)
    """The scanner's or advisory's own description."""
    locations: tuple[Location, ...] = field(default=(), repr=False)


def open_alerts(gh: Client, repo: str, kind: KindName) -> list[Alert] | int:
    """All open alerts of a kind, or GitHub's status (403, 404) if the feature is off or nothing was ever scanned.

    `gh` must have the kind's permission, or the answer looks the same. Secret scanning alerts have no locations here.
    """
    path = f"/repos/{repo}/{kind}/alerts"
    try:
        params: dict[str, str | int] = {"state": "open"}
        if kind == "secret-scanning":
            params["hide_secret"] = "true"  # noqa: S105 - the name of a switch
        return [_READERS[kind](item) for item in pages(gh, path, params)]
    except GitHubRefused as error:
        if error.status in (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND):
            return error.status
        raise


def alert(gh: Client, repo: str, kind: KindName, number: int) -> Alert:
    """One alert with all its locations; GitHubRefused if there is none."""
    path = f"/repos/{repo}/{kind}/alerts/{number}"
    if kind != "secret-scanning":
        return _READERS[kind](call(gh, "GET", path))
    item = call(gh, "GET", path, params={"hide_secret": "true"})
    return _secret(item, tuple(_place(place) for place in pages(gh, f"{path}/locations")))


def _code(item: dict[str, Any]) -> Alert:
    rule, instance = item["rule"], item.get("most_recent_instance") or {}
    named = str(rule.get("id") or rule.get("name") or "unknown")
    place = instance.get("location") or {}
    tool = (item.get("tool") or {}).get("name") or ""
    severity = rule.get("security_severity_level") or {"error": "high"}.get(rule.get("severity"), rule.get("severity"))
    return Alert(
        kind="code-scanning",
        number=item["number"],
        open=item["state"] == "open",
        group=named,
        severity=_severity(severity),
        title=str(rule.get("description") or named),
        details=_facts(("Rule", named), ("Tool", tool), ("Ref", instance.get("ref"))),
        text="\n\n".join(
            str(text) for text in ((instance.get("message") or {}).get("text"), rule.get("full_description")) if text
        ),
        locations=(
            (Location(place["path"], place.get("start_line"), instance.get("commit_sha") or ""),)
            if place.get("path")
            else ()
        ),
    )


def _dependabot(item: dict[str, Any]) -> Alert:
    dependency = item["dependency"]
    package, advisory = dependency["package"], item["security_advisory"]
    vulnerability = item["security_vulnerability"]
    patched = (vulnerability.get("first_patched_version") or {}).get("identifier")
    return Alert(
        kind="dependabot",
        number=item["number"],
        open=item["state"] == "open",
        group=f"{package['ecosystem']}:{package['name']}",
        severity=_severity(vulnerability.get("severity") or advisory.get("severity")),
        title=str(advisory["summary"]),
        details=_facts(
            ("Ecosystem", package["ecosystem"]),
            ("Package", package["name"]),
            ("Vulnerable versions", vulnerability.get("vulnerable_version_range")),
            ("First patched version", patched or "none yet"),
            ("Advisory", advisory.get("ghsa_id")),
            ("CVE", advisory.get("cve_id")),
            ("Scope", dependency.get("scope")),
        ),
        text=str(advisory.get("description") or ""),
        locations=(Location(dependency["manifest_path"]),) if dependency.get("manifest_path") else (),
    )


def _secret(item: dict[str, Any], locations: tuple[Location, ...] = ()) -> Alert:
    """Type and locations only: GitHub's answer may hold the secret itself, in more than one field."""
    named = str(item["secret_type"])
    return Alert(
        kind="secret-scanning",
        number=item["number"],
        open=item["state"] == "open",
        group=named,
        severity="critical",
        title=str(item.get("secret_type_display_name") or named),
        details=_facts(("Type", named)),
        locations=locations,
    )


def _place(item: dict[str, Any]) -> Location:
    """A file in a commit, or only the kind of text (`issue_body`, …), without its place or its content."""
    details = item.get("details") or {}
    if "path" in details:
        return Location(details["path"], details.get("start_line"), details.get("commit_sha") or "")
    return Location(f"({item['type']})")


def _facts(*facts: tuple[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in facts if value)


def _severity(text: Any) -> str:
    return text if text in SEVERITIES else "unknown"


_READERS: dict[str, Callable[[dict[str, Any]], Alert]] = {
    "code-scanning": _code,
    "dependabot": _dependabot,
    "secret-scanning": _secret,
}
