"""What the registries' mirrors say of new packages, and what stays unknown: over HTTP, by a server of the test's."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pressplay.gates.supply import registries
from pressplay.gates.supply.model import Package

NOW = 1_900_000_000.0
OLD, YOUNG = "2020-01-01T00:00:00.000Z", "2030-03-17T00:00:00Z"
"""`NOW` is 17 March 2030, in the evening."""
YOUNGER = "less than 7 days ago"


def npm(**times: str) -> bytes:
    return json.dumps({"versions": {version: {} for version in times}, "time": times}).encode()


def index(**versions: str) -> bytes:
    lines = [{"name": "x", "vers": f"{version[1:]}.0.0", "pubtime": at} for version, at in versions.items()]
    return "\n".join(json.dumps(line) for line in lines).encode()


ANSWERS: dict[str, bytes] = {
    "/npm/left": npm(**{"created": OLD, "1.0.0": OLD, "2.0.0": YOUNG}),
    "/npm/new": npm(**{"created": YOUNG, "1.0.0": YOUNG}),
    "/npm/@x%2Fa": npm(**{"created": OLD, "1.0.0": OLD}),
    "/npm/odd": b"[]",
    "/npm/silent": b'{"versions": {"1.0.0": {}}}',
    "/simple/left-pad/": json.dumps(
        {
            "files": [
                {"filename": "left_pad-1.0-py3-none-any.whl", "upload-time": OLD},
                {"filename": "left_pad-2.0.tar.gz", "upload-time": YOUNG},
                {"filename": "odd"},
            ]
        }
    ).encode(),
    "/index/le/ft/left": index(v1=OLD, v2=YOUNG),
    "/index/1/a": index(v1=OLD),
    "/index/3/a/abc": b'{"name": "abc", "vers": "1.0.0"}\n',
    "/go/x.test/!upper/@v/v1.0.0.info": json.dumps({"Version": "v1.0.0", "Time": OLD}).encode(),
}


class _Registry(BaseHTTPRequestHandler):
    requested: list[tuple[str, str]] = []  # noqa: RUF012 - one server at a time

    def do_GET(self) -> None:
        self.requested.append((self.path, self.headers.get("Authorization", "")))
        if self.path.startswith("/npm/moved"):
            self.send_response(302)
            self.send_header("Location", "/npm/left")
            self.end_headers()
        elif self.path.startswith("/npm/slow"):
            self.send_response(200)
            self.end_headers()
            for _ in range(50):
                self.wfile.write(b" ")
                time.sleep(0.1)
        elif self.path.startswith("/npm/broken"):
            self.send_error(500)
        elif self.path.startswith("/npm/long"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'"' + b"x" * 200_000)
        elif self.path in ANSWERS:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ANSWERS[self.path])
        else:
            self.send_error(404)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def mirrors() -> Iterator[dict[str, str]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Registry)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    yield {"npm": f"{url}/npm", "pypi": f"{url}/simple", "crates": f"{url}/index/", "go": f"{url}/go"}
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(registries, "SECONDS", 1.0)
    monkeypatch.setattr(registries, "BYTES", 100_000)


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("package", "fault", "unknown"),
    [
        (Package("npm", "left", "1.0.0"), "", 0),
        (Package("npm", "left", "^1.0.0"), "", 0),
        (Package("npm", "left", "2.0.0"), f"is a version that was published {YOUNGER}", 0),
        (Package("npm", "left", "9.0.0"), "is not in the registry", 0),
        (Package("npm", "new", "^1"), f"was first published {YOUNGER}", 0),
        (Package("npm", "@x/a", "1.0.0"), "", 0),
        (Package("npm", "nobody", "1.0.0"), "is not in the registry", 0),
        (Package("npm", "odd"), "", 1),
        (Package("npm", "silent"), "", 1),
        (Package("npm", "moved"), "", 1),
        (Package("npm", "broken"), "", 1),
        (Package("npm", "slow"), "", 1),
        (Package("npm", "long"), "", 1),
        (Package("npm", "../npm/left"), "", 1),
        (Package("npm", "left?x=1"), "", 1),
        (Package("pypi", "Left_Pad", "==1.0"), "", 0),
        (Package("pypi", "left-pad", "2"), f"is a version that was published {YOUNGER}", 0),
        (Package("pypi", "left-pad", "==3.0"), "is not in the registry", 0),
        (Package("pypi", "left-pad", ">=1"), "", 0),
        (Package("pypi", "nobody"), "is not in the registry", 0),
        (Package("crates", "left", "1.0.0"), "", 0),
        (Package("crates", "left", "2.0.0"), f"is a version that was published {YOUNGER}", 0),
        (Package("crates", "a", "1"), "", 0),
        (Package("crates", "abc", "1.0.0"), "", 1),
        (Package("crates", "abc", "2.0.0", digests=frozenset({"x"})), "is not in the registry", 0),
        (Package("crates", "nobody"), "is not in the registry", 0),
        (Package("go", "x.test/Upper", "v1.0.0"), "", 0),
        (Package("go", "x.test/upper", "v1.0.0"), "is not in the registry", 0),
    ],
)
def test_what_a_registry_says(mirrors, package, fault, unknown):
    findings, unasked = registries.ask([package], mirrors, now=NOW, youngest_days=7)
    assert [finding.label for finding in findings] == ([fault] if fault else [])
    assert unasked == unknown


@pytest.mark.rule("R8")
def test_only_mirrors_that_the_values_name_are_asked_and_without_credentials(mirrors, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    _Registry.requested.clear()
    packages = [Package("npm", "left", "1.0.0"), Package("pypi", "left-pad", "==1.0")]
    assert registries.ask(packages, {"npm": mirrors["npm"], "pypi": ""}, now=NOW, youngest_days=7) == ([], 1)
    assert _Registry.requested == [("/npm/left", "")]


def test_no_more_packages_are_asked_about_than_a_run_has_time_for(mirrors, monkeypatch):
    monkeypatch.setattr(registries, "MOST", 2)
    _Registry.requested.clear()
    packages = [Package("npm", "left", "1.0.0")] * 5
    assert registries.ask(packages, mirrors, now=NOW, youngest_days=7) == ([], 3)
    assert len(_Registry.requested) == 2
    assert registries.ask(packages, mirrors, now=NOW, youngest_days=7, clock=iter([0, 99, 99]).__next__) == ([], 5)


def test_where_no_age_is_wanted_only_the_unknown_is_a_finding(mirrors):
    packages = [Package("npm", "new", "1.0.0"), Package("npm", "nobody")]
    findings, _ = registries.ask(packages, mirrors, now=NOW, youngest_days=0)
    assert [finding.text for finding in findings] == ["npm nobody"]
