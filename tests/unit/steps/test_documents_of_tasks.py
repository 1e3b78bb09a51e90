"""Documents of tasks: what lacks them, what Morgan is told, and what its pull request may bring."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import pytest
from github_world import REPO, URL, GitHubWorld
from hypothesis import given
from hypothesis import strategies as st

from pressplay import names
from pressplay.backlog.tasks import Task
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.domain.entries import Entries, LeftAlone, StatusPull
from pressplay.errors import InputError
from pressplay.github import calls, pulls, refs
from pressplay.sandbox import docsruns
from pressplay.sandbox.engine import set_node
from pressplay.settings import Settings
from pressplay.steps import registry
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.documents import docsrun, documents_pull, task_documents
from pressplay.steps.review import standing
from pressplay.steps.runs.run import Run
from pressplay.validation import packaged

HOSTILE = "`$(x)` | {{=1+1}}\n../../x|y"
DOCS = {f".taskmaster/docs/task-1/{name}": b"what a person wrote of it" for name in ("prompt.md", "task.md")}
CRITERIA = ".taskmaster/docs/task-1/acceptance-criteria.md"


def settings(**more: object) -> Settings:
    config = {
        "namespace": "press-play",
        "controllerNamespace": "agent-platform",
        "github": {"apiURL": f"{URL}/api/v3", "gitURL": URL, "webURL": URL},
        "repositories": {REPO: {}},
        # The world's Apps are named otherwise; which one an agent has is for values.
        "agents": {"morgan": {"githubApp": "rex", "role": "plan", "model": "m-1"}},
        **more,
    }
    return Settings.model_validate(config)


@pytest.fixture
def context(github_world: GitHubWorld, tmp_path):
    cluster = SqliteCluster(tmp_path / "cluster.db", github_world.clock, set_node)
    yield Context(cluster, settings(), github_world.access, github_world.clock)
    cluster.close()


def run_of(context: Context, **more: str) -> Run:
    number = names.documents_number("master")
    told = {"github-app": "morgan", "repo": REPO, "task": str(number), "role": "plan", "cause": "0123456789ab"}
    return Run.of({**told, "try": "1", "workflow": "documents", **more}, context)


def task(number: int = 1) -> Task:
    return Task(str(number), number, "T", "", "", "", "medium", "pending", ())


def subject(context: Context) -> Subject:
    return Subject.of({"repo": REPO}, context)


# -- what lacks documents ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "lacks"),
    [
        ({}, True),
        ({CRITERIA: b""}, True),
        ({CRITERIA: b" \n\t\n"}, True),
        ({CRITERIA: b"- it is\n"}, False),
        ({CRITERIA: b"\n" * 17 + b"x"}, False),
    ],
    ids=["missing", "empty", "blank", "short", "long"],
)
def test_a_task_lacks_documents_where_one_file_is_missing_or_blank(github_world, context, files, lacks):
    sha = github_world.branch("f", {**DOCS, **files})
    found = task_documents.lacking(github_world.client("rex"), subject(context), sha, [task(1)])
    assert bool(found) is lacks


def test_a_link_is_no_document(github_world, context):
    sha = github_world.branch("f", DOCS)
    linked = link(github_world, "f", sha, CRITERIA)
    assert task_documents.lacking(github_world.client("rex"), subject(context), linked, [task(1)]) == [task(1)]


def link(github_world: GitHubWorld, branch: str, parent: str, path: str) -> str:
    gh = github_world.client("rex")
    tree = {"path": path, "mode": "120000", "type": "blob", "content": "../../../README.md"}
    base = calls.call(gh, "GET", f"/repos/{REPO}/git/commits/{parent}")["tree"]["sha"]
    made = calls.call(gh, "POST", f"/repos/{REPO}/git/trees", json={"base_tree": base, "tree": [tree]})
    body = {"message": "link", "tree": made["sha"], "parents": [parent]}
    sha = calls.call(gh, "POST", f"/repos/{REPO}/git/commits", json=body)["sha"]
    calls.call(gh, "PATCH", f"/repos/{REPO}/git/refs/heads/{branch}", json={"sha": sha})
    return str(sha)


# -- what Morgan is told -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("docs", ["", ".", "docs", "projects/the-shop/"])
@pytest.mark.parametrize("web", [URL, "https://github.com", "https://ghes.example.com:8443/git"])
def test_the_docsrun_is_what_the_early_definition_takes(context, docs, web):
    own = {"github": {"gitURL": web}, "defaults": {"docsProjectDirectory": docs}}
    at = replace(context, settings=settings(**own))
    made = docsrun.docsrun(at, run_of(at))
    jsonschema.validate(made, packaged.schema("docsrun"))
    assert made["spec"]["repositoryUrl"] == f"{web}/acme/shop"
    assert "githubUser" not in made["spec"]
    assert docsruns.repository_of(made["spec"]["repositoryUrl"]) == REPO


@pytest.mark.parametrize("docs", ["", "docs", "projects/the-shop"])
def test_its_volume_is_its_own_and_known_by_its_name_in_each_version_of_the_controller(context, docs):
    at = replace(context, settings=settings(defaults={"docsProjectDirectory": docs}))
    made = docsrun.docsrun(at, run_of(at))

    def legal(text: str) -> str:
        return "".join(c if c.isalnum() or c == "-" else "-" for c in text).strip("-").lower()

    directory = legal(made["spec"]["workingDirectory"])
    for volume in (f"docs-workspace-{directory}", f"docs-workspace-{legal('acme-shop')}-{directory}"):
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", volume)
        found = docsrun.VOLUME.fullmatch(volume)
        assert found is not None
        assert found["run"] == made["metadata"]["name"]
    for others in ("docs-workspace-docs", "workspace-shop-1", f"docs-workspace-{made['metadata']['name']}"):
        assert docsrun.VOLUME.fullmatch(others) is None


def test_the_working_directory_leads_to_the_folder_of_the_docs_project(context, tmp_path):
    for docs in ("", "docs/plan"):
        at = replace(context, settings=settings(defaults={"docsProjectDirectory": docs}))
        run = run_of(at)
        project = tmp_path / docs
        (project / f".taskmaster/press-play/{run.name}").mkdir(parents=True)
        directory = docsrun.docsrun(at, run)["spec"]["workingDirectory"]
        assert docsruns.project_of(tmp_path, directory) == project.resolve()
    with pytest.raises(InputError, match="expected a folder of the repository"):
        docsruns.project_of(tmp_path / "docs", "../..")


@pytest.mark.rule("R7")
def test_the_context_holds_texts_as_data_and_where_the_controller_reads_none_at_all(github_world, context):
    backlog = {"master": {"tasks": [{"id": "a b", "title": HOSTILE, "details": HOSTILE, "mine": 1}, {"id": 2}]}}
    sha = github_world.branch("f", {"tasks/tasks.json": json.dumps(backlog).encode()})
    number, run = names.task_number("a b"), run_of(context)
    gh = github_world.client("press-play")
    made = docsrun.files(context, gh, subject(context), run, sha, [number], "main")
    own = f".taskmaster/press-play/{run.name}"
    assert set(made) == {
        ".taskmaster/press-play/request.md",
        *(f"{own}/{name}" for name in ("request.json", "backlog.json", f"task-{number}.json")),
        # Where the controller looks, though the project's own is elsewhere.
        ".taskmaster/tasks/tasks.json",
    }
    assert json.loads(made[f"{own}/task-{number}.json"]) == backlog["master"]["tasks"][0]
    assert json.loads(made[f"{own}/backlog.json"]) == backlog
    (stub,) = json.loads(made[".taskmaster/tasks/tasks.json"])["tasks"]
    assert stub["id"] == number
    assert all(re.fullmatch(r"[A-Za-z0-9 .,:/_-]*", text) for text in stub.values() if isinstance(text, str))
    with pytest.raises(InputError, match="no tasks with the numbers 7"):
        docsrun.files(context, gh, subject(context), run, sha, [7], "main")


@pytest.mark.rule("R1")
def test_a_run_is_told_once_apart_by_its_tasks_and_not_without_having_been_asked(context):
    one, other = run_of(context), run_of(context, cause="ba9876543210")
    assert one.name != other.name
    assert one.name == run_of(context, workflow="another").name
    assert one.resource == "DocsRun"
    with pytest.raises(InputError, match="no documents are asked for under the cause 0123456789ab"):
        registry.step("run-prepare")(
            {"github-app": "morgan", "repo": REPO, "task": str(one.number), "role": "plan", "cause": one.cause}, context
        )
    with pytest.raises(InputError, match="parameter cause: expected what the role plan is to answer"):
        run_of(context, cause="none")


@given(st.text(max_size=60))
def test_only_an_address_that_can_be_cloned_is_a_docsruns_repository(text):
    try:
        assert names.repo(docsruns.repository_of(text))
    except InputError:
        assert not re.fullmatch(r"https?://host/[a-z]+/[a-z]+", text)


# -- what the pull request may bring -----------------------------------------------------------------------------------


def opened(github_world: GitHubWorld, files: dict[str, bytes], branch: str = "docs/auto-gen-1") -> pulls.Pull:
    github_world.branch(branch, files)
    return pulls.open_pull(github_world.client("rex"), REPO, branch, "main", "docs", "")


def judge(github_world: GitHubWorld, context: Context, pull: pulls.Pull) -> str:
    gh, at = github_world.client("press-play"), subject(context)
    verdict = documents_pull._verdict(gh, at, pull.head_sha, "main", [1])
    return f"{verdict.outcome}: {verdict.reason('docs/')}"


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({CRITERIA: b"- it is"}, "done: "),
        ({}, "parked: documents are missing, or empty, for tasks 1"),
        ({CRITERIA: b"- it is", "src/app.py": b"x"}, "refused: it changes 1 files outside of docs/"),
        ({CRITERIA: b"- it is", ".taskmaster/tasks/tasks.json": b"{}"}, "refused: it changes 1 files outside of docs/"),
        ({CRITERIA: b"- it is", ".taskmaster/docs-2/x": b"x"}, "refused: it changes 1 files outside of docs/"),
        ({CRITERIA: b"- it is", ".github/workflows/ci.yml": b"x"}, "refused: it changes 1 files outside of docs/"),
    ],
)
def test_a_pull_request_of_documents_is_judged_by_its_diff(github_world, context, files, says):
    assert judge(github_world, context, opened(github_world, {**DOCS, **files})).startswith(says)


@pytest.mark.rule("R6")
def test_a_link_among_documents_is_refused(github_world, context):
    pull = opened(github_world, {**DOCS, CRITERIA: b"- it is"})
    link(github_world, pull.head_ref, pull.head_sha, ".taskmaster/docs/architecture.md")
    pull = pulls.pull(github_world.client("rex"), REPO, pull.number)
    assert judge(github_world, context, pull).startswith("refused: it has links in docs/")


@pytest.mark.rule("R5")
def test_it_is_the_commit_that_is_judged_against_the_default_branch_whatever_its_pull_request_shows(
    github_world, context
):
    pull = opened(github_world, {**DOCS, CRITERIA: b"- it is", "src/app.py": b"x"})
    # For a moment the branch, and what the pull request is against, look harmless.
    github_world.branch(pull.head_ref, {**DOCS, CRITERIA: b"- it is"})
    github_world.branch("harmless", {"src/app.py": b"x"})
    pulls.retarget(github_world.client("rex"), REPO, pull.number, "harmless")
    assert judge(github_world, context, pull).startswith("refused: it changes 1 files outside of docs/")


@pytest.mark.rule("R6")
def test_a_file_that_was_moved_out_of_the_source_is_outside(github_world, context):
    gh = github_world.client("rex")
    head = github_world.branch("docs/auto-gen-1", {**DOCS, CRITERIA: b"print('shop')\n"})
    blobs = {"src/app.py": None}
    refs.commit_blobs(gh, REPO, "docs/auto-gen-1", head, blobs, "Move it")
    pull = pulls.open_pull(gh, REPO, "docs/auto-gen-1", "main", "docs", "")
    assert judge(github_world, context, pull).startswith("refused: it changes 1 files outside of docs/")


@pytest.mark.rule("R8")
def test_only_a_pull_request_of_morgans_app_is_left_alone(github_world, context):
    morgans = opened(github_world, {**DOCS})
    github_world.branch("docs/auto-gen-2", {"f": b"x"}, app="qa")
    others = pulls.open_pull(github_world.client("qa"), REPO, "docs/auto-gen-2", "main", "docs", "")
    for _ in range(2):
        entries = context.ledger(REPO).entries("pr", morgans.number)
        assert task_documents.left_alone(context, REPO, morgans, entries)
    assert context.ledger(REPO).entries("pr", morgans.number).get(LeftAlone)
    assert not task_documents.left_alone(context, REPO, others, Entries())
    assert refs.find_head(github_world.client("rex"), REPO, "docs/auto-gen-2")


@pytest.mark.rule("R5")
def test_only_the_harnesss_own_pull_request_of_statuses_is_left_alone(github_world, context):
    branch, bot = names.status_branch(REPO, "master"), names.bot(context.settings.github.harness_app)
    pull = replace(opened(github_world, {**DOCS}), head_ref=branch, author=bot)
    assert task_documents.left_alone(context, REPO, pull, Entries())
    for field in ({"author": names.bot("5dlabs-rex")}, {"author": "jo"}, {"head_ref": "docs/statuses"}, {"fork": True}):
        assert not task_documents.left_alone(context, REPO, replace(pull, **field), Entries())
    # A head that the harness did not make gets an answer like any other pull request.
    made = Entries({StatusPull.KEY: StatusPull(head=pull.head_sha, play="play-0a1b2c3d-1")})
    assert standing._sets_statuses(pull, made)
    assert not standing._sets_statuses(replace(pull, head_sha="0" * 40), made)
    assert not standing._sets_statuses(pull, Entries())
