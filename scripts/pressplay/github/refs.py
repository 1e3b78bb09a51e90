"""Branches, and commits made without a clone."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from pressplay.clock import parse_rfc3339
from pressplay.errors import TryAgain
from pressplay.github.calls import Client, GitHubRefused, call, find, pages, part
from pressplay.github.trees import Blob

_HEADS = "refs/heads/"


def head(gh: Client, repo: str, branch: str) -> str:
    """The commit at the head of a branch; InputError if there is no such branch."""
    return str(call(gh, "GET", f"/repos/{repo}/git/ref/heads/{part(branch)}")["object"]["sha"])


def find_head(gh: Client, repo: str, branch: str) -> str | None:
    """The commit at the head of a branch, or None if there is no such branch."""
    ref = find(gh, f"/repos/{repo}/git/ref/heads/{part(branch)}")
    return None if ref is None else str(ref["object"]["sha"])


def branches_with_prefix(gh: Client, repo: str, prefix: str) -> dict[str, str]:
    """All branches whose names begin with `prefix`, in order of their names, each with the commit at its head."""
    items = pages(gh, f"/repos/{repo}/git/matching-refs/heads/{part(prefix)}")
    return {item["ref"].removeprefix(_HEADS): str(item["object"]["sha"]) for item in items}


def tree(gh: Client, repo: str, sha: str) -> str:
    """The tree of a commit."""
    return str(call(gh, "GET", f"/repos/{repo}/git/commits/{sha}")["tree"]["sha"])


def parents(gh: Client, repo: str, sha: str) -> list[str]:
    """The parents of a commit, in order."""
    return [str(parent["sha"]) for parent in call(gh, "GET", f"/repos/{repo}/git/commits/{sha}")["parents"]]


def committed_at(gh: Client, repo: str, sha: str) -> float:
    """When a commit was made (unix), as its committer says."""
    return parse_rfc3339(call(gh, "GET", f"/repos/{repo}/git/commits/{sha}")["committer"]["date"])


def create_branch(gh: Client, repo: str, branch: str, sha: str) -> str:
    """Let a branch begin at a commit, unless it exists; the commit at its head either way."""
    there = find_head(gh, repo, branch)
    if there is not None:
        return there
    try:
        call(gh, "POST", f"/repos/{repo}/git/refs", json={"ref": f"{_HEADS}{branch}", "sha": sha})
    except GitHubRefused:
        # A concurrent call may have created it between our two requests; otherwise the refusal is real.
        there = find_head(gh, repo, branch)
        if there is None:
            raise
        return there
    return sha


def delete_branch(gh: Client, repo: str, branch: str) -> bool:
    """Delete a branch; False if there was none."""
    try:
        call(gh, "DELETE", f"/repos/{repo}/git/refs/heads/{part(branch)}")
    except GitHubRefused as error:
        if error.status in (404, 422) and find_head(gh, repo, branch) is None:
            return False
        raise
    return True


def commit_files(gh: Client, repo: str, branch: str, files: Mapping[str, bytes], message: str, base_sha: str) -> str:
    """Set `branch` to one commit on top of `base_sha` that has `files` (path → content); the commit's id.

    A second call leaves the commit as it is.
    """
    base = call(gh, "GET", f"/repos/{repo}/git/commits/{base_sha}")
    entries = [_entry(gh, repo, path, content) for path, content in sorted(files.items())]
    body = {"base_tree": base["tree"]["sha"], "tree": entries}
    tree = call(gh, "POST", f"/repos/{repo}/git/trees", json=body)["sha"]
    there = find_head(gh, repo, branch)
    if there is not None and _same(gh, repo, there, tree, base_sha, message):
        return there
    made = call(
        gh, "POST", f"/repos/{repo}/git/commits", json={"message": message, "tree": tree, "parents": [base_sha]}
    )
    sha = str(made["sha"])
    if there is None:
        try:
            call(gh, "POST", f"/repos/{repo}/git/refs", json={"ref": f"{_HEADS}{branch}", "sha": sha})
        except GitHubRefused:
            # A concurrent call may have created it between our two requests; otherwise the refusal is real.
            if find_head(gh, repo, branch) is None:
                raise
        else:
            return sha
    call(gh, "PATCH", f"/repos/{repo}/git/refs/heads/{part(branch)}", json={"sha": sha, "force": True})
    return sha


def commit_blobs(
    gh: Client, repo: str, branch: str, parent: str, changes: Mapping[str, Blob | None], message: str
) -> str:
    """Add to `branch`, whose head is `parent`, one commit that sets files to blobs of the repository, or removes them.

    The commit's id. TryAgain if the branch has moved meanwhile: nobody's commit is written over.
    """
    entries = [
        {"path": path, "mode": blob.mode if blob else "100644", "type": "blob", "sha": blob.sha if blob else None}
        for path, blob in sorted(changes.items())
    ]
    base = call(gh, "GET", f"/repos/{repo}/git/commits/{parent}")["tree"]["sha"]
    tree = call(gh, "POST", f"/repos/{repo}/git/trees", json={"base_tree": base, "tree": entries})["sha"]
    body = {"message": message, "tree": tree, "parents": [parent]}
    sha = str(call(gh, "POST", f"/repos/{repo}/git/commits", json=body)["sha"])
    try:
        call(gh, "PATCH", f"/repos/{repo}/git/refs/heads/{part(branch)}", json={"sha": sha, "force": False})
    except GitHubRefused as error:
        if find_head(gh, repo, branch) not in (None, parent):
            raise TryAgain(f"{repo}: the branch has moved from {parent}") from error
        raise
    return sha


def _same(gh: Client, repo: str, sha: str, tree: str, parent: str, message: str) -> bool:
    commit = call(gh, "GET", f"/repos/{repo}/git/commits/{sha}")
    parents = [item["sha"] for item in commit["parents"]]
    return commit["tree"]["sha"] == tree and parents == [parent] and commit["message"].rstrip() == message.rstrip()


def _entry(gh: Client, repo: str, path: str, content: bytes) -> dict[str, Any]:
    entry = {"path": path, "mode": "100644", "type": "blob"}
    try:
        return {**entry, "content": content.decode()}
    except UnicodeDecodeError:
        body = {"content": base64.b64encode(content).decode(), "encoding": "base64"}
        return {**entry, "sha": call(gh, "POST", f"/repos/{repo}/git/blobs", json=body)["sha"]}
