"""The proofs that the acceptance gate captured, by commit."""

from __future__ import annotations

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.gates.acceptance.proof import Proof
from pressplay.steps.core.context import Context, Subject

_PROOF = "proof"


def keep(context: Context, subject: Subject, proof: Proof) -> None:
    """Keep a proof, in a ConfigMap of its own."""
    pr = subject.pull_number
    context.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": names.proof(subject.repo, pr, proof.commit),
                "namespace": context.settings.namespace,
                "labels": {
                    **PART_OF,
                    "press-play/proof": "acceptance",
                    "press-play/repo": names.repo_key(subject.repo),
                    "press-play/pr": str(pr),
                },
            },
            "data": {_PROOF: proof.pack()},
        }
    )


def kept(context: Context, repo: str, pr: int, head: str) -> Proof | None:
    """The proof of a commit; None where none was captured."""
    config_map = context.cluster.get("ConfigMap", context.settings.namespace, names.proof(repo, pr, head))
    return Proof.unpack(config_map["data"][_PROOF], f"proof of {head}") if config_map else None
