"""The deployment of a commit, as the ledger, GitHub or the user's Workflow holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import Entry
from pressplay.github import deployments, pulls
from pressplay.settings import Deploy
from pressplay.steps.core.context import Context, Subject

AWAIT_DEPLOYMENT = "await-deployment"
_MINUTE = 60
NO_MODE = "no deployment is set up (deploy.mode none), so that nothing can be proven: these are tests only"


@dataclass(frozen=True)
class Deployed:
    """What runs where: the ledger's entry `deploy-<head>` of a deployment that came to its end."""

    environment: str
    deployment: int
    """GitHub's number; 0 where a WorkflowTemplate deployed."""
    url: str
    commit: str
    """The commit that runs there, as whoever deployed says."""


def key(head: str) -> str:
    """The ledger's entry of a commit's deployment."""
    return f"deploy-{head}"


def environment(settings: Deploy, pr: int) -> str:
    """The environment's name for a pull request."""
    return names.checked(settings.environment.replace("{pr}", str(pr)), "deploy.environment")


def deployed(entries: Mapping[str, Entry], head: str) -> Deployed | None:
    """The deployment of a commit that succeeded, by the ledger; None where there is none."""
    entry = entries.get(key(head)) or {}
    if entry.get("state") != "deployed":
        return None
    return Deployed(entry["environment"], entry["deployment"], entry["url"], entry["commit"])


def request_key(subject: Subject, pr: int) -> str:
    """By what a deployment is known as the one that this try asked for: a person's retry is another one."""
    return f"pr-{pr}-try-{subject.attempt_of_person}"


def on_github(context: Context, subject: Subject, head: str) -> tuple[str, str, Entry]:
    """State, reason and place of the commit's deployment, as GitHub holds it."""
    pr, settings = subject.pull_number, subject.settings.deploy
    gh = context.harness(subject.repo, deployments="read")
    where = environment(settings, pr)
    if settings.request:
        found = deployments.asked_for(gh, subject.repo, where, head, request_key(subject, pr))
    else:
        found = deployments.newest(gh, subject.repo, where, head)
    if found is None:
        return "waiting", "", {}
    status = deployments.status(gh, subject.repo, found.id)
    place: Entry = {"deployment": found.id, "url": status.url, "commit": found.sha}
    if status.state == "success":
        return "deployed", "", place
    if status.state in deployments.FAILED:
        return "failed", f"the deployment into {where} failed (deployment {found.id})", place
    if status.state == deployments.REPLACED:
        return "error", f"the deployment into {where} was replaced by another one (deployment {found.id})", place
    return "waiting", "", place


def by_workflow(context: Context, subject: Subject, head: str) -> tuple[str, str, Entry]:
    """State, reason and place, as the user's Workflow gives them: outputs `url` and `commit`."""
    pr = subject.pull_number
    name = names.deployment(subject.repo, pr, head, subject.attempt_of_person)
    workflow = context.cluster.get("Workflow", context.settings.namespace, name)
    if workflow is None:
        return "error", f"the Workflow {name}, which was to deploy the commit, could not be created or is gone", {}
    phase = waits.phase(workflow)
    if phase not in waits.FINISHED:
        return "waiting", "", {}
    if phase != "Succeeded":
        return "failed", f"the Workflow {name}, which was to deploy the commit, ended as {phase}", {}
    given = waits.outputs(workflow)
    place: Entry = {"deployment": 0, "url": given.get("url", ""), "commit": given.get("commit", "")}
    if not place["commit"]:
        template = subject.settings.deploy.workflow_template
        return (
            "error",
            f"the WorkflowTemplate {template} gave no output parameter commit: it must name what runs",
            place,
        )
    return "deployed", "", place


def wake(context: Context, repo: str) -> int:
    """End the waits for deployments that have ended, or took too long; how many."""
    woken, own = 0, {"press-play/repo": names.repo_key(repo)}
    for workflow in waits.running(context.cluster, context.settings.namespace, own):
        for wait in waits.of(workflow):
            if wait.kind == AWAIT_DEPLOYMENT and _is_over(context, repo, wait):
                woken += wait.wake(context.cluster, "Succeeded", {})
    return woken


def _is_over(context: Context, repo: str, wait: waits.Wait) -> bool:
    subject = Subject.of({"repo": repo, **wait.key}, context)
    if context.clock.now() - wait.since >= subject.settings.deploy.timeout_minutes * _MINUTE:
        return True
    gh = context.harness(repo, pull_requests="read")
    pull = pulls.pull(gh, repo, subject.pull_number)
    if pull.state != "open" or pull.head_sha != wait.key["head"]:
        return True
    state, _reason, _found = on_github(context, subject, wait.key["head"])
    return state != "waiting"


LOOPBACK = "127.0.0.1"
