"""`pressplay play`: a project's backlog played in the sandbox, on this machine."""

from __future__ import annotations

import functools
import json
import os
import shlex
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pressplay import names
from pressplay.commands import _project
from pressplay.errors import EXIT_FAILED, EXIT_NEVER, InputError
from pressplay.sandbox.shutdown import Shutdown

if TYPE_CHECKING:
    from pressplay.sandbox.session import Ended
    from pressplay.settings import RepositoryDefaults

_OPTIONS_FILE = "play.json"
_CHOICES = ("repo", "branch", "backlog", "tag", "issues", "milestone", "issue")
"""Options that say what of a project is played, beside the commit."""


@click.command("play")
@click.argument("project", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--agent",
    metavar="NAME|COMMAND",
    help="Who works: claude, codex, opencode or gemini (`pressplay agent`), or a command line of your own.",
)
@click.option("--parallel", type=click.IntRange(1, 64), help="How many tasks at once (default 4).")
@click.option(
    "--merge", type=click.Choice(["auto", "never"]), help="Whether a stand-in maintainer merges what is ready."
)
@click.option(
    "--start",
    metavar="COMMAND",
    help="What starts the project where a commit's Procfile has no line `web:`; it listens on $PORT.",
)
@click.option(
    "--gates-online",
    is_flag=True,
    default=None,
    help="Let gates' commands use this machine's network, to fetch packages; a cluster has a package proxy.",
)
@_project.options
@click.option("--resume", is_flag=True, help="Go on with the play that was interrupted.")
@click.option("--fresh", is_flag=True, help="Throw an earlier sandbox of this project away first.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="The sandbox's folder (default .press-play/<project>).",
)
@click.option("--chart", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Your own rendered chart.")
@click.option("--serve", is_flag=True, help="Keep the sandbox running after the play, taking webhooks, until Ctrl-C.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where webhooks are taken (default: a free port)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the end as JSON on stdout.")
def command(
    project: Path | None,
    agent: str | None,
    parallel: int | None,
    merge: str | None,
    start: str | None,
    gates_online: bool | None,
    repo: str | None,
    branch: str | None,
    commit: str | None,
    backlog: str | None,
    tag: str | None,
    issues: Path | None,
    milestone: str | None,
    issue: str | None,
    resume: bool,
    fresh: bool,
    state: Path | None,
    chart: Path | None,
    serve: bool,
    port: int,
    as_json: bool,
) -> int:
    """Play PROJECT's backlog (its .taskmaster/tasks/tasks.json) in a sandbox: no cluster, no account, no key.

    Without PROJECT the demo is played by scripted agents. First it says what is played: the branch that is checked out
    and Taskmaster's current tag, unless options say otherwise. Pressing again takes in what is new in the project, and
    takes up what is left, as a new attempt. Exit status 0 when every task is merged (and the demo's acceptance tests
    pass) or none is left, 1 when not, 2 for wrong input.
    """
    say = functools.partial(click.echo, err=True)
    go_on = ["pressplay", "play", *([str(project)] if project else []), "--resume"]
    go_on += [*(["--state", str(state)] if state else []), *(["--serve"] if serve else [])]
    with Shutdown(say, shlex.join(go_on)) as shutdown:
        directory = state or Path(".press-play") / (project.resolve().name if project else "demo")
        if fresh and resume:
            raise InputError("--fresh and --resume exclude each other: throw the sandbox away, or go on with it")
        if fresh and directory.exists() and not (directory / _OPTIONS_FILE).exists():
            raise InputError(f"{directory}: not a sandbox of ours (no {_OPTIONS_FILE}); remove it yourself")
        saved = {} if fresh else _saved(directory)
        if resume and not saved:
            raise InputError(f"{directory}: nothing to resume; press play without --resume")
        given: dict[str, Any] = {
            "project": str(project.resolve()) if project else None,
            "agent": _agent(agent) if agent else None,
            "parallel": parallel,
            "merge": merge,
            "start": start,
            "gates_online": gates_online,
            "repo": repo,
            "branch": branch,
            "backlog": backlog,
            "tag": tag,
            "issues": str(issues.resolve()) if issues else None,
            "milestone": milestone,
            "issue": issue,
            "chart": str(chart.resolve()) if chart else None,
        }
        # What chose among issues before gives way to what chooses now.
        saved = saved if milestone is None and issue is None else {**saved, "milestone": None, "issue": None}
        wanted = {**saved, **{name: value for name, value in given.items() if value is not None}}
        if wanted.get("project") and not wanted.get("agent"):
            raise InputError(
                f"{wanted['project']}: the scripted agents only know the demo; give a coding agent: --agent claude, "
                "codex, opencode or gemini (docs/how-to/real-agent.md)"
            )
        if not wanted.get("project"):
            _expect_no_choice(wanted, commit or "")
        try:
            played = _what(wanted, commit or "", saved, say, resume=resume)
            summary = _play(directory, wanted, played, fresh, resume, serve, port, say, shutdown)
        except InputError as error:
            shutdown.now(click.style(str(error), fg="red"), error.exit_code, fault=True)
        except Exception:
            shutdown.now(traceback.format_exc(), EXIT_FAILED, fault=True)
    if as_json:
        json.dump(summary.as_json(), sys.stdout, indent=2)
        sys.stdout.write("\n")
    return 0 if summary.state == "merged" and not summary.broken else 1


def _expect_no_choice(wanted: Mapping[str, Any], commit: str) -> None:
    """InputError where it is said what to play of the demo."""
    given = [f"--{name}" for name in _CHOICES if wanted.get(name)]
    given += ["--commit"] if commit else []
    if given:
        raise InputError(f"{', '.join(given)}: expected a PROJECT that it is about, got none; the demo has no choice")


def _what(
    wanted: Mapping[str, Any], commit: str, saved: Mapping[str, Any], say: Callable[[str], None], *, resume: bool
) -> dict[str, str]:
    """Decide and say what is played; empty for the demo. A play that is resumed stays with what it began with."""
    before: dict[str, str] = saved.get("played") or {}
    if not wanted.get("project"):
        return {}
    project = Path(wanted["project"])
    choices = {name: wanted.get(name) or "" for name in _CHOICES}
    kept: dict[str, str] = {}
    if before:
        kept = {} if choices["repo"] else {"repo": before["repo"]}
        if resume:
            kept |= {"branch": before["branch"]}
        if resume and not choices["issues"]:
            kept |= {"backlog": before["path"], "tag": before["tag"]}
        choices |= kept
    values = _values_of(wanted["chart"], choices["repo"]) if wanted.get("chart") else None
    resolved, notes = _project.of_folder(
        project, _project.Choices(**choices, commit=commit, kept=frozenset(kept)), values, is_copied=True
    )
    _project.show(resolved, notes, say)
    names.checked(resolved.tag.value, "tag")
    return {
        "repo": resolved.repo.value,
        "branch": resolved.branch.value,
        "commit": resolved.commit.value,
        "docs": resolved.docs,
        "path": resolved.path.value,
        "tag": resolved.tag.value,
    }


def _values_of(chart: str, repo: str) -> RepositoryDefaults:
    """What the user's own chart says of a repository, or of all."""
    from pressplay.chart import rendered_chart
    from pressplay.sandbox.configuration import settings_of

    settings = settings_of(rendered_chart(Path(chart)))
    return settings.repository(repo) if repo in settings.repositories else settings.defaults


def _play(
    directory: Path,
    wanted: dict[str, Any],
    played: dict[str, str],
    fresh: bool,
    resume: bool,
    serve: bool,
    port: int,
    say: Callable[[str], None],
    shutdown: Shutdown,
) -> Ended:
    """Claim the folder, and play in it."""
    from pressplay.sandbox import detached, session, state_folder

    # Nobody else reads what is written here; what agents write for themselves is as they are used to.
    detached.begin(os.umask(0o077))
    with state_folder.claimed(directory):
        if fresh:
            state_folder.clear(directory)
        options = {**session.DEFAULTS, **wanted, "played": played}
        try:
            part = directory / f"{_OPTIONS_FILE}.part"
            part.write_text(json.dumps(options))
            part.replace(directory / _OPTIONS_FILE)
        except OSError as error:
            raise InputError(state_folder.unwritable(directory, error)) from error
        if wanted.get("agent"):
            _try(wanted["agent"], directory)
        advise: Callable[[], None] | None = None
        if wanted.get("project") and not resume:
            advise = functools.partial(_say_what_it_lacks, Path(wanted["project"]), options, played["commit"])
        options["port"] = port
        return session.play(
            directory, options, resume=resume, serve=serve, say=say, shutdown=shutdown, before_press=advise
        )


def _say_what_it_lacks(project: Path, options: Mapping[str, Any], commit: str) -> None:
    """Before anything costs: what the project lacks to be provable here. It informs, and stops nothing.

    Raises Invalid if its environment contract is wrong.
    """
    from pressplay.commands import _lacks
    from pressplay.commands._files import files_of
    from pressplay.gates.proving import detection, environment, lacks
    from pressplay.sandbox import container
    from pressplay.validation.report import Invalid

    online = options["gates_online"]
    means = _lacks.sandbox_means(options["start"], online, container.tells_processes_apart(online))
    try:
        with files_of(project, commit or "HEAD") as files:
            contract = environment.contract(files, where=str(project / detection.FILE))
            advice = lacks.lacks(contract, files, means)
    except Invalid:
        raise
    except InputError:
        # The forge says what is wrong with the folder.
        return
    _lacks.show(advice, err=True)


_OURS = [sys.executable, "-m", "pressplay", "agent"]


def _try(agent: list[str], folder: Path) -> None:
    """Make one call of a known agent's command line before anything begins; InputError if no run could work."""
    if agent[: len(_OURS)] != _OURS:
        return
    done = subprocess.run(
        [*agent, "--try"], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    words = (done.stderr or done.stdout).strip()
    if done.returncode == EXIT_NEVER:
        raise InputError(f"{words}\nNothing was started. Put that right, and press play again.")
    click.echo(words, err=True)


def _agent(command: str) -> list[str]:
    """The agent's words, its program by an absolute path: it is started in another folder than this one.

    The name of an adapter stands for `pressplay agent NAME`, which options may follow.
    """
    from pressplay.agents import registry

    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"--agent {command!r}: expected a command line as for a shell: {error}") from error
    if words[:2] == ["pressplay", "agent"] or (len(words) == 1 and words[0] in registry.names()):
        return [*_OURS, *(words[2:] if len(words) > 1 else words)]
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise InputError(f"--agent {command!r}: expected a program that can be started, got no program of that name")
    return [str(Path(program).absolute()), *words[1:]]


def _saved(directory: Path) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = json.loads((directory / _OPTIONS_FILE).read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{directory / _OPTIONS_FILE}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{directory / _OPTIONS_FILE}: not JSON: {error}; start again with --fresh") from error
    return saved
