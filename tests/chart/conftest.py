"""The chart's renderings, each made once a session. tools/get brings helm: no test is skipped where it is missing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pressplay.validation import helm

ROOT = Path(__file__).parents[2]
VALUES = sorted((Path(__file__).parent / "values").glob("*.yaml"))
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


@pytest.fixture(params=[DEFAULTS, *(path.stem for path in VALUES)])
def values_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def documents(values_name: str) -> list[dict[str, Any]]:
    return render(values_name)[1]


@pytest.fixture
def values(values_name: str) -> dict[str, Any]:
    """The values of a rendering as Helm merges them."""
    from pressplay.validation import values as merging
    from pressplay.validation.yamlsource import load_yaml

    files = [ROOT / "chart/values.yaml", *(path for path in VALUES if path.stem == values_name)]
    return merging.merge([load_yaml(path.read_text(encoding="utf-8"), str(path)) for path in files])[0]
