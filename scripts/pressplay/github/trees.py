"""What kind of file stands at a path of a commit: plain, link, submodule."""

from __future__ import annotations

from pressplay.github.calls import Client, call

_FOLDER = "040000"


class Modes:
    """Git's modes of the files of one commit, asked folder by folder: each once."""

    def __init__(self, gh: Client, repo: str, commit: str) -> None:
        """`commit`: its id, or a branch."""
        self._gh = gh
        self._repo = repo
        self._folders: dict[str, dict[str, tuple[str, str]]] = {"": self._entries(commit)}

    def mode(self, path: str) -> str | None:
        """The mode of the file at `path` (`100644`, `100755`, `120000` a link, `160000` a submodule); None for none."""
        folder, _, name = path.rpartition("/")
        found = self._folder(folder).get(name)
        return None if found is None or found[0] == _FOLDER else found[0]

    def _folder(self, path: str) -> dict[str, tuple[str, str]]:
        if path not in self._folders:
            above, _, name = path.rpartition("/")
            mode, sha = self._folder(above).get(name, ("", ""))
            self._folders[path] = self._entries(sha) if mode == _FOLDER else {}
        return self._folders[path]

    def _entries(self, sha: str) -> dict[str, tuple[str, str]]:
        found = call(self._gh, "GET", f"/repos/{self._repo}/git/trees/{sha}")
        return {entry["path"]: (entry["mode"], entry["sha"]) for entry in found["tree"]}
