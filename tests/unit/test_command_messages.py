"""Commands answer wrong input with a message and status 2, never with a traceback."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path

import pytest

from pressplay.chart import rendered_chart
from pressplay.cli import main
from pressplay.clock import SystemClock
from pressplay.cluster import pause
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.commands import play
from pressplay.errors import InputError
from pressplay.sandbox.engine import set_node
from pressplay.settings import CONFIG_KEY, CONFIG_MAP


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A sandbox's folder with an installation that lists acme/shop."""
    cluster = SqliteCluster(tmp_path / "state.db", SystemClock(), set_node)
    config = {"namespace": "press-play", "controllerNamespace": "agents", "repositories": {"acme/shop": {}}}
    metadata = {"name": CONFIG_MAP, "namespace": "press-play"}
    data = {CONFIG_KEY: json.dumps(config)}
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    cluster.close()
    return tmp_path


def _paused(state: Path, repo: str) -> bool:
    cluster = SqliteCluster(state / "state.db", SystemClock(), set_node)
    try:
        return pause.is_paused(cluster, "press-play", repo)
    finally:
        cluster.close()


@pytest.mark.rule("R4")
def test_pause_and_continue_say_what_they_did(state: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["pause", "--repo", "acme/shop", "--state", str(state)]) == 0
    assert "Paused: acme/shop." in capsys.readouterr().err
    assert _paused(state, "acme/shop")
    assert main(["pause", "--repo", "acme/shop", "--by", "ann", "--why", "the freeze", "--state", str(state)]) == 0
    capsys.readouterr()
    assert main(["continue", "--repo", "acme/shop", "--state", str(state)]) == 0
    assert capsys.readouterr().err == "Continued: acme/shop.\n0 waiting runs woken.\n"
    assert not _paused(state, "acme/shop")


@pytest.mark.rule("R10")
@pytest.mark.parametrize("command", ["pause", "continue"])
def test_a_repository_that_is_not_listed_is_refused(state: Path, command: str, capsys: pytest.CaptureFixture[str]):
    assert main([command, "--repo", "acme/shpo", "--state", str(state)]) == 2
    assert "'acme/shpo' is not listed" in capsys.readouterr().err


@pytest.mark.rule("R10")
def test_a_namespace_without_an_installation_is_refused(state: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["pause", "-n", "elsewhere", "--state", str(state)]) == 2
    assert "is the chart installed there?" in capsys.readouterr().err


def test_without_a_cluster_the_message_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["pause"]) == 2
    assert "no cluster to use" in capsys.readouterr().err


def test_an_agent_beside_the_caller_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    agent = tmp_path / "agent.sh"
    agent.write_text("#!/bin/sh\n")
    agent.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert play._agent("./agent.sh 'two words'") == [str(agent), "two words"]


@pytest.mark.parametrize("agent", ["no-such-program --fast", "''", "unclosed 'quote"])
def test_an_agent_that_can_not_be_started_is_refused_at_once(agent: str):
    with pytest.raises(InputError, match="--agent"):
        play._agent(agent)


@pytest.mark.rule("R10")
@pytest.mark.parametrize("text", ["limits: {rounds: 1}\n", "- a\n- b\n", "kind: ConfigMap\n"])
def test_what_is_no_rendered_chart_is_refused(tmp_path: Path, text: str):
    file = tmp_path / "values.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"expected a manifest with kind and metadata\.name"):
        rendered_chart(file)


def test_what_is_played_of_the_demo_is_no_choice(tmp_path, capsys):
    assert main(["play", "--state", str(tmp_path / "state"), "--tag", "later", "--commit", "HEAD"]) == 2
    assert "--tag, --commit: expected a PROJECT that it is about, got none" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_a_users_own_chart_says_what_is_played_and_a_resumed_play_stays_with_what_it_began_with(tmp_path):
    shop = tmp_path / "shop"
    (shop / ".taskmaster" / "tasks").mkdir(parents=True)
    tags = {tag: {"tasks": []} for tag in ("master", "later", "now")}
    (shop / ".taskmaster" / "tasks" / "tasks.json").write_text(json.dumps(tags))
    for line in ("init -qb develop", "add -A", "-c user.name=a -c user.email=a@b commit -qm x", "branch release"):
        subprocess.run(["git", *line.split()], cwd=shop, check=True)
    chart = copy.deepcopy(rendered_chart())
    config = next(m for m in chart if m["kind"] == "ConfigMap" and m["metadata"]["name"] == CONFIG_MAP)
    values = json.loads(config["data"][CONFIG_KEY])
    values["repositories"] = {"acme/shop": {"defaultBranch": "release", "tag": "later"}}
    config["data"][CONFIG_KEY] = json.dumps(values)
    (tmp_path / "rendered.yaml").write_text("\n---\n".join(map(json.dumps, chart)))

    def played(saved=None, *, resume=False, **wanted):
        wanted = {"project": str(shop), "chart": str(tmp_path / "rendered.yaml"), **wanted}
        what = play._what(wanted, "", {"played": saved} if saved else {}, lambda _line: None, resume=resume)
        return what["repo"], what["branch"], what["tag"]

    assert played() == ("local/shop", "develop", "master")
    assert played(repo="acme/shop") == ("acme/shop", "release", "later")
    assert played(repo="acme/shop", tag="now", branch="develop") == ("acme/shop", "develop", "now")
    before = {"repo": "acme/shop", "branch": "release", "tag": "now", "path": ".taskmaster/tasks/tasks.json"}
    assert played(before, resume=True) == ("acme/shop", "release", "now")
    # A new press keeps the repository's name, and asks for everything else again.
    assert played(before) == ("acme/shop", "release", "later")
