"""Problems in files that people wrote: with places, all at once, in one form (R10).

The form follows check-jsonschema: `file:line:column: $.path: what was expected, what it got; what to do`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pressplay.errors import InputError

PathPart = str | int

SHOWN_AT_ONCE = 50
"""Problems printed before the rest is only counted: one wrong tag can make ten thousand."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def json_path(parts: Iterable[PathPart]) -> str:
    """A place in a document as a JSON path: `$.master.tasks[3].dependencies[0]`, `$["odd key"]`."""
    text = "$"
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}"
        else:
            text += f"[{json.dumps(part)}]"
    return text


def shown(value: object, limit: int = 60) -> str:
    """A value as an error shows it: JSON on one line, cut to `limit` characters, never with a control character."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong at one place. `line` and `column` count from 1; 0 means that the file has none (Helm's --set)."""

    file: str
    line: int
    column: int
    path: str
    message: str
    """What was expected and what it got."""
    hint: str = ""
    """What to do."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.path}: {self.message}" + (f"; {self.hint}" if self.hint else "")

    def as_json(self) -> dict[str, str | int]:
        """The problem as a program reads it, keys as the fields."""
        return asdict(self)


class Invalid(InputError):
    """What people wrote is wrong; `problems` says where and how, and the error's text is theirs, a line each."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = [str(problem) for problem in problems[:SHOWN_AT_ONCE]]
        if len(problems) > SHOWN_AT_ONCE:
            lines.append(f"and {len(problems) - SHOWN_AT_ONCE} more problems")
        super().__init__("\n".join(lines))
        self.problems = list(problems)


def invalid(file: str, message: str, hint: str, line: int = 0, column: int = 0) -> Invalid:
    """The error for a file that is wrong as a whole, or from a line on."""
    return Invalid([Problem(file, line, column, "$", message, hint)])


def read_text(file: Path) -> str:
    """A file's text in UTF-8, without a byte order mark; Invalid if it cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise invalid(str(file), f"expected a readable file: {error.strerror}", "check the path") from error
    except UnicodeDecodeError as error:
        message = f"expected UTF-8, got byte {error.start}: {error.reason}"
        raise invalid(str(file), message, "save it as UTF-8") from error
