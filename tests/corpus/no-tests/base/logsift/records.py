"""The lines of an access log."""

from dataclasses import dataclass

from logsift.times import minutes_of


@dataclass(frozen=True)
class Record:
    """One request."""

    time: str
    method: str
    path: str
    status: int
    millis: int


class BadLine(ValueError):
    """A line that is none of a log."""


def parse(line):
    """The record of a line; BadLine if it is not one."""
    words = line.split()
    if len(words) != 5:
        raise BadLine(f"expected 5 words, got {len(words)}")
    time, method, path, status, millis = words
    if not status.isdigit() or not millis.isdigit():
        raise BadLine("expected numbers for status and milliseconds")
    try:
        minutes_of(time)
    except ValueError as error:
        raise BadLine(str(error)) from error
    return Record(time, method, path, int(status), int(millis))


def read(lines):
    """The records of all lines that are not empty, and how many lines are none of a log."""
    records, bad = [], 0
    for line in lines:
        if not line.strip():
            continue
        try:
            records.append(parse(line))
        except BadLine:
            bad += 1
    return records, bad
