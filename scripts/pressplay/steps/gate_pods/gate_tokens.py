"""The token with which a gate's checkout reads GitHub.

The checkout handles strangers' bytes, by git and by our parsers: a fault there must not reach a key. So an account that
has the key mints a token that can read this one repository for an hour, and puts it into a Secret, which the kubelet
mounts into the checkout. The Secret belongs to the gate's volume and goes with it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.github.given import TokenSpent
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number

NEEDS = {"contents": "read", "pull_requests": "read"}
"""All that a checkout asks of GitHub."""
KEY = "token"
"""The Secret's only key, and so the name of the file."""

MOST = 4
"""Tokens of one run. Each is good for an hour, and a step that is tried again gives up after two."""


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


def hand_over(context: Context, subject: Subject, run: str, count: int) -> None:
    """Have the checkout of a gate's run find a token, the one that `count` counts. One that is there stays.

    InputError where the run's volume is gone: the run is over.
    """
    claim = context.cluster.get("PersistentVolumeClaim", context.settings.namespace, run)
    if claim is None or "deletionTimestamp" in claim["metadata"]:
        raise InputError(f"{run}: the volume of this run of the gate is gone; nothing can be checked out onto it")
    token = context.github.mint(context.settings.github.harness_app, subject.repo, NEEDS)
    context.cluster.create(_secret(claim, names.gate_token(run, count), token.pack()))


def _secret(claim: Manifest, name: str, content: bytes) -> Manifest:
    metadata = claim["metadata"]
    owner = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": metadata["labels"],
            "ownerReferences": [owner],
        },
        "type": "Opaque",
        "immutable": True,
        "data": {KEY: base64.b64encode(content).decode()},
    }
