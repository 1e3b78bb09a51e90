"""Generated files are what would be generated, drift is found, and only what is right is packaged."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest
import yaml
from charts import ROOT

from pressplay.cli import main
from pressplay.commands import generate
from pressplay.errors import InputError, PressPlayError
from pressplay.validation import helm
from pressplay.validation.reference import reference


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what generation reads and writes, to break; helm is the repository's."""
    program = helm.program(ROOT)
    for folder in ("chart", "schemas", "docs/reference", "scripts/pressplay/validation/schemas"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / generate.RENDER, tmp_path / generate.RENDER)
    monkeypatch.setattr(helm, "program", lambda _root: program)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_committed_is_what_would_be_generated():
    generate.check(ROOT)


def test_a_changed_value_is_drift_until_it_is_generated_anew(copy: Path, capsys: pytest.CaptureFixture[str]):
    values = copy / "chart/values.yaml"
    values.write_text(values.read_text().replace("  rounds: 3", "  rounds: 4"))
    assert main(["generate", "--verify"]) == 1
    said = capsys.readouterr().err
    assert "docs/reference/values.md: is not what is generated" in said
    assert f"{generate.RENDER}: is not what is generated" in said
    assert '+        "rounds": 4,' in said
    assert "run `make generate`" in said
    assert main(["generate"]) == 0
    assert main(["generate", "--verify"]) == 0


def test_a_missing_file_is_drift(copy: Path):
    (copy / "docs/reference/values.md").unlink()
    with pytest.raises(PressPlayError, match=r"docs/reference/values\.md: is missing"):
        generate.check(copy)


def test_the_reference_has_every_key_with_its_prose_and_default():
    made = (ROOT / "docs/reference/values.md").read_text(encoding="utf-8")
    assert "### `limits.rounds`\n\nPasses of Clippy" in made
    assert "Default: `3`" in made
    assert "#### `agents.rex`\n" not in made
    assert "### `agents.rex`\n\nImplements tasks" in made


def test_a_key_without_prose_is_named():
    with pytest.raises(InputError, match=r"values\.yaml:3: a\.b: expected a comment above it"):
        reference("# A map.\na:\n  b: 1\n")


def test_a_package_holds_the_chart_and_nothing_else(copy: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["package", "--destination", "out"]) == 0
    archive = Path(capsys.readouterr().out.strip())
    assert archive == copy / "out/press-play-0.1.0.tgz"
    with tarfile.open(archive) as tar:
        held = {name.removeprefix("press-play/") for name in tar.getnames()}
        packed = tar.extractfile("press-play/Chart.yaml")
        assert packed is not None
        assert yaml.safe_load(packed)["name"] == "press-play"
    assert held >= {
        "values.schema.json",
        "values.yaml",
        "agents/rex.md",
        "templates/validate.yaml",
        "templates/NOTES.txt",
    }
    assert not [name for name in held if name.startswith("tests")]


@pytest.mark.rule("R10")
def test_nothing_is_packaged_with_values_that_do_not_fit(copy: Path, capsys: pytest.CaptureFixture[str]):
    (copy / "mine.yaml").write_text("limits: {round: 3}\n")
    assert main(["package", "-f", "mine.yaml", "-d", "out"]) == 2
    assert "mine.yaml:1:10: $.limits.round" in capsys.readouterr().err
    assert not (copy / "out").exists()


def test_nothing_is_packaged_that_drifted(copy: Path):
    (copy / "docs/reference/values.md").write_text("old")
    assert main(["package", "-d", "out"]) == 1
    assert not (copy / "out").exists()


def test_nothing_is_packaged_that_does_not_render(copy: Path, capsys: pytest.CaptureFixture[str]):
    (copy / "chart/templates/validate.yaml").write_text('{{ fail "broken" }}')
    assert main(["package", "-d", "out"]) == 1
    assert "broken" in capsys.readouterr().err
    assert not (copy / "out").exists()
