"""The runner: stands in for the controller of CodeRun and DocsRun, over the cluster port, git and the forge's HTTP.

Like the real one it clones, copies the task folder of docsBranch to `task/`, fails without `prompt.md` or the persona's
file, starts the agent in a work tree, and sets `status.phase`. Unlike it, it pushes what the agent committed, opens the
pull request and posts QA's review: an agent here holds no token. `sandbox.docsruns` has what differs in a DocsRun.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pygit2
import yaml

from pressplay import names
from pressplay.agents import servers
from pressplay.clock import Clock, rfc3339
from pressplay.cluster.port import Cluster, Manifest
from pressplay.domain.outcomes import BLOCKED_MARK, CONTESTED_MARK, FATAL, PASSING, Failure, Outcome
from pressplay.domain.roles import COMMENTS, FIX, IMPLEMENT, ISSUE, ROLES, Role
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.github import bodies, comments, issues, pulls, reviews, snapshots
from pressplay.github.access import GitHubAccess, InstallationClient
from pressplay.github.conversation import Thread
from pressplay.sandbox import comments_server, docsruns, keeper, kept_work
from pressplay.sandbox.container import remove
from pressplay.sandbox.detached import kill, renew, was_started, was_stopped
from pressplay.sandbox.gitwork import Remote, clone, commit_nothing, git, only_here, open_tree, push
from pressplay.sandbox.holds import Holds
from pressplay.sandbox.launcher import Launcher
from pressplay.steps.comments import snapshot
from pressplay.steps.intake.issue_texts import QUESTION_MARK, TASK_MARK
from pressplay.steps.runs.outcomes import HELD_ANNOTATION, LOG_ANNOTATION, REPORT_ANNOTATION
from pressplay.validation import outcomes
from pressplay.validation.details import ending

AGENTS_CONFIG_MAP = "controller-agents"
RUN_KINDS = ("CodeRun", "DocsRun")
"""The kinds of custom resources that are carried out. Their names come from one function: none has two kinds."""
_LAST_WORDS = 16_000
"""Bytes of the end of a failed agent's log that are looked at for its status."""
_BODY_LIMIT = 60_000
"""Below GitHub's 65,536 characters, with room for our own marks."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FINISHED = ("Succeeded", "Failed")
_HELD, _WAITED = "held", "waited"
"""In a run's folder: that its agent waits to be started again; the seconds that it waited in all."""
_PULLS = {"pull_requests": "write"}
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "TERM", "VIRTUAL_ENV", "PYTHONPATH")
"""The variables of our environment that an agent gets: none of our secrets."""


Level = Literal["read", "write"]
RemoteOf = Callable[[str, str, Level], Remote]
"""(App, repository, to clone or to push) → Remote, with a fresh token where one is needed."""


def over_http(github: GitHubAccess, git_url: str, app: str, repo: str, level: Level) -> Remote:
    """A repository over git's smart HTTP, with a fresh token of the App."""
    token = github.token(app, repo, {"contents": level})
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    # In the environment, not on the command line, where every user of the machine could read it.
    environment = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }
    return Remote(f"{git_url}/{repo}.git", environment)


class Runner:
    """Carries out CodeRuns and DocsRuns. `start` and `finish` may each be killed anywhere and called again."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        github: GitHubAccess,
        remote: RemoteOf,
        launcher: Launcher,
        directory: Path,
        clock: Clock,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`directory` holds a folder a run; `environment` is added to what each agent gets."""
        self._cluster = cluster
        self._namespace = namespace
        self._github = github
        self._remote = remote
        self._launcher = launcher
        self._directory = directory.resolve()
        self._clock = clock
        self.closed = threading.Event()
        """When set, nothing waits for agents any more."""
        self.on_fatal: Callable[[str], None] | None = None
        """Called with the reason where no agent can work until a person puts something right; without it, runs fail."""
        self.on_hold: Callable[[Manifest, float], None] = lambda _run, _seconds: None
        """Called where a run waits for so many seconds: they count for no limit."""
        self.comments: Callable[[], Mapping[str, Any] | None] = lambda: None
        """Where agents read comments, as clients of MCP take it; None where there is no such server."""
        self._holds = Holds(self._directory, clock)
        self._environment = {**{name: os.environ[name] for name in _KEPT if name in os.environ}, **(environment or {})}

    def folder(self, name: str) -> Path:
        """Where a run's work tree, log and marks are."""
        return self._directory / names.checked(name, "run").replace("/", "-")

    def find(self, name: str) -> Manifest | None:
        """The CodeRun or DocsRun of this name."""
        matches = (self._cluster.get(kind, self._namespace, name) for kind in RUN_KINDS)
        return next((run for run in matches if run is not None), None)

    def start(self, name: str) -> bool:
        """Start the agent of the run `name`, once; False where it has ended or is gone."""
        run = self.find(name)
        if run is None or _phase(run) in _FINISHED:
            return False
        folder = self.folder(name)
        if _phase(run) is None:
            self._name_log(run, folder)
            self._status(run, "Running", jobName=name)
        if was_stopped(folder):
            _prepare_restart(folder)
        if (folder / _HELD).exists() and not self._holds.until():
            _forget_start(folder)
        if was_started(folder):
            return True
        if self._holds.until():
            self._hold(run, folder)
            return True
        try:
            folder.mkdir(parents=True, exist_ok=True)
            prepare = self._prepare_documents if run["kind"] == "DocsRun" else self._prepare
            worktree, environment = prepare(run, folder)
        except TryAgain:
            raise
        except PressPlayError as error:
            self._status(run, "Failed", message=str(error))
            return False
        self._launcher.start(folder, worktree, environment)
        return True

    def _name_log(self, run: Manifest, folder: Path) -> None:
        """Say on the run where its log is, for the reasons that people read."""
        self._note(run, {LOG_ANNOTATION: str(folder / "log")})

    def _note(self, run: Manifest, annotations: Mapping[str, str]) -> None:
        metadata = {key: run["metadata"][key] for key in ("name", "namespace")}
        annotated = {**metadata, "annotations": dict(annotations)}
        self._cluster.apply({"apiVersion": run["apiVersion"], "kind": run["kind"], "metadata": annotated})

    def ends_at(self, name: str) -> float | None:
        """When the agent will end, or be started, where that is known beforehand."""
        if (self.folder(name) / _HELD).exists():
            return self._holds.until() or self._clock.now()
        return self._launcher.ends_at(self.folder(name))

    def finish(self, name: str) -> bool:
        """Hand over what an ended agent left, and set the phase; False while the agent runs."""
        run = self.find(name)
        if run is None:
            self._launcher.kill(self.folder(name))
            return True
        if _phase(run) in _FINISHED:
            return True
        folder = self.folder(name)
        if (folder / _HELD).exists():
            return not self._holds.until() and not self.start(name)
        code = self._launcher.ended(folder)
        if code is None:
            return False
        report = _report(folder / "result.json")
        self._annotate(run, report)
        if code != 0:
            return self._failed(run, folder, code, report.failure)
        self._holds.end()
        try:
            hand_over = self._hand_over_documents if run["kind"] == "DocsRun" else self._hand_over
            hand_over(run, self.folder(name))
        except TryAgain:
            raise
        except PressPlayError as error:
            self._status(run, "Failed", message=str(error))
            return True
        self._status(run, "Succeeded")
        return True

    def _failed(self, run: Manifest, folder: Path, code: int, failure: Failure | None) -> bool:
        """Deal with an agent that ended badly, by its class; False where the same attempt begins again."""
        if failure is not None and failure.kind in PASSING:
            self._holds.begin(failure)
            self._hold(run, folder)
            return False
        who = f"{run['spec'].get('githubApp')}, run {run['metadata']['name']}"
        if failure is not None and failure.kind in FATAL and self.on_fatal is not None:
            # As if a person had stopped it: it begins again as the same attempt.
            (folder / "stopped").touch()
            how = "Nothing was spent; put that right, and go on with --resume."
            self.on_fatal(f"No agent can work: {failure.line} ({who}). {how}")
            return False
        self._holds.end()
        kept = self._keep(run, folder) if run["kind"] == "CodeRun" else ""
        words = failure.line if failure is not None else self._last_words(run["metadata"]["name"], code)
        self._status(run, "Failed", message=f"{words}{kept}")
        return True

    def _keep(self, run: Manifest, folder: Path) -> str:
        """Keep what a failed attempt committed, or left; what is said of it."""
        tree, variables = folder / "tree", _environment(run["spec"])
        begun = (folder / "ready").read_text() if (folder / "ready").exists() else ""
        try:
            kept_work.commit_rest(tree, f"What an attempt that failed left ({variables.get('PRESSPLAY_ROLE')})")
            if not begun or not kept_work.keep(self._directory, variables, tree, begun):
                return ""
            if variables.get("PRESSPLAY_ROLE") != IMPLEMENT.name:
                return "; the next attempt goes on from its commits"
            branch, app, repo = self._branch(run), run["spec"]["githubApp"], names.repo(run["spec"]["repositoryUrl"])
            repository = open_tree(tree)
            self._push(app, repo, tree, repository, repository.head.peel(pygit2.Commit).id, branch)
        except TryAgain:
            raise
        except PressPlayError as error:
            return f"; its work could not be kept: {error}"
        return f"; its commits are on {branch}, and the next attempt goes on from them"

    def _push(
        self, app: str, repo: str, tree: Path, repository: pygit2.Repository, head: pygit2.Oid, branch: str
    ) -> None:
        remote = self._remote(app, repo, "write")
        push(remote, tree, repository, str(head), branch)
        remote.pushed()

    def _branch(self, run: Manifest) -> str:
        """The branch that a run works on."""
        return _environment(run["spec"]).get("PRESSPLAY_BRANCH") or names.task_branch(run["spec"]["taskId"])

    def _hold(self, run: Manifest, folder: Path) -> None:
        """Have a run wait for the end of the hold; the wait counts for no limit."""
        seconds = max(0.0, self._holds.until() - self._clock.now())
        self._leave_out(run, folder, seconds)
        (folder / _HELD).touch()
        self._status(run, "Running", jobName=run["metadata"]["name"], message=self._holds.why())
        self.on_hold(run, seconds)

    def leave_out(self, run: Manifest, seconds: float) -> None:
        """Have `seconds` for which the sandbox was stopped count for none of a run's limits."""
        self._leave_out(run, self.folder(run["metadata"]["name"]), seconds)

    def _leave_out(self, run: Manifest, folder: Path, seconds: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        before = float((folder / _WAITED).read_text()) if (folder / _WAITED).exists() else 0.0
        (folder / _WAITED).write_text(str(before + seconds))
        self._note(run, {HELD_ANNOTATION: str(round(before + seconds))})

    def _annotate(self, run: Manifest, report: Outcome) -> None:
        """Say on the run what its agent used and how it failed, for the harness."""
        noted = {
            **({"usage": dict(report.usage)} if report.usage else {}),
            **({"model": report.model} if report.model else {}),
            **({"failure": report.failure.kind} if report.failure else {}),
        }
        if noted:
            self._note(run, {REPORT_ANNOTATION: json.dumps(noted)})

    def _last_words(self, name: str, code: int) -> str:
        """Why an agent failed: its exit status, and the end of its log."""
        ended = f"the agent ended with exit status {code}"
        log = self.folder(name) / "log"
        try:
            with log.open("rb") as file:
                file.seek(max(0, log.stat().st_size - _LAST_WORDS))
                text = file.read().decode(errors="replace")
                text = ending(text.partition("\n")[2] or text if file.tell() > _LAST_WORDS else text)
        except FileNotFoundError:
            text = ""
        return f"{ended}: {text}" if text else f"{ended} and printed nothing"

    def carry_out(self, name: str, poll: float, say: Callable[[str], None]) -> None:
        """Start the run and wait for its end, looking every `poll` seconds; what fails for good fails the run."""
        try:
            started = self._with_retries(lambda: self.start(name))
            while started and not self.closed.is_set() and not self._with_retries(lambda: self.finish(name)):
                self._clock.sleep(poll)
        except Exception as error:
            say(f"run {name}: {type(error).__name__}: {error}")
            run = self.find(name)
            if run is not None:
                self._status(run, "Failed", message=str(error))

    def _with_retries(self, call: Callable[[], bool]) -> bool:
        """Call it, up to five times while it raises TryAgain."""
        for pause in (0.1, 0.5, 2.0, 5.0):
            try:
                return call()
            except TryAgain:
                self._clock.sleep(pause)
        return call()

    def _status(self, run: Manifest, phase: str, **fields: str) -> None:
        status = {"phase": phase, "lastUpdate": rfc3339(self._clock.now()), **fields}
        self._cluster.set_status(run["kind"], self._namespace, run["metadata"]["name"], status)

    def _prepare(self, run: Manifest, folder: Path) -> tuple[Path, dict[str, str]]:
        """Where the agent is started, and its environment."""
        spec = run["spec"]
        app, repo = spec["githubApp"], names.repo(spec["repositoryUrl"])
        variables = {**self._secrets(spec), **_environment(spec)}
        persona = self._persona(app)
        remote = self._remote(app, repo, "read")
        tree = folder / "tree"
        if not (folder / "ready").exists():
            clone(folder, remote, self._github.login(app))
            branch = variables.get("PRESSPLAY_BRANCH") or names.task_branch(spec["taskId"])
            there = open_tree(tree).references.get(f"refs/remotes/origin/{branch}")
            start = f"origin/{branch}" if there else f"origin/{variables.get('PRESSPLAY_BASE') or 'HEAD'}"
            git(tree, only_here(tree), "checkout", "--quiet", "--no-track", "-B", branch, start)
            begun = git(tree, only_here(tree), "rev-parse", "HEAD").strip()
            kept_work.take_up(self._directory, variables, tree)
            self._task_folder(tree, spec)
            (folder / "persona.md").write_text(persona)
            (folder / "ready").write_text(begun)
        return tree, self._agents_environment(variables, spec, folder)

    def _agents_environment(
        self, variables: Mapping[str, str], spec: Mapping[str, Any], folder: Path
    ) -> dict[str, str]:
        environment = {**self._environment, **variables}
        return {
            **environment,
            # Behind all others: a project's own tools come first.
            "PATH": os.pathsep.join([environment.get("PATH", os.defpath), str(_own_command(folder))]),
            "PRESSPLAY_MODEL": spec.get("model") or "",
            "PRESSPLAY_PERSONA": str(folder / "persona.md"),
            "PRESSPLAY_RESULT": str(folder / "result.json"),
            **self._servers(variables, folder),
        }

    def _servers(self, variables: Mapping[str, str], folder: Path) -> dict[str, str]:
        """The MCP servers that an agent gets beside the project's: that of comments, where there is a pull request."""
        entry = self.comments() if variables.get("PRESSPLAY_PR") else None
        if entry is None:
            return {}
        file = folder / "mcp.json"
        file.write_text(json.dumps({"mcpServers": {comments_server.NAME: entry}}))
        return {servers.VARIABLE: str(file)}

    def _secrets(self, spec: Mapping[str, Any]) -> dict[str, str]:
        """The variables that the run has of Secrets' keys; where one is missing, a pod would never start."""
        variables: dict[str, str] = {}
        for secret in _requirements(spec).get("secrets") or []:
            secret_object = self._cluster.get("Secret", self._namespace, secret["name"])
            data = (secret_object or {}).get("data") or {}
            for key, name in (pair for keys in secret["keys"] for pair in keys.items()):
                if key not in data:
                    raise InputError(f"Secret {self._namespace}/{secret['name']}: no key {key!r}, which the run wants")
                variables[name] = base64.b64decode(data[key]).decode()
        return variables

    def _prepare_documents(self, run: Manifest, folder: Path) -> tuple[Path, dict[str, str]]:
        """As `_prepare`, for a DocsRun."""
        spec = run["spec"]
        app, repo = spec["githubApp"], docsruns.repository_of(spec["repositoryUrl"])
        persona, remote = self._persona(app), self._remote(app, repo, "read")
        tree = folder / "tree"
        if not (folder / "ready").exists():
            clone(folder, remote, self._github.login(app))
            docsruns.check_out(tree, spec["sourceBranch"])
            docsruns.lay_out(docsruns.project_of(tree, spec["workingDirectory"]))
            (folder / "persona.md").write_text(persona)
            (folder / "ready").touch()
        variables = docsruns.agent_environment(run, repo, docsruns.source(tree, spec["sourceBranch"]))
        return docsruns.project_of(tree, spec["workingDirectory"]), self._agents_environment(variables, spec, folder)

    def _hand_over_documents(self, run: Manifest, folder: Path) -> None:
        """Commit what the agent left below `.taskmaster`, push it, open the pull request; nothing for nothing."""
        spec, tree = run["spec"], folder / "tree"
        app, repo = spec["githubApp"], docsruns.repository_of(spec["repositoryUrl"])
        branch = docsruns.commit(tree, docsruns.project_of(tree, spec["workingDirectory"]), folder, self._clock.now())
        if branch is None:
            return
        remote = self._remote(app, repo, "write")
        opened = open_tree(tree)
        push(remote, tree, opened, str(opened.head.peel(pygit2.Commit).id), branch)
        remote.pushed()
        gh = self._github.installation(app, repo, _PULLS)
        pulls.open_pull(gh, repo, branch, spec["sourceBranch"], docsruns.TITLE, docsruns.BODY)

    def _persona(self, app: str) -> str:
        key = names.persona_file(app)
        config = self._cluster.get("ConfigMap", self._namespace, AGENTS_CONFIG_MAP) or {}
        text: str | None = (config.get("data") or {}).get(key)
        if text is None:
            raise InputError(f"ConfigMap {AGENTS_CONFIG_MAP}: no key {key!r}, which githubApp {app!r} asks for")
        return text

    def _task_folder(self, tree: Path, spec: Mapping[str, Any]) -> None:
        where = names.task_folder(spec["taskId"], spec.get("docsProjectDirectory") or "")
        ref = f"origin/{spec.get('docsBranch') or 'main'}"
        repository = open_tree(tree)
        missing = InputError(f"{ref}: {where}/prompt.md is missing; the run cannot start without it")
        try:
            folder = repository.references[f"refs/remotes/{ref}"].peel(pygit2.Commit).tree[where]
        except KeyError as error:
            raise missing from error
        listed = [file for file in folder if isinstance(file, pygit2.Blob)] if isinstance(folder, pygit2.Tree) else []
        files = {os.fsdecode(file.raw_name or b""): file.data for file in listed}
        if "prompt.md" not in files:
            raise missing
        _leave_out(tree, repository)
        (tree / "task").mkdir()
        for name, content in files.items():
            if "/" in name or name in ("", ".", ".."):
                raise InputError(f"{ref}: {where}: {name!r} is no file's name")
            (tree / "task" / name).write_bytes(content)

    def _hand_over(self, run: Manifest, folder: Path) -> None:
        spec = run["spec"]
        app, repo = spec["githubApp"], names.repo(spec["repositoryUrl"])
        variables, tree = _environment(spec), folder / "tree"
        role = ROLES[variables.get("PRESSPLAY_ROLE") or IMPLEMENT.name]
        branch = self._branch(run)
        outcome = _outcome(folder / "result.json", role)
        if role != ISSUE:
            self._commit_rest(tree, role, folder)
        answers = self._answers(app, repo, variables, outcome) if role == COMMENTS else []
        if role == ISSUE:
            self._on_issue(run, app, outcome)
            return
        repository = open_tree(tree)
        base = repository.references.get(f"refs/remotes/origin/{variables.get('PRESSPLAY_BASE') or 'HEAD'}")
        if base is None or repository.head_is_unborn:
            raise InputError("the agent left a repository without its base or without a commit")
        head = repository.head.peel(pygit2.Commit).id
        ahead, _behind = repository.ahead_behind(head, base.peel(pygit2.Commit).id)
        begun = variables.get("PRESSPLAY_HEAD", "")
        if role == IMPLEMENT and begun in repository:
            # What it was begun on, on a branch of another task, is not its own.
            ahead = min(ahead, repository.ahead_behind(head, pygit2.Oid(hex=begun))[0])
        blocked = outcome.result == "blocked"
        if role == IMPLEMENT and blocked and not ahead:
            # A pull request is where people read the question, and it needs a commit.
            message = f"Ask how to go on with task {spec['taskId']}"
            head, ahead = commit_nothing(repository, self._github.login(app), message, self._clock.now()), 1
        if ahead:
            self._push(app, repo, tree, repository, head, branch)
        opens, judges = role == IMPLEMENT and bool(ahead), outcome.result in ("pass", "changes")
        contests = role == FIX and bool(outcome.contests)
        if not (opens or judges or answers or blocked or contests):
            return
        gh = self._github.installation(app, repo, _PULLS)
        pr, asked = int(variables.get("PRESSPLAY_PR") or 0), False
        if opens:
            backlog_title, backlog_body = backlog_words(tree / "task" / "task.md", spec["taskId"])
            body = _asked(outcome) if blocked else _cut(outcome.markdown or backlog_body)
            pull = pulls.find_pull(gh, repo, branch, state="open")
            if pull is None:
                title = (outcome.title or backlog_title)[:250]
                pull = pulls.open_pull(gh, repo, branch, variables["PRESSPLAY_BASE"], title, body)
            pr, asked = pull.number, blocked and bodies.text(gh, repo, pull.number) == body
        if judges:
            self._review(gh, repo, pr, app, str(head), run, outcome)
        for thread, text in answers:
            self._answer(gh, repo, variables, thread, text)
        if contests:
            marker = f"contested-{run['metadata']['name']}"
            issues.comment(gh, repo, pr, f"{CONTESTED_MARK}\n\n{_cut(outcome.contested)}", marker=marker)
        if blocked and not asked:
            issues.comment(gh, repo, pr, _asked(outcome), marker=run["metadata"]["name"])

    def _commit_rest(self, tree: Path, role: Role, folder: Path) -> None:
        """Commit what the agent left uncommitted, and say so in its log."""
        paths = kept_work.commit_rest(tree, f"Commit what the role {role.name} left uncommitted")
        if paths:
            log = keeper.Log(str(folder / "log"))
            log.write(f"[press-play: committed for it: {', '.join(paths)}]\n".encode())
            log.close()

    def _answers(self, app: str, repo: str, variables: Mapping[str, str], outcome: Outcome) -> list[tuple[Thread, str]]:
        """The agent's answers by the threads that they belong to; InputError before anything of the run is pushed."""
        if not outcome.answers:
            return []
        reader = self._github.installation(app, repo, {"contents": "read"})
        taken = snapshots.read(reader, repo, variables["PRESSPLAY_CAUSE"])
        texts: dict[str, list[str]] = {}
        threads = {thread.id: thread for thread in taken.threads}
        for key, text in outcome.answers.items():
            texts.setdefault(snapshot.thread_of(taken, key).id, []).append(text)
        return [(threads[name], "\n\n".join(parts)) for name, parts in texts.items()]

    def _answer(
        self, gh: InstallationClient, repo: str, variables: Mapping[str, str], thread: Thread, text: str
    ) -> None:
        """Post one answer where its thread is, once."""
        pr, marker = int(variables["PRESSPLAY_PR"]), snapshot.answer_marker(variables["PRESSPLAY_CAUSE"], thread.id)
        body = _cut(text)
        if thread.kind == "thread":
            comments.reply(gh, repo, pr, thread.number, body, marker)
        else:
            issues.comment(gh, repo, pr, f"To [this {thread.kind}]({thread.url}):\n\n{body}", marker)

    def _on_issue(self, run: Manifest, app: str, outcome: Outcome) -> None:
        """What the Issue agent made of the issue, as a comment of its App on it: a task, or questions first."""
        mark, text = (QUESTION_MARK, outcome.question) if outcome.result == "blocked" else (TASK_MARK, outcome.task)
        if not text:
            return
        repo, number = names.repo(run["spec"]["repositoryUrl"]), names.plain_number(run["spec"]["taskId"])
        gh = self._github.installation(app, repo, {"issues": "write"})
        issues.comment(gh, repo, number, f"{mark}\n\n{_cut(text)}", marker=run["metadata"]["name"])

    def _review(self, gh: Any, repo: str, pr: int, app: str, head: str, run: Manifest, outcome: Outcome) -> None:
        mark = f"<!-- {run['metadata']['name']} -->"
        login = self._github.login(app)
        if any(review.author == login and mark in review.body for review in reviews.reviews(gh, repo, pr)):
            return
        body = f"press-play: {outcome.result}\n\n{_cut(outcome.verdict)}\n\n{mark}"
        reviews.post_review(gh, repo, pr, head, "COMMENT" if outcome.result == "pass" else "REQUEST_CHANGES", body)


def _own_command(folder: Path) -> Path:
    """A folder that holds the command `pressplay` alone, for `pressplay check`: nothing else of ours is on the PATH."""
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    command = place / "pressplay"
    # -P: what lies in the work tree is no module of ours.
    start = f"exec {shlex.quote(sys.executable)} -P -c 'from pressplay.cli import run; run()'"
    command.write_text(f'#!/bin/sh\n{start} "$@"\n')
    command.chmod(0o755)
    return place


def _prepare_restart(folder: Path) -> None:
    """Prepare another start of a run whose agent was stopped with the sandbox: the same attempt, a fresh clone.

    What the agent had not handed over stays beside it, for people: `tree.stopped`.
    """
    kill(folder)
    if (folder / "tree").exists():
        remove(folder / "tree.stopped")
        (folder / "tree").rename(folder / "tree.stopped")
    for name in ("ready", "result.json", "agent/session.json", "working", _HELD):
        (folder / name).unlink(missing_ok=True)
    renew(folder)


def _forget_start(folder: Path) -> None:
    """Prepare another start of a run that waited: the same attempt, in the work tree as it is."""
    renew(folder)
    for name in ("working", "result.json", _HELD):
        (folder / name).unlink(missing_ok=True)


def backlog_words(file: Path, number: int) -> tuple[str, str]:
    """Title and body for a pull request whose agent gave none, from the task's text (`task/task.md`).

    Only of tasks in tasks.json, which lies on the default branch: a title ends in the merge's message, and those of
    issues and alerts are strangers' text.
    """
    if names.kind_of(number) != "task" or names.issue_of(number) is not None:
        return f"Task {number}", ""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return f"Task {number}", ""
    heading, _, rest = text.partition("\n")
    described = re.search(r"^## In short\n+(.+?)(?=\n#|\Z)", rest, re.MULTILINE | re.DOTALL)
    title = heading.removeprefix("#").strip() or f"Task {number}"
    return (
        title,
        f"{described[1].strip()}\n\nThe agent left no words of its own; these are the backlog's." if described else "",
    )


def _report(path: Path) -> Outcome:
    """What a result file says of usage and failure; of one that is not as it should be, nothing."""
    try:
        return outcomes.read(path.read_bytes()[: outcomes.LIMIT + 1], "PRESSPLAY_RESULT")
    except (OSError, InputError):
        return Outcome()


def _phase(run: Manifest) -> str | None:
    phase: str | None = (run.get("status") or {}).get("phase")
    return phase


def _requirements(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The run's taskRequirements (base64 of YAML), as the controller reads them."""
    packed = spec.get("taskRequirements")
    return yaml.load(base64.b64decode(packed), Loader=_LOADER) if packed else {}  # noqa: S506 - a safe loader


def _environment(spec: Mapping[str, Any]) -> dict[str, str]:
    """The run's own variables; like the controller, only those whose values are strings."""
    variables = (_requirements(spec).get("environment") or {}).items()
    return {name: value for name, value in variables if isinstance(value, str)}


def _outcome(path: Path, role: Role) -> Outcome:
    """What the agent wrote to PRESSPLAY_RESULT, if anything; InputError where it is not what the contract says."""
    if not path.exists():
        return Outcome()
    try:
        with path.open("rb") as file:
            content = file.read(outcomes.LIMIT + 1)
    except OSError as error:
        raise InputError(f"PRESSPLAY_RESULT: expected a readable file: {type(error).__name__}") from error
    outcome = outcomes.read(content, "PRESSPLAY_RESULT")
    try:
        outcome.check(role)
    except InputError as error:
        raise InputError(f"PRESSPLAY_RESULT: {error}") from error
    return outcome


def _asked(outcome: Outcome) -> str:
    """The question of a blocked agent as it is posted."""
    return f"{BLOCKED_MARK}\n\n{_cut(outcome.question)}"


def _cut(text: str) -> str:
    """Markdown that is posted, cut to what GitHub takes."""
    return text if len(text) <= _BODY_LIMIT else f"{text[:_BODY_LIMIT]}\n\n(cut: {len(text)} characters)"


def _leave_out(tree: Path, repository: pygit2.Repository) -> None:
    """Make room for `task/`, and see to it that git commits nothing of it.

    A project may have something of that name itself: it stays as it is in every commit, but out of the work tree. A
    link of that name would have us write wherever it points.
    """
    own = [entry.path for entry in repository.index if entry.path == "task" or entry.path.startswith("task/")]
    if own:
        git(tree, only_here(tree), "update-index", "-z", "--skip-worktree", "--stdin", given="\0".join([*own, ""]))
    if (tree / "task").is_dir() and not (tree / "task").is_symlink():
        shutil.rmtree(tree / "task")
    else:
        (tree / "task").unlink(missing_ok=True)
    exclude = tree / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("/task/\n")
