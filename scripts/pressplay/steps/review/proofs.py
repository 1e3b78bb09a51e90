"""What was shown of a commit, kept in a ConfigMap by commit: the acceptance gate's answers, and the signed document.

The document is kept in the store that the values name, too. The ConfigMap comes first: a store that fails loses
nothing. What names the document comes last: where it could not be stored, nothing is approved.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.errors import InputError
from pressplay.gates.acceptance import packing
from pressplay.gates.acceptance.proof import Proof
from pressplay.gates.proof import signing
from pressplay.gates.proof.statement import Statement, SupplyFinding, digest
from pressplay.gates.proof.stores.opening import opened
from pressplay.steps.core import evidence
from pressplay.steps.core.context import Context, Subject
from pressplay.validation.markdown import code

DOCUMENT = "document"
"""The key of the ConfigMap that holds the envelope."""
_APP_KEY = "private-key"


class NotStored(InputError):
    """The store that the values name refuses the document, or can't be asked, and a repeat would not help."""


@dataclass(frozen=True)
class Document:
    """A signed proof as it is kept."""

    text: str
    """The envelope, as JSON."""
    statement: Statement
    link: str
    """One paragraph of Markdown: its digest, where it is, how to fetch and verify it."""


def keep(context: Context, subject: Subject, proof: Proof) -> None:
    """Keep what the acceptance gate captured."""
    evidence.keep(context, subject, proof.commit, {evidence.ANSWERS: proof.pack()})


def kept(context: Context, repo: str, pr: int, head: str) -> Proof | None:
    """What was captured of a commit; None where nothing was."""
    packed = evidence.kept(context, repo, pr, head).get(evidence.ANSWERS)
    return Proof.unpack(packed, f"proof of {head}") if packed else None


def supply(records: Mapping[str, str], head: str) -> list[SupplyFinding] | None:
    """What the supply gate saw, in what is kept of a commit; None where it did not look, or did not pass it."""
    packed = records.get(evidence.SUPPLY)
    if not packed:
        return None
    rows = json.loads(packing.unpack(packed, f"proof of {head}, key {evidence.SUPPLY}"))
    return [
        SupplyFinding(kind=kind, what=what, path=path or None, line=line or None, outcome=outcome)
        for kind, what, path, line, outcome in rows
    ]


def keep_document(context: Context, subject: Subject, statement: Statement) -> Document:
    """Sign a Statement and keep it beside its commit's proof; the public key is kept first.

    InputError where the key that the values name is not there, or is none; NotStored or TryAgain where the store that
    they name does not take the document.
    """
    private_key, where = _signing_key(context)
    public = signing.public_key(private_key, where)
    namespace = context.settings.namespace
    context.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": names.PROOF_KEYS, "namespace": namespace, "labels": dict(PART_OF)},
            "data": {f"{public.id}.pem": public.pem},
        }
    )
    text = signing.sign(statement, private_key, where)
    evidence.keep(context, subject, statement.commit, {DOCUMENT: text})
    return _document(context, subject, text, statement)


def kept_document(context: Context, subject: Subject, head: str) -> Document | None:
    """The document of a commit that was signed before; None where there is none that this version reads.

    NotStored or TryAgain where the store that the values name does not take it.
    """
    name = names.proof(subject.repo, subject.pull_number, head)
    text = evidence.kept(context, subject.repo, subject.pull_number, head).get(DOCUMENT)
    if not text:
        return None
    try:
        statement = signing.unverified(text.encode(), f"ConfigMap {name}")
    except InputError:
        context.say(f"ConfigMap {name}: its document is not one of this version; it is made again")
        return None
    return _document(context, subject, text, statement)


def _document(context: Context, subject: Subject, text: str, statement: Statement) -> Document:
    """The document, once it is where its link says; to store it again is harmless."""
    namespace, pr, head = context.settings.namespace, subject.pull_number, statement.commit
    name = names.proof(subject.repo, pr, head)
    try:
        with opened(context.settings.proof, context.cluster, namespace) as store:
            stored = store.keep(subject.repo, pr, head, text) if store else ""
    except InputError as error:
        raise NotStored(str(error)) from error
    places = f"at {code(stored, 1_000)}, and for a time " if stored else ""
    link = (
        f"The signed proof of this commit is `{digest(text)}`, {places}in the ConfigMap `{name}` of the namespace "
        f"{code(namespace)}. `pressplay proof get {subject.repo}#{pr} --commit {head} -n {namespace} -o proof.json` "
        f"fetches it, `pressplay proof verify proof.json --commit {head} -n {namespace}` verifies it."
    )
    return Document(text, statement, link)


def _signing_key(context: Context) -> tuple[str, str]:
    """The private key that signs, in PEM, and what to call the place where it is."""
    settings = context.settings
    wanted = settings.proof.signing_key
    own = bool(wanted.secret)
    name = wanted.secret or names.app_secret(settings.github.harness_app)
    key = wanted.key if own else _APP_KEY
    where = f"namespace {settings.namespace}, Secret {name}, key {key}"
    secret = context.cluster.get("Secret", settings.namespace, name)
    value = ((secret or {}).get("data") or {}).get(key)
    todo = (
        "`pressplay proof key` writes one; or correct proof.signingKey in the values" if own else "see pressplay doctor"
    )
    if not value:
        raise InputError(f"{where}: expected the private key that signs proofs, got nothing; {todo}")
    try:
        return base64.b64decode(value, validate=True).decode(), where
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{where}: expected a private key in PEM, got something else; {todo}") from error
