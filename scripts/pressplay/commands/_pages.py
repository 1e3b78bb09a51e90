"""The pages of docs/reference that are made from the code: command line, steps, WorkflowTemplates, roles."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from pressplay import commands
from pressplay.domain import flows, roles
from pressplay.errors import InputError
from pressplay.github import permissions
from pressplay.settings import Settings
from pressplay.steps import registry
from pressplay.validation import values

RENDER = Path("scripts/pressplay/chart.yaml")
_TEMPLATES = Path("chart/templates/workflows")
_HELP_WIDTH = 78
"""What click takes where the terminal has 80 columns."""
_HEAD_COMMENT = re.compile(r"\{\{-?\s*/\*(.*?)\*/\s*-?\}\}", re.DOTALL)
_SOURCE = re.compile(r"^# Source: [^/]+/templates/workflows/(\S+)$", re.MULTILINE)


def command_line() -> str:
    """docs/reference/command-line.md: what each command says of itself."""
    parts = [
        "# Command line\n\n<!-- Made by `make generate` from the commands. Change their help there. -->\n\n"
        "Every command says the same with `--help`. Exit status: 0 done, 1 failed, 2 wrong input (the message says\n"
        "what was expected and what to do), 75 a passing fault. What a program would read goes to stdout, the rest to\n"
        "stderr.\n"
    ]
    root = click.Context(
        click.Group("pressplay"),
        info_name="pressplay",
        help_option_names=["-h", "--help"],
        terminal_width=_HELP_WIDTH,
    )
    modules = (module.name for module in pkgutil.iter_modules(commands.__path__) if not module.name.startswith("_"))
    for module in sorted(modules):
        command: click.Command = importlib.import_module(f"{commands.__name__}.{module}").command
        parts += _help(command, module.rstrip("_"), root)
    return "\n".join(parts)


def _help(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, **command.context_settings)
    context.terminal_width = _HELP_WIDTH
    path = context.command_path
    yield f"## {path}\n\n```console\n$ {path} --help\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            subcommand = command.get_command(context, inner)
            if subcommand is not None:
                yield from _help(subcommand, inner, context)


def steps(root: Path) -> str:
    """docs/reference/steps.md: each step of the workflows, with what goes in and what comes out."""
    parts = [
        "# Steps\n\n<!-- Made by `make generate` from the steps and the chart. Change them there. -->\n\n"
        "What the WorkflowTemplates run as `pressplay step NAME --in JSON --out DIR`: `JSON` is an object of strings,\n"
        "each output a file in `DIR`. A step may be killed anywhere and run again. Exit status: 0 done, 75 try again\n"
        "(Argo's retry strategy does, up to `workflows.retries.limit` times), 2 never, 1 what nobody foresaw (and\n"
        "from `run-agent`: one more attempt). Outputs hold only letters, digits and `. _ / : + = -`: text that\n"
        "people wrote does not leave a step. In brackets: what an output is where the step wrote none.\n"
    ]
    templates = {template["name"]: template for template in _step_templates(root)}
    by_module: dict[str, list[str]] = {}
    functions = {name: registry.function_of(name) for name in registry.all_steps()}
    for name, function in functions.items():
        by_module.setdefault(function.__module__, []).append(name)
    for module_name, names in by_module.items():
        module = importlib.import_module(module_name)
        parts.append(f"## {', '.join(f'`{name}`' for name in names)}\n\n{inspect.getdoc(module)}\n")
        for name in names:
            parts.append(f"### {name}\n\n{inspect.getdoc(functions[name])}\n\n{_in_and_out(templates.get(name))}")
    return "\n".join(parts)


def _in_and_out(template: dict[str, Any] | None) -> str:
    if template is None:
        return "Run by hooks of the chart, in mode `merge` only.\n"
    given = [f"`{parameter['name']}`" for parameter in (template.get("inputs") or {}).get("parameters") or []]
    made = [
        f"`{parameter['name']}` (`{parameter['valueFrom']['default']}`)"
        for parameter in (template.get("outputs") or {}).get("parameters") or []
    ]
    return f"In: {', '.join(given) or 'nothing'}. Out: {', '.join(made) or 'nothing'}.\n"


def _step_templates(root: Path) -> Iterator[dict[str, Any]]:
    for _, manifest in _rendered(root):
        for template in manifest["spec"].get("templates") or []:
            if (template.get("container") or {}).get("command", [])[:2] == ["pressplay", "step"]:
                yield template


def workflows(root: Path) -> str:
    """docs/reference/workflows.md: each WorkflowTemplate of the chart with its parameters and templates.

    Raises InputError naming a template file that does not begin with a comment.
    """
    parts = [
        "# Workflows\n\n<!-- Made by `make generate` from chart/templates/workflows. Change them there. -->\n\n"
        "Submit one with `argo submit --from workflowtemplate/NAME -p PARAMETER=VALUE`. A default stands in\n"
        "brackets; a parameter without one is required. [Steps](steps.md) describes the templates that are a step.\n"
    ]
    current = ""
    for file, manifest in _rendered(root):
        if file != current:
            current = file
            parts.append(f"## {file.removesuffix('.yaml')}\n\n{_comment(root, file)}\n")
        name, spec = manifest["metadata"]["name"], manifest["spec"]
        if manifest["kind"] != "WorkflowTemplate":
            schedules = ", ".join(f"`{schedule}`" for schedule in spec["schedules"])
            when = f"Runs {schedules} (`reconcile.schedule`), where `reconcile.mode` is `cron`."
            parts.append(f"### {manifest['kind']} `{name}`\n\n{when}\n")
            continue
        parts.append(f"### {manifest['kind']} `{name}`\n")
        if "entrypoint" in spec:
            parts.append(f"Entry point: `{spec['entrypoint']}`. Parameters: {_parameters(spec.get('arguments'))}.\n")
        parts.append("| template | is | inputs | outputs |\n|---|---|---|---|")
        for template in spec["templates"]:
            kind = next(key for key in ("steps", "dag", "suspend", "resource", "container") if key in template)
            outputs = [f"`{output['name']}`" for output in (template.get("outputs") or {}).get("parameters") or []]
            shown = f"step `{template['container']['command'][2]}`" if kind == "container" else kind
            inputs = _parameters(template.get("inputs"))
            parts.append(f"| `{template['name']}` | {shown} | {inputs} | {', '.join(outputs) or 'none'} |")
        parts.append("")
    return "\n".join(parts)


_APPS = {"harness": "the harness", "serve": "`pressplay serve`, where `serve.auth.callers` lists somebody"}


def github_apps() -> str:
    """docs/reference/github-apps.md: what each App may, with the chart's own values, and why."""
    settings = Settings.model_validate(values.config(values.load([]), "press-play"))
    needs = permissions.needed(settings, serve_app=values.load([])["serve"]["githubApp"])
    parts = [
        "# GitHub Apps\n\n<!-- Made by `make generate` from scripts/pressplay/github/permissions.py, domain/roles.py\n"
        "and the chart. Change them there. -->\n\n"
        "What each App is granted on the repositories in which it is installed, by the names of GitHub's API, and no\n"
        "more. `pressplay apps` writes the same for your values ([how](../how-to/github-apps.md)). No App is granted\n"
        "`administration`, so none can change a ruleset, nor `workflows`: what an agent pushes may not add or change\n"
        "a file in `.github/workflows`, which GitHub refuses; a person does that. `contents: write` alone would let\n"
        "an App merge, and tell other agents what to do: the [rulesets](../how-to/install.md#4-the-rulesets) on the\n"
        "default branch and on `press-play/**/*` keep them from it.\n"
    ]
    for app, need in needs.items():
        who = f"`agents.{need.agent}`, role `{settings.agents[need.agent].role}`" if need.agent else _APPS[need.user]
        parts.append(f"## `{app}`\n\n{who[0].upper()}{who[1:]}.\n\n| permission | level | why |\n|---|---|---|")
        parts += [f"| `{name}` | {level} | {need.why[name]} |" for name, level in sorted(need.permissions.items())]
        parts.append("")
    conditional = ", ".join(f"`{permission.name}`" for permission in permissions.ALERTS)
    hooks = permissions.WEBHOOKS
    parts.append(
        f"The harness's {conditional} are wanted where\n`flows.security.enabled` is true; "
        f"`{hooks.name}: {hooks.level}` only where the EventSource makes the webhooks itself\n"
        "(`events.webhook.url`). The agent of "
        "`flows.comments.agent` needs what the role `comments` does besides.\n"
    )
    parts.append(
        "## Events\n\nWhat the webhook of the harness's App sends, while its flow is enabled. No other App has one.\n\n"
        "| event | for | to subscribe it needs to read |\n|---|---|---|"
    )
    for event, permission in flows.event_permissions().items():
        starts = sorted(flow.name for flow in flows.flows() if any(event in row.events for row in flow.rows))
        parts.append(f"| `{event}` | {', '.join(f'`{flow}`' for flow in starts)} | `{permission}` |")
    parts.append("")
    for flow in flows.flows():
        parts += [
            f"For `{flow.name}`, {', '.join(f'`{event}`' for event in row.events)} counts only where "
            f"`flows.{flow.values}.{row.requires}` names workflows.\n"
            for row in flow.rows
            if row.requires
        ]
    return "\n".join(parts)


def flows_page() -> str:
    """docs/reference/flows.md: each flow with its switch, its Workflow, and what starts it."""
    parts = [
        "# Flows\n\n<!-- Made by `make generate` from scripts/pressplay/domain/flows.yaml. Change them there. -->\n\n"
        "What the harness does on its own. GitHub's events start a flow as the tables say, for listed repositories\n"
        "alone; `reconcile` starts it for what an event should have started. Workflows and their parameters are in\n"
        "[Workflows](workflows.md). [How to set events up](../how-to/events.md).\n"
    ]
    for flow in (flow for flow in flows.flows() if flow.rows):
        switch = f"`flows.{flow.values}`" if flow.values else f"none; its events are gathered for {flow.window} seconds"
        name = "-".join([flow.name, "HASH", *(part.upper() for part in flow.name_parts)])
        parts.append(
            f"## `{flow.name}`\n\n{flow.about}\n\n"
            f"- WorkflowTemplate: {', '.join(f'`{template}`' for template in flow.templates)}\n"
            f"- Workflow: `{name}`, where `HASH` is the repository's\n"
            f"- Parameters: {', '.join(f'`{parameter}`' for parameter in flow.parameters)}\n"
            f"- Switch and window: {switch}\n"
            f"- `reconcile` looks for: {flow.reconcile}\n\n"
            "| row | when | events | counts for |\n|---|---|---|---|"
        )
        parts += [f"| `{row.name}` | {row.about} | {_events(row)} | {_counts_for(flow, row)} |" for row in flow.rows]
        parts.append("")
    parts.append("## Without events\n\n| flow | | WorkflowTemplates |\n|---|---|---|")
    for flow in (flow for flow in flows.flows() if not flow.rows):
        parts.append(f"| `{flow.name}` | {flow.about} | {', '.join(f'`{name}`' for name in flow.templates)} |")
    return "\n".join([*parts, ""])


def _events(row: flows.Row) -> str:
    actions = f" ({', '.join(f'`{action}`' for action in row.actions)})" if row.actions else ""
    return ", ".join(f"`{event}`" for event in row.events) + actions


def _counts_for(flow: flows.Flow, row: flows.Row) -> str:
    """Whose events count."""
    limits = []
    if row.start:
        limits.append(f"all, with `events.start: {row.start}`")
    if row.scope:
        limits.append("all; with `events.start: label` those with the label or by our Apps")
    limits += [
        f"with `events.start: {condition.start}` only if `{condition.path}` matches `{condition.matches}`"
        for condition in row.conditions
        if condition.start
    ]
    if row.requires:
        limits.append(f"those that `flows.{flow.values}.{row.requires}` names")
    return "; ".join(limits) or "all"


def roles_page() -> str:
    """docs/reference/roles.md: each role with what it works on, may change, counts against and is judged by."""
    parts = [
        "# Roles\n\n<!-- Made by `make generate` from scripts/pressplay/domain/roles.py. Change them there. -->\n\n"
        "A role is what one run of an agent is for. `agents.<id>.role` gives an agent its role:\n"
        f"{_listed(roles.AGENT_ROLES)}.\n"
        f"{_other_names()}. The agent that implements also fixes.\n"
        "Gates enforce what an agent may change; its prompt only asks. A limit is a value below `limits`. The limits\n"
        "for all runs also count.\n"
    ]
    for role in roles.ROLES.values():
        permissions_ = (f"`{permission.name}: {permission.level}`" for permission in role.permissions)
        parts.append(
            f"## `{role.name}`\n\n"
            f"- Works on: {_WORKS_ON[role.works_on]}, {_STAGES[role.stage]}\n"
            f"- Agent, unless the values name another one: `{role.persona}`, as a {role.resource}\n"
            f"- May change: {role.may_change}\n"
            f"- Counts as done by: {role.judged_by}\n"
            f"- Hands over as `result`: {_listed(role.results)}\n"
            f"- Counts against: {_listed(role.limits)}\n"
            f"- Its App's permissions: {', '.join(permissions_)}\n"
        )
    return "\n".join(parts)


_WORKS_ON = {"task": "a task", "pr": "a pull request"}
_STAGES = {
    "task": "before there is a pull request",
    "round": "as part of a review round",
    "ask": "when an event asks for it",
}


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _other_names() -> str:
    """A sentence for each role of the values whose runs have another role."""
    others = {name: role.name for name, role in roles.AGENT_ROLES.items() if name != role.name}
    return ". ".join(f"An agent with `{name}` runs as `{role}`" for name, role in others.items())


def _parameters(holder: dict[str, Any] | None) -> str:
    shown = []
    for parameter in (holder or {}).get("parameters") or []:
        value = parameter.get("value")
        default = "" if value is None else f" (`{value}`)" if value else " (empty)"
        shown.append(f"`{parameter['name']}`{default}")
    return ", ".join(shown) or "none"


def _comment(root: Path, file: str) -> str:
    comment = _HEAD_COMMENT.match((root / _TEMPLATES / file).read_text(encoding="utf-8"))
    if comment is None:
        raise InputError(f"{_TEMPLATES / file}: expected a comment at its beginning that says what it is for")
    return "\n".join(line.strip() for line in comment[1].strip().splitlines())


def _rendered(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rendered manifests of chart/templates/workflows, each with its file's name; by file, as it has them."""
    documents = (root / RENDER).read_text(encoding="utf-8").split("\n---\n")
    manifests = [(source[1], yaml.safe_load(text)) for text in documents if (source := _SOURCE.search(text))]
    # Helm prints by kind.
    yield from sorted(manifests, key=lambda pair: (pair[0], pair[1]["kind"] != "WorkflowTemplate"))
