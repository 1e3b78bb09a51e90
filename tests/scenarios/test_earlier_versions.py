"""What an earlier version wrote is taken up: ledgers, configuration, and a play that was under way."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from harness import PLAN, world
from people import person
from team import Team, commit

from pressplay.clock import VirtualClock
from pressplay.domain.entries import Entries, Other, dump
from pressplay.settings import Settings

DATA = Path(__file__).parents[1] / "data" / "earlier"


def plans(tree: Path, env: Mapping[str, str]) -> None:
    """Leave a plan of probes that counts today: the recorded one asks for the commit alone."""
    plan = f".press-play/acceptance/{env['PRESSPLAY_TASK']}.yaml"
    if (tree / plan).read_text() != PLAN:
        commit(tree, plan, PLAN)


@pytest.fixture
def state(tmp_path):
    """The recorded folder, as if it had been recorded here; and its clock."""
    with tarfile.open(DATA / "play-6cd1e5a.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file() and path.name != "state.db" and b"@HERE@" in (content := path.read_bytes()):
            path.chmod(0o600)
            path.write_bytes(content.replace(b"@HERE@", str(tmp_path).encode()))
    with sqlite3.connect(tmp_path / "state" / "state.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            for _, column, *_ in database.execute(f"PRAGMA table_info({table})").fetchall():
                database.execute(
                    f"UPDATE {table} SET {column}=replace({column}, '@HERE@', ?) WHERE typeof({column})='text'",
                    (str(tmp_path),),
                )
    return tmp_path / "state", VirtualClock(float((tmp_path / "clock").read_text()))


@pytest.mark.rule("R1")
@pytest.mark.rule("R3")
def test_a_play_that_an_earlier_version_began_goes_on_to_its_end_and_repeats_no_run(state):
    folder, clock = state
    made = world(
        folder,
        Team(wants_changes={1: 1}, does={"test": plans}),
        clock=clock,
        settings={"defaults": {"supply": {"enabled": False}}},
    )
    before = made.starts()
    summary = made.go_on()
    assert [(task.id, task.state) for task in summary.tasks] == [("1", "merged"), ("2", "merged"), ("3", "merged")]
    starts = made.starts()
    assert starts[: len(before)] == before
    assert len({start.split()[0] for start in starts}) == len(starts), "no run begins twice"
    made.sandbox.close()


@pytest.mark.rule("R5")
def test_a_review_that_began_before_there_was_a_gate_waits_for_a_person_who_has_it_looked_at(state):
    """A Workflow keeps the templates that it began with: no commit is approved that a gate of today has not seen."""
    folder, clock = state
    made = world(folder, Team(wants_changes={1: 1}, does={"test": plans}), clock=clock)
    summary = made.go_on()
    (parked,) = (task for task in summary.tasks if task.state == "parked")
    assert parked.reason == "press-play/supply has not looked at this commit"
    gh = person(made)
    gh.post(f"/issues/{parked.pr}/comments", json={"body": "/press-play retry"}).raise_for_status()
    done = {task.id: task.state for task in made.go_on().tasks}
    assert done[parked.id] == "merged"
    made.sandbox.close()


@pytest.mark.rule("R1")
def test_each_entry_that_an_earlier_version_recorded_is_known_and_written_as_it_was(state):
    folder, _ = state
    with sqlite3.connect(folder / "state.db") as database:
        bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM objects WHERE kind='ConfigMap'")]
    ledgers = [
        body for body in bodies if (body["metadata"].get("labels") or {}).get("press-play/ledger") in ("task", "pr")
    ]
    assert len(ledgers) == 4
    for ledger in ledgers:
        recorded = {key: json.loads(text) for key, text in ledger["data"].items()}
        entries = Entries.read(recorded)
        assert not entries.all(Other)
        for key, entry in entries.by_key.items():
            kept = {name: value for name, value in recorded[key].items() if value is not None}
            assert kept.items() <= dump(entry).items()


@pytest.mark.rule("R10")
def test_the_configuration_that_an_earlier_version_rendered_is_read(state):
    folder, _ = state
    with sqlite3.connect(folder / "state.db") as database:
        bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM objects WHERE kind='ConfigMap'")]
    (config,) = (body for body in bodies if body["metadata"]["name"] == "press-play-config")
    assert "acme/shop" in Settings.model_validate_json(config["data"]["config.json"]).repositories
