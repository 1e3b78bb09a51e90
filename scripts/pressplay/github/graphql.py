"""One GraphQL request, its failures told apart as `calls` does it for REST."""

from __future__ import annotations

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


def ask(gh: Client, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """The answer's data. TryAgain for a passing fault and rate limits; InputError (of the kinds here) for the rest."""
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
        raise GraphQLRefused(frozenset(one.type or "unknown" for one in error.response.errors or [])) from error
