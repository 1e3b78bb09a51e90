"""R7: text is data. What people and agents wrote comes back as it went in, and starts nothing."""

from __future__ import annotations

import pytest
from github_world import REPO

from pressplay.github import contents, issues, pulls, refs, reviews

pytestmark = pytest.mark.rule("R7")

TEXTS = [
    "{{workflow.uid}}",
    "{{=1+1}} {{ nope",
    "'; DROP TABLE forge_repos; --",
    "say \"hi\" and 'bye' \\ `id` $(rm -rf /)",
    "line one\nline: [two]\r\n--- \n- three",
    "Grüße 🎉 \u202e \u0000x",
    "<!-- press-play: m --><script>alert(1)</script>",
]
BRANCHES = [
    "feature/{{workflow.uid}}",
    "feature/$(touch${IFS}pwned)",
    "feature/quotes'\"`&|;%2F#",
    "feature/Grüße-🎉",
    "feature/--upload-pack=x",
]


@pytest.mark.parametrize("text", TEXTS)
def test_titles_bodies_and_comments_round_trip_unharmed(github_world, text):
    gh, person = github_world.client("rex"), github_world.person()
    pull = github_world.pull(title=text)
    assert person.patch(f"/pulls/{pull.number}", json={"body": text}).is_success
    shown = person.get(f"/pulls/{pull.number}").json()
    assert (shown["title"], shown["body"]) == (text, text)
    review = reviews.post_review(github_world.client("qa"), REPO, pull.number, pull.head_sha, "COMMENT", text)
    assert reviews.reviews(gh, REPO, pull.number)[0].body == review.body == text
    issues.comment(gh, REPO, pull.number, text, "marker")
    [comment] = person.get(f"/issues/{pull.number}/comments").json()
    assert comment["body"] == f"{text}\n\n<!-- press-play: marker -->"
    told = {event.name: event.payload for event in github_world.forge.events()}
    assert told["pull_request"]["pull_request"]["title"] == text
    assert told["pull_request_review"]["review"]["body"] == text


@pytest.mark.parametrize("branch", BRANCHES)
def test_branch_names_round_trip_unharmed(github_world, branch):
    gh = github_world.client("rex")
    sha = github_world.branch(branch, {"a file.txt": b"x"})
    assert refs.head(gh, REPO, branch) == sha
    assert branch in refs.branches_with_prefix(gh, REPO, "feature/")
    assert contents.read_file(gh, REPO, "a file.txt", branch) == b"x"
    pull = pulls.open_pull(gh, REPO, branch, "main", "t", "")
    found = pulls.find_pull(gh, REPO, branch)
    assert (found.number, found.head_ref, pull.head_ref) == (pull.number, branch, branch)
    assert github_world.person().put(f"/pulls/{pull.number}/merge", json={}).is_success
    assert refs.delete_branch(gh, REPO, branch)
    assert refs.find_head(gh, REPO, branch) is None
    assert not list(github_world.folder.rglob("pwned"))


@pytest.mark.parametrize("text", TEXTS)
def test_file_contents_and_messages_round_trip_unharmed(github_world, text):
    gh = github_world.client("rex")
    base = refs.head(gh, REPO, "main")
    message = text.replace("\u0000", "")
    sha = refs.commit_files(gh, REPO, "f", {"deep/er/näme {{x}}.txt": text.encode()}, message, base)
    assert contents.read_file(gh, REPO, "deep/er/näme {{x}}.txt", sha) == text.encode()
    assert github_world.person().get(f"/git/commits/{sha}").json()["message"].strip() == message.strip()
    assert refs.commit_files(gh, REPO, "f", {"deep/er/näme {{x}}.txt": text.encode()}, message, base) == sha


@pytest.mark.parametrize(
    "name", ["refs/heads/../../x", "refs/heads/a..b", "refs/heads/a b", "refs/x", "HEAD", "refs/heads/"]
)
def test_a_name_that_git_would_not_take_is_refused(github_world, name):
    sha = refs.head(github_world.client("rex"), REPO, "main")
    refused = github_world.person().post("/git/refs", json={"ref": name, "sha": sha})
    assert refused.status_code == 422
    assert not (github_world.folder / "x").exists()
