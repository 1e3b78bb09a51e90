"""Check runs of a commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pressplay.errors import InputError
from pressplay.github.access import InstallationClient
from pressplay.github.calls import Client, call, pages, part
from pressplay.github.lengths import fitting


@dataclass(frozen=True)
class CheckRun:
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
    suite: int
    """The check suite's number: GitHub Actions has one for each workflow run."""
    completed_at: str
    """As GitHub writes it (RFC 3339, UTC); empty while it is under way."""


@dataclass(frozen=True)
class Annotation:
    """What a check says of lines of a file. All texts are other people's (R7)."""

    path: str
    start_line: int
    end_line: int
    level: str
    """`notice`, `warning` or `failure`."""
    title: str
    message: str


def _check(item: dict[str, Any]) -> CheckRun:
    app = item["app"] or {"id": 0, "slug": ""}
    return CheckRun(
        id=item["id"],
        name=item["name"],
        app_id=app["id"],
        app=app.get("slug", ""),
        head_sha=item["head_sha"],
        status=item["status"],
        conclusion=item["conclusion"],
        external_id=item["external_id"] or "",
        html_url=item["html_url"] or "",
        suite=(item["check_suite"] or {"id": 0})["id"],
        completed_at=item["completed_at"] or "",
    )


def _runs(gh: Client, repo: str, ref: str, name: str | None = None, wanted: str = "latest") -> list[dict[str, Any]]:
    params: dict[str, str | int] = {"filter": wanted} if name is None else {"filter": wanted, "check_name": name}
    return list(pages(gh, f"/repos/{repo}/commits/{part(ref)}/check-runs", params, key="check_runs"))


def checks(gh: Client, repo: str, ref: str) -> list[CheckRun]:
    """The newest run of each check on a commit or branch: one for each name and check suite."""
    return [_check(item) for item in _runs(gh, repo, ref)]


def every_run(gh: Client, repo: str, ref: str, name: str) -> list[CheckRun]:
    """All runs of the checks of this name on a commit or branch, including those that were run again since."""
    return [_check(item) for item in _runs(gh, repo, ref, name, "all")]


def check(gh: Client, repo: str, number: int) -> CheckRun:
    """One check run; GitHubRefused if there is none."""
    return _check(call(gh, "GET", f"/repos/{repo}/check-runs/{number}"))


def annotations_of(gh: Client, repo: str, number: int, most: int) -> list[Annotation]:
    """The first `most` annotations of a check run."""
    annotations = islice(pages(gh, f"/repos/{repo}/check-runs/{number}/annotations"), most)
    return [
        Annotation(
            path=annotation["path"] or "",
            start_line=annotation["start_line"] or 0,
            end_line=annotation["end_line"] or 0,
            level=annotation["annotation_level"] or "",
            title=annotation["title"] or "",
            message=annotation["message"] or "",
        )
        for annotation in annotations
    ]


def ask_again(gh: Client, repo: str, number: int) -> None:
    """Ask the App that reported a check run to run it again; GitHubRefused if we may not ask for it.

    Source: GitHub's REST reference, "Rerequest a check run": 403 for a check run of another App.
    """
    call(gh, "POST", f"/repos/{repo}/check-runs/{number}/rerequest")


def _own(gh: Client, repo: str, sha: str, name: str) -> dict[str, Any] | None:
    """Our own newest run: another App can name a check as it likes (R5)."""
    if not isinstance(gh, InstallationClient):
        raise InputError("checks belong to an App: expected a client from GitHubAccess.installation")
    own = [run for run in _runs(gh, repo, sha, name) if run["app"] and run["app"]["id"] == gh.app_id]
    return max(own, key=lambda run: run["id"], default=None)


def own(gh: Client, repo: str, head_sha: str, name: str) -> CheckRun | None:
    """The newest run of the check `name` of this client's App on a commit; None if there is none."""
    run = _own(gh, repo, head_sha, name)
    return None if run is None else _check(run)


def newest_of(runs: Iterable[CheckRun], app_id: int, name: str) -> CheckRun | None:
    """An App's newest run of a check, among the checks of a commit; None if there is none.

    Another App can name a check as it likes (R5).
    """
    own_runs = [check for check in runs if check.app_id == app_id and check.name == name]
    return max(own_runs, key=lambda check: check.id, default=None)


def own_text(gh: Client, repo: str, head_sha: str, name: str) -> str:
    """The long text of the check of this client's App on a commit; empty if there is none. Data (R7)."""
    run = _own(gh, repo, head_sha, name)
    return "" if run is None else run["output"].get("text") or ""


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
    text: str | None = "",
) -> str:
    """Set the check `name` of this client's App on a commit (None: still under way); its address.

    `summary` and `text` are Markdown, cut where they are longer than GitHub takes. `text` None leaves what the check
    says at length. Done twice, the run that is there is left alone or updated, never doubled.
    """
    there = _own(gh, repo, head_sha, name)
    if text is None:
        text = (there or {"output": {}})["output"].get("text")
    fields: dict[str, Any] = {
        "status": "in_progress" if conclusion is None else "completed",
        "details_url": details_url,
        "external_id": external_id,
        "output": {"title": title, "summary": fitting(summary), **({"text": fitting(text)} if text else {})},
    }
    if conclusion is not None:
        fields["conclusion"] = conclusion
    if there is None:
        made = call(gh, "POST", f"/repos/{repo}/check-runs", json={"name": name, "head_sha": head_sha, **fields})
    elif _says(there, fields):
        made = there
    else:
        made = call(gh, "PATCH", f"/repos/{repo}/check-runs/{there['id']}", json=fields)
    return str(made["html_url"])


def _says(run: dict[str, Any], fields: dict[str, Any]) -> bool:
    output = {name: run["output"].get(name) for name in fields["output"]}
    current = {**{name: run[name] for name in ("status", "details_url", "external_id", "conclusion")}, "output": output}
    return current == {"conclusion": None, **fields}
