"""The lint gate: the project's commands on a checkout of the head commit, or the named checks of its CI.

`plan` decides which; `checkout` writes the commit and the commands' script onto a volume; a container without token,
account or network runs them; `verdict` reads what Kubernetes recorded of that container. Of the container's own data
it reads only the output, as text.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pressplay import names
from pressplay.cluster.port import Manifest
from pressplay.errors import EXIT_FAILED, InputError, PressPlayError, TryAgain
from pressplay.gates.lint import detect
from pressplay.gates.lint.decide import Decided, decide
from pressplay.gates.lint.lint_plan import LintPlan, listed, packed
from pressplay.gates.lint.script import MOST, script
from pressplay.github import pulls, refs
from pressplay.settings import Lint, RequiredCheck
from pressplay.steps.core import verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.core.manifests import WORKFLOW_ANNOTATION
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.lint import gate_runs, named_checks
from pressplay.steps.lint.lint_judge import LintResult, judge, look, verdict_of

NONE = "none"
_DAY = 86_400
_PATIENCE = 900
"""Seconds that a container may wait for its node and its image, on top of its commands' time."""


def _head(inputs: Inputs) -> str:
    return names.checked(inputs["head"], "head")


# --- the plan --------------------------------------------------------------------------------------------------------


def plan(inputs: Inputs, context: Context) -> Outputs:
    """Whether the gate runs commands (state `run`), asks for checks (`checks`), or is `done` with an `outcome`.

    For `run` it creates the volume. `name` is the name of the volume and of the Pods, `seconds` the time for the
    commands, `patience` how long to wait for their Pod, `resources` (base64 of JSON) the container's resources.
    """
    subject, head = Subject.of(inputs, context), _head(inputs)
    lint, pr = subject.settings.lint, subject.pull_number
    if not lint.enabled:
        return {"state": "done", "outcome": "skipped"}
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, pr)
    if pull.state != "open" or pull.head_sha != head:
        return {"state": "done", "outcome": verdicts.SUPERSEDED}
    if verdicts.has_passed(context.ledger(subject.repo).entries("pr", pr), "lint", head):
        return {"state": "done", "outcome": "pass"}
    if lint.checks:
        return {"state": "checks"}
    workflow = names.checked(inputs["workflow"], "workflow")
    name = names.gate_run("lint", subject.repo, pr, head, workflow)
    if not context.cluster.create(_claim(context, subject, name, workflow, lint)) and gate_runs.is_gone(context, name):
        raise TryAgain(f"{name}: the volume of an earlier run of this gate is still being deleted")
    seconds = int(gate_runs.MINUTE * lint.timeout_minutes)
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
        **gate_runs.FLOW,
        gate_runs.RUN_LABEL: name,
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
    if pulls.pull(gh, subject.repo, subject.pull_number).head_sha != head:
        # A commit that was replaced by a push may be gone; the verdict will see that the head has changed.
        return {"plan": LintPlan().packed(), **dict.fromkeys(images, NONE)}
    base = refs.head(gh, subject.repo, subject.base(gh))
    # Remove what a killed attempt left.
    for part in ("git", "source", "script"):
        shutil.rmtree(into / part, ignore_errors=True)
        (into / part).mkdir(parents=True)
    clone = Clone(into / "git")
    clone.fetch(context.remote(subject.repo), [head, base])
    decided = decide(clone.differing(base, head), clone.tree(head), clone.tree(base), lint.commands)
    made = _plan(decided, lint)
    # Without a possible verdict nothing of the pull request is run.
    runs: dict[str, tuple[detect.LintTask, ...]] = {} if made.undecided or made.problem else decided.tasks
    if runs:
        clone.check_out(head, {file.path: file.content for file in decided.taken}, into / "source")
    shutil.rmtree(into / "git")
    for language, tasks in runs.items():
        (into / "script" / f"{language}.sh").write_text(script(tasks))
        for attempt in range(number(inputs, "attempts") or 1):
            # A kubelet might create it for another user than the container's.
            (into / "work" / f"{language}-{attempt}").mkdir(parents=True, exist_ok=True)
    _home(into / "script" / "home", context.settings.gate_pods.package_proxy.files)
    return {
        "plan": made.packed(),
        **{language: packed(images[language] or OWN_IMAGE) if language in runs else NONE for language in images},
    }


def _plan(decided: Decided, lint: Lint) -> LintPlan:
    by_kind: dict[str, list[str]] = {"place": [], "file": [], "condition": []}
    for mark in decided.marks:
        by_kind[mark.kind].append(mark.place)
    lists = {
        "taken": [file.path for file in decided.taken],
        "own": decided.own,
        "places": by_kind["place"],
        "whole": by_kind["file"],
        "conditions": by_kind["condition"],
        "unseen": decided.unseen,
    }
    undecided = {file.path: file.why for file in decided.undecided}
    too_many = any(len(tasks) > MOST for tasks in decided.tasks.values())
    commands = {
        language: [(task.command.label, f"{task.folder}: {task.command.line}".removeprefix(": ")) for task in tasks]
        for language, tasks in decided.tasks.items()
    }
    return LintPlan(
        commands={} if too_many else commands,
        silenced=len(by_kind["place"]),
        problem=f"more than {MOST} commands were found: name them in lint.commands" if too_many else "",
        undecided=[(path, undecided[full]) for path, full in zip(listed(undecided), undecided, strict=False)],
        whys=dict(Counter(file.why for file in decided.undecided)),
        counts={name: len(paths) for name, paths in lists.items()},
        refuse=lint.suppressions == "refuse",
        **{name: listed(paths) for name, paths in lists.items()},
    )


OWN_IMAGE = "pressplay"
"""Means the image of the steps, which the template knows."""


def _home(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        where = folder / path
        if not where.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"gatePods.packageProxy.files {path!r}: expected a path below the home directory")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)


# --- the verdict -----------------------------------------------------------------------------------------------------


class Lost(PressPlayError):
    """A container was lost with its node: the attempt is repeated."""

    exit_code = EXIT_FAILED


def verdict(inputs: Inputs, context: Context) -> Outputs:
    """Post the result of the commands, and delete the volume and the Pods; `outcome` as from `verdicts.post`.

    `attempt` of `attempts` (from 0) says which Pods. If one was lost with its node, the step ends with status 1 and the
    attempt is repeated; `attempt` none: no attempt had a result.
    """
    subject, head = Subject.of(inputs, context), _head(inputs)
    name, attempt = names.checked(inputs["name"], "name"), number(inputs, "attempt")
    if gate_runs.is_gone(context, name):
        # An earlier run of this step deleted it.
        recorded = verdicts.verdict_on(context.ledger(subject.repo).entries("pr", subject.pull_number), "lint", head)
        return {"outcome": recorded.outcome if recorded else verdicts.SUPERSEDED}
    if attempt is None:
        given_up = GateVerdict(
            "error", "Could not be carried out", "the gate could not be carried out; see its Workflow"
        )
        return _conclude(context, subject, head, given_up, name)
    made = LintPlan.unpacked(inputs["plan"])
    results = (
        {}
        if made.problem or made.undecided
        else {language: _result_of(context, name, language, attempt, made) for language in made.commands}
    )
    if any(result.kind == "lost" for result in results.values()) and attempt + 1 < (number(inputs, "attempts") or 1):
        raise Lost(f"{name}: a container was lost with its node")
    return _conclude(context, subject, head, verdict_of(made, results), name)


def _result_of(context: Context, name: str, language: str, attempt: int, made: LintPlan) -> LintResult:
    pod, namespace = f"{name}-{language}-{attempt}", context.settings.namespace
    printed = context.cluster.logs(namespace, pod, "main", _DAY, LOG_BYTES) or b""
    labels = [label for label, _ in made.commands[language]]
    return judge(look(context.cluster.get("Pod", namespace, pod)), labels, printed.decode(errors="replace"))


LOG_BYTES = 400_000


def _conclude(context: Context, subject: Subject, head: str, judged: GateVerdict, name: str) -> Outputs:
    outcome = verdicts.post(context, subject, "lint", head, judged)
    gate_runs.clean_up(context, name)
    return {"outcome": outcome}


# --- named checks ----------------------------------------------------------------------------------------------------


def read_checks(inputs: Inputs, context: Context) -> Outputs:
    """The named checks' result for the head: `outcome`, or state `pending` while they run.

    `woken` is `true` after the wait for them: a check that still runs then counts as an error.
    """
    subject, head = Subject.of(inputs, context), _head(inputs)
    wanted = subject.settings.lint.checks
    pending, failed, odd = named_checks.sort_checks(
        context.harness(subject.repo, checks="read"), subject.repo, head, wanted
    )
    pull = pulls.pull(context.harness(subject.repo, pull_requests="read"), subject.repo, subject.pull_number)
    if pull.head_sha != head or pull.state != "open":
        return {"state": "done", "outcome": verdicts.SUPERSEDED}
    if pending and not failed and inputs.get("woken") != "true":
        return {"state": "pending"}
    minutes = subject.settings.lint.timeout_minutes
    if failed:
        judged = GateVerdict("fail", f"{_counted(failed)} failed", f"{_counted(failed)} of the project's CI failed")
    elif pending:
        reason = f"{_counted(pending)} of the project's CI did not end within {minutes} minutes (lint.checks)"
        judged = GateVerdict("error", f"{_counted(pending)} did not end", reason)
    elif odd:
        reason = f"{_counted(odd)} of the project's CI ended without saying whether it passed"
        judged = GateVerdict("error", f"{_counted(odd)} said nothing", reason)
    else:
        judged = GateVerdict("pass", f"{_counted(wanted)} passed", f"{_counted(wanted)} of the project's CI passed")
    return {"state": "done", "outcome": verdicts.post(context, subject, "lint", head, judged)}


def _counted(required: Iterable[RequiredCheck]) -> str:
    """The checks' names, which are text of the values."""
    listed = [check.name for check in required]
    return f"the check{'s' if len(listed) > 1 else ''} {', '.join(listed)}"
