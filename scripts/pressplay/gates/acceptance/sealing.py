"""Sealed files: what an agent hands over on GitHub so that the harness alone can read it.

CMS EnvelopedData (RFC 5652) for an RSA key, as `openssl cms -encrypt` writes it: agents' images have openssl. It hides
a text, and does not say who wrote it: whoever opens one must know that from GitHub.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from pressplay.errors import InputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_BITS = 3072
_YEARS = timedelta(days=3650)
LONGEST = 128 * 1024
"""Bytes of a sealed file."""


@dataclass(frozen=True)
class SealingKey:
    """The two halves of a key, both in PEM."""

    certificate: str
    """Self-signed: CMS names its reader by a certificate."""
    private_key: bytes = field(repr=False)


def new_key(now: float) -> SealingKey:
    """A new RSA key, with a certificate that is valid from `now` (Unix seconds)."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "press-play")])
    begins = datetime.fromtimestamp(now, UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins, begins + _YEARS)
        .sign(key, SHA256())
    )  # fmt: skip
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SealingKey(certificate.public_bytes(Encoding.PEM).decode(), private)


def opened(sealed: bytes, key: SealingKey, where: str) -> bytes:
    """The text of a sealed file; InputError naming `where` for one that was not sealed for this key."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der
    from cryptography.x509 import load_pem_x509_certificate

    # `new_key` makes no other kind.
    private: RSAPrivateKey = cast("Any", load_pem_private_key(key.private_key, None))
    try:
        return pkcs7_decrypt_der(sealed, load_pem_x509_certificate(key.certificate.encode()), private, [])
    except Exception as error:
        # The library raises whatever its parsers do for bytes of an attacker.
        raise InputError(
            f"{where}: expected a file that `task/seal.sh` sealed for this run's key, got another ({error})"
        ) from error


def wrapped(key: SealingKey, secret: bytes) -> str:
    """The private half, encrypted with `secret` (32 bytes), for a ledger."""
    from cryptography.fernet import Fernet

    return Fernet(base64.urlsafe_b64encode(secret)).encrypt(key.private_key).decode()


def unwrapped(certificate: str, private_key: str, secret: bytes) -> SealingKey | None:
    """The key that `wrapped` wrapped; None where `secret` is another: the App has another key now."""
    from cryptography.fernet import Fernet, InvalidToken

    try:
        return SealingKey(certificate, Fernet(base64.urlsafe_b64encode(secret)).decrypt(private_key.encode()))
    except InvalidToken:
        return None


def script(certificate: str, sealed: str) -> str:
    """A POSIX shell script that seals the file of its first argument into `sealed`, a path in the repository."""
    return f"""\
#!/bin/sh
# Seals a file for Press Play's harness: sh task/seal.sh FILE writes {sealed}, which nobody else can read.
set -eu
[ $# -eq 1 ] && [ -f "$1" ] || {{ echo "usage: sh task/seal.sh FILE" >&2; exit 2; }}
command -v openssl >/dev/null || {{ echo "openssl: not found; it is needed to seal $1" >&2; exit 2; }}
certificate=$(mktemp)
trap 'rm -f "$certificate"' EXIT
cat >"$certificate" <<'END'
{certificate.strip()}
END
mkdir -p "{sealed.rpartition("/")[0]}"
openssl cms -encrypt -binary -aes-256-cbc -outform DER -in "$1" -out "{sealed}" "$certificate"
echo "sealed: {sealed}"
"""
