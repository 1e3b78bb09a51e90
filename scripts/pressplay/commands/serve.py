"""`pressplay serve`: comments of pull requests over MCP and HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pressplay.commands import _sandbox
from pressplay.commands._installation import DEFAULT_NAMESPACE, open_installation
from pressplay.errors import InputError

if TYPE_CHECKING:
    from pressplay.github.access import AppKey
    from pressplay.serve.auth import Authenticator
    from pressplay.serve.config import Config
    from pressplay.settings import Settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_TOKEN = "PRESSPLAY_SERVE_TOKEN"  # noqa: S105 - a variable's name
_GITHUB = "https://api.github.com"


@click.command("serve")
@click.option("--stdio", is_flag=True, help="MCP on stdin and stdout, for one client on this machine, without tokens.")
@click.option(
    "--listen", metavar="HOST:PORT", default="127.0.0.1:8090", show_default=True, help="Port 0 takes a free one."
)
@click.option(
    "--sandbox",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve the forge of the sandbox that runs in this folder.",
)
@click.option("--repo", "repos", multiple=True, metavar="OWNER/NAME", help="A repository to serve; may be repeated.")
@click.option("--github-url", metavar="URL", default=_GITHUB, show_default=True, help="GitHub's REST API.")
@click.option("--app", default="press-play", show_default=True, help="The GitHub App's name.")
@click.option("--app-id", type=click.IntRange(1), help="The App's id.")
@click.option("--app-key", type=_FILE, help="The App's private key, a PEM file.")
@click.option(
    "--people",
    type=click.Choice(["writers", "everyone"]),
    default="writers",
    show_default=True,
    help="Whose words are shown: of those who may write to the repository, or everybody's.",
)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The token that callers send; made where it is not there. Or the variable {_TOKEN}.",
)
@click.option("--calls-per-minute", type=click.IntRange(1), default=120, show_default=True, help="Of one caller.")
@click.option("--config", "config_file", type=_FILE, help="In the chart's pod: its serve.json.")
@click.option("--settings", "settings_file", type=_FILE, help="In the chart's pod: the installation's config.json.")
@click.option(
    "--key-folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="In the chart's pod: the App's Secret.",
)
def command(
    stdio: bool,
    listen: str,
    sandbox: Path | None,
    repos: tuple[str, ...],
    github_url: str,
    app: str,
    app_id: int | None,
    app_key: Path | None,
    people: str,
    token_file: Path | None,
    calls_per_minute: int,
    config_file: Path | None,
    settings_file: Path | None,
    key_folder: Path | None,
) -> None:
    """Serve comments of pull requests to agents and people, read-only: over MCP (/mcp) and HTTP (/v1/…).

    On a laptop: with --sandbox, or with --repo, --app-id and --app-key of a GitHub App that may read pull requests and
    contents. In a cluster the chart starts it, and takes ServiceAccounts' tokens. docs/how-to/serve.md has examples.
    """
    _libraries()
    from pressplay.clock import SystemClock
    from pressplay.github.access import GitHubAccess
    from pressplay.serve import run
    from pressplay.serve.config import ServeLimits
    from pressplay.serve.request import CommentSource

    if sandbox is not None:
        what = _of_sandbox(sandbox, people)
    elif config_file is not None:
        what = _of_chart(config_file, settings_file, key_folder)
    else:
        what = _of_options(repos, github_url, app, app_id, app_key, people)
    github = GitHubAccess(what.settings.github, what.key, SystemClock())

    def source(count: Callable[[str, str], None]) -> CommentSource:
        everyone = what.people == "everyone"
        return CommentSource(what.settings, github, what.app, SystemClock(), everyone=everyone, count=count)

    limits = ServeLimits(calls_per_minute=calls_per_minute, burst=max(40, calls_per_minute // 3))  # type: ignore[call-arg]
    if stdio:
        run.over_stdio(source(lambda _what, _outcome: None), limits)
        return
    if what.config is not None:
        config, authenticator = what.config, _accounts(what.config)
    else:
        from pressplay.serve.config import Config

        host, port = _address(listen)
        config = Config(host=host, port=port, app=what.app, people=what.people, limits=limits)  # type: ignore[arg-type]
        if token_file is None and sandbox is not None and not os.environ.get(_TOKEN):
            token_file = sandbox / "serve-token"
        authenticator = _static(token_file)
    run.over_http(source, authenticator, config, what.ready, _tell)


@dataclass(frozen=True)
class _What:
    """What is served, and as whom GitHub is read."""

    settings: Settings
    app: str
    key: Callable[[str], AppKey]
    people: str
    ready: Callable[[], str] = lambda: ""
    config: Config | None = None


def _libraries() -> None:
    try:
        import mcp  # noqa: F401
        import prometheus_client  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"pressplay serve needs libraries that are not installed ({error.name}): pip install 'pressplay[serve]'; "
            "in a clone: .venv/bin/python -m pip install -c requirements.lock -e '.[serve]'"
        ) from error


def _of_sandbox(folder: Path, people: str) -> _What:
    import httpx

    from pressplay.steps.core.in_cluster import read_settings

    installation = open_installation(folder, DEFAULT_NAMESPACE)
    settings = read_settings(installation.cluster, installation.namespace)
    key = _sandbox.app_key(folder, settings)
    try:
        httpx.get(settings.github.api_url, timeout=5.0, trust_env=False)
    except httpx.HTTPError as error:
        raise InputError(
            f"{folder}: its forge does not answer at {settings.github.api_url}; keep the sandbox running beside this: "
            f"pressplay play --serve --resume --state {folder}"
        ) from error
    return _What(settings, settings.github.harness_app, lambda _app: key, people)


def _of_options(
    repos: tuple[str, ...], github_url: str, app: str, app_id: int | None, app_key: Path | None, people: str
) -> _What:
    from pressplay import names
    from pressplay.github.access import AppKey
    from pressplay.settings import GitHub, RepositoryDefaults, Settings

    missing = [name for name, given in (("--repo", repos), ("--app-id", app_id), ("--app-key", app_key)) if not given]
    if missing or app_id is None or app_key is None:
        raise InputError(
            f"{', '.join(missing)}: missing; give a running sandbox's folder (--sandbox DIR), or repositories and a "
            "GitHub App that is installed on them (--repo acme/shop --app-id 123 --app-key key.pem)"
        )
    address = github_url.rstrip("/")
    web = "https://github.com" if address == _GITHUB else address.removesuffix("/api/v3")
    github = GitHub.model_validate({"apiURL": address, "gitURL": web, "webURL": web, "harnessApp": app})
    listed = {names.repo(repo): RepositoryDefaults() for repo in repos}  # type: ignore[call-arg]
    settings = Settings(namespace="", controller_namespace="", github=github, repositories=listed)
    try:
        key = AppKey(app_id, app_key.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{app_key}: expected the App's private key, a PEM file: {error}") from error
    return _What(settings, app, lambda _app: key, people)


def _of_chart(config_file: Path, settings_file: Path | None, key_folder: Path | None) -> _What:
    from pressplay import names
    from pressplay.github.access import AppKey
    from pressplay.serve import config
    from pressplay.settings import parse

    if settings_file is None or key_folder is None:
        raise InputError("--config: expected --settings and --key-folder beside it, as the chart gives them")
    read = config.read(config_file)
    folder = key_folder

    def key(app: str) -> AppKey:
        # Read again each time a token is minted: the Secret may have changed.
        try:
            number, pem = ((folder / name).read_text(encoding="utf-8") for name in ("app-id", "private-key"))
            return AppKey(int(number.strip()), pem)
        except (OSError, ValueError) as error:
            raise InputError(
                f"there is no key of the App {app!r}, as which comments are read (serve.githubApp): {folder}, where "
                f"the Secret {names.app_secret(app)} is mounted, lacks app-id (a number) or private-key. "
                "`pressplay apps` creates the App (docs/how-to/github-apps.md)"
            ) from error

    def ready() -> str:
        try:
            key(read.app)
        except InputError as error:
            return str(error)
        return ""

    settings = parse(settings_file.read_text(encoding="utf-8"), str(settings_file))
    return _What(settings, read.app, key, read.people, ready, read)


def _accounts(config: Config) -> Authenticator:
    import time

    from pressplay.cluster.tokens import TokenReviewer
    from pressplay.serve.auth import Authenticator

    if not config.callers:
        raise InputError("callers: expected at least one whose tokens are taken; else nobody could call")
    return Authenticator(
        time.monotonic,
        reviewer=TokenReviewer.in_pod(),
        audiences=config.audiences,
        callers=config.callers,
    )


def _static(token_file: Path | None) -> Authenticator:
    import time

    from pressplay.serve import auth

    given: Any = os.environ.get(_TOKEN)
    if token_file is not None:
        if not token_file.exists():
            auth.make_token(token_file)
            _say(f"a new token is in {token_file}")
        token = auth.read_token(token_file)
    elif given:
        token = auth.checked_token(given, _TOKEN)
    else:
        raise InputError(
            f"callers must send a token: give --token-file FILE (made where it is not there) or {_TOKEN}, or --stdio"
        )
    return auth.Authenticator(time.monotonic, static=token)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise InputError(f"--listen {listen!r}: expected HOST:PORT, for example 127.0.0.1:8090")
    return host.strip("[]"), int(port)


def _tell(address: str) -> None:
    _say(f"serving: MCP at {address}/mcp, HTTP at {address}/v1")


def _say(line: str) -> None:
    click.echo(line, err=True)
