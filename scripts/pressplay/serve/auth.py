"""Who calls: a ServiceAccount by its token (TokenReview), or whoever has the static token of a laptop."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from pressplay.cluster.tokens import ServiceAccount
from pressplay.errors import InputError, TryAgain
from pressplay.serve import log
from pressplay.serve.buckets import Buckets
from pressplay.serve.callers import LOCAL, Caller, caller
from pressplay.serve.config import AllowedCaller
from pressplay.serve.problems import Problem, later

GOOD_SECONDS = 60.0
"""For how long a token that was good is taken without asking again."""
BAD_SECONDS = 10.0
KNOWN = 1000
FAILURES_PER_MINUTE = 30
"""Tokens of one address that were not good; no further unknown one is looked at."""
TOKEN_LENGTH = 16
"""Characters that a static token has at least."""
_LARGEST = 8192
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class TokenReview(Protocol):
    """See `pressplay.cluster.tokens.TokenReviewer`."""

    def review(self, token: str, audiences: list[str]) -> ServiceAccount | None:
        """Whose a token is."""
        ...


class Authenticator:
    """Says who calls. Safe to share between threads."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        static: str = "",
        reviewer: TokenReview | None = None,
        audiences: Sequence[str] = (),
        callers: Sequence[AllowedCaller] = (),
    ) -> None:
        """`static`: the token of a laptop, empty for none; `callers`: whose tokens `reviewer` may find good."""
        self._now = now
        self._key = secrets.token_bytes(32)
        self._static = self._digest(static) if static else b""
        self._reviewer, self._audiences, self._callers = reviewer, list(audiences), tuple(callers)
        self._known: OrderedDict[bytes, tuple[float, ServiceAccount | None]] = OrderedDict()
        self._lock = threading.Lock()
        self._failures = Buckets(FAILURES_PER_MINUTE, FAILURES_PER_MINUTE, now)

    def caller(self, header: str, address: str) -> Caller:
        """The caller that an Authorization header identifies; Problem 401 for nobody, 403 for one who may not call.

        May ask the API server: call it in a thread.
        """
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise self._refused("there is no token")
        if len(token) > _LARGEST or not token.isascii():
            raise self._refused("this is not a token")
        # Digests under a key of this process: comparing them reveals nothing about the token.
        digest = self._digest(token)
        if self._static and hmac.compare_digest(digest, self._static):
            return LOCAL
        account = self._account(digest, token, address)
        if account is None:
            raise self._refused("the token is not good (any more)")
        who = caller(account, self._callers)
        if who is None:
            raise Problem(
                "forbidden",
                403,
                f"{account} may not call this server. Whoever runs Press Play can allow it, for the repositories that "
                f"it needs: {{serviceAccount: {account.namespace}/{account.name}, repositories: [owner/name]}} in "
                "serve.auth.callers of the chart's values.",
            )
        return who

    def _account(self, digest: bytes, token: str, address: str) -> ServiceAccount | None:
        if self._reviewer is None or not _JWT.fullmatch(token):
            return None
        with self._lock:
            until, known = self._known.get(digest, (0.0, None))
        if until > self._now():
            return known
        # Only new tokens cost the API server something; who has a good one is not kept out by others at its address.
        wait = self._failures.empty(address)
        if wait:
            raise later("too_many_failures", 429, "There were too many wrong tokens from this address.", wait)
        try:
            account = self._reviewer.review(token, self._audiences)
        except TryAgain as error:
            raise later("unavailable", 503, f"Tokens can't be looked at now ({error}).", 5) from error
        except InputError as error:
            log.fault("token review refused", error)
            raise Problem(
                "unavailable", 503, "This server is not set up to look at tokens; whoever runs Press Play must fix it."
            ) from error
        if account is None:
            self._failures.take(address)
        with self._lock:
            self._known[digest] = (self._now() + (BAD_SECONDS if account is None else GOOD_SECONDS), account)
            self._known.move_to_end(digest)
            if len(self._known) > KNOWN:
                self._known.popitem(last=False)
        return account

    def _refused(self, what: str) -> Problem:
        taken = [
            *(["a ServiceAccount's token" + (f" for the audience {self._audiences[0]}" if self._audiences else "")]
              if self._reviewer is not None else []),
            *(["this server's static token"] if self._static else []),
        ]  # fmt: skip
        return Problem("unauthorized", 401, f"{what}: send `Authorization: Bearer <token>` with {' or '.join(taken)}.")

    def _digest(self, token: str) -> bytes:
        return hmac.digest(self._key, token.encode(), hashlib.sha256)


def read_token(path: Path) -> str:
    """The static token in a file that only its owner may read; InputError for any other file, or a short token."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{path}: expected a file with the token: {error.strerror}") from error
    with os.fdopen(file) as opened:
        mode = stat.S_IMODE(os.fstat(file).st_mode)
        if mode & 0o077:
            raise InputError(f"{path}: others may read it (mode {mode:03o}); chmod 600 {path}, and use a new token")
        return checked_token(opened.read().strip(), str(path))


def checked_token(token: str, where: str) -> str:
    """A static token that is long enough and fits into a header; InputError naming `where` it is from otherwise."""
    if len(token) < TOKEN_LENGTH or not re.fullmatch(r"[!-~]+", token):
        raise InputError(
            f"{where}: expected a token of at least {TOKEN_LENGTH} letters, digits and signs, without spaces; for "
            "example what `openssl rand -hex 32` prints"
        )
    return token


def make_token(path: Path) -> str:
    """A new static token, in a new file that only its owner may read."""
    token = secrets.token_hex(32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{token}\n")
    return token
