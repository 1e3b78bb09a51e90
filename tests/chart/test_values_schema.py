"""The values' schema refuses what it does not know, by name; each example breaks one thing in otherwise good values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from charts import ROOT, VALUES

from pressplay.errors import InputError, PressPlayError
from pressplay.validation import helm
from pressplay.validation.bundle import bundle
from pressplay.validation.values import merge, validate
from pressplay.validation.yamlsource import load_yaml

EXAMPLES = yaml.safe_load((Path(__file__).parent / "refused.yaml").read_text(encoding="utf-8"))


@pytest.fixture(params=EXAMPLES, ids=lambda example: example["name"])
def example(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


@pytest.mark.rule("R10")
def test_helm_refuses_it_and_names_the_place(example: dict[str, Any], tmp_path: Path):
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(example["values"]), encoding="utf-8")
    with pytest.raises(PressPlayError) as refused:
        helm.template(ROOT, [file])
    for words in example["helm"]:
        assert words in str(refused.value)


@pytest.mark.rule("R10")
def test_pressplay_refuses_it_and_names_the_place(example: dict[str, Any]):
    text = yaml.safe_dump(example["values"])
    said = "\n".join(map(str, validate([("values.yaml", text)])))
    assert example["path"] in said


@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)
def test_pressplay_accepts_what_helm_accepts(path: Path):
    assert validate([(path.name, path.read_text(encoding="utf-8"))]) == []


def test_the_schema_knows_each_key_of_the_values_and_no_other():
    schema = json.loads((ROOT / "chart/values.schema.json").read_text())
    defaults = yaml.safe_load((ROOT / "chart/values.yaml").read_text())

    def keys(part: dict[str, Any], above: str = "") -> set[str]:
        part = resolved(part)
        found = set()
        for key, inner in part.get("properties", {}).items():
            found |= {f"{above}{key}"} | keys(inner, f"{above}{key}.")
        return found

    def resolved(part: dict[str, Any]) -> dict[str, Any]:
        part = part["allOf"][0] if "allOf" in part else part
        return schema["definitions"][part["$ref"].removeprefix("#/definitions/")] if "$ref" in part else part

    def held(part: Any, above: str = "") -> set[str]:
        if not isinstance(part, dict):
            return set()
        return {f"{above}{key}" for key in part} | {
            name for key, v in part.items() for name in held(v, f"{above}{key}.")
        }

    # Kubernetes' own types have more fields than our defaults use; agents and repositories are maps by name.
    contexts = ("workflows.podSecurityContext.", "workflows.containerSecurityContext.")
    free = (*contexts, "workflows.resources.", "serve.resources.", "events.resources.", "defaults.lint.resources.")
    free += ("defaults.tests.resources.", "gatePods.services.resources.")
    known = {key for key in keys(schema) if not key.startswith(free)} - {"global"}
    set_here = {key for key in held(defaults) if not key.startswith((*free, "agents."))}
    assert known == set_here
    agent = schema["definitions"]["agent"]
    assert keys(agent) == held(defaults["agents"]["morgan"])
    for settings in defaults["agents"].values():
        assert held(settings) == keys(agent)


def test_every_map_of_the_schema_says_what_it_does_with_unknown_keys():
    schema = json.loads((ROOT / "chart/values.schema.json").read_text())
    open_maps = []

    def look(part: Any, path: str) -> None:
        if isinstance(part, list):
            for index, inner in enumerate(part):
                look(inner, f"{path}[{index}]")
        elif isinstance(part, dict):
            if part.get("type") == "object" and part.get("additionalProperties", True) is True:
                open_maps.append(path)
            for key, inner in part.items():
                look(inner, f"{path}.{key}")

    look(schema, "$")
    assert open_maps == [
        "$.properties.global",
        "$.properties.coderun.properties.extraSpec",
        # It has a schema of its own: that of `.press-play/gates.yaml`.
        "$.definitions.repository.properties.tests.properties.environment",
    ]


def test_the_defaults_fit_the_schema():
    schema = json.loads((ROOT / "chart/values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    defaults, _ = merge([load_yaml((ROOT / "chart/values.yaml").read_text(), "values.yaml")])
    jsonschema.validate(defaults, schema)


def write(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        (folder / f"{name}.schema.json").write_text(json.dumps(content))
    return folder / "root.schema.json"


def test_a_bundle_holds_every_part_once_and_needs_no_other_file(tmp_path: Path):
    part = {
        "definitions": {"name": {"type": "string"}},
        "type": "object",
        "properties": {"n": {"$ref": "#/definitions/name"}},
    }
    root = write(
        tmp_path,
        part=part,
        root={
            "properties": {
                "a": {"$ref": "part.schema.json"},
                "b": {"$ref": "part.schema.json"},
                "c": {"$ref": "part.schema.json#/definitions/name"},
                # A property may be called as a keyword is.
                "definitions": {"type": "integer"},
            }
        },
    )
    made = json.loads(bundle(root))
    assert made["definitions"].keys() == {"part", "part.name"}
    assert made["properties"]["definitions"] == {"type": "integer"}
    for good in ({"a": {"n": "x"}}, {"c": "x"}):
        jsonschema.validate(good, made)
    for bad in ({"b": {"n": 1}}, {"c": 1}, {"definitions": "x"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, made)


def test_a_bundle_may_refer_to_itself(tmp_path: Path):
    tree = {"type": "object", "additionalProperties": {"$ref": "tree.schema.json"}}
    made = json.loads(bundle(write(tmp_path, tree=tree, root={"$ref": "tree.schema.json"})))
    jsonschema.validate({"a": {"b": {}}}, made)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"a": {"b": 1}}, made)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("gone.schema.json", "gone.schema.json: expected a JSON Schema, which root.schema.json refers to"),
        ("part.schema.json#/definitions/gone", "part.schema.json has no /definitions/gone"),
    ],
)
def test_a_bundle_names_the_part_that_is_missing(tmp_path: Path, reference: str, words: str):
    root = write(tmp_path, part={"definitions": {}}, root={"properties": {"a": {"$ref": reference}}})
    with pytest.raises(InputError, match=words):
        bundle(root)
