"""The acceptance gate: what the plan of probes at the head commit asks for is looked at by the harness itself (R5).

`deploy_steps.deploy` says at what, `probe` looks (in a pod of its own, under an account that can only read), `verdict`
judges what came back and keeps it. A proof holds for one commit: the plan is the head's, the deployment must be of the
head before the first probe and after the last. What passed is recorded here and made a check by `pulls.conclude`.
"""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.domain.reasons import Reason
from pressplay.gates.acceptance import probes
from pressplay.gates.acceptance.probe_job import ProbeJob
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.proof import Proof, first_failure, markdown, reason
from pressplay.steps.core import probing, verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.core.verdicts import ACCEPTANCE, GateVerdict
from pressplay.steps.review import deploys, proofs
from pressplay.validation.details import ending


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
        judged = GateVerdict("error", "No proof", "the probes could not be carried out")
        return {"outcome": verdicts.post(context, subject, ACCEPTANCE, head, judged)}
    proof = Proof.unpack(inputs["proof"], "parameter proof")
    entries = context.ledger(subject.repo).entries("pr", pr)
    deployment = deploys.deployed(entries, head)
    other = "the deployment is gone" if deployment is None else deploys.other_commit(context, subject, deployment)
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
    return {"outcome": verdicts.post(context, subject, ACCEPTANCE, head, outcome)}
