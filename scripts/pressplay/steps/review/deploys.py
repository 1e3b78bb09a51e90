"""The deployment of a commit, as the ledger, GitHub or the user's Workflow holds it."""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.cluster import waits
from pressplay.domain.entries import Deployment, Details, Entries
from pressplay.domain.reasons import Reason
from pressplay.github import deployments, pulls
from pressplay.settings import Deploy
from pressplay.steps.core import deployment_records
from pressplay.steps.core.context import Context, Subject
from pressplay.validation.details import ending

AWAIT_DEPLOYMENT = "await-deployment"
_MINUTE = 60
NO_MODE = "no deployment is set up (deploy.mode none), and no test or command of the repository proves it"


def environment(settings: Deploy, pr: int) -> str:
    """The environment's name for a pull request."""
    return names.checked(settings.environment.replace("{pr}", str(pr)), "deploy.environment")


def deployed(entries: Entries, head: str) -> Deployment | None:
    """The deployment of a commit that succeeded, by the ledger; None where there is none."""
    entry = entries.get(Deployment, Deployment.key_of(head))
    return entry if entry is not None and entry.state == "deployed" else None


def other_commit(context: Context, subject: Subject, deployment: Deployment) -> str:
    """Why what is deployed is not its commit, as far as records tell; empty where it is."""
    head = deployment.head
    if deployment.commit != head:
        return "whoever deployed says that another commit than the head runs there"
    if subject.settings.deploy.mode == "github-deployment":
        gh = context.harness(subject.repo, deployments="read")
        return deployment_records.replaced(gh, subject.repo, deployment.environment, deployment.deployment, head)
    return ""


def request_key(subject: Subject, pr: int) -> str:
    """By what a deployment is known as the one that this try asked for: a person's retry is another one."""
    return f"pr-{pr}-try-{subject.attempt_of_person}"


def on_github(context: Context, subject: Subject, head: str) -> Deployment | None:
    """What came of the commit's deployment, as GitHub holds it; None while it is waited for."""
    pr, settings = subject.pull_number, subject.settings.deploy
    gh = context.harness(subject.repo, deployments="read")
    where = environment(settings, pr)
    if settings.request:
        deployment = deployments.asked_for(gh, subject.repo, where, head, request_key(subject, pr))
    else:
        deployment = deployments.newest(gh, subject.repo, where, head)
    return deployment_records.came_of(gh, subject.repo, deployment, head) if deployment is not None else None


def by_workflow(context: Context, subject: Subject, head: str) -> Deployment | None:
    """What came of it as the user's Workflow gives it (outputs `url` and `commit`); None while that runs."""
    pr, settings = subject.pull_number, subject.settings.deploy
    name = names.deployment(subject.repo, pr, head, subject.attempt_of_person)
    made = Deployment(head=head, environment=environment(settings, pr), state="error")
    workflow = context.cluster.get("Workflow", context.settings.namespace, name)
    if workflow is None:
        reason = f"the Workflow {name}, which was to deploy the commit, is gone"
        return replace(made, reason=reason)
    phase = waits.phase(workflow)
    if phase not in waits.FINISHED:
        return None
    if phase != "Succeeded":
        reason = f"the Workflow {name}, which was to deploy the commit, ended as {phase}"
        why = Reason(what=reason, detail=ending(waits.deepest_message(workflow)), look=f"Workflow {name}")
        return replace(made, state="failed", reason=reason, details=Details.of(why))
    outputs = waits.outputs(workflow)
    made = replace(made, deployment=0, url=outputs.get("url", ""), commit=outputs.get("commit", ""))
    if not made.commit:
        template = settings.workflow_template
        return replace(
            made, reason=f"the WorkflowTemplate {template} gave no output parameter commit: it must name what runs"
        )
    return replace(made, state="deployed")


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
    if not pull.is_open_at(wait.key["head"]):
        return True
    return on_github(context, subject, wait.key["head"]) is not None
