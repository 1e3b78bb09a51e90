"""What the step that carries probes out is given beside the plan: where it may look, and where it sees the commit."""

from __future__ import annotations

import json

from pressplay.gates.acceptance.probe_job import ProbeJob
from pressplay.gates.acceptance.probes import Target
from pressplay.gates.acceptance.proof import Proof
from pressplay.gates.acceptance.reach import Reach
from pressplay.settings import RepositoryDefaults, RunningCommit

LOOPBACK = "127.0.0.1"
RUNNING = "running-commit"
"""The probes of ours that see which commit runs, before those of the plan and after them."""


def job(settings: RepositoryDefaults, commit: RunningCommit, url: str, environment: str, head: str) -> ProbeJob:
    """The job of looking at a deployment of `head`, which answers at `url`; `commit` says where it is seen."""
    acceptance = settings.acceptance
    return ProbeJob(
        target=Target(url, environment, head, commit.workload.namespace),
        reach=Reach(
            hosts=tuple(acceptance.hosts),
            namespaces=tuple(acceptance.namespaces),
            networks=tuple(acceptance.networks),
            # A deployment on this very machine is asked where that is listed, as the sandbox does.
            loopback=LOOPBACK in acceptance.hosts,
        ),
        running=_running(commit),
        seconds=acceptance.timeout_minutes * 60,
    )


def is_of_another(proof: Proof, head: str) -> str:
    """Why what was looked at is not the commit `head`, by what came back; empty where it is."""
    if proof.commit != head:
        return "the proof is another commit's"
    if any(name.startswith(RUNNING) for name in proof.failed):
        return "another commit than the head runs there, or none"
    return ""


def _running(commit: RunningCommit) -> str:
    """The plan of ours that sees which commit runs, as JSON; empty where nothing is set up to see it by."""
    seen: list[dict[str, object]] = []
    if commit.path:
        expect = {"status": 200, "contains": ["${COMMIT}"]}
        seen.append({"name": f"{RUNNING}-by-path", "http": {"path": commit.path, "expect": expect}})
    if commit.workload.namespace:
        workload = {
            "kind": commit.workload.kind,
            "namespace": commit.workload.namespace,
            "name": commit.workload.name,
            "expect": {"ready": True, "labels": {commit.workload.label: "${COMMIT}"}},
        }
        seen.append({"name": f"{RUNNING}-by-label", "workload": workload, "retries": {"times": 5, "everySeconds": 2}})
    return json.dumps({"probes": seen}) if seen else ""
