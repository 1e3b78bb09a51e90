"""What the project's CI runs, and whether a pull request changes it: then its checks say nothing about it.

Read from the base: the workflows of GitHub Actions, and what their text names of the repository, as far as text shows
it. A pull request that changes one of these is decided by a person.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from pressplay.github.calls import Client
from pressplay.github.comparison import Comparison
from pressplay.github.files import Files

FOLDERS = (".github/workflows/", ".github/actions/")
"""Where GitHub Actions keeps workflows and the repository's own actions."""
_ENTRY_FILES: Mapping[str, tuple[str, ...]] = {
    "make": ("Makefile", "makefile", "GNUmakefile"),
    "just": ("justfile", "Justfile"),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
    "tox": ("tox.ini",),
    "nox": ("noxfile.py",),
    "pre-commit": (".pre-commit-config.yaml",),
    "docker": ("Dockerfile", "docker-compose.yml", "compose.yaml"),
}
"""A program that a workflow may start → the files that say what it then does."""
_PACKAGE_RUNNERS = ("npm", "pnpm", "yarn", "bun")
_WORD = re.compile(r"[\w./-]+")


def changed(gh: Client, repo: str, compared: Comparison, head: str) -> list[str]:
    """The files that decide what the base's CI runs, and that differ at `head`; sorted.

    Where GitHub lists only a part of the change, the workflows' folder itself is named: nobody saw the rest.
    """
    paths = {path for file in compared.files for path in (file.path, file.before)}
    if not compared.whole:
        return [FOLDERS[0]]
    before = Files(gh, repo, compared.merge_base)
    touched = {path for path in paths if path.startswith(FOLDERS)}
    words = _words(before.text(path) for path in before.paths(FOLDERS[0].rstrip("/")))
    touched |= {path for path in paths if path in words}
    for program, files in _ENTRY_FILES.items():
        if program in words:
            touched |= {path for path in paths if path.rpartition("/")[2] in files}
    if not words.isdisjoint(_PACKAGE_RUNNERS):
        after = Files(gh, repo, head)
        manifests = [path for path in paths if path.rpartition("/")[2] == "package.json"]
        touched |= {path for path in manifests if _scripts(before.text(path)) != _scripts(after.text(path))}
    return sorted(touched)


def _words(texts: Iterable[str]) -> set[str]:
    words = {word for text in texts for word in _WORD.findall(text)}
    return words | {word.removeprefix("./") for word in words}


def _scripts(text: str) -> object:
    """The scripts of a package.json; its whole text where it can't be read."""
    try:
        content = json.loads(text) if text else {}
    except ValueError:
        return text
    return content.get("scripts") if isinstance(content, dict) else text
