import contextlib
import io
import unittest

from stockroom import __version__, cli
from tests.support import ShopTest


class CommandLine(ShopTest):
    def test_version_is_printed(self) -> None:
        self.assertEqual(self.shop("version"), f"stockroom {__version__}\n")

    def test_unknown_command_is_wrong_usage(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as ended:
            cli.main(["nonsense"])
        self.assertEqual(ended.exception.code, 2)


if __name__ == "__main__":
    unittest.main()
