"""What counts on an issue as the Issue agent's word, and what of it are the criteria."""

from __future__ import annotations

import pytest

from pressplay.validation.markdown import criteria_section as criteria


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# T\n\n## Acceptance criteria\n- a\n- b\n\n## Next\n- c", "- a\n- b"),
        ("## Acceptance Criteria (final)\n\n- a\n### Edges\n- b\n# T", "- a\n### Edges\n- b"),
        ("## Acceptance criteria\n```sh\n# not a heading\n```\n- a", "```sh\n# not a heading\n```\n- a"),
        ("```\n## Acceptance criteria\n- no\n```\n## Acceptance criteria\n- yes", "- yes"),
        ("~~~\n```\n## Acceptance criteria\n- no\n~~~\n## Acceptance criteria\n- yes", "- yes"),
        ("## Acceptance criteria\r\n- a\r\n## B\r\n", "- a"),
        ("Acceptance criteria\n- a", ""),
        ("#Acceptance criteria\n- a", ""),
        ("", ""),
    ],
)
def test_criteria_are_the_section_of_that_name(text, found):
    assert criteria(text) == found
