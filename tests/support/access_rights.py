"""What the rendered chart lets each account do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from charts import ROOT, load

from pressplay.validation import helm

Documents = list[dict[str, Any]]
RELEASE, CONTROLLER, PROBED = "press-play", "agent-platform", "preview"


def rendered(**values: str) -> Documents:
    """The chart with one repository and one probed namespace, and these values."""
    given = {
        "repositories.acme/shop.tag": "master", "defaults.acceptance.namespaces": f"{{{PROBED}}}",
        "serve.enabled": "false", **values,
    }  # fmt: skip
    sets = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    return load(helm.run(ROOT, "template", "press-play", "chart", "--namespace", RELEASE, *sets))


def rights(documents: Documents) -> dict[str, dict[str, set[str]]]:
    """Account → namespace → what its Roles allow there, a text for each resource."""
    roles = {(d["metadata"]["namespace"], d["metadata"]["name"]): d["rules"] for d in documents if d["kind"] == "Role"}
    held: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for binding in (d for d in documents if d["kind"] == "RoleBinding"):
        namespace = binding["metadata"]["namespace"]
        for subject in binding["subjects"]:
            for rule in roles[namespace, binding["roleRef"]["name"]]:
                held[subject["name"]][namespace] |= set(shown(rule))
    return held


def shown(rule: Mapping[str, Any]) -> Iterator[str]:
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            whole = f"{resource}.{group}" if group else resource
            names = ",".join(rule.get("resourceNames", []))
            yield f"{','.join(rule['verbs'])} {whole} {names}".strip()
