"""git over HTTP: real git clones and pushes, tokens and rules hold there too, and a kill in between is repaired."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from git_client import Git
from github_world import AGENT, REPO, make_world

from pressplay.github import pulls, refs, reviews


@pytest.fixture
def served(github_world):
    server = github_world.forge.serve()
    yield github_world, server.url
    server.close()


def rex(world, url, **permissions):
    return Git(url, world.access.token("rex", REPO, permissions or AGENT))


def test_git_clones_pushes_and_opens_a_pull_request(served, tmp_path):
    world, url = served
    git = rex(world, url)
    tree = git.clone(tmp_path / "clone")
    assert (tree / "src" / "app.py").read_text() == "print('shop')\n"
    sha = git.commit(tree, "new.txt", "new")
    git(tree, "push", "--quiet", "origin", "HEAD:refs/heads/feature/task-1-implementation")
    gh = world.client("rex")
    assert refs.head(gh, REPO, "feature/task-1-implementation") == sha
    pull = pulls.open_pull(gh, REPO, "feature/task-1-implementation", "main", "Work", "")
    again = git.commit(tree, "more.txt", "more")
    git(tree, "push", "--quiet", "origin", "HEAD:refs/heads/feature/task-1-implementation")
    assert pulls.pull(gh, REPO, pull.number).head_sha == again
    last = world.forge.events()[-1]
    assert (last.name, last.payload["action"], last.payload["before"], last.payload["after"]) == (
        "pull_request",
        "synchronize",
        sha,
        again,
    )
    assert last.payload["sender"]["login"] == "rex[bot]"
    git(tree, "fetch", "--quiet", "origin", f"refs/pull/{pull.number}/head")
    assert git(tree, "rev-parse", "FETCH_HEAD").stdout.strip() == again


def test_a_large_push_and_clone_come_through_whole(served, tmp_path):
    world, url = served
    git = rex(world, url)
    tree = git.clone(tmp_path / "clone")
    content = "".join(f"{number * 2654435761 % 2**64:x}\n" for number in range(150_000))
    git.commit(tree, "large.txt", content)
    git(tree, "push", "--quiet", "origin", "HEAD:refs/heads/large")
    copy = git.clone(tmp_path / "copy")
    git(copy, "checkout", "--quiet", "large")
    assert (copy / "large.txt").read_text() == content


@pytest.mark.rule("R9")
@pytest.mark.parametrize("case", ["none", "wrong", "expired"])
def test_git_without_a_good_token_is_turned_away(served, tmp_path, case):
    world, url = served
    git = rex(world, url)
    if case == "expired":
        world.clock.sleep(3601)
    elif case == "wrong":
        git = Git(url, "ghs_wrong")
    else:
        git.environment = {k: v for k, v in git.environment.items() if not k.startswith("GIT_CONFIG_")}
    assert git(tmp_path, "clone", git.url, str(tmp_path / "c"), check=False).returncode != 0


@pytest.mark.rule("R9")
def test_reading_does_not_let_push(served, tmp_path):
    world, url = served
    git = rex(world, url, contents="read")
    tree = git.clone(tmp_path / "clone")
    git.commit(tree, "new.txt", "new")
    assert "403" in git(tree, "push", "origin", "HEAD:refs/heads/x", check=False).stderr
    assert refs.find_head(world.client("rex"), REPO, "x") is None


@pytest.mark.rule("R5")
def test_a_push_to_a_protected_branch_is_refused_and_to_others_let_through(served, tmp_path):
    world, url = served
    world.protect()
    git = rex(world, url)
    tree = git.clone(tmp_path / "clone")
    before = refs.head(world.client("rex"), REPO, "main")
    sha = git.commit(tree, "new.txt", "new")
    pushed = git(tree, "push", "origin", "HEAD:refs/heads/main", "HEAD:refs/heads/side", check=False)
    assert pushed.returncode != 0
    assert "GH013: Repository rule violations found for refs/heads/main" in pushed.stderr
    assert refs.head(world.client("rex"), REPO, "main") == before
    assert refs.head(world.client("rex"), REPO, "side") == sha
    assert git(tree, "push", "origin", ":refs/heads/main", check=False).returncode != 0
    assert git(tree, "push", "origin", "HEAD:refs/pull/1/head", check=False).returncode != 0


def test_history_is_not_rewritten_where_a_rule_forbids_it(served, tmp_path):
    world, url = served
    world.forge.create_ruleset(REPO, name="r", rules=[{"type": "non_fast_forward"}], include=["refs/heads/keep/*"])
    git = rex(world, url)
    tree = git.clone(tmp_path / "clone")
    first = git.commit(tree, "a", "a")
    git(tree, "push", "--quiet", "origin", "HEAD:refs/heads/keep/x", "HEAD:refs/heads/free")
    git(tree, "commit", "--quiet", "--amend", "-m", "Other")
    refused = git(tree, "push", "--force", "origin", "HEAD:refs/heads/keep/x", check=False)
    assert "Cannot force-push" in refused.stderr
    assert refs.head(world.client("rex"), REPO, "keep/x") == first
    git(tree, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/free")
    assert refs.head(world.client("rex"), REPO, "free") != first


def test_a_push_by_git_voids_approvals(served, tmp_path):
    world, url = served
    world.protect()
    git = rex(world, url)
    tree = git.clone(tmp_path / "clone")
    sha = git.commit(tree, "a", "a")
    git(tree, "push", "--quiet", "origin", "HEAD:refs/heads/f")
    pull = pulls.open_pull(world.client("rex"), REPO, "f", "main", "t", "")
    reviews.post_review(world.client("qa"), REPO, pull.number, sha, "APPROVE", "ok")
    git.commit(tree, "b", "b")
    git(tree, "push", "--quiet", "origin", "HEAD:refs/heads/f")
    assert [review.state for review in reviews.reviews(world.client("qa"), REPO, pull.number)] == ["DISMISSED"]


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from github_world import REPO, make_world
from pressplay.github import refs
from pressplay.sandbox.forge import events

world = make_world(Path(sys.argv[1]))
pull = world.pull()
# The process dies between git's change of the ref and the record of it.
events.ref_changed = lambda *args: os._exit(9)
world.branch(pull.head_ref, {"more.txt": b"more"}, base=pull.head_sha)
"""


@pytest.mark.rule("R3")
def test_a_kill_between_the_refs_change_and_its_record_is_repaired(tmp_path):
    helpers = os.path.dirname(sys.modules["github_world"].__file__)  # noqa: PTH120
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), helpers], check=False, capture_output=True)
    assert done.returncode == 9, done.stderr.decode()
    world = make_world(tmp_path)
    after = [(event.name, event.payload.get("action")) for event in world.forge.events()]
    assert after[-2:] == [("push", None), ("pull_request", "synchronize")]
    pull = pulls.pull(world.client("rex"), REPO, 1)
    assert pull.head_sha == refs.head(world.client("rex"), REPO, pull.head_ref)
    assert pull.head_sha == world.forge.events()[-1].payload["after"]
    again = make_world(tmp_path)
    assert len(again.forge.events()) == len(world.forge.events()), "repaired once"
    world.forge.close()
    again.forge.close()


@pytest.mark.rule("R3")
def test_a_request_that_fails_after_the_refs_change_is_repaired_by_the_next(github_world, monkeypatch):
    pull = github_world.pull()
    forge = github_world.forge

    def die():
        raise KeyboardInterrupt

    from pressplay.sandbox.forge import events

    kept = events.ref_changed
    monkeypatch.setattr(events, "ref_changed", lambda *args: die())
    with pytest.raises(KeyboardInterrupt):
        github_world.branch(pull.head_ref, {"more.txt": b"more"}, base=pull.head_sha)
    monkeypatch.setattr(events, "ref_changed", kept)
    now = pulls.pull(github_world.client("rex"), REPO, pull.number)
    assert now.head_sha != pull.head_sha
    assert forge.events()[-1].payload["action"] == "synchronize"


@pytest.mark.rule("R3")
def test_the_hook_runs_after_each_commit_and_only_then(github_world):
    commits, person = [], github_world.person()
    github_world.forge.on_commit = lambda: commits.append(len(github_world.forge.events()))
    person.get("/pulls")
    assert commits == []
    person.post("/issues", json={"title": "t"})
    assert commits == [1]


def test_many_threads_at_once_lose_nothing(served, tmp_path):
    world, url = served
    git = rex(world, url)
    failed = []

    def work(number):
        try:
            tree = git.clone(tmp_path / f"clone-{number}")
            git.commit(tree, f"{number}.txt", str(number))
            git(tree, "push", "--quiet", "origin", f"HEAD:refs/heads/t/{number}")
            pulls.open_pull(world.client("rex"), REPO, f"t/{number}", "main", f"{number}", "")
        except BaseException as error:
            failed.append(error)
        finally:
            world.forge.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len({pull.head_ref for pull in pulls.all_pulls(world.client("rex"), REPO, "open")}) == 4
    assert sorted(pull.number for pull in pulls.all_pulls(world.client("rex"), REPO)) == [1, 2, 3, 4]
