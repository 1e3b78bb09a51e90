"""The rooms of steps: who may import a step, and where a role's work is."""

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
    assert set(protected["protected_modules"]) == {registry.function_of(name).__module__ for name in registry.STEPS}


@pytest.mark.parametrize("role", roles.ROLES.values(), ids=lambda role: role.name)
def test_a_room_works_for_each_role(role):
    assert role.name in ROOMS.roles
    assert (ROOMS.roles[role.name].request is not None) == (role.resource == "DocsRun")
