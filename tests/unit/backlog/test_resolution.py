"""Which branch, commit, backlog and tag a project's play takes, and what is said where that can't be decided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import git

from pressplay.backlog import tasks
from pressplay.backlog.resolution import current_tag
from pressplay.commands._project import Choices, of_folder, of_path
from pressplay.errors import InputError
from pressplay.settings import RepositoryDefaults

BACKLOG = ".taskmaster/tasks/tasks.json"
STATE = ".taskmaster/state.json"


def write(folder: Path, path: str, content: str) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def commit(folder: Path, path: str, content: str) -> str:
    write(folder, path, content)
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-qm", path)
    return git(folder, "rev-parse", "HEAD")


def backlog(*tags: str) -> str:
    return json.dumps({tag: {"tasks": [{"id": 1, "title": tag}]} for tag in tags or ("master",)})


@pytest.fixture
def project(tmp_path):
    """A repository with a backlog on its only branch, `develop`."""
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-qb", "develop")
    git(folder, "config", "user.email", "a@b.example")
    git(folder, "config", "user.name", "a")
    commit(folder, BACKLOG, backlog())
    return folder


def resolved(folder: Path, values: RepositoryDefaults | None = None, **choices: str):
    return of_folder(folder, Choices(**choices), values)


def test_the_branch_that_is_checked_out_counts(project):
    git(project, "branch", "main")
    newest = commit(project, "new", "x")
    result, notes = resolved(project)
    named = {name: choice.value for name, choice in result.named().items()}
    assert named == {
        "repository": "local/shop",
        "branch": "develop",
        "commit": newest[:12],
        "backlog": BACKLOG,
        "tag": "master",
    }
    assert notes == []
    changes = {name: choice.change for name, choice in result.named().items()}
    assert changes == {
        "repository": "--repo",
        "branch": "--branch",
        "commit": "--commit",
        "backlog": "--backlog",
        "tag": "--tag",
    }
    assert [line.split()[0] for line in result.lines()] == list(named)


def test_options_come_before_values_and_values_before_what_is_checked_out(project):
    git(project, "branch", "main")
    git(project, "branch", "release")
    values = RepositoryDefaults.model_validate({"defaultBranch": "main"})
    assert resolved(project)[0].branch.value == "develop"
    in_values = resolved(project, values)[0].branch
    assert (in_values.value, in_values.why) == ("main", "defaultBranch in the values")
    by_option = resolved(project, values, branch="release")[0].branch
    assert (by_option.value, by_option.why) == ("release", "by --branch")


def test_a_branch_that_only_the_remote_has_is_played(project, tmp_path):
    git(project, "branch", "release")
    git(tmp_path, "clone", "-q", str(project), "clone")
    result, _notes = resolved(tmp_path / "clone", branch="release")
    assert (result.branch.value, result.commit.why) == ("release", "origin's newest, as fetched last")


def test_a_shallow_clone_can_be_planned_and_is_named_where_it_is_played(project, tmp_path):
    newest = commit(project, "new", "x")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{project}", "clone")
    clone = tmp_path / "clone"
    result, notes = resolved(clone)
    assert (result.branch.value, result.commit.value, notes) == ("develop", newest, [])
    with pytest.raises(InputError, match="got a shallow clone; fetch the rest") as raised:
        of_folder(clone, Choices(), is_copied=True)
    git(tmp_path, *str(raised.value).partition("(git ")[2].partition(")")[0].split())
    assert of_folder(clone, Choices(), is_copied=True)[0].commit.value == newest


def test_a_detached_head_is_named_with_the_ways_out_and_one_of_them_works(project):
    git(project, "checkout", "-q", "--detach")
    with pytest.raises(InputError, match=r"detached head at .*--branch NAME, of develop.*--commit HEAD"):
        resolved(project)
    result, _notes = resolved(project, branch="trial", commit="HEAD")
    assert (result.branch.value, result.commit.value) == ("trial", git(project, "rev-parse", "HEAD"))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"branch": "develp"}, r"expected the branch 'develp', got develop; did you mean 'develop'\?"),
        ({"commit": "nope"}, "expected a commit, got 'nope'"),
        ({"backlog": "sub"}, r"no tasks.json; looked for sub/\.taskmaster/tasks/tasks\.json"),
        ({"backlog": "tasks.json"}, r"expected the backlog that counts, which is \.taskmaster/tasks/tasks\.json"),
    ],
)
def test_what_is_not_there_is_named(project, choices, message):
    with pytest.raises(InputError, match=message):
        resolved(project, **choices)


def test_a_repository_without_a_commit_is_named(tmp_path):
    git(tmp_path, "init", "-qb", "main", "empty")
    with pytest.raises(InputError, match="expected a repository with a commit"):
        resolved(tmp_path / "empty")


def test_what_is_not_committed_is_named_the_backlog_first(project):
    write(project, BACKLOG, backlog() + "\n")
    for name in "abcdefg":
        write(project, name, "x")
    (note,) = resolved(project)[1]
    assert note.startswith(f"not committed, so not played: {BACKLOG}, a, b, c, d and 3 more. git add")
    # Of another branch it says nothing.
    git(project, "branch", "main")
    commit(project, "z", "x")
    assert resolved(project, branch="main")[1] == []


@pytest.mark.parametrize(
    ("ignore", "message"),
    [("", f"this commit lacks it: git add {BACKLOG}"), (".taskmaster/\n", f"git ignores it: git add -f {BACKLOG}")],
)
def test_a_backlog_that_is_in_no_commit_is_named(project, ignore, message):
    git(project, "rm", "-q", "--cached", BACKLOG)
    write(project, ".gitignore", ignore)
    git(project, "add", ".gitignore")
    git(project, "commit", "-qm", "out")
    with pytest.raises(InputError, match=message):
        resolved(project)


def test_a_folder_without_git_is_played_as_it_is(tmp_path):
    write(tmp_path, BACKLOG, backlog())
    result, notes = resolved(tmp_path)
    assert (result.branch.value, result.commit.value, notes) == ("main", "", [])
    with pytest.raises(InputError, match="make it one"):
        resolved(tmp_path, branch="develop")


def test_a_folder_of_a_repository_names_the_repository(project):
    commit(project, f"sub/{BACKLOG}", backlog())
    (note,) = resolved(project / "sub")[1]
    assert f"pressplay play {project} --backlog sub/{BACKLOG}" in note
    result, _notes = resolved(project, backlog=f"sub/{BACKLOG}")
    assert (result.docs, result.path.value) == ("sub", f"sub/{BACKLOG}")


STATES = {
    "current": ('{"currentTag": "b"}', "b", "Taskmaster's current tag"),
    "stale": ('{"currentTag": "gone"}', "master", "Taskmaster's current tag is not in the file"),
    "broken": ("not json", "master", ""),
    "none": (None, "master", ""),
    "of another shape": ('{"currentTag": 7}', "master", ""),
}


@pytest.mark.parametrize("case", STATES)
@pytest.mark.parametrize("committed", [True, False])
def test_taskmasters_current_tag_counts_committed_or_not(project, case, committed):
    state, tag, why = STATES[case]
    commit(project, BACKLOG, backlog("master", "b"))
    if state is not None:
        write(project, STATE, state)
        if committed:
            commit(project, STATE, state)
    result, notes = resolved(project)
    assert (result.tag.value, result.tag.why, notes) == (tag, why, [])
    assert [task.title for task in result.backlog().tasks] == [tag]
    # The file itself is asked by the same rule.
    assert of_path(project / BACKLOG, Choices())[0].tag.value == tag
    assert resolved(project, tag="b")[0].tag.value == "b"


def test_several_tags_of_which_none_counts_are_named_with_the_way_out():
    document = json.loads(backlog("a", "b"))
    with pytest.raises(InputError, match=r"choose one with -p tag, or with `task-master use-tag"):
        current_tag(document, "f", None, "-p tag")
    assert current_tag(json.loads(backlog("a")), "f", None, "--tag").why == "the file's only tag"


def test_a_file_on_the_disk_that_the_commit_lacks_is_named(project):
    write(project, BACKLOG, backlog("master", "b"))
    result, (note,) = of_path(project / BACKLOG, Choices(tag="b"))
    assert (result.branch.value, result.backlog().tag) == ("develop", "b")
    assert "the commit has another, and a play takes the commit" in note


def test_other_tags_with_work_are_counted():
    document = {
        "master": {"tasks": [{"id": 1, "status": "done"}]},
        "b": {"tasks": [{"id": 1, "status": "Pending"}, {"id": 2}, {"id": 3, "status": "done"}]},
        "c": {"tasks": [{"id": 1, "status": "deferred"}]},
    }
    assert tasks.from_document(document, "f", "master").others == {"b": 2}
