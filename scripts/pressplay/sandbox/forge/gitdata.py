"""Trees, commits, merges and differences of a bare repository, by libgit2."""

from __future__ import annotations

import contextlib
import functools
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import DeltaStatus, DiffOption, FileMode, ObjectType, SortMode

from pressplay.errors import InputError
from pressplay.sandbox.forge.errors import ApiError

ZERO = "0" * 40
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_SHA = re.compile(r"[0-9a-f]{40}")
_STATUS = {DeltaStatus.ADDED: "added", DeltaStatus.DELETED: "removed", DeltaStatus.RENAMED: "renamed"}


@dataclass(frozen=True)
class FileChange:
    """One file of a difference."""

    path: str
    previous: str | None
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str


def is_sha(text: str) -> bool:
    """Whether `text` is a full object id."""
    return _SHA.fullmatch(text) is not None


def valid_ref(name: str) -> bool:
    """Whether git takes this as the full name of a branch or tag."""
    return name.startswith(("refs/heads/", "refs/tags/")) and pygit2.reference_is_valid_name(name)


def refs(git: pygit2.Repository) -> dict[str, str]:
    """All branches and tags with the object that each names."""
    return {
        ref.name: str(ref.target)
        for ref in git.references.iterator()
        if ref.name.startswith(("refs/heads/", "refs/tags/"))
    }


def ref(git: pygit2.Repository, name: str) -> str | None:
    """The id that a ref points to, or None."""
    try:
        reference = git.lookup_reference(name)
    except (KeyError, ValueError):
        return None
    return str(reference.target)


def commit(git: pygit2.Repository, sha: str) -> pygit2.Commit:
    """A commit by its full id; 404 if there is none."""
    obj = _object(git, sha)
    if isinstance(obj, pygit2.Tag):
        return obj.peel(pygit2.Commit)
    if isinstance(obj, pygit2.Commit):
        return obj
    raise ApiError(404, "Not Found")


def _object(git: pygit2.Repository, sha: str) -> object:
    return git.get(sha) if is_sha(sha) else None


def blob(git: pygit2.Repository, sha: str) -> pygit2.Blob:
    """A blob by its full id; 404 if there is none."""
    obj = _object(git, sha)
    if not isinstance(obj, pygit2.Blob):
        raise ApiError(404, "Not Found")
    return obj


def tree(git: pygit2.Repository, sha: str) -> pygit2.Tree:
    """A tree by its own or a commit's full id; 404 if there is none."""
    obj = _object(git, sha)
    if isinstance(obj, pygit2.Commit):
        return obj.tree
    if not isinstance(obj, pygit2.Tree):
        raise ApiError(404, "Not Found")
    return obj


def resolve(git: pygit2.Repository, text: str, default_branch: str) -> pygit2.Commit:
    """The commit that a branch, tag, ref or id names ("" is the default branch); 404 if there is none."""
    name = text or default_branch
    if is_sha(name):
        return commit(git, name)
    for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name):
        sha = (
            ref(git, candidate) if candidate.startswith("refs/") and pygit2.reference_is_valid_name(candidate) else None
        )
        if sha is not None:
            return commit(git, sha)
    if re.fullmatch(r"[0-9a-f]{7,39}", name):
        with contextlib.suppress(KeyError, ValueError):
            return git.revparse_single(name).peel(pygit2.Commit)
    raise ApiError(404, f"No commit found for the ref {name}")


def entry(root: pygit2.Tree, path: str) -> pygit2.Object | None:
    """What lies at `path` in a tree (the tree itself for ""), or None."""
    if not path:
        return root
    try:
        return root[path]
    except KeyError:
        return None


def walk(root: pygit2.Tree, prefix: str = "", *, recursive: bool = True) -> Iterator[tuple[str, pygit2.Object]]:
    """All entries of a tree with their paths, parents before children."""
    for item in root:
        path = f"{prefix}{item.name}"
        yield path, item
        if recursive and isinstance(item, pygit2.Tree):
            yield from walk(item, f"{path}/")


Edits = dict[str, "tuple[str, int] | None"]
"""Path → (object id, file mode), or None to remove it."""


def edit_tree(git: pygit2.Repository, base: pygit2.Tree | None, edits: Edits) -> str:
    """The id of a tree made of `base` with `edits` carried out; only the folders they touch are written."""
    builder = git.TreeBuilder(base) if base is not None else git.TreeBuilder()
    folders: dict[str, Edits] = {}
    for path, value in edits.items():
        head, _, rest = path.partition("/")
        if rest:
            folders.setdefault(head, {})[rest] = value
        elif value is not None:
            builder.insert(head, value[0], FileMode(value[1]))
        elif base is not None and head in base:
            builder.remove(head)
    for name, inner in folders.items():
        below = base[name] if base is not None and name in base else None
        sub = edit_tree(git, below if isinstance(below, pygit2.Tree) else None, inner)
        if sub != _EMPTY_TREE:
            builder.insert(name, sub, FileMode.TREE)
        elif base is not None and name in base:
            builder.remove(name)
    return str(builder.write())


def fetch(into: Path, source: Path, *refs: str) -> None:
    """Fetch from a repository on this machine. InputError with git's words."""
    done = subprocess.run(
        ["git", "fetch", "--quiet", "--no-tags", str(source.resolve()), *refs],
        cwd=into,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        # Ctrl-C is not for git: what is under way ends whole.
        process_group=0,
    )
    if done.returncode:
        raise InputError(f"{source}: git can't read it: {done.stderr.strip() or f'exit status {done.returncode}'}")


def tree_of_directory(git: pygit2.Repository, folder: Path) -> str:
    """The id of a tree with a directory's content (files, executables, symbolic links).

    Left out are `.git` and folders that ignore themselves, as virtual environments, caches and a sandbox's own do.
    """
    builder = git.TreeBuilder()
    for item in sorted(folder.iterdir()):
        if item.name == ".git" or _ignores_itself(item):
            continue
        if item.is_symlink():
            builder.insert(item.name, git.create_blob(str(item.readlink()).encode()), FileMode.LINK)
        elif item.is_dir():
            sub = tree_of_directory(git, item)
            if sub != _EMPTY_TREE:
                builder.insert(item.name, sub, FileMode.TREE)
        else:
            mode = FileMode.BLOB_EXECUTABLE if item.stat().st_mode & 0o100 else FileMode.BLOB
            builder.insert(item.name, git.create_blob(item.read_bytes()), mode)
    return str(builder.write())


def _ignores_itself(folder: Path) -> bool:
    rules = folder / ".gitignore"
    return not folder.is_symlink() and rules.is_file() and rules.read_bytes().strip() == b"*"


def signature(name: str, email: str, seconds: float) -> pygit2.Signature:
    """Who and when, in UTC. What git forbids in a name is taken out."""
    return pygit2.Signature(
        re.sub(r"[<>\n\0]", "", name) or "unknown", re.sub(r"[<>\n\0 ]", "", email), int(seconds), 0
    )


def is_ancestor(git: pygit2.Repository, old: str, new: str) -> bool:
    """Whether `new` contains `old` (or is it)."""
    return _line(git, old, new, 8) is not None or git.descendant_of(new, old)


def _line(git: pygit2.Repository, base: str, head: str, most: int) -> list[pygit2.Commit] | None:
    """The commits after `base` up to `head`, oldest first, if they form one line without a merge.

    None if they do not, or if there are more than `most`. A push brings few commits: trying this first costs nothing,
    while libgit2's own walks read a branch's whole history at each push.
    """
    commits: list[pygit2.Commit] = []
    at = head
    while at != base:
        commit = git[at].peel(pygit2.Commit)
        if len(commits) == most or len(commit.parent_ids) != 1:
            return None
        commits.append(commit)
        at = str(commit.parent_ids[0])
    return commits[::-1]


_bases: dict[tuple[str, str, str], str | None] = {}


def merge_base(git: pygit2.Repository, first: str, second: str) -> str | None:
    """The best common ancestor, or None for unrelated histories; cached, since it can never change.

    A commit with one parent has the parent's, unless that is the parent itself (then `second` may be part of `first`).
    """
    key = (git.path, first, second)
    if key not in _bases:
        if len(_bases) > 8192:
            _bases.clear()
        tip = git[second].peel(pygit2.Commit)
        parent = str(tip.parent_ids[0]) if len(tip.parent_ids) == 1 else None
        known = _bases.get((git.path, first, parent)) if parent is not None else None
        if known is None or known == parent:
            common = git.merge_base(first, second)
            known = str(common) if common is not None else None
        _bases[key] = known
    return _bases[key]


_counts: dict[tuple[str, str, str], int] = {}


def ahead(git: pygit2.Repository, head: str, base: str) -> int:
    """How many commits `head` has that `base` has not; kept, so that one more commit is counted from the last."""
    if head == base:
        return 0
    key = (git.path, head, base)
    if key not in _counts:
        if len(_counts) > 8192:
            _counts.clear()
        tip = git[head].peel(pygit2.Commit)
        parent = str(tip.parent_ids[0]) if len(tip.parent_ids) == 1 else None
        known = _counts.get((git.path, parent, base)) if parent is not None else None
        # With none to count before it, the commit may itself be part of the base.
        _counts[key] = known + 1 if known else len(commits_between(git, base, head))
    return _counts[key]


def ahead_behind(git: pygit2.Repository, head: str, base: str) -> tuple[int, int]:
    """How many commits `head` has that `base` lacks, and the other way round.

    libgit2's own count goes by the commits' times and is wrong if those are equal, as they often
    are under the virtual clock.
    """
    return ahead(git, head, base), ahead(git, base, head)


def commits_between(git: pygit2.Repository, base: str | None, head: str) -> list[pygit2.Commit]:
    """The commits that `head` has and `base` has not, oldest first."""
    line = _line(git, base, head, 8) if base is not None else None
    if line is not None:
        return line
    walker = git.walk(head, SortMode.TOPOLOGICAL | SortMode.REVERSE)
    if base is not None:
        walker.hide(base)
    return list(walker)


def merged_tree(git: pygit2.Repository, base: str, head: str) -> str | None:
    """The id of the tree that merging `head` into `base` gives, or None if they conflict."""
    try:
        index = git.merge_commits(base, head)
    except pygit2.GitError:
        return None
    if index.conflicts is not None:
        return None
    return str(index.write_tree(git))


def replay(
    git: pygit2.Repository, base: str, commits: Iterable[pygit2.Commit], committer: pygit2.Signature
) -> str | None:
    """The id of the last of `commits` rebased on `base` one by one, or None if one conflicts."""
    tip = base
    for commit in commits:
        parent = commit.parents[0].tree if commit.parents else git.TreeBuilder().write()
        index = git.merge_trees(parent, git[tip].peel(pygit2.Tree), commit.tree)
        if index.conflicts is not None:
            return None
        tip = str(git.create_commit(None, commit.author, committer, commit.message, index.write_tree(git), [tip]))
    return tip


def difference(git: pygit2.Repository, old: str | None, new: str) -> list[FileChange]:
    """The files that differ between two commits (or from nothing), with renames detected, each with its patch."""
    return list(_difference(git.path, old, new, _Opened(git)))


class _Opened:
    """Carries a repository past lru_cache without being part of the key."""

    def __init__(self, git: pygit2.Repository) -> None:
        self.git = git

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Opened)

    def __hash__(self) -> int:
        return 0


@functools.lru_cache(maxsize=2048)
def _difference(_path: str, old: str | None, new: str, opened: _Opened) -> tuple[FileChange, ...]:
    git = opened.git
    tree_new = commit(git, new).tree
    if old is None:
        diff = tree_new.diff_to_tree(swap=True, flags=DiffOption.NORMAL)
    else:
        diff = commit(git, old).tree.diff_to_tree(tree_new)
        diff.find_similar()
    changes = []
    for patch in diff:
        if patch is None:
            continue
        delta = patch.delta
        _, additions, deletions = patch.line_stats
        removed = delta.status == DeltaStatus.DELETED
        file = delta.old_file if removed else delta.new_file
        text = (patch.data or b"").decode(errors="replace")
        hunks = text.find("\n@@")
        changes.append(
            FileChange(
                path=file.path,
                previous=delta.old_file.path if delta.status == DeltaStatus.RENAMED else None,
                status=_STATUS.get(delta.status, "modified"),
                sha=str(file.id),
                additions=additions,
                deletions=deletions,
                patch=text[hunks + 1 :].rstrip("\n") if hunks >= 0 else "",
            )
        )
    return tuple(changes)


def hunk_at(patch: str, line: int, side: str) -> str | None:
    """The part of a patch that a comment on this line shows: its hunk as far as the line; None for a line not in it."""
    kept: list[str] = []
    old = new = 0
    for text in patch.split("\n"):
        header = _HUNK.match(text)
        if header is not None:
            kept, old, new = [text], int(header[1]), int(header[2])
            continue
        kept.append(text)
        before, after = text[:1] in ("-", " "), text[:1] in ("+", " ")
        if (old == line and before) if side == "LEFT" else (new == line and after):
            return "\n".join(kept)
        old += before
        new += after
    return None


def line_at(git: pygit2.Repository, old: str, new: str, path: str, line: int) -> int | None:
    """The number at the commit `new` of a line at the commit `old`; None if it was changed or removed."""
    moved = line
    for start, count, added in _hunks(git.path, old, new, _Opened(git)).get(path, ()):
        if count == 0:
            moved += added if start < line else 0
        elif start <= line < start + count:
            return None
        elif start < line:
            moved += added - count
    return moved


@functools.lru_cache(maxsize=512)
def _hunks(_path: str, old: str, new: str, opened: _Opened) -> dict[str, tuple[tuple[int, int, int], ...]]:
    """For each changed file: (first old line, old lines, new lines) of each hunk, without context."""
    if old == new:
        return {}
    diff = commit(opened.git, old).tree.diff_to_tree(commit(opened.git, new).tree, context_lines=0)
    return {
        patch.delta.old_file.path: tuple((hunk.old_start, hunk.old_lines, hunk.new_lines) for hunk in patch.hunks)
        for patch in diff
        if patch is not None
    }


def kind(item: pygit2.Object) -> str:
    """`blob`, `tree`, `commit` (a submodule) or `tag`, as the API says it."""
    return {ObjectType.BLOB: "blob", ObjectType.TREE: "tree", ObjectType.COMMIT: "commit"}.get(item.type, "tag")
