"""A token that another account minted and handed over, for a process that has no App's key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from pressplay.clock import rfc3339
from pressplay.errors import EXIT_FAILED, InputError, PressPlayError
from pressplay.github.grants import lacking, listed


class TokenSpent(PressPlayError):
    """The token can't be used any more, and this process can get no other one: whoever started it can."""

    exit_code = EXIT_FAILED


@dataclass(frozen=True)
class GivenToken:
    """An installation's token: of which App, for which repository, with which permissions, until when."""

    app: str
    app_id: int
    login: str
    """The login of the App's bot."""
    repo: str
    permissions: Mapping[str, str]
    ends: float
    """When it expires, in seconds since 1970."""
    token: str = field(repr=False)

    def pack(self) -> bytes:
        """What a Secret holds of it."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def unpack(content: bytes) -> GivenToken:
        """Read what `pack` wrote; InputError, without a word of it, for anything else."""
        try:
            return GivenToken(**json.loads(content))
        except (ValueError, TypeError):
            # What a parser says may quote the token (R9).
            raise InputError(
                "the Secret with this step's token does not hold one, as `GivenToken.pack` writes it"
            ) from None

    def demand(self, app: str, repo: str, permissions: Mapping[str, str], at: float) -> None:
        """InputError where it is not for this; TokenSpent where it ends before `at`."""
        if (app, repo) != (self.app, self.repo) or lacking(permissions, self.permissions):
            raise InputError(
                f"this step has no key, only a token of the App {self.app!r} for {self.repo} with "
                f"{listed(self.permissions)}; it can't act as the App {app!r} on {repo} with {listed(permissions)}"
            )
        if self.ends <= at:
            raise TokenSpent(
                f"the token for {self.repo} that was made for this step is good until {rfc3339(self.ends)}, and the "
                "step waited too long"
            )
