"""When `reconcile` reads whether a pull request conflicts, and when it need not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from ledgers import REPO, desk, pull

from pressplay.cluster.sqlite import SqliteCluster
from pressplay.github import pulls, refs
from pressplay.steps.core.context import Context
from pressplay.steps.upkeep import mergeability
from pressplay.steps.upkeep.mergeability import Memory

pytestmark = pytest.mark.rule("R2")
HEAD = "1" * 40


@dataclass
class GitHub:
    """Open pull requests with the state that GitHub gives of each, and what was read."""

    states: dict[int, str]
    base: str = "a" * 40
    read: list[int] = field(default_factory=list)
    bases: int = 0

    def opened(self) -> list[pulls.Pull]:
        return [pull(number=number, head_sha=HEAD, mergeable_state="unknown") for number in self.states]

    def pull(self, _gh: Any, _repo: str, number: int) -> pulls.Pull:
        self.read.append(number)
        return pull(number=number, head_sha=HEAD, mergeable_state=self.states[number])

    def head(self, _gh: Any, _repo: str, _branch: str) -> str:
        self.bases += 1
        return self.base


@pytest.fixture
def watch(tmp_path, monkeypatch):
    """Looks at a minute's GitHub; gives the numbers that began to conflict."""
    context, memory = desk(tmp_path), Memory()
    monkeypatch.setattr(Context, "harness", lambda *_, **__: None)

    def look(github: GitHub, *, seconds: float = 60, pushed: float = 0.0) -> set[int]:
        monkeypatch.setattr(pulls, "pull", github.pull)
        monkeypatch.setattr(refs, "find_head", github.head)
        context.clock.sleep(seconds)
        github.read.clear()
        github.bases = 0
        opened = github.opened()
        return mergeability.look(context, REPO, opened, opened, memory, pushed)

    look.memory, look.context = memory, context  # type: ignore[attr-defined]
    return look


def test_a_head_is_read_once_while_neither_it_nor_its_base_moves(watch):
    github = GitHub({1: "clean", 2: "blocked"})
    assert watch(github) == set()
    assert (github.read, github.bases) == ([1, 2], 1)
    for _ in range(13):
        assert watch(github) == set()
        assert (github.read, github.bases) == ([], 0)


def test_what_github_had_not_computed_is_read_again_the_next_minute(watch):
    github = GitHub({1: "unknown"})
    assert watch(github) == set()
    github.states[1] = "dirty"
    assert watch(github) == {1}
    assert watch(github) == set()
    assert watch.memory.is_dirty(pull(number=1, head_sha=HEAD))
    assert not watch.memory.is_dirty(pull(number=1, head_sha="2" * 40))
    assert not watch.memory.is_dirty(pull(number=2, head_sha=HEAD))


def test_a_merge_has_the_others_read_the_same_minute(watch):
    github = GitHub({1: "clean", 2: "clean", 3: "clean"})
    watch(github)
    del github.states[1]
    github.states[2], github.base = "dirty", "b" * 40
    assert watch(github) == {2}
    assert github.read == [2, 3]


def test_a_closed_pull_request_that_moved_nothing_costs_one_call(watch):
    github = GitHub({1: "clean", 2: "clean"})
    watch(github)
    del github.states[1]
    watch(github)
    assert (github.read, github.bases) == ([], 1)


def test_a_push_to_the_base_is_seen_by_its_note_or_within_a_quarter_of_an_hour(watch):
    github = GitHub({1: "clean"})
    watch(github)
    github.base = "b" * 40
    watch(github)
    assert github.read == []
    watch(github, pushed=watch.context.clock.now() + 30)
    assert github.read == [1]
    github.base = "c" * 40
    watch(github, seconds=900)
    assert github.read == [1]


@pytest.mark.rule("R4")
def test_a_base_that_moves_under_many_is_read_in_turns(watch):
    github = GitHub(dict.fromkeys(range(1, 51), "unknown"))
    read: list[int] = []
    for _ in range(3):
        watch(github)
        assert len(github.read) <= 20
        read += github.read
    # What GitHub never computes keeps nothing else waiting.
    assert set(read) == set(range(1, 51))


def test_the_note_of_a_push_leaves_what_is_remembered(tmp_path):
    context = desk(tmp_path)
    assert isinstance(context.cluster, SqliteCluster)
    manifest = mergeability.memory_of(context, REPO)
    context.cluster.apply({**manifest, "data": {"seen": "{}"}})
    mergeability.note_push(context, REPO)
    metadata = manifest["metadata"]
    data = (context.cluster.get("ConfigMap", metadata["namespace"], metadata["name"]) or {})["data"]
    assert data == {"seen": "{}", "pushed": str(context.clock.now())}
