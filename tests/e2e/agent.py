"""The agent of the suites on a cluster, started by the runner in a work tree, as any agent is.

It plays the scripted notes or the demo, with the task's own text in the pull request's title and body; with
`PRESSPLAY_SCRIPT=events` the roles of the flows that events start, on any pull request.
"""

import json
import os
import sys
import time
from pathlib import Path

from preview import plan

from pressplay import names
from pressplay.sandbox.agents import log_start, run
from pressplay.sandbox.agents.worktree import WorkTree

MADE = "# Do it\n\n## Acceptance criteria\n- it is done\n"
"""The task that the Issue agent makes of any issue."""
HELD = "held"
"""The file beside the agents' own log that keeps every agent at work as long as it is there."""


def work() -> int:
    log_start(os.environ)
    held = Path(os.environ["PRESSPLAY_AGENT_LOG"]).with_name(HELD)
    while held.exists():
        time.sleep(0.1)
    return events() if os.environ.get("PRESSPLAY_SCRIPT") == "events" else scripted()


def scripted() -> int:
    code = run(Path.cwd(), os.environ)
    if os.environ["PRESSPLAY_ROLE"] == "test":
        # In the place of the demo's own plan: what is deployed here is no stockroom.
        plan_probes()
    if code == 0 and os.environ["PRESSPLAY_ROLE"] == "implement":
        text = Path("task/task.md").read_bytes().decode()
        hand_over(title=text.splitlines()[0].removeprefix("# "), body=text)
    return code


def events() -> int:
    """Each role once; QA wants one change of a pull request that has none."""
    role = os.environ["PRESSPLAY_ROLE"]
    if role == "comments":
        told = json.loads(Path("task/comments.json").read_text())
        commit("comments", told["hash"])
        hand_over(answers={thread["id"]: f"Done, {thread['id']}." for thread in told["threads"]})
    elif role == "triage":
        commit("triage", json.loads(Path("task/failure.json").read_text())["failures"][0]["name"])
    elif role == "issue":
        hand_over(task=MADE)
    elif role == "implement":
        commit("fix", Path("task/task.md").read_text())
        hand_over(title="Do it", body="As asked.")
    elif role == "fix":
        commit("fix", "as QA wants it")
    elif role == "test":
        plan_probes()
        verdict = "pass" if Path("fix.txt").exists() else "changes"
        hand_over(verdict=verdict, body="Looked at it.")
    return 0


def plan_probes() -> None:
    """QA's plan: without it nothing is approved."""
    where = names.acceptance_plan(int(os.environ["PRESSPLAY_TASK"]))
    tree = WorkTree(Path.cwd(), os.environ, os.environ["PRESSPLAY_AGENT"])
    tree.write(where, plan(os.environ["PRESSPLAY_PR"]).encode())
    tree.commit("Plan the probes", [where])


def commit(what: str, text: str) -> None:
    tree = WorkTree(Path.cwd(), os.environ, os.environ["PRESSPLAY_AGENT"])
    tree.write(f"{what}.txt", text.encode())
    tree.commit(f"Add {what}", [f"{what}.txt"])


def hand_over(**told: object) -> None:
    Path(os.environ["PRESSPLAY_RESULT"]).write_text(json.dumps(told))


if __name__ == "__main__":
    sys.exit(work())
