"""The chart's Sensors, read from their manifests, and what they make of an event.

Source: pkg/sensors/listener.go, pkg/sensors/triggers/params.go and standard-k8s of Argo Events 1.9.11. One
dependency, one trigger: a dependency's filters let an event pass, its trigger's templates make a Workflow of it,
which is patched, so that the same name again changes nothing.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.events import filters, gotemplate
from pressplay.events.shape import known

_FLOW = "press-play/flow"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME_LIMIT = 63
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_DEST_KEY = re.compile(r"[A-Za-z0-9_/-]+")


@dataclass(frozen=True)
class Started:
    """A Workflow that an event starts."""

    flow: str
    workflow_name: str
    parameters: dict[str, str]
    manifest: Manifest


@dataclass(frozen=True)
class Rejected:
    """A flow that an event does not start."""

    flow: str
    reason: str
    """One reason, of the dependency that the event came furthest with; no value of the event's (R7)."""
    met: int = field(default=0, compare=False)
    """How many of that dependency's conditions the event meets; the first is the event's name."""


@dataclass(frozen=True)
class Explanation:
    """What an event starts, and why not the rest."""

    flows: list[Started]
    rejected: list[Rejected]

    def as_json(self) -> dict[str, Any]:
        """`{"flows": [{flow, workflow, parameters}], "rejected": [{flow, reason}]}`."""
        return {
            "flows": [
                {"flow": flow.flow, "workflow": flow.workflow_name, "parameters": flow.parameters}
                for flow in self.flows
            ],
            "rejected": [{"flow": rejection.flow, "reason": rejection.reason} for rejection in self.rejected],
        }


@dataclass(frozen=True)
class _Parameter:
    dest: tuple[str, ...]
    template: gotemplate.Template


@dataclass(frozen=True)
class _Row:
    """A dependency with its trigger."""

    name: str
    flow: str
    filters: filters.Filters
    resource: Manifest
    parameters: tuple[_Parameter, ...]

    def started(self, event: Any, now: float) -> Started:
        """The Workflow; TemplateFailed where Argo Events, or the API server, makes none."""
        made = copy.deepcopy(self.resource)
        for parameter in self.parameters:
            _set(made, parameter.dest, parameter.template.render(event, now))
        name = made["metadata"]["name"]
        if not _NAME.fullmatch(name) or len(name) > _NAME_LIMIT:
            raise gotemplate.TemplateFailed("the Workflow's name would not be one")
        for label, value in made["metadata"]["labels"].items():
            if not _LABEL.fullmatch(value):
                raise gotemplate.TemplateFailed(f"the value of the label {label} would not be one")
        arguments = made["spec"].get("arguments", {}).get("parameters", [])
        return Started(self.flow, name, {argument["name"]: argument["value"] for argument in arguments}, made)


@dataclass(frozen=True)
class Sensor:
    """A Sensor that was read."""

    name: str
    rows: tuple[_Row, ...]

    @staticmethod
    def read(manifests: Iterable[Mapping[str, Any]]) -> list[Sensor]:
        """All Sensors among rendered manifests.

        InputError names the place of what is not known here: a filter, a function, a kind of trigger, a dependency
        that no trigger waits for or whose event no EventSource among the manifests receives.
        """
        held = list(manifests)
        sources = {
            (source["metadata"]["name"], event)
            for source in held
            if source["kind"] == "EventSource"
            for event in source["spec"].get("github") or {}
        }
        return [_sensor(manifest, sources) for manifest in held if manifest["kind"] == "Sensor"]

    def explain(self, event: Mapping[str, Any], now: float) -> Explanation:
        """What this Sensor makes of an event (webhook.as_sensor_sees) that it looks at at `now` (unix seconds)."""
        return explain([self], event, now)


def explain(sensors: Sequence[Sensor], event: Mapping[str, Any], now: float) -> Explanation:
    """What these Sensors together make of an event: no Workflow twice, one reason for each flow that does not start."""
    started: list[Started] = []
    furthest: dict[str, Rejected] = {}
    for row in (row for sensor in sensors for row in sensor.rows):
        met, reason = row.filters.judge(event)
        if not reason:
            try:
                workflow = row.started(event, now)
            except gotemplate.TemplateFailed as error:
                reason = f"no Workflow can be made of it: {error}"
            else:
                if workflow not in started:
                    started.append(workflow)
                continue
        known_so_far = furthest.get(row.flow)
        if known_so_far is None or known_so_far.met < met:
            furthest[row.flow] = Rejected(row.flow, reason, met)
        elif met == 0 == known_so_far.met and reason not in known_so_far.reason:
            # A flow may be for several events: that it is for none of them is one reason.
            furthest[row.flow] = Rejected(row.flow, f"{known_so_far.reason}; {reason}")
    flows = {workflow.flow for workflow in started}
    return Explanation(started, [rejection for flow, rejection in furthest.items() if flow not in flows])


# -- reading ---------------------------------------------------------------------------------------------------------


def _sensor(manifest: Mapping[str, Any], sources: set[tuple[str, str]]) -> Sensor:
    name = manifest["metadata"]["name"]
    where = f"Sensor {name}: spec"
    known(manifest, f"Sensor {name}", "apiVersion", "kind", "metadata", "spec")
    spec = known(
        manifest["spec"],
        where,
        "dependencies",
        "triggers",
        "eventBusName",
        "template",
        "replicas",
        "revisionHistoryLimit",
    )
    dependencies: dict[str, filters.Filters] = {}
    for at, dependency in enumerate(spec["dependencies"]):
        here = f"{where}.dependencies[{at}]"
        known(dependency, here, "name", "eventSourceName", "eventName", "filters")
        event = (dependency["eventSourceName"], dependency["eventName"])
        if sources and event not in sources:
            raise InputError(f"{here}: no EventSource {event[0]!r} receives the event {event[1]!r}")
        if dependency["name"] in dependencies:
            raise InputError(f"{here}: a second dependency {dependency['name']!r}")
        dependencies[dependency["name"]] = filters.read(dependency.get("filters") or {}, f"{here}.filters")
    rows = tuple(_row(trigger, dependencies, f"{where}.triggers[{at}]") for at, trigger in enumerate(spec["triggers"]))
    idle = dependencies.keys() - {row.name for row in rows}
    if idle:
        raise InputError(f"{where}.dependencies: no trigger waits for {', '.join(sorted(idle))}")
    return Sensor(name, rows)


def _row(trigger: Mapping[str, Any], dependencies: Mapping[str, filters.Filters], where: str) -> _Row:
    # How often a failed call is tried again changes nothing about what is called.
    known(trigger, where, "template", "atLeastOnce", "retryStrategy")
    template = known(trigger["template"], f"{where}.template", "name", "conditions", "k8s")
    name = str(template.get("conditions"))
    if name not in dependencies:
        raise InputError(f"{where}.template.conditions: expected the name of one dependency, got {name!r}")
    here = f"{where}.template.k8s"
    call = known(template["k8s"], here, "operation", "source", "parameters")
    if call.get("operation") != "patch":
        raise InputError(
            f"{here}.operation: expected patch, which makes a Workflow once, got {call.get('operation')!r}"
        )
    resource = known(call["source"], f"{here}.source", "resource")["resource"]
    parameters = tuple(
        _parameter(parameter, name, f"{here}.parameters[{at}]")
        for at, parameter in enumerate(call.get("parameters") or [])
    )
    return _Row(name, _flow(resource, parameters, f"{here}.source.resource"), dependencies[name], resource, parameters)


def _flow(resource: Manifest, parameters: Sequence[_Parameter], where: str) -> str:
    """The flow of a trigger's Workflow, once the Workflow is found to be whole."""
    metadata = resource.get("metadata") or {}
    flow = (metadata.get("labels") or {}).get(_FLOW)
    if resource.get("kind") != "Workflow" or not flow:
        raise InputError(f"{where}: expected a Workflow with the label {_FLOW}")
    filled = copy.deepcopy(resource)
    for parameter in parameters:
        try:
            _set(filled, parameter.dest, "")
        except (KeyError, IndexError, TypeError, ValueError):
            raise InputError(f"{where}: there is no {'.'.join(parameter.dest[:-1])} that dest could set") from None
    if "name" not in filled["metadata"]:
        raise InputError(f"{where}: expected a parameter with the dest metadata.name")
    for argument in filled["spec"].get("arguments", {}).get("parameters", []):
        if not isinstance(argument.get("value"), str):
            raise InputError(f"{where}: the parameter {argument['name']!r} has no value, and no dest sets one")
    return str(flow)


def _parameter(manifest: Mapping[str, Any], dependency: str, where: str) -> _Parameter:
    known(manifest, where, "src", "dest")
    source = known(manifest["src"], f"{where}.src", "dependencyName", "dataTemplate")
    if source["dependencyName"] != dependency:
        raise InputError(f"{where}.src.dependencyName: expected {dependency}, which the trigger waits for")
    dest = tuple(str(manifest["dest"]).split("."))
    if not all(_DEST_KEY.fullmatch(key) for key in dest):
        raise InputError(f"{where}.dest: expected keys and indices with dots between, got {manifest['dest']!r}")
    return _Parameter(dest, gotemplate.parse(source["dataTemplate"], f"{where}.src.dataTemplate"))


def _set(manifest: Manifest, dest: Sequence[str], value: str) -> None:
    """sjson's Set, where all that holds the place is there."""
    holder: Any = manifest
    for key in dest[:-1]:
        holder = holder[int(key)] if isinstance(holder, list) else holder[key]
    if isinstance(holder, list):
        holder[int(dest[-1])] = value
    else:
        holder[dest[-1]] = value


def log_line(explanation: Explanation) -> str:
    """What an event came to, on one line, for a log: what it starts, or why what is meant for such events does not."""
    if explanation.flows:
        return ", ".join(f"starts {flow.flow} as {flow.workflow_name}" for flow in explanation.flows)
    near = [f"{rejection.flow}: {rejection.reason}" for rejection in explanation.rejected if rejection.met]
    return f"starts nothing: {'; '.join(near) or 'no flow is for such an event'}"
