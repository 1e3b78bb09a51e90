"""What each test did, from what its runner reports (`model.ReportKind`).

A report is a stranger's text (R7): bounded, never trusted for more than the run that wrote it. An id is the same on
every variant: no absolute path, no line number, no time is in it. Of several results of one id the worst counts.
"""

from __future__ import annotations

from collections.abc import Mapping

from pressplay.errors import PressPlayError
from pressplay.gates.proving import report_json, report_junit, report_text
from pressplay.gates.proving.failures import raised, unbuilt
from pressplay.gates.proving.model import Project, ReportKind, TestResult, TestRun
from pressplay.gates.proving.results import MOST, WHOLE, Malformed, Results
from pressplay.validation.details import ending

LARGEST = 10 * 1024 * 1024
"""Bytes of a report, or characters of an output, that are read."""


class UnreadableReport(PressPlayError):
    """The report is not what its kind says: why, in words of ours."""


class AbsentReport(UnreadableReport):
    """There is no report at all."""


def run(project: Project, report: bytes | None, output: str, exit_status: int, seconds: float) -> TestRun:
    """One run of a project's tests; its `problem` is `report` or `build` where it has no results for that reason."""
    log = ending(output)
    try:
        tests = read(project.report, report, output, exit_status, project.folder)
    except UnreadableReport as error:
        return TestRun({}, exit_status, "report", f"{error}\n{log}", seconds)
    built = bool(tests) or exit_status == 0 or not report_text.compiler_failed(output)
    return TestRun(tests, exit_status, "" if built else "build", log, seconds)


def read(
    kind: ReportKind, report: bytes | None, output: str, exit_status: int, folder: str
) -> Mapping[str, TestResult]:
    """The result of each test by its id; `folder` is the project's, '' for the root.

    Raises AbsentReport where the file that `kind` demands is not there, UnreadableReport where it, or the output, is
    not what `kind` says. A program that did not compile has no results, which is no fault of the report.
    """
    results = Results(folder)
    try:
        if kind in ("junit", "jest-json"):
            if not report:
                raise AbsentReport(f"expected a {kind} report at $REPORT, got no file; let the test command write it")
            if len(report) > LARGEST:
                raise Malformed(f"a {kind} report of at most {LARGEST} bytes", f"{len(report)} bytes")
            (report_junit if kind == "junit" else report_json).read(report, output, results)
        elif len(output) > LARGEST:
            raise Malformed(f"an output of at most {LARGEST} characters", f"{len(output)} characters")
        elif kind == "go-json":
            report_json.read_go(output, results)
        elif kind == "exit":
            results.add((WHOLE,), _by_exit(output, exit_status))
        else:
            {"unittest": report_text.unittest, "libtest": report_text.libtest, "tap": report_text.tap}[kind](
                output, results
            )
        if not results.recognized and (exit_status == 0 or not report_text.compiler_failed(output)):
            raise Malformed(f"an output of the kind {kind}", "one that names no test")
    except Malformed as error:
        raise UnreadableReport(f"{error}; name the runner's kind of report") from None
    return results.tests


def _by_exit(output: str, exit_status: int) -> TestResult:
    """All tests together, by the command's exit status; its output says what they failed of."""
    if exit_status == 0:
        return TestResult("passed")
    if report_text.compiler_failed(output):
        return unbuilt("it did not compile")
    last = next((line for line in reversed(output.splitlines()) if _names_exception(line)), "")
    return raised(last) if last else unbuilt("")


def _names_exception(line: str) -> bool:
    word = line.partition(":")[0].strip()
    return word.isidentifier() and word.endswith(("Error", "Exception"))


__all__ = ["LARGEST", "MOST", "WHOLE", "AbsentReport", "UnreadableReport", "read", "run"]
