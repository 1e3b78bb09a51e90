"""What a gate judges: a pull request's head, or a commit merged with one of the base branch.

A verdict on a head is posted (`verdicts.post`). One on a merge is only recorded, in the ledger of the pull request:
whoever asked for it decides what becomes of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pressplay import names
from pressplay.domain.entries import Details, Entries, MergedEntry, Waiver
from pressplay.domain.reasons import Reason
from pressplay.github import pulls
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Context, Inputs, Subject
from pressplay.steps.core.verdicts import Gate, GateVerdict


@dataclass(frozen=True)
class Candidate:
    """The commit `head`; with `onto`, the tree of merging it with that commit of the base branch."""

    head: str
    onto: str = ""

    @staticmethod
    def of(inputs: Inputs) -> Candidate:
        """From the parameters `head` and `onto` (`none`: the head as it is)."""
        onto = inputs.get("onto", "none")
        return Candidate(names.checked(inputs["head"], "head"), "" if onto == "none" else names.checked(onto, "onto"))

    def is_superseded(self, pull: pulls.Pull) -> bool:
        """Whether the pull request has another head by now. A merge may be of a commit that is nobody's head."""
        return not self.onto and pull.head_sha != self.head

    def outcome(self, entries: Entries, gate: Gate) -> str:
        """What a gate decided about it; empty where it has not."""
        if not self.onto:
            recorded = verdicts.verdict_on(entries, gate, self.head)
            return recorded.outcome if recorded else ""
        merged = self._newest(entries, gate)
        return merged.outcome if merged and merged.onto == self.onto else ""

    def is_proven(self, entries: Entries, gate: Gate, tree: str) -> bool:
        """Whether a gate passed the same merged tree before, of other commits: it needs no new run."""
        return any(
            entry.gate == gate and entry.tree == tree and entry.outcome == "pass" for entry in entries.all(MergedEntry)
        )

    def conclude(self, context: Context, subject: Subject, gate: Gate, verdict: GateVerdict, tree: str = "") -> str:
        """Post or record a verdict; returns its outcome, or verdicts.SUPERSEDED. `tree`: the merged one. Idempotent."""
        if not self.onto:
            return verdicts.post(context, subject, gate, self.head, verdict)
        ledger = context.ledger(subject.repo)
        lacking = _not_accepted(ledger.entries("pr", subject.pull_number), verdict, self.head)
        if lacking:
            verdict = GateVerdict("fail", "Not accepted", lacking, why=Reason(what=lacking))
        entry = MergedEntry(
            gate=gate,
            head=self.head,
            onto=self.onto,
            outcome=verdict.outcome,
            reason=verdict.reason,
            details=Details.of(verdict.why) if verdict.why else None,
            tree=tree,
            at=int(context.clock.now()),
        )
        ledger.record("pr", subject.pull_number, entry)
        return verdict.outcome

    def _newest(self, entries: Entries, gate: Gate) -> MergedEntry | None:
        return entries.get(MergedEntry, MergedEntry.key_of(gate, self.head))


def _not_accepted(entries: Entries, verdict: GateVerdict, head: str) -> str:
    """Why a pass does not count: it rests on what no person accepted of this head; empty where it does."""
    lacking = [held for held in verdict.holds if Waiver.key_of(held, head) not in entries]
    if verdict.outcome != "pass" or not lacking:
        return ""
    return f"merged with the base branch it loses tests that only {', '.join(lacking)} explains, which nobody accepted"
