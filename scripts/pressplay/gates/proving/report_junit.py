"""JUnit's XML, as pytest, node, mocha, vitest and Surefire write it. Each has habits of its own; there is no standard.

Not by junitparser: it leaves out tests that stand outside every suite, which node's reporter writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException

from pressplay.gates.proving import failures
from pressplay.gates.proving.model import TestResult
from pressplay.gates.proving.results import WORST, Malformed, Results

_RETRIED = frozenset({"flakyFailure", "flakyError", "rerunFailure", "rerunError"})
_NODE_ERRORS = frozenset({"testTimeoutFailure", "cancelledByParent", "hookFailed", "testAborted"})
_NODE_FAILURES = frozenset(
    {"testCodeFailure", "uncaughtException", "unhandledRejection", "multipleCallbackInvocations"}
)
_HOOK = re.compile(r'"(?:before|after) (?:all|each)" hook\b')
"""What mocha calls a test case that is none."""
_CAUSE = re.compile(r"^ {2}cause: \[?(?P<text>.*)$", re.MULTILINE)
_RAISED = re.compile(r"^E {3,}(?P<text>[A-Za-z_][\w.]*: .*)$", re.MULTILINE)
"""How pytest shows what was raised."""


def read(report: bytes, output: str, results: Results) -> None:
    """Note each test case. Raises Malformed for anything that is not JUnit's XML, and for XML that defines entities."""
    # A hundred modules of XML for those who read none.
    from defusedxml.ElementTree import fromstring

    del output
    try:
        root = fromstring(report, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Malformed("JUnit's XML", f"something else ({type(error).__name__})") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise Malformed("JUnit's XML with the root testsuites or testsuite", "XML of another kind")
    results.recognized = True
    for suites, case in _cases(root):
        class_, name = case.get("classname", ""), case.get("name", "")
        result = _result(case)
        if _HOOK.match(name) and result.status == "failed":
            result = TestResult("error", result.message)
        # Node calls every class `test`, and nests suites instead.
        results.add((*suites, name) if class_ == "test" else (class_, "" if name == class_ else name), result)


def _cases(root: Element) -> Iterator[tuple[tuple[str, ...], Element]]:
    """Each test case with the names of the suites around it. Not recursive: strangers choose the depth."""
    left: list[tuple[tuple[str, ...], Element]] = [((), root)]
    while left:
        suites, element = left.pop()
        if element.tag == "testcase":
            yield suites, element
            continue
        inner = (*suites, element.get("name", "")) if element.tag == "testsuite" else suites
        if len(inner) > 50:
            raise Malformed("test suites nested at most 50 deep", "deeper ones")
        left.extend((inner, child) for child in reversed(element))


def _result(case: Element) -> TestResult:
    results = [TestResult("passed")]
    for child in case:
        if child.tag in ("failure", "error"):
            results.append(_failed(child))
        elif child.tag == "skipped":
            results.append(TestResult("skipped", failures.first_line(child.get("message") or child.text or "")))
        elif child.tag in _RETRIED:
            results.append(TestResult("failed", "it was run again after it had failed"))
    return min(results, key=lambda result: WORST.index(result.status))


def _failed(child: Element) -> TestResult:
    kind, message, text = child.get("type", ""), child.get("message", ""), (child.text or "").strip()
    if message.startswith(("failed on setup with ", "failed on teardown with ", "[XPASS(strict)]")):
        return TestResult("error", failures.first_line(message))
    if message == "collection failure":
        raised = _RAISED.findall(text)
        return failures.unbuilt(raised[-1] if raised else text)
    if kind in _NODE_ERRORS:
        return TestResult("error", failures.first_line(message))
    if kind in _NODE_FAILURES:
        cause = _CAUSE.search(text)
        return failures.failed(failures.parts(cause["text"])[0] if cause else "", message)
    if re.fullmatch(r"[\w.$]*[A-Z][\w$]*", kind):
        return failures.failed(kind, message or text)
    if not message and (named := _of_stack(text)):
        return failures.failed(named, text)
    stated = message or text
    if stated.startswith("assert "):
        # pytest leaves the class out where it explains a comparison.
        return failures.failed("AssertionError", stated)
    if re.match(r"thread '[^']*'(?: \(\d+\))? panicked at ", stated):
        return failures.failed("panic", stated)
    result = failures.raised(stated)
    return TestResult("error", result.message) if child.tag == "error" and result.status == "failed" else result


def _of_stack(text: str) -> str:
    """The class before a message that mocha writes twice: alone, and at the head of the stack."""
    first = re.escape(failures.first_line(text)[:100])
    names = re.findall(rf"^([A-Z][\w$]*)(?: \[\w+\])?: {first}", text, re.MULTILINE)
    return names[-1] if names else ""
