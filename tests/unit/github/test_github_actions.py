"""GitHub Actions over REST, against the forge: jobs of all attempts, the end of a log, running again."""

from __future__ import annotations

import pytest
from github_world import REPO, make_world, rsa_key

from pressplay.github import actions, checks, comparison
from pressplay.github.calls import GitHubRefused
from pressplay.sandbox.forge.ci import CiAnnotation, CiJob

HARNESS = {"actions": "write", "checks": "write", "contents": "read"}


@pytest.fixture
def told(tmp_path):
    world = make_world(tmp_path)
    world.apps["ci-reader"] = world.forge.create_app("ci-reader", "CI reader", HARNESS, [], rsa_key())
    world.forge.install("ci-reader", REPO)
    return world, world.access.installation("ci-reader", REPO, HARNESS)


def test_a_jobs_attempts_its_steps_and_the_end_of_its_log(told):
    world, gh = told
    pull = world.pull()
    log = "\n".join([*(f"line {n}" for n in range(500)), "\x1b[31mred\x1b[0m\r", "\u202eback\x07"])
    number = world.forge.report_ci(
        REPO, pull.head_sha, jobs=[CiJob("test", "failure", log, [CiAnnotation("a.py", 2, "bad")])]
    )
    (check,) = checks.checks(gh, REPO, pull.head_sha)
    run = actions.run_of_suite(gh, REPO, check.suite)
    assert run is not None
    assert (run.id, run.name, run.attempt, run.conclusion) == (number, "CI", 1, "failure")
    assert actions.runs_of_commit(gh, REPO, pull.head_sha) == [run] == [actions.run(gh, REPO, number)]
    (job,) = actions.jobs(gh, REPO, number)
    assert (job.check, job.ran, job.failed_step.name) == (check.id, True, "Run test")
    assert actions.log_tail(gh, REPO, job.id, 3) == "line 499\nred\nback"
    said = checks.annotations_of(gh, REPO, check.id, 1)
    assert [(one.path, one.start_line, one.message) for one in said] == [("a.py", 2, "bad")]
    actions.rerun_failed(gh, REPO, number)
    world.forge.finish_ci(number, [CiJob("test")])
    assert [(one.attempt, one.conclusion) for one in actions.jobs(gh, REPO, number)] == [(1, "failure"), (2, "success")]
    (now,) = checks.checks(gh, REPO, pull.head_sha)
    assert (now.conclusion, now.suite) == ("success", check.suite)
    assert {one.conclusion for one in checks.every_run(gh, REPO, pull.head_sha, "test")} == {"failure", "success"}


def test_a_log_that_is_gone_is_none(told):
    world, gh = told
    number = world.forge.report_ci(REPO, world.pull().head_sha, jobs=[CiJob("test", "failure", None)])
    assert actions.log_tail(gh, REPO, actions.jobs(gh, REPO, number)[0].id, 3) is None


def test_runs_of_a_workflow_on_a_branch_are_cut(told):
    world, gh = told
    sha = comparison.compare(gh, REPO, "main", "main").merge_base
    numbers = [world.forge.report_ci(REPO, sha, jobs=[CiJob("test")]) for _ in range(3)]
    workflow = actions.run(gh, REPO, numbers[0]).workflow
    found = actions.runs_of_workflow(gh, REPO, workflow, "main", 2)
    assert [run.id for run in found] == numbers[:0:-1]


def test_a_check_of_another_app_is_not_ours_to_ask_for(told):
    world, gh = told
    sha = world.pull().head_sha
    world.forge.report_ci(REPO, sha, jobs=[CiJob("test", "failure")])
    (check,) = checks.checks(gh, REPO, sha)
    assert checks.check(gh, REPO, check.id) == check
    with pytest.raises(GitHubRefused):
        checks.ask_again(gh, REPO, check.id)


def test_a_comparison_names_what_the_head_changed(told):
    world, gh = told
    pull = world.pull("feature/task-1-implementation")
    compared = comparison.compare(gh, REPO, "main", pull.head_sha)
    assert compared.whole
    assert [(one.path, one.before, one.status) for one in compared.files] == [
        ("task-1-implementation.txt", "task-1-implementation.txt", "added")
    ]
