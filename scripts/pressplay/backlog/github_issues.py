"""A backlog of GitHub's issues: a milestone, or the sub-issues of an issue, as the document that tasks.json is.

A task's id is the issue's number, and it depends on what GitHub says that the issue is blocked by. Everything that
reads a backlog then reads this one: only where it is from, and who closes its tasks, differ.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pressplay import names
from pressplay.backlog.tasks import PROBLEMS, Backlog
from pressplay.errors import InputError
from pressplay.validation.markdown import criteria_section, items
from pressplay.validation.report import shown

if TYPE_CHECKING:
    from pressplay.github.issue_plans import Milestone, PlannedIssue

Kind = Literal["milestone", "issue"]
KINDS: tuple[Kind, ...] = ("milestone", "issue")
MOST = 500
"""Open issues of a backlog: a press reads the dependencies of each."""
_LISTED = 20
_REOPENED = "reopened"
_STATUSES = {"open": "pending", "completed": "done", "not planned": "cancelled"}
_TAG = re.compile(rf"{names.GITHUB_TAGS}(?P<kind>{'|'.join(KINDS)})/(?P<number>[1-9]\d{{0,7}})")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which issues are played: those of a milestone, or the sub-issues of an issue."""

    kind: Kind
    number: int

    @property
    def tag(self) -> str:
        """What stands for it wherever a tag of tasks.json would: `github/milestone/3`."""
        return f"{names.GITHUB_TAGS}{self.kind}/{self.number}"

    def __str__(self) -> str:
        """For people."""
        return f"milestone {self.number}" if self.kind == "milestone" else f"the sub-issues of #{self.number}"


def of_tag(tag: str) -> Selection | None:
    """The selection that a tag stands for; None for a tag of tasks.json. InputError for one that is neither."""
    if not tag.startswith(names.GITHUB_TAGS):
        return None
    match = _TAG.fullmatch(tag)
    if match is None:
        expected = " or ".join(f"{names.GITHUB_TAGS}{kind}/NUMBER" for kind in KINDS)
        raise InputError(f"tag {tag!r}: expected {expected}, for a backlog of GitHub's issues")
    return Selection("milestone" if match["kind"] == "milestone" else "issue", int(match["number"]))


def milestone_of(wanted: str, known: Sequence[Milestone], where: str) -> int:
    """The number of the milestone that people name by its number or its title; InputError if there is none.

    `where` names what has the milestones. A title that is a number gives way to that number.
    """
    by_number = {str(milestone.number): milestone.number for milestone in known}
    by_title = {milestone.title.strip().casefold(): milestone.number for milestone in known}
    name = wanted.strip()
    number = by_number.get(name) or by_title.get(name.casefold())
    if number is not None:
        return number
    near = difflib.get_close_matches(name.casefold(), by_title, n=1)
    title = next((each.title for each in known if near and each.number == by_title[near[0]]), "")
    hint = f"did you mean {shown(title)}?" if title else "name one of these, by its number or its title"
    raise InputError(f"milestone {shown(name)}: expected a milestone of {where}, which has {listed(known)}; {hint}")


def listed(known: Sequence[Milestone]) -> str:
    """Milestones for a message."""
    text = ", ".join(f"{each.number} ({shown(each.title)})" for each in known[:_LISTED]) or "none"
    return text + (f" and {len(known) - _LISTED} more" if len(known) > _LISTED else "")


def demand_playable(selection: Selection, repo: str, issues: Sequence[PlannedIssue]) -> None:
    """InputError where a selection holds no issue, or more open ones than a press reads."""
    if not issues:
        how = (
            f"give issues this milestone ({repo}/milestone/{selection.number})"
            if selection.kind == "milestone"
            else f"add sub-issues to it; #{selection.number} alone is taken up by the flow `issue`"
        )
        raise InputError(f"{repo}: {selection} holds no issues; {how}, and press play again")
    left = sum(issue.state == "open" for issue in issues)
    if left > MOST:
        raise InputError(
            f"{repo}: {selection} holds {left} open issues, expected at most {MOST}; divide them among milestones"
        )


def document(
    selection: Selection,
    repo: str,
    issues: Sequence[PlannedIssue],
    blockers: Mapping[int, Sequence[PlannedIssue]],
    label: str = "",
) -> dict[str, Any]:
    """The issues of a selection as a tasks.json document with one tag; pull requests among them are left out.

    `blockers`: for the number of an open issue what it is blocked by. `label`: the label by which the flow `issue`
    takes issues up; those that have it are not played twice.
    """
    own = [issue for issue in issues if not issue.is_pull]
    here = {issue.number for issue in own if issue.repo.lower() == repo.lower()}
    entries = [
        _entry(selection, repo, issue, blockers.get(issue.number, ()), here, label)
        for issue in sorted(own, key=lambda issue: (issue.repo.lower() != repo.lower(), issue.number))
    ]
    return {selection.tag: {"tasks": entries}}


def reopened(backlog: Backlog) -> set[str]:
    """The ids of tasks whose issues somebody opened again: what was merged before does not make them done."""
    if of_tag(backlog.tag) is None:
        return set()
    return {task.id for task in backlog.tasks if task.raw.get(_REOPENED) is True}


def to_json(document: Mapping[str, Any]) -> bytes:
    """The document as a file."""
    return f"{json.dumps(document, indent=1, ensure_ascii=True)}\n".encode()


def _entry(
    selection: Selection,
    repo: str,
    issue: PlannedIssue,
    blockers: Sequence[PlannedIssue],
    here: set[int],
    label: str,
) -> dict[str, Any]:
    name = _name(repo, issue)
    entry: dict[str, Any] = {
        "id": issue.number if name == f"#{issue.number}" else name,
        "title": issue.title,
        "description": f"Issue {name}.",
        "details": issue.body.replace("\r\n", "\n"),
        "acceptanceCriteria": list(items(criteria_section(issue.body))),
        "status": _STATUSES[issue.state],
        "dependencies": [],
        "labels": list(issue.labels),
        "author": issue.author,
        _REOPENED: issue.was_reopened,
    }
    if issue.state != "open":
        return entry
    problems = list(_problems(repo, issue, label))
    for blocker in blockers:
        other = _name(repo, blocker)
        if other == f"#{blocker.number}" and blocker.number in here:
            entry["dependencies"].append(blocker.number)
        elif blocker.state == "open":
            problems.append(
                f"is blocked by {other} ({shown(blocker.title)}), which is open and not part of {selection}; close it, "
                "take it in, or take the dependency out"
            )
    return {**entry, PROBLEMS: problems} if problems else entry


def _problems(repo: str, issue: PlannedIssue, label: str) -> list[str]:
    """Why an open issue cannot be played, whatever it is blocked by: the predicates of sentences."""
    problems = []
    if issue.repo.lower() != repo.lower():
        problems.append("is an issue of another repository, where nothing is played from here; close it there")
    if issue.open_parts:
        problems.append(
            f"has {issue.open_parts} open sub-issues, which are its work: play them (-p issue={issue.number}), then it"
        )
    if label and label.lower() in (name.lower() for name in issue.labels):
        problems.append(f"has the label {label}, by which the flow `issue` works on it; take the label off to play it")
    return problems


def _name(repo: str, issue: PlannedIssue) -> str:
    """`#12`; of another repository `acme/other#12`."""
    return f"{'' if issue.repo.lower() == repo.lower() else issue.repo}#{issue.number}"
