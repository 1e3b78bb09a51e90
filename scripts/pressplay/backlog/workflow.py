"""The generated play: a plan as Argo's WorkflowTemplates and Workflows.

Two DAG nodes stand for a task: `t12` starts its Workflow and waits for the verdict, counting against the play's
parallelism; `t12-merged` is a bare suspend until the merge, which counts against nothing. What they do is in the
chart's WorkflowTemplate `play-parts`: a play holds a graph and nothing else. Its Workflow only refers to its
WorkflowTemplate, as a controller with `templateReferencing: Strict` wants it.

With `since`, the commit of the base branch with which the play begins, the graph of its tasks is the first node of
another graph, whose second one proves what the play ended with. With `statuses` that graph has a last node, which
writes the statuses of the tasks.

A DAG takes at most 200 nodes. What does not fit goes on in further Workflows, in start order; an edge from one to
another is a wait of its own for the same merge (also under `release: approved`: a verdict is known to the first
Workflow only), so there is no barrier between them.

Under `release: approved` a task starts on the approved head of what it depends on (`steps.core.stack`). It can begin
on one commit only. So of several dependencies all must be merged, unless one of them holds all others (`begun_on`).

No text of a backlog gets here (R7): Argo gets only numbers and checked names.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from pressplay import names
from pressplay.backlog.graph import Planned, WorkPlan, id_key
from pressplay.backlog.tasks import PRIORITIES
from pressplay.cluster.port import Manifest
from pressplay.cluster.waits import INSTANCE_LABEL
from pressplay.errors import InputError

API_VERSION = "argoproj.io/v1alpha1"
PARTS = "play-parts"
"""The chart's WorkflowTemplate with the templates below."""
START_TASK = "start-task"
AWAIT_MERGE = "await-merge"
FINAL_PROOF = "final-proof"
WRITE_STATUSES = "write-statuses"

DAG_LIMIT = 200
"""Tasks that the full CRDs allow in one DAG."""
TASKS_A_WORKFLOW = 100
WAITS_INLINE = 100
"""Waits for other Workflows' tasks that one task may bring into the DAG itself; more go into DAGs of their own."""

Release = Literal["merged", "approved"]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def begun_on(plan: WorkPlan) -> dict[str, str]:
    """Under `release: approved`: the ids of tasks that start on a dependency's approved head → that dependency.

    Those that depend on nothing that is left, or on tasks none of which depends on all others, are not in it.
    """
    known = {planned.task.id: planned for planned in plan.playable}
    chosen: dict[str, str] = {}
    for planned in plan.playable:
        last = max(planned.waits_for, key=lambda name: known[name].order, default=None)
        others = set(planned.waits_for) - {last}
        if last is not None and (not others or others <= _before(known, last, min(known[n].order for n in others))):
            chosen[planned.task.id] = last
    return chosen


def _before(known: Mapping[str, Planned], name: str, first: int) -> set[str]:
    """What a task depends on, directly or not; not further back in the start order than `first`."""
    before: set[str] = set()
    left = [name]
    while left:
        new = {n for n in known[left.pop()].waits_for if known[n].order >= first} - before
        before |= new
        left += new
    return before


def play_manifests(
    plan: WorkPlan,
    *,
    repo: str,
    tag: str,
    play: str,
    namespace: str,
    parallelism: int,
    release: Release = "merged",
    instance_id: str = "",
    since: str = "",
    statuses: bool = False,
) -> list[Manifest]:
    """What to submit to play `plan`: for each part a WorkflowTemplate and, after it, the Workflow that refers to it.

    The first part is named `play`, further ones `play-2` …; blocked tasks are left out, and nothing is returned where
    nothing can play. Raises InputError for a name that may not reach Argo (R7).
    """
    names.repo(repo)
    names.checked(tag, "tag")
    names.checked(play, "play")
    if parallelism < 1:
        raise InputError(f"parallelism {parallelism}: expected at least 1 task at once")
    fixed = {"repo": repo, "tag": tag, "play": play}
    numbers = {planned.task.id: planned.task.number for planned in plan.playable}
    stacked = begun_on(plan) if release == "approved" else {}
    manifests: list[Manifest] = []
    common = {
        "app.kubernetes.io/part-of": "press-play",
        "press-play/flow": "play",
        "press-play/play": play,
        "press-play/repo": names.repo_key(repo),
        **({INSTANCE_LABEL: instance_id} if instance_id else {}),
    }
    for count, part in enumerate(_parts(plan), start=1):
        name = play if count == 1 else f"{play}-{count}"
        if len(name) > names.LABEL_LIMIT:
            raise InputError(f"play {name!r}: expected at most {names.LABEL_LIMIT} characters, got {len(name)}")
        metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": dict(common)}
        templates = _templates(part, numbers, fixed, parallelism, stacked)
        if since or statuses:
            templates.insert(0, _whole_play(fixed, since, statuses=statuses))
        spec: dict[str, Any] = {"entrypoint": templates[0]["name"], "templates": templates}
        template = {"apiVersion": API_VERSION, "kind": "WorkflowTemplate", "metadata": metadata, "spec": spec}
        manifests += [template, of_template(template)]
    return manifests


def of_template(template: Mapping[str, Any]) -> Manifest:
    """The Workflow that refers to a play's WorkflowTemplate: of the same name and labels."""
    given = template["metadata"]
    metadata = {key: copy.deepcopy(given[key]) for key in ("name", "namespace", "labels")}
    reference = {"workflowTemplateRef": {"name": given["name"]}, "priority": 0}
    return {"apiVersion": API_VERSION, "kind": "Workflow", "metadata": metadata, "spec": reference}


def to_yaml(manifests: Iterable[Manifest]) -> str:
    """`manifests` as a YAML stream that every parser reads alike: anything but a plain word is in JSON's quotes.

    PyYAML takes ten seconds for a backlog of 10,000 tasks, and leaves `n` and `1e3` bare, which Go reads as a boolean
    and a number.
    """
    lines: list[str] = []
    for manifest in manifests:
        lines.append("---")
        _write(manifest, "", lines)
    return "\n".join([*lines, ""])


def _write(value: Mapping[str, Any] | Sequence[Any], pad: str, lines: list[str]) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, (Mapping, list)) and item:
                lines.append(f"{pad}{_scalar(key)}:")
                _write(item, pad + "  ", lines)
            else:
                lines.append(f"{pad}{_scalar(key)}: {_scalar(item)}")
        return
    for item in value:
        if isinstance(item, (Mapping, list)) and item:
            first = len(lines)
            _write(item, pad + "  ", lines)
            lines[first] = f"{pad}- {lines[first][len(pad) + 2 :]}"
        else:
            lines.append(f"{pad}- {_scalar(item)}")


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value)


def _parts(plan: WorkPlan) -> list[list[Planned]]:
    """The plan cut in start order into lists whose DAGs keep the limit, waits for earlier lists' tasks included."""
    parts: list[list[Planned]] = []
    here: set[str] = set()
    awaited: set[str] = set()
    nodes = DAG_LIMIT
    for planned in plan.playable:
        own, waits = _cost(planned, here, awaited)
        if nodes + own > DAG_LIMIT or len(here) == TASKS_A_WORKFLOW:
            parts.append([])
            here, awaited, nodes = set(), set(), 0
            own, waits = _cost(planned, here, awaited)
        parts[-1].append(planned)
        here.add(planned.task.id)
        awaited |= waits
        nodes += own
    return parts


def _cost(planned: Planned, here: set[str], awaited: set[str]) -> tuple[int, set[str]]:
    """The DAG nodes that a task brings with it, and the other parts' tasks that it newly waits for in the DAG."""
    new, apart = set(planned.waits_for) - here - awaited, set(planned.follows) - here - awaited
    if len(new) > WAITS_INLINE:
        return 2 + math.ceil(len(new) / DAG_LIMIT) + len(apart), apart
    return 2 + len(new | apart), new | apart


def _templates(
    part: Sequence[Planned],
    numbers: Mapping[str, int],
    fixed: Mapping[str, str],
    parallelism: int,
    stacked: Collection[str],
) -> list[dict[str, Any]]:
    here: set[str] = set()
    awaited: set[str] = set()
    nodes: list[dict[str, Any]] = []
    gathered: list[dict[str, Any]] = []
    for planned in part:
        task = planned.task
        node = f"t{task.number}"
        outside = sorted(set(planned.waits_for) - here - awaited, key=id_key)
        depends = []
        if len(outside) > WAITS_INLINE:
            for at in range(0, len(outside), DAG_LIMIT):
                gather = f"{node}-waits-{at // DAG_LIMIT + 1}"
                waits = [_await_merge(numbers[name], fixed) for name in outside[at : at + DAG_LIMIT]]
                gathered.append({"name": gather, "dag": {"failFast": False, "tasks": waits}})
                nodes.append({"name": gather, "template": gather})
                depends.append(gather)
        else:
            nodes.extend(_await_merge(numbers[name], fixed) for name in outside)
            awaited.update(outside)
        apart = sorted(set(planned.follows) - here - awaited, key=id_key)
        nodes.extend(_await_merge(numbers[name], fixed) for name in apart)
        awaited.update(apart)
        depends.extend(_after(f"t{numbers[name]}-merged") for name in planned.follows)
        for name in planned.waits_for:
            if name in here:
                depends.append(f"t{numbers[name]}" + ("" if task.id in stacked else "-merged"))
            elif name in awaited:
                depends.append(f"t{numbers[name]}-merged")
        inputs = {**fixed, "task": str(task.number), "rank": str(math.ceil(planned.rank))}
        started = _referring(node, START_TASK, inputs)
        if depends:
            started["depends"] = " && ".join(depends)
        merged = _await_merge(task.number, fixed)
        merged["depends"] = node
        merged["when"] = f"{{{{tasks.{node}.outputs.parameters.outcome}}}} != merged"
        nodes += [started, merged]
        here.add(task.id)

    # Argo starts ready nodes in the order of the targets, each after its dependencies. Every task is a target, those
    # with the longest chain behind them first, which is list scheduling; leaves alone would give the order of a walk
    # back from them (200 random tasks, 8 slots: 1.02 times the bound instead of 1.01).
    urgent = sorted(part, key=lambda p: (-p.rank, -PRIORITIES.get(p.task.priority, PRIORITIES["medium"]), p.order))
    target = " ".join(f"t{planned.task.number}-merged" for planned in urgent)
    dag = {"failFast": False, "target": target, "tasks": nodes}
    return [{"name": "play", "parallelism": parallelism, "dag": dag}, *gathered]


def _whole_play(fixed: Mapping[str, str], since: str, *, statuses: bool) -> dict[str, Any]:
    """The tasks, then, however they ended, the proof of the base branch and the statuses, as far as they are wanted."""
    nodes: list[dict[str, Any]] = [{"name": "play", "template": "play"}]
    if since:
        nodes.append(_referring(FINAL_PROOF, FINAL_PROOF, {**fixed, "since": names.commit(since)}))
    if statuses:
        nodes.append(_referring(WRITE_STATUSES, WRITE_STATUSES, fixed))
    for before, node in itertools.pairwise(nodes):
        node["depends"] = _after(before["name"])
    target = " ".join(node["name"] for node in nodes)
    return {"name": "whole-play", "dag": {"failFast": False, "target": target, "tasks": nodes}}


def _after(node: str) -> str:
    """A condition that holds once a node has ended, however it did."""
    return f"({' || '.join([node, *(f'{node}.{end}' for end in ('Failed', 'Errored', 'Omitted'))])})"


def _await_merge(number: int, fixed: Mapping[str, str]) -> dict[str, Any]:
    """A wait for the merge of a task; all waits for it are the same, so that one signal wakes them all."""
    inputs = {"repo": fixed["repo"], "task": str(number), "play": fixed["play"]}
    return _referring(f"t{number}-merged", AWAIT_MERGE, inputs)


def _referring(name: str, template: str, inputs: Mapping[str, str]) -> dict[str, Any]:
    parameters = [{"name": key, "value": value} for key, value in inputs.items()]
    return {
        "name": name,
        "templateRef": {"name": PARTS, "template": template},
        "arguments": {"parameters": parameters},
    }
