"""GitHub's merge queue: what waits in it, and the rule that gives a branch one.

Source: the objects MergeQueue and MergeQueueEntry of GitHub's public GraphQL schema, and the rule `merge_queue` of "Get
rules for a branch" in its REST reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pressplay.github.calls import Client, pages, part
from pressplay.github.graphql import GraphQLRefused, ask, login_of

RULE = "merge_queue"
_ENTRIES = """
query($owner: String!, $name: String!, $branch: String!) {
  repository(owner: $owner, name: $name) {
    mergeQueue(branch: $branch) {
      entries(first: 100) {
        nodes {
          position
          enqueuer { __typename login }
          baseCommit { oid }
          headCommit { oid }
          pullRequest { id number headRefOid }
        }
      }
    }
  }
}
"""
_DEQUEUE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { clientMutationId } }"


@dataclass(frozen=True)
class QueueRule:
    """What a branch's rule says of its queue."""

    timeout_minutes: int
    """After how long without its checks an entry is thrown out."""
    all_green: bool
    """Whether each entry's own checks must pass; otherwise those of the last one of a group are enough."""

    @staticmethod
    def of(parameters: Mapping[str, Any]) -> QueueRule:
        """From the rule's parameters; what GitHub does not show counts as its default."""
        return QueueRule(
            int(parameters.get("check_response_timeout_minutes", 60)),
            parameters.get("grouping_strategy", "ALLGREEN") == "ALLGREEN",
        )


@dataclass(frozen=True)
class QueueEntry:
    """A pull request in a queue, and its group: the commit that merges it with all before it."""

    position: int
    pull: int
    pull_head: str
    """The pull request's head."""
    node: str
    """The pull request's id in GraphQL."""
    enqueuer: str
    """The login of who entered it, as REST has it; `ghost` for an account that is gone."""
    by_person: bool
    """Whether that is a user's account, not an App's."""
    base: str
    head: str
    """The group's base and its commit; empty while the group is not built."""


def rule(gh: Client, repo: str, branch: str) -> QueueRule | None:
    """The rule that gives a branch a merge queue; None where it has none."""
    for listed in pages(gh, f"/repos/{repo}/rules/branches/{part(branch)}"):
        if listed["type"] == RULE:
            return QueueRule.of(listed.get("parameters") or {})
    return None


def entries(gh: Client, repo: str, branch: str) -> list[QueueEntry]:
    """The first hundred entries of a branch's queue, in order. `gh` may read merge queues and pull requests.

    A queue builds at most a hundred groups at once, so that whatever has a group is among them.
    """
    owner, _, name = repo.partition("/")
    answer = ask(gh, _ENTRIES, {"owner": owner, "name": name, "branch": branch})
    queue = (answer["repository"] or {}).get("mergeQueue")
    listed = [_entry(node) for node in queue["entries"]["nodes"] if node.get("pullRequest")] if queue else []
    return sorted(listed, key=lambda entry: entry.position)


def _entry(node: Mapping[str, Any]) -> QueueEntry:
    pull, actor = node["pullRequest"], node["enqueuer"]
    return QueueEntry(
        position=node["position"],
        pull=pull["number"],
        pull_head=pull["headRefOid"],
        node=pull["id"],
        enqueuer=login_of(actor),
        by_person=actor is not None and actor["__typename"] == "User",
        base=(node["baseCommit"] or {}).get("oid", ""),
        head=(node["headCommit"] or {}).get("oid", ""),
    )


def dequeue(gh: Client, entry: QueueEntry) -> bool:
    """Take an entry out; False where GitHub does not let this App, or it is out already.

    Which permission that wants is not documented; `gh` may write contents and pull requests.
    """
    try:
        ask(gh, _DEQUEUE, {"id": entry.node})
    except GraphQLRefused:
        return False
    return True
