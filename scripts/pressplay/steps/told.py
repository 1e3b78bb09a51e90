"""What a run is told: the one builder of a CodeRun and of the task folder (design, What a run is told)."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from pressplay import names
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.settings import Agent, RepositoryDefaults
from pressplay.steps.context import Context, Subject
from pressplay.validation.requirements import Given

WORKFLOW_ANNOTATION = "press-play/workflow"


@dataclass(frozen=True)
class Told:
    """All that makes one run: who does it, in what role, on which commit, in which round and attempt."""

    name: str
    agent_id: str
    agent: Agent
    role: str
    number: int
    branch: str
    base: str
    head: str
    round: int
    attempt: int
    workflow: str
    cause: str = ""
    """What an ask is about (`steps.run`); empty for the other roles."""
    given: Given = field(default_factory=Given)
    """Tools, Secrets and environment: the persona's and what the project's requirements.yaml adds."""


def service(repo: str, settings: RepositoryDefaults) -> str:
    """The CodeRun's service: as set, else the repository's own name."""
    return settings.service or names.slug(repo.split("/")[1])


def has_volume(settings: RepositoryDefaults) -> bool:
    """Whether each task has a volume of its own (`isolation: volume`): its number is then part of the service."""
    return (settings.isolation or "volume") == "volume"


def coderun(context: Context, subject: Subject, told: Told) -> Manifest:
    """The CodeRun, with only the fields that the early definition has; `coderun.extraSpec` of the values adds more.

    Source: the definition and its early controller, as told in the project's facts about CodeRun: env is switched off
    by any taskRequirements, so everything travels in those; `org/repo` as the repository's URL.
    """
    settings = subject.settings
    volume = has_volume(settings)
    directory = settings.working_directory or "."
    environment = {
        "PRESSPLAY_ROLE": told.role,
        "PRESSPLAY_AGENT": told.agent_id,
        "PRESSPLAY_REPO": subject.repo,
        "PRESSPLAY_TASK": str(told.number),
        "PRESSPLAY_PR": str(subject.pr or ""),
        "PRESSPLAY_BRANCH": told.branch,
        "PRESSPLAY_HEAD": told.head,
        "PRESSPLAY_BASE": told.base,
        "PRESSPLAY_ROUND": str(told.round),
        "PRESSPLAY_ATTEMPT": str(told.attempt),
        "PRESSPLAY_CAUSE": told.cause,
        "PRESSPLAY_RUN": told.name,
    }
    spec: dict[str, object] = {
        "taskId": told.number,
        "service": f"{service(subject.repo, settings)}-{told.number}" if volume else service(subject.repo, settings),
        "repositoryUrl": subject.repo,
        "docsRepositoryUrl": subject.repo,
        "docsProjectDirectory": settings.docs_project_directory or "",
        "docsBranch": names.context_branch(told.name),
        "workingDirectory": directory if volume else f"worktrees/task-{told.number}",
        "model": settings.model or told.agent.model,
        "githubApp": told.agent.github_app,
        "localTools": ",".join(told.given.local_tools),
        "remoteTools": ",".join(told.given.remote_tools),
        "taskRequirements": task_requirements(told.given, environment),
        **context.settings.coderun_extra,
    }
    labels = {
        **PART_OF,
        "press-play/repo": names.repo_key(subject.repo),
        "press-play/task": str(told.number),
        "press-play/agent": told.agent_id,
        "press-play/flow": "run",
        "press-play/role": told.role,
        **({"press-play/pr": str(subject.pr)} if subject.pr else {}),
        **({"press-play/play": subject.play} if subject.play else {}),
    }
    manifest: Manifest = {
        "apiVersion": "agents.platform/v1",
        "kind": "CodeRun",
        "metadata": {
            "name": told.name,
            "namespace": context.settings.controller_namespace,
            "labels": labels,
            "annotations": {WORKFLOW_ANNOTATION: told.workflow} if told.workflow else {},
        },
        "spec": spec,
    }
    return manifest


def task_requirements(given: Given, environment: Mapping[str, str]) -> str:
    """Secrets and environment as base64 of YAML; `environment` is what the harness tells, which nothing replaces.

    Every text is quoted: the controller's YAML reads numbers where Python's writes a plain text (`12e5`), and passes
    over what is none.
    """
    wanted = given.task_requirements()
    wanted["environment"] = {**given.environment, **environment}
    text = yaml.dump(wanted, Dumper=_Quoted, default_style='"', width=math.inf, sort_keys=False)
    return base64.b64encode(text.encode()).decode()


class _Quoted(yaml.SafeDumper):
    """Writes no anchors: what is the same twice is written twice."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def packed(manifest: Manifest) -> str:
    """A manifest as base64 of JSON, fit to be an Argo parameter and to be unpacked in a resource template.

    Argo evaluates the unpacked text once more (seen on 4.1.2), so `{{` is written with a JSON escape: it can only
    stand within a string there, and means the same.
    """
    text = json.dumps(manifest, separators=(",", ":")).replace("{{", "{\\u007b")
    return base64.b64encode(text.encode()).decode()
