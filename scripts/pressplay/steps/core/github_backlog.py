"""A backlog of GitHub's issues: chosen and read at a press of play, and pinned for everything that the press leads to.

Who presses play consents to the issues' texts as they are then (R8). A press commits what it read to a branch that only
the harness may push to, and records the commit in a ConfigMap. Agents, gates and later steps read that commit alone:
whoever edits an issue after the press changes no orders, and the next press reads the issues again.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from pressplay import names
from pressplay.backlog import github_issues
from pressplay.backlog.github_issues import Selection
from pressplay.backlog.resolution import Choice
from pressplay.backlog.tasks import Task
from pressplay.cluster.ledger import PART_OF
from pressplay.errors import InputError
from pressplay.github import contents, issue_plans, refs
from pressplay.github.calls import Client
from pressplay.github.issue_plans import PlannedIssue
from pressplay.steps.core import consent
from pressplay.steps.core.context import Context, Inputs, Subject, number

FILE = "press-play-backlog.json"
"""Where the commit has the backlog, in the form of a tasks.json."""
_READ = 10 * github_issues.MOST
"""Issues of a selection that are read, closed ones included."""
_LISTED = 20


def chosen(inputs: Inputs, context: Context) -> Choice | None:
    """The tag that one of the parameters `tag`, `milestone` and `issue` names; None where the place decides.

    InputError for more than one of them, and for a milestone that there is not.
    """
    given = {name: inputs.get(name, "").strip() for name in ("tag", *github_issues.KINDS)}
    given = {name: value for name, value in given.items() if value not in ("", "none")}
    if len(given) > 1:
        raise InputError(f"parameters {', '.join(given)}: expected one of them: each says which backlog is played")
    for name, value in given.items():
        if name == "milestone":
            repo = context.settings.listed(inputs["repo"])
            known = issue_plans.milestones(context.harness(repo, issues="read"), repo)
            value = Selection("milestone", github_issues.milestone_of(value, known, repo)).tag
        elif name == "issue":
            value = Selection("issue", number({"issue": value.lstrip("#")}, "issue") or 0).tag
        return Choice(value, f"by -p {name}")
    return None


def read(context: Context, repo: str, selection: Selection) -> dict[str, Any]:
    """What GitHub has of a selection now, as a tasks.json document; InputError where there is nothing to be played."""
    gh = context.harness(repo, issues="read")
    listed = list(islice(_listed(gh, repo, selection), _READ + 1))
    if len(listed) > _READ:
        raise InputError(f"{repo}: {selection} holds more than {_READ} issues; divide them among milestones")
    github_issues.demand_playable(selection, repo, [issue for issue in listed if not issue.is_pull])
    blockers = {
        issue.number: issue_plans.blocked_by(gh, repo, issue.number)
        for issue in listed
        if issue.state == "open" and not issue.is_pull and issue.may_be_blocked and issue.repo.lower() == repo.lower()
    }
    return github_issues.document(selection, repo, listed, blockers, context.settings.events.label)


def _listed(gh: Client, repo: str, selection: Selection) -> Iterable[PlannedIssue]:
    if selection.kind == "milestone":
        # GitHub answers 422 for a milestone that there is not.
        if issue_plans.find_milestone(gh, repo, selection.number) is None:
            github_issues.milestone_of(str(selection.number), issue_plans.milestones(gh, repo), repo)
        return issue_plans.of_milestone(gh, repo, selection.number)
    parent = issue_plans.find_issue(gh, repo, selection.number)
    if parent is None or parent.is_pull:
        what = "a pull request" if parent else "no issue of that number"
        raise InputError(f"{repo}: expected the issue #{selection.number} with sub-issues, got {what}")
    return issue_plans.sub_issues(gh, repo, selection.number)


def pin(context: Context, subject: Subject, document: dict[str, Any], base: str) -> None:
    """Make `document` what counts for the subject's backlog, on top of the commit `base`. Idempotent."""
    gh = context.harness(subject.repo, contents="write")
    content = github_issues.to_json(document)
    branch = names.backlog_branch(subject.repo, subject.tag)
    commit = refs.commit_files(gh, subject.repo, branch, {FILE: content}, "The backlog as it was at the press\n", base)
    metadata = {
        "name": names.play_backlog(subject.repo, subject.tag),
        "namespace": context.settings.namespace,
        "labels": {**PART_OF, "press-play/repo": names.repo_key(subject.repo)},
    }
    context.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"commit": commit}})


def pinned(context: Context, gh: Client, subject: Subject) -> tuple[str, bytes]:
    """Where the backlog is pinned, for messages, and what it holds; InputError where no press pinned it."""
    name = names.play_backlog(subject.repo, subject.tag)
    record = context.cluster.get("ConfigMap", context.settings.namespace, name)
    commit = str(((record or {}).get("data") or {}).get("commit", ""))
    content = contents.read_file(gh, subject.repo, FILE, names.commit(commit)) if commit else None
    if content is None:
        raise InputError(
            f"{subject.repo}: the backlog {subject.tag} was not read yet, or what was read is gone "
            f"({names.backlog_branch(subject.repo, subject.tag)}); press play on it, which reads it from GitHub"
        )
    return f"{commit[:12]}:{FILE}", content


def of_strangers(context: Context, repo: str, tasks: Iterable[Task]) -> list[str]:
    """The ids of tasks whose issues people without write access opened: a press consents to their texts."""
    people = consent.writers(context, repo)
    authors = {task.id: task.raw.get("author") for task in tasks}
    return [id_ for id_, author in authors.items() if isinstance(author, str) and not people.include(author)]
