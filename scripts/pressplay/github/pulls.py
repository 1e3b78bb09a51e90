"""Pull requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pressplay.github.calls import Client, call, find, pages

MOST_COMMITS = 250
"""GitHub lists no more commits of a pull request than these."""


@dataclass(frozen=True)
class Pull:
    """What we want to know of a pull request. Title and body are text of people's and are not part of it (R7)."""

    number: int
    state: Literal["open", "closed"]
    merged: bool
    draft: bool
    head_sha: str
    head_ref: str
    head_repo: str
    """Full name of the repository that the head is in; empty if that is gone."""
    base_ref: str
    base_sha: str
    author: str
    author_is_bot: bool
    labels: tuple[str, ...]
    html_url: str
    mergeable_state: str
    """`clean`, `blocked`, `dirty`, `behind`, `unstable`, `draft`; `unknown` in lists, which do not tell."""
    fork: bool
    created_at: str
    updated_at: str
    merged_at: str | None
    """Times as GitHub writes them (RFC 3339, UTC)."""
    requested_reviewers: tuple[str, ...]
    """Logins of whom a review was asked that is not there yet."""
    requested_teams: tuple[str, ...]

    def is_open_at(self, commit: str) -> bool:
        """Whether it is open, and this commit is its head."""
        return self.state == "open" and self.head_sha == commit


def _pull(item: dict[str, Any]) -> Pull:
    head = item["head"]
    head_repo = head["repo"]["full_name"] if head["repo"] else ""
    user = item["user"] or {"login": "ghost", "type": "User"}
    merged = item["merged_at"] is not None
    return Pull(
        number=item["number"],
        state=item["state"],
        merged=merged,
        draft=bool(item.get("draft")),
        head_sha=head["sha"],
        head_ref=head["ref"],
        head_repo=head_repo,
        base_ref=item["base"]["ref"],
        base_sha=item["base"]["sha"],
        author=user["login"],
        author_is_bot=user["type"] == "Bot",
        labels=tuple(label["name"] for label in item["labels"]),
        html_url=item["html_url"],
        mergeable_state=item.get("mergeable_state", "unknown"),
        fork=head_repo.lower() != item["base"]["repo"]["full_name"].lower(),
        created_at=item["created_at"],
        updated_at=item["updated_at"],
        merged_at=item["merged_at"],
        requested_reviewers=tuple(user["login"] for user in item.get("requested_reviewers") or []),
        requested_teams=tuple(team["slug"] for team in item.get("requested_teams") or []),
    )


def pull(gh: Client, repo: str, number: int) -> Pull:
    """One pull request as it is now; InputError if there is none."""
    return _pull(call(gh, "GET", f"/repos/{repo}/pulls/{number}"))


def known_pull(gh: Client, repo: str, number: int) -> Pull | None:
    """GET /repos/{owner}/{repo}/pulls/{number}, or None if the repository has none of this number."""
    item = find(gh, f"/repos/{repo}/pulls/{number}")
    return None if item is None else _pull(item)


def all_pulls(gh: Client, repo: str, state: str = "all", base: str | None = None) -> list[Pull]:
    """The repository's pull requests, newest first."""
    params: dict[str, str | int] = {"state": state, "sort": "created", "direction": "desc"}
    if base is not None:
        params["base"] = base
    return [_pull(item) for item in pages(gh, f"/repos/{repo}/pulls", params)]


def from_branch(gh: Client, repo: str, head_branch: str, state: str = "all") -> list[Pull]:
    """The pull requests from a branch of this repository (no fork's), newest first."""
    params: dict[str, str | int] = {"state": state, "head": f"{repo.partition('/')[0]}:{head_branch}"}
    listed = [_pull(item) for item in pages(gh, f"/repos/{repo}/pulls", params)]
    # GitHub ignores a head that it does not understand and then lists them all.
    own = [pull for pull in listed if pull.head_ref == head_branch and not pull.fork]
    return sorted(own, key=lambda pull: pull.number, reverse=True)


def find_pull(gh: Client, repo: str, head_branch: str, state: str = "all") -> Pull | None:
    """The newest pull request from a branch of this repository (no fork's), or None."""
    return next(iter(from_branch(gh, repo, head_branch, state)), None)


def with_head(gh: Client, repo: str, commit: str) -> list[Pull]:
    """The open pull requests whose head is a commit, forks' too. `gh` may read contents.

    Source: https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit.
    """
    listed = (_pull(item) for item in pages(gh, f"/repos/{repo}/commits/{commit}/pulls"))
    return [pull for pull in listed if pull.state == "open" and pull.head_sha == commit]


def merged_by(gh: Client, repo: str, commit: str) -> list[int]:
    """The numbers of the merged pull requests that brought a commit of the default branch, by whatever method.

    `gh` may read contents. Source: as of `with_head`.
    """
    listed = (_pull(item) for item in pages(gh, f"/repos/{repo}/commits/{commit}/pulls"))
    return [pull.number for pull in listed if pull.merged]


def authors(gh: Client, repo: str, number: int) -> tuple[set[str], bool]:
    """The logins, in lower case, that a pull request's commits name as author or committer; whether these are all.

    A commit's author is any text of its maker: a missing login proves nothing. GitHub lists `MOST_COMMITS` at most.
    """
    commits = list(pages(gh, f"/repos/{repo}/pulls/{number}/commits"))
    people = (commit.get(role) or {} for commit in commits for role in ("author", "committer"))
    logins = {str(person["login"]).lower() for person in people if person.get("login")}
    return logins, len(commits) < MOST_COMMITS


def open_pull(
    gh: Client, repo: str, head_branch: str, base: str, title: str, body: str, *, draft: bool = False
) -> Pull:
    """Open a pull request, unless one from this branch to this base is open; its number either way."""
    there = find_pull(gh, repo, head_branch, state="open")
    if there is not None and there.base_ref == base:
        return there
    fields = {"title": title, "head": head_branch, "base": base, "body": body, "draft": draft}
    return _pull(call(gh, "POST", f"/repos/{repo}/pulls", json=fields))


def close(gh: Client, repo: str, number: int) -> None:
    """Close a pull request unmerged."""
    call(gh, "PATCH", f"/repos/{repo}/pulls/{number}", json={"state": "closed"})


def update_branch(gh: Client, repo: str, number: int, head: str) -> None:
    """Have GitHub merge the base branch into the pull request's, whose head must be `head`; it does so a little later.

    `gh` may write contents and pull requests. GitHubRefused for a conflict, another head, a branch rule, or workflow
    files that come in without the permission `workflows`.
    Source: https://docs.github.com/rest/pulls/pulls#update-a-pull-request-branch.
    """
    call(gh, "PUT", f"/repos/{repo}/pulls/{number}/update-branch", json={"expected_head_sha": head})


def retarget(gh: Client, repo: str, number: int, base: str) -> Pull:
    """Let a pull request be against another branch, `base`; as it is then."""
    return _pull(call(gh, "PATCH", f"/repos/{repo}/pulls/{number}", json={"base": base}))
