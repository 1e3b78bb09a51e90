"""Compare everything with GitHub and the cluster, each minute: events get lost (R2).

It wakes waits, starts what a lost event should have started (`steps.upkeep.lost_events`), deletes what ended runs left
behind (`steps.upkeep.cleanup`), and prunes old objects (`steps.upkeep.pruning`).
"""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.workflow_view import WorkflowView
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.steps.core import start
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.gate_pods import gate_runs, named_checks
from pressplay.steps.play import final_deployment
from pressplay.steps.play.task_verdicts import AWAIT_VERDICT, judge, verdict_of, wake_with
from pressplay.steps.review import deploys
from pressplay.steps.upkeep import cleanup, lost_events, pruning, wakes

_SAID = 300
"""Characters of a fault that the log shows."""


def reconcile(_inputs: Inputs, context: Context) -> Outputs:
    """Compare every wait and run with GitHub and the cluster; wake, expire, start and clean up as needed."""
    view = WorkflowView(context.cluster, context.settings.namespace, context.clock)
    context = replace(context, cluster=view)
    woken, started = 0, 0
    faults: list[PressPlayError] = []
    for repo in context.settings.repositories:
        try:
            view.renew()
            woken += _wake(context, repo)
            view.renew()
            started += lost_events.start(context, repo)
            gate_runs.orphans(context, repo)
            cleanup.clean_up(context, repo, live := cleanup.end_orphans(context, repo))
            pruning.prune(context, repo, live)
        except PressPlayError as error:
            # One repository's fault must not keep the others from being compared.
            faults.append(error)
            context.say(f"{repo}: {type(error).__name__}: {' '.join(str(error).split())[:_SAID]}")
    if faults:
        # The next minute compares again: retries at growing intervals would slow down the other repositories.
        lasting = all(isinstance(fault, InputError) for fault in faults)
        many = f"{len(faults)} of {len(context.settings.repositories)} repositories could not be compared"
        raise (InputError if lasting else TryAgain)(many) from faults[0]
    return {"woken": str(woken), "started": str(started)}


def _wake(context: Context, repo: str) -> int:
    plays = waits.running(context.cluster, context.settings.namespace, start.labels(repo, "play"))
    verdicts = [wait for play in plays for wait in waits.of(play) if wait.kind == AWAIT_VERDICT]
    woken = wakes.continued(context, repo) + sum(_verdict(context, repo, wait) for wait in verdicts)
    woken += wakes.merged(context, repo) + deploys.wake(context, repo)
    woken += final_deployment.wake(context, repo)
    return woken + named_checks.wake_checks(context, repo)


def _verdict(context: Context, repo: str, wait: waits.Wait) -> bool:
    """Wake a play's wait if the task's Workflow ended, or is gone, and did not wake it."""
    subject = Subject.of({"repo": repo, **wait.key}, context)
    name = names.task_workflow(subject.play, subject.task or 0)
    workflow = context.cluster.get("Workflow", context.settings.namespace, name)
    if workflow is not None and waits.phase(workflow) not in waits.FINISHED:
        return False
    verdict = verdict_of(context, subject) or judge(context, subject, waits.phase(workflow) if workflow else "Gone")
    context.ledger(repo).record("task", subject.task or 0, verdict)
    return wake_with(context, wait, verdict)
