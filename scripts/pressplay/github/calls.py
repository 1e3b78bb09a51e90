"""One call to GitHub, with its failures in two classes: passing faults (TryAgain) and lasting ones (InputError)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
from githubkit import GitHub, TokenAuthStrategy
from githubkit.exception import RequestError, RequestFailed, RequestTimeout

from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.github.client import AppClient, InstallationClient

Client = GitHub[TokenAuthStrategy]
API_VERSION = "2022-11-28"
PAGE = 100
_MESSAGE_LIMIT = 300


class GitHubRefused(InputError):
    """GitHub answered with a status that another attempt would meet again."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def part(text: str) -> str:
    """A branch, path or name as part of an address; slashes stay."""
    return quote(text, safe="/")


def call(
    gh: GitHub[Any],
    method: str,
    path: str,
    *,
    json: Any = None,
    params: Mapping[str, str | int] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """The answer's JSON (None if there is no body).

    TryAgain for a timeout, a broken connection or answer, a 5xx, 409 or 429; RateLimited, a TryAgain, for any rate
    limit. GitHubRefused for the rest, naming method, path, as whom, and what is missing.
    """
    return _json(_send(gh, method, path, json, params, headers), method, path)


def find(gh: GitHub[Any], path: str, *, headers: Mapping[str, str] | None = None) -> Any:
    """GET, or None if GitHub says 404."""
    try:
        return call(gh, "GET", path, headers=headers)
    except GitHubRefused as error:
        if error.status == httpx.codes.NOT_FOUND:
            return None
        raise


def raw(gh: GitHub[Any], path: str) -> bytes:
    """GET of a thing's bytes, by GitHub's raw media type."""
    return _send(gh, "GET", path, None, None, {"Accept": "application/vnd.github.raw+json"}).content


def tail(gh: GitHub[Any], path: str, most: int) -> bytes | None:
    """The last `most` bytes of a download, redirects followed; None if it is gone (404, 410).

    It is read in pieces: a job's log may be larger than a step's memory. Raises what `call` raises.
    """
    kept = b""
    try:
        with gh.get_sync_client() as client, client.stream("GET", path) as response:
            if response.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
                return None
            if response.is_error:
                response.read()
                raise failure(gh, response, "GET", path)
            for piece in response.iter_bytes():
                kept = (kept + piece)[-most:]
    except httpx.HTTPError as error:
        raise TryAgain(f"GET {path}: no answer from GitHub ({type(error).__name__})") from error
    return kept


def pages(
    gh: GitHub[Any], path: str, params: Mapping[str, str | int] | None = None, key: str | None = None
) -> Iterator[dict[str, Any]]:
    """The items of a list, page after page; `key` names the list within an answer that is an object."""
    query: Mapping[str, str | int] = {**(params or {}), "per_page": PAGE}
    while True:
        response = _send(gh, "GET", path, None, query, None)
        answer = _json(response, "GET", path)
        yield from answer[key] if key is not None else answer
        if "next" not in response.links:
            return
        # Some lists have page numbers, others (Dependabot alerts) a cursor: GitHub's Link header has the next page.
        query = dict(parse_qsl(urlsplit(response.links["next"]["url"]).query))


def page(
    gh: GitHub[Any], path: str, number: int, size: int = PAGE, params: Mapping[str, str | int] | None = None
) -> tuple[list[dict[str, Any]], bool]:
    """One page of a list that counts its pages, and whether another one follows. Raises what `call` raises."""
    response = _send(gh, "GET", path, None, {**(params or {}), "per_page": size, "page": number}, None)
    return _json(response, "GET", path) or [], "next" in response.links


def _send(
    gh: GitHub[Any],
    method: str,
    path: str,
    json: Any,
    params: Mapping[str, str | int] | None,
    headers: Mapping[str, str] | None,
) -> httpx.Response:
    try:
        # Relative to the API's own path, which GitHub Enterprise Server has (/api/v3).
        response = gh.request(
            method,
            path,
            json=json,
            params=dict(params) if params else None,
            headers={"X-GitHub-Api-Version": API_VERSION, **(headers or {})},
        )
    except RequestFailed as error:
        raise failure(gh, error.response.raw_response, method, path) from error
    except RequestError as error:
        raise unanswered(error, f"{method} {path}") from error
    return response.raw_response


def unanswered(error: RequestError[Any], what: str) -> PressPlayError:
    """What it means that the call `what` got no answer."""
    if isinstance(error.exc, PressPlayError):
        # Not sent: a rate limit holds it back, or there is no token for it.
        return error.exc
    if isinstance(error, RequestTimeout):
        return TryAgain(f"{what}: GitHub did not answer in time")
    return TryAgain(f"{what}: no answer from GitHub ({type(error.exc).__name__})")


def _json(response: httpx.Response, method: str, path: str) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise TryAgain(f"{method} {path}: GitHub's answer broke off") from error


def failure(gh: GitHub[Any], response: httpx.Response, method: str, path: str) -> PressPlayError:
    """The exception for an error that GitHub answered."""
    status = response.status_code
    message = _said(response)
    where = f"{method} {path}: GitHub answered {status} ({message})"
    if status >= 500 or status in (httpx.codes.CONFLICT, httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS):
        return TryAgain(where)
    who = gh.who if isinstance(gh, AppClient | InstallationClient) else "somebody"
    if status == httpx.codes.UNAUTHORIZED:
        return GitHubRefused(f"{where} to {who}: the App's key or token is not accepted", status)
    if status == httpx.codes.FORBIDDEN and "suspended" in message.lower():
        return GitHubRefused(f"{where} to {who}: an owner of the account must unsuspend the installation", status)
    if status == httpx.codes.FORBIDDEN:
        needed = response.headers.get("x-accepted-github-permissions")
        missing = f"; the App needs one of the permissions: {needed}" if needed else ""
        return GitHubRefused(f"{where} to {who}{missing}", status)
    if status == httpx.codes.NOT_FOUND:
        return GitHubRefused(
            f"{where} to {who}: there is none, or the App is not installed there or may not see it", status
        )
    return GitHubRefused(where, status)


def _said(response: httpx.Response) -> str:
    """GitHub's words without what could be taken for code: they may quote text that people wrote (R7)."""
    try:
        body = response.json()
    except ValueError:
        return response.reason_phrase
    if not isinstance(body, dict):
        return response.reason_phrase
    errors = body.get("errors") or []
    details = [item.get("message", "") if isinstance(item, dict) else str(item) for item in errors]
    text = "; ".join(str(word) for word in [body.get("message", ""), *details] if word)
    return re.sub(r"[^A-Za-z0-9 ._,:;/'\[\]()-]+", " ", text)[:_MESSAGE_LIMIT]
