"""The deployment of a pull request's head, so that something can be proven of it: asked for, waited for, judged.

`look` outputs the environment, `begin` how the deployment is waited for, `collect` what came of it. Who deploys is the
user's: whoever answers GitHub's deployments (`github-deployment`), or a WorkflowTemplate (`workflowTemplate`). Where it
answers stands in the ledger; a URL is somebody else's text and no parameter (R7).
"""

from __future__ import annotations

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Deployment
from pressplay.github import deployments, pulls
from pressplay.steps.core import start
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.manifests import packed
from pressplay.steps.review import approval, deploys, plans

GONE = "superseded"


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where to deploy the head: state `go` with the environment, or `none` if no deployment is set up, or needed."""
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    settings = subject.settings.deploy
    entries = context.ledger(subject.repo).entries("pr", subject.pull_number)
    if settings.mode == "none" or not approval.needs_acceptance(
        subject, entries, head, deployed=plans.probes_deployment(context, subject, head)
    ):
        return {"state": "none", "environment": "none"}
    return {"state": "go", "environment": deploys.environment(settings, subject.pull_number)}


def begin(inputs: Inputs, context: Context) -> Outputs:
    """See that the head gets deployed.

    States: `wait` (for whoever deploys), `run` (the manifest of a Workflow that deploys), `ended` (`collect` tells
    how), `superseded`.
    """
    subject = Subject.of(inputs, context)
    settings, pr, head = subject.settings.deploy, subject.pull_number, names.checked(inputs["head"], "head")
    nothing = {"manifest": "none"}
    gh = context.harness(subject.repo, pull_requests="read", deployments="write")
    pull = pulls.pull(gh, subject.repo, pr)
    if pull.state != "open" or pull.head_sha != head:
        return {"state": GONE, **nothing}
    if settings.mode == "workflowTemplate":
        return {"state": "run", "manifest": packed(_workflow(context, subject, head))}
    where = deploys.environment(settings, pr)
    if settings.request:
        # A person's retry is another deployment.
        deployments.request(gh, subject.repo, where, head, deploys.request_key(subject, pr))
    is_over = deploys.on_github(context, subject, head) is not None
    return {"state": "ended" if is_over else "wait", **nothing}


def _workflow(context: Context, subject: Subject, head: str) -> Manifest:
    """The Workflow of the user's WorkflowTemplate; its name is the deployment's key, so that one is made once (R1)."""
    pr, settings = subject.pull_number, subject.settings.deploy
    arguments = {
        "repo": subject.repo,
        "pr": str(pr),
        "head": head,
        "environment": deploys.environment(settings, pr),
    }
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
    """Record the deployment's result in the ledger: state `deployed`, `failed`, `error` or `superseded`.

    `failed`: the commit is probably at fault; `error`: nobody deployed it.
    """
    subject = Subject.of(inputs, context)
    pr, head = subject.pull_number, names.checked(inputs["head"], "head")
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, pr)
    if pull.state != "open" or pull.head_sha != head:
        return {"state": GONE}
    by_workflow = subject.settings.deploy.mode == "workflowTemplate"
    deployment = (deploys.by_workflow if by_workflow else deploys.on_github)(context, subject, head)
    where = deploys.environment(subject.settings.deploy, pr)
    if deployment is None:
        minutes = subject.settings.deploy.timeout_minutes
        reason = f"nobody deployed the commit within {minutes} minutes (deploy.timeoutMinutes)"
        deployment = Deployment(head=head, environment=where, state="error", reason=reason)
    context.ledger(subject.repo).record("pr", pr, deployment)
    context.say(f"pull request {pr}: deployment into {where}: {deployment.state}")
    return {"state": deployment.state}
