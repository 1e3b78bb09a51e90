"""Threads on the lines of a pull request. By GraphQL: it pages by cursor, and has what is resolved.

A long list is scanned for what is needed to choose; only what was chosen is read, a few threads at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pressplay.clock import parse_rfc3339
from pressplay.github.calls import Client
from pressplay.github.conversation import Remark, Thread, spoken
from pressplay.github.graphql import ask, login_of

MOST = 100
"""Threads, or comments of a thread, that GitHub gives at once."""

_GONE = ("NOT_FOUND",)
"""The error that GitHub adds to a null for a node that is gone."""

_SCAN = """
query ($owner: String!, $name: String!, $number: Int!, $first: Int!, $after: String, $who: Boolean!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: $first, after: $after) {
        pageInfo { hasNextPage endCursor }
        edges {
          cursor
          node {
            id isResolved path
            root: comments(first: 1) { totalCount nodes { fullDatabaseId } }
            newest: comments(last: 100) @include(if: $who) { nodes { updatedAt author { __typename login } } }
          }
        }
      }
    }
  }
}
"""
_THREAD = """
fragment thread on PullRequestReviewThread {
  id isResolved isOutdated path line startLine originalLine originalStartLine diffSide subjectType
  root: comments(first: 1) { totalCount nodes { diffHunk ...remark } }
}
fragment remark on PullRequestReviewComment {
  fullDatabaseId author { __typename login } authorAssociation createdAt updatedAt body
}
"""
_NEWEST = f"""
query ($ids: [ID!]!, $last: Int!) {{
  nodes(ids: $ids) {{
    ...thread
    ... on PullRequestReviewThread {{ more: comments(last: $last) {{ nodes {{ ...remark }} }} }}
  }}
}}
{_THREAD}
"""
_PAGE = f"""
query ($ids: [ID!]!, $first: Int!, $after: String) {{
  nodes(ids: $ids) {{
    ...thread
    ... on PullRequestReviewThread {{
      more: comments(first: $first, after: $after) {{
        pageInfo {{ hasNextPage }} edges {{ cursor node {{ ...remark }} }}
      }}
    }}
  }}
}}
{_THREAD}
"""


@dataclass(frozen=True)
class ThreadSummary:
    """A thread as far as it is needed to choose it."""

    cursor: str
    """What comes after it is asked for by this."""
    node: str
    root: int
    """The comment that began it."""
    path: str = field(repr=False)
    resolved: bool
    comments: int
    """How many there are in it."""
    authors: frozenset[str]
    """Who spoke in it (of more than a hundred comments: in the newest), in lower case; empty unless asked for."""
    updated_at: float
    """When something in it was last written or edited; 0 unless asked for."""


def scan(
    gh: Client, repo: str, number: int, after: str | None = None, *, who: bool = False
) -> tuple[list[ThreadSummary], str | None]:
    """The next threads of a pull request after a cursor, and the cursor for those that follow; None at the end.

    `who`: with who spoke in them and when. Raises what `graphql.ask` raises.
    """
    owner, _, name = repo.partition("/")
    variables = {"owner": owner, "name": name, "number": number, "first": MOST, "after": after, "who": who}
    threads = ask(gh, _SCAN, variables)["repository"]["pullRequest"]["reviewThreads"]
    summaries = [_found(edge) for edge in threads["edges"] if edge["node"]["root"]["nodes"]]
    info = threads["pageInfo"]
    return summaries, info["endCursor"] if info["hasNextPage"] else None


def _found(edge: dict[str, Any]) -> ThreadSummary:
    node = edge["node"]
    newest = (node.get("newest") or {"nodes": []})["nodes"]
    return ThreadSummary(
        cursor=edge["cursor"],
        node=node["id"],
        root=int(node["root"]["nodes"][0]["fullDatabaseId"]),
        path=node["path"],
        resolved=node["isResolved"],
        comments=node["root"]["totalCount"],
        authors=frozenset(login_of(comment["author"]).lower() for comment in newest),
        updated_at=max((parse_rfc3339(comment["updatedAt"]) for comment in newest), default=0.0),
    )


def read(gh: Client, page: str, nodes: Sequence[str], newest: int) -> dict[str, Thread]:
    """Threads by their nodes: each with its first and its `newest` comments, and in `omitted` how many it leaves out.

    `page` is the pull request's address for people. A thread that was deleted since is left out.
    """
    threads = ask(gh, _NEWEST, {"ids": list(nodes), "last": newest}, _GONE)["nodes"]
    return {node["id"]: _thread(page, node, node["more"]["nodes"]) for node in threads if _is_there(node)}


def read_from(
    gh: Client, page: str, node: str, after: str | None, most: int
) -> tuple[Thread, tuple[str, ...], bool] | None:
    """A thread's next `most` comments after a cursor, the cursor of each, and whether more follow.

    None if it is gone. Without a cursor it begins with the first comment.
    """
    (item,) = ask(gh, _PAGE, {"ids": [node], "first": most, "after": after}, _GONE)["nodes"]
    if not _is_there(item):
        return None
    edges = item["more"]["edges"]
    remarks = tuple(_said(edge["node"]) for edge in edges)
    thread = _thread(page, item, [])
    cursors = tuple(edge["cursor"] for edge in edges)
    return replace(thread, said=remarks, omitted=0), cursors, item["more"]["pageInfo"]["hasNextPage"]


def _is_there(node: dict[str, Any] | None) -> bool:
    return bool(node and node.get("root") and node["root"]["nodes"])


def _thread(page: str, node: dict[str, Any], newest: Sequence[dict[str, Any]]) -> Thread:
    first = node["root"]["nodes"][0]
    remarks = {remark.id: remark for remark in map(_said, (first, *newest))}
    number, of_file = int(first["fullDatabaseId"]), node["subjectType"] == "FILE"
    return Thread(
        id=f"thread-{number}",
        kind="thread",
        url=f"{page}#discussion_r{number}",
        said=tuple(remarks.values()),
        path=node["path"],
        # GitHub keeps the place in `originalLine` and empties `line`, once the lines are gone.
        line=None if of_file else node["line"] or node["originalLine"],
        start_line=None if of_file else node["startLine"] or node["originalStartLine"],
        side=node["diffSide"],
        outdated=node["isOutdated"],
        resolved=node["isResolved"],
        diff_hunk=first["diffHunk"],
        omitted=node["root"]["totalCount"] - len(remarks),
    )


def _said(node: dict[str, Any]) -> Remark:
    return spoken(
        f"line-{node['fullDatabaseId']}",
        login_of(node["author"]),
        node["authorAssociation"],
        node["createdAt"],
        node["updatedAt"],
        node["body"],
    )
