"""Prints the unit tests that a change touches, one file a line, for `make test-fast`.

A change is what differs from where the branch left `main`, committed or not. A test is touched that was changed itself,
or that imports a changed module. Nothing follows what modules import of one another: `make test` runs everything.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
SOURCES = "scripts/"


def changed(root: Path) -> list[str]:
    """The paths that differ from where the branch left `main`; on `main` itself, those not committed."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout

    base = git("merge-base", "HEAD", "main").strip()
    new = git("ls-files", "--others", "--exclude-standard")
    return [*git("diff", "--name-only", "--diff-filter=d", base).splitlines(), *new.splitlines()]


def imported(source: str) -> Iterator[str]:
    """The modules that a file may import, by their dotted names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def touched(paths: Sequence[str], root: Path) -> list[str]:
    """The unit tests that these changed paths touch, sorted."""
    sources = [PurePosixPath(path) for path in paths if path.startswith(SOURCES) and path.endswith(".py")]
    modules = {".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__") for path in sources}
    tests = {file.relative_to(root).as_posix(): file for file in (root / "tests" / "unit").rglob("test_*.py")}
    return sorted(
        name for name, file in tests.items() if name in paths or not modules.isdisjoint(imported(file.read_text()))
    )


if __name__ == "__main__":
    print("\n".join(touched(changed(ROOT), ROOT)))
