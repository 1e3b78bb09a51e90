"""The signed document: what verifies, and what is refused of it and why."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)
from hypothesis import given
from hypothesis import strategies as st
from proof_documents import HEAD, honest
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

from pressplay.errors import InputError
from pressplay.gates.proof import signing
from pressplay.gates.proof.signing import Refused

OTHER = "0" * 40


def pem(key, form=PrivateFormat.PKCS8) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


RSA = rsa.generate_private_key(65537, 2048)
KEYS = {
    "ed25519": pem(ed25519.Ed25519PrivateKey.generate()),
    "p-256": pem(ec.generate_private_key(ec.SECP256R1())),
    "p-384": pem(ec.generate_private_key(ec.SECP384R1())),
    "rsa": pem(RSA),
    "rsa-as-github-gives-it": pem(RSA, PrivateFormat.TraditionalOpenSSL),
}
PRIVATE = KEYS["ed25519"]
PUBLIC = signing.public_key(PRIVATE, "key")
STATEMENT = honest()
TEXT = signing.sign(STATEMENT, PRIVATE, "key")
ENVELOPE = json.loads(TEXT)


def verify(text: str | bytes, *keys: signing.PublicKey, commit: str = "") -> signing.Verified:
    content = text.encode() if isinstance(text, str) else text
    return signing.verify(content, keys or (PUBLIC,), "proof.json", commit)


@pytest.mark.parametrize("private", KEYS.values(), ids=KEYS)
def test_what_the_harness_signs_verifies_with_the_public_key_alone(private):
    text = signing.sign(STATEMENT, private, "key")
    public = signing.read_public_key(signing.public_key(private, "key").pem.encode(), "key.pem")
    verified = verify(text, PUBLIC, public, commit=HEAD)
    assert verified.statement == STATEMENT
    assert verified.key == public.id
    assert verified.digest == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_a_keys_id_is_the_digest_of_its_spki():
    der = load_pem_public_key(PUBLIC.pem.encode()).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert PUBLIC.id == hashlib.sha256(der).hexdigest()


def envelope(**changes) -> str:
    return json.dumps({**ENVELOPE, **changes})


def signed(payload: bytes, payload_type: str = signing.PAYLOAD_TYPE) -> str:
    """An envelope that the key really signed, around any content."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(PRIVATE.encode(), None)
    made = Envelope(payload, payload_type, {})
    made.sign(CryptoSigner(key, SSlibKey.from_crypto(key.public_key(), PUBLIC.id)))
    return json.dumps(made.to_dict())


def based(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


PAYLOAD = STATEMENT.to_json()
SIGNATURE = ENVELOPE["signatures"][0]
OF_ANOTHER = json.loads(signing.sign(STATEMENT, KEYS["p-256"], "key"))["signatures"][0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (envelope(payload=based(PAYLOAD.replace('"passed":41', '"passed":42'))), "something changed it"),
        (envelope(payload=based(PAYLOAD.replace("main", "prod"))), "something changed it"),
        (envelope(payload=based("")), "something changed it"),
        (envelope(payloadType="application/json"), "expected the payload type application/vnd.in-toto+json"),
        (signed(PAYLOAD.encode(), "text/plain"), "expected the payload type"),
        # Signed as something else, and then called ours.
        (
            json.dumps({**json.loads(signed(PAYLOAD.encode(), "text/plain")), "payloadType": signing.PAYLOAD_TYPE}),
            "something changed it",
        ),
        (envelope(signatures=[OF_ANOTHER]), "which is none of those given"),
        (envelope(signatures=[{**OF_ANOTHER, "keyid": PUBLIC.id}]), "something changed it"),
        (envelope(signatures=[{**SIGNATURE, "keyid": ""}]), "which is none of those given"),
        (envelope(signatures=[{**SIGNATURE, "sig": ""}]), "something changed it"),
        (signed(b"{}"), "signed, but not a proof"),
        (signed(b"\xff"), "not UTF-8"),
        (signed(PAYLOAD.replace('"base":"main"', '"base":"main","base":"x"').encode()), "each key once"),
    ],
)
def test_what_was_tampered_with_is_refused_with_the_reason(text, reason):
    with pytest.raises(Refused) as error:
        verify(text)
    assert error.value.exit_code == 1
    assert reason in str(error.value)


def test_it_proves_its_own_commit_alone():
    with pytest.raises(Refused, match=f"proves commit {HEAD}, not {OTHER}"):
        verify(TEXT, commit=OTHER)


def test_without_a_key_nothing_is_verified():
    with pytest.raises(Refused, match=r"none of those given \(none\)"):
        signing.verify(TEXT.encode(), [], "proof.json")


TWICE = TEXT.replace('"payloadType":', '"payloadType":"x","payloadType":')


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "expected JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "expected JSON"),
        (b"{}", "payload, payloadType and signatures"),
        (PAYLOAD.encode(), "payload, payloadType and signatures"),
        (TWICE.encode(), "each key once"),
        (envelope(more=1).encode(), "payload, payloadType and signatures"),
        (envelope(signatures=[]).encode(), "one signature"),
        (envelope(signatures=[SIGNATURE, SIGNATURE]).encode(), "one signature"),
        (envelope(signatures={}).encode(), "one signature"),
        (envelope(signatures=[{**SIGNATURE, "cert": "x"}]).encode(), "keyid and sig"),
        (envelope(signatures=[{"keyid": 1, "sig": ""}]).encode(), "keyid"),
        (envelope(payloadType=1).encode(), "payloadType"),
        (envelope(payload=1).encode(), "base64"),
        (envelope(payload="e30").encode(), "base64"),
        (envelope(payload="e31=").encode(), "base64"),
        (envelope(payload=ENVELOPE["payload"] + "\n").encode(), "base64"),
        (b" " * (signing.LARGEST + 1), "at most"),
    ],
)
def test_what_is_no_envelope_is_bad_input(content, reason):
    with pytest.raises(InputError) as error:
        verify(content)
    assert str(error.value).startswith("proof.json")
    assert reason in str(error.value)
    with pytest.raises(InputError):
        signing.key_id_of(content, "proof.json")


@given(at=st.integers(0, len(TEXT) - 1), to=st.integers(0, 255))
def test_a_file_with_any_other_byte_is_refused_or_says_the_same(at, to):
    content = bytearray(TEXT.encode())
    content[at] = to
    try:
        verified = verify(bytes(content))
    except (Refused, InputError):
        return
    # Only what is no part of the envelope's JSON values may differ.
    assert verified.statement == STATEMENT
    assert json.loads(bytes(content)) == ENVELOPE


@given(at=st.integers(0, len(PAYLOAD.encode()) - 1), to=st.integers(0, 255))
def test_a_payload_with_any_other_byte_is_refused(at, to):
    content = bytearray(PAYLOAD.encode())
    if content[at] == to:
        return
    content[at] = to
    with pytest.raises(Refused, match="something changed it"):
        verify(envelope(payload=based(bytes(content))))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PRIVATE.encode(), "got a private one"),
        (b"", "expected a public key in PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "expected a public key in PEM"),
        (b"x" * (signing.LONGEST_KEY + 1), "more than"),
        (
            rsa.generate_private_key(65537, 1024)
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "RSA of at least 2048 bits",
        ),
        (
            ec.generate_private_key(ec.SECP256K1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "P-256",
        ),
    ],
)
def test_what_is_no_public_key_of_ours_is_bad_input(text, reason):
    with pytest.raises(InputError) as error:
        signing.read_public_key(text, "key.pem")
    assert str(error.value).startswith("key.pem")
    assert reason in str(error.value)


@pytest.mark.rule("R9")
@pytest.mark.parametrize("text", ["", "hunter2-hunter2", PUBLIC.pem, PRIVATE.replace("MC4", "XXX")])
def test_what_is_no_private_key_is_named_and_not_quoted(text):
    with pytest.raises(InputError) as error:
        signing.sign(STATEMENT, text, "Secret proof-key")
    assert str(error.value).startswith("Secret proof-key")
    assert not text or text not in str(error.value)
    assert error.value.__cause__ is None


def test_a_new_key_is_another_one_each_time():
    made = {signing.public_key(signing.new_private_key(), "key").id for _ in range(3)}
    assert len(made) == 3
