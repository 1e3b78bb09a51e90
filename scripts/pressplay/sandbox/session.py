"""One call of `pressplay play`: set up, press, run, report."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygit2

from pressplay.backlog import issues_file
from pressplay.chart import RENDERED, rendered_chart
from pressplay.clock import SystemClock
from pressplay.cluster import waits
from pressplay.cluster.sqlite import SqliteCluster, what_to_do
from pressplay.errors import InputError, TryAgain
from pressplay.plaintext import plain
from pressplay.sandbox import demo as the_demo
from pressplay.sandbox import garbage, keeper, state_folder, stops
from pressplay.sandbox.engine import set_node
from pressplay.sandbox.launcher import ProcessLauncher
from pressplay.sandbox.progress import Progress
from pressplay.sandbox.project import Source, look_again
from pressplay.sandbox.setup import MAINTAINER
from pressplay.sandbox.shutdown import Shutdown
from pressplay.sandbox.summary import Summary, summarize
from pressplay.sandbox.world import Options, Sandbox

DEFAULTS: dict[str, Any] = {
    "project": None,
    "agent": None,
    "parallel": 4,
    "merge": "auto",
    "start": None,
    "gates_online": False,
    "chart": None,
    "issues": None,
    "played": {},
}
"""`played`: the repository, branch, commit, folder of the backlog and tag that were decided, of a user's project."""
_DEMO_REPO = "acme/shop"
_DEMO_ROOM = 2**29
"""Bytes that the demo's volumes have room for; they take a tenth of it."""
WEBHOOK_SECRET = "webhook-secret"  # noqa: S105 - a file's name, not a password
LOG_WIDTH = 120
"""Columns of the summary where the output is no terminal."""


@dataclass(frozen=True)
class Ended(Summary):
    """A summary, and the failures of the demo's acceptance tests."""

    broken: str = ""
    was_empty: bool = False
    """Whether nothing was left to play."""


def play(
    directory: Path,
    options: Mapping[str, Any],
    *,
    resume: bool,
    serve: bool,
    say: Callable[[str], None],
    shutdown: Shutdown,
    before_press: Callable[[], None] | None = None,
) -> Ended:
    """Play in `directory`, which is claimed; returns how it ended.

    `serve`: go on taking webhooks until a signal to stop. `before_press` is called once all is set up, before anything
    is started. InputError where the play can't go on; what
    was under way then still is: `shutdown.now` ends it.
    """
    try:
        state_folder.check(directory)
        if not resume:
            _refuse_unfinished(directory)
        shutdown.covers(directory)
        return _play(
            directory, options, resume=resume, serve=serve, say=say, shutdown=shutdown, before_press=before_press
        )
    except sqlite3.Error as error:
        raise InputError(f"{directory / state_folder.DATABASE}: {what_to_do(error)}") from error
    except pygit2.GitError as error:
        raise InputError(
            f"{directory / state_folder.REPOSITORIES}: a repository there can't be read ({error}): "
            "put a copy back, or start again with --fresh"
        ) from error
    except OSError as error:
        raise InputError(state_folder.unwritable(directory, error)) from error
    except TryAgain as error:
        raise InputError(f"{error} Fix that, and go on with --resume") from error


def _play(
    directory: Path,
    options: Mapping[str, Any],
    *,
    resume: bool,
    serve: bool,
    say: Callable[[str], None],
    shutdown: Shutdown,
    before_press: Callable[[], None] | None = None,
) -> Ended:
    keeper.hide()
    project = Path(options["project"]) if options["project"] else None
    demo = project is None
    if demo:
        # What other projects build may be larger than memory.
        state_folder.keep_volumes_in_memory(directory, _DEMO_ROOM)
    played: Mapping[str, str] = options["played"]
    repo = _DEMO_REPO if project is None else played["repo"]
    command = options["agent"] or [sys.executable, "-m", "pressplay.sandbox.agents"]
    log, writing = keeper.Log(str(directory / "sandbox.log")), threading.Lock()

    def note(line: str) -> None:
        with writing:
            log.write(f"{line}\n".encode())

    sandbox = Sandbox(
        Options(
            directory=directory,
            repo=repo,
            parallelism=options["parallel"],
            merge=options["merge"] == "auto",
            say=note,
            agent_environment=_environment(),
            start_command=options["start"],
            gates_online=options["gates_online"],
            webhook_port=options.get("port", 0),
            settings=the_demo.SETTINGS if demo else _settings(played),
        ),
        rendered_chart(Path(options["chart"]) if options["chart"] else RENDERED),
        SystemClock(),
        ProcessLauncher(command),
    )
    shutdown.plays(sandbox)
    if project is None:
        sandbox.set_up_project(the_demo.PROJECT)
        say("The demo: scripted agents build a small real project. No model is called.")
    else:
        sandbox.set_up_project(project, branch=played["branch"], commit=played["commit"])
        source = Source(project, played["branch"], played["commit"])
        look_again(sandbox.forge, repo, source, say, take=not resume)
        if options["issues"] and not resume:
            new, changed = sandbox.forge.put_issues(repo, MAINTAINER, issues_file.read(Path(options["issues"])))
            say(f"issues taken in: {new} new, {changed} changed")
    if before_press is not None:
        before_press()
    garbage.collect_less()
    before = [play["metadata"]["name"] for play in sandbox.plays()]
    _press(sandbox, resume)
    sandbox.merge_what_is_ready()
    progress = Progress(sandbox, say)
    if serve:
        _serve(sandbox, directory / WEBHOOK_SECRET, progress, say, shutdown)
    else:
        sandbox.run(sandbox.only_people_are_waited_for, progress.watch)
    progress.watch()
    _refused(sandbox)
    summary = summarize(sandbox)
    broken = _acceptance(sandbox, summary) if demo else ""
    was_empty = not resume and [play["metadata"]["name"] for play in sandbox.plays()] == before
    fields = {field.name: getattr(summary, field.name) for field in dataclasses.fields(summary)}
    ended = Ended(**fields, broken=broken, was_empty=was_empty and summary.state == "merged")
    _report(sandbox, ended)
    if any(waits.phase(play) not in waits.FINISHED for play in sandbox.plays()):
        # Until it goes on, nobody works, and no limit of what waits comes nearer.
        stops.begin(directory)
    # Not after a fault: something may be under way, and closing would wait for it.
    sandbox.close()
    state_folder.free_memory(directory)
    return ended


def _settings(played: Mapping[str, str]) -> dict[str, Any]:
    """What was decided, as values of the repository have it: every flow then reads the same."""
    own = {"defaultBranch": played["branch"], "docsProjectDirectory": played["docs"], "tag": played["tag"]}
    return {"repositories": {played["repo"]: own}}


def _serve(sandbox: Sandbox, secret: Path, progress: Progress, say: Callable[[str], None], shutdown: Shutdown) -> None:
    """Work until SIGINT or SIGTERM; the webhook's secret lies in a file that only its owner may read."""
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(sandbox.source.secret())
    say(f"webhooks: {sandbox.webhook_url}, signed with the secret in {secret}")
    say(f"try: pressplay event send PAYLOAD --event NAME --url {sandbox.webhook_url} --secret-file {secret}")
    shutdown.serves()
    # Where something is under way then, `shutdown` waits no longer than a second for it.
    sandbox.run(lambda: shutdown.requested.is_set() and sandbox.only_people_are_waited_for(), progress.watch)
    shutdown.idle()


def _environment() -> dict[str, str]:
    """What a user's agent may need of this process' environment: everything, since it is the user's own machine."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PRESSPLAY_")} | {
        name: os.environ[name] for name in ("PRESSPLAY_SABOTAGE",) if name in os.environ
    }


def _refuse_unfinished(directory: Path) -> None:
    """InputError where a play is unfinished; before anything of it is taken up, agents for example."""
    if not (directory / state_folder.DATABASE).exists():
        return
    cluster = SqliteCluster(directory / state_folder.DATABASE, SystemClock(), set_node)
    plays = cluster.list("Workflow", "", {"press-play/flow": "play"})
    cluster.close()
    unfinished = [play for play in plays if waits.phase(play) not in waits.FINISHED]
    if unfinished:
        raise InputError(
            f"{unfinished[-1]['metadata']['name']} is unfinished: go on with --resume, or throw it away with --fresh"
        )


def _press(sandbox: Sandbox, resume: bool) -> None:
    plays = sandbox.plays()
    unfinished = [play for play in plays if waits.phase(play) not in waits.FINISHED]
    pressed = sandbox.cluster.list("Workflow", sandbox.settings.namespace, {"press-play/flow": "press-play"})
    if resume and (unfinished or any(waits.phase(workflow) not in waits.FINISHED for workflow in pressed)):
        return
    if resume and plays:
        return
    sandbox.press()


def _refused(sandbox: Sandbox) -> None:
    """InputError, in the step's own words, where pressing play was refused."""
    pressed = sandbox.cluster.list("Workflow", sandbox.settings.namespace, {"press-play/flow": "press-play"})
    failed = [workflow for workflow in pressed if waits.phase(workflow) in ("Failed", "Error")]
    for workflow in failed:
        name = workflow["metadata"]["name"]
        if name in sandbox.kubelet.last_words:
            raise InputError(sandbox.kubelet.last_words[name])
    for play in sandbox.plays():
        message = (play.get("status") or {}).get("message") or ""
        if message.startswith("invalid spec"):
            raise InputError(f"{play['metadata']['name']}: {message}")


def _acceptance(sandbox: Sandbox, summary: Summary) -> str:
    """Run the demo's hidden acceptance tests on the default branch; the failures, empty if there are none."""
    if summary.state != "merged":
        return "not run: not every task is merged"
    import tempfile

    from pressplay.sandbox.demo.acceptance import acceptance

    with tempfile.TemporaryDirectory() as folder:
        pygit2.clone_repository(str(sandbox.forge.git_path(sandbox.options.repo)), f"{folder}/shop")
        result = acceptance(Path(folder) / "shop")
    return "\n".join(result.failures())


def _report(sandbox: Sandbox, ended: Ended) -> None:
    """The end, for people, on stderr."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal:
        # A log or a pipe has no width; rich would take 80 columns for granted.
        console = Console(stderr=True, width=max(LOG_WIDTH, console.width))
    table = Table(title=f"{ended.play}: {ended.state} in {ended.seconds} s", title_justify="left")
    # Scripted agents call no model.
    shows_usage = bool(ended.usage.tokens)
    used = ("tokens", "cost") if shows_usage else ()
    for column in ("task", "title", "state", "PR", "rounds", "runs", "seconds", *used, "waited for"):
        table.add_column(column, justify="left" if column in ("task", "title", "state", "waited for") else "right")
    for task in ended.tasks:
        cells = (task.id, task.title, task.state, f"#{task.pr}" if task.pr else "–", str(task.rounds), str(task.runs))
        used = (f"{task.usage.tokens:,}", task.usage.money or "–") if shows_usage else ()
        # Text, not markup: a title may hold anything.
        table.add_row(*(Text(cell) for cell in (*cells, str(task.seconds), *used, task.waited_for)))
    if ended.was_empty:
        console.print(Text(f"Nothing left to play in the tag {plain(ended.tag)}."))
    else:
        console.print(table)
    if ended.others and ended.state == "merged":
        tags = ", ".join(f"{plain(tag)} ({count})" for tag, count in ended.others.items())
        console.print(Text(f"other tags with tasks to do: {tags}; play one with --tag"), soft_wrap=True)
    if shows_usage:
        money = f", {ended.usage.money}" if ended.usage.money else ", of no known price (prices, in the values)"
        console.print(Text(f"models used: {ended.usage.tokens:,} tokens{money}, as the agents' command lines say"))
    for task in ended.tasks:
        if task.why:
            console.print(Text(f"task {task.id}, {task.state}: {task.why.line()}"), soft_wrap=True)
    if ended.final:
        console.print(Text(ended.final.line()), soft_wrap=True)
    if ended.state == "waiting" and not sandbox.options.merge:
        console.print(Text("to merge what is ready, and go on: the same command with --resume --merge auto"))
    where = sandbox.options.directory
    # No line breaks of ours: these are to be copied.
    console.print(Text(f"repository: git clone {sandbox.forge.git_path(sandbox.options.repo)}"), soft_wrap=True)
    console.print(Text(f"logs:       {where / 'sandbox.log'}, {where / 'runs'}/<run>/log"), soft_wrap=True)
    if ended.broken:
        console.print(Text(f"acceptance tests of the built project: {ended.broken}", style="red"), soft_wrap=True)
    elif sandbox.options.repo == _DEMO_REPO:
        console.print(Text("acceptance tests of the built project: passed", style="green"))
