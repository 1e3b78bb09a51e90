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
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pressplay.errors import InputError
from pressplay.gates.acceptance import packing, weakness
from pressplay.gates.acceptance.probe_types import COMMIT, DEPLOYED, Command, Http, Probe, kind_of, made, many
from pressplay.gates.acceptance.reach import OutOfReach, parse
from pressplay.gates.acceptance.weakness import Finding
from pressplay.gates.lint.files import normal
from pressplay.validation import packaged
from pressplay.validation.report import Invalid, Problem, invalid, shown
from pressplay.validation.schema import by_place, check, did_you_mean
from pressplay.validation.yamlsource import Path, Source, load_json, load_strict

LONGEST = 64 * 1024
"""Bytes of a plan's file."""
PACKED = 32 * 1024
"""Characters of a plan as it travels through an Argo parameter."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_OURS = frozenset(
    ("host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive")
)
"""Request headers that the gate sets itself, or that would change what one request is."""


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
        """Each probe's kind (`http`, `logs`, `workload`, `command`) by its name, in order."""
        return {probe["name"]: kind_of(probe) for probe in json.loads(self.document)["probes"]}

    @property
    def needs_deployment(self) -> bool:
        """Whether one of its probes looks at a deployment."""
        return not DEPLOYED.isdisjoint(self.kinds.values())

    @property
    def covers(self) -> dict[str, tuple[str, ...]]:
        """The ids of the criteria that a probe shows, by the probe's name, in order."""
        return {probe["name"]: tuple(probe.get("covers", ())) for probe in json.loads(self.document)["probes"]}

    @property
    def changed(self) -> dict[str, str]:
        """The criterion for which an expectation changes, by the test's file or name."""
        stated = json.loads(self.document).get("changed", {})
        return {name: id_ for id_, names in stated.items() for name in names}

    @property
    def tests(self) -> dict[str, tuple[str, ...]]:
        """The names or ids of tests that show a criterion, by the criterion's id."""
        return {id_: tuple(names) for id_, names in json.loads(self.document).get("tests", {}).items()}

    @property
    def names_the_commit(self) -> bool:
        """Whether `${COMMIT}` occurs in it."""
        return COMMIT in self.document

    def only(self, kinds: Collection[str]) -> ProbePlan | None:
        """The plan with its probes of these kinds alone; None if it has none."""
        document = json.loads(self.document)
        document["probes"] = [probe for probe in document["probes"] if kind_of(probe) in kinds]
        return ProbePlan(_canonical(document)) if document["probes"] else None

    def anywhere(self, namespace: str) -> ProbePlan | None:
        """The plan with those probes alone that can look at any deployment, one in `namespace` too; None without any.

        A whole `url`, or another namespace, is a place that a probe was written for: nothing else can be asked there.
        """
        document = json.loads(self.document)
        document["probes"] = [probe for probe in document["probes"] if _is_anywhere(probe, namespace)]
        return ProbePlan(_canonical(document)) if document["probes"] else None

    def probes(self, commit: str = "") -> tuple[Probe, ...]:
        """The probes, in order, with the commit put in; InputError if the plan uses it and it is not a commit id."""
        document = json.loads(self.document)
        if self.names_the_commit:
            document = _filled(document, whole_commit(commit, f", for the plan names {COMMIT}"))
        return tuple(made(probe) for probe in document["probes"])

    def commands(self, commit: str = "") -> tuple[Probe, ...]:
        """The probes of commands, in order, as `probes` gives them."""
        commands = self.only({"command"})
        return commands.probes(commit) if commands else ()

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

    @staticmethod
    def unpack_part(text: str, where: str = "plan") -> ProbePlan:
        """What `pack` packed of checked plans' probes: some kinds of them (`only`), or several tasks' (`joined`).

        It is checked again, each task's probes by themselves, but for what only a whole plan must show. InputError if
        it is not one.
        """
        source = load_json(packing.unpack(text, where), where)
        for part in _by_task(source.value):
            _checked(load_json(json.dumps(part), where), list(source.problems), whole=False)
        return ProbePlan(_canonical(source.value))


def joined(plans: Mapping[int, ProbePlan], kinds: Collection[str]) -> tuple[ProbePlan | None, tuple[int, ...]]:
    """The probes of these kinds of several tasks' plans as one plan, and the tasks for whose probes it has no room.

    `plans`: by the task's number, the most important first. A probe's name becomes `<task>/<name>` (`task_of`). The
    result may have more probes than a plan that somebody writes, and is not checked again: each part of it was.
    """
    probes: list[dict[str, Any]] = []
    left_out: list[int] = []
    for task, plan in plans.items():
        wanted = plan.only(kinds)
        own = json.loads(wanted.document)["probes"] if wanted else []
        more = [*probes, *({**probe, "name": f"{task}/{probe['name']}"} for probe in own)]
        if len(packing.pack(_canonical(more))) > PACKED:
            left_out.append(task)
        else:
            probes = more
    return ProbePlan(_canonical({"probes": probes})) if probes else None, tuple(left_out)


def task_of(name: str) -> int | None:
    """The task whose probe has this name in a plan of several (`joined`); None for any other name."""
    task, slash, _ = name.partition("/")
    return int(task) if slash and task.isdecimal() else None


def _by_task(document: Any) -> list[Any]:
    """The parts of which `joined` made a plan, each probe under its own name again; what is none, as it is."""
    probes = document.get("probes") if isinstance(document, Mapping) else None
    if not isinstance(probes, list) or not probes or set(document) != {"probes"}:
        return [document]
    parts: dict[int | None, list[Any]] = {}
    for probe in probes:
        name = probe.get("name") if isinstance(probe, Mapping) else None
        task = task_of(name) if isinstance(name, str) else None
        own = probe if task is None else {**probe, "name": str(name).partition("/")[2]}
        parts.setdefault(task, []).append(own)
    return [{"probes": part} for part in parts.values()]


def _is_anywhere(probe: Mapping[str, Any], namespace: str) -> bool:
    look = probe[kind_of(probe)]
    return "url" not in look if "http" in probe else bool(namespace) and look.get("namespace", namespace) == namespace


def whole_commit(text: str, why: str = "") -> str:
    """`text` if it is a commit's whole id; InputError otherwise."""
    if not _COMMIT.fullmatch(text):
        raise InputError(f"commit {shown(text)}: expected its whole id, 40 hexadecimal digits in lower case{why}")
    return text


def unusable(where: str) -> str:
    """What is said of a plan that `read` refuses, beside its words."""
    return f"the plan of probes at {where} is not one that proves anything"


def read(text: bytes, where: str, criteria: Collection[str] | None = None) -> ProbePlan:
    """The plan in a file's bytes; `where` is what errors call it.

    `criteria`: the ids that the task's criteria have, where they are known. Raises Invalid (an InputError) with all
    faults: not UTF-8, too long, not YAML, aliases, what the schema refuses, probes with the same name, addresses and
    paths that no probe may have, criteria that the task does not have, probes and plans that assert nothing or show
    nothing of the change.
    """
    source = load_strict(text, where, LONGEST)
    if source.value is None:
        raise invalid(where, "expected a plan with probes, got an empty file", "write the key probes")
    plan = _checked(source, list(source.problems))
    document = json.loads(plan.document)
    faults = [*weakness.findings(document, [made(probe) for probe in document["probes"]])]
    if criteria is not None:
        faults += _unknown_criteria(source.value, criteria)
    if faults:
        raise Invalid(by_place(source.problem(*fault) for fault in faults))
    return plan


def _unknown_criteria(document: Mapping[str, Any], criteria: Collection[str]) -> Iterator[Finding]:
    named: list[tuple[Path, str]] = [((key, id_), id_) for key in ("tests", "changed") for id_ in document.get(key, {})]
    for index, probe in enumerate(document["probes"]):
        named += [(("probes", index, "covers", at), id_) for at, id_ in enumerate(probe.get("covers", ()))]
    for path, id_ in named:
        if id_ not in criteria:
            hint = did_you_mean(id_, criteria) or "take an id from task/acceptance-criteria.md"
            yield path, f"expected a criterion of the task, got {shown(id_)}", hint


def _checked(source: Source, problems: list[Problem], *, whole: bool = True) -> ProbePlan:
    """The plan in a source without faults; `whole`: it must show something by itself, too."""
    problems += check(packaged.schema("acceptance"), source.value, source.place)
    problems += [source.problem(*finding) for finding in _no_json(source.value, ())]
    if not problems:
        # What a command lacks keeps it from being read any further.
        findings = [*_incomplete(source.value)] or [*_meaning(source.value), *(_dead(source.value) if whole else ())]
        problems = [source.problem(*finding) for finding in findings]
    if problems:
        raise Invalid(by_place(problems))
    plan = ProbePlan(_canonical(source.value))
    if len(plan.pack()) > PACKED:
        raise invalid(source.file, f"expected at most {PACKED} characters once packed, got more", "make it shorter")
    return plan


def _canonical(document: Any) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


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


def _incomplete(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Commands of neither shape: a single one with what it must bring, or steps that have all that in them."""
    for index, probe in enumerate(document["probes"]):
        command, path = probe.get("command", {}), ("probes", index, "command")
        if "argv" in command and "expect" not in command:
            yield path, 'expected the key "expect", got none', "add it"
        for key in ("stdin", "timeoutSeconds", "expect"):
            if "steps" in command and key in command:
                yield (*path, key), f"expected no {key} beside steps, got one", "put it into a step"


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
        if "command" in probe:
            yield from _command((*path, "command"), probe["command"])
            if "retries" in probe:
                message = "expected no retries of a command: it must do the same each time"
                yield (*path, "retries"), message, "take them out"


def _dead(document: Mapping[str, Any]) -> Iterator[Finding]:
    """The fault of a plan that what never works passes."""
    if not any(_shows_life(made(probe)) for probe in document["probes"]):
        yield (
            ("probes",),
            "this plan asserts nothing: code that only fails, or a deployment in which nothing works, passes it",
            "add a probe of something that succeeds: a status below 400, a line of a log, a workload, exit status 0",
        )


def _shows_life(probe: Probe) -> bool:
    match probe.look:
        case Http() as http:
            return min(http.expect.status) < 400
        case Command() as command:
            return any(0 in step.exit_status for step in command.steps)
        case _:
            return True


def _http(path: Path, http: Mapping[str, Any]) -> Iterator[Finding]:
    expect = http["expect"]
    statuses = many(expect["status"])
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


def _command(path: Path, command: Mapping[str, Any]) -> Iterator[Finding]:
    named = [((*path, "files", name), name) for name in command.get("files", {})]
    if "project" in command:
        named.append(((*path, "project"), command["project"]))
    steps = [(path, command)] if "argv" in command else []
    steps += [((*path, "steps", at), step) for at, step in enumerate(command.get("steps", ()))]
    for where, step in steps:
        expect = step["expect"]
        statuses = many(expect.get("exitStatus", 0))
        if 0 in statuses and max(statuses) > 0 and list(expect) == ["exitStatus"]:
            yield (
                (*where, "expect", "exitStatus"),
                f"this command asserts nothing: it takes success and failure alike ({', '.join(map(str, statuses))})",
                "keep the one that is right, or expect something of its output",
            )
        for name, file in expect.get("files", {}).items():
            named.append(((*where, "expect", "files", name), name))
            if "absent" in file and len(file) > 1:
                yield (
                    (*where, "expect", "files", name),
                    "expected absent alone, got other keys beside it",
                    "take one out",
                )
    for place, name in named:
        if normal("", name) != name:
            message = f"expected a path within the repository, without . and .. in it, got {shown(name)}"
            yield place, message, "write it as Git does: data/in.csv"
    written = command.get("files", {})
    for name in written:
        if any(other.startswith(f"{name}/") for other in written):
            yield (
                (*path, "files", name),
                f"expected a file, got {shown(name)}, which is a folder of others",
                "rename it",
            )


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
