"""What a run used, as whoever carried it out says on its CodeRun, at the prices of the values.

The agent's command line counts it, not the harness: a limit by it is as good as its report. What breaks the form counts
as nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from pressplay.domain.entries import Run as RunEntry
from pressplay.domain.outcomes import Outcome
from pressplay.domain.usage import priced
from pressplay.errors import InputError
from pressplay.settings import Price
from pressplay.steps.core.context import Context
from pressplay.steps.runs.outcomes import REPORT_ANNOTATION, held
from pressplay.steps.runs.run import Run
from pressplay.validation import outcomes


def noted(context: Context, run: Run, entry: RunEntry) -> RunEntry:
    """The run's entry with what it used, and for how long it waited; as it is where nobody says."""
    manifest = context.cluster.get(run.resource, context.settings.controller_namespace, run.name)
    annotations = (manifest or {}).get("metadata", {}).get("annotations") or {}
    report = _report(annotations.get(REPORT_ANNOTATION, ""))
    used = priced(report.usage, price(context.settings.prices, report.model)) if report.usage else None
    return replace(
        entry,
        usage=used if used else entry.usage,
        model=report.model or entry.model,
        held=held(manifest) or entry.held,
    )


def price(prices: Mapping[str, Price], model: str) -> tuple[float, float, float] | None:
    """What a million tokens of input, of cached input and of output cost; None for a model that is not listed.

    An exact name comes first, then the longest that matches.
    """
    matching = [name for name in prices if name == model or fnmatchcase(model, name)]
    if not matching:
        return None
    listed = prices[max(matching, key=lambda name: (name == model, len(name)))]
    cached = listed.input if listed.cached_input is None else listed.cached_input
    return listed.input, cached, listed.output


def _report(text: str) -> Outcome:
    try:
        document: Any = json.loads(text) if text else {}
        known = (
            {key: document[key] for key in ("usage", "model") if key in document} if isinstance(document, dict) else {}
        )
        return outcomes.read(json.dumps(known).encode(), REPORT_ANNOTATION)
    except (ValueError, InputError):
        return Outcome()
