"""Which text of an issue or pull request counts: what a person with write access wrote, or consented to (R8).

The label consents to the text as it was when the label was added, whoever wrote it. If somebody without write access
edits the title or the body at that moment or later, the label does not cover the new text: a new label is needed.
Nothing is stored: GitHub records who edited what and when, so a lost event does not matter.
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
    """The text is not the one that the label consented to."""


@dataclass(frozen=True)
class Words:
    """The current title and body, and whether they count."""

    title: str = field(repr=False)
    body: str = field(repr=False)
    consented_at: float | None
    """When a person with write access last added the label; None if nobody did, or if it was removed."""
    count: bool
    """Whether somebody with write access wrote them or added the label, and nobody without it has edited them since."""

    @property
    def withdrawn(self) -> bool:
        """Whether somebody added the label, but to another text than the current one."""
        return self.consented_at is not None and not self.count


def writers(context: Context, repo: str) -> Writers:
    """The people whose words count in a repository."""
    return Writers(context.harness(repo, metadata="read"), repo, context.settings.is_ours)


def words(context: Context, repo: str, number: int, labels: tuple[str, ...], people: Writers | None = None) -> Words:
    """The text of an issue or pull request that has these `labels`.

    The time of the label is read before the text, and the changes of the title after it: a change in between counts as
    an edit.
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
    """When a person with write access last added the label that starts flows; None if nobody did, or it was removed.

    People with the triage role can label too, and an agent can label anything: their labels do not count.
    """
    label = context.settings.events.label.lower()
    if label not in (name.lower() for name in labels):
        return None
    put_on = issues.labelled(context.harness(repo, issues="read"), repo, number, label)
    if put_on is None or not put_on.is_person or not (people or writers(context, repo)).include(put_on.actor):
        return None
    return put_on.at


def ask_again(context: Context, repo: str, number: int) -> None:
    """Comment on a pull request that its label must be added again. Idempotent."""
    gh = context.harness(repo, pull_requests="write", issues="write")
    text = f"Press Play does nothing here: {EDITED}. {how_to_ask_again(context)}"
    issues.comment(gh, repo, number, text, marker=_MARKER)


def how_to_ask_again(context: Context) -> str:
    """How a person consents to the current text, as a sentence."""
    label = context.settings.events.label
    return f"Read it as it is now; to have it taken up, take the label `{label}` off and put it on again."
