"""Which open pull requests conflict with their base: read where a head or a base moved, and nothing else (R2).

GitHub's lists do not tell it, and it computes it only when a pull request is read: the answer is often there the minute
after. A base moves when a pull request is merged, which shows in the list of open ones, or by a push, which the flow
`signal` notes; in case that event is lost, the bases are read every quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.github import pulls, refs
from pressplay.steps.core.context import Context
from pressplay.steps.review import conflicts

_AT_ONCE = 20
"""Pull requests that are read each minute: a base that moves under many costs GitHub no more than that."""
_AGAIN_SECONDS = 900
"""How often the bases are read though nothing seems to have moved them."""
_SETTLED_SECONDS = 5
_UNKNOWN = "unknown"
PUSHED = "pushed"
"""In the ConfigMap of `reconcile`: when somebody last pushed to the default branch, in Unix seconds."""


@dataclass
class Memory:
    """What `reconcile` remembers of it. The field names are keys of the stored JSON."""

    at: float = 0.0
    """When the bases were read."""
    opened: list[int] = field(default_factory=list)
    bases: dict[str, str] = field(default_factory=dict)
    """Base branch → its commit; empty for one that is gone."""
    states: dict[str, dict[str, str]] = field(default_factory=dict)
    """Number → `head` and `base` that were read, and `state`: GitHub's `mergeable_state`."""
    turns: dict[str, int] = field(default_factory=dict)
    """Base branch → the pull request whose conflict with it was worked on last."""

    def is_dirty(self, pull: pulls.Pull) -> bool:
        """Whether this head is known to conflict with its base as it was last read."""
        known = self.states.get(str(pull.number), {})
        read = (known.get("head"), known.get("base"), known.get("state"))
        return read == (pull.head_sha, self.bases.get(pull.base_ref), "dirty")


def look(
    context: Context,
    repo: str,
    opened: Sequence[pulls.Pull],
    candidates: Sequence[pulls.Pull],
    memory: Memory,
    pushed: float,
) -> set[int]:
    """Read those of the `candidates` that moved; the numbers of those that began to conflict. Updates `memory`.

    `opened`: all open pull requests. `pushed`: when somebody last pushed to the default branch.
    """
    gh = context.harness(repo, contents="read", pull_requests="read")
    now, branches = context.clock.now(), {pull.base_ref for pull in candidates}
    is_old = now - memory.at >= _AGAIN_SECONDS - _SETTLED_SECONDS or pushed + _SETTLED_SECONDS >= memory.at
    closed = set(memory.opened) - {pull.number for pull in opened}
    if branches and (is_old or closed or branches - memory.bases.keys()):
        memory.bases = {branch: refs.find_head(gh, repo, branch) or "" for branch in sorted(branches)}
        memory.at = now
    memory.opened = sorted(pull.number for pull in opened)
    memory.states = {number: known for number, known in memory.states.items() if int(number) in memory.opened}

    def known(pull: pulls.Pull) -> dict[str, str]:
        return memory.states.get(str(pull.number), {})

    def moved(pull: pulls.Pull) -> bool:
        return (known(pull).get("head"), known(pull).get("base")) != (pull.head_sha, memory.bases[pull.base_ref])

    due = [pull for pull in candidates if moved(pull) or known(pull).get("state") == _UNKNOWN]
    conflicting: set[int] = set()
    # What moved comes before what GitHub had not computed yet, the oldest first: dependents may wait for it.
    for pull in sorted(due, key=lambda pull: (not moved(pull), pull.number))[:_AT_ONCE]:
        current = pulls.pull(gh, repo, pull.number)
        if conflicts.is_dirty(current) and not memory.is_dirty(pull):
            conflicting.add(pull.number)
        read = {"head": current.head_sha, "base": memory.bases[pull.base_ref], "state": current.mergeable_state}
        memory.states[str(pull.number)] = read
    return conflicting


def note_push(context: Context, repo: str) -> None:
    """Note that somebody pushed to the default branch: the next minute looks what conflicts now."""
    manifest = memory_of(context, repo)
    manifest["data"] = {PUSHED: str(context.clock.now())}
    context.cluster.apply(manifest)


def memory_of(context: Context, repo: str) -> Manifest:
    """The ConfigMap in which `reconcile` remembers a repository, without its data."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"reconcile-{names.digest(repo, length=8)}",
            "namespace": context.settings.namespace,
            "labels": {**PART_OF, "press-play/repo": names.repo_key(repo)},
        },
    }
