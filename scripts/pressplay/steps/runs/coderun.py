"""The orders of a run: the one builder of a CodeRun and of the task folder."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.settings import Agent, RepositoryDefaults
from pressplay.steps.core import manifests
from pressplay.steps.core.context import Context
from pressplay.steps.runs.run import Run
from pressplay.validation.requirements import Given


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """All that a CodeRun and its task folder are made from."""

    run: Run
    agent: Agent
    branch: str
    """The branch that the agent works on."""
    base: str
    """The branch that the work is merged into."""
    head: str
    """The commit that the run begins at."""
    given: Given = field(default_factory=Given)
    """Tools, Secrets and environment: the persona's and what the project's requirements.yaml adds."""

    @property
    def number(self) -> int:
        """The number of the task, or of what takes a task's place."""
        return self.run.subject.work_number


def service(repo: str, settings: RepositoryDefaults) -> str:
    """The CodeRun's service: as set, else the repository's own name."""
    return settings.service or names.slug(repo.split("/")[1])


def has_volume(settings: RepositoryDefaults) -> bool:
    """Whether each task has its own volume (`isolation: volume`): the service's name then contains the number."""
    return (settings.isolation or "volume") == "volume"


def coderun(context: Context, spec: RunSpec) -> Manifest:
    """The CodeRun, with only the fields that the early definition has; `coderun.extraSpec` of the values adds more.

    Source: the definition and its early controller. There taskRequirements switch `env` off, so everything goes into
    taskRequirements; the repository's URL is `org/repo`.
    """
    run, subject = spec.run, spec.run.subject
    settings = subject.settings
    volume = has_volume(settings) or run.role.is_apart
    directory = settings.working_directory or "."
    environment = {
        "PRESSPLAY_ROLE": run.role.name,
        "PRESSPLAY_AGENT": run.agent_id,
        "PRESSPLAY_REPO": subject.repo,
        "PRESSPLAY_TASK": str(spec.number),
        "PRESSPLAY_PR": str(subject.pr or ""),
        "PRESSPLAY_BRANCH": spec.branch,
        "PRESSPLAY_HEAD": spec.head,
        "PRESSPLAY_BASE": spec.base,
        "PRESSPLAY_ROUND": str(run.round),
        "PRESSPLAY_ATTEMPT": str(run.attempt),
        "PRESSPLAY_CAUSE": run.cause,
        "PRESSPLAY_RUN": run.name,
    }
    fields: dict[str, object] = {
        "taskId": run.work,
        "service": f"{service(subject.repo, settings)}-{run.work}" if volume else service(subject.repo, settings),
        "repositoryUrl": subject.repo,
        "docsRepositoryUrl": subject.repo,
        "docsProjectDirectory": settings.docs_project_directory or "",
        "docsBranch": names.context_branch(run.name),
        "workingDirectory": directory if volume else f"worktrees/task-{spec.number}",
        "model": settings.model or spec.agent.model,
        "githubApp": spec.agent.github_app,
        "localTools": ",".join(spec.given.local_tools),
        "remoteTools": ",".join(spec.given.remote_tools),
        "taskRequirements": task_requirements(spec.given, environment),
        **context.settings.coderun_extra,
    }
    labels = {
        **PART_OF,
        "press-play/repo": names.repo_key(subject.repo),
        "press-play/task": str(spec.number),
        "press-play/agent": run.agent_id,
        "press-play/flow": "run",
        "press-play/role": run.role.name,
        **({"press-play/pr": str(subject.pr)} if subject.pr else {}),
        **({"press-play/play": subject.play} if subject.play else {}),
    }
    manifest: Manifest = {
        "apiVersion": "agents.platform/v1",
        "kind": "CodeRun",
        "metadata": {
            "name": run.name,
            "namespace": context.settings.controller_namespace,
            "labels": labels,
            "annotations": {manifests.WORKFLOW_ANNOTATION: run.workflow} if run.workflow else {},
        },
        "spec": fields,
    }
    return manifest


def task_requirements(given: Given, environment: Mapping[str, str]) -> str:
    """Secrets and environment as base64 of YAML; the harness's `environment` takes precedence.

    Every text is quoted: the controller's YAML reads some plain texts of Python's YAML (`12e5`) as numbers, and ignores
    values that are not texts.
    """
    wanted = given.task_requirements()
    wanted["environment"] = {**given.environment, **environment}
    text = yaml.dump(wanted, Dumper=_Quoted, default_style='"', width=math.inf, sort_keys=False)
    return base64.b64encode(text.encode()).decode()


class _Quoted(yaml.SafeDumper):
    """Writes no anchors: equal values are written out each time."""

    def ignore_aliases(self, _data: object) -> bool:
        return True
