"""What goes wrong for a caller, in words that a model can act on: what was wrong, what is allowed, what to do next."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence

import httpx
from pydantic import BaseModel, ValidationError

from pressplay.errors import PressPlayError, TryAgain
from pressplay.github.breaker import RateLimited
from pressplay.github.calls import GitHubRefused

AGAIN_SECONDS = 30
"""After which a fault of GitHub's is worth another call, where GitHub doesn't say."""


class Problem(PressPlayError):
    """An answer that is none. `code` names its kind for programs, `status` is HTTP's."""

    def __init__(self, code: str, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry_after = retry_after
        """Seconds to wait first, where waiting helps."""


def wrong(message: str) -> Problem:
    """What was asked is wrong; asked differently it may be right."""
    return Problem("invalid", httpx.codes.BAD_REQUEST, message)


def missing(message: str) -> Problem:
    """What was asked for is not there."""
    return Problem("not_found", httpx.codes.NOT_FOUND, message)


def later(code: str, status: int, message: str, seconds: int) -> Problem:
    """The same call may succeed after some seconds."""
    return Problem(code, status, f"{message} Wait {seconds} s, then call again with the same arguments.", seconds)


def of_github(error: PressPlayError, repo: str, now: float) -> Problem:
    """A fault of a call to GitHub as a Problem for the caller, who can't fix the installation; `now`: unix seconds."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, TryAgain):
        seconds = max(1, math.ceil(error.until - now)) if isinstance(error, RateLimited) else AGAIN_SECONDS
        return later("github_unavailable", 503, f"GitHub gives no answer now ({error}).", seconds)
    if isinstance(error, GitHubRefused) and error.status == httpx.codes.NOT_FOUND:
        return missing(f"GitHub shows no such thing in {repo} ({error}). Check the number or id.")
    return Problem(
        "github_refused",
        httpx.codes.BAD_GATEWAY,
        f"This server may not read that in {repo}: {error}. Another call will not help; go on without it, and tell "
        "whoever runs Press Play.",
    )


def of_arguments(error: ValidationError, model: type[BaseModel], operation: str) -> Problem:
    """All that is wrong with arguments, by name, and what the operation takes."""
    lines = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in fault["loc"]) or "arguments"
        if fault["type"] == "extra_forbidden":
            lines.append(unknown(name, "argument", list(model.model_fields)))
        elif fault["type"] == "missing":
            lines.append(f"{name}: is missing")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            lines.append(f"{name}: {message[0].lower()}{message[1:]}")
    return wrong(f"{'; '.join(lines)}. {operation} takes: {_takes(model)}.")


def unknown(name: str, what: str, known: Sequence[str]) -> str:
    """That there is nothing of this name, and what was meant perhaps (R10)."""
    shown = re.sub(r"[^A-Za-z0-9._-]+", " ", name)[:60]
    close = difflib.get_close_matches(name, known, n=1)
    return f"{shown}: no such {what}" + (f" (did you mean {close[0]}?)" if close else "")


def _takes(model: type[BaseModel]) -> str:
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    optional = [name for name, field in model.model_fields.items() if not field.is_required()]
    return ", ".join([*required, *(f"[{name}]" for name in optional)])
