"""The document of an approval: in its ConfigMap first, then in the store that the values name, and never another."""

from __future__ import annotations

import pytest
from ledgers import PR, REPO, desk
from proof_documents import HEAD, honest

from pressplay import names
from pressplay.errors import TryAgain
from pressplay.gates.proof import signing
from pressplay.settings import OCIPlace, ProofSettings
from pressplay.steps.core import evidence
from pressplay.steps.core.context import Subject
from pressplay.steps.review import proofs

pytestmark = pytest.mark.rule("R5")
NOBODY = "127.0.0.1:9/proofs"
REFUSES = ProofSettings(store="oci", oci=OCIPlace(repository=NOBODY, secret="absent"))
SILENT = ProofSettings(store="oci", oci=OCIPlace(repository=NOBODY, plain_http=True))


@pytest.fixture
def made(tmp_path, monkeypatch):
    def make(settings):
        context = desk(tmp_path, proof=settings)
        monkeypatch.setattr(proofs, "_signing_key", lambda _context: (signing.new_private_key(), "key"))
        return context, Subject.of({"repo": REPO, "pr": str(PR), "try": "1"}, context)

    return make


@pytest.mark.parametrize(("settings", "expected"), [(REFUSES, proofs.NotStored), (SILENT, TryAgain)])
def test_what_can_not_be_stored_is_in_its_config_map_and_named_nowhere(made, settings, expected):
    context, subject = made(settings)
    with pytest.raises(expected):
        proofs.keep_document(context, subject, honest())
    text = evidence.kept(context, REPO, PR, HEAD)[proofs.DOCUMENT]
    assert signing.unverified(text.encode(), "here").commit == HEAD
    # For a review that is posted it is not made again: it can't be shown, and does not change.
    with pytest.raises(expected):
        proofs.kept_document(context, subject, HEAD)
    assert evidence.kept(context, REPO, PR, HEAD)[proofs.DOCUMENT] == text


def test_a_document_of_another_version_is_made_again(made):
    context, subject = made(ProofSettings())
    assert proofs.kept_document(context, subject, HEAD) is None
    evidence.keep(context, subject, HEAD, {proofs.DOCUMENT: "{}"})
    assert proofs.kept_document(context, subject, HEAD) is None
    document = proofs.keep_document(context, subject, honest())
    assert proofs.kept_document(context, subject, HEAD) == document
    assert f"in the ConfigMap `{names.proof(REPO, PR, HEAD)}`" in document.link
