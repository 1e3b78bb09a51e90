"""The files of one commit: what kind each is, and its text."""

from __future__ import annotations

from pressplay.errors import InputError
from pressplay.github import contents
from pressplay.github.calls import Client, GitHubRefused, call

_FOLDER = "040000"


class Files:
    """The files of one commit, asked for when they are wanted; each folder once."""

    def __init__(self, gh: Client, repo: str, commit: str) -> None:
        """`commit`: its id, or a branch."""
        self._gh = gh
        self._repo = repo
        self._commit = commit
        self._folders: dict[str, dict[str, tuple[str, str]]] = {}

    def text(self, path: str) -> str:
        """A file's text; empty for a link, a submodule or no file. Bytes that are not UTF-8 are replaced."""
        try:
            content = contents.read_file(self._gh, self._repo, path, self._commit)
        except GitHubRefused:
            raise
        except InputError:
            # It is a folder, a link or a submodule.
            return ""
        return (content or b"").decode(errors="replace")

    def mode(self, path: str) -> str | None:
        """The mode of the file at `path` (`100644`, `100755`, `120000` a link, `160000` a submodule); None for none."""
        entry = self.entry(path)
        return None if entry is None else entry[0]

    def entry(self, path: str) -> tuple[str, str] | None:
        """Mode and object of the file at `path`; None if there is none. Two files are equal if both are equal."""
        folder, _, name = path.rpartition("/")
        entry = self._folder(folder).get(name)
        return None if entry is None or entry[0] == _FOLDER else entry

    def paths(self, folder: str) -> list[str]:
        """The files directly in a folder, sorted; none if there is no such folder."""
        return sorted(f"{folder}/{name}" for name, (mode, _) in self._folder(folder).items() if mode != _FOLDER)

    def _folder(self, path: str) -> dict[str, tuple[str, str]]:
        if path not in self._folders:
            sha = self._commit
            if path:
                above, _, name = path.rpartition("/")
                mode, sha = self._folder(above).get(name, ("", ""))
                if mode != _FOLDER:
                    sha = ""
            self._folders[path] = self._entries(sha) if sha else {}
        return self._folders[path]

    def _entries(self, sha: str) -> dict[str, tuple[str, str]]:
        tree = call(self._gh, "GET", f"/repos/{self._repo}/git/trees/{sha}")
        return {entry["path"]: (entry["mode"], entry["sha"]) for entry in tree["tree"]}
