"""The renderings as fixtures: each test runs for the defaults and for every values file."""

from __future__ import annotations

from typing import Any

import pytest
from charts import DEFAULTS, ROOT, VALUES, render


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
