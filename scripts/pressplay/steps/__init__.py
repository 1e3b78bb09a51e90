"""The workflows' own steps: what the WorkflowTemplates run as `pressplay step NAME --in JSON --out DIR`.

A step is a function `(inputs, context) -> outputs`, both by parameter name. It may be killed anywhere and run again.
Outputs become Argo parameters, so they hold only numbers, commit ids, checked names, links and base64 (R7).
"""

import sys

# httpx brings a command line of its own where rich is installed: a sixteenth of a second of each step, for nothing.
# It allows for its absence, and None is how Python says that a module can't be imported; typeshed knows of none.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
