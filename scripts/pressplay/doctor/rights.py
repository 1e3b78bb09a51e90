"""Who may do what in the cluster: our accounts what they need, and no more where that would break a wall."""

from __future__ import annotations

from collections.abc import Iterator

from pressplay import names
from pressplay.cluster.port import Account
from pressplay.doctor.results import Result, check, ok, wrong
from pressplay.doctor.subject import Subject

Right = tuple[str, str, str, str]
"""(verb, resource, namespace, name)."""
ACCEPTANCE = "press-play-acceptance"
SENSOR = "press-play-sensor"
_RUNS = ("coderuns.agents.platform", "docsruns.agents.platform")


def account(subject: Subject) -> Account:
    """As whom the pods of our workflows run."""
    template = subject.find("WorkflowTemplate", subject.namespace, "reconcile")
    spec = (template or {}).get("spec") or {}
    return Account(subject.namespace, spec.get("serviceAccountName") or "press-play")


@check("rights of the steps")
def steps(subject: Subject) -> Iterator[Result]:
    """What a step can't do without: report, make Workflows, make runs, read its keys."""
    settings, own, there = subject.release, subject.namespace, subject.release.controller_namespace
    keys = [settings.github.harness_app, *([settings.agents["qa"].github_app] if "qa" in settings.agents else [])]
    wanted: list[Right] = [
        ("create", "workflowtaskresults.argoproj.io", own, ""),
        ("patch", "workflowtaskresults.argoproj.io", own, ""),
        ("create", "workflows.argoproj.io", own, ""),
        ("update", "workflows.argoproj.io", own, ""),
        ("patch", "configmaps", own, ""),
        *(("get", "secrets", own, names.app_secret(app)) for app in keys),
        *(("get", "secrets", own, secret) for secret in settings.proof.secrets),
        *((verb, kind, there, "") for kind in _RUNS for verb in ("get", "create", "patch", "delete")),
    ]
    yield from must(subject, "rights of the steps", account(subject), wanted)


@check("rights of the probes")
def probes(subject: Subject) -> Iterator[Result]:
    """The acceptance gate reads, where it is listed to; and no Secret anywhere."""
    subject.need_release()
    who, settings = Account(subject.namespace, ACCEPTANCE), subject.settings
    namespaces = sorted(
        {namespace for name in settings.repositories for namespace in settings.repository(name).acceptance.namespaces}
    )
    there = [namespace for namespace in namespaces if subject.find("Namespace", "", namespace) is not None]
    wanted: list[Right] = [
        ("create", "workflowtaskresults.argoproj.io", subject.namespace, ""),
        *(("list", kind, namespace, "") for namespace in there for kind in ("pods", "deployments.apps")),
        *(("get", "pods/log", namespace, "") for namespace in there),
    ]
    yield from must(subject, "rights of the probes", who, wanted)
    secrets = [("get", "secrets", namespace, "") for namespace in [subject.namespace, *there]]
    yield from must_not(subject, "rights of the probes", who, secrets)


@check("agents and the harness's key")
def agents(subject: Subject) -> Iterator[Result]:
    """No account of the controller's namespace may read the harness's Secret (R5)."""
    settings = subject.release
    secret = names.app_secret(settings.github.harness_app)
    there = settings.controller_namespace
    accounts = {pod["spec"].get("serviceAccountName") or "default" for pod in subject.listed("Pod", there)}
    may = [
        name
        for name in sorted({"default", *accounts})
        if subject.may(Account(there, name), "get", "secrets", subject.namespace, secret)
    ]
    if may:
        yield wrong(
            "agents and the harness's key",
            f"{', '.join(f'{there}:{name}' for name in may)} may read the Secret {secret} in {subject.namespace}: "
            "agents that run so could approve their own work",
            f"take the right away: kubectl -n {subject.namespace} get rolebindings,clusterrolebindings -o wide",
        )
    else:
        yield ok("agents and the harness's key", f"no account that runs in {there} may read {secret}")


@check("rights of the Sensor")
def sensor(subject: Subject) -> Iterator[Result]:
    """What starts Workflows on events."""
    settings = subject.release
    if not (settings.events.enabled and settings.repositories):
        return
    wanted: list[Right] = [
        (verb, "workflows.argoproj.io", subject.namespace, "") for verb in ("create", "get", "patch")
    ]
    yield from must(subject, "rights of the Sensor", Account(subject.namespace, SENSOR), wanted)


def must(subject: Subject, name: str, who: Account, wanted: list[Right]) -> Iterator[Result]:
    """Whether an account may do all of this."""
    lacks = [_shown(right) for right in wanted if not subject.may(who, *right)]
    if lacks:
        yield wrong(
            name,
            f"{who.namespace}:{who.name} may not {'; '.join(lacks[:5])}",
            f"helm upgrade --install press-play CHART -n {subject.namespace} creates the Roles and RoleBindings again",
        )
    else:
        yield ok(name, f"{who.namespace}:{who.name} may all {len(wanted)} that were tried")


def must_not(subject: Subject, name: str, who: Account, forbidden: list[Right]) -> Iterator[Result]:
    """Whether an account may do none of this; silent where it may not."""
    may = [_shown(right) for right in forbidden if subject.may(who, *right)]
    if may:
        yield wrong(
            name,
            f"{who.namespace}:{who.name} may {'; '.join(may)}, which strangers' code or probes could use",
            f"take the binding away that somebody made for it: kubectl -n {who.namespace} get rolebindings -o wide",
        )


def _shown(right: Right) -> str:
    verb, resource, namespace, name = right
    return f"{verb} {resource}{f' {name}' if name else ''} in {namespace}"
