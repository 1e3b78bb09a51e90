"""What an adapter is: how a command line is started, and how its report is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pressplay.agents.failures import Fault
from pressplay.agents.servers import Server


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a command line, in a git work tree, with nobody there to answer it."""

    prompt: str
    persona: str
    """The persona's system prompt."""
    model: str = ""
    """A name that the command line knows; empty: its own default."""
    fallback: str = ""
    """The model to take where `model` is overloaded; empty: none."""
    turns: int = 0
    """The model's answers after which it ends; 0: as many as it takes."""
    servers: tuple[Server, ...] = ()
    tree: Path
    """The work tree, in which it is started."""
    folder: Path
    """A folder of this run outside of the work tree, for the command line's own configuration."""
    session: str = ""
    """The session to go on with; empty: a new one."""
    trial: bool = False
    """Whether only the connection is tried: no repetition, and no wait for a busy server."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the command line gets."""


@dataclass(frozen=True)
class Command:
    """How the command line is started."""

    argv: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside the call's own; what is set there already is left as it is."""
    text: str = field(default="", repr=False)
    """For its standard input."""


@dataclass
class Tokens:
    """What was used of one model."""

    input: int = 0
    """Without those that came from a cache."""
    cached: int = 0
    output: int = 0
    cost: float | None = None
    """In USD, as the command line says; None: it says nothing."""

    def add(self, other: Tokens) -> None:
        """Count another report's, too."""
        self.input += other.input
        self.cached += other.cached
        self.output += other.output
        if other.cost is not None:
            self.cost = (self.cost or 0.0) + other.cost


@dataclass
class Report:
    """What a command line reported of one call."""

    session: str = ""
    used: dict[str, Tokens] = field(default_factory=dict)
    """By model."""
    words: str = ""
    """The agent's last words."""
    fault: Fault | None = None
    """The error with which it ended."""
    trouble: Fault | None = None
    """An error after which it tries again."""

    def use(self, model: str, tokens: Tokens) -> None:
        """Count what was used of a model."""
        self.used.setdefault(model, Tokens()).add(tokens)


class Adapter(ABC):
    """A coding agent's command line that works without a terminal and reports by JSON, a line an event."""

    name: ClassVar[str]
    """As people give it: `pressplay agent NAME`."""
    program: ClassVar[str]
    package: ClassVar[str]
    """Where it is had from."""
    models: ClassVar[Mapping[str, str]] = {}
    """Its names for the models of the chart's values, by the longest prefix that matches. Others count as its own, but
    for `claude-…`, which only those of that vendor know."""
    takes_any_model: ClassVar[bool] = False
    """Whether it knows the names of all vendors' models."""
    adds_up: ClassVar[bool] = False
    """Whether the report of a resumed session counts what the session used before."""

    @abstractmethod
    def command(self, call: Call) -> Command:
        """How it is started for `call`; its configuration is written into the call's folder."""

    @abstractmethod
    def read(self, event: Mapping[str, Any], report: Report) -> str:
        """Take one event of its output into the report; a line for people, empty where it is none of their concern."""

    def read_text(self, line: str, report: Report) -> None:  # noqa: B027 - most say nothing there
        """Take a line that is no event, of its output or its errors, into the report."""

    def model(self, wanted: str) -> str:
        """Its name for a model of the values; empty: its own default."""
        matched = max((known for known in self.models if wanted.startswith(known)), key=len, default=None)
        if matched is not None:
            return self.models[matched]
        return wanted if self.takes_any_model or not wanted.startswith("claude-") else ""
