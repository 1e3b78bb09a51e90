"""The store of proofs that the values name, with the credentials of their Secret."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pressplay.cluster.port import Cluster
from pressplay.errors import InputError
from pressplay.gates.proof.stores.store import Store
from pressplay.settings import ProofSettings


@contextmanager
def opened(proof: ProofSettings, cluster: Cluster, namespace: str) -> Iterator[Store | None]:
    """The store that the values name; None where proofs are in ConfigMaps alone.

    InputError where its Secret is absent or lacks something, or its library is not installed.
    """
    if proof.store == "configMap":
        yield None
        return
    store: Store
    if proof.store == "s3":
        secret = proof.s3.secret
        data = _secret(cluster, namespace, secret, "proof.s3.secret") if secret else None
        try:
            from pressplay.gates.proof.stores.s3 import S3
        except ModuleNotFoundError as error:
            raise InputError(
                f"proof.store is s3, and its library is not installed ({error.name}): pip install 'pressplay[s3]'"
            ) from error
        store = S3(proof.s3, data, f"Secret {secret} in namespace {namespace}")
    else:
        from pressplay.gates.proof.stores.oci import OCI

        secret = proof.oci.secret
        data = _secret(cluster, namespace, secret, "proof.oci.secret") if secret else None
        store = OCI(proof.oci, data, f"Secret {secret} in namespace {namespace}")
    try:
        yield store
    finally:
        store.close()


def _secret(cluster: Cluster, namespace: str, name: str, value: str) -> Mapping[str, str]:
    """What a Secret holds, by key; InputError where it is absent, or holds what is no text."""
    where = f"Secret {name} in namespace {namespace}"
    secret = cluster.get("Secret", namespace, name)
    if secret is None:
        raise InputError(
            f"{where}: expected the credentials for proofs, got no such Secret; make it, or correct {value}"
        )
    try:
        return {key: base64.b64decode(text, validate=True).decode() for key, text in (secret.get("data") or {}).items()}
    except (binascii.Error, ValueError):
        # The cause may quote what it holds.
        raise InputError(f"{where}: expected texts, got bytes that are not UTF-8") from None
