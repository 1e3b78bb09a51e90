"""The deployment of a pull request's head, so that something can be proven of it: asked for, waited for, judged.

`look` outputs the environment, `begin` how the deployment is waited for, `collect` what came of it. Who deploys is the
user's: whoever answers GitHub's deployments (`github-deployment`), or a WorkflowTemplate (`workflowTemplate`). Where it
answers stands in the ledger; a URL is somebody else's text and no parameter (R7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import Entry
from pressplay.cluster.port import Manifest
from pressplay.github import deployments, pulls
from pressplay.settings import Deploy
from pressplay.steps import start
from pressplay.steps.context import Context, Inputs, Outputs, Subject
from pressplay.steps.told import packed

AWAIT_DEPLOYMENT = "await-deployment"
GONE = "superseded"
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


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where the head is to be deployed: state `go` with the environment, or `none` where nothing is set up."""
    subject = Subject.of(inputs, context)
    settings = subject.settings.deploy
    if settings.mode == "none":
        return {"state": "none", "environment": "none"}
    return {"state": "go", "environment": environment(settings, subject.pull)}


def begin(inputs: Inputs, context: Context) -> Outputs:
    """See that the head gets deployed.

    States: `wait` (for whoever deploys), `run` (the manifest of a Workflow that deploys), `ended` (`collect` tells
    how), `superseded`.
    """
    subject = Subject.of(inputs, context)
    settings, pr, head = subject.settings.deploy, subject.pull, names.checked(inputs["head"], "head")
    nothing = {"manifest": "none"}
    gh = context.harness(subject.repo, pull_requests="read", deployments="write")
    pull = pulls.pull(gh, subject.repo, pr)
    if pull.state != "open" or pull.head_sha != head:
        return {"state": GONE, **nothing}
    if settings.mode == "workflowTemplate":
        return {"state": "run", "manifest": packed(_workflow(context, subject, head))}
    where = environment(settings, pr)
    if settings.request:
        # A person's retry is another deployment.
        deployments.request(gh, subject.repo, where, head, _asked(subject, pr))
    state, _reason, _found = _on_github(context, subject, head)
    return {"state": "wait" if state == "waiting" else "ended", **nothing}


def _asked(subject: Subject, pr: int) -> str:
    return f"pr-{pr}-try-{subject.attempt_of_person}"


def _workflow(context: Context, subject: Subject, head: str) -> Manifest:
    """The Workflow of the user's WorkflowTemplate; its name is the deployment's key, so that one is made once (R1)."""
    pr, settings = subject.pull, subject.settings.deploy
    arguments = {"repo": subject.repo, "pr": str(pr), "head": head, "environment": environment(settings, pr)}
    made = start.workflow(
        context,
        "deploy",
        names.deployment(subject.repo, pr, head, subject.attempt_of_person),
        arguments,
        {"press-play/pr": str(pr)},
        start.EVENT_PRIORITY,
    )
    return {**made, "spec": {**made["spec"], "workflowTemplateRef": {"name": settings.workflow_template}}}


def collect(inputs: Inputs, context: Context) -> Outputs:
    """What came of the deployment, recorded in the ledger: state `deployed`, `failed`, `error` or `superseded`.

    `failed`: what was to be deployed is at fault, as far as can be told; `error`: nobody deployed it.
    """
    subject = Subject.of(inputs, context)
    pr, head = subject.pull, names.checked(inputs["head"], "head")
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, pr)
    if pull.state != "open" or pull.head_sha != head:
        return {"state": GONE}
    by_workflow = subject.settings.deploy.mode == "workflowTemplate"
    state, reason, found = (_by_workflow if by_workflow else _on_github)(context, subject, head)
    if state == "waiting":
        minutes = subject.settings.deploy.timeout_minutes
        state, reason = "error", f"nobody deployed the commit within {minutes} minutes (deploy.timeoutMinutes)"
    where = environment(subject.settings.deploy, pr)
    context.ledger(subject.repo).record(
        "pr", pr, key(head), {"environment": where, "state": state, "reason": reason, **found}
    )
    context.say(f"pull request {pr}: deployment into {where}: {state}")
    return {"state": state}


def _on_github(context: Context, subject: Subject, head: str) -> tuple[str, str, Entry]:
    """State, reason and place of the commit's deployment, as GitHub holds it."""
    pr, settings = subject.pull, subject.settings.deploy
    gh = context.harness(subject.repo, deployments="read")
    where = environment(settings, pr)
    if settings.request:
        found = deployments.asked_for(gh, subject.repo, where, head, _asked(subject, pr))
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


def _by_workflow(context: Context, subject: Subject, head: str) -> tuple[str, str, Entry]:
    """State, reason and place, as the user's Workflow gives them: outputs `url` and `commit`."""
    pr = subject.pull
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
    pull = pulls.pull(gh, repo, subject.pull)
    if pull.state != "open" or pull.head_sha != wait.key["head"]:
        return True
    state, _reason, _found = _on_github(context, subject, wait.key["head"])
    return state != "waiting"
