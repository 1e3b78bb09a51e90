"""What the judges of several roles ask of a run: whether the head moved, and whether tests got weaker."""

from __future__ import annotations

from dataclasses import replace

from pressplay.domain.entries import Result
from pressplay.domain.entries import Run as RunEntry
from pressplay.gates import only_tests, tests
from pressplay.github import comparison, pulls
from pressplay.github.calls import Client
from pressplay.github.files import Files
from pressplay.steps.core.context import Context
from pressplay.steps.runs.run import Run


def moved(_context: Context, gh: Client, run: Run, entry: RunEntry) -> Result:
    """`done` where the head moved since the run began, else `nothing`."""
    head = pulls.pull(gh, run.subject.repo, run.number).head_sha
    return Result(outcome="done" if head != entry.head else "nothing", new_head=head)


def not_weaker(gh: Client, run: Run, entry: RunEntry, result: Result) -> Result:
    """The result of a run that moved the head, unless it took something from the tests: `refused` then."""
    repo, before, after = run.subject.repo, entry.head or "", result.new_head or ""
    compared = comparison.difference(gh, repo, before, after)
    if any(path.startswith(only_tests.ACCEPTANCE) for file in compared.files for path in (file.path, file.before)):
        return replace(result, outcome="refused", reason="it changed a plan of probes, and those are QA's")
    weaker = tests.weakened(compared, Files(gh, repo, before).text, Files(gh, repo, after).text)
    return replace(result, outcome="refused", reason=f"it weakened tests: {weaker}") if weaker else result
