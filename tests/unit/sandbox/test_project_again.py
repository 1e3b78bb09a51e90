"""What a later press takes in of a project: new commits, a rewritten history, conflicts, another branch."""

from __future__ import annotations

from pathlib import Path

import pygit2
import pytest
from harness import git

from pressplay.clock import VirtualClock
from pressplay.errors import InputError
from pressplay.sandbox import stops
from pressplay.sandbox.forge import Forge
from pressplay.sandbox.project import TAKEN, Source, look_again
from pressplay.sandbox.setup import MAINTAINER

REPO = "local/shop"


def commit(folder: Path, path: str, content: str, *more: str) -> str:
    (folder / path).write_text(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", path, *more)
    return git(folder, "rev-parse", "HEAD")


class Project:
    """A user's project on `develop`, its copy in the forge, and what was said of it."""

    def __init__(self, folder: Path, *, with_git: bool = True) -> None:
        self.folder, self.with_git, self.said = folder / "shop", with_git, []
        self.folder.mkdir()
        (self.folder / "a").write_text("a\n")
        if with_git:
            git(self.folder, "init", "-qb", "develop")
            git(self.folder, "config", "user.email", "a@b.example")
            git(self.folder, "config", "user.name", "a")
            self.first = commit(self.folder, "a", "a\n")
        self.forge = Forge(folder / "state.db", folder / "git", VirtualClock(), "http://127.0.0.1")
        self.forge.create_user(MAINTAINER)
        source = self.source
        self.forge.create_repository(REPO, source.folder, source.branch, commit=source.commit)
        self.forge.grant(REPO, MAINTAINER, "admin")
        self.look()

    @property
    def source(self) -> Source:
        if not self.with_git:
            return Source(self.folder, "main", "")
        branch = git(self.folder, "branch", "--show-current")
        return Source(self.folder, branch, git(self.folder, "rev-parse", "HEAD"))

    @property
    def copy(self) -> Path:
        return self.forge.git_path(REPO)

    def look(self, *, take: bool = True) -> str:
        """What is said."""
        self.said.clear()
        look_again(self.forge, REPO, self.source, self.said.append, take=take)
        return "\n".join(self.said)

    def build(self, path: str, content: str) -> str:
        """What agents built is merged into the copy's branch."""
        work = self.folder.parent / "work"
        git(self.folder.parent, "clone", "-q", str(self.copy), str(work))
        git(work, "config", "user.email", "c@d.example")
        git(work, "config", "user.name", "c")
        sha = commit(work, path, content)
        git(work, "push", "-q")
        self.forge.sync(REPO)
        return sha

    def files(self) -> dict[str, str]:
        listed = git(self.copy, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
        return {name: git(self.copy, "show", f"HEAD:{name}") for name in listed}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_nothing_new_is_no_news(project):
    assert project.look() == ""
    assert git(project.copy, "rev-parse", TAKEN) == project.first
    built = project.build("b", "b\n")
    assert project.look() == ""
    assert git(project.copy, "rev-parse", "develop") == built


def test_new_commits_are_taken_in_and_the_forge_knows_of_the_push(project):
    newest = commit(project.folder, "n", "n\n")
    assert project.look() == f"develop has 1 new commit (up to {newest[:12]}): taken in"
    assert git(project.copy, "rev-parse", "develop") == newest
    pushed = [event.payload for event in project.forge.events(0) if event.name == "push"]
    assert [(push["ref"], push["after"], push["sender"]["login"]) for push in pushed] == [
        ("refs/heads/develop", newest, MAINTAINER)
    ]
    assert project.look() == ""


def test_new_commits_are_merged_with_what_was_built(project):
    built = project.build("b", "b\n")
    commit(project.folder, "n", "n\n")
    newest = commit(project.folder, "m", "m\n")
    assert project.look().startswith(
        f"develop has 2 new commits (up to {newest[:12]}): taken in, merged with what was built here ("
    )
    assert project.files() == {"a": "a", "b": "b", "n": "n", "m": "m"}
    assert git(project.copy, "log", "-1", "--format=%P", "develop").split() == [built, newest]
    assert project.look() == ""


def test_what_the_user_pulled_is_not_taken_in_twice(project):
    project.build("b", "b\n")
    git(project.folder, "pull", "-q", "--ff-only", str(project.copy), "develop")
    newest = commit(project.folder, "n", "n\n")
    assert project.look() == f"develop has 1 new commit (up to {newest[:12]}): taken in"
    assert git(project.copy, "rev-parse", "develop") == newest


def test_of_a_rewritten_history_what_changed_since_the_last_press_counts(project):
    project.build("b", "b\n")
    newest = commit(project.folder, "a", "amended\n", "--amend")
    assert f"develop has a rewritten history (up to {newest[:12]}, without {project.first[:12]})" in project.look()
    assert project.files() == {"a": "amended", "b": "b"}


def test_a_branch_that_went_back_is_said_and_changes_nothing(project):
    newest = commit(project.folder, "n", "n\n")
    project.look()
    git(project.folder, "reset", "-q", "--hard", "HEAD~1")
    assert "develop went back to" in project.look()
    assert git(project.copy, "rev-parse", "develop") == newest


def test_a_conflict_is_named_with_the_way_out_which_works(project):
    built = project.build("a", "theirs\n")
    commit(project.folder, "a", "yours\n")
    with pytest.raises(
        InputError, match=r"changed the same lines of a\. .*git -C .* pull --no-rebase .* develop"
    ) as raised:
        project.look()
    assert git(project.copy, "rev-parse", "develop") == built
    assert project.forge.events(0)[-1].payload["after"] == built
    words = str(raised.value).partition("press again: ")[2].partition("   (")[0].split()
    assert words[:3] == ["git", "-C", str(project.folder)]
    git(project.folder, *words[3:], "-X", "ours")
    assert project.look().startswith("develop has 2 new commits")
    assert project.files() == {"a": "yours"}


def test_another_branch_is_refused_with_the_ways_out(project):
    git(project.folder, "switch", "-qc", "other")
    with pytest.raises(InputError, match=r"plays the branch develop, and the project is on other: .*--state DIR"):
        project.look()


def test_a_play_that_is_resumed_only_says_what_the_next_press_takes_in(project):
    commit(project.folder, "n", "n\n")
    assert project.look(take=False).endswith("the next press takes that in, once this play has ended")
    assert git(project.copy, "rev-parse", "develop") == project.first


def test_a_folder_without_git_is_taken_in_by_its_files(tmp_path):
    project = Project(tmp_path, with_git=False)
    assert project.look() == ""
    project.build("b", "b\n")
    # A sandbox's own folder, as git sees it.
    (project.folder / ".press-play").mkdir()
    (project.folder / ".press-play" / ".gitignore").write_text("*\n")
    assert project.look() == ""
    (project.folder / "n").write_text("n\n")
    assert project.look().startswith("main has 1 new commit")
    assert project.files() == {"a": "a", "b": "b", "n": "n"}
    assert project.look() == ""


def test_a_sandbox_of_an_earlier_version_takes_in_what_is_new(project):
    built = project.build("b", "b\n")
    pygit2.Repository(str(project.copy)).references.delete(TAKEN)
    assert project.look() == ""
    assert git(project.copy, "rev-parse", "develop") == built
    commit(project.folder, "n", "n\n")
    assert project.look().startswith("develop has 1 new commit")
    assert project.files() == {"a": "a", "b": "b", "n": "n"}


def test_time_between_stops_is_no_work(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 100.0)
    assert stops.end(tmp_path, 150.0) == 0
    stops.begin(tmp_path)
    assert stops.end(tmp_path, 160.0) == 60
    stops.begin(tmp_path)
    assert stops.end(tmp_path, 110.0) == 10
    known = stops.known(tmp_path)
    assert known == [(100, 160), (100, 110)]
    assert stops.between(known[:1], 90, 170) == 20
    assert stops.between(known[:1], 120, 130) == 0
    assert stops.between(known[:1], 200, 230) == 30
