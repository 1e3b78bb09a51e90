"""Jinja2 for the personas, sandboxed, with `[[ ]]` and `[% %]`: `{{ }}` is ordinary text there."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from pressplay.errors import InputError
from pressplay.templating import template_files


class Jinja:
    """Templates include others by their path from the template's own folder."""

    def render(self, template: Path, data: Mapping[str, object]) -> str:
        """See `Engine.render`. Names are checked before anything is rendered, also where a condition is not met."""
        environment = _environment(template.parent)
        try:
            self._check(environment, template.parent, template.name, frozenset(data), ())
            return environment.get_template(template.name).render(data)
        except jinja2.TemplateSyntaxError as error:
            where = error.filename or template
            raise InputError(
                f"{where}:{error.lineno}: expected a Jinja template with [[ ]] and [% %]; {error}"
            ) from error
        except jinja2.TemplateNotFound as error:
            raise InputError(f"{template}: it includes {error.name!r}, which is not in {template.parent}") from error
        except jinja2.TemplateError as error:
            name, line = _place(error, template)
            raise InputError(f"{name}:{line}: {error}; the names that exist: {', '.join(sorted(data))}") from error

    def _check(
        self, environment: SandboxedEnvironment, root: Path, name: str, known: frozenset[str], path: tuple[str, ...]
    ) -> None:
        if name in path:
            raise InputError(f"{root / name}: it includes itself: {' → '.join((*path, name))}")
        tree = environment.parse(template_files.read(root / name), name, str(root / name))
        unknown = meta.find_undeclared_variables(tree) - known - set(environment.globals)
        names_used = list(tree.find_all(nodes.Name))
        for line, missing in sorted(
            (name_node.lineno, name_node.name) for name_node in names_used if name_node.name in unknown
        ):
            raise template_files.unknown_name(root / name, line, missing, known)
        # Included templates see the variables that a template sets.
        inner = known | {name_node.name for name_node in names_used if name_node.ctx == "store"}
        for included in meta.find_referenced_templates(tree):
            if included is not None:
                self._check(environment, root, included, inner, (*path, name))


def _environment(root: Path) -> SandboxedEnvironment:
    return SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(root),
        undefined=_Undefined,
        autoescape=False,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


class _Undefined(jinja2.StrictUndefined):
    """Reports the known keys of a mapping if a missing one is used."""

    @property
    def _undefined_message(self) -> str:
        text: str = super()._undefined_message
        owner: Any = self._undefined_obj
        return f"{text} (it has: {', '.join(sorted(map(str, owner)))})" if isinstance(owner, Mapping) else text


def _place(error: BaseException, template: Path) -> tuple[str, int]:
    """The template's file and line of a failure while rendering, from Jinja's rewritten traceback."""
    root = str(template.parent)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(root)]
    frames = [frame for frame in frames if frame.filename.endswith(template.suffix)]
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else (str(template), 0)
