"""Access to GitHub as an App: a token for one repository with the least permissions, minted when it is needed (R9)."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
from githubkit import GitHub, TokenAuthStrategy, UnauthAuthStrategy
from githubkit.config import Config, get_config
from jwt.algorithms import RSAAlgorithm

from pressplay import names, settings
from pressplay.clock import Clock, parse_rfc3339
from pressplay.errors import InputError
from pressplay.github.calls import call, find

TIMEOUT_SECONDS = 30.0
TOKEN_MARGIN_SECONDS = 300
"""A token this close to its end is not handed out any more."""
JWT_SECONDS = 540
"""How long an App's own JWT holds; GitHub takes ten minutes at most."""
CLOCK_SKEW_SECONDS = 60


@dataclass(frozen=True)
class AppKey:
    """What a Secret `github-app-<name>` holds."""

    app_id: int
    private_key: str = field(repr=False)


def configuration(api_url: str, transport: httpx.BaseTransport | None = None) -> Config:
    """How githubkit speaks with the API at this address; `transport` replaces the network (the sandbox)."""
    # No cache: an answer from before an agent's push would be a wrong one. No retries: Argo's strategy does them.
    return get_config(
        base_url=api_url,
        user_agent="press-play",
        timeout=TIMEOUT_SECONDS,
        transport=transport,
        trust_env=transport is None,
        ssl_verify=httpx.create_ssl_context() if transport is None else True,
        http_cache=False,
        auto_retry=False,
    )


@functools.lru_cache(maxsize=32)
def _signing_key(pem: str) -> Any:
    """The key behind a PEM text; reading (and checking) one takes a hundred times as long as signing with it."""
    return RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(pem)


class InstallationClient(GitHub[TokenAuthStrategy]):
    """githubkit's client with a token of one installation, which knows whose it is."""

    def __init__(self, token: str, config: Config, app_id: int, login: str) -> None:
        super().__init__(TokenAuthStrategy(token), config=config)
        self.app_id = app_id
        self.login = login
        """The bot as which this client acts: `<slug>[bot]`."""

    def __repr__(self) -> str:
        return f"InstallationClient({self.login})"


@dataclass(frozen=True)
class _Installation:
    id: int
    app_id: int
    login: str


class GitHubAccess:
    """Mints installation tokens. They live in this object only, until shortly before they expire."""

    def __init__(
        self,
        github: settings.GitHub,
        keys: Callable[[str], AppKey],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`keys` gives an App's key by its name (`githubApp`); `transport` replaces the network (the sandbox)."""
        self._github = github
        self._keys = keys
        self._clock = clock
        self._config = configuration(github.api_url, transport)
        self._bare: GitHub[UnauthAuthStrategy] = GitHub(config=self._config)
        self._lock = threading.RLock()
        self._installations: dict[tuple[str, str], _Installation] = {}
        self._logins: dict[str, str] = {}
        self._clients: dict[tuple[str, str, frozenset[tuple[str, str]]], tuple[float, InstallationClient]] = {}

    def installation(self, app: str, repo: str, permissions: Mapping[str, str]) -> InstallationClient:
        """A client as `app` for one repository with these permissions and no more.

        InputError where the App is not installed there, lacks a permission or its key is wrong; TryAgain for a
        passing fault.
        """
        key = (app, names.repo(repo), frozenset(permissions.items()))
        with self._lock:
            ends, client = self._clients.get(key, (0.0, None))
            if client is None or ends - TOKEN_MARGIN_SECONDS <= self._clock.now():
                ends, client = self._mint(app, repo, permissions)
                self._clients[key] = (ends, client)
            return client

    def token(self, app: str, repo: str, permissions: Mapping[str, str]) -> str:
        """The token of `installation`, for git."""
        return self.installation(app, repo, permissions).auth.token

    def app_id(self, app: str) -> int:
        """The App's number, as rulesets and checks name it."""
        return self._keys(app).app_id

    def app_id_of_harness(self) -> int:
        """The number of the App as which no agent ever runs (R5)."""
        return self.app_id(self._github.harness_app)

    def login(self, app: str) -> str:
        """The bot as which an App acts, asked with its key; where that is not at hand, `names.bot` tells it."""
        with self._lock:
            if app not in self._logins:
                found = call(self._bare, "GET", "/app", headers=self._jwt(app))
                self._logins[app] = f"{found['slug']}[bot]"
            return self._logins[app]

    def _jwt(self, app: str) -> dict[str, str]:
        # githubkit's own App authentication reads the system's clock; ours is injected.
        key, now = self._keys(app), int(self._clock.now())
        claims = {"iss": str(key.app_id), "iat": now - CLOCK_SKEW_SECONDS, "exp": now + JWT_SECONDS}
        try:
            token = jwt.encode(claims, _signing_key(key.private_key), algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise InputError(
                f"App {app!r}: its private key is not an RSA key in PEM; put the key that GitHub gave into the "
                f"Secret {names.app_secret(app)}, key private-key"
            ) from error
        return {"Authorization": f"Bearer {token}"}

    def _installed(self, app: str, repo: str) -> _Installation:
        if (app, repo) not in self._installations:
            found = find(self._bare, f"/repos/{repo}/installation", headers=self._jwt(app))
            if found is None:
                raise InputError(
                    f"App {app!r} is not installed on {repo} (GET /repos/{repo}/installation: 404): install it there, "
                    "or take the repository out of the chart's values"
                )
            login = f"{found['app_slug']}[bot]"
            self._installations[app, repo] = _Installation(found["id"], found["app_id"], login)
            self._logins[app] = login
        return self._installations[app, repo]

    def _mint(self, app: str, repo: str, permissions: Mapping[str, str]) -> tuple[float, InstallationClient]:
        installed = self._installed(app, repo)
        body = {"repositories": [repo.partition("/")[2]], "permissions": dict(permissions)}
        path = f"/app/installations/{installed.id}/access_tokens"
        try:
            answer = call(self._bare, "POST", path, json=body, headers=self._jwt(app))
        except InputError as error:
            # The App may have been installed anew since, under another number.
            self._installations.pop((app, repo), None)
            wanted = ", ".join(f"{name}: {level}" for name, level in sorted(permissions.items()))
            raise InputError(f"App {app!r} on {repo} must have the permissions {wanted}: {error}") from error
        client = InstallationClient(answer["token"], self._config, installed.app_id, installed.login)
        return parse_rfc3339(answer["expires_at"]), client
