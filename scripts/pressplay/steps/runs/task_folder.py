"""The task folder that a run reads: made before each run and committed to `press-play/context/<run>`.

The controller copies `.taskmaster/docs/task-{id}/` of docsBranch into the work tree as `task/`. The project's own files
win; missing files are made from tasks.json by template. The texts are data throughout (R7): they travel only by git.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pressplay import names
from pressplay.backlog import tasks
from pressplay.domain.criteria import Criterion, of_task
from pressplay.domain.entries import CriterionIds
from pressplay.domain.entries import Run as RunEntry
from pressplay.errors import InputError
from pressplay.github import contents, pulls, refs
from pressplay.github.calls import Client
from pressplay.steps.core import backlog_file, consent, stack, task_criteria
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.runs import around, check_file, findings, project_text
from pressplay.steps.runs.coderun import RunSpec
from pressplay.steps.runs.role_work import Rooms
from pressplay.steps.runs.run import Run
from pressplay.templating import prompts
from pressplay.validation import requirements

MOST = 60_000
"""Bytes of a text of people's or of a project's that are read at once."""


def files(context: Context, gh: Client, spec: RunSpec, rooms: Rooms) -> Mapping[str, bytes]:
    """The folder's files by path in the repository."""
    run, subject = spec.run, spec.run.subject
    work = rooms.roles[run.role.name]
    where = names.task_folder(run.work, subject.settings.docs_project_directory or "")
    made, around_it = _work(context, gh, spec, rooms)
    users = names.task_folder(spec.number, subject.settings.docs_project_directory or "")
    own = {name: contents.read_file(gh, subject.repo, f"{users}/{name}", spec.base) for name in made}
    result = {f"{where}/{name}": own[name] or text.encode() for name, text in made.items()}
    for name in made:
        result |= capped(where, name, result[f"{where}/{name}"])
    about = project_text.text(context, gh, subject, spec.base, refs.head(gh, subject.repo, spec.base))
    result[f"{where}/{project_text.FILE}"] = about.encode(errors="backslashreplace")
    on = stack.unlanded(context, subject)
    refused = findings.of(context, subject, run.role, spec.head)
    more = work.files(context, gh, run)
    instructions = prompts.instructions(
        run.role.name,
        repo=subject.repo,
        task=spec.number,
        pr=subject.pr,
        branch=spec.branch,
        base=spec.base,
        head=spec.head,
        round=run.round,
        attempt=run.attempt,
        cause=run.cause,
        kind=names.kind_of(spec.number),
        findings=bool(refused.text),
        refused_own=refused.own,
        refused_probes=refused.probes,
        review="review.md" in more,
        failed_before=_failed_before(context, run),
        budget=_budget(context),
        proving=work.proving(subject),
        by_file=context.settings.handover == "file",
        begun_on={"dependency": stack.name(on), "commit": on.head} if on else None,
    )
    result[f"{where}/instructions.md"] = instructions.encode()
    result[f"{where}/{check_file.FILE}"] = check_file.Rules.of(
        run.role.name, spec.base, spec.head, spec.number, subject.settings, task_criteria.ids(context, subject) or ()
    ).dump()
    if around_it:
        result[f"{where}/{around.FILE}"] = around_it.encode(errors="backslashreplace")
    if refused.text:
        result |= capped(where, findings.FILE, refused.text.encode(errors="backslashreplace"))
    if spec.given.tools_file:
        # It replaces one in the task's folder: the project decides about tools, not a task.
        result[f"{where}/toolman-config.json"] = requirements.to_json(spec.given.toolman_config()).encode()
    return result | {f"{where}/{name}": content for name, content in more.items()}


def capped(where: str, name: str, text: bytes) -> Mapping[str, bytes]:
    """A file of the folder by its path, as it is read at once; and, where that is not all of it, a file with all of it.

    What is read first must leave room for the work. Nothing is lost: the rest is a file away.
    """
    if len(text) <= MOST:
        return {f"{where}/{name}": text}
    whole = in_full(name)
    kept = text[:MOST].rpartition(b"\n")[0] or text[:MOST]
    note = f"\n\n(The text goes on: all {len(text):,} bytes are in `task/{whole}`. Read there what you need.)\n"
    return {f"{where}/{name}": kept.decode(errors="ignore").encode() + note.encode(), f"{where}/{whole}": text}


def in_full(name: str) -> str:
    """The file with the whole text of another one, which has its beginning alone: `task-in-full.md` for `task.md`."""
    stem, _, kind = name.rpartition(".")
    return f"{stem}-in-full.{kind}"


def _failed_before(context: Context, run: Run) -> str:
    """Why the attempt before this one failed; empty where this is the first."""
    if not run.attempt:
        return ""
    before = (
        context.ledger(run.subject.repo)
        .entries(run.kind, run.number)
        .get(RunEntry, replace(run, attempt=run.attempt - 1).name)
    )
    return before.reason if before is not None else ""


def _budget(context: Context) -> dict[str, int]:
    """What a run may take, at most."""
    limits = context.settings.limits
    return {"rounds": limits.rounds, "attempts": limits.attempts, "minutes": limits.run_minutes}


def _work(context: Context, gh: Client, spec: RunSpec, rooms: Rooms) -> tuple[Mapping[str, str], str]:
    """The description of the work, as every agent on it reads it; and what is around it, for those who write code."""
    subject, kind = spec.run.subject, names.kind_of(spec.number)
    if kind in rooms.sources:
        return rooms.sources[kind](context, subject.repo, spec.number), ""
    if subject.task is not None and kind == "task":
        backlog = backlog_file.read(context, gh, subject, spec.base)
        task = backlog_file.of_number(subject, backlog)
        writes = spec.run.role.name in around.ROLES
        around_it = around.text(context, gh, subject, backlog, task) if writes else ""
        return prompts.task_files(task, backlog, numbered=_criteria(context, subject, task)), around_it
    if subject.pr is None:
        raise InputError("a run needs a task or a pull request to work on")
    # A pull request without a task is the work itself: its title and body are its only description.
    title, body = _words(context, gh, subject.repo, subject.pr)
    itself = tasks.Task(
        id=f"PR {subject.pr}",
        number=spec.number,
        title=title,
        description=body,
        details="",
        test_strategy="",
        priority="medium",
        status="review",
        dependencies=(),
    )
    return prompts.task_files(itself), ""


def _criteria(context: Context, subject: Subject, task: tasks.Task) -> tuple[Criterion, ...]:
    """The task's criteria, with the ids that its ledger knows; what is new there is recorded."""
    ledger = context.ledger(subject.repo)
    known = ledger.entries("task", task.number).get(CriterionIds) or CriterionIds(ids={})
    criteria = of_task(task, known.ids)
    entry = CriterionIds(ids={**known.ids, **{criterion.key: criterion.id for criterion in criteria}})
    if entry != known:
        ledger.record("task", task.number, entry)
    return criteria


def _words(context: Context, gh: Client, repo: str, number: int) -> tuple[str, str]:
    """The title and body of a pull request, if they count; consent.Withdrawn if the label consented to others."""
    words = consent.words(context, repo, number, pulls.pull(gh, repo, number).labels)
    if words.withdrawn:
        raise consent.Withdrawn(consent.EDITED)
    if words.count:
        return words.title, words.body
    return f"Pull request {number}", "What its author says of it is left out: nobody with write access wrote it."


def commit(gh: Client, spec: RunSpec, content: Mapping[str, bytes]) -> str:
    """Commit the folder, on top of the base branch, to the run's own branch; returns the commit. Idempotent."""
    run, repo = spec.run, spec.run.subject.repo
    base_sha = refs.head(gh, repo, spec.base)
    message = f"Context of {run.name} ({run.agent_id}, {run.role.name}, round {run.round}, attempt {run.attempt})"
    return refs.commit_files(gh, repo, run.context_branch, content, message, base_sha)
