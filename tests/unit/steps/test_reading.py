"""What travels from the step that reads a change to the one that posts: whole, and never too long for a parameter."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.gates.acceptance import packing
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.review.reading import MOST, Brought, Expectation, Reading

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)
REASONS = st.builds(Reason, what=TEXTS, detail=TEXTS)
VERDICTS = st.builds(
    GateVerdict,
    st.sampled_from(["pass", "fail", "error"]),
    TEXTS,
    TEXTS,
    TEXTS,
    st.none() | REASONS,
    st.lists(TEXTS).map(tuple),
)
LINES = st.integers(0, 10_000)
READINGS = st.builds(
    Reading,
    VERDICTS,
    st.booleans(),
    st.lists(st.builds(Expectation, TEXTS, LINES, TEXTS, TEXTS, TEXTS), max_size=3).map(tuple),
    st.none() | VERDICTS,
    st.lists(st.builds(Brought, TEXTS, TEXTS, TEXTS, LINES, TEXTS), max_size=3).map(tuple),
)


@given(READINGS)
def test_it_arrives_as_it_was(reading: Reading):
    assert Reading.unpack(reading.pack()) == reading


@pytest.mark.rule("R4")
@pytest.mark.rule("R7")
def test_what_nobody_can_compress_is_cut_and_the_verdict_stays():
    rng = random.Random(1)

    def noise(length: int) -> str:
        return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))

    details = "\n".join(f"- {noise(100)}" for _ in range(600))
    reading = Reading(
        GateVerdict("fail", "title", "the tests are weaker", details),
        True,
        tuple(Expectation(noise(200), at, noise(200), "", "AC1") for at in range(200)),
        GateVerdict("error", "title", "it brings in 1000 packages", details, holds=("supply",)),
        tuple(Brought("packages", noise(200), noise(200), at, "park") for at in range(1_000)),
    )
    packed = reading.pack()
    assert len(packed) <= MOST
    arrived = Reading.unpack(packed)
    assert (arrived.test_only.outcome, arrived.test_only.reason, arrived.for_rex) == (
        "fail",
        "the tests are weaker",
        True,
    )
    assert arrived.supply is not None
    assert (arrived.supply.outcome, arrived.supply.holds) == ("error", ("supply",))
    assert arrived.test_only.details.endswith("\n- and more")
    assert arrived.expectations == reading.expectations[: len(arrived.expectations)]


@pytest.mark.rule("R7")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("none", "packed by gzip"),
        (packing.pack("{}"), "test_only: Field required"),
        (packing.pack('{"test_only": {"outcome": "approved", "title": "", "reason": ""}}'), "test_only.outcome"),
    ],
)
def test_what_is_no_reading_is_refused(text: str, reason: str):
    with pytest.raises(InputError, match="parameter reading: ") as raised:
        Reading.unpack(text)
    assert reason in str(raised.value)
