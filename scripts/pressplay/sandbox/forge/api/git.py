"""The git database: refs, blobs, trees, commits."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import pygit2
from pygit2.enums import FileMode

from pressplay.clock import parse_rfc3339
from pressplay.sandbox.forge import events, gitdata, rules, shapes
from pressplay.sandbox.forge.api.repos import BLOB_LIMIT, signature_of
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON

TREE_LIMIT = 100_000
_MODES = {mode: int(mode, 8) for mode in ("100644", "100755", "120000", "040000", "160000")}


@route("GET", "/repos/<owner>/<name>/git/ref/<path:ref>", contents="read")
def get_ref(call: ApiCall) -> JSON:
    """One branch (`heads/…`) or tag (`tags/…`)."""
    name = f"refs/{call.args['ref']}"
    sha = gitdata.ref(call.s.git(call.repo), name) if gitdata.valid_ref(name) else None
    if sha is None:
        raise ApiError(404, "Not Found")
    return shapes.git_ref(call.s, call.repo, name, sha)


@route("GET", "/repos/<owner>/<name>/git/matching-refs/<path:ref>", contents="read")
def matching_refs(call: ApiCall) -> list[JSON]:
    """The refs whose name begins so."""
    prefix = f"refs/{call.args['ref']}"
    rows = call.s.all(
        "SELECT name, sha FROM forge_refs WHERE repo_id = ? AND substr(name, 1, ?) = ? ORDER BY name",
        call.repo["id"],
        len(prefix),
        prefix,
    )
    return [shapes.git_ref(call.s, call.repo, row["name"], row["sha"]) for row in call.page(rows)]


def _commit_for_ref(call: ApiCall) -> str:
    sha = call.need("sha", str)
    git = call.s.git(call.repo)
    if not gitdata.is_sha(sha) or sha not in git:
        raise ApiError(422, "Object does not exist")
    return sha


def _allowed(call: ApiCall, name: str, old: str | None, new: str | None) -> bool:
    """Refuse by the rules; whether the change must be a fast-forward."""
    if not name.startswith("refs/heads/"):
        return False
    refused, fast_forward = rules.refuses_update(call.s, call.repo, name[11:], old, new, call.s.actor)
    if refused:
        raise ApiError(422, f"Repository rule violations found\n\n{refused}")
    return fast_forward


@route("POST", "/repos/<owner>/<name>/git/refs", contents="write")
def create_ref(call: ApiCall) -> ApiAnswer:
    """Create a branch or tag."""
    name, sha = call.need("ref", str), _commit_for_ref(call)
    if not gitdata.valid_ref(name):
        raise ApiError(422, f"{name} is not a valid ref name.")
    git = call.s.git(call.repo)
    if gitdata.ref(git, name) is not None:
        raise ApiError(422, "Reference already exists")
    _allowed(call, name, None, sha)
    try:
        events.move_ref(call.s, call.repo, name, sha)
    except (pygit2.GitError, ValueError):
        # A folder of refs has the ref's name, or the other way round.
        raise ApiError(422, "Reference cannot be created: it conflicts with an existing one") from None
    return ApiAnswer(201, shapes.git_ref(call.s, call.repo, name, sha))


@route("PATCH", "/repos/<owner>/<name>/git/refs/<path:ref>", contents="write")
def update_ref(call: ApiCall) -> JSON:
    """Move a branch or tag; with `force` also backwards or sideways."""
    name, sha = f"refs/{call.args['ref']}", _commit_for_ref(call)
    git = call.s.git(call.repo)
    old = gitdata.ref(git, name) if gitdata.valid_ref(name) else None
    if old is None:
        raise ApiError(422, "Reference does not exist")
    strict = _allowed(call, name, old, sha)
    if (strict or not call.get("force", bool, False)) and not gitdata.is_ancestor(git, old, sha):
        raise ApiError(422, "Update is not a fast forward")
    events.move_ref(call.s, call.repo, name, sha)
    return shapes.git_ref(call.s, call.repo, name, sha)


@route("DELETE", "/repos/<owner>/<name>/git/refs/<path:ref>", contents="write")
def delete_ref(call: ApiCall) -> ApiAnswer:
    """Delete a branch or tag."""
    name = f"refs/{call.args['ref']}"
    old = gitdata.ref(call.s.git(call.repo), name) if gitdata.valid_ref(name) else None
    if old is None:
        raise ApiError(422, "Reference does not exist")
    _allowed(call, name, old, None)
    if name == f"refs/heads/{call.repo['default_branch']}":
        raise ApiError(422, "Cannot delete the default branch")
    events.move_ref(call.s, call.repo, name, None)
    return ApiAnswer(204)


@route("POST", "/repos/<owner>/<name>/git/blobs", contents="write")
def create_blob(call: ApiCall) -> ApiAnswer:
    """Store a blob, of UTF-8 text or base64."""
    content = call.need("content", str)
    if call.get("encoding", str, "utf-8") == "base64":
        try:
            data = base64.b64decode(content)
        except (binascii.Error, ValueError):
            raise ApiError(422, "content is not valid Base64") from None
    else:
        data = content.encode()
    sha = str(call.s.git(call.repo).create_blob(data))
    return ApiAnswer(201, {"sha": sha, "url": f"{shapes.repo_url(call.s, call.repo)}/git/blobs/{sha}"})


@route("GET", "/repos/<owner>/<name>/git/blobs/<sha>", contents="read")
def get_blob(call: ApiCall) -> Any:
    """A blob of up to 100 MB, base64 or raw."""
    blob = gitdata.blob(call.s.git(call.repo), call.args["sha"])
    if blob.size > BLOB_LIMIT:
        raise ApiError(403, "This API returns blobs up to 100 MB in size.")
    if "raw" in call.accept:
        return ApiAnswer(200, blob.data, {"Content-Type": "application/vnd.github.raw; charset=utf-8"})
    return {
        "sha": str(blob.id),
        "node_id": shapes.node_id("Blob", str(blob.id)),
        "size": blob.size,
        "url": f"{shapes.repo_url(call.s, call.repo)}/git/blobs/{blob.id}",
        "content": base64.encodebytes(blob.data).decode(),
        "encoding": "base64",
    }


@route("POST", "/repos/<owner>/<name>/git/trees", contents="write")
def create_tree(call: ApiCall) -> ApiAnswer:
    """Make a tree of another one and entries, whose content may come along."""
    git = call.s.git(call.repo)
    base_sha = call.get("base_tree", str, "")
    base = gitdata.tree(git, base_sha) if base_sha else None
    edits: gitdata.Edits = {}
    for item in call.need("tree", list):
        path, value = _edit(git, item)
        edits[path] = value
    sha = gitdata.edit_tree(git, base, edits)
    return ApiAnswer(201, _tree(call, git[sha].peel(pygit2.Tree), recursive=False))


def _edit(git: pygit2.Repository, item: Any) -> tuple[str, tuple[str, int] | None]:
    path = item.get("path") if isinstance(item, dict) else None
    if not isinstance(path, str) or not path:
        raise ApiError(422, "tree.path must be given for each entry")
    parts = path.split("/")
    if "" in parts or any(part in (".", "..") or part.lower() == ".git" for part in parts) or "\0" in path:
        raise ApiError(422, "tree.path contains a malformed path component")
    mode = _MODES.get(str(item.get("mode", "100644")))
    if mode is None:
        raise ApiError(422, "tree.mode must be one of 100644, 100755, 040000, 160000, 120000")
    if isinstance(item.get("content"), str):
        return path, (str(git.create_blob(item["content"].encode())), mode)
    if "sha" not in item:
        raise ApiError(422, "Must supply either tree.sha or tree.content")
    sha = item["sha"]
    if sha is None:
        return path, None
    if not isinstance(sha, str) or not gitdata.is_sha(sha) or (mode != FileMode.COMMIT and sha not in git):
        raise ApiError(422, "tree.sha is not a valid object")
    return path, (sha, mode)


def _tree(call: ApiCall, tree: pygit2.Tree, *, recursive: bool) -> JSON:
    url = shapes.repo_url(call.s, call.repo)
    entries = []
    for path, item in gitdata.walk(tree, recursive=recursive):
        kind = gitdata.kind(item)
        shown: JSON = {
            "path": path,
            "mode": f"{int(item.filemode or 0):06o}",
            "type": kind,
            "sha": str(item.id),
            "url": f"{url}/git/{kind}s/{item.id}",
        }
        if isinstance(item, pygit2.Blob):
            shown["size"] = item.size
        entries.append(shown)
    return {
        "sha": str(tree.id),
        "url": f"{url}/git/trees/{tree.id}",
        "tree": entries[:TREE_LIMIT],
        "truncated": len(entries) > TREE_LIMIT,
    }


@route("GET", "/repos/<owner>/<name>/git/trees/<path:sha>", contents="read")
def get_tree(call: ApiCall) -> JSON:
    """A tree by its id, a commit's or a branch's."""
    git, sha = call.s.git(call.repo), call.args["sha"]
    tree = (
        gitdata.tree(git, sha) if gitdata.is_sha(sha) else gitdata.resolve(git, sha, call.repo["default_branch"]).tree
    )
    return _tree(call, tree, recursive=bool(call.query.get("recursive")))


@route("POST", "/repos/<owner>/<name>/git/commits", contents="write")
def create_commit(call: ApiCall) -> ApiAnswer:
    """Make a commit; it is on no branch yet."""
    git = call.s.git(call.repo)
    tree = gitdata.tree(git, call.need("tree", str))
    parents = [str(gitdata.commit(git, str(parent)).id) for parent in call.get("parents", list, [])]
    author = _person(call, "author") or signature_of(call, call.s.acting_user())
    committer = _person(call, "committer") or author
    sha = git.create_commit(None, author, committer, call.need("message", str), tree.id, parents)
    return ApiAnswer(201, shapes.git_commit(call.s, call.repo, gitdata.commit(git, str(sha))))


def _person(call: ApiCall, name: str) -> pygit2.Signature | None:
    given = call.get(name, dict, {})
    if not given:
        return None
    try:
        seconds = parse_rfc3339(given["date"]) if given.get("date") else call.s.now
        return gitdata.signature(given["name"], given["email"], seconds)
    except (KeyError, ValueError, TypeError):
        raise ApiError(422, f"{name} must have a name, an email and, if any, a date in ISO 8601") from None


@route("GET", "/repos/<owner>/<name>/git/commits/<sha>", contents="read")
def get_commit(call: ApiCall) -> JSON:
    """A commit by its id."""
    return shapes.git_commit(call.s, call.repo, gitdata.commit(call.s.git(call.repo), call.args["sha"]))
