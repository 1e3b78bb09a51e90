"""The lint gate: the project's commands on a checkout of the head commit, or the named checks of its CI.

`plan` decides which; `checkout` writes the commit and the commands' script onto a volume; a container without token,
account or network runs them; `verdict` reads what Kubernetes recorded of that container. Of the container's own data
it reads only the output, as text.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from pressplay import names
from pressplay.gates.lint import detect
from pressplay.gates.lint.decide import Decided, decide
from pressplay.gates.lint.lint_plan import LintPlan, listed
from pressplay.gates.lint.script import MOST, script
from pressplay.gates.proving import environment
from pressplay.github import pulls, refs
from pressplay.settings import Lint
from pressplay.steps.core import merged_trees, verdicts
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject, number
from pressplay.steps.core.verdicts import GateVerdict
from pressplay.steps.gate_pods import gate_runs, gate_tokens, named_checks
from pressplay.steps.gate_pods.candidate import Candidate
from pressplay.steps.gate_pods.lint_judge import LintResult, judge, verdict_of
from pressplay.steps.gate_pods.pod_end import look

LOG_BYTES = 400_000
"""Of a Pod's output, for people to read."""


def plan(inputs: Inputs, context: Context) -> Outputs:
    """See `gate_runs.plan`."""
    return gate_runs.plan(inputs, context, verdicts.LINT, Subject.of(inputs, context).settings.lint)


# --- the checkout ----------------------------------------------------------------------------------------------------


def checkout(inputs: Inputs, context: Context) -> Outputs:
    """See `_check_out`; `state` spent, and nothing else, where the token has expired: see `gate_tokens.reading`."""
    return gate_tokens.reading(inputs, context, _check_out)


def _check_out(inputs: Inputs, context: Context) -> Outputs:
    """Write the head commit and each language's script into the folder `into`, the volume.

    With `onto` it is the tree of merging the head with that commit, and the base is that commit.

    Outputs: `plan`, for the verdict; where something runs, `pods` (`gate_runs.pods`; `custom` for the values' own
    commands), and what they may take (`gate_runs.bounds`).
    """
    from pressplay.github.clone import Clone

    subject, candidate, into = Subject.of(inputs, context), Candidate.of(inputs), Path(inputs["into"])
    head = candidate.head
    lint = subject.settings.lint
    gh = context.harness(subject.repo, contents="read", pull_requests="read")
    if candidate.is_superseded(pulls.pull(gh, subject.repo, subject.pull_number)):
        # A commit that was replaced by a push may be gone; the verdict will see that the head has changed.
        return {"plan": LintPlan().packed()}
    base = candidate.onto or refs.head(gh, subject.repo, subject.base(gh))
    # Remove what a killed attempt left.
    for part in ("git", "source", "script"):
        shutil.rmtree(into / part, ignore_errors=True)
        (into / part).mkdir(parents=True)
    clone = Clone(into / "git")
    clone.fetch(context.remote(subject.repo), [head, base])
    whole = head
    if candidate.onto:
        merge = merged_trees.merge(context, gh, clone, subject.repo, base, head)
        if merge.conflicts:
            plan = LintPlan(problem=f"it conflicts with the base branch in {len(merge.conflicts)} files")
            return {"plan": plan.packed()}
        whole = merge.tree
        if candidate.is_proven(context.ledger(subject.repo).entries("pr", subject.pull_number), "lint", whole):
            return {"plan": LintPlan(tree=whole, proven=True).packed()}
    lines = lint.commands or environment.lint_lines(
        environment.choose(clone.tree(base), subject.settings.tests.environment)
    )
    decided = decide(clone.differing(base, whole), clone.tree(whole), clone.tree(base), lines)
    made = replace(_plan(decided, lint), tree=whole if candidate.onto else "")
    # Without a possible verdict nothing of the pull request is run.
    runs: dict[str, tuple[detect.LintTask, ...]] = {} if made.undecided or made.problem else decided.tasks
    if runs:
        clone.check_out(whole, {file.path: file.content for file in decided.taken}, into / "source")
    shutil.rmtree(into / "git")
    for language, tasks in runs.items():
        gate_runs.write_script(context, into, language, script(tasks), number(inputs, "attempts") or 1)
    images = {**lint.images.model_dump(), detect.CUSTOM: lint.image}
    pods = gate_runs.pods(gate_runs.GatePod(language, images[language]) for language in runs)
    return {"plan": made.packed(), "pods": pods, **gate_runs.bounds(lint)}


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
    kept: dict[str, Any] = {name: listed(paths) for name, paths in lists.items()}
    return LintPlan(
        commands={} if too_many else commands,
        silenced=len(by_kind["place"]),
        problem=f"more than {MOST} commands were found: name them in lint.commands" if too_many else "",
        undecided=[(path, undecided[full]) for path, full in zip(listed(undecided), undecided, strict=False)],
        whys=dict(Counter(file.why for file in decided.undecided)),
        counts={name: len(paths) for name, paths in lists.items()},
        refuse=lint.suppressions == "refuse",
        **kept,
    )


# --- the verdict -----------------------------------------------------------------------------------------------------


def verdict(inputs: Inputs, context: Context) -> Outputs:
    """Post the result of the commands, and delete the volume and the Pods; `outcome` as from `verdicts.post`.

    `attempt` of `attempts` (from 0) says which Pods. If one was lost with its node, the step ends with status 1 and the
    attempt is repeated; `attempt` none: no attempt had a result.
    """
    subject, candidate = Subject.of(inputs, context), Candidate.of(inputs)
    name, attempt = names.checked(inputs["name"], "name"), number(inputs, "attempt")
    if (before := gate_runs.earlier(context, subject, "lint", candidate, name)) is not None:
        return before
    if attempt is None:
        return gate_runs.conclude(context, subject, "lint", candidate, gate_runs.given_up(), name)
    made = LintPlan.unpacked(inputs["plan"])
    if made.proven:
        return gate_runs.conclude(context, subject, "lint", candidate, _PROVEN, name, made.tree)
    results = (
        {}
        if made.problem or made.undecided
        else {language: _result_of(context, name, language, attempt, made) for language in made.commands}
    )
    if any(result.kind == "lost" for result in results.values()) and not gate_runs.is_last(inputs, attempt):
        raise gate_runs.Lost(f"{name}: a container was lost with its node")
    return gate_runs.conclude(context, subject, "lint", candidate, verdict_of(made, results), name, made.tree)


_PROVEN = GateVerdict("pass", "Passed before", "the same tree passed before")


def _result_of(context: Context, name: str, language: str, attempt: int, made: LintPlan) -> LintResult:
    pod = context.cluster.get("Pod", context.settings.namespace, gate_runs.pod_name(name, language, attempt))
    log = gate_runs.printed(context, name, language, attempt, LOG_BYTES).decode(errors="replace")
    return judge(look(pod), [label for label, _ in made.commands[language]], log)


def read_checks(inputs: Inputs, context: Context) -> Outputs:
    """See `named_checks.read`."""
    return named_checks.read(inputs, context, "lint", Subject.of(inputs, context).settings.lint)
