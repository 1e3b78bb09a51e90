"""The rooms of steps: who may import a step, and where a role's work is."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pressplay.domain import roles
from pressplay.steps import registry
from pressplay.steps.roles import ROOMS

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_each_step_is_in_a_module_that_the_registry_alone_may_import():
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    protected = next(
        contract for contract in contracts if "pressplay.steps.registry" in contract.get("allowed_importers", ())
    )
    assert set(protected["protected_modules"]) == {
        registry.function_of(name).__module__ for name in registry.all_steps()
    }


@pytest.mark.parametrize("role", roles.ROLES.values(), ids=lambda role: role.name)
def test_a_room_works_for_each_role(role):
    assert role.name in ROOMS.roles
    assert (ROOMS.roles[role.name].request is not None) == (role.resource == "DocsRun")


def test_a_step_imports_no_other_step():
    """A step's process pays for what it imports, each time."""
    code = (
        "import sys; from pressplay.steps import registry; registry.step('task-settle'); print('\\n'.join(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [module for module in loaded if module.endswith("_steps")] == ["pressplay.steps.play.task_steps"]


def test_each_step_is_under_the_beginning_of_its_name():
    assert {name: registry.step(name) for name in registry.all_steps()}.keys() == registry.all_steps().keys()
