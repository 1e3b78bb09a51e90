"""One pass over a Workflow: what Argo's controller does when it processes one, as a function of what it sees.

`workflow.operate` does the pass on a `State`; `execution.Executor` executes a template, and a module for each kind of
node (`steps`, `dag`, `suspend`, `leaves`) or concern (`retries`, `locking`, `parallelism`, `shutdown`) does its part.

The order of things, and every message, follow Argo 4.1.2: workflow/controller/operator.go (operate, executeTemplate,
processNodeRetries, checkParallelism), steps.go, dag.go, exec_control.go, scope.go. What differs, on purpose:

* An existing node keeps its inputs; Argo computes them again each time, with the same result.
* Nothing waits for an informer, so a Pod that was seen and is gone is lost at once.
* A step group is done only when each of its steps has a node (Argo takes an empty group for a finished one).
* A value with `{{` in it is refused (see `substitution`).
"""

from pressplay.sandbox.engine.operation.state import State
from pressplay.sandbox.engine.operation.workflow import operate

__all__ = ["State", "operate"]
