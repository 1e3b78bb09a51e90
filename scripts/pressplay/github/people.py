"""Who may do what in a repository."""

from __future__ import annotations

from pressplay.github.calls import Client, find, part


def may_write(gh: Client, repo: str, login: str) -> bool:
    """Whether a user may push to the repository (R8); False for nobody known, and for who may only triage.

    `gh` needs no permission beyond `metadata: read`, which every token has. Source: "Get repository permissions for a
    user", docs.github.com: `permission` is admin, write, read or none, with maintain told as write, triage as read.
    """
    found = find(gh, f"/repos/{repo}/collaborators/{part(login)}/permission")
    return found is not None and found["permission"] in ("admin", "write")
