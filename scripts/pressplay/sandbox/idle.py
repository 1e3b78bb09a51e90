"""Whether the unfinished Workflows wait for people alone."""

from __future__ import annotations

from collections.abc import Iterable

from pressplay.cluster import waits
from pressplay.cluster.pause import AWAIT_CONTINUE
from pressplay.cluster.port import Manifest
from pressplay.sandbox.engine.locktable import waits_for_locks_alone
from pressplay.steps.core.context import Context
from pressplay.steps.play.task_verdicts import AWAIT_MERGE, AWAIT_VERDICT
from pressplay.steps.upkeep import retests
from pressplay.steps.upkeep.wakes import never_merged


def only_people_move(workflows: Iterable[Manifest], context: Context) -> bool:
    """Whether each Workflow waits for a merge, for `pressplay continue`, or for one that does."""
    verdicts = tasks = 0
    merges: list[waits.Wait] = []
    for workflow in workflows:
        open_waits = list(waits.of(workflow))
        kinds = [wait.kind for wait in open_waits]
        merges += [wait for wait in open_waits if wait.kind == AWAIT_MERGE]
        flow = (workflow["metadata"].get("labels") or {}).get("press-play/flow")
        if flow == "play" and kinds:
            verdicts += kinds.count(AWAIT_VERDICT)
        elif AWAIT_CONTINUE in kinds or (not kinds and waits_for_locks_alone(workflow)):
            # One that waits for a lock waits for its holders, which this loop looks at too.
            tasks += flow == "task"
        else:
            return False
    # A play that awaits a verdict waits for a person only where its task does.
    # And no person can merge what another part of a play has given up (`reconcile` ends that wait), or what is judged
    # again since the base branch moved on.
    if verdicts > tasks or never_merged(context, merges):
        return False
    return not any(retests.is_pending(context, repo) for repo in context.settings.repositories)
