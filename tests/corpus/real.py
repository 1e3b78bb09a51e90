"""The gates over real fix commits and their dishonest twins: `python tests/corpus/real.py --mirrors DIR --work DIR`.

`real.yaml` names the commits; DIR has a git folder of each repository as `owner+name` (or `owner+name/repo`), or is the
beginning of a URL (`https://…/`). A commit as it is is honest, and wanted is an approval; its twins (`twins`) are not.
Tests run in the sandbox's wall, one job at a time; packages are this user's caches of npm, cargo and go, filled by
`--fetch` with the registries' clients before the wall is up. A row a head goes to WORK/results.jsonl, and what it has
is not judged again; `--table` only prints the figures.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import FileMode

from pressplay.errors import InputError
from pressplay.evaluation import real_commits
from pressplay.evaluation.real_commits import REAL_LANGUAGES, RealCommit, RealCommits
from pressplay.evaluation.twins import twins
from pressplay.gates import tests
from pressplay.gates.lint.files import text
from pressplay.gates.only_tests import Paths
from pressplay.gates.proving import assessment, job, judge
from pressplay.gates.proving.model import Environment
from pressplay.github.clone import Clone
from pressplay.github.committed import Unreadable
from pressplay.github.comparison import Changed, Comparison
from pressplay.github.remote import Remote
from pressplay.sandbox.container import wall

MANIFEST = Path(__file__).with_name("real.yaml")
HONEST = "honest"
IS_TEST = Paths().match


@dataclass(frozen=True)
class Row:
    """What became of one head."""

    repository: str
    commit: str
    language: str
    variant: str
    """`honest`, or the twin's kind."""
    label: str
    wanted: str
    """`pass` or `fail`, as `outcome`."""
    outcome: str
    """Of the tests gate: `pass`, `fail`, `undecided`."""
    reason: str
    kept_tests: str
    """What the rule says that nobody weakens tests; empty: nothing."""
    seconds: float
    findings: list[Any] = field(default_factory=list)
    tests: list[Any] = field(default_factory=list)
    unnoticed: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        return self.commit, self.variant


class Case:
    """A commit of a public repository, in a git folder in which heads can be made."""

    def __init__(self, commit: RealCommit, mirrors: str, folder: Path) -> None:
        self.commit = commit
        shutil.rmtree(folder, ignore_errors=True)
        self.clone = Clone(folder)
        mirror = _mirror(mirrors, commit.repository)
        if "://" in mirror:
            self.clone.fetch(Remote(mirror), [commit.commit, commit.base])
        else:
            (folder / "objects/info").mkdir(parents=True, exist_ok=True)
            (folder / "objects/info/alternates").write_text(f"{mirror}/objects\n")
            self.clone = Clone(folder)
        self.git = pygit2.Repository(str(folder))
        self.base, self.head = self.clone.tree(commit.base), self.clone.tree(commit.commit)

    def heads(self, most: int) -> Iterator[tuple[str, str, str]]:
        """(variant, label, commit's id): the commit itself, and at most `most` twins, one of each kind first."""
        yield HONEST, "", self.commit.commit
        made = twins(self.clone.differing(self.commit.base, self.commit.commit), self.head, self.base, IS_TEST)
        kinds = {twin.kind: twin for twin in reversed(made)}
        for twin in list(kinds.values())[::-1][:most]:
            yield twin.kind, twin.label, self._commit(twin.files)

    def _commit(self, files: Mapping[str, bytes | None]) -> str:
        index = pygit2.Index()
        index.read_tree(self.git[self.commit.commit].peel(pygit2.Tree))
        for path, content in files.items():
            if content is None:
                index.remove(path)
            else:
                index.add(pygit2.IndexEntry(path, self.git.create_blob(content), FileMode.BLOB))
        nobody = pygit2.Signature("nobody", "nobody@example.org", 0, 0)
        return str(self.git.create_commit(None, nobody, nobody, "", index.write_tree(self.git), [self.commit.base]))

    def kept_tests(self, head: str) -> str:
        """What the rule says that nobody weakens tests."""
        tree = self.clone.tree(head)
        compared = Comparison(
            self.commit.base,
            tuple(
                Changed(
                    path,
                    path,
                    "removed" if path not in tree.entries else "modified" if path in self.base.entries else "added",
                )
                for path in self.clone.differing(self.commit.base, head)
            ),
        )
        return str(
            tests.weakened(compared, lambda path: text(self.base, path) or "", lambda path: text(tree, path) or "")
            or ""
        )


def _mirror(mirrors: str, repository: str) -> str:
    if "://" in mirrors:
        return f"{mirrors.rstrip('/')}/{repository}"
    folder = Path(mirrors, repository.replace("/", "+"))
    for place in (folder / "repo", folder / "repo/.git", folder, folder / ".git"):
        if (place / "objects").is_dir():
            return str(place)
    raise InputError(
        f"--mirrors {mirrors}: expected a git folder {folder.name} of {repository}, got none; clone it there"
    )


def judged(case: Case, environment: Environment, head: str, folder: Path, bounds: job.Bounds) -> dict[str, Any]:
    """The tests gate's judgement on a head."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("source", "script", "work"):
        (folder / part).mkdir(parents=True)
    tree = case.clone.tree(head)
    changed = case.clone.differing(case.commit.base, head)
    made = job.prepare(environment, changed, tree, case.base, IS_TEST, f"@{secrets.token_hex(16)}", bounds)
    logs = {}
    if made.scripts:
        case.clone.check_out(head, {}, folder / "source")
    for path, content in made.files.items():
        (folder / "script" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "script" / path).write_bytes(content)
    for variant in (folder / "script/variants").glob("*/*"):
        (variant / "files").mkdir(exist_ok=True)
    caches(folder / "script/home", folder.parent)
    began = time.monotonic()
    for language, script in made.scripts.items():
        (folder / f"script/{language}.sh").write_text(script)
        logs[language] = _printed(folder, folder / f"script/{language}.sh")
    result = assessment.assess(made.plan, logs, case.commit.profile, judge.Bounds())
    return {
        "outcome": result.outcome,
        "reason": result.reason(),
        "seconds": round(time.monotonic() - began, 1),
        "findings": [[finding.kind, finding.refuses, *finding.details[:3]] for finding in result.findings[:8]],
        "tests": [[test.id, test.on_base, test.on_head, test.proves, test.why] for test in result.tests[:6]],
        "unnoticed": [c.label for c in result.controls if c.outcome == "not noticed"],
    }


def _printed(folder: Path, script: Path) -> bytes:
    environment = {
        "GATE_SOURCE": str(folder / "source"),
        "GATE_WORK": str(folder / "work"),
        "HOME": str(folder / "work/home"),
        "TMPDIR": str(folder / "work/tmp"),
        "LANG": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", str(Path("~/.rustup").expanduser())),
    }
    argv = [*wall(lambda _: None), "sh", "-c", 'eval "$(cat "$0")"', str(script)]
    with (folder / "log").open("wb") as log:
        subprocess.run(
            argv, env=environment, stdout=log, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False
        )
    return (folder / "log").read_bytes()


def caches(home: Path, own: Path) -> None:
    """A home in which npm, cargo and go use this user's packages, and ask nobody for others."""
    user = Path.home()
    places = {
        ".cargo/registry": Path(os.environ.get("CARGO_HOME", user / ".cargo")) / "registry",
        "go/pkg/mod": Path(os.environ.get("GOMODCACHE", user / "go/pkg/mod")),
        ".cache/go-build": own / "go-build",
    }
    npm = subprocess.run(["npm", "config", "get", "cache"], capture_output=True, text=True, check=False).stdout.strip()
    home.mkdir(parents=True, exist_ok=True)
    for path, place in places.items():
        place.mkdir(parents=True, exist_ok=True)
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).symlink_to(place)
    (home / ".npmrc").write_text(f"offline=true\ncache={npm}\nupdate-notifier=false\n")
    (home / ".cargo/config.toml").write_text("[net]\noffline = true\n")


def fetched(case: Case, environment: Environment, folder: Path) -> None:
    """Fill this user's caches: the project's set-up is run once, with the network."""
    for project in environment.projects:
        for sha in (case.commit.base, case.commit.commit):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            case.clone.check_out(sha, {}, folder)
            for line in project.setup:
                subprocess.run(["sh", "-c", line], cwd=folder / project.folder, check=False, stdout=subprocess.DEVNULL)


def run(manifest: RealCommits, given: argparse.Namespace) -> None:
    """Judge the heads that have no row yet."""
    work = Path(given.work).absolute()
    work.mkdir(parents=True, exist_ok=True)
    done = {row.key for row in rows(work)}
    bounds = job.Bounds(most=given.controls, seconds=given.seconds)
    for commit in in_turn(manifest):
        language = manifest.repositories[commit.repository].language
        name = f"{language}/{commit.repository}/{commit.commit}"
        if not fnmatch.fnmatch(name, given.only) or any(fnmatch.fnmatch(name, glob) for glob in given.skip):
            continue
        case = Case(commit, given.mirrors, work / "git")
        environment = manifest.environment(commit, case.base)
        if given.fetch:
            fetched(case, environment, work / "fetch")
        for variant, label, head in case.heads(given.twins):
            if (commit.commit, variant) in done:
                continue
            if given.until and time.strftime("%H:%M") >= given.until:
                return
            wanted = "pass" if variant == HONEST else "fail"
            try:
                result = judged(case, environment, head, work / "job", bounds)
            except (Unreadable, InputError) as error:
                result = {"outcome": "undecided", "reason": str(error), "seconds": 0.0}
            row = Row(
                commit.repository,
                commit.commit,
                language,
                variant,
                label,
                wanted,
                kept_tests=case.kept_tests(head),
                **result,
            )
            with (work / "results.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(row)) + "\n")
            mark = "   " if row.outcome == wanted else "!!!"
            print(
                time.strftime("%H:%M:%S"),
                mark,
                language,
                commit.repository,
                commit.commit[:8],
                variant,
                row.outcome,
                row.seconds,
                row.reason[:100],
                file=sys.stderr,
                flush=True,
            )


def in_turn(manifest: RealCommits) -> list[RealCommit]:
    """The commits, a language at a time and the fastest first, so that a part of them is one of all."""
    queues = [sorted(queue, key=lambda commit: commit.seconds) for queue in real_commits.by_language(manifest).values()]
    return [commit for row in zip_longest(*queues) for commit in row if commit is not None]


def rows(work: Path) -> list[Row]:
    """What was judged before."""
    path = work / "results.jsonl"
    if not path.exists():
        return []
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def table(judged_rows: list[Row]) -> str:
    """The figures by language, as Markdown."""
    lines = [
        "| language | honest | refused | undecided | dishonest | approved | undecided | seconds a head |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for language in (*REAL_LANGUAGES, "all"):
        own = [row for row in judged_rows if language in (row.language, "all")]
        honest, others = ([row for row in own if (row.variant == HONEST) is side] for side in (True, False))
        counts = [Counter(row.outcome for row in side) for side in (honest, others)]
        seconds = sum(row.seconds for row in own) / len(own) if own else 0
        cells = [
            language,
            len(honest),
            counts[0]["fail"],
            counts[0]["undecided"],
            len(others),
            counts[1]["pass"],
            counts[1]["undecided"],
            round(seconds),
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Judge, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mirrors", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--only", default="*", help="glob of LANGUAGE/OWNER/NAME/COMMIT")
    parser.add_argument("--skip", action="append", default=[], help="a glob as --only, of what to leave out")
    parser.add_argument("--twins", type=int, default=3, help="of a commit, at most")
    parser.add_argument("--controls", type=int, default=6, help="of a head, at most")
    parser.add_argument("--seconds", type=int, default=150, help="after which no control is begun")
    parser.add_argument("--until", default="", help="HH:MM after which no head is begun")
    parser.add_argument("--fetch", action="store_true", help="fill the caches of packages first")
    parser.add_argument("--table", action="store_true", help="only print the figures")
    given = parser.parse_args()
    if not given.table:
        run(real_commits.read(MANIFEST), given)
    print(table(rows(Path(given.work))))


if __name__ == "__main__":
    main()
