"""One GraphQL request, its failures told apart as `calls` does it for REST."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import httpx
from githubkit.exception import GraphQLFailed, PrimaryRateLimitExceeded, RequestError, RequestFailed

from pressplay.errors import InputError, TryAgain
from pressplay.github.calls import Client


class NoGraphQLError(InputError):
    """The forge has no GraphQL."""


class GraphQLRefused(InputError):
    """GitHub answered with errors; `kinds` are their types."""

    def __init__(self, kinds: frozenset[str]) -> None:
        super().__init__(f"GraphQL: GitHub refused: {', '.join(sorted(kinds))}")
        self.kinds = kinds


def ask(gh: Client, query: str, variables: dict[str, Any], borne: Collection[str] = ()) -> dict[str, Any]:
    """The answer's data. TryAgain for a passing fault and rate limits; InputError (of the kinds here) for the rest.

    `borne`: kinds of errors beside which the data is taken all the same, with null where they are.
    """
    try:
        return gh.graphql.request(query, variables)
    except RequestFailed as error:
        status = error.response.status_code
        if status == httpx.codes.NOT_FOUND:
            raise NoGraphQLError("GraphQL: the forge has none (404)") from error
        if status == httpx.codes.UNAUTHORIZED:
            raise InputError(f"GraphQL: GitHub answered {status}") from error
        # 403 and 429 are rate limits here: permissions are told in the answer's `errors`.
        raise TryAgain(f"GraphQL: GitHub answered {status}") from error
    except (RequestError, PrimaryRateLimitExceeded) as error:
        raise TryAgain(f"GraphQL: no answer from GitHub ({type(error).__name__})") from error
    except GraphQLFailed as error:
        kinds = frozenset(one.type or "unknown" for one in error.response.errors or [])
        if error.response.data is not None and kinds <= set(borne):
            data: dict[str, Any] = error.response.data
            return data
        raise GraphQLRefused(kinds) from error
