"""The failed checks of a head that were not handled yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pressplay import names
from pressplay.domain.entries import Entries, Triage
from pressplay.domain.roles import TRIAGE
from pressplay.github import actions, checks, pulls
from pressplay.steps.core import parking
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.triage.classify import FAILED

_OWN = "press-play/"
_WAITS_FOR_PEOPLE = ("completed", "waiting", "action_required")
"""The states of a workflow run that does not continue by itself: it ended, or a person must approve a deployment."""


@dataclass(frozen=True)
class Failed:
    """A failed check of a head: a check run, usually of a job; or a workflow run that did not start."""

    conclusion: str
    check: checks.CheckRun | None
    run: actions.WorkflowRun | None

    @property
    def cause(self) -> str:
        """What the Triage agent's run is about (its key, R1)."""
        return f"check-{self.check.id}" if self.check is not None else f"run-{self.run.id if self.run else 0}"

    @property
    def same(self) -> str:
        """The same text for the same check in every attempt and on every commit: App, workflow and name, as a hash."""
        app, name = (self.check.app, self.check.name) if self.check else (actions.APP, "")
        return names.digest("check", app, self.run.workflow if self.run else 0, name, length=16)

    @property
    def ended(self) -> str:
        """When it ended: an App may re-run a check under the same id."""
        return self.check.completed_at if self.check else str(self.run.attempt if self.run else 0)

    @property
    def is_over(self) -> bool:
        """Whether its workflow run does not continue by itself."""
        return self.run is None or self.run.status in _WAITS_FOR_PEOPLE


def untriaged(
    context: Context,
    subject: Subject,
    pull: pulls.Pull,
    entries: Entries,
    there: Sequence[checks.CheckRun] | None = None,
) -> list[Failed]:
    """The failed checks of the head that were not handled in this try; none while the pull request waits for a person.

    `there` are the head's checks, if the caller has just read them.
    """
    parked = parking.parked(entries, subject)
    if pull.state != "open" or pull.fork or (parked and (parked.stopped or parked.head == pull.head_sha)):
        return []
    gh = context.harness(subject.repo, actions="read", checks="read")
    own, ignored = names.slug(context.settings.github.harness_app), context.settings.flows.triage.ignore_checks
    broken = [
        check
        for check in (checks.checks(gh, subject.repo, pull.head_sha) if there is None else there)
        if check.conclusion in FAILED and not check.name.startswith(_OWN) and check.app != own
    ]
    runs = {run.suite: run for run in actions.runs_of_commit(gh, subject.repo, pull.head_sha)}
    failed = [Failed(check.conclusion or "", check, runs.get(check.suite)) for check in broken]
    failed += [Failed("startup_failure", None, run) for run in runs.values() if run.conclusion == "startup_failure"]
    return [
        failure
        for failure in failed
        if failure.is_over
        and not (failure.check and failure.check.name in ignored)
        and not (failure.run and failure.run.name in ignored)
        and not _answered(entries, subject, failure)
    ]


def _answered(entries: Entries, subject: Subject, failed: Failed) -> bool:
    entry = entries.get(Triage, Triage.key_of(failed.cause))
    if entry is None or entry.try_ != subject.attempt_of_person or entry.ended != failed.ended:
        return False
    if entry.plan != "repair":
        return entry.done
    return any(run.role == TRIAGE.name and run.cause == entry.cause and run.result for run in entries.runs)
