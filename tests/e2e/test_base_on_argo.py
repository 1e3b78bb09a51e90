"""Approved pull requests on a base branch that moves, on a real Argo: judged again, resolved, merged by a queue."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import kubectl, run, until
from installation import LIMIT, NAMESPACE, REPO, Installed, has_ended, install, project_of, task
from merge_queues import Queue, rule
from preview import has_storage

from pressplay import names
from pressplay.cluster import rbac
from pressplay.cluster.port import Account
from pressplay.sandbox.setup import MAINTAINER
from pressplay.steps.core.approvals import ACCEPTANCE_CHECK, GROUP

pytestmark = [pytest.mark.rule("R5"), pytest.mark.rule("FR10"), pytest.mark.timeout(6 * LIMIT)]
ME = ("-c", "user.name=Maintainer", "-c", "user.email=maintainer@example.com")


@pytest.fixture
def installed(controller_namespace: str, tmp_path: Path) -> Iterator[Installed]:
    """Two tasks that depend on nothing; their pull requests stay open until the test has them merged."""
    if not has_storage():
        pytest.skip("no default StorageClass: gates have no volume for the checkout, and nothing judges a merge")
    yield from install(tmp_path, project_of(tmp_path, task(1), task(2)), "never", PRESSPLAY_SCRIPT="notes")


def test_what_is_approved_follows_a_base_that_moves_until_a_queue_merges_it(installed: Installed):
    play = installed.press()["play"]
    first, second = (until(f"task {n} to be approved", lambda n=n: approved(installed, n), LIMIT) for n in (1, 2))
    the_merge_is_judged(installed, first, second)
    rex_resolves_a_conflict(installed, second)
    the_queue_merges_it(installed, second)
    ended = until("the play to end", lambda: installed.ended(play), LIMIT, installed.told)
    assert ended["status"]["phase"] == "Succeeded", ended["status"].get("message")
    log = installed.starts()
    assert len({start[0] for start in log}) == len(log), f"a run was started twice: {log}"
    assert [start[2] for start in log].count("conflict") == 1


def the_merge_is_judged(installed: Installed, first: int, second: int) -> None:
    """The base moves under the second: its check is taken back, and green again for the merge of both."""
    began, runs = time.monotonic(), installed.starts()
    before = pull(installed, second)["head"]["sha"]
    installed.person.ask("PUT", f"/pulls/{first}/merge", json={"sha": pull(installed, first)["head"]["sha"]})
    tip = main(installed)
    until("the check to be taken back", lambda: check(installed, before)["conclusion"] is None, LIMIT, installed.told)
    assert tip in check(installed, before)["output"]["summary"]
    until("the merge to be judged", lambda: check(installed, before)["conclusion"] == "success", LIMIT, installed.told)
    print(f"judged with its base again {time.monotonic() - began:.0f} s after the base moved")
    tree = git(installed, "merge-tree", "--write-tree", tip, before)
    text = check(installed, before)["output"]["text"]
    assert f"Merged with `{tip}`" in text
    assert tree in text
    # Nothing was pushed, and nobody reviewed it again.
    assert (pull(installed, second)["head"]["sha"], installed.starts()) == (before, runs)
    until("the flow to end", lambda: all(map(has_ended, installed.flows("retest"))), LIMIT, installed.told)
    assert {flow["status"]["phase"] for flow in installed.flows("retest")} == {"Succeeded"}


def rex_resolves_a_conflict(installed: Installed, number: int) -> None:
    """Somebody pushes what conflicts with it; it is approved again with both."""
    began = time.monotonic()
    before = pull(installed, number)["head"]["sha"]
    pushed(installed, "notes/task-2.md", "of a person\n")
    by_event(installed, "signal", repo=REPO, what="pushed")
    number_of_task = 2
    after = until("Rex to merge the base", lambda: moved(installed, number, before), LIMIT, installed.told)
    until("it to be approved again", lambda: approved(installed, number_of_task), LIMIT, installed.told)
    print(f"approved again {time.monotonic() - began:.0f} s after what it conflicts with was pushed")
    assert main(installed) in git(installed, "rev-list", "--parents", "-1", after).split()
    assert "of a person" in git(installed, "show", f"{after}:notes/task-2.md")


def the_queue_merges_it(installed: Installed, number: int) -> None:
    """A person enters it; the flow of its group sets the check, and the queue merges it."""
    person = installed.person
    person.forge.create_ruleset(REPO, "queue", rules=[rule()])
    queue = Queue(person.client, person.base.removesuffix(f"/repos/{REPO}"), REPO)
    assert "errors" not in queue.enter(number)
    _, commit = queue.group(number)
    by_event(installed, "merge-group", repo=REPO, commit=commit)
    given = check(installed, commit)
    assert (given["conclusion"], given["external_id"]) == ("success", GROUP)
    until("the queue to merge it", lambda: pull(installed, number)["merged_at"], 60)
    assert main(installed) == commit


def by_event(installed: Installed, template: str, **parameters: str) -> dict[str, Any]:
    """A Workflow as the Sensor makes it, with its account and no other right, at its good end."""
    given = [{"name": name, "value": value} for name, value in parameters.items()]
    made = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{template}-", "namespace": NAMESPACE},
        "spec": {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": given}},
    }
    sensor = rbac.user(Account(NAMESPACE, "press-play-sensor"))
    name = kubectl("create", "-f", "-", "-o", "jsonpath={.metadata.name}", f"--as={sensor}", input=json.dumps(made))
    return installed.at_its_end(name, template)


def approved(installed: Installed, task: int) -> int | None:
    """The number of a task's pull request once its head is approved."""
    branch = names.task_branch(task)
    for candidate in installed.person.ask("GET", "/pulls?state=open"):
        given = check(installed, candidate["head"]["sha"]) if candidate["head"]["ref"] == branch else {}
        if given.get("conclusion") == "success" and given["external_id"] == candidate["head"]["sha"]:
            return int(candidate["number"])
    return None


def check(installed: Installed, commit: str) -> dict[str, Any]:
    """The harness's check on a commit; empty where there is none."""
    runs = installed.person.ask("GET", f"/commits/{commit}/check-runs?check_name={ACCEPTANCE_CHECK}")["check_runs"]
    return dict(runs[0]) if runs else {}


def pull(installed: Installed, number: int) -> dict[str, Any]:
    return dict(installed.person.ask("GET", f"/pulls/{number}"))


def moved(installed: Installed, number: int, head: str) -> str:
    """The newest commit of a pull request, once it is another one."""
    now = str(pull(installed, number)["head"]["sha"])
    return "" if now == head else now


def main(installed: Installed) -> str:
    return str(installed.person.ask("GET", "/git/ref/heads/main")["object"]["sha"])


def git(installed: Installed, *args: str) -> str:
    return run("git", "-C", str(installed.person.forge.git_path(REPO)), *args).stdout.strip()


def pushed(installed: Installed, path: str, text: str) -> None:
    """A person pushes a file to the base branch."""
    tree = installed.checkout()
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)
    run("git", "-C", str(tree), "add", "--all")
    run("git", "-C", str(tree), *ME, "commit", "--quiet", "-m", "Note it myself")
    run("git", "-C", str(tree), "push", "--quiet", "origin", "HEAD:main")
    installed.person.forge.sync(REPO, MAINTAINER)
