"""Pull requests of people in the cluster: opened, read, and what became of them."""

from __future__ import annotations

from typing import Any

from installation import (
    BODY,
    HOSTILE,
    Installed,
)

REVIEWED, AGAIN = ["lint", "test", "fix", "lint", "test"], ["lint", "test"]
SETTINGS = {
    "flows": {flow: {"window": 5} for flow in ("pullRequest", "comments", "triage", "security", "issue")},
    # Just what is needed: a run too many is refused, and its flow then ends parked.
    "limits": {"attempts": 1, "rounds": 2, "runsPerPullRequest": 11, "runsPerTask": 4, "runsPerRepositoryAndDay": 20},
}


def opened(installed: Installed, branch: str) -> int:
    """The number of a labelled pull request from a person's own branch."""
    person = installed.person
    head = person.ask("GET", "/git/ref/heads/main")["object"]["sha"]
    person.ask("POST", "/git/refs", json={"ref": f"refs/heads/{branch}", "sha": head})
    person.ask("PUT", f"/contents/{branch}.txt", json={"message": HOSTILE, "content": "bmV3Cg==", "branch": branch})
    pull = person.ask("POST", "/pulls", json={"head": branch, "base": "main", "title": HOSTILE, "body": BODY})
    person.ask("POST", f"/issues/{pull['number']}/labels", json={"labels": ["press-play"]})
    return int(pull["number"])


def twice(installed: Installed, template: str, **parameters: str) -> list[dict[str, Any]]:
    """Two Workflows of this template at once, at their good ends."""
    began = [installed.began(template, **parameters) for _ in range(2)]
    return [installed.at_its_end(name, template) for name in began]


def head_of(installed: Installed, pull: int) -> str:
    return str(installed.person.ask("GET", f"/pulls/{pull}")["head"]["sha"])


def comments(installed: Installed, number: int) -> list[tuple[str, str]]:
    """Who said what in the conversation of an issue or a pull request."""
    found = installed.person.ask("GET", f"/issues/{number}/comments?per_page=100")
    return [(one["user"]["login"], one["body"]) for one in found]


def assert_approved(installed: Installed, pull: int) -> None:
    """The head carries the harness's check, and nobody is asked for help."""
    head = head_of(installed, pull)
    checks = installed.person.ask("GET", f"/commits/{head}/check-runs?check_name=press-play/acceptance")["check_runs"]
    assert [check["conclusion"] for check in checks] == ["success"]
    labels = [label["name"] for label in installed.person.ask("GET", f"/issues/{pull}/labels")]
    assert not [name for name in labels if name.startswith("press-play/")]


def roles(installed: Installed, number: int) -> list[str]:
    """The roles of the runs for a task, an issue or a pull request, in the order of their starts."""
    return [start[2] for start in installed.starts() if start[1] == str(number)]
