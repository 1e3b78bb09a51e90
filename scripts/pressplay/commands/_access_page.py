"""docs/reference/access.md: each service account, what runs as it and what it may do, from the rendered chart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pressplay.domain import accounts
from pressplay.validation import helm

Manifest = Mapping[str, Any]
_VALUES: Mapping[str, Any] = {
    "repositories": {"example/repository": {}},
    "defaults": {"acceptance": {"namespaces": ["probed"]}},
    "controller": {"namespace": "controller"},
    "agentsConfigMap": {"mode": "merge"},
    "admission": {"policies": "always"},
    "serve": {"auth": {"callers": [{"serviceAccount": "controller/*", "repositories": ["*/*"]}]}},
    "proof": {
        "signingKey": {"secret": "proof-key"},
        "store": "s3",
        "s3": {"bucket": "proofs", "secret": "proof-store"},
    },
}
"""What makes every account and every rule appear."""
_MOUNTED = "none; a token is mounted that can read one repository for an hour"
_PLACES = {"press-play": "release's", "controller": "controller's", "probed": "each of `acceptance.namespaces`"}
_OTHERS = {
    "press-play-gate": "Gates' Pods, which run strangers' code. No token.",
    "press-play-eventsource": "The EventSource, which takes webhooks. No token.",
    "press-play-sensor": "The Sensor, which starts the flows' Workflows.",
    "press-play-agents": "Hooks of `agentsConfigMap.mode: merge`.",
    "press-play-serve": "`pressplay serve`. Its App's key is mounted.",
}


def access(root: Path) -> str:
    """docs/reference/access.md. Raises as `helm.run`."""
    documents = _rendered(root)
    roles = {
        (role["metadata"].get("namespace", ""), role["metadata"]["name"]): role["rules"]
        for role in documents
        if role["kind"] in ("Role", "ClusterRole")
    }
    held: dict[str, list[tuple[str, Manifest]]] = {}
    for binding in documents:
        if binding["kind"] in ("RoleBinding", "ClusterRoleBinding"):
            namespace = binding["metadata"].get("namespace", "")
            rules = roles[namespace, binding["roleRef"]["name"]]
            for subject in binding["subjects"]:
                held.setdefault(subject["name"], []).extend((namespace, rule) for rule in rules)
    return "\n".join([*_accounts(held), *_rights(held), *_policies(documents), ""])


def _rendered(root: Path) -> list[dict[str, Any]]:
    sets = [word for key, value in _VALUES.items() for word in ("--set-json", f"{key}={json.dumps(value)}")]
    text = helm.run(root, "template", helm.RELEASE, "chart", "--namespace", helm.NAMESPACE, *sets)
    return [document for document in yaml.safe_load_all(text) if document]


def _accounts(held: Mapping[str, Sequence[tuple[str, Manifest]]]) -> Iterator[str]:
    yield (
        "# Service accounts\n\n<!-- Made by `make generate` from scripts/pressplay/domain/accounts.yaml and the chart."
        " Change them there. -->\n\n"
        "Each class of step runs as an account of its own in the release's namespace, with the rights that its steps\n"
        "use. The sandbox holds each step to them, and `pressplay doctor` asks the API server for them.\n"
        "[Security model](../explanation/security-model.md#accounts) says what they keep apart, and what not yet.\n"
        "\n## What runs as whom\n\n| ServiceAccount | what it is for | steps | Secrets |\n|---|---|---|---|"
    )
    for account in accounts.accounts():
        name = account.service_account
        runs = [f"`{run}`" for run in account.steps] or [f"`{run}` (Argo's executor)" for run in account.applies]
        secrets = ", ".join(f"`{secret}`" for secret in _secrets(held[name])) or (_MOUNTED if account.token else "none")
        yield f"| `{name}` | {account.about} | {', '.join(runs)} | {secrets} |"
    for name, about in _OTHERS.items():
        yield f"| `{name}` | {about} | none | none |"
    yield (
        "\n`serviceAccount.name` gives `press-play` another name. `proof-key` is the Secret of `proof.signingKey`,\n"
        "`proof-store` that of the store which keeps proofs; both only where the values name one.\n"
    )


def _secrets(rules: Sequence[tuple[str, Manifest]]) -> list[str]:
    return [name for _, rule in rules if "secrets" in rule["resources"] for name in rule.get("resourceNames", [])]


def _rights(held: Mapping[str, Sequence[tuple[str, Manifest]]]) -> Iterator[str]:
    yield "## What each may do\n\n| ServiceAccount | namespace | resources | verbs |\n|---|---|---|---|"
    ordered = [account.service_account for account in accounts.accounts()]
    for name in [*ordered, *sorted(held.keys() - set(ordered))]:
        for namespace, rule in held[name]:
            place = _PLACES.get(namespace, "none: the cluster's")
            yield f"| `{name}` | {place} | {_resources(rule)} | {', '.join(rule['verbs'])} |"
    yield ""


def _resources(rule: Manifest) -> str:
    (group,) = rule["apiGroups"]
    kinds = ", ".join(f"`{kind}`" for kind in rule["resources"]) + (f" of {group}" if group else "")
    names = ", ".join(f"`{name}`" for name in rule.get("resourceNames", []))
    return f"{kinds}: {names}" if names else kinds


def _policies(documents: Sequence[Manifest]) -> Iterator[str]:
    yield (
        "## What the API server checks\n\n"
        "ValidatingAdmissionPolicies, where the API server has them (Kubernetes 1.30) and `admission.policies` is not\n"
        "`never`. Each is in force for these accounts and in the release's namespace alone, on creation and update.\n\n"
        "| policy | accounts | of | what must hold |\n|---|---|---|---|"
    )
    prefix = f"press-play-{helm.NAMESPACE}-"
    for policy in documents:
        if policy["kind"] == "ValidatingAdmissionPolicy":
            spec = policy["spec"]
            users = spec["matchConditions"][0]["expression"].split(" in ", 1)[1]
            who = ", ".join(f"`{user.rsplit(':', 1)[1]}`" for user in json.loads(users))
            (rule,) = spec["matchConstraints"]["resourceRules"]
            messages = "; ".join(validation["message"] for validation in spec["validations"])
            name = policy["metadata"]["name"].removeprefix(prefix)
            yield f"| `{name}` | {who} | {', '.join(rule['resources'])} | {messages} |"
