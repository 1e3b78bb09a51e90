"""One run of a gate in Pods: its beginning, its volume, what the Pods printed, and the deletion of both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.errors import EXIT_FAILED, InputError, PressPlayError, TryAgain
from pressplay.gates.lint.lint_plan import packed
from pressplay.github import pulls
from pressplay.settings import CommandGate
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.core.manifests import WORKFLOW_ANNOTATION
from pressplay.steps.core.verdicts import Gate, GateVerdict
from pressplay.steps.gate_pods import gate_tokens
from pressplay.steps.gate_pods.candidate import Candidate

AWAIT_CHECKS = "await-checks"
"""The wait for the named checks of a head."""
SCRIPTS = "script"
"""The folder of the volume with the scripts of all languages' Pods."""
RUN_LABEL = "press-play/gate-run"
"""On the volume and the Pods of one run of a gate: its name."""
FLOW = {**PART_OF, "press-play/flow": "gate"}
MINUTE = 60
OWN_IMAGE = "pressplay"
"""Means the image of the steps, which the template knows."""
_DAY = 86_400
_PATIENCE = 900
"""Seconds that a container may wait for its node and its image, on top of its commands' time."""


class Lost(PressPlayError):
    """A container was lost with its node: the attempt is repeated."""

    exit_code = EXIT_FAILED


CHECKS = "checks"


def begin(inputs: Inputs, context: Context, gate: Gate, settings: CommandGate) -> str:
    """Begin a gate: the name of its run; CHECKS, where those of the project's CI stand for it; or its outcome already.

    With `onto` the head is judged as merged with that commit: `skipped` where checks of a CI stand for the gate, which
    sees no such tree. A run has a volume and the token for the checkout; its name is theirs and its Pods'. Idempotent.
    """
    subject, candidate = Subject.of(inputs, context), Candidate.of(inputs)
    pr = subject.pull_number
    if not settings.enabled or (candidate.onto and settings.checks):
        return "skipped"
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, pr)
    if candidate.is_superseded(pull) or (pull.state != "open" and not candidate.onto):
        return verdicts.SUPERSEDED
    if candidate.outcome(context.ledger(subject.repo).entries("pr", pr), gate) == "pass":
        return "pass"
    if settings.checks:
        return CHECKS
    workflow = names.checked(inputs["workflow"], "workflow")
    name = names.gate_run(gate, subject.repo, pr, candidate.head, workflow)
    if not context.cluster.create(_claim(context, subject, name, workflow, settings)) and is_gone(context, name):
        raise TryAgain(f"{name}: the volume of an earlier run of this gate is still being deleted")
    gate_tokens.hand_over(context, subject, name, 0, gate_tokens.volume(context, name))
    return name


def plan(inputs: Inputs, context: Context, gate: Gate, settings: CommandGate) -> Outputs:
    """Begin a gate in a step of its own: `run` as from `begin`; the other outputs are for earlier versions' flows."""
    run = begin(inputs, context, gate, settings)
    if run == CHECKS:
        return {"run": run, "state": CHECKS}
    if not run.startswith("gate-"):
        return {"run": run, "state": "done", "outcome": run}
    return {"run": run, "state": "run", "name": run, **bounds(settings)}


@dataclass(frozen=True)
class GatePod:
    """One of a gate's Pods, named for its language or its shard. `image`: empty for that of the steps."""

    language: str
    image: str
    services: str = "[]"
    """The sidecars, as JSON."""


def pods(listed: Iterable[GatePod]) -> str:
    """The output `pods` of a checkout: base64 of JSON, of which Argo evaluates nothing."""
    of = {pod.language: {"image": pod.image or OWN_IMAGE, "services": pod.services} for pod in listed}
    return packed(json.dumps({"names": list(of), "of": of}))


def bounds(settings: CommandGate) -> Outputs:
    """What a gate's Pods may take: `seconds` for the commands, `patience` in all, `resources` (base64 of JSON)."""
    seconds = int(MINUTE * settings.timeout_minutes)
    return {
        "seconds": str(seconds),
        "patience": str(seconds + _PATIENCE),
        "resources": packed(json.dumps(settings.resources)),
    }


def _claim(context: Context, subject: Subject, name: str, workflow: str, settings: CommandGate) -> Manifest:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": settings.volume.size}},
    }
    if settings.volume.storage_class:
        spec["storageClassName"] = settings.volume.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "namespace": context.settings.namespace,
            "labels": labels(subject, name),
            "annotations": {WORKFLOW_ANNOTATION: workflow},
        },
        "spec": spec,
    }


def labels(subject: Subject, name: str) -> dict[str, str]:
    """The labels of all that one run of a gate makes."""
    return {
        **FLOW,
        RUN_LABEL: name,
        "press-play/repo": names.repo_key(subject.repo),
        "press-play/pr": str(subject.pr),
    }


def write_script(context: Context, into: Path, language: str, text: str, attempts: int, folder: str = SCRIPTS) -> None:
    """Write the script of a language's Pod, or of a shard's, onto the volume, with the folders that the Pod works in.

    `folder`: the part of the volume that the Pod has its scripts from.
    """
    (into / folder / f"{language}.sh").write_text(text)
    for attempt in range(attempts or 1):
        # A kubelet might create it for another user than the container's.
        (into / "work" / f"{language}-{attempt}").mkdir(parents=True, exist_ok=True)
    _home(into / folder / "home", context.settings.gate_pods.package_proxy.files)


def _home(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        where = folder / path
        if not where.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"gatePods.packageProxy.files {path!r}: expected a path below the home directory")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)


def printed(context: Context, name: str, language: str, attempt: int, most: int) -> bytes:
    """The last `most` bytes that a language's Pod printed."""
    pod, namespace = pod_name(name, language, attempt), context.settings.namespace
    return context.cluster.logs(namespace, pod, "main", _DAY, most) or b""


def pod_name(name: str, language: str, attempt: int) -> str:
    """The Pod of a language in one attempt."""
    return f"{name}-{language}-{attempt}"


def earlier(context: Context, subject: Subject, gate: Gate, candidate: Candidate, name: str) -> Outputs | None:
    """What an earlier run of the verdict's step left, which deleted the volume; None if there was none."""
    if not is_gone(context, name):
        return None
    # It may have been killed before it deleted the Pods: the next judgement of the same commit has Pods of these names.
    _delete_pods(context, name)
    recorded = candidate.outcome(context.ledger(subject.repo).entries("pr", subject.pull_number), gate)
    return {"outcome": recorded or verdicts.SUPERSEDED}


def conclude(
    context: Context,
    subject: Subject,
    gate: Gate,
    candidate: Candidate,
    judged: GateVerdict,
    name: str,
    tree: str = "",
    failing: Sequence[str] = (),
) -> Outputs:
    """Post or record a verdict, and delete the volume and the Pods; `outcome` as from `Candidate.conclude`."""
    outcome = candidate.conclude(context, subject, gate, judged, tree, failing)
    clean_up(context, name)
    return {"outcome": outcome}


def given_up() -> GateVerdict:
    """The verdict of a gate of which no attempt had a result."""
    return GateVerdict("error", "Could not be carried out", "the gate could not be carried out; see its Workflow")


def is_last(inputs: Inputs, attempt: int) -> bool:
    """Whether no attempt follows this one."""
    return attempt + 1 >= (number(inputs, "attempts") or 1)


def clean_up(context: Context, name: str) -> None:
    """Delete the volume and the Pods of a run of the gate; the volume first: without it the run counts as concluded."""
    context.cluster.delete("PersistentVolumeClaim", context.settings.namespace, name)
    _delete_pods(context, name)


def _delete_pods(context: Context, name: str) -> None:
    namespace = context.settings.namespace
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
