"""Reads what the script of a tests gate printed: which steps ran, how they ended, and the files that it showed.

The log is a stranger's text wherever a run of the tests could write to it (R7). The script prints each mark once and
in order. A log in which a mark is doubled, out of order or cut is tampered with: nothing in it counts.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pressplay.gates.proving.script import LARGEST_FRAME


class Tampered(Exception):
    """The log is not as the script writes it: why, in words of ours."""


@dataclass
class Step:
    """One command of the script that was carried out."""

    exit_status: int | None = None
    """None where it began and did not end: time ran out, or the container was lost."""
    seconds: float = 0.0
    frames: dict[str, bytes] = field(default_factory=dict)
    """The files that the script showed of it; empty bytes for one that is not there."""
    tampered: bool = False
    """Whether the run changed fetched packages."""


@dataclass(frozen=True)
class Seen:
    """Everything that one script's log shows."""

    steps: Mapping[str, Step]
    skipped: frozenset[str]
    """The steps that were left out since the time for them had passed."""
    ended: bool
    """Whether the script came to its end."""


def read(mark: str, log: str) -> Seen:
    """What a log shows. Raises Tampered if its marks are not as the script writes them."""
    steps: dict[str, Step] = {}
    skipped: set[str] = set()
    current = newest = ""
    lines = iter(log.split("\n"))
    for line in lines:
        words = line.split(" ")
        if words[0] != mark:
            continue
        match words[1:]:
            case ["begin", name] if not current and name not in steps:
                steps[name] = Step()
                current = newest = name
            case ["ended", name, code, seconds] if name == current and code.isdigit() and seconds.isdigit():
                steps[name].exit_status, steps[name].seconds = int(code), float(seconds)
                current = ""
            case ["frame", name, packed] if newest and name not in steps[newest].frames:
                steps[newest].frames[name] = _content(mark, name, packed, lines)
            case ["tampered", name] if name == newest:
                steps[name].tampered = True
            case ["skip", name] if not current and name not in skipped:
                skipped.add(name)
            case ["end"] if not current:
                if any(line.split(" ")[0] == mark for line in lines):
                    raise Tampered("its log goes on after its end")
                return Seen(steps, frozenset(skipped), ended=True)
            case _:
                raise Tampered("something that it ran printed the marks by which its results are read")
    return Seen(steps, frozenset(skipped), ended=False)


def _content(mark: str, name: str, packed: str, lines: Iterator[str]) -> bytes:
    """The bytes of a frame, whose beginning was read."""
    encoded = []
    for line in lines:
        if line.startswith(f"{mark} "):
            if line != f"{mark} done {name}":
                raise Tampered("something that it ran printed the marks by which its results are read")
            break
        encoded.append(line.strip())
    else:
        # The log ends here: the container did, or what is read of it.
        return b""
    try:
        content = base64.b64decode("".join(encoded), validate=True)
        if packed == "gzip" and content:
            reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            content = reader.decompress(content, LARGEST_FRAME + 1)
    except (binascii.Error, zlib.error) as error:
        raise Tampered("a file that it showed can't be unpacked") from error
    if len(content) > LARGEST_FRAME:
        raise Tampered("a file that it showed is larger than the script makes it")
    return content
