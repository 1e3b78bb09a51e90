"""What jest (`--json`) and Go (`go test -json`, test2json's events) report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pressplay.gates.proving import failures
from pressplay.gates.proving.model import Status, TestResult
from pressplay.gates.proving.results import Malformed, Results

BUILD = "build"
"""The name under which a package stands that did not build: none of its tests has a result."""
PACKAGE = "package"
"""The name under which a package stands that failed though none of its tests did."""
_JEST: Mapping[str, Status] = {"passed": "passed", "pending": "skipped", "todo": "skipped", "skipped": "skipped"}
_ENDS = ("pass", "fail", "skip")


def read(report: bytes, output: str, results: Results) -> None:
    """Note each test of jest's report. Raises Malformed for anything else."""
    del output
    document = _object(report)
    files = document.get("testResults")
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise Malformed("jest's JSON with the list testResults", "JSON of another kind")
    results.recognized = True
    for file in files:
        path, tests = _text(file.get("name")), file.get("assertionResults")
        if not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests):
            raise Malformed("a list assertionResults for each file of jest's JSON", "something else")
        if not tests and file.get("status") == "failed":
            results.add((path,), failures.unbuilt(_text(file.get("message"))))
        for test in tests:
            titles = test.get("ancestorTitles")
            titles = [*map(_text, titles if isinstance(titles, list) else []), _text(test.get("title"))]
            results.add((path, " > ".join(titles)), _jest(test))


def _jest(test: Mapping[str, Any]) -> TestResult:
    invocations = test.get("invocations")
    if test.get("retryReasons") or (isinstance(invocations, int) and invocations > 1):
        return TestResult("failed", "it was run again after it had failed")
    status = _JEST.get(_text(test.get("status")))
    if status is not None:
        return TestResult(status)
    messages, details = test.get("failureMessages"), test.get("failureDetails")
    message = _text(messages[0]) if isinstance(messages, list) and messages else ""
    if isinstance(details, list) and any(
        isinstance(detail, dict) and detail.get("matcherResult") for detail in details
    ):
        return failures.failed("JestAssertionError", failures.parts(message)[1])
    return failures.raised(message)


def read_go(output: str, results: Results) -> None:
    """Note each test of Go's events. Lines that are no JSON are the compiler's."""
    running: dict[tuple[str, str], list[str]] = {}
    failing: set[str] = set()
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        event = _object(line)
        action, package, test = (_text(event.get(key)) for key in ("Action", "Package", "Test"))
        if not package:
            continue
        results.recognized = True
        if not test:
            if action == "fail" and event.get("FailedBuild"):
                results.add((package, BUILD), failures.unbuilt("the package did not build"))
            elif action == "fail" and package not in failing:
                results.add((package, PACKAGE), TestResult("error", "the package failed beside its tests"))
        elif action in _ENDS:
            lines = running.pop((package, test), [])
            results.add((package, test), _go(action, lines))
            if action == "fail":
                failing.add(package)
        elif action == "run":
            running[package, test] = []
        elif action == "output" and len(lines := running.setdefault((package, test), [])) < 200:
            lines.append(_text(event.get("Output")))
    for package, test in running:
        results.add((package, test), TestResult("error", "it began and did not end"))


def _go(action: str, lines: list[str]) -> TestResult:
    if action != "fail":
        return TestResult("passed" if action == "pass" else "skipped")
    texts = [text for line in lines if (text := line.strip()) and not re.match(r"=== |--- |goroutine ", text)]
    message = texts[0][: failures.LONGEST] if texts else ""
    timed_out = any(text.startswith("panic: test timed out after") for text in texts)
    return TestResult("error" if timed_out else "failed", re.sub(r"^(\S+\.go):\d+: ", r"\1: ", message))


def _object(text: str | bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("JSON", "something else") from error
    if not isinstance(document, dict):
        raise Malformed("a JSON object", "something else")
    return document


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
