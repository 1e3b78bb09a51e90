"""Whether the registries' mirrors know new packages, and since when. Names and answers are strangers' text (R7).

Only mirrors that the values name are asked: by GET, without credentials, without the proxies of the environment, within
seconds and bytes. A redirect is no answer. What a mirror does not say stays unknown.

Sources: docs.npmjs.com, "Package metadata"; packaging.python.org, "Simple repository API" (`upload-time`); The Cargo
Book, "Registry Index" (`pubtime`); go.dev/ref/mod, "GOPROXY protocol".
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from pressplay.gates.supply.model import Finding, Manager, Package, normal_name

SECONDS = 5.0
"""For one answer."""
TOGETHER = 60.0
"""Seconds for all of them."""
MOST = 100
"""Packages that are asked about."""
BYTES = 30_000_000
"""Of one answer: npm's documents of old packages have many versions."""
_GONE = frozenset({404, 410})
_DAY = 86_400
_PLAIN: Mapping[Manager, re.Pattern[str]] = {
    "npm": re.compile(r"(?:@[a-zA-Z0-9._~-]+/)?[a-zA-Z0-9._~-]{1,214}"),
    "pypi": re.compile(r"[A-Za-z0-9._-]{1,200}"),
    "crates": re.compile(r"[A-Za-z0-9_-]{1,64}"),
    "go": re.compile(r"[A-Za-z0-9._~/!-]{1,300}"),
}
"""Names that may stand in a registry's address."""


@dataclass(frozen=True)
class Known:
    """What a registry knows of a package."""

    exists: bool
    first: float | None = None
    """When its first version was published (Unix seconds); None where the registry does not say."""
    version: float | None = None
    """When the version in question was."""


def ask(
    packages: Iterable[Package],
    mirrors: Mapping[Manager, str],
    *,
    now: float,
    youngest_days: int,
    transport: httpx.BaseTransport | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[list[Finding], int]:
    """What the mirrors (manager → address) find fault with, and how many packages none could tell about.

    `now`: Unix seconds. `youngest_days`: a package or version that is younger is a finding.
    """
    findings: list[Finding] = []
    unknown = 0
    end = clock() + TOGETHER
    listed = list(packages)
    with httpx.Client(
        transport=transport,
        timeout=SECONDS,
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    ) as client:
        for at, package in enumerate(listed):
            mirror = mirrors.get(package.manager, "")
            known = _known(client, mirror.rstrip("/"), package) if mirror and at < MOST and clock() < end else None
            label = "" if known is None else _fault(known, now, youngest_days)
            if label:
                named = f"{package.manager} {package.name} {_exact(package)}".rstrip()
                findings.append(Finding("unknown_packages", "", label, named))
            elif known is None or (known.first is None and known.version is None):
                unknown += 1
    return findings, unknown


def _fault(known: Known, now: float, days: int) -> str:
    if not known.exists:
        return "is not in the registry"
    if known.first is not None and now - known.first < days * _DAY:
        return f"was first published less than {days} days ago"
    if known.version is not None and now - known.version < days * _DAY:
        return f"is a version that was published less than {days} days ago"
    return ""


def _exact(package: Package) -> str:
    """The version, if it is one; a range is none."""
    version = package.version.removeprefix("==")
    return version if re.fullmatch(r"v?\d[\w.+-]*", version) else ""


def _known(client: httpx.Client, mirror: str, package: Package) -> Known | None:
    """None where the mirror can't tell."""
    if not _PLAIN[package.manager].fullmatch(package.name) or ".." in package.name:
        return None
    try:
        return _READ[package.manager](client, mirror, package)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, RecursionError):
        return None


def _get(client: httpx.Client, url: str, accept: str = "application/json") -> bytes | None:
    """An answer's body; None for a package that is not there. ValueError for any other answer."""
    end = time.monotonic() + SECONDS
    with client.stream("GET", url, headers={"Accept": accept}) as response:
        if response.status_code in _GONE:
            return None
        if response.status_code != httpx.codes.OK:
            raise ValueError("no answer")
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) > BYTES or time.monotonic() > end:
                raise ValueError("too long an answer")
        return bytes(body)


def _npm(client: httpx.Client, mirror: str, package: Package) -> Known:
    body = _get(client, f"{mirror}/{quote(package.name, safe='@')}")
    if body is None:
        return Known(exists=False)
    document = _object(body)
    times = {version: when for version, text in _of(document, "time").items() if (when := _when(text)) is not None}
    exact = _exact(package)
    if exact and exact not in _of(document, "versions"):
        return Known(exists=False)
    return Known(True, times.get("created") or min(times.values(), default=None), times.get(exact))


def _pypi(client: httpx.Client, mirror: str, package: Package) -> Known:
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
    from packaging.version import InvalidVersion, Version

    body = _get(client, f"{mirror}/{normal_name('pypi', package.name)}/", "application/vnd.pypi.simple.v1+json")
    if body is None:
        return Known(exists=False)
    published: dict[Version, list[float]] = {}
    for file in _object(body)["files"]:
        name = str(file["filename"])
        try:
            version = parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
        times = published.setdefault(version, [])
        when = _when(file.get("upload-time"))
        times += [] if when is None else [when]
    every = [when for times in published.values() for when in times]
    try:
        exact = Version(_exact(package))
    except InvalidVersion:
        return Known(True, min(every, default=None))
    if published and exact not in published:
        return Known(exists=False)
    return Known(True, min(every, default=None), min(published.get(exact, ()), default=None))


def _crates(client: httpx.Client, mirror: str, package: Package) -> Known:
    name = package.name.lower()
    prefix = {1: "1", 2: "2", 3: f"3/{name[0]}"}.get(len(name), f"{name[:2]}/{name[2:4]}")
    body = _get(client, f"{mirror}/{prefix}/{name}", "text/plain")
    if body is None:
        return Known(exists=False)
    lines = [_object(line) for line in body.splitlines() if line.strip()]
    times = {str(line["vers"]): _when(line.get("pubtime")) for line in lines}
    exact = _exact(package)
    # In a Cargo.toml a version is a range.
    if exact.count(".") > 1 and package.digests and exact not in times:
        return Known(exists=False)
    return Known(True, min((when for when in times.values() if when is not None), default=None), times.get(exact))


def _go(client: httpx.Client, mirror: str, package: Package) -> Known:
    """A module's time is that of its commit, which its author chose: it proves existence, and little more."""
    module = re.sub(r"[A-Z]", lambda letter: f"!{letter[0].lower()}", package.name)
    version = re.sub(r"[A-Z]", lambda letter: f"!{letter[0].lower()}", package.version)
    body = _get(client, f"{mirror}/{quote(module, safe='/!')}/@v/{quote(version, safe='!+')}.info")
    return Known(exists=False) if body is None else Known(True, None, _when(_object(body).get("Time")))


_READ: Mapping[Manager, Callable[[httpx.Client, str, Package], Known]] = {
    "npm": _npm,
    "pypi": _pypi,
    "crates": _crates,
    "go": _go,
}


def _object(body: bytes) -> dict[str, Any]:
    document = json.loads(body)
    if not isinstance(document, dict):
        raise TypeError("not an object")
    return document


def _of(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _when(text: object) -> float | None:
    """Unix seconds of a time as RFC 3339 writes it; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
