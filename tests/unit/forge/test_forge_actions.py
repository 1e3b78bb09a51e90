"""GitHub Actions as triage reads it: runs, jobs, logs, annotations, re-runs; and the events of checks and runs."""

from __future__ import annotations

import json

import httpx
import pytest
from github_world import REPO, URL, make_world
from githubkit.webhooks import parse

from pressplay.errors import InputError
from pressplay.github import checks, refs
from pressplay.github.calls import GitHubRefused, call
from pressplay.sandbox.forge import CiAnnotation, CiJob

FAILED = CiJob("build", "failure", "line one\nerror: boom\n", [CiAnnotation("src/app.py", 3, "boom", title="Build")])


def told(world, name, after=0):
    return [event.payload for event in world.forge.events(after) if event.name == name]


def test_a_failed_run_tells_its_job_log_and_annotations(github_world):
    world, person = github_world, github_world.person()
    pull = world.pull()
    run = world.forge.report_ci(REPO, pull.head_sha, "CI", [CiJob("lint"), FAILED])
    shown = person.get(f"/actions/runs/{run}").json()
    assert (shown["status"], shown["conclusion"], shown["run_attempt"]) == ("completed", "failure", 1)
    assert (shown["event"], shown["head_branch"], shown["actor"]["login"]) == (
        "pull_request",
        pull.head_ref,
        "rex[bot]",
    )
    jobs = person.get(f"/actions/runs/{run}/jobs").json()["jobs"]
    assert [(job["name"], job["conclusion"]) for job in jobs] == [("lint", "success"), ("build", "failure")]
    assert jobs[1]["steps"][1]["conclusion"] == "failure"
    log = person.get(f"/actions/jobs/{jobs[1]['id']}/logs", follow_redirects=True)
    lines = log.content.decode("utf-8-sig").splitlines()
    assert [line.partition(" ")[2] for line in lines] == ["line one", "error: boom"]
    check = person.get(jobs[1]["check_run_url"]).json()
    assert check["app"]["slug"] == "github-actions"
    notes = person.get(f"/check-runs/{check['id']}/annotations").json()
    assert [(note["path"], note["start_line"], note["message"]) for note in notes] == [
        ("src/app.py", 3, "boom"),
        (".github", 1, "Process completed with exit code 1."),
    ]
    assert check["output"]["annotations_count"] == 2


def test_a_jobs_steps_tell_where_it_failed(github_world):
    """A job that its runner could not even begin is told from one that the project's own step failed."""
    pull, person = github_world.pull(), github_world.person()
    steps = [("Set up job", "failure"), ("Run build", "skipped")]
    run = github_world.forge.report_ci(REPO, pull.head_sha, "CI", [CiJob("build", "failure", steps=steps)])
    [job] = person.get(f"/actions/runs/{run}/jobs").json()["jobs"]
    assert [(step["number"], step["name"], step["conclusion"]) for step in job["steps"]] == [
        (1, "Set up job", "failure"),
        (2, "Run build", "skipped"),
    ]


def test_events_of_checks_and_runs_name_branch_and_pull_request_and_are_valid(github_world):
    world = github_world
    pull = world.pull()
    seen = world.forge.events()[-1].seq
    world.forge.report_ci(REPO, pull.head_sha, "CI", [FAILED])
    events = world.forge.events(seen)
    assert [(event.name, event.payload["action"]) for event in events] == [
        ("workflow_run", "requested"),
        ("check_run", "created"),
        ("check_run", "completed"),
        ("workflow_run", "completed"),
    ]
    for event in events:
        parse(event.name, json.dumps(event.payload))
    check, run = events[2].payload["check_run"], events[3].payload["workflow_run"]
    assert check["check_suite"]["head_branch"] == run["head_branch"] == pull.head_ref
    for named in (check["pull_requests"], check["check_suite"]["pull_requests"], run["pull_requests"]):
        assert [(one["number"], one["head"]["sha"]) for one in named] == [(pull.number, pull.head_sha)]
    assert (run["name"], run["conclusion"], events[3].payload["workflow"]["path"]) == (
        "CI",
        "failure",
        ".github/workflows/ci.yml",
    )
    # Who pushed is the sender, also where that is one of our Apps.
    assert events[3].payload["sender"]["login"] == "rex[bot]"


def test_a_check_of_a_commit_that_is_the_head_no_longer_still_names_its_pull_request(github_world):
    world = github_world
    pull = world.pull()
    run = world.forge.report_ci(REPO, pull.head_sha, "CI", [CiJob("build", None)])
    head = world.branch(pull.head_ref, {"more.txt": b"more"}, base=pull.head_sha)
    world.forge.finish_ci(run, [FAILED])
    check = told(world, "check_run")[-1]["check_run"]
    assert check["head_sha"] == pull.head_sha
    assert [one["head"]["sha"] for one in check["pull_requests"]] == [head]


@pytest.mark.rule("R8")
def test_a_forks_checks_name_no_pull_request(github_world):
    world, forge = github_world, github_world.forge
    forge.create_repository("stranger/shop", forge.git_path(REPO), parent=REPO)
    forge.grant(REPO, "stranger", "read")
    stranger = world.person("stranger")
    stranger.base_url = f"{URL}/api/v3/repos/stranger/shop"
    branch = "feature/task-1-implementation"
    base = refs.head(world.client("rex"), REPO, "main")
    assert stranger.post("/git/refs", json={"ref": f"refs/heads/{branch}", "sha": base}).is_success
    added = stranger.put("/contents/evil.txt", json={"message": "m", "content": "aGVq", "branch": branch}).json()
    opened = world.person("stranger").post("/pulls", json={"title": "t", "head": f"stranger:{branch}", "base": "main"})
    assert opened.status_code == 201
    ours = world.pull(branch)
    forge.report_ci(REPO, added["commit"]["sha"], "CI", [FAILED])
    run = told(world, "workflow_run")[-1]["workflow_run"]
    assert (run["head_branch"], run["head_repository"]["full_name"]) == (branch, "stranger/shop")
    check = told(world, "check_run")[-1]["check_run"]
    assert (run["pull_requests"], check["pull_requests"], check["check_suite"]["head_branch"]) == ([], [], None)
    assert ours.number != opened.json()["number"]


def test_a_run_on_the_default_branch_is_a_pushs(github_world):
    world, person = github_world, github_world.person()
    sha = refs.head(world.client("rex"), REPO, "main")
    run = world.forge.report_ci(REPO, sha, "CodeQL", [CiJob("Analyze")], actor="maintainer")
    shown = person.get(f"/actions/runs/{run}").json()
    assert (shown["event"], shown["head_branch"], shown["pull_requests"]) == ("push", "main", [])
    assert (shown["name"], shown["display_title"], shown["actor"]["login"]) == ("CodeQL", "Begin", "maintainer")
    assert told(world, "workflow_run")[-1]["workflow_run"]["conclusion"] == "success"


def test_failed_jobs_are_run_again_and_finished_later(github_world):
    world, person = github_world, github_world.person()
    pull = world.pull()
    run = world.forge.report_ci(REPO, pull.head_sha, "CI", [CiJob("lint"), FAILED, CiJob("e2e", "timed_out")])
    world.clock.sleep(60)
    assert person.post(f"/actions/runs/{run}/rerun-failed-jobs").status_code == 201
    [again] = world.forge.reruns(run)
    assert (again.attempt, again.actor, again.failed_only, again.time) == (2, "maintainer", True, world.clock.now())
    shown = person.get(f"/actions/runs/{run}").json()
    assert (shown["status"], shown["conclusion"], shown["run_attempt"]) == ("queued", None, 2)
    assert person.get(f"/actions/runs/{run}/attempts/1").json()["conclusion"] == "failure"
    assert person.get(shown["previous_attempt_url"]).json()["run_attempt"] == 1
    newest = {job["name"]: job for job in person.get(f"/actions/runs/{run}/jobs").json()["jobs"]}
    assert {name: (job["status"], job["run_attempt"]) for name, job in newest.items()} == {
        "lint": ("completed", 1),
        "build": ("queued", 2),
        "e2e": ("queued", 2),
    }
    assert person.get(f"/actions/jobs/{newest['build']['id']}/logs").status_code == 404
    by_name = {check["name"]: check for check in checks_of(person, pull.head_sha)}
    assert (by_name["build"]["status"], by_name["lint"]["status"]) == ("queued", "completed")
    refused = person.post(f"/actions/runs/{run}/rerun-failed-jobs")
    assert (refused.status_code, refused.json()["message"]) == (403, "This workflow is already running")
    world.forge.finish_ci(run, [CiJob("build"), CiJob("e2e")])
    assert person.get(f"/actions/runs/{run}").json()["conclusion"] == "success"
    assert {check["conclusion"] for check in checks_of(person, pull.head_sha)} == {"success"}
    assert person.get(f"/actions/runs/{run}/jobs", params={"filter": "all"}).json()["total_count"] == 5
    assert person.get(f"/actions/runs/{run}/attempts/1/jobs").json()["total_count"] == 3
    done = told(world, "workflow_run")[-1]["workflow_run"]
    assert (done["run_attempt"], done["conclusion"], done["triggering_actor"]["login"]) == (2, "success", "maintainer")
    assert person.post(f"/actions/runs/{run}/rerun-failed-jobs").status_code == 403, "nothing has failed"
    assert person.post(f"/actions/runs/{run}/rerun").status_code == 201
    world.forge.finish_ci(run, [CiJob("build"), CiJob("e2e"), CiJob("lint")])
    job = person.get(f"/actions/runs/{run}/jobs").json()["jobs"][0]["id"]
    assert person.post(f"/actions/jobs/{job}/rerun").status_code == 201
    assert [(one.attempt, one.failed_only) for one in world.forge.reruns(run)] == [(2, True), (3, False), (4, True)]


def checks_of(person, sha):
    return person.get(f"/commits/{sha}/check-runs").json()["check_runs"]


def test_a_run_of_long_ago_is_not_run_again(github_world):
    pull = github_world.pull()
    run = github_world.forge.report_ci(REPO, pull.head_sha, "CI", [FAILED])
    github_world.clock.sleep(31 * 86400)
    refused = github_world.person().post(f"/actions/runs/{run}/rerun-failed-jobs")
    assert (refused.status_code, "over a month ago" in refused.json()["message"]) == (403, True)


@pytest.mark.rule("R9")
def test_a_logs_address_is_good_for_a_minute_and_for_nothing_else(github_world):
    world, person = github_world, github_world.person()
    pull = world.pull()
    run = world.forge.report_ci(REPO, pull.head_sha, "CI", [FAILED, CiJob("old", "failure", None)])
    build, old = (job["id"] for job in person.get(f"/actions/runs/{run}/jobs").json()["jobs"])
    address = person.get(f"/actions/jobs/{build}/logs").headers["location"]
    assert "maintainer" not in address
    anyone = httpx.Client(transport=httpx.WSGITransport(world.forge.wsgi))
    assert anyone.get(address).is_success
    assert anyone.get(address.replace(f"jobs/{build}", f"jobs/{old}")).status_code == 403
    assert anyone.get(address + "ü").status_code == 403
    assert anyone.get(address.partition("?")[0]).status_code == 403
    world.clock.sleep(61)
    assert anyone.get(address).status_code == 403
    assert person.get(f"/actions/jobs/{old}/logs").status_code == 410


def test_runs_are_found_by_branch_commit_status_and_workflow(github_world):
    world, person = github_world, github_world.person()
    one, two = world.pull("b/one"), world.pull("b/two")
    made = [
        world.forge.report_ci(REPO, one.head_sha, "CI", [FAILED]),
        world.forge.report_ci(REPO, two.head_sha, "CI", [CiJob("build")]),
        world.forge.report_ci(REPO, two.head_sha, "CI: Lint!", [CiJob("build", None)], actor="maintainer"),
    ]

    def found(path="/actions/runs", **query):
        body = person.get(path, params=query).json()
        assert body["total_count"] >= len(body["workflow_runs"])
        return [run["id"] for run in body["workflow_runs"]]

    assert found() == made[::-1]
    assert found(branch="b/two") == [made[2], made[1]]
    assert found(head_sha=one.head_sha) == [made[0]]
    assert found(status="failure") == [made[0]]
    assert found(status="in_progress") == [made[2]]
    assert found(actor="maintainer") == [made[2]]
    assert found("/actions/workflows/ci.yml/runs", branch="b/one") == [made[0]]
    assert found("/actions/workflows/ci-lint.yml/runs") == [made[2]]
    assert found(per_page=1, page=2) == [made[1]]
    assert person.get("/actions/workflows/none.yml/runs").status_code == 404
    assert person.get("/actions/runs/99").status_code == 404
    # Two workflows' jobs of one name are two checks.
    assert [check["status"] for check in checks_of(person, two.head_sha)] == ["in_progress", "completed"]


def test_a_run_that_never_started_or_was_cancelled_says_so(github_world):
    world, person = github_world, github_world.person()
    pull = world.pull()
    broken = world.forge.report_ci(REPO, pull.head_sha, "CI", conclusion="startup_failure")
    assert told(world, "workflow_run")[-1]["workflow_run"]["conclusion"] == "startup_failure"
    assert person.get(f"/actions/runs/{broken}/jobs").json()["jobs"] == []
    going = world.forge.report_ci(REPO, pull.head_sha, "CI", [CiJob("build", None)])
    world.forge.finish_ci(going, conclusion="cancelled")
    assert [job["conclusion"] for job in person.get(f"/actions/runs/{going}/jobs").json()["jobs"]] == ["cancelled"]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (lambda forge, sha, run: forge.report_ci(REPO, "0" * 40), "commit"),
        (lambda forge, sha, run: forge.report_ci(REPO, sha, jobs=[CiJob("a", "passed")]), "conclusion 'passed'"),
        (lambda forge, sha, run: forge.report_ci(REPO, sha, conclusion="broken"), "conclusion 'broken'"),
        (lambda forge, sha, run: forge.finish_ci(run, [CiJob("a")]), "has ended"),
        (lambda forge, sha, run: forge.finish_ci(99, [CiJob("a")]), "there is none"),
        (lambda forge, sha, run: forge.report_ci("no/repo", sha), "no/repo"),
    ],
)
def test_a_wrong_report_is_refused_and_leaves_nothing(github_world, report, said):
    pull, forge = github_world.pull(), github_world.forge
    run = forge.report_ci(REPO, pull.head_sha, jobs=[CiJob("build")])
    before = forge.events()
    with pytest.raises(InputError, match=said):
        report(forge, pull.head_sha, run)
    assert forge.events() == before
    assert github_world.person().get("/actions/runs").json()["total_count"] == 1


@pytest.mark.rule("R3")
def test_runs_and_reruns_outlive_the_process(github_world):
    pull = github_world.pull()
    run = github_world.forge.report_ci(REPO, pull.head_sha, "CI", [FAILED])
    assert github_world.person().post(f"/actions/runs/{run}/rerun-failed-jobs").is_success
    again = make_world(github_world.folder, github_world.clock)
    assert [one.attempt for one in again.forge.reruns(run)] == [2]
    again.forge.finish_ci(run, [CiJob("build")])
    assert again.person().get(f"/actions/runs/{run}").json()["conclusion"] == "success"
    again.forge.close()


def test_only_its_app_may_ask_for_a_check_again_and_its_suite_is_queued_until_it_reports(github_world):
    world, person = github_world, github_world.person()
    pull = world.pull()
    harness = world.client("press-play")
    kw = {"title": "t", "summary": "s", "details_url": "http://d.test", "external_id": "x"}
    checks.set_check(harness, REPO, "c", pull.head_sha, conclusion="failure", **kw)
    check = checks_of(person, pull.head_sha)[0]
    suite = f"/check-suites/{check['check_suite']['id']}"
    path = f"/repos/{REPO}/check-runs/{check['id']}/rerequest"
    assert person.get(suite).json()["conclusion"] == "failure"
    assert person.post(f"/check-runs/{check['id']}/rerequest").status_code == 403
    with pytest.raises(GitHubRefused):
        call(world.client("qa"), "POST", path)
    call(harness, "POST", path)
    assert told(world, "check_run")[-1]["action"] == "rerequested"
    shown = person.get(suite).json()
    assert (shown["status"], shown["conclusion"]) == ("queued", None)
    # The check run itself stays as it was; its App reports anew.
    assert checks_of(person, pull.head_sha)[0]["conclusion"] == "failure"
    checks.set_check(harness, REPO, "c", pull.head_sha, conclusion="success", **kw)
    assert person.get(suite).json()["conclusion"] == "success"


def test_annotations_add_up_over_updates(github_world):
    world = github_world
    pull, rest = world.pull(), world.client("press-play").rest

    def noted(line):
        place = {"path": "src/app.py", "start_line": line, "end_line": line}
        one = {**place, "annotation_level": "warning", "message": "m"}
        return {"title": "t", "summary": "s", "annotations": [one]}

    data = {"name": "c", "head_sha": pull.head_sha, "status": "in_progress", "output": noted(1)}
    run = rest.checks.create("acme", "shop", data=data).parsed_data
    rest.checks.update("acme", "shop", run.id, data={"conclusion": "neutral", "output": noted(2)})
    found = rest.checks.list_annotations("acme", "shop", run.id).parsed_data
    assert [(one.path, one.start_line, one.annotation_level) for one in found] == [
        ("src/app.py", 1, "warning"),
        ("src/app.py", 2, "warning"),
    ]
