"""`status.nodes` while a pass works on it: copied only where it changes, with the counts that parallelism asks for.

Source: workflow/controller/operator.go (initializeNode, markNodePhase, addChildNode, getOutboundNodes) and
workflow/controller/node_counters.go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from pressplay.clock import rfc3339
from pressplay.sandbox.engine import model
from pressplay.sandbox.engine.model import FAILED, FULFILLED, Node

_SEPARATOR = re.compile(r"^(\[\d+\])?\.")
_COUNTED = frozenset({"Pod", "Steps", "DAG"})
_ACTIVE = frozenset({"Pending", "Running"})


class Nodes:
    """The nodes of one Workflow by id."""

    def __init__(self, workflow: str, nodes: Mapping[str, Node], now: float, ended: Callable[[str], None]) -> None:
        """`ended` is called with the id of each node that ends, to release its locks."""
        self.workflow = workflow
        self.all: dict[str, Node] = dict(nodes)
        self.now = rfc3339(now)
        self._mine: set[str] = set()
        self._ended = ended
        self.active_children: Counter[str] = Counter()
        self.failed_children: Counter[str] = Counter()
        for node in self.all.values():
            self._count(node, 1)

    def _count(self, node: Node, by: int) -> None:
        if node["type"] in _COUNTED:
            if node["phase"] in _ACTIVE:
                self.active_children[node.get("boundaryID", "")] += by
            elif node["phase"] in FAILED:
                self.failed_children[node.get("boundaryID", "")] += by

    def id(self, name: str) -> str:
        """The id that a node of this name has."""
        return model.node_id(self.workflow, name)

    def by_name(self, name: str) -> Node | None:
        """The node of this name, or None."""
        return self.all.get(model.node_id(self.workflow, name))

    def edit(self, node_id: str) -> Node:
        """The node, to be changed (its phase by `mark` only)."""
        if node_id not in self._mine:
            self.all[node_id] = dict(self.all[node_id])
            self._mine.add(node_id)
        return self.all[node_id]

    def add(self, name: str, kind: str, phase: str, boundary: str, message: str = "", **fields: Any) -> Node:
        """A new node; `fields` are further ones in Argo's spelling, None and empty ones are left out."""
        node_id = self.id(name)
        node: Node = {"id": node_id, "name": name, "displayName": name, "type": kind, "phase": phase}
        holder = self.all.get(boundary)
        if holder is not None:
            node["displayName"] = _SEPARATOR.sub("", name.removeprefix(holder["name"]))
            node["boundaryID"] = boundary
        node.update({key: value for key, value in fields.items() if value})
        node["startedAt"] = self.now
        node["finishedAt"] = self.now if phase in FULFILLED else None
        if message:
            node["message"] = message
        self.all[node_id] = node
        self._mine.add(node_id)
        self._count(node, 1)
        return node

    def mark(self, node_id: str, phase: str, message: str | None = None) -> Node:
        """Give a node a phase and, unless None, a message; one that ends gets its time and releases its locks."""
        old = self.all[node_id]
        ends = phase in FULFILLED and not old.get("finishedAt")
        if old["phase"] == phase and message in (None, old.get("message", "")) and not ends:
            return old
        node = self.edit(node_id)
        self._count(node, -1)
        node["phase"] = phase
        self._count(node, 1)
        if message:
            node["message"] = message
        elif message is not None:
            node.pop("message", None)
        if ends:
            node["finishedAt"] = self.now
            node.pop("synchronizationStatus", None)
            self._ended(node_id)
        return node

    def put(self, node_id: str, **fields: Any) -> Node:
        """Set further fields of a node; None removes one."""
        old = self.all[node_id]
        if all(old.get(key) == value for key, value in fields.items()):
            return old
        node = self.edit(node_id)
        for key, value in fields.items():
            if value is None:
                node.pop(key, None)
            else:
                node[key] = value
        return node

    def add_child(self, parent_id: str, child_id: str) -> None:
        """Make one node another's child, once."""
        children = self.all[parent_id].get("children") or []
        if child_id not in children:
            self.edit(parent_id)["children"] = [*children, child_id]

    def outbound(self, node_id: str) -> list[str]:
        """The nodes below which the next nodes hang."""
        node = self.all[node_id]
        children = node.get("children") or []
        match node["type"]:
            case "Skipped" | "Suspend" | "Pod":
                return [node_id]
            case "TaskGroup":
                return [each for child in children for each in self.outbound(child)] if children else [node_id]
            case "Retry" if children:
                return [children[-1]]
        return [each for out in node.get("outboundNodes") or () for each in self.outbound(out)]

    def attempts(self, node: Node) -> list[str]:
        """The ids of a Retry node's attempts, in order."""
        children = node.get("children") or ()
        return [child for child in children if (self.all[child].get("nodeFlag") or {}).get("retried")]

    def settled(self, node: Node) -> bool:
        """Whether everything below a node has ended (childrenFulfilled)."""
        stack, seen = [node["id"]], set()
        while stack:
            current = stack.pop()
            if current in seen or current not in self.all:
                continue
            seen.add(current)
            children = self.all[current].get("children") or ()
            if not children and self.all[current]["phase"] not in FULFILLED:
                return False
            stack.extend(children)
        return True

    def on_exit(self, node: Node) -> bool:
        """Whether a node belongs to an exit handler."""
        current = node
        while not current["displayName"].endswith(".onExit"):
            boundary = self.all.get(current.get("boundaryID", ""))
            if boundary is None:
                return False
            current = boundary
        return True
