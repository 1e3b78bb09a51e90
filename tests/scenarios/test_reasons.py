"""A failure's reason, with the deepest detail that is known, reaches every place where people and agents read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import REPO, Agents, World, project, task, world

from pressplay.errors import PressPlayError
from pressplay.github import issues, pulls
from pressplay.github.calls import call
from pressplay.sandbox.deployer import Deployment, Running, VirtualStarter
from pressplay.sandbox.progress import Progress
from pressplay.sandbox.summary import Summary, summarize

KEY = "ghp_" + "a" * 36


@dataclass
class Printing(Agents):
    """Agents of one role that print something and fail."""

    role: str = ""
    prints: str = ""

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        if env["PRESSPLAY_ROLE"] == self.role:
            (tree.parent / "log").write_text(self.prints)
            return 1
        return super().__call__(tree, env)


class Procfileless(VirtualStarter):
    """A deployer that can't deploy."""

    def start(self, deployment: Deployment) -> Running:
        raise PressPlayError("the commit has no Procfile with a line `web: COMMAND`")


@dataclass
class Played:
    """A play that failed, and what each place says of it."""

    made: World
    summary: Summary
    lines: list[str]

    @property
    def pull(self) -> pulls.Pull:
        return pulls.pull(self.made.sandbox.context.harness(REPO, pull_requests="read"), REPO, 1)

    def check(self, name: str) -> str:
        gh = self.made.sandbox.context.harness(REPO, checks="read")
        listed = call(gh, "GET", f"/repos/{REPO}/commits/{self.pull.head_sha}/check-runs")["check_runs"]
        (output,) = (check["output"] for check in listed if check["name"] == name)
        return f"{output['summary']}\n{output['text'] or ''}"

    def comments(self) -> str:
        gh = self.made.sandbox.context.harness(REPO, issues="read", pull_requests="read")
        return "\n".join(comment.body for comment in issues.comments(gh, REPO, 1))


def play(tmp_path: Path, agents: Agents | None = None, starter: VirtualStarter | None = None) -> Played:
    made = world(tmp_path / "state", agents, source=project(tmp_path, [task(1)]), starter=starter)
    lines: list[str] = []
    progress = Progress(made.sandbox, lines.append)
    made.sandbox.press()
    made.sandbox.run(lambda: (progress.watch(), made.sandbox.only_people_are_waited_for())[1])
    progress.watch()
    return Played(made, summarize(made.sandbox), lines)


LOGIN = "Invalid API key · Please run /login"


@pytest.mark.rule("R3")
def test_what_an_agent_printed_before_it_failed_is_told_in_the_live_line_the_summary_and_as_json(tmp_path):
    played = play(tmp_path, Printing(role="implement", prints=f"\x1b[31m{LOGIN}\x1b[0m\n{KEY}\n"))
    (result,) = played.summary.tasks
    assert result.state == "failed"
    assert result.why is not None
    assert LOGIN in result.why.line()
    assert LOGIN in result.as_json()["why"]["detail"]
    assert result.as_json()["reason"] == "rex: the agent's run failed"
    assert result.why.look.endswith("/log")
    assert any(line for line in played.lines if "rex failed" in line and LOGIN in line)
    assert any(line for line in played.lines if "failed: rex: the agent's run failed" in line and LOGIN in line)
    for place in (*played.lines, result.why.line(), str(result.as_json())):
        assert KEY not in place, "secrets are taken out"
        assert "\x1b" not in place, "and what a terminal would act on"


@pytest.mark.rule("R3")
@pytest.mark.rule("R7")
def test_what_an_agent_of_a_review_printed_is_quoted_on_the_pull_request_and_in_the_check(tmp_path):
    hostile = f"{LOGIN}\n@everyone ```` <script>{{{{workflow.uid}}}}"
    played = play(tmp_path, Printing(role="lint", prints=hostile))
    (result,) = played.summary.tasks
    assert result.state == "parked"
    assert result.why is not None
    assert LOGIN in result.why.line()
    for place in (played.comments(), played.check("press-play/acceptance")):
        assert "clippy: the agent's run failed" in place
        assert LOGIN in place
        opened = place.index("`````text")
        assert opened < place.index(LOGIN) < place.index("`````", opened + 9), "as data: in a fence that it can't close"


@pytest.mark.rule("R3")
def test_why_a_deployment_failed_is_told_in_the_check_and_to_the_next_agent(tmp_path):
    told: list[str] = []

    class Reading(Agents):
        def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
            if env["PRESSPLAY_ROLE"] == "fix":
                told.append((tree / "task" / "findings.md").read_text())
            return super().__call__(tree, env)

    made_starter = Procfileless.__new__(Procfileless)
    played = play(tmp_path, Reading(), starter=made_starter)
    (result,) = played.summary.tasks
    assert result.why is not None
    because = "the commit has no Procfile"
    assert because in played.check("press-play/acceptance")
    assert told
    assert because in told[0]
    assert "failed (deployment 1)" in told[0]
