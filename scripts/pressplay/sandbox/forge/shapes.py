"""What GitHub's API says about each thing, in full: valid for githubkit's models."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import pygit2

from pressplay.clock import rfc3339
from pressplay.sandbox.forge import gitdata
from pressplay.sandbox.forge.store import JSON, Row, Session

_USER_LINKS = tuple(
    {
        "followers_url": "followers",
        "following_url": "following{/other_user}",
        "gists_url": "gists{/gist_id}",
        "starred_url": "starred{/owner}{/repo}",
        "subscriptions_url": "subscriptions",
        "organizations_url": "orgs",
        "repos_url": "repos",
        "events_url": "events{/privacy}",
        "received_events_url": "received_events",
    }.items()
)
_REPO_LINKS = tuple(
    {
        "archive_url": "{archive_format}{/ref}",
        "assignees_url": "assignees{/user}",
        "blobs_url": "git/blobs{/sha}",
        "branches_url": "branches{/branch}",
        "collaborators_url": "collaborators{/collaborator}",
        "comments_url": "comments{/number}",
        "commits_url": "commits{/sha}",
        "compare_url": "compare/{base}...{head}",
        "contents_url": "contents/{+path}",
        "contributors_url": "contributors",
        "deployments_url": "deployments",
        "downloads_url": "downloads",
        "events_url": "events",
        "forks_url": "forks",
        "git_commits_url": "git/commits{/sha}",
        "git_refs_url": "git/refs{/sha}",
        "git_tags_url": "git/tags{/sha}",
        "hooks_url": "hooks",
        "issue_comment_url": "issues/comments{/number}",
        "issue_events_url": "issues/events{/number}",
        "issues_url": "issues{/number}",
        "keys_url": "keys{/key_id}",
        "labels_url": "labels{/name}",
        "languages_url": "languages",
        "merges_url": "merges",
        "milestones_url": "milestones{/number}",
        "notifications_url": "notifications{?since,all,participating}",
        "pulls_url": "pulls{/number}",
        "releases_url": "releases{/id}",
        "stargazers_url": "stargazers",
        "statuses_url": "statuses/{sha}",
        "subscribers_url": "subscribers",
        "subscription_url": "subscription",
        "tags_url": "tags",
        "teams_url": "teams",
        "trees_url": "git/trees{/sha}",
    }.items()
)
_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


@functools.lru_cache(maxsize=8192)
def node_id(kind: str, number: int | str) -> str:
    """An opaque id as the GraphQL API has it."""
    return base64.urlsafe_b64encode(f"{kind}:{number}".encode()).decode().rstrip("=")


def from_node_id(text: str) -> tuple[str, int] | None:
    """What an opaque id of this forge names, or None."""
    try:
        name, _, number = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
    except ValueError:
        return None
    return (name, int(number)) if number.isdecimal() else None


def when(seconds: float | None) -> str | None:
    """A time as the API writes it."""
    return None if seconds is None else _written(int(seconds))


@functools.lru_cache(maxsize=1024)
def _written(seconds: int) -> str:
    return rfc3339(seconds)


@functools.lru_cache(maxsize=64)
def _links(url: str, paths: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {key: f"{url}/{path}" for key, path in paths}


def user(s: Session, row: Row) -> JSON:
    """A SimpleUser."""
    return s.remember("user-json", row["id"], lambda: _user(s, row))  # type: ignore[no-any-return]


def _user(s: Session, row: Row) -> JSON:
    login = quote(row["login"])
    url = f"{s.api}/users/{login}"
    page = f"{s.store.web_url}/apps/{login.removesuffix('%5Bbot%5D')}" if row["type"] == "Bot" else ""
    return {
        "login": row["login"],
        "id": row["id"],
        "node_id": node_id("User", row["id"]),
        "avatar_url": f"{s.store.web_url}/avatars/u/{row['id']}",
        "gravatar_id": "",
        "url": url,
        "html_url": page or f"{s.store.web_url}/{login}",
        **_links(url, _USER_LINKS),
        "type": row["type"],
        "user_view_type": "public",
        "site_admin": False,
    }


def user_id(s: Session, number: int) -> JSON:
    """A SimpleUser by id."""
    return user(s, s.user(number))


def repo_url(s: Session, repo: Row) -> str:
    """A repository's address in the API."""
    return f"{s.api}/repos/{repo['full_name']}"


def repo_page(s: Session, repo: Row) -> str:
    """A repository's address for people."""
    return f"{s.store.web_url}/{repo['full_name']}"


def repository(s: Session, repo: Row) -> JSON:
    """A FullRepository; every smaller model of one is part of it."""
    return s.remember("repo-json", repo["id"], lambda: _repository(s, repo))  # type: ignore[no-any-return]


def _repository(s: Session, repo: Row) -> JSON:
    name = repo["full_name"].partition("/")[2]
    url, page = repo_url(s, repo), repo_page(s, repo)
    host = s.store.web_url.partition("://")[2]
    opened = s.one("SELECT COUNT(*) AS n FROM forge_issues WHERE repo_id = ? AND state = 'open'", repo["id"])
    forks = s.one("SELECT COUNT(*) AS n FROM forge_repos WHERE parent_id = ?", repo["id"])
    issues, forked = opened["n"] if opened else 0, forks["n"] if forks else 0
    answer: JSON = {
        "id": repo["id"],
        "node_id": node_id("Repository", repo["id"]),
        "name": name,
        "full_name": repo["full_name"],
        "owner": user_id(s, repo["owner_id"]),
        "private": not repo["public"],
        "visibility": "public" if repo["public"] else "private",
        "html_url": page,
        "description": None,
        "fork": repo["parent_id"] is not None,
        "url": url,
        **_links(url, _REPO_LINKS),
        "git_url": f"git://{host}/{repo['full_name']}.git",
        "ssh_url": f"git@{host}:{repo['full_name']}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "topics": [],
        "forks": forked,
        "forks_count": forked,
        "network_count": forked,
        "stargazers_count": 0,
        "subscribers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "size": 0,
        "default_branch": repo["default_branch"],
        "open_issues": issues,
        "open_issues_count": issues,
        "is_template": False,
        "web_commit_signoff_required": False,
        "has_issues": True,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_downloads": False,
        "has_discussions": False,
        "archived": False,
        "disabled": False,
        "allow_forking": True,
        "allow_merge_commit": True,
        "allow_squash_merge": True,
        "allow_rebase_merge": True,
        "allow_auto_merge": False,
        "allow_update_branch": True,
        "delete_branch_on_merge": False,
        "pushed_at": when(repo["pushed_at"]),
        "created_at": when(repo["created_at"]),
        "updated_at": when(repo["pushed_at"]),
        "permissions": _permissions(s, repo),
        **repo_settings(s, repo),
    }
    if repo["parent_id"] is not None:
        answer["parent"] = answer["source"] = repository(s, s.repo(repo["parent_id"]))
    return answer


def repo_settings(s: Session, repo: Row) -> JSON:
    """The settings of a repository that differ from their defaults."""
    row = s.one("SELECT fields FROM forge_repo_settings WHERE repo_id = ?", repo["id"])
    fields: JSON = json.loads(row["fields"]) if row is not None else {}
    return fields


def _permissions(s: Session, repo: Row) -> JSON:
    return dict(_allowed(s.role(repo, s.actor.user) if s.actor.user is not None else "none"))


@functools.lru_cache
def _allowed(role: str) -> dict[str, bool]:
    order = ("none", "read", "triage", "write", "maintain", "admin")
    names = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    return {name: order.index(role) >= order.index(needed) for name, needed in names.items()}


def app(s: Session, row: Row) -> JSON:
    """An Integration: what checks and `GET /app` say of an App."""
    return s.remember("app-json", row["id"], lambda: _app(s, row))  # type: ignore[no-any-return]


def _app(s: Session, row: Row) -> JSON:
    bot = s.row("SELECT * FROM forge_users WHERE app_id = ?", row["id"])
    installed = s.one("SELECT COUNT(*) AS n FROM forge_installations WHERE app_id = ?", row["id"])
    return {
        "id": row["id"],
        "client_id": row["client_id"],
        "slug": row["slug"],
        "node_id": node_id("App", row["id"]),
        "owner": user(s, bot),
        "name": row["name"],
        "description": "",
        "external_url": s.store.web_url,
        "html_url": f"{s.store.web_url}/apps/{row['slug']}",
        "created_at": when(row["created_at"]),
        "updated_at": when(row["created_at"]),
        "permissions": json.loads(row["permissions"]),
        "events": json.loads(row["events"]),
        "installations_count": installed["n"] if installed else 0,
    }


def installation(s: Session, row: Row) -> JSON:
    """An Installation."""
    app_row, owner = s.app(row["app_id"]), s.user(row["owner_id"])
    suspended = s.one("SELECT at FROM forge_suspended WHERE installation_id = ?", row["id"])
    url = f"{s.api}/app/installations/{row['id']}"
    return {
        "id": row["id"],
        "account": user(s, owner),
        "repository_selection": "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{s.api}/installation/repositories",
        "html_url": f"{s.store.web_url}/settings/installations/{row['id']}",
        "app_id": row["app_id"],
        "client_id": app_row["client_id"],
        "app_slug": app_row["slug"],
        "target_id": owner["id"],
        "target_type": owner["type"],
        "permissions": {"metadata": "read", **json.loads(app_row["permissions"])},
        "events": json.loads(app_row["events"]),
        "created_at": when(row["created_at"]),
        "updated_at": when(row["created_at"]),
        "single_file_name": None,
        "suspended_by": user(s, owner) if suspended else None,
        "suspended_at": when(suspended["at"]) if suspended else None,
    }


def label(s: Session, repo: Row, row: Row) -> JSON:
    """A Label."""
    return {
        "id": row["id"],
        "node_id": node_id("Label", row["id"]),
        "url": f"{repo_url(s, repo)}/labels/{quote(row['name'], safe='')}",
        "name": row["name"],
        "description": row["description"],
        "color": row["color"],
        "default": False,
        "archived_at": None,
        "archived_by": None,
    }


def labels(s: Session, repo: Row, issue_id: int) -> list[JSON]:
    """An issue's or pull request's labels."""
    rows = s.all(
        "SELECT l.* FROM forge_issue_labels i JOIN forge_labels l ON l.id = i.label_id"
        " WHERE i.issue_id = ? ORDER BY l.id",
        issue_id,
    )
    return [label(s, repo, row) for row in rows]


def association(s: Session, repo: Row, author: Row) -> str:
    """GitHub's `author_association` of an author with a repository."""
    if author["id"] == repo["owner_id"]:
        return "OWNER"
    if author["app_id"] is not None:
        return "COLLABORATOR" if s.role(repo, author) == "write" else "NONE"
    # Everyone who was invited, even only to read: it says nothing about permissions.
    invited = s.one("SELECT 1 FROM forge_grants WHERE repo_id = ? AND user_id = ?", repo["id"], author["id"])
    return "COLLABORATOR" if invited else "NONE"


def reactions(url: str) -> JSON:
    """No reactions."""
    return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(_REACTIONS, 0)}


def _issue_fields(s: Session, repo: Row, row: Row) -> JSON:
    return {
        "number": row["number"],
        "state": row["state"],
        "locked": False,
        "active_lock_reason": None,
        "title": row["title"],
        "user": user_id(s, row["user_id"]),
        "body": row["body"],
        "labels": labels(s, repo, row["id"]),
        "milestone": milestone_of(s, repo, row),
        "assignee": None,
        "assignees": [],
        "author_association": association(s, repo, s.user(row["user_id"])),
        "created_at": when(row["created_at"]),
        "updated_at": when(row["updated_at"]),
        "closed_at": when(row["closed_at"]),
    }


def milestone_of(s: Session, repo: Row, row: Row) -> JSON | None:
    """The milestone of an issue or pull request."""
    entry = s.one(
        "SELECT m.* FROM forge_milestones m JOIN forge_issue_milestones i ON i.milestone_id = m.id"
        " WHERE i.issue_id = ?",
        row["id"],
    )
    return None if entry is None else milestone(s, repo, entry)


def milestone(s: Session, repo: Row, row: Row) -> JSON:
    """A Milestone."""
    url = f"{repo_url(s, repo)}/milestones/{row['number']}"
    states = s.all(
        "SELECT f.state, COUNT(*) AS n FROM forge_issue_milestones i JOIN forge_issues f ON f.id = i.issue_id"
        " WHERE i.milestone_id = ? GROUP BY f.state",
        row["id"],
    )
    counts = {state["state"]: state["n"] for state in states}
    return {
        "url": url,
        "html_url": f"{repo_page(s, repo)}/milestone/{row['number']}",
        "labels_url": f"{url}/labels",
        "id": row["id"],
        "node_id": node_id("Milestone", row["id"]),
        "number": row["number"],
        "title": row["title"],
        "description": row["description"],
        "creator": user_id(s, row["creator_id"]),
        "open_issues": counts.get("open", 0),
        "closed_issues": counts.get("closed", 0),
        "state": row["state"],
        "created_at": when(row["created_at"]),
        "updated_at": when(row["updated_at"]),
        "due_on": None,
        "closed_at": when(row["closed_at"]),
    }


def _plans(s: Session, row: Row) -> JSON:
    """What an issue says of its parts, its parent and its dependencies. A closed part counts as completed."""
    parts = s.row(
        "SELECT COUNT(*) AS n, COALESCE(SUM(f.state = 'closed'), 0) AS closed FROM forge_sub_issues p"
        " JOIN forge_issues f ON f.id = p.issue_id WHERE p.parent_id = ?",
        row["id"],
    )
    sides = []
    for of, other in (("issue_id", "blocked_by"), ("blocked_by", "issue_id")):
        sides.append(
            s.row(
                f"SELECT COUNT(*) AS n, COALESCE(SUM(f.state = 'open'), 0) AS open FROM forge_dependencies d"  # noqa: S608 - our own names
                f" JOIN forge_issues f ON f.id = d.{other} WHERE d.{of} = ?",
                row["id"],
            )
        )
    by, to = sides
    answer: JSON = {
        "sub_issues_summary": {
            "total": parts["n"],
            "completed": parts["closed"],
            "percent_completed": 100 * parts["closed"] // parts["n"] if parts["n"] else 0,
        },
        "issue_dependencies_summary": {
            "blocked_by": by["open"],
            "total_blocked_by": by["n"],
            "blocking": to["open"],
            "total_blocking": to["n"],
        },
    }
    parent = s.one(
        "SELECT f.* FROM forge_sub_issues p JOIN forge_issues f ON f.id = p.parent_id WHERE p.issue_id = ?", row["id"]
    )
    if parent is not None:
        answer["parent_issue_url"] = f"{repo_url(s, s.repo(parent['repo_id']))}/issues/{parent['number']}"
    return answer


def count(s: Session, table: str, issue_id: int) -> int:
    """How many rows of a table belong to an issue."""
    row = s.one(f"SELECT COUNT(*) AS n FROM {table} WHERE issue_id = ?", issue_id)  # noqa: S608 - our own names
    return row["n"] if row else 0


def issue(s: Session, repo: Row, row: Row) -> JSON:
    """An Issue, also one that is a pull request."""
    url = f"{repo_url(s, repo)}/issues/{row['number']}"
    page = f"{repo_page(s, repo)}/{'pull' if row['is_pull'] else 'issues'}/{row['number']}"
    answer = {
        "id": row["id"],
        "node_id": node_id("Issue", row["id"]),
        "url": url,
        "repository_url": repo_url(s, repo),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": page,
        **_issue_fields(s, repo, row),
        "state_reason": row["state_reason"],
        "comments": count(s, "forge_comments", row["id"]),
        "reactions": reactions(url),
    }
    if not row["is_pull"]:
        answer |= _plans(s, row)
    if row["is_pull"]:
        merged = s.one("SELECT merged_at, draft FROM forge_pulls WHERE issue_id = ?", row["id"])
        pull_url = f"{repo_url(s, repo)}/pulls/{row['number']}"
        answer["draft"] = bool(merged and merged["draft"])
        answer["pull_request"] = {
            "url": pull_url,
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": when(merged["merged_at"]) if merged else None,
        }
    return answer


def comment(s: Session, repo: Row, row: Row) -> JSON:
    """An IssueComment."""
    number = s.row("SELECT number, is_pull FROM forge_issues WHERE id = ?", row["issue_id"])
    url = f"{repo_url(s, repo)}/issues/comments/{row['id']}"
    page = f"{repo_page(s, repo)}/{'pull' if number['is_pull'] else 'issues'}/{number['number']}"
    return {
        "id": row["id"],
        "node_id": node_id("IssueComment", row["id"]),
        "url": url,
        "html_url": f"{page}#issuecomment-{row['id']}",
        "issue_url": f"{repo_url(s, repo)}/issues/{number['number']}",
        "body": row["body"],
        "user": user_id(s, row["user_id"]),
        "created_at": when(row["created_at"]),
        "updated_at": when(row["updated_at"]),
        "author_association": association(s, repo, s.user(row["user_id"])),
        "performed_via_github_app": _via(s, row["user_id"]),
        "reactions": reactions(url),
    }


def issue_event(s: Session, repo: Row, row: Row) -> JSON:
    """An IssueEvent: who did what to an issue or pull request (`labeled` has the label, `renamed` both titles)."""
    return {
        "id": row["id"],
        "node_id": node_id("IssueEvent", row["id"]),
        "url": f"{repo_url(s, repo)}/issues/events/{row['id']}",
        "actor": user_id(s, row["actor_id"]),
        "event": row["event"],
        "commit_id": row["commit_id"],
        "commit_url": row["commit_id"] and f"{repo_url(s, repo)}/commits/{row['commit_id']}",
        "created_at": when(row["created_at"]),
        "performed_via_github_app": _via(s, row["actor_id"]),
        **json.loads(row["detail"]),
    }


def _via(s: Session, user_id: int) -> JSON | None:
    number = s.user(user_id)["app_id"]
    return app(s, s.app(number)) if number is not None else None


def _side(s: Session, repo: Row, ref: str, sha: str) -> JSON:
    owner = s.user(repo["owner_id"])
    return {
        "label": f"{owner['login']}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(s, owner),
        "repo": repository(s, repo),
    }


PULL = "SELECT i.*, p.* FROM forge_issues i JOIN forge_pulls p ON p.issue_id = i.id"


def pull(s: Session, repo: Row, row: Row, state: JSON | None = None) -> JSON:
    """A PullRequestSimple, or with `state` (what git and the rules say, from `rules.state`) a PullRequest."""
    url = f"{repo_url(s, repo)}/pulls/{row['number']}"
    issue_url = f"{repo_url(s, repo)}/issues/{row['number']}"
    page = f"{repo_page(s, repo)}/pull/{row['number']}"
    statuses = f"{repo_url(s, repo)}/statuses/{row['head_sha']}"
    answer = {
        "url": url,
        "id": row["id"],
        "node_id": node_id("PullRequest", row["id"]),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue_url,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{repo_url(s, repo)}/pulls/comments{{/number}}",
        "comments_url": f"{issue_url}/comments",
        "statuses_url": statuses,
        **_issue_fields(s, repo, row),
        "merged_at": when(row["merged_at"]),
        "merge_commit_sha": row["merge_commit_sha"],
        "draft": bool(row["draft"]),
        "requested_reviewers": requested_reviewers(s, row["id"]),
        "requested_teams": [],
        "head": _side(s, s.repo(row["head_repo_id"]), row["head_ref"], row["head_sha"]),
        "base": _side(s, repo, row["base_ref"], row["base_sha"]),
        "auto_merge": None,
        "_links": {
            "self": {"href": url},
            "html": {"href": page},
            "issue": {"href": issue_url},
            "comments": {"href": f"{issue_url}/comments"},
            "review_comments": {"href": f"{url}/comments"},
            "review_comment": {"href": f"{repo_url(s, repo)}/pulls/comments{{/number}}"},
            "commits": {"href": f"{url}/commits"},
            "statuses": {"href": statuses},
        },
    }
    if state is not None:
        answer |= {
            "merged": row["merged_at"] is not None,
            "merged_by": None if row["merged_by"] is None else user_id(s, row["merged_by"]),
            "comments": count(s, "forge_comments", row["id"]),
            "review_comments": count(s, "forge_review_comments", row["id"]),
            "maintainer_can_modify": False,
            "rebaseable": state["mergeable"],
            **state,
        }
    return answer


def requested_reviewers(s: Session, issue_id: int) -> list[JSON]:
    """Whom a review was asked of that is not there yet."""
    rows = s.all("SELECT user_id FROM forge_review_requests WHERE issue_id = ? ORDER BY user_id", issue_id)
    return [user_id(s, row["user_id"]) for row in rows]


def minimal_pull(s: Session, repo: Row, row: Row) -> JSON:
    """A PullRequestMinimal, as checks list them."""
    head = s.repo(row["head_repo_id"])

    def side(of: Row, ref: str, sha: str) -> JSON:
        return {
            "ref": ref,
            "sha": sha,
            "repo": {"id": of["id"], "url": repo_url(s, of), "name": of["full_name"].partition("/")[2]},
        }

    return {
        "id": row["id"],
        "number": row["number"],
        "url": f"{repo_url(s, repo)}/pulls/{row['number']}",
        "head": side(head, row["head_ref"], row["head_sha"]),
        "base": side(repo, row["base_ref"], row["base_sha"]),
    }


def review(s: Session, repo: Row, row: Row, number: int) -> JSON:
    """A PullRequestReview."""
    url = f"{repo_url(s, repo)}/pulls/{number}"
    page = f"{repo_page(s, repo)}/pull/{number}#pullrequestreview-{row['id']}"
    answer = {
        "id": row["id"],
        "node_id": node_id("PullRequestReview", row["id"]),
        "user": user_id(s, row["user_id"]),
        "body": row["body"],
        "state": row["state"],
        "html_url": page,
        "pull_request_url": url,
        "author_association": association(s, repo, s.user(row["user_id"])),
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "commit_id": row["commit_id"],
    }
    if row["submitted_at"] is not None:
        answer["submitted_at"] = answer["updated_at"] = when(row["submitted_at"])
    return answer


def lines_now(s: Session, repo: Row, row: Row) -> tuple[int | None, int | None]:
    """The last and first line of a review comment at the pull request's head; (None, None) where it is outdated.

    A comment on the left side belongs to the base, which does not change.
    """
    if row["line"] is None or row["side"] == "LEFT":
        return row["line"], row["start_line"]
    head = s.row("SELECT head_sha FROM forge_pulls WHERE issue_id = ?", row["issue_id"])["head_sha"]
    git, made = s.git(repo), row["original_commit_id"]
    last = gitdata.line_at(git, made, head, row["path"], row["line"])
    if row["start_line"] is None:
        return last, None
    first = gitdata.line_at(git, made, head, row["path"], row["start_line"])
    return (last, first) if last is not None and first is not None else (None, None)


def review_comment(s: Session, repo: Row, row: Row, number: int) -> JSON:
    """A PullRequestReviewComment; once its lines are changed it is outdated, and only the `original_…` stay."""
    line, start = lines_now(s, repo, row)
    url = f"{repo_url(s, repo)}/pulls/comments/{row['id']}"
    pull_url = f"{repo_url(s, repo)}/pulls/{number}"
    page = f"{repo_page(s, repo)}/pull/{number}#discussion_r{row['id']}"
    answer = {
        "url": url,
        "pull_request_review_id": row["review_id"],
        "id": row["id"],
        "node_id": node_id("PullRequestReviewComment", row["id"]),
        "diff_hunk": row["diff_hunk"],
        "path": row["path"],
        "position": line,
        "original_position": row["line"] or 1,
        "commit_id": row["commit_id"],
        "original_commit_id": row["original_commit_id"],
        "user": user_id(s, row["user_id"]),
        "body": row["body"],
        "created_at": when(row["created_at"]),
        "updated_at": when(row["updated_at"]),
        "html_url": page,
        "pull_request_url": pull_url,
        "author_association": association(s, repo, s.user(row["user_id"])),
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": pull_url}},
        "reactions": reactions(url),
        "start_line": start,
        "original_start_line": row["start_line"],
        "start_side": row["side"] if row["start_line"] else None,
        "line": line,
        "original_line": row["line"],
        "side": row["side"],
        "subject_type": "line" if row["line"] else "file",
    }
    if row["in_reply_to"] is not None:
        answer["in_reply_to_id"] = row["in_reply_to"]
    return answer


def _person(sign: pygit2.Signature) -> JSON:
    return {"name": sign.name, "email": sign.email, "date": rfc3339(sign.time)}


_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def git_commit(s: Session, repo: Row, commit: pygit2.Commit) -> JSON:
    """A GitCommit."""
    url = repo_url(s, repo)
    return {
        "sha": str(commit.id),
        "node_id": node_id("Commit", str(commit.id)),
        "url": f"{url}/git/commits/{commit.id}",
        "html_url": f"{repo_page(s, repo)}/commit/{commit.id}",
        "author": _person(commit.author),
        "committer": _person(commit.committer),
        "message": commit.message,
        "tree": {"sha": str(commit.tree_id), "url": f"{url}/git/trees/{commit.tree_id}"},
        "parents": [
            {
                "sha": str(parent),
                "url": f"{url}/git/commits/{parent}",
                "html_url": f"{repo_page(s, repo)}/commit/{parent}",
            }
            for parent in commit.parent_ids
        ],
        "verification": _UNSIGNED,
    }


def commit(s: Session, repo: Row, made: pygit2.Commit, *, files: bool = False) -> JSON:
    """A Commit, with `files` also its difference to its first parent."""
    url, page = repo_url(s, repo), repo_page(s, repo)
    answer: JSON = {
        "url": f"{url}/commits/{made.id}",
        "sha": str(made.id),
        "node_id": node_id("Commit", str(made.id)),
        "html_url": f"{page}/commit/{made.id}",
        "comments_url": f"{url}/commits/{made.id}/comments",
        "commit": {
            "url": f"{url}/git/commits/{made.id}",
            "author": _person(made.author),
            "committer": _person(made.committer),
            "message": made.message,
            "comment_count": 0,
            "tree": {"sha": str(made.tree_id), "url": f"{url}/git/trees/{made.tree_id}"},
            "verification": _UNSIGNED,
        },
        "author": _by_email(s, made.author.email),
        "committer": _by_email(s, made.committer.email),
        "parents": [
            {"sha": str(parent), "url": f"{url}/commits/{parent}", "html_url": f"{page}/commit/{parent}"}
            for parent in made.parent_ids
        ],
    }
    if files:
        parent = str(made.parent_ids[0]) if made.parent_ids else None
        changes = gitdata.difference(s.git(repo), parent, str(made.id))
        additions, deletions = sum(c.additions for c in changes), sum(c.deletions for c in changes)
        answer["stats"] = {"additions": additions, "deletions": deletions, "total": additions + deletions}
        answer["files"] = [diff_entry(s, repo, change, str(made.id)) for change in changes]
    return answer


def email(row: Row) -> str:
    """The address under which a user's commits are known."""
    return f"{row['id']}+{row['login']}@users.noreply.github.com"


def _by_email(s: Session, address: str) -> JSON | None:
    number = address.partition("+")[0]
    if not (address.endswith("@users.noreply.github.com") and number.isdecimal()):
        return None
    row = s.one("SELECT * FROM forge_users WHERE id = ?", int(number))
    return user(s, row) if row is not None else None


def diff_entry(s: Session, repo: Row, change: gitdata.FileChange, sha: str) -> JSON:
    """A DiffEntry."""
    path = quote(change.path)
    answer: JSON = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{repo_page(s, repo)}/blob/{sha}/{path}",
        "raw_url": f"{repo_page(s, repo)}/raw/{sha}/{path}",
        "contents_url": f"{repo_url(s, repo)}/contents/{path}?ref={sha}",
    }
    if change.patch:
        answer["patch"] = change.patch
    if change.previous is not None:
        answer["previous_filename"] = change.previous
    return answer


def git_ref(s: Session, repo: Row, name: str, sha: str) -> JSON:
    """A GitRef."""
    kind = gitdata.kind(s.git(repo)[sha])
    return {
        "ref": name,
        "node_id": node_id("Ref", name),
        "url": f"{repo_url(s, repo)}/git/{quote(name)}",
        "object": {"type": kind, "sha": sha, "url": f"{repo_url(s, repo)}/git/{kind}s/{sha}"},
    }


def pulls_of(s: Session, repo: Row, sha: str, branch: str | None) -> list[JSON]:
    """The pull requests that a check lists: open, not from a fork, with its commit or its branch as head.

    So a check of a commit that is the head no longer still names the pull request, with the head that it has now.
    """
    rows = s.all(
        f"{PULL} WHERE p.head_sha = ?2 AND i.repo_id = ?1 AND i.state = 'open' AND p.head_repo_id = ?1"
        f" UNION {PULL} WHERE p.head_repo_id = ?1 AND p.head_ref = ?3 AND i.repo_id = ?1 AND i.state = 'open'"
        " ORDER BY id",
        repo["id"],
        sha,
        branch,
    )
    return [minimal_pull(s, repo, row) for row in rows]


def simple_commit(s: Session, repo: Row, sha: str) -> JSON:
    """A SimpleCommit."""
    made = gitdata.commit(s.git(repo), sha)
    return {
        "id": sha,
        "tree_id": str(made.tree_id),
        "message": made.message,
        "timestamp": when(made.committer.time),
        "author": {"name": made.author.name, "email": made.author.email},
        "committer": {"name": made.committer.name, "email": made.committer.email},
    }


_BAD = ("startup_failure", "failure", "timed_out", "cancelled", "action_required", "stale")


def summed_up(conclusions: Iterable[str | None]) -> str:
    """The conclusion for several finished parts: the worst of them; `skipped` if all were."""
    known = set(conclusions)
    worst = next((name for name in _BAD if name in known), None)
    return worst or ("skipped" if known == {"skipped"} else "success")


def check_suite(s: Session, repo: Row, row: Row) -> JSON:
    """A CheckSuite: what its newest check runs come to."""
    runs = s.all("SELECT id, name, status, conclusion FROM forge_check_runs WHERE suite_id = ? ORDER BY id", row["id"])
    newest = {run["name"]: run for run in runs}.values()
    done = bool(newest) and all(run["status"] == "completed" for run in newest) and not row["rerequested"]
    begun = any(run["status"] != "queued" for run in newest) and not row["rerequested"]
    url = f"{repo_url(s, repo)}/check-suites/{row['id']}"
    return {
        "id": row["id"],
        "node_id": node_id("CheckSuite", row["id"]),
        "head_branch": row["head_branch"],
        "head_sha": row["head_sha"],
        "status": "completed" if done else "in_progress" if begun else "queued",
        "conclusion": summed_up(run["conclusion"] for run in newest) if done else None,
        "url": url,
        "before": None,
        "after": row["head_sha"],
        "pull_requests": pulls_of(s, repo, row["head_sha"], row["head_branch"]),
        "app": app(s, s.app(row["app_id"])),
        "created_at": when(row["created_at"]),
        "updated_at": when(row["updated_at"]),
        "rerequestable": True,
        "runs_rerequestable": row["workflow_id"] is None,
        "latest_check_runs_count": len(newest),
        "check_runs_url": f"{url}/check-runs",
    }


def annotation(s: Session, repo: Row, row: Row, given: JSON) -> JSON:
    """A CheckAnnotation of a check run, from what its App gave."""
    line = given.get("start_line") or 1
    return {
        "path": given.get("path", ""),
        "blob_href": f"{repo_page(s, repo)}/blob/{row['head_sha']}/{quote(str(given.get('path', '')))}",
        "start_line": line,
        "start_column": given.get("start_column"),
        "end_line": given.get("end_line") or line,
        "end_column": given.get("end_column"),
        "annotation_level": given.get("annotation_level"),
        "title": given.get("title"),
        "message": given.get("message"),
        "raw_details": given.get("raw_details"),
    }


def check_run(s: Session, repo: Row, row: Row) -> JSON:
    """A CheckRun."""
    url = f"{repo_url(s, repo)}/check-runs/{row['id']}"
    output = json.loads(row["output"])
    suite = s.row("SELECT head_branch FROM forge_check_suites WHERE id = ?", row["suite_id"])
    return {
        "id": row["id"],
        "name": row["name"],
        "node_id": node_id("CheckRun", row["id"]),
        "head_sha": row["head_sha"],
        "external_id": row["external_id"],
        "url": url,
        "html_url": f"{repo_page(s, repo)}/runs/{row['id']}",
        "details_url": row["details_url"] or f"{repo_page(s, repo)}/runs/{row['id']}",
        "status": row["status"],
        "conclusion": row["conclusion"],
        "started_at": when(row["started_at"]),
        "completed_at": when(row["completed_at"]),
        "output": {
            "title": output.get("title"),
            "summary": output.get("summary"),
            "text": output.get("text"),
            "annotations_count": len(output.get("annotations") or []),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": row["suite_id"]},
        "app": app(s, s.app(row["app_id"])),
        "pull_requests": pulls_of(s, repo, row["head_sha"], suite["head_branch"]),
    }


def workflow(s: Session, repo: Row, row: Row) -> JSON:
    """A Workflow of GitHub Actions."""
    page = repo_page(s, repo)
    return {
        "id": row["id"],
        "node_id": node_id("Workflow", row["id"]),
        "name": row["name"],
        "path": row["path"],
        "state": "active",
        "created_at": when(row["created_at"]),
        "updated_at": when(row["created_at"]),
        "url": f"{repo_url(s, repo)}/actions/workflows/{row['id']}",
        "html_url": f"{page}/blob/{repo['default_branch']}/{row['path']}",
        "badge_url": f"{page}/workflows/{quote(row['name'])}/badge.svg",
    }


def workflow_run(s: Session, repo: Row, row: Row, attempt: Row) -> JSON:
    """A WorkflowRun as it was in one attempt."""
    url = f"{repo_url(s, repo)}/actions/runs/{row['id']}"
    of = s.row("SELECT * FROM forge_workflows WHERE id = ?", row["workflow_id"])
    number = attempt["attempt"]
    suite = s.row("SELECT head_branch FROM forge_check_suites WHERE id = ?", row["suite_id"])
    return {
        "id": row["id"],
        "name": of["name"],
        "node_id": node_id("WorkflowRun", row["id"]),
        "head_branch": row["head_branch"],
        "head_sha": row["head_sha"],
        "path": of["path"],
        "display_title": row["title"],
        "run_number": row["number"],
        "event": row["event"],
        "status": attempt["status"],
        "conclusion": attempt["conclusion"],
        "workflow_id": of["id"],
        "check_suite_id": row["suite_id"],
        "check_suite_node_id": node_id("CheckSuite", row["suite_id"]),
        "url": url if number == row["attempt"] else f"{url}/attempts/{number}",
        "html_url": f"{repo_page(s, repo)}/actions/runs/{row['id']}",
        "pull_requests": pulls_of(s, repo, row["head_sha"], suite["head_branch"]),
        "created_at": when(row["created_at"]),
        "updated_at": when(attempt["updated_at"]),
        "actor": user_id(s, row["actor_id"]),
        "run_attempt": number,
        "referenced_workflows": [],
        "run_started_at": when(attempt["started_at"]),
        "triggering_actor": user_id(s, attempt["actor_id"]),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{repo_url(s, repo)}/check-suites/{row['suite_id']}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{number - 1}" if number > 1 else None,
        "workflow_url": f"{repo_url(s, repo)}/actions/workflows/{of['id']}",
        "head_commit": simple_commit(s, repo, row["head_sha"]),
        "repository": repository(s, repo),
        "head_repository": repository(s, s.repo(row["head_repo_id"])),
    }


def job(s: Session, repo: Row, row: Row) -> JSON:
    """A Job; `row` is a job's joined with its run's and its check run's (`ci.JOBS`)."""
    times = {"started_at": when(row["started_at"]), "completed_at": when(row["completed_at"])}
    done = row["status"] == "completed"
    running = "completed" if done else "in_progress"
    steps = [
        {"name": name, "status": running, "conclusion": conclusion if done else None, "number": at, **times}
        for at, (name, conclusion) in enumerate(json.loads(row["steps"]), 1)
    ]
    return {
        "id": row["id"],
        "run_id": row["run_id"],
        "workflow_name": row["workflow_name"],
        "head_branch": row["head_branch"],
        "run_url": f"{repo_url(s, repo)}/actions/runs/{row['run_id']}",
        "run_attempt": row["attempt"],
        "node_id": node_id("Job", row["id"]),
        "head_sha": row["head_sha"],
        "url": f"{repo_url(s, repo)}/actions/jobs/{row['id']}",
        "html_url": f"{repo_page(s, repo)}/actions/runs/{row['run_id']}/job/{row['id']}",
        "status": row["status"],
        "conclusion": row["conclusion"],
        "created_at": when(row["started_at"]),
        **times,
        "name": row["name"],
        "steps": steps,
        "check_run_url": f"{repo_url(s, repo)}/check-runs/{row['check_id']}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "GitHub Actions 1",
        "runner_group_id": 0,
        "runner_group_name": "GitHub Actions",
    }


def ruleset(s: Session, repo: Row, row: Row, *, full: bool) -> JSON:
    """A RepositoryRuleset; bypass actors only for who may administer it, as GitHub has it."""
    answer: JSON = {
        "id": row["id"],
        "node_id": node_id("Ruleset", row["id"]),
        "name": row["name"],
        "target": row["target"],
        "source_type": "Repository",
        "source": repo["full_name"],
        "enforcement": row["enforcement"],
        "_links": {
            "self": {"href": f"{repo_url(s, repo)}/rulesets/{row['id']}"},
            "html": {"href": f"{repo_page(s, repo)}/rules/{row['id']}"},
        },
        "created_at": when(row["created_at"]),
        "updated_at": when(row["updated_at"]),
    }
    if full:
        answer |= {"conditions": json.loads(row["conditions"]), "rules": json.loads(row["rules"])}
    return answer


def page_of_user(s: Session, row: Row) -> JSON:
    """A PublicUser."""
    blank: dict[str, Any] = dict.fromkeys(("company", "blog", "location", "email", "hireable", "bio"))
    return {
        **user(s, row),
        **blank,
        "name": row["login"],
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": when(row["created_at"]),
        "updated_at": when(row["created_at"]),
    }
