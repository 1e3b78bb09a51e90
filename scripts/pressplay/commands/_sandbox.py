"""The sandbox, which is an extra: what commands need of it, and what they say where it is not installed."""

from __future__ import annotations

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
