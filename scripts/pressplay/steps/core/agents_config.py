"""The ConfigMap that holds the chart's personas."""

from __future__ import annotations

SOURCE = "press-play-agents"
