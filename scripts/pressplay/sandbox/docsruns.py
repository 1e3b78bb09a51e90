"""What the controller of DocsRun does around its agent, without any of its code: see `steps.documents.docsrun`.

It clones the source branch, makes a `task.txt` for each task of `.taskmaster/tasks/tasks.json`, starts the agent in the
working directory, then commits what is new below `.taskmaster` to a branch named for the moment. Without anything new
it still succeeds.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pygit2

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.sandbox.gitwork import git, only_here, open_tree
from pressplay.steps.documents.docsrun import ATTEMPT_ANNOTATION, TASKS_FILE

TITLE = "docs: auto-generate Task Master documentation"
BODY = "Task Master documentation, written by an agent of the sandbox."
_FOLDER = ".taskmaster"


def repository_of(url: str) -> str:
    """The repository's full name, by the whole address that a DocsRun has; InputError for another form."""
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or address.path.endswith(".git"):
        raise InputError(f"repositoryUrl {url!r}: expected an address that can be cloned, https://HOST/OWNER/NAME")
    return names.repo("/".join(address.path.strip("/").split("/")[-2:]))


def project_of(tree: Path, directory: str) -> Path:
    """The folder of the work tree that the agent is started in; InputError where it is none, or outside of the tree."""
    folder = tree / directory
    if not folder.is_dir() or not folder.resolve().is_relative_to(tree.resolve()):
        raise InputError(f"workingDirectory {directory!r}: expected a folder of the repository")
    return folder.resolve()


def check_out(tree: Path, branch: str) -> None:
    """Check the source branch out; InputError where the repository has none of this name."""
    git(tree, only_here(tree), "checkout", "--quiet", "--no-track", "-B", branch, f"origin/{branch}")


def source(tree: Path, branch: str) -> str:
    """The commit that the run started from."""
    return str(open_tree(tree).references[f"refs/remotes/origin/{branch}"].peel(pygit2.Commit).id)


def lay_out(project: Path) -> None:
    """Make each task's `task.txt`; InputError where there is no backlog, as the controller's script ends then."""
    file = project / _FOLDER / TASKS_FILE
    if not file.is_file():
        raise InputError(f"{_FOLDER}/{TASKS_FILE}: expected the backlog; the run cannot start without it")
    for task in json.loads(file.read_text()).get("tasks") or []:
        folder = project / _FOLDER / "docs" / f"task-{task['id']}"
        folder.mkdir(parents=True, exist_ok=True)
        text = f"# Task {task['id']}: {task['title']}\n\n{task['description']}\n\n{task['details']}\n"
        (folder / "task.txt").write_text(text)


def agent_environment(run: Manifest, repo: str, head: str) -> dict[str, str]:
    """The PRESSPLAY_ variables of the sandbox's agent. The agent of a real DocsRun gets none."""
    metadata, branch = run["metadata"], run["spec"]["sourceBranch"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return {
        "PRESSPLAY_ROLE": labels.get("press-play/role", "plan"),
        "PRESSPLAY_AGENT": labels.get("press-play/agent", "morgan"),
        "PRESSPLAY_REPO": repo,
        "PRESSPLAY_TASK": labels.get("press-play/task", "0"),
        "PRESSPLAY_PR": "",
        "PRESSPLAY_BRANCH": branch,
        "PRESSPLAY_BASE": branch,
        "PRESSPLAY_HEAD": head,
        "PRESSPLAY_ROUND": "1",
        "PRESSPLAY_ATTEMPT": annotations.get(ATTEMPT_ANNOTATION, "0"),
        "PRESSPLAY_RUN": metadata["name"],
    }


def commit(tree: Path, project: Path, folder: Path, now: float) -> str | None:
    """Commit what is new below `.taskmaster`; the branch that it belongs on, None where there is nothing new.

    The branch's name is kept in the run's `folder`: after a kill in between, the next try pushes to the same one.
    """
    branch_file = folder / "branch"
    environment = only_here(tree)
    new = git(project, environment, "status", "--porcelain", "-z", "--untracked-files=all", "--", _FOLDER)
    if not branch_file.exists():
        if not new:
            return None
        moment = datetime.fromtimestamp(now, UTC)
        half = folder / "branch.half"
        half.write_text(f"docs/auto-gen-{moment:%Y%m%d-%H%M%S}-{int(now) % 100_000:05d}")
        half.replace(branch_file)
    if new:
        git(project, environment, "add", "--", _FOLDER)
        git(project, environment, "commit", "--quiet", "--message", TITLE, "--", _FOLDER)
    return branch_file.read_text()
