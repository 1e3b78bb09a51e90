"""Manifests as parameters of Argo, and the annotation that names the Workflow that something belongs to."""

from __future__ import annotations

import base64
import json

from pressplay.cluster.port import Manifest

WORKFLOW_ANNOTATION = "press-play/workflow"


def packed(manifest: Manifest) -> str:
    """A manifest as base64 of JSON, fit to be an Argo parameter and to be unpacked in a resource template.

    Argo evaluates the unpacked text once more (seen on 4.1.2), so `{{` is written with a JSON escape: it can only
    stand within a string there, and means the same.
    """
    text = json.dumps(manifest, separators=(",", ":")).replace("{{", "{\\u007b")
    return base64.b64encode(text.encode()).decode()
