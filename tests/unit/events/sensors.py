"""A small Sensor of our own, to be broken in one place at a time."""

from __future__ import annotations

import copy
from typing import Any

SENSOR: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Sensor",
    "metadata": {"name": "small", "namespace": "press-play"},
    "spec": {
        "eventBusName": "press-play",
        "template": {"serviceAccountName": "x"},
        "dependencies": [
            {
                "name": "opened",
                "eventSourceName": "press-play",
                "eventName": "github",
                "filters": {
                    "data": [
                        {"path": "body.X-GitHub-Event", "type": "string", "value": ["^pull_request$"]},
                        {"path": "body.action", "type": "string", "value": ["^(opened|reopened)$"]},
                        {
                            "path": "body.sender.login",
                            "type": "string",
                            "comparator": "!=",
                            "value": [r"^(rex|qa)\[bot\]$"],
                        },
                    ],
                    "exprs": [
                        {
                            "expr": "one == 'refs/heads/' + other",
                            "fields": [{"name": "one", "path": "body.ref"}, {"name": "other", "path": "body.branch"}],
                        }
                    ],
                },
            }
        ],
        "triggers": [
            {
                "template": {
                    "name": "opened",
                    "conditions": "opened",
                    "k8s": {
                        "operation": "patch",
                        "source": {
                            "resource": {
                                "apiVersion": "argoproj.io/v1alpha1",
                                "kind": "Workflow",
                                "metadata": {"namespace": "press-play", "labels": {"press-play/flow": "review"}},
                                "spec": {
                                    "workflowTemplateRef": {"name": "review"},
                                    "arguments": {"parameters": [{"name": "pr"}, {"name": "why", "value": "push"}]},
                                },
                            }
                        },
                        "parameters": [
                            {
                                "dest": "metadata.name",
                                "src": {
                                    "dependencyName": "opened",
                                    "dataTemplate": "review-{{ .Input.body.number | int64 }}",
                                },
                            },
                            {
                                "dest": "spec.arguments.parameters.0.value",
                                "src": {
                                    "dependencyName": "opened",
                                    "dataTemplate": "{{ .Input.body.number | int64 }}",
                                },
                            },
                        ],
                    },
                },
                "atLeastOnce": True,
                "retryStrategy": {"steps": 5},
            }
        ],
    },
}

EVENT: dict[str, Any] = {
    "action": "opened",
    "number": 7,
    "ref": "refs/heads/main",
    "branch": "main",
    "sender": {"login": "alice"},
}


def changed(manifest: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a place (keys with / between); None takes it away."""
    made = copy.deepcopy(manifest)
    holder: Any = made
    *path, last = [int(key) if key.isdecimal() else key for key in place.split("/")]
    for key in path:
        holder = holder[key]
    if value is None:
        del holder[last]
    elif isinstance(holder, list) and last == len(holder):
        holder.append(value)
    else:
        holder[last] = value
    return made
