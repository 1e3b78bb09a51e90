"""Compares results with expectations. Texts match exactly, and an unknown result counts as no.

`ready` follows `kubectl rollout status` (kubernetes/kubectl, pkg/polymorphichelpers/rollout_status.go): the newest
revision is observed and rolled out, and every replica that is wanted is there, at least one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pressplay.cluster.port import Manifest
from pressplay.gates.acceptance.net import ProbeAnswer
from pressplay.gates.acceptance.probe_types import HttpExpectation, Logs, TextExpectation, WorkloadProbe
from pressplay.gates.acceptance.proof import ProbeCheck, is_secret, labelled, safe

SHOWN = 300
"""Characters of an expected or actual value in a check."""
_MISSING = object()


@dataclass(frozen=True, slots=True)
class PodLog:
    """What one pod wrote."""

    pod: str
    text: bytes
    cut: bool
    """Whether its beginning is missing."""


def http(expect: HttpExpectation, answer: ProbeAnswer | None) -> tuple[ProbeCheck, ...]:
    """Checks an answer against what was expected; None: there was no complete answer."""
    wanted = " or ".join(map(str, expect.status))
    checks = [ProbeCheck("status", wanted, _none(answer) or str(answer and answer.status), _in(answer, expect.status))]
    for name, text in expect.headers:
        value = answer.header(name) if answer else None
        got = _none(answer) or ("no such header" if value is None else labelled(name, value))
        if value is not None and is_secret(name):
            got = "(not shown)"
        checks.append(
            ProbeCheck(f"header {name} contains", labelled(name, text), got, value is not None and text in value)
        )
    return (*checks, *_body(expect.body, answer))


def _none(answer: ProbeAnswer | None) -> str:
    return "" if answer else "no whole answer"


def _in(answer: ProbeAnswer | None, statuses: Sequence[int]) -> bool:
    return answer is not None and answer.status in statuses


def _body(expect: TextExpectation, answer: ProbeAnswer | None) -> list[ProbeCheck]:
    """Checks of the body. Of a body that is encoded or cut, only the readable part is known."""
    encoding = (answer.header("Content-Encoding") or "identity") if answer else "identity"
    unseen = _none(answer)
    if not unseen and encoding.lower() != "identity":
        unseen = "a compressed body, which the gate did not ask for and does not unpack"
    cut = "a body longer than what is read" if answer and answer.cut else ""
    return text("body", expect, answer.body if answer else b"", unseen, cut)


def text(name: str, expect: TextExpectation, content: bytes, unseen: str = "", cut: str = "") -> list[ProbeCheck]:
    """Checks of a text that the checks call `name`.

    `unseen`: why nothing of it is known, if so; `cut`: why only its beginning is.
    """
    beyond = unseen or cut
    checks = []
    for part in expect.contains:
        at = content.find(part.encode())
        got = unseen or (f"at byte {at}" if at >= 0 else f"not in its {_bytes(content)}")
        checks.append(ProbeCheck(f"{name} contains", safe(part, SHOWN), got, not unseen and at >= 0))
    for part in expect.not_contains:
        at = content.find(part.encode())
        got = unseen or (f"at byte {at}" if at >= 0 else beyond or f"not in its {_bytes(content)}")
        checks.append(ProbeCheck(f"{name} does not contain", safe(part, SHOWN), got, not beyond and at < 0))
    lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    for line in expect.lines:
        ok = not unseen and line.encode() in (lines[:-1] if cut else lines)
        got = unseen or ("there" if ok else f"not among its {len(lines)} lines")
        checks.append(ProbeCheck(f"{name} has the line", safe(line, SHOWN), got, ok))
    if expect.equals is not None:
        got = beyond or safe(_text(content), SHOWN)
        checks.append(
            ProbeCheck(f"{name} is", safe(expect.equals, SHOWN), got, not beyond and content == expect.equals.encode())
        )
    if expect.json:
        document, fault = (None, beyond) if beyond else _parsed(content)
        for pointer, wanted in expect.json:
            value = _MISSING if fault else resolve(document, pointer)
            got = fault or ("nothing there" if value is _MISSING else _value(pointer, value))
            ok = value is not _MISSING and same(wanted, value)
            what = f"JSON of {name} at {pointer or 'its root'}"
            checks.append(ProbeCheck(what, _value(pointer, wanted), got, ok))
    return checks


def _parsed(body: bytes) -> tuple[Any, str]:
    """The JSON of a text, or why there is none."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant), ""
    except UnicodeDecodeError:
        return None, "a text that is not UTF-8"
    except (ValueError, RecursionError):
        return None, "a text that is not JSON"


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _value(pointer: str, value: Any) -> str:
    """A JSON value as it is shown; the last key of its pointer may tell that it is a secret."""
    return labelled(pointer.rpartition("/")[2], json.dumps(value, ensure_ascii=False, sort_keys=True), SHOWN)


def resolve(document: Any, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901), or a mark that equals nothing if there is none."""
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and str(int(key)) == key:
            index = int(key)
            if index >= len(value):
                return _MISSING
            value = value[index]
        else:
            return _MISSING
    return value


def same(wanted: Any, actual: Any) -> bool:
    """Whether two JSON values are the same: 1 is 1.0, but neither is true."""
    if isinstance(wanted, bool) or isinstance(actual, bool):
        return wanted is actual
    if isinstance(wanted, (int, float)) and isinstance(actual, (int, float)):
        return wanted == actual
    if isinstance(wanted, dict) and isinstance(actual, dict):
        return wanted.keys() == actual.keys() and all(same(value, actual[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(actual, list):
        return len(wanted) == len(actual) and all(map(same, wanted, actual))
    return type(wanted) is type(actual) and bool(wanted == actual)


def logs(look: Logs, pods_logs: Sequence[PodLog], whole: bool) -> tuple[ProbeCheck, ...]:
    """Checks logs for lines that must, and must not, be in them; `whole`: whether these are all the pods."""
    size = sum(len(log.text) for log in pods_logs)
    where = f"in none of {len(pods_logs)} pods ({size} bytes)" if pods_logs else "no pod to read"
    complete = whole and bool(pods_logs) and not any(log.cut for log in pods_logs)
    checks = []
    for text in look.lines:
        pods = [log.pod for log in pods_logs if text.encode() in log.text]
        checks.append(ProbeCheck("log contains", safe(text, SHOWN), f"in {pods[0]}" if pods else where, bool(pods)))
    for text in look.absent:
        pods = [log.pod for log in pods_logs if text.encode() in log.text]
        got = f"in {pods[0]}" if pods else where if complete or not pods_logs else "a log longer than what is read"
        checks.append(ProbeCheck("log does not contain", safe(text, SHOWN), got, complete and not pods))
    return tuple(checks)


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a workload is."""

    ready: int
    wanted: int
    done: bool
    """Whether the newest revision is out and all that is wanted is ready."""
    words: str


def rollout(manifest: Manifest) -> Rollout:
    """How far a Deployment, StatefulSet, DaemonSet or Pod is, from its status."""
    kind = manifest.get("kind", "")
    metadata, spec, status = (manifest.get(key) or {} for key in ("metadata", "spec", "status"))
    if kind == "Pod":
        conditions = {condition.get("type"): condition.get("status") for condition in status.get("conditions") or []}
        ready = conditions.get("Ready") == "True" and not metadata.get("deletionTimestamp")
        return Rollout(int(ready), 1, ready, f"{status.get('phase') or 'no phase'}, {'' if ready else 'not '}ready")
    if kind == "DaemonSet":
        wanted = _number(status, "desiredNumberScheduled")
        ready, updated = _number(status, "numberAvailable"), _number(status, "updatedNumberScheduled")
        rest = 0
    else:
        wanted = spec.get("replicas", 1)
        wanted = 1 if wanted is None else wanted
        available = "availableReplicas" if kind == "Deployment" else "readyReplicas"
        ready, updated = _number(status, available), _number(status, "updatedReplicas")
        rest = max(0, _number(status, "replicas") - wanted)
    seen = _number(status, "observedGeneration") >= _number(metadata, "generation")
    words = f"{ready} of {wanted} replicas ready, {updated} of the newest revision"
    words += f", {rest} of older ones" if rest else ""
    words += "" if seen else ", the newest one not yet observed"
    return Rollout(ready, wanted, seen and wanted > 0 and ready >= wanted <= updated and not rest, words)


def workload(look: WorkloadProbe, manifest: Manifest | None) -> tuple[ProbeCheck, ...]:
    """Checks a workload against the expected state; None: there is none of this name."""
    if manifest is None:
        return (ProbeCheck("workload", "there", "there is none of this name", False),)
    checks = []
    state = rollout(manifest)
    metadata = manifest.get("metadata") or {}
    if look.ready:
        checks.append(ProbeCheck("ready", "all replicas of the newest revision", state.words, state.done))
    if look.replicas is not None:
        checks.append(
            ProbeCheck("ready replicas", f"at least {look.replicas}", str(state.ready), state.ready >= look.replicas)
        )
    if look.image is not None:
        used = images(manifest)
        ok = any(look.image in image for image in used)
        checks.append(ProbeCheck("image contains", safe(look.image, SHOWN), safe(", ".join(used) or "none", SHOWN), ok))
    for what, wanted, there in (
        ("label", look.labels, metadata.get("labels") or {}),
        ("annotation", look.annotations, metadata.get("annotations") or {}),
    ):
        for name, value in wanted:
            got = labelled(name, str(there[name]), SHOWN) if name in there else "none"
            checks.append(ProbeCheck(f"{what} {name}", labelled(name, value, SHOWN), got, there.get(name) == value))
    return tuple(checks)


def images(manifest: Manifest) -> list[str]:
    """The images of a workload's containers, each once."""
    spec: Mapping[str, Any] = manifest.get("spec") or {}
    if manifest.get("kind") != "Pod":
        spec = (spec.get("template") or {}).get("spec") or {}
    return list(dict.fromkeys(str(container.get("image", "")) for container in spec.get("containers") or []))


def _number(holder: Mapping[str, Any], key: str) -> int:
    number = holder.get(key)
    return number if isinstance(number, int) else 0


def _bytes(body: bytes) -> str:
    return f"{len(body)} byte{'' if len(body) == 1 else 's'}"


def _text(body: bytes) -> str:
    return body.decode("utf-8", "backslashreplace")
