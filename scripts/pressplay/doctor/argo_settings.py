"""Argo's own settings, as far as they may be read: what makes tasks slow, or has their pods refused.

docs/how-to/tune-argo.md has what each costs. Slow is advice; refused is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.doctor import argo, release
from pressplay.doctor.argo import Controller
from pressplay.doctor.results import NotLookedAt, Result, check, not_looked_at, note, ok, wrong
from pressplay.doctor.subject import Subject

_PAGE = "docs/how-to/tune-argo.md"
_SLOW = 2.0
"""Seconds between two looks of Argo's that are worth shortening."""
_REQUEUE, _CHECK = ("DEFAULT_REQUEUE_TIME", "10s"), ("RESOURCE_STATE_CHECK_INTERVAL", "5s")
"""A variable, and what holds where it is not set."""
_LOCKS = ("locks_held", "locks_pending", "locks_taken_total")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SCOPED = ("scopes", "scopeSelector")


@check("Argo's pace")
def pace(subject: Subject) -> Iterator[Result]:
    """How often its controller looks at a Workflow, and its executor at what it waits for."""
    for controller in _watching(subject):
        where = f"{controller.name} in {controller.namespace}"
        slow = _is_slow(controller.environment, _REQUEUE)
        if slow:
            yield note(
                "Argo's pace",
                f"{where} looks at a changed Workflow every {slow}: each step in a row takes as long, whatever it does",
                f"set {_REQUEUE[0]} to 1s in the Deployment's env ({_PAGE})",
            )
        if controller.config is None:
            yield _unreadable("Argo's pace", controller)
            continue
        waiting = _is_slow(_environment(_part(controller, "executor")), _CHECK)
        if waiting:
            yield note(
                "Argo's pace",
                f"the pods of {where} that wait for a gate's Pod or a deployment look every {waiting}",
                f"set {_CHECK[0]} to 1s in its ConfigMap's executor.env ({_PAGE})",
            )
        if not slow and not waiting:
            yield ok("Argo's pace", f"{where} looks every {controller.environment[_REQUEUE[0]]}")


@check("Argo's limits")
def limits(subject: Subject) -> Iterator[Result]:
    """Whether as many Workflows may run at once as the release's tasks and their plays want."""
    settings = subject.settings
    tasks = sum(settings.repository(name).parallelism or 1 for name in settings.repositories)
    wanted = tasks + len(settings.repositories)
    for controller in _watching(subject):
        if controller.config is None:
            yield _unreadable("Argo's limits", controller)
            continue
        most = {key: _number(controller.config.get(key)) for key in ("parallelism", "namespaceParallelism")}
        for key, limit in most.items():
            if limit and limit < wanted:
                yield note(
                    "Argo's limits",
                    f"{controller.name} in {controller.namespace} runs {limit} Workflows at once ({key}); the tasks "
                    f"that the values allow, and their plays, are {wanted}",
                    f"raise {key} in its ConfigMap, or lower parallelism in the values ({_PAGE})",
                )
        if not any(limit and limit < wanted for limit in most.values()):
            shown = ", ".join(f"{key} {limit}" for key, limit in most.items() if limit) or "none"
            yield ok("Argo's limits", f"{wanted} Workflows of tasks and plays at once; limits: {shown}")


@check("Argo's metrics")
def metrics(subject: Subject) -> Iterator[Result]:
    """Whether each pull request leaves series behind that never end."""
    for controller in _watching(subject):
        if controller.config is None:
            yield _unreadable("Argo's metrics", controller)
            continue
        given = _part(controller, "metricsConfig")
        modifiers = given.get("modifiers") if isinstance(given.get("modifiers"), dict) else {}
        named = [lock for lock in _LOCKS if not _is_without_names((modifiers or {}).get(lock))]
        if given.get("enabled", True) and named:
            yield note(
                "Argo's metrics",
                f"{', '.join(named)} of {controller.name} in {controller.namespace} have a series for each pull "
                "request, which stays",
                f"leave out their attribute lock_name ({_PAGE}, Metrics)",
            )
        else:
            yield ok("Argo's metrics", "no series for each pull request")


@check("Argo's archive")
def archive(subject: Subject) -> Iterator[Result]:
    """For how long a task's Workflow can be looked at."""
    template = subject.find("WorkflowTemplate", subject.namespace, "task")
    kept = ((template or {}).get("spec") or {}).get("ttlStrategy") or {}
    days = int(kept.get("secondsAfterCompletion") or 0) / 86_400
    for controller in _watching(subject):
        if controller.config is None:
            yield _unreadable("Argo's archive", controller)
            continue
        archives = bool(_part(controller, "persistence").get("archive"))
        after = "Argo's archive has them after that" if archives else "they are gone after that: Argo has no archive"
        yield ok("Argo's archive", f"ended Workflows stay for {days:g} days (workflows.ttlSeconds); {after}")


@check("quotas")
def quotas(subject: Subject) -> Iterator[Result]:
    """Whether a ResourceQuota refuses pods because a container of theirs does not say what it counts."""
    subject.need_release()
    namespace = subject.namespace
    demanded = {
        quota["metadata"]["name"]: keys
        for quota in subject.listed("ResourceQuota", namespace)
        if (keys := _demanded(quota["spec"]))
    }
    if not demanded:
        yield ok("quotas", f"no ResourceQuota in {namespace} demands that containers name their resources")
        return
    defaults = _defaults(subject.listed("LimitRange", namespace))
    wanted = set().union(*demanded.values()) - defaults
    names = ", ".join(sorted(demanded))
    steps = wanted - _given(release.resources(subject))
    if steps:
        yield wrong(
            "quotas",
            f"the ResourceQuota {names} in {namespace} refuses every step's pod: its container has no {_listed(steps)}",
            f"set workflows.resources, or give the namespace a LimitRange ({_PAGE}, Quotas)",
        )
    unread = False
    executor: set[str] = set()
    for controller in _watching(subject):
        if controller.config is None:
            unread = True
            yield _unreadable("quotas", controller)
            continue
        executor |= wanted - _given(_part(controller, "executor").get("resources") or {})
    if executor:
        yield wrong(
            "quotas",
            f"the ResourceQuota {names} in {namespace} refuses every step's pod: Argo's own containers (init, wait) "
            f"have no {_listed(executor)}",
            f"set executor.resources in Argo's ConfigMap, or give the namespace a LimitRange ({_PAGE}, Quotas)",
        )
    if not steps and not executor and not unread:
        yield ok("quotas", f"every step's container has what the ResourceQuota {names} counts")


def _watching(subject: Subject) -> list[Controller]:
    """The controllers that run the release's Workflows; NotLookedAt where none is known."""
    watching = [controller for controller in argo.controllers(subject) if controller.takes_up(subject.settings)]
    if not watching:
        raise NotLookedAt("no workflow controller is known that takes up the release's Workflows, see there")
    return watching


def _unreadable(name: str, controller: Controller) -> Result:
    return not_looked_at(
        name,
        f"the ConfigMap of {controller.name} in {controller.namespace} is not readable",
        f"run it as somebody who may: kubectl auth can-i get configmap -n {controller.namespace}",
    )


def _part(controller: Controller, name: str) -> Mapping[str, Any]:
    part = (controller.config or {}).get(name)
    return part if isinstance(part, dict) else {}


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    return {entry["name"]: str(entry.get("value", "")) for entry in container.get("env") or []}


def _is_slow(environment: Mapping[str, str], variable: tuple[str, str]) -> str:
    """The time between two looks, if it is worth shortening; empty otherwise."""
    name, default = variable
    text = environment.get(name) or default
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    return text if sum(float(number) * _UNITS[unit] for number, unit in parts) > _SLOW else ""


def _number(value: object) -> int:
    return int(str(value)) if str(value).isdecimal() else 0


def _is_without_names(modifier: object) -> bool:
    if not isinstance(modifier, dict):
        return False
    return bool(modifier.get("disabled")) or "lock_name" in (modifier.get("disabledAttributes") or [])


def _demanded(spec: Mapping[str, Any]) -> set[str]:
    """What a quota wants each container to name, as `limits.memory`. One for some pods only is not looked into."""
    if any(spec.get(scoped) for scoped in _SCOPED):
        return set()
    whole = {key if "." in key else f"requests.{key}" for key in spec.get("hard") or {} if key != "pods"}
    counted = ("cpu", "memory", "ephemeral-storage")
    return {key for key in whole if key in {f"{kind}.{what}" for kind in ("requests", "limits") for what in counted}}


def _defaults(ranges: Sequence[Manifest]) -> set[str]:
    """What the namespace gives containers that name nothing."""
    given: set[str] = set()
    for item in (item for manifest in ranges for item in manifest["spec"].get("limits") or []):
        if item.get("type") == "Container":
            given |= _given({"limits": item.get("default") or {}, "requests": item.get("defaultRequest") or {}})
    return given


def _given(resources: Mapping[str, Any]) -> set[str]:
    """What a container names; a limit is its request, too, where that is not named."""
    limits, requests = (resources.get(kind) or {} for kind in ("limits", "requests"))
    return {f"limits.{what}" for what in limits} | {f"requests.{what}" for what in [*limits, *requests]}


def _listed(keys: set[str]) -> str:
    return ", ".join(sorted(keys))
