"""What people and gates wrote leaves room for the work, however long it is, and nothing of it is lost (NFR2)."""

from __future__ import annotations

import pytest

from pressplay.steps.runs.task_folder import MOST, capped, in_full

FILES = ("task.md", "acceptance-criteria.md", "findings.md")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("text", [b"", b"# Task\n", b"x" * MOST])
def test_a_text_that_fits_is_left_as_it_is(name: str, text: bytes) -> None:
    assert capped("task", name, text) == {f"task/{name}": text}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("line", ["a line of text\n", "ä" * 50 + "\n", "ä", "\U0001f3ad"])
def test_a_longer_one_is_cut_between_lines_and_names_where_all_of_it_is(name: str, line: str) -> None:
    text = (line * MOST).encode()
    made = capped("task", name, text)
    short, whole = made[f"task/{name}"], made[f"task/{in_full(name)}"]
    assert whole == text
    assert len(short) < MOST + 200
    kept, _, note = short.decode().rpartition("\n\n(The text goes on")
    assert text.startswith(kept.encode())
    assert f"`task/{in_full(name)}`" in note
    assert len(kept.encode()) > MOST - 200
