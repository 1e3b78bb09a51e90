"""What the scripted Clippy does to a file: format, never behaviour."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection

SUFFIXES = (".py", ".md", ".toml", ".txt")
"""The kinds of files that are tidied."""


def tidy(name: str, text: str, own: Collection[str]) -> str:
    """`text` with line feeds, no blanks at line ends, one final newline, few empty lines; Python's imports sorted.

    `own` are the project's own top-level modules, which are imported last. A Python file whose meaning that would
    change (blanks in a text of several lines), or that does not parse, comes back as it was.
    """
    lines = [line.rstrip(" \t") for line in text.replace("\r\n", "\n").split("\n")]
    result = re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip("\n") + "\n"
    if not name.endswith(".py"):
        return result if text.strip() else text
    try:
        if ast.dump(ast.parse(text)) != ast.dump(ast.parse(result)):
            return text
        return _sort_imports(result, own)
    except SyntaxError:
        return text


def _sort_imports(text: str, own: Collection[str]) -> str:
    """Sort the imports that a module begins with, where each stands on a line of its own."""
    body = ast.parse(text).body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    found: list[ast.Import | ast.ImportFrom] = []
    for node in body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            break
        found.append(node)
    if not found:
        return text
    lines = text.split("\n")
    first, last = found[0].lineno - 1, found[-1].end_lineno or found[-1].lineno
    block = [line for line in lines[first:last] if line]
    if len(block) != len(found) or any("#" in line for line in block):
        return text
    groups: dict[int, list[tuple[int, str, str]]] = {}
    for node in found:
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        top = module.split(".")[0]
        group = 0 if top == "__future__" else 1 if top in sys.stdlib_module_names else 3 if top in own else 2
        node.names.sort(key=lambda alias: alias.name)
        groups.setdefault(group, []).append((int(isinstance(node, ast.ImportFrom)), module, ast.unparse(node)))
    tidied = "\n\n".join("\n".join(line for *_, line in sorted(groups[group])) for group in sorted(groups))
    return "\n".join([*lines[:first], tidied, *lines[last:]])
