"""The end of a play: tests and probes of its tasks on the base branch, and who broke it if they fail (R5).

`look` is repeated, each time with what it asks for after it (the tests gate, a wait, probes of a deployment), until
nothing is left to judge. All that it knows is in the ledger of the last pull request that the play merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pressplay import names
from pressplay.domain.entries import Broken, DeployedProof, Details, Entries, FinalProof, Landed, TaskVerdict
from pressplay.domain.reasons import Reason
from pressplay.errors import InputError
from pressplay.gates.acceptance.proof import listed
from pressplay.github import comparison, issues, pulls, refs
from pressplay.github.calls import Client, GitHubRefused
from pressplay.steps.core import reason_text
from pressplay.steps.core.context import Context, Inputs, Outputs, Subject
from pressplay.steps.play import final_deployment
from pressplay.steps.play.final_proof import Ended, History, Judge, Merge, following

NEEDS = {"contents": "read", "pull_requests": "read"}
NOTHING = dict.fromkeys(("head", "onto", "pr", "task", "tasks", "environment", "plan", "target"), "none")
_NO_LINE = "the history of the base branch since the play began does not hold its merges any more"
_TODO = "repair the branch by a new task or by hand: what is merged is not played again"
_NOT_BISECTED = "which merge did it is not known, since no earlier commit is deployed any more"


def look(inputs: Inputs, context: Context) -> Outputs:
    """What must be judged next: state `run`, with `head`, `onto`, the `tasks` merged in it, and whose ledger has it.

    Once that is known of the last commit: state `await`, where its deployment into the base branch's `environment` is
    waited for, and `probe`, with `plan` and `target` of the probes that look at it.

    Else the state is how the play ended: `none` (nothing was merged), `pass`, or `error` (it is not shown). Where the
    branch does not hold, the step comments on the pull request that broke it, and fails. `since` is the commit of the
    base branch with which the play began; `tip` the one with which it ended, `none` to take the newest.
    """
    subject, since, given = Subject.of(inputs, context), names.commit(inputs["since"]), inputs.get("tip", "none")
    gh = context.harness(subject.repo, **NEEDS)
    tip = refs.head(gh, subject.repo, subject.base(gh)) if given == "none" else names.commit(given)
    landed = _landed(context, subject)
    if not landed:
        return {"state": "none", "tip": tip, **NOTHING}
    line = _line(gh, subject.repo, since, tip)
    history = History.of(since, line, landed)
    if history is None:
        _unshown(context, subject, landed[-1], FinalProof(head=tip, tip=tip, onto=since, play=subject.play))
        return {"state": "error", "tip": tip, **NOTHING}
    history = _with_rebased(gh, subject.repo, history, since, line)
    entries = context.ledger(subject.repo).entries("pr", history.last.pr)
    known = _known(entries, subject, history)
    step = following(history.commits, known)
    if isinstance(step, Judge):
        return _begin(context, subject, history, step, known.get(step.commit))
    proof = known[tip]
    if step.outcome == "fail":
        raise InputError(_broken(context, gh, subject, history, step, proof).line())
    proof, further = final_deployment.follow(context, subject, history.last.pr, proof)
    if further is not None:
        return {**NOTHING, "tip": tip, "head": tip, "pr": str(history.last.pr), **further}
    deployed = proof.deployed
    if deployed is not None and deployed.outcome == "fail":
        raise InputError(_broken_there(context, subject, history, deployed).line())
    if deployed is not None and deployed.outcome == "error":
        _say_not_shown(context, subject, history, proof.whole)
    outcome = proof.shown or step.outcome
    shown = {"pass": "holds", "error": "is not shown to hold"}[outcome]
    context.say(f"{subject.play}: {tip[:12]}, which it ended with, {shown} (compared with {history.onto[:12]})")
    return {"state": outcome, "tip": tip, **NOTHING}


def verdict(inputs: Inputs, context: Context) -> Outputs:
    """Judge what the deployment of `head`, with which a play ended, answered: outcome `pass`, `fail` or `error`.

    `pr`: whose ledger has the play's end. `proof`: what `acceptance-probe` gave, or `none`.
    """
    subject, head = Subject.of(inputs, context), names.commit(inputs["head"])
    entries = context.ledger(subject.repo).entries("pr", subject.pull_number)
    proof = entries.get(FinalProof, FinalProof.key_of(head))
    if proof is None or proof.play != subject.play or proof.deployed is None:
        # Else it would be looked at for ever.
        where = f"ledger of pull request {subject.pull_number}"
        raise InputError(
            f"{where}: expected a proof of {subject.play} at {head}, got none: somebody changed it meanwhile"
        )
    return {"outcome": final_deployment.conclude(context, subject, proof, proof.deployed, inputs.get("proof", "none"))}


def _landed(context: Context, subject: Subject) -> list[Merge]:
    """The tasks of this play that landed, in all its Workflows, by their pull requests' numbers."""
    merges = []
    for kept in context.ledger(subject.repo).kept("task"):
        landed = kept.entries.get(Landed)
        verdict = kept.entries.get(TaskVerdict, TaskVerdict.key_of(subject.attempt_of_person))
        if landed is not None and verdict is not None and verdict.play == subject.play and verdict.pr == landed.pr:
            merges.append(Merge(kept.number, landed.pr, landed.commit))
    return sorted(merges, key=lambda merge: merge.pr)


def _line(gh: Client, repo: str, since: str, tip: str) -> list[str]:
    try:
        return comparison.first_parents(gh, repo, since, tip)
    except GitHubRefused as error:
        if error.status == 404:
            # Somebody rewrote the branch, and the commit is gone.
            return []
        raise


def _known(entries: Entries, subject: Subject, history: History) -> Mapping[str, FinalProof]:
    """What was judged of this play's commits, of the same tasks and compared with the same commit."""
    return {
        proof.head: proof
        for proof in entries.all(FinalProof)
        if (proof.play, proof.onto) == (subject.play, history.onto)
        and proof.head in history.commits
        and proof.tasks == history.tasks(proof.head)
    }


def _begin(context: Context, subject: Subject, history: History, step: Judge, before: FinalProof | None) -> Outputs:
    """Note that the judgement of a commit begins; a step that is run again may count it twice."""
    commit, tries = step.commit, 1
    if before is not None and before.runs == step.runs:
        tries = before.tries + 1
    begun = FinalProof(
        head=commit,
        tip=history.tip,
        onto=history.onto,
        play=subject.play,
        tasks=history.tasks(commit),
        failing=before.failing if before else (),
        runs=step.runs,
        tries=tries,
        deployed=final_deployment.wanted(subject.settings.deploy) if commit == history.tip else None,
    )
    _record(context, subject, history.last, begun)
    return {
        **NOTHING,
        "state": "run",
        "tip": history.tip,
        "head": commit,
        "onto": history.onto,
        "pr": str(history.last.pr),
        "task": str(history.last.task),
        "tasks": ".".join(map(str, history.tasks(commit))),
    }


def _unshown(context: Context, subject: Subject, merge: Merge, proof: FinalProof) -> None:
    _record(context, subject, merge, replace(proof, outcome="error", reason=_NO_LINE))
    context.say(f"{subject.play}: what it ended with is not shown: {_NO_LINE}")


def _record(context: Context, subject: Subject, merge: Merge, proof: FinalProof) -> None:
    context.ledger(subject.repo).record("pr", merge.pr, replace(proof, at=int(context.clock.now())))


def _with_rebased(gh: Client, repo: str, history: History, since: str, line: Sequence[str]) -> History:
    """The history with all commits of its first merge: "Rebase and merge" makes several of one pull request.

    `line`: the commits since `since`. What others pushed before the play's first merge is left out; GitHub says whose
    each commit is.
    """
    first, commits = history.merges[0], list(history.commits)
    earlier = list(line[: line.index(commits[0])])
    while earlier and first.pr in pulls.merged_by(gh, repo, earlier[-1]):
        commits.insert(0, earlier.pop())
    return replace(history, onto=earlier[-1] if earlier else since, commits=tuple(commits))


def _who(gh: Client, repo: str, history: History, commit: str) -> tuple[Merge | None, str]:
    """The play's merge that brought a commit, if one did, and whose it is in words."""
    merge, brought = history.merge(commit), list[int]()
    if merge is None:
        brought = pulls.merged_by(gh, repo, commit)
        merge = next((merge for merge in history.merges if merge.pr in brought), None)
    if merge is not None:
        return merge, f"task {merge.task} (#{merge.pr}), merged as {commit[:12]}"
    others = f"#{brought[0]}, merged as {commit[:12]}" if brought else f"commit {commit[:12]}"
    return None, f"{others}, of no task of this play"


def _broken(
    context: Context, gh: Client, subject: Subject, history: History, ended: Ended, proof: FinalProof
) -> Reason:
    """Record and say, on the pull request that broke the base branch, that it did; the reason. Idempotent."""
    merge, who = _who(gh, subject.repo, history, ended.commit)
    what = f"merged, broken: {who}, broke the base branch: {proof.reason}"
    if ended.suspects:
        what += f"; or the {ended.suspects} commits before it, which could not be judged"
    reason = replace(proof.why, what=what, todo=_TODO)
    judged = (
        f"Judged: commit `{history.tip}`, compared with `{history.onto}`, the commit before the play's first merge."
    )
    place = merge or history.last
    _say_broken(context, subject, history, place, ended.commit, reason, judged, by_this=merge is not None)
    return reason


def _broken_there(context: Context, subject: Subject, history: History, deployed: DeployedProof) -> Reason:
    """Record and say, on the play's last pull request, which tasks' probes a deployment does not hold; the reason."""
    prs = {merge.task: merge.pr for merge in history.merges}
    tasks = listed([f"task {task} (#{prs[task]})" if task in prs else f"task {task}" for task in deployed.tasks])
    what = f"merged, broken: what {tasks} promised does not hold where the base branch is deployed: {deployed.reason}"
    reason = replace(deployed.why, what=what, todo=f"{_TODO}; {_NOT_BISECTED}")
    judged = f"Judged: the deployment of commit `{history.tip}` into `{deployed.environment}`."
    judged += f"\n\n{final_deployment.answered(context, subject, history.last.pr, history.tip)}"
    _say_broken(context, subject, history, history.last, history.tip, reason, judged, by_this=False)
    return reason


def _say_broken(
    context: Context,
    subject: Subject,
    history: History,
    place: Merge,
    commit: str,
    reason: Reason,
    judged: str,
    *,
    by_this: bool,
) -> None:
    entry = Broken(
        play=subject.play,
        commit=commit,
        tip=history.tip,
        onto=history.onto,
        by_this=by_this,
        reason=reason.what,
        details=Details.of(reason),
        at=int(context.clock.now()),
    )
    context.ledger(subject.repo).record("pr", place.pr, entry)
    text = f"Press Play ended {subject.play} as {reason.what}.\n\n{reason_text.details(reason)}\n\n{judged}"
    _comment(context, subject, place, text, f"broken-{subject.play}")


def _say_not_shown(context: Context, subject: Subject, history: History, reason: Reason) -> None:
    """Say, on the play's last pull request, that nothing is shown of the deployment, and what a person does."""
    text = (
        f"Press Play ended {subject.play} without a whole proof of commit `{history.tip}`: {reason.what}. "
        f"That does not mean that the base branch is broken.\n\n{reason_text.details(reason)}"
    )
    _comment(context, subject, history.last, text, f"not-shown-{subject.play}")


def _comment(context: Context, subject: Subject, place: Merge, text: str, marker: str) -> None:
    writer = context.harness(subject.repo, issues="write", pull_requests="write")
    issues.comment(writer, subject.repo, place.pr, text, marker=marker)
