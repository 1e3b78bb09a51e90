"""The approval of one commit, and how it is voided: earned by gates, given by the harness alone (R5).

The check `press-play/acceptance` lets people merge; QA's approving review, which the harness posts as QA's App, says so
where people read. Both name the commit and show what was seen of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pressplay import names
from pressplay.domain.entries import Entries, GateEntry, Waiver
from pressplay.domain.reasons import Reason
from pressplay.gates.acceptance.proof import Proof, markdown, summary
from pressplay.gates.proof.text import approval_text, update_text
from pressplay.github import checks, pulls, reviews
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import approvals, parking, stack, verdicts
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.stack import Stack
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.review import deploys, proofs, proven, retest, retests
from pressplay.steps.review.proofs import Document
from pressplay.steps.runs import limits
from pressplay.validation.details import ending

LONGEST = 65_000
"""Characters of a review's text: GitHub takes 65,535."""
_BY_TESTS = "the project's tests and commands prove it, without a deployment"


def lacks(subject: Subject, entries: Entries, head: str, *, deployed: bool) -> Reason | None:
    """What this commit lacks for an approval; None if it lacks nothing.

    `deployed`: its plan has probes of a deployment. Where tests and commands prove it, nothing else is needed.
    """
    return next(_lacks(subject, entries, head, deployed), None)


def _lacks(subject: Subject, entries: Entries, head: str, deployed: bool) -> Iterator[Reason]:
    settings = subject.settings
    needed = [verdicts.TEST_ONLY]
    if settings.lint.enabled:
        needed.insert(0, verdicts.LINT)
    if settings.supply.enabled:
        needed.append(verdicts.SUPPLY)
    if settings.tests.enabled:
        needed.append(verdicts.TESTS)
    for gate in needed:
        yield from _refusal(entries, gate, head)
    if needs_acceptance(subject, entries, head, deployed=deployed):
        if settings.deploy.mode == "none":
            yield Reason(what=deploys.NO_MODE)
            return
        yield from _refusal(entries, verdicts.ACCEPTANCE, head)
    for verdict in waiting(entries, head):
        accept = ", ".join(f"`/press-play accept {subject}: why`" for subject in verdict.holds or ())
        yield replace(
            verdict.why,
            what=f"press-play/{verdict.gate}: {verdict.reason}: a person must accept it",
            todo=f"comment {accept}, or have it changed",
        )


def needs_acceptance(subject: Subject, entries: Entries, head: str, *, deployed: bool) -> bool:
    """Whether a deployment of this commit must be probed: its plan asks for it (`deployed`), or no tests prove it."""
    tests = verdicts.verdict_on(entries, verdicts.TESTS, head) if subject.settings.tests.enabled else None
    return deployed or tests is None or tests.proves is False


def _refusal(entries: Entries, gate: verdicts.Gate, head: str) -> Iterator[Reason]:
    verdict = verdicts.verdict_on(entries, gate, head)
    if verdict is None:
        yield Reason(what=f"{verdicts.check_name(gate)} has not looked at this commit")
    elif verdict.outcome != "pass":
        yield replace(verdict.why, what=f"{verdicts.check_name(gate)}: {verdict.reason}")


def waiting(entries: Entries, head: str) -> list[GateEntry]:
    """The gates that passed a commit and hold its approval until a person accepts what they name."""
    return [
        verdict
        for verdict in entries.all(GateEntry)
        if verdict.head == head and any(Waiver.key_of(held, head) not in entries for held in verdict.holds or ())
    ]


def give(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries) -> str:
    """Post the approving review and set the check on the head, once; returns why that is impossible, or an empty text.

    Call it only if `lacks` returned None. The check comes last: it stands only if everything else is there, and not if
    GitHub refuses the review. Where the task was begun on a dependency that has not landed, the check waits for that.
    """
    head = pull.head_sha
    gh = context.harness(subject.repo, **retest.NEEDS)
    built = stack.of(context, gh, subject)
    if built is not None and (built.waits or built.lacks_base(gh, subject.repo, pull.base_ref, head)):
        _hold(context, gh, subject, pull, built)
        return ""
    probed = verdicts.verdict_on(entries, verdicts.ACCEPTANCE, head) is not None
    proof = None
    if probed or needs_acceptance(subject, entries, head, deployed=False):
        proof = proofs.kept(context, subject.repo, pull.number, head)
        if proof is None or not proof.passed or proof.commit != head:
            return "the proof of this commit is gone"
    qa = context.settings.agent("qa")[1].github_app
    as_qa = context.github.installation(qa, subject.repo, {"pull_requests": "write"})
    if as_qa.login.lower() != names.bot(qa):
        # Who voids an approval has no key to ask GitHub with: it knows QA's App by its name.
        return (
            f"the Secret {names.app_secret(qa)} has the key of {as_qa.login}, not of {names.bot(qa)}: put the key of "
            f"{qa} there, or set agents.qa.githubApp to the other App's name"
        )
    posted = any(
        review.author == as_qa.login and review.state == "APPROVED" and review.commit_id == pull.head_sha
        for review in reviews.reviews(as_qa, subject.repo, pull.number)
    )
    # What a posted review names must not change under it.
    document = proofs.kept_document(context, subject, pull.head_sha) if posted else None
    if document is None:
        made = proven.statement(context, subject, pull, entries, proof)
        document = proofs.keep_document(context, subject, made)
    if not posted:
        reviews.post_review(as_qa, subject.repo, pull.number, pull.head_sha, "APPROVE", _body(document, proof))
    parking.clear(context, subject, pull.number)
    if retest.begin(context, gh, subject, pull, entries):
        retests.start_next(context, subject.repo, pull.number)
    else:
        _show(context, subject, pull, document, proof)
    return ""


def approve(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries) -> Reason | None:
    """`give`, where a store that refuses is a reason, too. A store that may yet answer is asked again (TryAgain)."""
    try:
        refused = give(context, subject, pull, entries)
    except proofs.NotStored as error:
        what = "the proof of this commit could not be stored where the values say, so it is not approved"
        return Reason(
            what=what, detail=ending(str(error)), todo="see pressplay doctor, then comment `/press-play retry`"
        )
    return Reason(what=refused) if refused else None


def _hold(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, built: Stack) -> None:
    """Let the check of a proven head wait for its dependency: nobody may merge that along with it, or undo it unseen.

    The ledger comes first: without it the flow that sees the check would review the head once more.
    """
    stack.hold(context, subject, built.on, pull.head_sha)
    parking.clear(context, subject, pull.number)
    base = names.shown_branch(pull.base_ref)
    after = "" if built.waits else f"It landed with other content than this branch holds: {base} is merged in first. "
    approvals.set_check(
        gh,
        subject.repo,
        pull,
        conclusion=None,
        title=f"Waits for #{built.on.pr} (task {built.on.task}) to land",
        summary=f"Commit `{pull.head_sha}` is proven as it stands on commit `{built.on.head}` of {built.dependency}, "
        f"which is no part of {base} yet: whoever merged it now would merge both. {after}The approval follows.",
        external_id=approvals.stacked_id(pull.head_sha),
    )


def show_again(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries, merged: str) -> bool:
    """Make the check of an approved head green again; `merged` says what was seen of its merge. False without proof."""
    document = proofs.kept_document(context, subject, pull.head_sha)
    if document is None:
        return False
    probed = verdicts.verdict_on(entries, verdicts.ACCEPTANCE, pull.head_sha) is not None
    proof = proofs.kept(context, subject.repo, pull.number, pull.head_sha) if probed else None
    _show(context, subject, pull, document, proof, merged)
    return True


def _show(
    context: Context,
    subject: Subject,
    pull: pulls.Pull,
    document: Document,
    proof: Proof | None,
    merged: str = "",
) -> None:
    reason, shown = (summary(proof), markdown(proof)) if proof else (_BY_TESTS, approval_text(document.statement))
    update = update_text(document.statement.predicate.change) if proof else ""
    text = "\n\n".join(filter(None, [merged, update, document.link, shown]))
    verdict = GateVerdict("pass", "Proven on this commit", reason, text)
    verdicts.show(context, subject.repo, pull, verdicts.ACCEPTANCE, verdict)


def _body(document: Document, proof: Proof | None) -> str:
    """The review's text; the probes' answers are left to the check where there is no room for them."""
    text = f"{approval_text(document.statement)}\n{document.link}\n\n"
    if proof is None:
        return text
    answers = f"<details><summary>The probes' answers</summary>\n\n{markdown(proof)}\n\n</details>"
    whole = f"{text}{answers}"
    return (
        whole
        if len(whole) <= LONGEST
        else f"{text}The probes' answers are in the check `{approvals.ACCEPTANCE_CHECK}`."
    )


def take_up(gh: Client, repo: str, pull: pulls.Pull) -> bool:
    """Whether the head of a pull request under review is approved already.

    A green check that says that Press Play does not work on it is replaced. `gh` may write checks.
    """
    check = checks.own(gh, repo, pull.head_sha, approvals.ACCEPTANCE_CHECK)
    if check is not None and check.external_id == approvals.OTHERS:
        approvals.set_check(
            gh,
            repo,
            pull,
            conclusion=None,
            title="Under review",
            summary="Press Play reviews this pull request.",
        )
    return approvals.is_approval(check)


def say_that_it_waits(gh: Client, repo: str, pull: pulls.Pull) -> None:
    """Say on an approved head why nobody can merge it. It stays approved: its proof holds. `gh` may write checks."""
    base = names.shown_branch(pull.base_ref)
    approvals.set_check(
        gh,
        repo,
        pull,
        conclusion="success",
        title=f"Proven on this commit, which conflicts with {base}",
        summary=f"It waits until {base} is merged into the branch; the merge is then reviewed and proven again.",
        text=None,
    )


def void(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries, *, whole: bool = False) -> None:
    """Dismiss approvals of other commits than the head; with `whole` those of the head too.

    Checks need no dismissal: each belongs to one commit.
    """
    judged = [verdict for verdict in entries.all(GateEntry) if verdict.gate == verdicts.ACCEPTANCE]
    if not any(whole or verdict.head != pull.head_sha for verdict in judged):
        return
    login = names.bot(context.settings.agent("qa")[1].github_app)
    gh = context.harness(subject.repo, pull_requests="write")
    for review in reviews.reviews(gh, subject.repo, pull.number):
        if review.author.lower() != login or review.state != "APPROVED":
            continue
        if whole or review.commit_id != pull.head_sha:
            why = "It was approved for another target." if whole else f"The head is now {pull.head_sha}."
            try:
                reviews.dismiss(gh, subject.repo, pull.number, review.id, why)
            except GitHubRefused as error:
                # Only some may dismiss on a protected branch; the ruleset then dismisses stale approvals itself.
                context.say(f"pull request {pull.number}: a stale approval stays: {error}")


def count(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries) -> None:
    """Show on the head how much of its limits the pull request has used up (`press-play/limits`)."""
    own, most = limits.started(entries, subject), context.settings.limits
    used = {
        "rounds": (max((run.round for run in own), default=0), most.rounds),
        "runs": (len(own), most.runs_per_pull_request),
        "minutes of runs": (limits.minutes(own), most.minutes_per_pull_request),
        "failing checks triaged": (len(limits.triaged(own)), most.triage_tries),
    }
    reached = limits.refusal(entries, subject)
    table = "\n".join(["| | used | of |", "|---|---|---|", *(f"| {n} | {u} | {m} |" for n, (u, m) in used.items())])
    counted = ", ".join(f"{u} of {m} {n}" for n, (u, m) in used.items())
    verdict = (
        GateVerdict("fail", "At a limit", reached, table)
        if reached
        else GateVerdict("pass", "Within limits", counted, table)
    )
    verdicts.post(context, subject, verdicts.LIMITS, pull.head_sha, verdict)
