"""The lint gate as the chart has it, on real small projects with the real tools of this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import REPO
from lint_gate import Gate, gate, missing

from pressplay.cluster import waits
from pressplay.cluster.port import Forbidden
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.domain.roles import LINT
from pressplay.errors import InputError
from pressplay.github import checks
from pressplay.github.calls import GitHubRefused
from pressplay.github.clone import Clone
from pressplay.sandbox.container import Container, Ended, wall
from pressplay.sandbox.forge import Fault
from pressplay.sandbox.forge.ci import CiJob
from pressplay.steps import registry
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.gate_pods import gate_runs, gate_tokens
from pressplay.steps.runs import findings
from pressplay.steps.upkeep import cleanup

DATA = Path(__file__).parents[1] / "data" / "lint"
CHECK = "press-play/lint"


def files_of(folder: str) -> dict[str, bytes]:
    root = DATA / folder
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """One sandbox for all that asks nothing special of it."""
    made = gate(tmp_path_factory.mktemp("lint"))
    yield made
    made.sandbox.close()


@pytest.fixture
def own(tmp_path):
    made: list[Gate] = []

    def make(**defaults: Any) -> Gate:
        made.append(gate(tmp_path, **defaults))
        return made[-1]

    yield make
    for one in made:
        one.sandbox.close()


@pytest.mark.rule("FR10")
@pytest.mark.parametrize("language", ["rust", "python", "go", "typescript"])
@pytest.mark.parametrize("state", ["clean", "dirty"])
def test_a_project_is_linted_by_its_own_tools(shared, language, state):
    if missing(language):
        pytest.skip(f"{missing(language)} is not on this machine")
    outcome, pull = shared.run(files_of(f"{language}/{state}"))
    gh = shared.sandbox.context.harness(REPO, checks="read")
    if state == "clean":
        assert (outcome, checks.own(gh, REPO, pull.head_sha, CHECK).conclusion) == ("pass", "success")
        assert "passed" in shared.verdict(pull).reason
        return
    assert (outcome, checks.own(gh, REPO, pull.head_sha, CHECK).conclusion) == ("fail", "failure")
    words = {"rust": "needless_return", "python": "F401", "go": "self-assignment", "typescript": "SyntaxError"}
    assert words[language] in shared.text(pull)
    # What an agent is told: our reason, and the tools' words as a quotation.
    subject = Subject.of({"repo": REPO, "pr": str(pull.number)}, shared.sandbox.context)
    told = findings.of(shared.sandbox.context, subject, LINT, pull.head_sha).text
    assert shared.verdict(pull).reason in told
    assert words[language] in told
    assert shared.nothing_is_left()


def test_a_repository_with_nothing_to_lint_passes_and_says_so(shared):
    outcome, pull = shared.run({"docs/page.md": b"# page\n"})
    assert outcome == "pass"
    assert "no code that the lint gate knows" in shared.verdict(pull).reason
    subject = Subject.of({"repo": REPO, "pr": str(pull.number)}, shared.sandbox.context)
    assert findings.of(shared.sandbox.context, subject, LINT, pull.head_sha).text == ""


def test_a_gate_that_passed_is_not_run_again_and_an_older_head_is_no_subject(shared):
    outcome, pull = shared.run({"docs/other.md": b"# page\n"})
    assert outcome == "pass"
    again = shared.start(pull)
    assert shared.finish(again) == "pass"
    names = {node["displayName"]: node["phase"] for node in waits.nodes(shared.workflow(again)).values()}
    assert names["commands"] == "Skipped"
    assert shared.finish(shared.start(pull, head="0123456789" * 4)) == "superseded"


@pytest.mark.rule("R6")
def test_a_pull_request_cannot_loosen_its_own_linting(own):
    made = own()
    made.base({"pyproject.toml": b"[project]\nname = 'x'\nversion = '1'\n", "ruff.toml": b"line-length = 100\n"})
    loose = {
        "ruff.toml": b"exclude = ['*']\n",
        "pyproject.toml": b"[project]\nname = 'x'\nversion = '2'\n\n[tool.ruff]\nexclude = ['*']\n",
        ".gitignore": b"*.py\n",
        "sub/ruff.toml": b"exclude = ['*']\n",
        "bad.py": b"import os\n",
        "sub/bad.py": b"import sys\nx = 1  # noqa: E501\n",
    }
    outcome, pull = made.run(loose)
    assert outcome == "fail"
    assert made.verdict(pull).reason == (
        "ruff check found what must be fixed; linters' files taken from the default branch: 4; "
        "new marks that silence a linter: 1"
    )
    assert "bad.py:1:8: F401" in made.text(pull)
    assert "sub/bad.py:1:8: F401" in made.text(pull)


EVIL = b"""
import json, os, pathlib, signal, socket, subprocess, sys

seen = {"environment": sorted(os.environ)}
try:
    socket.create_connection(("127.0.0.1", PORT), 2)
    seen["forge"] = "reached"
except OSError as error:
    seen["forge"] = type(error).__name__
print(json.dumps(seen), flush=True)
# A better result, wherever one might be looked for.
print("### 1: exit status 0", flush=True)
work = pathlib.Path(os.environ["GATE_WORK"])
for name in ("exit", "result", "status", "logs/exit"):
    (work / name).write_text("0")
for name in ("/dev/termination-log", "/var/run/argo/ctr/main/exitcode"):
    try:
        pathlib.Path(name).write_text("0")
    except OSError:
        pass
subprocess.Popen(["sleep", "3599"], start_new_session=True)
os.kill(os.getppid(), signal.SIGTERM)
sys.exit(1)
"""


@pytest.fixture
def listener() -> Iterator[tuple[int, list[Any]]]:
    """Somebody who would notice a connection, as the forge would."""
    came: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    came.append(server.accept()[1])
                except OSError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], came
        stop.set()
        thread.join()


@pytest.mark.rule("R5")
@pytest.mark.rule("R9")
def test_strangers_code_finds_no_secret_reaches_no_forge_and_writes_no_verdict(own, listener, monkeypatch):
    port, came = listener
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_0123456789abcdef0123456789abcdef0123")
    made = own(commands=["python3 evil.py"])
    # What named commands run is the default branch's.
    made.base({"evil.py": EVIL.replace(b"PORT", str(port).encode())})
    outcome, pull = made.run({"a.txt": b"a"})
    assert outcome in ("fail", "error")
    text = made.text(pull)
    printed = [line for line in text.splitlines() if line.startswith("{")]
    assert printed, text
    said = json.loads(printed[0])
    assert not [name for name in said["environment"] if "TOKEN" in name or "PRESSPLAY" in name or "KEY" in name]
    if wall(lambda _: None):
        assert said["forge"] != "reached"
        assert came == []
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert "sleep 3599" not in listed
    assert made.nothing_is_left()


BUILD = b"""
fn main() {
    let clean = "//! Clean.\\n";
    std::fs::write("src/lib.rs", clean).unwrap();
    println!("cargo::rustc-env=CLIPPY_ARGS=");
    for (name, _) in std::env::vars() {
        assert!(!name.contains("TOKEN"), "a token");
    }
}
"""


@pytest.mark.rule("R5")
def test_a_build_script_that_mends_the_code_before_it_is_judged_is_found_out(own):
    if missing("rust"):
        pytest.skip(f"{missing('rust')} is not on this machine")
    made = own()
    made.base({**files_of("rust/clean"), "build.rs": BUILD})
    outcome, pull = made.run(files_of("rust/dirty"))
    assert outcome == "fail", made.text(pull)
    reason = made.verdict(pull).reason
    assert "changed files of the checkout" in reason or "cargo clippy" in reason


def test_a_tool_that_is_not_on_this_machine_is_an_error_with_a_way_out(own):
    made = own(commands=["no-such-linter --all"])
    outcome, pull = made.run({"a.txt": b"a"})
    assert outcome == "error"
    reason = made.verdict(pull).reason
    assert "command 1 can't be run: its tool is not there" in reason
    assert "lint.commands" in reason
    assert "lint.enabled" in reason
    gh = made.sandbox.context.harness(REPO, checks="read")
    assert checks.own(gh, REPO, pull.head_sha, CHECK).conclusion == "action_required"


@pytest.mark.rule("R4")
def test_a_command_without_end_is_ended(own, monkeypatch):
    monkeypatch.setattr(gate_runs, "MINUTE", 0.1)
    made = own(commands=["sleep 3598"], timeoutMinutes=10)
    outcome, pull = made.run({"a.txt": b"a"})
    assert outcome == "error"
    assert "lint.timeoutMinutes" in made.verdict(pull).reason


@pytest.mark.rule("R3")
@pytest.mark.parametrize("times", [1, 3])
def test_a_container_that_goes_with_its_node_is_run_again_and_given_up_at_last(own, monkeypatch, times):
    lost: list[str] = []
    ended = Container.ended

    def lose(self: Container) -> Ended | None:
        if len(lost) < times and self._name not in lost:
            lost.append(self._name)
        return Ended(137, "NodeLost") if self._name in lost else ended(self)

    monkeypatch.setattr(Container, "ended", lose)
    made = own(commands=["true"])
    outcome, _ = made.run({"a.txt": b"a"})
    assert [name[-1] for name in lost] == ["0", "1", "2"][:times]
    assert outcome == ("pass" if times == 1 else "error")
    assert made.nothing_is_left()


@pytest.mark.rule("R3")
def test_a_verdict_step_that_is_run_again_changes_nothing(own):
    made = own(commands=["false"])
    pull = made.pull({"a.txt": b"a"})
    name = made.start(pull)
    assert made.finish(name) == "fail"
    inputs = {
        "repo": REPO,
        "pr": str(pull.number),
        "head": pull.head_sha,
        "attempt": "0",
        "attempts": "3",
        "plan": "none",
    }
    run = next(
        parameter["value"]
        for node in waits.nodes(made.workflow(name)).values()
        for parameter in (node.get("inputs") or {}).get("parameters") or ()
        if parameter["name"] == "name"
    )
    assert registry.run("gate-lint-verdict", {**inputs, "name": run}, made.sandbox.context) == {"outcome": "fail"}
    assert made.verdict(pull).outcome == "fail"


@pytest.mark.rule("R3")
def test_what_an_ended_workflow_left_is_cleaned_up(own):
    made = own(commands=["true"])
    pull = made.pull({"a.txt": b"a"})
    inputs = {"repo": REPO, "pr": str(pull.number), "head": pull.head_sha, "try": "1"}
    registry.run("gate-lint-plan", {**inputs, "workflow": "gone"}, made.sandbox.context)
    assert len(made.sandbox.cluster.list("PersistentVolumeClaim", "")) == 1
    gate_runs.orphans(made.sandbox.context, REPO)
    assert made.sandbox.cluster.list("PersistentVolumeClaim", "") == []
    assert cleanup.end_orphans(made.sandbox.context, REPO) == {}


@pytest.mark.rule("R2")
@pytest.mark.parametrize("path", [r"/pulls/\d+$", r"/git/ref/heads/main", r"/check-runs$", r"/access_tokens$"])
def test_a_fault_of_the_forge_costs_time_and_no_verdict(own, path):
    made = own(commands=["true"])
    pull = made.pull({"a.txt": b"a"})
    made.sandbox.forge.faults.append(Fault(path=path, status=502, times=2))
    assert made.finish(made.start(pull)) == "pass"


@pytest.mark.rule("R3")
def test_a_checkout_that_cannot_be_made_ends_in_a_verdict(own):
    made = own(commands=["true"])
    pull = made.pull({"a.txt": b"a"})
    made.sandbox.forge.faults.append(Fault("GET", r"/git/ref/heads/main", status=422, times=1))
    assert made.finish(made.start(pull)) == "error"
    assert "could not be carried out" in made.verdict(pull).reason
    assert made.nothing_is_left()


@pytest.mark.rule("R3")
@pytest.mark.rule("R9")
def test_a_checkout_that_waited_longer_than_its_token_lasts_gets_another(own):
    """GitHub does not answer the checkout for longer than an hour, which begins once it has its token."""
    made = own(commands=["true"])
    pull = made.pull({"a.txt": b"a"})
    clock, secrets = made.sandbox.clock, set[str]()
    made.sandbox.forge.faults.append(Fault("GET", r"/git/ref/heads/main", status=502, times=1000))
    name, begun = made.start(pull), clock.now()

    def ended() -> bool:
        if clock.now() - begun > 4500:
            made.sandbox.forge.faults.clear()
        secrets.update(
            secret["metadata"]["name"].rpartition("-token-")[2]
            for secret in made.sandbox.cluster.list("Secret", "", gate_runs.FLOW)
        )
        return waits.phase(made.workflow(name)) in waits.FINISHED

    made.sandbox.run(ended)
    assert made.finish(name) == "pass"
    assert secrets == {"0", "1"}
    assert made.nothing_is_left()


@pytest.mark.rule("R3")
def test_a_token_that_went_with_its_process_is_made_again(own, monkeypatch):
    """The sandbox keeps no Secret in a file: after a kill the first token is not there."""
    create = SqliteCluster.create

    def forgetful(self: SqliteCluster, manifest: dict[str, Any]) -> bool:
        return manifest["metadata"]["name"].endswith("-token-0") or create(self, manifest)

    monkeypatch.setattr(SqliteCluster, "create", forgetful)
    made = own(commands=["true"])
    pull = made.pull({"a.txt": b"a"})
    name = made.start(pull)
    assert made.finish(name) == "pass"
    templates = [node["templateName"] for node in waits.nodes(made.workflow(name)).values() if node["type"] == "Pod"]
    assert (templates.count("gate-token"), templates.count("gate-lint-checkout")) == (1, 2)
    assert made.nothing_is_left()


@pytest.mark.rule("R9")
def test_who_checks_out_has_a_token_that_reads_and_no_key(own, monkeypatch):
    """What a fault in git or in a parser would give away: this repository, to read."""
    made, inside = own(commands=["true"]), []
    fetch = Clone.fetch

    def take_over(self: Clone, *given: Any) -> None:
        inside.append(given)
        fetch(self, *given)

    def reading(inputs: dict[str, str], context: Context, work: Any) -> dict[str, str]:
        def spy(given: dict[str, str], limited: Context) -> dict[str, str]:
            gh = limited.harness(REPO, contents="read")
            for permissions in ({"checks": "write"}, {"contents": "write"}, {"issues": "read"}):
                with pytest.raises(InputError, match="this step has no key"):
                    limited.harness(REPO, **permissions)
            for app in ("press-play", "qa-agent"):
                with pytest.raises(InputError, match="no key of the App"):
                    limited.github.app_id(app)
                with pytest.raises(Forbidden):
                    limited.cluster.get("Secret", "press-play", f"github-app-{app}")
            with pytest.raises(GitHubRefused, match="403"):
                checks.set_check(
                    gh, REPO, "press-play/acceptance", given["head"], conclusion="success", title="x", summary="x",
                    details_url="", external_id="",
                )  # fmt: skip
            return work(given, limited)

        return read(inputs, context, spy)

    read = gate_tokens.reading
    monkeypatch.setattr(gate_tokens, "reading", reading)
    monkeypatch.setattr(Clone, "fetch", take_over)
    outcome, _ = made.run({"a.txt": b"a"})
    assert outcome == "pass"
    assert inside
    assert made.nothing_is_left()


# --- named checks ----------------------------------------------------------------------------------------------------

CI = [{"name": "lint"}]
URL = "http://forge.test"


def test_named_checks_of_the_projects_ci_are_waited_for_without_a_pod(own):
    made = own(checks=CI)
    pull = made.pull({"a.txt": b"a"})
    run = made.sandbox.forge.report_ci(REPO, pull.head_sha, jobs=(CiJob("lint", None),))
    name = made.start(pull)
    made.sandbox.run(lambda: any(w.kind == gate_runs.AWAIT_CHECKS for w in waits.of(made.workflow(name))))
    made.sandbox.forge.finish_ci(run, (CiJob("lint", "success"),))
    assert made.finish(name) == "pass"
    assert made.verdict(pull).reason == "the check lint of the project's CI passed"
    assert made.sandbox.cluster.list("PersistentVolumeClaim", "") == []


@pytest.mark.parametrize(
    ("conclusion", "outcome"),
    [
        ("success", "pass"),
        ("neutral", "pass"),
        ("skipped", "pass"),
        ("failure", "fail"),
        ("timed_out", "fail"),
        ("cancelled", "error"),
    ],
)
def test_a_named_checks_conclusion_is_taken_as_github_takes_it(own, conclusion, outcome):
    made = own(checks=CI)
    pull = made.pull({"a.txt": b"a"})
    made.sandbox.forge.report_ci(REPO, pull.head_sha, jobs=(CiJob("lint", conclusion), CiJob("other", "failure")))
    assert made.finish(made.start(pull)) == outcome


@pytest.mark.rule("R5")
@pytest.mark.rule("R4")
def test_a_check_of_that_name_by_another_app_is_not_it_and_the_wait_ends(own):
    made = own(checks=CI, timeoutMinutes=3)
    pull = made.pull({"a.txt": b"a"})
    gh = made.sandbox.context.harness(REPO, checks="write")
    checks.set_check(
        gh, REPO, "lint", pull.head_sha, conclusion="success", title="t", summary="s", details_url=URL, external_id="x"
    )
    before = made.sandbox.clock.now()
    assert made.finish(made.start(pull)) == "error"
    assert 180 <= made.sandbox.clock.now() - before <= 400
    assert "did not end within 3 minutes" in made.verdict(pull).reason
