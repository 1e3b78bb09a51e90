"""The files of a task folder: what all agents of a task read, and what one run is asked.

Sources: `prompts/*.mustache`. A user's own folder may hold any of the same file names; those win, the rest stay.
Every text of a task is data: it is copied unchanged (R7).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pressplay.domain import roles as domain_roles
from pressplay.domain.criteria import Criterion, PartLike, Standing, of_task
from pressplay.domain.criteria import TaskLike as TaskWithCriteria
from pressplay.errors import InputError
from pressplay.templating import engine

TEMPLATES = Path(__file__).with_name("prompts")
TASK_FILES = ("prompt.md", "task.md", "acceptance-criteria.md")
_FIRST = "instructions-"


class GuidanceLike(Protocol):
    """What a task says about how to do it, as `pressplay.backlog.guidance.Guidance` has it."""

    @property
    def included(self) -> str:
        """What is in its scope."""
        ...

    @property
    def excluded(self) -> str:
        """What is not."""
        ...

    @property
    def approach(self) -> str:
        """How to do it."""
        ...

    @property
    def constraints(self) -> Sequence[str]:
        """What limits how it is done."""
        ...

    @property
    def patterns(self) -> Sequence[str]:
        """The ways of the codebase to follow."""
        ...

    @property
    def infrastructure(self) -> Sequence[Any]:
        """What can be used: `name`, `location`, `usage`."""
        ...

    @property
    def files(self) -> Sequence[Any]:
        """The files that it names: `path`, `action`, `description`."""
        ...


class SubtaskLike(PartLike, Protocol):
    """A part of a task, as `pressplay.backlog.tasks.Subtask` has it."""

    @property
    def description(self) -> str:
        """In a sentence."""
        ...

    @property
    def details(self) -> str:
        """In full."""
        ...

    @property
    def status(self) -> str:
        """Taskmaster's word."""
        ...

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Ids of parts that come before it."""
        ...

    @property
    def guidance(self) -> GuidanceLike:
        """How to do it."""
        ...


class TaskLike(TaskWithCriteria, Protocol):
    """A task, as `pressplay.backlog.tasks.Task` has it. All its texts are what people wrote."""

    @property
    def id(self) -> str:
        """Its id in tasks.json."""
        ...

    @property
    def number(self) -> int:
        """Its number in the repository."""
        ...

    @property
    def title(self) -> str:
        """What it is."""
        ...

    @property
    def description(self) -> str:
        """In a sentence."""
        ...

    @property
    def details(self) -> str:
        """In full."""
        ...

    @property
    def priority(self) -> str:
        """Taskmaster's word."""
        ...

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Ids of tasks that were done before."""
        ...

    @property
    def subtasks(self) -> Sequence[SubtaskLike]:
        """Its parts."""
        ...

    @property
    def guidance(self) -> GuidanceLike:
        """How to do it."""
        ...


class BacklogLike(Protocol):
    """A backlog, as `pressplay.backlog.tasks.Backlog` has it."""

    @property
    def tag(self) -> str:
        """The tag of tasks.json."""
        ...

    @property
    def tasks(self) -> Sequence[TaskLike]:
        """All its tasks."""
        ...


def task_files(
    task: TaskLike,
    backlog: BacklogLike | None = None,
    templates_dir: Path | None = None,
    *,
    criteria: str = "",
    numbered: Sequence[Criterion] | None = None,
) -> dict[str, str]:
    """The files that all agents of a task read, by name: `prompt.md`, `task.md`, `acceptance-criteria.md`.

    `backlog` gives the titles of the tasks that it depends on, `criteria` is Markdown that says when it is done, where
    somebody wrote that down, `numbered` the task's criteria with the ids that they have (None: numbered from AC1).
    InputError for a fault in a user's template.
    """
    if numbered is None:
        numbered = of_task(task, {})
    others = {other.id: other.title for other in backlog.tasks} if backlog else {}
    data: dict[str, object] = {
        "id": task.id,
        "number": task.number,
        "tag": backlog.tag if backlog else "",
        "title": task.title,
        "description": task.description,
        "details": task.details,
        "test_strategy": task.test_strategy,
        "criteria": criteria,
        "numbered": [
            # A text of several lines ends its entry of the list by an empty one.
            {"id": criterion.id, "text": f"{criterion.text}\n" if "\n" in criterion.text else criterion.text}
            for criterion in numbered
        ],
        "priority": task.priority,
        "has_dependencies": bool(task.dependencies),
        "dependencies": [{"id": name, "title": others.get(name, "")} for name in task.dependencies],
        "guidance": _guidance(task.guidance),
        "has_subtasks": bool(task.subtasks),
        "subtasks": [_part(part) for part in task.subtasks],
        **{
            f"has_{name}": any(part.standing == standing for part in task.subtasks)
            for name, standing in _STANDINGS.items()
        },
        **{
            name: [_part(part) for part in task.subtasks if part.standing == standing]
            for name, standing in _STANDINGS.items()
        },
    }
    return {name: engine.render(_template(f"{name}.mustache", templates_dir), data) for name in TASK_FILES}


_STANDINGS: Mapping[str, Standing] = {
    "parts_to_do": "to do",
    "parts_there": "there already",
    "parts_out": "out of scope",
}
"""The name of each list of parts in templates."""


def _part(part: SubtaskLike) -> dict[str, object]:
    return {
        "id": part.id,
        "title": part.title,
        "description": part.description,
        "details": part.details,
        "test_strategy": part.test_strategy,
        "status": part.status,
        "after": ", ".join(part.dependencies),
        "guidance": _guidance(part.guidance),
    }


def _guidance(guidance: GuidanceLike) -> list[dict[str, str]]:
    """What is said about how to do it: our headings, and people's texts below them; only those that are not empty."""
    sections = {
        "In scope": guidance.included,
        "Out of scope": guidance.excluded,
        "How": guidance.approach,
        "Technical constraints": _list(guidance.constraints),
        "Patterns of this codebase": _list(guidance.patterns),
        "What is there to be used": _list(
            _joined([item.name, f"({item.location})" if item.location else ""], item.usage)
            for item in guidance.infrastructure
        ),
        "Files": _list(
            _joined([item.path, f"({item.action})" if item.action else ""], item.description) for item in guidance.files
        ),
    }
    return [{"heading": heading, "text": text} for heading, text in sections.items() if text]


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in texts)


def _joined(words: Sequence[str], more: str) -> str:
    first = " ".join(word for word in words if word)
    return f"{first}: {more}" if more else first


def instructions(
    role: str,
    *,
    repo: str,
    task: int,
    branch: str,
    base: str,
    head: str = "",
    pr: int | None = None,
    round: int = 1,
    attempt: int = 0,
    cause: str = "",
    kind: str = "task",
    findings: bool = False,
    refused_own: bool = False,
    refused_probes: bool = False,
    review: bool = False,
    failed_before: str = "",
    budget: Mapping[str, int] | None = None,
    proving: Mapping[str, str] | None = None,
    begun_on: Mapping[str, str] | None = None,
    by_file: bool = False,
    templates_dir: Path | None = None,
) -> str:
    """The text of `task/instructions.md`: what this one run is asked, on which commit, and how it hands over.

    `role` is one of `roles()`; `round` counts from 1, `attempt` from 0. `pr` and `head` are of the pull request, where
    there is one. `kind` is what the number stands for (`names.kind_of`): where there are instructions of the role for
    it alone (`instructions-implement.alerts.md.mustache`), these are taken. `findings`: the harness's gates refused
    that commit or an earlier one, and `task/findings.md` says why: `refused_own` what this role left, `refused_probes`
    where probes or tests did not hold. `review`: there is a `task/review.md`.
    `failed_before`: why the last attempt failed, our own words. `budget`: `rounds`, `attempts` and `minutes` at most;
    None if that is not known. `proving` says how the commit will be proven: `plan`, the path of its plan of probes,
    `environment`, `namespaces`, `hosts` and `workload`; None if nothing is deployed. `begun_on`: the `dependency` that
    has not landed and its `commit` that the branch begins at, where there is one. `by_file`: it hands over by the file
    `$PRESSPLAY_RESULT`; else it pushes and posts as its own App. InputError for another role, or for a role that works
    on a pull request where there is none.
    """
    known = roles(templates_dir)
    if role not in known:
        raise InputError(f"role {role!r}: expected one of {', '.join(known)}; there is no {_FIRST}{role}.md.mustache")
    if role not in domain_roles.named("task") and not (pr and head):
        raise InputError(f"role {role!r}: expected a pull request and its head commit, got pr {pr!r}, head {head!r}")
    data: dict[str, object] = {
        "role": role,
        "repo": repo,
        "task": task,
        "branch": branch,
        # For commands: an agent copies them into a shell, and a branch may be named `$(rm -rf x)`.
        "quoted_branch": shlex.quote(branch),
        "base": base,
        "head": head,
        "pr": pr or 0,
        "has_pr": bool(pr),
        "round": round,
        "attempt": attempt,
        "cause": cause,
        "again": attempt > 0,
        "later_round": round > 1,
        "findings": findings,
        "refused_own": refused_own,
        "refused_probes": refused_probes,
        "review": review,
        "failed_before": failed_before,
        "budget": [dict(budget)] if budget else [],
        "try_number": attempt + 1,
        "proving": [dict(proving)] if proving else [],
        "begun_on": [dict(begun_on)] if begun_on else [],
        "by_file": by_file,
    }
    files = [_template(f"{_FIRST}{role}.{kind}.md.mustache", templates_dir)]
    if not files[0].exists():
        files = [_template(f"{_FIRST}{role}.md.mustache", templates_dir)]
    if role not in ("issue", "criteria"):
        # The Issue agent has its own way to ask, on the issue. A question about criteria would tell what they ask.
        files.append(_template("blocked.md.mustache", templates_dir))
    return "\n".join(engine.render(file, data) for file in [_template("start.md.mustache", templates_dir), *files])


def alerts(listed: Sequence[Mapping[str, object]], *, secrets: bool, templates_dir: Path | None = None) -> str:
    """A group of alerts as Markdown; `secrets`: they are of secret scanning. Their texts are data (R7)."""
    data: dict[str, object] = {"alerts": list(listed), "secrets": secrets}
    return engine.render(_template("alerts.md.mustache", templates_dir), data)


def failure(data: Mapping[str, object], templates_dir: Path | None = None) -> str:
    """The text of `task/failure.md`: what GitHub holds of the checks that the role triage is to look into.

    `data` is what `pressplay.steps.triage.failure` makes: other people's texts are code spans or fenced.
    """
    return engine.render(_template("failure.md.mustache", templates_dir), data)


def conflict(
    *,
    base: str,
    base_commit: str,
    head: str,
    files: Sequence[str],
    more: int = 0,
    broken: str = "",
    begun_on: str = "",
    dependency: str = "",
    templates_dir: Path | None = None,
) -> str:
    """The text of `task/conflict.md`: which files of a pull request conflict with its base, or what fails with it.

    `base` and `files` are other people's texts, as code spans; `more`: how many files are not in `files`. `broken`:
    what the gates say of a merge without conflicts, as Markdown that quotes all that is not ours. `begun_on`: the
    commit of a `dependency` that the branch was begun on, where there is one.
    """
    data: dict[str, object] = {
        "base": base,
        "base_commit": base_commit,
        "head": head,
        "has_files": bool(files),
        "files": [{"path": file} for file in files],
        "more": [{"count": more}] if more else [],
        "broken": [{"quoted": broken}] if broken else [],
        "begun_on": [{"commit": begun_on, "dependency": dependency}] if begun_on else [],
    }
    return engine.render(_template("conflict.md.mustache", templates_dir), data)


def documents_request(
    *,
    run: str,
    repo: str,
    base: str,
    tasks: Sequence[int],
    attempt: int = 0,
    templates_dir: Path | None = None,
) -> str:
    """The text of `request.md`: for which tasks (their numbers) Morgan is to write documents, which, and how.

    None of the tasks' texts is in it: they are next to it, as data. InputError for a fault in a user's template.
    """
    data: dict[str, object] = {
        "run": run,
        "repo": repo,
        "base": base,
        "attempt": attempt,
        "again": attempt > 0,
        "tasks": [{"number": number} for number in tasks],
        "files": [{"name": name} for name in TASK_FILES],
    }
    return engine.render(_template("documents-request.md.mustache", templates_dir), data)


def roles(templates_dir: Path | None = None) -> tuple[str, ...]:
    """The roles with instructions."""
    found_roles = _roles(TEMPLATES.iterdir())
    if templates_dir is not None and templates_dir.is_dir():
        found_roles |= _roles(templates_dir.iterdir())
    return tuple(sorted(found_roles))


def _roles(files: Iterable[Path]) -> set[str]:
    ending = ".md.mustache"
    names = {file.name for file in files if file.name.startswith(_FIRST) and file.name.endswith(ending)}
    names_after_first = {name.removeprefix(_FIRST).removesuffix(ending) for name in names}
    # After a dot stands what the role has to do with: `implement.alerts`.
    return {role for role in names_after_first if "." not in role}


def _template(name: str, templates_dir: Path | None) -> Path:
    own = templates_dir / name if templates_dir is not None else None
    return own if own is not None and own.exists() else TEMPLATES / name
