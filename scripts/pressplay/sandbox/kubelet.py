"""Runs the sandbox's Pods: each is one `pressplay step`, carried out in this process.

Under virtual time a step runs at once and alone; under real time in a thread. A Pod that this kubelet did not start
but that says `Running` was lost with an earlier process: it is deleted, as a node's Pods are, and the engine's retry
strategy answers that.
"""

from __future__ import annotations

import json
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pressplay.cluster.port import Cluster, Manifest
from pressplay.errors import EXIT_FAILED, InputError, PressPlayError
from pressplay.steps import registry
from pressplay.steps.context import Context

OUTPUTS_ANNOTATION = "press-play/outputs"
_AT_ONCE = 8
_DONE = ("Succeeded", "Failed")
_WORKFLOW_LABEL = "workflows.argoproj.io/workflow"


class Kubelet:
    """Takes Pods from the cluster, runs their step, writes their status."""

    def __init__(self, cluster: Cluster, context: Context, inline: bool, wake: Callable[[], None]) -> None:
        """`inline`: run each step where `sync` is called; otherwise in threads, which call `wake` as they end."""
        self._cluster = cluster
        self._context = context
        self._wake = wake
        self._pool = None if inline else ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pod")
        self._started: set[str] = set()
        self.last_words: dict[str, str] = {}
        """What the last step of a Workflow that failed in this process said, by the Workflow's name."""

    def sync(self, namespace: str, name: str) -> bool:
        """Start the Pod if it waits, or give it up for lost; True where something was done."""
        pod = self._cluster.get("Pod", namespace, name)
        if pod is None:
            self._started.discard(name)
            return False
        phase = (pod.get("status") or {}).get("phase")
        if phase in _DONE or name in self._started:
            return False
        if phase == "Running":
            self._cluster.delete("Pod", namespace, name)
            return True
        self._started.add(name)
        if self._pool is None:
            self._run(pod)
        else:
            self._cluster.set_status("Pod", namespace, name, {"phase": "Running"})
            self._pool.submit(self._run_in_thread, pod)
        return True

    @property
    def busy(self) -> bool:
        """Whether a step is under way."""
        return bool(self._started)

    def close(self) -> None:
        """Wait for the steps under way."""
        if self._pool is not None:
            self._pool.shutdown()

    def _run_in_thread(self, pod: Manifest) -> None:
        try:
            self._run(pod)
        finally:
            self._wake()

    def _run(self, pod: Manifest) -> None:
        metadata = pod["metadata"]
        with tempfile.TemporaryDirectory(prefix="press-play-") as directory:
            code, message = self._step(pod, Path(directory))
            status: dict[str, Any] = {
                "phase": "Failed" if code else "Succeeded",
                "exitCode": code,
                "message": message,
                "outputs": _outputs(pod, Path(directory)),
            }
        self._cluster.set_status("Pod", metadata["namespace"], metadata["name"], status)
        self._started.discard(metadata["name"])

    def _step(self, pod: Manifest, out: Path) -> tuple[int, str]:
        container = pod["spec"]["containers"][0]
        command, args = container.get("command") or [], container.get("args") or []
        if command[:2] != ["pressplay", "step"] or len(command) != 3 or args[::2] != ["--in", "--out"]:
            raise InputError(
                f"pod {pod['metadata']['name']}: the sandbox runs only `pressplay step NAME --in JSON --out DIR`"
            )
        try:
            registry.write_outputs(registry.run(command[2], registry.parse_inputs(args[1]), self._context), out)
        except PressPlayError as error:
            self._context.say(f"step {command[2]}: {error}")
            self.last_words[pod["metadata"]["labels"].get(_WORKFLOW_LABEL, "")] = str(error)
            return error.exit_code, f"Error (exit code {error.exit_code})"
        except Exception:
            self._context.say(f"step {command[2]} died:\n{traceback.format_exc()}")
            return EXIT_FAILED, f"Error (exit code {EXIT_FAILED})"
        return 0, ""


def _outputs(pod: Manifest, directory: Path) -> dict[str, str]:
    """The output files that are there, by the name of the output; the engine knows the defaults of the rest."""
    wanted = json.loads((pod["metadata"].get("annotations") or {}).get(OUTPUTS_ANNOTATION, "[]"))
    files = {output["name"]: directory / Path(output["path"]).name for output in wanted}
    return {name: file.read_text() for name, file in files.items() if file.is_file()}
