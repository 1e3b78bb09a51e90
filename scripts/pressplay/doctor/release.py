"""The release: what the chart installed, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pressplay import __version__, names
from pressplay.cluster import pause as pause_
from pressplay.cluster import waits
from pressplay.cluster.port import Forbidden, Manifest
from pressplay.doctor.results import NotLookedAt, Result, check, note, ok, wrong
from pressplay.doctor.subject import Subject
from pressplay.domain import flows
from pressplay.errors import InputError, TryAgain
from pressplay.plaintext import plain
from pressplay.settings import CONFIG_MAP
from pressplay.steps.core.agents_config import SOURCE
from pressplay.templating import personas as personas_

OLDEST = (1, 27)
"""The oldest Kubernetes that the chart is made for (docs/how-to/install.md)."""
LIMITS_MAP = "press-play-limits"
AGENTS_MAP = "controller-agents"
"""As the controller of CodeRun has it built in."""
VERSION_LABEL = "app.kubernetes.io/version"
_PULL_FAULTS = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_UPGRADE = "helm upgrade --install press-play CHART -n {} -f values.yaml"


@check("API server")
def api_server(subject: Subject) -> Iterator[Result]:
    """Whether the cluster answers, and is not too old. Where it does not, nothing more is asked of it."""
    cluster = subject.cluster
    try:
        version = cluster.server_version()
    except (TryAgain, InputError) as error:
        subject.no_cluster = "the API server does not answer, see there"
        refused = isinstance(error, Forbidden)
        yield wrong(
            "API server",
            f"{'you are not let in' if refused else 'no answer'}: {error}",
            "see that `kubectl version` answers with the same KUBECONFIG",
        )
        return
    numbers = tuple(int(part) for part in version.lstrip("v").split(".")[:2] if part.isdigit())
    if len(numbers) == 2 and numbers < OLDEST:
        yield wrong("API server", f"Kubernetes {version} is too old", "upgrade it to 1.27 or later")
    else:
        yield ok("API server", f"Kubernetes {version}")


@check("release")
def release(subject: Subject) -> Iterator[Result]:
    """Whether the chart is installed, with settings that this pressplay reads."""
    namespace = subject.namespace
    try:
        settings = subject.installed
    except InputError as error:
        yield wrong(
            "release",
            f"its settings can't be read: {error}",
            f"upgrade it with the chart of this version ({__version__}), or use the pressplay of the release's",
        )
        return
    if settings is None:
        yield wrong(
            "release",
            f"no ConfigMap {CONFIG_MAP} in {namespace}: the chart is not installed there",
            _UPGRADE.format(namespace) + " --create-namespace; or give doctor its namespace (-n)",
        )
        return
    version = _version(subject.find("ConfigMap", namespace, CONFIG_MAP))
    if version != __version__:
        yield note(
            "release",
            f"it is of version {version}, this pressplay of {__version__}: what is expected here may differ",
            f"run the doctor of its image: pressplay {version}",
        )
    yield ok("release", f"press-play {version} in {namespace}, agents run in {settings.controller_namespace}")


@check("WorkflowTemplates")
def templates(subject: Subject) -> Iterator[Result]:
    """Whether each is there, all of one version, and labelled for the controller that is to run them."""
    settings, namespace = subject.release, subject.namespace
    do = _UPGRADE.format(namespace)
    wanted = _version(subject.find("ConfigMap", namespace, CONFIG_MAP))
    present = {name: subject.find("WorkflowTemplate", namespace, name) for name in flows.templates()}
    absent = [name for name, template in present.items() if template is None]
    there = {name: template for name, template in present.items() if template is not None}
    other = sorted(name for name, template in there.items() if _version(template) != wanted)
    unlabelled = sorted(
        name
        for name, template in there.items()
        if _labels(template).get(waits.INSTANCE_LABEL, "") != settings.instance_id
    )
    if absent:
        yield wrong("WorkflowTemplates", f"missing: {', '.join(absent)}", do)
    if other:
        yield wrong("WorkflowTemplates", f"of another version than {wanted}: {', '.join(other)}", do)
    if unlabelled:
        yield wrong(
            "WorkflowTemplates",
            f"not labelled for the instance id {settings.instance_id!r}: {', '.join(unlabelled)}",
            f"{do} (argo.instanceID)",
        )
    if not (absent or other or unlabelled):
        yield ok("WorkflowTemplates", f"{len(there)} of version {wanted}")


@check("namespaces")
def namespaces(subject: Subject) -> Iterator[Result]:
    """Whether those are there that the settings name: the controller's, and where probes may look."""
    settings = subject.settings
    absent = {name: why for name, why in _namespaces(subject).items() if subject.find("Namespace", "", name) is None}
    for name, why in absent.items():
        yield wrong(
            "namespaces", f"{name} ({why}) does not exist", f"kubectl create namespace {name}, or correct {why}"
        )
    if settings.namespace == settings.controller_namespace:
        yield wrong(
            "namespaces",
            f"the release is in the controller's own, {settings.namespace}: agents could read the harness's key",
            "install it into another namespace",
        )
    elif not absent:
        yield ok("namespaces", ", ".join(_namespaces(subject)))


def _namespaces(subject: Subject) -> dict[str, str]:
    settings = subject.settings
    needed = {settings.controller_namespace: "controller.namespace"}
    for name in settings.repositories:
        for namespace in settings.repository(name).acceptance.namespaces:
            needed.setdefault(namespace, "acceptance.namespaces")
    return needed


@check("semaphores")
def semaphores(subject: Subject) -> Iterator[Result]:
    """Whether each has its size: a node that asks for one without ends at once (facts of Argo)."""
    settings, namespace = subject.release, subject.namespace
    config_map = subject.find("ConfigMap", namespace, LIMITS_MAP)
    data = (config_map or {}).get("data") or {}
    keys = [names.repo_key(name) for name in sorted(settings.repositories)]
    wanted = ["global", *(f"{kind}.{key}" for key in keys for kind in ("repo", "tasks"))]
    wrong_ones = [key for key in wanted if not str(data.get(key, "")).isdigit() or int(data[key]) < 1]
    if wrong_ones:
        yield wrong(
            "semaphores",
            f"the ConfigMap {LIMITS_MAP} has no size for {', '.join(wrong_ones)}, and what asks for one fails at once",
            _UPGRADE.format(namespace),
        )
    else:
        yield ok("semaphores", f"{len(wanted)} in {LIMITS_MAP}")


@check("personas")
def personas(subject: Subject) -> Iterator[Result]:
    """Whether the controller finds each enabled agent's persona, and it is the one that was installed."""
    settings = subject.settings
    whole = bool(subject.files) and not subject.problems
    where = settings.controller_namespace
    name = str(subject.values["agentsConfigMap"]["name"]) if whole else AGENTS_MAP
    do = _UPGRADE.format(subject.namespace)
    config_map = subject.find("ConfigMap", where, name)
    if config_map is None:
        subject.need_release()
        yield wrong(
            "personas",
            f"no ConfigMap {name} in {where}, where the controller of CodeRun looks",
            f"{do}; with agentsConfigMap.mode merge install that controller first",
        )
        return
    data: dict[str, str] = config_map.get("data") or {}
    wanted = _personas(subject)
    absent = sorted(key for key in wanted if not data.get(key, "").strip())
    stale = sorted(key for key, text in wanted.items() if text and key not in absent and data[key] != text)
    if absent:
        yield wrong(
            "personas",
            f"{name} in {where} lacks {', '.join(absent)}: runs of these agents fail at once",
            f"{do} (with agentsConfigMap.mode merge its hook writes them)",
        )
    if stale:
        yield wrong("personas", f"{name} in {where} has others than the release's: {', '.join(stale)}", do)
    if not (absent or stale):
        yield ok("personas", f"{len(wanted)} in {name} in {where}")


def _personas(subject: Subject) -> dict[str, str]:
    """Each persona's key and its text, as far as it is known: from the values, or the copy that `merge` writes."""
    settings = subject.settings
    enabled = {key: agent for key, agent in settings.agents.items() if agent.enabled}
    source = subject.find("ConfigMap", subject.namespace, SOURCE)
    copies = (source or {}).get("data") or {}
    wanted = {}
    for key, agent in enabled.items():
        file = names.persona_file(agent.github_app)
        text = copies.get(file, "")
        if subject.files and not subject.problems and key in subject.values["agents"]:
            text = personas_.render(key, subject.values)
        wanted[file] = text
    return wanted


@check("images of pods")
def pulled(subject: Subject) -> Iterator[Result]:
    """Whether pods of the release's namespace got their images, and a node."""
    stuck: dict[str, str] = {}
    for pod in subject.listed("Pod", subject.namespace):
        status = pod.get("status") or {}
        for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            reason = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
            if reason in _PULL_FAULTS:
                stuck[str(container.get("image", ""))] = f"{reason}, pod {pod['metadata']['name']}"
    for name, why in stuck.items():
        yield wrong(
            "images of pods",
            f"the image {name} can't be pulled ({why})",
            "set image.repository and image.tag to one that your nodes reach, and image.pullSecrets where that wants "
            "a log-in",
        )
    if not stuck:
        yield ok("images of pods", f"no pod in {subject.namespace} waits for its image")


@check("pause")
def pause(subject: Subject) -> Iterator[Result]:
    """Whether somebody stopped new runs."""
    stopped = pause_.switched(subject.find("ConfigMap", subject.namespace, pause_.CONFIG_MAP))
    in_values = {repo: subject.settings.repository(repo).paused for repo in subject.settings.repositories}
    for where, held in sorted(stopped.items()):
        who = "all repositories" if where == pause_.ALL else where
        option = "" if where == pause_.ALL else " --repo owner/name"
        why = f": {held.why}" if held.why else ""
        do = f"pressplay continue -n {subject.namespace}{option}"
        yield note("pause", f"no new run of {who} starts: {held.origin}{why}", do)
    for repo, reason in sorted(in_values.items()):
        if reason:
            message = f"no new run of {repo} starts: paused in the values: {plain(reason)}"
            yield note("pause", message, f"empty repositories.{repo}.paused (or defaults.paused) and upgrade")
    if not stopped and not any(in_values.values()):
        yield ok("pause", "nothing is paused")


def image(subject: Subject) -> str:
    """The image that the release's steps run; empty where that is not known."""
    try:
        container = _step(subject)
    except NotLookedAt:
        return ""
    return str(container.get("image", ""))


def environment(subject: Subject) -> dict[str, dict[str, Any]]:
    """The variables of the release's steps by name, as a container has them."""
    return {variable["name"]: variable for variable in _step(subject).get("env") or []}


def resources(subject: Subject) -> dict[str, Any]:
    """The resources of a step's container."""
    given: dict[str, Any] = _step(subject).get("resources") or {}
    return given


def _step(subject: Subject) -> dict[str, Any]:
    manifest = subject.find("WorkflowTemplate", subject.namespace, "reconcile")
    for template in ((manifest or {}).get("spec") or {}).get("templates") or []:
        if "container" in template:
            container: dict[str, Any] = template["container"]
            return container
    raise NotLookedAt("the WorkflowTemplate reconcile is not there")


def _labels(manifest: Manifest) -> dict[str, str]:
    return manifest["metadata"].get("labels") or {}


def _version(manifest: Manifest | None) -> str:
    return _labels(manifest).get(VERSION_LABEL, "unknown") if manifest is not None else "unknown"
