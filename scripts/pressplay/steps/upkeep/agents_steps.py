"""Our personas in a ConfigMap that another release owns (`agentsConfigMap.mode: merge`): added, replaced, removed.

An annotation on the ConfigMap, one for each release, lists our keys; the same request writes it and the keys. Any other
key belongs to others and is never changed.
"""

from __future__ import annotations

import json
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.steps.core import agents_config
from pressplay.steps.core.context import Context, Inputs, Outputs

ANNOTATION_PREFIX = "agents.press-play"


def merge(inputs: Inputs, context: Context) -> Outputs:
    """Copy our personas from the ConfigMap press-play-agents to the foreign ConfigMap (input `configmap`).

    Outputs `written` and `removed`, numbers of keys. Raises InputError if the ConfigMap is missing, or if others' keys
    have the names of ours.
    """
    settings = context.settings
    source = context.cluster.get("ConfigMap", settings.namespace, agents_config.SOURCE)
    if source is None:
        raise InputError(
            f"ConfigMap {settings.namespace}/{agents_config.SOURCE} is missing: run helm upgrade, which creates it"
        )
    personas: dict[str, str] = source.get("data") or {}
    place = f"ConfigMap {settings.controller_namespace}/{inputs['configmap']}"
    target = context.cluster.get("ConfigMap", settings.controller_namespace, inputs["configmap"])
    if target is None:
        raise InputError(
            f"{place} is missing: install the controller that owns it first, or set agentsConfigMap.mode to create"
        )
    before = _owned(target, context)
    data: dict[str, str] = target.get("data") or {}
    there = {*data, *(target.get("binaryData") or {})}
    clashes = sorted((there - before) & personas.keys())
    if clashes:
        raise InputError(
            f"{place} has keys of others with the names of ours: {', '.join(clashes)}; nothing was changed. Disable "
            "these agents (agents.<id>.enabled) or give them Apps of their own (agents.<id>.githubApp)"
        )
    changed = {key for key, text in personas.items() if data.get(key) != text}
    stale = (before - personas.keys()) & there
    if changed or stale or before != personas.keys():
        _write(inputs, context, {**{key: personas[key] for key in changed}, **dict.fromkeys(stale)}, sorted(personas))
    context.say(f"{place}: {len(changed)} personas written, {len(stale)} removed")
    return {"written": str(len(changed)), "removed": str(len(stale))}


def remove(inputs: Inputs, context: Context) -> Outputs:
    """Remove our personas from the foreign ConfigMap (input `configmap`). Idempotent.

    Output `removed`, the number of keys.
    """
    settings = context.settings
    target = context.cluster.get("ConfigMap", settings.controller_namespace, inputs["configmap"])
    if target is None:
        return {"removed": "0"}
    own_keys = _owned(target, context)
    held = own_keys & (target.get("data") or {}).keys()
    if _annotation(context) in (target["metadata"].get("annotations") or {}):
        _write(inputs, context, dict.fromkeys(held), None)
    context.say(f"ConfigMap {settings.controller_namespace}/{inputs['configmap']}: {len(held)} personas removed")
    return {"removed": str(len(held))}


def _annotation(context: Context) -> str:
    """The annotation of this installation: a namespace has one, and its name is short enough for an annotation."""
    return f"{ANNOTATION_PREFIX}/{context.settings.namespace}"


def _owned(target: Manifest, context: Context) -> set[str]:
    text = (target["metadata"].get("annotations") or {}).get(_annotation(context))
    if text is None:
        return set()
    try:
        keys = json.loads(text)
    except json.JSONDecodeError:
        keys = None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        name, namespace = target["metadata"]["name"], target["metadata"]["namespace"]
        raise InputError(
            f"ConfigMap {namespace}/{name}, annotation {_annotation(context)}: expected a JSON list of our keys, got "
            f"{text!r}: put the list back, or remove the annotation together with our keys"
        )
    return set(keys)


def _write(inputs: Inputs, context: Context, data: dict[str, Any], keys: list[str] | None) -> None:
    """Write keys and annotation in one request, so that they never disagree (R3)."""
    context.cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": inputs["configmap"],
                "namespace": context.settings.controller_namespace,
                "annotations": {_annotation(context): None if keys is None else json.dumps(keys)},
            },
            "data": data,
        }
    )
