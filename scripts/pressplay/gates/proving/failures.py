"""What a failed test failed of: an assertion or the tested code, or a name that is not there.

The class of the exception decides; its message only where the class says too little (`TypeError`). When in doubt a name
was missing, which proves less.
"""

from __future__ import annotations

import re

from pressplay.gates.proving.model import Status, TestResult

LONGEST = 300
"""Characters of a message that are kept."""

_NOT_THERE = frozenset(
    {
        # Python; NotImplementedError and FileNotFoundError are how a base says that it has no such thing yet.
        "ImportError", "ModuleNotFoundError", "AttributeError", "NameError", "SyntaxError", "IndentationError",
        "TabError", "NotImplementedError", "FileNotFoundError", "ExceptionGroup", "BaseExceptionGroup",
        # ECMAScript
        "ReferenceError",
        # The JVM and Ruby, whose runners write JUnit's XML too
        "NoClassDefFoundError", "ClassNotFoundException", "NoSuchMethodError", "NoSuchFieldError", "LoadError",
        "NoMethodError", "UnsupportedOperationException",
    }
)  # fmt: skip
_OF_NONE = re.compile(r"'NoneType' object has no attribute ")
"""An attribute of a value that is None: what the tested code gave, not a name that is missing."""
_OF_JSON = re.compile(r".{0,300}\bJSON\b", re.DOTALL)
"""What ECMAScript says of a text that is no JSON: what the tested code printed, not a source file."""
_TYPE_ERROR_OF_NAMES = re.compile(
    r"[\w.<>]+\(\) (?:got an unexpected keyword argument|got some positional-only|got multiple values for"
    r"|missing \d+ required|takes )"
    r"|Can't instantiate abstract class|'module' object is not callable|object\(\) takes no|[\w.]+\(\) takes no"
    r"|.{0,300} is not a (?:function|constructor)\b|Class extends value undefined"
)
_MODULE = re.compile(
    r"Cannot find (?:module|package)\b|Failed to resolve import|Failed to load |ENOENT\b"
    r"|The requested module .{0,300} does not provide an export|No \"exports\" main defined"
)
_TIME = re.compile(
    r"Timeout of \d+ ?ms exceeded|[Tt]est timed out (?:in|after) |Hook timed out in |thrown: \"Exceeded timeout of "
    r"|Exceeded timeout of |Timeout \(?>"
)
_HEAD = re.compile(r"(?P<name>[A-Za-z_$][\w$.]*)(?: \[[\w ]+\])?(?:: (?P<message>.*))?", re.DOTALL)
"""How Python and Node write an exception: `shop.OutOfStock: none left`, `AssertionError [ERR_ASSERTION]: no`."""


def failed(name: str, message: str) -> TestResult:
    """The result of a test that raised the exception `name` (qualified or not); '' for an unknown one."""
    class_ = name.rpartition(".")[2].rpartition("$")[2]
    status = _status(class_, message)
    loaded = class_ in ("AttributeError", "NameError", "TypeError", "ReferenceError", "NotImplementedError")
    unbuilt = status == "missing" and (not loaded or _MODULE.match(message) is not None)
    return TestResult(status, first_line(message) or name, unbuilt)


def unbuilt(message: str) -> TestResult:
    """The result of a test that could not be loaded or compiled."""
    return TestResult("missing", first_line(message), unbuilt=True)


def raised(text: str) -> TestResult:
    """As `failed`, from the text in which a runner says both."""
    name, message = parts(text)
    return failed(name, message)


def parts(text: str) -> tuple[str, str]:
    """The class and the message in `text`; the class is '' where it names none."""
    match = _HEAD.match(text)
    if match is None or (match["message"] is None and match.end() < len(text.strip())):
        return "", text
    if not re.search(r"(?:^|\.)_?[A-Z]", match["name"]):
        return "", text
    return match["name"], match["message"] or ""


def first_line(text: str) -> str:
    """The first line of a message that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:LONGEST]


def _status(name: str, message: str) -> Status:
    if _TIME.match(message):
        return "error"
    if name == "AttributeError" and _OF_NONE.match(message):
        return "failed"
    if name == "SyntaxError" and _OF_JSON.match(message):
        return "failed"
    if not name or name in _NOT_THERE:
        return "missing"
    if name == "TypeError" and _TYPE_ERROR_OF_NAMES.match(message):
        return "missing"
    if name in ("Error", "TypeError") and _MODULE.match(message):
        return "missing"
    return "failed"
