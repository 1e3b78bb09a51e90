"""`reconcile` each minute costs GitHub little where nothing changes, and still sees what no event told (R2)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from harness import REPO, Deaf, World, after, project, reconciled, task, world

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.github import pulls, refs
from pressplay.sandbox.controller import CRON_LABEL
from pressplay.sandbox.forge.ci import CiJob
from pressplay.steps import registry
from pressplay.steps.upkeep import lost_events

TASKS = 6


@pytest.fixture(scope="module")
def approved(tmp_path_factory) -> Iterator[World]:
    """Approved pull requests that nobody merges, an hour later; and no events. Each test changes another one."""
    folder = tmp_path_factory.mktemp("approved")
    made = world(folder / "state", source=project(folder, [task(n + 1) for n in range(TASKS)]), merge=False)
    assert {result.state for result in made.play().tasks} == {"approved"}
    made.sandbox.network = Deaf(made.sandbox._hook)
    after(made, 60)
    yield made
    made.sandbox.close()


def head(made: World, number: int) -> str:
    return pulls.pull(made.sandbox.context.harness(REPO, pull_requests="read"), REPO, number).head_sha


def triaged(made: World, number: int) -> bool:
    flows = made.sandbox.cluster.list("Workflow", "press-play", {"press-play/flow": "triage"})
    return any(flow["metadata"]["labels"]["press-play/pr"] == str(number) for flow in flows)


def test_pull_requests_that_do_not_change_are_looked_at_ever_more_seldom(approved):
    asked = after(approved, 30)
    looks = [path for path in asked if "/check-runs" in path]
    # Two or three looks at each in half an hour, two calls each; and four calls a minute whatever there is.
    assert 2 * TASKS <= len(looks) <= 3 * TASKS
    assert len(asked) <= 32 * 4 + 2 * len(looks) + 5


@pytest.mark.rule("R2")
def test_a_failure_that_no_event_told_is_found_within_a_quarter_of_an_hour(approved):
    approved.sandbox.forge.report_ci(REPO, head(approved, 3), jobs=(CiJob("test", "failure", "##[error]exit code 1"),))
    after(approved, 16)
    assert triaged(approved, 3)
    assert not triaged(approved, 4)


@pytest.mark.rule("R2")
def test_where_a_check_goes_on_its_end_is_found_within_two_minutes(approved):
    run = approved.sandbox.forge.report_ci(REPO, head(approved, 2), jobs=(CiJob("test", None),))
    after(approved, 16)
    approved.sandbox.forge.finish_ci(run, (CiJob("test", "failure", "##[error]exit code 1"),))
    after(approved, 2)
    assert triaged(approved, 2)


@pytest.mark.rule("R2")
def test_a_push_that_no_event_told_is_found_by_the_next_minute(approved):
    before = len(approved.starts())
    gh = approved.sandbox.github.installation("clippy-agent", REPO, {"contents": "write"})
    refs.commit_files(gh, REPO, names.task_branch(5), {"mine.txt": b"x"}, "Mine", head(approved, 5))
    after(approved, 4)
    assert len(approved.starts()) > before


@pytest.mark.rule("R3")
def test_a_repository_that_is_refused_for_good_does_not_slow_the_others(tmp_path):
    """A passing fault is tried again at longer and longer intervals; what lasts is left to the next minute."""
    source = project(tmp_path, [task(1)])
    made = world(tmp_path / "state", source=source, merge=False, settings={"repositories": {"acme/gone": {}}})
    made.play()
    sandbox = made.sandbox
    after(made, 10)
    found = sandbox.cluster.list("Workflow", "press-play", {"press-play/flow": "reconcile"})
    ended = [one for one in found if waits.phase(one) in waits.FINISHED]
    assert {waits.phase(one) for one in ended} == {"Failed"}
    moments = sorted(int(one["metadata"]["name"].rpartition("-")[2]) for one in ended)
    assert {b - a for a, b in itertools.pairwise(moments)} == {60}
    assert any("App 'press-play' is not installed on acme/gone" in line for line in made.said)
    # The other one is looked after: its pull request, merged by a person, ends the play's wait.
    sandbox._maintainers[0].merge_what_is_ready()
    after(made, 2)
    assert [waits.phase(play) for play in sandbox.plays()] == ["Succeeded"]
    sandbox.close()


@pytest.mark.rule("R3")
def test_no_wait_for_a_merge_outlives_its_age_though_github_tells_nothing(tmp_path):
    made = world(tmp_path / "state", source=project(tmp_path, [task(1)]), merge=False, chart=reconciled("0 */6 * * *"))
    made.play()
    made.sandbox.forge.uninstall("press-play", REPO)
    after(made, 13 * 24 * 60)
    (play,) = made.sandbox.plays()
    assert waits.phase(play) == "Running"
    after(made, 2 * 24 * 60)
    (play,) = made.sandbox.plays()
    assert waits.phase(play) == "Failed"
    told = [node.get("message", "") for node in waits.nodes(play).values()]
    assert any("nobody merged it within 14 days, as far as GitHub tells: App 'press-play'" in text for text in told)
    made.sandbox.close()


@pytest.mark.rule("R4")
def test_each_minutes_comparison_reads_no_workflow_that_has_ended(approved, monkeypatch):
    """A week of them (`workflows.ttlSeconds`), some 200 KB each, is more than a step's memory."""
    cluster, read = approved.sandbox.cluster, []
    listed = cluster.list

    def listing(kind, namespace, labels=None):
        found = listed(kind, namespace, labels)
        read.extend(one for one in found if kind == "Workflow" and (labels or {}).get("press-play/flow") != "play")
        return found

    assert any(waits.phase(one) in waits.FINISHED for one in listed("Workflow", "press-play"))
    monkeypatch.setattr(cluster, "list", listing)
    lost_events.start(approved.sandbox.context, REPO)
    assert [one["metadata"]["name"] for one in read if waits.phase(one) in waits.FINISHED] == []


@pytest.mark.rule("R2")
def test_a_minute_lists_the_workflows_once_and_then_those_of_each_play(approved, monkeypatch):
    lists: list[dict[str, object]] = []
    whole = SqliteCluster.list

    def counted(cluster, kind, namespace, labels=None):
        if kind == "Workflow" and namespace and CRON_LABEL not in (labels or {}):
            lists.append(dict(labels or {}))
        return whole(cluster, kind, namespace, labels)

    monkeypatch.setattr(SqliteCluster, "list", counted)
    before = names_of(approved, "reconcile")
    after(approved, 1)
    assert len(names_of(approved, "reconcile") - before) == 1
    unfinished = [labels for labels in lists if waits.PHASE_LABEL in labels]
    # The play that waits for merges may have failed in another of its Workflows, which may have ended.
    assert len(unfinished) == 1
    (of_play,) = (labels for labels in lists if labels not in unfinished)
    assert of_play.keys() == {"press-play/flow", "press-play/play"}


@pytest.mark.rule("R1")
@pytest.mark.rule("R3")
def test_two_passes_at_once_start_a_flow_once(approved, monkeypatch):
    """A Deployment that replaces its pod, or a schedule beside it: the second pass runs where the first would start."""
    approved.sandbox.forge.report_ci(REPO, head(approved, 5), jobs=(CiJob("test", "failure", "##[error]exit code 1"),))
    approved.sandbox.clock.sleep(16 * 60.0)
    context, whole = approved.sandbox._step_contexts.of("reconcile"), SqliteCluster.create
    inner: list[dict[str, str]] = []

    def create(cluster, manifest):
        if manifest["kind"] == "Workflow" and not inner:
            inner.append({})
            inner[0] = registry.run("reconcile", {}, context)
        return whole(cluster, manifest)

    monkeypatch.setattr(SqliteCluster, "create", create)
    outer = registry.run("reconcile", {}, context)
    assert (inner[0]["started"], outer["started"]) == ("1", "0")
    assert triaged(approved, 5)


def names_of(made: World, flow: str) -> set[str]:
    listed = made.sandbox.cluster.list("Workflow", "press-play", {"press-play/flow": flow, CRON_LABEL: flow})
    return {manifest["metadata"]["name"] for manifest in listed}
