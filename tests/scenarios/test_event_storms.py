"""Events are hints (R2): lost, doubled, late or in another order, they lead to the same end; and a storm is bounded."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conversation import Rex, changes_and_answers
from harness import REPO, World, git, project, task, world
from people import person
from sample import AGAIN, sample
from storms import COMMENTS, COPIES, PUSHES, Storm, flows
from wild import Wild, quiet

from pressplay.cluster import waits
from pressplay.domain.entries import Parked, Snapshot
from pressplay.github import refs, snapshots
from pressplay.steps.comments import snapshot

SCHEDULES = 200
FULL = os.environ.get("PRESSPLAY_FAULTS") == "full"
"""`make faults`: all of them; otherwise a share of them each day (`sample`)."""
GROUPS = 20 if FULL else 2
"""Schedules run in groups, which workers of pytest share."""


class Talkative(Rex):
    """While the first task is tested, a person says something on its pull request and pushes to it."""

    made: World

    def __call__(self, tree: Path, env: Any) -> int:
        if env["PRESSPLAY_ROLE"] == "test" and env["PRESSPLAY_TASK"] == "1" and not (tree / "pushed.txt").exists():
            person(self.made).post(f"issues/{env['PRESSPLAY_PR']}/comments", json={"body": "Please say more."})
            gh = self.made.sandbox.github.installation("clippy-agent", REPO, {"contents": "write"})
            refs.commit_files(
                gh, REPO, env["PRESSPLAY_BRANCH"], {"pushed.txt": b"mine\n"}, "My own", git(tree, "rev-parse", "HEAD")
            )
        return super().__call__(tree, env)


def lived_through(prepared: Path, folder: Path, seed: int | None) -> tuple[dict[str, Any], list[str], Counter[str]]:
    """A play of one task with a talking, pushing person: its end, the runs that started, what happened to events."""
    agents = Talkative(does=changes_and_answers)
    shutil.copytree(prepared, folder / "state")
    made = world(folder / "state", agents, merge=False)
    agents.made = made
    wild = Wild(made, seed) if seed is not None else None
    if wild is not None:
        made.sandbox.network = wild
    made.sandbox.press()
    quiet(made)
    # A person merges what is ready; whether anybody hears of it is the network's affair.
    made.sandbox._maintainers[0].merge_what_is_ready()
    assert person(made).get("pulls/1").json()["merged"], seed
    quiet(made)
    ledger = made.sandbox.context.ledger(REPO)
    unanswered = snapshot.unanswered(ledger.entries("pr", 1))
    plays = [waits.phase(play) for play in made.sandbox.plays()]
    said = [one["body"] for one in person(made).get("issues/1/comments").json()]
    bare = made.sandbox.forge.git_path(REPO)
    end = {
        "plays": plays,
        "unanswered": sorted(unanswered),
        "answered": sum("Done, " in body for body in said),
        "files": sorted(git(bare, "ls-tree", "-r", "--name-only", "main").splitlines()),
    }
    starts = [line.split()[0] for line in made.starts()]
    made.sandbox.close()
    return end, starts, wild.seen if wild is not None else Counter()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox that is set up and was never played in: its Apps' keys are what takes time."""
    folder = tmp_path_factory.mktemp("prepared")
    world(folder / "state", source=project(folder, [task(1)]), merge=False).sandbox.close()
    return folder / "state"


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    end, starts, _seen = lived_through(prepared, tmp_path_factory.mktemp("undisturbed"), None)
    assert end["plays"] == ["Succeeded"]
    assert end["unanswered"] == []
    assert {"pushed.txt", "answer.txt"} <= set(end["files"])
    assert len(starts) == len(set(starts))
    return end


@pytest.mark.rule("R2")
@pytest.mark.rule("R1")
@pytest.mark.parametrize("group", range(GROUPS))
def test_lost_doubled_late_and_reordered_events_lead_to_the_same_end_and_no_run_twice(
    group, prepared, undisturbed, tmp_path
):
    happened: Counter[str] = Counter()
    for seed in sample(range(group, SCHEDULES, GROUPS), whole=FULL):
        folder = tmp_path / str(seed)
        folder.mkdir()
        end, starts, seen = lived_through(prepared, folder, seed)
        assert end == undisturbed, f"schedule {seed}; {AGAIN}"
        assert len(starts) == len(set(starts)), f"schedule {seed}; {AGAIN}: {starts}"
        happened += seen
    assert happened["lost"]
    assert happened["doubled"]
    assert happened["lost"] < happened["sent"]


# -- storms, loops, and two at the same thing --------------------------------------------------------------------------

PULLS = 50 if FULL else 12
"""More than 10,000 deliveries in `make faults`, a quarter of them otherwise."""


def contents(made: World) -> Any:
    return made.sandbox.github.installation("clippy-agent", REPO, {"contents": "write"})


def commit(made: World, branch: str, file: str, on: str, gh: Any = None) -> str:
    return refs.commit_files(gh or contents(made), REPO, branch, {file: b"new\n"}, f"Add {file}", on)


@pytest.mark.rule("R4")
def test_a_storm_makes_no_more_workflows_than_windows_and_leaves_nothing_unanswered(tmp_path):
    storm = Storm.brewing(tmp_path, PULLS)
    made, heads = storm.made, storm.heads
    assert storm.flows_before == PULLS
    assert storm.break_out() > PULLS * COPIES * (COMMENTS + PUSHES)
    # All of it came within one window of each flow; one more each for what was at work when that was over.
    assert len(flows(made, "comments", "pull-request")) - storm.flows_before <= PULLS * 2 * 2
    assert len(made.starts()) - storm.runs_before <= PULLS * 8
    assert len(made.starts()) == len({line.split()[0] for line in made.starts()})
    for number in heads:
        entries = made.sandbox.context.ledger(REPO).entries("pr", number)
        assert not snapshot.unanswered(entries)
        taken = {id_ for entry in entries.all(Snapshot) for id_ in entry.ids}
        assert len(taken) == COMMENTS
        head = person(made).get(f"pulls/{number}").json()["head"]["sha"]
        runs = person(made).get(f"commits/{head}/check-runs", params={"check_name": "press-play/acceptance"}).json()
        assert [run["conclusion"] for run in runs["check_runs"]] == ["success"]


class Endless(Rex):
    """A program that uses a person's account answers whatever is pushed."""

    made: World

    def __call__(self, tree: Path, env: Any) -> int:
        code = super().__call__(tree, env)
        if env["PRESSPLAY_ROLE"] in ("comments", "test"):
            body = {"body": f"Nearly. Again, after {env['PRESSPLAY_RUN']}."}
            person(self.made).post(f"issues/{env['PRESSPLAY_PR']}/comments", json=body).raise_for_status()
        return code


@pytest.mark.rule("R4")
def test_a_loop_of_programs_ends_at_its_limit_parked_with_a_reason(tmp_path):
    agents = Endless(does=changes_and_answers)
    limits = {"runsPerPullRequest": 7}
    made = world(
        tmp_path / "state", agents, source=project(tmp_path, [task(1)]), merge=False, settings={"limits": limits}
    )
    agents.made = made
    made.sandbox.press()
    quiet(made)
    runs = [line for line in made.starts() if line.split()[2] != "implement"]
    assert len(runs) == 7
    pull = person(made).get("pulls/1").json()
    assert "press-play/parked" in [label["name"] for label in pull["labels"]]
    said = [one["body"] for one in person(made).get("issues/1/comments", params={"per_page": 100}).json()]
    assert any("parked" in body and "limits.runsPerPullRequest" in body for body in said)
    # Days later still nothing more has happened.
    began = len(flows(made, "comments", "pull-request"))
    quiet(made)
    assert len(flows(made, "comments", "pull-request")) == began


@pytest.mark.rule("R4")
def test_reviews_and_pushes_of_our_own_agents_start_nothing(tmp_path):
    made = world(tmp_path / "state", Rex(wants_changes={1: 99}), source=project(tmp_path, [task(1)]), merge=False)
    made.sandbox.press()
    quiet(made)
    assert flows(made, "comments", "pull-request", "triage", "issue", "security") == []
    [reason] = {entry.reason for entry in parkings(made)}
    assert "rounds and QA still wants changes" in reason


def parkings(made: World) -> list[Parked]:
    return made.sandbox.context.ledger(REPO).entries("pr", 1).all(Parked)


class Meanwhile(Rex):
    """While QA looks at a pull request, everything that events could start for it is started."""

    made: World

    def __call__(self, tree: Path, env: Any) -> int:
        if env["PRESSPLAY_ROLE"] == "test" and not (tree / "answer.txt").exists():
            subject = {"repo": REPO, "pr": env["PRESSPLAY_PR"], "until": "0"}
            person(self.made).post(f"issues/{env['PRESSPLAY_PR']}/comments", json={"body": "One word, please."})
            for flow, more in (("pull-request", {"why": "push"}), ("comments", {}), ("triage", {})):
                name = f"{flow}-{env['PRESSPLAY_RUN']}"
                self.made.sandbox.submit(flow, name, {**subject, **more})
        return super().__call__(tree, env)


@pytest.mark.rule("R1")
@pytest.mark.rule("R3")
def test_a_task_and_events_at_the_same_pull_request_with_one_slot_neither_block_nor_double_each_other(tmp_path):
    agents = Meanwhile(does=changes_and_answers)
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1), task(2)]), merge=False, parallelism=1)
    agents.made = made
    made.sandbox.press()
    quiet(made)
    starts = [line.split()[0] for line in made.starts()]
    assert len(starts) == len(set(starts))
    open_ = [waits.phase(flow) for flow in flows(made, "pull-request", "comments", "triage", "task")]
    assert set(open_) == {"Succeeded"}
    for number in (1, 2):
        assert not snapshot.unanswered(made.sandbox.context.ledger(REPO).entries("pr", number))
        head = person(made).get(f"pulls/{number}").json()["head"]["sha"]
        runs = person(made).get(f"commits/{head}/check-runs", params={"check_name": "press-play/acceptance"}).json()
        assert [run["conclusion"] for run in runs["check_runs"]] == ["success"]


@pytest.mark.rule("R3")
def test_snapshots_that_nobody_needs_any_more_go(tmp_path):
    made = world(tmp_path / "state", Rex(), source=project(tmp_path, [task(1)]), merge=False)
    made.sandbox.press()
    quiet(made)
    needed, left = snapshots.branch("0123456789ab"), snapshots.branch("ba9876543210")
    for branch in (needed, left):
        # The harness alone writes there.
        harness = made.sandbox.context.harness(REPO, contents="write")
        commit(made, branch, "comments.json", refs.head(harness, REPO, "main"), harness)
    entry = Snapshot(hash="0123456789ab", ids=("comment-1",), head="")
    made.sandbox.context.ledger(REPO).record("pr", 1, entry)
    end = made.sandbox.clock.now() + 90
    made.sandbox.run(lambda: made.sandbox.clock.now() >= end)
    found = refs.branches_with_prefix(contents(made), REPO, "press-play/context/snapshot-")
    assert list(found) == [needed]
