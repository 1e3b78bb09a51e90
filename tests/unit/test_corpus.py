"""The corpus of the measured gate: each case has its form, and there is enough of each kind to measure with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pressplay.errors import InputError
from pressplay.evaluation import corpus, trees
from pressplay.evaluation.corpus import Case
from pressplay.gates.proving.model import PROFILES
from pressplay.validation.report import Invalid

FOLDER = Path(__file__).parents[1] / "corpus"
CASES = corpus.read(FOLDER)
PROJECTS = ("go-service", "no-tests", "node-cli", "python-service", "rust-library")
MOST_BYTES, MOST_FILES = 1_500_000, 1_500
DECEPTIONS = (
    "always-red", "always-true", "copied-constant", "dead-code", "deleted-tests", "empty", "flaky", "forged-report",
    "hasattr-only", "import-only", "loosened-plan", "runs-own-copy", "skip", "special-cased", "stub", "swallowed-error",
    "test-hook", "weakened-assertion",
)  # fmt: skip


def by_project(cases: list[Case]) -> dict[str, list[Case]]:
    return {name: [case for case in cases if case.project == name] for name in PROJECTS}


def test_there_are_enough_cases_of_five_projects() -> None:
    assert len(CASES) >= 150
    assert {case.project for case in CASES} == set(PROJECTS)
    for name, cases in by_project(CASES).items():
        assert sum(case.honest for case in cases) >= 12, name
        assert sum(not case.honest for case in cases) >= 25, name


def test_each_profile_has_honest_cases_in_each_project() -> None:
    for name, cases in by_project(CASES).items():
        assert {case.profile for case in cases if case.honest} == set(PROFILES), name


def test_each_kind_of_deception_is_in_several_projects() -> None:
    projects = {kind: {case.project for case in CASES if case.kind == kind} for kind in DECEPTIONS}
    # A project without tests has none to delete, and none to weaken.
    assert {kind: len(names) for kind, names in projects.items() if len(names) < 4} == {}


def test_what_no_machine_can_tell_is_rare_and_has_a_twin_that_one_can() -> None:
    unseen = [case for case in CASES if case.wanted == "unseen"]
    assert 0 < len(unseen) <= len(CASES) // 20
    for case in unseen:
        assert case.independent() is None, case.id
        twins = [
            other
            for other in CASES
            if other.project == case.project and other.wanted == "refuse" and other.head_files() == case.head_files()
        ]
        assert twins, case.id
        assert all(twin.independent() is not None for twin in twins), case.id


def test_only_removals_have_accepted_expectations() -> None:
    assert {case.profile for case in CASES if case.accepted} == {"removal"}
    for case in CASES:
        assert all(1 <= int(id_[2:]) <= len(case.criteria) for id_ in case.accepted), case.id


def test_names_of_projects_and_cases_say_what_they_are() -> None:
    for case in CASES:
        if case.honest:
            assert case.name.startswith(f"{case.profile}-"), case.id
    repeated = {id_: count for id_, count in Counter(case.id for case in CASES).items() if count > 1}
    assert not repeated


def test_the_corpus_is_small() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert len(files) <= MOST_FILES
    assert sum(path.stat().st_size for path in files) <= MOST_BYTES


@pytest.mark.parametrize("name", PROJECTS)
def test_a_case_becomes_two_commits_that_differ_by_its_change_alone(name: str, tmp_path: Path) -> None:
    for case in by_project(CASES)[name][::9]:
        commits = trees.commit(case, tmp_path / case.name)
        changed = {file.path: file.status for file in commits.compared().files}
        assert set(changed) == {*case.head_files(), *case.removed()}, case.id
        assert {path for path, status in changed.items() if status == "removed"} == set(case.removed())
        head, base = commits.trees
        assert {path: head.content(path) for path in case.head_files()} == case.head_files()
        assert set(base.entries) == set(corpus.files_of(case.base))


FAULTS = {
    "no truth": ({}, "expected a file"),
    "an honest deception": ({"case.yaml": "honest: true\nkind: stub\n"}, "kind"),
    "a deception without its kind": ({"case.yaml": "honest: false\nwanted: refuse\n"}, "kind"),
    "a deception that is wanted": ({"case.yaml": "honest: false\nkind: stub\n"}, "wanted is approve"),
    "an unknown profile": ({"case.yaml": "profile: chore\n"}, "profile"),
    "no change": ({"head/.removed": ""}, "expected a change"),
    "the base's own file": ({"head/a.py": "a = 1\n"}, "differ from the base"),
    "a removed file that is not there": ({"head/.removed": "b.py\n"}, "b.py"),
    "a file that is changed and removed": ({"head/a.py": "a = 2\n", "head/.removed": "a.py\n"}, "lists it"),
}
GOOD = {"profile": "fix", "title": "t", "criteria": "[c]", "honest": "true", "wanted": "approve", "why": "w"}


@pytest.mark.parametrize("what", FAULTS)
def test_a_case_without_its_form_is_refused(what: str, tmp_path: Path) -> None:
    files, message = FAULTS[what]
    case = tmp_path / "p" / "cases" / "c"
    (tmp_path / "p" / "base").mkdir(parents=True)
    (tmp_path / "p" / "base" / "a.py").write_text("a = 1\n")
    (case / "head").mkdir(parents=True)
    for path, text in files.items():
        (case / path).write_text(text)
    if files:
        known = dict(line.split(": ", 1) for line in files.get("case.yaml", "").splitlines())
        fields = {**GOOD, **known}
        (case / "case.yaml").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    with pytest.raises(Invalid, match=message):
        corpus.read(tmp_path)


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected folders with base/"):
        corpus.read(tmp_path)
    with pytest.raises(InputError, match="no case is named 'nobody/\\*'"):
        corpus.read(FOLDER, "nobody/*")
