"""The schemas, and the chart's default values, as they travel inside the installed package.

The originals are in `schemas/` and `chart/`; `pressplay generate` writes the copies and `make verify` compares them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from pressplay.errors import InputError

FOLDER = "scripts/pressplay/validation/schemas"
ORIGINALS = {
    "values.schema.json": "chart/values.schema.json",
    "values.yaml": "chart/values.yaml",
    "tasks.schema.json": "schemas/tasks.schema.json",
    "acceptance.schema.json": "schemas/acceptance.schema.json",
    "gates.schema.json": "schemas/gates.schema.json",
    "case.schema.json": "schemas/case.schema.json",
    "issues.schema.json": "schemas/issues.schema.json",
    "requirements.schema.json": "schemas/requirements.schema.json",
    "outcome.schema.json": "schemas/outcome.schema.json",
    "proof.schema.json": "schemas/proof.schema.json",
    "coderun.schema.json": "schemas/coderun.schema.json",
    "docsrun.schema.json": "schemas/docsrun.schema.json",
}
"""Name in the package → where the original is in the repository."""


def packaged_schemas(root: Path) -> dict[Path, str]:
    """The files that `pressplay generate` writes: path in the repository (relative to `root`) → text of the original.

    Raises InputError if an original is missing.
    """
    texts = {}
    for name, original in ORIGINALS.items():
        try:
            texts[Path(FOLDER, name)] = (root / original).read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"{original}: expected this file in the repository: {error.strerror}") from error
    return texts


@cache
def text(name: str) -> str:
    """A packaged file's text, by its name in ORIGINALS."""
    return resources.files("pressplay.validation").joinpath("schemas", name).read_text(encoding="utf-8")


@cache
def schema(name: str) -> Any:
    """A packaged schema by its name in ORIGINALS: `values`, `tasks`, `gates` …"""
    return json.loads(text(f"{name}.schema.json"))
