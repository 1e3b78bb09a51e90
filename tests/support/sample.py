"""A share of many cases, another one each day: `make kill` and `make faults` play all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

SHARES = 31
"""Prime to the steps by which tests share cases out among processes: else some would have none on a day."""
TURN = int(os.environ.get("PRESSPLAY_TURN") or time.time() // 86_400) % SHARES
"""Which share it is today; the same for all processes of a run, and set by hand to repeat one of another day."""

AGAIN = f"to repeat it: PRESSPLAY_TURN={TURN}"
"""What a failure says, beside the case."""


def sample(cases: Iterable[int], *, whole: bool) -> Iterator[int]:
    """The cases whose turn it is, or all."""
    return (case for case in cases if whole or case % SHARES == TURN)
