"""Who merged a pull request, and into what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pressplay.github.calls import Client, call
from pressplay.github.graphql import ask

QUEUE = "github-merge-queue[bot]"
"""As whom GitHub's merge queue merges."""

_ENTERED = """
query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      timelineItems(itemTypes: [ADDED_TO_MERGE_QUEUE_EVENT], last: 1) {
        nodes { ... on AddedToMergeQueueEvent { actor { __typename login } } }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class Merge:
    """How a pull request was merged."""

    base: str
    """The branch that it was merged into. People's text (R7)."""
    commit: str
    """The commit on that branch that merged it."""
    by: str
    """The login of who merged it, or entered it into the merge queue; empty for an account that is gone."""
    is_person: bool
    """Whether that is a user's account, not an App's."""


def merge(gh: Client, repo: str, number: int) -> Merge | None:
    """How a pull request was merged; None while it is not. `gh` may read pull requests.

    GitHub's merge queue merges as its own bot: then the user who added the pull request to it counts.
    """
    pull = call(gh, "GET", f"/repos/{repo}/pulls/{number}")
    if pull["merged_at"] is None:
        return None
    actor = pull["merged_by"] or {"login": "", "type": ""}
    login, kind = actor["login"], actor["type"]
    if login == QUEUE:
        login, kind = _entered_by(gh, repo, number)
    return Merge(pull["base"]["ref"], pull["merge_commit_sha"] or "", login, kind == "User")


def _entered_by(gh: Client, repo: str, number: int) -> tuple[str, str]:
    """Login and type of who added a pull request to the merge queue last; empty if GitHub does not report it.

    Source: https://docs.github.com/graphql/reference/objects#addedtomergequeueevent.
    """
    owner, _, name = repo.partition("/")
    answer = ask(gh, _ENTERED, {"owner": owner, "name": name, "number": number})
    events: list[dict[str, Any]] = answer["repository"]["pullRequest"]["timelineItems"]["nodes"]
    actor = (events[-1].get("actor") if events else None) or {"login": "", "__typename": ""}
    # GraphQL has a bot's login without the suffix that REST has.
    suffix = "[bot]" if actor["__typename"] == "Bot" else ""
    return f"{actor['login']}{suffix}", actor["__typename"]
