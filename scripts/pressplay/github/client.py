"""As whom our clients speak: an App by its key, or one of its installations by a token."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

import httpx
from githubkit import BaseAuthStrategy, GitHub, TokenAuthStrategy
from githubkit.config import Config


class InstallationToken(TokenAuthStrategy):
    """A token, and how to get a new one where GitHub takes it no more: revoked early, or expired in a long life."""

    def __init__(self, token: str, renew: Callable[[str], object]) -> None:
        """`renew`, called with the token that was refused, sets another; it raises if it gets none."""
        super().__init__(token)
        self.renew = renew

    def __repr__(self) -> str:
        return "InstallationToken(…)"

    def get_auth_flow(self, github: object) -> httpx.Auth:  # noqa: ARG002 - githubkit's signature
        """See githubkit's `BaseAuthStrategy`."""
        return _Renewing(self)


class _Renewing(httpx.Auth):
    def __init__(self, strategy: InstallationToken) -> None:
        self._strategy = strategy

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        used = self._strategy.token
        request.headers["Authorization"] = f"Bearer {used}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and response.url.netloc == request.url.netloc:
            self._strategy.renew(used)
            request.headers["Authorization"] = f"Bearer {self._strategy.token}"
            yield request


class AppKeyStrategy(BaseAuthStrategy):
    """Authenticates as the App itself, with the JWT that `sign` gives for each call."""

    def __init__(self, sign: Callable[[], str]) -> None:
        """githubkit's own strategy reads the system's clock; ours is injected."""
        self._sign = sign

    def get_auth_flow(self, github: object) -> httpx.Auth:  # noqa: ARG002 - githubkit's signature
        """See githubkit's `BaseAuthStrategy`."""
        return _Signing(self._sign)


class _Signing(httpx.Auth):
    def __init__(self, sign: Callable[[], str]) -> None:
        self._sign = sign

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._sign()}"
        yield request


class AppClient(GitHub[AppKeyStrategy]):
    """githubkit's client as the App itself: its record and its installations."""

    def __init__(self, auth: AppKeyStrategy, config: Config, app: str) -> None:
        super().__init__(auth, config=config)
        self.who = f"the App {app!r}"
        """As whom this client speaks, for messages."""


class InstallationClient(GitHub[TokenAuthStrategy]):
    """githubkit's client with a token of one installation, which knows whose it is."""

    def __init__(
        self, auth: InstallationToken, config: Config, app: str, app_id: int, login: str, permissions: Mapping[str, str]
    ) -> None:
        super().__init__(auth, config=config)
        self.app_id = app_id
        self.login = login
        """The bot as which this client acts: `<slug>[bot]`."""
        granted = ", ".join(f"{name}: {level}" for name, level in sorted(permissions.items()))
        self.who = f"the App {app!r} with {granted}"
        """As whom this client speaks, for messages."""

    def __repr__(self) -> str:
        return f"InstallationClient({self.login})"
