"""Probes of commands: the shell that carries one out behind the wall, and what came of it.

A plan's texts never become shell: arguments are quoted, and input and files are written by the checkout. A plan may
name a shell as its program, which harms nothing: whatever runs, runs in the container of the tests, without a network,
a token or another's files. The harness' own shell starts the program by `timeout` or `exec`, so that no word of a plan
names one of its functions, and prints results only after it has ended all that the program left.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pressplay.gates.acceptance import judge as judging
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.probe_types import Command, CommandStep, FileExpectation, Probe
from pressplay.gates.acceptance.proof import ProbeCheck, ProbeProof, safe

OUTPUT = 64 * 1024
"""Bytes that are read of an output or a file."""
SHOWN = 2000
"""Characters of an output or a file that a proof shows."""

_STATUS = re.compile(r"step ([1-9][0-9]{0,2}) ([0-9]{1,3}) ([0-9]{1,6})")
_FILE = re.compile(r"file ([1-9][0-9]{0,2}) ([1-9][0-9]{0,2}) (file|absent|other)")
_KILLED = 124
"""The least exit status of what `timeout` or a signal ended."""

_FUNCTIONS = f"""\
# probe_run STEP SECONDS PROGRAM ARGUMENT…: one command, its outputs in files. None follows one whose time ran out.
probe_run() {{
  [ -z "$probe_over" ] || return 0
  probe_step=$1 probe_seconds=$2 probe_code=0
  shift 2
  probe_began=$(date +%s)
  if command -v timeout >/dev/null; then
    timeout -k 5 "$probe_seconds" "$@" <"$probe/$probe_step-stdin" \\
      >"$probe_results/raw-out" 2>"$probe_results/raw-err" || probe_code=$?
  else
    ( exec "$@" ) <"$probe/$probe_step-stdin" >"$probe_results/raw-out" 2>"$probe_results/raw-err" &
    probe_child=$!
    ( sleep "$probe_seconds"; kill -9 "$probe_child" ) </dev/null >/dev/null 2>&1 &
    probe_watch=$!
    wait "$probe_child" || probe_code=$?
    kill "$probe_watch" 2>/dev/null
  fi
  probe_took=$(($(date +%s) - probe_began))
  reap
  if [ "$probe_code" -ge {_KILLED} ] && [ "$probe_took" -ge "$probe_seconds" ]; then probe_over=yes; fi
  probe_copy "$probe_results/raw-out" "$probe_results/$probe_step-out"
  probe_copy "$probe_results/raw-err" "$probe_results/$probe_step-err"
  probe_status="${{probe_status}}step $probe_step $probe_code $probe_took
"
}}

# probe_copy FILE COPY: the beginning of a plain file. A pipe in its place would never end.
probe_copy() {{
  rm -rf "$2"
  if [ -f "$1" ] && [ ! -L "$1" ]; then head -c {OUTPUT + 1} "$1" >"$2"; fi
}}

# probe_file STEP NUMBER PATH: what the step left at a path.
probe_file() {{
  [ -z "$probe_over" ] || return 0
  probe_state=other
  if [ -f "$3" ] && [ ! -L "$3" ]; then
    if probe_copy "$3" "$probe_results/$1-file-$2"; then probe_state=file; fi
  elif [ ! -e "$3" ] && [ ! -L "$3" ]; then
    probe_state=absent
  fi
  probe_status="${{probe_status}}file $1 $2 $probe_state
"
}}
"""


@dataclass(frozen=True, slots=True)
class LeftFile:
    """What a command left at a path: a plain file with this content, nothing, or anything else."""

    state: Literal["file", "absent", "other"]
    content: bytes = b""
    """Its first `OUTPUT` bytes, and a further one where it is longer."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came of one command. Everything in it is a stranger's (R7)."""

    exit_status: int
    timed_out: bool
    stdout: bytes
    stderr: bytes
    """Both as `LeftFile.content`."""
    files: Mapping[str, LeftFile]
    """By the paths that the plan expects something of."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What came of a probe: a result for each step that was carried out, in order."""

    steps: tuple[StepResult, ...]
    laid: bool = True
    """Whether its files could be written."""


def files_for(probe: Probe, number: int) -> dict[str, bytes]:
    """The files that `shell` needs: path below the folder of the gate's script → content."""
    command, folder = _command(probe), f"probes/{number}"
    files = {f"{folder}/files/{path}": text.encode() for path, text in command.files}
    files |= {f"{folder}/{at}-stdin": step.stdin.encode() for at, step in enumerate(command.steps, start=1)}
    return {f"{folder}/probe.sh": _script(command, number).encode(), **files}


def shell(probe: Probe, number: int) -> str:
    """A line of POSIX shell that carries the probe out in the current folder, a fresh copy of its project's.

    `number` tells the probes of a plan apart: the place in `ProbePlan.commands`, from 1. The script around it lies in
    the folder that `files_for` is relative to. It provides the variable `out`, a folder; the function `reap`, which
    ends all processes but itself; and `frame NAME FILE`, which shows a file. Names begin with `probe-<number>-`.
    """
    _command(probe)
    return f'. "${{0%/*}}/probes/{number}/probe.sh"'


def _script(command: Command, number: int) -> str:
    lines = [
        _FUNCTIONS,
        f"probe=${{0%/*}}/probes/{number} probe_results=$out/probe-{number} probe_status='' probe_over=''",
        'rm -rf "$probe_results"',
        'mkdir -p "$probe_results" || probe_over=yes',
    ]
    if command.files:
        lines.append('cp -R "$probe/files/." . || { probe_over=yes; probe_status="unlaid\n"; }')
    for at, step in enumerate(command.steps, start=1):
        lines.append(f"probe_run {at} {step.timeout_seconds} {shlex.join(step.argv)}")
        for place, file in enumerate(step.files, start=1):
            lines.append(f"probe_file {at} {place} {shlex.quote(f'./{file.path}')}")
    lines += [
        'rm -rf "$probe_results/status"',
        'printf %s "$probe_status" >"$probe_results/status"',
        *(f'frame probe-{number}-{name} "$probe_results/{name}"' for name in _shown_files(command)),
    ]
    return "\n".join(lines) + "\n"


def _shown_files(command: Command) -> Iterator[str]:
    yield "status"
    for at, step in enumerate(command.steps, start=1):
        yield from (f"{at}-out", f"{at}-err")
        yield from (f"{at}-file-{place}" for place, _ in enumerate(step.files, start=1))


def results(frames: Mapping[str, bytes], plan: ProbePlan) -> dict[str, CommandResult | None]:
    """What came of each command of the plan, by the probe's name; None where it was not carried out.

    `frames`: what the shell showed on one variant of the tree, by name.
    """
    commands = plan.commands("0" * 40)
    return {probe.name: _result(_command(probe), number, frames) for number, probe in enumerate(commands, start=1)}


def _result(command: Command, number: int, frames: Mapping[str, bytes]) -> CommandResult | None:
    lines = frames.get(f"probe-{number}-status", b"").decode("ascii", "replace").splitlines()
    if lines == ["unlaid"]:
        return CommandResult((), laid=False)
    ended = {int(match[1]): match for line in lines if (match := _STATUS.fullmatch(line))}
    states = {(match[1], match[2]): match[3] for line in lines if (match := _FILE.fullmatch(line))}
    steps = []
    for at, step in enumerate(command.steps, start=1):
        if at not in ended:
            break
        code, seconds = int(ended[at][2]), int(ended[at][3])
        files = {
            file.path: LeftFile(
                states.get((str(at), str(place)), "other"),  # type: ignore[arg-type]
                frames.get(f"probe-{number}-{at}-file-{place}", b""),
            )
            for place, file in enumerate(step.files, start=1)
        }
        steps.append(
            StepResult(
                code,
                code >= _KILLED and seconds >= step.timeout_seconds,
                frames.get(f"probe-{number}-{at}-out", b""),
                frames.get(f"probe-{number}-{at}-err", b""),
                files,
            )
        )
    return CommandResult(tuple(steps)) if steps else None


def judge(probe: Probe, result: CommandResult | None) -> ProbeProof:
    """What a probe of a command brought; None: it was not carried out."""
    command = _command(probe)
    bare = ProbeProof(probe.name, probe.kind, safe(_asked(command)), 0, "", "", ())
    if result is None or not result.laid:
        why = "it was not carried out" if result is None else "its files could not be written into the tree"
        return ProbeProof(bare.name, bare.kind, bare.asked, 0, "", why, ())
    checks: list[ProbeCheck] = []
    shown = []
    for at, step in enumerate(command.steps, start=1):
        done = result.steps[at - 1] if at <= len(result.steps) else None
        prefix = f"step {at}: " if len(command.steps) > 1 else ""
        checks += [
            ProbeCheck(f"{prefix}{check.what}", check.expected, check.got, check.ok) for check in _checks(step, done)
        ]
        if done is not None:
            shown.append(f"{prefix}{_shown(step, done)}")
    return ProbeProof(bare.name, bare.kind, bare.asked, 1, safe("\n".join(shown)), "", tuple(checks))


def _checks(step: CommandStep, done: StepResult | None) -> Iterator[ProbeCheck]:
    wanted = " or ".join(map(str, step.exit_status))
    unseen = "" if done else "not carried out"
    if done and done.timed_out:
        unseen = f"no end within {step.timeout_seconds} s"
    got = unseen or str(done.exit_status if done else "")
    ok = done is not None and not unseen and done.exit_status in step.exit_status
    yield ProbeCheck("exit status", wanted, got, ok)
    for name, expect, content in (
        ("stdout", step.stdout, done.stdout if done else b""),
        ("stderr", step.stderr, done.stderr if done else b""),
    ):
        yield from judging.text(name, expect, content[:OUTPUT], unseen, _cut(content))
    for file in step.files:
        yield from _of_file(file, done.files.get(file.path) if done else None, unseen)


def _of_file(file: FileExpectation, left: LeftFile | None, unseen: str) -> Iterator[ProbeCheck]:
    name = f"file {safe(file.path)}"
    states = {"file": "a file", "absent": "there is none", "other": "no plain file"}
    state = left.state if left else "other"
    if file.absent:
        yield ProbeCheck(name, "none", unseen or states[state], not unseen and state == "absent")
        return
    content = left.content if left else b""
    unseen = unseen or ("" if state == "file" else states[state])
    yield from judging.text(name, file.text, content[:OUTPUT], unseen, _cut(content))


def _cut(content: bytes) -> str:
    return "a text longer than what is read" if len(content) > OUTPUT else ""


def _asked(command: Command) -> str:
    lines = [f"in {command.project}:"] if command.project else []
    lines += [f"with the file {path}, {len(text.encode())} bytes" for path, text in command.files]
    for step in command.steps:
        given = f"  (stdin: {len(step.stdin.encode())} bytes)" if step.stdin else ""
        lines.append(f"$ {shlex.join(step.argv)}{given}")
    return "\n".join(lines)


def _shown(step: CommandStep, done: StepResult) -> str:
    ended = f"no end within {step.timeout_seconds} s" if done.timed_out else f"exit status {done.exit_status}"
    texts = [("stdout", done.stdout), ("stderr", done.stderr)]
    texts += [(f"file {path}", file.content) for path, file in done.files.items() if file.state == "file"]
    parts = [ended]
    for name, content in texts:
        if content:
            read = f"\n(only its first {OUTPUT} bytes were read)" if _cut(content) else ""
            parts.append(f"{name}:\n{safe(content[:OUTPUT].decode('utf-8', 'backslashreplace'), SHOWN)}{read}")
    return "\n".join(parts)


def folder(probe: Probe, projects: Collection[str]) -> str | None:
    """The folder of the project that the probe runs in, among those of the environment; None if there is none such.

    A plan that names none means the repository's root, or else the only project.
    """
    named = _command(probe).project
    if named is not None:
        return named if named in projects else None
    if "" in projects:
        return ""
    return next(iter(projects)) if len(projects) == 1 else None


def _command(probe: Probe) -> Command:
    if not isinstance(probe.look, Command):
        raise TypeError(f"probe {probe.name}: expected one of a command, got one of kind {probe.kind}")
    return probe.look
