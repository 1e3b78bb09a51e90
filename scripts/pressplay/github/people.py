"""Who may do what in a repository, and whose words count because of it (R8)."""

from __future__ import annotations

from collections.abc import Callable

from pressplay.github.calls import Client, find, part
from pressplay.github.edits import Edits


def may_write(gh: Client, repo: str, login: str) -> bool:
    """Whether a user may push to the repository (R8); False for an unknown user, and for one who may only triage.

    `gh` needs no permission beyond `metadata: read`, which every token has. Source: "Get repository permissions for a
    user", docs.github.com: `permission` is admin, write, read or none, where maintain is write and triage is read.
    """
    item = find(gh, f"/repos/{repo}/collaborators/{part(login)}/permission")
    return item is not None and item["permission"] in ("admin", "write")


class Writers:
    """The people with write access to one repository, each looked up once: only their words count.

    Nothing that an App says counts, ours or another's, even one with write access: agents hold the keys of ours.
    """

    def __init__(self, gh: Client, repo: str, is_ours: Callable[[str], bool]) -> None:
        """`gh` as for `may_write`; `is_ours` recognizes the logins of our Apps."""
        self._gh, self._repo, self._is_ours = gh, repo, is_ours
        self._may: dict[str, bool] = {}

    def include(self, login: str) -> bool:
        """Whether it is one of them."""
        if login.endswith("[bot]") or self._is_ours(login):
            return False
        if login not in self._may:
            self._may[login] = may_write(self._gh, self._repo, login)
        return self._may[login]

    def alone_made(self, edits: Edits | None, since: float = 0.0, author: str = "") -> bool:
        """Whether nobody but these people and its `author` edited a text at `since` or later; False if that is unknown.

        A later edit by one of them does not help: who saves a text may not have read all of it.
        """
        by = edits.since(since) if edits is not None else None
        return by is not None and all(login == author or self.include(login) for login in by)
