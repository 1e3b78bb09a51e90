"""Issues of a file taken into a repository: those that are new, and what has changed of the others.

No event reports them: they are there as they would be at GitHub when Press Play is installed.
"""

from __future__ import annotations

from collections.abc import Sequence

from pressplay.backlog.issues_file import FileIssue
from pressplay.errors import InputError
from pressplay.github.issue_plans import Milestone
from pressplay.sandbox.forge import events
from pressplay.sandbox.forge.store import Row, Session


def put(
    s: Session, repo: Row, author: Row, milestones: Sequence[Milestone], issues: Sequence[FileIssue]
) -> tuple[int, int]:
    """Take issues in; how many are new, and how many changed. What the repository closed stays closed.

    InputError for the number of a pull request.
    """
    ids = {milestone.title: _milestone(s, repo, author, milestone) for milestone in milestones}
    new = changed = 0
    for issue in issues:
        row = _find(s, repo, issue.number)
        if row is None:
            _insert(s, repo, author, issue)
            new += 1
        elif row["is_pull"]:
            free = s.row("SELECT next_number AS n FROM forge_repos WHERE id = ?", repo["id"])["n"]
            raise InputError(
                f"issue {issue.number}: its number is that of a pull request in this sandbox, since both share their "
                f"numbers; give the issue another one, {free} or more"
            )
        else:
            changed += _update(s, repo, author, row, issue)
    for issue in issues:
        _relate(s, repo, issue, ids.get(issue.milestone))
    return new, changed


def _milestone(s: Session, repo: Row, author: Row, milestone: Milestone) -> int:
    same = s.one("SELECT * FROM forge_milestones WHERE repo_id = ? AND title = ?", repo["id"], milestone.title)
    if same is not None and same["number"] != milestone.number:
        raise InputError(
            f"milestone {milestone.number}: it is the number {same['number']} in this sandbox; keep the order in which "
            "the file first names its milestones, and new ones last"
        )
    row = s.one("SELECT * FROM forge_milestones WHERE repo_id = ? AND number = ?", repo["id"], milestone.number)
    if row is not None:
        s.run("UPDATE forge_milestones SET title = ? WHERE id = ?", milestone.title, row["id"])
        return int(row["id"])
    return s.insert(
        "forge_milestones",
        repo_id=repo["id"],
        number=milestone.number,
        title=milestone.title,
        state="open",
        creator_id=author["id"],
        created_at=s.now,
        updated_at=s.now,
    )


def _find(s: Session, repo: Row, number: int) -> Row | None:
    return s.one("SELECT * FROM forge_issues WHERE repo_id = ? AND number = ?", repo["id"], number)


def _insert(s: Session, repo: Row, author: Row, issue: FileIssue) -> None:
    s.insert(
        "forge_issues",
        repo_id=repo["id"],
        number=issue.number,
        is_pull=0,
        title=issue.title,
        body=issue.body or None,
        state="open" if issue.is_open else "closed",
        state_reason=None if issue.is_open else issue.reason,
        user_id=author["id"],
        created_at=s.now,
        updated_at=s.now,
        closed_at=None if issue.is_open else s.now,
    )
    s.run("UPDATE forge_repos SET next_number = MAX(next_number, ?) WHERE id = ?", issue.number + 1, repo["id"])


def _update(s: Session, repo: Row, author: Row, row: Row, issue: FileIssue) -> bool:
    """Bring an issue to what the file says of it; whether its text or state changed."""
    is_other = (row["title"], row["body"] or "") != (issue.title, issue.body)
    if is_other:
        s.run(
            "UPDATE forge_issues SET title = ?, body = ?, updated_at = ? WHERE id = ?",
            issue.title,
            issue.body or None,
            s.now,
            row["id"],
        )
    closes = row["state"] == "open" and not issue.is_open
    if closes:
        events.set_issue_state(s, repo, row, "closed", issue.reason, author)
    return is_other or closes


def _relate(s: Session, repo: Row, issue: FileIssue, milestone: int | None) -> None:
    """Give an issue the labels, milestone, parent and dependencies that the file gives it, and no others."""
    own = _id(s, repo, issue.number)
    for table in ("forge_issue_labels", "forge_issue_milestones", "forge_sub_issues", "forge_dependencies"):
        s.run(f"DELETE FROM {table} WHERE issue_id = ?", own)  # noqa: S608 - our own names
    for name in issue.labels:
        s.insert("forge_issue_labels", issue_id=own, label_id=_label(s, repo, name))
    if milestone is not None:
        s.insert("forge_issue_milestones", issue_id=own, milestone_id=milestone)
    if issue.parent is not None:
        s.insert("forge_sub_issues", issue_id=own, parent_id=_id(s, repo, issue.parent), place=issue.number)
    for number in issue.blocked_by:
        s.insert("forge_dependencies", issue_id=own, blocked_by=_id(s, repo, number))


def _label(s: Session, repo: Row, name: str) -> int:
    row = s.one("SELECT id FROM forge_labels WHERE repo_id = ? AND name = ?", repo["id"], name)
    return int(row["id"]) if row else s.insert("forge_labels", repo_id=repo["id"], name=name, color="ededed")


def _id(s: Session, repo: Row, number: int) -> int:
    row = s.row("SELECT id FROM forge_issues WHERE repo_id = ? AND number = ?", repo["id"], number)
    return int(row["id"])
