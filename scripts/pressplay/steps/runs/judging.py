"""What the judges of several roles ask of a run: whether the head moved, and whether tests got weaker."""

from __future__ import annotations

from pressplay.cluster.ledger import Entry
from pressplay.gates import only_tests, tests
from pressplay.github import comparison, pulls
from pressplay.github.calls import Client
from pressplay.github.files import Files
from pressplay.steps.core.context import Context
from pressplay.steps.runs.run import Run


def moved(_context: Context, gh: Client, run: Run, entry: Entry) -> Entry:
    """`done` where the head moved since the run began, else `nothing`."""
    head = pulls.pull(gh, run.subject.repo, run.number).head_sha
    return {"outcome": "done" if head != entry["head"] else "nothing", "new_head": head}


def not_weaker(gh: Client, run: Run, entry: Entry, outcome: Entry) -> Entry:
    """The outcome of a run that moved the head, unless it took something from the tests: `refused` then."""
    repo = run.subject.repo
    compared = comparison.difference(gh, repo, entry["head"], outcome["new_head"])
    if any(path.startswith(only_tests.ACCEPTANCE) for file in compared.files for path in (file.path, file.before)):
        return {**outcome, "outcome": "refused", "reason": "it changed a plan of probes, and those are QA's"}
    weaker = tests.weakened(compared, Files(gh, repo, entry["head"]).text, Files(gh, repo, outcome["new_head"]).text)
    return {**outcome, "outcome": "refused", "reason": f"it weakened tests: {weaker}"} if weaker else outcome
