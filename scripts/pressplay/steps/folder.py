"""The task folder that a run reads: made before each run and committed to `press-play/context/<run>`.

The controller copies `.taskmaster/docs/task-{id}/` of docsBranch into the work tree as `task/`. The project's own files
win; what it lacks is made from tasks.json by template. The texts are data all the way (R7): they travel by git alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pressplay import names
from pressplay.backlog import graph, tasks
from pressplay.errors import InputError
from pressplay.github import contents, pulls, refs
from pressplay.github.calls import Client
from pressplay.github.snapshots import PREFIX
from pressplay.steps import alert_texts, consent, deploy, failure, findings, issue_texts, snapshot
from pressplay.steps.context import Context, Subject
from pressplay.steps.orders import CONTEXT
from pressplay.steps.run import COMMENTS, TEST, TRIAGE
from pressplay.steps.told import Told
from pressplay.templating import prompts
from pressplay.validation import requirements

TASKS_PATHS = (".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json")
"""Where Taskmaster keeps its file, newest place first; looked for in the docs project's directory."""


def backlog_file(gh: Client, subject: Subject, ref: str) -> tuple[str, bytes]:
    """The path and the content of tasks.json at `ref`; InputError naming every path that was looked at without one."""
    docs = (subject.settings.docs_project_directory or "").strip("/.")
    paths = [f"{docs}/{path}" if docs else path for path in TASKS_PATHS]
    for path in paths:
        found = contents.read_file(gh, subject.repo, path, ref)
        if found is not None:
            return path, found
    raise InputError(
        f"{subject.repo}@{ref}: no tasks.json; looked for {', '.join(paths)}. Make one with task-master "
        "(task-master parse-prd), commit it to the default branch, and press play again"
    )


def backlog(gh: Client, subject: Subject, ref: str) -> tasks.Backlog:
    """The repository's backlog at `ref`; InputError where there is none, or where it is not Taskmaster's."""
    path, content = backlog_file(gh, subject, ref)
    return tasks.read(content, f"{subject.repo}@{ref}:{path}", subject.tag)


def left(subject: Subject, backlog: tasks.Backlog, done: Collection[str], only: str = "") -> graph.Plan:
    """The plan of what is left: `done` are ids, as those in tasks.json are; `only` (ids, with commas) narrows it."""
    wanted = [part.strip() for part in only.split(",") if part.strip() not in ("", "none")]
    parallelism = subject.settings.parallelism or graph.DEFAULT_PARALLELISM
    return graph.plan(backlog, parallelism=parallelism, only=wanted or None, done=done)


def files(context: Context, gh: Client, subject: Subject, told: Told) -> Mapping[str, bytes]:
    """The folder's files by path in the repository."""
    where = names.task_folder(told.number, subject.settings.docs_project_directory or "")
    made = _work(context, gh, subject, told)
    own = {name: contents.read_file(gh, subject.repo, f"{where}/{name}", told.base) for name in made}
    result = {f"{where}/{name}": own[name] or text.encode() for name, text in made.items()}
    found = findings.text(context, subject, told.role, told.head)
    instructions = prompts.instructions(
        told.role,
        repo=subject.repo,
        task=told.number,
        pr=subject.pr,
        branch=told.branch,
        base=told.base,
        head=told.head,
        round=told.round,
        attempt=told.attempt,
        cause=told.cause,
        kind=names.kind_of(told.number),
        findings=bool(found),
        proving=_proving(subject, told),
    )
    result[f"{where}/instructions.md"] = instructions.encode()
    if found:
        result[f"{where}/{findings.FILE}"] = found.encode()
    if told.given.tools_file:
        # In the place of one that the task's folder may have: tools are the project's, not a task's.
        result[f"{where}/toolman-config.json"] = requirements.to_json(told.given.toolman_config()).encode()
    if told.role == COMMENTS:
        kept = context.ledger(subject.repo).entries("pr", subject.pull).get(f"{PREFIX}{told.cause}") or {}
        said = snapshot.files(gh, subject.repo, told.cause, kept.get(CONTEXT, ""))
        result |= {f"{where}/{name}": content for name, content in said.items()}
    if told.role == TRIAGE and subject.pr is not None:
        failed = failure.files(context, subject, subject.pr, told.cause)
        result |= {f"{where}/{name}": content for name, content in failed.items()}
    return result


def _proving(subject: Subject, told: Told) -> dict[str, str] | None:
    """How the commit will be proven, as QA is told it; None for other roles, or where nothing is deployed."""
    settings, acceptance = subject.settings.deploy, subject.settings.acceptance
    if told.role != TEST or settings.mode == "none" or subject.pr is None:
        return None
    seen = settings.commit.workload
    name = seen.name.replace("{pr}", str(subject.pr))
    return {
        "plan": names.acceptance_plan(told.number),
        "environment": deploy.environment(settings, subject.pr),
        "namespaces": ", ".join(f"`{one}`" for one in acceptance.namespaces) or "no namespace",
        "hosts": ", ".join(f"`{one}`" for one in acceptance.hosts) or "none",
        "workload": f"{seen.kind} `{name}` in `{seen.namespace}`" if seen.namespace else "",
    }


def _work(context: Context, gh: Client, subject: Subject, told: Told) -> dict[str, str]:
    """What is to be done, as every agent that works on it reads it."""
    kind = names.kind_of(told.number)
    if kind == "issue":
        return issue_texts.files(context, subject.repo, told.number)
    if kind == "alerts":
        return alert_texts.files(context, subject.repo, told.number)
    if subject.task is not None and kind == "task":
        found = backlog(gh, subject, told.base)
        task = next((task for task in found.tasks if task.number == subject.task), None)
        if task is None:
            raise InputError(f"{subject.repo}: no task of tag {subject.tag!r} has the number {subject.task}")
        return prompts.task_files(task, found)
    if subject.pr is None:
        raise InputError("a run needs a task or a pull request to work on")
    # A pull request of no task is itself what is to be done; what its author says of it is all there is to read.
    title, body = _words(context, gh, subject.repo, subject.pr)
    itself = tasks.Task(
        id=f"PR {subject.pr}",
        number=told.number,
        title=title,
        description=body,
        details="",
        test_strategy="",
        priority="medium",
        status="review",
        dependencies=(),
    )
    return prompts.task_files(itself)


def _words(context: Context, gh: Client, repo: str, number: int) -> tuple[str, str]:
    """Title and text of a pull request, as far as they count; consent.Withdrawn where a label asked for others."""
    words = consent.words(context, repo, number, pulls.pull(gh, repo, number).labels)
    if words.withdrawn:
        raise consent.Withdrawn(consent.EDITED)
    if words.count:
        return words.title, words.body
    return f"Pull request {number}", "What its author says of it is left out: nobody with write access wrote it."


def commit(gh: Client, subject: Subject, told: Told, content: Mapping[str, bytes]) -> str:
    """Commit the folder on top of the base branch to the run's own branch; the commit. Done twice, it is the same."""
    base_sha = refs.head(gh, subject.repo, told.base)
    message = f"Context of {told.name} ({told.agent_id}, {told.role}, round {told.round}, attempt {told.attempt})"
    return refs.commit_files(gh, subject.repo, names.context_branch(told.name), content, message, base_sha)
