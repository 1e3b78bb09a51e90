"""Argo Workflows: who takes our Workflows up, and the Argo Server through which waits end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from pressplay.clock import parse_rfc3339
from pressplay.cluster import waits
from pressplay.cluster.argo_server import ArgoServer, Unreachable, words
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.doctor import release
from pressplay.doctor.results import NotLookedAt, Result, check, not_looked_at, ok, wrong
from pressplay.doctor.subject import Subject
from pressplay.domain import accounts
from pressplay.settings import Settings

OLDEST = (4, 1)
"""The oldest Argo Workflows that the chart is made for (docs/how-to/install.md)."""
CONTROLLER = "workflow-controller"
CONFIG = "workflow-controller-configmap"
PATIENCE = 300.0
"""Seconds for which a Workflow may lie untouched."""
_VERSION = re.compile(r"v?(\d+)\.(\d+)")
_ACCOUNT = "kubectl -n {0} create token {1}"


@dataclass(frozen=True)
class Controller:
    """A workflow controller that runs in the cluster."""

    namespace: str
    name: str
    """Of its Deployment."""
    version: str
    watches: str
    """The one namespace that it watches; empty: all."""
    environment: Mapping[str, str]
    config: Mapping[str, Any] | None
    """Its ConfigMap's settings by their names; None where that can't be read."""

    @property
    def instance_id(self) -> str | None:
        """None where its configuration can't be read."""
        return None if self.config is None else str(self.config.get("instanceID") or "")

    def takes_up(self, settings: Settings) -> bool:
        """Whether it runs the Workflows of a release with these settings, as far as is known."""
        return self.watches in ("", settings.namespace) and self.instance_id in (None, settings.instance_id)


@check("workflow controller")
def controller(subject: Subject) -> Iterator[Result]:
    """Whether one is there that takes up what the release creates, and of which version."""
    settings = subject.settings
    there = controllers(subject)
    if not there:
        raise NotLookedAt(
            f"no Deployment of the cluster runs {CONTROLLER}; it may run elsewhere",
            "see that Argo Workflows 4.1 is installed: kubectl get deployments -A | grep workflow-controller",
        )
    watching = [candidate for candidate in there if candidate.takes_up(settings)]
    if not watching:
        others = "; ".join(
            f"{candidate.namespace} (instance id {candidate.instance_id or 'none'}, "
            f"watches {candidate.watches or 'all namespaces'})"
            for candidate in there
        )
        yield wrong(
            "workflow controller",
            f"none takes up Workflows in {settings.namespace} with the instance id {settings.instance_id or 'none'}: "
            f"there is {others}",
            "set argo.instanceID to that of the controller that is to run them, or let it watch the namespace",
        )
        return
    old = [
        candidate
        for candidate in watching
        if len(_numbers(candidate.version)) > 0 and _numbers(candidate.version) < OLDEST
    ]
    if old:
        yield wrong(
            "workflow controller",
            f"Argo Workflows {old[0].version} in {old[0].namespace} is too old",
            "upgrade Argo Workflows to 4.1",
        )
    else:
        yield ok("workflow controller", f"Argo Workflows {watching[0].version} in {watching[0].namespace}")


def controllers(subject: Subject) -> list[Controller]:
    """All workflow controllers of the cluster, whatever they watch."""
    return list(_controllers(subject))


def _controllers(subject: Subject) -> Iterator[Controller]:
    for deployment in subject.listed("Deployment", ""):
        for container in _containers(deployment["spec"]["template"]):
            words = [*(container.get("command") or []), *(container.get("args") or [])]
            if not (CONTROLLER in container.get("image", "") or any(word.endswith(CONTROLLER) for word in words)):
                continue
            namespace, name = deployment["metadata"]["namespace"], deployment["metadata"]["name"]
            managed = _option(words, "--managed-namespace") or (namespace if "--namespaced" in words else "")
            config = _config(subject, namespace, _option(words, "--configmap") or CONFIG)
            version = container.get("image", "").rpartition(":")[2]
            environment = {entry["name"]: str(entry.get("value", "")) for entry in container.get("env") or []}
            yield Controller(namespace, name, version, managed, environment, config)


def _config(subject: Subject, namespace: str, name: str) -> Mapping[str, Any] | None:
    """What a controller's configuration says: each setting is in a key of its own, or all are in the key `config`."""
    try:
        data = (subject.find("ConfigMap", namespace, name) or {}).get("data") or {}
        whole = yaml.safe_load(data.get("config", "")) or {}
        # An id is a text, whatever it looks like.
        own = {key: text if key == "instanceID" else yaml.safe_load(text) for key, text in data.items()}
    except (NotLookedAt, yaml.YAMLError):
        return None
    return {
        **(whole if isinstance(whole, dict) else {}),
        **{key: value for key, value in own.items() if key != "config"},
    }


@check("Workflows")
def taken_up(subject: Subject) -> Iterator[Result]:
    """Whether what was created is worked on: one that no controller looks at has no phase."""
    subject.need_release()
    now = subject.clock.now()
    left = [
        workflow["metadata"]["name"]
        for workflow in subject.listed("Workflow", subject.namespace, {**PART_OF, waits.PHASE_LABEL: None})
        if now - parse_rfc3339(workflow["metadata"]["creationTimestamp"]) > PATIENCE
    ]
    if left:
        yield wrong(
            "Workflows",
            f"{len(left)} of {subject.namespace} were taken up by nobody: {', '.join(left[:3])}",
            "see that the workflow controller runs, watches this namespace, and has the instance id of argo.instanceID",
        )
    else:
        yield ok("Workflows", f"none of {subject.namespace} lies untouched")


@check("Argo Server")
def server(subject: Subject) -> Iterator[Result]:
    """Whether it answers, and takes the token of our steps: through it waits end.

    From outside of the cluster its address leads nowhere: then its Service, its pods and their auth mode are looked at.
    """
    subject.need_release()
    variables = release.environment(subject)
    auth = variables.get("PRESSPLAY_ARGO_AUTH", {}).get("value") or "serviceAccount"
    url = variables.get("PRESSPLAY_ARGO_URL", {}).get("value") or ""
    argo = subject.argo or ArgoServer(url, _ca(subject), "" if auth == "none" else None)
    account = accounts.of_step("reconcile").service_account
    try:
        answer = argo.call("GET", f"/api/v1/workflows/{subject.namespace}?listOptions.limit=1&fields=metadata")
    except Unreachable as error:
        if error.untrusted:
            yield wrong(
                "Argo Server",
                f"{argo.url}: its certificate is signed by nobody that the steps trust",
                "set argo.server.caSecret to a Secret with the certificate of its authority",
            )
            return
        yield from _from_outside(subject, url, auth, str(error))
        return
    if answer.is_success and not argo.token and auth != "none":
        yield not_looked_at(
            "Argo Server",
            f"{argo.url} answers who brings no token; whether it takes our steps' is not known",
            f"PRESSPLAY_ARGO_TOKEN=$({_ACCOUNT.format(subject.namespace, account)}) pressplay doctor",
        )
    elif answer.is_success:
        yield ok("Argo Server", f"{argo.url} answers and {'takes the token' if argo.token else 'wants no token'}")
    elif answer.status_code == 401 and argo.token:
        yield wrong(
            "Argo Server",
            f"{argo.url} does not take the token ({words(answer) or 401}): waits would end only by reconcile",
            "let it run with --auth-mode client, or set argo.server.auth to none where its only mode is server",
        )
    elif answer.status_code == 403 and argo.token:
        yield wrong(
            "Argo Server",
            f"{argo.url} takes the token, whose account may not read Workflows ({words(answer) or 403})",
            f"give {subject.namespace}:{account} its Role again (helm upgrade), or take its token in place of this one",
        )
    elif answer.status_code in (401, 403) and auth == "none":
        yield wrong(
            "Argo Server",
            f"{argo.url} wants a token ({answer.status_code}), and argo.server.auth is none",
            "set argo.server.auth to serviceAccount",
        )
    elif answer.status_code in (401, 403):
        yield not_looked_at(
            "Argo Server",
            f"{argo.url} answers and wants a token; none is at hand here",
            f"PRESSPLAY_ARGO_TOKEN=$({_ACCOUNT.format(subject.namespace, account)}) pressplay doctor",
        )
    else:
        yield wrong(
            "Argo Server",
            f"{argo.url} answers {answer.status_code}",
            "correct argo.server.url, or see its log",
        )


def _from_outside(subject: Subject, url: str, auth: str, why: str) -> Iterator[Result]:
    """What Kubernetes reports of the server behind an address within the cluster."""
    from_here = "set PRESSPLAY_ARGO_URL to an address that leads to it (kubectl port-forward), or run doctor in a pod"
    place = _service(url)
    if place is None:
        yield not_looked_at("Argo Server", f"it can't be reached from here: {why}", from_here)
        return
    namespace, name = place
    service = subject.find("Service", namespace, name)
    if service is None:
        yield wrong(
            "Argo Server",
            f"no Service {name} in {namespace}, where argo.server.url ({url}) leads",
            "correct argo.server.url: kubectl get services -A | grep argo-server",
        )
        return
    port = urlsplit(url).port or (443 if url.startswith("https") else 80)
    if port not in [entry.get("port") for entry in service["spec"].get("ports") or []]:
        yield wrong(
            "Argo Server",
            f"the Service {name} in {namespace} has no port {port}",
            f"correct argo.server.url: kubectl -n {namespace} get service {name}",
        )
        return
    selector = service["spec"].get("selector")
    pods = subject.listed("Pod", namespace, selector) if selector else []
    if not selector:
        yield not_looked_at(
            "Argo Server", f"it can't be reached from here, and its Service names no pods: {why}", from_here
        )
    elif not any(_ready(pod) for pod in pods):
        yield wrong(
            "Argo Server",
            f"no pod behind the Service {name} in {namespace} is ready",
            f"kubectl -n {namespace} get pods, and see why",
        )
    else:
        yield from _auth_mode(next(pod for pod in pods if _ready(pod)), auth, f"{name} in {namespace}")


def _auth_mode(pod: Manifest, auth: str, where: str) -> Iterator[Result]:
    words = [
        word
        for container in _containers(pod)
        for word in [*(container.get("command") or []), *(container.get("args") or [])]
    ]
    modes = _options(words, "--auth-mode") or ["client"]
    wanted = "server" if auth == "none" else "client"
    if wanted not in modes:
        other = "serviceAccount" if "client" in modes else "none"
        yield wrong(
            "Argo Server",
            f"{where} has the auth mode {', '.join(modes)}: it refuses our steps (argo.server.auth {auth})",
            f"let it run with --auth-mode {wanted}, or set argo.server.auth to {other}",
        )
    else:
        yield ok("Argo Server", f"{where} is ready, its auth mode is {', '.join(modes)} (it was not called from here)")


def authority(subject: Subject) -> tuple[str, str] | None:
    """The Secret and the key with the certificate of the Argo Server's authority; None where the release names none."""
    reference = release.environment(subject).get("PRESSPLAY_ARGO_CA", {}).get("valueFrom", {}).get("secretKeyRef")
    return (reference["name"], reference["key"]) if reference else None


def _ca(subject: Subject) -> str | None:
    reference = authority(subject)
    data = subject.data(subject.namespace, reference[0]) if reference else None
    text = (data or {}).get(reference[1], b"").decode("utf-8", "replace") if reference else ""
    return text if "BEGIN CERTIFICATE" in text else None


def _service(url: str) -> tuple[str, str] | None:
    """(namespace, name) of the Service that an address names: `name.namespace`, with or without `.svc…`."""
    parts = (urlsplit(url).hostname or "").split(".")
    if len(parts) == 2 or (len(parts) > 2 and parts[2] == "svc"):
        return parts[1], parts[0]
    return None


def _containers(holder: Manifest) -> list[dict[str, Any]]:
    containers: list[dict[str, Any]] = (holder.get("spec") or {}).get("containers") or []
    return containers


def _ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


def _option(words: list[str], name: str) -> str:
    return next(iter(_options(words, name)), "")


def _options(words: list[str], name: str) -> list[str]:
    """The values of a flag: `--flag value` or `--flag=value`."""
    after = [words[at + 1] for at, word in enumerate(words[:-1]) if word == name]
    return [*after, *(word.partition("=")[2] for word in words if word.startswith(f"{name}="))]


def _numbers(version: str) -> tuple[int, ...]:
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2])) if match else ()
