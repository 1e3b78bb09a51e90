"""Which refs a ruleset's patterns mean: what Ruby says, and what GitHub documents of it.

The fixture is Ruby's own answers: `ruby -Ku tests/data/refs/fnmatch.rb > tests/data/refs/fnmatch.json`. Ruby is not
needed otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from github_world import REPO

from pressplay.errors import InputError
from pressplay.github import rules
from pressplay.sandbox.forge import fnmatch

RUBY = json.loads((Path(__file__).parents[2] / "data" / "refs" / "fnmatch.json").read_text())


@pytest.mark.parametrize("table", ["written", "drawn"])
def test_refs_are_matched_as_ruby_matches_them(table):
    refs, matches = RUBY[table]["refs"], RUBY[table]["matches"]
    taken = {pattern: found for pattern, found in matches.items() if not fnmatch.unsupported(pattern)}
    assert len(taken) * len(refs) > 4000
    assert {pattern for pattern, found in taken.items() if found}, "some patterns mean something"
    differ = [
        (pattern, ref)
        for pattern, found in taken.items()
        for at, ref in enumerate(refs)
        if fnmatch.matches(pattern, ref) is not (at in found)
    ]
    assert differ == []


def test_ruby_itself_says_that_two_stars_stop_at_a_slash():
    refs, matches = RUBY["written"]["refs"], RUBY["written"]["matches"]
    run = refs.index("refs/heads/press-play/context/run-1")
    assert run not in matches["refs/heads/press-play/**"]
    assert run in matches["refs/heads/press-play/**/*"]
    assert refs.index("refs/heads/press-play/x") in matches["refs/heads/press-play/**/*"]
    assert refs.index("refs/heads/press-play") not in matches["refs/heads/press-play/**/*"]


def types(world, branch):
    return sorted(
        kind for ruleset in rules.protection(world.client("rex"), REPO, branch).rulesets for kind in ruleset.rules
    )


@pytest.mark.parametrize(
    ("include", "exclude", "branches"),
    [
        (["~ALL"], [], {"main", "side", "press-play/context/run-1"}),
        (["~DEFAULT_BRANCH"], [], {"main"}),
        (["~ALL"], ["~DEFAULT_BRANCH"], {"side", "press-play/context/run-1"}),
        (["refs/heads/press-play/**/*"], [], {"press-play/context/run-1"}),
        (["refs/heads/press-play/**"], [], set()),
        (["refs/heads/**/*"], ["refs/heads/press-play/**/*"], {"main", "side"}),
        (["press-play/**/*"], [], set()),
        ([], [], set()),
    ],
)
def test_a_ruleset_holds_where_its_conditions_say(github_world, include, exclude, branches):
    conditions = {"ref_name": {"include": include, "exclude": exclude}}
    fields = {"name": "r", "enforcement": "active", "conditions": conditions, "rules": [{"type": "update"}]}
    assert github_world.person().post("/rulesets", json=fields).status_code == 201
    held = {branch for branch in ("main", "side", "press-play/context/run-1") if types(github_world, branch)}
    assert held == branches


@pytest.mark.parametrize("enforcement", ["evaluate", "disabled"])
def test_a_ruleset_that_is_not_active_is_none(github_world, enforcement):
    github_world.forge.create_ruleset(REPO, "r", rules=[{"type": "update"}], enforcement=enforcement)
    assert types(github_world, "main") == []


@pytest.mark.rule("R10")
@pytest.mark.parametrize("pattern", ["refs/heads/a\\*", "refs/heads/[^a]"])
def test_what_github_does_not_take_is_refused(github_world, pattern):
    with pytest.raises(InputError, match="Invalid pattern"):
        github_world.forge.create_ruleset(REPO, "r", rules=[{"type": "update"}], include=[pattern])
