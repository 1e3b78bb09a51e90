"""Reviews of pull requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from pressplay.clock import parse_rfc3339, rfc3339
from pressplay.github.calls import Client, call, find, page, pages
from pressplay.github.conversation import Remark, Thread, spoken
from pressplay.github.lengths import fitting

ASKING = ("CHANGES_REQUESTED", "COMMENTED")
"""The states of reviews that may ask for something."""

Event = Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"]


@dataclass(frozen=True)
class Review:
    """A submitted review."""

    id: int
    state: str
    """APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED."""
    author: str
    commit_id: str
    submitted_at: float
    body: str = field(repr=False)
    """Text of people's or agents': never logged, never a parameter (R7)."""
    association: str = ""
    """What its author is to the repository: OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, NONE …"""
    node_id: str = ""
    """By which GraphQL knows it."""

    def remark(self) -> Remark:
        """The review as a `Remark`."""
        at = rfc3339(self.submitted_at)
        return spoken(f"review-{self.id}", self.author, self.association, at, at, self.body)

    def thread(self, page: str, remark: Remark) -> Thread:
        """The review as a whole, on a pull request with the address `page`."""
        url = f"{page}#pullrequestreview-{self.id}"
        return Thread(id=remark.id, kind="review", url=url, said=(remark,), state=self.state)


def _review(item: dict[str, Any]) -> Review:
    return Review(
        id=item["id"],
        state=item["state"],
        author=item["user"]["login"] if item["user"] else "ghost",
        commit_id=item["commit_id"] or "",
        submitted_at=parse_rfc3339(item["submitted_at"]) if item.get("submitted_at") else 0.0,
        body=item["body"] or "",
        association=item.get("author_association") or "",
        node_id=item["node_id"],
    )


def reviews(gh: Client, repo: str, number: int) -> list[Review]:
    """A pull request's submitted reviews, oldest first."""
    items = pages(gh, f"/repos/{repo}/pulls/{number}/reviews")
    return sorted((_review(item) for item in items if item["state"] != "PENDING"), key=lambda review: review.id)


def reviews_page(gh: Client, repo: str, number: int, at: int, size: int) -> tuple[list[Review], bool]:
    """One page of a pull request's submitted reviews, in GitHub's order, and whether another one follows."""
    items, more = page(gh, f"/repos/{repo}/pulls/{number}/reviews", at, size)
    return [_review(item) for item in items if item["state"] != "PENDING"], more


def find_review(gh: Client, repo: str, number: int, review_id: int) -> Review | None:
    """One review of a pull request, or None if there is none of this number."""
    item = find(gh, f"/repos/{repo}/pulls/{number}/reviews/{review_id}")
    return None if item is None or item["state"] == "PENDING" else _review(item)


def withdrawn(history: Iterable[Review]) -> set[int]:
    """The ids of the reviews whose author later approved, or was dismissed: they ask for nothing any more.

    `history`: the pull request's reviews, oldest first."""
    earlier: dict[str, list[int]] = {}
    gone: set[int] = set()
    for review in history:
        if review.state in ("APPROVED", "DISMISSED"):
            gone |= set(earlier.pop(review.author, []))
        earlier.setdefault(review.author, []).append(review.id)
    return gone


def post_review(gh: Client, repo: str, number: int, commit: str, event: Event, body: str) -> Review:
    """Review a commit of a pull request; InputError if the author reviews its own."""
    fields = {"commit_id": commit, "event": event, "body": fitting(body)}
    return _review(call(gh, "POST", f"/repos/{repo}/pulls/{number}/reviews", json=fields))


def dismiss(gh: Client, repo: str, number: int, review_id: int, message: str) -> None:
    """Dismiss an approval or a request for changes."""
    call(gh, "PUT", f"/repos/{repo}/pulls/{number}/reviews/{review_id}/dismissals", json={"message": message})
