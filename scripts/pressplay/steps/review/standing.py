"""The standing of each open pull request: under Press Play, not under it, or held for a person (R5, R8).

If a ruleset requires the check `press-play/acceptance`, everybody's pull requests need it. So each open one gets an
answer within a minute: from its gates if it is under Press Play; a green check if it is not (`others: pass`); else a
check that gives the reason and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from pressplay.clock import parse_rfc3339
from pressplay.domain.entries import Documents, Entries, LeftAlone, StatusPull
from pressplay.errors import InputError, PressPlayError
from pressplay.github import issues, pulls, pushes
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import approvals, parking
from pressplay.steps.core.context import Context
from pressplay.steps.documents import task_documents
from pressplay.steps.review import approval, target
from pressplay.steps.review.scope import in_scope, is_ours, subject_of

_AT_ONCE = 30
"""Pull requests that are examined each time: a first look costs about five calls to GitHub."""
_AGAIN_SECONDS = 900
"""After how long an unchanged one is examined again. One under review is left to its own flows."""
_REASON = 300
"""Characters of a fault that the log shows."""
_MOST_PUSHES = 300
"""How many of a branch's newest pushes are searched for those of our Apps."""


@dataclass(frozen=True)
class Facts:
    """The facts that decide a pull request's standing."""

    label: str
    """The label by which people ask for a review."""
    others: Literal["pass", "require"]
    """What the values want of pull requests that are not under Press Play."""
    fork: bool = False
    labelled: bool = False
    """Whether it carries the label, whoever put it on."""
    requested: bool = False
    """Whether its flows start: a person requested it, or it belongs to a task of ours."""
    recorded: bool = False
    """Whether its ledger has entries: Press Play worked on it before."""
    author: str = ""
    """The login of its author where that is an App of ours."""
    committers: tuple[str, ...] = ()
    """The logins of our Apps that pushed to its branch, or that its commits name."""
    unseen: bool = False
    """Whether it has more commits than GitHub lists."""


@dataclass(frozen=True)
class StandingAnswer:
    """The content of the check on a pull request that no flow works on."""

    conclusion: Literal["success", "action_required"]
    title: str
    summary: str


def answer(facts: Facts) -> StandingAnswer | None:
    """The check `press-play/acceptance` for a pull request; None if its own flows set it."""
    if facts.requested and not facts.fork:
        return None
    ask = f"A person with write access puts the label `{facts.label}` on it to have it reviewed"
    if facts.fork and (facts.labelled or facts.recorded):
        return _held(
            "Forks are not reviewed",
            "Press Play gives a fork's code no agent and no secret. Push the branch to this repository, or take the "
            f"label `{facts.label}` off",
        )
    if facts.author:
        return _held(
            "Nobody asked for this pull request",
            f"{facts.author} is an App of Press Play's, and no task, issue or alert led to this pull request. {ask}, "
            "or closes it",
        )
    if facts.committers:
        return _held(
            "It holds an agent's commits",
            f"{' and '.join(facts.committers)} pushed to this branch or made commits of it, so that it is not "
            f"everybody else's any more. {ask}",
        )
    if facts.recorded:
        return _held(
            "This commit was not reviewed",
            f"Press Play worked on this pull request before, and nobody asks for it now. {ask}",
        )
    if facts.unseen:
        return _held(
            "Too many commits to look through",
            f"GitHub lists {pulls.MOST_COMMITS} commits of a pull request at most: an agent's could be among the "
            f"rest. {ask}",
        )
    if facts.others == "require":
        return _held("Every pull request is reviewed here", f"The values have `others: require`. {ask}")
    return StandingAnswer("success", "Not under Press Play", f"Press Play does not work on this pull request. {ask}.")


def _held(title: str, summary: str) -> StandingAnswer:
    return StandingAnswer("action_required", title, f"{summary}.")


def of_all(
    context: Context, repo: str, opened: Sequence[pulls.Pull], memory: dict[str, dict[str, Any]], since: float = 0.0
) -> None:
    """Give each open pull request of a repository its answer, `_AT_ONCE` of them; changed ones first.

    `memory` has the last look at each, by number; it is updated. `since`: pull requests that did not change since then
    are left alone if everything starts without a request.
    """
    now = context.clock.now()
    for number in memory.keys() - {str(pull.number) for pull in opened}:
        del memory[number]

    with_head: dict[str, list[int]] = {}
    for pull in opened:
        with_head.setdefault(pull.head_sha, []).append(pull.number)
    states = {pull.number: _state(pull, with_head[pull.head_sha]) for pull in opened}

    def due(pull: pulls.Pull) -> bool:
        before = memory.get(str(pull.number), {})
        if before.get("state") != states[pull.number]:
            return True
        return not before["asked"] and now - before["at"] >= _AGAIN_SECONDS

    # The newest change comes first: somebody may wait for it.
    waiting = sorted(
        filter(due, opened), key=lambda pull: (str(pull.number) not in memory, pull.updated_at), reverse=True
    )
    for pull in waiting[:_AT_ONCE]:
        requested = False
        try:
            requested = _look_at(context, repo, pull, opened, since)
        except PressPlayError as error:
            # One pull request's fault keeps neither the others nor the flows waiting.
            reason = " ".join(str(error).split())[:_REASON]
            context.say(f"pull request {pull.number}: its check could not be set: {reason}")
            if not isinstance(error, InputError):
                continue
        memory[str(pull.number)] = {"state": states[pull.number], "at": now, "asked": requested}


def of_pull(context: Context, repo: str, number: int) -> None:
    """Give one pull request its answer, after an event that it was edited. Idempotent."""
    gh = context.harness(repo, pull_requests="read")
    opened = pulls.all_pulls(gh, repo, state="open")
    for pull in opened:
        if pull.number == number:
            _look_at(context, repo, pull, opened, 0.0)


def _state(pull: pulls.Pull, with_head: Sequence[int]) -> str:
    """The listed facts that decide a pull request's answer; `with_head`: the pull requests with the same head."""
    return " ".join([pull.head_sha, pull.base_ref, *map(str, sorted(with_head)), *sorted(pull.labels)])


def _look_at(context: Context, repo: str, pull: pulls.Pull, opened: Sequence[pulls.Pull], since: float) -> bool:
    """Give a pull request its answer; returns whether its own flows answer it."""
    entries = context.ledger(repo).entries("pr", pull.number)
    if task_documents.left_alone(context, repo, pull, entries) and (
        Documents.KEY in entries or _is_of_run(pull) or _sets_statuses(pull, entries)
    ):
        return True
    gh = context.harness(repo, checks="write", contents="read", pull_requests="read")
    requested = is_requested(context, repo, pull, entries, since)
    if requested and not pull.fork:
        hold_to_its_target(context, gh, repo, pull, entries, opened)
        return True
    given = answer(facts(context, gh, repo, pull, entries, requested=requested))
    if given is None:
        return True
    shared = [other for other in opened if other.number != pull.number and other.head_sha == pull.head_sha]
    reviewed = next((other for other in shared if is_under_us(context, repo, other)), None)
    if given.conclusion == "success" and reviewed is not None:
        _say_whose_check_it_is(context, repo, pull, reviewed)
        return False
    approvals.set_check(
        gh,
        repo,
        pull,
        conclusion=given.conclusion,
        title=given.title,
        summary=given.summary,
        external_id=approvals.OTHERS,
    )
    return False


def _is_of_run(pull: pulls.Pull) -> bool:
    """Whether a pull request is against a run's own branch: documents whose run is not collected yet."""
    return pull.base_ref.startswith("press-play/")


def _sets_statuses(pull: pulls.Pull, entries: Entries) -> bool:
    """Whether the head is one that the harness made to set statuses: then that step answers."""
    made = entries.get(StatusPull)
    return made is not None and made.head == pull.head_sha


def is_requested(context: Context, repo: str, pull: pulls.Pull, entries: Entries, since: float) -> bool:
    """Whether a pull request's own flows answer it; where everything starts, only one that changed after `since`."""
    if context.settings.events.start == "all" and not entries and parse_rfc3339(pull.updated_at) < since:
        return False
    return in_scope(context, repo, pull, entries)


def is_under_us(context: Context, repo: str, pull: pulls.Pull) -> bool:
    """Whether the check on a pull request's head may be one of its review."""
    labelled = context.settings.events.label in pull.labels
    return labelled or is_ours(context, pull.author) or bool(context.ledger(repo).entries("pr", pull.number))


def hold_to_its_target(
    context: Context,
    gh: Client,
    repo: str,
    pull: pulls.Pull,
    entries: Entries,
    opened: Sequence[pulls.Pull],
) -> None:
    """Void an approval that something keeps from counting (`target.obstacle`), and park; nothing else.

    `gh` may write checks, and read contents and pull requests.
    """
    approval.take_up(gh, repo, pull)
    if not entries:
        # No review of it has begun.
        return
    subject = subject_of(context, repo, pull, entries)
    held = target.obstacle(context, gh, subject, pull, entries, opened)
    parked = parking.parked(entries, subject)
    if held is None or (parked is not None and (parked.reason, parked.head) == (held.reason, pull.head_sha)):
        return
    approval.void(context, subject, pull, entries, whole=True)
    parking.park(context, subject, pull, held.reason, ways=held.ways)


def facts(context: Context, gh: Client, repo: str, pull: pulls.Pull, entries: Entries, *, requested: bool) -> Facts:
    """What decides the answer to a pull request. `gh` may read contents and pull requests."""
    events = context.settings.events
    authors, whole = pulls.authors(gh, repo, pull.number)
    pushers = set() if pull.fork else _pushers(gh, repo, pull.head_ref)
    return Facts(
        label=events.label,
        others=context.settings.repository(repo).others or "pass",
        fork=pull.fork,
        labelled=events.label in pull.labels,
        requested=requested,
        recorded=any(not isinstance(entry, LeftAlone | StatusPull) for entry in entries),
        author=pull.author if is_ours(context, pull.author) else "",
        committers=tuple(sorted(login for login in authors | pushers if is_ours(context, login))),
        unseen=not whole,
    )


def _pushers(gh: Client, repo: str, branch: str) -> set[str]:
    """The logins, in lower case, that moved a branch lately. None where GitHub keeps no record (an old GHES)."""
    try:
        return {push.login.lower() for push in islice(pushes.newest(gh, repo, branch), _MOST_PUSHES)}
    except GitHubRefused as error:
        if error.status == 404:
            return set()
        raise


def _say_whose_check_it_is(context: Context, repo: str, pull: pulls.Pull, other: pulls.Pull) -> None:
    gh = context.harness(repo, issues="write", pull_requests="write")
    text = (
        f"The head of this pull request is that of #{other.number}, too, and GitHub keeps checks by commit: "
        f"`{approvals.ACCEPTANCE_CHECK}` is here what it is there. Push another commit to one of them, or close one."
    )
    issues.comment(gh, repo, pull.number, text, marker=f"shared-{pull.head_sha}")
