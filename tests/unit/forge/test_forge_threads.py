"""Review threads: what a comment shows, when it is outdated, and by GraphQL whether it is resolved."""

from __future__ import annotations

import json

import pytest
from github_world import REPO, URL
from githubkit.exception import GraphQLFailed
from githubkit.webhooks import parse

from pressplay.github import comments, refs, reviews

OWNER, NAME = REPO.split("/")
FILE = "src/app.py"
TEN = b"".join(b"line %d\n" % number for number in range(1, 11))
PATH = "feature/task-1-implementation"
THREADS = """
query ($owner: String!, $name: String!, $number: Int!, $first: Int, $after: String, $last: Int, $before: String) {
  repository(owner: $owner, name: $name) {
    nameWithOwner
    pullRequest(number: $number) {
      id number state isDraft headRefOid author { __typename login }
      reviewThreads(first: $first, after: $after, last: $last, before: $before) {
        totalCount
        pageInfo { hasNextPage endCursor hasPreviousPage startCursor }
        edges { cursor node { id } }
        nodes {
          __typename id isResolved isOutdated isCollapsed path line startLine originalLine diffSide subjectType
          viewerCanResolve viewerCanUnresolve resolvedBy { login } repository { name } pullRequest { number }
          comments(first: 10) {
            totalCount
            pageInfo { hasNextPage endCursor }
            nodes {
              id databaseId fullDatabaseId body author { __typename login } authorAssociation createdAt path line
              originalLine outdated diffHunk url commit { oid } originalCommit { oid } replyTo { databaseId }
              pullRequestReview { databaseId state } state repository { name } pullRequest { number }
            }
          }
        }
      }
    }
  }
}
"""
RESOLVE = """
mutation ($input: ResolveReviewThreadInput!) {
  resolveReviewThread(input: $input) { clientMutationId thread { id isResolved resolvedBy { login } viewerCanResolve } }
}
"""


@pytest.fixture
def pull(github_world):
    """A pull request that writes ten lines."""
    github_world.branch(PATH, {FILE: TEN})
    opened = github_world.person().post("/pulls", json={"title": "Work", "head": PATH, "base": "main"})
    return opened.json()


def on_line(world, pull, line, login="maintainer", **more):
    fields = {"body": f"about {line}", "commit_id": pull["head"]["sha"], "path": FILE, "line": line, **more}
    return world.person(login).post(f"/pulls/{pull['number']}/comments", json=fields)


def ask(world, query, variables, login="maintainer"):
    answer = world.person(login).post(f"{URL}/api/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    return answer.json()


def threads(world, pull, login="maintainer", **page):
    variables = {"owner": OWNER, "name": NAME, "number": pull["number"], **(page or {"first": 100})}
    answer = ask(world, THREADS, variables, login)
    assert "errors" not in answer
    return answer["data"]["repository"]["pullRequest"]["reviewThreads"]


def test_a_comment_shows_its_hunk_as_far_as_its_line(github_world, pull):
    made = on_line(github_world, pull, 3, start_line=2).json()
    shown = made["diff_hunk"].splitlines()
    assert shown[0].startswith("@@ -1 +1,10 @@")
    assert shown[1:] == ["-print('shop')", "+line 1", "+line 2", "+line 3"]
    assert (made["line"], made["start_line"], made["side"]) == (3, 2, "RIGHT")
    left = on_line(github_world, pull, 1, side="LEFT").json()
    assert left["diff_hunk"].splitlines()[1:] == ["-print('shop')"]
    whole = on_line(github_world, pull, None, subject_type="file").json()
    assert (whole["line"], whole["subject_type"]) == (None, "file")


@pytest.mark.parametrize(
    "fields",
    [{"line": 11}, {"line": 0}, {"line": "3"}, {"path": "README.md"}, {"start_line": 9}, {"commit_id": "0" * 40}],
)
def test_a_comment_beside_the_difference_is_refused(github_world, pull, fields):
    assert on_line(github_world, pull, **{"line": 3, **fields}).status_code == 422
    assert github_world.person().get("/pulls/comments").json() == []


def test_a_comment_moves_with_its_line_until_that_is_changed(github_world, pull):
    world, person = github_world, github_world.person()
    ids = [on_line(world, pull, line).json()["id"] for line in (2, 5, 9)]
    ranged = on_line(world, pull, 7, start_line=6).json()["id"]

    def places():
        return {one["id"]: one["line"] for one in person.get("/pulls/comments").json()}

    above = TEN.replace(b"line 4\n", b"line 4\nline 4 and a half\n")
    world.branch(PATH, {FILE: above}, base=pull["head"]["sha"])
    assert places() == dict(zip([*ids, ranged], [2, 6, 10, 8], strict=True))
    changed = above.replace(b"line 2\n", b"").replace(b"line 6\n", b"line six\n")
    world.branch(PATH, {FILE: changed}, base=refs.head(world.client("rex"), REPO, PATH))
    assert places() == dict(zip([*ids, ranged], [None, 5, 9, None], strict=True))
    gone = person.get(f"/pulls/comments/{ids[0]}").json()
    assert (gone["line"], gone["original_line"], gone["position"]) == (None, 2, None)
    told = {one["comments"]["nodes"][0]["databaseId"]: one for one in threads(world, pull)["nodes"]}
    assert [told[number]["isOutdated"] for number in [*ids, ranged]] == [True, False, False, True]
    assert (told[ranged]["line"], told[ranged]["startLine"], told[ranged]["originalLine"]) == (None, None, 7)
    assert told[ids[0]]["comments"]["nodes"][0]["outdated"] is True


def test_a_single_comment_and_an_answer_come_in_reviews_of_their_own(github_world, pull):
    world, person = github_world, github_world.person()
    made = on_line(world, pull, 3).json()
    answered = person.post(f"/pulls/{pull['number']}/comments/{made['id']}/replies", json={"body": "so"}).json()
    again = person.post(f"/pulls/{pull['number']}/comments/{answered['id']}/replies", json={"body": "indeed"}).json()
    assert (answered["in_reply_to_id"], again["in_reply_to_id"]) == (made["id"], made["id"])
    found = person.get(f"/pulls/{pull['number']}/reviews").json()
    assert [(one["state"], one["body"]) for one in found] == [("COMMENTED", "")] * 3
    assert [one["id"] for one in found] == [one["pull_request_review_id"] for one in (made, answered, again)]
    assert person.post(f"/pulls/{pull['number']}/comments/99/replies", json={"body": "x"}).status_code == 404
    assert person.post(f"/pulls/{pull['number']}/comments/{made['id']}/replies", json={"body": " "}).status_code == 422


def test_a_pending_reviews_comments_are_seen_and_announced_once_it_is_submitted(github_world, pull):
    world, person = github_world, github_world.person()
    drafted = {"comments": [{"path": FILE, "line": 3, "body": "hm"}]}
    review = person.post(f"/pulls/{pull['number']}/reviews", json=drafted).json()
    assert review["state"] == "PENDING"
    world.clock.sleep(100)
    seen = world.forge.events()[-1].seq
    assert person.get("/pulls/comments").json() == person.get(f"/pulls/{pull['number']}/comments").json() == []
    assert threads(world, pull)["totalCount"] == 0
    submit = f"/pulls/{pull['number']}/reviews/{review['id']}/events"
    assert person.post(submit, json={"event": "COMMENT", "body": "No."}).is_success
    [comment] = person.get("/pulls/comments").json()
    assert comment["created_at"] < comment["updated_at"], "drafted earlier: only updated_at tells when it appeared"
    assert [(event.name, event.payload["action"]) for event in world.forge.events(seen)] == [
        ("pull_request_review_comment", "created"),
        ("pull_request_review", "submitted"),
    ]


def test_threads_are_told_with_their_comments(github_world, pull):
    world, person = github_world, github_world.person()
    made = on_line(world, pull, 3).json()
    comments.reply(world.client("rex"), REPO, pull["number"], made["id"], "Done.", "m")
    page = threads(world, pull)
    [thread] = page["nodes"]
    assert (page["totalCount"], page["edges"][0]["node"]["id"]) == (1, thread["id"])
    assert (thread["path"], thread["line"], thread["diffSide"], thread["subjectType"]) == (FILE, 3, "RIGHT", "LINE")
    assert (thread["isResolved"], thread["isOutdated"], thread["viewerCanResolve"]) == (False, False, True)
    first, second = thread["comments"]["nodes"]
    assert (first["databaseId"], first["body"], first["author"]["login"]) == (made["id"], "about 3", "maintainer")
    assert (first["id"], first["diffHunk"], first["url"]) == (made["node_id"], made["diff_hunk"], made["html_url"])
    # A bot's login lacks here what it ends with in REST.
    assert second["author"] == {"__typename": "Bot", "login": "rex"}
    assert (second["replyTo"]["databaseId"], second["pullRequestReview"]["state"]) == (made["id"], "COMMENTED")
    assert person.post(f"{URL}/graphql", json={"query": "{ viewer { login } }"}).json() == {
        "data": {"viewer": {"login": "maintainer"}}
    }


def test_threads_come_in_pages(github_world, pull):
    world = github_world
    made = [on_line(world, pull, line).json()["id"] for line in range(1, 8)]

    def roots(page):
        return [one["comments"]["nodes"][0]["databaseId"] for one in page["nodes"]]

    found, after = [], None
    for size in (3, 3, 1):
        page = threads(world, pull, first=3, after=after)
        assert (len(page["nodes"]), page["totalCount"]) == (size, 7)
        found += roots(page)
        after = page["pageInfo"]["endCursor"]
    assert (found, page["pageInfo"]["hasNextPage"]) == (made, False)
    last = threads(world, pull, last=2)
    assert (roots(last), last["pageInfo"]["hasPreviousPage"]) == (made[-2:], True)
    assert roots(threads(world, pull, last=2, before=last["pageInfo"]["startCursor"])) == made[3:5]
    for line in range(1, 4):
        world.person().post(f"/pulls/{pull['number']}/comments/{made[0]}/replies", json={"body": str(line)})
    thread = threads(world, pull, first=1)["nodes"][0]["id"]
    query = """query ($id: ID!, $after: String) { node(id: $id) { ... on PullRequestReviewThread {
      comments(first: 2, after: $after) { nodes { body } pageInfo { hasNextPage endCursor } } } } }"""
    one = ask(world, query, {"id": thread})["data"]["node"]["comments"]
    two = ask(world, query, {"id": thread, "after": one["pageInfo"]["endCursor"]})["data"]["node"]["comments"]
    assert [comment["body"] for comment in one["nodes"] + two["nodes"]] == ["about 1", "1", "2", "3"]
    assert (one["pageInfo"]["hasNextPage"], two["pageInfo"]["hasNextPage"]) == (True, False)


def test_a_thread_is_resolved_and_opened_again_once_each(github_world, pull):
    world = github_world
    root = on_line(world, pull, 3).json()["id"]
    thread = threads(world, pull)["nodes"][0]["id"]
    seen = world.forge.events()[-1].seq
    for _ in range(2):
        done = ask(world, RESOLVE, {"input": {"threadId": thread, "clientMutationId": "c"}})["data"]
        assert done["resolveReviewThread"] == {
            "clientMutationId": "c",
            "thread": {
                "id": thread,
                "isResolved": True,
                "resolvedBy": {"login": "maintainer"},
                "viewerCanResolve": False,
            },
        }
    harness = world.client("press-play")
    assert comments.resolved(harness, REPO, pull["number"]) == {root}
    undo = RESOLVE.replace("resolveReview", "unresolveReview").replace("ResolveReview", "UnresolveReview")
    assert "errors" not in ask(world, undo, {"input": {"threadId": thread}})
    assert comments.resolved(harness, REPO, pull["number"]) == set()
    told = world.forge.events(seen)
    assert [event.payload["action"] for event in told] == ["resolved", "unresolved"]
    for event in told:
        assert event.name == "pull_request_review_thread"
        parse(event.name, json.dumps(event.payload))


@pytest.mark.rule("R9")
def test_an_app_resolves_only_with_contents_write(github_world, pull):
    """Pull requests alone do not do, though nothing of the contents is touched: so it is at GitHub."""
    world = github_world
    on_line(world, pull, 3)
    thread = {"input": {"threadId": threads(world, pull)["nodes"][0]["id"]}}
    with pytest.raises(GraphQLFailed) as refused:
        world.client("rex", pull_requests="write").graphql(RESOLVE, thread)
    assert refused.value.response.errors[0].type == "FORBIDDEN"
    able = world.client("rex", pull_requests="write", contents="write")
    assert able.graphql(RESOLVE, thread)["resolveReviewThread"]["thread"]["isResolved"] is True


@pytest.mark.rule("R8")
def test_a_reader_may_look_but_not_resolve_and_a_stranger_sees_nothing(github_world, pull):
    world = github_world
    world.forge.grant(REPO, "reader", "read")
    on_line(world, pull, 3, login="reader")
    [thread] = threads(world, pull, login="reader")["nodes"]
    assert thread["viewerCanResolve"] is False
    for login, kind in (("reader", "FORBIDDEN"), ("stranger", "NOT_FOUND")):
        refused = ask(world, RESOLVE, {"input": {"threadId": thread["id"]}}, login)
        assert (refused["data"], refused["errors"][0]["type"]) == ({"resolveReviewThread": None}, kind)
    hidden = ask(world, THREADS, {"owner": OWNER, "name": NAME, "number": 1, "first": 1}, "stranger")
    assert (hidden["data"]["repository"], hidden["errors"][0]["type"]) == (None, "NOT_FOUND")
    assert hidden["errors"][0]["path"] == ["repository"]


@pytest.mark.parametrize(
    ("variables", "kind", "path"),
    [
        ({"number": 99, "first": 1}, "NOT_FOUND", ["repository", "pullRequest"]),
        ({"name": "none", "first": 1}, "NOT_FOUND", ["repository"]),
        ({}, "MISSING_PAGINATION_BOUNDARIES", ["repository", "pullRequest", "reviewThreads"]),
        ({"first": 101}, "EXCESSIVE_PAGINATION", ["repository", "pullRequest", "reviewThreads"]),
        ({"first": 1, "after": "x"}, "INVALID_CURSOR_ARGUMENTS", ["repository", "pullRequest", "reviewThreads"]),
    ],
)
def test_what_is_wrong_is_told_with_type_and_path(github_world, pull, variables, kind, path):
    answer = ask(github_world, THREADS, {"owner": OWNER, "name": NAME, "number": pull["number"], **variables})
    [error] = answer["errors"]
    assert (error["type"], error["path"], len(error["locations"])) == (kind, path, 1)


@pytest.mark.parametrize("query", ["{ viewer { salary } }", "{ viewer {", "mutation { mergePullRequest { id } }"])
def test_what_the_schema_does_not_have_is_refused(github_world, query):
    answer = ask(github_world, query, {})
    assert "data" not in answer
    assert answer["errors"][0]["message"]
    assert github_world.person().post(f"{URL}/api/graphql", json={"query": ""}).status_code == 400
    assert github_world.person().post(f"{URL}/api/graphql", json={"query": 1}).status_code == 400
    for wrong in ("PRRT_x", "VGhpbmc6MQ", "…"):
        refused = ask(github_world, RESOLVE, {"input": {"threadId": wrong}})
        assert refused["errors"][0]["type"] == "NOT_FOUND"


def test_a_draft_is_made_ready_and_a_draft_again(github_world):
    world, person = github_world, github_world.person()
    world.branch("b", {"a.txt": b"a"})
    draft = person.post("/pulls", json={"title": "t", "head": "b", "base": "main", "draft": True}).json()
    assert draft["draft"] is True
    query = "mutation ($id: ID!) { %s(input: {pullRequestId: $id}) { pullRequest { isDraft } } }"
    seen = world.forge.events()[-1].seq
    for name in ("markPullRequestReadyForReview", "markPullRequestReadyForReview", "convertPullRequestToDraft"):
        assert "errors" not in ask(world, query % name, {"id": draft["node_id"]})
    told = world.forge.events(seen)
    assert [event.payload["action"] for event in told] == ["ready_for_review", "converted_to_draft"]
    for event in told:
        parse(event.name, json.dumps(event.payload))
    kinds = [event["event"] for event in person.get(f"/issues/{draft['number']}/events").json()]
    assert kinds == ["ready_for_review", "convert_to_draft"]
    person.patch(f"/pulls/{draft['number']}", json={"state": "closed"})
    refused = ask(world, query % "markPullRequestReadyForReview", {"id": draft["node_id"]})
    assert refused["errors"][0]["type"] == "UNPROCESSABLE"
    refused = ask(world, query % "markPullRequestReadyForReview", {"id": draft["node_id"]}, "stranger")
    assert refused["errors"][0]["type"] == "NOT_FOUND"


@pytest.mark.rule("R7")
def test_a_threads_text_is_data(github_world, pull):
    text = 'x"}) { id } } { viewer { login } } {{workflow.uid}} \u202e <!-- -->'
    on_line(github_world, pull, 3, body=text)
    assert threads(github_world, pull)["nodes"][0]["comments"]["nodes"][0]["body"] == text


def test_a_verdict_is_not_lost_among_single_comments(github_world, pull):
    """GitHub lists each single comment as a review; QA's verdict is the one that says something."""
    world = github_world
    reviews.post_review(world.client("qa"), REPO, pull["number"], pull["head"]["sha"], "COMMENT", "press-play: pass")
    made = on_line(world, pull, 3).json()
    comments.reply(world.client("rex"), REPO, pull["number"], made["id"], "Done.", "m")
    found = reviews.reviews(world.client("press-play"), REPO, pull["number"])
    assert [one.body for one in found] == ["press-play: pass", "", ""]
