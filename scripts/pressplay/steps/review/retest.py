"""What becomes of an approval when its base branch moves: the merge of both is proven, before people may merge (R5).

Two changes that were proven each by itself can break the branch together. So the check `press-play/acceptance` is green
only while the head, merged with the base branch as it stands, passed the gates. The ledger's entry `retest-<head>`
holds the commit of the base branch for which that is known. The harness merges in a clone of its own: nothing is
pushed. With `base.strategy: strict` GitHub then merges the base branch into the next one to be merged (`updates`).
"""

from __future__ import annotations

from dataclasses import replace

from pressplay.domain.entries import Entries, MergedEntry, Retest
from pressplay.domain.reasons import Reason
from pressplay.github import comparison, pulls, refs
from pressplay.github.calls import Client
from pressplay.settings import RepositoryDefaults
from pressplay.steps.core import approvals, merged_trees, reason_text, verdicts
from pressplay.steps.core.context import Context, Subject

NEEDS = {"checks": "write", "contents": "read", "pull_requests": "read"}
"""The permissions that the client needs."""
FLOW = "retest"
TRIES = 3
"""How often a merge is judged without a result, before a person is asked."""


def gates(settings: RepositoryDefaults) -> tuple[verdicts.Gate, ...]:
    """The gates that judge a merged tree; none where the values want no retest, or none can."""
    return tuple(merged_trees.judging(settings)) if settings.base.strategy != "off" else ()


def is_on(settings: RepositoryDefaults) -> bool:
    """Whether anything is done about an approved head once its base branch moves on."""
    return settings.base.strategy == "strict" or bool(gates(settings))


def entry_of(entries: Entries, head: str) -> Retest | None:
    """What is known of an approved head; None where it is not approved, or no retest is wanted."""
    return entries.get(Retest, Retest.key_of(head))


def begin(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries) -> bool:
    """Note that a head was approved; whether its merge with the base branch must be judged before people may merge.

    `gh` has the permissions NEEDS. Idempotent.
    """
    if not is_on(subject.settings):
        return False
    tip = refs.head(gh, subject.repo, pull.base_ref)
    known = entry_of(entries, pull.head_sha)
    if comparison.contains(gh, subject.repo, pull.head_sha, tip):
        record(context, subject, replace(_of(known, pull), onto=tip, state="proven", behind=False))
        return False
    if known is not None and known.onto == tip and known.state == "proven":
        return False
    hold(context, gh, subject, pull, known, tip)
    return True


def hold(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, known: Retest | None, tip: str) -> None:
    """Take the green check back until the merge with `tip` has been judged.

    Where the base branch moved on during too many judgements in a row (`base.overtaken`), it stays green meanwhile:
    otherwise nobody could ever merge.
    """
    held = _of(known, pull)
    if held.onto != tip:
        # What it is the merge of is the past: from now on it is a head to be merged with `tip` like any other.
        held = replace(held, of="", behind=False)
    if not is_overtaken(subject.settings, held):
        approvals.set_check(
            gh,
            subject.repo,
            pull,
            conclusion=None,
            title="The base branch moved on",
            summary=_why_held(subject.settings, held, tip),
            external_id=approvals.retest_id(pull.head_sha),
            # Keep what was shown of the commit.
            text=None,
        )
    record(context, subject, replace(held, state="pending"))


def _why_held(settings: RepositoryDefaults, held: Retest, tip: str) -> str:
    if held.of:
        return (
            f"Commit `{held.head}` is `{held.of}`, which was approved, with `{tip}` of the base branch merged in and "
            "nothing else. The approval carries over once the gates have passed that."
        )
    text = (
        f"Commit `{held.head}` was approved. Its merge with `{tip}`, which the base branch is at now, is judged before "
        "it can be merged."
    )
    if settings.base.strategy != "strict":
        return text
    return (
        f"{text} Then the base branch is merged into it, one pull request at a time, those first on which most others "
        "depend. A person who presses Update branch need not wait for that: the approval carries over."
    )


def refuse(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, judged: Retest, why: Reason) -> None:
    """Void the check of a head that does not hold when it is merged: Rex merges the base in, for a new review.

    The ledger comes first: without it the flow that sees the check would review the head once more.
    """
    record(context, subject, replace(judged, state="failed"))
    approvals.set_check(
        gh,
        subject.repo,
        pull,
        conclusion="failure",
        title="It does not hold together with the base branch",
        summary="\n\n".join(
            filter(None, [f"Merged with `{judged.onto}`: {why.what}.", reason_text.details(why)]),
        ),
        text=None,
    )


def disown(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, known: Retest) -> None:
    """Have a head reviewed like any other: whoever pushed it merged otherwise than git does.

    The ledger comes first: without it the flow that sees the check would take the head up once more.
    """
    record(context, subject, replace(known, state="failed", tries=0))
    approvals.set_check(
        gh,
        subject.repo,
        pull,
        conclusion=None,
        title="The approval does not carry over",
        summary=f"Commit `{pull.head_sha}` is not what git makes of `{known.of}`, which was approved, and "
        f"`{known.onto}` of the base branch: something else came in, or a conflict was resolved. It is reviewed.",
    )


def is_overtaken(settings: RepositoryDefaults, known: Retest) -> bool:
    """Whether the base branch moved on during so many judgements in a row that the check no longer waits for them.

    Under GitHub's strict policy that helps nobody: what lacks the newest commit can't be merged.
    """
    return settings.base.strategy == "retest" and known.overtaken >= settings.base.overtaken


def judged_commit(known: Retest) -> str:
    """The commit that the gates judge as merged with `onto`: the head, or the one that it is the update of."""
    return known.of or known.head


def outcome(entries: Entries, settings: RepositoryDefaults, head: str, onto: str) -> tuple[str, Reason | None]:
    """What the gates decided about a merge, and why it did not pass: `pass`, `fail` or `error`."""
    worst = "pass"
    why: Reason | None = None
    for gate, entry in merged_trees.decided(entries, settings, head, onto).items():
        if entry is None:
            result, reason = "error", Reason(what=f"{verdicts.check_name(gate)} could not judge it")
        elif entry.outcome == "pass":
            continue
        else:
            result, reason = entry.outcome, replace(entry.why, what=f"{verdicts.check_name(gate)}: {entry.reason}")
        if why is None or (result, worst) == ("fail", "error"):
            worst, why = result, reason
    return worst, why


def why_broken(entries: Entries, settings: RepositoryDefaults, head: str, onto: str) -> Reason | None:
    """Why an approved head does not hold when it is merged with a commit of its base; None where no gate says so."""
    known = entry_of(entries, head)
    if known is None or known.state != "failed" or known.onto != onto:
        return None
    result, why = outcome(entries, settings, judged_commit(known), onto)
    return why if result == "fail" else None


def tree_of(entries: Entries, head: str, onto: str) -> str:
    """The merged tree that the gates judged; empty where none did."""
    trees = [e.tree for e in entries.all(MergedEntry) if (e.head, e.onto) == (head, onto) and e.tree]
    return trees[0] if trees else ""


def shown(entries: Entries, known: Retest) -> str:
    """What the check says of the merge, as a paragraph; empty where the head holds the base branch already."""
    tree = tree_of(entries, known.head, known.onto)
    if not tree:
        return ""
    text = f"Merged with `{known.onto}` of the base branch it is the tree `{tree}`, which passed the gates, too."
    if known.behind:
        text += " GitHub merges it once a person has pressed Update branch; the approval carries over."
    return text


def record(context: Context, subject: Subject, entry: Retest) -> None:
    """Write the entry of a head."""
    context.ledger(subject.repo).record("pr", subject.pull_number, replace(entry, at=int(context.clock.now())))


def _of(known: Retest | None, pull: pulls.Pull) -> Retest:
    return known or Retest(head=pull.head_sha, state="pending")
