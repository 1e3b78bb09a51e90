"""`pressplay event`: what payloads start, and signed deliveries of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from pressplay import names
from pressplay.chart import rendered_chart
from pressplay.cli import main
from pressplay.commands import event as event_command
from pressplay.events import webhook
from pressplay.events.receive import Receiver

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests/data/webhooks"
CLOSED = PAYLOADS / "pull_request/closed.payload.json"
REPO = "Codertocat/Hello-World"
AT = 1_767_225_617
NAME = names.flow_workflow("signal", REPO, "closed", 2, names.window_at(AT, 10))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Payloads named in both ways."""
    (tmp_path / "payloads/issues").mkdir(parents=True)
    (tmp_path / "payloads/pull_request.closed.json").write_bytes(CLOSED.read_bytes())
    (tmp_path / "payloads/issues/opened.payload.json").write_bytes(
        (PAYLOADS / "issues/opened.payload.json").read_bytes()
    )
    return tmp_path / "payloads"


def test_a_payload_is_explained_for_people(capsys: pytest.CaptureFixture[str]):
    assert main(["event", "explain", str(CLOSED), "--event", "pull_request", "--at", str(AT)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:4] == [
        f"starts signal: Workflow {NAME}",
        f"    repo = {REPO}",
        "    pr = 2",
        "    what = closed",
    ]
    assert "not pull-request: body.action is none of opened, reopened, ready_for_review, synchronize" in said
    assert len(said) == 10


@pytest.mark.parametrize("at", ["2026-01-01T00:00:17Z", "1767225617", "1767225617.9", "2026-01-01T01:00:17+01:00"])
def test_a_payload_is_explained_for_programs_at_any_moment(at: str, capsys: pytest.CaptureFixture[str]):
    assert main(["event", "explain", str(CLOSED), "--event", "pull_request", "--at", at, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    parameters = {"repo": REPO, "pr": "2", "what": "closed"}
    assert found["flows"] == [{"flow": "signal", "workflow": NAME, "parameters": parameters}]
    assert {one["flow"] for one in found["rejected"]} == {
        "pull-request",
        "comments",
        "triage",
        "security",
        "issue",
        "merge-group",
    }
    assert all(set(one) == {"flow", "reason"} for one in found["rejected"])


def test_a_payload_that_starts_nothing_says_so(capsys: pytest.CaptureFixture[str]):
    assert main(["event", "explain", str(PAYLOADS / "star/created.payload.json"), "--event", "star"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "starts nothing"
    assert len(said) == 8


@pytest.mark.rule("R8")
@pytest.mark.parametrize("association", ["CONTRIBUTOR", "NONE"])
def test_what_may_be_a_private_member_s_is_not_called_a_strangers(
    association: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    said = {"id": 1, "body": "/press-play fix", "author_association": association}
    payload = {
        "action": "created",
        "issue": {
            "number": 1,
            "state": "open",
            "labels": [{"name": "press-play"}],
            "pull_request": {"url": "https://api.github.com/repos/acme/shop/pulls/1"},
        },
        "comment": {**said, "user": {"login": "someone", "type": "User"}},
        "repository": {"full_name": "Acme/Shop", "default_branch": "main"},
        "sender": {"login": "someone", "type": "User"},
    }
    path = tmp_path / "issue_comment.json"
    path.write_text(json.dumps(payload))
    assert main(["event", "explain", str(path)]) == 0
    shown = capsys.readouterr().out
    if association == "CONTRIBUTOR":
        assert shown.startswith("starts comments: ")
    else:
        assert "reconcile asks GitHub whether its author has write access, and takes it up within a minute" in shown


def test_a_payload_of_no_repository_is_explained_too(capsys: pytest.CaptureFixture[str]):
    file = PAYLOADS / "organization/member_added.payload.json"
    assert main(["event", "explain", str(file), "--event", "organization", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["flows"] == []


@pytest.mark.rule("R8")
def test_with_values_it_is_the_chart_that_they_render(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    values = tmp_path / "values.yaml"
    file = PAYLOADS / "issues/opened.payload.json"
    arguments = ["event", "explain", str(file), "--event", "issues", "-f", str(values), "--json"]
    values.write_text("repositories: {acme/shop: {}}\n")
    assert main(arguments) == 0
    reasons = {one["flow"]: one["reason"] for one in json.loads(capsys.readouterr().out)["rejected"]}
    assert "body.repository.full_name" in reasons["issue"]
    values.write_text("events: {start: all}\nflows: {issue: {window: 7}}\nrepositories: {Codertocat/Hello-World: {}}\n")
    assert main([*arguments, "--at", str(AT)]) == 0
    (started,) = json.loads(capsys.readouterr().out)["flows"]
    assert started["workflow"] == names.flow_workflow("issue", REPO, 1, names.window_at(AT, 7))
    values.write_text("events: {enabled: false}\nrepositories: {Codertocat/Hello-World: {}}\n")
    assert main(arguments) == 2
    assert "the chart renders no Sensor: expected events.enabled true" in capsys.readouterr().err


def test_a_folder_of_payloads_gives_a_table(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["event", "explain", str(folder), "--at", str(AT)]) == 0
    said = [line.rstrip().split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert said[1] == ["issues/opened.payload.json", "-", "issue: body.action is not labeled"]
    assert said[2] == ["pull_request.closed.json", "signal", NAME]
    assert main(["event", "explain", str(folder), "--at", str(AT), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["payloads"]
    assert [(Path(one["file"]).name, one["event"], len(one["flows"])) for one in found] == [
        ("opened.payload.json", "issues", 0),
        ("pull_request.closed.json", "pull_request", 1),
    ]


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("{", ["--event", "push"], "the payload is not JSON: expected what GitHub sends"),
        ("[]", ["--event", "push"], "the payload is not a JSON object"),
        ("{}", ["--event", "push", "--at", "soon"], "--at 'soon': expected RFC 3339"),
        ("{}", [], "expected a name that begins with the event's and a dot"),
        ("{}", ["--event", "push", "-f", "absent.yaml"], "absent.yaml"),
    ],
)
def test_wrong_input_is_named(
    text: str, arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "One payload.json"
    file.write_text(text)
    assert main(["event", "explain", str(file), *arguments]) in (1, 2)
    assert said in capsys.readouterr().err


def test_an_empty_folder_and_a_missing_file_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["event", "explain", str(tmp_path)]) == 2
    assert "expected a folder with payloads" in capsys.readouterr().err
    assert main(["event", "explain", str(tmp_path / "absent.json"), "--event", "push"]) == 2
    assert "expected a readable file" in capsys.readouterr().err


class Hooks:
    """The chart's receiver behind the command's HTTP client."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.requests: list[httpx.Request] = []
        self._receiver = Receiver(rendered_chart(), lambda: b"secret", 10**6, self.said.append)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._receiver.receive(request.headers, request.content, AT)
        return httpx.Response(answer.status, text=answer.text)


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Hooks:
    made = Hooks()
    monkeypatch.setattr(event_command, "_client", lambda: httpx.Client(transport=httpx.MockTransport(made)))
    return made


def _send(verb: str, what: Path, secret: Path, *more: str) -> int:
    return main(["event", verb, str(what), "--url", "http://hooks/github", "--secret-file", str(secret), *more])


def test_a_payload_is_sent_signed(hooks: Hooks, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "secret").write_text("secret\n")
    assert _send("send", CLOSED, tmp_path / "secret", "--event", "pull_request") == 0
    (request,) = hooks.requests
    assert request.content == CLOSED.read_bytes()
    assert request.headers["X-Hub-Signature-256"] == webhook.sign(b"secret", request.content)
    delivery = request.headers["X-GitHub-Delivery"]
    assert hooks.said[0].startswith(f"delivery {delivery} (pull_request): starts nothing: ")
    said = capsys.readouterr().out
    assert said == f"{CLOSED}: pull_request {delivery}: 200\n"


@pytest.mark.rule("R9")
def test_what_is_not_taken_is_said_without_the_secret(hooks: Hooks, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "secret").write_text("an0ther")
    assert _send("send", CLOSED, tmp_path / "secret", "--event", "pull_request") == 1
    said = capsys.readouterr()
    assert "http://hooks/github answered 400: the signature is wrong" in said.err
    assert "an0ther" not in said.err + said.out
    (tmp_path / "secret").write_text("\n")
    assert _send("send", CLOSED, tmp_path / "secret", "--event", "pull_request") == 2
    assert "expected the webhook's secret, got an empty file" in capsys.readouterr().err


def test_a_folder_is_replayed_in_order_each_by_its_event(
    hooks: Hooks, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "secret").write_text("secret")
    assert _send("replay", folder, tmp_path / "secret") == 0
    assert [request.headers["X-GitHub-Event"] for request in hooks.requests] == ["issues", "pull_request"]
    assert len({request.headers["X-GitHub-Delivery"] for request in hooks.requests}) == 2
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("ftp://x/", 2, "expected http:// or https://"),
        ("http://x:port/", 2, "--url 'http://x:port/'"),
        ("http://127.0.0.1:1/x", 1, "did not take it"),
    ],
)
def test_an_address_where_nothing_is_is_named(
    url: str, status: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "secret").write_text("secret")
    arguments: list[Any] = [CLOSED, "--event", "push", "--url", url, "--secret-file", tmp_path / "secret"]
    assert main(["event", "send", *map(str, arguments)]) == status
    assert said in capsys.readouterr().err


def test_help_imports_neither_the_sandbox_nor_the_network():
    code = (
        "import sys; from pressplay.cli import main; main(['event', '--help']); heavy = ('httpx', 'yaml', 'pydantic'); "
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for command in ("explain", "send", "replay"):
        assert f"  {command} " in done.stdout
