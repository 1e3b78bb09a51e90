"""The manifest of real fix commits: enough of them, in five languages, none twice, each with a project that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pressplay.errors import InputError
from pressplay.evaluation import real_commits
from pressplay.evaluation.real_commits import REAL_LANGUAGES, RealCommits
from pressplay.gates.proving import environment

FILE = Path(__file__).parents[1] / "corpus/real.yaml"
MINIMAL = """\
repositories:
  owner/name:
    language: go
commits:
  - repository: owner/name
    commit: "{commit}"
    base: "{base}"
    title: Something is fixed
    seconds: 1.5
"""


@pytest.fixture(scope="module")
def manifest() -> RealCommits:
    return real_commits.read(FILE)


def test_there_are_enough_commits_of_enough_repositories(manifest: RealCommits):
    by_language = real_commits.by_language(manifest)
    assert len(manifest.commits) >= 60
    assert len(manifest.repositories) >= 20
    assert max(len([c for c in manifest.commits if c.repository == name]) for name in manifest.repositories) <= 12
    for language in REAL_LANGUAGES:
        assert len({commit.repository for commit in by_language[language]}) >= 3, language
        assert len(by_language[language]) >= 8, language
    assert {commit.repository for commit in manifest.commits} == set(manifest.repositories)


def test_each_project_is_one_of_an_environment_contract(manifest: RealCommits):
    for name, repository in manifest.repositories.items():
        if repository.project is not None:
            (project,) = environment.from_values({"projects": [repository.project]}, name).projects
            assert project.language == ("typescript" if repository.language == "javascript" else repository.language)
            assert project.test


def test_each_test_takes_less_than_a_minute(manifest: RealCommits):
    assert max(commit.seconds for commit in manifest.commits) < 60


def test_titles_are_not_those_of_the_commits(manifest: RealCommits):
    # Nothing of others is in this repository: a message begins otherwise than our titles do.
    for commit in manifest.commits:
        assert not re.match(r"(?:\[?fix|fixes|bug)\b|\w+\(", commit.title, re.IGNORECASE), commit.title


FAULTS = [
    ("no commit's id", MINIMAL.format(commit="main", base="b" * 40), "commits.0.commit"),
    ("the same commit twice", MINIMAL.format(commit="a" * 40, base="b" * 40), "each commit once"),
    ("no entry of its repository", MINIMAL.replace("  owner/name:", "  owner/other:"), "owner/name"),
    ("an unknown language", MINIMAL.replace("language: go", "language: cobol"), "language"),
]


@pytest.mark.parametrize(("what", "text", "expected"), FAULTS, ids=[row[0] for row in FAULTS])
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, what: str, text: str, expected: str):
    text = text.format(commit="a" * 40, base="b" * 40) if "{" in text else text
    head, commits = text.split("commits:\n")
    file = tmp_path / "real.yaml"
    file.write_text(f"{head}commits:\n{commits * 2 if 'twice' in what else commits}")
    with pytest.raises(InputError) as raised:
        real_commits.read(file)
    assert str(file) in str(raised.value)
    assert expected in str(raised.value)
