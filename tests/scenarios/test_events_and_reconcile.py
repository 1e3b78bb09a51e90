"""What an event starts, `reconcile` starts where the event is lost, as the same Workflow; and nothing else.

The Sensor judges by a webhook alone, `reconcile` by what GitHub says: a table of changes holds the two together. Where
they differ, the row says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import REPO, World, project, task, world
from people import agent, bot, fork_pull, opened, person, push

from pressplay import names
from pressplay.domain.entries import TaskOfPull
from pressplay.github import checks, pulls
from pressplay.sandbox.forge.ci import CiJob
from pressplay.sandbox.setup import MAINTAINER
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK
from pressplay.steps.upkeep import lost_events
from pressplay.validation import helm

ROOT = Path(__file__).parents[2]
MODES = ("label", "all")
LABEL, TRIAGER, READER, STRANGER = "press-play", "triager", "reader", "stranger"
SUBJECTS = ("press-play/pr", "press-play/issue")
NONE, BOTH = ("", ""), {flow: (flow, flow) for flow in ("pull-request", "comments", "triage", "issue", "security")}


@dataclass
class Scene:
    """A sandbox whose events nobody delivers unless asked, and whose Workflows nobody carries out."""

    made: World
    count: int = 0
    cursor: int = 0

    def ask(self, method: str, path: str, by: str = MAINTAINER, /, **body: Any) -> Any:
        with person(self.made, by) as client:
            answer = client.request(method, path, json=body)
            assert answer.is_success, answer.text
            return answer.json() if answer.content else None

    def commit(self, branch: str) -> None:
        """A file of the maintainer's on a branch, which is made where it is not there."""
        self.count += 1
        content = {"message": "Work", "content": "eA==", "branch": branch}
        self.ask("PUT", f"contents/file-{self.count}.txt", **content)

    def pull(self, **fields: Any) -> int:
        """A pull request of the maintainer's."""
        self.count += 1
        branch = f"work-{self.count}"
        head = self.ask("GET", "git/ref/heads/main")["object"]["sha"]
        self.ask("POST", "git/refs", ref=f"refs/heads/{branch}", sha=head)
        self.commit(branch)
        return int(self.ask("POST", "pulls", title="Work", head=branch, base="main", body="", **fields)["number"])

    def issue(self, by: str = MAINTAINER) -> int:
        return int(self.ask("POST", "issues", by, title="Wish", body="Please.")["number"])

    def label(self, number: int, by: str = MAINTAINER) -> None:
        self.ask("POST", f"issues/{number}/labels", by, labels=[LABEL])

    def comment(self, number: int, body: str = "Please.", by: str = MAINTAINER) -> None:
        self.ask("POST", f"issues/{number}/comments", by, body=body)

    def fails(self, number: int, name: str = "test", conclusion: str = "failure") -> None:
        self.made.sandbox.forge.report_ci(
            REPO, self.read(number).head_sha, workflow=name, jobs=(CiJob(name, conclusion),)
        )

    def read(self, number: int) -> pulls.Pull:
        return pulls.pull(self.made.sandbox.context.harness(REPO, pull_requests="read"), REPO, number)

    def approved(self, number: int) -> int:
        """Approve its head as the harness does, so that nothing is wanted of it."""
        gh = self.made.sandbox.context.harness(REPO, checks="write")
        head = self.read(number).head_sha
        checks.set_check(
            gh, REPO, ACCEPTANCE_CHECK, head, conclusion="success", title="t", summary="s", details_url="https://x.example",
            external_id=head,
        )  # fmt: skip
        return number

    def asked_for(self, **fields: Any) -> int:
        """An approved pull request with the label."""
        number = self.pull(**fields)
        self.label(number)
        return self.approved(number)

    def pull_of_agent(self) -> int:
        """An approved pull request of Rex's, for a task that was begun."""
        self.count += 1
        rex, branch = agent(self.made, "rex"), names.task_branch(900 + self.count)
        push(rex, self.made, branch, path=f"rex-{self.count}.txt")
        number = opened(rex, branch)
        self.made.sandbox.context.ledger(REPO).record("pr", number, TaskOfPull(task=1, tag="master"))
        return self.approved(number)

    def from_here(self) -> None:
        """What happens from here on is what is judged."""
        self.made.sandbox.clock.sleep(60)
        events = self.made.sandbox.forge.events(self.cursor)
        self.cursor = events[-1].seq if events else self.cursor

    def by_event(self) -> list[dict[str, Any]]:
        """The Workflows that the events start when they are delivered."""
        hook = self.made.sandbox._hook
        for event in self.made.sandbox.forge.events(self.cursor):
            if (delivery := hook.delivery(event)) is not None:
                assert hook.post(delivery) == 200
        return self._take()

    def by_reconcile(self) -> list[dict[str, Any]]:
        """The Workflows that `reconcile` starts."""
        lost_events.start(self.made.sandbox.context, REPO)
        return self._take()

    def _take(self) -> list[dict[str, Any]]:
        sandbox = self.made.sandbox
        there = sandbox.cluster.list("Workflow", sandbox.settings.namespace)
        for workflow in there:
            sandbox.cluster.delete("Workflow", sandbox.settings.namespace, workflow["metadata"]["name"])
        return [
            {"name": made["metadata"]["name"], "labels": made["metadata"]["labels"], "spec": made["spec"]}
            for made in there
            if made["metadata"]["labels"]["press-play/flow"] != "signal"
        ]


@pytest.fixture(scope="module", params=MODES)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp(request.param)
    values = {"events": {"start": request.param}, "flows": {"triage": {"ignoreChecks": ["nightly"]}}}
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    text = helm.template(ROOT, [folder / "values.yaml"], repositories=["example/repository"])
    chart = [manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest]
    made = world(folder / "state", source=project(folder, [task(1)]), merge=False, chart=chart)
    forge = made.sandbox.forge
    # Strangers comment and open issues where they can read.
    forge.publish(REPO)
    for login in (TRIAGER, READER, STRANGER):
        forge.create_user(login)
    forge.grant(REPO, TRIAGER, "triage")
    forge.grant(REPO, READER, "read")
    lost_events.start(made.sandbox.context, REPO)
    yield Scene(made)
    made.sandbox.close()


@dataclass(frozen=True)
class Case:
    """A change, and the flow that its event and `reconcile` start in each mode of `events.start`."""

    change: Callable[[Scene], int | None]
    label: tuple[str, str]
    all: tuple[str, str]
    because: str = ""


def opens(scene: Scene) -> int:
    scene.from_here()
    return scene.pull()


def opens_a_draft(scene: Scene) -> int:
    scene.from_here()
    number = scene.pull(draft=True)
    scene.label(number)
    return number


def opens_from_a_fork(scene: Scene) -> int:
    scene.from_here()
    number = fork_pull(scene.made, "forker")
    scene.label(number)
    return number


def opens_as_another_bot(scene: Scene) -> int:
    scene.from_here()
    renovate = bot(scene.made, "renovate")
    push(renovate, scene.made, "renovate", path="renovate.txt")
    return opened(renovate, "renovate")


def labels(scene: Scene) -> int:
    number = scene.pull()
    scene.from_here()
    scene.label(number)
    return number


def labels_without_write_access(scene: Scene) -> int:
    number = scene.approved(scene.pull())
    scene.from_here()
    scene.label(number, TRIAGER)
    return number


def pushes(scene: Scene) -> int:
    number = scene.asked_for()
    scene.from_here()
    scene.commit(scene.read(number).head_ref)
    return number


def pushes_to_ours(scene: Scene) -> int:
    number = scene.pull_of_agent()
    scene.from_here()
    scene.commit(scene.read(number).head_ref)
    return number


def pushes_as_our_app(scene: Scene) -> int:
    number = scene.asked_for()
    scene.from_here()
    branch = scene.read(number).head_ref
    push(agent(scene.made, "rex"), scene.made, branch, on=branch, path="rex.txt")
    return number


def comments(body: str = "Please.", by: str = MAINTAINER, *, label: bool = True) -> Callable[[Scene], int]:
    def change(scene: Scene) -> int:
        number = scene.asked_for() if label else scene.approved(scene.pull())
        scene.from_here()
        scene.comment(number, body, by)
        return number

    return change


def says_on_ours(scene: Scene) -> int:
    number = scene.pull_of_agent()
    scene.from_here()
    scene.comment(number)
    return number


def comments_at_a_line(scene: Scene) -> int:
    number = scene.asked_for()
    scene.from_here()
    pull = scene.read(number)
    file = scene.ask("GET", f"pulls/{number}/files")[0]["filename"]
    scene.ask("POST", f"pulls/{number}/comments", body="Here.", commit_id=pull.head_sha, path=file, line=1)
    return number


def requests_changes(scene: Scene) -> int:
    number = scene.pull_of_agent()
    scene.from_here()
    scene.ask("POST", f"pulls/{number}/reviews", event="REQUEST_CHANGES", body="Not so.")
    return number


def failed(name: str = "test", conclusion: str = "failure", *, by_agent: bool = False) -> Callable[[Scene], int]:
    def change(scene: Scene) -> int:
        number = scene.asked_for() if not by_agent else scene.pull_of_agent()
        scene.from_here()
        scene.fails(number, name, conclusion)
        return number

    return change


def opens_an_issue(by: str) -> Callable[[Scene], int]:
    def change(scene: Scene) -> int:
        scene.from_here()
        return scene.issue(by)

    return change


def labels_an_issue(by: str) -> Callable[[Scene], int]:
    def change(scene: Scene) -> int:
        number = scene.issue(STRANGER)
        scene.from_here()
        scene.label(number, by)
        return number

    return change


def raises_an_alert(scene: Scene) -> None:
    scene.made.sandbox.clock.sleep(3600)
    scene.from_here()
    scene.made.sandbox.forge.create_alert(REPO, "dependabot", package="lodash")


BOTS = "only people's events start a flow at once; with `all` every branch of the repository is reviewed in the end"
PEOPLE = "who labelled is not in the payload: the flow asks GitHub first, and starts nothing"
OWN = "what our Apps push, the flow that they run in reviews; `reconcile` takes up what no flow works on"
READ = "a collaborator who may only read is told from one who may write by asking GitHub, as the flow does"
CANCELLED = "only a job's log tells whether its runner cancelled it: `reconcile` has it looked into"
BRANCH = "the payload does not say whether a pull request that is on no task's branch is in scope"

CASES: dict[str, Case] = {
    "a person opens a pull request": Case(opens, NONE, BOTH["pull-request"]),
    "a person opens a draft": Case(opens_a_draft, NONE, NONE),
    "a stranger opens one from a fork": Case(opens_from_a_fork, NONE, NONE),
    "another bot opens one": Case(opens_as_another_bot, NONE, ("", "pull-request"), BOTS),
    "a person labels one": Case(labels, BOTH["pull-request"], ("", "pull-request"), "with `all` its opening did"),
    "somebody without write access labels one": Case(
        labels_without_write_access, ("pull-request", ""), NONE, PEOPLE
    ),
    "a person pushes": Case(pushes, BOTH["pull-request"], BOTH["pull-request"]),
    "a person pushes to ours": Case(pushes_to_ours, BOTH["pull-request"], BOTH["pull-request"]),
    "our App pushes": Case(pushes_as_our_app, ("", "pull-request"), ("", "pull-request"), OWN),
    "a person comments": Case(comments(), BOTH["comments"], BOTH["comments"]),
    "a person comments where nobody asked": Case(comments(label=False), NONE, BOTH["comments"]),
    "a person commands where nobody asked": Case(
        comments("/press-play fix", label=False), BOTH["comments"], BOTH["comments"]
    ),
    "a person comments on ours": Case(says_on_ours, BOTH["comments"], BOTH["comments"]),
    "a stranger comments": Case(comments(by=STRANGER), NONE, NONE),
    "a stranger commands": Case(comments("/press-play fix", STRANGER), NONE, NONE),
    "a reader comments": Case(comments(by=READER), ("comments", ""), ("comments", ""), READ),
    "a reader comments where nobody asked": Case(comments(by=READER, label=False), NONE, ("comments", ""), READ),
    "a person comments at a line": Case(comments_at_a_line, BOTH["comments"], BOTH["comments"]),
    "a person requests changes": Case(requests_changes, BOTH["comments"], BOTH["comments"]),
    "a check fails": Case(failed(), ("", "triage"), BOTH["triage"], BRANCH),
    "a check of ours fails": Case(failed(by_agent=True), BOTH["triage"], BOTH["triage"]),
    "a check times out": Case(failed(conclusion="timed_out"), ("", "triage"), BOTH["triage"], BRANCH),
    "a check is cancelled": Case(failed(conclusion="cancelled"), ("", "triage"), ("", "triage"), CANCELLED),
    "an ignored check fails": Case(failed("nightly"), NONE, NONE),
    "a person opens an issue": Case(opens_an_issue(MAINTAINER), NONE, BOTH["issue"]),
    "a stranger opens an issue": Case(opens_an_issue(STRANGER), NONE, NONE),
    "a reader opens an issue": Case(opens_an_issue(READER), NONE, ("issue", ""), READ),
    "a person labels a stranger's issue": Case(labels_an_issue(MAINTAINER), BOTH["issue"], BOTH["issue"]),
    "somebody without write access labels an issue": Case(
        labels_an_issue(TRIAGER), ("issue", ""), ("issue", ""), PEOPLE
    ),
    "an alert is raised": Case(raises_an_alert, BOTH["security"], BOTH["security"]),
}  # fmt: skip


@pytest.mark.rule("R2")
@pytest.mark.parametrize("name", CASES)
def test_reconcile_starts_what_the_event_starts(name: str, scene: Scene):
    case, mode = CASES[name], scene.made.sandbox.settings.events.start
    number = case.change(scene)
    by_event, by_reconcile = (
        [made for made in started if number is None or str(number) in map(made["labels"].get, SUBJECTS)]
        for started in (scene.by_event(), scene.by_reconcile())
    )
    flows = tuple(
        ", ".join(made["labels"]["press-play/flow"] for made in started) for started in (by_event, by_reconcile)
    )
    assert flows == (case.label if mode == "label" else case.all)
    if all(flows):
        assert by_event == by_reconcile
    if number is not None:
        scene.ask("PATCH", f"issues/{number}", state="closed")


def test_each_difference_has_its_reason():
    for case in CASES.values():
        assert bool(case.because) == any(event != lost for event, lost in (case.label, case.all))
