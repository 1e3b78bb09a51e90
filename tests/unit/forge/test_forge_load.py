"""A storm costs in proportion: every statement finds its rows by an index, and none reads all of a table that grows."""

from __future__ import annotations

import random
import re

import pygit2
import pytest
from github_world import REPO

from pressplay.sandbox.forge import CiJob, gitdata


@pytest.fixture
def statements(github_world):
    """Every statement that the forge runs from here on, with its values."""
    connection = github_world.forge._store._connection()
    found = []
    connection.set_trace_callback(found.append)
    yield found
    connection.set_trace_callback(None)


def scans(world, statements):
    """The statements for which SQLite would read a whole table, or a whole index that is not its order."""
    connection = world.forge._store._connection()
    connection.set_trace_callback(None)
    found = set()
    for statement in {text for text in statements if text.startswith(("SELECT", "UPDATE", "DELETE"))}:
        for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}"):
            # SQLite's own table of sequences has a row for each table and no index.
            if step["detail"].startswith("SCAN") and not re.search(r"\(subquery|sqlite_sequence", step["detail"]):
                found.add((re.sub(r"\b\d+(\.\d+)?\b|'[^']*'", "?", statement), step["detail"]))
    return found


def storm(world, number, pulls):
    """Comments of all kinds, pushes, labels, checks and runs, in an order by chance."""
    person, chance = world.person(), random.Random(1)
    heads = {pull.number: (pull.head_ref, pull.head_sha) for pull in pulls}
    for at in range(number):
        pull = chance.choice(list(heads))
        branch, head = heads[pull]
        kind = chance.randrange(5)
        if kind == 0:
            tree = person.get(f"/git/commits/{head}").json()["tree"]["sha"]
            made = person.post("/git/commits", json={"message": f"c{at}", "tree": tree, "parents": [head]}).json()
            assert person.patch(f"/git/refs/heads/{branch}", json={"sha": made["sha"]}).is_success
            heads[pull] = (branch, made["sha"])
        elif kind == 1:
            path = f"{branch.rpartition('/')[2]}.txt"
            fields = {"body": "why?", "commit_id": head, "path": path, "line": 1}
            assert person.post(f"/pulls/{pull}/comments", json=fields).status_code == 201
        elif kind == 2:
            world.forge.report_ci(REPO, head, "CI", [CiJob("build", chance.choice(["success", "failure"]))])
        else:
            assert person.post(f"/issues/{pull}/comments", json={"body": f"hello {at}"}).status_code == 201


def test_no_statement_reads_all_of_a_table_that_grows(github_world, statements):
    world, person = github_world, github_world.person()
    pulls = [world.pull(f"feature/task-{number}-implementation") for number in range(1, 4)]
    storm(world, 40, pulls)
    pull = pulls[0]
    for path in (
        "",
        "/issues?since=2026-01-01T00:00:00Z&labels=x&creator=maintainer",
        "/issues/comments?since=2026-01-01T00:00:00Z",
        "/pulls/comments?since=2026-01-01T00:00:00Z",
        f"/issues/{pull.number}/timeline",
        f"/issues/{pull.number}/events",
        f"/pulls/{pull.number}",
        f"/pulls/{pull.number}/comments",
        f"/pulls/{pull.number}/reviews",
        f"/pulls?head=acme:{pull.head_ref}",
        f"/commits/{pull.head_sha}/check-runs",
        f"/commits/{pull.head_sha}/check-suites",
        f"/commits/{pull.head_sha}/status",
        f"/actions/runs?head_sha={pull.head_sha}",
        "/actions/runs?branch=main",
        "/actions/runs/1/jobs",
        "/issues/events",
    ):
        assert person.get(path).is_success, path
    world.forge.events(5)
    slow = scans(world, statements)
    assert not slow, "\n".join(sorted(f"{step}: {statement}" for statement, step in slow))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_kept_of_a_history_is_what_the_history_says(tmp_path, seed):
    """Short cuts over lines of commits and what was counted before give what the sets of ancestors give."""
    chance, git = random.Random(seed), pygit2.init_repository(str(tmp_path), bare=True)
    tree, who = git.TreeBuilder().write(), pygit2.Signature("a", "a@b.test", 0, 0)
    made, ancestors = [], {}
    for at in range(30):
        parents = chance.sample(made[-4:], min(len(made), chance.choice([1, 1, 1, 1, 2])))
        sha = str(git.create_commit(None, who, who, str(at), tree, parents))
        made.append(sha)
        ancestors[sha] = {sha}.union(*(ancestors[parent] for parent in parents))
        # As the forge asks: about each commit as it comes, against what was there before.
        for other in chance.sample(made, min(len(made), 5)):
            common = ancestors[sha] & ancestors[other]
            best = {one for one in common if not any(one in ancestors[two] - {two} for two in common)}
            found = gitdata.merge_base(git, other, sha)
            assert (found in best) if best else found is None
            assert gitdata.ahead(git, sha, other) == len(ancestors[sha] - ancestors[other])
            assert gitdata.is_ancestor(git, other, sha) == (other in ancestors[sha])
            between = [str(one.id) for one in gitdata.commits_between(git, other, sha)]
            assert set(between) == ancestors[sha] - ancestors[other]
            assert all(
                between.index(parent) < between.index(one)
                for one in between
                for parent in map(str, git[one].parent_ids)
                if parent in between
            )
