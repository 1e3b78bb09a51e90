"""What the state of a Pod or an object means for the node that waits for it.

Source: workflow/controller/operator.go (assessNodeStatus, inferFailedReason).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.model import Object
from pressplay.sandbox.engine.substitution import SubstitutionError, refuse_template


@dataclass(frozen=True)
class Assessment:
    """A node's new phase (None: unchanged), message and outputs, and what the node asks of the cluster."""

    phase: str | None
    message: str = ""
    parameters: list[dict[str, Any]] | None = None
    exit_code: str | None = None
    apply: Manifest | None = None
    watches: tuple[Object, ...] = field(default=())

    @property
    def unfinished(self) -> bool:
        """Whether the node goes on."""
        return self.phase in (None, "Running")


def output_parameters(declared: list[Mapping[str, Any]], values: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """A node's output parameters; SubstitutionError where one is missing, Refused where Argo would evaluate one."""
    parameters = []
    for parameter in declared:
        value = _value(parameter, values)
        if value is None:
            source = parameter.get("valueFrom") or {}
            path = f"/var/run/argo/outputs/parameters{source.get('path', '')}"
            raise SubstitutionError(f"open {path}: no such file or directory")
        parameters.append({**parameter, "value": value})
    return parameters


def output_parameters_of_failed(
    declared: list[Mapping[str, Any]], values: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """The output parameters of a failed container: Argo saves them up to the first that is missing."""
    parameters: list[dict[str, Any]] = []
    missing = False
    for parameter in declared:
        value = None if missing else _value(parameter, values)
        missing = value is None
        parameters.append(dict(parameter) if value is None else {**parameter, "value": value})
    return parameters


def _value(parameter: Mapping[str, Any], values: Mapping[str, str | None]) -> str | None:
    value = values.get(parameter["name"])
    if value is None:
        default = (parameter.get("valueFrom") or {}).get("default")
        return None if default is None else gojson.any_string(default)
    refuse_template(value, f"output parameter {parameter['name']!r}")
    return value
