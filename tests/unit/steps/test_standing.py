"""What the required check says of pull requests that no flow works on: one row a case."""

from __future__ import annotations

from typing import Any

import pytest

from pressplay.steps.review.standing import Facts, answer

pytestmark = pytest.mark.rule("R5")
GREEN = ("success", "Not under Press Play")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, GREEN),
        ({"fork": True}, GREEN),
        ({"requested": True}, None),
        ({"requested": True, "recorded": True, "committers": ("rex[bot]",)}, None),
        ({"requested": True, "others": "require"}, None),
        # A label that nobody may trust is no label.
        ({"labelled": True}, GREEN),
        ({"labelled": True, "fork": True}, ("action_required", "Forks are not reviewed")),
        ({"requested": True, "labelled": True, "fork": True}, ("action_required", "Forks are not reviewed")),
        ({"recorded": True, "fork": True}, ("action_required", "Forks are not reviewed")),
        ({"author": "rex[bot]"}, ("action_required", "Nobody asked for this pull request")),
        ({"author": "rex[bot]", "recorded": True}, ("action_required", "Nobody asked for this pull request")),
        ({"committers": ("rex[bot]",)}, ("action_required", "It holds an agent's commits")),
        ({"committers": ("rex[bot]",), "fork": True}, ("action_required", "It holds an agent's commits")),
        ({"recorded": True}, ("action_required", "This commit was not reviewed")),
        ({"unseen": True}, ("action_required", "Too many commits to look through")),
        ({"others": "require"}, ("action_required", "Every pull request is reviewed here")),
    ],
)
def test_the_answer_to_a_pull_request(facts: dict[str, Any], expected):
    given = answer(Facts(**{"label": "press-play", "others": "pass", **facts}))
    assert (given and (given.conclusion, given.title)) == expected
    if given is not None and given.conclusion != "success":
        assert "`press-play`" in given.summary
