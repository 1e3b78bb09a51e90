"""Who edited others' texts. By GraphQL: REST has that a text changed, not by whom.

Source: the interface `Comment` of GitHub's public schema (docs.github.com/graphql/reference/interfaces#comment), which
issues, pull requests, reviews and comments are: `lastEditedAt`, `userContentEdits`. A title is none of it: a new one is
the event `renamed` (`issues.renamed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pressplay.clock import parse_rfc3339
from pressplay.github.calls import Client
from pressplay.github.graphql import ask, login_of

MOST = 100
"""How many edits of one text are read; GitHub hands out a hundred at once."""
_EDITS = (
    f"lastEditedAt userContentEdits(first: {MOST}) {{ totalCount nodes {{ editedAt editor {{ __typename login }} }} }}"
)
_TEXT = f"""
query($owner: String!, $name: String!, $number: Int!) {{
  repository(owner: $owner, name: $name) {{
    issueOrPullRequest(number: $number) {{
      ... on Issue {{ title }}
      ... on PullRequest {{ title }}
      ... on Comment {{ body createdAt author {{ __typename login }} {_EDITS} }}
    }}
  }}
}}
"""
_NODES = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Node {{ id }} ... on Comment {{ {_EDITS} }} }} }}"


@dataclass(frozen=True)
class Edits:
    """The edits of a text."""

    by: tuple[tuple[str, float], ...] = ()
    """Login and moment of each."""
    known: bool = True
    """Whether these are all: there may be more than MOST, and GitHub may keep them to itself."""
    last: float = 0.0
    """When the text was edited last; 0 if it never was."""

    def since(self, moment: float) -> tuple[str, ...] | None:
        """Who edited it at `moment` or later; None if that is not known."""
        if self.last < moment or not self.last:
            return ()
        return tuple(login for login, at in self.by if at >= moment) if self.known else None


@dataclass(frozen=True)
class Text:
    """Title and body of an issue or pull request, with the edits that made the body what it is."""

    title: str = field(repr=False)
    body: str = field(repr=False)
    """Text of people's, as the title is: never logged, never a parameter (R7)."""
    author: str
    created_at: float
    edits: Edits


def text(gh: Client, repo: str, number: int) -> Text:
    """The text of an issue or pull request, with its edits from the same answer. GraphQLRefused if there is none."""
    owner, _, name = repo.partition("/")
    item = ask(gh, _TEXT, {"owner": owner, "name": name, "number": number})["repository"]["issueOrPullRequest"]
    author, created_at = login_of(item["author"]), parse_rfc3339(item["createdAt"])
    made = _edits(item)
    first = (author, created_at)
    if first in made.by:
        # GitHub lists the first version among the edits, and a label may be added in the same second.
        at = made.by.index(first)
        made = replace(made, by=made.by[:at] + made.by[at + 1 :])
    return Text(item["title"], item["body"], author, created_at, made)


def of(gh: Client, nodes: Sequence[str]) -> Mapping[str, Edits]:
    """The edits of comments and reviews, by their node ids; what is gone meanwhile is not among them."""
    made: dict[str, Edits] = {}
    for first in range(0, len(nodes), MOST):
        answer = ask(gh, _NODES, {"ids": list(nodes[first : first + MOST])}, borne=("NOT_FOUND",))
        made |= {node["id"]: _edits(node) for node in answer["nodes"] if node}
    return made


def _edits(item: Mapping[str, Any]) -> Edits:
    if item["lastEditedAt"] is None:
        return Edits()
    last = parse_rfc3339(item["lastEditedAt"])
    connection = item["userContentEdits"] or {"totalCount": 0, "nodes": []}
    nodes = [node for node in connection["nodes"] or [] if node]
    by = tuple((login_of(node["editor"]), parse_rfc3339(node["editedAt"])) for node in nodes)
    # If the last edit that GitHub reports is not among them, GitHub withheld some.
    known = connection["totalCount"] == len(by) and any(at >= last for _, at in by)
    return Edits(by, known, last)
