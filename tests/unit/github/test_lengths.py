"""GitHub refuses a text that is too long whole: a verdict would never be posted. So ours are cut before (R5).

Reported of others: https://github.com/reviewdog/action-languagetool/issues/26,
https://github.com/taskcluster/taskcluster/issues/7664, https://github.com/github-community-projects/safe-settings/issues/245
"""

from __future__ import annotations

import pytest
from github_world import REPO
from hypothesis import given
from hypothesis import strategies as st

from pressplay.github import checks, issues, reviews
from pressplay.github.calls import GitHubRefused, call
from pressplay.github.lengths import LONGEST, fitting

pytestmark = pytest.mark.rule("R5")
TEXTS = ["x" * 70_000, "é" * 40_000, "\U0001f3ad" * 20_000]


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=50), st.integers(1, 5_000), st.text(max_size=20))
def test_what_fits_stays_and_what_does_not_is_cut(unit: str, times: int, beside: str):
    text, beside = unit * times, beside.encode(errors="ignore").decode()
    cut = fitting(text, beside)
    assert len((cut + beside).encode()) <= LONGEST
    if len((text + beside).encode()) <= LONGEST:
        assert cut == text
    else:
        assert text.startswith(cut.removesuffix("\n\n(cut: the text is longer than GitHub takes)"))


@pytest.mark.parametrize("text", TEXTS, ids=["ascii", "two bytes", "four bytes"])
def test_a_long_check_a_long_comment_and_a_long_review_are_posted(github_world, text: str):
    pull, gh = github_world.pull(), github_world.client("press-play")
    words = {"title": "t", "details_url": "", "external_id": ""}
    checks.set_check(gh, REPO, "press-play/lint", pull.head_sha, conclusion="failure", summary=text, text=text, **words)
    assert checks.own_text(gh, REPO, pull.head_sha, "press-play/lint").startswith(text[:10_000])
    issues.comment(gh, REPO, pull.number, text, "lint")
    issues.comment(gh, REPO, pull.number, text, "lint")
    (posted,) = issues.comments(gh, REPO, pull.number)
    assert posted.body.startswith(text[:10_000])
    assert posted.body.endswith("<!-- press-play: lint -->")
    review = reviews.post_review(github_world.client("qa"), REPO, pull.number, pull.head_sha, "COMMENT", text)
    assert review.body.startswith(text[:10_000])


def test_the_forge_refuses_what_github_does(github_world):
    pull, gh = github_world.pull(), github_world.client("press-play")
    with pytest.raises(GitHubRefused, match=r"Only 65535 characters are allowed; 65536 were supplied"):
        call(
            gh,
            "POST",
            f"/repos/{REPO}/check-runs",
            json={"name": "x", "head_sha": pull.head_sha, "output": {"title": "t", "summary": "x" * 65_536}},
        )
    with pytest.raises(GitHubRefused, match=r"Body is too long \(maximum is 65536 characters\)"):
        call(gh, "POST", f"/repos/{REPO}/issues/{pull.number}/comments", json={"body": "x" * 65_537})
