"""Proofs in a repository of an OCI registry, each an artifact of one layer, the envelope.

Source: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, and for artifacts
https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.request import parse_http_list, parse_keqv_list

import httpx

from pressplay import names
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.gates.proof.signing import LARGEST, PAYLOAD_TYPE
from pressplay.gates.proof.stores.store import ENVELOPE_TYPE, MOST, credential
from pressplay.github.wire import tls
from pressplay.settings import OCIPlace
from pressplay.validation import details

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"
_PAGES = 1_000
"""Pages of tags that are read, each of up to 1,000."""
_HUB = ("docker.io", "registry-1.docker.io")
"""Docker Hub, as people write it and where it answers."""
_PASSING = frozenset({408, 425, 429})


class OCI:
    """A repository. `secret` is a Secret of type kubernetes.io/dockerconfigjson; without one, nobody logs in."""

    def __init__(self, place: OCIPlace, secret: Mapping[str, str] | None, where: str) -> None:
        self._name = place.repository
        host, _, self._path = place.repository.partition("/")
        self._scheme = "http" if place.plain_http else "https"
        self._base = httpx.URL(f"{self._scheme}://{_HUB[1] if host == _HUB[0] else host}")
        self._login = None if secret is None else _login(secret, place.repository, where)
        self._authorization = ""
        # A redirect to another host (the registry's own storage) is followed without the authorization.
        self._client = httpx.Client(
            verify=tls(),
            timeout=httpx.Timeout(30, connect=10),
            follow_redirects=True,
            event_hooks={"request": [self._check]},
        )

    def keep(self, repo: str, pull: int, commit: str, envelope: str) -> str:
        """See Store."""
        content = envelope.encode()
        tag = names.proof_tag(repo, pull, commit, hashlib.sha256(content).hexdigest())
        manifest = _manifest(content, repo, pull, commit)
        kept = self._get(f"manifests/{tag}", accept=MANIFEST_TYPE)
        if kept is None:
            self._upload(content)
            self._upload(_EMPTY)
            self._ask("PUT", self._url(f"manifests/{tag}"), content=manifest, headers={"Content-Type": MANIFEST_TYPE})
        elif kept != manifest:
            raise self._changed(tag)
        return f"{self._name}@{_digest(manifest)}"

    def fetch(self, repo: str, pull: int, commit: str = "") -> list[str]:
        """See Store."""
        beginning = names.proof_tags(repo, pull, commit)
        tags = [tag for tag in self._tags() if tag.startswith(beginning)]
        if len(tags) > MOST:
            raise InputError(f"{self._name}: more than {MOST} tags {beginning}…: give --commit")
        return [self._read(tag) for tag in tags]

    def look(self) -> str:
        """See Store."""
        next(self._tags(), None)
        return self._name

    def close(self) -> None:
        """See Store."""
        self._client.close()

    def _read(self, tag: str) -> str:
        """The envelope under a tag; InputError where it is not the one that the tag was made of."""
        try:
            layers = json.loads(self._get(f"manifests/{tag}", accept=MANIFEST_TYPE) or b"{}")["layers"]
            ((digest, type_),) = [(layer["digest"], layer["mediaType"]) for layer in layers]
            if not isinstance(digest, str) or type_ != ENVELOPE_TYPE or not tag.endswith(f"-{digest[7:19]}"):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise self._changed(tag) from None
        content = self._get(f"blobs/{digest}")
        if content is None or _digest(content) != digest:
            raise self._changed(tag)
        return content.decode()

    def _tags(self) -> Iterator[str]:
        """All tags; none for a repository that nobody pushed to yet."""
        url = self._url("tags/list").copy_merge_params({"n": "1000"})
        for _ in range(_PAGES):
            response = self._ask("GET", url, absent=True)
            if response.status_code == httpx.codes.NOT_FOUND:
                return
            try:
                tags = response.json()["tags"] or []
                following = response.links.get("next", {}).get("url")
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{self._name}: GET tags/list: expected a list of tags, got something else") from error
            yield from (tag for tag in tags if isinstance(tag, str))
            if not following:
                return
            url = url.join(following)
        raise InputError(f"{self._name}: more than {_PAGES} pages of tags")

    def _upload(self, content: bytes) -> None:
        digest = _digest(content)
        if self._ask("HEAD", self._url(f"blobs/{digest}"), absent=True).status_code == httpx.codes.OK:
            return
        begun = self._ask("POST", self._url("blobs/uploads/"))
        location = begun.headers.get("location")
        if not location:
            raise InputError(f"{self._name}: POST blobs/uploads/: expected the header Location, got none")
        self._ask(
            "PUT",
            begun.url.join(location).copy_merge_params({"digest": digest}),
            content=content,
            headers={"Content-Type": "application/octet-stream"},
        )

    def _get(self, path: str, accept: str = "*/*") -> bytes | None:
        """A manifest's or a blob's bytes; None where there is none."""
        response = self._ask("GET", self._url(path), headers={"Accept": accept}, absent=True)
        return None if response.status_code == httpx.codes.NOT_FOUND else response.content

    def _url(self, path: str) -> httpx.URL:
        return self._base.copy_with(path=f"/v2/{self._path}/{path}")

    def _ask(
        self,
        method: str,
        url: httpx.URL,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        absent: bool = False,
    ) -> httpx.Response:
        """An answer that says yes, or with `absent` that there is none; a registry's question who asks is answered."""
        response = self._send(method, url, content, headers or {})
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._authorize(response, method, url)
            response = self._send(method, url, content, headers or {})
        if response.is_success or (absent and response.status_code == httpx.codes.NOT_FOUND):
            return response
        raise self._fault(response, method, url)

    def _send(self, method: str, url: httpx.URL, content: bytes | None, headers: Mapping[str, str]) -> httpx.Response:
        """An answer of the registry, or of a server that it names, which learns nothing of the authorization."""
        own = (url.scheme, url.host, url.port) == (self._base.scheme, self._base.host, self._base.port)
        held = {"Authorization": self._authorization} if self._authorization and own else {}
        return self._exchange(self._client.build_request(method, url, content=content, headers={**headers, **held}))

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request, of a size that a proof can have."""
        what = f"{self._name}: {request.method} {request.url.host}"
        try:
            response = self._client.send(request, stream=True)
            try:
                body = bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > LARGEST:
                        raise InputError(f"{what}{request.url.path}: expected at most {LARGEST} bytes, got more")
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise TryAgain(f"{what}: no answer: {details.beginning(str(error)) or type(error).__name__}") from error
        return httpx.Response(
            response.status_code,
            headers={key: value for key, value in response.headers.items() if key not in _OF_THE_WIRE},
            content=bytes(body),
            request=response.request,
        )

    def _check(self, request: httpx.Request) -> None:
        """Before each request, and each redirect: nothing goes over HTTP unless the values say so."""
        if request.url.scheme not in ("https", self._scheme):
            raise InputError(
                f"{self._name}: {request.method} {request.url.host}: expected an address with https://, got "
                f"{request.url.scheme}://, and proof.oci.plainHTTP is not set"
            )

    def _authorize(self, response: httpx.Response, method: str, url: httpx.URL) -> None:
        """Answer a challenge; InputError where it can't be, or its answer was refused."""
        scheme, _, rest = response.headers.get("www-authenticate", "").partition(" ")
        if scheme.lower() == "basic" and self._login is not None and not self._authorization:
            self._authorization = _basic(self._login)
        elif scheme.lower() == "bearer":
            self._authorization = f"Bearer {self._token(parse_keqv_list(parse_http_list(rest)), response, method, url)}"
        else:
            raise self._fault(response, method, url)

    def _token(self, challenge: Mapping[str, str], refused: httpx.Response, method: str, url: httpx.URL) -> str:
        """A token from the registry's own service.

        Source: https://distribution.github.io/distribution/spec/auth/token/.
        """
        try:
            realm = httpx.URL(challenge.get("realm", ""))
        except httpx.InvalidURL:
            realm = httpx.URL("")
        if realm.scheme not in ("https", self._scheme) or not realm.host:
            raise InputError(
                f"{self._name}: expected a token service at {self._scheme}://…, got "
                f"{details.beginning(challenge.get('realm', '')) or 'none'}: no password is sent there"
            )
        asked = {key: challenge[key] for key in ("service", "scope") if challenge.get(key)}
        headers = {"Authorization": _basic(self._login)} if self._login else {}
        response = self._exchange(self._client.build_request("GET", realm.copy_merge_params(asked), headers=headers))
        if not response.is_success:
            raise self._fault(response, "GET", realm)
        try:
            given = response.json()
            token = given.get("token") or given["access_token"]
        except (ValueError, KeyError, AttributeError):
            token = None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise InputError(f"{self._name}: token of {realm.host}: expected a token, got none")
        if f"Bearer {token}" == self._authorization:
            raise self._fault(refused, method, url)
        return token

    def _fault(self, response: httpx.Response, method: str, url: httpx.URL) -> PressPlayError:
        status = response.status_code
        message = f"{self._name}: {method} {url.host}{url.path}: {status} {_said(response)}".rstrip()
        if status in _PASSING or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return TryAgain(message)
        return InputError(f"{message} (proof.oci in the values; docs/how-to/proof.md has the rights that it needs)")

    def _changed(self, tag: str) -> InputError:
        return InputError(
            f"{self._name}:{tag}: expected the proof that the tag is named after, got other content: find out who "
            "wrote there, and delete it"
        )


_OF_THE_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers about bytes that were decoded already."""


def _manifest(content: bytes, repo: str, pull: int, commit: str) -> bytes:
    """The manifest of a proof: the same proof gives the same bytes."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": PAYLOAD_TYPE,
        "config": {"mediaType": EMPTY_TYPE, "digest": _digest(_EMPTY), "size": len(_EMPTY)},
        "layers": [
            {
                "mediaType": ENVELOPE_TYPE,
                "digest": _digest(content),
                "size": len(content),
                "annotations": {"org.opencontainers.image.title": "proof.json"},
            }
        ],
        "annotations": {
            "org.opencontainers.image.revision": commit,
            "org.opencontainers.image.title": f"{repo}#{pull}",
        },
    }
    return json.dumps(manifest, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _said(response: httpx.Response) -> str:
    """The registry's own words, as the specification shapes them."""
    try:
        errors = response.json()["errors"]
        words = "; ".join(f"{error['code']}: {error.get('message') or ''}".rstrip(": ") for error in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        words = response.text or response.reason_phrase
    return details.beginning(words)


def _basic(login: tuple[str, str]) -> str:
    return f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"


def _login(secret: Mapping[str, str], repository: str, where: str) -> tuple[str, str]:
    """User and password for a repository, by the entry of a dockerconfigjson that fits it best."""
    key = ".dockerconfigjson"
    expected = f'{where}, key {key}: expected {{"auths": {{"HOST": {{"username": …, "password": …}}}}}}'
    try:
        auths: dict[str, Any] = json.loads(credential(secret, key, where))["auths"]
        fits = [entry for entry in auths if f"{repository}/".startswith(f"{_place(entry)}/")]
        if not fits:
            raise InputError(f"{expected} with an entry for {repository}, got one for {', '.join(auths) or 'nothing'}")
        entry = auths[max(fits, key=lambda entry: len(_place(entry)))]
        if entry.get("auth"):
            user, colon, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
        else:
            user, colon, password = entry["username"], ":", entry["password"]
        if not (colon and user and password):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        # The cause may quote what it holds.
        raise InputError(f"{expected}, or auth for both in base64; got something else") from None
    return user, password


def _place(entry: str) -> str:
    """Host and path of an entry of a dockerconfigjson: `https://index.docker.io/v1/` is docker.io."""
    place = entry.partition("://")[2] or entry
    place = place.rstrip("/").removesuffix("/v1").removesuffix("/v2")
    host, slash, path = place.partition("/")
    return f"{_HUB[0] if host in (*_HUB, 'index.docker.io') else host}{slash}{path}"
