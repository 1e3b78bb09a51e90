"""What a plan of probes can't show: a plan that a change of nothing, or a stub, would pass is refused.

A probe counts where it expects something that only working code gives: a value, a text, a line, a header. It does not
count where it expects a status alone, the commit alone, or a text that the request itself sends. One probe that counts
is enough: the others may prepare it. A text of one or two letters is refused anywhere, since it is in almost any text.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

from pressplay.gates.acceptance.probe_types import COMMIT, Command, Http, Logs, Probe, TextExpectation, WorkloadProbe
from pressplay.validation.report import shown
from pressplay.validation.yamlsource import Path

SHORTEST = 3
"""Characters that are not blank, of a text that something must contain."""

Finding = tuple[Path, str, str]
"""Where, what is wrong, what to do."""


class Evidence(NamedTuple):
    """A thing that a probe expects to be there."""

    kind: Literal["part", "whole", "value"]
    """`part`: a text within another; `whole`: a text or a line to the letter; `value`: anything else."""
    text: str


class Weakness(NamedTuple):
    """Why a probe does not count, and what to do."""

    why: str
    hint: str


_NOTHING = Weakness(
    "it expects nothing that the code must say: an empty answer would do",
    "expect a value or a text that only working code gives",
)
_COMMIT = Weakness(
    "it asks for the commit alone, and any deployment of it has that", "expect something of what the change does"
)
_ECHO = Weakness(
    "it expects only text that the probe itself sends", "expect what the code adds to it: the whole text, or a value"
)
_ELSEWHERE = Weakness("it asks another host than the deployment", "give a path below the deployment's address")
_RUNS = Weakness("it expects only that something runs", "expect something of what the change does")


def findings(document: Mapping[str, Any], probes: Sequence[Probe]) -> Iterator[Finding]:
    """Faults of a plan that its schema accepts; `probes` are its probes with the placeholder still in them."""
    for index, probe in enumerate(document["probes"]):
        yield from _short(("probes", index), probe)
    sent = [text for probe in probes if isinstance(probe.look, Http) for text in _sent(probe.look)]
    weak = [weakness(probe, sent) for probe in probes]
    if all(weak):
        yield (
            ("probes",),
            "this plan shows nothing of the change: none of its probes can tell working code from a stub",
            "add a probe of what only working code gives",
        )
        for index, why in enumerate(weak):
            if why:
                yield ("probes", index), f"this probe shows nothing: {why.why}", why.hint


def weakness(probe: Probe, sent: Sequence[str]) -> Weakness | None:
    """Why a probe does not count; None if it does. `sent`: what the requests of the whole plan send."""
    match probe.look:
        case Http() as http if http.url:
            return _ELSEWHERE
        case Http() as http:
            headers = [Evidence("value", text) for _name, text in http.expect.headers]
            return _of([*headers, *_expected(http.expect.body)], _sent(http))
        case Logs() as logs:
            return _of([Evidence("part", text) for text in logs.lines], sent)
        case WorkloadProbe() as workload:
            return _of(list(_of_workload(workload)), ()) and (_COMMIT if _names_commit(workload) else _RUNS)
        case Command() as command:
            return _of_command(command)


def _of(expected: Sequence[Evidence], sent: Sequence[str]) -> Weakness | None:
    own = [evidence for evidence in expected if COMMIT not in evidence.text]
    if any(not _echoes(evidence, sent) for evidence in own):
        return None
    return _ECHO if own else _COMMIT if expected else _NOTHING


def _echoes(evidence: Evidence, sent: Sequence[str]) -> bool:
    match evidence.kind:
        case "part":
            return any(evidence.text.strip() in text for text in sent)
        case "whole":
            return any(evidence.text.strip() == text.strip() for text in sent)
        case "value":
            return False


def _expected(text: TextExpectation) -> Iterator[Evidence]:
    for part in text.contains:
        yield Evidence("part", part)
    for line in text.lines:
        yield Evidence("whole", line)
    if text.equals is not None and text.equals.strip():
        yield Evidence("whole", text.equals)
    for _pointer, value in text.json:
        for leaf in _leaves(value):
            yield Evidence("value", leaf)


def _of_workload(workload: WorkloadProbe) -> Iterator[Evidence]:
    if workload.replicas is not None and workload.replicas > 1:
        yield Evidence("value", str(workload.replicas))
    for text in (workload.image, *(value for _, value in (*workload.labels, *workload.annotations))):
        if text:
            yield Evidence("value", text)


def _names_commit(workload: WorkloadProbe) -> bool:
    return any(COMMIT in evidence.text for evidence in _of_workload(workload))


def _of_command(command: Command) -> Weakness | None:
    sent = [text.strip() for _path, text in command.files]
    expected: list[Evidence] = []
    for step in command.steps:
        sent += [*step.argv, " ".join(step.argv[1:]), step.stdin]
        texts = (step.stdout, step.stderr, *(file.text for file in step.files if not file.absent))
        new = [evidence for text in texts for evidence in _expected(text)]
        if _of(new, sent) is None:
            return None
        expected += new
    return _of(expected, sent)


def _sent(http: Http) -> list[str]:
    """The texts of a request, as they are sent and as they are meant."""
    texts = [http.path, unquote(http.path), http.body]
    with contextlib.suppress(ValueError):
        texts += _leaves(json.loads(http.body))
    return [text for text in texts if text]


def _leaves(value: Any) -> list[str]:
    """The texts and other values within a JSON value; an empty list or map is one itself."""
    if isinstance(value, Mapping) and value:
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list) and value:
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value if isinstance(value, str) else json.dumps(value)]


def _short(path: Path, probe: Mapping[str, Any]) -> Iterator[Finding]:
    """Texts that are in almost any text."""
    for where, text in _parts(path, probe):
        if sum(not letter.isspace() for letter in text) < SHORTEST:
            yield (
                where,
                f"expected {SHORTEST} characters or more that are not blank, got {shown(text)}: almost any text has it",
                "take more of the text around it, or use equals, lines or json",
            )


def _parts(path: Path, probe: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """The texts that something must contain, with their places."""
    if "http" in probe:
        yield from _listed((*path, "http", "expect"), probe["http"]["expect"], "contains")
    elif "logs" in probe:
        yield from _listed((*path, "logs", "expect"), probe["logs"]["expect"], "lines")
    elif "workload" in probe:
        image = probe["workload"]["expect"].get("image")
        if image is not None:
            yield (*path, "workload", "expect", "image"), image
    else:
        command = probe["command"]
        steps: list[tuple[Path, Mapping[str, Any]]] = [((*path, "command"), command)]
        if "steps" in command:
            steps = [((*path, "command", "steps", at), step) for at, step in enumerate(command["steps"])]
        for where, step in steps:
            expect = step["expect"]
            for stream in ("stdout", "stderr"):
                yield from _listed((*where, "expect", stream), expect.get(stream, {}), "contains")
            for name, file in expect.get("files", {}).items():
                yield from _listed((*where, "expect", "files", name), file, "contains")


def _listed(path: Path, holder: Mapping[str, Any], key: str) -> Iterator[tuple[Path, str]]:
    for index, text in enumerate(holder.get(key, ())):
        yield (*path, key, index), text
