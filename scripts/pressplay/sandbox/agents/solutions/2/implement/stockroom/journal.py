"""The journal: one file, one JSON object a line, only ever appended to."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stockroom.errors import StockroomError

Entry = dict[str, Any]


class Journal:
    """The entries in the file at `path`; a file that is not there yet has none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def append(self, kind: str, **fields: Any) -> None:
        """Add one entry, in a single write, and have it on disk before returning."""
        line = json.dumps({"kind": kind, **fields}, ensure_ascii=False) + "\n"
        with self.path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def entries(self, *kinds: str) -> Iterator[Entry]:
        """The entries in order, of `kinds` only where any are given; StockroomError names a line that is none."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                try:
                    entry = json.loads(line)
                    kind = entry["kind"]
                except (ValueError, KeyError, TypeError) as error:
                    raise StockroomError(f"{self.path}:{number}: not an entry of a journal; restore the file") from error
                if not kinds or kind in kinds:
                    yield entry
