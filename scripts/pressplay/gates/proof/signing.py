"""Statements in DSSE envelopes, signed by the harness and verified by anybody who has its public key.

Source: https://github.com/secure-systems-lab/dsse/blob/master/envelope.md. The signature covers the payload and its
type. A key's id is the SHA-256 of its SubjectPublicKeyInfo in DER, in hexadecimal digits: GitHub shows the same value
for an App's key, in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pressplay.errors import InputError, PressPlayError
from pressplay.gates.proof.statement import Statement, digest, from_json
from pressplay.validation.report import Invalid, shown
from pressplay.validation.yamlsource import load_json

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
LARGEST = 1024 * 1024
"""Bytes of an envelope: what a ConfigMap takes."""
LONGEST_KEY = 64 * 1024
"""Bytes of a file with a key."""
SMALLEST_RSA = 2048
_KEYS = f"RSA of at least {SMALLEST_RSA} bits, ECDSA on P-256, P-384 or P-521, or Ed25519"


class Refused(PressPlayError):
    """The document proves nothing: not signed by a known key, not as the schema says, or about something else."""


@dataclass(frozen=True)
class PublicKey:
    """A public key, and its id."""

    id: str
    """64 hexadecimal digits."""
    pem: str
    """SubjectPublicKeyInfo in PEM."""


@dataclass(frozen=True)
class Verified:
    """A Statement whose signature holds."""

    statement: Statement
    key: str
    """The id of the key that signed it."""
    digest: str
    """Of the envelope's bytes, as the review names it."""


def public_key(private_key: str, where: str) -> PublicKey:
    """The public key of a private one in PEM; InputError, naming `where`, for what is none that we sign with."""
    return _shown_key(_private(private_key, where).public_key())


def read_public_key(text: bytes, where: str) -> PublicKey:
    """A public key in PEM; InputError, naming `where`, for what is none that we sign with."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in text:
        raise InputError(f"{where}: expected a public key, got a private one; do not hand it around")
    if len(text) > LONGEST_KEY:
        raise InputError(f"{where}: expected a public key in PEM, got a file of more than {LONGEST_KEY} bytes")
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{where}: expected a public key in PEM (BEGIN PUBLIC KEY), got something else") from error
    return _shown_key(_accepted(key, where))


def new_private_key() -> str:
    """A new Ed25519 key, PKCS #8 in PEM."""
    from securesystemslib.signer import CryptoSigner

    return CryptoSigner.generate_ed25519().private_bytes.decode()


def sign(statement: Statement, private_key: str, where: str) -> str:
    """The envelope with a Statement, as JSON on one line; InputError, naming `where`, for what is no key.

    `private_key` is in PEM: PKCS #8, or PKCS #1 as GitHub gives it.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    key = _private(private_key, where)
    signer = CryptoSigner(key, _library_key(_shown_key(key.public_key())))
    envelope = Envelope(statement.to_json().encode(), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), sort_keys=True, separators=(",", ":"))


def verify(envelope: bytes, keys: Sequence[PublicKey], where: str, commit: str = "") -> Verified:
    """The Statement in an envelope, after its signature, its schema and its subject were checked.

    `commit`: the subject that it must have; empty: any. InputError for what is no envelope; Refused for one that
    proves nothing, with the reason.
    """
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    document = _envelope(envelope, where)
    signer = document["signatures"][0]["keyid"]
    known = [key for key in keys if key.id == signer]
    if document["payloadType"] != PAYLOAD_TYPE:
        raise Refused(f"{where}: expected the payload type {PAYLOAD_TYPE}, got {shown(document['payloadType'])}")
    if not known:
        given = ", ".join(key.id for key in keys) or "none"
        raise Refused(
            f"{where}: signed by the key {shown(signer, 80)}, which is none of those given ({given}); "
            "find out whose it is before you trust it"
        )
    payload = base64.b64decode(document["payload"])
    try:
        Envelope.from_dict(document).verify([_library_key(key) for key in known], 1)
    except (VerificationError, ValueError) as error:
        raise Refused(f"{where}: the signature is not of this content: something changed it") from error
    try:
        statement = from_json(payload.decode(), where)
    except UnicodeDecodeError as error:
        raise Refused(f"{where}: signed, but not a proof of Press Play's: not UTF-8") from error
    except Invalid as error:
        raise Refused(f"signed, but not a proof of Press Play's of this version:\n{error}") from error
    if commit and statement.commit != commit:
        raise Refused(f"{where}: proves commit {statement.commit}, not {commit}")
    # A line end that an editor or a shell added is none of the document.
    return Verified(statement, signer, digest(envelope.strip()))


def key_id_of(envelope: bytes, where: str) -> str:
    """The key that an envelope says it is signed by; nothing is verified. InputError for what is no envelope."""
    return str(_envelope(envelope, where)["signatures"][0]["keyid"])


def unverified(envelope: bytes, where: str) -> Statement:
    """The Statement in an envelope, whoever signed it; InputError for what is none."""
    payload = base64.b64decode(_envelope(envelope, where)["payload"])
    try:
        return from_json(payload.decode(), where)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: expected a proof of Press Play's, got bytes that are not UTF-8") from error


def _envelope(content: bytes, where: str) -> dict[str, Any]:
    """The JSON of an envelope with one signature; InputError for anything else."""
    if len(content) > LARGEST:
        raise InputError(f"{where}: expected an envelope of at most {LARGEST} bytes, got more")
    try:
        source = load_json(content.decode(), where)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: expected JSON in UTF-8: {error.reason} at byte {error.start}") from error
    if source.problems:
        raise Invalid(source.problems)
    document = source.value
    if not isinstance(document, dict) or set(document) != {"payload", "payloadType", "signatures"}:
        raise _no_envelope(where, "the keys payload, payloadType and signatures")
    if not isinstance(document["payloadType"], str):
        raise _no_envelope(where, "a text as its payloadType")
    signatures = document["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise _no_envelope(where, "one signature")
    signature = signatures[0]
    if not isinstance(signature, dict) or set(signature) != {"keyid", "sig"}:
        raise _no_envelope(where, "a signature with keyid and sig")
    if not isinstance(signature["keyid"], str):
        raise _no_envelope(where, "a text as its keyid")
    for text in (document["payload"], signature["sig"]):
        if not isinstance(text, str) or not _is_base64(text):
            raise _no_envelope(where, "payload and sig in base64")
    return document


def _no_envelope(where: str, expected: str) -> InputError:
    return InputError(f"{where}: expected a DSSE envelope with {expected}; `pressplay proof get` fetches them")


def _is_base64(text: str) -> bool:
    """Whether it is the base64 that an encoder writes: there is one for each content."""
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode("ascii") == text
    except (binascii.Error, ValueError):
        return False


def _private(pem: str, where: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = _loaded(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The cause may quote the key.
        raise InputError(
            f"{where}: expected a private key in PEM without a password ({type(error).__name__})"
        ) from None
    _accepted(key.public_key(), where)
    return key


@lru_cache(maxsize=4)
def _loaded(pem: str) -> Any:
    """Reading (and checking) an RSA key takes a hundred times as long as signing with it."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem.encode(), None)


def _accepted(key: Any, where: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        SECP256R1,
        SECP384R1,
        SECP521R1,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    strong = isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_RSA
    curve = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1 | SECP384R1 | SECP521R1)
    if not (strong or curve or isinstance(key, Ed25519PublicKey)):
        raise InputError(f"{where}: expected a key that is {_KEYS}, got another kind")
    return key


def _shown_key(key: Any) -> PublicKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(hashlib.sha256(der).hexdigest(), pem.decode())


def _library_key(key: PublicKey) -> SSlibKey:
    """The key as the library has it; its default scheme for the kind of key: PSS for RSA."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    return SSlibKey.from_crypto(load_pem_public_key(key.pem.encode()), key.id)
