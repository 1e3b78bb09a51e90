import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from stockroom import __version__, web


class Web(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_commands_run_on_a_journal_of_their_own(self) -> None:
        answer = web.run({"book": [{"kind": "note"}], "commands": [["version"]]}, self.folder)
        self.assertEqual(answer["results"], [{"status": 0, "out": f"stockroom {__version__}\n", "err": ""}])
        self.assertEqual(answer["book"], [{"kind": "note"}])

    def test_a_command_that_is_not_there_is_wrong_usage(self) -> None:
        self.assertEqual(web.run({"commands": [["nonsense"]]}, self.folder)["results"][0]["status"], 2)

    def test_only_modules_of_the_shop_are_called(self) -> None:
        with mock.patch.dict(os.environ), self.assertRaises(ValueError):
            web.call({"on": "os", "calls": [["getcwd"]]}, self.folder)


if __name__ == "__main__":
    unittest.main()
