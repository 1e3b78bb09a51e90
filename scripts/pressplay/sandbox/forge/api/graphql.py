"""The GraphQL endpoint, at GitHub Enterprise Server's address and at github.com's."""

from __future__ import annotations

from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import ApiCall, route
from pressplay.sandbox.forge.store import JSON


@route("POST", "/api/graphql", auth="user")
@route("POST", "/graphql", auth="user")
def graphql(call: ApiCall) -> JSON:
    """Carry out a query or mutation; 200 also where it is refused, with `errors`, as GraphQL has it."""
    # Imported when it is first asked for: nothing else here takes as long to import.
    from pressplay.sandbox.forge.graphql_schema import run

    query = call.fields.get("query")
    if not isinstance(query, str) or not query.strip():
        raise ApiError(400, "A query attribute must be specified and must be a string.")
    operation = call.get("operationName", str, "") or None
    return run(call.s, query, call.get("variables", dict, {}), operation)
