"""The command line. Each command is a module of `pressplay.commands`, imported only when it is asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from pressplay import __version__
from pressplay.errors import EXIT_NEVER, PressPlayError

COMMANDS = {
    "validate": "Check values files, tasks.json and what else people write; all errors at once.",
    "persona": "Print a persona's system prompt as the agent will see it.",
    "prompts": "Write the task folders (prompt, task, acceptance criteria) of a backlog.",
    "plan": "Show what a backlog's play would do: order, critical path, what starts first.",
    "play": "Play a project in the sandbox, on this machine.",
    "status": "Show, or write, what a play made of the statuses in tasks.json.",
    "agent": "Carry out one run by a coding agent's command line (called by the harness).",
    "gates": "Show how the gates build and test a repository, or propose it.",
    "check": "Judge an agent's commits as the gates will, before it hands them over.",
    "acceptance": "Try an acceptance plan against a deployment, as the gate will.",
    "proof": "Fetch, read and verify the signed proof of an approved commit.",
    "criteria": "Read, or drop, the sealed probes of a task.",
    "pause": "Stop new runs from starting.",
    "continue": "Let runs start again.",
    "event": "Show what GitHub's webhooks start, and send recorded ones.",
    "doctor": "Look at values, cluster and GitHub, and say what to do about what is wrong.",
    "apps": "Write the manifests of the GitHub Apps, and fetch their keys.",
    "package": "Validate, generate, lint and package the chart.",
    "eval": "Measure the gates: false approvals and false refusals over a corpus.",
    "generate": "Write, or verify, the files that are generated and committed.",
    "serve": "Serve comments of pull requests over MCP and HTTP.",
    "sandbox": "Run one part of the sandbox by itself: the forge, the runner.",
    "step": "Run one step of a workflow (called by the WorkflowTemplates).",
    "reconcile": "Run the step reconcile again and again (called by its Deployment).",
}
"""Name → one line of help. The module is the name; a keyword of Python takes a trailing underscore."""
_OF_SANDBOX = ("eval", "play", "sandbox", "status")
"""The commands that do nothing without the sandbox, which is an extra."""


class _LazyGroup(click.Group):
    """Lists commands without importing them: `--help` stays under 0.3 s."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in _OF_SANDBOX:
            from pressplay.commands import _sandbox

            _sandbox.require()
        suffix = "_" if cmd_name == "continue" else ""
        command: click.Command = importlib.import_module(f"pressplay.commands.{cmd_name}{suffix}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pressplay")
def cli() -> None:
    """Drive a project's backlog to merged pull requests with a team of coding agents."""


def main(args: Sequence[str] | None = None, obj: Any = None) -> int:
    """Run a command line and return its exit status; `obj` is handed to the command (tests and the sandbox use it).

    0 done; 1 failed; 2 wrong input; 75 a passing fault. Errors meant for people go to stderr without a traceback.
    """
    try:
        result = cli.main(
            args=None if args is None else list(args), prog_name="pressplay", standalone_mode=False, obj=obj
        )
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return EXIT_NEVER
    except PressPlayError as error:
        click.secho(str(error), fg="red", err=True)
        return error.exit_code
    return result if isinstance(result, int) else 0


def run() -> None:
    """The console script's entry point."""
    sys.exit(main())
