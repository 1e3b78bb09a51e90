"""HTTP around the endpoints: routing, tokens, permissions, pages, ETags, rate limits and faults on demand."""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import hashlib
import importlib
import json
import pkgutil
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode

import jwt
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import Map, Rule

from pressplay.clock import parse_rfc3339
from pressplay.sandbox.forge import merge_queue
from pressplay.sandbox.forge.errors import ApiError, invalid
from pressplay.sandbox.forge.shapes import repo_settings
from pressplay.sandbox.forge.store import JSON, LEVELS, ROLES, Actor, Row, Session, Store, as_json, at_least

T = TypeVar("T")


@dataclass(frozen=True)
class ApiAnswer:
    """An endpoint's answer. `body` is JSON, bytes as they are, or None for none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong, for tests: of the requests of this method whose path matches, `times` after the first `skip`.

    `status` answers so instead of asking the endpoint; `timeout` raises as a client's timeout does (in-process only);
    `truncate` does what was asked, then cuts the answer to so many bytes; `after` does what was asked, then answers
    `status` (a lost answer).
    """

    method: str = ".*"
    path: str = ".*"
    times: int = 1
    skip: int = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "Server Error"
    timeout: BaseException | None = None
    truncate: int | None = None
    after: bool = False


Auth = Literal["repo", "app", "user", "any", "none"]
"""What a request must be authenticated as: by a repository's permissions, an App, a user, anyone, or not at all."""


@dataclass(frozen=True)
class Endpoint:
    """A function that answers, and what a caller needs for it."""

    handle: Callable[[ApiCall], Any]
    needs: tuple[tuple[str, str], ...]
    role: str
    auth: Auth
    write: bool
    archived: bool
    """Whether it may change an archived repository."""


ROUTES = Map(strict_slashes=False, merge_slashes=False)
Handler = TypeVar("Handler", bound=Callable[["ApiCall"], Any])


def route(
    method: str,
    rule: str,
    *,
    role: str = "",
    auth: Auth = "repo",
    archived: bool = False,
    **needs: str,
) -> Callable[[Handler], Handler]:
    """Register an endpoint: any one of `needs` (permission="read"|"write") lets an App in, `role` a user."""
    default = "write" if "write" in needs.values() else "read"
    if "administration" in needs and default == "write":
        default = "admin"

    def register(handle: Handler) -> Handler:
        endpoint = Endpoint(handle, tuple(needs.items()), role or default, auth, method != "GET", archived)
        ROUTES.add(Rule(rule, methods=[method], endpoint=endpoint))
        return handle

    return register


LONGEST_BODY = 65_536
"""Characters of a comment, a review, a pull request's or an issue's body."""


class ApiCall:
    """One request: its session, repository, arguments, query and body."""

    def __init__(
        self,
        session: Session,
        repo: Row | None,
        args: Mapping[str, Any],
        query: dict[str, str],
        body: Any,
        url: str,
        accept: str,
    ) -> None:
        self.s = session
        self._repo = repo
        self.args = args
        self.query = query
        self.body = body
        self.url = url
        self.accept = accept
        self.headers: dict[str, str] = {}

    @property
    def repo(self) -> Row:
        """The repository that the path names."""
        if self._repo is None:
            raise ApiError(404, "Not Found")
        return self._repo

    @property
    def app(self) -> Row:
        """The App that asks, as itself or by an installation's token."""
        if self.s.actor.app is None:
            raise ApiError(403, "You must authenticate via a GitHub App.")
        return self.s.actor.app

    @property
    def fields(self) -> JSON:
        """The body where an object is expected (an empty body is an empty object)."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise ApiError(422, "Invalid request.\n\nFor 'links/0/schema', the body is not an object.")
        text = self.body.get("body")
        if isinstance(text, str) and len(text) > LONGEST_BODY:
            raise invalid(
                "Request", "body", f"Body is too long (maximum is {LONGEST_BODY} characters)", "unprocessable"
            )
        return self.body

    def get(self, name: str, kind: type[T], default: T) -> T:
        """A body's field of this type, or `default` where it is absent or null; 422 for another type."""
        if self.fields.get(name) is None:
            return default
        return self._typed(name, kind)

    def need(self, name: str, kind: type[T]) -> T:
        """A body's field that must be there; 422 where it is not."""
        if self.fields.get(name) is None:
            error = {"resource": "Request", "field": name, "code": "missing_field"}
            raise ApiError(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.', [error])
        return self._typed(name, kind)

    def _typed(self, name: str, kind: type[T]) -> T:
        value = self.fields[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ApiError(422, f"Invalid request.\n\nFor 'properties/{name}', the value is not a {kind.__name__}.")
        return value

    def page(self, items: Sequence[T]) -> list[T]:
        """The page of `items` that the query asks for; sets the Link header."""
        size, number = self._page(len(items))
        return list(items[(number - 1) * size : number * size])

    def cursor(self, rows: Sequence[Row], everything: Sequence[Row]) -> list[Row]:
        """The page of `rows` after or before what the query's cursor names; sets the Link header. 422 for no cursor.

        What it names need only be among `everything`, of which `rows` are a part in the same order: a cursor stays
        good where its row is no longer asked for.
        """
        size = min(max(_number(self.query.get("per_page"), 30), 1), 100)
        places = {_token(row): at for at, row in enumerate(everything)}
        after, before = self.query.get("after"), self.query.get("before")
        if any(given and given not in places for given in (after, before)):
            raise ApiError(422, "Invalid request.\n\nThe cursor is not valid")
        low = places[after] if after else -1
        high = places[before] if before else len(everything)
        within = [row for row in rows if low < places[_token(row)] < high]
        page = within[-size:] if before and not after else within[:size]
        links = {}
        if page and page[-1]["id"] != rows[-1]["id"]:
            links["next"] = {"after": _token(page[-1])}
        if page and page[0]["id"] != rows[0]["id"]:
            links["prev"] = {"before": _token(page[0])}
        rest = {key: value for key, value in self.query.items() if key not in ("after", "before")}
        self._link({rel: {**rest, "per_page": size, **place} for rel, place in links.items()})
        return page

    def _link(self, links: Mapping[str, Mapping[str, Any]]) -> None:
        if links:
            self.headers["Link"] = ", ".join(
                f'<{self.url}?{urlencode(query)}>; rel="{rel}"' for rel, query in links.items()
            )

    def rows(self, sql: str, *args: Any) -> tuple[list[Row], int]:
        """The page of a query's rows that the request asks for, and how many there are; sets the Link header.

        Only the page is read: going through all pages of a long list stays linear.
        """
        total: int = self.s.row(f"SELECT COUNT(*) AS n FROM ({sql})", *args)["n"]  # noqa: S608 - our own queries
        size, number = self._page(total)
        return self.s.all(f"{sql} LIMIT ? OFFSET ?", *args, size, (number - 1) * size), total

    def since(self) -> float:
        """The moment that `since` names, or 0: what changed then or later is asked for. 422 where it is no time."""
        text = self.query.get("since", "")
        try:
            return parse_rfc3339(text) if text else 0.0
        except ValueError:
            raise ApiError(422, "Invalid request.\n\nsince is not in ISO 8601") from None

    def _page(self, total: int) -> tuple[int, int]:
        size = min(max(_number(self.query.get("per_page"), 30), 1), 100)
        number = max(_number(self.query.get("page"), 1), 1)
        last = max((total + size - 1) // size, 1)
        links: dict[str, int] = {}
        if number < last:
            links |= {"next": number + 1, "last": last}
        if number > 1:
            links |= {"first": 1, "prev": min(number - 1, last)}
        self._link({rel: {**self.query, "per_page": size, "page": at} for rel, at in links.items()})
        return size, number


def _token(row: Row) -> str:
    return base64.urlsafe_b64encode(f"cursor:{row['id']}".encode()).decode()


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


class Web:
    """The WSGI application for the REST API."""

    def __init__(self, store: Store, sync: Callable[[str], None]) -> None:
        from pressplay.sandbox.forge import api

        for module in pkgutil.iter_modules(api.__path__):
            importlib.import_module(f"{api.__name__}.{module.name}")
        self.store = store
        self.faults: list[Fault] = []
        self._sync = sync
        self._lock = threading.Lock()
        self._router = ROUTES.bind("forge", "/")

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """ApiAnswer one request."""
        method: str = environ["REQUEST_METHOD"]
        path = request_path(environ)
        fault = self._fault(method, path)
        if fault is not None and fault.timeout is not None:
            raise fault.timeout
        if fault is not None and fault.status is not None and not fault.after:
            answer = _refusal(ApiError(fault.status, fault.message, headers=fault.headers))
        else:
            answer = self._answer(method, path, environ)
            if fault is not None and fault.after and fault.status is not None:
                answer = _refusal(ApiError(fault.status, fault.message, headers=fault.headers))
        body, headers = _encode(answer)
        if fault is not None and fault.truncate is not None:
            # A connection that breaks off leaves JSON that does not end.
            body = body[: fault.truncate]
        headers["Content-Length"] = str(len(body))
        headers["X-GitHub-Request-Id"] = hashlib.sha256(f"{method} {path}".encode()).hexdigest()[:16].upper()
        start_response(f"{answer.status} {HTTP_STATUS_CODES.get(answer.status, 'Unknown')}", list(headers.items()))
        return [] if method == "HEAD" else [body]

    def _fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and re.fullmatch(fault.method, method) and re.search(fault.path, path):
                    if fault.skip > 0:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None

    def _answer(self, method: str, path: str, environ: dict[str, Any]) -> ApiAnswer:
        try:
            endpoint, args = self._match(method, path)
            body = _body(environ)
            try:
                with self.store.session(write=endpoint.write) as session:
                    return self._call(session, endpoint, args, body, path, environ)
            except NeedsSync as stale:
                self._sync(stale.full_name)
                with self.store.session(write=endpoint.write) as session:
                    return self._call(session, endpoint, args, body, path, environ)
        except ApiRateLimited as error:
            if not path.endswith("/graphql"):
                return _refusal(error)
            # GraphQL reports it as an error in a 200.
            return ApiAnswer(200, {"errors": [{"type": "RATE_LIMITED", "message": error.message}]}, error.headers)
        except ApiError as error:
            return _refusal(error)
        except OverflowError:
            # A number in the path or in a token that no row can have.
            return _refusal(ApiError(404, "Not Found"))

    def _match(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, Any]]:
        try:
            endpoint, args = self._router.match(path, method="GET" if method == "HEAD" else method)
        except (NotFound, MethodNotAllowed):
            raise ApiError(404, "Not Found") from None
        return endpoint, args

    def _call(
        self,
        session: Session,
        endpoint: Endpoint,
        args: Mapping[str, Any],
        body: Any,
        path: str,
        environ: dict[str, Any],
    ) -> ApiAnswer:
        limits: dict[str, str] = {}
        resource = "graphql" if path.endswith("/graphql") else "core"
        if endpoint.auth != "none":
            session.actor = authenticate(session, environ.get("HTTP_AUTHORIZATION", ""))
            limits = self._count(session, resource, 0 if path == "/rate_limit" else 1)
        repo = None
        if endpoint.auth == "app":
            if session.actor.app is None or session.actor.user is not None:
                raise ApiError(401, "A JSON web token could not be decoded")
        elif endpoint.auth == "repo":
            repo = permitted_repo(session, f"{args['owner']}/{args['name']}", endpoint.needs, endpoint.role)
            if repo["id"] not in self.store.synced:
                raise NeedsSync(repo["full_name"])
            if endpoint.write and not endpoint.archived and repo_settings(session, repo).get("archived"):
                raise ApiError(403, "Repository was archived so is read-only.")
        elif endpoint.auth == "user" and session.actor.user is None:
            raise ApiError(403, "Resource not accessible by integration")
        scheme, host = (
            environ.get("wsgi.url_scheme", "http"),
            environ.get("HTTP_HOST") or environ.get("SERVER_NAME", ""),
        )
        prefix = "/api/v3" if environ.get("PATH_INFO", "").startswith("/api/v3/") else ""
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        call = ApiCall(
            session, repo, args, query, body, f"{scheme}://{host}{prefix}{path}", environ.get("HTTP_ACCEPT", "")
        )
        result = endpoint.handle(call)
        if endpoint.write and repo is not None:
            merge_queue.advance(session, repo)
        answer = result if isinstance(result, ApiAnswer) else ApiAnswer(200, result)
        answer = ApiAnswer(answer.status, answer.body, {**limits, **call.headers, **answer.headers})
        if endpoint.write or answer.status != 200:
            return answer
        content, headers = _encode(answer)
        digest = f'"{hashlib.sha256(content).hexdigest()}"'
        headers["ETag"] = f"W/{digest}"
        if digest in environ.get("HTTP_IF_NONE_MATCH", "") and limits:
            # What has not changed is not sent again, and not counted.
            used = self.store.meter.add(session.actor.key, resource, session.now, -1)
            return ApiAnswer(304, None, {**headers, **self.store.meter.headers(resource, session.now, used)})
        return ApiAnswer(200, content, headers)

    def _count(self, session: Session, resource: str, number: int) -> dict[str, str]:
        meter = self.store.meter
        used = meter.add(session.actor.key, resource, session.now, number)
        headers = meter.headers(resource, session.now, used)
        if meter.enforce is not None and used > meter.enforce and number:
            raise ApiRateLimited(403, "API rate limit exceeded for installation.", headers=headers)
        return headers


class ApiRateLimited(ApiError):
    """A token's requests of this hour are used up."""


class NeedsSync(Exception):
    """The repository's refs were not compared since a request failed; that takes its lock, then a transaction."""

    def __init__(self, full_name: str) -> None:
        super().__init__(full_name)
        self.full_name = full_name


def request_path(environ: Mapping[str, Any]) -> str:
    """The decoded path, without the prefix of GitHub Enterprise Server.

    A real server hands over bytes as Latin-1 (PEP 3333); httpx's in-process transport hands over text.
    """
    path: str = environ.get("PATH_INFO", "")
    with contextlib.suppress(UnicodeError):
        path = path.encode("latin-1").decode()
    return path.removeprefix("/api/v3") if path.startswith("/api/v3/") else path


def _body(environ: Mapping[str, Any]) -> Any:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    raw = environ["wsgi.input"].read(length) if length else b""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        # curl labels JSON as a form, unless a Content-Type is given.
        if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
        raise ApiError(400, "Problems parsing JSON") from None


def _refusal(error: ApiError) -> ApiAnswer:
    body: JSON = {
        "message": error.message,
        "documentation_url": "https://docs.github.com/rest",
        "status": str(error.status),
    }
    if error.errors:
        body["errors"] = error.errors
    return ApiAnswer(error.status, body, error.headers)


def _encode(answer: ApiAnswer) -> tuple[bytes, dict[str, str]]:
    headers = dict(answer.headers)
    if answer.body is None:
        return b"", headers
    if isinstance(answer.body, bytes):
        headers.setdefault("Content-Type", "application/octet-stream")
        return answer.body, headers
    headers.setdefault("Content-Type", "application/json; charset=utf-8")
    return as_json(answer.body), headers


def authenticate(session: Session, header: str) -> Actor:
    """Who an Authorization header speaks for; 401 for none, a wrong or an expired one."""
    scheme, _, credentials = header.partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "basic":
        try:
            credentials = base64.b64decode(credentials, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeError):
            raise ApiError(401, "Bad credentials") from None
    elif scheme.lower() not in ("bearer", "token"):
        raise ApiError(401, "Requires authentication")
    if credentials.count(".") == 2:
        return _app(session, credentials)
    digest = token_hash(credentials)
    row = session.one("SELECT * FROM forge_tokens WHERE hash = ?", digest)
    if row is None or (row["expires_at"] is not None and row["expires_at"] <= session.now):
        raise ApiError(401, "Bad credentials")
    if row["user_id"] is not None:
        return Actor(session.user(row["user_id"]), key=digest)
    installation = session.one("SELECT * FROM forge_installations WHERE id = ?", row["installation_id"])
    if installation is None:
        raise ApiError(401, "Bad credentials")
    refuse_suspended(session, installation)
    bot = session.one("SELECT * FROM forge_users WHERE app_id = ?", installation["app_id"])
    return Actor(
        bot,
        session.app(installation["app_id"]),
        installation,
        frozenset(json.loads(row["repo_ids"])),
        json.loads(row["permissions"]),
        digest,
    )


def refuse_suspended(session: Session, installation: Row) -> None:
    """403 where the account's owner suspended the installation."""
    if session.one("SELECT 1 FROM forge_suspended WHERE installation_id = ?", installation["id"]) is not None:
        raise ApiError(403, "This installation has been suspended")


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _app(session: Session, token: str) -> Actor:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        issuer = str(claims.get("iss", ""))
        number = int(issuer) if issuer.isdecimal() else None
        app = session.one("SELECT * FROM forge_apps WHERE client_id = ? OR id = ?", issuer, number)
        if app is None:
            raise ApiError(404, "Integration not found")
        _verified(session, app, token)
        issued, expires = float(claims["iat"]), float(claims["exp"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise ApiError(401, "A JSON web token could not be decoded") from None
    if expires <= session.now:
        raise ApiError(
            401,
            "'Expiration time' claim ('exp') must be a numeric value in the future",
        )
    if issued > session.now + 60:
        raise ApiError(401, "'Issued at' claim ('iat') must be an Integer in the past")
    if expires - session.now > 600:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    return Actor(None, app, key=f"app-{app['id']}")


def _verified(session: Session, app: Row, token: str) -> None:
    """PyJWTError where none of the App's keys signed the token."""
    fault = jwt.PyJWTError("the App has no key")
    for row in session.all("SELECT public_key FROM forge_app_keys WHERE app_id = ? ORDER BY id DESC", app["id"]):
        try:
            key = _public_key(row["public_key"])
            jwt.decode(token, key, ["RS256"], options={"verify_exp": False, "verify_iat": False})
        except jwt.PyJWTError as error:
            fault = error
        else:
            return
    raise fault


@functools.lru_cache(maxsize=256)
def _public_key(pem: str) -> Any:
    """A key by its PEM text; parsing one takes longer than a request."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    return load_pem_public_key(pem.encode())


def permitted_repo(session: Session, full_name: str, needs: Iterable[tuple[str, str]], role: str) -> Row:
    """The repository, if the actor sees it (404) and may do this to it (403)."""
    repo = session.one("SELECT * FROM forge_repos WHERE full_name = ?", full_name)
    if repo is None:
        raise ApiError(404, "Not Found")
    actor = session.actor
    needs = tuple(needs)
    if actor.permissions is not None:
        if repo["id"] not in actor.repo_ids:
            raise ApiError(404, "Not Found")
        if needs and not any(
            (level == "read" and name == "metadata") or at_least(actor.permissions.get(name), level, LEVELS)
            for name, level in needs
        ):
            accepted = "; ".join(f"{name}={level}" for name, level in needs)
            raise ApiError(
                403, "Resource not accessible by integration", headers={"X-Accepted-GitHub-Permissions": accepted}
            )
    elif actor.user is not None:
        have = session.role(repo, actor.user)
        if not at_least(have, "read", ROLES):
            raise ApiError(404, "Not Found")
        if not at_least(have, role, ROLES):
            raise ApiError(
                403, "Must have admin rights to Repository." if role == "admin" else "Resource not accessible"
            )
    else:
        raise ApiError(403, "Resource not accessible by integration")
    return repo
