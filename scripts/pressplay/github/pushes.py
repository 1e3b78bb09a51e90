"""Who moved a branch, as GitHub saw it: a commit's own author is whoever it claims to be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pressplay.errors import TryAgain
from pressplay.github.calls import Client, Refused, pages

_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:\[bot\])?")
_LOOKED_AT = 300
"""Moves of a branch that is moved a few times at most: whoever adds more is among the newest."""

NOTHING = "0" * 40
"""What a branch was moved from when it was made."""


@dataclass(frozen=True)
class Push:
    """One move of a branch, by a push or a merge."""

    before: str
    after: str
    login: str
    """Who did it; an App's is its bot's (`qa-agent[bot]`), empty for an account that is gone."""


def newest(gh: Client, repo: str, branch: str) -> Iterator[Push]:
    """The moves of a branch, the newest first, asked for page by page. Faults as those of `calls.call`.

    https://docs.github.com/en/rest/repos/repos#list-repository-activities
    """
    for found in pages(gh, f"/repos/{repo}/activity", {"ref": f"refs/heads/{branch}"}):
        yield Push(found["before"], found["after"], (found["actor"] or {}).get("login", ""))


def between(gh: Client, repo: str, branch: str, before: str, after: str) -> list[Push] | None:
    """The moves that led from `before` to `after`, the newest first; None where GitHub does not tell all of them."""
    found: list[Push] = []
    at = after
    for push in newest(gh, repo, branch):
        if push.after != at:
            if found:
                return None
            # What came since is none of it.
            continue
        found.append(push)
        at = push.before
        if at == before:
            return found
    return None


@dataclass(frozen=True)
class Record:
    """Who moved a branch that is to be moved by one App alone, as far as GitHub tells."""

    others: tuple[str, ...]
    """Those besides the App, by name: their logins, checked, or that the account is gone."""
    deleted_by_us: bool
    """Whether the newest move is the App's own deletion of the branch."""


def record(gh: Client, repo: str, branch: str, ours: str) -> Record:
    """Who moved a branch; `ours` is the login of the App that may. A deleted branch has its record still.

    An old GitHub Enterprise Server keeps none: nobody is named then.
    """
    try:
        moves = list(islice(newest(gh, repo, branch), _LOOKED_AT))
    except Refused:
        return Record((), deleted_by_us=False)
    logins = {move.login for move in moves if move.login.lower() != ours}
    others = sorted({login if _LOGIN.fullmatch(login) else "an account that is gone" for login in logins})
    deleted = bool(moves) and moves[0].login.lower() == ours and not moves[0].after.strip("0")
    return Record(tuple(others), deleted)


def life(gh: Client, repo: str, branch: str, head: str) -> list[Push]:
    """The moves that led from the branch's making to `head`, the oldest first; faults as those of `newest`.

    Where GitHub does not tell all of them the first one begins elsewhere than at NOTHING. TryAgain where it does not
    tell of `head` yet.
    """
    moves: list[Push] = []
    for push in newest(gh, repo, branch):
        if not moves and push.after != head:
            # What came since is none of it.
            continue
        if moves and push.after != moves[-1].before:
            break
        moves.append(push)
        if push.before == NOTHING:
            break
    if not moves:
        raise TryAgain(f"{repo}: GitHub does not tell yet who moved the branch to {head}")
    return moves[::-1]
