"""Comments and labels of issues and pull requests."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pressplay.errors import InputError
from pressplay.github.access import InstallationClient
from pressplay.github.calls import Client, Refused, call, pages, part

_MARKER = re.compile(r"[A-Za-z0-9._/-]+")


def comment(gh: Client, repo: str, number: int, body: str, marker: str) -> str:
    """Make sure of one comment by us with this marker and text; its address.

    The marker is hidden in the comment. Only our own comments count: anybody may copy a marker.
    """
    if not _MARKER.fullmatch(marker) or "--" in marker:
        raise InputError(f"marker {marker!r}: expected letters, digits and . _ / -, without two dashes in a row")
    if not isinstance(gh, InstallationClient):
        raise InputError("expected a client from GitHubAccess.installation, which knows as whom it writes")
    mark = f"<!-- press-play: {marker} -->"
    text = f"{body}\n\n{mark}"
    for found in pages(gh, f"/repos/{repo}/issues/{number}/comments"):
        if found["user"] and found["user"]["login"].lower() == gh.login.lower() and mark in (found["body"] or ""):
            if found["body"] != text:
                call(gh, "PATCH", f"/repos/{repo}/issues/comments/{found['id']}", json={"body": text})
            return str(found["html_url"])
    return str(call(gh, "POST", f"/repos/{repo}/issues/{number}/comments", json={"body": text})["html_url"])


def labels(gh: Client, repo: str, number: int) -> list[str]:
    """The labels of an issue or pull request."""
    return [found["name"] for found in pages(gh, f"/repos/{repo}/issues/{number}/labels")]


def add_labels(gh: Client, repo: str, number: int, wanted: Sequence[str]) -> None:
    """Add labels; those that are there stay, those that the repository lacks are created."""
    if wanted:
        call(gh, "POST", f"/repos/{repo}/issues/{number}/labels", json={"labels": list(wanted)})


def remove_label(gh: Client, repo: str, number: int, label: str) -> bool:
    """Take a label off; False where it was not there."""
    try:
        call(gh, "DELETE", f"/repos/{repo}/issues/{number}/labels/{part(label)}")
    except Refused as error:
        if error.status == 404 and label not in labels(gh, repo, number):
            return False
        raise
    return True
