"""Manifests as Argo parameters, and the annotation that names an object's Workflow."""

from __future__ import annotations

import base64
import json

from pressplay.cluster.port import Manifest

WORKFLOW_ANNOTATION = "press-play/workflow"


def packed(manifest: Manifest) -> str:
    """A manifest as base64 of JSON: safe as an Argo parameter, and decoded in a resource template.

    Argo evaluates the decoded text again (observed on 4.1.2), so `{{` is written with a JSON escape. It can only occur
    within a string, where it means the same.
    """
    text = json.dumps(manifest, separators=(",", ":")).replace("{{", "{\\u007b")
    return base64.b64encode(text.encode()).decode()
