"""What becomes of a group of the merge queue, by its members (R5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["none", "wait", "refuse", "others", "gates"]
"""`none`: it is no group of the queue, or has its answer. `wait`: an entry before it decides first. `refuse`: its own
entry must not be merged. `others`: Press Play works on no member. `gates`: its tree must be judged."""


@dataclass(frozen=True)
class Member:
    """A pull request that a group merges."""

    pr: int
    under_us: bool
    """Whether Press Play works on it: then it must be approved."""
    fault: str = ""
    """Why it must not be merged, as a sentence of ours without its subject; empty if it may be."""
    by_our_app: bool = False
    """Whether one of our Apps entered it into the queue."""


@dataclass(frozen=True)
class Decision:
    """What to do about a group."""

    state: State
    reason: str = ""
    """Why it is refused, or why it waits: a clause of ours."""
    pr: int | None = None
    """The pull request whose gates judge the group's tree, and whose ledger has their verdicts."""


def decide(before: Sequence[Member], own: Sequence[Member]) -> Decision:
    """What becomes of a group: `before` are the members of the groups that it is built upon, `own` those it adds.

    A fault of an entry before it is that entry's: GitHub throws that one out and builds this group again, as another
    commit. Answered now, an innocent one would be thrown out.
    """
    for member in own:
        if member.fault:
            return Decision("refuse", f"pull request #{member.pr} {member.fault}")
    for member in before:
        if member.fault:
            return Decision("wait", f"pull request #{member.pr}, which is before it in the queue, {member.fault}")
    reviewed = [member.pr for member in (*before, *own) if member.under_us]
    return Decision("gates", pr=reviewed[-1]) if reviewed else Decision("others")
