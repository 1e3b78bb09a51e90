"""What of a project on this machine is played, as commands take it from their options and show it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pressplay import names
from pressplay.backlog import checkout, github_issues
from pressplay.backlog.checkout import LocalPlace
from pressplay.backlog.resolution import TASKS_PATHS, Choice, Place, Resolved, Wanted, Ways, resolve
from pressplay.commands import _files
from pressplay.errors import InputError
from pressplay.plaintext import plain

if TYPE_CHECKING:
    from pressplay.settings import RepositoryDefaults

OWNER = "local"
"""Who owns the repositories of projects on this machine, in the sandbox."""
WAYS = Ways(repo="--repo", branch="--branch", commit="--commit", backlog="--backlog", tag="--tag")
"""What changes a choice: options that have the same names in every command."""


@dataclass(frozen=True)
class Choices:
    """What options say; empty where they say nothing. `kept`: those of them that an earlier press decided."""

    repo: str = ""
    branch: str = ""
    commit: str = ""
    backlog: str = ""
    tag: str = ""
    issues: str = ""
    """A file with issues, which are played in the place of a tasks.json."""
    milestone: str = ""
    issue: str = ""
    kept: frozenset[str] = frozenset()

    def why(self, name: str) -> str:
        """Why the choice of this name counts, where there is one."""
        return "as this sandbox began" if name in self.kept else f"by --{name}"


def options(command: Callable[..., object]) -> Callable[..., object]:
    """The options that change what is played, on a command."""
    for option in reversed(
        [
            click.option("--repo", metavar="OWNER/NAME", help="The repository's name (default local/<folder>)."),
            click.option("--branch", help="The branch that is played (default: the one that is checked out)."),
            click.option("--commit", metavar="REVISION", help="The commit that is played (default: the branch's)."),
            click.option(
                "--backlog", metavar="PATH", help="tasks.json, or the folder with .taskmaster, in the repository."
            ),
            click.option(
                "--tag", help="The tag of tasks.json (default: Taskmaster's current one, else master or the only one)."
            ),
            click.option(
                "--issues",
                type=click.Path(dir_okay=False, path_type=Path),
                help="A file of issues as GitHub has them, which are played in place of tasks.json.",
            ),
            click.option(
                "--milestone", metavar="NUMBER|TITLE", help="With --issues: the milestone (default: the only one)."
            ),
            click.option("--issue", metavar="NUMBER", help="With --issues: the issue whose sub-issues are played."),
        ]
    ):
        command = option(command)
    return command


def of_folder(
    folder: Path, choices: Choices, values: RepositoryDefaults | None = None, *, is_copied: bool = False
) -> tuple[Resolved, list[str]]:
    """What a play of this project takes, and what a person should know. `values`: those of the user's own chart.

    `is_copied`: whether it is played, not only read. InputError where it can't be decided, or can't be copied.
    """
    place = checkout.opened(folder)
    if is_copied:
        place.demand_whole()
    repo, docs = _repo(folder, choices), _docs(choices.backlog)
    tag, file = _of_issues(choices, repo.value)
    in_values = values.default_branch if values else None, values.docs_project_directory if values else None
    wanted = Wanted(
        branch=_chosen(choices, "branch", choices.branch, in_values[0], "defaultBranch"),
        commit=_chosen(choices, "commit", choices.commit),
        docs=_chosen(choices, "backlog", docs, None if choices.backlog else in_values[1], "docsProjectDirectory"),
        tag=tag or _chosen(choices, "tag", choices.tag, values.tag if values else None, "tag"),
    )
    ways = replace(WAYS, backlog="--issues", tag="--milestone") if file else WAYS
    resolved = resolve(repo, place, wanted, ways, file)
    if choices.backlog.endswith(".json") and resolved.path.value != choices.backlog.strip("/").removeprefix("./"):
        raise InputError(
            f"--backlog {choices.backlog}: expected the backlog that counts, which is {resolved.path.value}; leave the "
            "option out, or remove that file"
        )
    return resolved, place.notes(resolved.commit.value)


def of_path(path: Path, choices: Choices) -> tuple[Resolved, list[str]]:
    """What `of_folder` says of a folder; of a file, that very tasks.json as it is on the disk."""
    if path.is_dir():
        return of_folder(path, choices)
    if choices.commit or choices.backlog or choices.issues or choices.milestone or choices.issue:
        raise InputError(f"{path}: expected a project's folder, with --commit, --backlog or --issues, got a file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: expected a project's folder, or the tasks.json that Taskmaster writes; {error.strerror}"
        ) from error
    folder = _files.project_of(path)
    around = checkout.opened(folder) if folder is not None else None
    wanted = Wanted(branch=_chosen(choices, "branch", choices.branch), tag=_chosen(choices, "tag", choices.tag))
    repo = _repo(folder, choices) if folder is not None else Choice(choices.repo)
    resolved = resolve(repo, _OnDisk(path, around), wanted, WAYS, (str(path), content))
    return resolved, _differs(path, folder, around, resolved, content)


def _differs(
    path: Path, folder: Path | None, around: LocalPlace | None, resolved: Resolved, content: bytes
) -> list[str]:
    """Whether a play would take another backlog than the file on the disk."""
    if folder is None or around is None or not resolved.commit.value:
        return []
    name = path.resolve().relative_to(folder.resolve()).as_posix()
    committed = around.read(resolved.commit.value, name)
    if committed == content:
        return []
    what = "lacks it" if committed is None else "has another"
    return [f"this is {name} as it is on the disk; the commit {what}, and a play takes the commit"]


def _of_issues(choices: Choices, repo: str) -> tuple[Choice | None, tuple[str, bytes] | None]:
    """The tag and the content of a backlog of issues; None of both where tasks.json is played."""
    if not choices.issues:
        if choices.milestone or choices.issue:
            raise InputError(
                "--milestone, --issue: expected --issues FILE, with the issues that they choose from. Issues on GitHub "
                "are played in a cluster: argo submit --from workflowtemplate/press-play -p milestone=… -p mode=show"
            )
        return None, None
    given = [f"--{name}" for name in ("backlog", "tag") if getattr(choices, name)]
    if given:
        raise InputError(f"--issues, {', '.join(given)}: expected one backlog: issues of a file, or a tasks.json")
    from pressplay.backlog import issues_file

    file = issues_file.read(Path(choices.issues))
    selection = file.selection(choices.milestone, choices.issue)
    name = next((name for name in ("milestone", "issue") if getattr(choices, name)), "issues")
    document = github_issues.to_json(file.document(selection, repo))
    return Choice(selection.tag, f"by --{name}"), (f"{selection} of {choices.issues}", document)


class _OnDisk(Place):
    """A file on the disk, and the project that it lies in, if any."""

    def __init__(self, file: Path, around: Place | None) -> None:
        self._file, self._around = file, around

    def branch(self) -> tuple[str, str]:
        """That of the project; empty where it has none: a plan needs none."""
        try:
            return self._around.branch() if self._around is not None else ("", "")
        except InputError:
            return "", ""

    def commit(self, branch: str, wanted: str) -> tuple[str, str]:
        """That of the project's branch; empty where it has none."""
        try:
            return self._around.commit(branch, wanted) if self._around is not None and branch else ("", "")
        except InputError:
            return "", ""

    def read(self, _commit: str, _path: str) -> bytes | None:
        """Nothing: the file itself was given."""
        return None

    def state(self, _commit: str, _path: str) -> bytes | None:
        """Taskmaster's state beside the file."""
        state = self._file.resolve().parent.parent / "state.json"
        return state.read_bytes() if state.parent.name == ".taskmaster" and state.is_file() else None

    def about(self, _path: str) -> str:
        """Nothing: the file itself was given."""
        return ""


def show(resolved: Resolved, notes: list[str], say: Callable[[str], None]) -> None:
    """The block: a line for each choice, then what a person should know."""
    for line in [*resolved.lines(), *(f"note: {' '.join(plain(note).split())}" for note in notes)]:
        say(line)


def _repo(folder: Path, choices: Choices) -> Choice:
    if choices.repo:
        return Choice(names.repo(choices.repo), choices.why("repo"))
    name = re.sub(r"[^a-z0-9._-]", "-", names.slug(folder.resolve().name)).removesuffix(".git")
    return Choice(names.repo(f"{OWNER}/{name}"), "the folder's name", WAYS.repo)


def _docs(backlog: str) -> str:
    """The folder with `.taskmaster` of the option `--backlog`."""
    path = backlog.strip("/").removeprefix("./")
    for tail in TASKS_PATHS:
        if path == tail or path.endswith(f"/{tail}"):
            return path[: -len(tail)].strip("/")
    return path.removesuffix("/.taskmaster").removesuffix(".taskmaster")


def _chosen(choices: Choices, name: str, given: str, in_values: str | None = None, key: str = "") -> Choice | None:
    if given:
        return Choice(given, choices.why(name))
    return Choice(in_values, f"{key} in the values", f"--{name}") if in_values else None
