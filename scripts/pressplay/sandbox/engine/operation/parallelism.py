"""How many nodes may run at a time: in the Workflow, and below one steps or dag template (checkParallelism)."""

from __future__ import annotations

from pressplay.sandbox.engine.model import Node
from pressplay.sandbox.engine.operation.errors import ParallelismReached
from pressplay.sandbox.engine.operation.state import Context, State
from pressplay.sandbox.engine.templates import Template


def check_parallelism(state: State, template: Template, node: Node | None, context: Context) -> None:
    """Raise ParallelismReached if a template must not be executed now; `node` is its node, None for a new one."""
    allowed = state.spec.get("parallelism")
    # Pods that the cluster has not seen yet were started by this Workflow all the same: they count against a new
    # node, but must not keep the pass from an existing one.
    if allowed is not None and (state.pods.started if node is None else state.pods.seen) >= allowed:
        raise ParallelismReached
    if node is not None:
        seen = state.pods.seen_by_boundary[node["id"]]
        if template.parallelism and template.kind in ("steps", "dag") and seen >= template.parallelism:
            raise ParallelismReached
        if node["phase"] in ("Pending", "Running"):
            return
    boundary = state.nodes.all.get(context.boundary)
    if boundary is None or not (boundary.get("templateName") or boundary.get("templateRef")):
        return
    owner = state.library.of_node(boundary)
    if owner.parallelism and state.nodes.active_children[context.boundary] >= owner.parallelism:
        raise ParallelismReached
