"""Compare everything with GitHub and the cluster, each minute: events get lost (R2).

Waits are woken, what a lost event should have started is started (`steps.missing`), what ended runs left is deleted
(`steps.leftovers`), and what nobody asks for any more is pruned (`steps.pruning`).
"""

from __future__ import annotations

from pressplay import names
from pressplay.cluster import waits
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.steps import deploy, leftovers, lint, missing, pruning, signals
from pressplay.steps.context import Context, Inputs, Outputs, Subject
from pressplay.steps.tasks import AWAIT_VERDICT, judge, verdict_of, wake_with

_SAID = 300
"""Characters of a fault that the log shows."""


def reconcile(_inputs: Inputs, context: Context) -> Outputs:
    """Compare every wait and run with GitHub and the cluster; wake, expire, start and clean up what was missed."""
    woken, started = 0, 0
    faults: list[PressPlayError] = []
    for repo in context.settings.repositories:
        try:
            woken += _wake(context, repo)
            started += missing.start(context, repo)
            lint.orphans(context, repo)
            leftovers.clean_up(context, repo, live := leftovers.end_orphans(context, repo))
            pruning.prune(context, repo, live)
        except PressPlayError as error:
            # One repository's fault must not leave the others' waits asleep.
            faults.append(error)
            context.say(f"{repo}: {type(error).__name__}: {' '.join(str(error).split())[:_SAID]}")
    if faults:
        # What lasts is for the next minute to find mended: trying again at ever longer intervals would slow the others.
        lasting = all(isinstance(fault, InputError) for fault in faults)
        many = f"{len(faults)} of {len(context.settings.repositories)} repositories could not be compared"
        raise (InputError if lasting else TryAgain)(many)
    return {"woken": str(woken), "started": str(started)}


def _wake(context: Context, repo: str) -> int:
    plays = waits.running(context.cluster, context.settings.namespace, signals.labels(repo, "play"))
    verdicts = [wait for play in plays for wait in waits.of(play) if wait.kind == AWAIT_VERDICT]
    woken = signals.continued(context, repo) + sum(_verdict(context, repo, wait) for wait in verdicts)
    woken += signals.merged(context, repo) + deploy.wake(context, repo)
    return woken + lint.wake_checks(context, repo)


def _verdict(context: Context, repo: str, wait: waits.Wait) -> bool:
    """A task's Workflow that ended, or is gone, without waking the play: its verdict is read and taken."""
    subject = Subject.of({"repo": repo, **wait.key}, context)
    name = names.task_workflow(subject.play, subject.task or 0)
    workflow = context.cluster.get("Workflow", context.settings.namespace, name)
    if workflow is not None and waits.phase(workflow) not in waits.FINISHED:
        return False
    verdict = verdict_of(context, subject) or judge(context, subject, waits.phase(workflow) if workflow else "Gone")
    key = f"verdict-{subject.attempt_of_person}"
    context.ledger(repo).record("task", subject.task or 0, key, {"play": subject.play, **verdict})
    return wake_with(context, wait, verdict)
