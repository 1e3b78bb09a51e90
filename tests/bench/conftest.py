"""What the tests here measure: one table on stdout and one JSON file, dist/bench.json or PRESSPLAY_FIGURES."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import pytest

FILE = Path(os.environ.get("PRESSPLAY_FIGURES") or Path(__file__).parents[2] / "dist" / "bench.json")
HEADERS = ("figure", "unit", "median", "least to most", "runs", "wanted", "against")


@dataclass(frozen=True)
class Figure:
    """What repeated runs of one thing measured; `against`: its median over another figure of the same run."""

    name: str
    unit: str
    values: tuple[float, ...]
    wanted: float | None = None
    """At most this much."""
    against: dict[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return median(self.values)

    def row(self) -> tuple[str, ...]:
        """Its cells, for HEADERS."""
        spread = f"{min(self.values):.4g} to {max(self.values):.4g}" if len(self.values) > 1 else ""
        ratios = ", ".join(f"{name} {ratio:.3f}" for name, ratio in self.against.items())
        wanted = "" if self.wanted is None else f"{self.wanted:g}"
        return (self.name, self.unit, f"{self.median:.4g}", spread, str(len(self.values)), wanted, ratios)


class Figures:
    """All figures of this call of pytest, in the order in which they were measured."""

    def __init__(self) -> None:
        self.all: list[Figure] = []

    def record(self, name: str, unit: str, *values: float, wanted: float | None = None, **against: float) -> Figure:
        """Note a figure; `against` are values that its median is compared with."""
        ratios = {other.replace("_", " "): median(values) / value for other, value in against.items()}
        figure = Figure(name, unit, values, wanted, ratios)
        self.all.append(figure)
        return figure


MEASURED = pytest.StashKey[Figures]()


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    return pytestconfig.stash.setdefault(MEASURED, Figures())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show and write what was measured, also where a test failed."""
    measured = config.stash.get(MEASURED, Figures()).all
    if not measured:
        return
    for row in [HEADERS, tuple("---" for _ in HEADERS), *(figure.row() for figure in measured)]:
        terminalreporter.write_line(f"| {' | '.join(row)} |")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    document = [{**asdict(figure), "median": figure.median} for figure in measured]
    FILE.write_text(json.dumps({"figures": document}, indent=2) + "\n")
