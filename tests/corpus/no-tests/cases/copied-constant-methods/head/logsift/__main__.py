"""The command line."""

import argparse
import sys

from logsift import reports
from logsift.records import read


def parser():
    """The command line's parser."""
    made = argparse.ArgumentParser(prog="logsift")
    commands = made.add_subparsers(dest="command", required=True)
    for name in ("status", "errors", "paths", "slowest", "urls", "hours", "methods"):
        command = commands.add_parser(name)
        command.add_argument("file", nargs="?")
        if name in ("paths", "slowest", "urls"):
            command.add_argument("--limit", type=int, default=10)
    return made


def lines_of(options, records):
    """The report that was asked for."""
    if options.command == "status":
        return reports.by_status(records)
    if options.command == "methods":
        return reports.by_method(records)
    if options.command == "hours":
        return reports.by_hour(records)
    if options.command == "errors":
        return reports.errors(records)
    if options.command in ("paths", "urls"):
        return reports.by_path(records, options.limit)
    return reports.slowest(records, options.limit)


def main(arguments=None):
    """Print a report; the exit status is 1 if there were bad lines."""
    options = parser().parse_args(arguments)
    if options.file:
        with open(options.file, encoding="utf-8") as source:
            records, bad = read(source)
    else:
        records, bad = read(sys.stdin)
    for line in lines_of(options, records):
        print(line)
    if bad:
        print(f"{bad} bad lines", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
