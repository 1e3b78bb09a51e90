"""The task folder of a group of alerts: what is known of each, and never a secret (R9)."""

from __future__ import annotations

import json

from pressplay.backlog.tasks import Task
from pressplay.domain.entries import Alerts
from pressplay.errors import InputError
from pressplay.github import alerts
from pressplay.steps.core.context import Context
from pressplay.templating import prompts

_DONE = {
    "code-scanning": "The scanner, run again on the head, would report none of the alerts: the flaw is gone, not "
    "hidden from it (no suppression, no excluded path, no lowered severity).",
    "dependabot": "Manifest and lock file resolve to a version that no alert names, and the project works with it.",
    "secret-scanning": "Nothing uses the secret any more: it is read from where the project reads its secrets, and its "
    "text stands in no file of the head. The pull request says by type and place that it must be rotated.",
}


def files(context: Context, repo: str, task: int) -> dict[str, str]:
    """The task folder's files of a group of alerts, by name; InputError where the ledger knows of no such group."""
    entry = context.ledger(repo).entries("task", task).get(Alerts)
    if entry is None:
        raise InputError(f"{repo}: the ledger of {task} names no alerts; start the flow security, which records them")
    group = [_read(context, repo, entry, number) for number in entry.numbers]
    kind, web = alerts.KINDS[entry.kind], context.settings.github.web_url
    listed: list[dict[str, object]] = [
        {
            "number": alert.number,
            "title": alert.title,
            "severity": alert.severity,
            "details": [{"name": name, "value": value} for name, value in alert.details],
            "locations": [
                {"place": f"{place.path}:{place.line}" if place.line else place.path, "commit": place.commit}
                for place in alert.locations
            ],
            "link": f"{web}/{repo}/security/{kind.page}/{alert.number}",
            "text": alert.text,
        }
        for alert in group
    ]
    work = Task(
        id=f"alerts {task}",
        number=task,
        title=f"{kind.title}: {group[0].title}" if group else kind.title,
        description=f"Remedy {len(group)} open {'alert' if len(group) == 1 else 'alerts'} of this repository.",
        details=prompts.alerts(listed, secrets=entry.kind == "secret-scanning"),
        test_strategy="",
        priority="high",
        status="pending",
        dependencies=(),
    )
    return {
        **prompts.task_files(work, criteria=f"- {_DONE[entry.kind]}"),
        "alerts.json": json.dumps({"kind": kind.name, "alerts": listed}, indent=2, ensure_ascii=False) + "\n",
    }


def _read(context: Context, repo: str, entry: Alerts, number: int) -> alerts.Alert:
    kind = alerts.KINDS[entry.kind]
    return alerts.alert(context.harness(repo, **{kind.permission: "read"}), repo, kind.name, number)
