"""Live progress of a play, for people, on stderr: a line for each run, verdict and merge."""

from __future__ import annotations

import json
from collections.abc import Callable

from pressplay.cluster.port import Manifest
from pressplay.domain.entries import Broken, Entries, FinalProof, TaskVerdict
from pressplay.sandbox.runner import RUN_KINDS
from pressplay.sandbox.world import Sandbox
from pressplay.steps.runs.outcomes import status_reason

_DOES = {
    ("criteria", "Running"): "writes criteria",
    ("implement", "Running"): "implements",
    ("lint", "Running"): "formats and lints",
    ("test", "Running"): "tests",
    ("fix", "Running"): "works QA's wishes in",
    ("plan", "Running"): "writes documents",
}


def does(run: Manifest) -> str:
    """Who does what for which task."""
    labels = run["metadata"]["labels"]
    what = _DOES.get((labels.get("press-play/role", ""), "Running"), "works")
    return f"task {labels['press-play/task']:>3}  {labels['press-play/agent']} {what}"


class Progress:
    """Says what changed since it last looked. Titles are never shown: they are text that people wrote (R7)."""

    def __init__(self, sandbox: Sandbox, say: Callable[[str], None]) -> None:
        """`say` takes a line; the clock starts now, and what an earlier try came to is no news."""
        self._sandbox, self._say = sandbox, say
        self._version = sandbox.cluster.version()
        self._began = sandbox.clock.now()
        self._seen: dict[str, str] = {}
        self._is_news = False
        for kind in (*RUN_KINDS, "ConfigMap"):
            for manifest in sandbox.cluster.list(kind, ""):
                # One that is at work is worth a line once it moves on.
                if (manifest.get("status") or {}).get("phase") != "Running":
                    self._look(kind, manifest)
        self._is_news = True

    def watch(self) -> None:
        """Look, and say."""
        changes = self._sandbox.cluster.changes(self._version)
        for key, version in changes.items():
            self._version = max(self._version, version)
            if key.kind in (*RUN_KINDS, "ConfigMap") and (manifest := self._sandbox.cluster.get(*key)) is not None:
                self._look(key.kind, manifest)

    def _look(self, kind: str, manifest: Manifest) -> None:
        if kind in RUN_KINDS:
            self._run(manifest)
        elif (ledger := (manifest["metadata"].get("labels") or {}).get("press-play/ledger")) == "task":
            self._ledger(manifest)
        elif ledger == "pr":
            self._pull(manifest)

    def _once(self, what: str, state: str, line: str) -> None:
        if self._seen.get(what) != state:
            self._seen[what] = state
            if not self._is_news:
                return
            seconds = int(self._sandbox.clock.now() - self._began)
            self._say(f"{seconds // 60:02d}:{seconds % 60:02d}  {line}")

    def _run(self, run: Manifest) -> None:
        labels = run["metadata"]["labels"]
        phase = (run.get("status") or {}).get("phase")
        who, task = labels["press-play/agent"], labels["press-play/task"]
        held = str((run.get("status") or {}).get("message") or "")
        if phase == "Running" and held:
            self._once(run["metadata"]["name"], held, f"task {task:>3}  {who} waits: {held}")
        elif phase == "Running":
            self._once(run["metadata"]["name"], phase, does(run))
        elif phase == "Failed":
            why = status_reason(run, f"{who} failed")
            self._once(run["metadata"]["name"], phase, f"task {task:>3}  {why.line()}")

    def _pull(self, ledger: Manifest) -> None:
        """What is proven, or broken, once a play's tasks are merged."""
        entries = _entries(ledger)
        for proof in entries.all(FinalProof):
            if not proof.outcome:
                self._once(proof.key(), "begun", f"base {proof.head[:12]}  its tests and probes run")
            elif proof.deployed is not None and proof.deployed.since and not proof.deployed.outcome:
                where = proof.deployed.environment
                self._once(proof.key(), "deployed", f"base {proof.head[:12]}  its deployment into {where} is probed")
        for broken in entries.all(Broken):
            self._once(broken.key(), broken.commit, f"base {broken.tip[:12]}  {broken.why.line()}")

    def _ledger(self, ledger: Manifest) -> None:
        task = ledger["metadata"]["labels"].get("press-play/task", "?")
        for verdict in _entries(ledger).all(TaskVerdict):
            pr = f" (#{verdict.pr})" if verdict.pr else ""
            reason = f": {verdict.why.line()}" if verdict.reason else ""
            line = f"task {task:>3}  {verdict.outcome}{pr}{reason}"
            self._once(f"{task}/{verdict.key()}", verdict.outcome, line)


def _entries(ledger: Manifest) -> Entries:
    return Entries.read({key: json.loads(text) for key, text in ledger.get("data", {}).items()})
