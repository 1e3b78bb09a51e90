"""The texts of an issue: what people wrote, and the task that our Issue App made of it. All of it is data (R7).

Only texts that count are passed on (R8, `steps.core.consent`): the issue's text if somebody with write access wrote it
or consented to it, such people's comments, and those of the Issue App.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from pressplay import names
from pressplay.backlog.tasks import Task
from pressplay.github import edits, issues
from pressplay.steps.core import consent
from pressplay.steps.core.context import Context
from pressplay.templating import prompts
from pressplay.validation.markdown import criteria_section

TASK_MARK, QUESTION_MARK = "press-play: task", "press-play: question"
"""How the Issue App's comments begin. In other authors' comments these words mean nothing."""
COMMENTS_LIMIT = 200
_MARKER = re.compile(r"<!-- press-play: [A-Za-z0-9._/-]+ -->\Z")


@dataclass(frozen=True)
class IssueAnswer:
    """The Issue App's newest task or questions on an issue."""

    comment: int
    is_task: bool
    text: str = field(repr=False)


def by_agent(context: Context, repo: str, task: int, after: int = 0) -> IssueAnswer | None:
    """The newest task or question that our Issue App wrote on the issue of a task's number, later than a comment."""
    gh, number = context.harness(repo, issues="read"), names.plain_number(task)
    return _newest(context, _counting(context, repo, issues.comments(gh, repo, number)), after)


def _counting(context: Context, repo: str, comments: list[issues.Comment]) -> list[issues.Comment]:
    """The comments that count: the Issue App's and those of people with write access, edited by nobody else."""
    people = consent.writers(context, repo)
    agent = _login(context)
    kept = [comment for comment in comments if comment.author.lower() == agent or people.include(comment.author)]
    edited = [comment.node_id for comment in kept if comment.updated_at != comment.created_at]
    made = edits.of(context.harness(repo, issues="read"), edited) if edited else {}
    return [
        comment
        for comment in kept
        if comment.updated_at == comment.created_at
        or people.alone_made(made.get(comment.node_id), author=comment.author)
    ]


def _login(context: Context) -> str:
    return names.bot(context.settings.agent("issue")[1].github_app)


def _newest(context: Context, comments: list[issues.Comment], after: int = 0) -> IssueAnswer | None:
    login = _login(context)
    newest = None
    for comment in comments:
        mark = comment.body.lstrip().partition("\n")[0].strip()
        if comment.author.lower() == login and comment.id > after and mark in (TASK_MARK, QUESTION_MARK):
            text = comment.body.lstrip().partition("\n")[2]
            newest = IssueAnswer(comment.id, mark == TASK_MARK, _MARKER.sub("", text.rstrip()).strip())
    return newest


def files(context: Context, repo: str, task: int) -> dict[str, str]:
    """The task folder's files of an issue, by name.

    If the Issue App has made a task of it, that task is the work, and people's text goes with it. Else people's text is
    the work. Text that no longer counts is left out; without a task that raises consent.Withdrawn.
    """
    number = names.plain_number(task)
    gh = context.harness(repo, issues="read")
    about = issues.issue(gh, repo, number)
    words = consent.words(context, repo, number, about.labels)
    everything = issues.comments(gh, repo, number)
    comments = _counting(context, repo, everything)
    others = sum(1 for comment in everything if not context.settings.is_ours(comment.author)) - sum(
        1 for comment in comments if not context.settings.is_ours(comment.author)
    )
    context.say(f"issue {number}: {others} comments of people without write access left out")
    answer = _newest(context, comments)
    made = answer.text if answer is not None and answer.is_task else ""
    if not words.count and not made:
        raise consent.Withdrawn(consent.EDITED)
    title, body = (words.title, words.body) if words.count else (f"Issue {number}", "")
    work = Task(
        id=f"issue {number}",
        number=task,
        title=title,
        description=f"Issue #{number}, whose own words are in `task/issue.json`. " + _SAYS[bool(made)],
        details=made or body,
        test_strategy="",
        priority="medium",
        status="pending",
        dependencies=(),
    )
    itself = {
        "number": number,
        "title": title,
        "body": body,
        "author": about.author,
        "labels": list(about.labels),
        "comments": [
            {
                "id": comment.id,
                "author": comment.author,
                "association": comment.association,
                "created_at": comment.created_at,
                "body": comment.body,
            }
            for comment in comments[-COMMENTS_LIMIT:]
        ],
        "older_comments_left_out": max(0, len(comments) - COMMENTS_LIMIT),
        "edited_since_and_left_out": not words.count,
    }
    return {
        **prompts.task_files(work, criteria=criteria_section(made)),
        "issue.json": json.dumps(itself, indent=2, ensure_ascii=False) + "\n",
    }


_SAYS = {
    True: "The Issue agent made this task of it; where the two differ, the task counts.",
    False: "It is not a task yet.",
}
