"""The script that a tests gate's container runs: the tests on one variant of the tree after another.

It is POSIX shell, since all that an image must have is a shell, a few small programs and the project's tools. `frames`
reads what it prints: marks with a word that is drawn for each job, and files in base64. After a run it ends every
process that the run left, where it is the first process of its container, and shows files only then. A test that prints
marks of its own makes marks that are out of order, and the whole log is refused.

Fetched packages and caches stay from run to run in one tree a side: the base's, and the head's where its manifests
differ. All else is copied again from the checkout, which the container can't write to.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pressplay.gates.proving import services
from pressplay.gates.proving.model import Project

BROKEN, DONE = 9, 0
"""Exit statuses: no copy could be made, a program is missing; the script came to its end, whatever it saw."""
LARGEST_FRAME = 4_000_000
"""Bytes of a file that are printed, before they are packed."""
LOG_TAIL = 20_000
"""Bytes of a run's output that are printed where a file has the results."""
_NOISE = r"""-e '"Action":"pause"' -e '"Action":"cont"' -e '"Output":"=== ' -e '"Output":" *--- PASS'"""
"""Of Go's events, those that only repeat others: most of what thousands of subtests print."""

_HEAD = f"""\
# Written by Press Play for its tests gate. Exit status: {DONE}: it came to its end, and its output has what it saw;
# {BROKEN}: no copy was made, or a program is missing.
set -u
mark=%(mark)s
source=$GATE_SOURCE work=$GATE_WORK given=${{0%%/*}}/home variants=${{0%%/*}}/variants
out=$work/out began=$(date +%%s)
temporary=${{GATE_TMP-}}
# A program could do for a gate what it does for nobody else.
unset GATE_SOURCE GATE_WORK GATE_TMP
for program in cp mv rm head tail base64 touch find date; do command -v "$program" >/dev/null || exit {BROKEN}; done
mkdir -p "$out" "$HOME" "$TMPDIR" || exit {BROKEN}
if [ -d "$given" ]; then cp -a "$given/." "$HOME/" || exit {BROKEN}; fi
if command -v gzip >/dev/null; then pack="gzip -c" packed=gzip; else pack=cat packed=plain; fi
laid='' before='' newer=-newer served=0
# A run can set when a file was written, but not when it was last changed.
if find "$0" -cnewer "$0" >/dev/null 2>&1; then newer=-cnewer; fi

# Ends what a run left behind. Without a process table of its own, the container's processes can't be told from others.
reap() {{ if [ $$ -eq 1 ]; then kill -9 -1 2>/dev/null; fi; }}

say() {{ printf '\\n%%s %%s\\n' "$mark" "$*"; }}

frame() {{
  say "frame $1 $packed"
  if [ -f "$2" ] && [ ! -L "$2" ]; then head -c {LARGEST_FRAME} "$2" | $pack | base64; fi
  say "done $1"
}}

limited() {{
  seconds=$1
  shift
  if command -v timeout >/dev/null; then timeout -k 5 "$seconds" "$@"; else "$@"; fi
}}

# What a run could leave for the next where no project keeps anything.
sweep() {{
  if ! rm -rf "$TMPDIR" 2>/dev/null; then chmod -R u+rwX "$TMPDIR" 2>/dev/null; rm -rf "$TMPDIR" || exit {BROKEN}; fi
  mkdir -p "$TMPDIR" || exit {BROKEN}
  if [ -n "$temporary" ]; then
    [ -d "$temporary" ] || mkdir -p "$temporary" || exit {BROKEN}
    if ! emptied; then chmod -R u+rwX "$temporary" 2>/dev/null; emptied || exit {BROKEN}; fi
  fi
}}

emptied() {{ find "$temporary" -mindepth 1 -maxdepth 1 -exec rm -rf {{}} + 2>/dev/null; }}

# lay TREE VARIANT: TREE gets the variant's files; packages and caches stay.
lay() {{
  tree=$work/$1
  sweep
  rm -rf "$work/next" && mkdir -p "$work/next" "$tree" && cp -a "$source/." "$work/next/" || exit {BROKEN}
  # A process that the run left could hold a file open, but not this.
  cd "$work/next" || exit {BROKEN}
  . "$variants/$2/remove.sh"
  if [ -d "$variants/$2/files" ]; then cp -a "$variants/$2/files/." "$work/next/" || exit {BROKEN}; fi
  # Compilers that go by time must see what differs from the last variant, however often this one is laid.
  if [ "$laid" != "$2" ]; then before=$laid && touch "$work/changed" || exit {BROKEN}; fi
  if [ -n "$before" ]; then . "$variants/$before/touch.sh"; fi
  . "$variants/$2/touch.sh"
  for kept in $keep; do
    if [ -e "$tree/$kept" ] && [ ! -L "$tree/$kept" ]; then
      rm -rf "$work/next/$kept" && mkdir -p "$work/next/${{kept%%/*}}" 2>/dev/null
      rm -rf "$work/next/$kept" && mv "$tree/$kept" "$work/next/$kept" || exit {BROKEN}
    fi
  done
  cd "$work" && rm -rf "$tree" && mv "$work/next" "$tree" || exit {BROKEN}
  laid=$2
}}

# command STEP SECONDS FOLDER LINE: the line's exit status, and its output in $out/log.
command_in() {{
  rm -rf "$out" && mkdir -p "$out" || exit {BROKEN}
  say "begin $1"
  started=$(date +%%s) code=0
  if cd "$tree/$3"; then
    limited "$2" sh -c "$4" </dev/null >"$out/log" 2>&1 || code=$?
  else
    code=125
  fi
  cd "$work" || exit {BROKEN}
  reap
  say "ended $1 $code $(($(date +%%s) - started))"
}}

# prepare STEP SECONDS FOLDER LINE: a command of setup or build; its output is shown where it fails.
prepare() {{
  [ "$ready" -eq 0 ] || return 0
  command_in "$1" "$2" "$3" "$4"
  if [ "$code" -ne 0 ]; then
    tail -c {LOG_TAIL} "$out/log" >"$out/end"
    frame log "$out/end"
    ready=1
  fi
}}

# tests STEP SECONDS FOLDER LINE WHERE: the tests; results are in a report (file), Go's events, or the output (none).
tests() {{
  [ "$ready" -eq 0 ] && [ "$served" -eq 0 ] || return 0
  REPORT=$out/report
  export REPORT
  command_in "$1" "$2" "$3" "$4"
  unset REPORT
  if [ "$5" = file ]; then
    frame report "$out/report"
    tail -c {LOG_TAIL} "$out/log" >"$out/end"
    frame log "$out/end"
  elif [ "$5" = events ] && grep -v {_NOISE} "$out/log" >"$out/end" 2>/dev/null; then
    frame log "$out/end"
  else
    frame log "$out/log"
  fi
  changed=
  for kept in $packages; do
    if [ -d "$tree/$kept" ] && [ -f "$work/stamp" ]; then
      changed=$changed$(find "$tree/$kept" -type f $newer "$work/stamp" ! -path '*/.cache/*' ! -path '*/.vite*' \\
        ! -name '*.pyc' ! -name '.package-lock.json' 2>/dev/null | head -n 3)
    fi
  done
  if [ -n "$changed" ]; then say "tampered $1"; fi
}}

# A budget for what only adds to the proof.
spent() {{ [ $(($(date +%%s) - began)) -ge "$1" ]; }}

"""


@dataclass(frozen=True)
class ProjectScript:
    """What of a job one project's part of the script needs."""

    number: int
    project: Project
    trees: Mapping[str, str]
    """Variant's id → its tree, `base` or `head`."""
    schedule: Sequence[tuple[str, int]]
    """Each run of each variant (from 1), in the order in which they are carried out."""
    probes: Mapping[str, str]
    """Step of a probe → the shell that carries it out, in the project's folder, with frames of its own."""
    probed: frozenset[str] = frozenset()
    """The variants on which probes are carried out."""
    decisive: frozenset[str] = frozenset()
    """The variants without whose services nothing is decided: all but controls."""
    optional: frozenset[str] = frozenset()
    """The variants that are left out once `budget` seconds have passed."""
    budget: int = 0


def script(mark: str, projects: Iterable[ProjectScript]) -> str:
    """The whole script. `mark` begins each line that `frames` reads."""
    listed = list(projects)
    parts = [_HEAD % {"mark": shlex.quote(mark)}]
    if any(part.project.services for part in listed):
        parts.append(services.FUNCTIONS)
    for part in listed:
        parts += _project(part)
    parts.append("say end\nexit 0\n")
    return "\n".join(parts)


def _project(part: ProjectScript) -> list[str]:
    project, at = part.project, f"p{part.number}"
    folders = [_below(project.folder, kept) for kept in (*project.packages, *project.caches)]
    kept = " ".join(map(shlex.quote, folders))
    packages = " ".join(shlex.quote(_below(project.folder, folder)) for folder in project.packages)
    lines = [f"# {at}", f"keep={shlex.quote(kept)} packages={shlex.quote(packages)} laid='' before=''"]
    seconds = project.minutes * 60
    prepared: set[str] = set()
    for variant, run in part.schedule:
        tree = part.trees[variant]
        step = f"{at}.{variant}"
        body = [f"lay {tree}-{at} {at}/{variant}", "ready=0"]
        if tree not in prepared:
            prepared.add(tree)
            body += _prepared(project, step, "setup", project.setup)
            body.append(f'touch "$work/stamp"; failed_{tree}=$ready')
        else:
            body.append(f"ready=$failed_{tree}")
        body += _built(project, f"{step}.{run}")
        if project.test:
            tests = _call("tests", f"{step}.{run}", seconds, project.folder, project.test, _where(project))
            body += _beside(part, variant, f"{step}.{run}", [tests])
        if variant in part.probed:
            body += _probes(part, f"{step}.{run}", tree, variant)
        if variant in part.optional:
            body = [f"if spent {part.budget}; then say {shlex.quote(f'skip {step}')}; else", *body, "fi"]
        lines += body
    return lines


def _probes(part: ProjectScript, step: str, tree: str, variant: str) -> list[str]:
    """Each probe, in files that no test and no other probe has changed."""
    lines = []
    at, folder = f"p{part.number}", shlex.quote(part.project.folder or ".")
    for name, fragment in part.probes.items():
        probe = [
            'rm -rf "$out" && mkdir -p "$out"',
            f"say {shlex.quote(f'begin {step}.{name}')}",
            f'if cd "$tree"/{folder}; then',
            fragment,
            "fi",
            'cd "$work"',
            "reap",
            f"say {shlex.quote(f'ended {step}.{name} 0 0')}",
        ]
        lines += [
            'if [ "$ready" -eq 0 ]; then',
            f"lay {tree}-{at} {at}/{variant}",
            *_built(part.project, f"{step}.{name}"),
            *_beside(part, variant, f"{step}.{name}", probe),
            "fi",
        ]
    return lines


def _beside(part: ProjectScript, variant: str, step: str, lines: Sequence[str]) -> list[str]:
    """The lines of a step between the beginning and the end of the services that it needs, if it needs some."""
    if not part.project.services:
        return list(lines)
    need = ["need_services"] if variant in part.decisive else []
    begin, end = (act(step, part.number, part.project) for act in (services.serve, services.rest))
    return [begin, *need, 'if [ "$served" -eq 0 ]; then', *lines, "fi", end, *need]


def _built(project: Project, step: str) -> list[str]:
    return _prepared(project, step, "build", project.build)


def _prepared(project: Project, step: str, what: str, commands: Iterable[str]) -> list[str]:
    return [
        _call("prepare", f"{step}.{what}-{number}", project.minutes * 60, project.folder, line)
        for number, line in enumerate(commands, start=1)
    ]


def _call(function: str, *words: object) -> str:
    return " ".join([function, *(shlex.quote(str(word)) for word in words)])


def _where(project: Project) -> str:
    return {"junit": "file", "jest-json": "file", "go-json": "events"}.get(project.report, "none")


def _below(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder else path


def removal(paths: Iterable[str]) -> str:
    """The script that takes files out of a tree, run in its root."""
    return _batched("rm -rf --", paths)


def touches(paths: Iterable[str]) -> str:
    """The script that makes files as new as the variant is, run in a tree's root; `work` is the shell's variable."""
    return _batched('touch -c -r "$work/changed" --', paths, " 2>/dev/null")


_AT_ONCE = 100
"""Paths of a command: far from what it may hold. A process for each would cost as much as a small run of tests."""


def _batched(command: str, paths: Iterable[str], end: str = "") -> str:
    quoted = [shlex.quote(f"./{path}") for path in sorted(paths)]
    batches = [quoted[at : at + _AT_ONCE] for at in range(0, len(quoted), _AT_ONCE)]
    return "".join(f"{command} {' '.join(batch)}{end}\n" for batch in batches)
