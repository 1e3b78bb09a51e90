"""What is particular to each role's runs, so that preparing and collecting a run is the same code for all roles.

Higher rooms implement it: `steps.roles` collects the implementations, and the step `run-agent` gets
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Result
from pressplay.domain.entries import Run as RunEntry
from pressplay.errors import PressPlayError
from pressplay.github import refs
from pressplay.github.calls import Client
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.runs.run import Run

Judge = Callable[[Context, Client, Run, RunEntry], Result]
"""Gives the result of a run that succeeded. The client may read contents and pull requests."""


def _no_files(_context: Context, _gh: Client, _run: Run) -> Mapping[str, bytes]:
    return {}


def _no_proving(_subject: Subject) -> dict[str, str] | None:
    return None


def _nothing_noted(_context: Context, _gh: Client, _run: Run, entry: RunEntry) -> RunEntry:
    return entry


def _no_gates(_context: Context, _run: Run, _result: Result, _inputs: Inputs) -> Outputs:
    return {}


def _at_the_base(_context: Context, gh: Client, run: Run, base: str) -> str:
    return refs.head(gh, run.subject.repo, base)


class CannotBegin(PressPlayError):
    """Why a run may not begin, as a sentence of ours: it is parked."""


@dataclass(frozen=True, kw_only=True)
class RoleWork:
    """What is particular to the runs of one role."""

    judge: Judge
    begins_at: Callable[[Context, Client, Run, str], str] = _at_the_base
    """The commit that a task's run begins at, from its base branch; CannotBegin. The client may write contents."""
    files: Callable[[Context, Client, Run], Mapping[str, bytes]] = _no_files
    """Further files of the task folder, by name."""
    proving: Callable[[Subject], dict[str, str] | None] = _no_proving
    """How the commit will be proven, for the instructions; None if the role has nothing to do with it."""
    note: Callable[[Context, Client, Run, RunEntry], RunEntry] = _nothing_noted
    """Adds the state before the run to the entry, so that the run's own changes can be recognised."""
    gates: Callable[[Context, Run, Result, Inputs], Outputs] = _no_gates
    """Begins the gates that follow the run, and says with what; the inputs are the step's. Idempotent."""
    request: Callable[[Context, Run, RunEntry | None, bool], tuple[Manifest, RunEntry]] | None = None
    """Makes the custom resource and the entry, if it is no CodeRun; the last argument: whether the run has started."""


@dataclass(frozen=True)
class Rooms:
    """The rooms' implementations."""

    roles: Mapping[str, RoleWork]
    """By the role's name."""
    sources: Mapping[names.Kind, Callable[[Context, str, int], Mapping[str, str]]]
    """Gives the task folder's files, by name, of work without a backlog: (context, repository, number)."""
