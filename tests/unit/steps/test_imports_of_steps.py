"""What a step loads: imports are most of its time, and no stranger reaches a library that is not loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pressplay.steps import registry

HEAVY = {"pygit2", "tree_sitter", "jinja2", "obstore", "starlette", "jsonschema", "rich", "pygments"}
"""Libraries that read strangers' bytes, or that few steps need."""
MODULES = 950
"""That one step loads at most, its libraries' included."""
LOAD = """
import json, sys
from pressplay.steps import registry
registry.LOADERS[sys.argv[1]]()
from pressplay.steps.core import in_cluster
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.rule("R9")
@pytest.mark.parametrize("beginning", registry.LOADERS)
def test_a_step_loads_no_library_that_it_does_not_need(beginning):
    """Steps whose names begin alike are of one module."""
    loaded = json.loads(subprocess.run([sys.executable, "-c", LOAD, beginning], capture_output=True, check=True).stdout)
    assert HEAVY.isdisjoint(loaded), "import it where it is used"
    assert len(loaded) <= MODULES
