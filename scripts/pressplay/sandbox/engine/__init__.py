"""A small engine for Argo Workflows: does to a Workflow what a real Argo 4.1.2 does, for the part that the chart uses.

`advance` is a pure function from a Workflow and the objects that it sees to a new status and manifests to apply;
`set_node` ends a suspended node; `validate` refuses, by name and place, what the engine does not know.
"""

from pressplay.sandbox.engine.lifecycle import advance, set_node
from pressplay.sandbox.engine.locktable import LockTable
from pressplay.sandbox.engine.model import Advance, InvalidSpec, UnknownConstruct
from pressplay.sandbox.engine.validation import validate
from pressplay.sandbox.engine.view import View

__all__ = [
    "Advance",
    "InvalidSpec",
    "LockTable",
    "UnknownConstruct",
    "View",
    "advance",
    "set_node",
    "validate",
]
