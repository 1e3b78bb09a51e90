"""GitHub's failures: what passes is TryAgain, what stays wrong is InputError and says what is missing."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from github_world import CHECK, REPO

from pressplay.errors import InputError, TryAgain
from pressplay.github import checks, comments, contents, issues, pulls, refs, reviews
from pressplay.github.calls import call
from pressplay.sandbox.forge import Fault


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=502),
        Fault(status=503, headers={"Retry-After": "3"}),
        Fault(status=409, message="Conflict"),
        Fault(timeout=httpx.ReadTimeout("late")),
        Fault(timeout=httpx.ConnectError("refused")),
        Fault(truncate=40),
    ],
    ids=lambda fault: str(fault.status or fault.timeout or "truncated"),
)
def test_a_passing_fault_is_try_again_once_and_then_it_works(github_world, fault):
    gh = github_world.client("rex")
    github_world.forge.faults.append(fault)
    with pytest.raises(TryAgain, match=f"GET /repos/{REPO}"):
        contents.default_branch(gh, REPO)
    assert contents.default_branch(gh, REPO) == "main"


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_lasting_fault_is_an_input_error_that_names_method_and_path(github_world, status):
    gh = github_world.client("rex")
    github_world.forge.faults.append(Fault(path=f"/repos/{REPO}$", times=2, status=status, message="No"))
    with pytest.raises(InputError, match=f"GET /repos/{REPO}: GitHub answered {status}") as caught:
        contents.default_branch(gh, REPO)
    assert caught.value.exit_code == 2


def test_a_missing_permission_is_named(github_world):
    told = r"to the App 'rex' with contents: read; the App needs one of the permissions: pull_requests=read"
    with pytest.raises(InputError, match=told):
        pulls.pull(github_world.client("rex", contents="read"), REPO, 1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=502), TryAgain),
        (Fault(timeout=httpx.ReadTimeout("late")), TryAgain),
        (Fault(truncate=25), TryAgain),
        (Fault(status=429, headers={"Retry-After": "9"}), TryAgain),
        (Fault(status=403, message="No"), InputError),
        (Fault(times=2, status=401, message="No"), InputError),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_graphql_fails_as_everything_else_does(github_world, fault, error):
    pull, gh = github_world.pull(), github_world.client("rex")
    fault = replace(fault, path="graphql")
    github_world.forge.faults.append(fault)
    with pytest.raises(error, match=r"POST /?(api/)?graphql"):
        comments.resolved(gh, REPO, pull.number)
    github_world.clock.sleep(10)
    assert comments.resolved(gh, REPO, pull.number) == set()


@pytest.mark.rule("R7")
def test_an_error_carries_none_of_the_text_that_could_be_evaluated(github_world):
    gh = github_world.client("rex")
    github_world.forge.faults.append(Fault(status=422, message="bad {{workflow.uid}} and {{=1+1}} $(rm)"))
    with pytest.raises(InputError) as caught:
        refs.head(gh, REPO, "{{workflow.uid}}")
    assert "{" not in str(caught.value)
    assert "$" not in str(caught.value)


@pytest.mark.rule("R3")
@pytest.mark.parametrize(
    ("path", "method"), [("git/refs", "POST"), ("git/trees", "POST"), ("git/commits", "POST")], ids=str
)
def test_a_lost_answer_changes_nothing_for_the_second_call(github_world, path, method):
    gh = github_world.client("rex")
    base = refs.head(gh, REPO, "main")
    github_world.forge.faults.append(Fault(method, path, status=502, after=True))
    with pytest.raises(TryAgain):
        refs.commit_files(gh, REPO, "ctx", {"f": b"x"}, "m", base)
    sha = refs.commit_files(gh, REPO, "ctx", {"f": b"x"}, "m", base)
    assert refs.head(gh, REPO, "ctx") == sha
    assert len(github_world.person().get("/commits", params={"sha": "ctx"}).json()) == 2


@pytest.mark.rule("R3")
def test_lost_answers_double_no_check_comment_or_pull_request(github_world):
    gh, rex = github_world.client("press-play"), github_world.client("rex")
    sha = github_world.branch("f", {"f": b"x"})
    words = {"title": "t", "summary": "s", "details_url": "http://d.test", "external_id": "x"}
    acts = [
        lambda: pulls.open_pull(rex, REPO, "f", "main", "t", "b"),
        lambda: checks.set_check(gh, REPO, CHECK, sha, conclusion="success", **words),
        lambda: issues.comment(gh, REPO, 1, "text", "m"),
    ]
    for act in acts:
        github_world.forge.faults.append(Fault("POST", status=504, after=True))
        with pytest.raises(TryAgain):
            act()
        act()
        act()
    assert len(pulls.all_pulls(gh, REPO)) == 1
    person = github_world.person()
    runs = person.get(f"/commits/{sha}/check-runs", params={"filter": "all"}).json()
    assert (runs["total_count"], len(person.get("/issues/1/comments").json())) == (1, 1)


def test_a_fault_on_one_page_of_a_list_is_not_a_shorter_list(github_world):
    gh = github_world.client("rex")
    head = refs.head(gh, REPO, "main")
    for number in range(101):
        call(gh, "POST", f"/repos/{REPO}/git/refs", json={"ref": f"refs/heads/b/{number:03}", "sha": head})
    assert len(refs.branches_with_prefix(gh, REPO, "b/")) == 101

    github_world.forge.faults.append(Fault("GET", skip=1, status=502))
    with pytest.raises(TryAgain):
        refs.branches_with_prefix(gh, REPO, "b/")
    assert github_world.forge.faults[-1].times == 0


def test_reviews_refuse_a_commit_that_is_not_the_pull_requests(github_world):
    pull = github_world.pull()
    with pytest.raises(InputError, match="not part of the pull request"):
        reviews.post_review(github_world.client("qa"), REPO, pull.number, "0" * 40, "COMMENT", "x")
