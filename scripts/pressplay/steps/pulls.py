"""A pull request's review: whether it may start, where it stands, and how it is concluded.

Until the acceptance gate exists, the check and the approval follow QA's review alone; both say so.
"""

from __future__ import annotations

from pressplay import names
from pressplay.cluster.ledger import Entry
from pressplay.errors import InputError
from pressplay.github import checks, pulls, reviews
from pressplay.steps import origin, parking
from pressplay.steps.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.run import ASK_ROLES, COMMENTS, FIX, ROUND_ROLES, TRIAGE, triage_key
from pressplay.steps.tasks import ACCEPTANCE_CHECK, is_approved

WHYS = ("asked", "push", *ASK_ROLES)
"""Why a pull request is worked on: a person asked (`argo submit`), somebody pushed, or one of the asks."""
_NO_GATE = "QA's review alone stands behind this: the acceptance gate does not exist yet."


def number_of(subject: Subject) -> int:
    """The subject's pull request; InputError where the step was given none."""
    if subject.pr is None:
        raise InputError("parameter pr: expected a pull request's number")
    return subject.pr


def why_of(inputs: Inputs) -> str:
    """The checked parameter `why`."""
    why = inputs.get("why") or "asked"
    if why not in WHYS:
        raise InputError(f"parameter why: expected one of {', '.join(WHYS)}, got {why!r}")
    return why


def accept(inputs: Inputs, context: Context) -> Outputs:
    """Whether a pull request may start a flow (R8): state `go`, or why not; and what is left of the window, in seconds.

    `tag`, `task` and `try` are those that its ledger knows: an event names the pull request alone.
    """
    subject = Subject.of(inputs, context)
    why = why_of(inputs)
    gh = context.harness(subject.repo, pull_requests="read")
    pull = pulls.pull(gh, subject.repo, number_of(subject))
    state = "go"
    if pull.state != "open":
        state = "closed"
    elif pull.fork:
        # A fork's code gets no agent and no secret.
        state = "fork"
    elif why in ("push", TRIAGE) and not in_scope(context, pull):
        state = "unlabelled"
    if state != "go":
        context.say(f"pull request {pull.number}: nothing is started: {state}")
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    return {"state": state, "seconds": str(seconds_left(inputs, context)), **of_ledger(entries, pull)}


def seconds_left(inputs: Inputs, context: Context) -> int:
    """What is left of the window that ends at the parameter `until`; never more than an hour, whatever clocks say."""
    return max(0, min(3600, (number(inputs, "until") or 0) - int(context.clock.now())))


def in_scope(context: Context, pull: pulls.Pull) -> bool:
    """Whether a pull request may start flows without being asked (`events.start`): all, or those labelled or ours."""
    events = context.settings.events
    return events.start == "all" or events.label in pull.labels or is_ours(context, pull.author)


def is_ours(context: Context, login: str) -> bool:
    """Whether a login is one of our Apps'."""
    return context.settings.is_ours(login)


def of_ledger(entries: dict[str, Entry], pull: pulls.Pull) -> Outputs:
    """`tag`, `task` and `try` of a pull request, for a flow that an event started."""
    task = entries.get("task") or {}
    branch = names.task_of_branch(pull.head_ref)
    tries = [entry["try"] for entry in entries.values() if isinstance(entry.get("try"), int)]
    return {
        "tag": str(task.get("tag") or ""),
        "task": str(task.get("task") or branch or "none"),
        "try": str(max(tries, default=1)),
    }


def look(inputs: Inputs, context: Context) -> Outputs:
    """Where the pull request stands: `ask` or `review` with head and round; or nothing to do, and why.

    `ask` names the agent. Nothing to do: `approved`, `merged`, `closed`, `refused` (a fork), `parked`, `stopped`.
    """
    subject = Subject.of(inputs, context)
    why, cause = why_of(inputs), inputs.get("cause", "none")
    gh = context.harness(subject.repo, pull_requests="read", checks="read")
    pull = pulls.pull(gh, subject.repo, number_of(subject))
    entries = context.ledger(subject.repo).entries("pr", number_of(subject))
    parked = parking.parked(entries, subject)
    state, agent = "review", "none"
    if pull.merged:
        state = "merged"
    elif pull.state == "closed":
        state = "closed"
    elif pull.fork:
        # A fork's code gets no agent and no secret (R8).
        state = "refused"
    elif parking.stopped(entries, subject):
        state = "stopped"
    elif why in ASK_ROLES and not _answered(entries, why, cause, pull):
        state, agent = "ask", context.settings.flows.comments.agent if why == COMMENTS else "triage"
    elif is_approved(gh, subject.repo, pull):
        state = "approved"
    elif parked is not None and parked.get("head") == pull.head_sha and why != "asked":
        state = "parked"
    return {"state": state, "head": pull.head_sha, "round": str(next_round(entries, subject)), "agent": agent}


def _answered(entries: dict[str, Entry], why: str, cause: str, pull: pulls.Pull) -> bool:
    if why == TRIAGE and (entries.get(triage_key(cause)) or {}).get("head", pull.head_sha) != pull.head_sha:
        # The check failed on a commit that is the head no more.
        return True
    return any(
        entry.get("role") == why and entry.get("cause") == cause and entry.get("outcome") in ("done", "nothing")
        for entry in entries.values()
    )


def next_round(entries: dict[str, Entry], subject: Subject) -> int:
    """The round to go on with: after the last one of this try that ended in a fix, else the last one itself.

    An ask begins anew: a person (or a new failure) wants something else than QA did.
    """
    own = [entry for entry in entries.values() if entry.get("try") == subject.attempt_of_person and "round" in entry]
    asked = max((entry.get("started", 0) for entry in own if entry["role"] in ASK_ROLES), default=0)
    rounds = [e for e in own if e["role"] in ROUND_ROLES and _when(e) >= asked]
    last = max((entry["round"] for entry in rounds), default=1)
    fixed = any(e["round"] == last and e["role"] == FIX and e.get("outcome") == "done" for e in rounds)
    return last + 1 if fixed else last


def conclude(inputs: Inputs, context: Context) -> Outputs:
    """Post check and approval where QA passed the head commit; park with the reason where it did not.

    The head is read again first: what QA passed must be the head still, or the review is superseded, and whoever
    called this looks again.
    """
    subject = Subject.of(inputs, context)
    gh = context.harness(subject.repo, pull_requests="read")
    pull = pulls.pull(gh, subject.repo, number_of(subject))
    link = f"{context.settings.github.web_url}/{subject.repo}/pull/{pull.number}"
    if pull.merged or pull.state == "closed":
        return {"outcome": "merged" if pull.merged else "closed", "link": link, "head": pull.head_sha}
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    last, parked = _last(entries, subject), parking.parked(entries, subject)
    outcome = "parked"
    if parking.stopped(entries, subject):
        outcome = "stopped"
    elif _in_words(last) and parked is not None and parked.get("head") == pull.head_sha:
        # It stays parked, for the reason that it has.
        outcome = "parked"
    elif not _left_undone(last) and _passed(entries, pull):
        origin.link(context, subject, pull.number)
        approve(context, subject, pull, link)
        outcome = "approved"
        origin.ended(context, subject, outcome, pr=pull.number)
    elif last is not None and _superseded(last, pull):
        outcome = "superseded"
    else:
        parking.park(context, subject, pull, _why_not(last))
        origin.ended(context, subject, outcome, _why_not(last), pull.number)
    return {"outcome": outcome, "link": link, "head": pull.head_sha}


def _last(entries: dict[str, Entry], subject: Subject) -> Entry | None:
    """The newest run of this try."""
    own = [e for e in entries.values() if e.get("try") == subject.attempt_of_person and "role" in e]
    return max(own, key=_recent, default=None)


def _passed(entries: dict[str, Entry], pull: pulls.Pull) -> bool:
    return any(e.get("outcome") == "pass" and e.get("new_head") == pull.head_sha for e in entries.values())


def _left_undone(last: Entry | None) -> bool:
    """Whether what was asked for last came to nothing: what QA passed before that is not what people want."""
    return last is not None and last.get("role") in ASK_ROLES and last.get("outcome") in ("parked", "failed", "timeout")


def _in_words(last: Entry | None) -> bool:
    """Whether comments were answered without a change."""
    return last is not None and last.get("role") == COMMENTS and last.get("outcome") == "nothing"


def _superseded(last: Entry, pull: pulls.Pull) -> bool:
    """Whether the head is somebody else's: what the newest run saw or left is not it."""
    if last.get("outcome") == "superseded":
        return True
    return last.get("outcome") in ("done", "pass", "changes", "nothing") and last.get("new_head") != pull.head_sha


def _why_not(last: Entry | None) -> str:
    if last is None:
        return "no agent has looked at it"
    if last.get("reason"):
        return f"{last.get('agent', 'harness')}: {last['reason']}"
    if last.get("outcome") == "nothing":
        wanted = {COMMENTS: "reviewers do", TRIAGE: "a check fails"}.get(last["role"], "QA wants changes")
        return f"round {last['round']} changed nothing though {wanted}"
    return f"{last.get('agent', 'an agent')} ended with {last.get('outcome', 'no outcome')}"


def _recent(entry: Entry) -> tuple[int, bool, int, int]:
    """Later is greater; a parking follows what it parks, also within the same second."""
    parked = entry.get("outcome") == "parked"
    return entry.get("ended") or _when(entry), parked, entry.get("round", 0), entry.get("attempt", 0)


def _when(entry: Entry) -> int:
    """When a run began; one that was refused never did, and ended at once."""
    return int(entry.get("started") or entry.get("ended") or 0)


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
    parking.clear(context, subject, pull.number)
    qa = context.settings.agent("qa")[1].github_app
    as_qa = context.github.installation(qa, subject.repo, {"pull_requests": "write"})
    login = context.github.login(qa)
    posted = reviews.reviews(as_qa, subject.repo, pull.number)
    if not any(r.author == login and r.state == "APPROVED" and r.commit_id == pull.head_sha for r in posted):
        body = f"Approved for commit `{pull.head_sha}`. {_NO_GATE}"
        reviews.post_review(as_qa, subject.repo, pull.number, pull.head_sha, "APPROVE", body)
