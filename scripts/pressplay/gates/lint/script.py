"""The script that a gate's container runs: one command after another, in a copy of the checkout.

It is POSIX shell, since all that an image must have is a shell and the project's tools. What it comes to is its exit
status alone, as Kubernetes records it; what it prints is for people to read. A command may run the project's code, so
nothing that a command could have written is believed: after each one the copy is compared with the checkout, which the
container can't write to.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pressplay.gates.lint.detect import LintTask

MOST = 40
"""Commands of one script: exit statuses tell which one failed."""
LINES_SHOWN = 50_000
"""Bytes of each command's output that are printed."""
_FAILED, _CHANGED, _MISSING, _EMPTY, _BROKEN = 10, 51, 60, 110, 9

_HEAD = f"""\
# Written by Press Play for its lint gate. Exit status: 0: all is well; {_FAILED} + n: command n has findings;
# {_CHANGED}: a command changed files of the checkout; {_MISSING} + n: the tool of command n is missing;
# {_EMPTY} + n: command n sees no file; {_BROKEN}: no copy was made.
set -u
source=$GATE_SOURCE tree=$GATE_WORK/tree logs=$GATE_WORK/logs given=${{0%/*}}/home
number=0 failed=0 missing=0 empty=0
for program in cp diff grep head; do command -v "$program" >/dev/null || exit {_BROKEN}; done
mkdir -p "$tree" "$logs" "$HOME" "$TMPDIR" && cp -a "$source/." "$tree/" || exit {_BROKEN}
if [ -d "$given" ]; then cp -a "$given/." "$HOME/" || exit {_BROKEN}; fi
follow=
if diff --no-dereference /dev/null /dev/null >/dev/null 2>&1; then follow=--no-dereference; fi

differs() {{
  if [ -n "$follow" ]; then
    LC_ALL=C diff -rq "$follow" "$source" "$tree" 2>&1
  else
    # A busybox's diff follows links, and stumbles over those that lead nowhere.
    LC_ALL=C diff -rq "$source" "$tree" 2>/dev/null
  fi | grep -Fv "Only in $tree"
}}

run() {{
  number=$((number + 1))
  echo "### $number: $2"
  cd "$tree/$1" || exit {_CHANGED}
  if [ -n "$3" ] && ! output=$(sh -c "$3" 2>&1 </dev/null); then
    printf '%s\\n' "$output" | head -c {LINES_SHOWN}
    echo "### $number: the tool is not there"
    [ "$missing" -ne 0 ] || missing=$number
    return 0
  fi
  if [ -n "$5" ] && [ -z "$(sh -c "$5" 2>/dev/null </dev/null | head -c 1)" ]; then
    echo "### $number: sees no file to lint"
    [ "$empty" -ne 0 ] || empty=$number
  fi
  code=0
  sh -c "$4" </dev/null >"$logs/$number" 2>&1 || code=$?
  head -c {LINES_SHOWN} "$logs/$number"
  echo
  echo "### $number: exit status $code"
  case $code in
    0) ;;
    # The shell's own words for a program that is not there, or can't be run.
    126 | 127) [ "$missing" -ne 0 ] || missing=$number ;;
    *) [ "$failed" -ne 0 ] || failed=$number ;;
  esac
  changed=$(differs)
  if [ -n "$changed" ]; then
    printf '%s\\n' "$changed" | head -c {LINES_SHOWN}
    echo "### $number: files of the checkout were changed"
    exit {_CHANGED}
  fi
}}

"""
_END = f"""
[ "$missing" -eq 0 ] || exit $(({_MISSING} + missing))
[ "$failed" -eq 0 ] || exit $(({_FAILED} + failed))
[ "$empty" -eq 0 ] || exit $(({_EMPTY} + empty))
exit 0
"""


def script(tasks: Sequence[LintTask]) -> str:
    """The script for these commands; ValueError for more than `MOST`."""
    if len(tasks) > MOST:
        raise ValueError(f"a gate runs at most {MOST} commands, got {len(tasks)}")
    runs = [
        " ".join(["run", *map(shlex.quote, (task.folder, command.label, command.probe, command.line, command.sees))])
        for task in tasks
        for command in (task.command,)
    ]
    return _HEAD + "\n".join(runs) + "\n" + _END


@dataclass(frozen=True)
class ScriptResult:
    """What a script's exit status says."""

    kind: Literal["passed", "failed", "changed", "missing", "empty", "broken"]
    command: int = 0
    """The first command that failed, misses its tool or sees no file, from 1; 0 if there is none."""


_COUNTED: tuple[tuple[Literal["failed", "missing", "empty"], int], ...] = (
    ("failed", _FAILED),
    ("missing", _MISSING),
    ("empty", _EMPTY),
)


def result(code: int, count: int) -> ScriptResult | None:
    """What an exit status of a script of `count` commands means; None for one that is not a script's own."""
    if code == 0:
        return ScriptResult("passed")
    if code == _CHANGED:
        return ScriptResult("changed")
    if code == _BROKEN:
        return ScriptResult("broken")
    for kind, first in _COUNTED:
        if first < code <= first + count:
            return ScriptResult(kind, code - first)
    return None
