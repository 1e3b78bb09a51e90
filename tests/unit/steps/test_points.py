"""A text's points: each can be answered by its id, whatever it is written with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.steps.runs import points

pytestmark = pytest.mark.rule("R7")


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("", "", []),
        ("one thing\nis wrong", "", ["one thing\nis wrong"]),
        ("two things:\n\n- a\n  more of a\n- b", "two things:", ["- a\n  more of a", "- b"]),
        ("1. a\n2) b\n* c\n+ d", "", ["1. a", "2) b", "* c", "+ d"]),
        ("- a\n  - of a\n\n  text of a\n- b", "", ["- a\n  - of a\n\n  text of a", "- b"]),
        ("- a\n```\n- no point\n# no heading\n```\n- b", "", ["- a\n```\n- no point\n# no heading\n```", "- b"]),
        ("- a\n~~~~\n~~~\n- no point\n~~~~\n- b", "", ["- a\n~~~~\n~~~\n- no point\n~~~~", "- b"]),
        ("x\n## Next\n- a\n## Last\nend", "x", ["## Next\n- a\n## Last\nend"]),
        ("-no item\n- ", "", ["-no item\n-"]),
        ("- a\n\n<!-- press-play: contested-run-1 -->", "", ["- a"]),
    ],
)
def test_points_are_the_items_of_the_outermost_lists(text: str, before: str, expected: list[str]) -> None:
    assert points.split(text) == (before, expected)


@given(st.text(st.sampled_from("-*1. a`~#\n\r\t<!>"), max_size=200))
def test_no_word_is_lost_and_none_is_twice(text: str) -> None:
    before, items = points.split(text)
    assert len(items) <= points.MOST
    assert sum(part.count("a") for part in (before, *items)) == text.count("a") - _hidden(text)


def _hidden(text: str) -> int:
    """Letters in lines that people do not see: the strategy can write none of our marks."""
    return sum(line.count("a") for line in text.splitlines() if line.startswith("<!-- ") and line.endswith(" -->"))


def test_a_list_without_an_end_keeps_its_rest_in_the_last_point() -> None:
    _, items = points.split("\n".join(f"- {number}" for number in range(500)))
    assert len(items) == points.MOST
    assert items[-1].endswith("- 499")
