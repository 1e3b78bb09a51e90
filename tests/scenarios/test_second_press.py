"""`pressplay play` again in the same folder: what is new in a user's project, what is no news, what is left."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness import PLAN, git, project, task

PLAY = [sys.executable, "-m", "pressplay", "play"]
AGENT = """
import json, os, pathlib, sys
env = os.environ
task = env["PRESSPLAY_TASK"]
if env["PRESSPLAY_ROLE"] == "implement":
    if pathlib.Path(env["FAILS"]).exists() and task in pathlib.Path(env["FAILS"]).read_text().split():
        sys.exit(1)
    pathlib.Path(f"done-{task}.txt").write_text("done")
if env["PRESSPLAY_ROLE"] == "test":
    pathlib.Path(env["PRESSPLAY_RESULT"]).write_text(json.dumps({"verdict": "pass", "body": "seen"}))
"""
MASTER_DONE = {"master": {"tasks": [task(1, status="done")]}, "later": {"tasks": [task(1), task(2)]}}


class Folder:
    """A clone of somebody's own repository, on `develop`, and the plays of it."""

    def __init__(self, path: Path, tasks: list) -> None:
        self.path, self.fails = path, path / "fails"
        (path / "agent.py").write_text(AGENT)
        origin = project(path, tasks)
        self.commit(origin, "init", "-qb", "develop")
        git(path, "clone", "-q", f"file://{origin}", "shop")
        self.project = path / "shop"

    def commit(self, folder: Path, *first: str) -> None:
        if first:
            git(folder, *first)
        git(folder, "add", "-A")
        git(folder, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "work")

    def write(self, backlog: dict) -> None:
        (self.project / ".taskmaster" / "tasks" / "tasks.json").write_text(json.dumps(backlog))

    def play(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PLAY, "shop", "--agent", f"{sys.executable} {self.path / 'agent.py'}", "--json", *options],
            cwd=self.path,
            env={**os.environ, "FAILS": str(self.fails)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def states(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {each["id"]: each["state"] for each in json.loads(done.stdout)["tasks"]}


@pytest.mark.rule("R2")
def test_new_commits_and_a_changed_backlog_are_played_and_an_earlier_try_is_no_news(tmp_path):
    folder = Folder(tmp_path, [task(1), task(2)])
    folder.fails.write_text("2")
    first = folder.play()
    assert (first.returncode, states(first)) == (1, {"1": "merged", "2": "failed"}), first.stderr
    assert re.match(r"repository +local/shop .*\nbranch +develop +checked out; .*\ncommit ", first.stderr)
    assert re.search(r"task +2  failed", first.stderr)

    folder.fails.unlink()
    (folder.project / "own.txt").write_text("the user's")
    plans = folder.project / ".press-play" / "acceptance"
    (plans / "3.yaml").write_text((plans / "1.yaml").read_text())
    folder.write({"master": {"tasks": [task(1), task(2), task(3, 2)]}})
    folder.commit(folder.project)
    again = folder.play()
    assert (again.returncode, states(again)) == (0, dict.fromkeys("123", "merged")), again.stderr
    assert re.search(r"develop has 1 new commit \(up to \w+\): taken in, merged with what was built", again.stderr)
    assert not re.search(r"failed|task +1  ", again.stderr), "lines of the first press"
    copy = tmp_path / ".press-play" / "shop" / "git" / "local" / "shop.git"
    names = git(copy, "ls-tree", "--name-only", "develop").splitlines()
    assert {"own.txt", "done-1.txt", "done-2.txt", "done-3.txt"} <= set(names)
    # What was built can be pulled into the clone.
    git(folder.project, "pull", "-q", "--ff-only", str(copy), "develop")

    third = folder.play()
    assert (third.returncode, json.loads(third.stdout)["state"]) == (0, "merged"), third.stderr
    assert "Nothing left to play in the tag master." in third.stderr
    assert not re.search(r"^\d\d:\d\d  ", third.stderr, re.MULTILINE)


@pytest.mark.rule("FR1")
def test_nothing_left_names_the_tags_with_work_and_taskmasters_current_tag_is_played(tmp_path):
    folder = Folder(tmp_path, [])
    folder.write(MASTER_DONE)
    folder.commit(folder.project)
    done = folder.play()
    assert done.returncode == 0, done.stderr
    assert "Nothing left to play in the tag master" in done.stderr
    assert "other tags with tasks to do: later (2); play one with --tag" in done.stderr
    assert json.loads(done.stdout)["otherTags"] == {"later": 2}
    # As `task-master use-tag later` does, without a commit.
    (folder.project / ".taskmaster" / "state.json").write_text('{"currentTag": "later"}')
    (tmp_path / "agent.py").write_text("import sys; sys.exit(1)")
    played = folder.play()
    assert re.search(r"^tag +later +Taskmaster's current tag; change it: --tag$", played.stderr, re.MULTILINE)
    assert (played.returncode, states(played)) == (1, {"1": "failed", "2": "failed"}), played.stderr
    assert json.loads(folder.play("--tag", "master").stdout)["state"] == "merged"


ISSUES = """issues:
- {number: 1, title: Task 1, milestone: Version 1, state: closed}
- {number: 2, title: Task 2, milestone: Version 1, blocked_by: [1]}
- {number: 3, title: Task 3, milestone: Version 1, blocked_by: [2]}
- {number: 4, title: Task 4, milestone: Version 1, blocked_by: [5]}
- {number: 5, title: Elsewhere}
"""


@pytest.mark.rule("FR1")
def test_issues_of_a_file_are_played_and_what_is_new_in_it_by_the_next_press(tmp_path):
    folder, file = Folder(tmp_path, []), tmp_path / "issues.yaml"
    plans = folder.project / ".press-play" / "acceptance"
    plans.mkdir(parents=True, exist_ok=True)
    for number in (2, 3, 4):
        (plans / f"80000000{number}.yaml").write_text(PLAN)
    folder.commit(folder.project)
    file.write_text(ISSUES)
    first = folder.play("--issues", "issues.yaml")
    assert states(first) == {"2": "merged", "3": "merged", "4": "blocked"}, first.stderr
    assert re.search(r"^backlog +milestone 1 of .*issues.yaml +change it: --issues$", first.stderr, re.MULTILINE)
    assert "issues taken in: 5 new, 0 changed" in first.stderr
    assert 'is blocked by #5 ("Elsewhere"), which is open and not part of milestone 1' in first.stderr
    status = [sys.executable, "-m", "pressplay", "status", "shop"]
    shown = subprocess.run(status, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout) == (0, "issue 2: done\nissue 3: done\n"), shown.stderr
    refused = subprocess.run([*status, "--write"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (refused.returncode, "github/milestone/1 has no tasks.json" in refused.stderr) == (2, True)

    file.write_text(ISSUES.replace("title: Elsewhere", "title: Elsewhere, state: closed"))
    again = folder.play()
    assert (again.returncode, states(again)) == (0, {"4": "merged"}), again.stderr
    assert "issues taken in: 0 new, 1 changed" in again.stderr
    # Issues and pull requests share their numbers.
    file.write_text(ISSUES + "- {number: 6, title: New, milestone: Version 1}\n")
    taken = folder.play()
    assert (taken.returncode, "issue 6: its number is that of a pull request" in taken.stderr) == (2, True)
    file.write_text(ISSUES.replace("Elsewhere", "Elsewhere, state: closed"))
    nothing = folder.play()
    assert nothing.returncode == 0, nothing.stderr
    assert "Nothing left to play in the tag github/milestone/1." in nothing.stderr
