"""The fields that a Workflow's spec and templates may have, and checks of single fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pressplay.sandbox.engine import substitution
from pressplay.sandbox.engine.expression import ExpressionError, UnknownFunction, program
from pressplay.sandbox.engine.model import InvalidSpec, UnknownConstruct
from pressplay.sandbox.engine.substitution import Tag

# What has no effect here: it concerns pods, cleaning up, or metrics.
_POD_FIELDS = {
    "serviceAccountName",
    "automountServiceAccountToken",
    "executor",
    "securityContext",
    "nodeSelector",
    "tolerations",
    "affinity",
    "volumes",
    "priorityClassName",
    "schedulerName",
    "metrics",
    "archiveLocation",
}
SPEC = _POD_FIELDS | {
    "entrypoint",
    "arguments",
    "templates",
    "workflowTemplateRef",
    "synchronization",
    "parallelism",
    "priority",
    "hooks",
    "onExit",
    "activeDeadlineSeconds",
    "shutdown",
    "suspend",
    "retryStrategy",
    "ttlStrategy",
    "podGC",
    "podMetadata",
    "podPriorityClassName",
    "workflowMetadata",
    "imagePullSecrets",
    "archiveLogs",
}
TEMPLATE = _POD_FIELDS | {
    "name",
    "inputs",
    "outputs",
    "container",
    "steps",
    "dag",
    "resource",
    "suspend",
    "retryStrategy",
    "synchronization",
    "parallelism",
    "timeout",
    "activeDeadlineSeconds",
    "metadata",
}
KEYS: Mapping[str, set[str]] = {
    "arguments": {"parameters"},
    "parameter": {"name", "value", "default", "valueFrom", "description", "enum"},
    "step": {"name", "template", "templateRef", "arguments", "when", "withItems", "withParam", "continueOn"},
    "task": {"dependencies", "depends"},
    "continueOn": {"failed", "error"},
    "templateRef": {"name", "template"},
    "hook": {"template", "templateRef", "arguments"},
    "dag": {"tasks", "target", "failFast"},
    "resource": {
        "action",
        "manifest",
        "setOwnerReference",
        "successCondition",
        "failureCondition",
        "flags",
        "mergeStrategy",
    },
    "suspend": {"duration"},
    "retryStrategy": {"limit", "retryPolicy", "backoff", "expression", "affinity"},
    "backoff": {"duration", "factor", "maxDuration", "cap"},
    "synchronization": {"semaphores", "mutexes"},
    "semaphore": {"configMapKeyRef", "namespace"},
    "mutex": {"name", "namespace"},
    "workflowMetadata": {"labels", "annotations"},
    "workflowTemplateRef": {"name"},
}
OUTPUT_SOURCES = {
    "container": {"path", "default"},
    "resource": {"jsonPath", "default"},
    "suspend": {"supplied", "default"},
    "steps": {"parameter", "expression", "default"},
    "dag": {"parameter", "expression", "default"},
}
_POLICIES = ("Always", "OnFailure", "OnError")
_UNKNOWN_GLOBALS = ("workflow.duration", "workflow.scheduledTime", "workflow.outputs")


def invalid(text: str) -> InvalidSpec:
    """What a real Argo refuses, in its words."""
    return InvalidSpec(f"invalid spec: {text}")


class Fields:
    """Checks of single fields of one Workflow. `name` is the template's, empty for the spec's own fields."""

    def __init__(self, workflow: str) -> None:
        """`workflow` is the Workflow's name."""
        self._workflow = workflow

    def unknown(self, name: str, path: str, construct: str) -> UnknownConstruct:
        """What this engine does not do, by template, path and construct."""
        where = f"template {name}, {path}" if name else path
        return UnknownConstruct(
            f"Workflow {self._workflow}, {where}: {construct}: not known to the sandbox's engine, which does only "
            "what the chart uses; leave it out, or run this on a real Argo"
        )

    def check_keys(self, name: str, path: str, fields: Mapping[str, Any], known: set[str]) -> None:
        """Raise UnknownConstruct for a key with a value that is not among `known`."""
        for key in fields:
            if key not in known and fields[key] is not None:
                raise self.unknown(name, path, key)

    def check_whole_number(self, name: str, path: str, value: Any) -> None:
        """Raise UnknownConstruct unless `value` is a whole number, or None."""
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.unknown(name, path, str(value))

    def check_retry(self, name: str, path: str, retry: Mapping[str, Any]) -> None:
        """Check a `retryStrategy`."""
        self.check_keys(name, path, retry, KEYS["retryStrategy"])
        self.check_keys(name, f"{path}.backoff", retry.get("backoff") or {}, KEYS["backoff"])
        policy = retry.get("retryPolicy")
        if policy and policy not in _POLICIES:
            if policy != "OnTransientError":
                raise invalid(f"{policy} is not a valid RetryPolicy")
            raise self.unknown(name, f"{path}.retryPolicy", policy)
        if retry.get("expression"):
            self.check_expression(name, f"{path}.expression", retry["expression"])

    def check_synchronization(self, name: str, path: str, synchronization: Mapping[str, Any]) -> None:
        """Check a `synchronization`."""
        self.check_keys(name, path, synchronization, KEYS["synchronization"])
        for item in synchronization.get("semaphores") or ():
            self.check_keys(name, f"{path}.semaphores", item, KEYS["semaphore"])
            if not item.get("configMapKeyRef"):
                raise self.unknown(name, f"{path}.semaphores", "semaphore without configMapKeyRef")
        for item in synchronization.get("mutexes") or ():
            self.check_keys(name, f"{path}.mutexes", item, KEYS["mutex"])

    def check_expression(self, name: str, path: str, text: str) -> None:
        """Check that an expression can be parsed; one with tags is known only when they are replaced."""
        if "{{" in text:
            return
        try:
            program(text)
        except UnknownFunction as error:
            raise self.unknown(name, path, str(error)) from error
        except ExpressionError as error:
            raise invalid(f"templates.{name} failed to evaluate expression: {error}") from error

    def tags(self, name: str, tree: Any, path: str) -> list[Tag]:
        """Every tag in a tree; refuses those that reach over the ends of a string, or lie in one another."""
        all_tags: list[Tag] = []
        for text in _strings(tree):
            if "{{" not in text:
                continue
            own = list(substitution.tags(text))
            if text.count("{{") != len(own):
                raise self.unknown(name, path or "text", f"'{{{{' without its own '}}}}' in {text[:80]!r}")
            all_tags += own
        for tag in all_tags:
            if tag.text.startswith("="):
                if isinstance(tag.fault, UnknownFunction):
                    raise self.unknown(name, path or "expression", str(tag.fault)) from tag.fault
                if tag.fault is not None:
                    raise invalid(f"templates.{name} failed to evaluate expression: {tag.fault}")
            names = tag.program.names if tag.program else (tag.text.strip(),)
            for used in names:
                if used.startswith(_UNKNOWN_GLOBALS):
                    raise self.unknown(name, path or "variable", used)
        return all_tags


def _strings(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from _strings(key)
            yield from _strings(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from _strings(item)
