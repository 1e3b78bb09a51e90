"""What a step works with: the cluster, the settings, GitHub, the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pressplay import names
from pressplay.clock import Clock
from pressplay.cluster import pause
from pressplay.cluster.ledger import Ledger
from pressplay.cluster.port import Cluster
from pressplay.errors import InputError
from pressplay.github import contents
from pressplay.github.access import GitHubAccess
from pressplay.github.calls import Client
from pressplay.github.given import GivenToken, TokenSpent
from pressplay.github.remote import Remote
from pressplay.settings import RepositoryDefaults, Settings

Inputs = dict[str, str]
Outputs = dict[str, str]


def read_mounted(path: str) -> bytes | None:
    """What a file that is mounted into this pod holds; None where there is none."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Context:
    """Handed to every step; nothing else is global."""

    cluster: Cluster
    settings: Settings
    github: GitHubAccess
    clock: Clock
    say: Callable[[str], None] = lambda _line: None
    """Writes a line to the log. Never pass it text that people or agents wrote, or a token (R7, R9)."""
    git_folder: Callable[[str], str] | None = None
    """The path of a repository on this machine, if git can't reach the forge by HTTP (the sandbox's virtual time)."""
    mounted: Callable[[str], bytes | None] = read_mounted
    """Reads what is mounted at a path of the pod, as `read_mounted`; the sandbox keeps Secrets in memory."""

    def with_token(self, path: str) -> Context:
        """This context with GitHub as the token at `path` allows, and no key. TokenSpent where there is no token."""
        content = self.mounted(path)
        if content is None:
            raise TokenSpent("the token that was made for this step is gone")
        return replace(self, github=self.github.with_token(GivenToken.unpack(content)))

    def harness(self, repo: str, **permissions: str) -> Client:
        """GitHub as the harness's App, for one repository with these permissions only (R9)."""
        return self.github.installation(self.settings.github.harness_app, repo, permissions)

    def remote(self, repo: str) -> Remote:
        """The URL that git fetches a repository from, with a fresh token that can only read it (R9)."""
        if self.git_folder is not None:
            return Remote(self.git_folder(repo))
        token = self.github.token(self.settings.github.harness_app, repo, {"contents": "read"})
        return Remote(f"{self.settings.github.git_url}/{repo}.git", token)

    def ledger(self, repo: str) -> Ledger:
        """The ledgers of a repository."""
        return Ledger(self.cluster, self.settings.namespace, repo)

    def paused(self, repo: str) -> pause.Pause | None:
        """Why new runs of this repository (or all) are stopped; None where they are not."""
        return pause.of(self.cluster, self.settings.namespace, repo)


@dataclass(frozen=True)
class Subject:
    """What a flow works on: a repository with its settings, a task or a pull request, in which play and try."""

    repo: str
    settings: RepositoryDefaults
    task: int | None
    pr: int | None
    tag: str
    play: str
    attempt_of_person: int

    @staticmethod
    def of(inputs: Inputs, context: Context) -> Subject:
        """Read and check a step's inputs; InputError for an unlisted repository or an invalid number."""
        repo = context.settings.listed(inputs["repo"])
        settings = context.settings.repository(repo)
        return Subject(
            repo=repo,
            settings=settings,
            task=number(inputs, "task"),
            pr=number(inputs, "pr"),
            tag=inputs.get("tag") or settings.tag or "master",
            play=names.checked(inputs["play"], "play") if inputs.get("play") else "",
            attempt_of_person=number(inputs, "try") or names.play_count(inputs.get("play", "")),
        )

    def base(self, gh: Client) -> str:
        """The branch that the repository's tasks are merged into: the one in the values, else its default branch."""
        return self.settings.default_branch or contents.default_branch(gh, self.repo)

    @property
    def pull_number(self) -> int:
        """The pull request's number; InputError where the step was given none."""
        if self.pr is None:
            raise InputError("parameter pr: expected a pull request's number")
        return self.pr

    @property
    def task_number(self) -> int:
        """The task's number; InputError where the step was given none."""
        if self.task is None:
            raise InputError("parameter task: expected a task's number")
        return self.task

    @property
    def work_number(self) -> int:
        """The integer by which runs, plans of probes and folders know the work: the task's, else the pull request's."""
        return self.task or names.pull_request_number(self.pull_number)


def number(inputs: Inputs, name: str) -> int | None:
    """A whole number among the inputs, None where it is empty; InputError naming it otherwise."""
    text = inputs.get(name, "")
    if text in ("", "none"):
        return None
    if not text.isdecimal():
        raise InputError(f"parameter {name}: expected a whole number, got {text!r}")
    return int(text)
