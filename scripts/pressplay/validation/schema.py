"""Checking a document against a JSON Schema, in words for people: what was expected, what it got, what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from pressplay.validation.report import Problem, json_path, shown
from pressplay.validation.yamlsource import Path, Place

if TYPE_CHECKING:
    from jsonschema import ValidationError

TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
    "null": "nothing (null)",
}


def check(schema: Mapping[str, Any], value: Any, place: Callable[[Path], Place]) -> list[Problem]:
    """All problems of `value` under `schema`, by place; `place` gives the place of a path.

    The schema's own `$schema` picks the draft; it must be self-contained (the bundled file).
    """
    from jsonschema.validators import validator_for

    validator = _strict(validator_for(schema))(schema)
    problems: dict[tuple[str, str], Problem] = {}
    for error in validator.iter_errors(value):
        for path, message, hint in _explain(_telling(error)):
            at = place(path)
            problem = Problem(at.file, at.line, at.column, json_path(path), message, hint)
            problems.setdefault((problem.path, message), problem)
    return by_place(problems.values())


@cache
def _strict(validator: Any) -> Any:
    """The draft's validator, with patterns as ECMA 262 has them: `$` is the text's end, not also before a newline."""
    from jsonschema.validators import extend

    return extend(validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$(?=\Z|\|)", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def by_place(problems: Iterable[Problem]) -> list[Problem]:
    """Problems in the order in which a person finds them in the files."""
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column, problem.path))


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """A hint for a misspelt word: the nearest known one, or all of them if none is near and they are few."""
    names = sorted(known)
    near = difflib.get_close_matches(str(word).lower(), [name.lower() for name in names], n=1, cutoff=0.6)
    if near:
        return f"did you mean {next(name for name in names if name.lower() == near[0])!r}?"
    return f"known here: {', '.join(names)}" if 0 < len(names) <= 30 else ""


def _telling(error: ValidationError) -> ValidationError:
    """Of an anyOf's or oneOf's branches, the error that says most."""
    from jsonschema.exceptions import best_match

    if _alternatives(error):
        return error
    return best_match([error]) or error if error.context else error


def _alternatives(error: ValidationError) -> list[str]:
    """The keys of which exactly one is wanted: of a oneOf whose branches are each `{"required": [key]}`."""
    branches: Any = error.validator_value if error.validator == "oneOf" else []
    keys = [branch["required"][0] for branch in branches if list(branch) == ["required"]]
    return keys if len(keys) == len(branches) else []


def _explain(error: ValidationError) -> Iterable[tuple[Path, str, str]]:
    """Path, message and hint of each problem in one error of the validator."""
    path: Path = tuple(error.absolute_path)
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    wanted: Any = error.validator_value
    value: Any = error.instance
    purpose = str(schema.get("description", "")).strip().rstrip(".")
    if "propertyNames" in error.absolute_schema_path:
        path = (*path, str(value))
    match str(error.validator):
        case "additionalProperties" | "unevaluatedProperties" if isinstance(value, Mapping):
            known = list(schema.get("properties", {}))
            for key in _unknown(schema, value):
                yield (*path, key), f"unknown key {shown(key)}", did_you_mean(key, known) or "take it out"
        case "required" if isinstance(value, Mapping):
            for key in wanted:
                if key not in value:
                    yield path, f"expected the key {shown(key)}, got none", "add it"
        case "oneOf" if _alternatives(error):
            # Anything but a map is reported by its type.
            if isinstance(value, Mapping):
                keys = _alternatives(error)
                there = ", ".join(shown(key) for key in keys if key in value) or "none"
                yield path, f"expected exactly one of the keys {', '.join(map(shown, keys))}, got {there}", purpose
        case "type":
            types = [wanted] if isinstance(wanted, str) else list(wanted)
            expected = " or ".join(TYPES.get(kind, kind) for kind in types)
            yield path, f"expected {expected}, got {shown(value)}", _how_to_write(types, value) or purpose
        case "enum":
            expected = ", ".join(shown(choice) for choice in wanted)
            hint = did_you_mean(value, [choice for choice in wanted if isinstance(choice, str)])
            yield path, f"expected one of {expected}, got {shown(value)}", hint if "mean" in hint else purpose
        case "const":
            yield path, f"expected {shown(wanted)}, got {shown(value)}", purpose
        case "pattern":
            yield path, f"expected {purpose or 'a text'}, got {shown(value)}", f"it must match {wanted}"
        case "minimum" | "exclusiveMinimum" as bound:
            more = "more than" if bound == "exclusiveMinimum" else "at least"
            yield path, f"expected {more} {wanted}, got {shown(value)}", purpose
        case "maximum" | "exclusiveMaximum" as bound:
            less = "less than" if bound == "exclusiveMaximum" else "at most"
            yield path, f"expected {less} {wanted}, got {shown(value)}", purpose
        case "minLength" if wanted == 1:
            yield path, "expected a text that is not empty, got an empty one", purpose
        case "minLength" | "maxLength" as bound:
            limit = "at least" if bound == "minLength" else "at most"
            yield path, f"expected {limit} {wanted} characters, got {len(str(value))}: {shown(value)}", purpose
        case "minItems" | "maxItems" | "minProperties" | "maxProperties" as bound if isinstance(value, (list, Mapping)):
            limit = "at least" if bound.startswith("min") else "at most"
            yield path, f"expected {limit} {wanted} entries, got {len(value)}", purpose
        case "uniqueItems":
            yield path, f"expected each entry once, got {shown(value)}", "take the doubled ones out"
        case _:
            yield path, f"expected {purpose or 'what the schema says'}, got {shown(value)}", shown(error.message, 200)


def _unknown(schema: Mapping[str, Any], value: Mapping[str, Any]) -> list[str]:
    """The keys of a map that neither the properties nor the patterns of its schema know."""
    known = schema.get("properties", {})
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", {})]
    return [str(key) for key in value if key not in known and not any(pattern.search(str(key)) for pattern in patterns)]


def _how_to_write(types: list[str], value: Any) -> str:
    if "string" in types and not isinstance(value, (str, list, dict)) and value is not None:
        return "put it in quotes"
    if isinstance(value, str) and {"integer", "number", "boolean"} & {*types} and value.strip():
        return "write it without quotes"
    return ""
