"""What Python's unittest (`-v`), Rust's libtest and TAP print.

Tests can print such lines too. Where a runner says how many tests it ran, more results than that are refused; a result
that is printed twice counts as the worse of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from pressplay.gates.proving import failures
from pressplay.gates.proving.model import Status, TestResult
from pressplay.gates.proving.results import Malformed, Results

_COMPILER = re.compile(
    r"^error: could not compile |^error\[E\d{4}\]|^\S+\.go:\d+:\d+: |\[(?:build|setup) failed\]$"
    r"|^\S+\.tsx?[(:]\d+.{0,40}\bTS\d+:",
    re.MULTILINE,
)


def compiler_failed(output: str) -> bool:
    """Whether a compiler refused the program or its tests (cargo, go, tsc)."""
    return _COMPILER.search(output) is not None


# --- unittest --------------------------------------------------------------------------------------------------------

_STARTED = re.compile(r"(?P<name>[\w.]+) \((?P<class>[\w.<>]+)\)(?P<rest> \.\.\. .*)?$")
_ENDED: tuple[tuple[str, Status], ...] = (
    ("expected failure", "skipped"), ("unexpected success", "error"), ("FAIL", "failed"), ("ERROR", "error"),
    ("ok", "passed"),
)  # fmt: skip
_BLOCK = re.compile(r"(?P<kind>ERROR|FAIL): (?P<name>[\w.]+) \((?P<class>[\w.<>]+)\)")
_RULE = "=" * 70


def unittest(output: str, results: Results) -> None:
    """Note each test of `python -m unittest -v`."""
    progress, _, details = output.partition(f"\n{_RULE}\n")
    ran = re.findall(r"^Ran (\d+) tests? in ", output, re.MULTILINE)
    results.recognized = bool(ran)
    started: dict[tuple[str, str], int] = {}
    current: tuple[str, str] | None = None
    for line in progress.splitlines():
        match = _STARTED.match(line)
        if match is not None:
            current = _of_class(match["name"], match["class"])
            if current[1] not in ("setUpClass", "tearDownClass", "setUpModule", "tearDownModule"):
                started[current] = started.get(current, 0) + 1
        if current is not None and (status := _unittest_status(line)) is not None:
            results.add(current, TestResult(status))
            current = None if status == "passed" else current
    if ran and sum(started.values()) > sum(map(int, ran)):
        raise Malformed(f"results of {ran[-1]} tests, as unittest counts them", "more")
    for block in details.split(f"{_RULE}\n"):
        if match := _BLOCK.match(block):
            id_ = _of_class(match["name"], match["class"])
            result = _unittest_failure(match["kind"], match["class"], block)
            results.explain(id_, result)


def _of_class(name: str, class_: str) -> tuple[str, str]:
    """Class and name. From Python 3.11 on the class that is printed ends in the test's name."""
    if "_FailedTest" in class_:
        return class_.partition("_FailedTest.")[2] or name, ""
    return class_.removesuffix(f".{name}"), name


def _unittest_status(line: str) -> Status | None:
    if re.search(r"(?:^| )skipped ['\"].*['\"]$", line):
        return "skipped"
    return next((status for word, status in _ENDED if line.endswith(word)), None)


def _unittest_failure(kind: str, class_: str, block: str) -> TestResult:
    body = block.partition("\n" + "-" * 70 + "\n")[2]
    if "_FailedTest" in class_:
        return failures.unbuilt(body)
    trace = body.rpartition("Traceback (most recent call last):\n")[2]
    text = next((trace[at:] for at, line in _lines(trace) if line and not line.startswith((" ", "\t"))), "")
    result = failures.raised(text.strip())
    if kind == "FAIL":
        return TestResult("failed", result.message)
    return TestResult("error", result.message) if "setUp" in block.partition("\n")[0] else result


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.splitlines(keepends=True):
        yield at, line.rstrip("\n")
        at += len(line)


# --- libtest ---------------------------------------------------------------------------------------------------------

_TARGET = re.compile(r" *(?:Running (?:unittests )?(?P<path>\S+) \(.*\)|Doc-tests (?P<crate>\S+))$")
_RUNNING = re.compile(r"running (\d+) tests?$")
_TEST = re.compile(
    r"test (?P<name>.+?)(?: - should panic)?(?: - compile(?: fail)?)? \.\.\. (?P<end>ok|FAILED|ignored.*)$"
)
_LINE_NUMBER = re.compile(r" \(line \d+\)")
_STDOUT = re.compile(r"^---- (?P<name>.+?) stdout ----$", re.MULTILINE)


def libtest(output: str, results: Results) -> None:
    """Note each test of `cargo test`. A target that did not compile has none."""
    target, most, count = "", 0, 0
    for line in output.splitlines():
        if match := _TARGET.match(line):
            target = match["path"] or f"doc-tests {match['crate']}"
        elif match := _RUNNING.match(line):
            most, count = int(match[1]), 0
            results.recognized = True
        elif not line.strip():
            # The first blank line ends the list; what follows may be what tests printed.
            most = most if count == 0 else -1
        elif most > 0 and (match := _TEST.match(line)):
            count += 1
            if count > most:
                raise Malformed(f"results of {most} tests, as libtest counts them", "more")
            results.add(_libtest_id(target, match["name"]), _libtest_result(match["end"]))
    _libtest_messages(output, results)


def _libtest_id(target: str, name: str) -> tuple[str, str]:
    return target, _LINE_NUMBER.sub("", name)


def _libtest_result(end: str) -> TestResult:
    if end == "FAILED":
        return TestResult("failed")
    return TestResult("passed" if end == "ok" else "skipped")


def _libtest_messages(output: str, results: Results) -> None:
    """Why each test failed. A documentation test that did not compile is one whose names are missing."""
    target = ""
    lines = output.splitlines()
    for at, line in enumerate(lines):
        if match := _TARGET.match(line):
            target = match["path"] or f"doc-tests {match['crate']}"
        elif match := _STDOUT.match(line):
            block = lines[at + 1 : at + 200]
            end = next(
                (n for n, text in enumerate(block) if text.startswith("---- ") or text == "failures:"), len(block)
            )
            block = block[:end]
            result = TestResult("failed", failures.first_line("\n".join(_panic(block))))
            if target.startswith("doc-tests ") and "Couldn't compile the test." in block:
                result = failures.unbuilt("\n".join(block))
            results.explain(_libtest_id(target, match["name"]), result)


def _panic(block: list[str]) -> list[str]:
    """The lines from a panic's message on."""
    at = next((n for n, text in enumerate(block) if re.match(r"thread '.*' .*panicked at ", text)), -1)
    return block[at + 1 :]


# --- TAP -------------------------------------------------------------------------------------------------------------

_TAP = re.compile(
    r"(?P<indent> *)(?P<not>not )?ok\b(?: \d+)?(?: -)?(?: (?P<name>.*?))?(?P<directive> # (?:SKIP|TODO)\b.*)?$", re.I
)
_SUBTEST = re.compile(r"(?P<indent> *)# Subtest: (?P<name>.*)$")
_TITLE = re.compile(r"# (?P<title>.+)$")
_THROWN = re.compile(r"[A-Z]\w*(?: \[\w+\])?: .*", re.MULTILINE)
_YAML = re.compile(r" *(?P<key>failureType|name|error|operator): (?P<value>.*)$")


def tap(output: str, results: Results) -> None:
    """Note each test of a TAP stream: version 13 with node's subtests and YAML blocks, tape's, or plain.

    Not by tap.py: it reads no nested subtests.
    """
    lines = output.splitlines()
    if _is_tape(lines):
        _tape(lines, results)
        return
    open_: dict[int, str] = {}
    deepest = -1
    """The indentation of the result before: a shallower one next is that of its parent."""
    for at, line in enumerate(lines):
        if match := _SUBTEST.match(line):
            indent = len(match["indent"])
            open_ = {n: name for n, name in open_.items() if n < indent} | {indent: match["name"]}
        elif line.startswith("1..") or line.startswith("TAP version"):
            results.recognized = True
        elif match := _TAP.fullmatch(line):
            indent = len(match["indent"])
            parent, deepest = deepest > indent, indent
            fields = _yaml(lines, at + 1)
            if parent and (not match["not"] or fields.get("failureType") == "subtestsFailed"):
                continue
            path = [name for n, name in sorted(open_.items()) if n < indent]
            results.add((*path, match["name"] or ""), _tap_result(match, fields))
        elif line.startswith("Bail out!"):
            results.add(("Bail out!",), TestResult("error", failures.first_line(line)))


def _is_tape(lines: list[str]) -> bool:
    """Whether tape wrote a stream: a test's title comes after the version at once."""
    return any(
        first.startswith("TAP version") and _TITLE.match(second) is not None and _SUBTEST.match(second) is None
        for first, second in pairwise(lines)
    )


def _tape(lines: list[str], results: Results) -> None:
    """Note the tests of tape, also of several streams: a title, and then a result for each assertion."""
    title, last, ended = "", -1, False
    for at, line in enumerate(lines):
        if line.startswith("TAP version"):
            ended = False
        elif line.startswith("1.."):
            ended = True
        elif match := _TITLE.match(line):
            # The counts at the end look like titles.
            title = title if ended else match["title"]
        elif match := _TAP.fullmatch(line):
            results.add((title,), _tap_result(match, _yaml(lines, at + 1)))
            last = at
    if not ended:
        # What a test throws ends the whole run.
        thrown = _THROWN.search("\n".join(lines[last + 1 :]))
        results.add((title or "tape",), failures.raised(thrown[0]) if thrown else TestResult("error", "it did not end"))


def _yaml(lines: list[str], at: int) -> Mapping[str, str]:
    """The fields of the YAML block that begins at a line; of a text over several lines, the first."""
    fields: dict[str, str] = {}
    if at >= len(lines) or lines[at].strip() != "---":
        return fields
    for number in range(at + 1, min(at + 100, len(lines))):
        if lines[number].strip() == "...":
            break
        if match := _YAML.fullmatch(lines[number]):
            value = match["value"].strip("'\"")
            if value in ("|-", "|", ">-") and number + 1 < len(lines):
                value = lines[number + 1].strip()
            fields.setdefault(match["key"], value)
    return fields


def _tap_result(match: re.Match[str], fields: Mapping[str, str]) -> TestResult:
    if match["directive"]:
        return TestResult("skipped", failures.first_line(match["directive"]))
    if not match["not"]:
        return TestResult("passed")
    message = fields.get("error", "")
    if fields.get("failureType") in ("testTimeoutFailure", "cancelledByParent", "hookFailed"):
        return TestResult("error", message)
    # tape names the assertion's operator, and no class.
    return failures.failed(fields.get("name") or ("AssertionError" if "operator" in fields else ""), message)
