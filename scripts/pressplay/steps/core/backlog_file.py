"""The backlog: tasks.json in the repository, or what a press pinned of GitHub's issues; and what is left to play."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from pressplay import names
from pressplay.backlog import github_issues, graph, resolution, tasks
from pressplay.backlog.resolution import Choice, Place, Resolved, Wanted, Ways, resolve
from pressplay.domain.profiles import DEFAULT, Profile
from pressplay.errors import InputError
from pressplay.github import contents, refs
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import github_backlog
from pressplay.steps.core.context import Context, Subject

WAYS = Ways(
    repo="-p repo",
    branch="defaultBranch in the values",
    commit="a push",
    backlog="docsProjectDirectory in the values",
    tag="-p tag",
)
"""What changes a choice in a cluster."""


class _OnGitHub(Place):
    """A repository on GitHub."""

    def __init__(self, gh: Client, repo: str) -> None:
        self._gh, self._repo = gh, repo

    def branch(self) -> tuple[str, str]:
        """Its default branch."""
        return contents.default_branch(self._gh, self._repo), "the default branch"

    def commit(self, branch: str, wanted: str) -> tuple[str, str]:
        """The branch's newest."""
        return wanted or refs.head(self._gh, self._repo, branch), "the branch's newest"

    def read(self, commit: str, path: str) -> bytes | None:
        """A file of a commit."""
        return contents.read_file(self._gh, self._repo, path, commit)

    def state(self, commit: str, path: str) -> bytes | None:
        """Taskmaster's state, where it is committed."""
        return self.read(commit, path)

    def about(self, _path: str) -> str:
        """Nothing: GitHub has commits alone."""
        return ""


def read_now(context: Context, gh: Client, subject: Subject, tag: Choice | None) -> Resolved:
    """What a press would play of the subject's repository now, of tasks.json or of GitHub's issues; else as `resolved`.

    For all that follows a press, `read` has what that press read.
    """
    selection = github_issues.of_tag(tag.value if tag else subject.settings.tag or "")
    if selection is None:
        return resolved(gh, subject, tag)
    document = github_backlog.read(context, subject.repo, selection)
    return resolved(gh, subject, tag, (f"{selection} on GitHub", github_issues.to_json(document)))


def resolved(
    gh: Client, subject: Subject, tag: Choice | None = None, file: tuple[str, bytes] | None = None
) -> Resolved:
    """What is played of the subject's repository; `tag`: a person's choice. InputError where it can't be decided.

    `file`: what stands for the backlog, and its content, where it is not tasks.json in the repository.
    """
    own = subject.settings
    wanted = Wanted(
        branch=_in_values(own.default_branch, WAYS.branch),
        docs=_in_values(own.docs_project_directory, WAYS.backlog),
        tag=tag or _in_values(own.tag, WAYS.tag),
    )
    ways = replace(WAYS, backlog="-p milestone, -p issue") if file else WAYS
    return resolve(Choice(subject.repo, "", WAYS.repo), _OnGitHub(gh, subject.repo), wanted, ways, file)


def _in_values(value: str | None, change: str) -> Choice | None:
    return Choice(value, "in the values", change) if value else None


def locate(context: Context, gh: Client, subject: Subject, ref: str) -> tuple[str, bytes]:
    """Where the backlog is, and its content: tasks.json at `ref`, or what the last press pinned of GitHub's issues.

    InputError, with every path tried, if there is none.
    """
    if github_issues.of_tag(subject.tag) is not None:
        return github_backlog.pinned(context, gh, subject)
    return tasks_file(gh, subject, ref)


def tasks_file(gh: Client, subject: Subject, ref: str) -> tuple[str, bytes]:
    """The path and the content of tasks.json at `ref`; InputError, with every path tried, if none has it."""
    docs = subject.settings.docs_project_directory or ""
    return resolution.locate(
        lambda path: contents.read_file(gh, subject.repo, path, ref), docs, f"{subject.repo}@{ref}"
    )


def read(context: Context, gh: Client, subject: Subject, ref: str) -> tasks.Backlog:
    """The backlog, as `locate` has it; InputError if there is none, or if the file is not Taskmaster's."""
    path, content = locate(context, gh, subject, ref)
    return tasks.read(content, f"{subject.repo}@{ref}:{path}", subject.tag)


def task(context: Context, gh: Client, subject: Subject, ref: str) -> tasks.Task:
    """The subject's task at `ref`; InputError if the backlog can't be read, or does not hold it."""
    return of_number(subject, read(context, gh, subject, ref))


def of_number(subject: Subject, backlog: tasks.Backlog) -> tasks.Task:
    """The subject's task in a backlog; InputError if it is not there."""
    numbered = next((task for task in backlog.tasks if task.number == subject.task), None)
    if numbered is None:
        raise InputError(f"{subject.repo}: no task of tag {subject.tag!r} has the number {subject.task}")
    return numbered


def profile(context: Context, gh: Client, subject: Subject) -> Profile:
    """The proof profile of the subject's task: what the backlog says (tasks.json on the default branch), else DEFAULT.

    A file that can't be read, or no longer holds the task, leaves the one of which the most must be shown.
    """
    if subject.task is None or names.kind_of(subject.task) != "task":
        return DEFAULT
    try:
        backlog = read(context, gh, subject, subject.base(gh))
    except GitHubRefused:
        raise
    except InputError:
        context.say(f"the backlog can't be read: the task counts as a {DEFAULT}")
        return DEFAULT
    stated = {task.profile for task in backlog.tasks if task.number == subject.task}
    return stated.pop() or DEFAULT if len(stated) == 1 else DEFAULT


def remaining(subject: Subject, backlog: tasks.Backlog, done: Collection[str], only: str = "") -> graph.WorkPlan:
    """The plan of the remaining tasks: `done` holds ids of tasks.json; `only` (ids, separated by commas) narrows it."""
    wanted = [part.strip() for part in only.split(",") if part.strip() not in ("", "none")]
    parallelism = subject.settings.parallelism or graph.DEFAULT_PARALLELISM
    overlaps = subject.settings.overlaps or "warn"
    return graph.plan(backlog, parallelism=parallelism, only=wanted or None, done=done, overlaps=overlaps)
