"""Why a template was not executed to its end in this pass. What is final is on the node already."""


class ExecutionError(Exception):
    """A template that its caller must not wait for in this pass."""


class ParallelismReached(ExecutionError):
    """The limit of nodes that run at a time is reached: try again in a later pass (ErrParallelismReached)."""


class DepthExceeded(ExecutionError):
    """Templates call each other too deep; the node is in Error (ErrMaxDepthExceeded)."""


class LockTimeout(ExecutionError):
    """A node waited longer than its template's `timeout` for its locks; the node has failed (ErrTimeout)."""


class NodeError(ExecutionError):
    """The node is in Error, and so is its parent."""
