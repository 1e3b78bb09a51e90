"""The flows: what each works on, which of GitHub's events start it, and what `reconcile` starts in their stead.

They are data, in `flows.yaml` beside this file, which explains the format. `make generate` copies it to `chart/files`,
where the chart makes EventSource and Sensor of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from pressplay import names
from pressplay.errors import InputError

FILE = "flows.yaml"
Start = Literal["label", "all"]
"""A mode of `events.start`: what may start without being asked."""
WorksOn = Literal["pr", "issue", "task", "commit", "repo"]
Subject = Literal["pr", "issue", "deployment", "commit", "repo"]
_SENSOR_PATTERNS = frozenset({"label", "ours", "harness"})
"""The names in braces that every row may use; the others are lists of the flow's own values."""


class _Model(BaseModel):
    # Built with the whole that they are parts of, once, when that is read.
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


class Condition(_Model):
    """A field of an event, and the one regular expression that it must, or must not, match."""

    path: str
    matches: str = Field("", alias="is")
    excludes: str = Field("", alias="not")
    start: Start | None = None

    @model_validator(mode="after")
    def _one_pattern(self) -> Self:
        if bool(self.matches) == bool(self.excludes):
            raise ValueError("expected one of is and not")
        return self

    @property
    def setting(self) -> str:
        """The list of the flow's values that the pattern is made of; empty for another pattern."""
        pattern = self.matches or self.excludes
        name = pattern[1:-1] if pattern.startswith("{") and pattern.endswith("}") else ""
        return "" if name in _SENSOR_PATTERNS else name


class Comparison(_Model):
    """An expression over two fields of an event, `one` and `other`, given by their paths."""

    expression: str
    one: str
    other: str


class Row(_Model):
    """One way in which events start a flow: a dependency and a trigger of the chart's Sensor, or two where scoped."""

    name: str
    about: str
    """A sentence for the documentation."""
    events: tuple[str, ...] = Field(min_length=1)
    actions: tuple[str, ...] = ()
    """The events' actions; an event without actions (push) has none."""
    start: Start | None = None
    """The only mode in which the row counts."""
    requires: str = ""
    """The list of the flow's values that must not be empty."""
    scope: str = ""
    """The path of the pull request or issue that must be in scope."""
    conditions: tuple[Condition, ...] = ()
    same: tuple[Comparison, ...] = ()
    subject: Subject | None = None
    """What the number is of, where it is not what the flow works on."""
    number: str = ""
    """The path of the number; empty for what is about a commit or the whole repository."""
    commit: str = ""
    """The path of the commit's id, of what is about a commit. A condition must hold its form."""
    constants: Mapping[str, str] = {}
    """Parameters that the event does not give."""


class Flow(_Model):
    """What the harness does on its own: its WorkflowTemplates, and what starts the first of them."""

    name: str
    about: str
    """A sentence for the documentation."""
    templates: tuple[str, ...]
    """None where the values name it."""
    works_on: WorksOn
    values: str = ""
    """The key under `flows` in the chart's values, which has its switch and its window; empty where it is always on."""
    window: int = 0
    """Seconds for which its events are gathered, where the values do not say it."""
    parameters: tuple[str, ...] = ()
    """What the Workflow is given, in this order: `repo`, the subject, `until` and constants of the row."""
    name_parts: tuple[str, ...] = ()
    """What follows the flow and the repository in the Workflow's name (`number`, `commit`, `window`, constants)."""
    reconcile: str = ""
    """What `reconcile` starts it for, whose event was lost; empty where no event starts it."""
    exclusive: bool = False
    """Whether `reconcile` starts nothing for what it works on while a Workflow of it is unfinished."""
    conditions: tuple[Condition, ...] = ()
    """What all rows want."""
    same: tuple[Comparison, ...] = ()
    rows: tuple[Row, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.rows and not (self.values or self.window):
            raise ValueError(f"flow {self.name}: expected values or a window")
        for row in self.rows:
            subject = row.subject or self.works_on
            if bool(row.number) != (subject not in ("repo", "commit")) or bool(row.commit) != (subject == "commit"):
                raise ValueError(f"row {row.name}: expected a number, a commit of a commit, or the subject repo")
            if row.commit and not any(condition.path == row.commit for condition in row.conditions):
                raise ValueError(f"row {row.name}: expected a condition that holds the form of its commit")
            if unknown := sorted(row.constants.keys() - set(self.parameters)):
                raise ValueError(f"row {row.name}: constants {', '.join(unknown)} are no parameters of the flow")
        return self

    @property
    def constants(self) -> Mapping[str, str]:
        """The constants that all rows have."""
        shared = [set(row.constants.items()) for row in self.rows]
        return dict(set.intersection(*shared)) if shared else {}

    def workflow_name(self, repo: str, **parts: object) -> str:
        """The Workflow's name for these parts; what is not given, or None, is left out.

        `number`, `commit` (`names.short_commit`), `window`, constants.

        Raises InputError as `names.flow_workflow` does.
        """
        return names.flow_workflow(
            self.name, repo, *(parts[part] for part in self.name_parts if parts.get(part) is not None)
        )


class Flows(_Model):
    """The whole file."""

    events: Mapping[str, str]
    """GitHub's events that start something, with the permission that an App needs to subscribe to each."""
    flows: tuple[Flow, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        rows = [row for flow in self.flows for row in flow.rows]
        wanted = {event for row in rows for event in row.events}
        if wanted != self.events.keys():
            raise ValueError(f"events: expected those of the rows, {', '.join(sorted(wanted ^ self.events.keys()))}")
        for unique in ([flow.name for flow in self.flows], [row.name for row in rows]):
            if len(set(unique)) != len(unique):
                raise ValueError("two flows, or two rows, have the same name")
        return self


def parse(text: str) -> Flows:
    """The flows of the file's text; InputError with each path and what is wrong there."""
    # Every step reads settings, and few of them flows.
    import yaml

    try:
        return Flows.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        faults = (f"{FILE}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise InputError("\n".join(faults)) from error


def text() -> str:
    """The file's text."""
    return resources.files("pressplay.domain").joinpath(FILE).read_text(encoding="utf-8")


@cache
def _all() -> Flows:
    return parse(text())


def flows() -> tuple[Flow, ...]:
    """All flows."""
    return _all().flows


def event_permissions() -> Mapping[str, str]:
    """GitHub's event → the permission that an App needs to subscribe to it."""
    return _all().events


def templates() -> tuple[str, ...]:
    """The WorkflowTemplates that the chart installs, sorted."""
    return tuple(sorted(template for flow in flows() for template in flow.templates))


def flow(name: str) -> Flow:
    """The flow with this name; InputError where there is none."""
    for candidate in flows():
        if candidate.name == name:
            return candidate
    raise InputError(f"flow {name!r}: expected one of {', '.join(known.name for known in flows())}")
