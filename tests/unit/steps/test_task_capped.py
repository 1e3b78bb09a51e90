"""A task's text leaves room for the work, however long it is, and nothing of it is lost."""

from __future__ import annotations

import pytest

from pressplay.steps.runs.task_folder import IN_FULL, MOST, capped


@pytest.mark.parametrize("text", [b"", b"# Task\n", b"x" * MOST])
def test_a_text_that_fits_is_left_as_it_is(text: bytes) -> None:
    assert capped(text) == (text, b"")


@pytest.mark.parametrize("line", ["a line of text\n", "ä" * 50 + "\n", "ä", "\U0001f3ad"])
def test_a_longer_one_is_cut_between_lines_and_names_where_all_of_it_is(line: str) -> None:
    text = (line * MOST).encode()
    short, whole = capped(text)
    assert whole == text
    assert len(short) < MOST + 200
    kept, _, note = short.decode().rpartition("\n\n(The text goes on")
    assert text.startswith(kept.encode())
    assert f"`task/{IN_FULL}`" in note
    assert len(kept.encode()) > MOST - 200
