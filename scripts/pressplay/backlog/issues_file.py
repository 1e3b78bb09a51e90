"""Issues in a file, as a repository on GitHub would have them: a backlog of issues for the sandbox.

The form is schemas/issues.schema.json, its keys those of GitHub's API. Milestones are numbered as the file first names
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pressplay.backlog import github_issues
from pressplay.backlog.github_issues import Selection
from pressplay.errors import InputError
from pressplay.github.issue_plans import Milestone, PlannedIssue, State
from pressplay.validation import packaged
from pressplay.validation.report import Invalid, Problem, read_text
from pressplay.validation.schema import by_place, check
from pressplay.validation.yamlsource import Path as Place
from pressplay.validation.yamlsource import Source, load_yaml

Reason = Literal["completed", "not_planned", "duplicate"]


@dataclass(frozen=True, slots=True)
class FileIssue:
    """An issue of the file."""

    number: int
    title: str = field(repr=False)
    body: str = field(repr=False)
    is_open: bool
    reason: Reason
    """Why it is closed, where it is."""
    labels: tuple[str, ...] = ()
    milestone: str = ""
    parent: int | None = None
    blocked_by: tuple[int, ...] = ()

    @property
    def state(self) -> State:
        """As `PlannedIssue` has it."""
        return "open" if self.is_open else "completed" if self.reason == "completed" else "not planned"


@dataclass(frozen=True, slots=True)
class IssuesFile:
    """All of it."""

    file: str
    issues: tuple[FileIssue, ...]

    @property
    def milestones(self) -> tuple[Milestone, ...]:
        """The milestones, by their numbers."""
        titles = dict.fromkeys(issue.milestone for issue in self.issues if issue.milestone)
        return tuple(Milestone(number, title) for number, title in enumerate(titles, start=1))

    def selection(self, milestone: str, issue: str) -> Selection:
        """What is played: a milestone by its number or title, the sub-issues of an issue, or the only milestone."""
        if milestone and issue:
            raise InputError("--milestone and --issue exclude each other: each says which issues are played")
        if issue:
            parents = {each.parent for each in self.issues}
            number = int(issue) if issue.isdecimal() else 0
            if number not in parents:
                known = ", ".join(str(each) for each in sorted(filter(None, parents))) or "none"
                raise InputError(
                    f"--issue {issue}: expected an issue with sub-issues in {self.file}, which has {known}"
                )
            return Selection("issue", number)
        if not milestone and len(self.milestones) != 1:
            raise InputError(
                f"{self.file}: expected --milestone or --issue, which say what of it is played; its milestones: "
                + github_issues.listed(self.milestones)
            )
        milestone = milestone or str(self.milestones[0].number)
        return Selection("milestone", github_issues.milestone_of(milestone, self.milestones, self.file))

    def document(self, selection: Selection, repo: str) -> dict[str, Any]:
        """The selected issues as a tasks.json document: what a press reads once GitHub, or the forge, has them."""
        titles = {milestone.title: milestone.number for milestone in self.milestones}
        by_number = {issue.number: self._planned(issue, repo) for issue in self.issues}
        chosen = [
            by_number[issue.number]
            for issue in self.issues
            if selection.number == (titles.get(issue.milestone) if selection.kind == "milestone" else issue.parent)
        ]
        github_issues.demand_playable(selection, repo, chosen)
        blockers = {issue.number: [by_number[number] for number in issue.blocked_by] for issue in self.issues}
        return github_issues.document(selection, repo, chosen, blockers)

    def _planned(self, issue: FileIssue, repo: str) -> PlannedIssue:
        open_parts = sum(each.parent == issue.number and each.is_open for each in self.issues)
        return PlannedIssue(
            repo, issue.number, issue.title, issue.body, issue.state, labels=issue.labels, open_parts=open_parts
        )


def read(file: Path) -> IssuesFile:
    """The issues of a file; Invalid, with the place of each fault, if it is none, or names issues that it lacks."""
    source = load_yaml(read_text(file), str(file))
    problems = [*source.problems, *check(packaged.schema("issues"), source.value, source.place)]
    if not problems:
        problems = list(_faults(source))
    if problems:
        raise Invalid(by_place(problems))
    return IssuesFile(str(file), tuple(_issue(entry) for entry in source.value["issues"]))


def _issue(entry: Mapping[str, Any]) -> FileIssue:
    return FileIssue(
        number=entry["number"],
        title=entry["title"],
        body=entry.get("body", ""),
        is_open=entry.get("state", "open") == "open",
        reason=entry.get("state_reason", "completed"),
        labels=tuple(entry.get("labels", ())),
        milestone=entry.get("milestone", ""),
        parent=entry.get("parent"),
        blocked_by=tuple(entry.get("blocked_by", ())),
    )


def _faults(source: Source) -> Iterator[Problem]:
    entries: Sequence[Mapping[str, Any]] = source.value["issues"]
    known: set[int] = {entry["number"] for entry in entries}
    first: set[int] = set()
    for at, entry in enumerate(entries):
        number, place = entry["number"], ("issues", at)
        if number in first:
            yield source.problem(
                (*place, "number"), f"expected each number once, got {number} again", "give it another"
            )
        first.add(number)
        if "state_reason" in entry and entry.get("state", "open") == "open":
            yield source.problem(
                (*place, "state_reason"), "expected a closed issue, got an open one", "add state: closed"
            )
        named: list[tuple[Place, int]] = [
            (("blocked_by", index), other) for index, other in enumerate(entry.get("blocked_by", ()))
        ]
        if "parent" in entry:
            named.append((("parent",), entry["parent"]))
        for key, other in named:
            if other not in known or other == number:
                what = "itself" if other == number else f"{other}, which is not in the file"
                yield source.problem((*place, *key), f"expected another issue of this file, got {what}", "correct it")
