"""What is done about the deployment of a play's end, and what its answers show (R5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from github_world import HARNESS, GitHubWorld
from ledgers import PR, REPO, desk

from pressplay.clock import rfc3339
from pressplay.domain.entries import DeployedProof, FinalProof
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.gates.acceptance.end_plan import EndPlan
from pressplay.gates.acceptance.probe_job import ProbeJob
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.proof import ProbeCheck, ProbeProof, Proof
from pressplay.settings import Deploy, RepositoryDefaults
from pressplay.steps.core import evidence
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.play import final_deployment, final_steps

pytestmark = pytest.mark.rule("R5")
STAGING = "staging"
BEGUN = DeployedProof(environment=STAGING)
PROBES = '{"probes":[{"http":{"expect":{"contains":["x"],"status":200},"path":"/a"},"name":"1/a"}]}'
DEPLOY = {"mode": "github-deployment", "base": {"environment": STAGING, "commit": {"path": "/version"}}}


@pytest.fixture
def at(github_world: GitHubWorld) -> At:
    return At(github_world)


class At:
    """A play's end at the newest commit of the base branch, of which tests have passed."""

    def __init__(self, world: GitHubWorld) -> None:
        world.forge.create_app("press-play", "Press-Play", {**HARNESS, "deployments": "write"}, ["pull_request"])
        self.world, self.person = world, world.person()
        settings = {"repositories": {REPO: RepositoryDefaults(deploy=Deploy(**DEPLOY))}}
        folder = world.folder / "cluster"
        folder.mkdir()
        self.context: Context = replace(desk(folder, **settings), github=world.access, clock=world.clock)
        self.subject = Subject.of({"repo": REPO, "pr": str(PR), "play": "play-0-1"}, self.context)
        self.tip = self.person.get("/branches/main").json()["commit"]["sha"]
        self.other = world.branch("other", {"other.txt": b"x"})
        self.proof = FinalProof(
            head=self.tip, tip=self.tip, onto=self.other, play="play-0-1", outcome="pass", reason="r", deployed=BEGUN
        )

    def keep(self, end: EndPlan) -> None:
        evidence.keep(self.context, self.subject, self.tip, {evidence.END_PLAN: end.pack()})

    def deploys(self, *states: str, sha: str = "") -> int:
        body = {"ref": sha or self.tip, "environment": STAGING, "required_contexts": []}
        made = self.person.post("/deployments", json=body)
        number = int(made.json()["id"])
        for state in states:
            status = {"state": state, "environment_url": "http://staging.test", "description": f"it is {state}"}
            assert self.person.post(f"/deployments/{number}/statuses", json=status).is_success
        return number

    def follow(self) -> tuple[DeployedProof, Any]:
        self.proof, wanted = final_deployment.follow(self.context, self.subject, PR, self.proof)
        assert self.proof.deployed is not None
        return self.proof.deployed, wanted

    def conclude(self, packed: str) -> str:
        given = {"repo": REPO, "pr": str(PR), "play": "play-0-1", "head": self.tip, "proof": packed}
        return final_steps.verdict(given, self.context)["outcome"]

    def recorded(self) -> DeployedProof | None:
        proof = self.context.ledger(REPO).entries("pr", PR).get(FinalProof, FinalProof.key_of(self.tip))
        return proof.deployed if proof else None


def test_what_is_deployed_is_looked_at_and_by_the_kept_plan(at):
    at.keep(EndPlan(PROBES))
    number = at.deploys("in_progress", "success")
    deployed, wanted = at.follow()
    assert (deployed.outcome, deployed.deployment) == ("", number)
    assert wanted["state"] == "probe"
    assert ProbePlan.unpack_part(wanted["plan"]).document == PROBES
    job = ProbeJob.unpack(wanted["target"])
    assert (job.target.url, job.target.commit, job.target.environment) == ("http://staging.test", at.tip, STAGING)
    assert "running-commit-by-path" in job.running
    # A step that is run again asks for the same.
    assert at.follow() == (deployed, wanted)


@pytest.mark.parametrize(
    ("states", "other", "reason"),
    [
        (None, False, "nobody deployed"),
        ((), False, "nobody deployed"),
        (("in_progress",), False, "nobody deployed"),
        (None, True, "nobody deployed"),
    ],
)
def test_what_never_comes_is_waited_for_as_long_as_the_values_say(at, states, other, reason):
    at.keep(EndPlan(PROBES))
    if states is not None:
        at.deploys(*states)
    if other:
        at.deploys("success", sha=at.other)
    began = at.world.clock.now()
    deployed, wanted = at.follow()
    assert (deployed.outcome, deployed.since, wanted["state"]) == ("", int(began), "await")
    assert wanted["environment"] == STAGING
    at.world.clock.sleep(29 * 60)
    assert at.follow()[1]["state"] == "await"
    at.world.clock.sleep(2 * 60)
    deployed, wanted = at.follow()
    assert (deployed.outcome, wanted) == ("error", None)
    assert f"not deployed: {reason} {at.tip[:12]} into staging within 30 minutes" in deployed.reason
    assert (f"the newest deployment there is of {at.other[:12]}" in deployed.reason) is other
    assert "have it deployed" in deployed.why.todo
    assert at.recorded() == deployed


@pytest.mark.parametrize(
    ("states", "then", "reason"),
    [
        (("failure",), "", "the deployment into staging failed"),
        (("error",), "", "the deployment into staging failed"),
        (("success", "inactive"), "", "the deployment into staging was replaced by another one"),
        (("success",), "success", "the deployment into staging was replaced by another one"),
        (("success",), "in_progress", "something else was deployed into staging since"),
    ],
)
def test_what_is_deployed_no_more_or_not_well_decides_nothing(at, states, then, reason):
    at.keep(EndPlan(PROBES))
    at.deploys(*states)
    if then:
        at.deploys(then, sha=at.other)
    deployed, wanted = at.follow()
    assert (deployed.outcome, wanted) == ("error", None)
    assert deployed.reason.startswith(f"not deployed: {reason}")
    assert "broken" not in deployed.reason
    assert at.proof.shown == "error"


@pytest.mark.parametrize(
    ("end", "outcome", "reason"),
    [
        (None, "error", "the plans of probes were not read"),
        (EndPlan(), "pass", "no task has a probe of a deployment"),
        (EndPlan(elsewhere=(2,)), "error", "probes of task 2 name a place of their own"),
        (EndPlan(left_out=(2, 3)), "error", "probes of tasks 2, 3 were not run"),
    ],
)
def test_without_a_probe_nothing_is_waited_for(at, end, outcome, reason):
    if end is not None:
        at.keep(end)
    deployed, wanted = at.follow()
    assert (deployed.outcome, wanted) == (outcome, None)
    assert reason in deployed.reason


@pytest.mark.parametrize("outcome", ["", "fail"])
def test_what_is_open_or_broken_by_its_tests_asks_for_no_deployment(at, outcome):
    at.keep(EndPlan(PROBES))
    at.proof = replace(at.proof, outcome=outcome)
    assert at.follow() == (BEGUN, None)
    assert at.recorded() is None


HELD = ProbeProof("1/a", "http", "GET /a", 1, "status 200", "", (ProbeCheck("status", "200", "200", True),))
WRONG = ProbeProof("2/b", "http", "GET /b", 1, "status 500", "", (ProbeCheck("status", "200", "500", False),))
MUTE = ProbeProof("2/c", "http", "GET /c", 1, "", "no answer within 10 s", ())
REFUSED = ProbeProof("2/d", "http", "GET /d", 1, "", "refused: the host is none of acceptance.hosts", ())
LATE = ProbeProof("2/e", "http", "", 0, "", "not made: the 600 s for all probes were up", ())
NOWHERE = ProbeProof(
    "3/f", "workload", "Deployment x", 1, "", "", (ProbeCheck("workload", "there", "there is none", False),)
)
SILENT = ProbeProof("3/g", "logs", "log", 1, "pod x:\nno such line", "", (ProbeCheck("log contains", "a", "b", False),))
RUNNING = ProbeProof("running-commit-by-path", "http", "", 1, "x", "", (ProbeCheck("status", "200", "200", True),))
NOT_RUNNING = replace(RUNNING, checks=(ProbeCheck("body contains", "a", "b", False),))


def answers(commit: str, probes: Sequence[ProbeProof]) -> Proof:
    now = rfc3339(0.0)
    return Proof(commit, STAGING, "http://staging.test", "sha256:0", now, now, tuple(probes))


@pytest.mark.parametrize(
    ("probes", "end", "outcome", "tasks", "reason"),
    [
        ((RUNNING, HELD, RUNNING), EndPlan(), "pass", (), "1 probe held on its deployment into staging"),
        ((RUNNING, HELD, WRONG, MUTE, RUNNING), EndPlan(), "fail", (2,), "2 of 3 probes did not hold"),
        ((SILENT, WRONG), EndPlan(), "fail", (3, 2), "2 of 2 probes did not hold"),
        # What may not be reached, has no time, or is not there, is no fault of the commit.
        ((HELD, REFUSED), EndPlan(), "error", (), "not there to look at, in its deployment into staging: 2/d"),
        ((HELD, LATE), EndPlan(), "error", (), "2/e"),
        ((HELD, NOWHERE), EndPlan(), "error", (), "3/f"),
        ((WRONG, NOWHERE), EndPlan(), "fail", (2,), "1 of 2 probes did not hold"),
        # And what was not asked is not shown.
        ((HELD,), EndPlan(elsewhere=(4,)), "error", (), "probes of task 4 name a place"),
        ((WRONG,), EndPlan(elsewhere=(4,)), "fail", (2,), "2/b"),
    ],
)
def test_what_answers_show(at, probes, end, outcome, tasks, reason):
    at.keep(replace(end, probes=PROBES))
    at.deploys("success")
    at.follow()
    assert at.conclude(answers(at.tip, probes).pack()) == outcome
    decided = at.recorded()
    assert decided is not None
    assert (decided.outcome, decided.tasks) == (outcome, tasks)
    assert reason in decided.reason
    assert ("GET /b" in final_deployment.answered(at.context, at.subject, PR, at.tip)) == (WRONG in probes)
    # A step that is run again decides nothing else.
    assert at.conclude("none") == outcome
    assert at.recorded() == decided


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("none", "the probes could not be carried out"),
        ("another", "the proof is another commit's"),
        ("not running", "another commit than the head runs there, or none"),
        ("replaced", "something else was deployed into staging since"),
    ],
)
def test_answers_of_something_else_decide_nothing(at, what, reason):
    at.keep(EndPlan(PROBES))
    at.deploys("success")
    at.follow()
    if what == "replaced":
        at.deploys("in_progress", sha=at.other)
    first = NOT_RUNNING if what == "not running" else RUNNING
    packed = "none" if what == "none" else answers(at.other if what == "another" else at.tip, (first, WRONG)).pack()
    assert at.conclude(packed) == "error"
    decided = at.recorded()
    assert decided is not None
    assert reason in decided.reason


@pytest.mark.parametrize("play", ["play-0-2", "play-0-1"])
def test_a_verdict_on_what_is_recorded_no_more_fails(at, play):
    if play == "play-0-2":
        at.keep(EndPlan(PROBES))
        at.follow()
    given = {"repo": REPO, "pr": str(PR), "play": play, "head": at.tip, "proof": "none"}
    with pytest.raises(InputError, match="somebody changed it meanwhile"):
        final_steps.verdict(given, at.context)


@pytest.mark.parametrize(
    ("mode", "environment", "is_wanted"),
    [
        ("github-deployment", STAGING, True),
        ("github-deployment", "", False),
        ("none", STAGING, False),
        ("workflowTemplate", STAGING, False),
    ],
)
def test_only_githubs_deployments_into_a_named_environment_are_asked_about(mode, environment, is_wanted):
    settings = Deploy(mode=mode, base={"environment": environment})
    assert final_deployment.wanted(settings) == (BEGUN if is_wanted else None)


@pytest.mark.parametrize(
    ("tests", "deployed", "shown", "whole"),
    [
        ("pass", None, "pass", "t"),
        ("pass", "", "", "t"),
        ("", "", "", "t"),
        ("fail", "", "fail", "t"),
        ("pass", "pass", "pass", "t; d"),
        ("pass", "error", "error", "d"),
        ("error", "pass", "error", "t"),
        ("error", "error", "error", "t; d"),
        ("error", "fail", "fail", "d"),
        ("pass", "fail", "fail", "d"),
    ],
)
def test_a_play_s_end_is_as_good_as_the_worse_of_its_tests_and_its_deployment(tests, deployed, shown, whole):
    part = None if deployed is None else replace(BEGUN, outcome=deployed, reason="d")
    proof = FinalProof(head="a", tip="a", onto="b", play="p", outcome=tests, reason="t", deployed=part)
    assert (proof.shown, proof.whole) == (shown, Reason(what=whole))
