"""Parts of the sandbox as services of their own, for a test cluster: the forge, and the runner of agents' runs.

Both work until `stop` is set. All that must outlive them is in their folders and in the cluster.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from pressplay.cluster.port import Cluster, Manifest
from pressplay.errors import PressPlayError
from pressplay.sandbox.forge import Forge
from pressplay.sandbox.maintainer import Maintainer
from pressplay.sandbox.runner import RUN_KINDS, Runner

_POLL = 0.5
_THINKS = 15.0
"""Seconds between two merges."""
_FINISHED = ("Succeeded", "Failed")


def merge_what_becomes_ready(
    forge: Forge, maintainer: Maintainer, stop: threading.Event, say: Callable[[str], None]
) -> None:
    """Let the maintainer merge, one after the other, when an event of the forge may have made a pull request ready."""
    after = 0
    while not stop.wait(_POLL):
        events = forge.events(after)
        if not events:
            continue
        if any(event.name in Maintainer.ANSWERS for event in events):
            try:
                while maintainer.merge_next():
                    # A person looks at what became of it.
                    stop.wait(_THINKS)
            except Exception as error:
                # The next event tries again; a fault of the maintainer must not end the forge.
                say(f"maintainer: {type(error).__name__}: {error}")
                continue
        after = events[-1].seq


def carry_out_runs(
    cluster: Cluster, namespace: str, runner: Runner, stop: threading.Event, say: Callable[[str], None]
) -> None:
    """Carry out each CodeRun and DocsRun of the namespace in a thread of its own.

    Agents are processes of their own and outlive this one; the next takes them up by pid and start time.
    """
    running: set[str] = set()

    def carry_out(name: str) -> None:
        try:
            runner.carry_out(name, _POLL, say)
        finally:
            running.discard(name)

    while not stop.wait(_POLL):
        try:
            runs = [run for kind in RUN_KINDS for run in cluster.list(kind, namespace)]
        except PressPlayError as error:
            say(f"runs of {namespace}: {error}")
            continue
        for run in runs:
            name = run["metadata"]["name"]
            if (run.get("status") or {}).get("phase") not in _FINISHED and name not in running:
                running.add(name)
                say(f"{name}: {run['spec'].get('githubApp')} on {_about(run)}")
                # A daemon: stopping does not wait for agents.
                threading.Thread(target=carry_out, args=(name,), name=name, daemon=True).start()


def _about(run: Manifest) -> str:
    return f"task {run['spec'].get('taskId')}" if run["kind"] == "CodeRun" else "documents"
