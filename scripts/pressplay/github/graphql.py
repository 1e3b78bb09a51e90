"""One GraphQL request, with its failures classed as `calls` does it for REST."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from githubkit.exception import GraphQLFailed, RequestError, RequestFailed

from pressplay.errors import InputError, TryAgain
from pressplay.github.calls import Client, failure, unanswered

_CALL = ("POST", "graphql")


class GraphQLRefused(InputError):
    """GitHub answered with errors; `kinds` are their types."""

    def __init__(self, kinds: frozenset[str]) -> None:
        super().__init__(f"{' '.join(_CALL)}: GitHub refused: {', '.join(sorted(kinds))}")
        self.kinds = kinds


def ask(gh: Client, query: str, variables: Mapping[str, Any], borne: Collection[str] = ()) -> dict[str, Any]:
    """The answer's data. Raises what `calls.call` raises; TryAgain for an error without a type, else GraphQLRefused.

    `borne`: types of errors that are accepted; the data then has null in their places.
    """
    what = " ".join(_CALL)
    try:
        return gh.graphql.request(query, dict(variables))
    except RequestFailed as error:
        raise failure(gh, error.response.raw_response, *_CALL) from error
    except RequestError as error:
        raise unanswered(error, what) from error
    except GraphQLFailed as error:
        kinds = frozenset(entry.type or "" for entry in error.response.errors or [])
        if error.response.data is not None and kinds <= set(borne):
            data: dict[str, Any] = error.response.data
            return data
        if "" in kinds:
            raise TryAgain(f"{what}: GitHub could not answer") from error
        raise GraphQLRefused(kinds) from error
    except ValueError as error:
        raise TryAgain(f"{what}: GitHub's answer broke off") from error


def login_of(actor: Mapping[str, Any] | None) -> str:
    """An Actor's login as REST has it: GraphQL leaves out a bot's `[bot]`. `ghost` for an account that is gone."""
    if actor is None:
        return "ghost"
    return f"{actor['login']}[bot]" if actor["__typename"] == "Bot" else str(actor["login"])
