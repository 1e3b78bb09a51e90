"""The first step of the acceptance gate: a pull request's head is deployed, so that something can be proven of it.

Who deploys is the user's: whoever answers GitHub's deployments (`github-deployment`), or a WorkflowTemplate
(`workflowTemplate`). Where it answers stands in the ledger; a URL is somebody else's text and no parameter (R7).
"""

from __future__ import annotations

from functools import partial

from pressplay import names
from pressplay.clock import parse_rfc3339
from pressplay.cluster import waits
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Deployment, Details
from pressplay.domain.reasons import Reason
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.probe_types import DEPLOYED
from pressplay.github import deployments, pulls
from pressplay.steps.core import probing, start, verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.verdicts import ACCEPTANCE, GateVerdict
from pressplay.steps.core.waiting import Wait, Waiting, refused
from pressplay.steps.review import approval, deploys, plans
from pressplay.validation.details import ending

_MINUTE = 60


def deploy(inputs: Inputs, context: Context) -> Outputs:
    """See that the head gets deployed where its plan asks for that, and say at what the probes look.

    States: `ready` (plan and target, packed); `wait` for whoever deploys: call again, `woken`; `over`, with the gate's
    outcome: `none` if no deployment is set up, or needed. Waiting, while a Workflow deploys.
    """
    subject, head = Subject.of(inputs, context), names.checked(inputs["head"], "head")
    settings, pr = subject.settings.deploy, subject.pull_number
    entries = context.ledger(subject.repo).entries("pr", pr)
    if settings.mode == "none":
        return {"state": "over", "outcome": "none"}
    try:
        plan = plans.kept(context, subject, head)
    except plans.NotRead as error:
        # It may ask for anything.
        return _over(context, subject, head, GateVerdict("error", "The plan of probes was not read", str(error)))
    asks = plan is not None and plan.needs_deployment
    if not approval.needs_acceptance(subject, entries, head, deployed=asks):
        return {"state": "over", "outcome": "none"}
    if plan is None:
        where = names.acceptance_plan(subject.work_number)
        reason = f"there is no plan of probes that proves anything at {where}"
        return _over(context, subject, head, GateVerdict("fail", "No plan of probes", reason))
    if not asks:
        reason = "the plan has only commands, and the tests gate has not proven this commit"
        return _over(context, subject, head, GateVerdict("fail", "No probe of a deployment", reason))
    if _is_superseded(context, subject, head):
        return {"state": "over", "outcome": verdicts.SUPERSEDED}
    go_on = partial(_deployed, context, subject, head, plan)
    if settings.mode == "workflowTemplate":
        return _by_workflow(context, subject, head, go_on)
    if inputs["woken"] != "true":
        if settings.request:
            gh = context.harness(subject.repo, deployments="write")
            # A person's retry is another deployment.
            key = deploys.request_key(subject, pr)
            deployments.request(gh, subject.repo, deploys.environment(settings, pr), head, key)
        if deploys.on_github(context, subject, head) is None:
            return {"state": "wait"}
    return go_on()


def _over(context: Context, subject: Subject, head: str, verdict: GateVerdict) -> Outputs:
    return {"state": "over", "outcome": verdicts.post(context, subject, ACCEPTANCE, head, verdict)}


def _is_superseded(context: Context, subject: Subject, head: str) -> bool:
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, subject.pull_number)
    return not pull.is_open_at(head)


def _by_workflow(context: Context, subject: Subject, head: str, go_on: partial[Outputs]) -> Outputs:
    made = _workflow(context, subject, head)
    # One that is there is that of this head: a pod that was lost comes back to it.
    if why := refused(context.cluster, made):
        return go_on(why_refused=why)
    where = made["kind"], made["metadata"]["namespace"], made["metadata"]["name"]
    there = context.cluster.get(*where)
    # It has no more time because several pods waited for it.
    began = parse_rfc3339(there["metadata"]["creationTimestamp"]) if there else context.clock.now()
    raise Waiting(Wait(*where, began + subject.settings.deploy.timeout_minutes * _MINUTE, _has_ended, go_on))


def _has_ended(workflow: Manifest | None) -> bool:
    return workflow is None or waits.phase(workflow) in waits.FINISHED


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


def _deployed(context: Context, subject: Subject, head: str, plan: ProbePlan, why_refused: str = "") -> Outputs:
    """Record what came of the deployment in the ledger, and say at what the probes look.

    `why_refused`: why the API server took no Workflow that deploys.
    """
    pr, settings = subject.pull_number, subject.settings.deploy
    if _is_superseded(context, subject, head):
        return {"state": "over", "outcome": verdicts.SUPERSEDED}
    where = deploys.environment(settings, pr)
    deployment: Deployment | None
    if why_refused:
        why = Reason(what="the Workflow that was to deploy the commit could not be created", detail=ending(why_refused))
        deployment = Deployment(head=head, environment=where, state="error", reason=why.what, details=Details.of(why))
    else:
        by_workflow = settings.mode == "workflowTemplate"
        deployment = (deploys.by_workflow if by_workflow else deploys.on_github)(context, subject, head)
    if deployment is None:
        reason = f"nobody deployed the commit within {settings.timeout_minutes} minutes (deploy.timeoutMinutes)"
        deployment = Deployment(head=head, environment=where, state="error", reason=reason)
    context.ledger(subject.repo).record("pr", pr, deployment)
    context.say(f"pull request {pr}: deployment into {where}: {deployment.state}")
    if deployment.state != "deployed":
        # A deployment that failed is probably the commit's fault; one that nobody made is not.
        outcome: verdicts.Outcome = "fail" if deployment.state == "failed" else "error"
        return _over(
            context, subject, head, GateVerdict(outcome, "Not deployed", deployment.reason, why=deployment.why)
        )
    if other := deploys.other_commit(context, subject, deployment):
        return _over(context, subject, head, GateVerdict("error", "Another commit is deployed", other))
    job = probing.job(subject.settings, settings.commit_of(pr), deployment.url or "", deployment.environment, head)
    return {"state": "ready", "plan": (plan.only(DEPLOYED) or plan).pack(), "target": job.pack()}


# -- as earlier versions' Workflows have it: several steps in a row ----------------------------------------------------


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where to deploy the head: state `go` with the environment, or `none` if no deployment is set up."""
    subject = Subject.of(inputs, context)
    settings = subject.settings.deploy
    if settings.mode == "none":
        return {"state": "none", "environment": "none"}
    return {"state": "go", "environment": deploys.environment(settings, subject.pull_number)}


def begin(inputs: Inputs, context: Context) -> Outputs:
    """See that the head gets deployed: state `wait` for whoever deploys, or `ended`."""
    made = deploy({**inputs, "woken": "false"}, context)
    return {"state": "wait" if made["state"] == "wait" else "ended", "manifest": "none"}


def collect(_inputs: Inputs, _context: Context) -> Outputs:
    """Nothing: `prepare` records what came of the deployment."""
    return {"state": "deployed"}


def prepare(inputs: Inputs, context: Context) -> Outputs:
    """At what the probes look: outcome `ready` with plan and target, packed; or the gate's outcome already."""
    made = deploy({**inputs, "woken": "true"}, context)
    return {**made, "outcome": "ready" if made["state"] == "ready" else made["outcome"]}
