"""The lint gate: the project's commands on a checkout of the head commit, or the named checks of its CI.

`plan` decides which; `checkout` writes the commit and the commands' script onto a volume; a container without token,
account or network runs them; `verdict` reads what Kubernetes has recorded of that container, and nothing that could
have been written in it but what it printed, as text.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pressplay import names
from pressplay.cluster import waits
from pressplay.cluster.ledger import PART_OF
from pressplay.cluster.port import Manifest
from pressplay.errors import EXIT_FAILED, InputError, PressPlayError, TryAgain
from pressplay.gates.lint import detect
from pressplay.gates.lint.decide import Decided, decide
from pressplay.gates.lint.plan import Plan, listed, packed
from pressplay.gates.lint.script import MOST, script
from pressplay.github import checks, pulls, refs
from pressplay.github.calls import Client
from pressplay.settings import Lint, RequiredCheck
from pressplay.steps import gates
from pressplay.steps.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.gates import Verdict
from pressplay.steps.lint_judge import Found, judge, look, verdict_of
from pressplay.steps.told import WORKFLOW_ANNOTATION

AWAIT_CHECKS = "await-checks"
"""The wait for the named checks of a head."""
RUN_LABEL = "press-play/gate-run"
"""On the volume and the Pods of one run of a gate: its name."""
FLOW = {**PART_OF, "press-play/flow": "gate"}
NONE = "none"
_DAY = 86_400
_MINUTE = 60
_PATIENCE = 900
"""Seconds that a container may wait for its node and its image, beside those that its commands may take."""
_GOOD = frozenset({"success", "neutral", "skipped"})
"""Conclusions with which GitHub takes a required check for passed."""
_BAD = frozenset({"failure", "timed_out"})


def _head(inputs: Inputs) -> str:
    return names.checked(inputs["head"], "head")


# --- what is to be done ----------------------------------------------------------------------------------------------


def plan(inputs: Inputs, context: Context) -> Outputs:
    """Whether the gate runs commands (state `run`), asks for checks (`checks`), or is `done` with an `outcome`.

    For `run` its volume is made: `name` is that of the volume and of the Pods to come, `seconds` what the commands may
    take, `patience` how long their Pod is waited for, `resources` (base64 of JSON) what the container is given.
    """
    subject, head = Subject.of(inputs, context), _head(inputs)
    lint, pr = subject.settings.lint, subject.pull
    if not lint.enabled:
        return {"state": "done", "outcome": "skipped"}
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, pr)
    if pull.state != "open" or pull.head_sha != head:
        return {"state": "done", "outcome": gates.SUPERSEDED}
    if gates.has_passed(context.ledger(subject.repo).entries("pr", pr), "lint", head):
        return {"state": "done", "outcome": "pass"}
    if lint.checks:
        return {"state": "checks"}
    workflow = names.checked(inputs["workflow"], "workflow")
    name = names.gate_run("lint", subject.repo, pr, head, workflow)
    if not context.cluster.create(_claim(context, subject, name, workflow, lint)) and _is_gone(context, name):
        raise TryAgain(f"{name}: the volume of an earlier run of this gate is still being deleted")
    seconds = int(_MINUTE * lint.timeout_minutes)
    return {
        "state": "run",
        "name": name,
        "seconds": str(seconds),
        "patience": str(seconds + _PATIENCE),
        "resources": packed(json.dumps(lint.resources)),
    }


def _claim(context: Context, subject: Subject, name: str, workflow: str, lint: Lint) -> Manifest:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": lint.volume.size}},
    }
    if lint.volume.storage_class:
        spec["storageClassName"] = lint.volume.storage_class
    labels = {
        **FLOW,
        RUN_LABEL: name,
        "press-play/repo": names.repo_key(subject.repo),
        "press-play/pr": str(subject.pr),
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "namespace": context.settings.namespace,
            "labels": labels,
            "annotations": {WORKFLOW_ANNOTATION: workflow},
        },
        "spec": spec,
    }


# --- the checkout ----------------------------------------------------------------------------------------------------


def checkout(inputs: Inputs, context: Context) -> Outputs:
    """Write the head commit and each language's script into the folder `into`, the volume.

    Outputs: for each language (and `custom`, the values' own commands) the image in base64, `none` where there is
    nothing to run in it; `plan`, for the verdict.
    """
    from pressplay.github.clone import Clone

    subject, head, into = Subject.of(inputs, context), _head(inputs), Path(inputs["into"])
    lint = subject.settings.lint
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    images = {**lint.images.model_dump(), detect.CUSTOM: lint.image}
    if pulls.pull(gh, subject.repo, subject.pull).head_sha != head:
        # A commit that was pushed away may be gone altogether; the verdict will find that it is the head no more.
        return {"plan": Plan().packed(), **dict.fromkeys(images, NONE)}
    base = refs.head(gh, subject.repo, subject.base(gh))
    # Whatever an attempt that was killed left.
    for part in ("git", "source", "script"):
        shutil.rmtree(into / part, ignore_errors=True)
        (into / part).mkdir(parents=True)
    clone = Clone(into / "git")
    clone.fetch(context.remote(subject.repo), [head, base])
    decided = decide(clone.differing(base, head), clone.tree(head), clone.tree(base), lint.commands)
    made = _plan(decided, lint)
    # Where no verdict could come of it, nothing of the pull request is run.
    runs: dict[str, tuple[detect.Task, ...]] = {} if made.undecided or made.problem else decided.tasks
    if runs:
        clone.check_out(head, {one.path: one.content for one in decided.taken}, into / "source")
    shutil.rmtree(into / "git")
    for language, found in runs.items():
        (into / "script" / f"{language}.sh").write_text(script(found))
        for attempt in range(number(inputs, "attempts") or 1):
            # Made by a kubelet, it might belong to somebody else than the container.
            (into / "work" / f"{language}-{attempt}").mkdir(parents=True, exist_ok=True)
    _home(into / "script" / "home", context.settings.gate_pods.package_proxy.files)
    return {
        "plan": made.packed(),
        **{language: packed(images[language] or OWN_IMAGE) if language in runs else NONE for language in images},
    }


def _plan(decided: Decided, lint: Lint) -> Plan:
    by_kind: dict[str, list[str]] = {"place": [], "file": [], "condition": []}
    for mark in decided.marks:
        by_kind[mark.kind].append(mark.place)
    lists = {
        "taken": [one.path for one in decided.taken],
        "own": decided.own,
        "places": by_kind["place"],
        "whole": by_kind["file"],
        "conditions": by_kind["condition"],
        "unseen": decided.unseen,
    }
    undecided = {one.path: one.why for one in decided.undecided}
    too_many = any(len(found) > MOST for found in decided.tasks.values())
    commands = {
        language: [(one.command.label, f"{one.folder}: {one.command.line}".removeprefix(": ")) for one in found]
        for language, found in decided.tasks.items()
    }
    return Plan(
        commands={} if too_many else commands,
        silenced=len(by_kind["place"]),
        problem=f"more than {MOST} commands were found: name them in lint.commands" if too_many else "",
        undecided=[(path, undecided[full]) for path, full in zip(listed(undecided), undecided, strict=False)],
        whys=dict(Counter(one.why for one in decided.undecided)),
        counts={name: len(found) for name, found in lists.items()},
        refuse=lint.suppressions == "refuse",
        **{name: listed(found) for name, found in lists.items()},
    )


OWN_IMAGE = "pressplay"
"""Stands for the image of the steps themselves, which the template knows."""


def _home(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        where = folder / path
        if not where.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"gatePods.packageProxy.files {path!r}: expected a path below the home directory")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)


# --- the verdict -----------------------------------------------------------------------------------------------------


class Lost(PressPlayError):
    """A container went with its node: the attempt is made again."""

    exit_code = EXIT_FAILED


def verdict(inputs: Inputs, context: Context) -> Outputs:
    """Post what came of the commands, and delete the volume and the Pods; `outcome` as `gates.post` gives it.

    `attempt` of `attempts` (from 0) says which Pods. Where one was lost with its node, this ends with status 1 and the
    attempt is made again; `attempt` none: nothing came of them all.
    """
    subject, head = Subject.of(inputs, context), _head(inputs)
    name, attempt = names.checked(inputs["name"], "name"), number(inputs, "attempt")
    if _is_gone(context, name):
        # An earlier run of this step came as far as that.
        recorded = gates.verdict_on(context.ledger(subject.repo).entries("pr", subject.pull), "lint", head)
        return {"outcome": str(recorded["outcome"]) if recorded else gates.SUPERSEDED}
    if attempt is None:
        given_up = Verdict("error", "Could not be carried out", "the gate could not be carried out; see its Workflow")
        return _conclude(context, subject, head, given_up, name)
    made = Plan.unpacked(inputs["plan"])
    found = (
        {}
        if made.problem or made.undecided
        else {language: _found(context, name, language, attempt, made) for language in made.commands}
    )
    if any(one.kind == "lost" for one in found.values()) and attempt + 1 < (number(inputs, "attempts") or 1):
        raise Lost(f"{name}: a container was lost with its node")
    return _conclude(context, subject, head, verdict_of(made, found), name)


def _found(context: Context, name: str, language: str, attempt: int, made: Plan) -> Found:
    pod, namespace = f"{name}-{language}-{attempt}", context.settings.namespace
    printed = context.cluster.logs(namespace, pod, "main", _DAY, LOG_BYTES) or b""
    labels = [label for label, _ in made.commands[language]]
    return judge(look(context.cluster.get("Pod", namespace, pod)), labels, printed.decode(errors="replace"))


LOG_BYTES = 400_000


def _conclude(context: Context, subject: Subject, head: str, found: Verdict, name: str) -> Outputs:
    outcome = gates.post(context, subject, "lint", head, found)
    clean_up(context, name)
    return {"outcome": outcome}


def clean_up(context: Context, name: str) -> None:
    """Delete the volume and the Pods of a run of the gate; the volume first: its absence says that it was concluded."""
    namespace = context.settings.namespace
    context.cluster.delete("PersistentVolumeClaim", namespace, name)
    for pod in context.cluster.list("Pod", namespace, {RUN_LABEL: name}):
        context.cluster.delete("Pod", namespace, pod["metadata"]["name"])


def _is_gone(context: Context, name: str) -> bool:
    """Whether a run's volume is gone, or will be once its Pods are."""
    found = context.cluster.get("PersistentVolumeClaim", context.settings.namespace, name)
    return found is None or "deletionTimestamp" in found["metadata"]


def orphans(context: Context, repo: str) -> None:
    """Delete volumes and Pods of gates whose Workflow has ended or is gone."""
    namespace, seen = context.settings.namespace, {}
    labels = {**FLOW, "press-play/repo": names.repo_key(repo)}
    for kind in ("Pod", "PersistentVolumeClaim"):
        for one in context.cluster.list(kind, namespace, labels):
            workflow = (one["metadata"].get("annotations") or {}).get(WORKFLOW_ANNOTATION, "")
            if workflow not in seen:
                owner = context.cluster.get("Workflow", namespace, workflow) if workflow else None
                seen[workflow] = owner is not None and waits.phase(owner) not in waits.FINISHED
            if not seen[workflow]:
                context.cluster.delete(kind, namespace, one["metadata"]["name"])
                context.say(f"{one['metadata']['name']}: deleted, its Workflow has ended")


# --- named checks ----------------------------------------------------------------------------------------------------


def read_checks(inputs: Inputs, context: Context) -> Outputs:
    """Take the named checks' word for the head: `outcome`, or state `pending` where they are under way.

    `woken` is `true` when they were waited for: what is under way then is given up.
    """
    subject, head = Subject.of(inputs, context), _head(inputs)
    wanted = subject.settings.lint.checks
    pending, failed, odd = _sorted(context.harness(subject.repo, checks="read"), subject.repo, head, wanted)
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, subject.pull)
    if pull.head_sha != head or pull.state != "open":
        return {"state": "done", "outcome": gates.SUPERSEDED}
    if pending and not failed and inputs.get("woken") != "true":
        return {"state": "pending"}
    minutes = subject.settings.lint.timeout_minutes
    if failed:
        found = Verdict("fail", f"{_counted(failed)} failed", f"{_counted(failed)} of the project's CI failed")
    elif pending:
        reason = f"{_counted(pending)} of the project's CI did not end within {minutes} minutes (lint.checks)"
        found = Verdict("error", f"{_counted(pending)} did not end", reason)
    elif odd:
        reason = f"{_counted(odd)} of the project's CI ended without saying whether it passed"
        found = Verdict("error", f"{_counted(odd)} said nothing", reason)
    else:
        found = Verdict("pass", f"{_counted(wanted)} passed", f"{_counted(wanted)} of the project's CI passed")
    return {"state": "done", "outcome": gates.post(context, subject, "lint", head, found)}


def _counted(found: Iterable[RequiredCheck]) -> str:
    """The checks by name, which are the values' text."""
    listed = [one.name for one in found]
    return f"the check{'s' if len(listed) > 1 else ''} {', '.join(listed)}"


def _sorted(
    gh: Client, repo: str, head: str, wanted: list[RequiredCheck]
) -> tuple[list[RequiredCheck], list[RequiredCheck], list[RequiredCheck]]:
    """The wanted checks that are under way or missing, those that failed, and those that ended otherwise."""
    there = checks.checks(gh, repo, head)
    pending, failed, odd = [], [], []
    for one in wanted:
        own = [run for run in there if run.name == one.name and run.app == one.app]
        if any(run.conclusion in _BAD for run in own):
            failed.append(one)
        elif not own or any(run.status != "completed" for run in own):
            pending.append(one)
        elif any(run.conclusion not in _GOOD for run in own):
            odd.append(one)
    return pending, failed, odd


def wake_checks(context: Context, repo: str) -> int:
    """End the waits for checks that have ended, or that were waited for long enough; how many."""
    lint = context.settings.repository(repo).lint
    if not lint.checks:
        return 0
    woken = 0
    # Whatever flow it is in, and whoever submitted that.
    for workflow in waits.running(context.cluster, context.settings.namespace, PART_OF):
        for wait in waits.of(workflow):
            if wait.kind != AWAIT_CHECKS or wait.key["repo"] != repo:
                continue
            overdue = context.clock.now() - wait.since > _MINUTE * lint.timeout_minutes
            if overdue or not _under_way(context, repo, wait.key, lint):
                woken += wait.wake(context.cluster, "Succeeded", {})
    return woken


def _under_way(context: Context, repo: str, key: Mapping[str, str], lint: Lint) -> bool:
    gh = context.harness(repo, checks="read", pull_requests="read")
    if pulls.pull(gh, repo, int(key["pr"])).head_sha != key["head"]:
        return False
    pending, failed, _ = _sorted(gh, repo, key["head"], lint.checks)
    return bool(pending) and not failed
