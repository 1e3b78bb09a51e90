"""The roles in which agents run: what each works on, who plays it, what it may change and how its runs are judged.

A role is what one run is for. The role of an agent in the values (`agents.<id>.role`) is one of these, or `security`,
whose agent runs in the role `implement`. What a room does for a role's runs is in `steps.roles`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission that a GitHub App needs, and what for."""

    name: str
    level: Level
    why: str
    """A sentence."""


_METADATA = Permission("metadata", "read", "Every App has it.")
_PUSHES = Permission("contents", "write", "Clones, and pushes its commits to the branch that it works on.")
_OPENS = Permission("pull_requests", "write", "Opens its pull request.")
_ASKS = Permission("pull_requests", "write", "Finds its pull request, and asks there where it is blocked.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a run is for."""

    name: str
    works_on: Literal["task", "pr"]
    """Whose ledger its runs are recorded in."""
    stage: Literal["task", "round", "ask"]
    """`task`: before there is a pull request; `round`: part of a review round; `ask`: comments, a failing check or a
    conflict ask for it."""
    persona: str
    """The id of the agent that plays it, unless the values name another one."""
    may_change: str
    """What its commits may change. Gates hold it to that, not its prompt."""
    judged_by: str
    """What GitHub must hold for a run to count as done."""
    results: tuple[str, ...] = ("done", "nothing", "blocked")
    """What its agent may hand over as `result` (`domain.outcomes`)."""
    limits: tuple[str, ...]
    """The limits in the values, beside those that count for every run, that its runs count against."""
    permissions: tuple[Permission, ...]
    """What its App needs."""
    resource: Literal["CodeRun", "DocsRun"] = "CodeRun"
    """The custom resource that carries its runs out."""
    has_cause: bool = False
    """Whether a cause of its own tells its runs apart: a snapshot's hash, a check's id, the hash of tasks."""
    is_apart: bool = False
    """Whether its runs have a number, a branch and a volume of their own, for no other role to read."""


CRITERIA = Role(
    name="criteria",
    works_on="task",
    stage="task",
    persona="qa",
    may_change="one sealed file on a branch of its own",
    judged_by="a sealed plan of command probes in the only commit of its branch, pushed by its App alone",
    results=("done",),
    limits=("runsPerTask", "minutesPerTask"),
    permissions=(_METADATA, _PUSHES),
    has_cause=True,
    is_apart=True,
)
IMPLEMENT = Role(
    name="implement",
    works_on="task",
    stage="task",
    persona="rex",
    may_change="everything but the tests that are there and plans of probes",
    judged_by="an open pull request from the task's branch",
    limits=("runsPerTask", "minutesPerTask"),
    permissions=(_METADATA, _PUSHES, _OPENS),
)
ISSUE = Role(
    name="issue",
    works_on="task",
    stage="task",
    persona="issue",
    may_change="nothing: it comments on the issue",
    judged_by="a comment of its App on the issue: a task, or questions",
    results=("done", "blocked"),
    limits=("runsPerTask", "minutesPerTask"),
    permissions=(
        _METADATA,
        Permission("contents", "read", "Clones, to know what the issue is about."),
        Permission("issues", "write", "Leaves the task, or its questions, on the issue."),
    ),
)
PLAN = Role(
    name="plan",
    works_on="task",
    stage="task",
    persona="morgan",
    may_change="the documents of tasks",
    judged_by="an open pull request that changes documents only, and holds all that were asked for",
    limits=("documentsPerRun",),
    permissions=(_METADATA, _PUSHES, _OPENS),
    resource="DocsRun",
    has_cause=True,
)
LINT = Role(
    name="lint",
    works_on="pr",
    stage="round",
    persona="clippy",
    may_change="formatting and what linters report; tests stay as strong as they are",
    judged_by="the head, moved or not; moved where the lint gate refused it",
    limits=("rounds", "runsPerPullRequest", "minutesPerPullRequest"),
    permissions=(_METADATA, _PUSHES, _ASKS),
)
TEST = Role(
    name="test",
    works_on="pr",
    stage="round",
    persona="qa",
    may_change="tests and its plan of probes",
    judged_by="its App's newest review on the head: changes requested, or a comment that says `press-play: pass`",
    results=("pass", "changes", "blocked"),
    limits=("rounds", "runsPerPullRequest", "minutesPerPullRequest"),
    permissions=(
        _METADATA,
        _PUSHES,
        Permission("pull_requests", "write", "Posts its review; the harness posts the approval as it."),
    ),
)
FIX = Role(
    name="fix",
    works_on="pr",
    stage="round",
    persona="rex",
    may_change="everything but the tests that are there and plans of probes",
    judged_by="the head: it moved, or nothing was changed",
    limits=("rounds", "runsPerPullRequest", "minutesPerPullRequest"),
    permissions=IMPLEMENT.permissions,
)
COMMENTS = Role(
    name="comments",
    works_on="pr",
    stage="ask",
    persona="pr-comment",
    may_change="everything but plans of probes",
    judged_by="commits on the branch, or answers in the threads",
    limits=("runsPerPullRequest", "minutesPerPullRequest"),
    permissions=(
        _METADATA,
        _PUSHES,
        Permission("pull_requests", "write", "Answers reviewers in their threads."),
    ),
    has_cause=True,
)
TRIAGE = Role(
    name="triage",
    works_on="pr",
    stage="ask",
    persona="triage",
    may_change="everything but plans of probes; tests stay as strong as they are",
    judged_by="commits on the branch that leave the tests as strong as they were",
    limits=("triageTries", "runsPerPullRequest", "minutesPerPullRequest"),
    permissions=(_METADATA, _PUSHES, _ASKS),
    has_cause=True,
)
CONFLICT = Role(
    name="conflict",
    works_on="pr",
    stage="ask",
    persona="rex",
    may_change="what conflicts with the base, and what the pull request changes already",
    judged_by="a merge of the base on the branch, pushed without force, that keeps what only the base changed",
    results=("done", "blocked"),
    limits=("runsPerPullRequest", "minutesPerPullRequest"),
    permissions=IMPLEMENT.permissions,
    has_cause=True,
)

ROLES: Mapping[str, Role] = {
    role.name: role for role in (CRITERIA, IMPLEMENT, ISSUE, PLAN, LINT, TEST, FIX, COMMENTS, TRIAGE, CONFLICT)
}
"""All roles by name, in the order of a task's way."""
AGENT_ROLES: Mapping[str, Role] = {
    **{role.name: role for role in (PLAN, IMPLEMENT, LINT, TEST, TRIAGE)},
    "security": IMPLEMENT,
    **{role.name: role for role in (COMMENTS, ISSUE)},
}
"""What the values may give an agent as its role (`agents.<id>.role`), and the role in which its runs are.

`fix` and `conflict` are not among them: their runs are those of the agent that implements.
"""


def named(stage: Literal["task", "round", "ask"]) -> tuple[str, ...]:
    """The names of a stage's roles."""
    return tuple(role.name for role in ROLES.values() if role.stage == stage)
