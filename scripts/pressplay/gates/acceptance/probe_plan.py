"""The plan of probes that QA commits with its tests (`.press-play/acceptance/<number>.yaml`), read and checked.

All its faults are reported together, with lines. Beyond the schema, a plan must be able to fail: a probe
that asserts nothing, or a plan that a dead deployment would pass, is refused, since it proves
nothing. Texts match exactly; there are no patterns, since a hostile pattern could run forever.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pressplay.errors import InputError
from pressplay.gates.acceptance import packing
from pressplay.gates.acceptance.reach import OutOfReach, parse
from pressplay.validation import packaged
from pressplay.validation.report import Invalid, Problem, invalid, shown
from pressplay.validation.schema import by_place, check
from pressplay.validation.yamlsource import Path, Source, load_json, load_strict

LONGEST = 64 * 1024
"""Bytes of a plan's file."""
PACKED = 32 * 1024
"""Characters of a plan as it travels through an Argo parameter."""
COMMIT = "${COMMIT}"
"""The only placeholder in a plan: any text may have it, and it means the head commit."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_OURS = frozenset(
    ("host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive")
)
"""Request headers that the gate sets itself, or that would change what one request is."""


@dataclass(frozen=True, slots=True)
class HttpExpectation:
    """What must come back from a request."""

    status: tuple[int, ...]
    headers: tuple[tuple[str, str], ...]
    contains: tuple[str, ...]
    not_contains: tuple[str, ...]
    equals: str | None
    json: tuple[tuple[str, Any], ...]
    """JSON pointers and the values there."""


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
class Probe:
    """One thing to look at, under a name of its own."""

    name: str
    look: Http | Logs | WorkloadProbe
    retries: int
    """Tries after the first."""
    every_seconds: int

    @property
    def kind(self) -> str:
        """`http`, `logs` or `workload`."""
        return type(self.look).__name__.lower()


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """A checked plan. Two that say the same are equal, however they were laid out and commented."""

    document: str
    """The plan as canonical JSON: sorted keys, no spaces."""

    @property
    def digest(self) -> str:
        """`sha256:` and 64 hexadecimal digits over the canonical JSON."""
        return f"sha256:{hashlib.sha256(self.document.encode()).hexdigest()}"

    @property
    def description(self) -> str:
        """What QA says that the plan shows; may be empty."""
        return str(json.loads(self.document).get("description", ""))

    @property
    def kinds(self) -> dict[str, str]:
        """Each probe's kind (`http`, `logs`, `workload`) by its name, in order."""
        return {
            probe["name"]: next(kind for kind in _MAKE if kind in probe)
            for probe in json.loads(self.document)["probes"]
        }

    @property
    def names_the_commit(self) -> bool:
        """Whether `${COMMIT}` occurs in it."""
        return COMMIT in self.document

    def without_cluster(self) -> ProbePlan | None:
        """The plan with only its http probes, for use without a cluster; None if it has none."""
        document = json.loads(self.document)
        document["probes"] = [probe for probe in document["probes"] if "http" in probe]
        return ProbePlan(_canonical(document)) if document["probes"] else None

    def probes(self, commit: str = "") -> tuple[Probe, ...]:
        """The probes, in order, with the commit put in; InputError if the plan uses it and it is not a commit id."""
        document = json.loads(self.document)
        if self.names_the_commit:
            document = _filled(document, whole_commit(commit, f", for the plan names {COMMIT}"))
        return tuple(_probe(probe) for probe in document["probes"])

    def to_json(self) -> str:
        """The canonical JSON."""
        return self.document

    @staticmethod
    def from_json(text: str, where: str = "plan") -> ProbePlan:
        """The plan that `to_json` wrote, checked again; InputError if it is not one."""
        return _checked(load_json(text, where), [])

    def pack(self) -> str:
        """The plan as an Argo parameter may carry it: only letters, digits and `+ / =` (gzip, base64)."""
        return packing.pack(self.document)

    @staticmethod
    def unpack(text: str, where: str = "plan") -> ProbePlan:
        """The plan that `pack` packed; InputError if it is not one."""
        return ProbePlan.from_json(packing.unpack(text, where), where)


def whole_commit(text: str, why: str = "") -> str:
    """`text` if it is a commit's whole id; InputError otherwise."""
    if not _COMMIT.fullmatch(text):
        raise InputError(f"commit {shown(text)}: expected its whole id, 40 hexadecimal digits in lower case{why}")
    return text


def read(text: bytes, where: str) -> ProbePlan:
    """The plan in a file's bytes; `where` is what errors call it.

    Raises Invalid (an InputError) with all faults: not UTF-8, too long, not YAML, aliases, what the schema
    refuses, probes with the same name, addresses that no probe may have, probes and plans that assert nothing.
    """
    source = load_strict(text, where, LONGEST)
    if source.value is None:
        raise invalid(where, "expected a plan with probes, got an empty file", "write the key probes")
    return _checked(source, list(source.problems))


def _checked(source: Source, problems: list[Problem]) -> ProbePlan:
    problems += check(packaged.schema("acceptance"), source.value, source.place)
    problems += [source.problem(*finding) for finding in _no_json(source.value, ())]
    if not problems:
        problems = [source.problem(*finding) for finding in _meaning(source.value)]
    if problems:
        raise Invalid(by_place(problems))
    plan = ProbePlan(_canonical(source.value))
    if len(plan.pack()) > PACKED:
        raise invalid(source.file, f"expected at most {PACKED} characters once packed, got more", "make it shorter")
    return plan


def _canonical(document: Any) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


Finding = tuple[Path, str, str]
"""Where, what is wrong, what to do."""


def _no_json(value: Any, path: Path) -> Iterator[Finding]:
    """Values that YAML can express and JSON can't: infinity, bytes, lone surrogates."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _no_json(inner, (*path, key))
            if not _encodes(key):
                yield (*path, key), f"expected a key of whole characters, got {shown(key)}", "correct its escapes"
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _no_json(inner, (*path, index))
    elif isinstance(value, str):
        if not _encodes(value):
            yield path, f"expected whole characters, got {shown(value)}", "correct its escapes"
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, f"expected a number that JSON has, got {shown(value)}", "put it in quotes"
    elif value is not None and not isinstance(value, (bool, int, float)):
        yield path, f"expected a value that JSON has, got {shown(value)}", "take its tag out"


def _encodes(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _meaning(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Faults of a document that its schema accepts."""
    seen: dict[str, int] = {}
    probes = document["probes"]
    for index, probe in enumerate(probes):
        path: Path = ("probes", index)
        first = seen.setdefault(probe["name"], index)
        if first != index:
            message = f"expected a name of its own, got {shown(probe['name'])}, which is probe {first + 1}'s too"
            yield (*path, "name"), message, "give it another"
        if "http" in probe:
            yield from _http((*path, "http"), probe["http"])
        if "workload" in probe:
            yield from _workload((*path, "workload"), probe["workload"])
    if not any(_shows_life(probe) for probe in probes):
        yield (
            ("probes",),
            "this plan asserts nothing: a deployment in which nothing works passes it",
            "add a probe of something that succeeds: a status below 400, a line of a log, a workload",
        )


def _shows_life(probe: Mapping[str, Any]) -> bool:
    return "http" not in probe or min(_statuses(probe["http"]["expect"])) < 400


def _statuses(expect: Mapping[str, Any]) -> list[int]:
    status = expect["status"]
    return status if isinstance(status, list) else [status]


def _http(path: Path, http: Mapping[str, Any]) -> Iterator[Finding]:
    expect = http["expect"]
    statuses = _statuses(expect)
    if min(statuses) < 400 <= max(statuses) and list(expect) == ["status"]:
        yield (
            (*path, "expect", "status"),
            f"this probe asserts nothing: it takes success and failure alike ({', '.join(map(str, statuses))})",
            "keep the one that is right, or expect something of the body",
        )
    if "body" in http and "json" in http:
        yield (*path, "json"), 'expected one of "body" and "json", got both', "take one of them out"
    if http.get("method") == "HEAD":
        for key in ("contains", "notContains", "equals", "json"):
            if key in expect:
                yield (*path, "expect", key), "expected nothing of the body: an answer to HEAD has none", "use GET"
    for name in http.get("headers", {}):
        if name.lower() in _OURS or name.lower().startswith("proxy-"):
            yield (*path, "headers", name), f"expected no header {name}: it is the gate's to set", "take it out"
    if "url" in http:
        try:
            parse(http["url"].replace(COMMIT, "0" * 40))
        except OutOfReach as error:
            yield (*path, "url"), str(error), "correct the address"


def _workload(path: Path, workload: Mapping[str, Any]) -> Iterator[Finding]:
    if workload["kind"] == "Pod" and "replicas" in workload["expect"]:
        yield (*path, "expect", "replicas"), "expected no replicas: a Pod has none", "use ready"


def _filled(value: Any, commit: str) -> Any:
    if isinstance(value, str):
        return value.replace(COMMIT, commit)
    if isinstance(value, list):
        return [_filled(inner, commit) for inner in value]
    if isinstance(value, dict):
        return {key: _filled(inner, commit) for key, inner in value.items()}
    return value


def _probe(probe: Mapping[str, Any]) -> Probe:
    retries = probe.get("retries", {})
    look = next(make(probe[kind]) for kind, make in _MAKE.items() if kind in probe)
    return Probe(probe["name"], look, retries.get("times", 0), retries.get("everySeconds", 2))


def _made_http(http: Mapping[str, Any]) -> Http:
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
        expect=HttpExpectation(
            status=tuple(_statuses(expect)),
            headers=_pairs(expect.get("headers", {})),
            contains=tuple(expect.get("contains", ())),
            not_contains=tuple(expect.get("notContains", ())),
            equals=expect.get("equals"),
            json=_pairs(expect.get("json", {})),
        ),
    )


def _made_logs(logs: Mapping[str, Any]) -> Logs:
    return Logs(
        namespace=logs.get("namespace", ""),
        pod=logs.get("pod", ""),
        labels=_pairs(logs.get("matchLabels", {})),
        container=logs.get("container", ""),
        since_seconds=logs.get("sinceSeconds", 600),
        lines=tuple(logs["expect"]["lines"]),
        absent=tuple(logs["expect"].get("absent", ())),
    )


def _made_workload(workload: Mapping[str, Any]) -> WorkloadProbe:
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


_MAKE: dict[str, Callable[[Mapping[str, Any]], Http | Logs | WorkloadProbe]] = {
    "http": _made_http,
    "logs": _made_logs,
    "workload": _made_workload,
}


def _pairs(mapping: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(mapping.items())
