"""What steps do on GitHub: read, commit, find, check, comment, each harmless when done twice (R1, R3)."""

from __future__ import annotations

import os

import pygit2
import pytest
from github_world import CHECK, REPO
from pygit2.enums import FileMode

from pressplay.errors import InputError, TryAgain
from pressplay.github import checks, comparison, contents, issues, merges, pulls, refs, trees
from pressplay.github.clone import Tree
from pressplay.github.committed import Unreadable
from pressplay.github.listing import Listing
from pressplay.settings import Settings
from pressplay.steps.core import provable

WORDS = {"title": "t", "summary": "s", "details_url": "http://d.test", "external_id": "x"}


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 1024 * 1024 + 1, 3_000_000])
def test_a_file_of_any_size_is_read_whole(github_world, size):
    content = os.urandom(size)
    sha = github_world.branch("f", {"deep/file.bin": content})
    assert contents.read_file(github_world.client("rex"), REPO, "deep/file.bin", sha) == content


def test_what_is_no_file_is_none_or_an_error(github_world):
    gh = github_world.client("rex")
    assert contents.read_file(gh, REPO, "none", "main") is None
    assert contents.read_file(gh, REPO, "README.md", "none") is None
    with pytest.raises(InputError, match="expected a file, got a dir"):
        contents.read_file(gh, REPO, "src", "main")


def test_files_are_committed_on_top_of_the_base_and_twice_is_once(github_world):
    gh = github_world.client("rex")
    base = refs.head(gh, REPO, "main")
    files = {"a/b.md": b"text", "a/c.bin": b"\xff\x00"}
    first = refs.commit_files(gh, REPO, "press-play/context/run-1", files, "m", base)
    github_world.clock.sleep(60)
    seen = github_world.forge.events()[-1].seq
    assert refs.commit_files(gh, REPO, "press-play/context/run-1", files, "m", base) == first
    assert github_world.forge.events(seen) == []
    assert contents.read_file(gh, REPO, "a/c.bin", first) == b"\xff\x00"
    assert contents.read_file(gh, REPO, "README.md", first) == b"# Shop\n"
    second = refs.commit_files(gh, REPO, "press-play/context/run-1", {"a/b.md": b"new"}, "m", base)
    assert github_world.person().get(f"/git/commits/{second}").json()["parents"][0]["sha"] == base
    assert contents.read_file(gh, REPO, "a/c.bin", second) is None


def test_the_files_below_a_folder_are_told_with_what_they_are(github_world):
    gh = github_world.client("rex")
    sha = github_world.branch("f", {"a/b/one.md": b"1", "a/b/c/two.md": b"", "a/other": b"x"})
    found = trees.files(gh, REPO, sha, "a/b")
    assert {path: (blob.size, blob.regular) for path, blob in found.items()} == {
        "a/b/one.md": (1, True),
        "a/b/c/two.md": (0, True),
    }
    # No folder, and a file where a folder would be.
    assert trees.files(gh, REPO, sha, "a/none") == trees.files(gh, REPO, sha, "a/other") == {}


def test_a_commit_is_listed_as_a_clone_lists_it(github_world):
    gh = github_world.client("rex")
    sha = github_world.branch("f", {"a/b/x.md": b"1", "a/big": b"x" * 1_000_001, "a/c": b"\xff"})
    git = pygit2.Repository(str(github_world.forge.git_path(REPO)))
    who = pygit2.Signature("a", "a@example.com")
    index = pygit2.Index()
    index.read_tree(git[sha].peel(pygit2.Tree))
    index.add(pygit2.IndexEntry("a/link", git.create_blob(b"b/x.md"), FileMode.LINK))
    index.add(pygit2.IndexEntry("sub", pygit2.Oid(hex=sha), FileMode.COMMIT))
    git.create_commit("refs/heads/links", who, who, "x", index.write_tree(git), [])
    for ref in (sha, "links"):
        listing, clone = Listing(gh, REPO, ref), Tree(git.revparse_single(ref).peel(pygit2.Tree), git)
        assert listing.entries == clone.entries
        for folder in ("", "a", "a/b", "none", "a/big"):
            assert listing.names(folder) == clone.names(folder)
            assert listing.folders(folder) == clone.folders(folder)
    assert (listing.content("a/c"), listing.content("none"), listing.target("a/link")) == (b"\xff", None, "b/x.md")
    for path, why in (("a/big", "larger"), ("a/link", "a symbolic link"), ("sub", "a submodule")):
        with pytest.raises(Unreadable, match=why):
            listing.content(path)


def installed(proxy: bool = True, **own: object) -> Settings:
    return Settings.model_validate(
        {
            "namespace": "n",
            "controllerNamespace": "c",
            "repositories": {REPO: own},
            "gatePods": {"packageProxy": {"reachable": proxy}},
        }
    )


def test_a_play_begins_only_where_something_can_be_proven(github_world):
    gh = github_world.client("rex")
    nothing, python = refs.head(gh, REPO, "main"), github_world.branch("p", {"setup.py": b"", "test_a.py": b""})
    with pytest.raises(InputError, match=r"nothing could prove a change to it.*\n- .*\n- nothing is deployed"):
        provable.demand(gh, REPO, nothing, installed())
    for tests in ({"enabled": False}, {"checks": [{"name": "ci"}]}):
        assert [item.message for item in provable.demand(gh, REPO, nothing, installed(tests=tests))]
    assert len(provable.demand(gh, REPO, python, installed())) == 1
    deploy = {"mode": "github-deployment"}
    assert "no project" in str(provable.demand(gh, REPO, nothing, installed(deploy=deploy))[0])
    fetching = github_world.branch("go", {"go.mod": b"module a\n", "a_test.go": b"package a\n"})
    for proxy in (True, False):
        settings = installed(proxy, deploy=deploy, tests={"images": {"go": "golang:1"}})
        advice = [item.message for item in provable.demand(gh, REPO, fetching, settings)]
        assert any("can reach no package proxy" in message for message in advice) is not proxy
    wrong = github_world.branch("w", {".press-play/gates.yaml": b"projects: []"})
    with pytest.raises(InputError, match=rf"{REPO}@{wrong[:12]}:.press-play/gates.yaml:1:1: .*projects"):
        provable.demand(gh, REPO, wrong, installed(deploy=deploy))


def test_a_commit_puts_files_back_and_takes_files_away(github_world):
    gh = github_world.client("rex")
    old = github_world.branch("old", {"a/kept": b"before", "a/back": b"before"})
    head = github_world.branch("f", {"a/kept": b"after", "a/back": b"after", "a/new": b"after"}, base=old)
    before = trees.files(gh, REPO, old, "a")
    sha = refs.commit_blobs(gh, REPO, "f", head, {"a/back": before["a/back"], "a/new": None}, "Put it back")
    assert refs.head(gh, REPO, "f") == sha
    assert github_world.person().get(f"/git/commits/{sha}").json()["parents"][0]["sha"] == head
    texts = {path: contents.read_file(gh, REPO, path, sha) for path in ("a/kept", "a/back", "a/new")}
    assert texts == {"a/kept": b"after", "a/back": b"before", "a/new": None}


@pytest.mark.rule("R3")
def test_a_commit_on_a_branch_that_has_moved_writes_over_nobodys(github_world):
    gh = github_world.client("rex")
    head = github_world.branch("f", {"a/x": b"1"})
    theirs = github_world.branch("f", {"a/y": b"2"}, base=head)
    with pytest.raises(TryAgain, match="the branch has moved"):
        refs.commit_blobs(gh, REPO, "f", head, {"a/x": None}, "m")
    assert refs.head(gh, REPO, "f") == theirs


def test_a_pull_request_is_let_be_against_another_branch(github_world):
    gh = github_world.client("rex")
    base = github_world.branch("other", {"other": b"x"})
    github_world.branch("f", {"f": b"x"}, base=base)
    made = pulls.open_pull(gh, REPO, "f", "other", "t", "")
    assert pulls.retarget(gh, REPO, made.number, "main").base_ref == "main"


def test_branches_are_found_by_prefix_and_deleted_once(github_world):
    gh = github_world.client("rex")
    for name in ("press-play/context/run-1", "press-play/context/run-2", "press-play/other"):
        github_world.branch(name, {"f": b"x"})
    prefix = "press-play/context/"
    assert list(refs.branches_with_prefix(gh, REPO, prefix)) == [f"{prefix}run-1", f"{prefix}run-2"]
    assert refs.delete_branch(gh, REPO, f"{prefix}run-1")
    assert not refs.delete_branch(gh, REPO, f"{prefix}run-1")
    assert list(refs.branches_with_prefix(gh, REPO, prefix)) == [f"{prefix}run-2"]


def test_the_default_branch_can_not_be_deleted(github_world):
    with pytest.raises(InputError, match="default branch"):
        refs.delete_branch(github_world.client("rex"), REPO, "main")


def test_a_pull_request_is_told_in_full(github_world):
    made = github_world.pull()
    issues.add_labels(github_world.client("rex"), REPO, made.number, ["one", "two"])
    pull = pulls.pull(github_world.client("press-play", pull_requests="read"), REPO, made.number)
    assert (pull.author, pull.author_is_bot, pull.labels, pull.fork) == ("rex[bot]", True, ("one", "two"), False)
    assert (pull.state, pull.merged, pull.draft, pull.base_ref) == ("open", False, False, "main")
    assert pull.base_sha == refs.head(github_world.client("rex"), REPO, "main")
    assert pull.mergeable_state == "clean"


def test_the_newest_pull_request_of_a_branch_is_found_by_state(github_world):
    gh = github_world.client("rex")
    first = github_world.pull("f")
    pulls.close(gh, REPO, first.number)
    second = pulls.open_pull(gh, REPO, "f", "main", "again", "")
    github_world.pull("fe")
    assert pulls.find_pull(gh, REPO, "f").number == second.number
    assert pulls.find_pull(gh, REPO, "f", state="closed").number == first.number
    assert pulls.find_pull(gh, REPO, "none") is None
    assert [pull.number for pull in pulls.from_branch(gh, REPO, "f")] == [second.number, first.number]
    assert github_world.person().put(f"/pulls/{second.number}/merge", json={"sha": second.head_sha}).is_success
    merge = merges.merge(gh, REPO, second.number)
    assert (merge.base, merge.by, merge.is_person) == ("main", "maintainer", True)
    assert comparison.contains(gh, REPO, "main", merge.commit)
    assert not comparison.contains(gh, REPO, "fe", merge.commit)
    github_world.forge.merged_by_queue(REPO, second.number, "rex[bot]")
    queued = merges.merge(gh, REPO, second.number)
    assert (queued.by, queued.is_person) == ("rex[bot]", False)
    assert merges.merge(gh, REPO, first.number) is None
    assert [pull.number for pull in pulls.all_pulls(gh, REPO)] == [3, 2, 1]


@pytest.mark.rule("R5")
def test_another_apps_check_of_the_same_name_is_not_ours(github_world):
    sha = github_world.branch("f", {"f": b"x"})
    harness, rex = github_world.client("press-play"), github_world.client("rex")
    theirs = checks.set_check(rex, REPO, CHECK, sha, conclusion="success", **WORDS)
    assert checks.own(harness, REPO, sha, CHECK) is None
    ours = checks.set_check(harness, REPO, CHECK, sha, conclusion="failure", **WORDS)
    assert ours != theirs
    assert checks.own(harness, REPO, sha, CHECK).conclusion == "failure"
    assert {(check.app, check.conclusion) for check in checks.checks(harness, REPO, sha)} == {
        ("rex", "success"),
        ("press-play", "failure"),
    }


def test_a_check_is_updated_not_doubled(github_world):
    sha = github_world.branch("f", {"f": b"x"})
    gh = github_world.client("press-play")
    urls = {
        checks.set_check(gh, REPO, CHECK, sha, conclusion=conclusion, **WORDS)
        for conclusion in (None, "action_required", "success", "success")
    }
    assert len(urls) == 1
    assert checks.own(gh, REPO, sha, CHECK).conclusion == "success"
    assert len(checks.checks(gh, REPO, sha)) == 1


def test_a_comment_is_found_by_its_marker_and_only_our_own(github_world):
    pull = github_world.pull()
    gh, person = github_world.client("press-play"), github_world.person()
    person.post(f"/issues/{pull.number}/comments", json={"body": "<!-- press-play: parked-1 -->"})
    first = issues.comment(gh, REPO, pull.number, "parked", "parked-1")
    assert issues.comment(gh, REPO, pull.number, "parked again", "parked-1") == first
    assert issues.comment(gh, REPO, pull.number, "other", "parked-2") != first
    bodies = [comment["body"] for comment in person.get(f"/issues/{pull.number}/comments").json()]
    assert len(bodies) == 3
    assert bodies[1].startswith("parked again")


@pytest.mark.parametrize("marker", ["", "a b", "a-->b", "a--b", "{{x}}"])
def test_a_marker_that_could_end_the_hidden_comment_is_refused(github_world, marker):
    with pytest.raises(InputError, match="marker"):
        issues.comment(github_world.client("rex"), REPO, 1, "x", marker)


def test_labels_are_added_and_taken_off_once(github_world):
    pull, gh = github_world.pull(), github_world.client("press-play")
    for _ in range(2):
        issues.add_labels(gh, REPO, pull.number, ["press-play: parked", "a/b"])
    assert issues.labels(gh, REPO, pull.number) == ["press-play: parked", "a/b"]
    assert issues.remove_label(gh, REPO, pull.number, "a/b")
    assert not issues.remove_label(gh, REPO, pull.number, "a/b")
