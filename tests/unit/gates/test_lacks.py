"""What a project lacks to be provable, and where it is said: by plan, validate and gates."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from trees import Link, tree

from pressplay.cli import main
from pressplay.gates.proving.detection import FILE
from pressplay.gates.proving.environment import contract
from pressplay.gates.proving.lacks import Means, lacks, provable
from pressplay.settings import GatePods, RepositoryDefaults
from pressplay.steps.core import provable as of_settings

GO = {"go.mod": "module x\n"}
PYTHON = {"setup.py": "", "tests/test_a.py": "import unittest"}
PYTEST = {"setup.py": "", "pytest.ini": "", "tests/test_a.py": ""}
NODE = {"package.json": json.dumps({"scripts": {"test": "jest"}}), "pnpm-lock.yaml": ""}
WEB = {"Procfile": "web: ./serve\n"}
NETWORK = {FILE: "projects: [{folder: ., language: go, network: true, test: {command: go test, report: exit}}]"}
NEEDS_DB = {
    FILE: "projects: [{folder: ., language: go, test: {command: go test, report: exit}, services: [{name: db, "
    f"image: 'postgres@sha256:{'0' * 64}', command: postgres, ready: pg_isready%s}}]}}]"
}


def with_db(process: str = "") -> dict[str, object]:
    return {FILE: NEEDS_DB[FILE] % (f", process: {process}" if process else "")}


NO_TESTS = {"package.json": "{}"}
CLUSTER = Means(images={"go": "golang:1"}, deploys=True)
BARE = Means(images={}, deploys=False)


def sandbox(*tools: str, start: bool | None = None) -> Means:
    return Means(tool=lambda name: name in tools, deploys=start)


@pytest.mark.rule("FR10")
@pytest.mark.parametrize(
    ("files", "means", "words", "possible"),
    [
        (GO, CLUSTER, [], True),
        (GO, Means(), [], True),
        (GO, Means(packages=False), ["gates can reach no package proxy"], True),
        (GO, Means(packages=False, tool=lambda _: True), ["gates of the sandbox have no network", "no line"], True),
        (GO, BARE, ["no image with its tools", "nothing is deployed"], False),
        (GO, Means(images={"go": "golang:1"}, deploys=False), ["nothing is deployed"], True),
        (PYTHON, Means(images={}, deploys=False), ["nothing is deployed"], True),
        (PYTEST, Means(images={}, deploys=False), ["no image with its tools", "nothing is deployed"], False),
        ({}, Means(images={}, deploys=True), ["no project that the gates know"], True),
        ({}, BARE, ["no project that the gates know", "nothing is deployed"], False),
        (NO_TESTS, Means(images={"typescript": "node:24"}, deploys=False), ["no test command", "nothing is"], True),
        (NETWORK, Means(images={"go": "golang:1"}, deploys=False), ["need a network", "nothing is"], False),
        (NETWORK, CLUSTER, ["need a network"], True),
        (with_db(), Means(services=["docker.io/library/postgres"], deploys=False), ["nothing is"], True),
        (with_db(), Means(services=["*"], deploys=True), [], True),
        (with_db(), Means(services=[], deploys=False), ["do not allow the image postgres@sha256", "nothing is"], False),
        ({**with_db(), **WEB}, sandbox("go"), ["the service db names no process"], True),
        (with_db(), sandbox("go"), ["the service db names no process", "no line `web: COMMAND`"], False),
        ({**with_db("postgres -D x"), **WEB}, sandbox("go"), ["postgres, which the service db needs, is not"], True),
        ({**with_db("exec postgres"), **WEB}, sandbox("go", "postgres"), [], True),
        ({**with_db("x"), **WEB}, replace(sandbox("go", "x"), processes=False), ["`unshare` does not work"], True),
        ({**with_db("A=1 ./x"), **WEB}, sandbox("go"), [], True),
        ({}, Means(tests=False, images={}, deploys=True), [], True),
        (GO, Means(tests=False, images={}, deploys=False), ["nothing is deployed"], False),
        (GO, sandbox("go"), ["no line `web: COMMAND`"], True),
        (GO, sandbox("go", start=True), [], True),
        ({**GO, **WEB}, sandbox("go"), [], True),
        ({**GO, **WEB}, sandbox(), ["go is not on the PATH"], True),
        (GO, sandbox(), ["go is not on the PATH", "no line `web: COMMAND`"], False),
        ({**GO, "Procfile": "worker: x\n"}, sandbox("go"), ["no line `web: COMMAND`"], True),
        ({**GO, "Procfile": Link("/etc/passwd")}, sandbox("go"), ["no line `web: COMMAND`"], True),
        ({**PYTEST, **WEB}, sandbox("python3"), ["pytest is not on the PATH"], True),
        ({**NODE, **WEB}, sandbox("node"), ["pnpm is not on the PATH"], True),
        ({**NODE, **WEB}, sandbox("node", "pnpm"), [], True),
    ],
)
def test_says_what_is_lacking(files: dict[str, object], means: Means, words: list[str], possible: bool) -> None:
    made = tree(files)
    counts = contract(made)
    advice = lacks(counts, made, means)
    assert [word in item.message for word, item in zip(words, advice, strict=True)] == [True] * len(words), advice
    assert all(item.do for item in advice)
    assert provable(counts, made, means) is possible


def test_means_come_from_the_settings() -> None:
    settings = RepositoryDefaults.model_validate(
        {
            "tests": {"images": {"go": "own"}, "image": "any"},
            "lint": {"images": {"go": "lint", "rust": "rust"}},
            "deploy": {"mode": "github-deployment"},
        }
    )
    means = of_settings.means(settings, GatePods())
    assert means.images == {"go": "own", "rust": "rust", "python": "", "typescript": "", "other": "any"}
    assert (means.tests, means.deploys, means.tool) == (True, True, None)
    for tests in ({"enabled": False}, {"checks": [{"name": "ci"}]}):
        assert not of_settings.means(RepositoryDefaults.model_validate({"tests": tests}), GatePods()).tests
    assert of_settings.means(RepositoryDefaults(), GatePods()).deploys is False


# --- commands ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    tasks = tmp_path / ".taskmaster/tasks/tasks.json"
    tasks.parent.mkdir(parents=True)
    tasks.write_text(json.dumps({"master": {"tasks": []}}))
    (tmp_path / "package.json").write_text("{}")
    return tmp_path


def test_plan_says_it_for_the_project_of_the_backlog(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = str(project / ".taskmaster/tasks/tasks.json")
    assert main(["plan", tasks]) == 0
    assert "Not provable yet (1):\n  the root: it has no test command" in capsys.readouterr().out
    assert main(["plan", tasks, "-o", "json"]) == 0
    assert "no test command" in json.loads(capsys.readouterr().out)["lacks"][0]["message"]


def test_validate_takes_the_file_and_warns_of_what_is_lacking(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", "--project", str(project)]) == 0
    printed = capsys.readouterr()
    assert "no test command" in printed.err
    assert printed.out.endswith("0 errors, 1 warning\n")
    file = project / FILE
    file.parent.mkdir()
    file.write_text("projects:\n- folder: ..\n  language: go\n")
    for arguments in (["--gates", str(file)], ["--project", str(project)]):
        assert main(["validate", *arguments]) == 2
        assert f"{file}:2:3: $.projects[0].folder: expected a folder inside" in capsys.readouterr().err
    assert main(["validate", "--gates", str(project / "none.yaml")]) == 2
    assert "expected a readable file" in capsys.readouterr().err


def test_validate_uses_the_values(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("repositories: {acme/shop: {}}\n")
    assert main(["validate", "-f", str(values), "--project", str(project)]) == 0
    assert "deploy.mode: none" in capsys.readouterr().err


def test_what_detect_proposes_is_valid_and_then_counts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "go.mod").write_text("module x\n")
    assert main(["gates", "detect", str(project)]) == 0
    proposed = capsys.readouterr().out
    assert "command: go test -json" in proposed
    file = project / FILE
    file.parent.mkdir()
    file.write_text(proposed)
    assert main(["validate", "--gates", str(file)]) == 0
    capsys.readouterr()
    assert main(["gates", "show", str(project), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["origin"], shown["projects"][0]["language"], shown["lacks"]) == ("file", "go", [])
    assert main(["gates", "show", str(project)]) == 0
    assert capsys.readouterr().out.startswith("# From: the file .press-play/gates.yaml.\n")


def test_a_commit_is_read_as_committed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pygit2

    repository = pygit2.init_repository(str(project), initial_head="main")
    assert main(["gates", "detect", str(project)]) == 2
    assert "expected a git repository with the commit" in capsys.readouterr().err
    (project / "go.mod").write_text("module x\n")
    repository.index.add("go.mod")
    who = pygit2.Signature("a", "a@example.com")
    repository.create_commit("HEAD", who, who, "x", repository.index.write_tree(), [])
    (project / "go.mod").unlink()
    assert main(["gates", "detect", str(project)]) == 0
    assert "go test -json" in capsys.readouterr().out


def test_what_no_folder_and_no_commit_is_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--project", str(tmp_path / "none")]) == 2
    assert "expected a folder" in capsys.readouterr().err
    assert main(["gates", "show", "no-such-ref"]) == 2
