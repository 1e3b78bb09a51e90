"""The roles: what they name in the values is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pressplay.domain.roles import AGENT_ROLES, CONFLICT, CRITERIA, FIX, IMPLEMENT, ROLES, TEST

ROOT = Path(__file__).parents[3]
LIMITS = json.loads((ROOT / "schemas/limits.schema.json").read_text())["properties"]


@pytest.mark.rule("R4")
@pytest.mark.parametrize("role", ROLES.values(), ids=lambda role: role.name)
def test_each_limit_of_a_role_is_one_of_the_values(role):
    assert role.limits
    assert set(role.limits) <= LIMITS.keys()


@pytest.mark.rule("R9")
def test_who_implements_needs_no_more_to_fix_or_to_merge_the_base():
    """One agent does it all, and its App has what `implement` needs."""
    assert FIX.permissions == CONFLICT.permissions == IMPLEMENT.permissions
    assert {*AGENT_ROLES.values(), FIX, CONFLICT, CRITERIA} == {*ROLES.values()}


@pytest.mark.rule("R9")
def test_who_tests_needs_no_more_to_write_criteria():
    assert set(CRITERIA.permissions) <= set(TEST.permissions)
