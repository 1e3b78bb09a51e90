"""The reference of the chart's values, made from the comments in values.yaml: each key's prose is its documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from pressplay.errors import InputError

HEAD = """# Values

<!-- Made by `make generate` from chart/values.yaml. Change it there. -->

Every key that `helm install` and `helm upgrade` take. A key that is not here is refused
(`pressplay validate -f values.yaml` says where and what was meant).
"""


def reference(text: str) -> str:
    """The Markdown of docs/reference/values.md for the text of values.yaml.

    Raises InputError naming each key that has no comment above it. Keys under `agents.<id>` other than the first
    agent's share its comments.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise InputError("chart/values.yaml: expected a map")
    lines = text.splitlines()
    parts = [HEAD]
    silent = []
    for path, key, value in _keys(root, ()):
        prose = _above(lines, key.start_mark.line, key.start_mark.column)
        if not prose:
            silent.append(f"chart/values.yaml:{key.start_mark.line + 1}: {'.'.join(path)}: expected a comment above it")
        depth = "#" * min(2 + len(path) - 1, 4)
        leaf = not isinstance(value, yaml.MappingNode) or value.flow_style or not value.value
        default = f"\n\nDefault: `{_shown(value)}`" if leaf else ""
        parts.append(f"{depth} `{'.'.join(path)}`\n\n{prose}{default}\n")
    if silent:
        raise InputError("\n".join(silent))
    return "\n".join(parts)


def _keys(
    node: yaml.MappingNode, above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], yaml.ScalarNode, yaml.Node]]:
    """Every key that has documentation of its own: (path, key's node, value's node), in the file's order."""
    first = True
    for key, value in node.value:
        path = (*above, key.value)
        yield path, key, value
        # Nested in flow style: an example of what the key above holds. A second agent: the same keys again.
        repeated = above == ("agents",) and not first
        own = path[-1] in ("podSecurityContext", "containerSecurityContext", "resources")
        if isinstance(value, yaml.MappingNode) and not value.flow_style and not repeated and not own:
            yield from _keys(value, path)
        first = False


def _above(lines: list[str], line: int, column: int) -> str:
    """The comment directly above a line, at the same depth, as Markdown."""
    prose: list[str] = []
    while line > 0 and lines[line - 1].startswith(" " * column + "#"):
        line -= 1
        prose.insert(0, lines[line][column + 1 :].removeprefix(" "))
    return "\n".join(prose)


def _shown(node: yaml.Node) -> str:
    loader = yaml.SafeLoader("")
    try:
        return json.dumps(loader.construct_object(node, deep=True))
    finally:
        loader.dispose()
