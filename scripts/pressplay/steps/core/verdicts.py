"""Gates' verdicts: each is about one head commit, in the ledger and as the check `press-play/<gate>`.

A gate is what the harness finds out itself: nothing that an agent claims counts (R5, R6). The ledger of the pull
request has an entry for each gate and commit. The entry counts; the check shows it to people and rulesets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pressplay.domain.entries import Details, Entries, GateEntry
from pressplay.domain.reasons import Reason
from pressplay.github import checks, pulls
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.reason_text import details

Gate = Literal["lint", "test-only", "supply", "tests", "acceptance", "limits"]
LINT: Gate = "lint"
TEST_ONLY: Gate = "test-only"
SUPPLY: Gate = "supply"
TESTS: Gate = "tests"
ACCEPTANCE: Gate = "acceptance"
LIMITS: Gate = "limits"
Outcome = Literal["pass", "fail", "error"]
"""`error`: the gate could not do its work, and no agent can fix that."""
SUPERSEDED = "superseded"
"""What `post` returns if the head has changed: nothing is posted."""

CHANGES = "changes"
"""What the step of a gate gives as its outcome where Rex must fix what the gate refuses."""

_CONCLUSIONS: Mapping[Outcome, str] = {"pass": "success", "fail": "failure", "error": "action_required"}


@dataclass(frozen=True)
class GateVerdict:
    """What a gate found out about one commit."""

    outcome: Outcome
    title: str
    """A few words, for the check."""
    reason: str
    """One sentence, all of it ours: it goes into comments, logs and agents' instructions (R7)."""
    details: str = ""
    """Markdown for the check's text; it quotes strangers' text as data."""
    why: Reason | None = None
    """The reason with its details, if there are any."""
    holds: tuple[str, ...] = ()
    """What a person must accept before the approval: criteria (`AC3`), or the gate's name."""
    proves: bool = True
    """Whether a pass shows that the change does what it is for."""
    green: bool = False
    """Whether all tests of the repository ran, and none failed."""


def check_name(gate: Gate) -> str:
    """The check run of a gate."""
    return f"press-play/{gate}"


def verdict_on(entries: Entries, gate: Gate, head: str) -> GateEntry | None:
    """The recorded verdict on a commit; None if there is none."""
    return entries.get(GateEntry, GateEntry.key_of(gate, head))


def has_passed(entries: Entries, gate: Gate, head: str) -> bool:
    """Whether a gate passed exactly this commit."""
    verdict = verdict_on(entries, gate, head)
    return verdict is not None and verdict.outcome == "pass"


def post(context: Context, subject: Subject, gate: Gate, head: str, verdict: GateVerdict) -> str:
    """Record a verdict and set the check on `head`; returns its outcome, or SUPERSEDED if the head has changed.

    Idempotent. `subject` names the pull request. A pass of the acceptance gate is only recorded: its check lets people
    merge, so `pull_steps.conclude` sets it, which looks at everything else too.
    """
    if subject.pr is None:
        raise ValueError("a gate is about a pull request")
    gh = context.harness(subject.repo, checks="write", pull_requests="read")
    pull = pulls.pull(gh, subject.repo, subject.pr)
    if not pull.is_open_at(head):
        return SUPERSEDED
    entry = GateEntry(
        gate=gate,
        head=head,
        outcome=verdict.outcome,
        reason=verdict.reason,
        details=Details.of(verdict.why) if verdict.why else None,
        at=int(context.clock.now()),
        holds=verdict.holds or None,
        proves=None if verdict.proves else False,
        green=verdict.green or None,
    )
    context.ledger(subject.repo).record("pr", subject.pr, entry)
    if gate != ACCEPTANCE or verdict.outcome != "pass":
        show(context, subject.repo, pull, gate, verdict)
    context.say(f"pull request {subject.pr}: {check_name(gate)}: {verdict.outcome}: {verdict.reason}")
    return verdict.outcome


def show(context: Context, repo: str, pull: pulls.Pull, gate: Gate, verdict: GateVerdict) -> None:
    """Set the check of a gate on a pull request's head, as the harness's App."""
    checks.set_check(
        context.harness(repo, checks="write"),
        repo,
        check_name(gate),
        pull.head_sha,
        conclusion=_CONCLUSIONS[verdict.outcome],
        title=verdict.title,
        summary=f"{verdict.reason[:1].upper()}{verdict.reason[1:]}.\n\nCommit `{pull.head_sha}`.",
        text=verdict.details or (details(verdict.why) if verdict.why else ""),
        details_url=f"{context.settings.github.web_url}/{repo}/pull/{pull.number}",
        external_id=pull.head_sha,
    )
