"""A sample of the corpus through the real gates, with the toolchains that are here; all of it: `make test-long`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pressplay.evaluation import corpus
from pressplay.evaluation.figures import wrong
from pressplay.evaluation.trial import trial
from pressplay.evaluation.workshop import Workshop
from pressplay.gates.proving.job import Bounds

pytestmark = [pytest.mark.rule("R5"), pytest.mark.rule("R6")]
FOLDER = Path(__file__).parents[1] / "corpus"
SAMPLE = {
    "python-service": (
        "fix-cents", "feature-filter", "stub-volume", "import-only-zones", "hasattr-only-table",
        "deleted-tests-border", "weakened-assertion-quote", "docs-with-program", "secret-in-program",
        "loosened-plan-commit",
    ),
    "no-tests": ("feature-methods", "copied-constant-methods", "always-true-errors"),
    "rust-library": ("always-true-overflow",),
    "go-service": ("docs-with-program",),
}  # fmt: skip
"""By project; of compiled languages a case that needs one build."""
TOOLS = {"rust-library": "cargo", "go-service": "go"}
FEW = Bounds(repeat=2, most=3)
"""Controls for a quick look."""


@pytest.mark.parametrize(("project", "name"), [(project, name) for project, names in SAMPLE.items() for name in names])
def test_the_gates_decide_what_is_wanted(project: str, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    tool = TOOLS.get(project, "python3")
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not here")
    (case,) = corpus.read(FOLDER, f"{project}/{name}")
    said: list[str] = []
    result = trial(case, 1, Workshop(tmp_path_factory.getbasetemp() / "eval", said.append), FEW)
    assert wrong(result) == "", (result.decision, result.gate, result.reason, said)
