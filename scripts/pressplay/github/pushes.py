"""Who moved a branch, as GitHub recorded it: a commit's author may be any name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pressplay.errors import TryAgain
from pressplay.github.calls import Client, GitHubRefused, pages

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:\[bot\])?")
_LOOKED_AT = 300
"""Moves that are read of a branch that moves a few times at most: who adds more is among the newest."""

NOTHING = "0" * 40
"""What a branch was moved from when it was made."""


@dataclass(frozen=True)
class Push:
    """One move of a branch, by a push or a merge."""

    before: str
    after: str
    login: str
    """Who did it; an App's is its bot's (`qa-agent[bot]`), empty for an account that is gone."""
    forced: bool = False
    """Whether it took commits out of the branch."""


def newest(gh: Client, repo: str, branch: str) -> Iterator[Push]:
    """The moves of a branch, newest first, read page by page. Raises what `calls.call` raises.

    https://docs.github.com/en/rest/repos/repos#list-repository-activities
    """
    for item in pages(gh, f"/repos/{repo}/activity", {"ref": f"refs/heads/{branch}"}):
        login, forced = (item["actor"] or {}).get("login", ""), item["activity_type"] == "force_push"
        yield Push(item["before"], item["after"], login, forced)


def between(gh: Client, repo: str, branch: str, before: str, after: str) -> list[Push] | None:
    """The moves that led from `before` to `after`, newest first; None if GitHub does not list all of them."""
    moves: list[Push] = []
    at = after
    for push in newest(gh, repo, branch):
        if push.after != at:
            if moves:
                return None
            # A later push is not part of it.
            continue
        moves.append(push)
        at = push.before
        if at == before:
            return moves
    return None


@dataclass(frozen=True)
class Record:
    """Who moved a branch that only one App should move, as far as GitHub shows it."""

    others: tuple[str, ...]
    """The others besides the App: their logins, checked, or that the account is gone."""
    deleted_by_us: bool
    """Whether the newest move is the App's own deletion of the branch."""


def record(gh: Client, repo: str, branch: str, ours: str) -> Record:
    """Who moved a branch; `ours` is the login of the App that may. A deleted branch has its record still.

    An old GitHub Enterprise Server keeps none: nobody is named then.
    """
    try:
        moves = list(islice(newest(gh, repo, branch), _LOOKED_AT))
    except GitHubRefused:
        return Record((), deleted_by_us=False)
    logins = {move.login for move in moves if move.login.lower() != ours}
    others = sorted({login if _LOGIN.fullmatch(login) else "an account that is gone" for login in logins})
    deleted = bool(moves) and moves[0].login.lower() == ours and not moves[0].after.strip("0")
    return Record(tuple(others), deleted)


def life(gh: Client, repo: str, branch: str, head: str) -> list[Push]:
    """The moves that led from the branch's creation to `head`, oldest first. Raises what `newest` raises.

    If GitHub does not list all of them, the first one does not begin at NOTHING. TryAgain if GitHub does not
    list `head` yet.
    """
    moves: list[Push] = []
    for push in newest(gh, repo, branch):
        if not moves and push.after != head:
            # A later push is not part of it.
            continue
        if moves and push.after != moves[-1].before:
            break
        moves.append(push)
        if push.before == NOTHING:
            break
    if not moves:
        raise TryAgain(f"{repo}: GitHub does not list yet who moved the branch to {head}")
    return moves[::-1]
