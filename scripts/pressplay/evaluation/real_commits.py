"""The manifest of real fix commits (`tests/corpus/real.yaml`), by which gates are measured.

It names commits; their content is fetched when they are judged, and never a part of this repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pressplay.domain.profiles import Profile
from pressplay.gates.lint.files import Files
from pressplay.gates.proving import environment
from pressplay.gates.proving.model import Environment
from pressplay.validation.report import invalid
from pressplay.validation.yamlsource import load_strict

RealLanguage = Literal["python", "rust", "javascript", "typescript", "go"]
REAL_LANGUAGES: tuple[RealLanguage, ...] = get_args(RealLanguage)
LONGEST = 200_000
"""Bytes of a manifest."""
_Sha = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
_Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RealRepository(_Closed):
    """A public repository."""

    language: RealLanguage
    project: dict[str, Any] | None = None
    """Its project, in the shape of an environment contract; None: as detected."""
    notes: str = ""
    """What its toolchain must have."""


class RealCommit(_Closed):
    """A commit that fixes something and changes its tests with it."""

    repository: Annotated[str, Field(pattern="^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
    commit: _Sha
    base: _Sha
    """Its first parent."""
    profile: Profile = "fix"
    title: _Text
    seconds: Annotated[float, Field(ge=0)]
    """Of the processor, for one run of its tests."""
    test: str | None = None
    """The test command in the place of the project's, where all of its tests take too long."""


class RealCommits(_Closed):
    """A manifest."""

    repositories: dict[str, RealRepository]
    commits: list[RealCommit]

    @model_validator(mode="after")
    def _whole(self) -> RealCommits:
        shas = [commit.commit for commit in self.commits]
        if len(set(shas)) != len(shas):
            raise ValueError("expected each commit once")
        if unlisted := {commit.repository for commit in self.commits} - self.repositories.keys():
            raise ValueError(f"expected an entry under repositories for each commit, got none for {min(unlisted)}")
        return self

    def environment(self, commit: RealCommit, base: Files) -> Environment:
        """How a commit's tests are run: as the manifest says, else as its base's files show.

        InputError for a project that is none of an environment contract.
        """
        project = self.repositories[commit.repository].project
        if project is None:
            contract = environment.choose(base)
        else:
            contract = environment.from_values({"projects": [project]}, f"the project of {commit.repository}")
        if commit.test is None:
            return contract
        return replace(contract, projects=tuple(replace(part, test=commit.test) for part in contract.projects))


def read(path: Path) -> RealCommits:
    """The manifest in a file. InputError naming it, and the place, for anything else."""
    source = load_strict(path.read_bytes(), str(path), LONGEST)
    try:
        return RealCommits.model_validate(source.value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "all"
        raise invalid(str(path), f"{place}: {first['msg']}", "see tests/corpus/real.yaml") from error


def by_language(manifest: RealCommits) -> Mapping[RealLanguage, list[RealCommit]]:
    """The commits of each language."""
    languages = {name: repository.language for name, repository in manifest.repositories.items()}
    return {
        language: [commit for commit in manifest.commits if languages[commit.repository] == language]
        for language in REAL_LANGUAGES
    }
