"""Morgan's instructions: the branch that its DocsRun starts from, and the DocsRun.

The controller of DocsRun clones `sourceBranch`, makes of `.taskmaster/tasks/tasks.json` a `task.txt` for each task,
asks its agent for documents of all tasks in that file, commits what changed in `.taskmaster/` to a branch of its own,
opens a pull request against `sourceBranch`. It takes no environment and no prompt. So the branch
`press-play/context/<run>` is the default branch with one commit more, in which

* `.taskmaster/tasks/tasks.json` holds the tasks that are asked for and no others, under the numbers that their folders
  have, and no text that anybody wrote (the controller's script takes it apart line by line, R7);
* `.taskmaster/press-play/request.md` says what is asked; `.taskmaster/press-play/<run>/` has the tasks' texts as data.

All of that is taken out again before a person sees the pull request (`steps.documents.documents_pull`). Sources: the
definition, and the scripts of the existing controller (5dlabs/platform, infra/charts/controller,
docs/container.sh.hbs).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pressplay import names
from pressplay.backlog import tasks
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Run as RunEntry
from pressplay.errors import InputError
from pressplay.github import refs
from pressplay.github.calls import Client
from pressplay.steps.core import backlog_file
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.manifests import WORKFLOW_ANNOTATION
from pressplay.steps.runs.run import Run
from pressplay.templating import prompts

ATTEMPT_ANNOTATION = "press-play/attempt"
TASKS_FILE = "tasks/tasks.json"
"""In Taskmaster's folder: where the controller's script looks for tasks, and nowhere else."""
VOLUME = re.compile(rf"docs-workspace.*-taskmaster-{names.REQUEST_FOLDER}-(?P<run>run-[0-9a-f]{{12}})")
"""The volume of a run's own, as all known versions of the controller make its name of the working directory."""


def request(context: Context, run: Run, entry: RunEntry, *, started: bool) -> tuple[Manifest, RunEntry]:
    """The DocsRun, and the ledger's entry with the commit that it starts from.

    That commit does not change while the run exists: it identifies the pull request. Once the run has `started`, its
    branch is left alone.
    """
    subject, branch = run.subject, run.context_branch
    gh = context.harness(subject.repo, contents="write")
    sha, head = entry.context, entry.head or ""
    if not sha or (not started and refs.find_head(gh, subject.repo, branch) != sha):
        base = subject.base(gh)
        content = files(context, gh, subject, run, head, entry.tasks or (), base)
        message = f"Context of {run.name} ({run.agent_id}, {run.role.name}, attempt {run.attempt})"
        sha = refs.commit_files(gh, subject.repo, branch, content, message, head)
    return docsrun(context, run), replace(entry, context=sha)


def files(
    context: Context, gh: Client, subject: Subject, run: Run, commit: str, numbers: Sequence[int], base: str
) -> Mapping[str, bytes]:
    """What the context commit writes, by path; InputError where a task is not in the backlog at `commit` any more."""
    root = names.taskmaster_folder(subject.settings.docs_project_directory or "")
    own = f"{root}/{names.REQUEST_FOLDER}"
    path, content = backlog_file.locate(context, gh, subject, commit)
    known = {task.number: task for task in tasks.read(content, f"{subject.repo}@{commit}:{path}", subject.tag).tasks}
    gone = [number for number in numbers if number not in known]
    if gone:
        raise InputError(f"{subject.repo}@{commit}:{path}: no tasks with the numbers {', '.join(map(str, gone))}")
    listed = [
        {"number": number, "id": known[number].id, "folder": f".taskmaster/docs/task-{number}"} for number in numbers
    ]
    asks = {"run": run.name, "repository": subject.repo, "tag": subject.tag, "base": base, "tasks": listed}
    request = prompts.documents_request(run=run.name, repo=subject.repo, base=base, tasks=numbers, attempt=run.attempt)
    return {
        f"{own}/request.md": request.encode(),
        f"{own}/{run.name}/request.json": _json(asks),
        f"{own}/{run.name}/backlog.json": content,
        **{f"{own}/{run.name}/task-{number}.json": _json(known[number].raw) for number in numbers},
        f"{root}/{TASKS_FILE}": _json({"tasks": [_stub(run, number) for number in numbers]}),
    }


def _json(value: object) -> bytes:
    # A lone surrogate, which JSON can write, is no UTF-8.
    return f"{json.dumps(value, indent=2, ensure_ascii=False)}\n".encode("utf-8", "replace")


def _stub(run: Run, number: int) -> dict[str, object]:
    """A task for the controller's script: its `task.txt` sends the agent to the request."""
    return {
        "id": number,
        "title": f"Task {number}",
        "description": f"Read .taskmaster/{names.REQUEST_FOLDER}/request.md first: it says what is asked.",
        "details": f"The text of this task is in .taskmaster/{names.REQUEST_FOLDER}/{run.name}/task-{number}.json",
        "testStrategy": "",
        "priority": "medium",
        "dependencies": [],
        "status": "pending",
        "subtasks": [],
    }


def docsrun(context: Context, run: Run) -> Manifest:
    """The DocsRun, with only the fields that the early definition has.

    The repository is a whole address, as every known script clones it. The working directory is the folder of the docs
    project by a way round: the early controller names the workspace's volume after it and after nothing else, which is
    no legal name for `.`, and one volume for all repositories and branches. Through the request's folder it is a volume
    of the run's own (`steps.upkeep.cleanup` deletes it).
    """
    subject = run.subject
    settings, agent = subject.settings, context.settings.agent(run.agent_id)[1]
    root = names.taskmaster_folder(settings.docs_project_directory or "")
    labels = {
        **PART_OF,
        "press-play/repo": names.repo_key(subject.repo),
        "press-play/task": str(run.number),
        "press-play/agent": run.agent_id,
        "press-play/flow": "run",
        "press-play/role": run.role.name,
    }
    annotations = {ATTEMPT_ANNOTATION: str(run.attempt)}
    if run.workflow:
        annotations[WORKFLOW_ANNOTATION] = run.workflow
    return {
        "apiVersion": "agents.platform/v1",
        "kind": "DocsRun",
        "metadata": {
            "name": run.name,
            "namespace": context.settings.controller_namespace,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": {
            "repositoryUrl": f"{context.settings.github.git_url}/{subject.repo}",
            "workingDirectory": f"{root}/{names.REQUEST_FOLDER}/{run.name}/../../..",
            "sourceBranch": run.context_branch,
            "githubApp": agent.github_app,
            "model": settings.model or agent.model,
        },
    }
