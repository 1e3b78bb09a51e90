"""Mustache for what a task's agents read: chevron parses, the values are looked up here.

chevron's own renderer blanks a name that is not there, escapes for HTML, and finds Python's methods on a text
(`{{title}}` inside a section over a text becomes `str.title`). So only its tokenizer is used; sections, inverted
sections, variables and comments have Mustache's meaning. Partials and changed delimiters are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chevron.tokenizer import ChevronError, tokenize

from pressplay.errors import InputError
from pressplay.templating import template_files

_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


@dataclass
class _Node:
    kind: str
    text: str
    line: int
    children: list[_Node] = field(default_factory=list)


class Mustache:
    """No HTML escaping: `{{x}}`, `{{{x}}}` and `{{&x}}` are the same."""

    def render(self, template: Path, data: Mapping[str, object]) -> str:
        """See `Engine.render`. Names in a section that is not entered are checked too, unless its list is empty."""
        return "".join(_texts(_parse(template), [data], template, dry=False))


def _parse(template: Path) -> list[_Node]:
    source = template_files.read(template)
    try:
        tokens = list(tokenize(source))
    except ChevronError as error:
        raise InputError(f"{template}: expected a Mustache template; {error}") from error
    except IndexError as error:
        raise InputError(f"{template}: expected a Mustache template; a tag is empty: {{{{}}}}") from error
    tags = (tag for tag in _TAG.finditer(source) if not tag[1].startswith("!"))
    lines = iter([source.count("\n", 0, tag.start()) + 1 for tag in tags])
    top = _Node("", "", 0)
    stack = [top]
    for kind, text in tokens:
        if kind == "literal":
            stack[-1].children.append(_Node(kind, text, 0))
            continue
        line = next(lines, 0)
        if kind == "end":
            stack.pop()
        elif kind in ("section", "inverted section", "variable", "no escape"):
            node = _Node(kind, text, line)
            stack[-1].children.append(node)
            if "section" in kind:
                stack.append(node)
        else:
            raise InputError(
                f"{template}:{line}: {kind} {text!r} is not supported; expected sections and variables only"
            )
    return top.children


def _texts(nodes: Sequence[_Node], scopes: list[object], template: Path, dry: bool) -> list[str]:
    """The pieces of text; a `dry` walk only looks every name up."""
    out: list[str] = []
    for node in nodes:
        if node.kind == "literal":
            out.append(node.text)
            continue
        value = _look_up(node, scopes, template)
        if node.kind == "section":
            if isinstance(value, (list, tuple)):
                for item in value:
                    out += _texts(node.children, [item, *scopes], template, dry)
            else:
                out += _texts(node.children, [value, *scopes], template, dry or not value)
        elif node.kind == "inverted section":
            out += _texts(node.children, scopes, template, dry or bool(value))
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            out.append(str(value))
        elif not dry:
            raise InputError(
                f"{template}:{node.line}: {node.text!r} is no text but {type(value).__name__}; "
                f"use it as a section: {{{{#{node.text}}}}}…{{{{/{node.text}}}}}"
            )
    return [] if dry else out


def _look_up(node: _Node, scopes: list[object], template: Path) -> object:
    if node.text == ".":
        return scopes[0]
    first, *rest = node.text.split(".")
    known = [key for scope in scopes if isinstance(scope, Mapping) for key in scope]
    for scope in scopes:
        if isinstance(scope, Mapping) and first in scope:
            value = scope[first]
            for part in rest:
                if not isinstance(value, Mapping) or part not in value:
                    raise template_files.unknown_name(
                        template, node.line, node.text, value if isinstance(value, Mapping) else ()
                    )
                value = value[part]
            return value
    raise template_files.unknown_name(template, node.line, node.text, known)
