"""The chart and the library make the same persona files, byte for byte."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pressplay import names
from pressplay.templating import personas
from pressplay.validation import helm, packaged, values, yamlsource

ROOT = Path(__file__).parents[2]
RENDERED = ROOT / "scripts/pressplay/chart.yaml"
ODD = """
agents:
  rex:
    githubApp: Rex The_Engineer
    description: 'Says "hi" <b> & {{ x }}: # no comment'
    model: vendor/model-1
    tools: {local: [git, other], remote: [web]}
    extraInstructions: "\\n  House rule {{ .Values }} [[ x ]].\\n\\n"
  clippy: {systemPrompt: "\\nOnly this: {{ nope\\n---\\n"}
  qa: {enabled: false}
"""


def files(manifests: str) -> dict[str, str]:
    found: list[dict[str, Any]] = [one for one in yaml.safe_load_all(manifests) if one]
    data: dict[str, str] = next(
        one["data"] for one in found if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "controller-agents"
    )
    return {key: text for key, text in data.items() if key.endswith(".md")}


def merged(*texts: str) -> dict[str, Any]:
    sources = [packaged.text("values.yaml"), *texts]
    return values.merge([yamlsource.load_yaml(text, "values") for text in sources])[0]


def expected(of: dict[str, Any]) -> dict[str, str]:
    enabled = {agent: settings for agent, settings in of["agents"].items() if settings["enabled"]}
    return {names.persona_file(one["githubApp"]): personas.render(agent, of) for agent, one in enabled.items()}


def test_the_committed_render_holds_the_personas_that_the_library_shows() -> None:
    assert files(RENDERED.read_text(encoding="utf-8")) == expected(merged())


@pytest.mark.rule("R7")
@pytest.mark.skipif(
    not (shutil.which("helm") or (ROOT / ".tools/bin/helm").exists()),
    reason="helm is not at hand: make chart-test gets it",
)
def test_helm_renders_odd_values_as_the_library_does(tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(ODD, encoding="utf-8")
    made = files(helm.template(ROOT, [file]))
    assert made == expected(merged(ODD))
    assert "Rex-The_Engineer_system-prompt.md" in made
    assert "qa-agent_system-prompt.md" not in made
