"""Commands of people with write access (`/press-play fix`, `accept` …), in a comment's first line.

Each comment counts once: the ledger has an entry for it. Of several orders the last one counts. Everything here may be
killed and run again: an order is recorded after it was carried out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pressplay.clock import parse_rfc3339
from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Command as CommandEntry
from pressplay.domain.entries import Entries, GateEntry, GivenProfile, RaisedTry, Waiver
from pressplay.domain.reasons import Reason
from pressplay.gates.proving.model import PROFILES
from pressplay.github import issues, pulls
from pressplay.plaintext import plain
from pressplay.steps.comments.conversation import ACCEPT, FIX, PROFILE, RETRY, STATUS, STOP, Command
from pressplay.steps.core import parking, reason_text, stack
from pressplay.steps.core.approvals import is_approved, is_held
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.start import labels
from pressplay.steps.review.rounds import next_round
from pressplay.steps.runs import limits
from pressplay.steps.runs.run import has_ended, take_away

_ORDERS = (FIX, STOP, RETRY)
_KNOWN = (
    "Press Play knows six commands, in the first line of a comment: `/press-play fix` (take up all comments that are "
    "not resolved, also those answered before), `/press-play stop` (stop all work here), `/press-play retry` (begin "
    "again, also after a limit), `/press-play status`, `/press-play accept AC3: reason` (accept of this commit what "
    "the criterion, or the gate, is held for) and `/press-play profile refactor` (say what kind of change this is: "
    f"{', '.join(PROFILES)}). It ignores commands in edited comments: write a new comment."
)
_ACCEPTED = re.compile(r"(?P<subject>(?i:AC)[1-9]\d*|[a-z][a-z-]*)[ \t]*:[ \t]*(?P<because>\S.*)")
_LONGEST = 500
"""Characters of a person's reason that are kept."""


def pending(entries: Entries, commands: Sequence[Command]) -> list[Command]:
    """The commands that have not been carried out yet, oldest first."""
    return [command for command in commands if _key(command) not in entries]


def order(commands: Sequence[Command]) -> Command | None:
    """The order that counts: the last of stop, retry and fix; None if there is none."""
    return next((command for command in reversed(commands) if command.name in _ORDERS), None)


def note(context: Context, subject: Subject, number: int, commands: Sequence[Command]) -> None:
    """Record that the commands were carried out, or replaced by a later one."""
    ledger = context.ledger(subject.repo)
    for command in commands:
        entry = CommandEntry(id=command.id, command=command.name or "unknown", handled=int(context.clock.now()))
        ledger.record("pr", number, entry)


def _key(command: Command) -> str:
    """The key of the command's entry, which also marks the comment that answers it."""
    return CommandEntry.key_of(command.id)


def carry_out(context: Context, subject: Subject, pull: pulls.Pull, command: Command) -> Subject:
    """Stop, or continue; returns the subject in the try that counts from now on."""
    if command.name == STOP:
        parking.park(context, subject, pull, parking.STOPPED, stopped=True)
        for run in under_way(context, subject.repo, pull.number):
            take_away(context, subject.repo, "CodeRun", run["metadata"]["name"])
        return subject
    if command.name == RETRY:
        ledger = context.ledger(subject.repo)
        raised = ledger.entries("pr", pull.number).get(RaisedTry)
        if raised is None or raised.command != command.id:
            raised = RaisedTry(try_=subject.attempt_of_person + 1, command=command.id)
            ledger.record("pr", pull.number, raised)
        subject = replace(subject, attempt_of_person=raised.try_)
    parking.clear(context, subject, pull.number)
    return subject


def under_way(context: Context, repo: str, number: int) -> list[Manifest]:
    """The runs of a pull request that have not ended."""
    wanted = {**labels(repo, "run"), "press-play/pr": str(number)}
    runs = context.cluster.list("CodeRun", context.settings.controller_namespace, wanted)
    return [run for run in runs if not has_ended(run)]


def decide(context: Context, subject: Subject, pull: pulls.Pull, commands: Sequence[Command]) -> bool:
    """Record what people accept of the head, and the profile that they give; whether anything was recorded.

    What can't be read is answered with what was expected.
    """
    decided = False
    entries = context.ledger(subject.repo).entries("pr", pull.number)
    ledger, now = context.ledger(subject.repo), int(context.clock.now())
    for command in commands:
        made: Waiver | GivenProfile | None = None
        if command.name == ACCEPT and (match := _ACCEPTED.fullmatch(command.rest)):
            what = match["subject"].upper() if match["subject"][:2].upper() == "AC" else match["subject"]
            if _is_held(entries, pull.head_sha, what, command):
                because = plain(match["because"])[:_LONGEST]
                made = Waiver(
                    subject=what, head=pull.head_sha, by=command.author, comment=command.id, because=because, at=now
                )
        elif command.name == PROFILE and command.rest.lower() in PROFILES:
            made = GivenProfile(profile=command.rest.lower(), by=command.author, comment=command.id, at=now)
        if made is not None:
            ledger.record("pr", pull.number, made)
            decided = True
        elif command.name in (ACCEPT, PROFILE):
            gh = context.harness(subject.repo, pull_requests="write", issues="write")
            expected = _EXPECTED[command.name]
            issues.comment(gh, subject.repo, pull.number, expected, marker=_key(command))
    return decided


def _is_held(entries: Entries, head: str, what: str, command: Command) -> bool:
    """Whether a gate held the approval of this head for that when the comment was written.

    A commit that was pushed after the comment has nothing that its author could have seen.
    """
    return any(
        entry.head == head and what in (entry.holds or ()) and entry.at <= parse_rfc3339(command.created_at)
        for entry in entries.all(GateEntry)
    )


_EXPECTED = {
    ACCEPT: "Nothing was accepted. Write what, a colon and why, for example `/press-play accept AC3: the total is now "
    "rounded`, or `/press-play accept supply: we publish this package ourselves`. It counts for the commit that was "
    "the head when you wrote it, and for what the parking comment on that commit names.",
    PROFILE: f"The profile is as it was: expected one of {', '.join(f'`{name}`' for name in PROFILES)}, for example "
    "`/press-play profile refactor`.",
}


def reply(context: Context, subject: Subject, pull: pulls.Pull, commands: Sequence[Command]) -> None:
    """Answer the last request for the status, and each unknown command."""
    gh = context.harness(subject.repo, pull_requests="write", issues="write")
    for command in commands:
        if not command.name:
            issues.comment(gh, subject.repo, pull.number, _KNOWN, marker=_key(command))
    queries = [command for command in commands if command.name == STATUS]
    if queries:
        issues.comment(gh, subject.repo, pull.number, status(context, subject, pull), marker=_key(queries[-1]))


def nothing_to_fix(context: Context, subject: Subject, pull: pulls.Pull, command: Command) -> None:
    """Answer an order to fix that has nothing to work on."""
    gh = context.harness(subject.repo, pull_requests="write", issues="write")
    text = "There is nothing to take up here: no comment by somebody with write access is unresolved."
    issues.comment(gh, subject.repo, pull.number, text, marker=_key(command))


def status(context: Context, subject: Subject, pull: pulls.Pull) -> str:
    """Where a pull request stands, as Markdown: every word of it is ours, but for the quoted detail of a reason."""
    ledger, most = context.ledger(subject.repo), context.settings.limits
    entries = ledger.entries("pr", pull.number)
    own = limits.started(entries, subject)
    triaged = len(limits.triaged(own))
    today = ledger.tally(limits.day(context))
    state, waits_for, why = _state(context, subject, pull, entries)
    rows = {
        "state": state,
        "waits for": waits_for,
        "commit": f"`{pull.head_sha}`",
        "try": str(subject.attempt_of_person),
        "round": f"{next_round(entries, subject)} of {most.rounds}",
        "runs": f"{len(own)} of {most.runs_per_pull_request} in this try",
        "checks triaged": f"{triaged} of {most.triage_tries} in this try",
        "runs of the repository today": f"{today} of {limits.of_day(context, subject)[0]}",
    }
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items())])
    details = reason_text.details(why) if why else ""
    return f"{table}\n\n{details}" if details else table


def _state(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries) -> tuple[str, str, Reason | None]:
    """The state, what it waits for, and why it is parked, where it is."""
    parked = parking.parked(entries, subject)
    if parked is not None and parked.stopped:
        return "stopped by a person", "`/press-play retry` or `/press-play fix`", None
    runs = [run["metadata"]["labels"] for run in under_way(context, subject.repo, pull.number)]
    if runs:
        who = ", ".join(f"{run['press-play/agent']} ({run['press-play/role']})" for run in runs)
        return "at work", who, None
    if (held := context.paused(subject.repo)) is not None:
        return "paused", held.ended_by, None
    gh = context.harness(subject.repo, checks="read")
    if is_held(gh, subject.repo, pull):
        on = stack.recorded(context, subject)
        return "proven", f"{stack.name(on) if on else 'what it was begun on'} to land", None
    if is_approved(gh, subject.repo, pull):
        return "approved", "a person to merge it", None
    if parked is not None and parked.head == pull.head_sha:
        return f"parked: {parked.reason}", "a new commit, or `/press-play retry`", parked.why
    return "not reviewed at this commit yet", "a place to work; it is looked at each minute", None
