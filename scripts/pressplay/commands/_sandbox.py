"""The sandbox, which is an extra: what commands need of it, and what they say where it is not installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pressplay import names
from pressplay.clock import SystemClock
from pressplay.errors import InputError

if TYPE_CHECKING:
    from pressplay.cluster.sqlite import SqliteCluster
    from pressplay.github.access import AppKey
    from pressplay.settings import Settings
    from pressplay.steps.core.context import Context

_MODULES = ("pressplay.sandbox", "graphql", "orjson", "waitress", "werkzeug")
"""The package that the image leaves out, and the libraries of the extra that nothing else needs."""


def require() -> None:
    """InputError where the sandbox, or a library that it needs, is not installed. Imports none of them."""
    not_installed = [module for module in _MODULES if find_spec(module) is None]
    if not_installed:
        raise InputError(
            f"this image has no sandbox ({', '.join(not_installed)} not installed): pip install 'pressplay[sandbox]'; "
            "in a clone: .venv/bin/python -m pip install -c requirements.lock -e '.[sandbox]'"
        )


def open_cluster(folder: Path) -> SqliteCluster:
    """The cluster of the sandbox in a folder; InputError where there is none."""
    database = folder / "state.db"
    if not database.exists():
        raise InputError(
            f"{folder}: no sandbox here (no state.db); give --state the folder that `pressplay play` named"
        )
    require()
    from pressplay.cluster.sqlite import SqliteCluster
    from pressplay.sandbox.engine import set_node

    return SqliteCluster(database, SystemClock(), set_node)


def app_key(folder: Path, settings: Settings) -> AppKey:
    """A key of the harness's App, made for this process; InputError where no play set the App up.

    The sandbox's own keys are in its memory alone; its forge accepts one of this process too.
    """
    require()
    from pressplay.github.access import AppKey
    from pressplay.sandbox.forge import Forge

    app = settings.github.harness_app
    forge = Forge(folder / "state.db", folder / "git", SystemClock(), settings.github.web_url)
    made = forge.app_key(names.slug(app))
    forge.close()
    if made is None:
        raise InputError(f"{folder}: no App {app!r} is set up here yet; press play first")
    return AppKey(made.id, made.private_key)


def project_of(folder: Path) -> Path | None:
    """The project that is played in a folder; None where it is the demo, or nothing was played there."""
    try:
        project = json.loads((folder / "play.json").read_text())["project"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Path(project) if isinstance(project, str) else None


@contextmanager
def reading(folder: Path, namespace: str) -> Iterator[Context]:
    """What steps would work with in the sandbox of a folder, to look at it: it begins and takes up nothing.

    A play may be under way there. InputError where there is no sandbox.
    """
    with closing(open_cluster(folder)) as cluster:
        import httpx

        from pressplay.github.access import GitHubAccess
        from pressplay.sandbox.forge import Forge
        from pressplay.steps.core.context import Context
        from pressplay.steps.core.in_cluster import read_settings

        settings = read_settings(cluster, namespace)
        key = app_key(folder, settings)
        with closing(Forge(folder / "state.db", folder / "git", SystemClock(), settings.github.web_url)) as forge:
            # No port is needed: the forge answers in this process.
            transport = httpx.WSGITransport(app=forge.wsgi)
            github = GitHubAccess(settings.github, lambda _app: key, SystemClock(), transport)
            yield Context(cluster, settings, github, SystemClock())
