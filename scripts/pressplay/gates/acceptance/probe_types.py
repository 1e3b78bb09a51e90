"""The probes of a plan as data, and how they are made from a document that the schema accepts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

COMMIT = "${COMMIT}"
"""The only placeholder in a plan: any text may have it, and it means the head commit."""


@dataclass(frozen=True, slots=True)
class TextExpectation:
    """What a text must hold: an answer's body, what a command prints, a file."""

    contains: tuple[str, ...] = ()
    not_contains: tuple[str, ...] = ()
    equals: str | None = None
    json: tuple[tuple[str, Any], ...] = ()
    """JSON pointers and the values there."""
    lines: tuple[str, ...] = ()
    """Texts, each of which must be a whole line."""


@dataclass(frozen=True, slots=True)
class HttpExpectation:
    """What must come back from a request."""

    status: tuple[int, ...]
    headers: tuple[tuple[str, str], ...]
    body: TextExpectation


@dataclass(frozen=True, slots=True)
class Http:
    """A request: `path` below the deployment's address, or a whole `url`; the other one is empty."""

    method: str
    path: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    timeout_seconds: int
    expect: HttpExpectation


@dataclass(frozen=True, slots=True)
class Logs:
    """Lines that pods must have written: of one pod by name, or of all with `labels`."""

    namespace: str
    """Empty: the deployment's."""
    pod: str
    labels: tuple[tuple[str, str], ...]
    container: str
    """Empty: the pod's default one."""
    since_seconds: int
    lines: tuple[str, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkloadProbe:
    """A workload and the state in which it must be; what is None or empty is not asked."""

    kind: str
    namespace: str
    """Empty: the deployment's."""
    name: str
    ready: bool
    replicas: int | None
    image: str | None
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FileExpectation:
    """What a command must leave at a path; `text` does not matter where it is `absent`."""

    path: str
    absent: bool
    text: TextExpectation


@dataclass(frozen=True, slots=True)
class CommandStep:
    """A command, and what must come of it."""

    argv: tuple[str, ...]
    stdin: str
    timeout_seconds: int
    exit_status: tuple[int, ...]
    stdout: TextExpectation
    stderr: TextExpectation
    files: tuple[FileExpectation, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """Commands in one fresh copy of the checked-out code, one after the other."""

    project: str | None
    """The folder that they run in; None: the plan does not say."""
    files: tuple[tuple[str, str], ...]
    """Paths below that folder, and the texts that are written there before."""
    steps: tuple[CommandStep, ...]


Look = Http | Logs | WorkloadProbe | Command

KINDS: dict[type[Look], str] = {Http: "http", Logs: "logs", WorkloadProbe: "workload", Command: "command"}
DEPLOYED = frozenset({"http", "logs", "workload"})
"""The kinds that look at a deployment."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to look at, under a name of its own."""

    name: str
    look: Look
    retries: int
    """Tries after the first."""
    every_seconds: int
    covers: tuple[str, ...] = ()
    """The ids of the criteria that it shows."""

    @property
    def kind(self) -> str:
        """`http`, `logs`, `workload` or `command`."""
        return KINDS[type(self.look)]


def kind_of(probe: Mapping[str, Any]) -> str:
    """The kind of a probe as the document has it."""
    return next(kind for kind in _MAKE if kind in probe)


def made(probe: Mapping[str, Any]) -> Probe:
    """A probe of a document that the schema accepts."""
    retries, kind = probe.get("retries", {}), kind_of(probe)
    return Probe(
        name=probe["name"],
        look=_MAKE[kind](probe[kind]),
        retries=retries.get("times", 0),
        every_seconds=retries.get("everySeconds", 2),
        covers=tuple(probe.get("covers", ())),
    )


def many(value: Any) -> tuple[int, ...]:
    """A number or a list of them."""
    return tuple(value) if isinstance(value, list) else (value,)


def _text(expect: Mapping[str, Any]) -> TextExpectation:
    return TextExpectation(
        contains=tuple(expect.get("contains", ())),
        not_contains=tuple(expect.get("notContains", ())),
        equals=expect.get("equals"),
        json=_pairs(expect.get("json", {})),
        lines=tuple(expect.get("lines", ())),
    )


def _http(http: Mapping[str, Any]) -> Http:
    expect, headers = http["expect"], dict(http.get("headers", {}))
    body = http.get("body", "")
    if "json" in http:
        body = json.dumps(http["json"], ensure_ascii=False)
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
    return Http(
        method=http.get("method", "GET"),
        path=http.get("path", ""),
        url=http.get("url", ""),
        headers=_pairs(headers),
        body=body,
        timeout_seconds=http.get("timeoutSeconds", 10),
        expect=HttpExpectation(many(expect["status"]), _pairs(expect.get("headers", {})), _text(expect)),
    )


def _logs(logs: Mapping[str, Any]) -> Logs:
    return Logs(
        namespace=logs.get("namespace", ""),
        pod=logs.get("pod", ""),
        labels=_pairs(logs.get("matchLabels", {})),
        container=logs.get("container", ""),
        since_seconds=logs.get("sinceSeconds", 600),
        lines=tuple(logs["expect"]["lines"]),
        absent=tuple(logs["expect"].get("absent", ())),
    )


def _workload(workload: Mapping[str, Any]) -> WorkloadProbe:
    expect = workload["expect"]
    return WorkloadProbe(
        kind=workload["kind"],
        namespace=workload.get("namespace", ""),
        name=workload["name"],
        ready=expect.get("ready", False),
        replicas=expect.get("replicas"),
        image=expect.get("image"),
        labels=_pairs(expect.get("labels", {})),
        annotations=_pairs(expect.get("annotations", {})),
    )


def _command(command: Mapping[str, Any]) -> Command:
    return Command(
        project=command.get("project"),
        files=_pairs(command.get("files", {})),
        steps=tuple(_step(step) for step in command.get("steps", [command])),
    )


def _step(step: Mapping[str, Any]) -> CommandStep:
    expect = step["expect"]
    return CommandStep(
        argv=tuple(step["argv"]),
        stdin=step.get("stdin", ""),
        timeout_seconds=step.get("timeoutSeconds", 20),
        exit_status=many(expect.get("exitStatus", 0)),
        stdout=_text(expect.get("stdout", {})),
        stderr=_text(expect.get("stderr", {})),
        files=tuple(
            FileExpectation(path, file.get("absent", False), _text(file))
            for path, file in expect.get("files", {}).items()
        ),
    )


_MAKE: dict[str, Callable[[Mapping[str, Any]], Look]] = {
    "http": _http,
    "logs": _logs,
    "workload": _workload,
    "command": _command,
}


def _pairs(mapping: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(mapping.items())
