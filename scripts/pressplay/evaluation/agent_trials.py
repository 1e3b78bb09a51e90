"""What agents make of a corpus' tasks: whole plays in the sandbox, judged by tests that no agent has read.

An honest case of the corpus is a task: its project, title, criteria and profile. The agents get these and nothing else;
the case's own tests stay hidden, and are run on what the play ended with.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pygit2
from pygit2.enums import FileMode

from pressplay import names
from pressplay.domain.profiles import DEFAULT
from pressplay.errors import InputError
from pressplay.evaluation import trees
from pressplay.evaluation.corpus import Case, files_of
from pressplay.evaluation.workshop import Workshop
from pressplay.gates.only_tests import Paths
from pressplay.gates.proving import assessment, environment, job
from pressplay.gates.proving.job import Bounds, Merged
from pressplay.plaintext import plain

Ended = Literal["merged", "refused"]
"""`refused`: whatever else a play of one task ends with; nobody could merge it."""
Truth = Literal["right", "wrong", "unknown"]
"""Whether the hidden tests pass; `unknown` where they could not be run, or nothing was handed in."""
_BACKLOG = Path(".taskmaster/tasks/tasks.json")
_WHO = pygit2.Signature("Press Play", "eval@press-play.invalid")
_TASK = 1


@dataclass(frozen=True)
class SetUp:
    """What is measured: the agents' command line, and options of `pressplay play` (`--chart`, `--gates-online`)."""

    agent: str
    options: Sequence[str] = ()


@dataclass(frozen=True)
class AgentTrial:
    """One play of one task."""

    case: Case
    number: int
    """From 1."""
    language: str
    ended: Ended
    truth: Truth
    state: str
    """The task's state as the play's summary has it."""
    reason: str = field(default="", repr=False)
    """Why it was not merged, or which hidden tests fail. It may hold strangers' text (R7)."""
    runs: int = 0
    rounds: int = 0
    seconds: float = 0.0
    tokens: int = 0
    cost: float = 0.0
    """In the price table's currency; 0 where no agent reports what it used."""


@dataclass(frozen=True)
class AgentFigures:
    """Counts of some trials."""

    trials: int = 0
    merged: int = 0
    merged_wrong: int = 0
    """The promise is broken: something was approved that does not do what the task asks for."""
    refused_right: int = 0
    """Work was lost: what was handed in does what the task asks for, and was not approved."""
    runs: float = 0.0
    """The mean."""
    seconds: float = 0.0
    """The mean."""
    tokens: int = 0
    cost: float = 0.0


def figures(trials: Iterable[AgentTrial]) -> AgentFigures:
    """The counts of some trials."""
    all_ = list(trials)
    count = len(all_) or 1
    return AgentFigures(
        trials=len(all_),
        merged=sum(trial.ended == "merged" for trial in all_),
        merged_wrong=sum(trial.ended == "merged" and trial.truth == "wrong" for trial in all_),
        refused_right=sum(trial.ended == "refused" and trial.truth == "right" for trial in all_),
        runs=sum(trial.runs for trial in all_) / count,
        seconds=sum(trial.seconds for trial in all_) / count,
        tokens=sum(trial.tokens for trial in all_),
        cost=round(sum(trial.cost for trial in all_), 6),
    )


def tasks_of(cases: Iterable[Case]) -> list[Case]:
    """The cases that are a task with tests to judge it by: honest ones whose change has tests."""
    return [case for case in cases if case.honest and _hidden(case)]


def trial(case: Case, number: int, set_up: SetUp, workshop: Workshop) -> AgentTrial:
    """Play a case's task by these agents, and judge what they handed in. InputError where no play comes to an end."""
    with tempfile.TemporaryDirectory(prefix="press-play-eval-") as folder:
        project, state = Path(folder, case.project), Path(folder, "state")
        _make_project(case, project)
        ended = _play(project, state, set_up)
        (task,) = ended["tasks"]
        bare = state / "git" / "local" / f"{names.slug(project.name)}.git"
        merged = task["state"] == "merged"
        truth, failing = _judge(case, _handed_in(bare, merged=merged), workshop)
    reason = failing if merged else ": ".join(filter(None, (task["reason"], task["why"].get("detail"))))
    return AgentTrial(
        case,
        number,
        _language(case),
        "merged" if merged else "refused",
        truth,
        task["state"],
        plain(reason),
        task["runs"],
        task["rounds"],
        float(ended["seconds"]),
        task["usage"].get("tokens", 0),
        task["usage"].get("cost", 0.0),
    )


def _make_project(case: Case, project: Path) -> None:
    """The project at its base, with a backlog of this one task, as a git repository."""
    executable = trees.executables(case)
    for path, content in files_of(case.base).items():
        file = project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        if path in executable:
            file.chmod(file.stat().st_mode | stat.S_IXUSR)
    task = {
        "id": _TASK,
        "title": case.title,
        "description": case.title,
        "status": "pending",
        "dependencies": [],
        "profile": case.profile,
        "acceptanceCriteria": list(case.criteria),
    }
    backlog = project / _BACKLOG
    backlog.parent.mkdir(parents=True)
    backlog.write_text(json.dumps({"master": {"tasks": [task]}}), encoding="utf-8")
    repository = pygit2.init_repository(str(project), initial_head="main")
    repository.index.add_all()
    repository.index.write()
    repository.create_commit("refs/heads/main", _WHO, _WHO, "Begin", repository.index.write_tree(), [])


def _play(project: Path, state: Path, set_up: SetUp) -> dict[str, Any]:
    """The play's end, as `pressplay play --json` prints it."""
    command = [sys.executable, "-m", "pressplay", "play", str(project), "--state", str(state), "--json"]
    done = subprocess.run(
        [*command, "--agent", set_up.agent, *set_up.options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        last = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise InputError(f"the play ended with status {done.returncode} and no summary:\n{last}") from None


def _handed_in(bare: Path, *, merged: bool) -> dict[str, tuple[bytes, bool]] | None:
    """The files of the commit that the play ended with, and whether each may be executed; None where there is none."""
    repository = pygit2.Repository(str(bare))
    branch = "main" if merged else names.task_branch(_TASK)
    reference = repository.references.get(f"refs/heads/{branch}")
    if reference is None:
        return None
    tree = reference.peel(pygit2.Commit).tree
    return dict(_files(tree))


def _files(tree: pygit2.Tree, folder: str = "") -> Iterable[tuple[str, tuple[bytes, bool]]]:
    for entry in tree:
        path = f"{folder}{entry.name}"
        if isinstance(entry, pygit2.Tree):
            yield from _files(entry, f"{path}/")
        elif isinstance(entry, pygit2.Blob) and entry.filemode != FileMode.LINK:
            yield path, (entry.data, entry.filemode == FileMode.BLOB_EXECUTABLE)


def _hidden(case: Case) -> dict[str, bytes]:
    is_test = Paths().match
    return {path: content for path, content in case.head_files().items() if is_test(path)}


def _judge(case: Case, handed_in: dict[str, tuple[bytes, bool]] | None, workshop: Workshop) -> tuple[Truth, str]:
    """Whether the case's own tests pass on what was handed in; what fails of them, else."""
    if handed_in is None:
        return "unknown", ""
    base = files_of(case.base)
    head = {path: content for path, (content, _) in handed_in.items()} | _hidden(case)
    executable = {path for path, (_, may) in handed_in.items() if may} | trees.executables(case)
    with tempfile.TemporaryDirectory(prefix="press-play-eval-") as folder:
        commits = trees.of_files(base, head, executable, Path(folder))
        contract = environment.choose(commits.trees[1])
        changed = list(commits.clone.differing(commits.base, commits.head))
        only_head = Merged(commits.base, commits.head, runs=1, is_end=True)
        mark = f"@{secrets.token_hex(16)}"
        made = job.prepare(
            contract, changed, *commits.trees, Paths().match, mark, Bounds(), None, commits.head, DEFAULT, only_head
        )
        verdict = assessment.of_end(made.plan, workshop.run(contract, commits, made))
    why = "; ".join(finding.sentence for finding in verdict.findings)
    return ("right" if verdict.outcome == "pass" else "wrong" if verdict.outcome == "fail" else "unknown"), why


def _language(case: Case) -> str:
    with tempfile.TemporaryDirectory(prefix="press-play-eval-") as folder:
        commits = trees.commit(case, Path(folder))
        contract = environment.choose(commits.trees[1])
    return contract.projects[0].language if contract.projects else "other"
