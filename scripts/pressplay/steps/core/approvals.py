"""The check `press-play/acceptance`, and when it is an approval."""

from __future__ import annotations

from pressplay.github import checks, pulls
from pressplay.github.calls import Client

ACCEPTANCE_CHECK = "press-play/acceptance"
OTHERS = "not-under-press-play"
"""The external id of that check where no flow works on the pull request; elsewhere that is the commit."""
GROUP = "merge-group"
"""Its external id on the commit of a group of the merge queue, which is nobody's approval."""


_RETEST = "retest-"
_STACKED = "stacked-"


def retest_id(head: str) -> str:
    """The external id of that check on an approved head whose merge with its base branch is being judged."""
    return f"{_RETEST}{head}"


def stacked_id(head: str) -> str:
    """The external id of that check on a proven head that waits for the pull request which it is built on to land."""
    return f"{_STACKED}{head}"


def set_check(
    gh: Client,
    repo: str,
    pull: pulls.Pull,
    *,
    conclusion: str | None,
    title: str,
    summary: str,
    external_id: str = "",
    text: str | None = "",
) -> None:
    """Set that check on the head of a pull request; `external_id` is the commit unless given. `gh` may write checks.

    See `checks.set_check`.
    """
    checks.set_check(
        gh,
        repo,
        ACCEPTANCE_CHECK,
        pull.head_sha,
        conclusion=conclusion,
        title=title,
        summary=summary,
        details_url=pull.html_url,
        external_id=external_id or pull.head_sha,
        text=text,
    )


def is_approved(gh: Client, repo: str, pull: pulls.Pull) -> bool:
    """Whether the check on the head by `gh`'s App, the harness's, says so. `gh` may read checks.

    Also where the merge with a base branch that moved on is being judged, or a dependency must land first: then nobody
    can merge it, but it needs no further review.
    """
    return is_approval(checks.own(gh, repo, pull.head_sha, ACCEPTANCE_CHECK))


def is_held(gh: Client, repo: str, pull: pulls.Pull) -> bool:
    """Whether that check says that the head is proven and waits for a dependency. `gh` may read checks."""
    return awaits_landing(checks.own(gh, repo, pull.head_sha, ACCEPTANCE_CHECK))


def is_approval(check: checks.CheckRun | None) -> bool:
    """Whether the harness's check says that a commit was proven: it is green for others' pull requests, too."""
    if check is None:
        return False
    green = check.conclusion == "success" and check.external_id == check.head_sha
    return green or awaits_retest(check) or awaits_landing(check)


def awaits_retest(check: checks.CheckRun | None) -> bool:
    """Whether a commit was proven, and its merge with the base branch is being judged."""
    return check is not None and check.conclusion is None and check.external_id == retest_id(check.head_sha)


def awaits_landing(check: checks.CheckRun | None) -> bool:
    """Whether a commit was proven, and the pull request that it is built on has not landed, or not as it is in it."""
    return check is not None and check.conclusion is None and check.external_id == stacked_id(check.head_sha)
