"""All checks in their order, group by group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pressplay.doctor import (
    argo,
    argo_settings,
    comments,
    definitions,
    events,
    gates,
    github,
    reconciling,
    release,
    repositories,
    rights,
    secrets,
    values,
    webhook,
)
from pressplay.doctor.results import Check, NotLookedAt, Result, not_looked_at
from pressplay.doctor.subject import Subject

VALUES = (
    values.files,
    values.repositories,
    values.images,
    values.limits,
    values.protection,
    values.deployments,
)
CLUSTER = (
    release.release,
    values.drift,
    release.namespaces,
    definitions.runs,
    definitions.argo,
    definitions.events,
    release.templates,
    release.semaphores,
    release.personas,
    secrets.app_secrets,
    secrets.harness_apart,
    secrets.qa_is_one,
    secrets.proof_key,
    secrets.proof_store,
    secrets.requirements,
    secrets.pull_secrets,
    rights.steps,
    rights.probes,
    rights.agents,
    rights.sensor,
    gates.wall,
    gates.volume,
    gates.deployer,
    argo.controller,
    argo.taken_up,
    reconciling.reconcile,
    argo.server,
    argo_settings.pace,
    argo_settings.limits,
    argo_settings.metrics,
    argo_settings.archive,
    argo_settings.quotas,
    secrets.argo_ca,
    events.both,
    events.bus,
    events.secret,
    comments.server,
    release.pulled,
    release.pause,
)
GITHUB = (github.api,)
AFTER_APPS = (webhook.of_app, github.rate)
REPOSITORY = (
    repositories.repository,
    repositories.apps,
    repositories.rulesets,
    repositories.bypass,
    repositories.auto_merge,
    repositories.merge_queue,
    repositories.updates,
    webhook.of_repository,
    repositories.backlog,
    repositories.proof,
    repositories.requirements,
    repositories.environment,
    repositories.actions,
)


@dataclass(frozen=True)
class Group:
    """Checks that the report groups together."""

    name: str
    look: Callable[[], Iterator[Result]]

    def results(self) -> Iterator[Result]:
        """What they find; where the group can't be looked at at all, one line that says why."""
        for result in self.look():
            yield replace(result, group=self.name)


def groups(subject: Subject) -> Iterator[Group]:
    """What there is to look at; a group is looked at when its results are asked for, and in this order.

    InputError for a repository that was asked for and is not listed.
    """
    # First: whether settings are the release's, or only the values', hangs on it.
    alive = [] if subject.no_cluster else list(release.api_server.results(subject))
    for repo in subject.repos:
        subject.settings.repository(repo)
    yield Group("values", lambda: _each(VALUES, subject))
    if alive:
        yield Group(f"cluster, namespace {subject.namespace}", lambda: _cluster(subject, alive))
    else:
        yield Group("cluster", lambda: iter([not_looked_at("cluster", subject.no_cluster)]))
    if subject.no_github:
        yield Group("GitHub", lambda: iter([not_looked_at("GitHub", subject.no_github)]))
        return
    try:
        listed = subject.repositories
    except NotLookedAt as error:
        why = str(error)
        yield Group("GitHub", lambda: iter([not_looked_at("GitHub", why)]))
        return
    yield Group("GitHub", lambda: _github(subject))
    for repo in listed:
        yield Group(f"GitHub, {repo}", lambda repo=repo: _each(REPOSITORY, subject, repo))  # type: ignore[misc]


def _cluster(subject: Subject, alive: list[Result]) -> Iterator[Result]:
    yield from alive
    # That line is enough where nothing can be asked.
    if not subject.no_cluster:
        yield from _each(CLUSTER, subject)


def _github(subject: Subject) -> Iterator[Result]:
    yield from _each(GITHUB, subject)
    if not subject.no_github:
        for name in github.needs(subject):
            yield from github.app.results(subject, name)
        yield from _each(AFTER_APPS, subject)


def _each(checks: tuple[Check, ...], *about: object) -> Iterator[Result]:
    for check in checks:
        yield from check.results(*about)
