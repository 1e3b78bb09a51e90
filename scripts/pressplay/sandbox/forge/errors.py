"""How an endpoint refuses: a status and the words that GitHub uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """An answer other than success."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = dict(headers or {})


def invalid(resource: str, field: str, message: str, code: str = "custom") -> ApiError:
    """GitHub's 422 for one field."""
    error = {"resource": resource, "field": field, "code": code, "message": message}
    return ApiError(422, f"Validation Failed: {message}", [error])
