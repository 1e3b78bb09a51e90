"""Cases of the corpus as tasks of a backlog, and the agent that hands them in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

_TESTS = Path(__file__).parents[1]
CORPUS = _TESTS / "corpus"


def agent(case: Path) -> list[str]:
    """The command line of the agent that hands in this case."""
    return [sys.executable, str(_TESTS / "projects" / "case_agent.py"), str(case)]


def task(case: Path) -> dict[str, Any]:
    """The case's task, as tasks.json holds it."""
    about = yaml.safe_load((case / "case.yaml").read_text())
    return {
        "id": 1,
        "title": about["title"],
        "description": about["title"],
        "status": "pending",
        "dependencies": [],
        "profile": about["profile"],
        "acceptanceCriteria": about["criteria"],
    }
