"""JSON as Go's encoding/json writes it: Argo puts such text into parameters, so ours must be the same byte for byte."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def number(value: float) -> str:
    """A float as Go's JSON has it: no trailing `.0`, an exponent only below 1e-6 and from 1e21 on."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    if 1e-6 <= abs(value) < 1e21:
        return f"{Decimal(text):f}"
    sign = "-" if exponent.startswith("-") else "+"
    return f"{mantissa.removesuffix('.0')}e{sign}{exponent.lstrip('+-').zfill(2)}"


def dumps(value: Any) -> str:
    """`value` as compact JSON with sorted keys and `<`, `>`, `&` escaped; TypeError for what JSON cannot hold."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        for character, escape in _ESCAPES.items():
            text = text.replace(character, escape)
        return text
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{dumps(str(key))}:{dumps(value[key])}" for key in sorted(value)) + "}"
    raise TypeError(f"{type(value).__name__} has no JSON form")


def any_string(value: Any) -> str:
    """A scalar of a manifest as Argo's AnyString reads it (pkg/apis/workflow/v1alpha1/anystring.go)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value) if abs(value) < 1e21 else f"{value:f}".rstrip("0").rstrip(".")
    return "" if value is None else dumps(value)


def sprint(value: Any) -> str:
    """A value as Go's `fmt.Sprint` prints it."""
    if isinstance(value, list | tuple):
        return "[" + " ".join(sprint(item) for item in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{sprint(value[key])}" for key in sorted(value)) + "]"
    if value is None:
        return "<nil>"
    if isinstance(value, float) and (abs(value) >= 1e21 or (value != 0 and abs(value) < 1e-4)):
        mantissa, _, exponent = repr(value).partition("e")
        if exponent:
            sign = "-" if exponent.startswith("-") else "+"
            return f"{mantissa.removesuffix('.0')}e{sign}{exponent.lstrip('+-').zfill(2)}"
    return any_string(value)
