"""The command line."""

import argparse
import sys

from logsift import reports
from logsift.records import read


REPORTS = {
    "status": reports.by_status,
    "errors": reports.errors,
    "hours": reports.by_hour,
    "paths": reports.by_path,
    "urls": reports.by_path,
    "slowest": reports.slowest,
}


def parser():
    """The command line's parser."""
    made = argparse.ArgumentParser(prog="logsift")
    commands = made.add_subparsers(dest="command", required=True)
    for name in ("status", "errors", "paths", "slowest", "urls", "hours"):
        command = commands.add_parser(name)
        command.add_argument("file", nargs="?")
        if name in ("paths", "slowest", "urls"):
            command.add_argument("--limit", type=int, default=10)
    return made


def lines_of(options, records):
    """The report that was asked for."""
    report = REPORTS[options.command]
    return report(records, options.limit) if "limit" in options else report(records)


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
