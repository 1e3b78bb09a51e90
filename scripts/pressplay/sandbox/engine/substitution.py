"""`{{name}}` and `{{=expression}}` inside a template, replaced as Argo replaces them.

Argo works on a template's JSON text (util/template/{template,simple_template,expression_template}.go). We work on the
parsed tree, string by string, which comes to the same because a value is escaped into the text and read back from it;
the one difference, tags that reach over several strings, is refused by `validate`. A text is taken apart once.

R7: Argo scans a template twice, so a *value* with `{{` in it would be evaluated, or leave the Workflow unprocessed for
ever. Here such a value ends the node in Error (`Refused`).
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pressplay.sandbox.engine import gojson
from pressplay.sandbox.engine.expression import ExpressionError, Program, program

MISSING = object()
ABSENT = "__argo__internal__absent-optional-argument__"
"""Stands for an argument that refers to an output which a skipped step did not make (AbsentOptionalArgumentValue)."""

LATE = frozenset(
    {
        "item",
        "retries",
        "lastRetry.exitCode",
        "lastRetry.status",
        "lastRetry.duration",
        "lastRetry.message",
        "workflow.status",
        "workflow.failures",
    }
)
"""Names that an expression waits for instead of taking their absence for null."""


class SubstitutionError(Exception):
    """A tag that can never be replaced; ends the node in Error."""


class MissingVariable(SubstitutionError):
    """A strict tag whose variable is not there (yet): Argo waits and tries again."""


class Refused(SubstitutionError):
    """A value that a real Argo would evaluate (R7)."""


def refuse_template(value: str, what: str) -> None:
    """Refused, naming `what`, if a real Argo would evaluate `value`."""
    if "{{" in value:
        raise Refused(
            f"{what} contains '{{{{': a real Argo would evaluate it, or never go on; "
            "pass an id and let the step fetch the text"
        )


def expand(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as nested maps; of a name and one below it the longer stays (util/expand/expand.go)."""
    nested: dict[str, Any] = {}
    for key in sorted(flat):
        *parents, last = key.split(".")
        target = nested
        for parent in parents:
            child = target.get(parent)
            if not isinstance(child, dict):
                child = target[parent] = {}
            target = child
        target[last] = flat[key]
    return nested


class Refs(Mapping[str, Any]):
    """The `steps` or `tasks` that a template may refer to, each worked out when it is asked for."""

    def __init__(self, names: Collection[str], load: Callable[[str], Mapping[str, Any] | None]) -> None:
        """`load` gives the variables of one of `names` (`status`, `outputs.parameters.x` …), None where none are."""
        self._names, self._load = names, load
        self._flat: dict[str, Mapping[str, Any] | None] = {}
        self._nested: dict[str, Any] = {}

    def flat(self, name: str) -> Mapping[str, Any] | None:
        """The variables of one name, or None."""
        if name not in self._flat:
            if name not in self._names:
                return None
            self._flat[name] = self._load(name)
        return self._flat[name]

    def __getitem__(self, name: str) -> Any:
        if name not in self._nested:
            found = self.flat(name)
            if found is None:
                raise KeyError(name)
            self._nested[name] = expand(found)
        return self._nested[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._names if self.flat(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Scope:
    """The variables at one place: flat names, and the steps or tasks that may be referred to."""

    def __init__(
        self, flat: Mapping[str, Any], refs: Mapping[str, Refs] | None = None, early: Scope | None = None
    ) -> None:
        """`flat` maps dotted names to text (None: an output that a skipped step did not make).

        `early` is the scope in which Argo has gone over the same text before (a template is filled as a whole before
        its steps or tasks are looked at): an expression that gave something there has its value from there.
        """
        self.flat, self.refs, self.early = flat, refs or {}, early
        self._environment: dict[str, Any] | None = None

    def with_values(self, more: Mapping[str, Any]) -> Scope:
        """This scope and more flat names."""
        return Scope({**self.flat, **more}, self.refs, self.early)

    def get(self, name: str) -> Any:
        """The value of a dotted name, or MISSING."""
        if name in self.flat:
            return self.flat[name]
        root, _, rest = name.partition(".")
        refs = self.refs.get(root)
        if refs is None or not rest:
            return MISSING
        child, _, variable = rest.partition(".")
        found = refs.flat(child)
        return MISSING if found is None else found.get(variable, MISSING)

    @property
    def environment(self) -> Mapping[str, Any]:
        """The same variables as nested maps, for expressions."""
        if self._environment is None:
            nested = expand(self.flat)
            for root, refs in self.refs.items():
                own = nested.get(root)
                # No copy, which would miss the steps that were skipped a moment ago; nothing writes to it.
                nested[root] = ChainMap(refs, own) if isinstance(own, dict) else refs  # type: ignore[arg-type]
            self._environment = nested
        return self._environment

    def has(self, name: str) -> bool:
        """Whether a dotted name is there for an expression; a null at its end is there, one on the way is not."""
        if name in self.flat:
            return True
        current: Any = self.environment
        for part in name.split("."):
            if not isinstance(current, Mapping) or part not in current:
                return False
            current = current[part]
        return True


@dataclass(frozen=True)
class Mode:
    """What to do with a tag whose variable is not there."""

    strict: tuple[str, ...] | None
    """Roots that must be there; None: nothing must, so leave the tag as it is; (): everything must."""

    def demands(self, name: str) -> bool:
        """Whether the variable must be there."""
        return self.strict is not None and (not self.strict or name.partition(".")[0] in self.strict)


LENIENT = Mode(None)
STRICT = Mode(("steps", "tasks"))
EVERYTHING = Mode(())


@dataclass(frozen=True)
class Tag:
    """One `{{…}}`."""

    text: str
    program: Program | None
    fault: ExpressionError | None = None

    @property
    def raw(self) -> str:
        """As it was written."""
        return "{{" + self.text + "}}"


_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


@lru_cache(maxsize=16384)
def parts(text: str) -> tuple[str | Tag, ...]:
    """A text as its literal pieces and tags. An expression that cannot be parsed is a tag with its fault."""
    found: list[str | Tag] = []
    at = 0
    for match in _TAG.finditer(text):
        if match.start() > at:
            found.append(text[at : match.start()])
        body = match.group(1)
        if body.startswith("="):
            try:
                found.append(Tag(body, program(body[1:])))
            except ExpressionError as error:
                found.append(Tag(body, None, error))
        else:
            found.append(Tag(body, None))
        at = match.end()
    if at < len(text):
        found.append(text[at:])
    return tuple(found)


def render(value: Any) -> str:
    """An expression's value as it enters a text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else gojson.dumps(value)


def _simple(tag: Tag, scope: Scope, mode: Mode) -> str:
    name = tag.text.strip()
    value = scope.get(name)
    if value is MISSING:
        if mode.demands(name):
            raise MissingVariable(f"failed to resolve {tag.raw}")
        return tag.raw
    if value is None:
        raise SubstitutionError(
            f"unable to substitute {tag.raw}: output is an absent optional (skipped/omitted node with no default)"
        )
    text = gojson.any_string(value)
    refuse_template(text, f"the value of {name}")
    return text


def _expression(tag: Tag, scope: Scope, mode: Mode) -> str:
    if tag.program is None:
        raise SubstitutionError(f"failed to evaluate expression: {tag.fault}")
    if scope.early is not None and (text := _expression(tag, scope.early, LENIENT)) != tag.raw:
        return text
    missing = [name for name in tag.program.names if not scope.has(name)]
    for name in missing:
        if mode.demands(name):
            raise MissingVariable(f"failed to evaluate expression: {name} is missing")
    lenient = bool(missing) or mode.strict is None
    if lenient and not LATE.isdisjoint(missing):
        return tag.raw
    try:
        value = tag.program.run(scope.environment)
    except ExpressionError as error:
        if lenient:
            return tag.raw
        raise SubstitutionError(f"failed to evaluate expression: {error}") from error
    if value is None:
        if lenient:
            return tag.raw
        raise SubstitutionError(f'failed to evaluate expression "{tag.text[1:]}"')
    text = render(value)
    refuse_template(text, f"the value of {tag.raw}")
    return text


def substitute_text(text: str, scope: Scope, mode: Mode = LENIENT) -> str:
    """`text` with its tags replaced; MissingVariable, SubstitutionError or Refused where one cannot be."""
    if "{{" not in text:
        return text
    return "".join(
        part
        if isinstance(part, str)
        else _expression(part, scope, mode)
        if part.text.startswith("=")
        else _simple(part, scope, mode)
        for part in parts(text)
    )


Pattern = Callable[[Scope, Mode], Any]


def compile_tree(tree: Any) -> Pattern | None:
    """What replaces the tags in all strings (and keys) of a tree; None where there are none. The tree is not copied."""
    if isinstance(tree, str):
        return (lambda scope, mode: substitute_text(tree, scope, mode)) if "{{" in tree else None
    if isinstance(tree, dict):
        keys = [(compile_tree(key), compile_tree(value), key, value) for key, value in tree.items()]
        if not any(key or value for key, value, _, _ in keys):
            return None
        return lambda scope, mode: {
            key(scope, mode) if key else raw_key: value(scope, mode) if value else raw
            for key, value, raw_key, raw in keys
        }
    if isinstance(tree, list):
        items = [(compile_tree(item), item) for item in tree]
        if not any(item for item, _ in items):
            return None
        return lambda scope, mode: [item(scope, mode) if item else raw for item, raw in items]
    return None


class Body:
    """A piece of a manifest with tags in it, taken apart once."""

    def __init__(self, tree: Any) -> None:
        """`tree` is kept, not copied: it must not change."""
        self.tree, self._pattern = tree, compile_tree(tree)

    def fill(self, scope: Scope, mode: Mode = LENIENT) -> Any:
        """The tree with its tags replaced; the tree itself where there are none."""
        return self._pattern(scope, mode) if self._pattern else self.tree


def tags(tree: Any) -> Iterator[Tag]:
    """Every tag in a tree's strings and keys."""
    if isinstance(tree, str):
        if "{{" in tree:
            yield from (part for part in parts(tree) if isinstance(part, Tag))
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from tags(key)
            yield from tags(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from tags(item)
