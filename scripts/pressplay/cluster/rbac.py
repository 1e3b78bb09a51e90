"""What Roles and their bindings allow an account, as Kubernetes' own authorizer reads them.

Source: Kubernetes, "Using RBAC Authorization". For the sandbox, which has no authorizer in front of its objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pressplay.cluster.port import Account, Manifest


def user(account: Account) -> str:
    """The name by which the API server knows a ServiceAccount."""
    return f"system:serviceaccount:{account.namespace}:{account.name}"


def groups(account: Account) -> list[str]:
    """The groups that every ServiceAccount is in."""
    return ["system:serviceaccounts", f"system:serviceaccounts:{account.namespace}", "system:authenticated"]


def parts(resource: str) -> tuple[str, str, str]:
    """(group, resource, subresource) of `workflows.argoproj.io`, `pods/log`, `secrets`."""
    plural, _, group = resource.partition(".")
    plural, _, sub = plural.partition("/")
    return group, plural, sub


def allowed(
    bindings: Iterable[Manifest], roles: Iterable[Manifest], account: Account, verb: str, resource: str, name: str
) -> bool:
    """Whether any of the `bindings` gives the account one of the `roles` that allows this.

    Both are those of a namespace and of the cluster.
    """
    rules = {(role["kind"], role["metadata"]["name"]): role.get("rules") or [] for role in roles}
    return any(
        _allows(rule, verb, resource, name)
        for binding in bindings
        if any(_is(subject, account) for subject in binding.get("subjects") or [])
        for rule in rules.get((binding["roleRef"].get("kind", "Role"), binding["roleRef"]["name"]), [])
    )


def _is(subject: Mapping[str, Any], account: Account) -> bool:
    if subject["kind"] == "Group":
        return subject["name"] in groups(account)
    if subject["kind"] == "User":
        return bool(subject["name"] == user(account))
    return (subject.get("namespace"), subject["name"]) == (account.namespace, account.name)


def _allows(rule: Mapping[str, Any], verb: str, resource: str, name: str) -> bool:
    group, plural, sub = parts(resource)
    wanted = f"{plural}/{sub}" if sub else plural
    named = rule.get("resourceNames") or []
    return (
        _has(rule.get("verbs"), verb)
        and _has(rule.get("apiGroups"), group)
        and _has(rule.get("resources"), wanted)
        and (not named or name in named)
    )


def _has(listed: list[str] | None, wanted: str) -> bool:
    return bool({"*", wanted} & set(listed or []))
