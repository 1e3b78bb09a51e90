"""What runs used: tokens and money, as agents' command lines report them, added up.

Names as in a result file (schemas/outcome.schema.json): `inputTokens` came from no cache, `cachedInputTokens` did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

INPUT, CACHED, OUTPUT, COST = "inputTokens", "cachedInputTokens", "outputTokens", "costUSD"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, and what they cost in USD as far as that is known."""

    tokens: int = 0
    cost: float = 0.0
    unpriced: bool = False
    """Whether there are tokens whose cost nobody named."""

    @staticmethod
    def of(reports: Iterable[Mapping[str, float] | None]) -> Usage:
        """The sum of runs' usage; a run without a report counts as nothing."""
        tokens, cost, unpriced = 0, 0.0, False
        for report in filter(None, reports):
            used = int(sum(report.get(name, 0) for name in (INPUT, CACHED, OUTPUT)))
            tokens, cost = tokens + used, cost + report.get(COST, 0.0)
            unpriced |= bool(used) and COST not in report
        return Usage(tokens, round(cost, 6), unpriced)

    @property
    def money(self) -> str:
        """The cost for people; empty where nothing is known of it."""
        if not self.cost and (self.unpriced or not self.tokens):
            return ""
        return f"{'at least ' if self.unpriced else ''}${self.cost:.2f}"

    def as_json(self) -> dict[str, float | bool]:
        """For programs."""
        return {"tokens": self.tokens, COST: self.cost, "complete": not self.unpriced}


def priced(report: Mapping[str, float], each: tuple[float, float, float] | None) -> dict[str, float]:
    """A report with the cost at a price: USD for a million tokens of input, of cached input, and of output.

    Without a price it keeps what its command line said.
    """
    if each is None:
        return dict(report)
    amounts = (report.get(name, 0.0) for name in (INPUT, CACHED, OUTPUT))
    return {**report, COST: round(sum(map(float.__mul__, map(float, amounts), each)) / 1e6, 6)}
