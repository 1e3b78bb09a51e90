"""Gates that cannot be talked round: what no agent's word, review or check can bring about."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import proof_stores
import pytest
from harness import CHART, PLAN, REPO, Agents, World, git, project, task, world
from people import labelled_pull
from team import PR, Does, Played, Team, commit, nothing, played, starts, writes

from pressplay import names
from pressplay.cli import main
from pressplay.cluster import waits
from pressplay.commands import proof as proof_command
from pressplay.commands._installation import Installation
from pressplay.domain.entries import GateEntry
from pressplay.errors import PressPlayError
from pressplay.github import checks, deployments, pulls, refs, reviews
from pressplay.github.calls import call
from pressplay.sandbox.deployer import Deployment, Running
from pressplay.sandbox.setup import secret
from pressplay.sandbox.summary import summarize

LINTED = {"defaults": {"lint": {"enabled": True, "commands": ["test ! -e ugly.txt"]}}}


BROKEN = """probes:
- name: works
  logs: {namespace: preview, matchLabels: {app: preview-1}, expect: {lines: [it works]}}
"""


@pytest.mark.rule("R5")
@pytest.mark.rule("FR10")
def test_the_honest_path_gives_check_and_approval_that_name_the_commit_and_show_the_proof(tmp_path):
    flow = played(tmp_path)
    assert flow.state == "approved"
    check = flow.check("acceptance")
    assert (check["conclusion"], check["app"]["slug"]) == ("success", "press-play")
    assert flow.head in check["output"]["text"]
    assert f"serving {flow.head}" in check["output"]["text"]
    assert [flow.check(gate)["conclusion"] for gate in ("test-only", "limits")] == ["success", "success"]
    (approval,) = [r for r in flow.get(f"/pulls/{PR}/reviews") if r["state"] == "APPROVED"]
    assert (approval["user"]["login"], approval["commit_id"]) == ("qa-agent[bot]", flow.head)
    assert f"serving {flow.head}" in approval["body"]
    assert flow.can_be_merged()


@pytest.mark.rule("R5")
def test_an_approval_leaves_a_document_that_anybody_can_verify(tmp_path, capsys):
    def pressplay(*arguments: str) -> tuple[int, str]:
        status = main(["proof", *arguments])
        streams = capsys.readouterr()
        return status, streams.out + streams.err

    one = played(tmp_path)
    state, file = str(tmp_path / "state"), tmp_path / "proof.json"
    (approval,) = [r for r in one.get(f"/pulls/{PR}/reviews") if r["state"] == "APPROVED"]
    status, printed = pressplay("get", f"{REPO}#{PR}", "--commit", one.head, "--state", state, "-o", str(file))
    assert (status, printed) == (0, "")
    # What the review and the check name is what is kept.
    digest = hashlib.sha256(file.read_bytes().strip()).hexdigest()
    assert digest in approval["body"]
    assert digest in one.check("acceptance")["output"]["text"]
    status, printed = pressplay("verify", str(file), "--commit", one.head, "--state", state, "--json")
    verified = json.loads(printed)
    assert (status, verified["verified"], verified["commit"]) == (0, True, one.head)
    # By the public key alone, without an installation.
    keys = one.made.sandbox.cluster.get("ConfigMap", "press-play", names.PROOF_KEYS)["data"]
    key = tmp_path / "key.pem"
    key.write_text(keys[f"{verified['key']}.pem"])
    assert pressplay("verify", str(file), "--commit", one.head, "--key", str(key))[0] == 0
    status, printed = pressplay("verify", str(file), "--commit", "0" * 40, "--key", str(key))
    assert (status, f"proves commit {one.head}, not" in printed) == (1, True)
    status, printed = pressplay("show", f"{REPO}#{PR}", "--state", state)
    assert status == 0
    # The document and the review say the same.
    assert approval["body"].startswith(printed.strip())
    statement = json.loads(pressplay("show", str(file), "--key", str(key), "--json")[1])
    assert statement["subject"][0]["digest"] == {"gitCommit": one.head}
    change, task_ = statement["predicate"]["change"], statement["predicate"]["task"]
    assert change["tree"] == git(tmp_path / "state" / "git" / f"{REPO}.git", "rev-parse", f"{one.head}^{{tree}}")
    assert (task_["number"], task_["tag"], task_["title"]) == (1, "master", "Task 1")
    assert {gate["name"]: gate["outcome"] for gate in statement["predicate"]["gates"]} == {
        "acceptance": "pass",
        "supply": "pass",
        "test-only": "pass",
    }
    # The harness' key signs, and it is in no file.
    assert "PRIVATE KEY" not in file.read_text() + json.dumps(keys)


class StaysOpen:
    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cluster, name)

    def close(self) -> None: ...


@pytest.mark.rule("R5")
@pytest.mark.parametrize("kind", ["s3", "oci"])
def test_a_proof_is_kept_where_the_values_say_and_nothing_is_approved_before_it_is_there(
    tmp_path, capsys, monkeypatch, kind
):
    def pressplay(*arguments: str) -> tuple[int, str, str]:
        # A sandbox has its Secrets in memory: no other process reads them.
        monkeypatch.setattr(
            proof_command, "open_installation", lambda *_: Installation(StaysOpen(cluster), "press-play")
        )
        status = main(["proof", *arguments])
        streams = capsys.readouterr()
        return status, streams.out, streams.err

    with contextlib.ExitStack() as stack:
        if kind == "s3":
            address, keys = stack.enter_context(proof_stores.s3())
            proxy = stack.enter_context(proof_stores.proxied(address))
            place: dict[str, Any] = {
                "bucket": proof_stores.BUCKET,
                "endpoint": f"http://{proxy.address}",
                "pathStyle": True,
            }
            credentials = keys["writer"]
        else:
            proxy = stack.enter_context(proof_stores.proxied(stack.enter_context(proof_stores.registry()), "bearer"))
            place = {"repository": f"{proxy.address}/{proof_stores.REPOSITORY}", "plainHTTP": True}
            credentials = proof_stores.docker_config(proxy.address)
        settings = {"proof": {"store": kind, kind: {**place, "secret": "store"}}}
        # Without the Secret nothing is approved: the proof is in its ConfigMap, and nothing names it.
        flow = played(tmp_path, settings=settings)
        cluster = flow.made.sandbox.cluster
        (kept,) = cluster.list("ConfigMap", "press-play", {"press-play/proof": "acceptance"})
        assert "document" in kept["data"]
        flow.assert_not_approved()
        assert flow.state == "parked"
        assert "could not be stored" in flow.reason
        (comment,) = [c["body"] for c in flow.get(f"/issues/{PR}/comments") if "could not be stored" in c["body"]]
        assert "Secret store in namespace press-play: expected the credentials for proofs" in comment
        data = {key: base64.b64encode(text.encode()).decode() for key, text in credentials.items()}
        metadata = {"name": "store", "namespace": "press-play"}
        cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
        # What was never stored is in its ConfigMap, and said to be.
        status, document, note = pressplay("get", f"{REPO}#{PR}")
        assert (status, document.strip()) == (0, kept["data"]["document"]), note
        assert "not in the store" in note
        # An answer of 500 costs time.
        proxy.faults.append(("PUT", 500))
        flow.ask("POST", f"/issues/{PR}/comments", json={"body": "/press-play retry"})
        flow.made.sandbox.run(lambda: any(line.startswith("PUT") for line in proxy.asked))
        assert flow.approvals() == []
        proxy.faults.clear()
        flow.go_on()
        assert flow.approvals() == [flow.head]
        status, document, note = pressplay("get", f"{REPO}#{PR}", "--commit", flow.head)
        assert (status, note) == (0, "")
        digest = hashlib.sha256(document.strip().encode()).hexdigest()
        reference = f"`s3://proofs/{REPO}/pull/{PR}/{flow.head}/{digest}.json`"
        if kind == "oci":
            reference = f"`{proxy.address}/{proof_stores.REPOSITORY}@sha256:"
        (approval,) = [r for r in flow.get(f"/pulls/{PR}/reviews") if r["state"] == "APPROVED"]
        for text in (approval["body"], flow.check("acceptance")["output"]["text"]):
            assert digest in text
            assert reference in text
        # The store has it when the ConfigMap is gone.
        cluster.delete("ConfigMap", "press-play", kept["metadata"]["name"])
        assert pressplay("get", f"{REPO}#{PR}")[1].strip() == document.strip()
        file = tmp_path / "proof.json"
        file.write_text(document)
        assert pressplay("verify", str(file), "--commit", flow.head)[0] == 0


@pytest.mark.rule("R5")
@pytest.mark.rule("FR10")
def test_qa_claims_success_and_nothing_works_the_proof_says_what_came_back_and_rex_is_told(tmp_path):
    one = played(tmp_path, plan=BROKEN, settings={"limits": {"rounds": 2}})
    one.assert_not_approved()
    assert one.state == "parked"
    assert one.reason == (
        "rex: 2 rounds and press-play/acceptance still fails: 1 of 3 probes did not hold "
        f"at {one.head[:12]}: works (limits.rounds)"
    )
    assert "serving" in one.check("acceptance")["output"]["text"]
    assert one.roles() == ["implement", "lint", "test", "fix", "lint", "test"]
    (told,) = one.team.findings("fix")
    assert "press-play/acceptance" in told
    assert "it works" in told
    assert one.check("limits")["conclusion"] == "failure"


@pytest.mark.rule("R5")
def test_what_rex_mends_after_a_failed_proof_is_proven_and_approved(tmp_path):
    def start(asked: Deployment, log: Path) -> Running:
        tree = git(made_at / "git" / f"{REPO}.git", "ls-tree", "--name-only", asked.sha)
        log.write_text("it works\n" if "task_1_fix_1.txt" in tree else "Traceback\n")
        return Running("http://preview.invalid", log)

    made_at = tmp_path / "state"
    one = played(tmp_path, plan=BROKEN, starter=starts(start)(made_at / "deployments"))
    assert one.state == "approved"
    assert one.roles() == ["implement", "lint", "test", "fix", "lint", "test"]


@pytest.mark.rule("R6")
@pytest.mark.rule("FR2")
def test_qa_that_edits_source_is_refused_told_why_and_heard_once_more(tmp_path):
    def test(tree: Path, _env: Mapping[str, str]) -> None:
        wrong = tree / "program.py"
        commit(tree, "program.py", None if wrong.exists() else "x = 1\n")

    one = played(tmp_path, Team(does={"test": test}))
    assert one.state == "approved"
    assert one.roles() == ["implement", "lint", "test", "test"]
    first, second = one.team.findings("test")
    assert first == ""
    assert "QA may change only tests, but changed 1 file outside the tests' paths" in second
    assert "`program.py`" in second


@pytest.mark.rule("R6")
@pytest.mark.parametrize("sneaks", [False, True], ids=["qa-tests", "qa-edits-too"])
def test_what_a_person_pushes_while_qa_works_is_not_qas(tmp_path, sneaks):
    """Who pushed, GitHub tells; the author that a commit names is whoever its maker wrote."""
    team = Team()

    def push(app: str, path: str, env: Mapping[str, str]) -> None:
        assert team.made is not None
        gh = team.made.sandbox.github.installation(app, REPO, {"contents": "write"})
        branch = env["PRESSPLAY_BRANCH"]
        refs.commit_files(gh, REPO, branch, {path: b"mine\n"}, "My own", refs.head(gh, REPO, branch))

    def test(tree: Path, env: Mapping[str, str]) -> None:
        if not (tree / "pushed.txt").exists():
            if sneaks:
                push("qa-agent", "program.py", env)
            push("clippy-agent", "pushed.txt", env)

    team.does["test"] = test
    one = played(tmp_path, team)
    if sneaks:
        assert "changed 1 file outside the tests' paths" in one.reason
        assert "program.py" in one.check("test-only")["output"]["text"]
        assert "pushed.txt" not in one.check("test-only")["output"]["text"]
    else:
        assert one.state == "approved", one.reason


@pytest.mark.rule("R6")
@pytest.mark.rule("FR2")
def test_qa_that_keeps_its_edits_of_source_is_refused_for_good(tmp_path):
    one = played(tmp_path, Team(does={"test": writes("program.py", "x = 1\n")}))
    one.assert_not_approved()
    assert one.state == "parked"
    assert one.reason == ("press-play/test-only: QA may change only tests, but changed 1 file outside the tests' paths")
    assert one.roles() == ["implement", "lint", "test", "test"]
    assert one.check("test-only")["conclusion"] == "failure"


def takes_out(team: Team, app: str, back: int) -> Does:
    """What an agent does that takes the newest `back` commits out of the branch by a forced push, once."""
    done: list[str] = []

    def does(tree: Path, env: Mapping[str, str]) -> None:
        if done or team.made is None:
            return
        done.append(git(tree, "rev-parse", f"HEAD~{back}"))
        gh = team.made.sandbox.github.installation(app, REPO, {"contents": "write"})
        moved = {"sha": done[0], "force": True}
        call(gh, "PATCH", f"/repos/{REPO}/git/refs/heads/{env['PRESSPLAY_BRANCH']}", json=moved)
        git(tree, "reset", "-q", "--hard", done[0])

    return does


def implements(tree: Path, _env: Mapping[str, str]) -> None:
    commit(tree, "shop.py", "safe = False\n")
    commit(tree, "tests/test_it.py", "def test_it():\n    assert 1 == 1\n")


@pytest.mark.rule("R6")
def test_qa_that_takes_rexs_commits_out_of_the_branch_is_refused(tmp_path):
    """GitHub compares from where two commits parted: what is gone does not show there."""
    team = Team()

    def implement(tree: Path, _env: Mapping[str, str]) -> None:
        commit(tree, "shop.py", "safe = False\n")
        commit(tree, "shop.py", "safe = True\n")

    team.does.update(implement=implement, test=takes_out(team, "qa-agent", 2))
    one = played(tmp_path, team)
    one.assert_not_approved()
    assert "QA may change only tests, but changed 2 files outside the tests' paths" in one.team.findings("test")[1]


@pytest.mark.rule("R6")
def test_clippy_that_takes_tests_out_of_the_branch_is_refused(tmp_path):
    team = Team()
    # Its newest commits: the tests, and what the harness's agents leave in every implementation.
    team.does.update(implement=implements, lint=takes_out(team, "clippy-agent", 2))
    one = played(tmp_path, team)
    one.assert_not_approved()
    assert one.reason == (
        "press-play/test-only: clippy weakened tests of this pull request that others wrote: "
        "1 assertion removed or altered"
    )


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("", "QA passed it without a plan of probes at .press-play/acceptance/1.yaml"),
        ("probes: []\n", "the plan of probes at .press-play/acceptance/1.yaml is not one that proves anything"),
        (
            "probes: [{name: x, http: {path: /, expect: {status: [200, 404, 500]}}}]\n",
            "the plan of probes at .press-play/acceptance/1.yaml is not one that proves anything",
        ),
        ("probes: [{name: x, shell: rm}]\n", "is not one that proves anything"),
        (
            "probes: [{name: x, http: {path: /, expect: {status: 200, contains: ['${COMMIT}']}}}]\n",
            "is not one that proves anything",
        ),
        (
            f"{PLAN}- {{name: x, command: {{argv: [shop], expect: {{stdout: {{contains: [sold 2 TEA]}}}}}}}}\n",
            "is not one that proves anything",
        ),
    ],
    ids=["none", "empty", "asserts nothing", "unknown", "the commit alone", "commands that no gate runs"],
)
def test_without_a_plan_that_can_fail_there_is_no_approval_and_qa_is_told_once(tmp_path, plan, reason):
    one = played(tmp_path, Team(plans=False), plan)
    assert reason in one.reason
    assert one.state == "parked"
    assert one.roles() == ["implement", "lint", "test", "test"]
    assert reason in one.team.findings("test")[1]
    assert one.approvals() == []
    assert not one.can_be_merged()


@pytest.mark.rule("R5")
def test_a_commit_after_the_proof_voids_check_and_approval(tmp_path):
    one = played(tmp_path)
    proven = one.head
    assert one.approvals() == [proven]
    # Work stands still, so that nothing proves the new commit anew.
    one.made.sandbox.cluster.apply(paused())
    sha = one.get(f"/contents/README.md?ref={one.get(f'/pulls/{PR}')['head']['ref']}")["sha"]
    one.ask(
        "PUT",
        "/contents/README.md",
        json={
            "message": "one more",
            "content": "bW9yZQo=",
            "sha": sha,
            "branch": one.get(f"/pulls/{PR}")["head"]["ref"],
        },
    ).raise_for_status()
    assert one.head != proven
    one.go_on()
    assert one.approvals() == []
    assert one.get(f"/commits/{one.head}/check-runs?check_name=press-play/acceptance")["check_runs"] == []
    assert not one.can_be_merged()


def paused() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "press-play-pause", "namespace": "press-play"},
        "data": {"all": "true"},
    }


@pytest.mark.rule("R5")
def test_where_somebody_elses_commit_runs_there_is_no_approval(tmp_path):
    """The label says so: whoever deploys took the default branch for what was asked."""
    other = [*CHART]
    one = played(tmp_path, chart=other, settings={"defaults": {"deploy": {"commit": {"workload": {"label": "app"}}}}})
    assert one.state == "parked"
    assert one.reason == "press-play/acceptance: another commit than the head runs there, or none"
    one.assert_not_approved()
    # Nothing of the plan was asked of what is somebody else's.
    assert "it-runs" not in one.check("acceptance")["output"]["text"]


@pytest.mark.rule("R5")
def test_a_deployment_over_the_one_that_was_asked_for_brings_no_approval(tmp_path):
    made: list[World] = []

    def start(asked: Deployment, log: Path) -> Running:
        # Somebody deploys the default branch into the same environment while ours is rolled out.
        gh = made[0].sandbox.context.harness(REPO, deployments="write", contents="read")
        main = gh.request("GET", f"/repos/{REPO}/git/ref/heads/main").json()["object"]["sha"]
        if asked.sha != main:
            deployments.request(gh, REPO, asked.environment, main, "somebody")
        return Running("http://preview.invalid", log)

    source = project(tmp_path, [task(1)])
    team = Team()
    made.append(
        world(tmp_path / "state", team, source=source, merge=False, starter=starts(start)(tmp_path / "state" / "d"))
    )
    one = Played(made[0], made[0].play(), team)
    assert one.reason == "press-play/acceptance: something else was deployed into preview-1 since"
    one.assert_not_approved()


@pytest.mark.rule("R5")
@pytest.mark.rule("R4")
def test_without_a_deployment_what_qa_passed_is_parked_as_tests_only(tmp_path):
    one = played(tmp_path, settings={"defaults": {"deploy": {"mode": "none"}}})
    one.assert_not_approved()
    assert one.state == "parked"
    assert (
        one.reason == "no deployment is set up (deploy.mode none), and no test or command of the repository proves it"
    )


@pytest.mark.rule("R4")
def test_a_deployment_that_fails_is_rexs_to_mend(tmp_path):
    def start(asked: Deployment, log: Path) -> Running:
        raise PressPlayError("it ended with status 1, see its log")

    one = played(tmp_path, settings={"limits": {"rounds": 1}}, starter=starts(start)(tmp_path / "state" / "d"))
    one.assert_not_approved()
    assert "press-play/acceptance still fails: the deployment into preview-1 failed" in one.reason


@pytest.mark.rule("R4")
@pytest.mark.rule("R3")
def test_a_deployment_that_nobody_makes_is_given_up_with_a_reason(tmp_path):
    settings = {"defaults": {"deploy": {"request": False, "timeoutMinutes": 5}}}
    one = played(tmp_path, settings=settings)
    one.assert_not_approved()
    assert one.state == "parked"
    assert one.reason == ("press-play/acceptance: nobody deployed the commit within 5 minutes (deploy.timeoutMinutes)")


@pytest.mark.rule("R4")
def test_minutes_of_a_pull_request_are_bounded(tmp_path):
    settings = {"limits": {"minutesPerPullRequest": 2}}
    one = played(tmp_path, Team(wants_changes={1: 9}), settings=settings)
    assert one.state == "parked"
    assert "2 minutes of runs for this pull request (limits.minutesPerPullRequest)" in one.reason
    assert one.roles() == ["implement", "lint", "test"]


@pytest.mark.rule("R6")
def test_clippy_that_weakens_tests_is_refused(tmp_path):
    def implement(tree: Path, _env: Mapping[str, str]) -> None:
        commit(tree, "tests/test_it.py", "def test_it():\n    assert 1 == 1\n")

    def lint(tree: Path, _env: Mapping[str, str]) -> None:
        if "assert" in (tree / "tests" / "test_it.py").read_text():
            commit(tree, "tests/test_it.py", "def test_it():\n    pass\n")

    one = played(tmp_path, Team(does={"implement": implement, "lint": lint}))
    assert one.reason == (
        "press-play/test-only: clippy weakened tests of this pull request that others wrote: "
        "1 assertion removed or altered"
    )
    assert one.check("acceptance")["conclusion"] == "action_required"
    # Rex was to restore it, once.
    assert one.roles().count("fix") == 1


@pytest.mark.rule("R6")
@pytest.mark.rule("R5")
def test_clippy_that_loosens_the_plan_of_probes_is_refused(tmp_path):
    def lint(tree: Path, _env: Mapping[str, str]) -> None:
        commit(tree, ".press-play/acceptance/1.yaml", PLAN)

    one = played(tmp_path, Team(does={"lint": lint}), plan=BROKEN)
    assert one.reason == "press-play/test-only: clippy changed the plan of probes, and that is QA's"
    one.assert_not_approved()


@pytest.mark.rule("FR10")
def test_what_the_lint_gate_refuses_clippy_mends_in_the_next_round(tmp_path):
    team = Team(does={"implement": writes("ugly.txt", "x\n"), "lint": nothing})

    def lint(tree: Path, env: Mapping[str, str]) -> None:
        if "findings.md" in {file.name for file in (tree / "task").iterdir()}:
            commit(tree, "ugly.txt", None)

    team.does["lint"] = lint
    one = played(tmp_path, team, settings=LINTED)
    assert one.state == "approved"
    assert one.roles() == ["implement", "lint", "lint", "test"]
    assert "test ! -e ugly.txt" in one.team.findings("lint")[1]
    assert one.check("lint")["conclusion"] == "success"


@pytest.mark.rule("FR10")
@pytest.mark.rule("R4")
def test_where_clippy_leaves_what_the_lint_gate_refuses_the_work_is_parked(tmp_path):
    one = played(tmp_path, Team(does={"implement": writes("ugly.txt", "x\n")}), settings=LINTED)
    assert one.state == "parked"
    assert one.reason == "clippy: it changed nothing, though the lint gate fails"
    assert one.roles() == ["implement", "lint", "lint"]
    one.assert_not_approved()


@pytest.mark.rule("FR10")
def test_qas_own_commits_are_linted_too(tmp_path):
    def test(tree: Path, env: Mapping[str, str]) -> None:
        bad = tree / "tests" / "bad.py"
        commit(tree, "tests/bad.py", None if bad.exists() else "x")

    settings = {"defaults": {"lint": {"enabled": True, "commands": ["test ! -e tests/bad.py"]}}}
    one = played(tmp_path, Team(does={"test": test}), settings=settings)
    assert one.state == "approved"
    assert one.roles() == ["implement", "lint", "test", "test"]
    assert "press-play/lint" in one.team.findings("test")[1]
    assert one.check("lint")["conclusion"] == "success"


@pytest.mark.rule("R5")
def test_a_review_and_a_check_forged_with_an_agents_key_let_nobody_merge(tmp_path):
    one = played(tmp_path, plan=BROKEN, settings={"limits": {"rounds": 1}})
    sandbox = one.made.sandbox
    # The key that the controller puts into QA's own container.
    qa = sandbox.github.installation("qa-agent", REPO, {"pull_requests": "write"})
    reviews.post_review(qa, REPO, PR, one.head, "APPROVE", "Approved.")
    assert not one.can_be_merged()
    # And another App, which may set checks, sets one of the same name.
    app = sandbox.forge.create_app("rogue", "rogue", {"checks": "write", "metadata": "read"}, [])
    sandbox.forge.install("rogue", REPO)
    sandbox.cluster.create(secret("rogue", app, sandbox.settings.controller_namespace))
    rogue = sandbox.github.installation("rogue", REPO, {"checks": "write"})
    checks.set_check(
        rogue,
        REPO,
        "press-play/acceptance",
        one.head,
        conclusion="success",
        title="Proven",
        summary="Trust me.",
        details_url="http://127.0.0.1",
        external_id=one.head,
    )
    assert not one.can_be_merged()
    assert pulls.pull(sandbox.context.harness(REPO, pull_requests="read"), REPO, PR).state == "open"


@pytest.mark.rule("R5")
@pytest.mark.parametrize("app", ["rex", "qa-agent", "clippy-agent"])
def test_no_agent_merges_what_is_approved(tmp_path, app):
    one = played(tmp_path)
    gh = one.made.sandbox.github.installation(app, REPO, {"contents": "write"})
    with pytest.raises(PressPlayError, match="Cannot update this protected ref"):
        call(gh, "PUT", f"/repos/{REPO}/pulls/{PR}/merge", json={"sha": one.head})
    assert one.can_be_merged()


def deploying(commit: str) -> dict[str, Any]:
    """A WorkflowTemplate of a user's that deploys: it says that `commit` runs."""
    parameters = [{"name": name} for name in ("repo", "pr", "head", "environment")]
    outputs = [
        {"name": "url", "valueFrom": {"expression": "'http://preview.invalid/'"}},
        {"name": "commit", "valueFrom": {"expression": commit}},
    ]
    spec = {
        "entrypoint": "deploy",
        "arguments": {"parameters": parameters},
        "templates": [
            {
                "name": "deploy",
                "steps": [[{"name": "roll-out", "template": "roll-out"}]],
                "outputs": {"parameters": outputs},
            },
            {"name": "roll-out", "suspend": {"duration": "30"}},
        ],
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": "deploy-preview", "namespace": "press-play"},
        "spec": spec,
    }


BY_WORKFLOW = {
    "defaults": {
        "deploy": {
            "mode": "workflowTemplate",
            "workflowTemplate": "deploy-preview",
            "commit": {"workload": {"namespace": ""}},
        }
    }
}


@pytest.mark.rule("R5")
def test_a_workflow_template_of_the_users_deploys_and_what_it_deployed_is_proven(tmp_path):
    chart = [*CHART, deploying("'{{workflow.parameters.head}}'")]
    plan = (
        "probes: [{name: there, workload: {kind: Deployment, namespace: preview, name: shop, expect: {replicas: 2}}}]\n"
    )
    one = played(tmp_path, plan=plan, chart=chart, settings={**BY_WORKFLOW, "limits": {"rounds": 1}})
    # Nothing is there that could be ready.
    assert "press-play/acceptance still fails: 1 of 1 probe did not hold" in one.reason
    assert "there" in one.check("acceptance")["output"]["text"]


@pytest.mark.rule("R5")
def test_a_workflow_template_that_says_that_another_commit_runs_brings_no_approval(tmp_path):
    one = played(tmp_path, chart=[*CHART, deploying(f"'{'0' * 40}'")], settings=BY_WORKFLOW)
    assert one.state == "parked"
    assert one.reason == ("press-play/acceptance: whoever deployed says that another commit than the head runs there")
    one.assert_not_approved()


@pytest.mark.rule("R1")
@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        ("30", "press-play/acceptance still fails: 1 of 1 probe did not hold"),
        ("86400", "press-play/acceptance: nobody deployed the commit within 15 minutes (deploy.timeoutMinutes)"),
    ],
)
def test_a_pod_that_is_lost_while_a_workflow_deploys_comes_back_to_it_and_waits_no_longer(tmp_path, seconds, reason):
    template = deploying("'{{workflow.parameters.head}}'")
    template["spec"]["templates"][1]["suspend"]["duration"] = seconds
    plan = (
        "probes: [{name: there, workload: {kind: Deployment, namespace: preview, name: shop, expect: {replicas: 2}}}]\n"
    )
    deploy = {**BY_WORKFLOW["defaults"]["deploy"], "timeoutMinutes": 15}
    settings = {"defaults": {"deploy": deploy}, "limits": {"rounds": 1}}
    source = project(tmp_path, [task(1)])
    (source / ".press-play" / "acceptance" / "1.yaml").write_text(plan)
    made = world(tmp_path / "state", Team(), source=source, merge=False, chart=[*CHART, template], settings=settings)
    made.sandbox.press()
    lost = dict[str, float]()

    def lose() -> None:
        for pod in made.sandbox.cluster.list("Pod", "press-play"):
            name, command = pod["metadata"]["name"], pod["spec"]["containers"][0]["command"]
            waits_now = command[1:] == ["step", "acceptance-deploy"] and pod.get("status", {}).get("phase") == "Running"
            if waits_now and len(lost) < 4 and made.sandbox.clock.now() - max(lost.values(), default=0) > 5:
                lost[name] = made.sandbox.clock.now()
                made.sandbox.cluster.delete("Pod", "press-play", name)

    made.sandbox.run(lambda: waits.phase(made.sandbox.plays()[-1]) in waits.FINISHED, lose)
    assert lost
    (result,) = made.go_on().tasks
    assert reason in result.reason
    deployments = made.sandbox.cluster.list("Workflow", "press-play", {"press-play/flow": "deploy"})
    assert len(deployments) == 1
    made.sandbox.close()


def test_the_proof_is_kept_for_the_commit(tmp_path):
    one = played(tmp_path)
    (kept,) = one.made.sandbox.cluster.list("ConfigMap", "press-play", {"press-play/proof": "acceptance"})
    assert kept["metadata"]["labels"]["press-play/pr"] == str(PR)
    assert json.loads(json.dumps(kept["data"]))["proof"]
    assert summarize(one.made.sandbox).tasks[0].state == "approved"


@pytest.mark.rule("R1")
def test_a_round_after_a_fix_goes_on_from_the_fix_in_the_same_review(tmp_path):
    """A person's pull request has nobody who looks again: what QA pushed with its verdict must not lose the round."""
    number = names.pull_request_number(1)
    made = world(tmp_path / "state", Agents(wants_changes={number: 1}), source=project(tmp_path, []), merge=False)
    pull = labelled_pull(made, "of-a-person")
    made.go_on()
    entries = made.sandbox.context.ledger(REPO).entries("pr", pull)
    runs = sorted(entries.runs, key=lambda run: run.began)
    assert [run.outcome for run in runs] == ["done", "changes", "done", "done", "pass"]
    assert "acceptance" in {verdict.gate for verdict in entries.all(GateEntry)}
    made.sandbox.close()
