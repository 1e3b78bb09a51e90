"""Proofs in a bucket of S3, or of a server that speaks its protocol."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from pressplay import names
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.gates.proof.signing import LARGEST
from pressplay.gates.proof.stores.store import ENVELOPE_TYPE, MOST, credential
from pressplay.settings import S3Place
from pressplay.validation import details

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

_Answer = TypeVar("_Answer")

_SECONDS = timedelta(seconds=30)
_STATUS = re.compile(r"status code: (\d{3})[^:]*:? ?(.*)", re.DOTALL)
_ASKED = re.compile(r"Error performing ([A-Z]+ [^\s?]+)")
_WORDS = re.compile(r"<(?:Code|Message)>([^<]*)</")
_CAUSE = re.compile(r'(?:message|error): (?:"([^"]+)"|(\w+\([^()]*\)))')
_PASSING = frozenset({"408", "409", "425", "429", "500", "502", "503", "504"})


class S3:
    """A bucket. `secret` holds the access key; without one, the ambient identity of the process counts."""

    def __init__(self, place: S3Place, secret: Mapping[str, str] | None, where: str) -> None:
        self._place = place
        self._name = f"s3://{place.bucket}/{place.prefix}".rstrip("/")
        key: S3Credential | None = None
        if secret is not None:
            key = {
                "access_key_id": credential(secret, "access-key-id", where),
                "secret_access_key": credential(secret, "secret-access-key", where),
                "token": secret.get("session-token", "").strip() or None,
                "expires_at": None,
            }
        endpoint = place.endpoint
        if endpoint and not place.path_style:
            scheme, _, host = endpoint.partition("://")
            endpoint = f"{scheme}://{place.bucket}.{host}"
        # A bucket with a retention period (Object Lock) takes nothing without a checksum.
        config: S3Config = {"virtual_hosted_style_request": not place.path_style, "checksum_algorithm": "SHA256"}
        if endpoint:
            config["endpoint"] = endpoint
        if place.region:
            config["region"] = place.region
        self._store = S3Store(
            place.bucket,
            config=config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "timeout": _SECONDS,
                "connect_timeout": timedelta(seconds=10),
            },
            # The steps retry for longer.
            retry_config={
                "max_retries": 2,
                "retry_timeout": _SECONDS,
                "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=2), "base": 2},
            },
            credential_provider=None if key is None else lambda: key,
        )

    def keep(self, repo: str, pull: int, commit: str, envelope: str) -> str:
        """See Store."""
        content = envelope.encode()
        path = self._path(names.proof_object(repo, pull, commit, hashlib.sha256(content).hexdigest()))
        attributes = {"Content-Type": ENVELOPE_TYPE}
        try:
            self._ask(
                f"PUT {path}", lambda: obstore.put(self._store, path, content, mode="create", attributes=attributes)
            )
        except AlreadyExistsError:
            # Another try may have kept it; whoever else wrote there is found out.
            self._read(path)
        return f"s3://{self._place.bucket}/{path}"

    def fetch(self, repo: str, pull: int, commit: str = "") -> list[str]:
        """See Store."""
        folder = self._path(names.proof_folder(repo, pull, commit))
        paths = [path for path in self._listed(folder) if path.endswith(".json")]
        if len(paths) > MOST:
            raise InputError(f"{self._name}: {folder} has more than {MOST} proofs: give --commit")
        return [self._read(path).decode() for path in sorted(paths)]

    def look(self) -> str:
        """See Store."""
        self._listed(self._place.prefix, at_most=1)
        return self._name

    def close(self) -> None:
        """See Store. The library closes its connections itself."""

    def _path(self, name: str) -> str:
        return f"{self._place.prefix}/{name}" if self._place.prefix else name

    def _listed(self, folder: str, at_most: int = MOST + 1) -> list[str]:
        def listed() -> list[str]:
            pages = obstore.list(self._store, folder or None, chunk_size=at_most)
            return [entry["path"] for entry in next(iter(pages), [])]

        return self._ask(f"list {folder or 'all'}", listed)

    def _read(self, path: str) -> bytes:
        """A proof's bytes; InputError where they are not those that the name was made of."""

        def read() -> bytes:
            result = obstore.get(self._store, path)
            if result.meta["size"] > LARGEST:
                raise self._changed(path)
            return bytes(result.bytes())

        content = self._ask(f"GET {path}", read)
        if hashlib.sha256(content).hexdigest() != path.rpartition("/")[2].removesuffix(".json"):
            raise self._changed(path)
        return content

    def _changed(self, path: str) -> InputError:
        return InputError(
            f"s3://{self._place.bucket}/{path}: expected the proof whose SHA-256 is its name, got other content: find "
            "out who wrote there, and delete it"
        )

    def _ask(self, what: str, call: Callable[[], _Answer]) -> _Answer:
        try:
            return call()
        except AlreadyExistsError:
            raise
        except (BaseError, FileNotFoundError) as error:
            raise self._fault(what, str(error)) from error

    def _fault(self, what: str, text: str) -> PressPlayError:
        """The library's words come in two parts: what it did, and how it got there, with the cause at the bottom."""
        summary, _, source = text.partition("\n\nDebug source:")
        # Not always the bucket: the ambient identity is asked for, too.
        what = next(iter(reversed(_ASKED.findall(summary))), what)
        answer = _STATUS.search(summary)
        if answer is None:
            causes = ["".join(cause) for cause in _CAUSE.findall(source)]
            reason = " ".join((causes[-1] if causes else f"{summary} {source}").split())
            return TryAgain(f"{self._name}: {what}: no answer: {details.beginning(reason)}")
        status, body = answer[1], answer[2]
        words = ": ".join(_WORDS.findall(body)) or body
        message = f"{self._name}: {what}: {status} {details.beginning(words)}".rstrip()
        if status in _PASSING:
            return TryAgain(message)
        return InputError(f"{message} (proof.s3 in the values; docs/how-to/proof.md has the rights that it needs)")
