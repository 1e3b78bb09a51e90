"""A merge queue on the forge, and people who enter pull requests into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

RULE = {
    "type": "merge_queue",
    "parameters": {
        "check_response_timeout_minutes": 60,
        "grouping_strategy": "ALLGREEN",
        "max_entries_to_build": 5,
        "max_entries_to_merge": 5,
        "merge_method": "MERGE",
        "min_entries_to_merge": 1,
        "min_entries_to_merge_wait_minutes": 5,
    },
}
"""The rule as GitHub's API writes it."""
QUEUE = """
query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { mergeQueue(branch: "main") { entries(
first: 100) { nodes { position state enqueuer { __typename login } baseCommit { oid } headCommit { oid } pullRequest {
number headRefOid } } } } } }
"""
_ENTER = "mutation($id: ID!) { enqueuePullRequest(input: {pullRequestId: $id}) { mergeQueueEntry { position state } } }"
_LEAVE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { position } } }"


def rule(**parameters: object) -> dict[str, Any]:
    """The rule with other parameters."""
    return {"type": "merge_queue", "parameters": {**RULE["parameters"], **parameters}}  # type: ignore[dict-item]


class Queue:
    """A repository's queue, as somebody whose client is `api` sees and changes it."""

    def __init__(self, api: httpx.Client, root: str, repo: str) -> None:
        self._api, self._root, self._repo = api, root, repo

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """GraphQL's whole answer, with its errors."""
        answer = self._api.post(f"{self._root}/graphql", json={"query": query, "variables": variables})
        answer.raise_for_status()
        return dict(answer.json())

    def _id(self, number: int) -> str:
        return str(self._api.get(f"{self._root}/repos/{self._repo}/pulls/{number}").json()["node_id"])

    def enter(self, number: int) -> dict[str, Any]:
        return self.ask(_ENTER, id=self._id(number))

    def leave(self, number: int) -> dict[str, Any]:
        return self.ask(_LEAVE, id=self._id(number))

    def entries(self) -> list[Mapping[str, Any]]:
        owner, _, name = self._repo.partition("/")
        queue = self.ask(QUEUE, owner=owner, name=name)["data"]["repository"]["mergeQueue"]
        return list(queue["entries"]["nodes"]) if queue else []

    def order(self) -> list[tuple[int, str]]:
        return [(entry["pullRequest"]["number"], entry["state"]) for entry in self.entries()]

    def group(self, number: int) -> tuple[str, str]:
        """The base and the head of a pull request's group."""
        (entry,) = [entry for entry in self.entries() if entry["pullRequest"]["number"] == number]
        return entry["baseCommit"]["oid"], entry["headCommit"]["oid"]
