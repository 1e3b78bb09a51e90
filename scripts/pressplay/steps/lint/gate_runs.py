"""The volume and the Pods of a run of the lint gate, and their deletion."""

from __future__ import annotations

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import PART_OF
from pressplay.steps.core.context import Context
from pressplay.steps.core.manifests import WORKFLOW_ANNOTATION

AWAIT_CHECKS = "await-checks"
"""The wait for the named checks of a head."""
RUN_LABEL = "press-play/gate-run"
"""On the volume and the Pods of one run of a gate: its name."""
FLOW = {**PART_OF, "press-play/flow": "gate"}
MINUTE = 60


def clean_up(context: Context, name: str) -> None:
    """Delete the volume and the Pods of a run of the gate; the volume first: without it the run counts as concluded."""
    namespace = context.settings.namespace
    context.cluster.delete("PersistentVolumeClaim", namespace, name)
    for pod in context.cluster.list("Pod", namespace, {RUN_LABEL: name}):
        context.cluster.delete("Pod", namespace, pod["metadata"]["name"])


def is_gone(context: Context, name: str) -> bool:
    """Whether a run's volume is gone, or will be once its Pods are."""
    claim = context.cluster.get("PersistentVolumeClaim", context.settings.namespace, name)
    return claim is None or "deletionTimestamp" in claim["metadata"]


def orphans(context: Context, repo: str) -> None:
    """Delete volumes and Pods of gates if their Workflow has ended or is gone."""
    namespace, running = context.settings.namespace, {}
    labels = {**FLOW, "press-play/repo": names.repo_key(repo)}
    for kind in ("Pod", "PersistentVolumeClaim"):
        for manifest in context.cluster.list(kind, namespace, labels):
            workflow = (manifest["metadata"].get("annotations") or {}).get(WORKFLOW_ANNOTATION, "")
            if workflow not in running:
                owner = context.cluster.get("Workflow", namespace, workflow) if workflow else None
                running[workflow] = owner is not None and waits.phase(owner) not in waits.FINISHED
            if not running[workflow]:
                context.cluster.delete(kind, namespace, manifest["metadata"]["name"])
                context.say(f"{manifest['metadata']['name']}: deleted, its Workflow has ended")
