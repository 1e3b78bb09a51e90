"""A world for the engine's tests: objects, a virtual clock, CodeRuns and Pods that end as their environment says."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from pressplay.clock import VirtualClock, rfc3339
from pressplay.sandbox.engine import Advance, LockTable, advance, set_node

NAMESPACE = "agents"


def merge(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7386."""
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


class World:
    """A cluster in memory, with the loop that a sandbox has: advance, commit, act, sleep."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.locks = LockTable()
        self.ends: list[tuple[float, tuple[str, str, str]]] = []
        self.created: list[tuple[str, str, str]] = []
        self.running = 0
        self.most_running = 0
        self.wakes: dict[tuple[str, str], float | None] = {}
        self.advances = 0
        self.check: Callable[[dict[str, Any], Advance], None] | None = None

    # --- the view ---

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        return self.objects.get((kind, namespace, name))

    # --- the cluster ---

    def put(self, manifest: dict[str, Any]) -> None:
        metadata = manifest["metadata"]
        self.objects[(manifest["kind"], metadata.get("namespace", NAMESPACE), metadata["name"])] = manifest

    def submit(self, workflow: dict[str, Any], **metadata: Any) -> None:
        made = copy.deepcopy(workflow)
        made["metadata"].setdefault("namespace", NAMESPACE)
        made["metadata"].setdefault("uid", f"uid-of-{made['metadata']['name']}")
        made["metadata"].setdefault("creationTimestamp", rfc3339(self.clock.now()))
        made["metadata"].update(metadata)
        self.put(made)

    def apply(self, manifest: dict[str, Any]) -> None:
        metadata = manifest["metadata"]
        key = (manifest["kind"], metadata.get("namespace", NAMESPACE), metadata["name"])
        old = self.objects.get(key)
        self.objects[key] = merge(old or {}, {k: v for k, v in manifest.items() if k != "status"})
        if old is None:
            self.created.append(key)
            self._born(key)

    def _born(self, key: tuple[str, str, str]) -> None:
        found = self.objects[key]
        if key[0] == "Workflow":
            found["metadata"].setdefault("uid", f"uid-of-{key[2]}")
            found["metadata"].setdefault("creationTimestamp", rfc3339(self.clock.now()))
        if key[0] not in ("CodeRun", "Pod"):
            return
        environment = self.environment(key)
        found["status"] = {"phase": "Running"}
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.ends.append((self.clock.now() + float(environment.get("SECONDS", "1")), key))

    def environment(self, key: tuple[str, str, str]) -> dict[str, str]:
        found = self.objects[key]
        if key[0] == "CodeRun":
            return dict(found["spec"]["env"])
        container = found["spec"]["containers"][0]
        environment = {item["name"]: item["value"] for item in container.get("env", [])}
        if container.get("command") == ["/tool"]:
            # The tool of the lab, where a real Argo was asked: sleep=SECONDS, exit=CODE, write=PATH:TEXT.
            words = [word.partition("=") for word in container["args"]]
            told = {name: value for name, _, value in words}
            environment |= {"SECONDS": told.get("sleep", "1"), "CODE": told.get("exit", "0")}
            files = [value.partition(":") for name, _, value in words if name == "write"]
            environment |= {f"FILE {path}": text for path, _, text in files}
        return environment

    def delete(self, kind: str, name: str, namespace: str = NAMESPACE) -> None:
        del self.objects[(kind, namespace, name)]
        ends = [end for end in self.ends if end[1] != (kind, namespace, name)]
        self.running -= len(self.ends) - len(ends)
        self.ends = ends

    def _end(self, key: tuple[str, str, str]) -> None:
        self.running -= 1
        environment = self.environment(key)
        if key[0] == "CodeRun":
            self.objects[key] = merge(self.objects[key], {"status": {"phase": environment.get("END", "Succeeded")}})
            return
        code = int(environment.get("CODE", "0"))
        annotations = self.objects[key]["metadata"].get("annotations") or {}
        wanted = json.loads(annotations.get("press-play/outputs", "[]"))
        files = {item["name"]: environment.get(f"FILE {item['path']}", environment.get("OUT")) for item in wanted}
        outputs = {name: text for name, text in files.items() if text is not None}
        status = {"phase": "Failed" if code else "Succeeded", "exitCode": code, "outputs": outputs}
        # As a kubelet tells it, for Pods that are none of the engine's.
        status["containerStatuses"] = [{"name": "main", "state": {"terminated": {"exitCode": code}}}]
        self.objects[key] = merge(self.objects[key], {"status": status})

    # --- the loop ---

    def workflows(self) -> list[dict[str, Any]]:
        return [found for key, found in sorted(self.objects.items()) if key[0] == "Workflow"]

    def step(self, workflow: dict[str, Any], act: bool = True) -> Advance:
        """Advance one Workflow, commit, and (unless killed in between) act."""
        result = advance(workflow, self, self.clock.now())
        self.advances += 1
        if self.check is not None:
            self.check(workflow, result)
        metadata = workflow["metadata"]
        workflow["status"] = json.loads(json.dumps(result.status))
        self.locks.replace(workflow, workflow["status"])
        self.wakes[(metadata["namespace"], metadata["name"])] = result.wake_at
        if act:
            for action in result.actions:
                self.apply(action)
        return result

    def settle(self, act: Callable[[], bool] = lambda: True) -> None:
        """Advance everything until nothing changes at this moment."""
        for _ in range(200):
            before = json.dumps([self.workflows(), len(self.objects)], sort_keys=True)
            for workflow in self.workflows():
                self.step(workflow, act())
            if json.dumps([self.workflows(), len(self.objects)], sort_keys=True) == before:
                return
        raise AssertionError("does not settle")

    def tick(self) -> bool:
        """Sleep until the next thing happens; False when nothing ever will."""
        moments = [moment for moment, _ in self.ends] + [wake for wake in self.wakes.values() if wake is not None]
        if not moments:
            return False
        self.clock.sleep(min(moments) - self.clock.now())
        due = [key for moment, key in self.ends if moment <= self.clock.now()]
        self.ends = [(moment, key) for moment, key in self.ends if moment > self.clock.now()]
        for key in due:
            self._end(key)
        return True

    def run(self, act: Callable[[], bool] = lambda: True) -> None:
        """Until every Workflow has ended or nothing can happen any more."""
        for _ in range(2000):
            self.settle(act)
            if not self.tick():
                return
        raise AssertionError("does not end")

    def node(self, workflow: str, name: str) -> dict[str, Any]:
        found = self.objects[("Workflow", NAMESPACE, workflow)]["status"]["nodes"].values()
        return next(node for node in found if plain(workflow, node["name"]) == name)

    def set(
        self, workflow: str, name: str, outputs: dict[str, str], phase: Any = "Succeeded", message: str = ""
    ) -> bool:
        found = self.objects[("Workflow", NAMESPACE, workflow)]
        status = set_node(found, self.node(workflow, name)["id"], phase, outputs, message, self.clock.now())
        if status is not None:
            found["status"] = status
        return status is not None


def plain(workflow: str, name: str) -> str:
    """A node's name as the cases have it: `.` for the root, others without the Workflow's name."""
    return name.removeprefix(workflow).removeprefix(".") or "."


def parameters(holder: dict[str, Any] | None) -> dict[str, str]:
    return {item["name"]: item["value"] for item in (holder or {}).get("parameters", []) if "value" in item}


def seen(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The nodes as the cases tell them."""
    found = {}
    for node in workflow["status"]["nodes"].values():
        told: dict[str, Any] = {"type": node["type"], "phase": node["phase"]}
        if outputs := parameters(node.get("outputs")):
            told["outputs"] = outputs
        if node.get("templateName") == "note" and node["type"] == "Suspend":
            told["inputs"] = parameters(node.get("inputs"))
        found[plain(workflow["metadata"]["name"], node["name"])] = told
    return found
