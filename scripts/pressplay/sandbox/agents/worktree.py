"""The git work tree that an agent is started in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from pressplay.errors import PressPlayError

_QUIET = (
    "core.hooksPath=/dev/null",
    "core.autocrlf=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "advice.detachedHead=false",
)


class WorkTree:
    """A work tree at `path`; commits are by `who`, unless the environment names an author."""

    def __init__(self, path: Path, env: Mapping[str, str], who: str) -> None:
        self.path = path
        # GIT_DIR and the like of whoever called us would lead to another repository.
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | dict(env)
        options = (*_QUIET, f"user.name={who} (scripted)", f"user.email={who}@agents.invalid")
        self._git = ["git", *(part for option in options for part in ("-c", option))]

    def git(self, *arguments: str) -> str:
        """Run git, return its output; PressPlayError with git's own words where it fails."""
        done = subprocess.run(
            [*self._git, *arguments], cwd=self.path, env=self._env, capture_output=True, text=True, errors="replace"
        )
        if done.returncode:
            raise PressPlayError(f"git {arguments[0]} in {self.path}: {done.stderr.strip()}")
        return done.stdout

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the project; never through a link that leads out of it."""
        target = self.path / name
        if not target.resolve().is_relative_to(self.path.resolve()):
            raise PressPlayError(f"{name}: leads out of the work tree")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def commit(self, message: str, files: Sequence[str]) -> bool:
        """Commit `files` as they are now; False where that changes nothing."""
        self.git("add", "--", *files)
        if not self.git("diff", "--cached", "--name-only", "--", *files):
            return False
        self.git("commit", "--quiet", "--message", message, "--only", "--", *files)
        return True

    def merge(self, base: str, message: str) -> None:
        """Merge `base`, with the lines of both sides where they conflict; PressPlayError where git can't."""
        attributes = self.path / self.git("rev-parse", "--git-path", "info/attributes").strip()
        attributes.parent.mkdir(parents=True, exist_ok=True)
        attributes.write_text("* merge=union\n", encoding="utf-8")
        self.git("merge", "--quiet", "--no-ff", "--message", message, self._ref(base))

    def changed(self, base: str) -> list[str]:
        """The files that the branch changed since it left `base` and that still exist."""
        listed = self.git("diff", "--name-only", "-z", "--diff-filter=d", f"{self._ref(base)}...HEAD")
        return [name for name in listed.split("\0") if name]

    def _ref(self, base: str) -> str:
        for ref in (f"origin/{base}", base):
            if self._known(ref):
                return ref
        raise PressPlayError(f"PRESSPLAY_BASE {base!r}: expected a branch or commit known in {self.path}")

    def _known(self, name: str) -> bool:
        try:
            self.git("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}")
        except PressPlayError:
            return False
        return True
