"""What of a pull request's code no command looks at: files outside every project, and projects that were detached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pressplay.gates.lint import files, marks
from pressplay.gates.lint.detect import LintTask
from pressplay.gates.lint.files import Files, Undecided, at, below, folder_of, joined, name_of
from pressplay.github.committed import Unreadable

_OF_RUFF = """
.bzr .direnv .eggs .git .git-rewrite .hg .ipynb_checkpoints .mypy_cache .nox .pants.d .pyenv .pytest_cache .pytype
.ruff_cache .svn .tox .venv .vscode __pypackages__ _build buck-out dist node_modules site-packages venv
"""
LEFT_OUT: Mapping[str, frozenset[str]] = {
    "python": frozenset(_OF_RUFF.split()),
    "rust": frozenset({"target"}),
    "typescript": frozenset({"node_modules"}),
    "go": frozenset({"vendor", "testdata"}),
}
"""Language → folders that its tools leave out (ruff: `exclude`; go: `go help packages`, and by our own command)."""


NO_PROJECT = "code, but no project that the lint gate knows: name the commands to run in lint.commands"


@dataclass
class Coverage:
    """What is not looked at."""

    unseen: list[str] = field(default_factory=list)
    """Files of code that changed, and that no command looks at."""
    undecided: list[Undecided] = field(default_factory=list)


def coverage(
    paths: Iterable[str],
    head: Files,
    base: Files,
    tasks: Mapping[str, tuple[LintTask, ...]],
    before: Mapping[str, tuple[LintTask, ...]],
    named: bool = False,
) -> Coverage:
    """Which of `paths`, the files that differ, no command looks at; `tasks` are the head's, `before` the base's.

    `named`: the values name the commands, and so decide which files these look at.
    """
    result = Coverage()
    changed = frozenset(paths)
    now, then = _folders(tasks), _folders(before)
    rust = (now.get("rust", frozenset()), then.get("rust", frozenset()))
    result.undecided += [*_crates(changed, head, base, *rust), *_modules(changed, head, base, now)]
    if named:
        return result
    lost = {language: folders - now.get(language, frozenset()) for language, folders in then.items()}
    for path in sorted(head.entries):
        language = marks.language_of(path)
        if language is None:
            continue
        if head.entries[path].kind == "link":
            if path in changed:
                result.undecided.append(Undecided(path, "a symbolic link, where a file of code is expected"))
            continue
        looked = _is_below(path, now.get(language, frozenset()))
        if not looked and lost.get(language) and (path not in base.entries or _is_below(path, then[language])):
            result.undecided.append(Undecided(path, "code of a project whose manifest the pull request takes away"))
        elif path in changed and (not looked or LEFT_OUT[language] & set(path.split("/")[:-1])):
            result.unseen.append(path)
    result.unseen += sorted(path for path in changed if _is_submodule(head, path))
    if then.get("typescript"):
        for folder in sorted(now.get("typescript", frozenset()) - then["typescript"]):
            result.undecided.append(
                Undecided(joined(folder, "package.json"), "a new project, whose scripts no one merged")
            )
    code = [path for path in sorted(head.entries) if not tasks and marks.language_of(path)]
    result.undecided += [Undecided(path, NO_PROJECT) for path in code[:1]]
    return result


def _folders(tasks: Mapping[str, tuple[LintTask, ...]]) -> dict[str, frozenset[str]]:
    return {language: frozenset(task.folder for task in of_it) for language, of_it in tasks.items()}


def _is_below(path: str, folders: frozenset[str]) -> bool:
    return any(below(path, folder) for folder in folders)


def _is_submodule(head: Files, path: str) -> bool:
    return path in head.entries and head.entries[path].kind == "submodule"


def _modules(
    changed: frozenset[str], head: Files, base: Files, now: Mapping[str, frozenset[str]]
) -> Iterator[Undecided]:
    """Modules of Go that are new within one that is looked at: `./...` does not go into them."""
    for path in sorted(changed):
        if name_of(path) == "go.mod" and path in head.entries and path not in base.entries:
            folder = folder_of(path)
            if folder not in now.get("go", frozenset()) and _is_below(path, now.get("go", frozenset())):
                yield Undecided(path, "a module within another, which is not looked at")


# --- Rust's packages --------------------------------------------------------------------------------------------------

_AUTOMATIC = ("autolib", "autobins", "autotests", "autoexamples", "autobenches")


def _crates(
    changed: frozenset[str], head: Files, base: Files, roots: frozenset[str], were_roots: frozenset[str]
) -> Iterator[Undecided]:
    """Packages that leave the workspace or are not members of it: clippy checks only members."""
    if not any(name_of(path) == "Cargo.toml" for path in changed):
        return
    theirs, unread = _manifests(head)
    ours, _ = _manifests(base)
    yield from (Undecided(error.path, f"{error.why}, where a package of Rust's is expected") for error in unread)
    members, were = _members(theirs, roots), _members(ours, were_roots)
    for folder, content in sorted(theirs.items()):
        path = joined(folder, "Cargo.toml")
        was = ours.get(folder, {})
        if folder not in members and at(content, "package") is not None and (folder not in ours or folder in were):
            yield Undecided(path, "a package outside the workspace that is linted")
        if any(at(content, "package", key) is False and at(was, "package", key) is not False for key in _AUTOMATIC):
            yield Undecided(path, "switches off the detection of targets")
        if at(content, "package", "workspace") != at(was, "package", "workspace"):
            yield Undecided(path, "changes to which workspace a package belongs")


def _manifests(tree: Files) -> tuple[dict[str, Mapping[str, Any]], list[Unreadable]]:
    contents: dict[str, Mapping[str, Any]] = {}
    unread = []
    for path in tree.entries:
        if name_of(path) == "Cargo.toml":
            try:
                contents[folder_of(path)] = files.table(tree, path)
            except Unreadable as error:
                unread.append(error)
    return contents, unread


def _members(manifests: Mapping[str, Mapping[str, Any]], roots: frozenset[str]) -> set[str]:
    """The folders of the packages that are linted: those of each root's workspace.

    Source: The Cargo Book, "Workspaces": members by globs, and path dependencies of members within the root's folder.
    """
    folders: set[str] = set()
    for root in roots & manifests.keys():
        folders.add(root)
        workspace = at(manifests[root], "workspace")
        if isinstance(workspace, Mapping):
            folders |= _of_workspace(root, workspace, manifests)
    return folders


def _of_workspace(root: str, workspace: Mapping[str, Any], manifests: Mapping[str, Mapping[str, Any]]) -> set[str]:
    globs = [files.glob(files.normal(root, pattern) or "") for pattern in _names(workspace.get("members"))]
    out = frozenset(files.normal(root, pattern) or "/" for pattern in _names(workspace.get("exclude")))
    able = {
        folder
        for folder, content in manifests.items()
        if below(f"{folder}/", root) and not _is_below(f"{folder}/", out) and at(content, "workspace") is None
    }
    members = {folder for folder in able if any(pattern.fullmatch(folder) for pattern in globs)}
    queue = [root, *members]
    while queue:
        folder = queue.pop()
        more = (set(_dependencies(folder, manifests[folder], workspace, root)) & able) - members
        members |= more
        queue += more
    return members


def _dependencies(folder: str, content: Mapping[str, Any], workspace: Mapping[str, Any], root: str) -> Iterator[str]:
    targets = at(content, "target")
    for table in (content, *(targets.values() if isinstance(targets, Mapping) else ())):
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            listed = at(table, kind)
            for name, dependency in listed.items() if isinstance(listed, Mapping) else ():
                inherited = at(dependency, "workspace") is True
                path = at(workspace, "dependencies", name, "path") if inherited else at(dependency, "path")
                where = files.normal(root if inherited else folder, path) if isinstance(path, str) else None
                if where is not None:
                    yield where


def _names(listed: Any) -> list[str]:
    return [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
