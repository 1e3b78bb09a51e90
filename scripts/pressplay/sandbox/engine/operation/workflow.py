"""The whole Workflow: its entry template, its exit handler, its end (workflow/controller/operator.go, operate)."""

from __future__ import annotations

from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.model import COMPLETED, FAILED, Node, fulfilled
from pressplay.sandbox.engine.operation.errors import ExecutionError, ParallelismReached
from pressplay.sandbox.engine.operation.execution import Executor
from pressplay.sandbox.engine.operation.locking import lock_workflow
from pressplay.sandbox.engine.operation.reconcile import reconcile
from pressplay.sandbox.engine.operation.shutdown import enforce, stop_message
from pressplay.sandbox.engine.operation.state import Arguments, Context, State
from pressplay.sandbox.engine.operation.status import set_phase
from pressplay.sandbox.engine.operation.variables import WORKFLOW_PHASE, outcome_variables
from pressplay.sandbox.engine.substitution import Scope, substitute_text
from pressplay.sandbox.engine.templates import Call


def operate(state: State) -> None:
    """Do one pass: `state.status` and `state.requests` are its result."""
    try:
        _operate(state)
    finally:
        _write_status(state)


def _operate(state: State) -> None:
    if not lock_workflow(state):
        return
    if not state.status.get("startedAt"):
        set_phase(state, "Running", "")
    reconcile(state)
    enforce(state)
    if state.workflow["spec"].get("suspend") or state.spec.get("suspend"):
        return
    if state.status.get("phase") == "Pending":
        set_phase(state, "Running", "")
    executor = Executor(state)
    root = _execute_entry(state, executor)
    if root is None or not fulfilled(root):
        return
    exit_node: Node | None = None
    hook = _exit_hook(state)
    if hook is not None:
        exit_node = _execute_exit(state, executor, hook, root)
        if exit_node is None or not fulfilled(exit_node):
            return
    _complete(state, root, exit_node)


def _execute_entry(state: State, executor: Executor) -> Node | None:
    call = Call({"name": "", "template": state.spec["entrypoint"]})
    parameters = (state.spec.get("arguments") or {}).get("parameters") or ()
    arguments = [(item["name"], gojson.any_string(item.get("value"))) for item in parameters]
    return _execute(state, executor, state.name, call, arguments, on_exit=False)


def _exit_hook(state: State) -> Call | None:
    """What to execute at the end; None where there is nothing, or a shutdown forbids it."""
    hook = (state.spec.get("hooks") or {}).get("exit")
    if hook is None and state.spec.get("onExit"):
        hook = {"template": state.spec["onExit"]}
    if not hook or (state.nodes.by_name(_exit_name(state)) is None and not state.may_run(on_exit=True)):
        return None
    arguments = hook.get("arguments") or state.spec.get("arguments")
    return Call({**hook, "name": "onExit", "arguments": arguments})


def _exit_name(state: State) -> str:
    return f"{state.name}.onExit"


def _execute_exit(state: State, executor: Executor, hook: Call, root: Node) -> Node | None:
    state.variables = {**state.variables, **outcome_variables(root, state.nodes)}
    scope = Scope(state.variables)
    arguments = [
        (item["name"], substitute_text(gojson.any_string(item.get("value")), scope)) for item in hook.parameters
    ]
    return _execute(state, executor, _exit_name(state), hook, arguments, on_exit=True)


def _execute(
    state: State, executor: Executor, name: str, call: Call, arguments: Arguments, on_exit: bool
) -> Node | None:
    """The node of the entry template or the exit handler; None where it could not be executed in this pass."""
    context = Context(state.library.local, "", Scope(state.variables), on_exit)
    flag = {"hooked": True} if on_exit else None
    try:
        # To Argo the entry template is a step without a name.
        return executor.execute(name, call, context, arguments, {"steps.name": ""}, flag)
    except ParallelismReached:
        return None
    except ExecutionError as error:
        # The space before the colon is Argo's.
        what = "exit template execution " if on_exit else "entry template execution"
        set_phase(state, "Error", f"error in {what}: {error}")
        return None


def _complete(state: State, root: Node, exit_node: Node | None) -> None:
    phase = WORKFLOW_PHASE[root["phase"]]
    if phase == "Succeeded" and exit_node is not None and exit_node["phase"] in FAILED:
        set_phase(state, exit_node["phase"], exit_node.get("message", ""))
    elif phase == "Succeeded":
        set_phase(state, phase, "")
    else:
        stopped = bool(state.shutdown) and root["phase"] in FAILED
        set_phase(state, phase, stop_message(state) if stopped else root.get("message", ""))


def _write_status(state: State) -> None:
    if state.deadline is not None:
        state.requests.wake(state.deadline)
    synchronization = None
    if state.status.get("phase") not in COMPLETED:
        state.locks.keep_waiting(state.nodes.all.values())
        synchronization = state.locks.status()
    if synchronization:
        state.status["synchronization"] = synchronization
    else:
        state.status.pop("synchronization", None)
    if state.library.stored:
        state.status["storedTemplates"] = state.library.stored
    state.status["nodes"] = state.nodes.all
