"""Reading `$PRESSPLAY_RESULT`: a file that an agent wrote, checked against schemas/outcome.schema.json."""

from __future__ import annotations

from pressplay.domain.outcomes import Outcome
from pressplay.validation import packaged
from pressplay.validation.report import Invalid, invalid
from pressplay.validation.schema import by_place, check
from pressplay.validation.yamlsource import load_json

LIMIT = 1_000_000
"""Bytes of a file."""


def read(content: bytes, file: str) -> Outcome:
    """The outcome in a result file, of today's form or the early one.

    Invalid (an InputError) names `file`, each path, what was expected and what was given.
    """
    if len(content) > LIMIT:
        raise invalid(file, f"expected at most {LIMIT} bytes, got more", "hand over less")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid(file, f"expected UTF-8, got byte {error.start}: {error.reason}", "save it as UTF-8") from error
    source = load_json(text, file)
    problems = by_place([*source.problems, *check(packaged.schema("outcome"), source.value, source.place)])
    if problems:
        raise Invalid(problems)
    return Outcome.of(source.value)
