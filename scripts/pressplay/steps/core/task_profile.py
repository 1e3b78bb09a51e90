"""The proof profile that a pull request is judged by: people's word, never an agent's."""

from __future__ import annotations

from pressplay import names
from pressplay.domain.entries import Alerts, Entries, GivenProfile
from pressplay.domain.profiles import PROFILES, Profile
from pressplay.github.calls import Client
from pressplay.steps.core import backlog_file
from pressplay.steps.core.context import Context, Subject


def of(context: Context, gh: Client, subject: Subject, entries: Entries) -> Profile:
    """The profile that a person gave the pull request, whose `entries` these are, else the one of its task.

    A task made of Dependabot's alerts changes dependencies, one of other alerts keeps the behaviour. All else is what
    tasks.json says, or a feature.
    """
    given = entries.get(GivenProfile)
    if given is not None:
        return next(profile for profile in PROFILES if profile == given.profile)
    if subject.task is not None and names.kind_of(subject.task) == "alerts":
        alerts = context.ledger(subject.repo).entries("task", subject.task).get(Alerts)
        return "dependencies" if alerts is not None and alerts.kind == "dependabot" else "refactor"
    return backlog_file.profile(context, gh, subject)
