"""The runs of the role `conflict`: the files in conflict that they read, and the merge that they must leave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from pressplay import names
from pressplay.domain import entries
from pressplay.domain.entries import Details
from pressplay.domain.reasons import Reason
from pressplay.github import issues, pulls
from pressplay.github.calls import Client
from pressplay.plaintext import plain
from pressplay.steps.core import reason_text, stack
from pressplay.steps.core.context import Context
from pressplay.steps.core.tried_merge import TriedMerge
from pressplay.steps.review import conflicts, retest
from pressplay.steps.review.conflicts import Conflict
from pressplay.steps.runs.judging import moved
from pressplay.steps.runs.role_work import RoleWork
from pressplay.steps.runs.run import Run
from pressplay.templating import prompts
from pressplay.validation.markdown import code, fenced

_SHOWN = 50
"""Paths that the run's text lists; `conflict.json` has all."""


def _judge(context: Context, gh: Client, run: Run, entry: entries.Run) -> entries.Result:
    """`done` for a push that goes on from both; without one the run is parked, with the files' names."""
    result, conflict = moved(context, gh, run, entry), Conflict.of_cause(run.cause)
    pull = pulls.pull(gh, run.subject.repo, run.number)
    if result.outcome == "nothing":
        broken = _broken(context, gh, run, conflict)
        reason = f"it changed nothing, though {conflicts.counted(run.tried, pull.base_ref, broken)}"
        details = Details.of(Reason(what=reason, detail=conflicts.listed(run.tried, broken)))
        return replace(result, outcome="parked", reason=reason, details=details)
    reason = conflicts.refusal(gh, run.subject.repo, conflict, pull.head_ref, pull.base_ref, result.new_head or "")
    return replace(result, outcome="refused", reason=reason) if reason else result


def _files(context: Context, gh: Client, run: Run) -> Mapping[str, bytes]:
    """`conflict.md` to read and `conflict.json` to process; the paths are data (R7)."""
    conflict = Conflict.of_cause(run.cause)
    tried = run.tried or TriedMerge("")
    base, broken = pulls.pull(gh, run.subject.repo, run.number).base_ref, _broken(context, gh, run, conflict)
    on = stack.recorded(context, run.subject)
    content = {"base": base, "base_commit": conflict.base, "head": conflict.head, "files": list(tried.conflicts)}
    text = prompts.conflict(
        base=code(base),
        base_commit=conflict.base,
        head=conflict.head,
        files=[code(plain(path)) for path in tried.conflicts[:_SHOWN]],
        more=max(0, tried.count - _SHOWN),
        begun_on=on.head if on else "",
        dependency=stack.name(on) if on else "",
        broken="\n\n".join(filter(None, [broken.what, reason_text.details(broken)])) if broken else "",
    )
    return {
        "conflict.json": json.dumps(content, indent=2, ensure_ascii=False).encode(errors="backslashreplace"),
        "conflict.md": text.encode(errors="backslashreplace"),
    }


def _broken(context: Context, gh: Client, run: Run, conflict: Conflict) -> Reason | None:
    """Why both commits do not hold together, though git merges them; None where no gate says so."""
    built = stack.of(context, gh, run.subject)
    if built is not None and built.lacks_base(gh, run.subject.repo, conflict.base, conflict.head):
        return Reason(what=f"{built.dependency}, which it was begun on, landed with other content than it holds")
    entries_ = context.ledger(run.subject.repo).entries("pr", run.number)
    return retest.why_broken(entries_, run.subject.settings, conflict.head, conflict.base)


def _note(context: Context, gh: Client, run: Run, entry: entries.Run) -> entries.Run:
    """Tell people on the pull request which files conflict, and that the review begins again after the merge."""
    repo, conflict = run.subject.repo, Conflict.of_cause(run.cause)
    broken = _broken(context, gh, run, conflict)
    base = names.shown_branch(pulls.pull(gh, repo, run.number).base_ref)
    detail = conflicts.listed(run.tried, broken)
    paths = f"\n\n{fenced(detail)}\n\n" if detail else " "
    text = (
        f"Commit `{conflict.head}`: {conflicts.counted(run.tried, base, broken)} (`{conflict.base[:12]}`), so nobody "
        f"can merge it.{paths}{run.agent_id} merges {base} into the branch. An approval counts for one commit, so the "
        "review begins again with the merge."
    )
    writer = context.harness(repo, issues="write", pull_requests="write")
    issues.comment(writer, repo, run.number, text, marker=f"conflict-{run.cause}")
    return entry


CONFLICT = RoleWork(judge=_judge, files=_files, note=_note)
