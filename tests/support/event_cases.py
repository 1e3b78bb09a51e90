"""Webhooks to judge: somebody else's recordings (tests/data/webhooks), and what they lack patched into them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from charts import ROOT

from pressplay import names

PAYLOADS = ROOT / "tests/data/webhooks"
FILES = sorted(str(path.relative_to(PAYLOADS)) for path in PAYLOADS.glob("*/*.json"))
REPO = "Codertocat/Hello-World"
LABEL = [{"name": "bug"}, {"name": "press-play"}]
REX = {"login": "rex[bot]", "type": "Bot"}


def read(file: str) -> dict[str, Any]:
    """A recorded payload, by its path below PAYLOADS."""
    payload: dict[str, Any] = json.loads((PAYLOADS / file).read_text(encoding="utf-8"))
    return payload


def values(mode: str) -> dict[str, Any]:
    """Values with every repository of the payloads listed but one, which `unlisted` cases use."""
    found = {(read(file).get("repository") or {}).get("full_name") for file in FILES} - {None, "electron/electron"}
    return {
        # Some have one name and different owners.
        "repositories": {name: {"service": names.slug(name.replace("/", "-"))} for name in sorted(found)},
        "events": {"start": mode},
        "flows": {"triage": {"ignoreChecks": ["spell check (beta)"]}, "security": {"scanWorkflows": ["CodeQL"]}},
    }


@dataclass(frozen=True)
class Case:
    """A recorded payload with something patched into it, and the flow that it then starts in each mode."""

    file: str
    patch: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    all: str = ""
    because: str = ""
    """Part of the reason why the flow that the event is for does not start, where it starts in neither mode."""

    def payload(self) -> dict[str, Any]:
        made = read(self.file)
        for place, value in self.patch.items():
            holder = made
            *path, last = place.split(".")
            for key in path:
                holder = holder[int(key)] if isinstance(holder, list) else holder.setdefault(key, {})
            holder[last] = value
        return made


OPENED, PUSHED = "pull_request/opened.payload.json", "pull_request/synchronize.payload.json"
SAID, LINE = "issue_comment/created.payload.json", "pull_request_review_comment/created.payload.json"
REVIEW = "pull_request_review/submitted.payload.json"
CHECK, RUN = "check_run/completed.payload.json", "workflow_run/completed.with-pull-requests.payload.json"
ISSUE, LABELLED = "issues/opened.payload.json", "issues/labeled.payload.json"
GROUP = "merge_group/checks_requested.payload.json"
PUSH = "push/with-new-branch.payload.json"
ON_PR = {"issue.pull_request": {"url": "https://api.github.com/repos/Codertocat/Hello-World/pulls/1"}}
OTHERS_BRANCH = "changes"
OUR_BRANCH = "feature/task-12-implementation"
FAILED_CHECK = {
    "check_run.conclusion": "failure",
    "check_run.app.slug": "github-actions",
    "check_run.check_suite.head_branch": OUR_BRANCH,
}
FAILED_RUN = {"workflow_run.conclusion": "failure", "workflow_run.head_branch": OUR_BRANCH}
FORK = {"pull_request.head.repo.full_name": "stranger/Hello-World", "pull_request.head.repo.fork": True}
LABELLED_PR = {"pull_request.labels": LABEL}
BY_COLLABORATOR = {"comment.author_association": "COLLABORATOR"}

CASES = {
    # Pull requests
    "opened with our label": Case(OPENED, LABELLED_PR, "pull-request", "pull-request"),
    "pushed to by a person, with our label": Case(PUSHED, LABELLED_PR, "pull-request", "pull-request"),
    "pushed to by a person, ours": Case(PUSHED, {"pull_request.user": REX}, "pull-request", "pull-request"),
    "pushed to by our bot": Case(PUSHED, {**LABELLED_PR, "sender": REX}, because="body.sender.type is not User"),
    "pushed to by our bot that says it is a user": Case(
        PUSHED, {**LABELLED_PR, "sender": {"login": "rex[bot]", "type": "User"}}, because="body.sender.login is "
    ),
    "pushed to by the harness": Case(
        PUSHED, {**LABELLED_PR, "sender": {"login": "press-play[bot]", "type": "User"}}, because="body.sender.login is "
    ),
    "pushed to by somebody whose name contains ours": Case(
        PUSHED, {**LABELLED_PR, "sender.login": "trex"}, "pull-request", "pull-request"
    ),
    "pushed to by another bot": Case(
        PUSHED, {**LABELLED_PR, "sender": {"login": "renovate[bot]", "type": "Bot"}}, because="body.sender.type is not"
    ),
    "a draft": Case(
        OPENED, {**LABELLED_PR, "pull_request.draft": True}, because="body.pull_request.draft is not false"
    ),
    "from a fork": Case(OPENED, {**LABELLED_PR, **FORK}, because="full_name == body.pull_request.base.repo.full_name"),
    "from a fork that is gone": Case(
        OPENED, {**LABELLED_PR, "pull_request.head.repo": None}, because="there is no body.pull_request.head.repo"
    ),
    "of an unlisted repository": Case(
        OPENED, {**LABELLED_PR, "repository.full_name": "electron/electron"}, because="body.repository.full_name"
    ),
    "of a listed repository, spelled in another case": Case(
        OPENED, {**LABELLED_PR, "repository.full_name": REPO.swapcase()}, "pull-request", "pull-request"
    ),
    "of a repository whose name contains a listed one": Case(
        OPENED, {**LABELLED_PR, "repository.full_name": f"{REPO}-2"}, because="body.repository.full_name"
    ),
    "of a repository with a line end behind its name": Case(
        OPENED, {**LABELLED_PR, "repository.full_name": f"{REPO}\n"}, because="body.repository.full_name"
    ),
    "with a label that contains ours": Case(
        OPENED, {"pull_request.labels": [{"name": "not-press-play"}, {"name": "press-play-later"}]}, "", "pull-request"
    ),
    "labelled with ours": Case(
        "pull_request/labeled.payload.json", {**LABELLED_PR, "label.name": "press-play"}, "pull-request", ""
    ),
    "labelled with ours, as a draft": Case(
        "pull_request/labeled.payload.json", {"label.name": "press-play", "pull_request.draft": True}
    ),
    "labelled with ours, from a fork": Case("pull_request/labeled.payload.json", {"label.name": "press-play", **FORK}),
    "labelled with ours by our bot": Case(
        "pull_request/labeled.payload.json", {"label.name": "press-play", "sender": REX}
    ),
    "labelled with another while ours is on it": Case("pull_request/labeled.payload.json", LABELLED_PR),
    "closed by our bot": Case("pull_request/closed.payload.json", {"sender": REX}, "signal", "signal"),
    "a changed base": Case(
        OPENED, {"action": "edited", "changes": {"base": {"ref": {"from": "main"}}}}, "signal", "signal"
    ),
    "a base changed by our bot": Case(
        OPENED, {"action": "edited", "changes": {"base": {"ref": {"from": "main"}}}, "sender": REX}, "signal", "signal"
    ),
    "another title": Case(
        OPENED,
        {"action": "edited", "changes": {"title": {"from": "x"}}},
        because="there is no body.changes.base.ref.from",
    ),
    "closed in an unlisted repository": Case(
        "pull_request/closed.payload.json", {"repository.full_name": "electron/electron"}
    ),
    # Comments
    "a comment on an issue": Case(SAID, because="there is no body.issue.pull_request.url"),
    "a comment on a pull request": Case(SAID, {**ON_PR}, "", "comments"),
    "a comment on one with our label": Case(SAID, {**ON_PR, "issue.labels": LABEL}, "comments", "comments"),
    "a comment on one of ours": Case(SAID, {**ON_PR, "issue.user": REX}, "comments", "comments"),
    "a comment on one of ours with our label": Case(
        SAID,
        {**ON_PR, "issue.user": REX, "issue.labels": LABEL, "comment.body": "/press-play fix"},
        "comments",
        "comments",
    ),
    "a command": Case(SAID, {**ON_PR, "comment.body": "/press-play fix"}, "comments", "comments"),
    "a command and text below it": Case(SAID, {**ON_PR, "comment.body": "/press-play\nplease"}, "comments", "comments"),
    "a command in the midst of text": Case(SAID, {**ON_PR, "comment.body": "say /press-play fix"}, "", "comments"),
    "another command": Case(SAID, {**ON_PR, "comment.body": "/press-player"}, "", "comments"),
    "a stranger's command": Case(
        SAID,
        {**ON_PR, "comment.body": "/press-play fix", "comment.author_association": "NONE"},
        because="body.comment.author_association is none of OWNER, MEMBER, COLLABORATOR",
    ),
    "a comment by somebody who may be a private member": Case(
        SAID, {**ON_PR, "issue.labels": LABEL, "comment.author_association": "CONTRIBUTOR"}, "comments", "comments"
    ),
    "a stranger's comment": Case(
        SAID,
        {**ON_PR, "issue.labels": LABEL, "comment.author_association": "NONE"},
        because="reconcile asks GitHub whether its author has write access",
    ),
    "our bot's comment": Case(
        SAID, {**ON_PR, "issue.labels": LABEL, "sender": REX}, because="body.sender.type is not User"
    ),
    "our bot's command": Case(SAID, {**ON_PR, "comment.body": "/press-play fix", "sender": REX}, because="body.sender"),
    "a comment on a closed one": Case(
        SAID, {**ON_PR, "issue.labels": LABEL, "issue.state": "closed"}, because="body.issue.state is not open"
    ),
    "an edited comment": Case(
        "issue_comment/edited.payload.json", {**ON_PR, "issue.labels": LABEL}, because="body.action"
    ),
    "a comment at a line, with our label": Case(LINE, LABELLED_PR, "comments", "comments"),
    "a comment at a line, of ours": Case(LINE, {"pull_request.user": REX, **BY_COLLABORATOR}, "comments", "comments"),
    "a stranger's comment at a line": Case(
        LINE, {**LABELLED_PR, "comment.author_association": "NONE"}, because="body.comment.author_association"
    ),
    "a comment at a line in a fork": Case(LINE, {**LABELLED_PR, **FORK}, because="full_name == body.pull_request.base"),
    "our bot's comment at a line": Case(LINE, {**LABELLED_PR, "sender": REX}, because="body.sender.type"),
    "changes requested": Case(REVIEW, {"review.state": "changes_requested"}, "", "comments"),
    "changes requested, with our label": Case(
        REVIEW, {"review.state": "changes_requested", **LABELLED_PR}, "comments", "comments"
    ),
    "changes requested by our QA": Case(
        REVIEW,
        {"review.state": "changes_requested", **LABELLED_PR, "sender": {"login": "qa-agent[bot]", "type": "Bot"}},
        because="body.sender.type",
    ),
    "approved": Case(REVIEW, {"review.state": "approved", **LABELLED_PR}, because="body.review.state is not changes"),
    "a thread resolved": Case("pull_request_review_thread/resolved.payload.json", LABELLED_PR),
    # Checks
    "a failed check of ours": Case(CHECK, FAILED_CHECK, "triage", "triage"),
    "a check of ours that timed out": Case(
        CHECK, {**FAILED_CHECK, "check_run.conclusion": "timed_out"}, "triage", "triage"
    ),
    "a failed check on another branch": Case(
        CHECK, {**FAILED_CHECK, "check_run.check_suite.head_branch": OTHERS_BRANCH}, "", "triage"
    ),
    "a failed check on a branch that begins like ours": Case(
        CHECK, {**FAILED_CHECK, "check_run.check_suite.head_branch": f"{OUR_BRANCH}-2"}, "", "triage"
    ),
    "a failed check of our bot": Case(CHECK, {**FAILED_CHECK, "sender": REX}, "triage", "triage"),
    "a check that was cancelled": Case(
        CHECK, {**FAILED_CHECK, "check_run.conclusion": "cancelled"}, because="body.check_run.conclusion"
    ),
    "a failed check of no pull request": Case(
        CHECK,
        {**FAILED_CHECK, "check_run.pull_requests": []},
        because="there is no body.check_run.pull_requests.0.number",
    ),
    "our acceptance check": Case(
        CHECK,
        {**FAILED_CHECK, "check_run.name": "press-play/acceptance"},
        because="body.check_run.name is ^press-play/",
    ),
    "the harness's check by another name": Case(
        CHECK, {**FAILED_CHECK, "check_run.app.slug": "press-play"}, because="body.check_run.app.slug is press-play"
    ),
    "a check that is ignored": Case(
        CHECK, {**FAILED_CHECK, "check_run.name": "spell check (beta)"}, because="body.check_run.name is"
    ),
    "a check that is only called like one that is ignored": Case(
        CHECK, {**FAILED_CHECK, "check_run.name": "spell check beta"}, "triage", "triage"
    ),
    "a failed run": Case(RUN, FAILED_RUN, "triage", "triage"),
    "a failed run that is ignored": Case(
        RUN, {**FAILED_RUN, "workflow_run.name": "spell check (beta)"}, because="body.workflow_run.name is"
    ),
    "a failed scan of a pull request": Case(RUN, {**FAILED_RUN, "workflow_run.name": "CodeQL"}, "triage", "triage"),
    "a failed run of no pull request": Case(
        RUN, {**FAILED_RUN, "workflow_run.pull_requests": []}, because="body.workflow_run.pull_requests.0.number"
    ),
    "a failed suite": Case("check_suite/completed.payload.json", {"check_suite.conclusion": "failure"}),
    "a failed job": Case("workflow_job/completed.failure.with-organization.payload.json"),
    "a failed status": Case("status/payload.json", {"state": "failure"}),
    # Alerts
    "a scan": Case(RUN, {"workflow_run.name": "CodeQL", "workflow_run.head_branch": "master"}, "security", "security"),
    "a scan of another branch": Case(RUN, {"workflow_run.name": "CodeQL", "workflow_run.head_branch": "changes"}),
    "a scan in a fork": Case(
        RUN,
        {
            "workflow_run.name": "CodeQL",
            "workflow_run.head_branch": "master",
            "workflow_run.head_repository.full_name": "stranger/Hello-World",
        },
    ),
    "another workflow": Case(RUN, {"workflow_run.name": "CodeQL 2", "workflow_run.head_branch": "master"}),
    "an alert by our bot": Case("code_scanning_alert/created.payload.json", {"sender": REX}, "security", "security"),
    "an alert that was fixed": Case("dependabot_alert/fixed.payload.json", because="body.action is none of"),
    "a new secret": Case("secret_scanning_alert/reopened.payload.json", {"action": "created"}, "security", "security"),
    "a resolved secret": Case(
        "secret_scanning_alert/reopened.payload.json", {"action": "resolved"}, because="body.action"
    ),
    # Issues
    "an issue opened by a stranger": Case(ISSUE, {"issue.author_association": "NONE"}),
    "an issue opened by our bot": Case(ISSUE, {"sender": REX}),
    "an issue labelled with ours": Case(LABELLED, {"label.name": "press-play"}, "issue", "issue"),
    "a stranger's issue labelled with ours": Case(
        LABELLED, {"label.name": "press-play", "issue.author_association": "NONE"}, "issue", "issue"
    ),
    "an issue labelled with ours by our bot": Case(
        LABELLED, {"label.name": "press-play", "sender": REX}, because="body.sender.type"
    ),
    "an issue labelled with ours, closed": Case(
        LABELLED, {"label.name": "press-play", "issue.state": "closed"}, because="body.issue.state"
    ),
    "an issue labelled with a label like ours": Case(
        LABELLED, {"label.name": "press-play\n"}, because="body.label.name is not press-play"
    ),
    # The merge queue
    "a group of ours alone, of a bot": Case(GROUP, {"sender": REX}, "merge-group", "merge-group"),
    "a group that is gone": Case(GROUP, {"action": "destroyed"}, because="body.action is not checks_requested"),
    "a group without a commit": Case(
        GROUP, {"merge_group.head_sha": "main"}, because="body.merge_group.head_sha is not"
    ),
    "a group in an unlisted repository": Case(
        GROUP, {"repository.full_name": "electron/electron"}, because="body.repository.full_name"
    ),
    # Pushes
    "a push of our bot to the default branch": Case(PUSH, {"sender": REX}, "signal", "signal"),
    "a push to another branch": Case(PUSH, {"ref": "refs/heads/changes"}, because="refs/heads/"),
    "a push to a branch below one called like the default one": Case(PUSH, {"ref": "refs/heads/master/x"}),
    "a tag called like the default branch": Case(PUSH, {"ref": "refs/tags/master"}),
    "the default branch deleted": Case(PUSH, {"deleted": True}, because="body.deleted is not false"),
    "a push to an unlisted repository": Case(PUSH, {"repository.full_name": "electron/electron"}),
}
