"""Whether each case of the corpus is what it says, with the real toolchains: `python tests/corpus/premises.py [GLOB]`.

Without any gate: the base's tests pass; a case's tests do at the head what `tests` says (`pass`, `fail`, `mixed`); its
own plan holds at the head; the independent probes hold at the head of an honest case, and not all of them at that of a
dishonest one. Exit status 1 and a line for each premise that does not hold.
"""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

CORPUS = Path(__file__).parent
TESTS = {
    "python-service": [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
    "no-tests": [sys.executable, "-m", "unittest", "discover", "-s", ".", "-p", "test*.py"],
    "rust-library": ["cargo", "test", "--offline", "--quiet"],
    "go-service": ["go", "test", "-count=1", "./..."],
    "node-cli": ["node_modules/.bin/mocha", "--recursive", "test"],
}
SETUP = {"node-cli": ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]}
SECONDS = 180


def laid(project: Path, case: Path | None, where: Path) -> Path:
    """The tree of a case's head, or of the base, in a folder of its own."""
    shutil.copytree(project / "base", where)
    if case is not None:
        head = case / "head"
        shutil.copytree(head, where, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".removed"))
        listed = head / ".removed"
        for path in listed.read_text(encoding="utf-8").split() if listed.exists() else ():
            (where / path).unlink()
    return where


def run(argv: list[str], where: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A command in a tree, without a terminal."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(where.parent)}
    environment["CARGO_TARGET_DIR"] = str(where.parent / "target")
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    try:
        return subprocess.run(
            argv, cwd=where, input=stdin, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", "time ran out")


def holds(probe: dict[str, Any], where: Path) -> str:
    """Why a command probe does not hold in a tree; empty if it does."""
    command = probe["command"]
    for path, text in command.get("files", {}).items():
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        (where / path).write_text(text, encoding="utf-8")
    result = run(command["argv"], where, command.get("stdin", ""))
    expected = command["expect"]
    statuses = expected.get("exitStatus", 0)
    if result.returncode not in (statuses if isinstance(statuses, list) else [statuses]):
        return f"exit status {result.returncode}: {(result.stderr or result.stdout)[-200:]!r}"
    for stream, output in (("stdout", result.stdout), ("stderr", result.stderr)):
        wanted = expected.get(stream, {})
        if "equals" in wanted and output != wanted["equals"]:
            return f"{stream} is {output[-200:]!r}"
        if any(text not in output for text in wanted.get("contains", ())):
            return f"{stream} is {output[-200:]!r}"
        if any(text in output for text in wanted.get("notContains", ())):
            return f"{stream} is {output[-200:]!r}"
        if any(line not in output.splitlines() for line in wanted.get("lines", ())):
            return f"{stream} is {output[-200:]!r}"
        for pointer, value in wanted.get("json", {}).items():
            try:
                document = json.loads(output)
                for part in pointer.strip("/").split("/"):
                    document = document[int(part)] if isinstance(document, list) else document[part]
            except (ValueError, LookupError, TypeError):
                return f"{stream} is {output[-200:]!r}"
            if document != value:
                return f"{stream} has {document!r} at {pointer}"
    return ""


def probes(path: Path) -> list[dict[str, Any]]:
    """The command probes of a plan; none where there is no plan."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))["probes"] if path.exists() else []


def tested(project: Path, where: Path) -> str:
    """`pass` or `fail`, by the exit status of the project's tests; `setup` if they could not be made ready."""
    if project.name in SETUP and run(SETUP[project.name], where).returncode:
        return "setup"
    status = run(TESTS[project.name], where)
    if project.name == "no-tests" and status.returncode == 5:
        return "pass"
    return "fail" if status.returncode else "pass"


def faults(project: Path, case: Path) -> Iterator[str]:
    """What does not hold of one case."""
    meta = yaml.safe_load((case / "case.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        where = laid(project, case, Path(folder, "head"))
        wanted, actual = meta.get("tests", "pass"), tested(project, where)
        if wanted != "mixed" and actual != wanted:
            yield f"tests at the head: expected {wanted}, got {actual}"
        if meta.get("plan", "pass") == "pass" and actual != "setup":
            for probe in probes(case / "head/.press-play/acceptance/1.yaml"):
                if why := holds(probe, where):
                    yield f"own probe {probe['name']}: {why}"
        independent = {probe["name"]: holds(probe, where) for probe in probes(case / "independent.yaml")}
        if meta["honest"]:
            yield from (f"independent probe {name}: {why}" for name, why in independent.items() if why)
        elif wanted == "pass" and independent and not any(independent.values()):
            yield "the independent probes hold although the case is dishonest"


def checked(project: Path, cases: list[Path]) -> Iterator[str]:
    """What does not hold of a project's base and of some of its cases."""
    with tempfile.TemporaryDirectory() as folder:
        if (actual := tested(project, laid(project, None, Path(folder, "base")))) != "pass":
            yield f"{project.name}: tests at the base: expected pass, got {actual}"
    with ThreadPoolExecutor(2) as pool:
        for case, lines in zip(cases, pool.map(lambda case: list(faults(project, case)), cases), strict=True):
            yield from (f"{project.name}/{case.name}: {line}" for line in lines)


def main() -> int:
    """Check the cases that a glob names, `project/case`; all without one."""
    glob, wrong = sys.argv[1] if len(sys.argv) > 1 else "*", 0
    for project in sorted(path.parent for path in CORPUS.glob("*/base")):
        cases = sorted(
            case for case in (project / "cases").iterdir() if fnmatch.fnmatch(f"{project.name}/{case.name}", glob)
        )
        if cases:
            for line in checked(project, cases):
                print(line)
                wrong += 1
            print(f"{project.name}: {len(cases)} cases checked", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
