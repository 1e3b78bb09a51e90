"""Check runs of a commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pressplay.errors import InputError
from pressplay.github.access import InstallationClient
from pressplay.github.calls import Client, call, pages, part


@dataclass(frozen=True)
class Check:
    """The newest run of a check by one App."""

    id: int
    name: str
    app_id: int
    app: str
    head_sha: str
    status: str
    conclusion: str | None
    external_id: str
    html_url: str


def _check(found: dict[str, Any]) -> Check:
    app = found["app"] or {"id": 0, "slug": ""}
    return Check(
        id=found["id"],
        name=found["name"],
        app_id=app["id"],
        app=app.get("slug", ""),
        head_sha=found["head_sha"],
        status=found["status"],
        conclusion=found["conclusion"],
        external_id=found["external_id"] or "",
        html_url=found["html_url"] or "",
    )


def _runs(gh: Client, repo: str, ref: str, name: str | None = None) -> list[dict[str, Any]]:
    params: dict[str, str | int] = {"filter": "latest"} if name is None else {"filter": "latest", "check_name": name}
    return list(pages(gh, f"/repos/{repo}/commits/{part(ref)}/check-runs", params, key="check_runs"))


def checks(gh: Client, repo: str, ref: str) -> list[Check]:
    """The newest run of each check on a commit or branch."""
    return [_check(found) for found in _runs(gh, repo, ref)]


def _own(gh: Client, repo: str, sha: str, name: str) -> dict[str, Any] | None:
    """Our own newest run: another App can name a check as it likes (R5)."""
    if not isinstance(gh, InstallationClient):
        raise InputError("checks belong to an App: expected a client from GitHubAccess.installation")
    own = [run for run in _runs(gh, repo, sha, name) if run["app"] and run["app"]["id"] == gh.app_id]
    return max(own, key=lambda run: run["id"], default=None)


def conclusion(gh: Client, repo: str, head_sha: str, name: str) -> str | None:
    """How the check of this client's App ended on a commit; None where it has not, or there is none."""
    found = _own(gh, repo, head_sha, name)
    return None if found is None else found["conclusion"]


def set_check(
    gh: Client,
    repo: str,
    name: str,
    head_sha: str,
    *,
    conclusion: str | None,
    title: str,
    summary: str,
    details_url: str,
    external_id: str,
) -> str:
    """Set the check `name` of this client's App on a commit (None: still under way); its address.

    Done twice, the run that is there is left alone or updated, never doubled.
    """
    fields: dict[str, Any] = {
        "status": "in_progress" if conclusion is None else "completed",
        "details_url": details_url,
        "external_id": external_id,
        "output": {"title": title, "summary": summary},
    }
    if conclusion is not None:
        fields["conclusion"] = conclusion
    there = _own(gh, repo, head_sha, name)
    if there is None:
        made = call(gh, "POST", f"/repos/{repo}/check-runs", json={"name": name, "head_sha": head_sha, **fields})
    elif _says(there, fields):
        made = there
    else:
        made = call(gh, "PATCH", f"/repos/{repo}/check-runs/{there['id']}", json=fields)
    return str(made["html_url"])


def _says(run: dict[str, Any], fields: dict[str, Any]) -> bool:
    output = {name: run["output"][name] for name in ("title", "summary")}
    said = {**{name: run[name] for name in ("status", "details_url", "external_id", "conclusion")}, "output": output}
    return said == {"conclusion": None, **fields}
