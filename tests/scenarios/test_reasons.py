"""A failure's reason, with the deepest detail known, reaches each place that `docs/reference/reasons.md` names."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import CHART, REPO, World, project, task, world
from ledgers import HEAD, desk
from people import person
from team import PR, Does, Team

from pressplay.errors import PressPlayError
from pressplay.sandbox.deployer import Deployment, Running, VirtualStarter
from pressplay.sandbox.forge import Fault
from pressplay.sandbox.progress import Progress
from pressplay.sandbox.summary import Summary, TaskResult, summarize
from pressplay.steps.core import reason_text
from pressplay.steps.play.task_verdicts import newest_reason
from pressplay.steps.runs import outcomes
from pressplay.steps.runs import run as runs

PAGE = Path(__file__).parents[2] / "docs/reference/reasons.md"
PLACES = ("Live", "Summary", "JSON", "Pull request", "Check", "Findings")
KEY = "ghp_" + "a" * 36
LOGIN = "Invalid API key · Please run /login"
HOSTILE = f"\x1b[31m{LOGIN}\x1b[0m\n@everyone ```` <script>{{{{workflow.uid}}}}\n{KEY}"


def rows() -> dict[str, list[str]]:
    """The table: the test of each row → what its places show, the issue last."""
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.read_text().splitlines()]
    return {row[-1].split("`")[1]: row[1:-1] for row in cells if "`test_" in row[-1]}


@dataclass
class Printing(Team):
    """Agents of one role that print something and fail."""

    fails_as: str = ""
    prints: str = ""

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        if env["PRESSPLAY_ROLE"] == self.fails_as:
            (tree.parent / "log").write_text(self.prints)
            return 1
        return super().__call__(tree, env)


class Procfileless(VirtualStarter):
    """A deployer that can't deploy."""

    def __init__(self) -> None:
        """Nothing is ever started."""

    def start(self, deployment: Deployment) -> Running:
        raise PressPlayError("the commit has no Procfile with a line `web: COMMAND`")


def hands_over(**result: str) -> Does:
    """What an agent does that leaves this result file."""

    def does(_tree: Path, env: Mapping[str, str]) -> None:
        Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps(result))

    return does


@dataclass
class Played:
    """A play that failed, and what each place says of it."""

    made: World
    team: Team
    summary: Summary
    lines: list[str] = field(default_factory=list)

    @property
    def result(self) -> TaskResult:
        (result,) = self.summary.tasks
        return result

    def get(self, path: str) -> Any:
        with person(self.made) as api:
            return api.get(path).json()

    def places(self) -> dict[str, str]:
        assert self.result.why is not None
        has_pull = self.result.pr is not None
        comments = self.get(f"issues/{PR}/comments") if has_pull else []
        checks: list[Any] = []
        if has_pull:
            head = self.get(f"pulls/{PR}")["head"]["sha"]
            checks = self.get(f"commits/{head}/check-runs")["check_runs"]
        texts = (
            "\n".join(self.lines),
            self.result.why.line(),
            json.dumps(self.result.as_json(), ensure_ascii=False),
            "\n".join(comment["body"] for comment in comments if comment["user"]["login"] == "press-play[bot]"),
            "\n".join(f"{check['output']['summary']}\n{check['output']['text'] or ''}" for check in checks),
            "\n".join(text for _, text in self.team.told),
        )
        return dict(zip(PLACES, texts, strict=True))

    def is_shown_as_in_the_row(self, name: str, clause: str, detail: str = "") -> None:
        """That each place shows what its cell says."""
        for (place, text), cell in zip(self.places().items(), rows()[name], strict=False):
            if cell.startswith("–"):
                assert clause not in text, place
            else:
                assert clause in text, f"{place}: {text}"
            if detail:
                assert (detail in text) == (cell == "detail"), f"{place}: {text}"
            assert KEY not in text, f"{place}: a secret"
            assert "\x1b" not in text, f"{place}: what a terminal would act on"


def play(tmp_path: Path, team: Team | None = None, plan: str = "", lint: Any = None, **options: Any) -> Played:
    source = project(tmp_path, [task(1)])
    if plan:
        (source / ".press-play" / "acceptance" / "1.yaml").write_text(plan)
    if lint:
        options["settings"] = {"defaults": {"lint": {"enabled": True, "commands": [lint]}}}
    team = team or Team()
    made = team.made = world(tmp_path / "state", team, source=source, merge=False, **options)
    played = Played(made, team, summarize(made.sandbox))
    progress = Progress(made.sandbox, played.lines.append)
    made.sandbox.press()
    made.sandbox.run(lambda: (progress.watch(), made.sandbox.only_people_are_waited_for())[1])
    progress.watch()
    played.summary = summarize(made.sandbox)
    return played


def test_each_row_of_the_table_is_played_and_each_play_has_its_row():
    tests = {
        node.name
        for node in ast.parse(Path(__file__).read_text()).body
        if isinstance(node, ast.FunctionDef) and re.match(r"test_(?!each_)", node.name)
    }
    assert set(rows()) == tests
    for name, row in rows().items():
        assert len(row) == len(PLACES) + 1, name
        assert all(re.fullmatch(r"detail|clause|– \(\d\)", cell) for cell in row), name
        assert row[-1] == row[PLACES.index("Summary")], f"{name}: the issue shows what the summary shows"


@pytest.mark.rule("R3")
@pytest.mark.rule("R9")
def test_an_implementation_that_failed(tmp_path):
    played = play(tmp_path, Printing(fails_as="implement", prints=HOSTILE))
    assert played.result.state == "failed"
    assert played.result.as_json()["reason"] == "rex: the agent's run failed"
    assert played.result.why.look.endswith("/log")
    assert any("rex failed" in line and LOGIN in line for line in played.lines), "the run's own line has it too"
    played.is_shown_as_in_the_row("test_an_implementation_that_failed", "rex: the agent's run failed", LOGIN)


@pytest.mark.rule("R3")
@pytest.mark.rule("R7")
def test_a_review_run_that_failed(tmp_path):
    played = play(tmp_path, Printing(fails_as="lint", prints=HOSTILE))
    assert played.result.state == "parked"
    played.is_shown_as_in_the_row("test_a_review_run_that_failed", "clippy: the agent's run failed", LOGIN)
    for place in ("Pull request", "Check"):
        text = played.places()[place]
        opened = text.index("`````text")
        assert opened < text.index(LOGIN) < text.index("`````", opened + 9), "as data: in a fence that it can't close"


@pytest.mark.rule("R10")
def test_a_result_that_was_refused(tmp_path):
    played = play(tmp_path, Team(does={"lint": hands_over(result="pass")}))
    detail = "result: expected one of done, nothing, blocked for the role lint"
    played.is_shown_as_in_the_row("test_a_result_that_was_refused", "clippy: the agent's run failed", detail)


@pytest.mark.rule("R4")
def test_a_run_that_timed_out(tmp_path):
    played = play(tmp_path, Team(seconds=lambda role, _task: 7200 if role == "lint" else 60))
    assert played.result.why.look.endswith("/log")
    played.is_shown_as_in_the_row("test_a_run_that_timed_out", "clippy: not finished within 60 minutes")


@pytest.mark.rule("R3")
@pytest.mark.rule("R7")
@pytest.mark.rule("R9")
def test_an_agent_that_is_blocked(tmp_path):
    question = f"Is a price of 0 free? {KEY} ````{{{{=1+1}}}}"
    played = play(tmp_path, Team(does={"lint": hands_over(result="blocked", question=question)}))
    name = "test_an_agent_that_is_blocked"
    played.is_shown_as_in_the_row(name, "clippy: it is blocked and asks a person", "Is a price of 0 free?")


@pytest.mark.rule("R3")
def test_a_deployment_that_failed(tmp_path):
    played = play(tmp_path, Team(silent={("fix", 1)}), starter=Procfileless())
    name = "test_a_deployment_that_failed"
    played.is_shown_as_in_the_row(name, "", "the commit has no Procfile")
    assert "failed (deployment 1)" in played.places()["Findings"]


@pytest.mark.rule("R3")
def test_a_deploy_workflow_that_failed(tmp_path):
    templates = [
        {"name": "deploy", "steps": [[{"name": "roll-out", "template": "roll-out"}]]},
        {"name": "roll-out", "inputs": {"parameters": [{"name": "image"}]}, "suspend": {"duration": "30"}},
    ]
    parameters = [{"name": name} for name in ("repo", "pr", "head", "environment")]
    deploy = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": "deploy-preview", "namespace": "press-play"},
        "spec": {"entrypoint": "deploy", "arguments": {"parameters": parameters}, "templates": templates},
    }
    settings = {"defaults": {"deploy": {"mode": "workflowTemplate", "workflowTemplate": "deploy-preview"}}}
    played = play(tmp_path, Team(silent={("fix", 1)}), chart=[*CHART, deploy], settings=settings)
    assert re.search("image", played.result.why.detail), played.result.why
    played.is_shown_as_in_the_row("test_a_deploy_workflow_that_failed", "", played.result.why.detail)


@pytest.mark.rule("R5")
def test_probes_that_do_not_hold(tmp_path):
    plan = "probes: [{name: there, workload: {kind: Deployment, namespace: preview, name: a, expect: {replicas: 2}}}]\n"
    played = play(tmp_path, Team(silent={("fix", 1)}), plan=plan)
    name = "test_probes_that_do_not_hold"
    played.is_shown_as_in_the_row(name, "", "there is none of this name")


@pytest.mark.rule("R3")
def test_a_lint_gate_that_could_not_judge(tmp_path):
    line = "npm error request failed: cache mode is only-if-cached but no cached response is available, ENOTFOUND"
    played = play(tmp_path, lint=f"echo '{line}'; exit 127")
    assert "needs packages or a toolchain that it can't reach" in played.result.reason
    assert "install it on this machine" not in played.result.reason
    played.is_shown_as_in_the_row("test_a_lint_gate_that_could_not_judge", "it can't reach", line)


@pytest.mark.rule("R3")
def test_a_lint_gate_that_found_problems(tmp_path):
    played = play(tmp_path, Team(silent={("fix", 1), ("lint", 1)}), lint="echo 'a.py:1: an unused name'; exit 1")
    played.is_shown_as_in_the_row("test_a_lint_gate_that_found_problems", "", "a.py:1: an unused name")


@pytest.mark.rule("R5")
def test_a_proof_that_was_not_stored(tmp_path):
    place = {"repository": "registry.example.com/proofs", "secret": "registry"}
    played = play(tmp_path, settings={"proof": {"store": "oci", "oci": place}})
    detail = "Secret registry in namespace press-play: expected the credentials for proofs, got no such Secret"
    played.is_shown_as_in_the_row(
        "test_a_proof_that_was_not_stored", "could not be stored where the values say", detail
    )


@pytest.mark.rule("R3")
def test_a_step_that_failed(tmp_path):
    source = project(tmp_path, [task(1)])
    made = world(tmp_path / "state", team := Team(), source=source, merge=False)
    played = Played(made, team, summarize(made.sandbox))
    progress = Progress(made.sandbox, played.lines.append)
    made.sandbox.press()
    made.sandbox.forge.faults.append(Fault("POST", r"/git/trees$", status=422, times=9))
    made.sandbox.run(lambda: (progress.watch(), made.sandbox.only_people_are_waited_for())[1])
    progress.watch()
    made.sandbox.forge.faults.clear()
    played.summary = summarize(made.sandbox)
    assert played.result.state == "failed"
    name = "test_a_step_that_failed"
    played.is_shown_as_in_the_row(name, "failed, and a repeat would not help", "/git/trees")


@pytest.mark.rule("R4")
def test_a_limit_that_was_reached(tmp_path):
    played = play(tmp_path, Team(wants_changes={1: 9}), settings={"limits": {"rounds": 1}})
    played.is_shown_as_in_the_row("test_a_limit_that_was_reached", "(limits.rounds)")


@pytest.mark.rule("R5")
def test_a_pull_request_that_was_closed(tmp_path):
    def closes(_tree: Path, _env: Mapping[str, str]) -> None:
        assert team.made is not None
        with person(team.made) as api:
            api.patch(f"pulls/{PR}", json={"state": "closed"}).raise_for_status()

    team = Team(does={"lint": closes})
    played = play(tmp_path, team)
    assert played.result.state == "failed"
    name = "test_a_pull_request_that_was_closed"
    played.is_shown_as_in_the_row(name, "pull request #1 was closed without a merge")


@pytest.mark.rule("R3")
def test_a_coderun_that_was_not_created(tmp_path):
    context = desk(tmp_path)
    given = {"repo": REPO, "role": "implement", "task": "3", "github-app": "rex", "head": HEAD, "workflow": "task-3"}
    run = runs.Run.of({**given, "try": "1", "round": "1"}, context)
    refused = f"admission webhook denied it {KEY}"
    result = outcomes.of(context, run, run.entry(), lambda *_: pytest.fail("no judge is asked"), refused)
    assert result.details is not None
    assert result.details.look == f"CodeRun {run.name}"
    assert KEY not in result.details.detail
    context.ledger(REPO).record("task", 3, run.entry().with_result(result, 100))
    entries = context.ledger(REPO).entries("task", 3)
    why = newest_reason(entries, 1)
    assert why is not None
    assert "the CodeRun could not be created: “admission webhook denied it" in why.line()
    assert "```text\nadmission webhook denied it" in reason_text.details(why)


@pytest.mark.rule("R7")
def test_each_status_and_answer_shows_the_detail_as_data(tmp_path):
    played = play(tmp_path, Printing(fails_as="comments", prints=HOSTILE))
    assert played.result.state == "approved"
    for text in ("Make it simpler.", "/press-play status"):
        with person(played.made) as api:
            api.post(f"issues/{PR}/comments", json={"body": text}).raise_for_status()
        played.made.settle()
    comments = played.get(f"issues/{PR}/comments")
    own = [comment["body"] for comment in comments if comment["user"]["login"] == "press-play[bot]"]
    (answer,) = [body for body in own if "Nothing was changed for this: the agent's run failed." in body]
    (status,) = [body for body in own if "| state | parked: " in body]
    for body in (answer, status):
        assert LOGIN in body[body.index("`````text") :]
        assert KEY not in body


@pytest.mark.rule("R4")
def test_each_issue_shows_why_its_task_failed(tmp_path):
    team = Printing(fails_as="implement", prints=HOSTILE)
    made = team.made = world(tmp_path / "state", team, source=project(tmp_path, [task(1)]), merge=False)
    with person(made) as api:
        number = api.post("issues", json={"title": "No total", "body": "I want a total."}).json()["number"]
        api.post(f"issues/{number}/labels", json={"labels": ["press-play"]}).raise_for_status()
        made.settle()
        bodies = [comment["body"] for comment in api.get(f"issues/{number}/comments").json()]
    (text,) = [body for body in bodies if "No pull request came of it: rex: the agent's run failed." in body]
    assert LOGIN in text[text.index("`````text") :]
    assert KEY not in text
