"""What a gate judges: a pull request's head, a commit merged with one of the base branch, or what a play ended with.

A verdict on a head is posted (`verdicts.post`). The others are only recorded, in the ledger of the pull request:
whoever asked for one decides what becomes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pressplay import names
from pressplay.domain.entries import Details, Entries, FinalProof, MergedEntry, Waiver
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.gates.proving.job import Merged
from pressplay.github import pulls
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Context, Inputs, Subject
from pressplay.steps.core.verdicts import Gate, GateVerdict


@dataclass(frozen=True)
class Candidate:
    """The commit `head`; with `onto`, the tree of merging it with that commit of the base branch.

    With `tasks`, it is a commit of the base branch itself: those tasks of a play are merged in it, and `onto` is the
    commit before the play's first merge. The play's `FinalProof` of it was begun.
    """

    head: str
    onto: str = ""
    tasks: tuple[int, ...] = ()

    @staticmethod
    def of(inputs: Inputs) -> Candidate:
        """From the parameters: `head`, `onto` (`none`: the head as it is), `tasks` (`1.2.5`; `none`: no play's end)."""
        onto, tasks = inputs.get("onto", "none"), inputs.get("tasks", "none")
        return Candidate(
            names.checked(inputs["head"], "head"),
            "" if onto == "none" else names.checked(onto, "onto"),
            () if tasks == "none" else tasks_of(tasks),
        )

    def is_superseded(self, pull: pulls.Pull) -> bool:
        """Whether the pull request has another head by now. A merge may be of a commit that is nobody's head."""
        return not self.onto and pull.head_sha != self.head

    def outcome(self, entries: Entries, gate: Gate) -> str:
        """What a gate decided about it; empty where it has not."""
        if not self.onto:
            recorded = verdicts.verdict_on(entries, gate, self.head)
            return recorded.outcome if recorded else ""
        if self.tasks:
            proof = self.proof(entries)
            return proof.outcome if proof else ""
        merged = self._newest(entries, gate)
        return merged.outcome if merged and merged.onto == self.onto else ""

    def is_proven(self, entries: Entries, gate: Gate, tree: str) -> bool:
        """Whether a gate passed the same merged tree before, of other commits: it needs no new run."""
        return any(
            entry.gate == gate and entry.tree == tree and entry.outcome == "pass" for entry in entries.all(MergedEntry)
        )

    def proof(self, entries: Entries) -> FinalProof | None:
        """What is known of it as the end of a play."""
        return entries.get(FinalProof, FinalProof.key_of(self.head))

    def is_deployed(self, entries: Entries) -> bool:
        """Whether it is what a play ended with, of which the deployment is looked at, too."""
        begun = self.proof(entries)
        return begun is not None and begun.head == begun.tip and begun.deployed is not None

    def merged(self, entries: Entries, tree: str) -> Merged | None:
        """What the tests gate must know of it, where it is no head as it is; `tree` is the merged one."""
        if not self.tasks:
            return Merged(self.onto, tree) if self.onto else None
        begun = self.proof(entries)
        return Merged(self.onto, tree, begun.runs if begun else 1, is_end=True)

    def conclude(
        self,
        context: Context,
        subject: Subject,
        gate: Gate,
        verdict: GateVerdict,
        tree: str = "",
        failing: Sequence[str] = (),
    ) -> str:
        """Post or record a verdict; returns its outcome, or verdicts.SUPERSEDED. Idempotent.

        `tree`: the merged one. `failing`: what fails of the end of a play.
        """
        if not self.onto:
            return verdicts.post(context, subject, gate, self.head, verdict)
        ledger = context.ledger(subject.repo)
        if self.tasks:
            begun = self.proof(ledger.entries("pr", subject.pull_number))
            if begun is None:
                return verdicts.SUPERSEDED
            if begun.failing and verdict.outcome == "pass":
                verdict = GateVerdict("error", "Could not be judged", _VARYING)
            proof = replace(
                begun,
                outcome=verdict.outcome,
                reason=verdict.reason,
                details=Details.of(verdict.why) if verdict.why else None,
                tree=tree,
                failing=tuple(failing),
                at=int(context.clock.now()),
            )
            ledger.record("pr", subject.pull_number, proof)
            return verdict.outcome
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
            green=verdict.green or None,
        )
        ledger.record("pr", subject.pull_number, entry)
        return verdict.outcome

    def _newest(self, entries: Entries, gate: Gate) -> MergedEntry | None:
        return entries.get(MergedEntry, MergedEntry.key_of(gate, self.head))


_VARYING = "what failed in one run passed in all later ones"


def tasks_of(text: str) -> tuple[int, ...]:
    """Tasks from a parameter (`1.2.5`); InputError for anything else."""
    numbers = text.split(".")
    if not all(number.isdecimal() for number in numbers):
        raise InputError(f"parameter tasks: expected numbers with points between them, got {text!r}")
    return tuple(map(int, numbers))


def _not_accepted(entries: Entries, verdict: GateVerdict, head: str) -> str:
    """Why a pass does not count: it rests on what no person accepted of this head; empty where it does."""
    lacking = [held for held in verdict.holds if Waiver.key_of(held, head) not in entries]
    if verdict.outcome != "pass" or not lacking:
        return ""
    return f"merged with the base branch it loses tests that only {', '.join(lacking)} explains, which nobody accepted"
