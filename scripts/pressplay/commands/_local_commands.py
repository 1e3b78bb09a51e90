"""Probes of commands on this machine: without the gate's walls, in copies of the checkout."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pressplay.errors import PressPlayError
from pressplay.gates.acceptance import command
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.probe_types import Command
from pressplay.gates.acceptance.proof import ProbeProof

_SCRIPT = """\
out=$1
frame() { if [ -f "$2" ] && [ ! -L "$2" ]; then cp "$2" "$out/frames/$1"; fi; }
# Nothing tells the processes of a probe from others here.
reap() { :; }
cd "$2" || exit 9
"""


def carry_out(plan: ProbePlan, commit: str, checkout: Path) -> list[ProbeProof]:
    """What the plan's commands bring in `checkout`, each in a copy of its own; nothing in `checkout` changes.

    Raises PressPlayError where there is no shell.
    """
    frames: dict[str, bytes] = {}
    probes = plan.commands(commit)
    for number, probe in enumerate(probes, start=1):
        with _copy(checkout) as tree, tempfile.TemporaryDirectory(prefix="pressplay-probe-") as made:
            scripts, out = Path(made, "script"), Path(made, "out")
            Path(out, "frames").mkdir(parents=True)
            for path, content in command.files_for(probe, number).items():
                where = scripts / path
                where.parent.mkdir(parents=True, exist_ok=True)
                where.write_bytes(content)
            script = scripts / "local.sh"
            script.write_text(f"{_SCRIPT}{command.shell(probe, number)}\n")
            _run(["sh", str(script), str(out), str(tree / _project(probe.look))])
            frames |= {file.name: file.read_bytes() for file in Path(out, "frames").iterdir()}
    results = command.results(frames, plan)
    return [command.judge(probe, results[probe.name]) for probe in probes]


def _project(look: object) -> str:
    return (look.project if isinstance(look, Command) else "") or ""


def _run(words: list[str]) -> None:
    try:
        subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
    except OSError as error:
        raise PressPlayError(f"probes of commands need a POSIX shell: {error.strerror}: {words[0]}") from error


@contextmanager
def _copy(checkout: Path) -> Iterator[Path]:
    """A copy of what Git knows in a checkout, or would take; folders that it ignores (packages) are links."""
    with tempfile.TemporaryDirectory(prefix="pressplay-tree-") as made:
        tree = Path(made, "tree")
        known = _listed(checkout, "--cached", "--others")
        if known is None:
            shutil.copytree(checkout, tree, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        else:
            tree.mkdir()
            for path in known:
                if (checkout / path).is_symlink() or (checkout / path).is_file():
                    (tree / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(checkout / path, tree / path, follow_symlinks=False)
            for path in _listed(checkout, "--others", "--ignored", "--directory") or ():
                if path.endswith("/") and not (tree / path).exists():
                    (tree / path).parent.mkdir(parents=True, exist_ok=True)
                    (tree / path.rstrip("/")).symlink_to((checkout / path).resolve(), target_is_directory=True)
        yield tree


def _listed(checkout: Path, *which: str) -> list[str] | None:
    """Paths of a checkout, as Git lists them; None where Git knows nothing of it."""
    words = ["git", "-C", str(checkout), "ls-files", "-z", "--exclude-standard", *which]
    try:
        done = subprocess.run(words, capture_output=True, check=False)
    except OSError:
        return None
    return (
        [path for path in done.stdout.decode(errors="surrogateescape").split("\0") if path]
        if not done.returncode
        else None
    )
