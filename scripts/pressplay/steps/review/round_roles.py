"""The runs of a review round: Clippy's, QA's and Rex's fixes."""

from __future__ import annotations

from dataclasses import replace

from pressplay import names
from pressplay.domain.entries import Result
from pressplay.domain.entries import Run as RunEntry
from pressplay.github import pulls, reviews
from pressplay.github.calls import Client
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.review import deploys, round_gates
from pressplay.steps.runs import contests
from pressplay.steps.runs.judging import moved
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run

PASS_MARK = "press-play: pass"  # noqa: S105 - a marker in a review, not a password


def _linted(context: Context, gh: Client, run: Run, entry: RunEntry) -> Result:
    """Formatting may leave all as it is, unless the lint gate refused just that."""
    result = moved(context, gh, run, entry)
    if result.outcome == "done":
        return result
    entries = context.ledger(run.subject.repo).entries("pr", run.number)
    verdict = verdicts.verdict_on(entries, verdicts.LINT, entry.head or "")
    if verdict is not None and verdict.outcome == "fail":
        return replace(result, reason="it changed nothing, though the lint gate fails", details=verdict.details)
    return replace(result, outcome="done")


def _verdict(context: Context, gh: Client, run: Run, entry: RunEntry) -> Result:
    """QA's verdict: its App's newest review on the head, later than the run's start."""
    head = pulls.pull(gh, run.subject.repo, run.number).head_sha
    since = entry.newest_review or 0
    later = [r for r in _reviews_by(context, gh, run) if r.id > since and r.commit_id == head]
    # A comment on a line, or a reply, makes an empty review of its own at GitHub: those are no verdicts.
    own = [r for r in later if r.state == "CHANGES_REQUESTED" or r.body.strip().startswith(PASS_MARK)]
    newest = max(own, key=lambda review: review.id, default=None)
    if newest is not None and newest.state == "CHANGES_REQUESTED":
        return Result(outcome="changes", new_head=head, review=newest.id)
    if newest is not None and newest.state == "COMMENTED":
        return Result(outcome="pass", new_head=head, review=newest.id)
    return Result(outcome="failed", reason="QA left no verdict on the head commit", again=True, new_head=head)


def _reviews_by(context: Context, gh: Client, run: Run) -> list[reviews.Review]:
    """The reviews of the run's pull request by the run's agent."""
    login = names.bot(context.settings.agent(run.agent_id)[1].github_app)
    return [review for review in reviews.reviews(gh, run.subject.repo, run.number) if review.author.lower() == login]


def _newest_review(context: Context, gh: Client, run: Run, entry: RunEntry) -> RunEntry:
    return replace(entry, newest_review=max((review.id for review in _reviews_by(context, gh, run)), default=0))


def _proving(subject: Subject) -> dict[str, str] | None:
    """How the commit will be proven; None where nothing is deployed."""
    settings, acceptance = subject.settings.deploy, subject.settings.acceptance
    if settings.mode == "none" or subject.pr is None:
        return None
    workload = settings.commit.workload
    name = workload.name.replace("{pr}", str(subject.pr))
    return {
        "plan": names.acceptance_plan(subject.work_number),
        "environment": deploys.environment(settings, subject.pr),
        "namespaces": ", ".join(f"`{name}`" for name in acceptance.namespaces) or "no namespace",
        "hosts": ", ".join(f"`{host}`" for host in acceptance.hosts) or "none",
        "workload": f"{workload.kind} `{name}` in `{workload.namespace}`" if workload.namespace else "",
    }


def _fixed(context: Context, gh: Client, run: Run, entry: RunEntry) -> Result:
    """The head moved, or the agent contests what was asked for, which QA answers in the next round."""
    result = moved(context, gh, run, entry)
    contest = contests.newest(context, gh, run, entry)
    return replace(result, outcome="done", comment=contest) if contest else result


LINT = RoleWork(judge=_linted, gates=round_gates.after_lint)
TEST = RoleWork(judge=_verdict, note=_newest_review, proving=_proving, gates=round_gates.after_test)
FIX = RoleWork(judge=_fixed)
