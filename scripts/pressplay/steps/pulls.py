"""A pull request's review: where it stands, and how it is concluded.

Until the acceptance gate exists, the check and the approval follow QA's review alone; both say so.
"""

from __future__ import annotations

from typing import Any

from pressplay.cluster.ledger import Entry
from pressplay.errors import InputError
from pressplay.github import checks, issues, pulls, reviews
from pressplay.steps import runs
from pressplay.steps.context import Context, Inputs, Outputs, Subject
from pressplay.steps.tasks import ACCEPTANCE_CHECK

PARKED_LABEL = "press-play/parked"
_NO_GATE = "QA's review alone stands behind this: the acceptance gate does not exist yet."


def _pr(subject: Subject) -> int:
    if subject.pr is None:
        raise InputError("parameter pr: expected a pull request's number")
    return subject.pr


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where the pull request stands: `review` with head and round, or `approved`, `merged`, `closed`, `refused`."""
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, pull_requests="read", checks="read")
    pull = pulls.pull(gh, subject.repo, _pr(subject))
    state = "review"
    if pull.merged:
        state = "merged"
    elif pull.state == "closed":
        state = "closed"
    elif pull.fork:
        # A fork's code gets no agent and no secret (R8).
        state = "refused"
    elif checks.conclusion(gh, subject.repo, pull.head_sha, ACCEPTANCE_CHECK) == "success":
        state = "approved"
    entries = context.ledger(subject.repo).entries("pr", _pr(subject))
    return {"state": state, "head": pull.head_sha, "round": str(_next_round(entries, subject))}


def _next_round(entries: dict[str, Entry], subject: Subject) -> int:
    """The round to go on with: after the last one of this try that ended in a fix, else the last one itself."""
    own = [entry for entry in entries.values() if entry.get("try") == subject.attempt_of_person and "round" in entry]
    last = max((entry["round"] for entry in own), default=1)
    fixed = any(e["round"] == last and e["role"] == runs.FIX and e.get("outcome") == "done" for e in own)
    return last + 1 if fixed else last


def conclude(inputs: Inputs, context: Context) -> Outputs:
    """Post check and approval where QA passed the head commit; park with the reason where it did not.

    The head is read again first: what QA passed must be the head still, or the review is superseded.
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, pull_requests="write", checks="write", issues="write")
    pull = pulls.pull(gh, subject.repo, _pr(subject))
    link = f"{context.settings.github.web_url}/{subject.repo}/pull/{pull.number}"
    if pull.merged or pull.state == "closed":
        return {"outcome": "merged" if pull.merged else "closed", "link": link, "head": pull.head_sha}
    ledger = context.ledger(subject.repo)
    entries = ledger.entries("pr", pull.number)
    if any(e.get("outcome") == "pass" and e.get("new_head") == pull.head_sha for e in entries.values()):
        approve(context, subject, pull, link)
        return {"outcome": "approved", "link": link, "head": pull.head_sha}
    reason = _why_not(entries, subject, pull)
    checks.set_check(
        gh,
        subject.repo,
        ACCEPTANCE_CHECK,
        pull.head_sha,
        conclusion="action_required",
        title="Parked for a person",
        summary=reason,
        details_url=link,
        external_id=pull.head_sha,
    )
    issues.add_labels(gh, subject.repo, pull.number, [PARKED_LABEL])
    issues.comment(
        gh,
        subject.repo,
        pull.number,
        f"Press Play parked this pull request: {reason}.\n\nCommit `{pull.head_sha}`. A person goes on from here: "
        "push a commit or remove the label, and press play again.",
        marker=f"parked-{pull.head_sha}-{subject.attempt_of_person}",
    )
    ledger.record("pr", pull.number, f"parked-{subject.attempt_of_person}", _parked(context, subject, reason))
    return {"outcome": "parked", "link": link, "head": pull.head_sha}


def _parked(context: Context, subject: Subject, reason: str) -> dict[str, Any]:
    return {"reason": reason, "ended": int(context.clock.now()), "try": subject.attempt_of_person}


def _why_not(entries: dict[str, Entry], subject: Subject, pull: pulls.Pull) -> str:
    own = [e for e in entries.values() if e.get("try") == subject.attempt_of_person or e.get("outcome") == "parked"]
    last = max(own, key=_recent, default=None)
    if last is None:
        return "no agent has looked at it"
    if last.get("reason"):
        return f"{last.get('agent', 'harness')}: {last['reason']}"
    if last.get("outcome") == "nothing":
        return f"round {last['round']} changed nothing though QA wants changes"
    if last.get("new_head") not in (None, pull.head_sha):
        return "the head moved after QA looked at it"
    return f"{last.get('agent', 'an agent')} ended with {last.get('outcome', 'no outcome')}"


def _recent(entry: Entry) -> tuple[int, int, bool, int]:
    """Later is greater; a parking follows what it parks, also within the same second."""
    parked = entry.get("outcome") == "parked"
    return entry.get("round", 0), entry.get("ended", 0), parked, entry.get("attempt", 0)


def approve(context: Context, subject: Subject, pull: pulls.Pull, link: str) -> None:
    """Set the check as the harness's App and post QA's approving review as QA's App, both naming the commit."""
    gh = context.harness(subject.repo, checks="write", pull_requests="read", issues="write")
    checks.set_check(
        gh,
        subject.repo,
        ACCEPTANCE_CHECK,
        pull.head_sha,
        conclusion="success",
        title="QA passed this commit",
        summary=f"Commit {pull.head_sha}. {_NO_GATE}",
        details_url=link,
        external_id=pull.head_sha,
    )
    issues.remove_label(gh, subject.repo, pull.number, PARKED_LABEL)
    qa = context.settings.agent("qa")[1].github_app
    as_qa = context.github.installation(qa, subject.repo, {"pull_requests": "write"})
    login = context.github.login(qa)
    posted = reviews.reviews(as_qa, subject.repo, pull.number)
    if not any(r.author == login and r.state == "APPROVED" and r.commit_id == pull.head_sha for r in posted):
        body = f"Approved for commit `{pull.head_sha}`. {_NO_GATE}"
        reviews.post_review(as_qa, subject.repo, pull.number, pull.head_sha, "APPROVE", body)
