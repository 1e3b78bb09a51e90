"""What the rooms do for the runs of their roles, so that preparing and collecting a run is the same for all of them.

The rooms are above this one: `steps.roles` collects what they offer, and hands it to the steps `run-prepare` and
`run-collect`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Result
from pressplay.domain.entries import Run as RunEntry
from pressplay.github.calls import Client
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.runs.run import Run

Judge = Callable[[Context, Client, Run, RunEntry], Result]
"""What came of a run that succeeded. The client may read contents and pull requests."""


def _no_files(_context: Context, _gh: Client, _run: Run) -> Mapping[str, bytes]:
    return {}


def _no_proving(_subject: Subject) -> dict[str, str] | None:
    return None


def _nothing_noted(_context: Context, _gh: Client, _run: Run, entry: RunEntry) -> RunEntry:
    return entry


@dataclass(frozen=True, kw_only=True)
class RoleWork:
    """What is particular to the runs of one role."""

    judge: Judge
    files: Callable[[Context, Client, Run], Mapping[str, bytes]] = _no_files
    """What its agent finds in the task folder besides, by name."""
    proving: Callable[[Subject], dict[str, str] | None] = _no_proving
    """How the commit will be proven, for its instructions; None where that is not its business."""
    note: Callable[[Context, Client, Run, RunEntry], RunEntry] = _nothing_noted
    """The entry with what it holds of the moment before the run, so that what the run left can be told apart."""
    request: Callable[[Context, Run, RunEntry | None, bool], tuple[Manifest, RunEntry]] | None = None
    """Makes the custom resource and the entry where that is no CodeRun; the last argument: whether it has started."""


@dataclass(frozen=True)
class Rooms:
    """What the rooms offer."""

    roles: Mapping[str, RoleWork]
    """By the role's name."""
    sources: Mapping[names.Kind, Callable[[Context, str, int], Mapping[str, str]]]
    """The task folder's files of work that comes from no backlog: (context, repository, number), by name."""
