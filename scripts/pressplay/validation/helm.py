"""Helm, the program: located or built, and run. Only building and checking the chart needs it; playing does not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pressplay.errors import InputError, PressPlayError

RELEASE = "press-play"
NAMESPACE = "press-play"
"""The release and namespace of the committed render."""


def repository() -> Path:
    """The repository that the current folder is in, or that this package is installed from in place.

    Raises InputError if neither has the chart.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if (folder / "chart" / "Chart.yaml").is_file() and (folder / "schemas" / "values.schema.json").is_file():
            return folder
    raise InputError(f"{here}: expected the repository of Press Play (chart/, schemas/): change into a clone of it")


@cache
def program(root: Path) -> str:
    """The path of a helm, by the rule of tools/get: from PATH, else built once into .tools/bin.

    Raises InputError with the message of tools/get if there is none.
    """
    got = root / "tools" / "get"
    if not got.is_file():
        helm = shutil.which("helm")
        if helm is None:
            raise InputError("helm is not on PATH: install Helm 4")
        return helm
    # Its output while it builds goes to our own stderr: minutes without output look like a hang.
    made = subprocess.run([str(got), "helm"], stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        raise InputError(
            "tools/get helm failed (its messages are above): put a Helm 4 on PATH, or a go to build it with"
        )
    return made.stdout.strip()


def run(root: Path, *arguments: str) -> str:
    """Run helm with these arguments and return its stdout; PressPlayError with its message if it fails."""
    done = subprocess.run([program(root), *arguments], capture_output=True, text=True, check=False, cwd=root)
    if done.returncode:
        raise PressPlayError(f"helm {' '.join(arguments)}:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def template(
    root: Path,
    values: Sequence[Path] = (),
    *,
    repositories: Sequence[str] = (),
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> str:
    """The chart's manifests, rendered with these values files as Helm merges them, and these repositories listed too.

    Raises as `run`.
    """
    files = [argument for path in values for argument in ("--values", str(path.resolve()))]
    listed = ["--set-json", f"repositories={json.dumps({name: {} for name in repositories})}"] if repositories else []
    return run(root, "template", release, "chart", "--namespace", namespace, *files, *listed)
