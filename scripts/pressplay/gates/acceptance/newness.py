"""Whether a probe shows something that the base did not do already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pressplay.gates.acceptance.proof import ProbeProof
from pressplay.gates.proving.model import Profile

Newness = Literal["new", "not new", "unknown"]


def newness(base: ProbeProof | None, head: ProbeProof) -> Newness:
    """Whether a probe that holds at the head does not hold on the base.

    `base` is None where the probe was not made there, as no probe of a deployment is: an environment runs one commit,
    and a request that changes something is not repeated for another. `unknown` also where either was not carried out.
    """
    if base is None or base.fault or not base.attempts or not head.passed:
        return "unknown"
    return "not new" if base.passed else "new"


def shows_nothing_new(profile: Profile, probes: Mapping[str, Newness]) -> bool:
    """Whether a plan is refused for a task of this profile: each of its probes, by name, holds on the base too."""
    return profile in ("feature", "fix") and bool(probes) and all(new == "not new" for new in probes.values())
