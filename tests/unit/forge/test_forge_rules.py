"""What rulesets forbid is impossible, whoever asks (R5)."""

from __future__ import annotations

import itertools

import pytest
from github_world import CHECK, REPO

from pressplay.errors import InputError, TryAgain
from pressplay.github import checks, contents, pulls, refs, reviews, rules
from pressplay.github.calls import GitHubRefused, call
from pressplay.sandbox.setup import PEOPLE


def check(world, sha, app, conclusion="success", name=CHECK):
    words = {"title": "t", "summary": "s", "details_url": "http://d.test", "external_id": "x"}
    checks.set_check(world.client(app), REPO, name, sha, conclusion=conclusion, **words)


def approve(world, pull, app="qa"):
    return reviews.post_review(world.client(app), REPO, pull.number, pull.head_sha, "APPROVE", "fine")


def merge(world, pull):
    return world.person().put(f"/pulls/{pull.number}/merge", json={"sha": pull.head_sha})


def merge_as_app(gh, pull):
    """No code of ours merges (R5), so the call is spelt here; its failures are told apart as everywhere."""
    return call(gh, "PUT", f"/repos/{REPO}/pulls/{pull.number}/merge", json={"sha": pull.head_sha})


def state(world, pull):
    return pulls.pull(world.client("press-play"), REPO, pull.number).mergeable_state


@pytest.fixture
def protected(github_world):
    github_world.protect()
    return github_world


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("from_harness", "from_other", "approved"), list(itertools.product((True, False), (True, False), (True, False)))
)
def test_a_merge_needs_the_check_from_the_harness_and_an_approval(protected, from_harness, from_other, approved):
    pull = protected.pull()
    if from_harness:
        check(protected, pull.head_sha, "press-play")
    if from_other:
        check(protected, pull.head_sha, "rex")
    if approved:
        approve(protected, pull)
    allowed = from_harness and approved
    assert state(protected, pull) == ("clean" if allowed else "blocked")
    answer = merge(protected, pull)
    assert answer.status_code == (200 if allowed else 405)
    assert pulls.pull(protected.client("rex"), REPO, pull.number).merged is allowed


@pytest.mark.rule("R5")
@pytest.mark.parametrize("conclusion", ["failure", "action_required", "cancelled", None])
def test_a_check_that_has_not_passed_blocks(protected, conclusion):
    pull = protected.pull()
    approve(protected, pull)
    check(protected, pull.head_sha, "press-play")
    check(protected, pull.head_sha, "press-play", conclusion)
    assert state(protected, pull) == "blocked"


@pytest.mark.rule("R5")
def test_a_push_voids_check_and_approval(protected):
    pull = protected.pull()
    check(protected, pull.head_sha, "press-play")
    approve(protected, pull)
    assert state(protected, pull) == "clean"
    protected.branch(pull.head_ref, {"more": b"x"}, base=pull.head_sha)
    pushed = pulls.pull(protected.client("rex"), REPO, pull.number)
    assert pushed.head_sha != pull.head_sha
    assert [r.state for r in reviews.reviews(protected.client("qa"), REPO, pull.number)] == ["DISMISSED"]
    assert merge(protected, pushed).status_code == 405
    check(protected, pushed.head_sha, "press-play")
    assert merge(protected, pushed).status_code == 405, "the approval named the old commit"
    approve(protected, pushed)
    assert merge(protected, pushed).status_code == 200


@pytest.mark.rule("R5")
@pytest.mark.parametrize("event", ["APPROVE", "REQUEST_CHANGES"])
def test_nobody_reviews_their_own_pull_request(protected, event):
    pull = protected.pull()
    with pytest.raises(InputError, match="your own pull request"):
        reviews.post_review(protected.client("rex"), REPO, pull.number, pull.head_sha, event, "mine")
    commented = reviews.post_review(protected.client("rex"), REPO, pull.number, pull.head_sha, "COMMENT", "mine")
    assert commented.state == "COMMENTED"


def test_a_later_request_for_changes_takes_an_approval_back_and_a_comment_does_not(protected):
    pull = protected.pull()
    check(protected, pull.head_sha, "press-play")
    approve(protected, pull)
    reviews.post_review(protected.client("qa"), REPO, pull.number, pull.head_sha, "COMMENT", "by the way")
    assert state(protected, pull) == "clean"
    no = reviews.post_review(protected.client("qa"), REPO, pull.number, pull.head_sha, "REQUEST_CHANGES", "no")
    assert state(protected, pull) == "blocked"
    reviews.dismiss(protected.client("qa"), REPO, pull.number, no.id, "never mind")
    assert state(protected, pull) == "blocked"
    approve(protected, pull)
    assert state(protected, pull) == "clean"


@pytest.mark.rule("R5")
def test_nobody_changes_a_protected_branch_but_by_pull_request(protected):
    sha = protected.branch("side", {"f": b"x"})
    gh = protected.client("rex")
    base = refs.head(gh, REPO, "main")
    assert protected.person().patch("/git/refs/heads/main", json={"sha": sha}).status_code == 422
    assert protected.person().patch("/git/refs/heads/main", json={"sha": sha, "force": True}).status_code == 422
    assert protected.person().delete("/git/refs/heads/main").status_code == 422
    with pytest.raises(InputError, match=r"through a pull request|Required status checks"):
        refs.commit_files(gh, REPO, "main", {"f": b"x"}, "m", base)
    assert refs.head(gh, REPO, "main") == base


def test_only_who_is_listed_passes_a_ruleset_by(github_world):
    github_world.forge.create_ruleset(
        REPO,
        name="maintainers only",
        rules=[{"type": "update"}],
        bypass_actors=[{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "pull_request"}],
    )
    pull = github_world.pull()
    with pytest.raises(InputError, match="405"):
        merge_as_app(github_world.client("rex"), pull)
    assert github_world.person().patch("/git/refs/heads/main", json={"sha": pull.head_sha}).status_code == 422
    assert merge(github_world, pull).status_code == 200


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_each_way_of_merging_brings_the_files(github_world, method):
    pull = github_world.pull()
    github_world.branch("other", {"other": b"o"})
    other = pulls.open_pull(github_world.client("rex"), REPO, "other", "main", "Other", "")
    assert github_world.person().put(f"/pulls/{other.number}/merge", json={"merge_method": "merge"}).is_success
    merged = github_world.person().put(f"/pulls/{pull.number}/merge", json={"merge_method": method}).json()
    gh = github_world.client("rex")
    assert refs.head(gh, REPO, "main") == merged["sha"]
    assert contents.read_file(gh, REPO, "other", "main") == b"o"
    assert contents.read_file(gh, REPO, "task-1-implementation.txt", "main") == pull.head_ref.encode()
    parents = github_world.person().get(f"/git/commits/{merged['sha']}").json()["parents"]
    assert len(parents) == (2 if method == "merge" else 1)


def test_a_conflict_is_dirty_and_can_not_be_merged(github_world):
    github_world.branch("one", {"same": b"1"})
    github_world.branch("two", {"same": b"2"})
    gh = github_world.client("rex")
    one, two = (pulls.open_pull(gh, REPO, branch, "main", branch, "") for branch in ("one", "two"))
    assert merge(github_world, one).is_success
    assert state(github_world, two) == "dirty"
    assert merge(github_world, two).status_code == 405


def test_a_merge_of_another_head_than_expected_is_a_conflict(github_world):
    pull = github_world.pull()
    github_world.branch(pull.head_ref, {"more": b"x"}, base=pull.head_sha)
    with pytest.raises(TryAgain, match="409"):
        merge_as_app(github_world.client("rex"), pull)


def test_a_branch_behind_its_base_is_brought_up_to_date(github_world):
    words = {"strict_required_status_checks_policy": True, "required_status_checks": []}
    github_world.forge.create_ruleset(
        REPO, name="up to date", rules=[{"type": "required_status_checks", "parameters": words}]
    )
    first, second = github_world.pull("feature/a"), github_world.pull("feature/b")
    assert merge(github_world, first).is_success
    assert state(github_world, second) == "behind"
    # GitHub itself refuses what is behind, whoever merges it.
    assert merge(github_world, second).status_code == 405
    assert github_world.person().put(f"/pulls/{second.number}/update-branch", json={}).status_code == 202
    assert state(github_world, second) == "clean"


WRITES = {"contents": "write", "pull_requests": "write"}


@pytest.mark.parametrize(
    ("files", "permissions", "status", "message"),
    [
        ({"other": b"o"}, WRITES, None, ""),
        ({"other": b"o"}, {"contents": "read", "pull_requests": "write"}, 403, "not accessible by integration"),
        ({".github/workflows/ci.yml": b"on: push"}, WRITES, 403, "without +workflows +permission"),
        # Beside the folder of workflows everything may come in.
        ({".github/dependabot.yml": b"version: 2"}, WRITES, None, ""),
        ({"task-1-implementation.txt": b"theirs"}, WRITES, 422, "merge conflict"),
    ],
)
def test_what_an_app_may_bring_into_a_branch(github_world, files, permissions, status, message):
    pull = github_world.pull()
    github_world.branch("main", files, base=refs.head(github_world.client("rex"), REPO, "main"))
    gh = github_world.client("press-play", **permissions)
    if status is None:
        pulls.update_branch(gh, REPO, pull.number, pull.head_sha)
        head = pulls.pull(gh, REPO, pull.number).head_sha
        assert refs.parents(gh, REPO, head) == [pull.head_sha, refs.head(gh, REPO, "main")]
        return
    with pytest.raises(GitHubRefused, match=message) as refused:
        pulls.update_branch(gh, REPO, pull.number, pull.head_sha)
    assert refused.value.status == status
    assert pulls.pull(gh, REPO, pull.number).head_sha == pull.head_sha


def test_a_branch_that_moved_is_not_updated(github_world):
    pull = github_world.pull()
    github_world.branch("main", {"other": b"o"}, base=refs.head(github_world.client("rex"), REPO, "main"))
    with pytest.raises(GitHubRefused, match="expected head sha") as refused:
        pulls.update_branch(github_world.client("press-play"), REPO, pull.number, "0" * 40)
    assert refused.value.status == 422


def test_the_client_reads_what_protects_a_branch(protected):
    gh = protected.client("press-play")
    harness = protected.access.app_id_of_harness()
    found = rules.protection(gh, REPO, "main")
    assert (found.checks, found.approvals, found.dismisses_stale_reviews) == (((CHECK, harness),), 1, True)
    assert (found.has("pull_request"), found.has("update"), found.may_bypass) == (True, False, False)
    protected.forge.create_ruleset(REPO, name="people", rules=[{"type": "update"}], bypass_actors=PEOPLE)
    assert rules.protection(gh, REPO, "main").has("update")
    assert rules.protection(gh, REPO, "side").rulesets == ()


@pytest.mark.rule("R5")
def test_a_ruleset_tells_each_app_what_it_may_itself(protected):
    protected.forge.create_ruleset(
        REPO,
        name="r",
        rules=[{"type": "update"}],
        bypass_actors=[
            {"actor_id": protected.apps["rex"].id, "actor_type": "Integration", "bypass_mode": "always"},
            {"actor_id": protected.apps["qa"].id, "actor_type": "Integration", "bypass_mode": "pull_request"},
        ],
    )
    told = {app: rules.protection(protected.client(app), REPO, "main") for app in ("press-play", "rex", "qa")}
    assert {app: found.rulesets[1].bypass for app, found in told.items()} == {
        "press-play": "never",
        "rex": "always",
        "qa": "pull_requests_only",
    }
    assert {app: found.stops("update") for app, found in told.items()} == {
        "press-play": True,
        "rex": False,
        "qa": False,
    }
    assert [found.rulesets[1].actors for found in told.values()] == [None, None, None], "told to administrators alone"
