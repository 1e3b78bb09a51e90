"""What counts as a merge of the base, over real commits: one row for each way to leave a branch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pygit2
import pytest
from ledgers import PR, REPO, desk, ended, numbered, pull
from ledgers import record as write
from pygit2.enums import FileMode

from pressplay.errors import InputError
from pressplay.gates.acceptance import packing
from pressplay.github import comparison, pushes
from pressplay.github.calls import GitHubRefused
from pressplay.github.clone import Clone
from pressplay.github.pushes import Push
from pressplay.github.remote import Remote
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.core.tried_merge import TriedMerge
from pressplay.steps.review import conflicts, kept_base
from pressplay.steps.review.conflicts import Conflict

Files = Mapping[str, bytes]
BEGIN = {"list.md": b"# List\n", "README.md": b"read me\n", "old.txt": b"old\n"}
BASE = BEGIN | {"list.md": b"# List\n- base\n", "README.md": b"read me again\n", "base.txt": b"b\n"}
HEAD = BEGIN | {"list.md": b"# List\n- head\n", "head.txt": b"h\n"}
MERGED = BASE | HEAD | {"list.md": b"# List\n- base\n- head\n", "README.md": BASE["README.md"]}


class History:
    """A repository in a folder, with commits of whole trees."""

    def __init__(self, folder: Path) -> None:
        self.repository = pygit2.init_repository(str(folder), bare=True)
        self.folder = folder
        self.begin = self.commit(BEGIN)
        self.base = self.commit(BASE, self.begin)
        self.head = self.commit(HEAD, self.begin)

    def commit(self, files: Files, *parents: str) -> str:
        index = pygit2.Index()
        for path, content in files.items():
            index.add(pygit2.IndexEntry(path, self.repository.create_blob(content), FileMode.BLOB))
        tree, by = index.write_tree(self.repository), pygit2.Signature("a", "a@b")
        commit = str(self.repository.create_commit(None, by, by, "m", tree, list(parents)))
        self.repository.references.create(f"refs/heads/{commit}", commit, force=True)
        return commit

    def contains(self, commit: str, earlier: str) -> bool:
        return commit == earlier or self.repository.descendant_of(commit, earlier)


@pytest.fixture
def history(tmp_path, monkeypatch) -> History:
    made = History(tmp_path / "git")
    monkeypatch.setattr(Context, "remote", lambda *_: Remote(str(made.folder)))
    monkeypatch.setattr(comparison, "compare", lambda *_: SimpleNamespace(merge_base=made.begin))
    monkeypatch.setattr(comparison, "contains", lambda _gh, _repo, ref, commit: made.contains(ref, commit))
    return made


def record(monkeypatch: pytest.MonkeyPatch, *moves: Push) -> None:
    monkeypatch.setattr(pushes, "life", lambda *_: list(moves))


def refused(history: History, after: str) -> str:
    conflict = Conflict(history.base, history.head)
    client: Any = None
    return conflicts.refusal(client, REPO, conflict, "work", "main", after)


@pytest.fixture
def lacking(history, tmp_path):
    """What a head lacks of its base, by the runs that merged it: (reason, paths) each."""

    def look(head: str, *merges: str) -> list[tuple[str, list[str]]]:
        context = desk(tmp_path)
        cause = Conflict(history.base, history.head).cause
        runs = [ended("conflict", "done", cause=cause, new_head=after) for after in merges]
        write(context, "pr", PR, numbered(*runs))
        client: Any = None
        findings = kept_base.findings(
            context,
            client,
            Subject.of({"repo": REPO, "pr": str(PR)}, context),
            pull(head_sha=head, base_ref="main"),
            context.ledger(REPO).entries("pr", PR),
        )
        assert {finding.fixer for finding in findings} <= {"rex"}
        return [(finding.reason, re.findall(r"`(.+)`", finding.details)) for finding in findings]

    return look


MARKED = b"# List\n<<<<<<< HEAD\n- head\n=======\n- base\n>>>>>>> main\n"
LOST = "a merge of main does not keep what it has in files without a conflict"
LEFT = "a merge of main left the marks of the conflict in the files"
WITHOUT_OLD = {path: text for path, text in MERGED.items() if path != "old.txt"}


@pytest.mark.rule("R5")
@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("files", "lacks"),
    [
        (MERGED, []),
        # The resolution may say what it likes, as long as the conflict is gone: tests and reviewers read it.
        (MERGED | {"list.md": b"# List\n- both\n"}, []),
        # What the pull request has changed already may have to fit the base, and new files are reviewed as any.
        (MERGED | {"head.txt": b"h2\n", "new.txt": b"n\n"}, []),
        (MERGED | {"list.md": MARKED}, [(LEFT, ["list.md"])]),
        (MERGED | {"README.md": b"read me\n"}, [(LOST, ["README.md"])]),
        (MERGED | {"README.md": b"mine\n"}, [(LOST, ["README.md"])]),
        (HEAD, [(LOST, ["README.md", "base.txt"])]),
        (WITHOUT_OLD, [(LOST, ["old.txt"])]),
        (WITHOUT_OLD | {"list.md": MARKED}, [(LOST, ["old.txt"]), (LEFT, ["list.md"])]),
    ],
)
def test_a_merge_keeps_what_only_the_base_changed(history, lacking, files, lacks):
    after = history.commit(files, history.head, history.base)
    assert lacking(after, after) == lacks


@pytest.mark.rule("R6")
def test_what_a_later_push_repaired_is_lacking_no_more_and_what_it_left_is(history, lacking):
    wrong = history.commit(WITHOUT_OLD | {"list.md": MARKED, "README.md": b"mine\n"}, history.head, history.base)
    assert lacking(history.commit(MERGED, wrong), wrong) == []
    assert lacking(history.commit(MERGED | {"list.md": MARKED}, wrong), wrong) == [(LEFT, ["list.md"])]
    # A second merge hides nothing of the first one.
    again = history.commit(WITHOUT_OLD | {"new.txt": b"n\n"}, wrong, history.base)
    assert lacking(again, wrong, again) == [(LOST, ["old.txt"])]


@pytest.mark.rule("R6")
def test_a_merge_that_was_taken_out_of_the_branch_is_nobody_s(history, lacking):
    wrong = history.commit(WITHOUT_OLD, history.head, history.base)
    assert lacking(history.commit(MERGED, history.head, history.base), wrong) == []


@pytest.mark.rule("R5")
def test_marks_that_the_base_has_too_are_no_conflict(history, lacking, monkeypatch):
    """A guide to git may show them."""
    monkeypatch.setattr(kept_base, "_is_marked", lambda *_: True)
    after = history.commit(MERGED, history.head, history.base)
    assert lacking(after, after) == []


@pytest.mark.rule("R5")
def test_a_branch_without_the_base_or_without_its_own_commits_is_no_merge(history, monkeypatch):
    for parents, reason in [
        ((history.head,), f"it did not merge main: {history.base[:12]} is not part of the branch"),
        ((history.base,), "its push took commits out of the branch"),
        ((history.head, history.base), ""),
    ]:
        after = history.commit(MERGED, *parents)
        record(monkeypatch, Push(history.head, after, "rex[bot]"))
        assert refused(history, after) == reason


@pytest.mark.rule("R5")
def test_a_forced_push_is_refused_though_the_end_holds_both_sides(history, monkeypatch):
    after = history.commit(MERGED, history.head, history.base)
    forced = Push(history.begin, after, "rex[bot]")
    for moves, reason in [
        ((Push(history.head, history.begin, "rex[bot]", forced=True), forced), "the branch was pushed by force"),
        ((forced,), "GitHub's record does not show how the branch came to its head"),
        # One before the run is no concern of its.
        ((Push("x", history.head, "ann", forced=True), Push(history.head, after, "rex[bot]")), ""),
    ]:
        record(monkeypatch, *moves)
        assert refused(history, after) == reason


@pytest.mark.rule("R5")
def test_where_github_keeps_no_record_the_commits_alone_tell(history, monkeypatch):
    def life(*_: object) -> list[Push]:
        raise GitHubRefused("Not Found", 404)

    monkeypatch.setattr(pushes, "life", life)
    assert refused(history, history.commit(MERGED, history.head, history.base)) == ""
    assert refused(history, history.commit(MERGED, history.base)) == "its push took commits out of the branch"


def test_the_files_in_conflict_are_named_and_what_a_merge_may_change_is_known(history):
    merged = Clone(history.folder).merge(history.begin, history.base, history.head)
    assert merged.conflicts == ("list.md",)
    assert merged.changed == {"list.md", "head.txt"}
    tried = TriedMerge.of(merged.tree, merged.conflicts)
    assert TriedMerge.unpack(tried.pack()) == tried
    assert conflicts.counted(tried, "main") == "1 file conflicts with main"
    assert conflicts.counted(tried, "$(rm)") == "1 file conflicts with a branch with an unusual name"
    assert conflicts.listed(tried) == "list.md"
    assert conflicts.counted(None, "main") == "GitHub says that it conflicts with main"


def test_a_file_that_one_side_deleted_conflicts_too(history):
    without = history.commit({path: text for path, text in HEAD.items() if path != "README.md"}, history.begin)
    merged = Clone(history.folder).merge(history.begin, history.base, without)
    assert merged.conflicts == ("README.md", "list.md")
    assert conflicts.counted(TriedMerge.of(merged.tree, merged.conflicts), "main") == "2 files conflict with main"


def test_very_many_and_very_long_paths_travel_cut_and_counted():
    long = "\udcff" * 3_000
    paths = [f"{number:05}/{long}" for number in range(5_000)]
    tried = TriedMerge.of("", paths)
    packed = tried.pack()
    assert len(packed) < 90_000
    assert TriedMerge.unpack(packed) == tried
    assert tried.count == 5_000
    assert conflicts.counted(tried, "main") == "5000 files conflict with main"


def test_what_is_no_merge_is_an_error_that_names_the_parameter():
    assert TriedMerge.unpack("none") is None
    with pytest.raises(InputError, match="parameter merge: conflicts"):
        TriedMerge.unpack(packing.pack('{"tree": "", "conflicts": 3}'))


@pytest.mark.rule("R10")
@pytest.mark.parametrize("cause", ["none", "", "check-1", "a-into-b", f"{'a' * 40}-into-{'b' * 39}"])
def test_another_cause_is_refused(cause):
    with pytest.raises(InputError, match="parameter cause: expected <base commit>-into-<head commit>"):
        Conflict.of_cause(cause)


def test_a_cause_names_both_commits(history):
    conflict = Conflict(history.base, history.head)
    assert Conflict.of_cause(conflict.cause) == conflict
