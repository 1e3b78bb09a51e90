"""What must be shown of a change, by its proof profile. docs/reference/profiles.md shows this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pressplay.domain.profiles import Profile

Shown = Literal["proof", "failed", "controls", "same", "nothing"]
"""What shows the change itself.

`proof`: a new or changed test that proves, or a probe that is new. `failed`: a test that proves and failed on the base
by assertion, or a probe that is new. `controls`: each new or changed test notices a control. `same`: at
least one test passes on base and head. `nothing`: the change has no behaviour.
"""


@dataclass(frozen=True)
class Demand:
    """What must be shown under one profile, beside what holds for all of them."""

    about: str
    """What kind of change it is for: a clause for people."""
    shown: Shown
    bodies: bool = False
    """Whether a test that proves, or a new probe, must notice that all changed functions return at once."""
    each: bool = False
    """Whether some test or probe must notice it of each changed function."""
    source: bool = True
    """Whether a change of nothing but tests and probes is refused."""
    program: bool = True
    """Whether it may change the program at all; comments are documents."""
    sentence: str = ""
    """For people: what must be shown."""


EVERY = (
    "New and changed tests pass in every run of the head. What passed on the base still passes, or a person accepted "
    "the change with the criterion that asks for it. Every probe holds."
)
"""What must be shown under every profile."""

TABLE: Mapping[Profile, Demand] = {
    "feature": Demand(
        "the program does something that it did not do; also where no one says anything",
        "proof",
        bodies=True,
        each=True,
        sentence="A new or changed test proves, or a probe is new. One of them notices that all changed functions "
        "return at once, and some test or probe notices it of each.",
    ),
    "fix": Demand(
        "the program does something wrong",
        "failed",
        sentence="A new or changed test proves and failed on the base by assertion, or a probe is new.",
    ),
    "refactor": Demand(
        "other code for the same behaviour",
        "same",
        sentence="The base's tests pass upon the head, at least one of them. No new behaviour is asked for.",
    ),
    "removal": Demand(
        "something goes",
        "nothing",
        sentence="Each test that goes with it is accepted by a person, with the criterion that asks for it.",
    ),
    "tests": Demand(
        "tests alone",
        "controls",
        source=False,
        program=False,
        sentence="The program stays as it is. Each new or changed test fails where a function that it exercises "
        "returns at once, or is spoilt "
        "otherwise.",
    ),
    "docs": Demand(
        "documents alone",
        "nothing",
        source=False,
        program=False,
        sentence="Nothing but documents and comments changes. Nothing more, where there is nothing to run.",
    ),
    "dependencies": Demand(
        "other versions of what it builds upon",
        "same",
        sentence="The base's tests pass upon the head, at least one of them.",
    ),
}
