"""The acceptance gate: what the plan of probes at the head commit asks for is looked at by the harness itself (R5).

`prepare` reads plan and deployment, `probe` looks (in a pod of its own, under an account that can only read), `verdict`
judges what came back and keeps it. A proof holds for one commit: the plan is the head's, the deployment must be of the
head before the first probe and after the last. What passed is recorded here and made a check by `pulls.conclude`.
"""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.domain.entries import Deployment, Entries
from pressplay.domain.reasons import Reason
from pressplay.gates.acceptance import probes
from pressplay.gates.acceptance.probe_job import ProbeJob
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.probe_types import DEPLOYED
from pressplay.gates.acceptance.proof import Proof, first_failure, markdown, reason
from pressplay.steps.core import deployment_records, probing, verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.verdicts import ACCEPTANCE, GateVerdict
from pressplay.steps.review import approval, deploys, plans, proofs
from pressplay.validation.details import ending

READY = "ready"


def prepare(inputs: Inputs, context: Context) -> Outputs:
    """What is to be looked at where: outcome `ready` with plan and target, packed; or the gate's outcome already."""
    subject = Subject.of(inputs, context)
    pr, head = subject.pull_number, names.checked(inputs["head"], "head")
    entries = context.ledger(subject.repo).entries("pr", pr)
    plan = _plan(context, subject, head)
    if isinstance(plan, ProbePlan) and not plan.needs_deployment:
        return _end(context, subject, head, _commands_alone(subject, entries, head))
    deployment = deploys.deployed(entries, head)
    if deployment is None:
        tried = entries.get(Deployment, Deployment.key_of(head))
        verdict = GateVerdict(
            "fail" if tried is not None and tried.state == "failed" else "error",
            "Not deployed",
            (tried.reason if tried else "") or "the commit was not deployed",
            why=tried.why if tried else None,
        )
        return _end(context, subject, head, verdict)
    other = _other_commit(context, subject, head, deployment)
    if other:
        return _end(context, subject, head, GateVerdict("error", "Another commit is deployed", other))
    if isinstance(plan, GateVerdict):
        return _end(context, subject, head, plan)
    deployed = plan.only(DEPLOYED) or plan
    commit = subject.settings.deploy.commit_of(pr)
    job = probing.job(subject.settings, commit, deployment.url or "", deployment.environment, head)
    return {"outcome": READY, "plan": deployed.pack(), "target": job.pack()}


def _plan(context: Context, subject: Subject, head: str) -> ProbePlan | GateVerdict:
    """The plan of probes at the head, or the verdict on one that is not there or is wrong."""
    where = names.acceptance_plan(subject.work_number)
    try:
        plan = plans.kept(context, subject, head)
    except plans.NotRead as error:
        return GateVerdict("error", "The plan of probes was not read", str(error))
    return plan or GateVerdict(
        "fail", "No plan of probes", f"there is no plan of probes that proves anything at {where}"
    )


def _commands_alone(subject: Subject, entries: Entries, head: str) -> GateVerdict:
    """The verdict on a plan without a probe of a deployment: right only where the tests gate proves the commit."""
    if approval.needs_acceptance(subject, entries, head, deployed=False):
        reason = "the plan has only commands, and the tests gate has not proven this commit"
        return GateVerdict("fail", "No probe of a deployment", reason)
    return GateVerdict(
        "pass", "Nothing to ask of a deployment", "the plan has only commands: the tests gate judged them"
    )


def _end(context: Context, subject: Subject, head: str, verdict: GateVerdict) -> Outputs:
    outcome = verdicts.post(context, subject, ACCEPTANCE, head, verdict)
    context.say(f"pull request {subject.pr}: {verdicts.check_name(ACCEPTANCE)}: {outcome}: {verdict.reason}")
    return {"outcome": outcome, "plan": "none", "target": "none"}


def _other_commit(context: Context, subject: Subject, head: str, deployment: Deployment) -> str:
    """Why what is deployed is not this commit, as far as records tell; empty where it is."""
    if deployment.commit != head:
        return "whoever deployed says that another commit than the head runs there"
    if subject.settings.deploy.mode == "github-deployment":
        gh = context.harness(subject.repo, deployments="read")
        return deployment_records.replaced(gh, subject.repo, deployment.environment, deployment.deployment, head)
    return ""


def probe(inputs: Inputs, context: Context) -> Outputs:
    """Look; the proof, packed. Nothing is asked of GitHub here, and no key of an App is at hand."""
    job = ProbeJob.unpack(inputs["target"], "parameter target")
    plan = ProbePlan.unpack_part(inputs["plan"], "parameter plan")
    running = ProbePlan.from_json(job.running, "deploy.commit") if job.running else None

    def look(what: ProbePlan) -> Proof:
        return probes.run(
            what, job.target, job.reach, context.cluster, context.clock, say=context.say, seconds=job.seconds
        )

    before = look(running) if running else None
    if before is not None and not before.passed:
        return {"proof": replace(before, plan=plan.digest).pack()}
    proof = look(plan)
    if before is not None and running is not None:
        after = look(running)
        again = [replace(one, name=f"{one.name}-after") for one in after.probes]
        proof = replace(
            proof, started=before.started, ended=after.ended, probes=(*before.probes, *proof.probes, *again)
        )
    return {"proof": proof.pack()}


def verdict(inputs: Inputs, context: Context) -> Outputs:
    """Judge what came back and keep it: outcome `pass`, `fail`, `error` or `superseded`."""
    subject = Subject.of(inputs, context)
    pr, head = subject.pull_number, names.checked(inputs["head"], "head")
    if inputs.get("proof", "none") == "none":
        return _end(context, subject, head, GateVerdict("error", "No proof", "the probes could not be carried out"))
    proof = Proof.unpack(inputs["proof"], "parameter proof")
    entries = context.ledger(subject.repo).entries("pr", pr)
    deployment = deploys.deployed(entries, head)
    other = "the deployment is gone" if deployment is None else _other_commit(context, subject, head, deployment)
    other = probing.is_of_another(proof, head) or other
    proofs.keep(context, subject, proof)
    shown = markdown(proof)
    if other:
        outcome = GateVerdict("error", "Another commit is deployed", other, shown)
    elif not proof.passed:
        why = Reason(what=reason(proof), detail=ending(first_failure(proof)))
        outcome = GateVerdict("fail", "The probes do not hold", why.what, shown, why)
    else:
        outcome = GateVerdict("pass", "Proven on this commit", reason(proof), shown)
    return {"outcome": _end(context, subject, head, outcome)["outcome"]}
