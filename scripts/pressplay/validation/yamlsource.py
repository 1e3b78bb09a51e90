"""YAML and JSON with places: the document, and the line and column of every path in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from pressplay.validation.report import Invalid, PathPart, Problem, invalid, json_path, shown

Path = tuple[PathPart, ...]

NODES = 100_000
"""Nodes of one document: aliases of aliases can make more of a few lines than any machine holds."""
DEEPEST = 50
"""Lists and maps within one another in `load_strict`: YAML's reader takes time by their square."""

_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file: line and column from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A document, the place of each of its paths (of a map's entry: its key), and its problems."""

    file: str
    value: Any
    places: Mapping[Path, Place]
    problems: tuple[Problem, ...] = field(default=())

    def place(self, path: Path) -> Place:
        """The place of `path`, or of the nearest value around it."""
        return nearest(self.places, path) or Place(self.file, 1, 1)

    def problem(self, path: Path, message: str, hint: str) -> Problem:
        """What is wrong at a path, and what to do."""
        at = self.place(path)
        return Problem(at.file, at.line, at.column, json_path(path), message, hint)


def nearest(places: Mapping[Path, Place], path: Path) -> Place | None:
    """The place of `path`, or of the longest part of it that has one."""
    for length in range(len(path), -1, -1):
        if path[:length] in places:
            return places[path[:length]]
    return None


class _Loader(yaml.SafeLoader):
    """YAML as Helm reads it: a date stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(text: str, file: str) -> Source:
    """The one YAML document in `text`. An empty one is None. A duplicate key is a problem.

    Raises Invalid naming file, line and column for anything but YAML, for several documents, and for tags or aliases
    that have no place in a configuration.
    """
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        reader = _YamlReader(loader, file)
        value = None if node is None else reader.read(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        message = f"expected one YAML document, got something else ({error.problem or error.context})"
        raise invalid(file, message, "correct it there", line, column) from error
    except yaml.YAMLError as error:
        raise invalid(file, f"expected one YAML document, got something else ({error})", "correct it") from error
    except RecursionError as error:
        message = "expected a YAML document, got one that is nested hundreds deep"
        raise invalid(file, message, "write it flatter") from error
    finally:
        if loader is not None:
            loader.dispose()
    return Source(file, value, reader.places, tuple(reader.problems))


def load_strict(text: bytes, file: str, longest: int) -> Source:
    """The YAML document in a file's bytes, where strangers wrote it: short, UTF-8, flat and without aliases.

    Raises Invalid as `load_yaml`, and for more than `longest` bytes, other encodings, aliases and deep nesting.
    """
    if len(text) > longest:
        raise invalid(file, f"expected at most {longest} bytes, got more", "leave out what is not needed")
    try:
        plain = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"expected UTF-8, got byte {error.start}: {error.reason}"
        raise invalid(file, message, "save it as UTF-8") from error
    costly = list(_costly(plain, file))
    if costly:
        raise Invalid(costly)
    return load_yaml(plain, file)


def _costly(text: str, file: str) -> Iterator[Problem]:
    """Constructs that make much work of a small file: aliases and deep nesting. The reader reports invalid YAML."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line, column = (event.start_mark.line + 1, event.start_mark.column + 1) if event.start_mark else (0, 0)
            if isinstance(event, yaml.AliasEvent):
                message = f"expected no alias, got *{event.anchor}"
                yield Problem(file, line, column, "$", message, "write out what it stands for")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                message = f"expected at most {DEEPEST} levels, got more"
                yield Problem(file, line, column, "$", message, "write it flatter")
                return
    except yaml.YAMLError:
        return


class _YamlReader:
    def __init__(self, loader: _Loader, file: str) -> None:
        self.loader = loader
        self.file = file
        self.places: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self.open: set[int] = set()
        self.count = 0

    def read(self, node: yaml.Node, path: Path) -> Any:
        self.count += 1
        self.places.setdefault(path, self.at(node))
        if self.count > NODES or id(node) in self.open:
            raise yaml.MarkedYAMLError(problem="aliases that unfold without end", problem_mark=node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
            assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has three kinds of node
            return self.mapping(node, path)
        finally:
            self.open.discard(id(node))

    def scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            return self.loader.construct_object(node)
        except (ValueError, LookupError, AttributeError) as error:
            # PyYAML's constructors take the text for what its tag says, and stumble: `!!int abc`, a number of miles.
            raise yaml.MarkedYAMLError(
                problem=f"a value that is no {node.tag.rpartition(':')[2]}", problem_mark=node.start_mark
            ) from error

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        first: dict[str, Place] = {}
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            name = self.key(key)
            if name in first:
                self.twice((*path, name), self.at(key), first[name])
            first.setdefault(name, self.at(key))
        self.loader.flatten_mapping(node)
        result: dict[str, Any] = {}
        for key, item in node.value:
            name = self.key(key)
            self.places[(*path, name)] = self.at(key)
            result[name] = self.read(item, (*path, name))
        return result

    def key(self, node: yaml.Node) -> str:
        """A key as the text that JSON makes of it."""
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key that is not a single word", problem_mark=node.start_mark)
        return str(node.value)

    def at(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def twice(self, path: Path, here: Place, first: Place) -> None:
        message = f"expected each key once, got {shown(path[-1])} again (first in line {first.line})"
        self.problems.append(Problem(self.file, here.line, here.column, json_path(path), message, "keep one of them"))


def load_json(text: str, file: str) -> Source:
    """The JSON document in `text`, with places. Invalid, naming file, line and column, if it is not JSON."""
    try:
        json.loads(text)
        reader = _JsonReader(text, file)
        value, _ = reader.read(_skip(text, 0), ())
    except json.JSONDecodeError as error:
        message = f"expected JSON, got something else ({error.msg})"
        raise invalid(file, message, "correct it there", error.lineno, error.colno) from error
    except (RecursionError, ValueError) as error:
        raise invalid(file, f"expected JSON, got something else ({error})", "correct it") from error
    return Source(file, value, reader.places, tuple(reader.problems))


class _JsonReader:
    """Walks a text that is known to be JSON; the standard library's reader takes the single values."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.places: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self.decode = json.JSONDecoder().raw_decode
        self.line = 1
        self.line_start = 0
        self.counted = 0

    def read(self, at: int, path: Path) -> tuple[Any, int]:
        """The value that begins at `at`, and the index behind it."""
        text = self.text
        self.places.setdefault(path, self.place(at))
        if text[at] == "[":
            items: list[Any] = []
            at = _skip(text, at + 1)
            while text[at] != "]":
                item, at = self.read(at, (*path, len(items)))
                items.append(item)
                at = self.next(at)
            return items, at + 1
        if text[at] == "{":
            entries: dict[str, Any] = {}
            at = _skip(text, at + 1)
            while text[at] != "}":
                place = self.place(at)
                key, at = self.decode(text, at)
                inner = (*path, key)
                if key in entries:
                    message = f"expected each key once, got {shown(key)} again; the later one counts"
                    self.problems.append(
                        Problem(self.file, place.line, place.column, json_path(inner), message, "keep one of them")
                    )
                self.places[inner] = place
                entries[key], at = self.read(_skip(text, _skip(text, at) + 1), inner)
                at = self.next(at)
            return entries, at + 1
        return self.decode(text, at)

    def next(self, at: int) -> int:
        """Behind a value: the next value's beginning, or the closing bracket."""
        at = _skip(self.text, at)
        return _skip(self.text, at + 1) if self.text[at] == "," else at

    def place(self, at: int) -> Place:
        """The place of index `at`; called with rising indices, so that each letter is looked at once."""
        lines = self.text.count("\n", self.counted, at)
        if lines:
            self.line += lines
            self.line_start = self.text.rindex("\n", self.counted, at) + 1
        self.counted = at
        return Place(self.file, self.line, at - self.line_start + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
