"""The deployment of what a play ended with: whether it is there, and what probes of the play's tasks show of it (R5).

Whoever deploys the base branch does so on his own: nothing is asked for, only waited for. What is not deployed, or not
there to look at, breaks nothing. Earlier commits are deployed no more, so that nothing can be bisected: what does not
hold names the tasks whose probes say so, not the merge that did it.
"""

from __future__ import annotations

from dataclasses import replace

from pressplay.cluster import waits
from pressplay.domain.entries import DeployedProof, Deployment, Details, FinalProof
from pressplay.domain.reasons import Reason
from pressplay.gates.acceptance.end_plan import EndPlan
from pressplay.gates.acceptance.probe_plan import task_of
from pressplay.gates.acceptance.proof import ProbeProof, Proof, listed, markdown
from pressplay.github import deployments
from pressplay.github.calls import Client
from pressplay.settings import Deploy
from pressplay.steps.core import deployment_records, evidence, probing, start
from pressplay.steps.core.context import Context, Outputs, Subject
from pressplay.validation.details import ending

AWAIT = "await-base-deployment"
_MINUTE = 60
_REFUSED = "refused: "
"""How the fault of a probe begins that was not allowed to look."""
_BY_HAND = "ask by hand what the tasks promise: the play is over"
_TODO = f"see why it was not deployed, have it deployed, and {_BY_HAND}"


def wanted(settings: Deploy) -> DeployedProof | None:
    """The proof of the deployment of what a play ends with, still open; None where the values name no environment."""
    environment = settings.base.environment
    is_wanted = environment and settings.mode == "github-deployment"
    return DeployedProof(environment=environment) if is_wanted else None


def follow(context: Context, subject: Subject, pr: int, proof: FinalProof) -> tuple[FinalProof, Outputs | None]:
    """The proof of a play's end, once its tests were judged, as it is now; and what must be done next for it, if any.

    State `await`: its deployment must be waited for. `probe`: it must be looked at, by `plan` and `target`. What is
    known is recorded, in the ledger of the pull request `pr`. Idempotent.
    """
    begun = proof.deployed
    if begun is None or begun.outcome or proof.outcome not in ("pass", "error"):
        return proof, None
    packed = evidence.kept(context, subject.repo, pr, proof.head).get(evidence.END_PLAN)
    if packed is None:
        unread = _not_shown(begun, Reason(what="not probed: the plans of probes were not read on that commit"))
        return _record(context, subject, pr, proof, unread), None
    end = EndPlan.unpack(packed, "the kept probes of a play's end")
    if end.plan is None:
        none = replace(begun, outcome="pass", reason="no task has a probe of a deployment")
        decided = _not_shown(begun, Reason(what=end.lacks())) if end.lacks() else none
        return _record(context, subject, pr, proof, decided), None
    if not begun.since:
        begun = replace(begun, since=int(context.clock.now()))
        proof = _record(context, subject, pr, proof, begun)
    gh, settings = context.harness(subject.repo, deployments="read"), subject.settings.deploy
    deployment = stand(gh, subject.repo, begun.environment, proof.head)
    if deployment is None and context.clock.now() - begun.since < settings.timeout_minutes * _MINUTE:
        return proof, {"state": "await", "environment": begun.environment}
    if deployment is None or deployment.state != "deployed":
        why = deployment.why if deployment else _never(gh, subject.repo, begun.environment, proof.head, settings)
        look = why.look or f"{context.settings.github.web_url}/{subject.repo}/deployments"
        failed = _not_shown(begun, replace(why, what=f"not deployed: {why.what}", look=look, todo=_TODO))
        return _record(context, subject, pr, proof, failed), None
    proof = _record(context, subject, pr, proof, replace(begun, deployment=deployment.deployment))
    job = probing.job(subject.settings, settings.base.commit, deployment.url or "", begun.environment, proof.head)
    return proof, {"state": "probe", "plan": end.plan.pack(), "target": job.pack()}


def stand(gh: Client, repo: str, environment: str, commit: str) -> Deployment | None:
    """What came of the newest deployment of a commit into an environment; None while it is waited for.

    It is `deployed` only where nothing else was deployed there since.
    """
    newest = deployments.newest(gh, repo, environment, commit)
    made = deployment_records.came_of(gh, repo, newest, commit) if newest is not None else None
    if made is None or made.state != "deployed":
        return made
    other = deployment_records.replaced(gh, repo, environment, made.deployment, commit)
    return replace(made, state="error", reason=other) if other else made


def _never(gh: Client, repo: str, environment: str, commit: str, settings: Deploy) -> Reason:
    newest = deployments.newest(gh, repo, environment)
    there = f"the newest deployment there is of {newest.sha[:12]}" if newest else "nothing was ever deployed there"
    within = f"within {settings.timeout_minutes} minutes (deploy.timeoutMinutes)"
    return Reason(what=f"nobody deployed {commit[:12]} into {environment} {within}; {there}")


def conclude(context: Context, subject: Subject, proof: FinalProof, begun: DeployedProof, packed: str) -> str:
    """Record what the probes of `begun`, a part of `proof`, brought (`packed`, or `none`); the outcome. Idempotent."""
    pr = subject.pull_number
    if begun.outcome:
        return begun.outcome
    if packed == "none":
        decided = _not_shown(begun, Reason(what="not probed: the probes could not be carried out"))
    else:
        answers = Proof.unpack(packed, "parameter proof")
        kept = evidence.kept(context, subject.repo, pr, proof.head)[evidence.END_PLAN]
        gh = context.harness(subject.repo, deployments="read")
        other = deployment_records.replaced(gh, subject.repo, begun.environment, begun.deployment, proof.head)
        other = probing.is_of_another(answers, proof.head) or other
        evidence.keep(context, subject, proof.head, {evidence.END_ANSWERS: answers.pack()})
        decided = judge(begun, answers, EndPlan.unpack(kept, "the kept probes of a play's end"), other)
    _record(context, subject, pr, proof, decided)
    return decided.outcome


def answered(context: Context, subject: Subject, pr: int, head: str) -> str:
    """What the deployment of a play's end answered, as Markdown; empty where it was not asked."""
    packed = evidence.kept(context, subject.repo, pr, head).get(evidence.END_ANSWERS)
    return markdown(Proof.unpack(packed, "the kept answers of a play's end")) if packed else ""


def judge(begun: DeployedProof, answers: Proof, end: EndPlan, other: str) -> DeployedProof:
    """What the answers of a deployment show; `other`: why it is not the commit's, empty where it is."""
    if other:
        return _not_shown(begun, Reason(what=f"not deployed: {other}", todo=_TODO))
    failed = [probe for probe in answers.probes if not probe.passed]
    count = sum(task_of(probe.name) is not None for probe in answers.probes)
    broken = [probe for probe in failed if _was_there(probe)]
    unknown = [probe for probe in failed if not _was_there(probe)]
    if broken:
        what = f"{len(broken)} of {count} probes did not hold on its deployment into {begun.environment}"
        why = Reason(what=f"{what}: {_names(broken)}", detail=_detail(broken))
        tasks = tuple(dict.fromkeys(task for probe in broken if (task := task_of(probe.name)) is not None))
        return replace(begun, outcome="fail", tasks=tasks, reason=why.what, details=Details.of(why))
    if unknown:
        what = f"not there to look at, in its deployment into {begun.environment}"
        why = Reason(what=f"{what}: {_names(unknown)}", detail=_detail(unknown))
        return _not_shown(begun, why)
    if end.lacks():
        return _not_shown(begun, Reason(what=end.lacks()))
    what = f"{count} {'probe' if count == 1 else 'probes'} held on its deployment into {begun.environment}"
    return replace(begun, outcome="pass", reason=what)


def _was_there(probe: ProbeProof) -> bool:
    """Whether a probe that does not hold saw what it is about, so that the commit may be at fault.

    A workload or pod that is not there, may be another environment's, and what may not be reached is the values' fault.
    """
    if not probe.attempts or probe.fault.startswith(_REFUSED):
        return False
    return probe.kind == "http" or (not probe.fault and bool(probe.came))


def _names(probes: list[ProbeProof]) -> str:
    return listed([probe.name for probe in probes])


def _detail(probes: list[ProbeProof]) -> str:
    return ending(f"{probes[0].name}: {probes[0].failure}")


def _not_shown(begun: DeployedProof, why: Reason) -> DeployedProof:
    return replace(begun, outcome="error", reason=why.what, details=Details.of(replace(why, todo=why.todo or _BY_HAND)))


def _record(context: Context, subject: Subject, pr: int, proof: FinalProof, deployed: DeployedProof) -> FinalProof:
    made = replace(proof, deployed=deployed, at=int(context.clock.now()))
    context.ledger(subject.repo).record("pr", pr, made)
    return made


def wake(context: Context, repo: str) -> int:
    """End the waits for deployments of base branches that have ended, or took too long; how many."""
    woken, settings = 0, context.settings.repository(repo).deploy
    for play in waits.running(context.cluster, context.settings.namespace, start.labels(repo, "play")):
        for wait in waits.of(play):
            if wait.kind != AWAIT:
                continue
            is_late = context.clock.now() - wait.since >= settings.timeout_minutes * _MINUTE
            gh, key = context.harness(repo, deployments="read"), wait.key
            if is_late or stand(gh, repo, key["environment"], key["head"]) is not None:
                woken += wait.wake(context.cluster, "Succeeded", {})
    return woken
