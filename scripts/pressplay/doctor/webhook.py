"""GitHub's webhooks: the harness's App's, or those that the EventSource makes in the repositories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from githubkit import GitHub

from pressplay.clock import rfc3339
from pressplay.doctor import events
from pressplay.doctor.github import itself, makes_webhooks
from pressplay.doctor.results import NotLookedAt, Result, check, note, ok, wrong
from pressplay.doctor.subject import Subject
from pressplay.errors import InputError
from pressplay.github import webhooks
from pressplay.github.permissions import wanted_events
from pressplay.github.webhooks import Webhook

LAST = 20
"""Deliveries that are looked at."""
_PAGE = "docs/how-to/events.md, The webhook"


@check("webhook")
def of_app(subject: Subject) -> Iterator[Result]:
    """The webhook of the harness's App, for most the one way in."""
    settings = subject.settings
    if not settings.events.enabled:
        raise NotLookedAt("no events are taken (events.enabled)")
    if makes_webhooks(subject):
        raise NotLookedAt("the EventSource makes the repositories' webhooks (events.webhook.url), see there")
    app = subject.harness
    subject.key(app)
    if subject.clock_wrong:
        raise NotLookedAt("the harness's key can't be tried with this clock, see there")
    registered = _registered(subject, app)
    gh = subject.github.as_app(app)
    hook = webhooks.of_app(gh)
    if hook is None:
        yield note(
            "webhook",
            f"the App {app} has none: unless webhooks of the repositories or of the organization send to "
            "press-play-eventsource-svc, nothing starts on events, and reconcile finds it later",
            f"set it in the App's settings, Webhook, Active ({_PAGE})",
        )
        return
    yield from _judged(subject, "webhook", f"of the App {app}", gh, hook, registered.get("events") or [])


def _registered(subject: Subject, app: str) -> Any:
    try:
        return itself(subject, app)
    except InputError as error:
        raise NotLookedAt(f"GitHub does not take the key of the App {app}, see there") from error


@check("webhook")
def of_repository(subject: Subject, repo: str) -> Iterator[Result]:
    """The webhook that the EventSource makes in a repository."""
    settings = subject.settings
    if not (settings.events.enabled and makes_webhooks(subject)):
        return
    if not subject.reaches(subject.harness, repo):
        raise NotLookedAt("the harness's App does not reach this repository, see there")
    gh = subject.speaking(subject.harness, repo, repository_hooks="read")
    hooks = webhooks.of_repository(gh, repo)
    endpoint = _endpoint(subject)
    hook = next((hook for hook in hooks if urlsplit(hook.url).path == endpoint), None)
    if hook is None:
        yield wrong(
            "webhook",
            f"the repository has none that leads to {endpoint}: the EventSource has not made it",
            f"kubectl -n {subject.namespace} logs -l eventsource-name=press-play; events.webhook.app must be the "
            "harness's App and its installation",
        )
        return
    if not hook.active:
        yield wrong(
            "webhook", "it is not active: GitHub sends nothing", "set it active in the repository's settings, Webhooks"
        )
        return
    yield from _judged(subject, "webhook", "of the repository", gh, hook, hook.events or ())


def _judged(
    subject: Subject, name: str, whose: str, gh: GitHub[Any], hook: Webhook, subscribed: Sequence[str]
) -> Iterator[Result]:
    """Where it leads, how it is signed, which events it sends, and what came of the last ones."""
    where = f"the webhook {whose}"
    faults: list[tuple[str, str]] = []
    endpoint = _endpoint(subject)
    if endpoint and urlsplit(hook.url).path.rstrip("/") != endpoint.rstrip("/"):
        faults.append(
            (f"leads to {hook.url}, the EventSource listens on {endpoint}", f"set its URL's path to {endpoint}")
        )
    if not hook.signed:
        faults.append(
            (
                "has no secret: the EventSource refuses all that it sends",
                "set the text of the webhook's Secret as its secret",
            )
        )
    absent = [] if "*" in subscribed else sorted(set(wanted_events(subject.settings)) - set(subscribed))
    if absent:
        faults.append(
            (f"does not send {', '.join(absent)}", "subscribe to them: the App's settings, Permissions & events")
        )
    for fault, do in faults:
        yield wrong(name, f"{where} {fault}", f"{do} ({_PAGE})")
    if hook.content_type != "json":
        yield note(
            name, f"{where} sends forms, which are larger and taken too", "set its content type to application/json"
        )
    if not hook.checks_certificate:
        yield note(
            name, f"{where} does not check the certificate: others may read what it sends", "enable SSL verification"
        )
    if not faults:
        yield from _delivered(name, where, gh, hook)


def _delivered(name: str, where: str, gh: GitHub[Any], hook: Webhook) -> Iterator[Result]:
    last = webhooks.deliveries(gh, hook, LAST)
    failed = [delivery for delivery in last if not delivery.taken]
    if not last:
        yield ok(name, f"{where} leads to {hook.url}; it delivered nothing in the last three days")
    elif not last[0].taken:
        yield wrong(
            name,
            f"{len(failed)} of the last {len(last)} deliveries to {hook.url} failed, the newest ({last[0].event}, "
            f"{rfc3339(last[0].at)}) with {last[0].status_code} {last[0].status}",
            _remedy(last[0].status_code),
        )
    else:
        bad = f"; {len(failed)} of the last {len(last)} failed before that" if failed else ""
        yield ok(name, f"{where} leads to {hook.url}, the newest delivery ({rfc3339(last[0].at)}) was taken{bad}")


def _remedy(status: int) -> str:
    if status == 400:
        return (
            "400: the signature is wrong, or it is too large: set the same text on GitHub and in the webhook's Secret, "
            f"then restart the EventSource's pod ({_PAGE})"
        )
    if status in (404, 405):
        return (
            "404: let the address lead to press-play-eventsource-svc, its path kept (docs/how-to/events.md, The way in)"
        )
    return (
        "see that GitHub reaches the address (DNS, TLS, Ingress), and that press-play-eventsource-svc has a ready pod"
    )


def _endpoint(subject: Subject) -> str:
    """The path that the EventSource listens on; empty where it is not known."""
    if subject.files and not subject.problems:
        return str(subject.values["events"]["webhook"]["endpoint"])
    try:
        return str((events.github_of(events.source(subject)).get("webhook") or {}).get("endpoint") or "")
    except NotLookedAt:
        return ""
