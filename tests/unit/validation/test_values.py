"""Values files: every error at once, in words, at the file and line that set the value."""

import copy

import pytest
import yaml

from pressplay import names
from pressplay.validation import packaged, values
from pressplay.validation.schema import check
from pressplay.validation.yamlsource import load_yaml


def told(*texts):
    return [str(problem) for problem in values.validate([(f"{i}.yaml", text) for i, text in enumerate(texts, 1)])]


def test_the_charts_own_values_are_right():
    assert told() == []


def test_nothing_and_comments_are_right():
    assert told("", "# nothing\n") == []


@pytest.mark.rule("R10")
def test_a_misspelt_key_is_told_with_the_right_one():
    (line,) = told("agents:\n  rex:\n    gitHubApp: rex-2\n")
    assert line == "1.yaml:3:5: $.agents.rex.gitHubApp: unknown key \"gitHubApp\"; did you mean 'githubApp'?"
    (line,) = told("limit:\n  rounds: 1\n")
    assert line == "1.yaml:1:1: $.limit: unknown key \"limit\"; did you mean 'limits'?"


def test_all_errors_of_all_files_are_told_in_order():
    lines = told(
        "defaults:\n  parallelism: 0\n  release: merge\nrepositories:\n  shop: {}\n",
        'limits:\n  rounds: "3"\nallowUnprotected: 1\n',
    )
    assert [line.split(": ")[0:2] for line in lines] == [
        ["1.yaml:2:3", "$.defaults.parallelism"],
        ["1.yaml:3:3", "$.defaults.release"],
        ["1.yaml:5:3", "$.repositories.shop"],
        ["2.yaml:2:3", "$.limits.rounds"],
        ["2.yaml:3:1", "$.allowUnprotected"],
    ]
    assert "did you mean 'merged'?" in lines[1]
    assert 'expected a whole number, got "3"; write it without quotes' in lines[3]


def test_each_error_points_at_the_file_that_set_the_value():
    assert told("limits: {rounds: 0}", "limits: {rounds: 2}") == []
    (line,) = told("limits: {rounds: 2}", "limits:\n  attempts: 1\n  rounds: 0\n")
    assert line.startswith("2.yaml:3:3: $.limits.rounds: ")
    (line,) = told("limits: {rounds: 0}", "limits: {attempts: 1}")
    assert line.startswith("1.yaml:1:10: $.limits.rounds: ")


def test_null_takes_a_key_away_as_in_helm():
    (line,) = told("limits:\n  rounds: null\n")
    assert line == '1.yaml:2:3: $.limits: expected the key "rounds", got none; add it'


def test_files_are_merged_as_helm_merges_them():
    sources = [load_yaml(text, "f") for text in ("a: {b: 1, c: [1, 2], d: {x: 1}}", "a: {c: [3], d: null, e: {y: 2}}")]
    merged, places = values.merge(sources)
    assert merged == {"a": {"b": 1, "c": [3], "e": {"y": 2}}}
    assert ("a", "c", 1) not in places
    assert ("a", "d", "x") not in places


def test_a_file_that_is_no_map_or_no_yaml_is_told():
    (line,) = told("- 1\n")
    assert line == "1.yaml:1:1: $: expected a map of values, got [1]; write it as key: value"
    (line,) = told("a: [", "limit: 1")
    assert line.startswith("1.yaml:1:5: $: expected one YAML document")


# --- Rules across values, as in chart/templates/validate.yaml -------------------------------------------------------


def test_the_controllers_namespace_must_leave_room_for_names():
    # 44 - 16 of our name - 9 digits - 1 of contextVersion = 18.
    assert told(f"controller: {{namespace: {'n' * 18}}}") == []
    (line,) = told(f"controller: {{namespace: {'n' * 19}}}")
    assert line.startswith("1.yaml:1:14: $.controller.namespace: expected at most 18 characters, got 19")
    assert names.coderun_room("n" * 18, values.LONGEST_NUMBER) == names.RUN_NAME_LENGTH


@pytest.mark.rule("R5")
def test_no_agent_is_the_harness():
    (line,) = told("agents: {rex: {githubApp: Press_Play}}")
    assert line.startswith("1.yaml:1:16: $.agents.rex.githubApp: expected an App of the agent's own")
    (line,) = told("github:\n  harnessApp: rex\n")
    assert line.startswith("1.yaml:2:3: $.github.harnessApp: expected an App of the agent's own")


def test_each_agent_has_an_app_of_its_own():
    (line,) = told("agents:\n  clippy:\n    githubApp: qa_agent\n")
    assert line.startswith("1.yaml:3:5: $.agents.clippy.githubApp: expected an App for each agent")
    assert "agents.clippy and agents.qa" in line
    assert told("agents: {clippy: {githubApp: qa-agent, enabled: false}}") == []


def test_a_name_stands_for_one_agent():
    lines = told("agents:\n  clippy:\n    githubApp: triage\n")
    assert [line.split(": ")[1] for line in lines] == ["$.agents.clippy.githubApp"]
    assert "which is the id of another" in lines[0]


def test_an_agent_of_your_own_needs_a_prompt():
    own = copy.deepcopy(yaml.safe_load(packaged.text("values.yaml"))["agents"]["rex"]) | {"githubApp": "own"}
    assert told(yaml.safe_dump({"agents": {"own": own | {"systemPrompt": "You are"}}})) == []
    (line,) = told(yaml.safe_dump({"agents": {"own": own}}))
    assert "expected a system prompt, got none" in line


def test_a_prompt_with_front_matter_is_not_put_below_another():
    """As it lies in .claude/agents. A rule within the text is no front matter."""
    prompt = "---\nname: task-executor\nmodel: opus\n---\nYou do one task.\n"
    (line,) = told(yaml.safe_dump({"agents": {"rex": {"systemPrompt": prompt}}}))
    assert "begins with front matter" in line
    assert "agents.rex.model" in line
    assert told(yaml.safe_dump({"agents": {"rex": {"systemPrompt": "You do one task.\n\n---\n\nNo more.\n"}}})) == []


def test_a_repository_is_listed_once_by_its_own_name():
    (line,) = told("repositories:\n  acme/shop: {}\n  Acme/Shop: {}\n")
    assert line.startswith('1.yaml:3:3: $.repositories["Acme/Shop"]: expected each repository once')
    (line,) = told("repositories: {acme/shop.git: {}}")
    assert "write it without .git" in line


@pytest.mark.rule("R7")
def test_extra_fields_are_neither_ours_nor_evaluated():
    lines = told("coderun:\n  extraSpec:\n    taskId: 1\n    runType: '{{x}}'\n")
    assert [line.split(": ")[1] for line in lines] == ["$.coderun.extraSpec.taskId", "$.coderun.extraSpec.runType"]


# --- The other schemas -----------------------------------------------------------------------------------------------

CODERUN = """\
apiVersion: agents.platform/v1
kind: CodeRun
metadata: {name: run-0123456789ab, namespace: agent-platform}
spec:
  taskId: 12
  service: shop
  repositoryUrl: acme/shop
  docsRepositoryUrl: acme/shop
  workingDirectory: ""
  model: a-model
  githubApp: rex
"""
DOCSRUN = """\
apiVersion: agents.platform/v1
kind: DocsRun
metadata: {name: docs-1, namespace: agent-platform}
spec: {repositoryUrl: "https://github.com/acme/shop", workingDirectory: docs, sourceBranch: main, githubApp: morgan}
"""


def checked(schema, text):
    source = load_yaml(text, "f")
    return [(p.path, p.message) for p in check(packaged.schema(schema), source.value, source.place)]


def test_coderun_and_docsrun_as_the_early_controller_takes_them():
    assert checked("coderun", CODERUN) == []
    assert checked("docsrun", DOCSRUN) == []


@pytest.mark.parametrize(
    ("schema", "text", "path"),
    [
        ("coderun", CODERUN.replace("taskId: 12", 'taskId: "12"'), "$.spec.taskId"),
        ("coderun", CODERUN.replace("githubApp: rex", "githubUser: rex"), "$.spec"),
        ("coderun", CODERUN + "  taskRequirements: ''\n", "$.spec.taskRequirements"),
        ("coderun", CODERUN + "  env: {A: 1}\n", "$.spec.env.A"),
        ("coderun", CODERUN + "  tasks: 1\n", "$.spec.tasks"),
        ("docsrun", DOCSRUN.replace("githubApp: morgan", "githubApp: morgan, githubUser: ''"), "$.spec"),
        ("docsrun", DOCSRUN.replace("https://github.com/acme/shop", "acme/shop"), "$.spec.repositoryUrl"),
        ("docsrun", DOCSRUN.replace("acme/shop", "acme/shop.git"), "$.spec.repositoryUrl"),
        ("docsrun", DOCSRUN.replace("https://", "https://x:token@"), "$.spec.repositoryUrl"),
        ("docsrun", DOCSRUN.replace("Directory: docs", 'Directory: "."'), "$.spec.workingDirectory"),
    ],
)
def test_what_the_controller_would_not_take_is_told(schema, text, path):
    assert path in [found for found, _ in checked(schema, text)]


def test_the_packaged_copies_are_their_originals(request):
    root = request.config.rootpath
    for path, text in packaged.packaged_schemas(root).items():
        assert (root / path).read_text(encoding="utf-8") == text, f"{path}: run make generate"
