"""The events that the harness's App subscribes to are those that the chart's EventSource wants, whatever is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from charts import ROOT, load, one

from pressplay.domain import flows as flows_
from pressplay.github.permissions import needed
from pressplay.settings import Settings
from pressplay.validation import helm, values

ALL_OFF = {name: {"enabled": False} for name in ("pullRequest", "comments", "triage", "security", "issue")}


@pytest.mark.parametrize(
    ("flows", "start"),
    [
        ({}, "label"),
        ({}, "all"),
        (ALL_OFF, "label"),
        *(({**ALL_OFF, name: {"enabled": True}}, "label") for name in ALL_OFF),
        ({**ALL_OFF, "security": {"enabled": True, "scanWorkflows": ["CodeQL"]}}, "label"),
        ({"triage": {"enabled": False}, "security": {"scanWorkflows": ["CodeQL"]}}, "all"),
    ],
)
def test_the_app_is_sent_what_the_eventsource_wants(tmp_path: Path, flows: dict[str, Any], start: str):
    text = yaml.safe_dump({"repositories": {"acme/shop": {}}, "flows": flows, "events": {"start": start}})
    (tmp_path / "values.yaml").write_text(text)
    documents = load(helm.template(ROOT, [tmp_path / "values.yaml"]))
    wanted = one(documents, "EventSource", "press-play")["spec"]["github"]["github"]["events"]
    settings = Settings.model_validate(values.config(values.load([("values.yaml", text)]), "press-play"))
    assert list(needed(settings)["press-play"].events) == wanted
    counted = {row.name for flow in flows_.flows() for row in settings.started_by(flow)}
    dependencies = one(documents, "Sensor", "press-play")["spec"]["dependencies"]
    assert {row["name"].removesuffix("-labelled").removesuffix("-ours") for row in dependencies} == counted
