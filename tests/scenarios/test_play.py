"""Whole plays in the sandbox under virtual time: the chart's own manifests, a real forge, real git."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import REPO, Agents, World, git, project, reconciled, task, world

from pressplay import names
from pressplay.backlog import workflow
from pressplay.cluster import pause, waits
from pressplay.github import calls, reviews
from pressplay.sandbox.summary import Summary


def states(summary: Summary) -> dict[str, str]:
    return {result.id: result.state for result in summary.tasks}


def played(tmp_path: Path, tasks: list, agents: Agents | None = None, **options) -> tuple[World, Summary]:
    made = world(tmp_path / "state", agents, source=project(tmp_path, tasks), **options)
    return made, made.play()


@pytest.mark.rule("FR1")
@pytest.mark.rule("FR3")
def test_a_diamond_is_merged_in_order_and_changes_wanted_once_cost_one_more_round(tmp_path):
    made, summary = played(tmp_path, [task(1), task(2, 1), task(3, 1), task(4, 2, 3)], Agents(wants_changes={3: 1}))
    assert summary.state == "merged"
    assert {r.id: (r.state, r.rounds, r.runs) for r in summary.tasks} == {
        "1": ("merged", 1, 3),
        "2": ("merged", 1, 3),
        "3": ("merged", 2, 6),
        "4": ("merged", 1, 3),
    }
    # 3 runs, then 3 + 3 of task 3, then 3: the critical path, a minute each.
    assert summary.seconds == 12 * 60
    log = git(made.sandbox.forge.git_path("acme/shop"), "log", "--format=%s", "--merges", "main").splitlines()
    assert len(log) == 4


@pytest.mark.rule("FR5")
def test_a_task_starts_as_soon_as_its_own_dependencies_are_merged(tmp_path):
    """No barrier: 1 → 2 → 3 goes on beside the slow 4."""
    slow = Agents(seconds=lambda role, number: 3_000.0 if number == 4 else 60.0)
    made, summary = played(tmp_path, [task(1), task(2, 1), task(3, 2), task(4)], slow)
    assert summary.state == "merged"
    merged = {r.id: r.seconds for r in summary.tasks}
    assert merged["3"] == 180
    order = [line.split()[1] for line in made.starts() if " implement " in line]
    assert order.index("3") < 4
    starts = made.starts()
    first_of_3 = next(i for i, line in enumerate(starts) if line.split()[1] == "3")
    assert all(line.split()[2] != "test" or line.split()[1] != "4" for line in starts[: first_of_3 + 1])


@pytest.mark.rule("R4")
@pytest.mark.rule("R1")
def test_one_task_failing_for_good_stops_only_what_depends_on_it_and_pressing_again_takes_up_what_is_left(tmp_path):
    tasks = [task(1), task(2, 1), task(3, 2), task(4, 1), task(5, 4)]
    failing = Agents(fails={("implement", 2)})
    made, summary = played(tmp_path, tasks, failing)
    assert states(summary) == {"1": "merged", "2": "failed", "3": "blocked", "4": "merged", "5": "merged"}
    reasons = {r.id: r.reason for r in summary.tasks}
    assert reasons["2"] == "rex: the agent's run failed"
    assert reasons["3"] == "needs task 2, which is failed"
    # Two attempts by the machine (limits.attempts), and no more.
    assert [line.split()[1:] for line in made.starts() if line.split()[1] == "2"] == [
        ["2", "implement", "0"],
        ["2", "implement", "1"],
    ]
    failing.fails.clear()
    again = made.play()
    assert states(again) == dict.fromkeys("12345", "merged")
    assert again.play.endswith("-2")
    starts = made.starts()
    assert len({line.split()[0] for line in starts}) == len(starts), "a run was started twice"
    assert [line.split()[1] for line in starts[-6:]] == ["2"] * 3 + ["3"] * 3


@pytest.mark.rule("R4")
def test_rounds_are_bounded_and_the_pull_request_is_parked_with_a_reason(tmp_path):
    made, summary = played(tmp_path, [task(1), task(2, 1)], Agents(wants_changes={1: 99}))
    assert states(summary) == {"1": "parked", "2": "blocked"}
    assert "3 rounds and QA still wants changes" in summary.tasks[0].reason
    gh = made.sandbox.context.harness("acme/shop", issues="read", pull_requests="read")
    issue = gh.request("GET", "/repos/acme/shop/issues/1").json()
    assert [label["name"] for label in issue["labels"]] == ["press-play/parked"]
    comments = gh.request("GET", "/repos/acme/shop/issues/1/comments").json()
    assert len(comments) == 1
    assert "3 rounds and QA still wants changes" in comments[0]["body"]


@pytest.mark.rule("R4")
def test_a_round_that_changed_nothing_parks(tmp_path):
    _made, summary = played(tmp_path, [task(1)], Agents(wants_changes={1: 1}, silent={("fix", 1)}))
    assert states(summary) == {"1": "parked"}
    assert "changed nothing" in summary.tasks[0].reason


@pytest.mark.rule("R5")
def test_succeeded_alone_means_nothing(tmp_path):
    """A run that ends well without a commit leaves no pull request; QA's that leaves no verdict approves nothing."""
    _made, summary = played(tmp_path / "a", [task(1)], Agents(silent={("implement", 1)}))
    assert states(summary) == {"1": "failed"}
    assert "no pull request is open" in summary.tasks[0].reason
    _made, summary = played(tmp_path / "b", [task(1)], Agents(silent={("test", 1)}))
    assert states(summary) == {"1": "parked"}
    assert "QA left no verdict" in summary.tasks[0].reason


@pytest.mark.rule("R3")
def test_waiting_for_a_merge_holds_no_pod_and_a_person_merging_later_releases_the_rest(tmp_path):
    made, summary = played(tmp_path, [task(1), task(2, 1)], merge=False)
    assert summary.state == "waiting"
    assert states(summary) == {"1": "approved", "2": "waiting"}
    assert all(pod["status"]["phase"] != "Running" for pod in made.sandbox.cluster.list("Pod", "press-play"))
    made.sandbox._maintainers[0].merge_what_is_ready()
    summary = made.go_on()
    assert states(summary) == {"1": "merged", "2": "approved"}


@pytest.mark.rule("R2")
def test_a_lost_event_is_mended_by_reconcile_within_a_minute(tmp_path):
    made, _summary = played(tmp_path, [task(1), task(2, 1)], merge=False)
    made.sandbox._answer_events = lambda: False  # every event from now on is lost
    made.sandbox._maintainers[0].merge_what_is_ready()
    before = made.sandbox.clock.now()
    made.sandbox.run(lambda: made.starts()[-1].split()[1] == "2")
    assert made.sandbox.clock.now() - before <= 60


@pytest.mark.rule("R3")
def test_a_pull_request_closed_unmerged_fails_its_task_with_the_reason(tmp_path):
    made, _summary = played(tmp_path, [task(1), task(2, 1)], merge=False)
    gh = made.sandbox.context.harness("acme/shop", pull_requests="write")
    gh.request("PATCH", "/repos/acme/shop/pulls/1", json={"state": "closed"})
    summary = made.go_on()
    assert states(summary) == {"1": "failed", "2": "blocked"}
    assert summary.tasks[0].reason == "pull request #1 was closed without a merge"


@pytest.mark.rule("R3")
def test_a_wait_for_a_merge_has_an_age_limit(tmp_path):
    hourly = reconciled("0 * * * *")
    made, _summary = played(tmp_path, [task(1)], merge=False, settings={"limits": {"waitDays": 1}}, chart=hourly)
    made.sandbox.run(lambda: made.sandbox.clock.now() > 1_767_225_600 + 86_400 + 7200)
    (play,) = made.sandbox.plays()
    assert waits.phase(play) == "Failed"
    assert any(node.get("message") == "nobody merged it within 1 days" for node in waits.nodes(play).values())


@pytest.mark.rule("R4")
def test_pause_stops_new_runs_and_continue_frees_them_at_once(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]))
    cluster, namespace = made.sandbox.cluster, "press-play"
    pause.pause(cluster, namespace, "acme/shop")
    assert made.play().state == "waiting"
    assert made.starts() == []
    before = made.sandbox.clock.now()
    assert pause.go_on(cluster, namespace, "acme/shop") == 1
    made.sandbox.run(lambda: bool(made.starts()))
    assert made.sandbox.clock.now() == before
    assert made.go_on().state == "merged"


@pytest.mark.rule("R4")
def test_a_run_past_its_minutes_is_deleted_and_recorded_as_timed_out(tmp_path):
    agents = Agents(seconds=lambda role, _task: 99_999.0 if role == "lint" else 60.0)
    made, summary = played(tmp_path, [task(1)], agents, chart=reconciled("0 * * * *"))
    assert states(summary) == {"1": "parked"}
    assert summary.tasks[0].reason == "clippy: not finished within 60 minutes"
    assert len(made.starts()) == 2


@pytest.mark.rule("FR7")
def test_an_unfinished_play_is_shown_not_doubled_and_show_starts_nothing(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]), merge=False)
    made.play(mode="show")
    assert made.sandbox.plays() == []
    made.play()
    made.play()
    assert len(made.sandbox.plays()) == 1
    assert "is under way; nothing was started" in "\n".join(made.said)


@pytest.mark.rule("FR7")
def test_show_says_what_a_press_would_do_while_a_play_waits_and_after_it_ended(tmp_path):
    source = project(tmp_path, [task(1), task(2, 1)])
    limited = {"limits": {"waitDays": 1}}
    made = world(tmp_path / "state", source=source, merge=False, settings=limited, chart=reconciled("0 * * * *"))
    made.play()
    (play,) = made.sandbox.plays()
    name, starts = play["metadata"]["name"], made.starts()

    def shown() -> str:
        made.play(mode="show")
        report = made.sandbox.cluster.get("ConfigMap", "press-play", names.play_report(REPO, "master"))
        return report["data"]["show"]

    text = shown()
    assert f"{name} is under way; a press would start nothing" in text
    assert "its tasks: wait for a person's merge: 1 (#1); not begun: 2" in text
    # Nobody merges for longer than the play waits.
    made.sandbox.run(lambda: waits.phase(made.sandbox.plays()[0]) in waits.FINISHED)
    text = shown()
    assert "task 1 needs no run: #1 is approved, and waits for a person's merge" in text
    assert f"would start {name[:-1]}2: 2 tasks in this order: 1, 2; at once: 1; at least 3 runs" in text
    made.play()
    assert made.starts() == starts


@pytest.mark.rule("R2")
def test_a_run_makes_argo_look_again_at_a_reconcile_that_was_never_scheduled(tmp_path):
    """On a real Argo it is passed over where Helm made it before its WorkflowTemplate, until it changes."""
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]), chart=reconciled("0 0 1 1 *"))

    def nudged():
        found = made.sandbox.cluster.get("CronWorkflow", "press-play", "reconcile")
        return (found["metadata"].get("annotations") or {}).get("press-play/nudged-by")

    made.play(mode="show")
    assert nudged() is None
    made.play()
    assert nudged().startswith("run-")


@pytest.mark.rule("R2")
def test_a_reconcile_that_runs_is_let_alone_by_runs(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]))
    cluster, clock = made.sandbox.cluster, made.sandbox.clock
    clock.sleep(61)
    made.sandbox.run(lambda: bool(cluster.list("Workflow", "press-play", {"press-play/flow": "reconcile"})))
    made.play()
    found = made.sandbox.cluster.get("CronWorkflow", "press-play", "reconcile")
    assert found["status"]["lastScheduledTime"]
    assert "press-play/nudged-by" not in (found["metadata"].get("annotations") or {})


@pytest.mark.rule("FR7")
def test_tasks_narrows_the_play(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1), task(2), task(3)]))
    made.play(tasks="1,3")
    assert {line.split()[1] for line in made.starts()} == {"1", "3"}


@pytest.mark.rule("R5")
def test_a_play_starts_only_where_a_ruleset_guards_the_default_branch(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]))
    made.sandbox.forge.create_ruleset("acme/shop", "press-play", enforcement="disabled")
    made.play()
    assert made.starts() == []
    assert "no ruleset on main requires a pull request or a check" in "\n".join(made.said)


@pytest.mark.rule("R10")
def test_no_backlog_ends_with_the_paths_searched_and_what_to_do(tmp_path):
    path = tmp_path / "project"
    path.mkdir()
    (path / "README.md").write_text("empty\n")
    made = world(tmp_path / "state", source=path)
    made.sandbox.press()
    made.sandbox.run(made.sandbox.only_people_are_waited_for)
    said = "\n".join(made.said)
    assert ".taskmaster/tasks/tasks.json, tasks/tasks.json, tasks.json" in said
    assert "task-master" in said


@pytest.mark.rule("R8")
def test_only_listed_repositories(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]))
    made.play(repo="acme/other")
    assert "repository 'acme/other' is not listed" in "\n".join(made.said)


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"runsPerPlay": 4}, "4 runs in this play"),
        ({"runsPerRepositoryAndDay": 4}, "4 runs of this repository today"),
        ({"runsPerDay": 4}, "4 runs of the whole installation today"),
        ({"runsPerPullRequest": 1}, "1 runs for this pull request"),
    ],
)
def test_limits_are_counted_from_the_ledger_and_park(tmp_path, limits, reason):
    made, summary = played(tmp_path, [task(1), task(2, 1)], settings={"limits": limits})
    assert "merged" not in states(summary).values() or states(summary)["2"] != "merged"
    assert any(reason in result.reason for result in summary.tasks)
    assert len(made.starts()) <= 4


@pytest.mark.rule("FR1")
def test_a_task_whose_pull_request_is_open_enters_at_review(tmp_path):
    agents = Agents(wants_changes={1: 99})
    made, summary = played(tmp_path, [task(1)], agents, settings={"limits": {"rounds": 1}})
    assert states(summary) == {"1": "parked"}
    agents.wants_changes.clear()
    assert states(made.play()) == {"1": "merged"}
    assert [line.split()[2] for line in made.starts()] == ["implement", "lint", "test", "lint", "test"]


@pytest.mark.rule("FR5")
@pytest.mark.parametrize(
    ("isolation", "service", "directory"), [("volume", "shop-1", "."), ("worktree", "shop", "worktrees/task-1")]
)
def test_runs_of_different_tasks_share_no_working_directory(tmp_path, isolation, service, directory):
    made, _ = played(tmp_path, [task(1)], settings={"defaults": {"isolation": isolation}})
    runs = made.sandbox.cluster.list("CodeRun", made.sandbox.settings.controller_namespace)
    assert {(run["spec"]["service"], run["spec"]["workingDirectory"]) for run in runs} == {(service, directory)}


@pytest.mark.rule("FR5")
def test_a_tasks_volume_goes_once_its_pull_request_is_closed_and_no_run_is_left(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1), task(2, 1)]), merge=False)
    namespace = made.sandbox.settings.controller_namespace
    for name in ("workspace-shop-1", "workspace-shop-2", "workspace-other-1", "workspace-shop"):
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": namespace},
        }
        made.sandbox.cluster.create(claim)
    made.play()
    made.sandbox._maintainers[0].merge_what_is_ready()
    end = made.sandbox.clock.now() + 120
    made.sandbox.run(lambda: made.sandbox.clock.now() > end)
    left = [claim["metadata"]["name"] for claim in made.sandbox.cluster.list("PersistentVolumeClaim", namespace)]
    assert left == ["workspace-other-1", "workspace-shop", "workspace-shop-2"]


@pytest.mark.rule("R11")
def test_everything_created_is_labelled_and_workflows_output_their_links(tmp_path):
    made, _ = played(tmp_path, [task(1)])
    cluster = made.sandbox.cluster
    (run, *_) = cluster.list("CodeRun", made.sandbox.settings.controller_namespace)
    assert {"press-play/repo", "press-play/task", "press-play/agent", "press-play/flow"} <= set(
        run["metadata"]["labels"]
    )
    (flow,) = cluster.list("Workflow", "press-play", {"press-play/flow": "task"})
    (root,) = [node for node in waits.nodes(flow).values() if node["name"] == flow["metadata"]["name"]]
    outputs = {parameter["name"]: parameter["value"] for parameter in root["outputs"]["parameters"]}
    assert outputs["outcome"] in ("approved", "merged")
    assert outputs["link"].endswith("/acme/shop/pull/1")


@pytest.mark.rule("R3")
def test_a_play_of_several_workflows_goes_on_across_them_and_ends_where_a_task_fails(tmp_path, monkeypatch):
    """A DAG holds a hundred tasks; here two, so that edges go from one Workflow to the next."""
    monkeypatch.setattr(workflow, "TASKS_A_WORKFLOW", 2)
    tasks = [task(1), task(2, 1), task(3, 2), task(4, 3), task(5)]
    failing = Agents(fails={("implement", 2)})
    made, summary = played(tmp_path, tasks, failing)
    assert len(made.sandbox.plays()) == 3
    assert states(summary) == {"1": "merged", "2": "failed", "3": "blocked", "4": "blocked", "5": "merged"}
    assert summary.state == "failed"
    assert all(waits.phase(part) in waits.FINISHED for part in made.sandbox.plays())
    failing.fails.clear()
    again = made.play()
    assert states(again) == dict.fromkeys("12345", "merged")
    # 2, 3 and 4 one after the other, no minute lost between the Workflows.
    assert (again.state, again.seconds) == ("merged", 9 * 60)


class RepliesAfterwards(Agents):
    """QA posts its verdict itself, as on a cluster, and then says something on a line."""

    made: World

    def __call__(self, tree, env):
        if env["PRESSPLAY_ROLE"] != "test":
            return super().__call__(tree, env)
        head, number = git(tree, "rev-parse", "HEAD"), int(env["PRESSPLAY_PR"])
        gh = self.made.sandbox.github.installation("qa-agent", REPO, {"pull_requests": "write"})
        reviews.post_review(gh, REPO, number, head, "COMMENT", "press-play: pass\n\nAll of it works.")
        line = {"body": "Well named.", "path": "task_1_implement_1.txt", "line": 1, "side": "RIGHT", "commit_id": head}
        calls.call(gh, "POST", f"/repos/{REPO}/pulls/{number}/comments", json=line)
        return 0


@pytest.mark.rule("FR2")
def test_a_comment_on_a_line_after_the_verdict_is_no_other_verdict(tmp_path):
    agents = RepliesAfterwards()
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]))
    agents.made = made
    assert states(made.play()) == {"1": "merged"}
