"""Morgan's pull request: found, tidied, judged, and left for a person.

The controller opens it against the branch that the run started from. A commit of the harness removes the files that
were only for the run, then the pull request is retargeted to the default branch. It may change documents and nothing
else (R6), which its diff decides and not a prompt: a commit outside of them parks it, whoever made it. Otherwise the
required check is `neutral`: there is nothing to accept. It gets no approval of ours, so the ruleset requires a person's
(R5). `reconcile` judges each new head again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pressplay import names
from pressplay.domain.entries import Documents, Entries, Result
from pressplay.domain.entries import Run as RunEntry
from pressplay.errors import TryAgain
from pressplay.github import comparison, issues, pulls, refs, trees
from pressplay.github.calls import Client
from pressplay.steps.core import approvals, parking
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.documents import task_documents
from pressplay.steps.documents.docsrun import TASKS_FILE
from pressplay.steps.runs.run import Run
from pressplay.validation.markdown import code

LABEL = "press-play/documents"
_WRITE = {"contents": "write", "pull_requests": "write", "checks": "write", "issues": "write"}
_MADE = ("task.txt", "task.xml")
"""What the controller's script makes of tasks.json in each task's folder: copies, and no documents."""
_SHOWN = 10
_REWRITE = "close it, and start the flow `docsrun-template` again to have the documents rewritten"
_WAYS = f"push a commit that takes those files out of it, or {_REWRITE}"


@dataclass(frozen=True, kw_only=True)
class _About:
    """Which run wrote the documents, and of which tasks."""

    run: str
    task: int
    """The number that stands for the documents of the backlog."""
    tag: str
    tasks: tuple[int, ...]


@dataclass(frozen=True)
class _Verdict:
    """What a head is worth. `outside`: files that are no documents (R6); `lacking`: tasks without all of theirs."""

    outside: tuple[str, ...] = ()
    lacking: tuple[int, ...] = ()
    odd: bool = False
    """Whether something is not as files are: too many to be told, or links."""

    @property
    def outcome(self) -> str:
        if self.outside or self.odd:
            return "refused"
        return "parked" if self.lacking else "done"

    def reason(self, where: str) -> str:
        """In a sentence of ours: files' names are other people's text (R7)."""
        if self.outside:
            return f"it changes {len(self.outside)} files outside of {where}, and documents are all that it may change"
        if self.odd:
            return f"it has links in {where}, or more files than GitHub tells"
        if self.lacking:
            return f"documents are missing, or empty, for tasks {', '.join(map(str, self.lacking))}"
        return ""


def judged(context: Context, _gh: Client, run: Run, entry: RunEntry) -> Result:
    """The result of a run that writes documents: its pull request, prepared for a person. Idempotent."""
    subject = run.subject
    gh = context.harness(subject.repo, **_WRITE)
    pull = _of_run(context, gh, subject, entry)
    if pull is None:
        return Result(outcome="failed", reason="the run succeeded but no pull request of it is open", again=True)
    pull = _tidied(gh, subject, pull, entry.head or "")
    base = subject.base(gh)
    if pull.base_ref != base:
        pull = pulls.retarget(gh, subject.repo, pull.number, base)
    about = _About(run=run.name, task=run.number, tag=subject.tag, tasks=entry.tasks or ())
    verdict = _conclude(context, gh, subject, pull, about)
    reason = verdict.reason(f"{task_documents.folder_of(subject)}/")
    return Result(outcome=verdict.outcome, reason=reason, pr=pull.number, new_head=pull.head_sha)


def check_again(context: Context, subject: Subject, pull: pulls.Pull, entries: Entries) -> None:
    """Judge the head of a documents pull request again, if it has changed since the last time."""
    judged = entries.get(Documents)
    if judged is None or judged.head == pull.head_sha:
        return
    about = _About(run=judged.run, task=judged.task, tag=judged.tag, tasks=judged.tasks)
    gh = context.harness(subject.repo, **_WRITE)
    verdict = _conclude(context, gh, replace(subject, tag=about.tag), pull, about)
    context.say(f"pull request {pull.number}: documents, a new head: {verdict.outcome}")


def _of_run(context: Context, gh: Client, subject: Subject, entry: RunEntry) -> pulls.Pull | None:
    """The open pull request of Morgan's App whose head contains the commit that the run started from."""
    own = (pull for pull in pulls.all_pulls(gh, subject.repo, state="open") if task_documents.is_morgans(context, pull))
    return next(
        (pull for pull in own if comparison.contains(gh, subject.repo, pull.head_sha, entry.context or "")), None
    )


def _tidied(gh: Client, subject: Subject, pull: pulls.Pull, base: str) -> pulls.Pull:
    """Restore the files that were only for the run, in the pull request's branch, to their state at `base`."""
    root = names.taskmaster_folder(subject.settings.docs_project_directory or "")
    before = trees.files(gh, subject.repo, base, root)
    after = trees.files(gh, subject.repo, pull.head_sha, root)
    changes = {
        path: before.get(path)
        for path in {*before, *after}
        if _is_for_the_run(path, root) and before.get(path) != after.get(path)
    }
    if not changes:
        return pull
    message = "Leave nothing but documents\n\nWhat Press Play had put here for the run that wrote them goes."
    sha = refs.commit_blobs(gh, subject.repo, pull.head_ref, pull.head_sha, changes, message)
    tidied = pulls.pull(gh, subject.repo, pull.number)
    if tidied.head_sha != sha:
        raise TryAgain(f"pull request {pull.number}: GitHub does not know its new head {sha} yet")
    return tidied


def _is_for_the_run(path: str, root: str) -> bool:
    made = path.startswith(f"{root}/docs/") and path.rpartition("/")[2] in _MADE
    return made or path == f"{root}/{TASKS_FILE}" or path.startswith(f"{root}/{names.REQUEST_FOLDER}/")


def _conclude(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, about: _About) -> _Verdict:
    """Judge a head, and say so: check, label, comment, ledger. The ledger comes last: all is done then, or repeated."""
    subject = replace(subject, task=None, pr=pull.number, play="", attempt_of_person=1)
    base = subject.base(gh)
    verdict = _verdict(gh, subject, pull.head_sha, base, about.tasks)
    where = f"{task_documents.folder_of(subject)}/"
    reason = verdict.reason(where)
    issues.add_labels(gh, subject.repo, pull.number, [LABEL])
    if verdict.outcome == "refused":
        shown = "".join(f"\n- {code(path)}" for path in verdict.outside[:_SHOWN])
        parking.park(context, subject, pull, reason, ways=_WAYS, details=f"{shown}\n" if shown else "")
    else:
        parking.clear(context, subject, pull.number)
        if verdict.lacking:
            issues.add_labels(gh, subject.repo, pull.number, [parking.PARKED_LABEL])
        _let_pass(gh, subject, pull)
        issues.comment(gh, subject.repo, pull.number, _text(context, subject, pull, about, verdict), marker="documents")
    entry = Documents(
        run=about.run,
        task=about.task,
        tag=about.tag,
        tasks=about.tasks,
        lacking=verdict.lacking,
        head=pull.head_sha,
        outcome=verdict.outcome,
        reason=reason,
        ended=int(context.clock.now()),
    )
    context.ledger(subject.repo).record("pr", pull.number, entry)
    return verdict


def _verdict(gh: Client, subject: Subject, head: str, base: str, tasks: Sequence[int]) -> _Verdict:
    """What a commit changes since it left the default branch: of that commit, whatever the pull request is by now."""
    where = task_documents.folder_of(subject)
    compared = comparison.compare(gh, subject.repo, base, head)
    changed = sorted({path for file in compared.files for path in (file.path, file.before)})
    outside = tuple(path for path in changed if not path.startswith(f"{where}/"))
    there = trees.files(gh, subject.repo, head, where)
    odd = not compared.whole or any(path in there and not there[path].regular for path in changed)
    lacking = tuple(number for number in tasks if not task_documents.complete(gh, subject, there, number))
    return _Verdict(outside, lacking, odd)


def _let_pass(gh: Client, subject: Subject, pull: pulls.Pull) -> None:
    approvals.set_check(
        gh,
        subject.repo,
        pull,
        conclusion="neutral",
        title="Documents only: nothing to accept",
        summary=f"Commit {pull.head_sha} changes documents of tasks and nothing else. A person approves and merges.",
    )


def _text(context: Context, subject: Subject, pull: pulls.Pull, about: _About, verdict: _Verdict) -> str:
    where = f"{task_documents.folder_of(subject)}/"
    written = [number for number in about.tasks if number not in verdict.lacking]
    lines = [
        f"Documents for tasks {_listed(written)}, written by {task_documents.AGENT} in the run `{about.run}`. "
        f"Commit `{pull.head_sha}` changes `{where}` and nothing else: that is all that Press Play has checked.",
        "Agents will do what stands here, so read it as you would read a colleague's specification: push corrections, "
        "approve, merge. No agent works on this pull request, and none answers comments on it. To have it "
        f"rewritten, close it and run `{task_documents.command(context, subject)}`.",
    ]
    if verdict.lacking:
        rest = "If it is merged as it is, the next run is asked for the rest."
        lines.insert(1, f"**Not all that was asked for is there**: {verdict.reason(where)}. {rest}")
    return "\n\n".join(lines)


def _listed(tasks: Collection[int]) -> str:
    return ", ".join(map(str, tasks)) or "none"
