"""The token with which a gate's step reads GitHub where it handles strangers' bytes.

It handles them by git and by our parsers: a fault there must not reach a key. So an account that has the key mints a
token that can read this one repository for an hour, and puts it into a Secret, which the kubelet mounts into the step.
The Secret belongs to the gate's volume and goes with it; of a gate without a volume it belongs to the Workflow.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.github.given import TokenSpent
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number

NEEDS = {"contents": "read", "pull_requests": "read"}
"""All that such a step asks of GitHub."""
KEY = "token"
"""The Secret's only key, and so the name of the file."""

MOST = 10
"""Tokens of one run, as many as admission has names for. Each is good for an hour; in the sandbox a kill loses one."""


def reading(inputs: Inputs, context: Context, work: Callable[[Inputs, Context], Outputs]) -> Outputs:
    """What `work` puts out, which reads GitHub with the token in the file `token`; there is no key in its context.

    `state` spent, and nothing else, where the token (`number`, from 0) has expired or is gone: the flow has the next
    one made, and calls again. TokenSpent once that was the last one.
    """
    try:
        return work(inputs, context.with_token(inputs["token"]))
    except TokenSpent as error:
        if (number(inputs, "number") or 0) + 1 >= MOST:
            raise
        context.say(str(error))
        return {"state": "spent"}


@dataclass(frozen=True)
class Owner:
    """The object that a token goes with: it is deleted when that is."""

    api_version: str
    kind: str
    name: str
    uid: str
    labels: Mapping[str, str]


def volume(context: Context, run: str) -> Owner:
    """The volume of a gate's run; InputError where it is gone: the run is over."""
    claim = context.cluster.get("PersistentVolumeClaim", context.settings.namespace, run)
    if claim is None or "deletionTimestamp" in claim["metadata"]:
        raise InputError(f"{run}: the volume of this run of the gate is gone; nothing can be checked out onto it")
    metadata = claim["metadata"]
    return Owner("v1", "PersistentVolumeClaim", metadata["name"], metadata["uid"], metadata["labels"])


def workflow(inputs: Inputs, labels: Mapping[str, str]) -> Owner:
    """The Workflow that the step is of, from its parameters `workflow` and `uid`."""
    return Owner(
        "argoproj.io/v1alpha1", "Workflow", names.checked(inputs["workflow"], "workflow"), inputs["uid"], labels
    )


def hand_over(context: Context, subject: Subject, run: str, count: int, owner: Owner) -> None:
    """Have the reading step of a gate's run find a token, the one that `count` counts. One that is there stays."""
    token = context.github.mint(context.settings.github.harness_app, subject.repo, NEEDS)
    context.cluster.create(_secret(context.settings.namespace, names.gate_token(run, count), owner, token.pack()))


def _secret(namespace: str, name: str, owner: Owner, content: bytes) -> Manifest:
    reference = {"apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name, "uid": owner.uid}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": dict(owner.labels),
            "ownerReferences": [reference],
        },
        "type": "Opaque",
        "immutable": True,
        "data": {KEY: base64.b64encode(content).decode()},
    }
