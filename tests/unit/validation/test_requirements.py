"""requirements.yaml: what is taken, what is refused and where, and what agents are given of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given as examples
from hypothesis import strategies as st

from pressplay.cli import main
from pressplay.settings import Agent, AgentRequirements, Settings
from pressplay.steps.runs.coderun import task_requirements
from pressplay.validation import requirements, values
from pressplay.validation.report import Invalid

pytestmark = pytest.mark.rule("FR8")

DATA = Path(__file__).parents[2] / "data" / "requirements"
POSITIVE = sorted((DATA / "positive").glob("*.yaml"))
NEGATIVE = sorted((DATA / "negative").glob("*.yaml"))
VALUES = (DATA / "values.yaml").read_text()
SETTINGS = Settings.model_validate(values.config(values.load([("values.yaml", VALUES)]), "press-play"))
SECRETS = SETTINGS.repository("acme/shop").secrets or []


def problems(text: str) -> list[str]:
    found = requirements.load(text, "requirements.yaml")
    return [str(problem) for problem in [*found.malformed, *found.refused(SETTINGS.agents, SECRETS)]]


def given(name: str, agent: str) -> requirements.Given:
    found = requirements.load((DATA / "positive" / f"{name}.yaml").read_text(), name)
    return requirements.given(found, agent, SETTINGS.agents[agent])


@pytest.mark.parametrize("file", POSITIVE, ids=lambda path: path.stem)
def test_what_is_right_is_taken(file: Path, capsys: pytest.CaptureFixture[str]):
    assert problems(file.read_text()) == []
    assert main(["validate", "--requirements", str(file), "-f", str(DATA / "values.yaml")]) == 0
    assert capsys.readouterr().out.endswith(f"{file}: 0 errors, 0 warnings\n")


@pytest.mark.rule("R10")
@pytest.mark.parametrize("file", NEGATIVE, ids=lambda path: path.stem)
def test_what_is_wrong_is_refused_at_its_place(file: Path, capsys: pytest.CaptureFixture[str]):
    line, _, words = file.read_text().splitlines()[0].removeprefix("# expects ").partition(": ")
    assert main(["validate", "--requirements", str(file), "-f", str(DATA / "values.yaml")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert [one for one in told if one.startswith(f"{file}:{line}:") and words in one], told
    # Nothing else is wrong with an example, or its name would not say what is.
    assert len(told) == 1


@pytest.mark.rule("R9")
def test_a_token_in_the_file_is_not_repeated(capsys: pytest.CaptureFixture[str]):
    main(["validate", "--requirements", str(DATA / "negative/a-token-in-the-file.yaml"), "--json"])
    assert "ghp_" not in "".join(capsys.readouterr())


def test_everything_wrong_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "requirements.yaml"
    file.write_text("environment: {A: 1, PATH: x}\nsecrets: [{name: other}]\nagents: {q: 1}\nremoteTool: []\n")
    assert main(["validate", "--requirements", str(file)]) == 2
    lines = [line.removeprefix(str(file)).split(":")[1] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["1", "1", "2", "3", "4"]


def test_a_personas_own_tools_come_first_then_the_projects_by_name_none_twice():
    found = given("tools-for-all", "rex")
    assert found.local_tools == ("git", "browser", "files")
    assert found.remote_tools == ("docs_search", "docs_get", "web_search")
    assert given("tools-for-all", "morgan").local_tools == ("files",)


def test_the_tools_file_is_the_one_that_toolman_reads():
    assert given("tools-for-all", "clippy").toolman_config() == {
        "remoteTools": ["docs_get", "docs_search", "web_search"],
        "localServers": {
            "browser": {
                "command": ".venv/bin/browser-mcp",
                "args": [],
                "tools": ["open"],
                "workingDirectory": "tools/browser",
                "env": {"HEADLESS": "true"},
            },
            "files": {
                "command": "npx",
                "args": ["-y", "@modelcontextprotocol/server-filesystem", "."],
                "tools": ["read_file", "write_file"],
                "workingDirectory": "project_root",
            },
        },
    }


def test_an_agents_own_settings_win_over_the_projects_and_it_can_do_without():
    rex, qa, clippy = (given("secrets-and-environment", agent) for agent in ("rex", "qa", "clippy"))
    assert (rex.environment["PORT"], qa.environment["PORT"]) == ("3001", "3000")
    assert "RATE" not in qa.environment
    assert "RATE" in rex.environment
    assert rex.task_requirements()["secrets"] == [
        {"name": "shop-database", "keys": [{"password": "DATABASE_PASSWORD"}, {"user": "DATABASE_USER"}]},
        {"name": "shop-mail", "keys": [{"password": "MAIL_PASSWORD"}, {"user": "MAIL_USER"}]},
    ]
    assert clippy.secrets == {}
    assert "secrets" not in clippy.task_requirements()


def test_every_value_reaches_the_controller_as_a_text():
    """Its YAML reads 1.2, where `12e5`, `on` and `0o17` may be other things than in Python's 1.1: all are quoted."""
    found = given("secrets-and-environment", "rex")
    text = base64.b64decode(task_requirements(found, {"PRESSPLAY_HEAD": "1234567e89"})).decode()
    for event in yaml.parse(text):
        assert not isinstance(event, yaml.ScalarEvent) or event.style == '"'
    told = yaml.safe_load(text)
    assert told["environment"] == {**found.environment, "PRESSPLAY_HEAD": "1234567e89"}


@pytest.mark.parametrize("restricted", [{"remote_tools": []}, {"local_servers": ["x"]}])
def test_without_a_file_a_tools_file_is_written_only_where_the_values_restrict_tools(restricted):
    agent = Agent(github_app="rex", role="implement", model="m", local_tools=["git"], remote_tools=["docs"])
    free = requirements.given(None, "rex", agent)
    assert (free.local_tools, free.remote_tools, free.tools_file) == (("git",), ("docs",), False)
    narrowed = agent.model_copy(update={"requirements": AgentRequirements(**restricted)})
    assert requirements.given(None, "rex", narrowed).tools_file


def test_only_the_agent_that_runs_matters_to_its_run():
    text = (DATA / "negative/a-secret-for-all.yaml").read_text()
    found = requirements.load(text, "requirements.yaml")
    assert found.refused(SETTINGS.agents, SECRETS, only="rex") == []
    assert len(found.refused(SETTINGS.agents, SECRETS, only="clippy")) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\xff\xfe", "expected UTF-8"), (b"# " + b"x" * 70_000, "expected at most 65536 bytes, got 70002")],
)
def test_bytes_that_are_no_such_file_are_refused(content, words):
    with pytest.raises(Invalid, match=words):
        requirements.load(content, "requirements.yaml")


@examples(st.from_regex(r"(?i)\A(PRESSPLAY|GITHUB_APP|GIT|LD|DYLD|BASH|ANTHROPIC)_[A-Z0-9_]{0,20}\Z"))
def test_a_reserved_variable_is_reserved_however_it_is_written(name):
    assert requirements.reserved(name)


@pytest.mark.parametrize("name", ["PORT", "DATABASE_URL", "PATHS", "OPENAI_BASE_URL", "PYTHONUNBUFFERED", "GITHUB_API"])
def test_a_projects_own_variables_are_not_reserved(name):
    assert requirements.reserved(name) == ""


# Few names, so that the same ones meet project-wide, below an agent and in what an agent is to do without.
TOOLS = st.lists(st.sampled_from(["docs_get", "docs_search", "web_get", "git"]), unique=True, max_size=3)
SERVER = st.fixed_dictionaries(
    {"command": st.just("npx"), "tools": st.just(["a"])}, optional={"env": st.just({"A": "1"}), "args": st.just(["-y"])}
)
SERVERS = st.dictionaries(st.sampled_from(["files", "git", "browser"]), SERVER, max_size=2)
VARIABLES = st.sampled_from(["A", "B", "C", "D"])
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=20)
KEYS = st.lists(st.dictionaries(st.sampled_from(["user", "password"]), VARIABLES, min_size=1), min_size=1, max_size=2)
SECRET = st.fixed_dictionaries({"name": st.sampled_from(SECRETS), "keys": KEYS})
PART = {
    "remoteTools": TOOLS,
    "localServers": SERVERS,
    "secrets": st.lists(SECRET, max_size=2),
    "environment": st.dictionaries(VARIABLES, TEXTS, max_size=2),
}
WITHOUT = st.fixed_dictionaries(
    {}, optional={"remoteTools": TOOLS, "environment": st.lists(VARIABLES, unique=True, max_size=2)}
)
OF_AGENTS = st.fixed_dictionaries({}, optional={**PART, "without": WITHOUT})
DOCUMENTS = st.fixed_dictionaries(
    {}, optional={**PART, "agents": st.dictionaries(st.sampled_from(["rex", "qa"]), OF_AGENTS)}
)
ALLOWED = AgentRequirements(secrets=["*"])


@examples(DOCUMENTS)
def test_whatever_is_given_has_no_doubles_one_source_a_variable_and_is_the_same_each_time(document):
    found = requirements.load(json.dumps(document), "requirements.yaml")
    assert found.malformed == ()
    agents = {name: agent.model_copy(update={"requirements": ALLOWED}) for name, agent in SETTINGS.agents.items()}
    if found.refused(agents, SECRETS):
        return
    for agent_id, agent in agents.items():
        had = requirements.given(found, agent_id, agent)
        assert had == requirements.given(requirements.load(json.dumps(document), "again"), agent_id, agent)
        for tools, own in ((had.remote_tools, agent.remote_tools), (had.local_tools, agent.local_tools)):
            assert len(set(tools)) == len(tools)
            assert list(tools[: len(own)]) == own
        variables = [variable for keys in had.secrets.values() for _, variable in keys]
        assert len({*variables, *had.environment}) == len(variables) + len(had.environment)
        without = document.get("agents", {}).get(agent_id, {}).get("without", {})
        kept = document.get("agents", {}).get(agent_id, {})
        assert not {*without.get("environment", [])} & had.environment.keys() - kept.get("environment", {}).keys()
        told = yaml.safe_load(base64.b64decode(task_requirements(had, {"PRESSPLAY_RUN": "run-1"})))
        assert told["environment"] == {**had.environment, "PRESSPLAY_RUN": "run-1"}
        assert told.get("secrets", []) == had.task_requirements().get("secrets", [])
