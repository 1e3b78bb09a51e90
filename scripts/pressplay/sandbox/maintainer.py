"""The stand-in maintainer: a person who merges every pull request that the ruleset lets through."""

from __future__ import annotations

import httpx

from pressplay.errors import TryAgain
from pressplay.sandbox.forge import Forge
from pressplay.settings import GitHub


class Maintainer:
    """Merges, in order of number, with the rights of a person and through the forge's API like everybody."""

    ANSWERS = frozenset({"check_run", "pull_request_review", "pull_request"})
    """The events after which a pull request may have become ready."""

    def __init__(
        self, forge: Forge, github: GitHub, repo: str, login: str, transport: httpx.BaseTransport | None
    ) -> None:
        """`login` must have the right to push; `transport` reaches the forge in-process under virtual time."""
        self._forge, self._repo, self._login = forge, repo, login
        self._base = f"{github.api_url}/repos/{repo}"
        # One for all: each client loads every certificate authority, a quarter of a play's processor time.
        self._client = httpx.Client(transport=transport, timeout=30.0)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def merge_what_is_ready(self) -> None:
        """Merge one after the other until nothing is ready. Raises TryAgain as `merge_next` does."""
        while self.merge_next():
            pass

    def merge_next(self) -> bool:
        """Merge the first open pull request that is ready; whether there was one.

        The forge refuses (405, 409) what is not ready, and that is no error. TryAgain where it does not answer as it
        should.
        """
        try:
            return self._merge_next()
        except (httpx.HTTPError, ValueError) as error:
            raise TryAgain(f"the forge did not answer: {type(error).__name__}") from error

    def _merge_next(self) -> bool:
        self._client.headers["Authorization"] = f"Bearer {self._forge.user_token(self._login)}"
        open_pulls = self._client.get(f"{self._base}/pulls", params={"state": "open", "per_page": "100"})
        open_pulls.raise_for_status()
        for pull in sorted(open_pulls.json(), key=lambda pull: pull["number"]):
            if not self._ready(pull["head"]["sha"]):
                continue
            merged = self._client.put(
                f"{self._base}/pulls/{pull['number']}/merge",
                json={"sha": pull["head"]["sha"], "merge_method": "merge"},
            )
            if merged.status_code == httpx.codes.OK:
                return True
            if merged.status_code not in (405, 409):
                merged.raise_for_status()
        return False

    def _ready(self, head: str) -> bool:
        response = self._client.get(
            f"{self._base}/commits/{head}/check-runs", params={"check_name": "press-play/acceptance"}
        )
        response.raise_for_status()
        return any(run["conclusion"] == "success" for run in response.json().get("check_runs", []))
