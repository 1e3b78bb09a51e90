"""Repositories: branches, contents, commits, comparisons."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any
from urllib.parse import quote

import pygit2
from pygit2.enums import SortMode

from pressplay.sandbox.forge import events, gitdata, rules, shapes
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import ApiAnswer, ApiCall, route
from pressplay.sandbox.forge.store import JSON, Row

INLINE_LIMIT = 1024 * 1024
BLOB_LIMIT = 100 * 1024 * 1024


@route("GET", "/repos/<owner>/<name>", metadata="read")
def get_repo(call: ApiCall) -> JSON:
    """The repository."""
    return shapes.repository(call.s, call.repo)


_SETTINGS = ("allow_auto_merge", "archived", "has_issues")
"""What of a repository can be changed here."""


@route("PATCH", "/repos/<owner>/<name>", archived=True, administration="write")
def update_repo(call: ApiCall) -> JSON:
    """Change a repository's settings; what is not given stays. 422 for what this forge does not know."""
    unknown = sorted(call.fields.keys() - set(_SETTINGS))
    if unknown:
        raise ApiError(422, f"Invalid request.\n\nThis forge changes {', '.join(_SETTINGS)}, not {unknown[0]}")
    fields = {**shapes.repo_settings(call.s, call.repo), **{name: call.need(name, bool) for name in call.fields}}
    call.s.run(
        "INSERT INTO forge_repo_settings VALUES (?1, ?2) ON CONFLICT (repo_id) DO UPDATE SET fields = ?2",
        call.repo["id"],
        json.dumps(fields),
    )
    call.s.forget("repo-json", call.repo["id"])
    return shapes.repository(call.s, call.repo)


_ACTIVITIES = ("push", "force_push", "branch_creation", "branch_deletion", "pr_merge", "merge_queue_merge")


@route("GET", "/repos/<owner>/<name>/activity", contents="read")
def list_activities(call: ApiCall) -> list[JSON]:
    """Who moved which branch, the newest first, by cursor."""
    wanted = {"type": call.query.get("activity_type"), "login": call.query.get("actor"), "ref": call.query.get("ref")}
    if wanted["type"] not in (None, *_ACTIVITIES):
        raise ApiError(422, "Invalid request.\n\nThe activity_type is not valid")
    if wanted["ref"] and not wanted["ref"].startswith("refs/"):
        wanted["ref"] = f"refs/heads/{wanted['ref']}"
    # A cursor may name a row of any branch; without one, those of the branch are all that matters.
    only = None if {"after", "before"} & call.query.keys() else wanted["ref"]
    everything = call.s.all(
        "SELECT a.*, u.login FROM forge_activities a JOIN forge_users u ON u.id = a.user_id"
        " WHERE a.repo_id = ?1 AND (?2 IS NULL OR a.ref = ?2) ORDER BY a.id DESC",
        call.repo["id"],
        only,
    )
    if call.query.get("direction") == "asc":
        everything.reverse()
    rows = [row for row in everything if all(value in (None, row[key]) for key, value in wanted.items())]
    return [
        {
            "id": row["id"],
            "node_id": shapes.node_id("PSH", row["id"]),
            "before": row["before"],
            "after": row["after"],
            "ref": row["ref"],
            "timestamp": shapes.when(row["time"]),
            "activity_type": row["type"],
            "actor": shapes.user(call.s, call.s.user(row["user_id"])),
        }
        for row in call.cursor(rows, everything)
    ]


def _protected(call: ApiCall, branch: str) -> bool:
    return bool(rules.on_branch(call.s, call.repo, branch))


@route("GET", "/repos/<owner>/<name>/branches", contents="read")
def list_branches(call: ApiCall) -> list[JSON]:
    """All branches by name."""
    rows = call.s.all(
        "SELECT name, sha FROM forge_refs WHERE repo_id = ? AND name LIKE 'refs/heads/%' ORDER BY name", call.repo["id"]
    )
    url = shapes.repo_url(call.s, call.repo)
    return [
        {
            "name": row["name"][11:],
            "commit": {"sha": row["sha"], "url": f"{url}/commits/{row['sha']}"},
            "protected": _protected(call, row["name"][11:]),
        }
        for row in call.page(rows)
    ]


@route("GET", "/repos/<owner>/<name>/branches/<path:branch>", contents="read")
def get_branch(call: ApiCall) -> JSON:
    """One branch with its head commit."""
    name = call.args["branch"]
    row = call.s.one("SELECT sha FROM forge_refs WHERE repo_id = ? AND name = ?", call.repo["id"], f"refs/heads/{name}")
    if row is None:
        raise ApiError(404, "Branch not found")
    url = f"{shapes.repo_url(call.s, call.repo)}/branches/{quote(name)}"
    return {
        "name": name,
        "commit": shapes.commit(call.s, call.repo, gitdata.commit(call.s.git(call.repo), row["sha"])),
        "_links": {"self": url, "html": f"{shapes.repo_page(call.s, call.repo)}/tree/{quote(name)}"},
        "protected": _protected(call, name),
        "protection": {"enabled": False, "required_status_checks": {"contexts": [], "checks": []}},
        "protection_url": f"{url}/protection",
    }


def _content(call: ApiCall, path: str, item: pygit2.Object, ref: str, *, inline: bool) -> JSON:
    url, page = shapes.repo_url(call.s, call.repo), shapes.repo_page(call.s, call.repo)
    kind = {"tree": "dir", "blob": "file", "commit": "submodule"}[gitdata.kind(item)]
    own = f"{url}/contents/{quote(path)}?ref={quote(ref)}"
    git_url = f"{url}/git/{'trees' if kind == 'dir' else 'blobs'}/{item.id}"
    html = f"{page}/{'tree' if kind == 'dir' else 'blob'}/{quote(ref)}/{quote(path)}"
    answer: JSON = {
        "type": kind,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": str(item.id),
        "size": item.size if isinstance(item, pygit2.Blob) else 0,
        "url": own,
        "git_url": git_url,
        "html_url": html,
        "download_url": f"{page}/raw/{quote(ref)}/{quote(path)}" if kind == "file" else None,
        "_links": {"self": own, "git": git_url, "html": html},
    }
    if inline and isinstance(item, pygit2.Blob):
        small = item.size <= INLINE_LIMIT
        answer["encoding"] = "base64" if small else "none"
        answer["content"] = base64.encodebytes(item.data).decode() if small else ""
    return answer


@route("GET", "/repos/<owner>/<name>/contents", contents="read")
@route("GET", "/repos/<owner>/<name>/contents/<path:path>", contents="read")
def get_content(call: ApiCall) -> Any:
    """A file, its bytes where the raw media type is accepted, or a folder's entries."""
    path = str(call.args.get("path", "")).strip("/")
    ref = call.query.get("ref", "")
    commit = gitdata.resolve(call.s.git(call.repo), ref, call.repo["default_branch"])
    item = gitdata.entry(commit.tree, path)
    if item is None:
        raise ApiError(404, "Not Found")
    shown = ref or call.repo["default_branch"]
    if isinstance(item, pygit2.Tree):
        prefix = f"{path}/" if path else ""
        return [
            _content(call, f"{prefix}{name}", inner, shown, inline=False)
            for name, inner in gitdata.walk(item, recursive=False)
        ]
    if isinstance(item, pygit2.Blob) and "raw" in call.accept:
        if item.size > BLOB_LIMIT:
            raise ApiError(403, "This API returns blobs up to 100 MB in size.")
        return ApiAnswer(200, item.data, {"Content-Type": "application/vnd.github.raw; charset=utf-8"})
    return _content(call, path, item, shown, inline=True)


@route("PUT", "/repos/<owner>/<name>/contents/<path:path>", contents="write")
def put_content(call: ApiCall) -> ApiAnswer:
    """Create or replace a file by a commit on a branch."""
    return _change_file(call, _decoded(call.need("content", str)))


@route("DELETE", "/repos/<owner>/<name>/contents/<path:path>", contents="write")
def delete_content(call: ApiCall) -> ApiAnswer:
    """Remove a file by a commit on a branch."""
    call.need("sha", str)
    return _change_file(call, None)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        raise ApiError(422, "content is not valid Base64") from None


def _change_file(call: ApiCall, content: bytes | None) -> ApiAnswer:
    git = call.s.git(call.repo)
    path, branch = call.args["path"], call.get("branch", str, call.repo["default_branch"])
    tip = gitdata.ref(git, f"refs/heads/{branch}")
    if tip is None:
        raise ApiError(404, f"Branch {branch} not found")
    base = gitdata.commit(git, tip)
    old = gitdata.entry(base.tree, path)
    if old is not None and call.get("sha", str, "") != str(old.id):
        raise (
            ApiError(409, f"{path} does not match {call.get('sha', str, '')}")
            if call.get("sha", str, "")
            else ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        )
    if old is None and content is None:
        raise ApiError(404, "Not Found")
    refused, _ = rules.refuses_update(call.s, call.repo, branch, tip, tip, call.s.actor)
    if refused:
        raise ApiError(409, f"Repository rule violations found\n\n{refused}")
    edits: gitdata.Edits = {path: None if content is None else (str(git.create_blob(content)), 0o100644)}
    tree = gitdata.edit_tree(git, base.tree, edits)
    who = signature_of(call, call.s.acting_user())
    made = str(git.create_commit(None, who, who, call.need("message", str), tree, [tip]))
    events.move_ref(call.s, call.repo, f"refs/heads/{branch}", made)
    commit = gitdata.commit(git, made)
    item = gitdata.entry(commit.tree, path)
    return ApiAnswer(
        201 if old is None else 200,
        {
            "content": None if item is None else _content(call, path, item, branch, inline=False),
            "commit": shapes.git_commit(call.s, call.repo, commit),
        },
    )


def signature_of(call: ApiCall, user: Row) -> pygit2.Signature:
    """A user as a commit's author, now."""
    return gitdata.signature(user["login"], shapes.email(user), call.s.now)


@route("GET", "/repos/<owner>/<name>/commits", contents="read")
def list_commits(call: ApiCall) -> list[JSON]:
    """The history of a branch or commit, newest first, or only what touched a path."""
    git = call.s.git(call.repo)
    tip = gitdata.resolve(git, call.query.get("sha", ""), call.repo["default_branch"])
    commits = list(git.walk(tip.id, SortMode.TIME | SortMode.TOPOLOGICAL))
    path = call.query.get("path", "").strip("/")
    if path:
        commits = [commit for commit in commits if _touches(commit, path)]
    return [shapes.commit(call.s, call.repo, commit) for commit in call.page(commits)]


def _touches(touching: pygit2.Commit, path: str) -> bool:
    def at(commit: pygit2.Commit) -> object:
        item = gitdata.entry(commit.tree, path)
        return item.id if item is not None else None

    return all(at(parent) != at(touching) for parent in touching.parents) and (
        bool(touching.parents) or at(touching) is not None
    )


@route("GET", "/repos/<owner>/<name>/commits/<path:ref>", contents="read")
def get_commit(call: ApiCall) -> JSON:
    """One commit with its files."""
    commit = gitdata.resolve(call.s.git(call.repo), call.args["ref"], call.repo["default_branch"])
    return shapes.commit(call.s, call.repo, commit, files=True)


@route("GET", "/repos/<owner>/<name>/commits/<sha>/pulls", contents="read", pull_requests="read")
def pulls_of_commit(call: ApiCall) -> list[JSON]:
    """The pull requests whose head a commit is, or which it merged."""
    rows = call.s.all(
        f"{shapes.PULL} WHERE i.repo_id = ? AND (p.head_sha = ? OR p.merge_commit_sha = ?) ORDER BY i.number",
        call.repo["id"],
        call.args["sha"],
        call.args["sha"],
    )
    return [shapes.pull(call.s, call.repo, row) for row in call.page(rows)]


@route("GET", "/repos/<owner>/<name>/compare/<path:basehead>", contents="read")
def compare(call: ApiCall) -> JSON:
    """Two commits, by `base...head`."""
    base_name, dots, head_name = call.args["basehead"].partition("...")
    if not dots:
        raise ApiError(404, "Not Found")
    git = call.s.git(call.repo)
    base = gitdata.resolve(git, base_name.rpartition(":")[2], call.repo["default_branch"])
    head = gitdata.resolve(git, head_name.rpartition(":")[2], call.repo["default_branch"])
    common = gitdata.merge_base(git, str(base.id), str(head.id))
    if common is None:
        raise ApiError(404, f"No common ancestor between {base_name} and {head_name}.")
    ahead, behind = gitdata.ahead_behind(git, str(head.id), str(base.id))
    page = f"{shapes.repo_page(call.s, call.repo)}/compare/{quote(call.args['basehead'])}"
    between = gitdata.commits_between(git, str(base.id), str(head.id))
    return {
        "url": f"{shapes.repo_url(call.s, call.repo)}/compare/{quote(call.args['basehead'])}",
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": shapes.commit(call.s, call.repo, base),
        "merge_base_commit": shapes.commit(call.s, call.repo, gitdata.commit(git, common)),
        "status": "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical",
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [shapes.commit(call.s, call.repo, commit) for commit in call.page(between)],
        "files": [
            shapes.diff_entry(call.s, call.repo, change, str(head.id))
            for change in gitdata.difference(git, common, str(head.id))
        ],
    }
