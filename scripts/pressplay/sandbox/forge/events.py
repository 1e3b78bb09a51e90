"""What happened, recorded as the webhooks that GitHub would send; and refs compared with what was last seen of them."""

from __future__ import annotations

import re
import uuid
from urllib.parse import quote

import pygit2

from pressplay.clock import rfc3339
from pressplay.sandbox.forge import gitdata, rules, shapes
from pressplay.sandbox.forge.store import JSON, ROLES, Row, Session, at_least

COMMITS_IN_PUSH = 20
_DELIVERIES = uuid.UUID("6f3d6a0e-3b53-4f0a-9b56-1f8f6f6f9a11")


_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|<!--.*?(?:-->|\Z)|`[^`\n]*`", re.DOTALL)
"""What a description shows as code or not at all: nothing in it closes an issue."""


def emit(s: Session, name: str, repo: Row, sender: Row, **payload: object) -> None:
    """Record an event of this repository."""
    # Only writers come here, one at a time: the next number is nobody else's.
    last = s.one("SELECT seq FROM sqlite_sequence WHERE name = 'forge_events'")
    seq = last["seq"] + 1 if last else 1
    body = {**payload, "repository": shapes.repository(s, repo), "sender": shapes.user(s, sender)}
    delivery = str(uuid.uuid5(_DELIVERIES, str(seq)))
    s.insert("forge_events", seq=seq, name=name, delivery=delivery, payload=body, time=s.now)


def note(s: Session, issue: Row, event: str, actor: Row, commit: str | None = None, **detail: object) -> None:
    """Record what happened to an issue or pull request, and who did it, for its list of events and its timeline."""
    s.insert(
        "forge_issue_events",
        repo_id=issue["repo_id"],
        issue_id=issue["id"],
        event=event,
        actor_id=actor["id"],
        detail=detail,
        commit_id=commit,
        created_at=s.now,
    )


def pull_row(s: Session, issue_id: int) -> Row:
    """A pull request's row, its issue's columns included."""
    return s.row(f"{shapes.PULL} WHERE i.id = ?", issue_id)


def pull_event(s: Session, action: str, repo: Row, issue_id: int, sender: Row, **more: object) -> None:
    """Record a `pull_request` event. Whether it can be merged GitHub works out later, and events don't say."""
    row = pull_row(s, issue_id)
    body = shapes.pull(s, repo, row, rules.state(s, repo, row, judged=False))
    emit(s, "pull_request", repo, sender, action=action, number=row["number"], pull_request=body, **more)


def check_event(s: Session, action: str, repo: Row, row: Row, sender: Row) -> None:
    """Record a `check_run` event: created, completed, rerequested. Its suite has the branch."""
    suite = shapes.check_suite(s, repo, s.row("SELECT * FROM forge_check_suites WHERE id = ?", row["suite_id"]))
    shown = {**shapes.check_run(s, repo, row), "check_suite": suite}
    emit(s, "check_run", repo, sender, action=action, check_run=shown)


def branch_of(s: Session, repo: Row, sha: str) -> str | None:
    """The branch that was pushed with this commit: an open pull request's, the default one, or any; None for none."""
    row = s.one(
        "SELECT substr(r.name, 12) AS branch FROM forge_refs r"
        " WHERE r.repo_id = ?1 AND r.sha = ?2 AND r.name LIKE 'refs/heads/%'"
        " ORDER BY NOT EXISTS (SELECT 1 FROM forge_pulls p JOIN forge_issues i ON i.id = p.issue_id"
        " WHERE p.head_repo_id = ?1 AND p.head_ref = substr(r.name, 12) AND i.state = 'open'),"
        " substr(r.name, 12) != ?3, r.name LIMIT 1",
        repo["id"],
        sha,
        repo["default_branch"],
    )
    return row["branch"] if row else None


def sync(s: Session, repo: Row) -> None:
    """Compare the repository's refs with those last seen, and record what changed.

    Called after every push and when a process first touches a repository: a kill between git's change of a ref
    and our record of it is repaired here.
    """
    s.touched.add(repo["id"])
    now = gitdata.refs(s.git(repo))
    seen = {row["name"]: row["sha"] for row in s.all("SELECT name, sha FROM forge_refs WHERE repo_id = ?", repo["id"])}
    sender = s.actor.user if s.actor.user is not None else s.user(repo["owner_id"])
    for name in sorted({*now, *seen}):
        if now.get(name) != seen.get(name):
            ref_changed(s, repo, name, seen.get(name), now.get(name), sender)
    s.store.synced.add(repo["id"])


def move_ref(s: Session, repo: Row, name: str, new: str | None, activity: str = "") -> None:
    """Set (or with None delete) a ref in git, and record it; `activity`: as what, where it is no push."""
    git = s.git(repo)
    s.touched.add(repo["id"])
    seen = s.one("SELECT sha FROM forge_refs WHERE repo_id = ? AND name = ?", repo["id"], name)
    if new is None:
        git.references.delete(name)
    else:
        git.references.create(name, new, force=True)
    if new != (seen["sha"] if seen else None):
        ref_changed(s, repo, name, seen["sha"] if seen else None, new, s.acting_user(), activity)


def ref_changed(
    s: Session, repo: Row, name: str, old: str | None, new: str | None, sender: Row, activity: str = ""
) -> None:
    """Record that a ref moved: the tables, the events, and the pull requests that hang on it."""
    if new is None:
        s.run("DELETE FROM forge_refs WHERE repo_id = ? AND name = ?", repo["id"], name)
    else:
        s.run(
            "INSERT INTO forge_refs (repo_id, name, sha) VALUES (?, ?, ?)"
            " ON CONFLICT (repo_id, name) DO UPDATE SET sha = excluded.sha",
            repo["id"],
            name,
            new,
        )
        s.run("UPDATE forge_repos SET pushed_at = ? WHERE id = ?", s.now, repo["id"])
    kind, short = ("branch" if name.startswith("refs/heads/") else "tag"), name.split("/", 2)[2]
    if old is None:
        emit(
            s,
            "create",
            repo,
            sender,
            ref=short,
            ref_type=kind,
            master_branch=repo["default_branch"],
            description=None,
            pusher_type="user",
        )
    pushed = _push(s, repo, name, old, new, sender)
    emit(s, "push", repo, sender, **pushed)
    s.insert(
        "forge_activities",
        repo_id=repo["id"],
        ref=name,
        before=pushed["before"],
        after=pushed["after"],
        type=activity or _activity(pushed),
        user_id=sender["id"],
        time=s.now,
    )
    if new is None:
        emit(s, "delete", repo, sender, ref=short, ref_type=kind, pusher_type="user")
    if kind == "branch":
        _move_heads(s, repo, short, old, new, sender)
        _move_bases(s, repo, short, old, new, sender)
        if short == repo["default_branch"] and old is not None and new is not None:
            _close_by_commits(s, repo, old, new, sender)


def _activity(pushed: JSON) -> str:
    if pushed["created"]:
        return "branch_creation"
    if pushed["deleted"]:
        return "branch_deletion"
    return "force_push" if pushed["forced"] else "push"


def _push(s: Session, repo: Row, name: str, old: str | None, new: str | None, sender: Row) -> JSON:
    git = s.git(repo)
    page = shapes.repo_page(s, repo)
    listed: list[pygit2.Commit] = []
    forced = False
    head = git[new].peel(pygit2.Commit) if new is not None else None
    if new is not None and head is not None:
        base = old
        if old is not None:
            forced = not (old in git and gitdata.is_ancestor(git, old, str(head.id)))
        if base is None or base not in git:
            base = gitdata.ref(git, f"refs/heads/{repo['default_branch']}")
        hidden = base if base is not None and base != str(head.id) else None
        if hidden is not None or base is None:
            listed = gitdata.commits_between(git, hidden, str(head.id))[-COMMITS_IN_PUSH:]
    compare = f"{quote(old or '')}...{new}" if old and new else quote(name.split("/", 2)[2])
    return {
        "ref": name,
        "before": old or gitdata.ZERO,
        "after": new or gitdata.ZERO,
        "base_ref": None,
        "created": old is None,
        "deleted": new is None,
        "forced": forced,
        "compare": f"{page}/compare/{compare}",
        "commits": [_pushed(s, repo, commit) for commit in listed],
        "head_commit": _pushed(s, repo, head) if head is not None else None,
        "pusher": {"name": sender["login"], "email": shapes.email(sender)},
    }


def _pushed(s: Session, repo: Row, commit: pygit2.Commit) -> JSON:
    parent = str(commit.parent_ids[0]) if commit.parent_ids else None
    changes = gitdata.difference(s.git(repo), parent, str(commit.id))
    author, committer = commit.author, commit.committer
    return {
        "id": str(commit.id),
        "tree_id": str(commit.tree_id),
        "distinct": True,
        "message": commit.message,
        "timestamp": rfc3339(committer.time),
        "url": f"{shapes.repo_page(s, repo)}/commit/{commit.id}",
        "author": {"name": author.name, "email": author.email},
        "committer": {"name": committer.name, "email": committer.email},
        "added": [c.path for c in changes if c.status in ("added", "renamed")],
        "removed": [c.previous or c.path for c in changes if c.status in ("removed", "renamed")],
        "modified": [c.path for c in changes if c.status == "modified"],
    }


def _move_heads(s: Session, repo: Row, branch: str, old: str | None, new: str | None, sender: Row) -> None:
    rows = s.all(f"{shapes.PULL} WHERE p.head_repo_id = ? AND p.head_ref = ? AND i.state = 'open'", repo["id"], branch)
    for row in rows:
        base_repo = s.repo(row["repo_id"])
        if new is None:
            close(s, base_repo, row, sender)
            continue
        if row["head_sha"] == new:
            continue
        keep_head(s, base_repo, repo, row["number"], new)
        s.run(
            "UPDATE forge_pulls SET head_sha = ?, base_sha = ?, last_pusher = ? WHERE issue_id = ?",
            new,
            rules.base_tip(s, base_repo, row) or row["base_sha"],
            sender["id"],
            row["id"],
        )
        s.run("UPDATE forge_issues SET updated_at = ? WHERE id = ?", s.now, row["id"])
        pull_event(s, "synchronize", base_repo, row["id"], sender, before=old or row["head_sha"], after=new)
        _void_stale(s, base_repo, row["id"], sender)


def keep_head(s: Session, base_repo: Row, head_repo: Row, number: int, sha: str) -> None:
    """Let the base repository hold a pull request's head as `refs/pull/N/head`, also one from a fork."""
    git = s.git(base_repo)
    if base_repo["id"] != head_repo["id"] and sha not in git:
        remote = git.remotes.create_anonymous(str(s.store.git_path(head_repo["full_name"])))
        remote.fetch(
            [f"+{name}:refs/pull/{number}/head" for name, at in gitdata.refs(s.git(head_repo)).items() if at == sha]
        )
    git.references.create(f"refs/pull/{number}/head", sha, force=True)


def _void_stale(s: Session, repo: Row, issue_id: int, sender: Row) -> None:
    row = pull_row(s, issue_id)
    if not any(
        rule.type == "pull_request" and rule.parameters.get("dismiss_stale_reviews_on_push")
        for rule in rules.on_branch(s, repo, row["base_ref"])
    ):
        return
    for review in s.all(
        "SELECT * FROM forge_reviews WHERE issue_id = ? AND state = 'APPROVED' AND commit_id != ?",
        issue_id,
        row["head_sha"],
    ):
        dismiss(s, repo, row, review["id"], sender)


def dismiss(s: Session, repo: Row, pull: Row, review_id: int, sender: Row) -> JSON:
    """Dismiss a review; as the API then shows it."""
    s.run("UPDATE forge_reviews SET state = 'DISMISSED' WHERE id = ?", review_id)
    row = s.row("SELECT * FROM forge_reviews WHERE id = ?", review_id)
    body = shapes.review(s, repo, row, pull["number"])
    review_event(s, "dismissed", repo, pull, body, sender)
    return body


def review_event(s: Session, action: str, repo: Row, pull: Row, review: JSON, sender: Row) -> None:
    """Record a `pull_request_review` event; webhooks write a review's state in lower case."""
    shown = {**review, "state": review["state"].lower(), "updated_at": review.get("submitted_at")}
    emit(s, "pull_request_review", repo, sender, action=action, review=shown, pull_request=shapes.pull(s, repo, pull))


def _move_bases(s: Session, repo: Row, branch: str, old: str | None, new: str | None, sender: Row) -> None:
    rows = s.all(f"{shapes.PULL} WHERE i.repo_id = ? AND p.base_ref = ? AND i.state = 'open'", repo["id"], branch)
    if not rows:
        return
    git = s.git(repo)
    # The commits that the branch gained; a pull request with its head among them was merged, in any way.
    known = old if old is not None and old in git else None
    gained = {str(commit.id) for commit in gitdata.commits_between(git, known, new)} if new is not None else set()
    for row in rows:
        if new is None:
            close(s, repo, row, sender)
        elif row["head_sha"] in gained:
            merged(s, repo, row, new, sender)


def close(s: Session, repo: Row, row: Row, sender: Row) -> None:
    """Close a pull request unmerged."""
    s.run(
        "UPDATE forge_issues SET state = 'closed', closed_at = ?, updated_at = ? WHERE id = ?", s.now, s.now, row["id"]
    )
    note(s, row, "closed", sender)
    pull_event(s, "closed", repo, row["id"], sender)


def merged(s: Session, repo: Row, row: Row, commit: str, sender: Row) -> None:
    """Close a pull request as merged by `commit`."""
    s.run(
        "UPDATE forge_pulls SET merged_at = ?, merged_by = ?, merge_commit_sha = ? WHERE issue_id = ?",
        s.now,
        sender["id"],
        commit,
        row["id"],
    )
    note(s, row, "merged", sender, commit)
    close(s, repo, row, sender)
    if row["base_ref"] == repo["default_branch"]:
        _close_named(s, repo, _CODE.sub(" ", row["body"] or ""), sender)


def _close_by_commits(s: Session, repo: Row, old: str, new: str, sender: Row) -> None:
    git = s.git(repo)
    for commit in gitdata.commits_between(git, old if old in git else None, new):
        _close_named(s, repo, commit.message, sender, str(commit.id))


def _close_named(s: Session, repo: Row, text: str, sender: Row, commit: str | None = None) -> None:
    """Close the issues that a text on its way into the default branch names after a closing keyword.

    Source: "Linking a pull request to an issue", docs.github.com. An issue of another repository is closed
    if the sender may write to it.
    """
    pattern = (
        r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+"
        rf"(?:(?:(?:{re.escape(s.store.web_url)}/)?([\w.-]+/[\w.-]+)(?:#|/issues/))|#|GH-)(\d{{1,9}})\b"
    )
    for match in re.finditer(pattern, text, re.IGNORECASE):
        other = s.one("SELECT * FROM forge_repos WHERE full_name = ?", match[1]) if match[1] else repo
        if other is None or (other["id"] != repo["id"] and not at_least(s.role(other, sender), "write", ROLES)):
            continue
        issue = s.one(
            "SELECT * FROM forge_issues WHERE repo_id = ? AND number = ? AND is_pull = 0 AND state = 'open'",
            other["id"],
            int(match[2]),
        )
        if issue is not None:
            set_issue_state(s, other, issue, "closed", "completed", sender, commit)


def set_issue_state(
    s: Session, repo: Row, issue: Row, state: str, reason: str, sender: Row, commit: str | None = None
) -> None:
    """Close or reopen an issue (not a pull request), and record it."""
    s.run(
        "UPDATE forge_issues SET state = ?, state_reason = ?, closed_at = ?, updated_at = ? WHERE id = ?",
        state,
        reason,
        s.now if state == "closed" else None,
        s.now,
        issue["id"],
    )
    s.forget("repo-json", repo["id"])
    action = "closed" if state == "closed" else "reopened"
    note(s, issue, action, sender, commit, **({"state_reason": reason} if state == "closed" else {}))
    new = s.row("SELECT * FROM forge_issues WHERE id = ?", issue["id"])
    emit(s, "issues", repo, sender, action=action, issue=shapes.issue(s, repo, new))
