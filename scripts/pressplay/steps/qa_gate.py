"""What the harness asks of QA's work before it counts: tests alone were changed, and there is a plan to prove it by.

QA's commits stay on the branch; where they are refused, QA is told why and runs once more in the same round.
"""

from __future__ import annotations

from collections.abc import Mapping

from pressplay import names
from pressplay.cluster.ledger import Entry
from pressplay.errors import InputError
from pressplay.gates.acceptance import plan
from pressplay.gates.only_tests import Paths, only_tests, reason
from pressplay.github import comparison, contents, pulls, pushes
from pressplay.github.calls import Client, Refused
from pressplay.github.files import Files
from pressplay.steps import gates
from pressplay.steps.context import Context, Inputs, Outputs, Subject
from pressplay.steps.gates import Verdict
from pressplay.steps.run import LINT, TEST
from pressplay.validation.markdown import code, fenced

_SHOWN = 50
"""Paths that the check names."""


def gate(inputs: Inputs, context: Context) -> Outputs:
    """The verdict on what QA left at `head`: outcome `pass`, `fail`, `error` or `superseded`."""
    subject = Subject.of(inputs, context)
    pr, head = subject.pull, names.checked(inputs["head"], "head")
    entries = context.ledger(subject.repo).entries("pr", pr)
    gh = context.harness(subject.repo, contents="read")
    verdict = _paths(context, subject, began_at(entries, subject, head), head)
    passed = any(run.get("outcome") == "pass" and run.get("new_head") == head for run in _runs(entries, subject, TEST))
    if verdict.outcome == "pass" and passed and subject.settings.deploy.mode != "none":
        verdict = _plan(gh, subject, head) or verdict
    outcome = gates.post(context, subject, gates.TEST_ONLY, head, verdict)
    context.say(f"pull request {pr}: {gates.check_name(gates.TEST_ONLY)}: {outcome}")
    return {"outcome": outcome}


def began_at(entries: Mapping[str, Entry], subject: Subject, head: str) -> str:
    """The commit at which QA began with what it left at `head`.

    Its earlier runs count in, as far as the gate did not pass what they left: also a run that failed may have pushed,
    and what a later run undid of that is as if it had never been. Clippy may have formatted it meanwhile.
    """
    tests, lints = _runs(entries, subject, TEST), _runs(entries, subject, LINT)

    def left(at: str) -> Entry | None:
        """The run of QA's that moved the head to `at`, where the gate has not passed that."""
        if at != head and gates.has_passed(entries, gates.TEST_ONLY, at):
            return None
        return next((run for run in tests if run.get("new_head") == at != run["head"]), None)

    begin, seen = head, set[str]()
    while begin not in seen:
        seen.add(begin)
        run = left(begin) or next(
            (r for r in lints if r.get("new_head") == begin != r["head"] and left(r["head"])), None
        )
        begin = run["head"] if run else begin
    return begin


def _runs(entries: Mapping[str, Entry], subject: Subject, role: str) -> list[Entry]:
    """The runs of a role in this try, the newest first."""
    own = [
        entry
        for entry in entries.values()
        if entry.get("role") == role and entry.get("try") == subject.attempt_of_person and "started" in entry
    ]
    return sorted(own, key=lambda run: (run["started"], run["attempt"]), reverse=True)


def _paths(context: Context, subject: Subject, before: str, head: str) -> Verdict:
    if before == head:
        return Verdict("pass", "QA changed nothing", "QA left the code as it was")
    gh = context.harness(subject.repo, contents="read")
    compared = comparison.difference(gh, subject.repo, before, head)
    paths = Paths(subject.settings.test_paths.model_dump())
    found = only_tests(compared, paths, Files(gh, subject.repo, before), Files(gh, subject.repo, head))
    if found and compared.whole:
        pushed = _pushed_by_qa(context, subject, before, head)
        found = [one for one in found if pushed is None or one.path in pushed]
    if not found:
        return Verdict("pass", "QA changed tests alone", "QA changed tests and the plan of probes, and nothing else")
    listed = "\n".join(f"- {code(one.path)}" for one in found[:_SHOWN] if one.path)
    return Verdict(
        "fail",
        "QA changed more than tests",
        f"QA may change tests alone (R6), and changed {reason(found)}",
        f"Not of the tests, since `{before}`:\n\n{listed}",
    )


def _pushed_by_qa(context: Context, subject: Subject, before: str, head: str) -> set[str] | None:
    """The paths that QA's own pushes touched; None where that can't be told, so that all that changed counts as QA's.

    Somebody else may have pushed meanwhile. Who did, GitHub knows: the author that a commit names is anybody's choice.
    """
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    branch = pulls.pull(gh, subject.repo, subject.pull).head_ref
    try:
        moves = pushes.between(gh, subject.repo, branch, before, head)
    except Refused:
        # An old GitHub Enterprise Server keeps no such record.
        return None
    if moves is None:
        return None
    login = names.bot(context.settings.agent("qa")[1].github_app)
    touched = set[str]()
    for move in moves:
        # Of an account that is gone nobody can say that it was another.
        if move.login.lower() not in (login, ""):
            continue
        compared = comparison.compare(gh, subject.repo, move.before, move.after)
        if not compared.whole or compared.merge_base != move.before:
            # A forced push may undo what others did, which no comparison shows.
            return None
        touched |= {path for changed in compared.files for path in (changed.path, changed.before)}
    return touched


def _plan(gh: Client, subject: Subject, head: str) -> Verdict | None:
    """What is wrong with the plan of probes at the head; None where nothing is."""
    where = names.acceptance_plan(worked_on(subject))
    try:
        found = contents.read_file(gh, subject.repo, where, head)
        if found is None:
            return Verdict("fail", "No plan of probes", f"QA passed it without a plan of probes at {where}")
        plan.read(found, where)
    except Refused:
        raise
    except InputError as error:
        # Its text quotes what QA wrote.
        return Verdict(
            "fail",
            "The plan of probes is wrong",
            f"the plan of probes at {where} is not one that proves anything",
            fenced(str(error)),
        )
    return None


def worked_on(subject: Subject) -> int:
    """The integer that the plan is named for: the task's, or for a pull request of no task its own."""
    return subject.task or names.pull_request_number(subject.pull)
