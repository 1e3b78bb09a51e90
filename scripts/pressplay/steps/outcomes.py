"""What came of a run, judged by what GitHub holds: `Succeeded` alone means nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pressplay.cluster import waits
from pressplay.cluster.ledger import Entry
from pressplay.gates import only_tests, tests
from pressplay.github import comparison, pulls, reviews
from pressplay.github.calls import Client
from pressplay.github.files import Files
from pressplay.steps import documents_pull, gates, issue_texts, landing
from pressplay.steps import run as roles
from pressplay.steps.answers import Answers
from pressplay.steps.context import Context
from pressplay.steps.run import Run

PASS_MARK = "press-play: pass"  # noqa: S105 - a marker in a review, not a password
READ = {"contents": "read", "pull_requests": "read"}


def of(context: Context, run: Run, entry: Entry) -> Entry:
    """What the ledger's entry of an ended (or never created) run gains: outcome, reason, new_head, pr, again."""
    namespace = context.settings.controller_namespace
    found = context.cluster.get(run.resource, namespace, run.name)
    status = (found or {}).get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        if found is None:
            why = _why_not_created(context, run)
            return {"outcome": "failed", "reason": f"the {run.resource} could not be created: {why}"}
        roles.take_away(context, run.subject.repo, run.resource, run.name)
        reason = f"not finished within {context.settings.limits.run_minutes} minutes"
        return {"outcome": "timeout", "reason": reason, **_left(context, run)}
    if status["phase"] == "Failed":
        return {"outcome": "failed", "reason": "the agent's run failed", "again": True, **_left(context, run)}
    gh = context.harness(run.subject.repo, **READ)
    return _JUDGES[run.role](context, gh, run, entry)


def _left(context: Context, run: Run) -> Entry:
    """What a run that failed may have pushed all the same: QA's gate must know."""
    if run.role != roles.TEST:
        return {}
    return {"new_head": pulls.pull(context.harness(run.subject.repo, **READ), run.subject.repo, run.number).head_sha}


def reviews_by(context: Context, gh: Client, run: Run) -> list[reviews.Review]:
    """The reviews of the run's pull request by the run's agent."""
    login = context.github.login(context.settings.agent(run.agent_id)[1].github_app)
    return [review for review in reviews.reviews(gh, run.subject.repo, run.number) if review.author == login]


def _why_not_created(context: Context, run: Run) -> str:
    """What the API server said of the CodeRun, as the node that applied it tells."""
    workflow = context.cluster.get("Workflow", context.settings.namespace, run.workflow) if run.workflow else None
    said = [
        str(node["message"])
        for node in (waits.nodes(workflow) if workflow else {}).values()
        if str(node.get("displayName", "")).startswith("apply(")
        and node.get("phase") in waits.FINISHED
        and node.get("message")
    ]
    return said[-1] if said else "its node's message says why"


def _implemented(context: Context, gh: Client, run: Run, _entry: Entry) -> Entry:
    pull = landing.pull_of(context, gh, run.subject)
    if pull is None or (pull.state == "closed" and not pull.merged):
        return {"outcome": "failed", "reason": "the run succeeded but no pull request is open", "again": True}
    return {"outcome": "done", "pr": pull.number, "new_head": pull.head_sha}


def _tasked(context: Context, _gh: Client, run: Run, _entry: Entry) -> Entry:
    """What the Issue agent left on the issue in this try: a task, or questions."""
    begun = context.ledger(run.subject.repo).entries("task", run.number).get(landing.BEGUN) or {}
    said = issue_texts.by_agent(context, run.subject.repo, run.number, after=begun.get("comment", 0))
    if said is None:
        return {"outcome": "failed", "reason": "the Issue agent left neither a task nor questions", "again": True}
    if said.is_task:
        return {"outcome": "done", "comment": said.comment}
    return {"outcome": "nothing", "reason": "the Issue agent asks something first", "comment": said.comment}


def _linted(context: Context, gh: Client, run: Run, entry: Entry) -> Entry:
    """Formatting may leave all as it is, unless the lint gate refused just that; the tests stay as strong (R6)."""
    moved = _moved(context, gh, run, entry)
    if moved["outcome"] == "done":
        return _not_weaker(gh, run, entry, moved)
    refused = gates.verdict_on(context.ledger(run.subject.repo).entries("pr", run.number), gates.LINT, entry["head"])
    if refused is not None and refused["outcome"] == "fail":
        return {**moved, "reason": "it changed nothing, though the lint gate fails"}
    return {**moved, "outcome": "done"}


def _moved(_context: Context, gh: Client, run: Run, entry: Entry) -> Entry:
    head = pulls.pull(gh, run.subject.repo, run.number).head_sha
    return {"outcome": "done" if head != entry["head"] else "nothing", "new_head": head}


def _answered(context: Context, gh: Client, run: Run, entry: Entry) -> Entry:
    """Comments are answered by commits (`done`), or in words alone (`nothing` was changed); by neither they are not."""
    moved = _moved(context, gh, run, entry)
    if moved["outcome"] == "done" or Answers.of(context, gh, run.subject.repo, run.number, entry):
        return moved
    return {**moved, "outcome": "parked", "reason": "it changed nothing and answered nothing, though reviewers ask"}


def _repaired(context: Context, gh: Client, run: Run, entry: Entry) -> Entry:
    """A failing check is answered by commits that leave the tests as strong as they were (R6)."""
    moved = _moved(context, gh, run, entry)
    if moved["outcome"] == "nothing":
        return {**moved, "outcome": "parked", "reason": "it changed nothing, though a check fails"}
    return _not_weaker(gh, run, entry, moved)


def _not_weaker(gh: Client, run: Run, entry: Entry, moved: Entry) -> Entry:
    """The outcome of a run that moved the head, unless it took something from the tests: `refused` then."""
    repo = run.subject.repo
    compared = comparison.difference(gh, repo, entry["head"], moved["new_head"])
    if any(path.startswith(only_tests.ACCEPTANCE) for one in compared.files for path in (one.path, one.before)):
        return {**moved, "outcome": "refused", "reason": "it changed a plan of probes, and those are QA's"}
    weaker = tests.weakened(compared, Files(gh, repo, entry["head"]).text, Files(gh, repo, moved["new_head"]).text)
    return {**moved, "outcome": "refused", "reason": f"it weakened tests: {weaker}"} if weaker else moved


def _verdict(context: Context, gh: Client, run: Run, entry: Entry) -> Entry:
    """QA's verdict: its App's newest review on the head, later than the run's start."""
    head = pulls.pull(gh, run.subject.repo, run.number).head_sha
    later = [r for r in reviews_by(context, gh, run) if r.id > entry["newest_review"] and r.commit_id == head]
    # A comment on a line, or a reply, makes an empty review of its own at GitHub: those are no verdicts.
    own = [r for r in later if r.state == "CHANGES_REQUESTED" or r.body.strip().startswith(PASS_MARK)]
    newest = max(own, key=lambda review: review.id, default=None)
    if newest is not None and newest.state == "CHANGES_REQUESTED":
        return {"outcome": "changes", "new_head": head, "review": newest.id}
    if newest is not None and newest.state == "COMMENTED":
        return {"outcome": "pass", "new_head": head, "review": newest.id}
    return {"outcome": "failed", "reason": "QA left no verdict on the head commit", "again": True, "new_head": head}


_Judge = Callable[[Context, Client, Run, Entry], Entry]
_JUDGES: Mapping[str, _Judge] = {
    roles.IMPLEMENT: _implemented,
    roles.ISSUE: _tasked,
    roles.LINT: _linted,
    roles.TEST: _verdict,
    roles.FIX: _moved,
    roles.COMMENTS: _answered,
    roles.TRIAGE: _repaired,
    roles.PLAN: documents_pull.judged,
}
