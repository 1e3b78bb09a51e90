"""What gates saw of a commit, kept in a ConfigMap by commit until its proof is made, and with it."""

from __future__ import annotations

from collections.abc import Mapping

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.steps.core.context import Context, Subject

ANSWERS = "proof"
"""What a deployment answered (`gates.acceptance.proof.Proof`)."""
JUDGEMENT = "tests"
"""What the tests gate judged (`gates.proving.judgement.Judgement`)."""
CONTRACT = "contract"
"""Where the environment contract was from."""
EXPECTATIONS = "expectations"
"""The expectations that the pull request changes, as JSON."""
PLAN = "plan"
"""The plan of probes (`steps.review.plans`)."""
END_PLAN = "end-plan"
"""Of what a play ended with: the probes for its deployment (`gates.acceptance.end_plan.EndPlan`)."""
END_ANSWERS = "end-answers"
"""And what it answered (`gates.acceptance.proof.Proof`)."""
SUPPLY = "supply"
"""What the pull request brings in, as JSON."""


def keep(context: Context, subject: Subject, head: str, data: Mapping[str, str]) -> None:
    """Keep texts of a commit under these keys, beside those that are there."""
    pr = subject.pull_number
    context.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": names.proof(subject.repo, pr, head),
                "namespace": context.settings.namespace,
                "labels": {
                    **PART_OF,
                    "press-play/proof": "acceptance",
                    "press-play/repo": names.repo_key(subject.repo),
                    "press-play/pr": str(pr),
                },
            },
            "data": dict(data),
        }
    )


def kept(context: Context, repo: str, pr: int, head: str) -> Mapping[str, str]:
    """What is kept of a commit, by key."""
    config_map = context.cluster.get("ConfigMap", context.settings.namespace, names.proof(repo, pr, head))
    return (config_map or {}).get("data") or {}
