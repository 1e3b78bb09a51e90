"""A play ends with tests and probes of its tasks on the base branch, and names the merge that broke it (R5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from harness import PLAN, REPO, World, git, project, task, world
from killing import Murder, same_end
from lint_gate import Gate
from people import person
from team import Team, commit

from pressplay.clock import VirtualClock
from pressplay.cluster import waits
from pressplay.domain.entries import Broken, FinalProof
from pressplay.sandbox.progress import Progress
from pressplay.sandbox.summary import Summary, summarize

pytestmark = pytest.mark.rule("R5")
TOGETHER = "left and right do not go together"
COMMAND = f"test ! -e docs/left.md || test ! -e docs/right.md || {{ echo '{TOGETHER}'; exit 1; }}"
"""A test that costs milliseconds, which two documents pass alone and not together."""


def settings(command: str = COMMAND) -> dict[str, Any]:
    contract = {"projects": [{"folder": ".", "language": "other", "test": {"command": command, "report": "exit"}}]}
    tests = {"enabled": True, "environment": contract}
    return {"defaults": {"tests": tests, "base": {"strategy": "off", "finalProof": True}}}


def approved(
    tmp_path: Path, documents: Sequence[str], probe: str = "", command: str = COMMAND, **options: Any
) -> World:
    """A play of tasks that each write one document; all wait for a person's merge. Task 1 may have a probe."""

    def implements(tree: Path, env: Mapping[str, str]) -> None:
        name = documents[int(env["PRESSPLAY_TASK"]) - 1]
        commit(tree, f"docs/{name}.md", f"About {name}.\n")

    numbers = range(1, len(documents) + 1)
    source = project(tmp_path, [task(number, profile="docs") for number in numbers])
    (source / "docs").mkdir()
    (source / "docs" / "shared.md").write_text("Written before.\n")
    if probe:
        (source / ".press-play" / "acceptance" / "1.yaml").write_text(f"{PLAN}{probe}")
    team = Team(does={"implement": implements}, silent={("implement", number) for number in numbers})
    made = world(tmp_path / "state", team, source=source, settings=settings(command), merge=False, **options)
    summary = made.play()
    assert [result.state for result in summary.tasks] == ["approved"] * len(documents), summary
    return made


def merge(made: World, tasks: Sequence[int], method: str = "merge") -> list[str]:
    """A person merges the tasks' pull requests in this order; the commits that it makes."""
    numbers = {ledger.number: ledger.entries for ledger in made.sandbox.context.ledger(REPO).kept("task")}
    with person(made) as api:
        for number in tasks:
            pr = next(entry.pr for entry in numbers[number] if getattr(entry, "KEY", "") == "pr")
            api.put(f"pulls/{pr}/merge", json={"merge_method": method}).raise_for_status()
    return history(made)[-len(tasks) :]


def history(made: World) -> list[str]:
    bare = made.sandbox.forge.git_path(REPO)
    return git(bare, "rev-list", "--reverse", "--first-parent", "main").split()


def entries(made: World, kind: type[Any]) -> list[Any]:
    return [entry for pr in made.sandbox.context.ledger(REPO).kept("pr") for entry in pr.entries.all(kind)]


def comments(made: World, pr: int) -> str:
    with person(made) as api:
        return "\n".join(comment["body"] for comment in api.get(f"issues/{pr}/comments").json())


def phase(made: World) -> str:
    return waits.phase(made.sandbox.plays()[-1])


def culprit(summary: Summary) -> str:
    (broken,) = [result for result in summary.tasks if result.state == "merged, broken"]
    assert broken.why is not None
    assert broken.pr is not None
    return broken.id


def test_the_merge_that_broke_the_base_branch_is_named_whoever_merged_around_it(tmp_path):
    made = approved(tmp_path, ["left", "right", "three", "four", "five"])
    before = history(made)[-1]
    merged = merge(made, (3, 1, 4, 2, 5), "squash")
    lines: list[str] = []
    progress = Progress(made.sandbox, lines.append)
    made.sandbox.run(made.sandbox.only_people_are_waited_for, progress.watch)
    progress.watch()
    summary = summarize(made.sandbox)
    assert (summary.state, culprit(summary), phase(made)) == ("merged, broken", "2", "Failed")
    (broken,) = entries(made, Broken)
    assert (broken.commit, broken.tip, broken.onto) == (merged[3], merged[-1], before)
    named = summary.tasks[1]
    assert named.why is not None
    assert f"task 2 (#{named.pr})" in named.why.what
    assert TOGETHER in named.why.detail
    assert summary.as_json()["finalProof"]["state"] == "broken"
    for text in (comments(made, named.pr or 0), "\n".join(lines), summary.final.line() if summary.final else ""):
        assert "merged, broken: task 2" in text
        assert TOGETHER in text
    # As many judgements as a bisection takes, and the last commit's.
    assert len(entries(made, FinalProof)) <= 4
    assert made.sandbox.cluster.list("PersistentVolumeClaim", "") == []


def test_a_push_of_somebody_is_named_by_its_commit(tmp_path):
    made = approved(tmp_path, ["left", "two"])
    merge(made, (1,))
    Gate(made).base({"docs/right.md": b"By hand.\n"})
    pushed = history(made)[-1]
    merge(made, (2,))
    summary = made.go_on()
    assert summary.state == "merged, broken"
    assert [result.state for result in summary.tasks] == ["merged", "merged"]
    (broken,) = entries(made, Broken)
    assert (broken.commit, broken.by_this) == (pushed, False)
    assert summary.final is not None
    assert pushed[:12] in summary.final.why.what


PROBE = """- name: it-is-kept
  command:
    argv: [cat, docs/shared.md]
    expect:
      stdout: {contains: ["Written before."]}
"""


def test_a_probe_of_an_earlier_task_names_the_later_one_that_broke_it(tmp_path):
    made = approved(tmp_path, ["one", "shared"], PROBE)
    merge(made, (1, 2))
    summary = made.go_on()
    assert (summary.state, culprit(summary)) == ("merged, broken", "2")
    (broken,) = entries(made, Broken)
    assert "1 probe of the play's tasks did not hold" in broken.reason
    assert "1/it-is-kept" in broken.why.detail


def test_a_flaky_test_breaks_nothing_and_nothing_is_shown(tmp_path):
    # Passes on the head of a pull request, and every other time on what the play ended with.
    mark = tmp_path / "mark"
    command = (
        "test ! -e docs/left.md || test ! -e docs/right.md || "
        f"{{ test -e {mark} && rm {mark}; }} || {{ touch {mark}; echo 'now and then'; exit 1; }}"
    )
    made = approved(tmp_path, ["left", "right"], command=command)
    merge(made, (1, 2))
    summary = made.go_on()
    assert (summary.state, phase(made)) == ("merged", "Succeeded")
    assert entries(made, Broken) == []
    assert summary.final is not None
    assert summary.final.state == "not shown"
    assert "1 test did not do the same in every run" in summary.final.why.what


@pytest.mark.rule("R3")
@pytest.mark.rule("R1")
def test_killed_at_commit_points_the_same_merge_is_named(tmp_path):
    start = tmp_path / "start"
    start.mkdir()
    made = approved(start, ["left", "right"])
    merge(made, (1, 2))
    # Whatever follows is the lives'.
    assert entries(made, FinalProof) == []
    now = made.sandbox.clock.now()
    made.sandbox.close()

    def life(state: Path, murder: Murder) -> None:
        made = world(state, None, VirtualClock(now), murder, settings=settings(), merge=False)
        made.settle()
        made.sandbox.close()

    def end(state: Path) -> tuple[Any, ...]:
        made = world(state, None, VirtualClock(now + 1000), settings=settings(), merge=False)
        summary = made.go_on()
        (broken,) = entries(made, Broken)
        comments_ = [comments(made, result.pr or 0).count("merged, broken") for result in summary.tasks]
        left = made.sandbox.cluster.list("PersistentVolumeClaim", "")
        made.sandbox.close()
        return summary.state, culprit(summary), broken.commit, comments_, len(left)

    expected = same_end(start / "state", tmp_path, life, end, spared=lambda kills: max(1, kills // 10))
    assert (expected[0], expected[1], expected[3]) == ("merged, broken", "2", [0, 1])
