"""A play ends with the harness's pull request of statuses, which a person merges and no agent touches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness import REPO, Agents, World, git, project, reconciled, task, world
from people import person

from pressplay import names
from pressplay.cluster import waits
from pressplay.errors import InputError
from pressplay.github import checks, pulls
from pressplay.sandbox.setup import MAINTAINER
from pressplay.steps.play import bookkeeping, status_steps

FILE = ".taskmaster/tasks/tasks.json"
BRANCH = names.status_branch(REPO, "master")
ON = {"defaults": {"statusPullRequest": True}}

pytestmark = pytest.mark.rule("R5")


def begun(tmp_path: Path, agents: Agents | None = None, **options) -> tuple[World, str]:
    source = project(tmp_path, [task(1), task(2, 1), task(3)])
    file = source / FILE
    file.write_text(json.dumps(json.loads(file.read_text()), indent=4) + "\n\n")
    return world(tmp_path / "state", agents, source=source, **options), file.read_text()


def opened(made: World, state: str = "open") -> list[pulls.Pull]:
    gh = made.sandbox.context.harness(REPO, pull_requests="read")
    return [pull for pull in pulls.all_pulls(gh, REPO, state) if pull.head_ref == BRANCH]


def statuses(made: World, ref: str) -> str:
    return git(made.sandbox.forge.git_path(REPO), "show", f"{ref}:{FILE}")


def merge(made: World, pull: pulls.Pull) -> None:
    """A person approves, without which GitHub lets nobody merge it, and merges."""
    with person(made) as api:
        assert api.put(f"pulls/{pull.number}/merge").status_code == 405
        api.post(f"pulls/{pull.number}/reviews", json={"event": "APPROVE"}).raise_for_status()
        api.put(f"pulls/{pull.number}/merge", json={"merge_method": "merge"}).raise_for_status()


def minutes(made: World, count: int) -> None:
    end = made.sandbox.clock.now() + 60.0 * count
    made.sandbox.run(lambda: made.sandbox.clock.now() >= end and not made.sandbox.kubelet.busy)


@pytest.mark.parametrize("settings", [{}, {"events": {"start": "all"}}, {"others": "require"}])
def test_it_sets_the_words_of_statuses_alone_and_a_person_merges_it(tmp_path, settings):
    """Also where every pull request starts flows, or must be reviewed."""
    defaults = {**ON["defaults"], **({"others": settings["others"]} if "others" in settings else {})}
    events = {key: value for key, value in settings.items() if key == "events"}
    made, before = begun(
        tmp_path, Agents(fails={("test", 3)}), settings={"defaults": defaults, **events}, chart=reconciled("* * * * *")
    )
    made.play()
    (pull,) = opened(made)
    assert pull.author == names.bot(made.sandbox.settings.github.harness_app)
    text = statuses(made, pull.head_sha)
    document = json.loads(text)
    assert [entry["status"] for entry in document["master"]["tasks"]] == ["done", "done", "review"]
    assert text == before.strip().replace("pending", "done", 2).replace("pending", "review")
    assert git(made.sandbox.forge.git_path(REPO), "diff", "--name-only", "main", pull.head_sha) == FILE

    runs = made.starts()
    with person(made) as api:
        api.post(f"issues/{pull.number}/comments", json={"body": "/press-play fix"}).raise_for_status()
    minutes(made, 20)
    # No agent works on it, whoever asks, and the harness's answer stays.
    assert made.starts() == runs
    gh = made.sandbox.context.harness(REPO, checks="write", pull_requests="read")
    check = checks.own(gh, REPO, pull.head_sha, "press-play/acceptance")
    assert check is not None
    assert check.conclusion == "neutral"
    merge(made, pull)
    assert statuses(made, "main") == text


def test_a_later_play_brings_it_up_to_date(tmp_path):
    agents = Agents(fails={("test", 3)})
    made, _before = begun(tmp_path, agents, settings=ON)
    made.play()
    (first,) = opened(made)
    agents.fails.clear()
    made.play()
    (second,) = opened(made)
    assert second.number == first.number
    assert statuses(made, second.head_sha).count('"done"') == 3
    assert waits.phase(made.sandbox.plays()[-1]) == "Succeeded"


def test_once_it_is_merged_nothing_is_left_to_set(tmp_path):
    made, _before = begun(tmp_path, settings=ON)
    made.play()
    (pull,) = opened(made)
    merge(made, pull)
    document = json.loads(statuses(made, "main"))
    assert {entry["status"] for entry in document["master"]["tasks"]} == {"done"}
    made.play()
    assert opened(made) == []


def test_the_step_is_repeated_without_effect_and_closes_what_a_person_set_by_hand(tmp_path):
    made, _before = begun(tmp_path, Agents(fails={("test", 3)}), settings=ON)
    made.play()
    (pull,) = opened(made)
    inputs = {"repo": REPO, "tag": "master", "play": made.sandbox.plays()[-1]["metadata"]["name"]}
    assert status_steps.write(inputs, made.sandbox.context) == {"state": "open", "pr": str(pull.number)}
    assert [again.head_sha for again in opened(made)] == [pull.head_sha]
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(made.sandbox.forge.git_path(REPO)), str(copy))
    git(copy, "-c", "user.name=p", "-c", "user.email=p@example.org", "cherry-pick", pull.head_sha)
    git(copy, "push", "-q", "origin", "HEAD:main")
    made.sandbox.forge.sync(REPO, MAINTAINER)
    assert status_steps.write(inputs, made.sandbox.context) == {"state": "nothing", "pr": "none"}
    (closed,) = opened(made, "closed")
    assert (closed.number, closed.merged) == (pull.number, False)


def test_without_the_value_there_is_none(tmp_path):
    made, before = begun(tmp_path)
    made.play()
    assert opened(made, "all") == []
    assert statuses(made, "main") == before.strip()


def test_a_fault_of_it_is_shown_and_fails_no_play(tmp_path, monkeypatch):
    made, _before = begun(tmp_path, settings=ON)

    def refuse(*_: object) -> None:
        raise InputError("tasks.json can't be read")

    monkeypatch.setattr(bookkeeping, "standings", refuse)
    assert made.play().state == "merged"
    play = made.sandbox.plays()[-1]
    assert waits.phase(play) == "Succeeded"
    failed = [node["displayName"] for node in waits.nodes(play).values() if node["phase"] in ("Failed", "Error")]
    assert "write" in failed
    assert opened(made, "all") == []
