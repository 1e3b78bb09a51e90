"""The definitions (CRDs) that others installed, against what we send.

A field that a definition does not have is dropped by the API server without a word; one that it wants and does not get,
or of another type, is refused. Source: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions", Field
pruning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator

from pressplay.cluster.port import Manifest
from pressplay.doctor.results import NotLookedAt, Result, check, note, ok, wrong
from pressplay.doctor.subject import Subject
from pressplay.domain.roles import IMPLEMENT, PLAN
from pressplay.settings import RepositoryDefaults, Settings
from pressplay.steps.core.context import Context
from pressplay.steps.core.context import Subject as Work
from pressplay.steps.documents import docsrun as docsruns
from pressplay.steps.runs import coderun as coderuns
from pressplay.steps.runs.run import Run

ARGO_WORKFLOWS = ("workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults")
ARGO_EVENTS = ("eventbus", "eventsources", "sensors")
_SHA = "0" * 40


def definition(subject: Subject, plural: str, version: str) -> Manifest:
    """A definition's version as it is served; NotLookedAt where it is not, which another check tells."""
    version_spec = served(subject, plural, version)
    if version_spec is None:
        raise NotLookedAt(f"the definition {plural} is not there, see there")
    return version_spec


def served(subject: Subject, plural: str, version: str) -> Manifest | None:
    """The version of a definition where the API server serves it; None where it does not."""
    crd = subject.find("CustomResourceDefinition", "", plural)
    for candidate in ((crd or {}).get("spec") or {}).get("versions") or []:
        if candidate["name"] == version and candidate.get("served"):
            definition: Manifest = candidate
            return definition
    return None


@check("CodeRun and DocsRun")
def runs(subject: Subject) -> Iterator[Result]:
    """Whether both are served, with each field that we send, as we send it."""
    morgan = subject.settings.agents.get("morgan")
    kinds = {"CodeRun": coderun, **({"DocsRun": docsrun} if morgan and morgan.enabled else {})}
    for kind, sent in kinds.items():
        plural = f"{kind.lower()}s.agents.platform"
        version = served(subject, plural, "v1")
        if version is None:
            yield wrong(
                kind,
                f"the API server does not serve {plural} v1",
                "install the controller of CodeRun and DocsRun with its definitions (agents.platform/v1); this chart "
                "brings none",
            )
            continue
        yield from _compared(kind, version, sent(subject)["spec"])


def _compared(kind: str, version: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[Result]:
    schema = ((version.get("schema") or {}).get("openAPIV3Schema") or {}).get("properties", {}).get("spec") or {}
    dropped = sorted(unknown(schema, spec))
    extra = (
        f" ({', '.join(f'coderun.extraSpec.{name}' for name in dropped)} in the values)" if kind == "CodeRun" else ""
    )
    if dropped:
        yield wrong(
            kind,
            f"the definition does not know {', '.join(f'spec.{name}' for name in dropped)}: dropped without a word",
            f"upgrade the controller's definitions, or take the field out{extra}",
        )
    refused = [
        f"spec{''.join(f'.{part}' for part in error.absolute_path)}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(dict(spec))
    ]
    if refused:
        yield wrong(
            kind,
            f"what we send would be refused: {'; '.join(refused[:3])}",
            "use a version of the controller whose definition takes it, or set what it wants in coderun.extraSpec",
        )
    if "status" not in (version.get("subresources") or {}):
        yield note(kind, "its definition has no status subresource, which the controller writes")
    if not dropped and not refused:
        yield ok(kind, f"served, and takes the {len(spec)} fields that we send")


def unknown(schema: Mapping[str, Any], value: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The fields of a value that a structural schema does not know, as the API server prunes them."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, inner in value.items():
        where = f"{path}.{name}" if path else name
        known = properties.get(name, others if isinstance(others, dict) else None)
        if known is None and others is not True:
            yield where
        elif isinstance(inner, dict) and isinstance(known, dict):
            yield from unknown(known, inner, where)


@check("Argo's definitions")
def argo(subject: Subject) -> Iterator[Result]:
    """Whether those of Argo Workflows are there, and whole."""
    absent = [name for name in ARGO_WORKFLOWS if served(subject, f"{name}.argoproj.io", "v1alpha1") is None]
    if absent:
        yield wrong(
            "Argo Workflows' definitions",
            f"the API server does not serve {', '.join(f'{name}.argoproj.io' for name in absent)} v1alpha1",
            "install Argo Workflows 4.1 with its definitions (manifests/base/crds/full of its release)",
        )
        return
    workflows = definition(subject, "workflows.argoproj.io", "v1alpha1")
    spec = (workflows.get("schema") or {}).get("openAPIV3Schema", {}).get("properties", {}).get("spec") or {}
    if "properties" not in spec:
        yield note(
            "Argo Workflows' definitions",
            "the minimal ones: the API server checks nothing of a Workflow, so that mistakes show only when it runs",
            "install the full ones (manifests/base/crds/full of Argo's release)",
        )
    else:
        yield ok("Argo Workflows' definitions", f"{len(ARGO_WORKFLOWS)}, full")


@check("Argo Events' definitions")
def events(subject: Subject) -> Iterator[Result]:
    """Whether those of Argo Events are there, where events are taken."""
    settings = subject.settings
    if not (settings.events.enabled and settings.repositories):
        raise NotLookedAt("no events are taken (events.enabled, repositories)")
    absent = [name for name in ARGO_EVENTS if served(subject, f"{name}.argoproj.io", "v1alpha1") is None]
    if absent:
        yield wrong(
            "Argo Events' definitions",
            f"the API server does not serve {', '.join(f'{name}.argoproj.io' for name in absent)} v1alpha1",
            "install Argo Events 1.9, or set events.enabled to false",
        )
    else:
        yield ok("Argo Events' definitions", f"{len(ARGO_EVENTS)}")


def coderun(subject: Subject) -> Manifest:
    """A CodeRun as we send them."""
    context, work = _context(subject), _work(subject.settings)
    agent_id, agent = _agent(subject.settings, "rex")
    run = Run(work, agent_id, IMPLEMENT, 1, _SHA, "", 0, "task")
    spec = coderuns.RunSpec(run=run, agent=agent, branch="feature/task-1-implementation", base="main", head=_SHA)
    return coderuns.coderun(context, spec)


def docsrun(subject: Subject) -> Manifest:
    """A DocsRun as we send them."""
    agent_id, _ = _agent(subject.settings, "morgan")
    run = Run(_work(subject.settings), agent_id, PLAN, 1, _SHA, "0" * 12, 0, "docsrun")
    return docsruns.docsrun(_context(subject), run)


def _context(subject: Subject) -> Context:
    return Context(subject.cluster, subject.settings, subject.access, subject.clock)


def _work(settings: Settings) -> Work:
    name = min(settings.repositories, default="acme/shop")
    own = settings.repository(name) if name in settings.repositories else RepositoryDefaults.model_validate({})
    return Work(name, own, task=1, pr=1, tag="master", play="", attempt_of_person=1)


def _agent(settings: Settings, wanted: str) -> Any:
    """The agent of this id, or any that is enabled."""
    enabled = {key: agent for key, agent in settings.agents.items() if agent.enabled}
    if not enabled:
        raise NotLookedAt("no agent is enabled")
    key = wanted if wanted in enabled else min(enabled)
    return key, enabled[key]
