"""What was read of a change, as it travels from the step that reads strangers' bytes to the one that posts.

The step that reads has no key. The step that posts reads none of those bytes, only this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from pressplay.gates.acceptance import packing
from pressplay.steps.core.verdicts import GateVerdict

MOST = 90_000
"""Characters of a packed reading: Linux takes words of 128 KiB, and a step's parameters are one word."""


@dataclass(frozen=True)
class Expectation:
    """A line of the tests that the change removes or alters, as its criterion asks for."""

    path: str
    line: int
    before: str
    after: str
    criterion: str


@dataclass(frozen=True)
class Brought:
    """Something that the change brings in, and what the values say about its kind."""

    kind: str
    what: str
    path: str
    line: int
    action: str


@dataclass(frozen=True)
class Reading:
    """The verdicts of the gates that compare a change with its base, and what the proof shows of it."""

    test_only: GateVerdict
    for_rex: bool = False
    """Whether Rex can fix all that the test-only gate refuses."""
    expectations: tuple[Expectation, ...] = ()
    supply: GateVerdict | None = None
    """None where that gate is off, or QA has not passed the commit."""
    brought: tuple[Brought, ...] = ()
    plan: str = ""
    """The plan of probes as JSON; empty where the commit holds none that proves anything."""

    def pack(self) -> str:
        """As an Argo parameter may carry it. Where it would be too long for one, its lists and texts are cut; the plan
        is whole, since no plan is long (`probe_plan.PACKED`)."""
        kept, packed = self, packing.pack_json(_ADAPTER, self)
        while len(packed) > MOST:
            kept = kept._half()
            packed = packing.pack_json(_ADAPTER, kept)
        return packed

    def _half(self) -> Reading:
        return replace(
            self,
            test_only=_shorter(self.test_only),
            expectations=self.expectations[: len(self.expectations) // 2],
            supply=_shorter(self.supply) if self.supply else None,
            brought=self.brought[: len(self.brought) // 2],
        )

    @staticmethod
    def unpack(text: str) -> Reading:
        """The reading that `pack` packed; InputError if it is not one."""
        return packing.unpack_json(_ADAPTER, text, "parameter reading")


_ADAPTER: TypeAdapter[Reading] = TypeAdapter(Reading)


def _shorter(verdict: GateVerdict) -> GateVerdict:
    half = verdict.details[: len(verdict.details) // 2].rpartition("\n")[0]
    return replace(verdict, details=f"{half}\n- and more" if half else "")
