"""What one pass over a Workflow reads and changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pressplay.clock import parse_rfc3339
from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine.locks import Locks
from pressplay.sandbox.engine.model import Node, Object
from pressplay.sandbox.engine.nodes import Nodes
from pressplay.sandbox.engine.operation.variables import workflow_variables
from pressplay.sandbox.engine.substitution import Scope
from pressplay.sandbox.engine.templates import Base, Call, Library, Template
from pressplay.sandbox.engine.view import View

Arguments = list[tuple[str, str]]
"""What a template is called with: name and value of each parameter, tags replaced."""


class Requests:
    """What a pass asks its caller for."""

    def __init__(self, now: float) -> None:
        """`now` is the time of the pass, in seconds since the epoch."""
        self._now = now
        self.actions: dict[Object, Manifest] = {}
        """Manifests to apply, the last one for each object."""
        self.watches: set[Object] = set()
        """The objects whose change may move the Workflow on."""
        self.wake_at: float | None = None
        """When time alone may, in seconds since the epoch; None: never."""

    def apply(self, manifest: Manifest) -> None:
        """Have a manifest applied after the pass."""
        metadata = manifest["metadata"]
        self.actions[(manifest["kind"], metadata["namespace"], metadata["name"])] = manifest

    def wake(self, moment: float) -> None:
        """Have the next pass at `moment` at the latest, if that is in the future."""
        if moment > self._now and (self.wake_at is None or moment < self.wake_at):
            self.wake_at = moment


@dataclass
class PodCounts:
    """The unfinished Pod nodes, for the limits on parallelism."""

    started: int = 0
    """All, with those that the cluster has not seen yet."""
    seen: int = 0
    seen_by_boundary: Counter[str] = field(default_factory=Counter)


class State:
    """A Workflow during one pass. Only `status`, `variables` and what its parts hold changes."""

    def __init__(
        self, workflow: Manifest, status: Mapping[str, Any], spec: Mapping[str, Any], view: View, now: float
    ) -> None:
        """`spec` is the one that runs (see `lifecycle.running_spec`); the `status` given is not changed."""
        metadata = workflow["metadata"]
        self.workflow, self.spec, self.view, self.now = workflow, spec, view, now
        self.name: str = metadata["name"]
        self.namespace: str = metadata.get("namespace", "default")
        self.status = dict(status)
        # As in Argo, nodes of a Workflow that refers to a WorkflowTemplate have the scope `local/`.
        holder = "" if workflow["spec"].get("workflowTemplateRef") else self.name
        stored = dict(status.get("storedTemplates") or {})
        self.library = Library(holder, self.namespace, spec, stored, view)
        self.locks = Locks(view, workflow, status)
        self.nodes = Nodes(self.name, status.get("nodes") or {}, now, self.locks.release)
        self.requests = Requests(now)
        self.pods = PodCounts()
        self.shutdown: str = workflow["spec"].get("shutdown") or spec.get("shutdown") or ""
        self.variables = workflow_variables(workflow, spec, self.status.get("phase"), now)

    @property
    def deadline(self) -> float | None:
        """When the whole Workflow must have ended, in seconds since the epoch; None: it may take any time."""
        seconds = self.spec.get("activeDeadlineSeconds")
        if seconds is None or not self.status.get("startedAt"):
            return None
        return parse_rfc3339(self.status["startedAt"]) + float(seconds)

    @property
    def is_past_deadline(self) -> bool:
        """Whether the whole Workflow's time is up."""
        deadline = self.deadline
        return deadline is not None and self.now >= deadline

    def may_run(self, on_exit: bool) -> bool:
        """Whether a shutdown lets a node run; `Stop` spares exit handlers."""
        return not self.shutdown or (self.shutdown == "Stop" and on_exit)


@dataclass(frozen=True)
class Context:
    """Where a template is executed."""

    base: Base
    """Where the names of its templates are looked up."""
    boundary: str
    """The id of the steps or dag node that it belongs to; empty for the entry template and exit handlers."""
    scope: Scope
    on_exit: bool
    """Whether it belongs to an exit handler."""


@dataclass(frozen=True)
class Invocation:
    """A template about to be executed as one node, its inputs known."""

    name: str
    """The node's name."""
    template: Template
    context: Context
    fields: Mapping[str, Any]
    """Further fields of the node, in Argo's spelling."""


class Execute(Protocol):
    """What executes a template for a step or task: `execution.Executor.execute`."""

    def __call__(self, name: str, call: Call, context: Context, arguments: Arguments, names: Mapping[str, str]) -> Node:
        """The node `name` after this pass; the errors are `execute`'s."""
        ...
