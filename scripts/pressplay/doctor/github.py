"""GitHub: whether it answers, and each of our Apps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from pressplay import names
from pressplay.doctor.results import NotLookedAt, Result, check, not_looked_at, note, ok, wrong
from pressplay.doctor.subject import Subject
from pressplay.errors import InputError
from pressplay.github.access import CLOCK_SKEW_SECONDS, TIMEOUT_SECONDS
from pressplay.github.calls import call
from pressplay.github.grants import lacking, listed
from pressplay.github.permissions import SERVE_USER, Needs, needed

DANGEROUS = (
    "administration",
    "workflows",
    "environments",
    "secrets",
    "members",
    "organization_administration",
    "organization_secrets",
)
"""With one of these an App could change the rules, what runs, or who may do what: no App of ours asks for any (R5)."""
_TO_WRITE = ("deployments", "merge_queues")
"""And with one of these where it may write: to read them is harmless."""
_SCARCE = 0.1
_PAGE = "docs/reference/github-apps.md"


@check("GitHub's API")
def api(subject: Subject) -> Iterator[Result]:
    """Whether it answers, and by which clock. Where it does not, nothing more is asked of it."""
    _ = subject.github
    url = subject.settings.github.api_url
    # By the environment's proxies, as everything else.
    with httpx.Client(
        transport=subject.transport, timeout=TIMEOUT_SECONDS, trust_env=subject.transport is None
    ) as client:
        try:
            answer = client.get(f"{url}/meta")
        except httpx.HTTPError as error:
            subject.no_github = "GitHub does not answer, see there"
            yield wrong(
                "GitHub's API",
                f"no answer from {url} ({type(error).__name__})",
                f"see that `curl {url}/meta` answers from here and from the cluster; else correct github.apiURL",
            )
            return
    if answer.status_code not in (200, 401, 403):
        subject.no_github = "GitHub does not answer as it should, see there"
        yield wrong(
            "GitHub's API",
            f"{url}/meta answers {answer.status_code}",
            "correct github.apiURL (https://api.github.com, or https://HOST/api/v3 of an Enterprise Server), or run it "
            "again where the fault is GitHub's",
        )
        return
    yield from _clock(subject, answer)
    version = answer.headers.get("x-github-enterprise-version") or _installed_version(answer)
    yield ok("GitHub's API", f"{url} answers{f', Enterprise Server {version}' if version else ''}")


def _installed_version(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("installed_version") or "") if isinstance(body, dict) else ""


def _clock(subject: Subject, answer: httpx.Response) -> Iterator[Result]:
    try:
        there = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return
    skew = subject.clock.now() - there
    subject.clock_wrong = abs(skew) > CLOCK_SKEW_SECONDS
    if subject.clock_wrong:
        yield wrong(
            "clock",
            f"this machine's is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} GitHub's, which takes 60",
            "set it by NTP (timedatectl set-ntp true), and look at the nodes' clocks, too",
        )
    else:
        yield ok("clock", f"{abs(skew):.0f} s off GitHub's (this machine's; the nodes' are not seen)")


def itself(subject: Subject, app: str) -> Mapping[str, Any]:
    """What GitHub says of an App. InputError where it does not take its key."""
    github = subject.github
    return subject.once(("itself", app), lambda: github.itself(app))


def needs(subject: Subject) -> Mapping[str, Needs]:
    """What each App needs in this installation."""
    from pressplay.doctor import comments

    return subject.once(
        ("needs",),
        lambda: needed(subject.settings, makes_webhooks=makes_webhooks(subject), serve_app=comments.app(subject)),
    )


def makes_webhooks(subject: Subject) -> bool:
    """Whether the EventSource makes the repositories' webhooks itself (`events.webhook.url`)."""
    from pressplay.doctor import events

    if subject.files and not subject.problems:
        return bool(subject.values["events"]["webhook"]["url"])
    try:
        return bool((events.github_of(events.source(subject)).get("webhook") or {}).get("url"))
    except NotLookedAt:
        return False


@check("App")
def app(subject: Subject, name: str) -> Iterator[Result]:
    """One App: its key, its name, its permissions."""
    about, need = f"App {name}", needs(subject)[name]
    try:
        subject.key(name)
        registered = itself(subject, name)
    except NotLookedAt as error:
        yield not_looked_at(about, str(error), error.do)
        return
    except InputError as error:
        if subject.clock_wrong:
            yield not_looked_at(about, "its key can't be tried with this clock, see there")
            return
        yield wrong(
            about,
            f"GitHub does not take its key: {error}",
            f"put the App's number and a private key that it still has into the Secret {names.app_secret(name)} "
            "(docs/how-to/github-apps.md)",
        )
        return
    faults = [
        *_name(about, need, registered),
        *_permissions(about, need, registered["permissions"]),
    ]
    yield from faults
    if not any(fault.state == "wrong" for fault in faults):
        yield ok(about, f"number {registered['id']}, takes its key, may what it needs")


def _name(about: str, need: Needs, app: Mapping[str, Any]) -> Iterator[Result]:
    slug = str(app["slug"])
    if slug != names.slug(need.app):
        yield wrong(
            about,
            f"its Secret has the key of another App, {slug}: personas are picked, and comments known, by the name",
            f"set {need.value} to {slug}, or put the key of {need.app} into the Secret {names.app_secret(need.app)}",
        )


def _permissions(about: str, need: Needs, have: Mapping[str, str]) -> Iterator[Result]:
    lacks = lacking(need.permissions, {"metadata": "read", **have})
    if lacks:
        yield wrong(
            about,
            f"lacks {listed(lacks)} ({'; '.join(need.why[permission] for permission in sorted(lacks))})",
            f"add it in the App's settings, Permissions & events, and have the account's owner accept it ({_PAGE})",
        )
    dangerous = sorted(set(DANGEROUS) & have.keys())
    dangerous += [name for name in _TO_WRITE if have.get(name) == "write" and need.permissions.get(name) != "write"]
    if dangerous:
        yield wrong(
            about,
            f"has {listed({name: have[name] for name in dangerous})}: with it, it could get past what keeps it from "
            "merging, or make up what proves its work",
            f"take it away in the App's settings, Permissions & events: none of ours needs it ({_PAGE})",
        )
    writes = {name: level for name, level in have.items() if level != "read" and name not in dangerous}
    if need.user != SERVE_USER:
        writes = {}
    if writes:
        yield wrong(
            about,
            f"may do more than read: {listed(writes)}. Its key lies in a pod that answers whoever calls",
            f"take it away in the App's settings, Permissions & events ({_PAGE})",
        )
    more = {
        permission: level
        for permission, level in have.items()
        if permission not in (*dangerous, *writes)
        and (permission not in need.permissions or lacking({permission: level}, need.permissions))
    }
    if more:
        yield note(about, f"has more than it needs: {listed(more)}", f"take it away in the App's settings ({_PAGE})")


@check("rate limit")
def rate(subject: Subject) -> Iterator[Result]:
    """How much of this hour's calls the harness has left."""
    repo = next((candidate for candidate in subject.repositories if subject.reaches(subject.harness, candidate)), None)
    if repo is None:
        raise NotLookedAt("the harness's App speaks for no repository")
    limits = call(subject.speaking(subject.harness, repo, contents="read"), "GET", "/rate_limit")["resources"]["core"]
    left, most = int(limits["remaining"]), int(limits["limit"])
    if left < _SCARCE * most:
        yield note(
            "rate limit",
            f"{left} of {most} calls are left to the harness in this hour",
            "lengthen reconcile.schedule, or lower defaults.parallelism (docs/how-to/install.md, GitHub's rate limits)",
        )
    else:
        yield ok("rate limit", f"{left} of {most} calls are left in this hour")
