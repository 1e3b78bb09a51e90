"""One run of an agent: prepared (limits, ledger, context, CodeRun) and collected (what GitHub holds afterwards).

`prepare` outputs state: `go`, `paused` (wait for `pressplay continue`), or `over` (an outcome stands in the ledger).
`collect` outputs outcome: `done`; for the role test `pass` or `changes`; `nothing` (asked for changes, none made);
`failed`, `timeout`, `parked` (a limit was reached). Status 1 asks for one more attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import Entry, Ledger
from pressplay.cluster.ledger import Subject as LedgerSubject
from pressplay.errors import InputError, PressPlayError, TryAgain
from pressplay.github import contents, pulls, refs, reviews
from pressplay.github.calls import Client
from pressplay.steps import folder
from pressplay.steps.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.told import Told, coderun, packed

IMPLEMENT, LINT, TEST, FIX = "implement", "lint", "test", "fix"
ROLES = (IMPLEMENT, LINT, TEST, FIX)
PASS_MARK = "press-play: pass"  # noqa: S105 - a marker in a review, not a password

_FINISHED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class _Run:
    """A run with its key (R1), as the step's inputs name it."""

    subject: Subject
    agent_id: str
    role: str
    round: int
    head: str
    attempt: int
    workflow: str

    @staticmethod
    def of(inputs: Inputs, context: Context) -> _Run:
        role = inputs["role"]
        if role not in ROLES:
            raise InputError(f"parameter role: expected one of {', '.join(ROLES)}, got {role!r}")
        return _Run(
            subject=Subject.of(inputs, context),
            agent_id=context.settings.agent(inputs["github-app"])[0],
            role=role,
            round=number(inputs, "round") or 1,
            head=names.checked(inputs["head"], "head") if inputs.get("head") else "",
            attempt=number(inputs, "attempt") or 0,
            workflow=names.checked(inputs["workflow"], "workflow") if inputs.get("workflow") else "",
        )

    @property
    def kind(self) -> LedgerSubject:
        return "task" if self.role == IMPLEMENT else "pr"

    @property
    def number(self) -> int:
        found = self.subject.task if self.kind == "task" else self.subject.pr
        if found is None:
            raise InputError(f"role {self.role}: expected the parameter {self.kind}")
        return found

    @property
    def worked_on(self) -> int:
        """The integer that is the CodeRun's taskId: the task's, or for a pull request of no task its own."""
        return self.subject.task or names.pull_request_number(self.number)

    def name(self, attempt: int) -> str:
        cause = IMPLEMENT if self.role == IMPLEMENT else f"{self.head}+{self.round}"
        docs = self.subject.settings.docs_project_directory or ""
        who = (self.subject.repo, self.kind, str(self.number), self.subject.tag, docs, self.agent_id)
        return names.run_name((*who, cause, str(attempt), str(self.subject.attempt_of_person)))


def prepare(inputs: Inputs, context: Context) -> Outputs:
    """Everything before the agent starts; kills anywhere in it are mended by running it again."""
    run = _Run.of(inputs, context)
    name = run.name(run.attempt)
    ledger = context.ledger(run.subject.repo)
    entries = ledger.entries(run.kind, run.number)
    entry = entries.get(name)
    if entry is not None and "outcome" in entry:
        return {"state": "over", "manifest": "none", "run": name}
    if entry is None:
        # A run that stands in the ledger already has passed the limits and may have started.
        if inputs.get("woken") != "true" and context.paused(run.subject.repo):
            context.say(f"{name}: paused; waits for pressplay continue")
            return {"state": "paused", "manifest": "none", "run": name}
        reason = _limit_reached(context, run, ledger, entries)
        if reason:
            context.say(f"{name}: parked: {reason}")
            parked = {
                "role": run.role,
                "agent": run.agent_id,
                "round": run.round,
                "attempt": run.attempt,
                "try": run.subject.attempt_of_person,
                "ended": int(context.clock.now()),
                "outcome": "parked",
                "reason": reason,
            }
            ledger.record(run.kind, run.number, name, parked)
            return {"state": "over", "manifest": "none", "run": name}
    told, entry = _told(context, run, name, entry)
    ledger.record(run.kind, run.number, name, entry)
    for span in _spans(context, run):
        ledger.count(span, name)
    return {"state": "go", "manifest": packed(coderun(context, run.subject, told)), "run": name}


def _told(context: Context, run: _Run, name: str, entry: Entry | None) -> tuple[Told, Entry]:
    subject = run.subject
    agent_id, agent = context.settings.agent(run.agent_id)
    gh = context.harness(subject.repo, contents="write", pull_requests="read")
    base = subject.settings.default_branch or contents.default_branch(gh, subject.repo)
    branch, head = names.task_branch(run.worked_on), run.head
    if run.role == IMPLEMENT:
        head = head or refs.head(gh, subject.repo, base)
    else:
        branch = pulls.pull(gh, subject.repo, run.number).head_ref
    told = Told(
        name, agent_id, agent, run.role, run.worked_on, branch, base, head, run.round, run.attempt, run.workflow
    )
    files = folder.files(gh, subject, told)
    folder.commit(gh, subject, told, files)
    if entry is None:
        entry = {
            "role": run.role,
            "agent": agent_id,
            "round": run.round,
            "attempt": run.attempt,
            "try": subject.attempt_of_person,
            "head": head,
            "started": int(context.clock.now()),
            "play": subject.play,
            "newest_review": _newest_review(context, gh, run) if run.role == TEST else 0,
        }
    return told, entry


def _newest_review(context: Context, gh: Client, run: _Run) -> int:
    return max((review.id for review in _reviews_by(context, gh, run)), default=0)


def _reviews_by(context: Context, gh: Client, run: _Run) -> list[reviews.Review]:
    login = context.github.login(context.settings.agent(run.agent_id)[1].github_app)
    return [review for review in reviews.reviews(gh, run.subject.repo, run.number) if review.author == login]


def _spans(context: Context, run: _Run) -> list[str]:
    day = datetime.fromtimestamp(context.clock.now(), UTC).date().isoformat()
    return [day, *([run.subject.play] if run.subject.play else [])]


def _limit_reached(context: Context, run: _Run, ledger: Ledger, entries: dict[str, Entry]) -> str:
    """The reason why no further run may start (R4), or nothing."""
    limits = context.settings.limits
    started = sum(1 for entry in entries.values() if "started" in entry)
    most = limits.runs_per_task if run.kind == "task" else limits.runs_per_pull_request
    day, *play = _spans(context, run)
    everywhere = sum(context.ledger(repo).tally(day) for repo in context.settings.repositories)
    if run.role == FIX and run.round >= limits.rounds:
        return f"{limits.rounds} rounds and QA still wants changes (limits.rounds)"
    if started >= most:
        return f"{started} runs for this {'task' if run.kind == 'task' else 'pull request'} (limits.runsPer…)"
    if ledger.tally(day) >= limits.runs_per_repository_and_day:
        return f"{limits.runs_per_repository_and_day} runs of this repository today (limits.runsPerRepositoryAndDay)"
    if play and ledger.tally(play[0]) >= limits.runs_per_play:
        return f"{limits.runs_per_play} runs in this play (limits.runsPerPlay)"
    if everywhere >= limits.runs_per_day:
        return f"{limits.runs_per_day} runs of the whole installation today (limits.runsPerDay)"
    return ""


class _AnotherAttempt(PressPlayError):
    """The attempt failed and there is another one to be had: status 1, which Argo's retry strategy answers."""


def collect(inputs: Inputs, context: Context) -> Outputs:
    """What came of the run, by what GitHub holds; recorded in the ledger. `Succeeded` alone means nothing."""
    run = _Run.of(inputs, context)
    name = run.name(run.attempt)
    ledger = context.ledger(run.subject.repo)
    entry = ledger.entries(run.kind, run.number).get(name)
    if entry is None:
        raise TryAgain(f"run {name}: nothing in the ledger; was it prepared?")
    if "outcome" not in entry:
        entry = {**entry, **_outcome(context, run, name, entry), "ended": int(context.clock.now())}
        ledger.record(run.kind, run.number, name, entry)
        if run.kind == "task" and entry.get("pr"):
            ledger.record("task", run.number, "pr", {"pr": entry["pr"]})
            ledger.record("pr", entry["pr"], "task", {"task": run.number, "tag": run.subject.tag})
    outcome = entry["outcome"]
    context.say(f"{name} ({run.agent_id}, attempt {run.attempt}): {outcome}")
    if outcome == "failed" and entry.get("again") and run.attempt + 1 < context.settings.limits.attempts:
        raise _AnotherAttempt(f"run {name}: {entry['reason']}; another attempt follows")
    pr = entry.get("pr") or run.subject.pr
    return {
        "outcome": outcome,
        "run": name,
        "pr": str(pr or "none"),
        "head": entry.get("new_head") or run.head or "none",
        "link": f"{context.settings.github.web_url}/{run.subject.repo}/pull/{pr}" if pr else "none",
    }


def _outcome(context: Context, run: _Run, name: str, entry: Entry) -> Entry:
    namespace = context.settings.controller_namespace
    found = context.cluster.get("CodeRun", namespace, name)
    status = (found or {}).get("status") or {}
    if status.get("phase") not in _FINISHED:
        if found is None:
            return {
                "outcome": "failed",
                "reason": f"the CodeRun could not be created: {_why_not_created(context, run)}",
            }
        context.cluster.delete("CodeRun", namespace, name)
        return {"outcome": "timeout", "reason": f"not finished within {context.settings.limits.run_minutes} minutes"}
    if status["phase"] == "Failed":
        return {"outcome": "failed", "reason": "the agent's run failed", "again": True}
    gh = context.harness(run.subject.repo, contents="read", pull_requests="read")
    if run.role == IMPLEMENT:
        pull = pulls.find_pull(gh, run.subject.repo, names.task_branch(run.number))
        if pull is None or (pull.state == "closed" and not pull.merged):
            return {"outcome": "failed", "reason": "the run succeeded but no pull request is open", "again": True}
        return {"outcome": "done", "pr": pull.number, "new_head": pull.head_sha}
    pull = pulls.pull(gh, run.subject.repo, run.number)
    if run.role == LINT:
        return {"outcome": "done", "new_head": pull.head_sha}
    if run.role == FIX:
        moved = pull.head_sha != entry["head"]
        return {"outcome": "done" if moved else "nothing", "new_head": pull.head_sha}
    return _verdict(context, gh, run, entry, pull)


def _why_not_created(context: Context, run: _Run) -> str:
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


def _verdict(context: Context, gh: Client, run: _Run, entry: Entry, pull: pulls.Pull) -> Entry:
    """QA's verdict: its App's newest review on the head, later than the run's start."""
    own = [
        review
        for review in _reviews_by(context, gh, run)
        if review.id > entry["newest_review"] and review.commit_id == pull.head_sha
    ]
    newest = max(own, key=lambda review: review.id, default=None)
    if newest is not None and newest.state == "CHANGES_REQUESTED":
        return {"outcome": "changes", "new_head": pull.head_sha, "review": newest.id}
    if newest is not None and newest.state == "COMMENTED" and newest.body.strip().startswith(PASS_MARK):
        return {"outcome": "pass", "new_head": pull.head_sha, "review": newest.id}
    return {"outcome": "failed", "reason": "QA left no verdict on the head commit", "again": True}
