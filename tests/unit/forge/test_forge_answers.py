"""Every answer is valid for githubkit's models: what the sandbox's steps read, GitHub says too."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import httpx
import pytest
from github_world import AGENT, CHECK, HARNESS, REPO, URL
from githubkit import GitHub, TokenAuthStrategy
from githubkit.exception import RequestFailed
from pydantic import ValidationError

from pressplay.github import checks, contents, deployments, issues, pulls, refs, reviews, webhooks
from pressplay.github.calls import GitHubRefused
from pressplay.sandbox.forge import CiAnnotation, CiJob

OWNER, NAME = REPO.split("/")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def scene(github_world):
    """A repository in which there is one of everything."""
    world = github_world
    world.protect()
    world.forge.create_ruleset(
        REPO,
        name="no rewriting",
        rules=[{"type": "non_fast_forward"}, {"type": "deletion"}],
        include=["~ALL"],
        bypass_actors=[{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}],
    )
    harness, qa = world.client("press-play"), world.client("qa")
    pull = world.pull()
    reviews.post_review(qa, REPO, pull.number, pull.head_sha, "COMMENT", "press-play: pass")
    checks.set_check(
        harness,
        REPO,
        CHECK,
        pull.head_sha,
        conclusion="success",
        title="t",
        summary="s",
        details_url="http://d.test",
        external_id="x",
    )
    issues.comment(harness, REPO, pull.number, "hello", "m")
    issues.add_labels(harness, REPO, pull.number, ["ready"])
    person = world.person()
    assert person.post("/issues", json={"title": "Broken", "body": "b", "labels": ["bug"]}).status_code == 201
    plan_issues(person)
    comment = {
        "body": "why?",
        "commit_id": pull.head_sha,
        "path": "task-1-implementation.txt",
        "line": 1,
        "side": "RIGHT",
    }
    made = person.post(f"/pulls/{pull.number}/comments", json=comment)
    assert made.status_code == 201
    assert person.post(f"/pulls/{pull.number}/comments/{made.json()['id']}/replies", json={"body": "so"}).is_success
    assert person.post(f"/statuses/{pull.head_sha}", json={"state": "success", "context": "ci"}).is_success
    deployment = person.post("/deployments", json={"ref": pull.head_sha, "environment": "preview"})
    assert person.post(f"/deployments/{deployment.json()['id']}/statuses", json={"state": "success"}).is_success
    config = {"url": "https://hooks.test/github", "content_type": "json", "secret": "hush"}
    assert person.post("/hooks", json={"config": config, "events": ["push"]}).status_code == 201
    failed = CiJob("build", "failure", "boom\n", [CiAnnotation("src/app.py", 1, "broken")])
    world.forge.create_alert(REPO, "code-scanning", rule="py/sql-injection", path="src/app.py")
    world.forge.create_alert(REPO, "dependabot", package="requests")
    places = [{"path": "src/app.py", "line": 1}, {"issue": 2}]
    world.forge.create_alert(REPO, "secret-scanning", secret="s3cret", locations=places)
    run = world.forge.report_ci(REPO, pull.head_sha, "CI", [CiJob("lint"), failed])
    assert person.post(f"/actions/runs/{run}/rerun-failed-jobs").status_code == 201
    return world, pull, person


def plan_issues(person: httpx.Client) -> None:
    """A milestone with the issue 2, which has a sub-issue and is blocked by another issue."""
    assert person.post("/milestones", json={"title": "Version 1", "description": "all of it"}).status_code == 201
    assert person.patch("/issues/2", json={"milestone": 1}).json()["milestone"]["open_issues"] == 1
    part, blocker = (person.post("/issues", json={"title": title}).json()["id"] for title in ("Part", "Blocker"))
    assert person.post("/issues/2/sub_issues", json={"sub_issue_id": part}).status_code == 201
    assert person.post("/issues/2/dependencies/blocked_by", json={"issue_id": blocker}).status_code == 201


def as_user(world) -> GitHub[TokenAuthStrategy]:
    return GitHub(
        TokenAuthStrategy(world.forge.user_token("maintainer")),
        base_url=f"{URL}/api/v3",
        transport=httpx.WSGITransport(world.forge.wsgi),
        http_cache=False,
        auto_retry=False,
    )


READS = {
    "repo": lambda r, p: r.repos.get(OWNER, NAME),
    "branches": lambda r, p: r.repos.list_branches(OWNER, NAME),
    "branch": lambda r, p: r.repos.get_branch(OWNER, NAME, "feature/task-1-implementation"),
    "ref": lambda r, p: r.git.get_ref(OWNER, NAME, "heads/main"),
    "matching refs": lambda r, p: r.git.list_matching_refs(OWNER, NAME, "heads/feature/"),
    "tree": lambda r, p: r.git.get_tree(OWNER, NAME, "main", recursive="1"),
    "git commit": lambda r, p: r.git.get_commit(OWNER, NAME, p.head_sha),
    "contents": lambda r, p: r.repos.get_content(OWNER, NAME, "src/app.py"),
    "folder": lambda r, p: r.repos.get_content(OWNER, NAME, "src"),
    "commits": lambda r, p: r.repos.list_commits(OWNER, NAME),
    "commit": lambda r, p: r.repos.get_commit(OWNER, NAME, p.head_sha),
    "compare": lambda r, p: r.repos.compare_commits(OWNER, NAME, f"main...{p.head_ref}"),
    "pulls of commit": lambda r, p: r.repos.list_pull_requests_associated_with_commit(OWNER, NAME, p.head_sha),
    "pulls": lambda r, p: r.pulls.list(OWNER, NAME, state="all"),
    "pull": lambda r, p: r.pulls.get(OWNER, NAME, p.number),
    "pull files": lambda r, p: r.pulls.list_files(OWNER, NAME, p.number),
    "pull commits": lambda r, p: r.pulls.list_commits(OWNER, NAME, p.number),
    "reviews": lambda r, p: r.pulls.list_reviews(OWNER, NAME, p.number),
    "review": lambda r, p: r.pulls.get_review(OWNER, NAME, p.number, 1),
    "review comments": lambda r, p: r.pulls.list_review_comments(OWNER, NAME, p.number),
    "issues": lambda r, p: r.issues.list_for_repo(OWNER, NAME, state="all"),
    "issues of a milestone": lambda r, p: r.issues.list_for_repo(OWNER, NAME, milestone="1"),
    "milestones": lambda r, p: r.issues.list_milestones(OWNER, NAME),
    "milestone": lambda r, p: r.issues.get_milestone(OWNER, NAME, 1),
    "sub-issues": lambda r, p: r.issues.list_sub_issues(OWNER, NAME, 2),
    "blocked by": lambda r, p: r.issues.list_dependencies_blocked_by(OWNER, NAME, 2),
    "issue": lambda r, p: r.issues.get(OWNER, NAME, 2),
    "issue comments": lambda r, p: r.issues.list_comments(OWNER, NAME, p.number),
    "issue comment": lambda r, p: r.issues.get_comment(OWNER, NAME, 1),
    "all issue comments": lambda r, p: r.issues.list_comments_for_repo(OWNER, NAME, since=LONG_AGO),
    "all review comments": lambda r, p: r.pulls.list_review_comments_for_repo(OWNER, NAME, since=LONG_AGO),
    "review comment": lambda r, p: r.pulls.get_review_comment(OWNER, NAME, 1),
    "issue events": lambda r, p: r.issues.list_events(OWNER, NAME, p.number),
    "all issue events": lambda r, p: r.issues.list_events_for_repo(OWNER, NAME),
    "issue event": lambda r, p: r.issues.get_event(OWNER, NAME, 1),
    "timeline": lambda r, p: r.issues.list_events_for_timeline(OWNER, NAME, p.number),
    "timeline of an issue": lambda r, p: r.issues.list_events_for_timeline(OWNER, NAME, 2),
    "labels": lambda r, p: r.issues.list_labels_for_repo(OWNER, NAME),
    "label": lambda r, p: r.issues.get_label(OWNER, NAME, "ready"),
    "issue labels": lambda r, p: r.issues.list_labels_on_issue(OWNER, NAME, p.number),
    "checks": lambda r, p: r.checks.list_for_ref(OWNER, NAME, p.head_sha),
    "check": lambda r, p: r.checks.get(OWNER, NAME, 1),
    "suites": lambda r, p: r.checks.list_suites_for_ref(OWNER, NAME, p.head_sha),
    "suite": lambda r, p: r.checks.get_suite(OWNER, NAME, 2),
    "checks of a suite": lambda r, p: r.checks.list_for_suite(OWNER, NAME, 2),
    "annotations": lambda r, p: r.checks.list_annotations(OWNER, NAME, 3),
    "workflows": lambda r, p: r.actions.list_repo_workflows(OWNER, NAME),
    "workflow": lambda r, p: r.actions.get_workflow(OWNER, NAME, "ci.yml"),
    "workflow runs": lambda r, p: r.actions.list_workflow_runs_for_repo(OWNER, NAME),
    "runs of a workflow": lambda r, p: r.actions.list_workflow_runs(OWNER, NAME, 1, status="queued"),
    "workflow run": lambda r, p: r.actions.get_workflow_run(OWNER, NAME, 1),
    "attempt": lambda r, p: r.actions.get_workflow_run_attempt(OWNER, NAME, 1, 1),
    "jobs": lambda r, p: r.actions.list_jobs_for_workflow_run(OWNER, NAME, 1),
    "all jobs": lambda r, p: r.actions.list_jobs_for_workflow_run(OWNER, NAME, 1, filter_="all"),
    "jobs of an attempt": lambda r, p: r.actions.list_jobs_for_workflow_run_attempt(OWNER, NAME, 1, 1),
    "job": lambda r, p: r.actions.get_job_for_workflow_run(OWNER, NAME, 2),
    "code alerts": lambda r, p: r.code_scanning.list_alerts_for_repo(OWNER, NAME),
    "code alert": lambda r, p: r.code_scanning.get_alert(OWNER, NAME, 1),
    "code alert's instances": lambda r, p: r.code_scanning.list_alert_instances(OWNER, NAME, 1),
    "dependabot alerts": lambda r, p: r.dependabot.list_alerts_for_repo(OWNER, NAME),
    "dependabot alert": lambda r, p: r.dependabot.get_alert(OWNER, NAME, 1),
    "secret alerts": lambda r, p: r.secret_scanning.list_alerts_for_repo(OWNER, NAME),
    "secret alert": lambda r, p: r.secret_scanning.get_alert(OWNER, NAME, 1),
    "secret's locations": lambda r, p: r.secret_scanning.list_locations_for_alert(OWNER, NAME, 1),
    "status": lambda r, p: r.repos.get_combined_status_for_ref(OWNER, NAME, p.head_sha),
    "statuses": lambda r, p: r.repos.list_commit_statuses_for_ref(OWNER, NAME, p.head_sha),
    "rulesets": lambda r, p: r.repos.get_repo_rulesets(OWNER, NAME),
    "ruleset": lambda r, p: r.repos.get_repo_ruleset(OWNER, NAME, 1),
    "ruleset with bypass": lambda r, p: r.repos.get_repo_ruleset(OWNER, NAME, 2),
    "branch rules": lambda r, p: r.repos.get_branch_rules(OWNER, NAME, "main"),
    "permission": lambda r, p: r.repos.get_collaborator_permission_level(OWNER, NAME, "maintainer"),
    "bot": lambda r, p: r.users.get_by_username("qa[bot]"),
    "user": lambda r, p: r.users.get_authenticated(),
    "app": lambda r, p: r.apps.get_by_slug("qa"),
    "rate limit": lambda r, p: r.rate_limit.get(),
    "deployments": lambda r, p: r.repos.list_deployments(OWNER, NAME),
    "deployment": lambda r, p: r.repos.get_deployment(OWNER, NAME, 1),
    "environments": lambda r, p: r.repos.get_all_environments(OWNER, NAME),
    "environment": lambda r, p: r.repos.get_environment(OWNER, NAME, "preview"),
    "webhooks": lambda r, p: r.repos.list_webhooks(OWNER, NAME),
    "webhook": lambda r, p: r.repos.get_webhook(OWNER, NAME, 1),
    "meta": lambda r, p: r.meta.get(),
    "deployment statuses": lambda r, p: r.repos.list_deployment_statuses(OWNER, NAME, 1),
}


def test_answers_to_reads_are_valid_for_githubkits_models(scene):
    world, pull, _person = scene
    gh = as_user(world)
    rest = gh.rest
    faults = {}
    for name, ask in READS.items():
        try:
            assert ask(rest, pull).parsed_data, name
        except (ValidationError, RequestFailed) as error:
            faults[name] = str(error)
    assert faults == {}


def test_answers_to_writes_are_valid_for_githubkits_models(scene):
    world, pull, _person = scene
    gh = as_user(world)
    rest = gh.rest
    base = rest.git.get_ref(OWNER, NAME, "heads/main").parsed_data.object_.sha
    tree_sha = rest.git.get_commit(OWNER, NAME, base).parsed_data.tree.sha
    blob = rest.git.create_blob(OWNER, NAME, content="aGVq", encoding="base64").parsed_data
    assert base64.b64decode(rest.git.get_blob(OWNER, NAME, blob.sha).parsed_data.content) == b"hej"
    tree = rest.git.create_tree(
        OWNER,
        NAME,
        base_tree=tree_sha,
        tree=[{"path": "x/y", "mode": "100644", "type": "blob", "content": "z"}],
    ).parsed_data
    commit = rest.git.create_commit(OWNER, NAME, message="m", tree=tree.sha, parents=[base]).parsed_data
    ref = rest.git.create_ref(OWNER, NAME, ref="refs/heads/w", sha=commit.sha).parsed_data
    assert ref.object_.sha == commit.sha
    second = rest.git.create_commit(OWNER, NAME, message="n", tree=tree.sha, parents=[commit.sha]).parsed_data
    assert rest.git.update_ref(OWNER, NAME, "heads/w", sha=second.sha).parsed_data.object_.sha == second.sha
    opened = rest.pulls.create(OWNER, NAME, title="T", head="w", base="main", body="B").parsed_data
    assert opened.mergeable_state == "blocked"
    assert rest.pulls.update(OWNER, NAME, opened.number, title="U").parsed_data.title == "U"
    assert rest.pulls.update(OWNER, NAME, opened.number, state="closed").parsed_data.state == "closed"
    assert rest.pulls.update(OWNER, NAME, opened.number, state="open").parsed_data.state == "open"
    review = rest.pulls.create_review(OWNER, NAME, pull.number, event="APPROVE", body="fine").parsed_data
    assert review.state == "APPROVED"
    dismissed = rest.pulls.dismiss_review(OWNER, NAME, pull.number, review.id, message="no").parsed_data
    assert dismissed.state == "DISMISSED"
    label = rest.issues.create_label(OWNER, NAME, name="odd name", color="ff0000").parsed_data
    assert label.name == "odd name"
    assert rest.issues.add_labels(OWNER, NAME, 2, labels=["odd name"]).parsed_data[-1].name == "odd name"
    assert rest.issues.remove_label(OWNER, NAME, 2, "odd name").parsed_data[0].name == "bug"
    assert rest.issues.update(OWNER, NAME, 2, state="closed").parsed_data.state == "closed"
    assert rest.issues.update_comment(OWNER, NAME, 1, body="other").parsed_data.body == "other"
    ruleset = rest.repos.create_repo_ruleset(OWNER, NAME, name="r", enforcement="active", target="branch").parsed_data
    assert rest.repos.update_repo_ruleset(OWNER, NAME, ruleset.id, enforcement="disabled").parsed_data.id == ruleset.id
    written = rest.repos.create_or_update_file_contents(
        OWNER, NAME, "new.txt", message="m", content="aGVq", branch="w"
    ).parsed_data
    assert written.commit.sha == rest.git.get_ref(OWNER, NAME, "heads/w").parsed_data.object_.sha
    assert rest.repos.create_or_update_environment(OWNER, NAME, "a/b").parsed_data.name == "a/b"
    hook = rest.repos.update_webhook(OWNER, NAME, 1, active=False, config={"content_type": "form"}).parsed_data
    assert (hook.active, hook.config.content_type, hook.config.secret) == (False, "form", "********")
    changed = rest.repos.update(OWNER, NAME, allow_auto_merge=True).parsed_data
    assert (changed.allow_auto_merge, changed.archived) == (True, False)


def test_an_installations_answers_are_valid_for_githubkits_models(scene):
    world, pull, _person = scene
    rest = world.client("press-play").rest
    assert rest.apps.list_repos_accessible_to_installation().parsed_data.total_count == 1
    run = rest.checks.create(OWNER, NAME, data={"name": "c", "head_sha": pull.head_sha, "status": "in_progress"})
    done = rest.checks.update(OWNER, NAME, run.parsed_data.id, data={"conclusion": "failure"}).parsed_data
    assert (done.status, done.conclusion, done.app.slug) == ("completed", "failure", "press-play")


def test_lists_come_in_pages_with_links(github_world):
    for number in range(5):
        github_world.branch(f"b/{number}", {"f": b"%d" % number})
    person = github_world.person()
    first = person.get("/branches", params={"per_page": 4})
    assert len(first.json()) == 4
    second = person.get(first.links["next"]["url"])
    names = [branch["name"] for branch in first.json() + second.json()]
    assert names == ["b/0", "b/1", "b/2", "b/3", "b/4", "main"]
    assert "next" not in second.links


def test_what_has_not_changed_is_not_sent_again(github_world):
    person = github_world.person()
    tag = person.get("").headers["etag"]
    again = person.get("", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    github_world.pull()
    assert person.get("", headers={"If-None-Match": tag}).status_code == 200


def test_raw_bytes_are_served_for_the_raw_media_type(github_world):
    raw = github_world.person().get("/contents/src/app.py", headers={"Accept": "application/vnd.github.raw+json"})
    assert raw.content == b"print('shop')\n"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", None, 404),
        ("GET", "/pulls/99", None, 404),
        ("GET", "/pulls/99999999999999999999", None, 404),
        ("GET", "/git/ref/heads/none", None, 404),
        ("GET", "/contents/none", None, 404),
        ("POST", "/git/refs", {"ref": "refs/heads/main", "sha": "0" * 40}, 422),
        ("POST", "/git/refs", {"ref": "refs/heads/bad name", "sha": "HEAD"}, 422),
        ("POST", "/git/trees", {"tree": [{"path": "../x", "mode": "100644", "content": ""}]}, 422),
        ("POST", "/pulls", {"title": "t", "head": "none", "base": "main"}, 422),
        ("POST", "/pulls", {"title": "t", "head": "main", "base": "main"}, 422),
        ("POST", "/issues", {"title": 7}, 422),
        ("POST", "/issues", {}, 422),
        ("POST", "/rulesets", {"name": "x", "enforcement": "active", "rules": [{"type": "made_up"}]}, 422),
        ("DELETE", "/git/refs/heads/none", None, 422),
        ("DELETE", "/issues/1/labels/none", None, 404),
    ],
)
def test_what_is_wrong_is_refused_with_a_message(github_world, method, path, body, status):
    answer = github_world.person().request(method, path, json=body)
    assert answer.status_code == status
    assert answer.json()["message"]


def test_setting_up_twice_is_setting_up_once(github_world):
    forge = github_world.forge
    again = forge.create_app("rex", "Rex", AGENT)
    assert again == github_world.apps["rex"]
    forge.create_repository(REPO, None)
    assert forge.install("rex", REPO) == forge.install("rex", REPO)
    first = forge.create_ruleset(REPO, name="r", required_check="c")
    assert forge.create_ruleset(REPO, name="r", required_check="c", approvals=2) == first
    assert contents.read_file(github_world.client("rex"), REPO, "README.md", "main") == b"# Shop\n"


def test_a_repository_can_begin_as_a_copy_of_another(github_world):
    source = github_world.forge.git_path(REPO)
    github_world.forge.create_repository("acme/copy", source)
    assert github_world.forge.install("rex", "acme/copy")
    gh = github_world.access.installation("rex", "acme/copy", {"contents": "read"})
    assert refs.head(gh, "acme/copy", "main") == refs.head(github_world.client("rex"), REPO, "main")


def test_a_forks_pull_request_is_known_as_one(github_world):
    forge = github_world.forge
    forge.create_repository("stranger/shop", forge.git_path(REPO), parent=REPO)
    stranger = github_world.person("stranger")
    stranger.base_url = f"{URL}/api/v3/repos/stranger/shop"
    added = stranger.put("/contents/evil.txt", json={"message": "m", "content": "aGVq", "branch": "main"})
    assert added.status_code == 201
    forge.grant(REPO, "stranger", "read")
    opened = github_world.person("stranger").post(
        "/pulls", json={"title": "t", "head": "stranger:main", "base": "main"}
    )
    pull = pulls.pull(github_world.client("press-play"), REPO, opened.json()["number"])
    assert (pull.fork, pull.head_repo, pull.head_sha) == (True, "stranger/shop", added.json()["commit"]["sha"])
    assert pulls.find_pull(github_world.client("press-play"), REPO, "main") is None


def test_an_apps_webhook_and_what_it_delivered_are_told_to_the_app_alone(github_world):
    world = github_world
    app = world.access.as_app("press-play")
    assert webhooks.of_app(app) is None
    world.forge.set_webhook("press-play", "https://hooks.test/github")
    for status in (200, 400, 0):
        world.forge.delivered("press-play", "push", status)
        world.clock.sleep(1)
    hook = webhooks.of_app(app)
    assert (hook.url, hook.content_type, hook.signed, hook.checks_certificate) == (
        *("https://hooks.test/github", "json", True, True),
    )
    found = webhooks.deliveries(app, hook, 2)
    assert [(one.status_code, one.taken) for one in found] == [(502, False), (400, False)]
    assert found[0].at == found[1].at + 1
    assert app.rest.apps.get_webhook_config_for_app().parsed_data.secret == "********"
    assert app.rest.apps.list_webhook_deliveries(per_page=1).parsed_data[0].status == "failed to connect to host"
    assert app.rest.apps.update_webhook_config_for_app(insecure_ssl="1").parsed_data.url == hook.url
    assert not webhooks.of_app(app).checks_certificate
    assert world.person().get("http://forge.test/api/v3/app/hook/config").status_code == 401


def test_a_repositorys_webhooks_are_its_administrators_and_of_apps_that_may(github_world):
    world = github_world
    config = {"url": "https://hooks.test/github", "content_type": "json"}
    assert world.person().post("/hooks", json={"config": config, "events": ["push"]}).status_code == 201
    with pytest.raises(GitHubRefused, match="repository_hooks"):
        webhooks.of_repository(world.client("press-play"), REPO)
    world.forge.create_app("press-play", "Press-Play", {**HARNESS, "repository_hooks": "write"}, ["pull_request"])
    gh = world.client("press-play", repository_hooks="read")
    [hook] = webhooks.of_repository(gh, REPO)
    assert (hook.active, hook.events, hook.signed) == (True, ("push",), False)
    assert webhooks.deliveries(gh, hook, 5) == []
    for wrong in ({"config": {"url": "no"}}, {"config": {**config, "content_type": "xml"}}):
        assert world.person().post("/hooks", json=wrong).status_code == 422


def test_an_archived_repository_is_read_only(github_world):
    person = github_world.person()
    assert person.patch("", json={"archived": True}).json()["archived"] is True
    refused = person.post("/issues", json={"title": "T"})
    assert (refused.status_code, refused.json()["message"]) == (403, "Repository was archived so is read-only.")
    assert person.get("").json()["archived"] is True
    assert person.patch("", json={"archived": False}).is_success
    assert person.post("/issues", json={"title": "T"}).status_code == 201
    assert person.patch("", json={"name": "other"}).status_code == 422


def test_an_environment_is_there_once_something_was_deployed_into_it(github_world):
    github_world.forge.create_app("press-play", "Press-Play", {**HARNESS, "actions": "read"}, ["pull_request"])
    gh = github_world.client("press-play", actions="read")
    assert not deployments.has_environment(gh, REPO, "preview/1")
    person = github_world.person()
    assert person.post("/deployments", json={"ref": "main", "environment": "preview/1"}).status_code == 201
    assert deployments.has_environment(gh, REPO, "preview/1")
