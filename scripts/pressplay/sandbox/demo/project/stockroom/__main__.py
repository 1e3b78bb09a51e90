"""`python -m stockroom` is the command `stockroom`."""

from stockroom.cli import run

run()
