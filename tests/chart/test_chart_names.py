"""The chart's helpers make the same names as `pressplay.names`: one function each, in two languages."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from charts import ROOT, load

from pressplay import names
from pressplay.validation import helm

APPS = [
    "rex", "Rex", "5DLabs-Rex", "5DLabs Rex", "QA_Agent", "a  b", "a _ b", "x.y", "Ab-1.2_3 c", "CLIPPY", "a__b",
    "z" * 100,
]  # fmt: skip
REPOSITORIES = ["acme/shop", "a/b", "Acme-2/shop.web_x-1", "o/" + "n" * 100]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the helpers make of the examples, from a copy of the chart with one more template."""
    chart = tmp_path_factory.mktemp("names") / "chart"
    shutil.copytree(ROOT / "chart", chart)
    (chart / "templates/names.yaml").write_text(
        "".join(
            f"{helper}:\n"
            + "".join(
                f"  {json.dumps(text)}: {{{{ include {json.dumps(helper)} {json.dumps(text)} | quote }}}}\n"
                for text in texts
            )
            for helper, texts in {
                "press-play.appSecret": APPS,
                "press-play.personaFile": APPS,
                "press-play.repoKey": REPOSITORIES,
            }.items()
        )
        + 'press-play.codeRunRoom: {"": {{ include "press-play.codeRunRoom" . | quote }}}\n'
    )
    text = helm.run(ROOT, "template", "x", str(chart), "--namespace", "y", "--show-only", "templates/names.yaml")
    (found,) = load(text)
    return found


def test_secrets_of_apps(made: dict[str, dict[str, str]]):
    assert made["press-play.appSecret"] == {app: names.app_secret(app) for app in APPS}


def test_files_of_personas(made: dict[str, dict[str, str]]):
    assert made["press-play.personaFile"] == {app: names.persona_file(app) for app in APPS}


def test_keys_of_repositories(made: dict[str, dict[str, str]]):
    assert made["press-play.repoKey"] == {repo: names.repo_key(repo) for repo in REPOSITORIES}


def test_room_for_the_names_of_coderuns(made: dict[str, dict[str, str]]):
    assert made["press-play.codeRunRoom"][""] == str(names.coderun_room("agent-platform", 999_999_999))


def test_the_room_that_the_chart_demands_is_what_a_run_takes():
    rule = (ROOT / "chart/templates/validate.yaml").read_text(encoding="utf-8")
    assert f"lt $room {names.RUN_NAME_LENGTH}" in rule
    assert len(names.run_name(("any", "key"))) == names.RUN_NAME_LENGTH


def test_the_pause_and_the_settings_have_the_names_that_the_library_reads():
    from pressplay.settings import CONFIG_KEY, CONFIG_MAP

    text = (Path(ROOT) / "chart/templates/config/config.yaml").read_text(encoding="utf-8")
    assert f"name: {CONFIG_MAP}\n" in text
    assert f"{CONFIG_KEY}: |" in text
