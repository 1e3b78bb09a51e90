"""What the operations take. One model each: its JSON Schema is the tool's, and an address's query is checked by it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from pressplay.errors import InputError
from pressplay.names import repo as checked_repo

LIMIT = 25
MOST = 100

_ID = re.compile(r"(?:thread|line|comment|review)-[1-9][0-9]{0,17}")
_SNAPSHOT = re.compile(r"(?:snapshot-)?([0-9a-f]{12})")


def _repo(text: str) -> str:
    try:
        return checked_repo(text)
    except InputError as error:
        raise ValueError("expected owner/name, as GitHub writes it, for example acme/shop") from error


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(
            "expected an id as list_comments gives it: thread-<n>, line-<n>, comment-<n> or review-<n>, n being "
            "GitHub's number"
        )
    return text


def _hash(text: str) -> str:
    match = _SNAPSHOT.fullmatch(text)
    if match is None:
        raise ValueError("expected the twelve hexadecimal digits that name a snapshot")
    return match[1]


def _login(text: str) -> str:
    return text.removeprefix("@")


def _moment(value: datetime) -> datetime:
    # GitHub takes no other times, and a year of five digits has no name.
    if not 1970 <= value.year <= 9000:
        raise ValueError("expected a time after 1970, for example 2026-01-31T12:00:00Z")
    return value


Repo = Annotated[str, AfterValidator(_repo), Field(description="The repository, owner/name.", max_length=140)]
PullRequest = Annotated[int, Field(description="The pull request's number.", ge=1, le=10**9)]
Limit = Annotated[int, Field(description=f"At most so many threads in an answer, 1 to {MOST}.", ge=1, le=MOST)]
Page = Annotated[
    str | None,
    Field(description="The next_cursor of the page before, word for word; leave it out to begin.", max_length=1000),
]
Form = Annotated[
    Literal["markdown", "json"],
    Field(description="markdown for reading, json for programs; both say the same."),
]


class Arguments(BaseModel):
    """What all operations take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    repo: Repo
    format: Form = "markdown"


class ListComments(Arguments):
    """What is asked of a pull request's comments."""

    pull_request: PullRequest
    unresolved: Annotated[
        bool,
        Field(
            description="Only what still asks for something: threads that nobody resolved, reviews that were not "
            "withdrawn, and people's comments in the conversation (which GitHub cannot resolve)."
        ),
    ] = False
    since: Annotated[
        AwareDatetime | None,
        AfterValidator(lambda value: value and _moment(value)),
        Field(description="Only what was written or edited then or later; RFC 3339, for example 2026-01-31T12:00:00Z."),
    ] = None
    author: Annotated[
        str | None,
        AfterValidator(lambda value: value and _login(value)),
        Field(description="Only threads in which this login speaks (an App's is name[bot]).", max_length=100),
    ] = None
    path: Annotated[
        str | None,
        Field(description="Only threads on this file, or on files in this folder (end it with /).", max_length=4096),
    ] = None
    kind: Annotated[
        Literal["thread", "comment", "review"] | None,
        Field(
            description="Only threads on lines, only comments in the conversation, or only reviews' own texts; they "
            "come in the order reviews, threads, comments."
        ),
    ] = None
    limit: Limit = LIMIT
    cursor: Page = None


class GetComment(Arguments):
    """What is asked of one comment or thread."""

    pull_request: PullRequest
    id: Annotated[
        str,
        AfterValidator(_id),
        Field(description="thread-<n>, comment-<n> or review-<n> as listed, or line-<n> for one comment of a thread."),
    ]
    limit: Annotated[int, Field(description=f"At most so many comments of a thread, 1 to {MOST}.", ge=1, le=MOST)] = (
        LIMIT
    )
    cursor: Page = None


class GetSnapshot(Arguments):
    """What is asked of a snapshot."""

    id: Annotated[
        str, AfterValidator(_hash), Field(description="The snapshot's twelve hexadecimal digits.", max_length=40)
    ]
    limit: Limit = LIMIT
    cursor: Page = None


class ListReviews(Arguments):
    """What is asked of a pull request's reviewers."""

    pull_request: PullRequest


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The arguments' JSON Schema, as a tool announces it."""
    document = model.model_json_schema()
    document.pop("title", None)
    document.pop("description", None)
    for part in document["properties"].values():
        part.pop("title", None)
    return document
