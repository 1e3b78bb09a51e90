"""A group of the merge queue: what becomes of it, and the check on its commit.

Each step reads the queue again: an entry leaves it, or is built again, at any moment.
"""

from __future__ import annotations

from pressplay import names
from pressplay.domain.reasons import Reason
from pressplay.github import checks, merge_queue, pulls
from pressplay.steps.core import parking, reason_text
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK, GROUP, OTHERS
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.core.start import start
from pressplay.steps.merge_queue import groups, tree
from pressplay.steps.merge_queue.groups import Group
from pressplay.steps.review.scope import subject_of

FLOW = "merge-group"
_WAYS = "push a commit or comment `/press-play fix`, and enter it into the merge queue again once it is approved"


def look(inputs: Inputs, context: Context) -> Outputs:
    """What becomes of the group whose commit is `commit`: its state is `decision.State`, or `conclude`.

    `conclude`: the gates' verdicts on its tree are there. For `gates`: the pull request that they are about, with its
    tag, task and try, and the group's base.
    """
    repo, commit = context.settings.listed(inputs["repo"]), names.commit(inputs["commit"])
    nothing = {"state": "none", "pr": "none", "tag": "", "task": "none", "try": "1", "base": "none"}
    if inputs["repo"] != repo:
        # The repository's name is part of locks' and Workflows' names: one spelling for all.
        start(context, FLOW, repo, commit=commit)
        return {**nothing, "state": "respelled"}
    if groups.is_answered(context.harness(repo, checks="read"), repo, commit):
        return nothing
    group = groups.find(context, repo, commit)
    if group is None:
        context.say(f"{commit[:12]} is no group of the merge queue of {repo}: nothing is set")
        return nothing
    if group.decision.pr is None:
        return {**nothing, "state": group.decision.state}
    subject = _subject(context, repo, group.decision.pr)
    entries = context.ledger(repo).entries("pr", subject.pull_number)
    decided = tree.judged(entries, subject.settings, commit, group.entry.base) is not None
    return {
        "state": "conclude" if decided else "gates",
        "pr": str(subject.pull_number),
        "tag": subject.tag,
        "task": str(subject.task or "none"),
        "try": str(subject.attempt_of_person),
        "base": group.entry.base,
    }


def conclude(inputs: Inputs, context: Context) -> Outputs:
    """Set the check on a group's commit, and park who must not be merged.

    `pr`: the pull request whose ledger has the gates' verdicts, if they judge the group; it may be merged by now.
    Outcome: `success`, `failure`, or why nothing is set: `none` (no group of the queue any more), `wait` (for the
    entries before it), `undecided` (a gate has no verdict). Nothing of it counts for a pull request's own head.
    """
    repo, commit = context.settings.listed(inputs["repo"]), names.commit(inputs["commit"])
    group = groups.find(context, repo, commit)
    if group is None or group.decision.state in ("none", "wait"):
        return {"outcome": "none" if group is None else group.decision.state}
    if group.decision.state == "refuse":
        reason = Reason(what=group.decision.reason)
        _put_out(context, repo, group)
        return _answer(context, repo, commit, reason)
    judge = number(inputs, "pr") or group.decision.pr
    if judge is None:
        return _answer(context, repo, commit, None, OTHERS)
    subject = _subject(context, repo, judge)
    entries = context.ledger(repo).entries("pr", subject.pull_number)
    judged = tree.judged(entries, subject.settings, commit, group.entry.base)
    if judged is None:
        context.say(f"{commit[:12]}: a gate has no verdict on this group's tree")
        return {"outcome": "undecided"}
    refused = tree.refusal(judged)
    if refused is None:
        return _answer(context, repo, commit, None, GROUP)
    if not groups.passed(context.harness(repo, checks="read"), repo, group.before):
        # It may be an earlier entry's fault: GitHub throws that one out, and builds this group again.
        return {"outcome": "wait"}
    for member in group.own:
        if member.under_us:
            _park(context, repo, member.pr, refused)
    return _answer(context, repo, commit, refused)


def _subject(context: Context, repo: str, pr: int) -> Subject:
    """A pull request with its task and try."""
    gh = context.harness(repo, pull_requests="read")
    pull, entries = pulls.pull(gh, repo, pr), context.ledger(repo).entries("pr", pr)
    return subject_of(context, repo, pull, entries)


def _put_out(context: Context, repo: str, group: Group) -> None:
    """Take what an App of ours entered out of the queue, and park it. GitHub may not let us: then its check fails."""
    for member in group.own:
        if not member.by_our_app:
            continue
        gone = merge_queue.dequeue(context.harness(repo, contents="write", pull_requests="write"), group.entry)
        if not gone:
            context.say(f"pull request {member.pr}: GitHub does not let the App take it out of the merge queue")
        if member.under_us:
            what = f"it {member.fault}"
            _park(context, repo, member.pr, Reason(what=what), ways="a person may enter it once it is approved again")


def _park(context: Context, repo: str, pr: int, reason: Reason, ways: str = _WAYS) -> None:
    pull = pulls.pull(context.harness(repo, pull_requests="read"), repo, pr)
    if pull.state == "open":
        parking.park(context, _subject(context, repo, pr), pull, reason, ways=ways)


def _answer(context: Context, repo: str, commit: str, refused: Reason | None, external_id: str = GROUP) -> Outputs:
    """Set the check on a group's commit: green, or the reason with its deepest detail."""
    gh = context.harness(repo, checks="write")
    title, summary = "This group may be merged", "Every pull request in it that Press Play works on is approved."
    if external_id == OTHERS:
        title, summary = "Not under Press Play", "Press Play works on no pull request of this group."
    if refused is not None:
        title = "This group may not be merged"
        what = f"{refused.what[:1].upper()}{refused.what[1:]}."
        summary = "\n\n".join(part for part in (what, reason_text.details(refused)) if part)
    conclusion = "success" if refused is None else "failure"
    checks.set_check(
        gh,
        repo,
        ACCEPTANCE_CHECK,
        commit,
        conclusion=conclusion,
        title=title,
        summary=summary,
        details_url=f"{context.settings.github.web_url}/{repo}/commit/{commit}",
        external_id=external_id,
    )
    return {"outcome": conclusion}
