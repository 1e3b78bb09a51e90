"""Which merge lands a task: one row a case."""

from __future__ import annotations

import pytest

from pressplay.github.merges import Merge
from pressplay.settings import Settings
from pressplay.steps.core.landing import problem_of

pytestmark = pytest.mark.rule("R5")
SETTINGS = Settings.model_validate(
    {
        "namespace": "press-play",
        "controllerNamespace": "agent-platform",
        "agents": {"rex": {"githubApp": "Rex_Agent", "role": "implement", "model": "m"}},
    }
)
SHA = "a" * 40


@pytest.mark.parametrize(
    ("merge", "base", "problem"),
    [
        (Merge("main", SHA, "ann", is_person=True), "main", ""),
        (Merge("develop", SHA, "ann", is_person=True), "develop", ""),
        (Merge("release", SHA, "ann", is_person=True), "main", "was merged into release, not main"),
        (Merge("Main", SHA, "ann", is_person=True), "main", "was merged into Main, not main"),
        # A branch's name may be an agent's text.
        (Merge("{{=1}} $(id)", SHA, "ann", is_person=True), "main", "into a branch with an unusual name, not main"),
        (Merge("main", SHA, "rex-agent[bot]", is_person=False), "main", "by rex-agent[bot], an App of Press Play's"),
        (Merge("main", SHA, "Rex-Agent[bot]", is_person=False), "main", "an App of Press Play's: only people merge"),
        (Merge("main", SHA, "press-play[bot]", is_person=False), "main", "an App of Press Play's"),
        (Merge("main", SHA, "mergify[bot]", is_person=False), "main", "was merged by mergify[bot], which is no person"),
        (Merge("main", SHA, "", is_person=False), "main", "by an account that is gone"),
    ],
)
def test_what_a_merge_is_worth(merge, base, problem):
    said = problem_of(merge, base, SETTINGS)
    assert (problem in said) if problem else said == ""
