"""What the gates need of the cluster: a wall, a volume, somebody who deploys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pressplay.cluster.port import Account
from pressplay.doctor.results import Result, check, not_looked_at, note, ok, wrong
from pressplay.doctor.rights import Right, must_not
from pressplay.doctor.subject import Subject

GATE = "press-play-gate"
"""The account of the lint gate's pods."""
WALLED = {"press-play/walled": "true"}
"""The label of the lint gate's pods."""
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_OUTPUTS = {"url", "commit"}
"""What a WorkflowTemplate that deploys must give (`deploy.workflowTemplate`)."""


@check("wall of the gates")
def wall(subject: Subject) -> Iterator[Result]:
    """Strangers' code runs without a network and as nobody."""
    subject.need_release()
    if not _linted(subject):
        yield ok("wall of the gates", "no repository's lint gate runs commands")
        return
    closed = [
        policy["metadata"]["name"]
        for policy in subject.listed("NetworkPolicy", subject.namespace)
        if _closes(policy["spec"])
    ]
    elsewhere = bool(subject.files) and not subject.problems and not subject.values["gatePods"]["networkPolicy"]
    if closed:
        yield ok("wall of the gates", f"the NetworkPolicy {closed[0]}")
        yield not_looked_at(
            "wall of the gates",
            "whether the network plugin enforces NetworkPolicies can't be seen",
            "try it once: docs/how-to/lint-gate.md, The wall",
        )
    elif elsewhere:
        yield note(
            "wall of the gates",
            "no NetworkPolicy walls in the lint gate's pods; by the values something else does "
            "(gatePods.networkPolicy: false)",
        )
    else:
        yield wrong(
            "wall of the gates",
            f"no NetworkPolicy in {subject.namespace} walls in the lint gate's pods, which run strangers' code",
            "set gatePods.networkPolicy to true and helm upgrade; where something else does it, give doctor the values",
        )
    who = Account(subject.namespace, GATE)
    forbidden: list[Right] = [("get", "secrets", subject.namespace, ""), ("create", "pods", subject.namespace, "")]
    yield from must_not(subject, "wall of the gates", who, forbidden)


@check("volume of the lint gate")
def volume(subject: Subject) -> Iterator[Result]:
    """Whether there is the StorageClass that a checkout's volume is made of."""
    wanted = {subject.settings.repository(name).lint.volume.storage_class for name in _linted(subject)}
    if not wanted:
        return
    classes = {
        storage_class["metadata"]["name"]: (storage_class["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS)
        == "true"
        for storage_class in subject.listed("StorageClass", "")
    }
    absent = sorted(name for name in wanted - {""} if name not in classes)
    for name in absent:
        yield wrong(
            "volume of the lint gate",
            f"no StorageClass {name}: the gate's volume is never made",
            "set defaults.lint.volume.storageClass, or the repository's own, to one of: kubectl get storageclasses",
        )
    without = "" in wanted and not any(classes.values())
    if without:
        yield wrong(
            "volume of the lint gate",
            "the cluster has no default StorageClass: the gate's volume is never made",
            f"kubectl annotate storageclass NAME {_DEFAULT_CLASS}=true, or set defaults.lint.volume.storageClass",
        )
    if not absent and not without:
        yield ok("volume of the lint gate", ", ".join(sorted(name or "the default StorageClass" for name in wanted)))


@check("deploy.workflowTemplate")
def deployer(subject: Subject) -> Iterator[Result]:
    """Whether the WorkflowTemplates that deploy are there, take what they are given and give what is asked of them."""
    subject.need_release()
    settings = subject.settings
    named = {
        deploy.workflow_template: name
        for name in sorted(settings.repositories)
        if (deploy := settings.repository(name).deploy).mode == "workflowTemplate"
    }
    for template, repo in named.items():
        manifest = subject.find("WorkflowTemplate", subject.namespace, template)
        if manifest is None:
            yield wrong(
                "deploy.workflowTemplate",
                f"no WorkflowTemplate {template} in {subject.namespace}, which deploys {repo}",
                f"kubectl -n {subject.namespace} apply -f {template}.yaml, or correct deploy.workflowTemplate",
            )
            continue
        lacks = sorted(_OUTPUTS - _outputs(manifest["spec"]))
        if lacks:
            yield wrong(
                "deploy.workflowTemplate",
                f"the entrypoint of {template} has no output parameter {' and '.join(lacks)}: nothing can be proven",
                f"give {template} the outputs url and commit (docs/how-to/gates.md); it is given repo, pr, head and "
                "environment",
            )
        else:
            yield ok("deploy.workflowTemplate", f"{template} in {subject.namespace}")


def _outputs(spec: Mapping[str, Any]) -> set[str]:
    """The output parameters of a WorkflowTemplate's entrypoint."""
    entry: Mapping[str, Any] = next(
        (template for template in spec.get("templates") or [] if template.get("name") == spec.get("entrypoint")), {}
    )
    return {parameter["name"] for parameter in (entry.get("outputs") or {}).get("parameters") or []}


def _linted(subject: Subject) -> list[str]:
    """The repositories whose lint gate runs commands."""
    lints = {name: subject.settings.repository(name).lint for name in sorted(subject.settings.repositories)}
    return [name for name, lint in lints.items() if lint.enabled and not lint.checks]


def _closes(spec: Mapping[str, Any]) -> bool:
    """Whether a NetworkPolicy selects the gates' pods and bounds where they may go."""
    selector = spec.get("podSelector") or {}
    labels = selector.get("matchLabels") or {}
    selects = not selector.get("matchExpressions") and labels.items() <= WALLED.items()
    bounded = all(rule.get("to") for rule in spec.get("egress") or [])
    return selects and bounded and "Egress" in (spec.get("policyTypes") or [])
