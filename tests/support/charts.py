"""The chart's renderings, each made once a session. tools/get brings helm: no test is skipped where it is missing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pressplay.validation import helm

ROOT = Path(__file__).parents[2]
VALUES = sorted((ROOT / "tests/chart/values").glob("*.yaml"))
DEFAULTS = "defaults"


class GoLoader(yaml.CSafeLoader):
    """As Go's YAML reads what Helm renders: a date stays a text."""


GoLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.load_all(text, GoLoader) if document]


@cache
def render(name: str) -> tuple[str, list[dict[str, Any]]]:
    """The rendering for a values file's stem (or the defaults): its text and its documents."""
    files = [path for path in VALUES if path.stem == name]
    text = helm.template(ROOT, files)
    return text, load(text)


def one(documents: list[dict[str, Any]], kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    """The only document of this kind and name."""
    (found,) = (
        d
        for d in documents
        if d["kind"] == kind and d["metadata"]["name"] == name and namespace in (None, d["metadata"].get("namespace"))
    )
    return found
