"""Two tasks that add a line to one file: both land without a person resolving it, or the second is parked by name."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from conflicts import BASE, FILE, Conflicting, Writers, both_sides, conflicting, first_merged
from harness import REPO, Deaf, after, git, project, task, world

from pressplay.github import refs
from pressplay.github.calls import call


@pytest.mark.rule("R2")
def test_both_land_without_a_person_resolving_it(tmp_path):
    state = conflicting(tmp_path, merge=True)
    summary = state.made.go_on()
    assert [result.state for result in summary.tasks] == ["merged", "merged"]
    assert summary.state == "merged"
    assert state.roles().count("conflict") == 1
    assert state.changes() == ["- task 1", "- task 2"]


@pytest.mark.rule("R4")
def test_of_four_at_one_place_each_is_resolved_once(tmp_path):
    """All at once would be six runs, since each merge makes the others conflict again."""
    state = conflicting(tmp_path, merge=True, tasks=4)
    summary = state.made.go_on()
    assert [result.state for result in summary.tasks] == ["merged"] * 4
    assert state.roles().count("conflict") == 3
    assert state.changes() == [f"- task {number}" for number in range(1, 5)]


@pytest.mark.rule("R4")
def test_one_that_is_parked_keeps_no_other_waiting(tmp_path):
    def only_the_third(writers: Writers, tree: Path, env: Mapping[str, str]) -> None:
        if env["PRESSPLAY_TASK"] == "3":
            both_sides(writers, tree, env)

    state = conflicting(tmp_path, only_the_third, merge=True, tasks=3)
    summary = state.made.go_on()
    assert [result.state for result in summary.tasks] == ["merged", "parked", "merged"]
    assert summary.tasks[1].reason == "rex: it changed nothing, though 1 file conflicts with main"
    assert state.roles().count("conflict") == 2


@pytest.mark.rule("R5")
def test_the_merge_is_reviewed_and_proven_like_any_new_head(tmp_path):
    state = conflicting(tmp_path)
    before = state.pull(2).head_sha
    state.merge(1)
    after(state.made, 20)
    pull = state.pull(2)
    assert pull.mergeable_state != "dirty"
    assert state.check(2)["conclusion"] == "success"
    gh = state.made.sandbox.context.harness(REPO, contents="read")
    parents = call(gh, "GET", f"/repos/{REPO}/git/commits/{pull.head_sha}")["parents"]
    assert [parent["sha"] for parent in parents] == [before, refs.head(gh, REPO, "main")]
    reviews = state.call("GET", "/pulls/2/reviews")
    assert {review["commit_id"] for review in reviews if review["state"] == "APPROVED"} == {pull.head_sha}
    # The approved head said why nobody could merge it, and people could read where the conflict was.
    (run,) = state.call("GET", f"/commits/{before}/check-runs?check_name=press-play/acceptance")["check_runs"]
    assert run["output"]["title"] == "Proven on this commit, which conflicts with main"
    assert run["conclusion"] == "success"
    (comment,) = [text for text in state.comments(2) if "conflicts with main" in text]
    assert f"Commit `{before}`: 1 file conflicts with main" in comment
    assert FILE in comment
    # Clippy and QA looked at the merge: twice each on this pull request, once on the other.
    assert (state.roles().count("lint"), state.roles().count("test")) == (3, 3)


@pytest.mark.rule("R7")
def test_the_run_reads_which_files_conflict(tmp_path):
    state = first_merged(tmp_path)
    (folder,) = state.writers.folders
    assert json.loads(folder["conflict.json"])["files"] == [FILE]
    assert f"- `{FILE}`" in folder["conflict.md"]
    assert "Merge the base" in folder["instructions.md"]


def does_nothing(_: Writers, _tree: Path, _env: Mapping[str, str]) -> None:
    pass


def changes_without_merging(_: Writers, tree: Path, _env: Mapping[str, str]) -> None:
    (tree / "other.txt").write_text("x\n")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "Something else")


NOT_RESOLVED = [
    pytest.param(does_nothing, "rex: it changed nothing, though 1 file conflicts with main", FILE, id="nothing"),
    pytest.param(changes_without_merging, "rex: it did not merge main: ", "", id="no-merge"),
]


@pytest.mark.rule("R4")
@pytest.mark.rule("R5")
@pytest.mark.parametrize(("resolves", "reason", "path"), NOT_RESOLVED)
def test_what_is_no_merge_of_the_base_is_parked_once_and_says_which_files(tmp_path, resolves, reason, path):
    state = first_merged(tmp_path, resolves)
    check = state.check(2)
    assert check["conclusion"] == "action_required"
    assert check["output"]["summary"].startswith(reason)
    assert path in check["output"]["summary"]
    assert "press-play/parked" in state.labels(2)
    (parked,) = [text for text in state.comments(2) if text.startswith("Press Play parked")]
    assert reason in parked
    assert path in parked
    assert state.roles().count("conflict") == 1
    # Nothing tries again by itself.
    after(state.made, 40)
    assert state.roles().count("conflict") == 1


@pytest.mark.rule("R6")
def test_a_merge_that_left_marks_or_took_things_out_of_the_base_is_refused_in_its_review(tmp_path):
    """Rex gets to read which files; without a repair a person does."""

    taken = list[str]()

    def merges_wrongly(_: Writers, tree: Path, env: Mapping[str, str]) -> None:
        base = f"origin/{env['PRESSPLAY_BASE']}"
        base_files = {*git(tree, "diff", "--name-only", f"HEAD...{base}").split()} - {FILE}
        subprocess.run(["git", "merge", "-q", base], cwd=tree, check=False)
        taken.append(min(base_files))
        git(tree, "rm", "-q", "-f", *taken)
        git(tree, "commit", "-qam", "Merge")

    state = first_merged(tmp_path, merges_wrongly)
    check = state.check(2)
    assert check["conclusion"] != "success"
    (run,) = state.call("GET", f"/commits/{state.pull(2).head_sha}/check-runs?check_name=press-play/test-only")[
        "check_runs"
    ]
    assert run["conclusion"] == "failure"
    summary, text = run["output"]["summary"], run["output"]["text"] or ""
    assert summary.startswith("A merge of main does not keep what it has in files without a conflict; ")
    assert "a merge of main left the marks of the conflict in the files" in summary
    for path in (*taken, FILE):
        assert path in summary + text
    assert "fix" in state.roles()


@pytest.mark.rule("R4")
def test_a_persons_retry_has_it_tried_again(tmp_path):
    state = first_merged(tmp_path, does_nothing)
    state.writers.resolves = both_sides
    state.call("POST", "/issues/2/comments", json={"body": "/press-play retry"})
    after(state.made, 20)
    assert state.roles().count("conflict") == 2
    assert state.check(2)["conclusion"] == "success"
    assert state.pull(2).mergeable_state != "dirty"


@pytest.mark.rule("R4")
def test_the_run_counts_against_the_limits_of_its_pull_request(tmp_path):
    state = first_merged(tmp_path, settings={"limits": {"runsPerPullRequest": 2}})
    assert state.roles().count("conflict") == 0
    assert "2 runs for this pull request (limits.runsPerPullRequest)" in state.check(2)["output"]["summary"]


# -- what is left alone ------------------------------------------------------------------------------------------------


def commit_of_person(state: Conflicting, branch: str) -> str:
    """A person's commit on top of the base branch that adds a line to the file."""
    gh = state.made.sandbox.context.harness(REPO, contents="read")
    base, blob = refs.head(gh, REPO, "main"), call(gh, "GET", f"/repos/{REPO}/contents/{FILE}")["sha"]
    state.call("POST", "/git/refs", json={"ref": f"refs/heads/{branch}", "sha": base})
    content = base64.b64encode(f"{BASE}- a person\n".encode()).decode()
    fields = {"message": "A line", "content": content, "sha": blob, "branch": branch}
    return str(state.call("PUT", f"/contents/{FILE}", json=fields)["commit"]["sha"])


def by_person(state: Conflicting, branch: str, *, label: bool = False) -> int:
    """A person's pull request that conflicts with what the first one merges; its number."""
    commit_of_person(state, branch)
    fields = {"title": "A line", "head": branch, "base": "main", "body": ""}
    number = int(state.call("POST", "/pulls", json=fields)["number"])
    if label:
        state.call("POST", f"/issues/{number}/labels", json={"labels": ["press-play"]})
    return number


@pytest.mark.rule("R8")
def test_a_persons_pull_request_is_left_alone_unless_it_is_labelled(tmp_path):
    state = conflicting(tmp_path, tasks=1)
    own, labelled = by_person(state, "theirs"), by_person(state, "asked", label=True)
    after(state.made, 20)
    heads = {number: state.pull(number).head_sha for number in (own, labelled)}
    state.merge(1)
    after(state.made, 20)
    assert state.pull(own).head_sha == heads[own]
    assert state.pull(own).mergeable_state == "dirty"
    assert state.check(own)["output"]["title"] == "Not under Press Play"
    assert state.pull(labelled).head_sha != heads[labelled]
    assert state.pull(labelled).mergeable_state != "dirty"
    assert state.roles().count("conflict") == 1


def push(state: Conflicting) -> None:
    """A person pushes to the base branch, past the ruleset."""
    made = commit_of_person(state, "aside")
    for name in ("press-play", "press-play-people"):
        state.made.sandbox.forge.create_ruleset(REPO, name, rules=[{"type": "deletion"}], enforcement="disabled")
    state.call("PATCH", "/git/refs/heads/main", json={"sha": made})


@pytest.mark.rule("R2")
@pytest.mark.parametrize(("deaf", "minutes"), [(False, 3), (True, 17)])
def test_a_push_to_the_base_is_found_by_its_event_or_within_a_quarter_of_an_hour(tmp_path, deaf, minutes):
    state = conflicting(tmp_path, tasks=1)
    sandbox = state.made.sandbox
    if deaf:
        sandbox.network = Deaf(sandbox._hook)
    after(state.made, 30)
    push(state)
    after(state.made, minutes)
    assert state.roles().count("conflict") == 1


@pytest.mark.rule("R2")
def test_where_nothing_moves_nothing_more_is_read(tmp_path, monkeypatch):
    """Three reads of the base in half an hour are all that conflicts cost."""
    state = conflicting(tmp_path)
    after(state.made, 60)
    paths = [
        path
        for path in after(state.made, 30)
        if "/git/ref/heads/main" in path or path.endswith(("/pulls/1", "/pulls/2"))
    ]
    assert len(paths) <= 3
    state.merge(1)
    state.writers.resolves = does_nothing
    after(state.made, 5)
    assert state.roles().count("conflict") == 1


# -- what the plan does about it ---------------------------------------------------------------------------------------

ORDER = {"defaults": {"overlaps": "order"}}
SENTENCE = f'tasks 1, 2 name the same files, so their pull requests may conflict: "{FILE}"'


def test_the_plan_says_which_tasks_may_conflict(tmp_path):
    state = conflicting(tmp_path, names=True, merge=True)
    assert SENTENCE in state.made.said
    assert state.roles().count("conflict") == 1


def test_show_says_it_too_and_starts_nothing(tmp_path):
    files = {"relevantFiles": [FILE]}
    source = project(tmp_path, [task(1, **files), task(2, **files)])
    made = world(tmp_path / "state", source=source, settings=ORDER)
    made.play(mode="show")
    assert "task 2 starts once 1 ended, for they name the same files" in made.said
    assert made.starts() == []


def test_in_order_nothing_conflicts(tmp_path):
    state = conflicting(tmp_path, names=True, merge=True, settings=ORDER)
    assert [result.state for result in state.made.go_on().tasks] == ["merged", "merged"]
    assert "conflict" not in state.roles()
    assert [line.split()[1:3] for line in state.made.starts()][0::3] == [["1", "implement"], ["2", "implement"]]
    assert state.changes() == ["- task 1", "- task 2"]


@pytest.mark.rule("R3")
def test_a_task_that_fails_holds_up_none_that_only_names_the_same_file(tmp_path):
    writers = Writers(fails={("implement", 1)})
    files = {"relevantFiles": [FILE]}
    source = project(tmp_path, [task(1, **files), task(2, **files), task(3, 1)])
    (source / FILE).write_text(BASE)
    made = world(tmp_path / "state", writers, source=source, settings=ORDER)
    assert [result.state for result in made.play().tasks] == ["failed", "merged", "blocked"]
