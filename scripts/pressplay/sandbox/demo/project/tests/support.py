"""What tests of commands share: a shop with a journal of its own."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from stockroom.cli import main


class ShopTest(unittest.TestCase):
    """Runs commands in this process against a fresh journal file at `self.book`."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.book = self.folder / "book.jsonl"
        self.errors = ""

    def shop(self, *arguments: str, status: int = 0) -> str:
        """Run one command, hold its exit status against `status`, return its output; stderr is `self.errors`."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            got = main(["--book", str(self.book), *arguments])
        self.errors = err.getvalue()
        self.assertEqual(got, status, f"stockroom {' '.join(arguments)}: exit status {got}: {self.errors}")
        return out.getvalue()
