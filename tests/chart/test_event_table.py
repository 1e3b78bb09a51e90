"""Issue 4, must be shown 1 and 5: which flow each of GitHub's events starts, in both start modes, and never two.

The payloads are somebody else's recordings (tests/data/webhooks); what they lack is patched into them. Judged by the
chart's own rendering.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from charts import ROOT, load

from pressplay import names
from pressplay.events import webhook
from pressplay.events.receive import Receiver
from pressplay.events.sensor import Explanation, Sensor, explain
from pressplay.validation import helm

PAYLOADS = ROOT / "tests/data/webhooks"
FILES = sorted(str(path.relative_to(PAYLOADS)) for path in PAYLOADS.glob("*/*.json"))
NOW = 1_767_225_600.0 + 17
REPO = "Codertocat/Hello-World"
MODES = ("label", "all")
FLOWS = {"pull-request", "comments", "triage", "security", "issue", "signal"}
WINDOWS = {"pull-request": 30, "comments": 60, "triage": 60, "security": 300, "issue": 10, "signal": 10}
LABEL = [{"name": "bug"}, {"name": "press-play"}]
REX = {"login": "rex[bot]", "type": "Bot"}
TEXT_KEYS = {
    "title",
    "body",
    "message",
    "description",
    "ref",
    "diff_hunk",
    "summary",
    "text",
    "display_title",
    "output_title",
}


def _repositories() -> list[str]:
    found = {(_read(file).get("repository") or {}).get("full_name") for file in FILES}
    return sorted(name for name in found if name)


def _read(file: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((PAYLOADS / file).read_text(encoding="utf-8"))
    return payload


@cache
def _manifests(mode: str) -> list[dict[str, Any]]:
    """The chart with every repository of the payloads listed but one, which `unlisted` cases use."""
    values = {
        # Some have one name and different owners.
        "repositories": {
            name: {"service": names.slug(name.replace("/", "-"))}
            for name in _repositories()
            if name != "electron/electron"
        },
        "events": {"start": mode},
        "flows": {"triage": {"ignoreChecks": ["spell check (beta)"]}, "security": {"scanWorkflows": ["CodeQL"]}},
    }
    with TemporaryDirectory() as folder:
        path = Path(folder, "values.yaml")
        path.write_text(yaml.safe_dump(values))
        return load(helm.template(ROOT, [path]))


@cache
def _sensors(mode: str) -> tuple[Sensor, ...]:
    return tuple(Sensor.read(_manifests(mode)))


def _explained(mode: str, event: str, payload: Mapping[str, Any]) -> Explanation:
    return explain(_sensors(mode), webhook.as_sensor_sees(event, "72d3162e-cc78-11e3-81ab-4c9367dc0958", payload), NOW)


SUBJECTS = {"deployment_status": "deployment"}
UNCHANGED: dict[str, tuple[str, str]] = {
    "code_scanning_alert/created.payload.json": ("security", "security"),
    "code_scanning_alert/reopened.payload.json": ("security", "security"),
    "dependabot_alert/created.payload.json": ("security", "security"),
    "deployment_status/payload.json": ("signal", "signal"),
    "issues/opened.payload.json": ("", "issue"),
    "issues/opened.with-empty-body.payload.json": ("", "issue"),
    "pull_request/closed.payload.json": ("signal", "signal"),
    "pull_request/opened.payload.json": ("", "pull-request"),
    "pull_request/opened.with-null-body.json": ("", "pull-request"),
    "pull_request/ready_for_review.payload.json": ("", "pull-request"),
    "pull_request/reopened.payload.json": ("", "pull-request"),
    "pull_request/synchronize.payload.json": ("", "pull-request"),
    "pull_request_review_comment/created.payload.json": ("", "comments"),
    "push/with-new-branch.payload.json": ("signal", "signal"),
    "secret_scanning_alert/reopened.payload.json": ("security", "security"),
}
"""The payloads that start something as they are: in start mode label, in start mode all. All others start nothing."""


def _holds(mode: str, event: str, payload: Mapping[str, Any], flow: str) -> Explanation:
    """The event starts exactly this flow (or none), once, and each other flow has its reason."""
    found = _explained(mode, event, payload)
    assert [one.flow for one in found.flows] == ([flow] if flow else [])
    assert {one.flow for one in found.rejected} == FLOWS - {flow}
    for other in found.rejected:
        assert other.reason
        assert other.reason.isprintable()
        assert len(other.reason) < 500
    return found


@pytest.mark.rule("R1")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("file", FILES)
def test_a_recorded_event_starts_exactly_its_flow_or_nothing(file: str, mode: str):
    payload = _read(file)
    event = file.partition("/")[0]
    wanted = UNCHANGED.get(file, ("", ""))[MODES.index(mode)]
    found = _holds(mode, event, payload, wanted)
    if wanted:
        _names_what_it_is_about(found, event, payload)


def test_there_is_a_payload_of_every_kind_of_event():
    assert len({file.partition("/")[0] for file in FILES}) >= 60
    assert set(UNCHANGED) <= set(FILES)


def _number(event: str, payload: Mapping[str, Any]) -> int | None:
    if event in ("issues", "issue_comment"):
        return int(payload["issue"]["number"])
    if event in ("check_run", "workflow_run") and payload[event]["pull_requests"]:
        return int(payload[event]["pull_requests"][0]["number"])
    if event == "deployment_status":
        return int(payload["deployment"]["id"])
    return int(payload["pull_request"]["number"]) if "pull_request" in payload else None


def _names_what_it_is_about(found: Explanation, event: str, payload: Mapping[str, Any]) -> None:
    """Name, labels and parameters are those that reconcile gives the same thing, and nothing else travels (R1, R7)."""
    (started,) = found.flows
    repo, flow, number = payload["repository"]["full_name"], started.flow, _number(event, payload)
    window = names.window_at(NOW, WINDOWS[flow])
    parts: list[object] = [window]
    parameters: dict[str, str] = {"repo": repo}
    if number is not None and flow != "security":
        parts.insert(0, number)
        parameters[SUBJECTS.get(event, "issue" if flow == "issue" else "pr")] = str(number)
    if flow == "signal":
        parameters["what"] = {"pull_request": "closed", "push": "pushed", "deployment_status": "deployed"}[event]
        parts.insert(0, parameters["what"])
    else:
        parameters["until"] = str(names.window_until(window, WINDOWS[flow]))
    if flow == "pull-request":
        parameters["why"] = "push"
    assert started.workflow_name == names.flow_workflow(flow, repo, *parts)
    assert started.parameters == parameters
    metadata = started.manifest["metadata"]
    assert metadata["namespace"] == "press-play"
    labels = {
        "app.kubernetes.io/part-of": "press-play",
        "press-play/flow": flow,
        "press-play/repo": names.repo_key(repo),
    }
    for subject in ("pr", "issue", "deployment"):
        if subject in parameters:
            labels[f"press-play/{subject}"] = str(number)
    assert metadata["labels"] == labels
    spec = started.manifest["spec"]
    assert spec["workflowTemplateRef"] == {"name": flow}
    assert spec["priority"] == 1000
    assert set(started.manifest) == {"apiVersion", "kind", "metadata", "spec"}


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
        made = _read(self.file)
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
    "a stranger's comment": Case(
        SAID,
        {**ON_PR, "issue.labels": LABEL, "comment.author_association": "CONTRIBUTOR"},
        because="body.comment.author_association",
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
    # Pushes
    "a push of our bot to the default branch": Case(PUSH, {"sender": REX}, "signal", "signal"),
    "a push to another branch": Case(PUSH, {"ref": "refs/heads/changes"}, because="refs/heads/"),
    "a push to a branch below one called like the default one": Case(PUSH, {"ref": "refs/heads/master/x"}),
    "a tag called like the default branch": Case(PUSH, {"ref": "refs/tags/master"}),
    "the default branch deleted": Case(PUSH, {"deleted": True}, because="body.deleted is not false"),
    "a push to an unlisted repository": Case(PUSH, {"repository.full_name": "electron/electron"}),
}


@pytest.mark.rule("R8")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CASES)
def test_an_event_of_this_kind_starts_exactly_its_flow_or_nothing(name: str, mode: str):
    case = CASES[name]
    event, payload = case.file.partition("/")[0], case.payload()
    wanted = case.label if mode == "label" else case.all
    found = _holds(mode, event, payload, wanted)
    if wanted:
        _names_what_it_is_about(found, event, payload)
    assert not case.because or case.because in "; ".join(one.reason for one in found.rejected if one.met)


def _texts(value: Any, key: str = "") -> set[str]:
    """What people wrote in a payload, as far as it is long enough to be told from our own words."""
    if isinstance(value, dict):
        return set().union(*(_texts(inner, name) for name, inner in value.items()))
    if isinstance(value, list):
        return set().union(*(_texts(inner, key) for inner in value))
    return {value} if isinstance(value, str) and key in TEXT_KEYS and len(value) > 8 else set()


SECRET = b"It's a Secret to Everybody"
LIMIT = 200_000


@dataclass
class Sent:
    """A receiver of the chart's rendering, and what it logged."""

    receiver: Receiver
    said: list[str]

    def send(self, event: str, payload: Mapping[str, Any] | bytes, **headers: str) -> tuple[int, int]:
        """Deliver, signed unless headers say otherwise: the status, and how many Workflows it starts."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        delivery = webhook.Delivery(event, "72d3162e-cc78-11e3-81ab-4c9367dc0958", body)
        answer = self.receiver.receive({**delivery.headers(SECRET), **headers}, body, NOW)
        return answer.status, len(answer.started)


@pytest.fixture(params=MODES)
def sent(request: pytest.FixtureRequest) -> Sent:
    said: list[str] = []
    return Sent(Receiver(_manifests(request.param), lambda: SECRET, LIMIT, said.append), said)


@pytest.mark.rule("R7")
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not (case.label or case.all)])
def test_what_starts_nothing_is_logged_with_a_reason_and_without_its_text(name: str, sent: Sent):
    case = CASES[name]
    assert sent.send(case.file.partition("/")[0], case.payload()) == (200, 0)
    (line,) = sent.said
    assert line.startswith("delivery 72d3162e-cc78-11e3-81ab-4c9367dc0958 (")
    assert "starts nothing: " in line
    assert case.because in line
    assert line.isprintable()
    assert [text for text in _texts(case.payload()) if text in line] == []


@pytest.mark.rule("R8")
def test_what_is_not_signed_by_us_starts_nothing_and_is_logged(sent: Sent):
    payload = CASES["closed by our bot"].payload()
    body = json.dumps(payload).encode()
    assert sent.send("pull_request", payload) == (200, 1)
    assert sent.send("pull_request", payload, **{webhook.SIGNATURE: webhook.sign(b"another", body)}) == (400, 0)
    assert sent.send("pull_request", payload, **{webhook.SIGNATURE: webhook.sign(SECRET, body + b" ")}) == (400, 0)
    assert sent.send("pull_request", payload, **{webhook.SIGNATURE: ""}) == (400, 0)
    assert sent.send("pull_request", payload, **{webhook.SIGNATURE: "sha256=zz"}) == (400, 0)
    assert sent.send("pull_request", b" " * (LIMIT + 1)) == (400, 0)
    assert sent.send("pull_request", body[:-1]) == (400, 0)
    refused = [line.rpartition("refused: ")[2] for line in sent.said if "refused: " in line]
    wrong = "the signature is wrong: signed with another secret, or the payload was changed"
    assert refused == [
        wrong,
        wrong,
        "missing signature",
        "the signature is not sha256=<hexadecimal digits>",
        f"the payload is larger than {LIMIT} bytes",
        "the payload is not JSON",
    ]


@pytest.mark.rule("R1")
def test_all_events_of_a_window_make_one_workflow_of_the_same_parameters(sent: Sent):
    case = CASES["a comment on one with our label"]
    made = []
    for text in ("one", "two", "{{=1+1}} three"):
        body = json.dumps({**case.payload(), "comment": {**case.payload()["comment"], "body": text}}).encode()
        headers = webhook.Delivery("issue_comment", "1", body).headers(SECRET)
        made += [
            *sent.receiver.receive(headers, body, NOW).started,
            *sent.receiver.receive(headers, body, NOW + 20).started,
        ]
    assert len(made) == 6
    assert all(one == made[0] for one in made)
