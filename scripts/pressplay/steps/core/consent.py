"""Which text of an issue or pull request counts: what a person with write access wrote, or consented to (R8).

The label consents to what stood there when it was put on, whoever wrote it. Where somebody without write access edited
title or body at that moment or later, the label says nothing about what stands there now: a new one is asked for.
Nothing is remembered: GitHub tells who edited what and when, also where every event was lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pressplay.errors import InputError
from pressplay.github import edits, issues
from pressplay.github.people import Writers
from pressplay.steps.core.context import Context

EDITED = "its title or text was edited after the label was put on, by somebody without write access"
"""The reason, as a part of a sentence."""
_MARKER = "consent"


class Withdrawn(InputError):
    """The text is not what the label was put on for."""


@dataclass(frozen=True)
class Words:
    """Title and body as they stand, and whether they count."""

    title: str = field(repr=False)
    body: str = field(repr=False)
    consented_at: float | None
    """When a person with write access last put the label on; None where none did, or where it is gone."""
    count: bool
    """Whether somebody with write access wrote them, or put the label on, and nobody without has edited them since."""

    @property
    def withdrawn(self) -> bool:
        """Whether somebody put the label on, but for another text than the one that stands there now."""
        return self.consented_at is not None and not self.count


def writers(context: Context, repo: str) -> Writers:
    """The people whose words count in a repository."""
    return Writers(context.harness(repo, metadata="read"), repo, context.settings.is_ours)


def words(context: Context, repo: str, number: int, labels: tuple[str, ...], people: Writers | None = None) -> Words:
    """The words of an issue or pull request that has these `labels`.

    What the label consented to is read before the text, and who gave it another title after it: whatever is changed
    meanwhile counts as edited.
    """
    people = people or writers(context, repo)
    gh = context.harness(repo, issues="read", pull_requests="read")
    consented_at = labelled_at(context, repo, number, labels, people)
    text = edits.text(gh, repo, number)
    moments = [text.created_at] if people.include(text.author) else []
    since = max([*moments, *([consented_at] if consented_at is not None else [])], default=None)
    count = since is not None and people.alone_made(text.edits, since)
    if count and since is not None:
        later = (title_edit for title_edit in issues.renamed(gh, repo, number) if title_edit.at >= since)
        count = all(people.include(title_edit.actor) for title_edit in later)
    return Words(text.title, text.body, consented_at, count)


def labelled_at(
    context: Context, repo: str, number: int, labels: tuple[str, ...], people: Writers | None = None
) -> float | None:
    """When a person with write access last put on the label that starts flows; None where none did, or it is gone.

    Who may only triage can label, too, and an agent can label what it likes.
    """
    label = context.settings.events.label.lower()
    if label not in (name.lower() for name in labels):
        return None
    put_on = issues.labelled(context.harness(repo, issues="read"), repo, number, label)
    if put_on is None or not put_on.is_person or not (people or writers(context, repo)).include(put_on.actor):
        return None
    return put_on.at


def ask_again(context: Context, repo: str, number: int) -> None:
    """Say on a pull request that its label has to be put on anew. Done again, it is the same."""
    gh = context.harness(repo, pull_requests="write", issues="write")
    text = f"Press Play does nothing here: {EDITED}. {how_to_ask_again(context)}"
    issues.comment(gh, repo, number, text, marker=_MARKER)


def how_to_ask_again(context: Context) -> str:
    """How a person consents to what stands there now."""
    label = context.settings.events.label
    return f"Read it as it is now; to have it taken up, take the label `{label}` off and put it on again."
