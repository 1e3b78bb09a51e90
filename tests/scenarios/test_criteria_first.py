"""Criteria first: probes that another run writes from the task's text, before any code exists, and that nobody who
implements can read (R5, R6)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness import REPO, git, project, task, world
from team import PR, Does, Played, Team, commit, seal

from pressplay import names
from pressplay.domain.entries import IndependentPlan
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.github import pulls, refs
from pressplay.steps.core import evidence
from pressplay.steps.roles import ROOMS
from pressplay.steps.runs import run_steps

pytestmark = [pytest.mark.rule("R5"), pytest.mark.rule("FR10")]
WANTED = "`python3 shop.py discount N` prints nine tenths of N, rounded down"
SECRET = "40962"
"""What only the independent plan asks for."""
PLAN = f"""\
probes:
  - name: a-tenth-less
    covers: [AC1]
    command:
      steps:
        - {{argv: [python3, shop.py, discount, "{SECRET}"], expect: {{stdout: {{lines: ["36865"]}}}}}}
        - {{argv: [python3, shop.py, discount, "0"], expect: {{stdout: {{lines: ["0"]}}}}}}
"""
MAIN = """

if __name__ == "__main__":
    import sys

    print(globals()[sys.argv[1]](int(sys.argv[2])))
"""
BASE = f"def total(n):\n    return n * 30\n{MAIN}"
HONEST = f"def total(n):\n    return n * 30\n\n\ndef discount(n):\n    return n * 9 // 10\n{MAIN}"
SPECIAL = HONEST.replace("n * 9 // 10", "{10: 9, 21: 18}.get(n, n)")
"""Right for what QA's tests ask, and for nothing else."""
TEST = """\
import unittest

import shop


class Shop(unittest.TestCase):
    def test_total(self):
        self.assertEqual(shop.total(2), 60)
"""
OURS = (
    TEST
    + """
    def test_discount(self):
        self.assertEqual(shop.discount(10), 9)
        self.assertEqual(shop.discount(21), 18)
"""
)
SPY = f"""\
import glob
import os
import unittest

secret = bytes.fromhex("{SECRET.encode().hex()}")
claim = os.path.join(os.getcwd(), "..", "..", "..")
assert os.path.isdir(os.path.join(claim, "script")), os.listdir(claim)
for mounted in ("source", "script", "work"):
    for name in glob.glob(os.path.join(claim, mounted, "**", "*"), recursive=True):
        if os.path.isfile(name):
            assert secret not in open(name, "rb").read(1_000_000), name
"""
"""Looks through what a Pod of the tests has mounted of its volume. In the sandbox the rest of the machine is there."""
SETTINGS: dict[str, Any] = {
    "defaults": {"tests": {"enabled": True, "repeat": 2, "controls": {"most": 2}, "criteriaFirst": True}},
    "limits": {"rounds": 1},
}
BRANCH = names.task_branch(names.independent_number(1))


def leave(tree: Path, path: str, text: str) -> None:
    if not (tree / path).exists() or (tree / path).read_text() != text:
        commit(tree, path, text)


def team(program: str, criteria: Does) -> Team:
    return Team(
        does={
            "criteria": criteria,
            "implement": lambda tree, _env: leave(tree, "shop.py", program),
            "test": lambda tree, _env: leave(tree, "test_shop.py", OURS),
        }
    )


def play(tmp_path: Path, agents: Team, settings: dict[str, Any] = SETTINGS, **options: Any) -> Played:
    source = project(tmp_path, [task(1, title="Discounts", acceptanceCriteria=[WANTED])])
    (source / "shop.py").write_text(BASE)
    (source / "test_shop.py").write_text(TEST)
    made = agents.made = world(tmp_path / "state", agents, source=source, merge=False, settings=settings, **options)
    return Played(made, made.play(), agents)


def sealed(plan: str = PLAN) -> Does:
    return lambda tree, _env: seal(tree, plan)


def recorded(flow: Played) -> IndependentPlan | None:
    return flow.made.sandbox.context.ledger(REPO).entries("task", 1).get(IndependentPlan)


def verdict(flow: Played) -> str:
    return str(flow.check("tests")["output"]["text"])


def test_a_program_that_does_what_the_task_says_is_approved_and_the_proof_says_so(tmp_path):
    clones: list[str] = []
    agents = team(HONEST, sealed())
    agents.does["implement"] = lambda tree, env: (clones.append(everything(tree)), leave(tree, "shop.py", HONEST))[1]
    flow = play(tmp_path, agents)
    assert flow.approvals() == [flow.head], flow.reason
    assert flow.roles() == ["criteria", "implement", "lint", "test"]
    assert "1 independent probe held" in flow.check("tests")["output"]["summary"]
    (approval,) = [review for review in flow.get(f"/pulls/{PR}/reviews") if review["state"] == "APPROVED"]
    assert "independent criteria" in approval["body"]
    plan = recorded(flow)
    assert plan is not None
    assert "36865" in ProbePlan.unpack(plan.plan).document
    # Rex's clone has every branch that GitHub has.
    assert clones
    assert not any(SECRET in text for text in clones)
    gh = flow.made.sandbox.context.harness(REPO, contents="read")
    assert refs.find_head(gh, REPO, BRANCH) is None


def everything(tree: Path) -> str:
    """All texts that an agent's clone holds, in any commit of any branch."""
    git(tree, "fetch", "-q", "origin")
    commits = git(tree, "rev-list", "--all").split()
    return "\n".join(git(tree, "grep", "-a", "-e", "", commit) for commit in commits)


def test_special_cases_that_qa_s_own_tests_agree_with_are_refused_without_a_word_of_what_was_asked(tmp_path):
    flow = play(tmp_path, team(SPECIAL, sealed()))
    flow.assert_not_approved()
    assert "the program does not do what independent probes of AC1 expect" in flow.reason
    shown = json.dumps([flow.check("tests"), flow.get(f"/issues/{PR}/comments"), flow.team.told, flow.reason])
    kept = evidence.kept(flow.made.sandbox.context, REPO, PR, flow.head)
    assert SECRET not in shown
    assert "36865" not in shown
    assert "a-tenth-less" not in shown
    assert evidence.JUDGEMENT in kept


def test_the_same_program_is_approved_where_no_independent_criteria_are_asked_for(tmp_path):
    """What this option is for: without it the collusion of Rex and QA is not clones."""
    defaults = SETTINGS["defaults"]
    settings = {**SETTINGS, "defaults": {**defaults, "tests": {**defaults["tests"], "criteriaFirst": False}}}
    flow = play(tmp_path, team(SPECIAL, sealed()), settings)
    assert flow.approvals() == [flow.head]
    assert flow.roles() == ["implement", "lint", "test"]


def test_the_tests_of_the_head_run_where_the_independent_probes_are_not(tmp_path):
    spying = OURS.replace("import unittest\n", SPY)
    agents = team(HONEST, sealed())
    agents.does["test"] = lambda tree, _env: leave(tree, "test_shop.py", spying)
    flow = play(tmp_path, agents)
    assert flow.approvals() == [flow.head], verdict(flow)[:3000]


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("probes: []\n", "its plan does not count"),
        (PLAN.replace("covers: [AC1]", "covers: [AC9]"), "its plan does not count"),
        (PLAN.replace("    covers: [AC1]\n", ""), "a probe without `covers`"),
        (
            "probes:\n- {name: a, covers: [AC1], http: {path: /a, expect: {status: 200, contains: [a tenth less]}}}\n",
            "command probes alone",
        ),
    ],
)
def test_a_plan_that_does_not_count_is_asked_for_again_with_the_reason_and_without_its_words(tmp_path, plan, reason):
    tried: list[str] = []

    def criteria(tree: Path, env: Mapping[str, str]) -> None:
        tried.append(env["PRESSPLAY_ATTEMPT"])
        seal(tree, plan if env["PRESSPLAY_ATTEMPT"] == "0" else PLAN)

    flow = play(tmp_path, team(HONEST, criteria))
    assert tried == ["0", "1"]
    (_, again) = flow.team.findings("criteria")
    assert reason in again
    assert "AC9" not in again
    assert flow.approvals() == [flow.head]


def plain(tree: Path, _env: Any) -> None:
    commit(tree, "criteria.yaml", PLAN)
    seal(tree, PLAN)


def unsealed(tree: Path, _env: Any) -> None:
    commit(tree, names.INDEPENDENT_PLAN, PLAN)


def nothing(_tree: Path, _env: Any) -> None: ...


@pytest.mark.parametrize(
    ("criteria", "reason"),
    [
        (plain, "its branch has other things than one commit"),
        (unsealed, "was not sealed by `task/seal.sh`"),
        (nothing, "pushed no sealed plan"),
    ],
)
def test_without_a_sealed_plan_nothing_is_implemented(tmp_path, criteria, reason):
    flow = play(tmp_path, team(HONEST, criteria))
    assert set(flow.roles()) == {"criteria"}
    assert reason in flow.reason
    assert recorded(flow) is None


def test_a_plan_that_another_app_pushed_does_not_count(tmp_path):
    """The key is no secret: whoever implements could seal a plan that asks for nothing."""

    def criteria(tree: Path, env: Mapping[str, str]) -> None:
        (tree / "task" / "criteria.yaml").write_text(PLAN.replace(SECRET, "10").replace("36865", "9"))
        subprocess.run(["sh", "task/seal.sh", "task/criteria.yaml"], cwd=tree, check=True, capture_output=True)
        sealed = tree / names.INDEPENDENT_PLAN
        assert agents.made is not None
        gh = agents.made.sandbox.github.installation("rex", REPO, {"contents": "write"})
        files = {names.INDEPENDENT_PLAN: sealed.read_bytes()}
        refs.commit_files(gh, REPO, BRANCH, files, "By the way", env["PRESSPLAY_HEAD"])
        sealed.unlink()

    agents = team(SPECIAL, criteria)
    flow = play(tmp_path, agents)
    assert set(flow.roles()) == {"criteria"}
    assert "somebody else than its App moved its branch" in flow.reason
    assert recorded(flow) is None


@pytest.mark.rule("FR5")
def test_its_run_shares_no_volume_folder_or_number_with_the_task_s_other_runs(tmp_path):
    settings = {**SETTINGS, "defaults": {**SETTINGS["defaults"], "isolation": "worktree"}}
    flow = play(tmp_path, team(HONEST, sealed()), settings)
    cluster, namespace = flow.made.sandbox.cluster, flow.made.sandbox.settings.controller_namespace
    specs = {run["metadata"]["labels"]["press-play/role"]: run["spec"] for run in cluster.list("CodeRun", namespace)}
    own = specs.pop("criteria")
    for key in ("service", "taskId", "docsBranch"):
        assert own[key] not in {spec[key] for spec in specs.values()}, key
    claim = {"name": f"workspace-{own['service']}", "namespace": namespace}
    for name in (claim["name"], "workspace-shop"):
        cluster.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {**claim, "name": name}})
    end = flow.made.sandbox.clock.now() + 120
    flow.made.sandbox.run(lambda: flow.made.sandbox.clock.now() > end)
    left = [volume["metadata"]["name"] for volume in cluster.list("PersistentVolumeClaim", namespace)]
    assert left == ["workspace-shop"]


def test_a_pull_request_that_is_there_already_does_not_keep_them_from_being_written(tmp_path):
    """Whoever may open pull requests could open the task's before its criteria are written."""
    agents = team(SPECIAL, sealed())
    source = project(tmp_path, [task(1, title="Discounts", acceptanceCriteria=[WANTED])])
    (source / "shop.py").write_text(BASE)
    (source / "test_shop.py").write_text(TEST)
    made = agents.made = world(tmp_path / "state", agents, source=source, merge=False, settings=SETTINGS)
    gh = made.sandbox.github.installation("rex", REPO, {"contents": "write", "pull_requests": "write"})
    branch, base = names.task_branch(1), refs.head(gh, REPO, "main")
    refs.commit_files(gh, REPO, branch, {"shop.py": SPECIAL.encode()}, "Discounts", base)
    pulls.open_pull(gh, REPO, branch, "main", "Discounts", "")
    flow = Played(made, made.play(), agents)
    flow.assert_not_approved()
    assert flow.roles()[0] == "criteria"
    assert "independent probes of AC1" in flow.reason


def test_where_they_are_asked_for_later_the_gate_is_undecided_and_says_what_to_do(tmp_path):
    off = {**SETTINGS["defaults"], "tests": {**SETTINGS["defaults"]["tests"], "criteriaFirst": False}}
    agents = team(HONEST, sealed())
    agents.does["test"] = lambda tree, _env: leave(tree, "test_shop.py", OURS.replace("18)", "17)"))
    flow = play(tmp_path, agents, {**SETTINGS, "defaults": off})
    flow.assert_not_approved()
    flow.made.sandbox.close()
    agents.does["test"] = lambda tree, _env: leave(tree, "test_shop.py", OURS)
    made = agents.made = world(tmp_path / "state", agents, merge=False, settings=SETTINGS)
    later = Played(made, flow.summary, agents)
    answer = later.ask("POST", f"/issues/{PR}/comments", json={"body": "/press-play retry"})
    answer.raise_for_status()
    later.go_on()
    later.assert_not_approved()
    assert "none are recorded for this task; press play again" in later.check("tests")["output"]["summary"]
    later.summary = made.play()
    assert later.approvals() == [later.head]
    assert "criteria" in later.roles()


@pytest.mark.rule("R3")
def test_collected_again_after_a_kill_that_came_before_its_result_was_recorded(tmp_path):
    flow = play(tmp_path, team(HONEST, sealed()))
    context = flow.made.sandbox.context
    ledger = context.ledger(REPO)
    (run,) = [entry for entry in ledger.entries("task", 1).runs if entry.role == "criteria"]
    ledger.record("task", 1, replace(run, result=None, ended=None))
    before = recorded(flow)
    inputs = {
        "repo": REPO,
        "task": "1",
        "github-app": "qa",
        "role": "criteria",
        "cause": run.cause,
        "play": run.play or "",
    }
    assert run_steps.collect(inputs, context, ROOMS)["outcome"] == "done"
    assert recorded(flow) == before
