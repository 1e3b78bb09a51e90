"""Access to GitHub as an App: a token for one repository with the least permissions, minted when it is needed (R9)."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import jwt
from githubkit.config import Config, get_config
from jwt.algorithms import RSAAlgorithm

from pressplay import names, settings
from pressplay.clock import Clock, parse_rfc3339
from pressplay.errors import InputError
from pressplay.github.breaker import Breaker
from pressplay.github.calls import GitHubRefused, call
from pressplay.github.client import AppClient, AppKeyStrategy, InstallationToken
from pressplay.github.client import InstallationClient as InstallationClient
from pressplay.github.given import GivenToken, TokenSpent
from pressplay.github.grants import lacking, listed
from pressplay.github.wire import AnswerCache, Network, Wire, tls

TIMEOUT_SECONDS = 30.0
TOKEN_MARGIN_SECONDS = 300
"""A token this close to its end is not handed out any more."""
JWT_SECONDS = 540
"""How long an App's own JWT holds; GitHub takes ten minutes at most."""
_JWT_SHARED_SECONDS = 60
"""For how long calls share a JWT: signing one takes longer than all else that a call takes here."""
CLOCK_SKEW_SECONDS = 60
_UNKNOWN_APP = "Integration not found"
"""GitHub's message, with a 404, when no App has the id that a JWT names."""


@dataclass(frozen=True)
class AppKey:
    """What a Secret `github-app-<name>` holds."""

    app_id: int
    private_key: str = field(repr=False)


def configuration(api_url: str, transport: httpx.BaseTransport | None = None) -> Config:
    """How githubkit speaks with the API at this address; `transport` replaces the network (the sandbox)."""
    # No cache: an answer from before an agent's push would be wrong. No retries: Argo's retry strategy does them.
    return get_config(
        base_url=api_url,
        user_agent="press-play",
        timeout=TIMEOUT_SECONDS,
        transport=transport,
        trust_env=transport is None,
        ssl_verify=tls() if transport is None else True,
        http_cache=False,
        auto_retry=False,
    )


@functools.lru_cache(maxsize=32)
def signing_key(pem: str) -> Any:
    """The RSA key behind a PEM text; ValueError, TypeError or jwt.PyJWTError if it is not one.

    Reading (and checking) one takes a hundred times as long as signing with it.
    """
    return RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(pem)


@functools.lru_cache(maxsize=64)
def _signed(key: AppKey, issued: int) -> str:
    """The JWT of an App. Raises what `signing_key` raises."""
    claims = {"iss": str(key.app_id), "iat": issued - CLOCK_SKEW_SECONDS, "exp": issued + JWT_SECONDS}
    return jwt.encode(claims, signing_key(key.private_key), algorithm="RS256")


def _none(app: str) -> AppKey:
    raise InputError(f"this step has a token for one repository, and no key of the App {app!r}")


@dataclass(frozen=True)
class _Installation:
    id: int
    app_id: int
    login: str


_Key = tuple[str, str, frozenset[tuple[str, str]]]


class GitHubAccess:
    """Mints installation tokens. They live in this object only, until shortly before they expire."""

    def __init__(
        self,
        github: settings.GitHub,
        keys: Callable[[str], AppKey],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        breaker: Breaker | None = None,
        given: GivenToken | None = None,
    ) -> None:
        """`keys` gives an App's key by its name (`githubApp`); `transport` replaces the network (the sandbox).

        `breaker` holds calls back at a rate limit; by default one of this object's own, which no other process knows.
        `given`: the only token there is; no key is used then.
        """
        self._github = github
        self._keys = _none if given is not None else keys
        self._given = given
        self._clock = clock
        self._breaker = breaker or Breaker(clock)
        self._network = transport or Network(TIMEOUT_SECONDS)
        api = httpx.URL(github.api_url)
        self._wire = Wire(self._network, api, clock, self._breaker, AnswerCache(), app="", limits=("", ""))
        # None of githubkit's cache and retries: `wire` asks each time, and Argo's strategy tries again.
        self._config = get_config(
            base_url=github.api_url,
            user_agent="press-play",
            timeout=TIMEOUT_SECONDS,
            http_cache=False,
            auto_retry=False,
        )
        self._lock = threading.RLock()
        self._apps: dict[tuple[str, str], AppClient] = {}
        self._installations: dict[tuple[str, str], _Installation] = {}
        self._logins: dict[str, str] = {}
        self._clients: dict[_Key, tuple[float, InstallationClient]] = {}

    def close(self) -> None:
        """Close the connections, once nothing more is asked."""
        if isinstance(self._network, Network):
            self._network.end()

    def with_token(self, given: GivenToken) -> GitHubAccess:
        """The same way to GitHub with this token alone, and without a key. Close this object, not that one."""
        return GitHubAccess(self._github, _none, self._clock, self._network, self._breaker, given)

    def mint(self, app: str, repo: str, permissions: Mapping[str, str]) -> GivenToken:
        """A new token, to be handed over: it is not kept here. Raises what `installation` raises."""
        token, ends, installed = self._mint(app, names.repo(repo), dict(permissions))
        return GivenToken(app, installed.app_id, installed.login, names.repo(repo), dict(permissions), ends, token)

    def installation(self, app: str, repo: str, permissions: Mapping[str, str]) -> InstallationClient:
        """A client as `app` for one repository with these permissions and no more. Its token is renewed as it must be.

        InputError if the App is not installed there, is suspended, lacks a permission or its key is wrong; TryAgain
        for a passing fault.
        """
        key = (app, names.repo(repo), frozenset(permissions.items()))
        with self._lock:
            ends, client = self._clients.get(key, (0.0, None))
            if client is None or ends - TOKEN_MARGIN_SECONDS <= self._clock.now():
                client = self._renewed(key)
            return client

    def token(self, app: str, repo: str, permissions: Mapping[str, str]) -> str:
        """The token of `installation`, for git."""
        return self.installation(app, repo, permissions).auth.token

    def secret_for(self, app: str, purpose: str) -> bytes:
        """32 bytes that only whoever has the App's key can make; others for another `purpose`."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), 32, None, purpose.encode()).derive(self._keys(app).private_key.encode())

    def as_app(self, app: str, account: str = "") -> AppClient:
        """A client as the App itself, by its key; `account` is whose installation the calls are about, if any's."""
        with self._lock:
            if (app, account) not in self._apps:
                config = self._wired(app, account, None)
                strategy = AppKeyStrategy(functools.partial(self._jwt, app))
                self._apps[app, account] = AppClient(strategy, config, app)
            return self._apps[app, account]

    def app_id(self, app: str) -> int:
        """The App's number, as rulesets and checks name it."""
        return self._keys(app).app_id

    def app_id_of_harness(self) -> int:
        """The number of the App as which no agent ever runs (R5)."""
        return self.app_id(self._github.harness_app)

    def login(self, app: str) -> str:
        """The login of the bot that an App acts as, requested with the App's key. Without the key, use `names.bot`."""
        with self._lock:
            if app not in self._logins:
                self._logins[app] = f"{self.itself(app)['slug']}[bot]"
            return self._logins[app]

    def itself(self, app: str) -> dict[str, Any]:
        """GitHub's record of the App: its slug, permissions, events. Raises what `installation` raises."""
        record: dict[str, Any] = self._ask(app, "", "GET", "/app")
        return record

    def installation_of(self, app: str, repo: str) -> dict[str, Any]:
        """The App's installation on a repository as GitHub has it now, suspended or not.

        InputError if there is none or the App's key is wrong; TryAgain for a passing fault.
        """
        path = f"/repos/{names.repo(repo)}/installation"
        try:
            installation: dict[str, Any] = self._ask(app, repo.partition("/")[0], "GET", path)
        except GitHubRefused as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            raise InputError(
                f"App {app!r} is not installed on {repo} (GET {path}: 404): install it there, "
                "or take the repository out of the chart's values"
            ) from error
        return installation

    def _wired(self, app: str, account: str, whose: _Key | None) -> Config:
        """githubkit's configuration for one client: what limits hold it back, and whose answers it may give again."""
        of_app = names.rate_limit(self._github.api_url, app)
        of_installation = names.rate_limit(self._github.api_url, app, account) if account else of_app
        wire = replace(self._wire, app=app, limits=(of_app, of_installation), whose=whose)
        return replace(self._config, transport=wire)

    # -- tokens --------------------------------------------------------------------------------------------------------

    def _renewed(self, key: _Key, refused: str | None = None) -> InstallationClient:
        """The client with a new token; its own if that is not the `refused` one: another thread has renewed it."""
        with self._lock:
            _, client = self._clients.get(key, (0.0, None))
            if client is not None and refused not in (None, client.auth.token):
                return client
            app, repo, permissions = key
            if self._given is not None and refused is not None:
                raise TokenSpent(f"GitHub answered 401 to the token for {repo} that was made for this step")
            token, ends, installed = self._mint(app, repo, dict(permissions))
            if client is None:
                strategy = InstallationToken(token, functools.partial(self._renewed, key))
                config = self._wired(app, repo.partition("/")[0], key)
                client = InstallationClient(strategy, config, app, installed.app_id, installed.login, dict(permissions))
            client.auth.token = token
            self._clients[key] = (ends, client)
            return client

    def _mint(self, app: str, repo: str, permissions: dict[str, str]) -> tuple[str, float, _Installation]:
        given = self._given
        if given is not None:
            given.demand(app, repo, permissions, self._clock.now() + TOKEN_MARGIN_SECONDS)
            return given.token, given.ends, _Installation(0, given.app_id, given.login)
        installed = self._installed(app, repo)
        owner, _, name = repo.partition("/")
        body = {"repositories": [name], "permissions": permissions}
        try:
            answer = self._ask(app, owner, "POST", f"/app/installations/{installed.id}/access_tokens", body)
        except GitHubRefused as error:
            del self._installations[app, repo]
            if error.status == httpx.codes.NOT_FOUND and self._installed(app, repo).id != installed.id:
                # It was installed again since.
                return self._mint(app, repo, permissions)
            raise self._not_minted(app, repo, permissions, error) from error
        return answer["token"], parse_rfc3339(answer["expires_at"]), installed

    def _installed(self, app: str, repo: str) -> _Installation:
        if (app, repo) not in self._installations:
            installation = self.installation_of(app, repo)
            if installation.get("suspended_at"):
                raise _suspended(app, repo, installation["html_url"])
            login = f"{installation['app_slug']}[bot]"
            self._installations[app, repo] = _Installation(installation["id"], installation["app_id"], login)
            self._logins[app] = login
        return self._installations[app, repo]

    def _ask(self, app: str, account: str, method: str, path: str, json: Any = None) -> Any:
        """A call as the App itself; InputError that says what to do where GitHub does not take its key."""
        try:
            return call(self.as_app(app, account), method, path, json=json)
        except GitHubRefused as error:
            if error.status != httpx.codes.UNAUTHORIZED and _UNKNOWN_APP not in str(error):
                raise
            raise InputError(
                f"App {app!r}, app-id {self.app_id(app)}: {error}. The Secret {names.app_secret(app)} must hold the "
                "App's id (app-id) and a private key that the App still has (private-key); if both are right, "
                "the clock here is off by more than a minute"
            ) from error

    def _jwt(self, app: str) -> str:
        now = int(self._clock.now())
        try:
            return _signed(self._keys(app), now - now % _JWT_SHARED_SECONDS)
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise InputError(
                f"App {app!r}: its private key is not an RSA key in PEM; put the key that GitHub gave into the "
                f"Secret {names.app_secret(app)}, key private-key"
            ) from error

    # -- why there is no token -----------------------------------------------------------------------------------------

    def _not_minted(self, app: str, repo: str, permissions: Mapping[str, str], error: GitHubRefused) -> InputError:
        """The error for a token that GitHub refuses to mint, with what a person can do about it."""
        wanted = listed(permissions)
        if "suspended" in str(error):
            return _suspended(app, repo, "the account's settings")
        try:
            installation = self.installation_of(app, repo)
            own = self.itself(app)["permissions"]
        except InputError as worse:
            return worse
        lacks = lacking(permissions, installation["permissions"])
        if not lacks:
            return InputError(f"App {app!r} on {repo} must have the permissions {wanted}: {error}")
        never = lacking(lacks, own)
        todo = f"give the App {listed(never)} in its settings, then have" if never else "have"
        return InputError(
            f"App {app!r} on {repo} must have the permissions {wanted}, and lacks {listed(lacks)}: {todo} an owner of "
            f"{repo.partition('/')[0]} accept that ({installation['html_url']})"
        )


def _suspended(app: str, repo: str, where: str) -> InputError:
    return InputError(
        f"App {app!r} is suspended on {repo}: an owner of {repo.partition('/')[0]} must unsuspend it ({where})"
    )
