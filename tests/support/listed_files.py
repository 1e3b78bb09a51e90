"""The files of a commit, as gates read them, made of texts."""

from __future__ import annotations

from pressplay.github.committed import Entry


class ListedFiles:
    """The files of a commit."""

    def __init__(self, contents: dict[str, str]) -> None:
        self._contents = contents
        self.entries = {path: Entry("file", "0" * 40) for path in contents}

    def names(self, folder: str) -> frozenset[str]:
        inside = [path.removeprefix(f"{folder}/" if folder else "") for path in self._contents]
        return frozenset(path.split("/")[0] for path in inside)

    def folders(self, folder: str) -> tuple[str, ...]:
        return () if folder else tuple(sorted({path.split("/")[0] for path in self._contents if "/" in path}))

    def content(self, path: str, most: int = 0) -> bytes | None:
        text = self._contents.get(path)
        return None if text is None else text.encode()

    def target(self, path: str) -> str:
        raise KeyError(path)
