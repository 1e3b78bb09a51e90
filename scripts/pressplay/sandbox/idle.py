"""Whether the unfinished Workflows wait for people alone."""

from __future__ import annotations

from collections.abc import Iterable

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.pause import AWAIT_CONTINUE
from pressplay.cluster.port import Manifest
from pressplay.errors import InputError
from pressplay.github import pulls
from pressplay.sandbox.engine.locktable import waits_for_locks_alone
from pressplay.steps.core import parking, stack
from pressplay.steps.core.context import Context
from pressplay.steps.play.final_deployment import AWAIT as AWAIT_BASE
from pressplay.steps.play.task_verdicts import AWAIT_MERGE, AWAIT_VERDICT
from pressplay.steps.review import conflicts, retests, scope
from pressplay.steps.upkeep import stacks
from pressplay.steps.upkeep.wakes import never_merged


def only_people_move(workflows: Iterable[Manifest], context: Context) -> bool:
    """Whether each Workflow waits for a merge, for `pressplay continue`, or for one that does."""
    verdicts = tasks = 0
    merges: list[waits.Wait] = []
    awaited: set[str] = set()
    for workflow in workflows:
        open_waits = list(waits.of(workflow))
        kinds = [wait.kind for wait in open_waits]
        if AWAIT_BASE in kinds:
            # Whoever deploys the base branch moves on, or time does.
            return False
        labels = workflow["metadata"].get("labels") or {}
        flow = labels.get("press-play/flow")
        if AWAIT_MERGE in kinds:
            merges += [wait for wait in open_waits if wait.kind == AWAIT_MERGE]
            awaited.add(labels.get("press-play/repo", ""))
        if flow == "play" and kinds:
            verdicts += kinds.count(AWAIT_VERDICT)
        elif AWAIT_CONTINUE in kinds or (not kinds and waits_for_locks_alone(workflow)):
            # One that waits for a lock waits for its holders, which this loop looks at too.
            tasks += flow == "task"
        else:
            return False
    # A play that awaits a verdict waits for a person only where its task does.
    # And no person can merge what another part of a play has given up (`reconcile` ends that wait), what conflicts, or
    # what is judged again since the base branch moved on.
    if verdicts > tasks or never_merged(context, merges):
        return False
    repos = [repo for repo in context.settings.repositories if names.repo_key(repo) in awaited]
    return not any(
        retests.is_pending(context, repo) or stacks.is_pending(context, repo) or _conflicts_are_worked_on(context, repo)
        for repo in repos
    )


def _conflicts_are_worked_on(context: Context, repo: str) -> bool:
    """Whether `reconcile` will have a conflict resolved that keeps an open pull request from being merged."""
    if not (context.settings.events.enabled and context.settings.flows.pull_request.enabled):
        return False
    gh = context.harness(repo, pull_requests="read")
    try:
        opened = [listed for listed in pulls.all_pulls(gh, repo, "open") if not listed.fork and not listed.draft]
        dirty = [pull for listed in opened if conflicts.is_dirty(pull := pulls.pull(gh, repo, listed.number))]
    except InputError:
        # The App may not see the repository any more: then `reconcile` does nothing there either.
        return False
    for pull in dirty:
        entries = context.ledger(repo).entries("pr", pull.number)
        subject = scope.subject_of(context, repo, pull, entries)
        parked = parking.parked(entries, subject)
        is_left = parked is not None and (parked.stopped or parked.head == pull.head_sha)
        built = stack.of(context, gh, subject)
        waits_for_dependency = built is not None and built.waits
        if not is_left and not waits_for_dependency and scope.in_scope(context, repo, pull, entries):
            return True
    return False
