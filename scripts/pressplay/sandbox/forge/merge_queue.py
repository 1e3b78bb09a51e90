"""A branch's merge queue: entries in order, the group's commit of each, and what is merged once its checks pass.

Source: docs.github.com, "Managing a merge queue", and the rule `merge_queue` of the REST reference for rulesets. Groups
are built one upon the other: the group of the second entry is based on the head of the first one's. GitHub does not say
whether an entry leaves at once if its checks fail while those of an entry before it go on; here it waits for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from pressplay.github.merges import QUEUE
from pressplay.sandbox.forge import accounts, events, gitdata, merging, rules, shapes
from pressplay.sandbox.forge.store import JSON, Actor, Row, Session

RULE = "merge_queue"
PREFIX = "gh-readonly-queue"
"""What the branches of groups begin with. Anybody who may push can make such a branch."""
Standing = Literal["passed", "pending", "failed", "late"]
_DEFAULTS: JSON = {
    "check_response_timeout_minutes": 60,
    "grouping_strategy": "ALLGREEN",
    "max_entries_to_build": 5,
    "max_entries_to_merge": 5,
    "merge_method": "MERGE",
    "min_entries_to_merge": 1,
    "min_entries_to_merge_wait_minutes": 5,
}
"""GitHub's own, for what a rule does not say."""
_ENTRY = (
    "SELECT q.*, i.number, i.state, p.head_sha AS pull_head, p.base_ref"
    " FROM forge_queue q JOIN forge_issues i ON i.id = q.issue_id JOIN forge_pulls p ON p.issue_id = q.issue_id"
)


def parameters(s: Session, repo: Row, branch: str) -> JSON | None:
    """The parameters of a branch's rule `merge_queue`; None where it has none."""
    for rule in rules.on_branch(s, repo, branch):
        if rule.type == RULE:
            return {**_DEFAULTS, **rule.parameters}
    return None


def entries(s: Session, repo: Row, branch: str) -> list[Row]:
    """A branch's queue, in order."""
    return s.all(f"{_ENTRY} WHERE q.repo_id = ? AND q.branch = ? ORDER BY q.jump DESC, q.id", repo["id"], branch)


def entry_of(s: Session, issue_id: int) -> Row | None:
    """A pull request's entry, if it is in a queue."""
    return s.one(f"{_ENTRY} WHERE q.issue_id = ?", issue_id)


def state(s: Session, repo: Row, entry: Row) -> str:
    """An entry's state, as GraphQL has it."""
    if entry["head_sha"] is None:
        return "QUEUED"
    return {"passed": "MERGEABLE", "pending": "AWAITING_CHECKS"}.get(_standing(s, repo, entry), "UNMERGEABLE")


def add(s: Session, repo: Row, pull: Row, *, jump: bool) -> None:
    """Enter a pull request, as whoever asks; `jump` puts it first."""
    who = s.acting_user()
    s.insert(
        "forge_queue",
        repo_id=repo["id"],
        branch=pull["base_ref"],
        issue_id=pull["issue_id"],
        user_id=who["id"],
        jump=int(jump),
        entered_sha=pull["head_sha"],
        created_at=s.now,
    )
    events.note(s, pull, "added_to_merge_queue", who)
    events.pull_event(s, "enqueued", repo, pull["issue_id"], who)
    advance(s, repo)


def remove(s: Session, repo: Row, entry: Row, reason: str) -> None:
    """Take an entry out, as whoever acts; its followers are built again. `reason` is one of GitHub's."""
    who = s.acting_user()
    _drop_group(s, repo, entry, "merged" if reason == "MERGE" else "dequeued")
    s.run("DELETE FROM forge_queue WHERE id = ?", entry["id"])
    if reason == "MERGE":
        return
    pull = events.pull_row(s, entry["issue_id"])
    events.note(s, pull, "removed_from_merge_queue", who)
    events.pull_event(s, "dequeued", repo, pull["issue_id"], who, reason=reason)


def advance(s: Session, repo: Row) -> None:
    """Build, merge and throw out whatever the queues of a repository have come to, as GitHub's own bot."""
    branches = s.all("SELECT DISTINCT branch FROM forge_queue WHERE repo_id = ?", repo["id"])
    for row in branches:
        with _as_queue(s):
            while _advance(s, repo, row["branch"]):
                pass


def next_due(s: Session) -> float | None:
    """The next moment at which time alone may move a queue; None where none is left."""
    moments: list[float] = []
    for entry in s.all(_ENTRY):
        rule = parameters(s, s.repo(entry["repo_id"]), entry["branch"]) or _DEFAULTS
        if entry["head_sha"] is not None:
            moments.append(_late_at(entry, rule))
        moments.append(entry["created_at"] + 60.0 * rule["min_entries_to_merge_wait_minutes"])
    return min((moment for moment in moments if moment > s.now), default=None)


def _late_at(entry: Row, rule: JSON) -> float:
    return float(entry["requested_at"] + 60.0 * rule["check_response_timeout_minutes"])


@contextmanager
def _as_queue(s: Session) -> Iterator[None]:
    before = s.actor
    s.actor = Actor(accounts.user(s, QUEUE, "Bot"))
    try:
        yield
    finally:
        s.actor = before


def _advance(s: Session, repo: Row, branch: str) -> bool:
    """One change of a queue; whether there was one."""
    rule, queue = parameters(s, repo, branch), entries(s, repo, branch)
    for entry in queue:
        if rule is None:
            remove(s, repo, entry, "QUEUE_CLEARED")
            return True
        if entry["state"] != "open" or entry["base_ref"] != branch or entry["pull_head"] != entry["entered_sha"]:
            remove(s, repo, entry, "UNKNOWN_REMOVAL_REASON")
            return True
    if rule is None or not queue:
        return False
    return _build(s, repo, branch, queue, rule) or _judge(s, repo, branch, queue, rule)


def _build(s: Session, repo: Row, branch: str, queue: Sequence[Row], rule: JSON) -> bool:
    """Make the first group whose base is not what it must be; whether there was one."""
    base = _tip(s, repo, branch)
    for entry in queue[: rule["max_entries_to_build"]]:
        if entry["head_sha"] is not None and entry["base_sha"] == base:
            base = entry["head_sha"]
            continue
        _drop_group(s, repo, entry, "invalidated")
        made = merging.commit(s, repo, events.pull_row(s, entry["issue_id"]), base, rule["merge_method"].lower())
        if made is None:
            remove(s, repo, entry, "MERGE_CONFLICT")
            return True
        s.run(
            "UPDATE forge_queue SET base_sha = ?, head_sha = ?, requested_at = ? WHERE id = ?",
            base,
            made,
            s.now,
            entry["id"],
        )
        new = s.row(f"{_ENTRY} WHERE q.id = ?", entry["id"])
        events.move_ref(s, repo, _ref(new), made)
        _group_event(s, repo, new, "checks_requested")
        return True
    return False


def _judge(s: Session, repo: Row, branch: str, queue: Sequence[Row], rule: JSON) -> bool:
    """Merge what may be merged, or throw out what failed; whether there was anything."""
    built = [entry for entry in queue if entry["head_sha"] is not None]
    standings = [_standing(s, repo, entry, rule) for entry in built]
    for entry, standing in zip(built, standings, strict=True):
        if standing == "late":
            remove(s, repo, entry, "CI_TIMEOUT")
            return True
    ready = _ready(standings, rule)
    waited = s.now - queue[0]["created_at"] >= 60.0 * rule["min_entries_to_merge_wait_minutes"]
    if ready and (ready >= rule["min_entries_to_merge"] or waited):
        _merge(s, repo, branch, built[: min(ready, rule["max_entries_to_merge"])])
        return True
    all_red = all(standing == "failed" for standing in standings)
    if standings and standings[0] == "failed" and (rule["grouping_strategy"] == "ALLGREEN" or all_red):
        remove(s, repo, built[0], "CI_FAILURE")
        return True
    return False


def _ready(standings: Sequence[Standing], rule: JSON) -> int:
    """How many entries from the front may be merged: all green, or those up to the last green one (HEADGREEN)."""
    most = standings[: rule["max_entries_to_merge"]]
    if rule["grouping_strategy"] == "HEADGREEN":
        return max((at + 1 for at, standing in enumerate(most) if standing == "passed"), default=0)
    return next((at for at, standing in enumerate(most) if standing != "passed"), len(most))


def _standing(s: Session, repo: Row, entry: Row, rule: JSON | None = None) -> Standing:
    rule = rule or parameters(s, repo, entry["branch"]) or _DEFAULTS
    required = [found.parameters for found in rules.on_branch(s, repo, entry["branch"]) if found.type == rules.CHECKS]
    wanting = [check for given in required for check in rules.checks_wanted(s, repo, entry["head_sha"], given)]
    if not wanting:
        return "passed"
    if any(check.failed for check in wanting):
        return "failed"
    return "late" if s.now >= _late_at(entry, rule) else "pending"


def _merge(s: Session, repo: Row, branch: str, group: Sequence[Row]) -> None:
    """Move the branch to the head of the last entry, and close all of them as merged."""
    bot, commit = s.acting_user(), group[-1]["head_sha"]
    for entry in group:
        remove(s, repo, entry, "MERGE")
    # First the pull requests, then the branch: the move of the branch would find them merged by somebody's push.
    for entry in group:
        events.merged(s, repo, events.pull_row(s, entry["issue_id"]), entry["head_sha"], bot)
    events.move_ref(s, repo, f"refs/heads/{branch}", commit, activity="merge_queue_merge")


def _drop_group(s: Session, repo: Row, entry: Row, reason: str) -> None:
    """Delete a group's branch, if the entry has a group: `merged`, `invalidated` or `dequeued`."""
    if entry["head_sha"] is None:
        return
    _group_event(s, repo, entry, "destroyed", reason=reason)
    if gitdata.ref(s.git(repo), _ref(entry)) is not None:
        events.move_ref(s, repo, _ref(entry), None)
    s.run("UPDATE forge_queue SET base_sha = NULL, head_sha = NULL, requested_at = NULL WHERE id = ?", entry["id"])


def _ref(entry: Row) -> str:
    return f"refs/heads/{PREFIX}/{entry['branch']}/pr-{entry['number']}-{entry['base_sha']}"


def _tip(s: Session, repo: Row, branch: str) -> str:
    row = s.row("SELECT sha FROM forge_refs WHERE repo_id = ? AND name = ?", repo["id"], f"refs/heads/{branch}")
    return str(row["sha"])


def _group_event(s: Session, repo: Row, entry: Row, action: str, **more: object) -> None:
    """Record a `merge_group` event."""
    commit = shapes.simple_commit(s, repo, entry["head_sha"])
    group = {
        "head_sha": entry["head_sha"],
        "head_ref": _ref(entry),
        "base_sha": entry["base_sha"],
        "base_ref": f"refs/heads/{entry['branch']}",
        "head_commit": commit,
    }
    events.emit(s, "merge_group", repo, s.acting_user(), action=action, merge_group=group, **more)
