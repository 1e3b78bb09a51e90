"""Rulesets: which rules hold on a branch, who may pass them by, and what keeps a pull request from being merged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pressplay.sandbox.forge import fnmatch, gitdata
from pressplay.sandbox.forge.store import JSON, ROLES, Actor, Row, Session, at_least

CHECKS = "required_status_checks"
RULE_TYPES = {
    "creation",
    "update",
    "deletion",
    "non_fast_forward",
    "required_linear_history",
    "pull_request",
    CHECKS,
    "merge_queue",
}
_ROLE_IDS = {2: "maintain", 4: "write", 5: "admin"}
_GREEN = ("success", "neutral", "skipped")


@dataclass(frozen=True)
class Rule:
    """One rule of an active ruleset."""

    type: str
    parameters: dict[str, Any]
    ruleset: Row


def on_branch(s: Session, repo: Row, branch: str) -> list[Rule]:
    """The rules that apply to a branch, whether or not it exists."""
    rows = s.all(
        "SELECT * FROM forge_rulesets WHERE repo_id = ? AND target = 'branch' AND enforcement = 'active' ORDER BY id",
        repo["id"],
    )
    rules_ = []
    for row in rows:
        names = json.loads(row["conditions"]).get("ref_name") or {}
        if _any(names.get("include") or [], branch, repo) and not _any(names.get("exclude") or [], branch, repo):
            rules_ += [Rule(rule["type"], rule.get("parameters") or {}, row) for rule in json.loads(row["rules"])]
    return rules_


def _any(patterns: list[str], branch: str, repo: Row) -> bool:
    return any(
        pattern == "~ALL"
        or (pattern == "~DEFAULT_BRANCH" and branch == repo["default_branch"])
        or fnmatch.matches(pattern, f"refs/heads/{branch}")
        for pattern in patterns
    )


def bypasses(s: Session, repo: Row, ruleset: Row, actor: Actor, *, by_pull_request: bool) -> bool:
    """Whether an actor is listed to pass a ruleset by; some are listed for pull requests only."""
    return bypass_mode(s, repo, ruleset, actor) in (("always", "pull_request") if by_pull_request else ("always",))


def bypass_mode(s: Session, repo: Row, ruleset: Row, actor: Actor) -> str | None:
    """`always`, `pull_request`, or None for an actor that is not listed."""
    modes = {
        listed.get("bypass_mode", "always")
        for listed in json.loads(ruleset["bypass_actors"])
        if _is_actor(s, repo, listed, actor)
    }
    return "always" if "always" in modes else "pull_request" if modes else None


def _is_actor(s: Session, repo: Row, listed: JSON, actor: Actor) -> bool:
    kind, number = listed.get("actor_type"), listed.get("actor_id")
    if kind == "Integration":
        return actor.app is not None and actor.app["id"] == number
    if actor.app is not None or actor.user is None:
        return False
    if kind == "User":
        return bool(actor.user["id"] == number)
    role = s.role(repo, actor.user)
    if kind == "RepositoryRole":
        return isinstance(number, int) and at_least(role, _ROLE_IDS.get(number, "none"), ROLES)
    return kind == "OrganizationAdmin" and role == "admin"


@dataclass(frozen=True)
class WantedCheck:
    """A required check that a commit lacks."""

    message: str
    failed: bool
    """Whether it ended, and not well."""


def blockers(s: Session, repo: Row, pull: Row, actor: Actor | None, *, queued: bool = False) -> list[str]:
    """What the rules still want before this pull request may be merged (by `actor`, whose bypasses count).

    `queued`: before it may enter a merge queue. GitHub does not say whether a restriction of updates keeps somebody
    from that; here it does not, which is the worse case.
    """
    wanting = []
    for rule in on_branch(s, repo, pull["base_ref"]):
        if actor is not None and bypasses(s, repo, rule.ruleset, actor, by_pull_request=True):
            continue
        if rule.type == "pull_request":
            wanting += _reviews_wanted(s, repo, pull, rule.parameters)
        elif rule.type == CHECKS:
            wanting += _checks_wanted(s, repo, pull, rule.parameters)
        elif rule.type == "update" and not queued:
            wanting.append("Cannot update this protected ref.")
    return wanting


def only_queued(s: Session, repo: Row, branch: str, actor: Actor) -> list[str]:
    """Why an actor may not merge into a branch but by its merge queue; nothing where it has none."""
    return [
        "Changes must be made through the merge queue"
        for rule in on_branch(s, repo, branch)
        if rule.type == "merge_queue" and not bypasses(s, repo, rule.ruleset, actor, by_pull_request=True)
    ]


def newest_reviews(s: Session, pull: Row) -> dict[int, Row]:
    """Each reviewer's newest review that says something: a comment takes no approval back."""
    rows = s.all(
        "SELECT * FROM forge_reviews WHERE issue_id = ? AND state IN ('APPROVED', 'CHANGES_REQUESTED', 'DISMISSED')"
        " ORDER BY id",
        pull["issue_id"],
    )
    return {row["user_id"]: row for row in rows}


def _reviews_wanted(s: Session, repo: Row, pull: Row, parameters: JSON) -> list[str]:
    wanted = parameters.get("required_approving_review_count", 0)
    reviews = {
        user_id: review
        for user_id, review in newest_reviews(s, pull).items()
        if at_least(s.role(repo, s.user(user_id)), "write", ROLES) or s.user(user_id)["app_id"] is not None
    }
    approvals = [
        review
        for review in reviews.values()
        if review["state"] == "APPROVED"
        and review["user_id"] != pull["user_id"]
        and (review["commit_id"] == pull["head_sha"] or not parameters.get("dismiss_stale_reviews_on_push"))
        and not (parameters.get("require_last_push_approval") and review["user_id"] == pull["last_pusher"])
    ]
    if wanted and any(review["state"] == "CHANGES_REQUESTED" for review in reviews.values()):
        return ["Changes have been requested by a reviewer with write access."]
    if len(approvals) < wanted:
        return [f"At least {wanted} approving review{'s are' if wanted > 1 else ' is'} required by writers."]
    return []


def checks_wanted(s: Session, repo: Row, sha: str, parameters: JSON) -> list[WantedCheck]:
    """The checks that a rule requires and a commit lacks."""
    wanting = []
    for check in parameters.get(CHECKS, []):
        name, app_id = check["context"], check.get("integration_id")
        runs = s.all(
            "SELECT * FROM forge_check_runs WHERE repo_id = ? AND head_sha = ? AND name = ? ORDER BY id",
            repo["id"],
            sha,
            name,
        )
        newest = {run["app_id"]: run["conclusion"] for run in runs if app_id is None or run["app_id"] == app_id}
        if app_id is None and not newest:
            status = s.one(
                "SELECT state FROM forge_statuses WHERE repo_id = ? AND sha = ? AND context = ? ORDER BY id DESC",
                repo["id"],
                sha,
                name,
            )
            newest = {0: status["state"]} if status is not None else {}
        if not newest:
            wanting.append(WantedCheck(f'Required status check "{name}" is expected.', failed=False))
        elif not all(conclusion in _GREEN for conclusion in newest.values()):
            failed = any(conclusion not in (*_GREEN, None, "pending") for conclusion in newest.values())
            wanting.append(WantedCheck(f'Required status check "{name}" has not succeeded.', failed))
    return wanting


def _checks_wanted(s: Session, repo: Row, pull: Row, parameters: JSON) -> list[str]:
    wanting = [wanted.message for wanted in checks_wanted(s, repo, pull["head_sha"], parameters)]
    if parameters.get("strict_required_status_checks_policy"):
        base = base_tip(s, repo, pull)
        if base is not None and not gitdata.is_ancestor(s.git(repo), base, pull["head_sha"]):
            wanting.append("This branch is out-of-date with the base branch.")
    return wanting


def base_tip(s: Session, repo: Row, pull: Row) -> str | None:
    """The base branch's head, or None if it is gone."""
    row = s.one(
        "SELECT sha FROM forge_refs WHERE repo_id = ? AND name = ?", repo["id"], f"refs/heads/{pull['base_ref']}"
    )
    return row["sha"] if row else None


_merges: dict[tuple[str, str, str], str | None] = {}


def merge_tree(s: Session, repo: Row, base: str, head: str) -> str | None:
    """The tree of `head` merged into `base`, or None if they conflict; kept, for it can never change."""
    git = s.git(repo)
    key = (git.path, base, head)
    if key not in _merges:
        if len(_merges) > 4096:
            _merges.clear()
        _merges[key] = gitdata.merged_tree(git, base, head)
    return _merges[key]


def state(s: Session, repo: Row, pull: Row, *, judged: bool = True) -> JSON:
    """What a PullRequest says of its commits and of whether it may be merged (not `judged`: not known yet)."""
    git = s.git(repo)
    open_ = pull["state"] == "open"
    base = (base_tip(s, repo, pull) if open_ else None) or pull["base_sha"]
    common = gitdata.merge_base(git, base, pull["head_sha"])
    changes = gitdata.difference(git, common, pull["head_sha"])
    mergeable: bool | None = None
    name = "unknown"
    if open_ and judged:
        mergeable = common is not None and merge_tree(s, repo, base, pull["head_sha"]) is not None
        wanting = blockers(s, repo, pull, None)
        if not mergeable:
            name = "dirty"
        elif pull["draft"]:
            name = "draft"
        elif wanting:
            name = "behind" if all("out-of-date" in reason for reason in wanting) else "blocked"
        else:
            name = "unstable" if _red(s, repo, pull["head_sha"]) else "clean"
    return {
        "mergeable": mergeable,
        "mergeable_state": name,
        "commits": gitdata.ahead(git, pull["head_sha"], common) if common else 0,
        "additions": sum(change.additions for change in changes),
        "deletions": sum(change.deletions for change in changes),
        "changed_files": len(changes),
    }


def _red(s: Session, repo: Row, sha: str) -> bool:
    rows = s.all(
        "SELECT name, app_id, conclusion FROM forge_check_runs WHERE repo_id = ? AND head_sha = ?", repo["id"], sha
    )
    newest = {(row["name"], row["app_id"]): row["conclusion"] for row in rows}
    return any(conclusion not in _GREEN for conclusion in newest.values())


def refuses_update(
    s: Session, repo: Row, branch: str, old: str | None, new: str | None, actor: Actor
) -> tuple[str | None, bool]:
    """Whether the rules refuse a direct change of a branch: (the reason or None, whether it must be fast-forward).

    Whether a push is a fast-forward is known only once its objects have come; the caller sees to that.
    """
    fast_forward = False
    for rule in on_branch(s, repo, branch):
        if bypasses(s, repo, rule.ruleset, actor, by_pull_request=False):
            continue
        if rule.type == "non_fast_forward":
            fast_forward = True
        elif rule.type == "deletion" and new is None:
            return "Cannot delete this branch", fast_forward
        elif rule.type == "creation" and old is None:
            return "Cannot create ref due to creations being restricted.", fast_forward
        elif rule.type == "update" and old is not None and new is not None:
            return "Cannot update this protected ref.", fast_forward
        elif rule.type == "pull_request" and old is not None and new is not None:
            return "Changes must be made through a pull request.", fast_forward
        elif rule.type == CHECKS and old is not None and new is not None:
            return "Required status checks are expected.", fast_forward
        elif rule.type == "merge_queue" and old is not None and new is not None:
            return "Changes must be made through the merge queue", fast_forward
    return None, fast_forward
