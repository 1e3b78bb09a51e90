"""`pressplay event`: what a webhook would start, and signed deliveries of recorded ones."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pressplay import names
from pressplay.clock import SystemClock, parse_rfc3339
from pressplay.errors import InputError, PressPlayError

if TYPE_CHECKING:
    import httpx

    from pressplay.cluster.port import Manifest
    from pressplay.events.sensor import Explanation, Sensor

TIMEOUT = 30.0
"""Seconds to wait for an answer to a delivery. GitHub waits ten."""
FILE_WIDTH = 160
"""Columns of the table where nobody looks on."""
_EVENT = re.compile(r"[a-z0-9_]+")
_FILE = click.Path(dir_okay=False, path_type=Path)
_EVENT_OPTION = click.option("--event", "event_name", metavar="NAME", help="GitHub's name of the event: pull_request.")


@click.group("event", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Show what GitHub's webhooks start, and send recorded ones.

    A payload is the JSON that GitHub sent. In a folder, a file's event is the name of the sub-folder that it is in,
    or its own name up to the first dot: `issues/opened.json`, `issues.opened.json`.
    """


@command.command("explain")
@click.argument("payload", type=click.Path(path_type=Path))
@_EVENT_OPTION
@click.option(
    "-f",
    "--values",
    "values_files",
    type=_FILE,
    multiple=True,
    help="A values file; repeat it as with helm, in order. Without one: the defaults, the payload's repository listed.",
)
@click.option("--at", metavar="TIME", help="When it arrives, RFC 3339 or seconds since 1970 (default: now).")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def explain(
    payload: Path, event_name: str | None, values_files: tuple[Path, ...], at: str | None, as_json: bool
) -> None:
    """Show what a payload, or each of a folder, starts: flow, Workflow, parameters; and why not the other flows."""
    rendering = _Rendering(values_files)
    now = _moment(at)
    if payload.is_dir():
        rows = [(path, event, rendering.explain(path, event, now)) for path, event in _recorded(payload, event_name)]
        if as_json:
            made = [{"file": str(path), "event": event, **explanation.as_json()} for path, event, explanation in rows]
            click.echo(json.dumps({"payloads": made}, indent=2))
        else:
            _show_table([(str(path.relative_to(payload)), explanation) for path, _, explanation in rows])
        return
    explanation = rendering.explain(payload, event_name or _named(payload), now)
    if as_json:
        click.echo(json.dumps(explanation.as_json(), indent=2))
        return
    for flow in explanation.flows:
        click.echo(f"starts {flow.flow}: Workflow {flow.workflow_name}")
        for name, value in flow.parameters.items():
            click.echo(f"    {name} = {value}")
    if not explanation.flows:
        click.echo("starts nothing")
    for rejected in explanation.rejected:
        click.echo(f"not {rejected.flow}: {rejected.reason}")


@command.command("send")
@click.argument("payload", type=_FILE)
@_EVENT_OPTION
@click.option("--url", required=True, help="Where to: the EventSource's or a sandbox's address, with the path.")
@click.option("--secret-file", type=_FILE, required=True, help="Holds the secret; a line end behind it does not count.")
def send(payload: Path, event_name: str | None, url: str, secret_file: Path) -> None:
    """Deliver a payload as GitHub would: signed, with a new delivery id."""
    with _client() as client:
        _deliver(client, payload, event_name or _named(payload), url, _secret(secret_file))


@command.command("replay")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_EVENT_OPTION
@click.option("--url", required=True, help="Where to: the EventSource's or a sandbox's address, with the path.")
@click.option("--secret-file", type=_FILE, required=True, help="Holds the secret; a line end behind it does not count.")
def replay(folder: Path, event_name: str | None, url: str, secret_file: Path) -> None:
    """Deliver all payloads of a folder, by their names' order; stop at the first that is not taken."""
    secret = _secret(secret_file)
    with _client() as client:
        for path, event in _recorded(folder, event_name):
            _deliver(client, path, event, url, secret)


class _Rendering:
    """The chart to explain: rendered with values files, or the committed one."""

    def __init__(self, values_files: Sequence[Path]) -> None:
        self._values = values_files
        self._manifests = _rendered(values_files)
        self._sensors: dict[str, list[Sensor]] = {}

    def explain(self, path: Path, event: str, now: float) -> Explanation:
        """What the payload in a file starts; InputError where the file holds none."""
        from pressplay.events import sensor, webhook

        payload = _payload(path)
        seen = webhook.sensor_view(event, "explain", payload)
        return sensor.explain(self._sensors_for(payload), seen, now)

    def _sensors_for(self, payload: dict[str, Any]) -> list[Sensor]:
        from pressplay.events.listing import listing
        from pressplay.events.sensor import Sensor

        repo = "" if self._values else _repository(payload)
        if repo not in self._sensors:
            self._sensors[repo] = Sensor.read(listing(self._manifests, repo) if repo else self._manifests)
        return self._sensors[repo]


def _rendered(values_files: Sequence[Path]) -> list[Manifest]:
    if not values_files:
        from pressplay.chart import rendered_chart

        return rendered_chart()
    import yaml

    from pressplay.validation import helm

    text = helm.template(helm.repository(), [path.resolve() for path in values_files])
    manifests = [
        document for document in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if document
    ]
    if not any(document["kind"] == "Sensor" for document in manifests):
        raise InputError(
            f"{', '.join(map(str, values_files))}: the chart renders no Sensor: expected events.enabled true and "
            "at least one entry in repositories"
        )
    return manifests


def _repository(payload: dict[str, Any]) -> str:
    """The payload's repository, where it has one by a name that is one; the committed rendering's own is kept else."""
    holder = payload.get("repository")
    name = holder.get("full_name") if isinstance(holder, dict) else None
    try:
        return names.repo(name) if isinstance(name, str) else ""
    except InputError:
        return ""


def _recorded(folder: Path, event_name: str | None) -> Iterator[tuple[Path, str]]:
    """The payloads in a folder with their events, by name; InputError where it has none."""
    paths = sorted(path for path in folder.rglob("*.json") if path.is_file())
    if not paths:
        raise InputError(f"{folder}: expected a folder with payloads, files that end with .json")
    for path in paths:
        yield path, event_name or (_named(path) if path.parent == folder else _checked(path.parent.name, path))


def _named(path: Path) -> str:
    return _checked(path.name.partition(".")[0], path)


def _checked(event: str, path: Path) -> str:
    if not _EVENT.fullmatch(event):
        raise InputError(
            f"{path}: expected a name that begins with the event's and a dot (pull_request.opened.json), or a "
            "folder named for it; or give --event"
        )
    return event


def _payload(path: Path) -> dict[str, Any]:
    from pressplay.events import webhook
    from pressplay.validation.report import read_text

    try:
        return webhook.parse(read_text(path))
    except webhook.DeliveryRefused as error:
        raise InputError(f"{path}: {error}: expected what GitHub sends, a JSON object") from error


def _moment(text: str | None) -> float:
    if text is None:
        return SystemClock().now()
    try:
        return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else parse_rfc3339(text)
    except ValueError as error:
        raise InputError(f"--at {text!r}: expected RFC 3339 (2026-01-31T12:00:00Z) or seconds since 1970") from error


def _secret(path: Path) -> bytes:
    from pressplay.validation.report import read_text

    secret = read_text(path).rstrip("\r\n").encode()
    if not secret:
        raise InputError(f"{path}: expected the webhook's secret, got an empty file")
    return secret


def _client() -> httpx.Client:
    import httpx

    return httpx.Client(timeout=TIMEOUT)


def _deliver(client: httpx.Client, path: Path, event: str, url: str, secret: bytes) -> None:
    """Send one payload; PressPlayError where it does not arrive or is not taken."""
    import uuid

    import httpx

    from pressplay.events import webhook
    from pressplay.validation.report import read_text

    body = read_text(path).encode()
    delivery = webhook.Delivery(event, str(uuid.uuid4()), body)
    try:
        answer = client.post(url, content=body, headers=delivery.headers(secret))
    except httpx.InvalidURL as error:
        raise InputError(f"--url {url!r}: {error}") from error
    except httpx.UnsupportedProtocol as error:
        raise InputError(f"--url {url!r}: expected http:// or https://") from error
    except httpx.HTTPError as error:
        raise PressPlayError(f"{path}: {url} did not take it: {error}") from error
    if not answer.is_success:
        raise PressPlayError(f"{path}: {url} answered {answer.status_code}: {_line(answer.text)}")
    click.echo(f"{path}: {event} {delivery.delivery_id}: {answer.status_code}")


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:200])


def _show_table(rows: list[tuple[str, Explanation]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("payload", "starts", "Workflow, or why nothing"):
        table.add_column(header, overflow="fold")
    for file, explanation in rows:
        near = "; ".join(f"{flow.flow}: {flow.reason}" for flow in explanation.rejected if flow.met)
        flows = ", ".join(flow.flow for flow in explanation.flows)
        why = ", ".join(flow.workflow_name for flow in explanation.flows) or near or "no flow is for such an event"
        table.add_row(Text(_line(file)), Text(flows or "-"), Text(why))
    width = None if sys.stdout.isatty() else FILE_WIDTH
    Console(highlight=False, emoji=False, markup=False, width=width).print(table)
