"""`reconcile`, in the way that the release runs it: it is what makes up for lost events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pressplay.clock import parse_rfc3339, rfc3339
from pressplay.cluster import waits
from pressplay.cluster.port import Manifest
from pressplay.doctor.results import Result, check, note, ok, wrong
from pressplay.doctor.subject import Subject, is_unready
from pressplay.steps.upkeep.resident import LATE

RECONCILE = "reconcile"
SERVICE = "press-play-reconcile"
"""The Deployment of `reconcile.mode: service`."""
UPGRADE = "helm upgrade --install press-play CHART -n {}"


@check("reconcile")
def reconcile(subject: Subject) -> Iterator[Result]:
    """Whether it runs, as a service or by a schedule of Argo's, and its last pass ended well and not long ago."""
    mode = subject.release.reconcile.mode
    yield from _service(subject) if mode == "service" else _cron(subject)


def _service(subject: Subject) -> Iterator[Result]:
    """Its pod is ready as long as the last pass ended well and none is late (`steps.upkeep.resident`)."""
    namespace = subject.namespace
    deployment, schedule = (
        subject.find("Deployment", namespace, SERVICE),
        subject.find("CronWorkflow", namespace, RECONCILE),
    )
    if deployment is None:
        yield wrong("reconcile", f"no Deployment {SERVICE} in {namespace}", UPGRADE.format(namespace))
    elif not int(deployment["spec"].get("replicas", 1)):
        yield wrong(
            "reconcile",
            f"the Deployment {SERVICE} in {namespace} is scaled to nothing, so that lost events stay lost",
            f"kubectl -n {namespace} scale deployment {SERVICE} --replicas 1",
        )
    elif is_unready(deployment):
        yield wrong(
            "reconcile",
            f"{SERVICE} in {namespace} is not ready: its last pass failed, or is late by {LATE / 60:.0f} minutes",
            f"see why: kubectl -n {namespace} logs deployment/{SERVICE}",
        )
    elif schedule is not None and not schedule["spec"].get("suspend"):
        yield note(
            "reconcile",
            f"{SERVICE} in {namespace} is ready, and the CronWorkflow {RECONCILE} runs beside it, for nothing",
            f"argo cron suspend {RECONCILE} -n {namespace}, or set reconcile.mode to cron",
        )
    else:
        yield ok("reconcile", f"{SERVICE} in {namespace} is ready: its last pass ended well, and none is late")


def _cron(subject: Subject) -> Iterator[Result]:
    namespace = subject.namespace
    schedule = subject.find("CronWorkflow", namespace, RECONCILE)
    if schedule is None:
        yield wrong(
            "reconcile",
            f"no CronWorkflow {RECONCILE} in {namespace}",
            UPGRADE.format(namespace),
        )
        return
    status: Mapping[str, Any] = schedule.get("status") or {}
    refused = [
        f"{condition.get('type')}: {condition.get('message', '')}"
        for condition in status.get("conditions") or []
        if condition.get("type") in ("SpecError", "SubmissionError") and condition.get("status") == "True"
    ]
    due = _due(schedule)
    nudge = f"kubectl -n {namespace} annotate cronworkflow {RECONCILE} press-play/nudged-by=doctor --overwrite"
    if schedule["spec"].get("suspend"):
        yield wrong(
            "reconcile",
            "it is suspended, so that lost events stay lost",
            f"argo cron resume {RECONCILE} -n {namespace}",
        )
    elif refused:
        yield wrong("reconcile", f"Argo refuses it: {'; '.join(refused)}", f"fix what it names, then: {nudge}")
    elif subject.clock.now() - due > LATE:
        last = status.get("lastScheduledTime") or "never"
        yield wrong(
            "reconcile",
            f"it was last scheduled {last}, by its schedule it is due since {rfc3339(due)}",
            f"see that the workflow controller runs, then: {nudge}",
        )
    else:
        yield from _newest_run(subject, status)


def _newest_run(subject: Subject, status: Mapping[str, Any]) -> Iterator[Result]:
    labels = {"press-play/flow": RECONCILE}
    ended = [run for run in subject.listed("Workflow", subject.namespace, labels) if waits.phase(run) in waits.FINISHED]
    newest = max(ended, key=lambda run: str(run["metadata"].get("creationTimestamp")), default=None)
    if newest is not None and waits.phase(newest) != "Succeeded":
        name = newest["metadata"]["name"]
        yield wrong(
            "reconcile",
            f"its newest run {name} is {waits.phase(newest)}: {(newest.get('status') or {}).get('message', '')}",
            f"see why: argo logs {name} -n {subject.namespace}",
        )
    else:
        yield ok("reconcile", f"last scheduled {status.get('lastScheduledTime') or 'not yet'}")


def _due(cron: Manifest) -> float:
    """When it is next to be scheduled after it was last (or made, or changed its mind)."""
    from cronsim import CronSim

    last = parse_rfc3339((cron.get("status") or {}).get("lastScheduledTime") or cron["metadata"]["creationTimestamp"])
    moment = datetime.fromtimestamp(last, UTC)
    return min(float(next(CronSim(schedule, moment)).timestamp()) for schedule in cron["spec"]["schedules"])
