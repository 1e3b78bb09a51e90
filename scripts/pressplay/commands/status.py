"""`pressplay status`: where a backlog that was played in the sandbox stands, and its statuses in tasks.json."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pressplay.backlog import github_issues, statuses
from pressplay.commands import _sandbox
from pressplay.commands._installation import DEFAULT_NAMESPACE
from pressplay.errors import InputError
from pressplay.plaintext import plain


@click.command("status")
@click.argument("project", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--tag", help="The tag of the backlog that was played (default: that of the values, master).")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="The sandbox's folder (default .press-play/<project>).",
)
@click.option("--write", is_flag=True, help="Write the statuses into the project's tasks.json.")
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON on stdout.")
def command(project: Path, tag: str | None, state: Path | None, write: bool, as_json: bool) -> None:
    """Show which statuses of PROJECT's tasks.json a play in the sandbox made out of date, and with --write set them.

    What is merged is done; what waits for a person, to be merged or because it was parked, is in review; what is worked
    on is in progress. Nothing else of the file changes. A file that no longer holds the tasks that were played is
    refused. A play may be under way. Of a backlog of issues it shows where the tasks stand: GitHub keeps their states.
    """
    folder = project.resolve()
    file, standings, tag = _played(state or Path(".press-play") / folder.name, folder, tag)
    if file is None:
        _show_issues(tag, standings, write=write, as_json=as_json)
        return
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: expected the backlog that was played: {error.strerror}") from error
    edit = statuses.edit(content, str(file), tag, standings)
    if write and edit.changes:
        _write(file, content, edit.content)
    if as_json:
        changes = [{"id": change.id, "before": change.before, "after": change.after} for change in edit.changes]
        click.echo(json.dumps({"file": str(file), "tag": tag, "written": write, "changes": changes}, indent=2))
    else:
        for change in edit.changes:
            click.echo(plain(f"task {change.id}: {change.before} → {change.after}"))
    if not edit.changes:
        click.echo(f"{file}: every status is as the play has it", err=True)
    elif write:
        click.echo(f"{file}: {len(edit.changes)} statuses written; nothing else changed", err=True)
    else:
        click.echo(f"{file}: {len(edit.changes)} statuses would change; --write sets them", err=True)


def _show_issues(tag: str, standings: list[statuses.Standing], *, write: bool, as_json: bool) -> None:
    """Where the tasks of a backlog of issues stand; InputError where they are to be written."""
    if write:
        raise InputError(f"--write: {tag} has no tasks.json; the merge of its pull request closes an issue")
    if as_json:
        states = [{"id": standing.id, "status": standing.status} for standing in standings]
        click.echo(json.dumps({"tag": tag, "tasks": states}, indent=2))
        return
    for standing in standings:
        click.echo(plain(f"issue {standing.id}: {standing.status}"))


def _played(directory: Path, project: Path, tag: str | None) -> tuple[Path | None, list[statuses.Standing], str]:
    """The project's tasks.json, where its tasks stand, and the tag; InputError where it was not played there.

    None of a file where issues are played.
    """
    from pressplay.steps.core import backlog_file, landing
    from pressplay.steps.core.context import Subject
    from pressplay.steps.play import bookkeeping

    if _sandbox.project_of(directory) != project:
        raise InputError(
            f"{directory}: expected the sandbox in which {project} was played, got that of another project; press "
            "play first, or give --state the folder that `pressplay play` named"
        )
    with _sandbox.reading(directory, DEFAULT_NAMESPACE) as context:
        subject = Subject.of({"repo": next(iter(context.settings.repositories)), "tag": tag or ""}, context)
        gh = context.harness(subject.repo, **landing.NEEDS)
        base = subject.base(gh)
        path, _content = backlog_file.locate(context, gh, subject, base)
        backlog = backlog_file.read(context, gh, subject, base)
        standings = list(bookkeeping.standings(context, gh, subject, backlog, base))
    return None if github_issues.of_tag(subject.tag) else project / path, standings, subject.tag


def _write(file: Path, before: bytes, content: bytes) -> None:
    """Replace the file at once, or not at all; its mode stays, and a link stays a link.

    InputError where it no longer holds `before`: Taskmaster may write it at any moment.
    """
    target = file.resolve()
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(content)
        part.chmod(target.stat().st_mode & 0o777)
        if target.read_bytes() != before:
            raise InputError(f"{target}: it was changed by somebody else meanwhile; nothing was written, try again")
        part.replace(target)
    except OSError as error:
        raise InputError(f"{target}: expected a file that can be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
