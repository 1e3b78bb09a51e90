"""The chart in a cluster, with a forge and a runner of its own, and texts that want to be evaluated."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cluster import CHART, CONTROLLER, get, helm, image, kubectl, listed, run, until
from preview import DEPLOYED, has_storage, previews
from services import AGENT, Person, forge, runner, starts

NAMESPACE = os.environ.get("PRESSPLAY_E2E_NAMESPACE", "press-play")
REPO = "acme/shop"
RELEASE = "pp-e2e"
FINISHED = ("Succeeded", "Failed", "Error")
HOSTILE = "'quotes' \"double\" `ticks` $(rm -rf /) {{workflow.uid}} {{=1+1}} {{=bad(}} {{ nope \\ <b>&amp; é"
BODY = f"yaml: [a, {{b: c}}]\n- item\n---\n!!python/object:os.system 'x'\n\ttab\n{HOSTILE}"
LINT = "test ! -e ugly.txt"
"""What the lint gate runs, where the cluster has volumes for it."""
LIMIT = 3000
"""Seconds for anything to come about; a play of four tasks takes 23 minutes on two cores that do nothing else."""


def task(number: int, *dependencies: int) -> dict[str, Any]:
    return {
        "id": number,
        "title": f"Task {number}: {HOSTILE}",
        "description": f"Number {number}. {BODY}",
        "details": BODY,
        "testStrategy": BODY,
        "priority": "medium",
        "dependencies": list(dependencies),
        "status": "pending",
    }


@dataclass
class Installed:
    """The chart in the cluster, with a forge and a runner of its own."""

    directory: Path
    person: Person
    forge: int
    """The forge's pid."""

    def press(self, **parameters: str) -> dict[str, str]:
        """Press play and wait for the end of that; what it put out."""
        return self.submit("press-play", repo=REPO, **parameters)

    def submit(self, template: str, **parameters: str) -> dict[str, str]:
        """What a Workflow of this template put out."""
        ended = self.carried_out(template, **parameters)
        name = ended["metadata"]["name"]
        return outputs(next(node for node in nodes(ended) if node["name"] == name))

    def carried_out(self, template: str, **parameters: str) -> dict[str, Any]:
        """The Workflow of this template, at its good end."""
        return self.at_its_end(self.began(template, **parameters), template)

    def began(self, template: str, **parameters: str) -> str:
        """The name of the Workflow that was made of this template."""
        given = [word for name, value in parameters.items() for word in ("-p", f"{name}={value}")]
        command = ("argo", "submit", "-n", NAMESPACE, "--from", f"workflowtemplate/{template}", "-o", "name")
        return run(*command, *given).stdout.strip()

    def at_its_end(self, name: str, template: str) -> dict[str, Any]:
        """This Workflow, once it has Succeeded."""
        ended = until(f"{template} to end", lambda: self.ended(name), LIMIT, self.told)
        assert ended["status"]["phase"] == "Succeeded", ended["status"]
        return dict(ended)

    def ended(self, name: str) -> dict[str, Any] | None:
        found = get("workflow", NAMESPACE, name)
        return found if found and has_ended(found) else None

    def flows(self, flow: str) -> list[dict[str, Any]]:
        return listed("workflows", NAMESPACE, f"press-play/flow={flow}")

    def starts(self) -> list[list[str]]:
        return starts(self.directory / "runner")

    def told(self) -> str:
        """What to look at where it hangs."""
        seen = kubectl("get", "workflows,pods", "-n", NAMESPACE, "-o", "wide")
        return f"{seen}\n{self.starts()}\n{(self.directory / 'runner' / 'runner.log').read_text()[-2000:]}"

    def checkout(self) -> Path:
        """The default branch as it is now."""
        tree = self.directory / "checkout"
        run("git", "clone", "--quiet", str(self.person.forge.git_path(REPO)), str(tree))
        return tree


def install(
    directory: Path,
    project: Path,
    merge: str = "auto",
    settings: Mapping[str, Any] | None = None,
    agent: list[str] = AGENT,
    **environment: str,
) -> Iterator[Installed]:
    """Forge, runner and release while the test lasts; `settings` are values of the chart beyond those that all need."""
    for part in ("forge", "runner"):
        (directory / part).mkdir(parents=True)
    with (
        previews(NAMESPACE),
        forge(directory / "forge", project, REPO, NAMESPACE, merge) as (pid, addresses),
        runner(directory / "runner", addresses["url"], agent, **environment),
    ):
        kubectl("apply", "-f", str(directory / "forge" / "secrets.json"))
        values = {
            "repositories": {REPO: {}},
            "defaults": {
                **DEPLOYED,
                "lint": {"enabled": has_storage(), "commands": [LINT], "volume": {"size": "16Mi"}},
            },
            "image": image(),
            "controller": {"namespace": CONTROLLER},
            "secrets": {"mode": "existing"},
            "github": {name: addresses[name] for name in ("apiURL", "gitURL", "webURL")},
            "argo": {
                "server": {
                    "url": os.environ.get("PRESSPLAY_E2E_ARGO_URL", "https://argo-server.argo:2746"),
                    "auth": os.environ.get("PRESSPLAY_E2E_ARGO_AUTH", "serviceAccount"),
                }
            },
            # No bus, as in test_event_source.py: nothing is delivered; `reconcile` knows that it makes up for events.
            "events": {"bus": {"create": False}},
            # test_serve.py has it.
            "serve": {"enabled": False},
            **(settings or {}),
        }
        helm(*("install", RELEASE, str(CHART), "-n", NAMESPACE, "-f", "-", "--wait"), input=yaml.safe_dump(values))
        person = Person(directory / "forge", addresses["url"], REPO)
        try:
            yield Installed(directory, person, pid)
        finally:
            person.close()
            ours = "app.kubernetes.io/part-of=press-play"
            helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait", check=False)
            for kind in ("workflows", "workflowtemplates", "configmaps", "secrets"):
                kubectl("delete", kind, "-n", NAMESPACE, "-l", ours, "--wait", check=False)


def project_of(directory: Path, *tasks: dict[str, Any]) -> Path:
    """A project that holds nothing but its backlog."""
    project = directory / "project"
    (project / ".taskmaster" / "tasks").mkdir(parents=True)
    (project / ".taskmaster" / "tasks" / "tasks.json").write_text(json.dumps({"master": {"tasks": tasks}}))
    return project


def has_ended(workflow: dict[str, Any]) -> bool:
    return (workflow.get("status") or {}).get("phase") in FINISHED


def outputs(node: dict[str, Any]) -> dict[str, str]:
    return {p["name"]: p.get("value", "") for p in (node.get("outputs") or {}).get("parameters", [])}


def nodes(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return list((workflow.get("status") or {}).get("nodes", {}).values())


def argo_from_here() -> dict[str, str]:
    """What `pressplay continue` needs to reach the Argo Server as a person."""
    url = os.environ.get("PRESSPLAY_E2E_ARGO_URL", "https://argo-server.argo:2746")
    token = kubectl("create", "token", "press-play-reconcile", "-n", NAMESPACE).strip()
    return {"PRESSPLAY_ARGO_URL": url, "PRESSPLAY_ARGO_TOKEN": token}


def reconciling(on: bool) -> None:
    kubectl("scale", "deployment", "press-play-reconcile", "-n", NAMESPACE, f"--replicas={int(on)}")
    if not on:
        pods = "app.kubernetes.io/component=reconcile"
        kubectl("wait", "--for=delete", "pod", "-n", NAMESPACE, "-l", pods, f"--timeout={LIMIT}s")
