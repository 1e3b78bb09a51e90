"""Two commits of a repository on this machine, as the gates read those of a pull request."""

from __future__ import annotations

from dataclasses import dataclass

from pressplay.github.clone import Clone, Tree
from pressplay.github.comparison import Changed, Comparison

_MODES = {"file": "100644", "link": "120000", "submodule": "160000"}


@dataclass(frozen=True)
class Side:
    """The files of one commit, as the gates of GitHub's pull requests ask for them."""

    tree: Tree

    def text(self, path: str) -> str:
        """A file's text; empty if there is none."""
        return (self._file(path) or b"").decode(errors="replace")

    def mode(self, path: str) -> str | None:
        """Git's mode; no file counts as executable. None if there is nothing."""
        entry = self.tree.entries.get(path)
        return None if entry is None else _MODES[entry.kind]

    def entry(self, path: str) -> tuple[str, str] | None:
        """Kind and object; None if there is nothing."""
        entry = self.tree.entries.get(path)
        return None if entry is None else (entry.kind, entry.sha)

    def _file(self, path: str) -> bytes | None:
        entry = self.tree.entries.get(path)
        return self.tree.content(path) if entry is not None and entry.kind == "file" else None


@dataclass(frozen=True)
class Commits:
    """A base and a head that goes on from it."""

    clone: Clone
    base: str
    head: str

    @property
    def trees(self) -> tuple[Tree, Tree]:
        """The files of the head, and those of the base."""
        return self.clone.tree(self.head), self.clone.tree(self.base)

    def compared(self) -> Comparison:
        """What the head changes, as GitHub lists it; no file counts as renamed."""
        head, base = self.trees
        changed = []
        for path in self.clone.differing(self.base, self.head):
            status = "added" if path not in base.entries else "removed" if path not in head.entries else "modified"
            changed.append(Changed(path, path, status))
        return Comparison(self.base, tuple(changed))
