"""The command line: every module of `stockroom.commands` is a command."""

import argparse
import functools
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from stockroom import commands
from stockroom.errors import StockroomError


@functools.cache
def parser() -> argparse.ArgumentParser:
    """The parser with all commands that are there."""
    top = argparse.ArgumentParser(prog="stockroom", description="Keeps a small shop's stock.")
    top.add_argument("--book", default="stockroom.jsonl", help="the journal file (default: stockroom.jsonl)")
    known = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for entry in pkgutil.iter_modules(commands.__path__):
        module = importlib.import_module(f"{commands.__name__}.{entry.name}")
        command = known.add_parser(entry.name, help=(module.__doc__ or "").partition("\n")[0])
        module.configure(command)
        command.set_defaults(run=module.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status (1 with the reason on stderr where it is refused)."""
    arguments = parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except StockroomError as error:
        print(f"stockroom: {error}", file=sys.stderr)
        return 1


def run() -> None:
    """The console script."""
    sys.exit(main())
