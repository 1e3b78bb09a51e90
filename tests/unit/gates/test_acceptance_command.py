"""`pressplay acceptance`: a person or QA tries a plan, and is told what came back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from strangers import answer, says, stranger

from pressplay.cli import main

PLAN = """\
probes:
  - name: lists
    http: {path: /, expect: {status: 200, contains: [Tea]}}
  - name: runs
    workload: {kind: Deployment, name: shop, expect: {ready: true}}
"""
HTTP = PLAN.partition("  - name: runs")[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "plan.yaml"
    made.write_text(PLAN)
    return made


def test_a_plan_that_holds_ends_with_0_and_what_is_left_out_is_said(file: Path, capsys: pytest.CaptureFixture[str]):
    with stranger(says(answer("200 OK", b"Tea"))) as server:
        assert main(["acceptance", str(file), "--url", server.url]) == 0
    shown = capsys.readouterr()
    assert "lists http held 1" in " ".join(shown.out.split())
    assert "left out" in shown.out
    assert "looks into a cluster: see --namespace" in shown.out
    assert shown.out.endswith("1 probe held at the deployment.\n")
    assert shown.err == "probe lists: try 1: held\n"


def test_a_plan_that_does_not_hold_ends_with_1_and_shows_what_came(file: Path, capsys: pytest.CaptureFixture[str]):
    with stranger(says(answer("500 Oops", b"Trace\x1b[31mback"))) as server:
        assert main(["acceptance", str(file), "--url", server.url]) == 1
    shown = capsys.readouterr().out
    assert "status: expected 200, got 500" in shown
    assert "body contains: expected Tea, got not in its 14 bytes" in shown
    assert "    Trace\\x1b[31mback" in shown
    assert "\x1b" not in shown
    assert "1 of 1 probe did not hold at the deployment: lists." in shown


def test_for_programs_there_is_json(file: Path, capsys: pytest.CaptureFixture[str]):
    with stranger(says(answer("200 OK", b"Tea"))) as server:
        assert main(["acceptance", str(file), "--url", server.url, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], found["leftOut"]) == (True, ["runs"])
    assert found["proof"]["probes"][0]["name"] == "lists"


@pytest.mark.rule("R10")
def test_a_wrong_plan_ends_with_2_and_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "plan.yaml"
    file.write_text("probes:\n  - name: a b\n    http: {path: x, expect: {status: 1}}\n")
    assert main(["acceptance", str(file), "--url", "http://127.0.0.1:1"]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 3
    assert f"{file}:2:5: $.probes[0].name" in said


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--url", "ftp://a.test"], "expected http:// or https://"),
        (["--url", "http://a.test", "--host", "*"], "allowed host"),
        (["--url", "http://a.test", "--commit", "main"], "expected its whole id"),
        ([], "--url"),
    ],
)
def test_wrong_options_end_with_2(args: list[str], told: str, file: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["acceptance", str(file), *args]) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["acceptance", str(tmp_path / "none.yaml"), "--url", "http://a.test"]) == 2
    assert "none.yaml" in capsys.readouterr().err


def test_a_plan_with_nothing_to_try_without_a_cluster_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "plan.yaml"
    file.write_text("probes:\n" + PLAN.partition("contains: [Tea]}}\n")[2].replace("ready: true", "replicas: 2"))
    assert main(["acceptance", str(file), "--url", "http://a.test"]) == 1
    assert "name the namespaces that they may look into by --namespace" in capsys.readouterr().err


def test_without_a_cluster_a_namespace_leads_to_a_probe_that_did_not_hold(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with stranger(says(answer("200 OK", b"Tea"))) as server:
        assert main(["acceptance", str(file), "--url", server.url, "-n", "shop"]) == 1
    assert "no cluster to use" in " ".join(capsys.readouterr().out.split())


@pytest.mark.rule("R8")
def test_a_plan_from_somewhere_can_not_ask_the_rest_of_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "plan.yaml"
    with stranger(says(answer())) as server, stranger(says(answer())) as other:
        file.write_text(HTTP + f"  - name: b\n    http: {{url: '{other.url}', expect: {{status: 200}}}}\n")
        assert main(["acceptance", str(file), "--url", server.url, "--host", "*.test"]) == 1
        assert other.asked == []
    assert "this machine itself may not be asked" in " ".join(capsys.readouterr().out.split())
