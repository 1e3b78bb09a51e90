"""`pressplay apps`: the GitHub Apps of an installation, from their manifests to their keys."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from pressplay.commands._app_needs import STATES, Wanted
from pressplay.commands._installation import DEFAULT_NAMESPACE
from pressplay.errors import InputError

if TYPE_CHECKING:
    pass

DIRECTORY = "github-apps"
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)

_values_option = click.option(
    "-f", "--values", "values_files", type=_FILE, multiple=True, help="A values file; repeat it as with helm, in order."
)
_directory_option = click.option(
    "-o", "--directory", type=_FOLDER, default=DIRECTORY, show_default=True, help="Where the files are."
)


@click.group(
    "apps", invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False
)
@_values_option
@_directory_option
@click.option("--org", default="", help="The organization that is to own the Apps (default: your own account).")
@click.option(
    "--webhook-url", default="", help="Where GitHub's events are to go, with its path; the harness's App only."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON, for programs.")
@click.pass_context
def command(
    ctx: click.Context, values_files: tuple[Path, ...], directory: Path, org: str, webhook_url: str, as_json: bool
) -> None:
    """Write the manifest of each GitHub App, with the least permissions, and a page that creates it.

    Into the directory go, for each App, NAME.json and NAME.html, and a README.md with all steps in order. Nothing is
    sent anywhere; the pages post to GitHub when you press their button. `pressplay apps exchange` then fetches the key.
    """
    if ctx.invoked_subcommand is not None:
        given = [name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if given:
            raise click.UsageError(f"options of {ctx.invoked_subcommand} stand behind it")
        return
    wanted = Wanted.of(values_files)
    hook_url = _hook_url(wanted, webhook_url)
    written = _write(wanted, values_files, directory, _owner(org), hook_url)
    if as_json:
        click.echo(json.dumps({"apps": written, "steps": str(directory / "README.md")}, indent=2))
        return
    for app in written:
        click.echo(f"{app['page']}: {app['name']} ({app['for']})")
    for note in _notes(wanted, hook_url):
        click.echo(note, err=True)
    click.echo(f"{directory / 'README.md'}: the steps, in order")


@command.command("exchange")
@click.argument("answer", metavar="ADDRESS")
@_values_option
@_directory_option
@click.option("--namespace", "-n", default=DEFAULT_NAMESPACE, show_default=True, help="Where the chart is installed.")
@click.option("--api-url", help="GitHub's API (default: github.apiURL of the values).")
def exchange(answer: str, values_files: tuple[Path, ...], directory: Path, namespace: str, api_url: str | None) -> None:
    """Exchange what GitHub answered for the App's key, and write the Secrets that it belongs in.

    ADDRESS is where GitHub sent your browser (`http://localhost:…?code=…&state=…`), or the code alone; `-` reads it
    from standard input, so that it is in no shell's history. The files can be read by you alone and are not printed;
    what to do with them is.
    """
    from pressplay.commands import _app_keys

    given = sys.stdin.readline().strip() if answer == "-" else answer
    for line in _app_keys.exchange(Wanted.of(values_files), given, directory, namespace, api_url):
        click.echo(line)


def _owner(org: str) -> str:
    if org and not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})", org):
        raise InputError(f"--org {org!r}: expected an organization's name as GitHub writes it, for example acme")
    return org


def _hook_url(wanted: Wanted, given: str) -> str:
    """Where the webhook of the harness's App sends events; empty where it has none."""
    made_by_events = wanted.values["events"]["webhook"]["url"]
    if not given:
        return ""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(
            f"--webhook-url {given!r}: expected an address with its path, https://hooks.example.com/github"
        )
    if not wanted.settings.events.enabled:
        raise InputError(
            "--webhook-url: events.enabled is false in the values, so nothing takes what GitHub would send"
        )
    if made_by_events:
        raise InputError(
            "--webhook-url: the EventSource makes the repositories' webhooks itself (events.webhook.url in the "
            "values), so that everything would come twice: leave one of the two out"
        )
    return given


def _slug(app: str) -> str:
    from pressplay import names

    return names.slug(app)


def _write(
    wanted: Wanted, values_files: tuple[Path, ...], directory: Path, org: str, hook_url: str
) -> list[dict[str, Any]]:
    from pressplay.github import apps, permissions

    web = wanted.settings.github.web_url
    homepage = f"{web}/{min(wanted.settings.repositories, default=org)}".rstrip("/")
    texts: dict[str, str] = {}
    states: dict[str, str] = {}
    written: list[dict[str, Any]] = []
    for app, needs in wanted.needs.items():
        manifest = apps.manifest(needs, homepage, hook_url if needs.user == permissions.HARNESS_USER else "")
        slug, state = _slug(app), secrets.token_urlsafe(16)
        states[state] = app
        texts[f"{slug}.json"] = json.dumps(manifest, indent=2) + "\n"
        texts[f"{slug}.html"] = apps.page(manifest, apps.new_app_url(web, org, state))
        written.append(
            {
                "name": app,
                "agent": needs.agent,
                "for": needs.who,
                "manifest": str(directory / f"{slug}.json"),
                "page": str(directory / f"{slug}.html"),
                "permissions": manifest["default_permissions"],
                "events": manifest.get("default_events", []),
                "why": dict(needs.why),
            }
        )
    texts[STATES] = json.dumps(states, indent=2) + "\n"
    again = [word for file in values_files for word in ("-f", str(file))] + ["-o", str(directory)]
    texts["README.md"] = _readme(wanted, shlex.join(again), hook_url, written)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (directory / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{directory}: expected a directory that can be written: {error.strerror}") from error
    return written


def _readme(wanted: Wanted, options: str, hook_url: str, written: list[dict[str, Any]]) -> str:
    settings, harness = wanted.settings, wanted.settings.github.harness_app
    repositories = ", ".join(f"`{name}`" for name in sorted(settings.repositories)) or "each one to be played"
    rows = []
    for app in written:
        page = Path(app["page"]).name
        may = ", ".join(f"{name}: {level}" for name, level in app["permissions"].items())
        rows.append(f"| `{app['name']}` | {app['for']} | [{page}]({page}) | {may} |")
    table = "\n".join(rows)
    keys = _EXTERNAL if wanted.external else _EXISTING
    hook = f"The webhook of `{harness}` sends to {hook_url}; its secret comes with its key." if hook_url else _NO_HOOK
    notes = "".join(f"\n{note}\n" for note in _notes(wanted, hook_url))
    return f"""# The GitHub Apps of this installation

Made by `pressplay apps`. The steps in order, for each App; what each may and why: docs/reference/github-apps.md.

## 1. Create it, and fetch its key

Open its page in a browser that is logged in at GitHub, press the button and confirm. GitHub then sends the browser
to an address at `localhost`, where nothing answers: copy that address and, within an hour, run

    pressplay apps exchange - {options}

which waits for you to paste it.

| App | for | page | may |
|---|---|---|---|
{table}

## 2. Install it

`exchange` prints where. Choose *Only select repositories*: {repositories}.

## 3. Put its key where it belongs

{keys}

## 4. Protect the repository

Three rulesets: on the default branch one that requires a pull request and the check `press-play/acceptance` from the
App `{harness}` (`exchange` prints its number), and one that lets people alone update it; none of these Apps may bypass
them. And one on `press-play/**/*`, which carries the agents' instructions: `{harness}` alone may bypass it. No play
starts without: `contents: write` alone would let an App merge, and instruct another agent. The JSON for them is in
docs/how-to/install.md.

## 5. The webhook

{hook}

## If a name is taken

GitHub has each name once, and lets you change it on its page. `exchange` then says which value to set
(`agents.<id>.githubApp`, `github.harnessApp`, `serve.githubApp`): by the name personas are picked and our Apps'
comments are known.
{notes}"""  # noqa: S608 - prose, no query


_EXTERNAL = """`exchange` writes NAME.store.json: put its properties into your secret store, under the key that it
prints, and delete the file. The chart's ExternalSecrets fetch them (`secrets.mode: external`)."""
_EXISTING = "`exchange` writes NAME.secret.yaml and prints the `kubectl apply` for it. Delete the file after that."
_NO_HOOK = (
    "Events start work only where there is a webhook: run this again with --webhook-url before you create the "
    "harness's App, or set one later (docs/how-to/events.md)."
)


def _notes(wanted: Wanted, hook_url: str) -> Iterator[str]:
    if len(wanted.accounts) > 1:
        yield (
            f"The repositories are of several accounts ({', '.join(wanted.accounts)}), but an App that is not public "
            "can be installed only by the account that owns it. Make each public once it is created (in its settings, "
            "Advanced), or install Press Play once for each account."
        )
    if wanted.settings.events.enabled and not hook_url and not wanted.values["events"]["webhook"]["url"]:
        yield f"No --webhook-url: {_NO_HOOK}"
