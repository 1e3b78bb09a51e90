"""The demo: a small real project, its backlog, and acceptance tests that stand outside the agents' reach."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).with_name("project")
"""The project as it stands before anybody pressed play; `.taskmaster/tasks/tasks.json` is its backlog."""
