"""Runs the sandbox's Pods: a `pressplay step` in this process, any other command as a process of its own.

Under virtual time a Pod is carried out at once and alone; under real time in a thread. A step that this kubelet did not
start but that says `Running` was lost with an earlier process: its Pod is deleted, as a node's Pods are, and the
engine's retry strategy answers that. Other commands outlive this process, and the next one takes them up
(`sandbox.container`).
"""

from __future__ import annotations

import base64
import json
import threading
import traceback
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pressplay.cluster.port import Cluster, Manifest
from pressplay.cluster.sqlite import Key
from pressplay.errors import EXIT_FAILED, InputError, PressPlayError
from pressplay.sandbox import container
from pressplay.sandbox.container import Container, Ended
from pressplay.steps import registry
from pressplay.steps.core.context import Context, Outputs
from pressplay.steps.core.waiting import Wait, Waiting

OUTPUTS_ANNOTATION = "press-play/outputs"
STOP_ANNOTATION = "press-play/stop"
_AT_ONCE = 8
_CONTAINERS = 2
"""Processes of their own at once: they compile."""
_POLL = 0.02
_DAY = 86_400.0
_DONE = ("Succeeded", "Failed")
_WORKFLOW_LABEL = "workflows.argoproj.io/workflow"


class Kubelet:
    """Takes Pods from the cluster, runs them, writes their status."""

    def __init__(
        self,
        cluster: Cluster,
        context: Context,
        context_of: Callable[[str], Context],
        directory: Path,
        inline: bool,
        wake: Callable[[], None],
        online: bool = False,
    ) -> None:
        """`inline`: carry each Pod out where `sync` is called; otherwise in threads, which call `wake` as they end.

        `context_of`: what a step works with, by the step's name.
        `online`: whether the gates' containers keep the machine's network.

        `directory` is the sandbox's: volumes and processes have their folders in it.
        """
        self._cluster = cluster
        self._context = context
        self._context_of = context_of
        self._wake = wake
        self._online = online
        self._volumes = (directory / "volumes").resolve()
        self._processes = (directory / "gates").resolve()
        self._pool = None if inline else ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pod")
        self._container_pool = None if inline else ThreadPoolExecutor(_CONTAINERS, thread_name_prefix="container")
        self._started: set[str] = set()
        self._without_volumes: set[str] = set()
        self._running: dict[str, Container] = {}
        self._waiting: dict[str, tuple[Manifest, Wait]] = {}
        """Steps that wait for an object, by their Pods' names."""
        self._not_looked_at: set[str] = set()
        """Those of them whose object may have changed before they were known to wait."""
        self._closed = threading.Event()
        self.last_words: dict[str, str] = {}
        """What the last step of a Workflow that failed in this process said, by the Workflow's name."""

    def sync(self, namespace: str, name: str) -> bool:
        """Start the Pod if it waits, stop it if it is to be stopped, or record it as lost; whether it did."""
        pod = self._cluster.get("Pod", namespace, name)
        if pod is None:
            self._started.discard(name)
            self._without_volumes.discard(name)
            self._waiting.pop(name, None)
            gone = self._running.pop(name, None)
            if (self._processes / name).is_dir():
                container.end(self._processes / name)
            for claim in gone.claims if gone is not None else ():
                self.sync_claim(namespace, claim)
            return False
        phase = (pod.get("status") or {}).get("phase")
        if name in self._running and STOP_ANNOTATION in (pod["metadata"].get("annotations") or {}):
            self._running[name].kill()
        if phase in _DONE or name in self._started:
            return False
        if not self._has_claims(pod):
            self._without_volumes.add(name)
            return False
        self._without_volumes.discard(name)
        if not _is_step(pod):
            self._start_container(pod)
            return True
        if phase == "Running":
            self._cluster.delete("Pod", namespace, name)
            return True
        self._started.add(name)
        self._carry_on(pod, partial(self._begun, pod))
        return True

    def _carry_on(self, pod: Manifest, work: Callable[[], Outputs]) -> None:
        if self._pool is None:
            self._run(pod, work)
        else:
            self._set_running(pod)
            self._pool.submit(self._run_in_thread, pod, work)

    def _set_running(self, pod: Manifest) -> None:
        metadata = pod["metadata"]
        self._cluster.set_status("Pod", metadata["namespace"], metadata["name"], {"phase": "Running"})

    def go_on(self, changed: Collection[Key] = ()) -> bool:
        """Have the steps go on whose wait has ended, by a change of what they wait for or by time; whether any did."""
        now, did = self._context.clock.now(), False
        for name, (pod, wait) in list(self._waiting.items()):
            is_new = name in self._not_looked_at
            self._not_looked_at.discard(name)
            may_have_ended = is_new or now >= wait.until or Key(wait.kind, wait.namespace, wait.name) in changed
            if may_have_ended and wait.has_ended(self._cluster, now):
                del self._waiting[name]
                self._carry_on(pod, wait.then)
                did = True
        return did

    def next_due(self) -> float | None:
        """When the next step has waited long enough (Unix seconds)."""
        return min((wait.until for _, wait in self._waiting.values()), default=None)

    def extend_waits_of(self, workflow: str, seconds: float) -> None:
        """Have the steps of a Workflow wait for longer, as the time limits of its nodes are extended."""
        for name, (pod, wait) in list(self._waiting.items()):
            if pod["metadata"]["labels"].get(_WORKFLOW_LABEL) == workflow:
                self._waiting[name] = pod, replace(wait, until=wait.until + seconds)

    def sync_claim(self, namespace: str, name: str) -> None:
        """Remove the folder of a volume whose claim is gone; start the Pods that waited for a new one."""
        if self._cluster.get("PersistentVolumeClaim", namespace, name) is None:
            # As in a cluster, a volume outlives its claim as long as a Pod has it.
            if not any(name in process.claims for process in self._running.values()):
                container.remove(self._volumes / name)
            return
        for pod in sorted(self._without_volumes):
            self.sync(namespace, pod)

    def take_up(self) -> None:
        """After a kill: Pods that an earlier process left, and processes and volumes of those that went meanwhile."""
        namespace = self._context.settings.namespace
        pods, claims = (
            {manifest["metadata"]["name"] for manifest in self._cluster.list(kind, namespace)}
            for kind in ("Pod", "PersistentVolumeClaim")
        )
        for folder in self._processes.iterdir() if self._processes.is_dir() else ():
            if folder.name not in pods:
                container.end(folder)
        for folder in self._volumes.iterdir() if self._volumes.is_dir() else ():
            # An emptyDir is named for its Pod and itself.
            if folder.name.partition(".")[0] not in claims | pods:
                container.remove(folder)
        for name in sorted(pods):
            self.sync(namespace, name)

    @property
    def busy(self) -> bool:
        """Whether a Pod is at work; one that waits for an agent is not."""
        return bool(self._started - self._waiting.keys())

    def close(self) -> None:
        """Wait for the steps under way; processes of their own go on, and the next kubelet takes them up."""
        self._closed.set()
        for pool in (self._pool, self._container_pool):
            if pool is not None:
                pool.shutdown()

    def _has_claims(self, pod: Manifest) -> bool:
        """Whether the volumes are there; a Pod waits for them."""
        namespace = pod["metadata"]["namespace"]
        return all(self._cluster.get("PersistentVolumeClaim", namespace, claim) for claim in container.claims(pod))

    # --- other commands -----------------------------------------------------------------------------------------------

    def _start_container(self, pod: Manifest) -> None:
        name = pod["metadata"]["name"]
        process = Container(pod, self._processes, self._volumes, self._context.say, self._online)
        self._started.add(name)
        self._running[name] = process
        if self._container_pool is None:
            self._carry_out(pod, process)
        else:
            self._container_pool.submit(self._carry_out, pod, process)

    def _carry_out(self, pod: Manifest, process: Container) -> None:
        metadata = pod["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        if name not in self._running:
            return
        if self._container_pool is not None:
            self._cluster.set_status("Pod", namespace, name, {"phase": "Running"})
        try:
            process.start()
            ended = process.wait(float(pod["spec"].get("activeDeadlineSeconds") or _DAY), _POLL, self._closed.is_set)
        except OSError:
            self._context.say(f"pod {name} could not be started:\n{traceback.format_exc()}")
            ended = Ended(128, "StartError")
        if ended is None:
            return
        self._cluster.set_status("Pod", namespace, name, ended.status(process.log()))
        for volume in pod["spec"].get("volumes") or ():
            if "emptyDir" in volume:
                container.remove(self._volumes / f"{name}.{volume['name']}")
        self._started.discard(name)
        self._wake()

    # --- steps --------------------------------------------------------------------------------------------------------

    def _run_in_thread(self, pod: Manifest, work: Callable[[], Outputs]) -> None:
        try:
            self._run(pod, work)
        finally:
            self._wake()

    def _run(self, pod: Manifest, work: Callable[[], Outputs]) -> None:
        metadata = pod["metadata"]
        try:
            code, message, outputs = self._step(pod, work)
        except Waiting as waiting:
            self._set_running(pod)
            self._not_looked_at.add(metadata["name"])
            self._waiting[metadata["name"]] = pod, waiting.wait
            return
        status: dict[str, Any] = {
            "phase": "Failed" if code else "Succeeded",
            "exitCode": code,
            "message": message,
            "outputs": _outputs(pod, outputs),
        }
        self._cluster.set_status("Pod", metadata["namespace"], metadata["name"], status)
        self._started.discard(metadata["name"])

    def _begun(self, pod: Manifest) -> Outputs:
        """What a step puts out, from its beginning. InputError for a Pod that is none."""
        main = pod["spec"]["containers"][0]
        command, args = main.get("command") or [], main.get("args") or []
        if len(command) != 3 or args[::2] != ["--in", "--out"]:
            raise InputError(
                f"pod {pod['metadata']['name']}: expected `pressplay step NAME --in JSON --out DIR` and nothing else"
            )
        # A step's emptyDir is this process's own temporary folder.
        places = container.mounts(pod, self._volumes, claims_only=True)
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
        given = registry.parse_inputs(args[1])
        inputs = {name: container.localized(value, places) for name, value in given.items()}
        context = replace(self._context_of(command[2]), mounted=self._mounted(pod).get)
        return registry.run(command[2], inputs, context)

    def _step(self, pod: Manifest, work: Callable[[], Outputs]) -> tuple[int, str, Outputs]:
        """Exit status, message and outputs: what would be files in a Pod stays in this process."""
        name = pod["spec"]["containers"][0]["command"][2]
        try:
            return 0, "", work()
        except Waiting:
            raise
        except PressPlayError as error:
            self._context.say(f"step {name}: {error}")
            self.last_words[pod["metadata"]["labels"].get(_WORKFLOW_LABEL, "")] = str(error)
            return error.exit_code, f"Error (exit code {error.exit_code})", {}
        except Exception:
            self._context.say(f"step {name} died:\n{traceback.format_exc()}")
            return EXIT_FAILED, f"Error (exit code {EXIT_FAILED})", {}

    def _mounted(self, pod: Manifest) -> dict[str, bytes]:
        """The files of the Secrets that a step's Pod mounts, by their paths. They stay in memory."""
        spec, namespace, files = pod["spec"], pod["metadata"]["namespace"], dict[str, bytes]()
        places = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0].get("volumeMounts") or ()}
        for volume in spec.get("volumes") or ():
            if "secret" in volume:
                secret = self._cluster.get("Secret", namespace, volume["secret"]["secretName"]) or {}
                for key, value in (secret.get("data") or {}).items():
                    files[f"{places[volume['name']]}/{key}"] = base64.b64decode(value)
        return files


def _is_step(pod: Manifest) -> bool:
    return (pod["spec"]["containers"][0].get("command") or [])[:2] == ["pressplay", "step"]


def _outputs(pod: Manifest, given: Outputs) -> dict[str, str]:
    """What the Pod's template takes of a step's outputs, by name; the engine knows the defaults of the rest."""
    wanted = json.loads((pod["metadata"].get("annotations") or {}).get(OUTPUTS_ANNOTATION, "[]"))
    files = {output["name"]: Path(output["path"]).name for output in wanted}
    return {name: given[file] for name, file in files.items() if file in given}
