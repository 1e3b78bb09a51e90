"""`pressplay agent`: one run of an agent by a coding agent's command line."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click


class _ByAlias(click.ParamType[tuple[str, str]]):
    """`MODEL`, or `ALIAS=MODEL`."""

    name = "[ALIAS=]MODEL"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        alias, equals, model = value.partition("=")
        if not (model if equals else alias):
            self.fail(f"expected MODEL or ALIAS=MODEL, got {value!r}", param, ctx)
        return (alias, model) if equals else ("", alias)


@click.command("agent")
@click.argument("name")
@click.option(
    "--model",
    "models",
    multiple=True,
    type=_ByAlias(),
    help="The model to use; with ALIAS=, in the place of that model of the values. May be repeated.",
)
@click.option(
    "--fallback",
    "fallbacks",
    multiple=True,
    type=_ByAlias(),
    help="The model to use where that one is overloaded, where the command line can change it.",
)
@click.option(
    "--turns", type=click.IntRange(min=0), default=0, show_default=True, help="The model's turns a call; 0: any number."
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=25.0,
    show_default=True,
    help="How long a call may take; all calls of a run together less than `limits.runMinutes`.",
)
@click.option(
    "--calls",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How often it is called in a run, in one session: again after its limit of turns or minutes.",
)
@click.option(
    "--stall",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="The minutes without output and without a changed file after which it is ended.",
)
@click.option("--try", "trial", is_flag=True, help="Make one call that asks for one word, and say whether it works.")
def command(
    name: str,
    models: tuple[tuple[str, str], ...],
    fallbacks: tuple[tuple[str, str], ...],
    turns: int,
    minutes: float,
    calls: int,
    stall: float,
    trial: bool,
) -> int:
    """Carry out one run by the command line NAME: claude, codex, opencode, gemini, or one that a package adds.

    The harness starts it in the work tree of each run (`pressplay play PROJECT --agent NAME`), and describes the run by
    variables. Exit status 0 when the run is handed over, 1 when it failed, 2 for wrong input; with --try 2 where the
    command line can't work as it is set up (no login, a wrong key, no such model), and 1 where it can't now.
    """
    from pressplay.agents import registry
    from pressplay.agents import run as runs
    from pressplay.domain.outcomes import PASSING
    from pressplay.errors import EXIT_FAILED, InputError

    adapter = registry.adapter(name)
    options = runs.Options(
        models=dict(models),
        fallbacks=dict(fallbacks),
        turns=turns,
        calls=calls,
        minutes=minutes,
        stall_minutes=stall,
    )
    if not trial:
        return runs.run(adapter, Path.cwd(), os.environ, options, click.echo)
    with tempfile.TemporaryDirectory(prefix="press-play-", dir=Path.cwd()) as folder:
        failure = runs.trial(adapter, Path(folder), os.environ, options, os.environ.get("PRESSPLAY_MODEL", ""))
    if failure is None:
        click.echo(f"{name}: answers")
        return 0
    if failure.kind in PASSING:
        click.echo(f"{name}: {failure.line}", err=True)
        return EXIT_FAILED
    raise InputError(f"{name}: {failure.line}")
