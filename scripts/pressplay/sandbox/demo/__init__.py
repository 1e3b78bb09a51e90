"""The demo: a small real project, its backlog, and acceptance tests that stand outside the agents' reach."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).with_name("project")
"""The project as it stands before anybody pressed play; `.taskmaster/tasks/tasks.json` is its backlog."""

SETTINGS: Mapping[str, Any] = {"defaults": {"tests": {"controls": {"most": 1}}}}
"""Merged over the chart's configuration: fewer negative controls than by default, so that the demo ends sooner."""
