"""One self-contained JSON Schema made of several files: Helm follows no relative `$ref` in values.schema.json.

A part is named by `{"$ref": "agent.schema.json"}` or `{"$ref": "kubernetes.schema.json#/definitions/resources"}` and
lands in the bundle's `definitions` under its file's name (and the definition's): `agent`, `kubernetes.resources`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pressplay.errors import InputError

SUFFIX = ".schema.json"


def bundle(path: Path) -> str:
    """The text of the bundled schema whose root is the file `path`; its parts are next to it.

    Raises InputError for a part that is missing or not JSON, and for a reference to what the part does not have.
    """
    folder = path.parent
    files: dict[str, Any] = {}
    definitions: dict[str, Any] = {}

    def load(name: str, wanted_by: str) -> Any:
        if name not in files:
            try:
                files[name] = json.loads((folder / name).read_text(encoding="utf-8"))
            except (OSError, json.JSONDecodeError) as error:
                raise InputError(
                    f"{folder / name}: expected a JSON Schema, which {wanted_by} refers to: {error}"
                ) from error
        return files[name]

    def target(reference: str, inside: str) -> str:
        name, _, pointer = reference.partition("#")
        name = name or inside
        document = load(name, inside)
        keys = pointer.strip("/").split("/") if pointer.strip("/") else []
        label = ".".join([name.removesuffix(SUFFIX), *keys[1:]])
        if label not in definitions:
            node = document
            for key in keys:
                if not isinstance(node, dict) or key not in node:
                    raise InputError(f"{folder / inside}: $ref {reference!r}: {name} has no {pointer}")
                node = node[key]
            # Registered before it is filled, so that the recursion of a schema that refers to itself ends.
            definitions[label] = {}
            definitions[label] = inlined(node if keys else without_own(node), name)
        return f"#/definitions/{label}"

    def inlined(schema: Any, inside: str) -> Any:
        if isinstance(schema, list):
            return [inlined(item, inside) for item in schema]
        if not isinstance(schema, dict):
            return schema
        return {
            key: target(value, inside) if key == "$ref" and isinstance(value, str) else inlined(value, inside)
            for key, value in schema.items()
        }

    def without_own(document: Any) -> Any:
        # A file's definitions are reached by reference; a second `$schema` is refused by some validators.
        return {key: value for key, value in document.items() if key not in ("definitions", "$schema")}

    root = load(path.name, path.name)
    body = inlined(without_own(root), path.name)
    head = {"$schema": root["$schema"]} if "$schema" in root else {}
    whole = {**head, **body, "definitions": dict(sorted(definitions.items()))}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
