"""Which repository, branch, commit, backlog and tag are played: decided here for every command and for the step `plan`.

What an option or the values choose counts. Where they choose nothing, the place decides: a checkout on this machine by
the branch that is checked out, a repository on GitHub by its default branch; either by Taskmaster's current tag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pressplay.backlog import tasks
from pressplay.errors import InputError
from pressplay.plaintext import plain

TASKS_PATHS = (".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json")
"""Where Taskmaster keeps its file, newest place first; looked for in the docs project's directory."""
STATE_PATH = ".taskmaster/state.json"
"""Where Taskmaster keeps its current tag, beside the backlog's folder."""
_NO_GIT = "no git here"
_LONG = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that was decided, why, and what changes it."""

    value: str
    why: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an option or the values choose; None leaves it to the place."""

    branch: Choice | None = None
    commit: Choice | None = None
    docs: Choice | None = None
    """The folder with `.taskmaster`; empty for the root."""
    tag: Choice | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """What changes a choice, where it is made: options of a command, parameters of a Workflow, keys of the values."""

    repo: str
    branch: str
    commit: str
    backlog: str
    tag: str


class Place(Protocol):
    """A repository, as far as a resolution asks it."""

    def branch(self) -> tuple[str, str]:
        """The branch that counts without an option, and why; InputError if there is none."""

    def commit(self, branch: str, wanted: str, /) -> tuple[str, str]:
        """The commit of a branch, or the one that is wanted, and why; empty where there is no git."""

    def read(self, commit: str, path: str, /) -> bytes | None:
        """A file of a commit; None where there is none."""

    def state(self, commit: str, path: str, /) -> bytes | None:
        """Taskmaster's own state, which people often do not commit; None where there is none."""

    def about(self, path: str, /) -> str:
        """What else is known of a backlog that the commit lacks; empty if nothing is."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What is played. `docs` is the folder with `.taskmaster`, `where` names the backlog in messages."""

    repo: Choice
    branch: Choice
    commit: Choice
    path: Choice
    tag: Choice
    docs: str
    where: str
    document: Any = field(repr=False)
    """The parsed tasks.json."""

    def backlog(self) -> tasks.Backlog:
        """The tasks of the tag; InputError if the file is not Taskmaster's."""
        return tasks.from_document(self.document, self.where, self.tag.value)

    def named(self) -> Mapping[str, Choice]:
        """The choices by the names that people read; those that do not apply are left out."""
        commit = Choice(self.commit.value[:_LONG] or _NO_GIT, self.commit.why, self.commit.change)
        choices = {
            "repository": self.repo,
            "branch": self.branch,
            "commit": commit,
            "backlog": self.path,
            "tag": self.tag,
        }
        return {name: choice for name, choice in choices.items() if choice.value}

    def lines(self) -> list[str]:
        """A line for each choice: what, why, and what changes it."""
        named = self.named()
        values = {name: " ".join(plain(choice.value).split()) for name, choice in named.items()}
        width = max(map(len, values.values()))
        lines = []
        for name, choice in named.items():
            notes = [choice.why, f"change it: {choice.change}" if choice.change else ""]
            lines.append(f"{name:<11} {values[name]:<{width}}  {'; '.join(filter(None, notes))}".rstrip())
        return lines

    def as_json(self) -> dict[str, dict[str, str]]:
        """The choices for programs."""
        named = {**self.named(), "commit": self.commit}
        return {
            name: {"value": choice.value, "why": choice.why, "change": choice.change} for name, choice in named.items()
        }


def resolve(repo: Choice, place: Place, wanted: Wanted, ways: Ways, file: tuple[str, bytes] | None = None) -> Resolved:
    """What is played of a repository; InputError, with what to do, where that can't be decided.

    `file`: the path and the content of a backlog that was given itself; by default it is looked for in the commit.
    """
    branch = wanted.branch
    if branch is None:
        name, why = place.branch()
        branch = Choice(name, why, ways.branch)
    sha, why = place.commit(branch.value, wanted.commit.value if wanted.commit else "")
    commit = Choice(sha, wanted.commit.why if wanted.commit else why, ways.commit)
    at = f"{repo.value}@{branch.value}" if sha else repo.value
    docs = (wanted.docs.value if wanted.docs else "").strip("/.")
    path, content = file or locate(lambda path: place.read(sha, path), docs, at, place.about)
    where = path if file else f"{at}:{path}"
    document = tasks.parse(content, where)
    tag = wanted.tag or current_tag(
        document, where, place.state(sha, f"{docs}/{STATE_PATH}" if docs else STATE_PATH), ways.tag
    )
    chosen = Choice(path, wanted.docs.why if wanted.docs and docs else "", ways.backlog)
    return Resolved(repo, branch, commit, chosen, tag, docs, where, document)


def locate(
    read: Callable[[str], bytes | None], docs: str, at: str, about: Callable[[str], str] = lambda _path: ""
) -> tuple[str, bytes]:
    """The path and the content of tasks.json; InputError, with every path tried, if none has it.

    `docs`: the folder with `.taskmaster`. `at` names the repository and the commit, `about` says more of a path that
    has none.
    """
    docs = docs.strip("/.")
    paths = [f"{docs}/{path}" if docs else path for path in TASKS_PATHS]
    for path in paths:
        content = read(path)
        if content is not None:
            return path, content
    more = next(filter(None, map(about, paths)), "")
    raise InputError(
        f"{at}: no tasks.json; looked for {', '.join(paths)}. "
        + (more or "Make one with task-master (task-master parse-prd), commit it to that branch, and press play again")
    )


def current_tag(document: Any, where: str, state: bytes | None, change: str) -> Choice:
    """The tag that counts where nobody chose one: Taskmaster's current one, else `master`, else the file's only one.

    `state` is the content of Taskmaster's state.json, `change` what chooses another tag. Invalid if the file has
    several tags, and none of these.
    """
    name, why = tasks.default_tag(tasks.tag_lists(document, where), where, change, _current(state))
    return Choice(name, why, change)


def _current(state: bytes | None) -> str:
    """The tag that Taskmaster works on; empty where its state says none. A broken file says none."""
    if state is None:
        return ""
    try:
        document = tasks.parse(state, STATE_PATH)
    except InputError:
        return ""
    tag = document.get("currentTag") if isinstance(document, dict) else None
    return tag if isinstance(tag, str) else ""
