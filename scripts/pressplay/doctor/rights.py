"""Who may do what in the cluster: our accounts what they need, and no more where that would break a wall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pressplay import names
from pressplay.cluster.port import Account
from pressplay.doctor.results import Result, check, ok, wrong
from pressplay.doctor.subject import Subject
from pressplay.domain import accounts
from pressplay.domain.accounts import StepAccount

Right = tuple[str, str, str, str]
"""(verb, resource, namespace, name)."""
ACCEPTANCE = "acceptance"
SENSOR = "press-play-sensor"
_WALLS = (
    ("create", "pods"),
    ("create", "secrets"),
    ("patch", "configmaps"),
    ("create", "workflowtemplates.argoproj.io"),
)
"""What an account may do only if its rules say so: (verb, resource)."""


def approver(subject: Subject) -> Account:
    """As whom `pr-conclude` runs, whose ServiceAccount the values may name."""
    template = subject.find("WorkflowTemplate", subject.namespace, "pull-request")
    steps = {step["name"]: step for step in ((template or {}).get("spec") or {}).get("templates") or []}
    named = steps.get("pr-conclude", {}).get("serviceAccountName")
    return Account(subject.namespace, named or accounts.account(accounts.APPROVER).service_account)


@check("rights of the steps")
def steps(subject: Subject) -> Iterator[Result]:
    """Each account may what its steps need; none may make Pods but the gates', or read a Secret that is not its own."""
    of_steps = [account for account in accounts.accounts() if account.name != ACCEPTANCE]
    tried, results = 0, list[Result]()
    for account in of_steps:
        who = _who(subject, account)
        wanted = [*_needed(subject, account, _places(subject)), *_keys(subject, account)]
        tried += len(wanted)
        results += must(subject, "rights of the steps", who, wanted)
        results += must_not(subject, "rights of the steps", who, list(_forbidden(subject, account)))
    faults = [result for result in results if result.state != "ok"]
    yield from faults
    if not faults:
        yield ok("rights of the steps", f"{len(of_steps)} accounts may all {tried} that were tried")


def _who(subject: Subject, account: StepAccount) -> Account:
    if account.name == accounts.APPROVER:
        return approver(subject)
    return Account(subject.namespace, account.service_account)


def _places(subject: Subject) -> Mapping[str, list[str]]:
    """The namespaces that a rule's place means."""
    return {"release": [subject.namespace], "controller": [subject.release.controller_namespace]}


def _needed(subject: Subject, account: StepAccount, places: Mapping[str, list[str]]) -> Iterator[Right]:
    for verb in ("create", "patch"):
        yield verb, accounts.RESULTS, subject.namespace, ""
    for rule in account.rules:
        for namespace in places.get(rule.place, []):
            for resource in rule.resources:
                for name in rule.names or ("",):
                    yield from ((verb, resource, namespace, name) for verb in rule.verbs)


def _keys(subject: Subject, account: StepAccount) -> Iterator[Right]:
    settings = subject.release
    secrets = {
        "harness": [names.app_secret(settings.github.harness_app)],
        "qa": [names.app_secret(settings.agents["qa"].github_app)] if "qa" in settings.agents else [],
        "proofKey": [settings.proof.signing_key.secret],
        "proofStore": [secret for secret in settings.proof.secrets if secret != settings.proof.signing_key.secret],
    }
    for key in account.keys:
        yield from (("get", "secrets", subject.namespace, secret) for secret in secrets[key] if secret)


def _forbidden(subject: Subject, account: StepAccount) -> Iterator[Right]:
    """What would break a wall: Pods, which may mount any Secret; all Secrets; the harness's key without a need."""
    allowed = {
        (verb, resource) for rule in account.rules if rule.place == "release"
        for verb in rule.verbs for resource in rule.resources if not rule.names
    }  # fmt: skip
    yield "list", "secrets", subject.namespace, ""
    for right in _WALLS:
        if right not in allowed:
            yield *right, subject.namespace, ""
    if "harness" not in account.keys:
        yield "get", "secrets", subject.namespace, names.app_secret(subject.release.github.harness_app)


@check("rights of the probes")
def probes(subject: Subject) -> Iterator[Result]:
    """The acceptance gate reads, where it is listed to; and no Secret anywhere."""
    subject.need_release()
    account, settings = accounts.account(ACCEPTANCE), subject.settings
    who = _who(subject, account)
    namespaces = sorted(
        {namespace for name in settings.repositories for namespace in settings.repository(name).acceptance.namespaces}
    )
    there = [namespace for namespace in namespaces if subject.find("Namespace", "", namespace) is not None]
    wanted = list(_needed(subject, account, {"release": [subject.namespace], "probed": there}))
    yield from must(subject, "rights of the probes", who, wanted)
    secrets: list[Right] = [("get", "secrets", namespace, "") for namespace in [subject.namespace, *there]]
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
