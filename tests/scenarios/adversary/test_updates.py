"""Attacks by a commit that claims to bring an approved head up to date (R5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from base_moves import Approved, approved
from harness import REPO, git
from team import PR

from pressplay.github import pulls, refs

pytestmark = pytest.mark.rule("R5")
ROUND = ["lint", "test"]
SIGNED = ("-c", "user.name=rex", "-c", "user.email=rex@example.com")


def claimed(waiting: Approved, second: str, files: dict[str, bytes]) -> str:
    """Rex pushes what looks like the update of the head by `second`, with `files` on top of what git merges."""
    repository = waiting.made.sandbox.forge.git_path(REPO)
    gh = waiting.made.sandbox.github.installation("rex", REPO, {"contents": "write", "pull_requests": "read"})
    pull = pulls.pull(gh, REPO, PR)
    tree = git(repository, "merge-tree", "--write-tree", pull.head_sha, second)
    both = ("-p", pull.head_sha, "-p", second, "-m", f"Merge branch 'main' into {pull.head_ref}")
    if files:
        on = git(repository, *SIGNED, "commit-tree", tree, *both)
        git(repository, "update-ref", "refs/heads/prepared", on)
        waiting.made.sandbox.forge.sync(REPO, "rex[bot]")
        prepared = refs.commit_files(gh, REPO, "prepared", files, "More", on)
        tree = git(repository, "rev-parse", f"{prepared}^{{tree}}")
    made = git(repository, *SIGNED, "commit-tree", tree, *both)
    git(repository, "update-ref", f"refs/heads/{pull.head_ref}", made)
    waiting.made.sandbox.forge.sync(REPO, "rex[bot]")
    return made


def on_a_branch(waiting: Approved, files: dict[str, bytes]) -> str:
    """A commit of a branch that is not the base."""
    gh = waiting.made.sandbox.github.installation("rex", REPO, {"contents": "write"})
    return refs.commit_files(gh, REPO, "elsewhere", files, "Elsewhere", refs.head(gh, REPO, "main"))


def waits(tmp_path: Path) -> Approved:
    return approved(tmp_path, strategy="strict")


def test_an_update_that_holds_another_change_is_reviewed_like_any_head(tmp_path):
    waiting = waits(tmp_path)
    head = claimed(waiting, waiting.base({"other.txt": b"theirs\n"}), {"backdoor.txt": b"open\n"})
    waiting.rest()
    assert waiting.flow.roles()[3:5] == ROUND
    assert waiting.flow.check("test-only", head)["output"]["title"] != "Carried over"


def test_an_update_by_another_branch_than_the_base_is_reviewed_like_any_head(tmp_path):
    waiting = waits(tmp_path)
    head = claimed(waiting, on_a_branch(waiting, {"backdoor.txt": b"open\n"}), {})
    waiting.rest()
    assert waiting.flow.roles()[3:5] == ROUND
    assert waiting.flow.check("test-only", head)["output"]["title"] != "Carried over"


def test_an_update_by_the_base_alone_needs_no_review(tmp_path):
    waiting = waits(tmp_path)
    head = claimed(waiting, waiting.base({"other.txt": b"theirs\n"}), {})
    waiting.rest()
    assert waiting.flow.roles() == ["implement", *ROUND]
    assert waiting.flow.check("acceptance", head)["conclusion"] == "success"
