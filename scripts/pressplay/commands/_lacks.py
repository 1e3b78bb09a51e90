"""What a project lacks to be provable, as commands show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pressplay.commands._installation import DEFAULT_NAMESPACE
from pressplay.plaintext import plain

if TYPE_CHECKING:
    from pressplay.gates.proving.detection import Advice
    from pressplay.gates.proving.lacks import Means


def means_of(values_files: Sequence[Path], repo: str | None) -> tuple[Means, Mapping[str, Any]]:
    """What values files give to prove a change with, and the environment contract in them.

    Without files nothing is known of that. `repo`: the repository; by default the only one listed, else the defaults
    count. Raises Invalid if the files are wrong, InputError if they do not list it.
    """
    from pressplay.gates.proving.lacks import Means
    from pressplay.settings import Settings
    from pressplay.steps.core import provable
    from pressplay.validation import values
    from pressplay.validation.report import read_text

    if not values_files:
        return Means(), {}
    merged = values.load([(str(file), read_text(file)) for file in values_files])
    settings = Settings.model_validate(values.config(merged, DEFAULT_NAMESPACE))
    if repo is None and len(settings.repositories) == 1:
        (repo,) = settings.repositories
    own = settings.repository(repo) if repo is not None else settings.defaults
    return provable.means(own, settings.gate_pods), own.tests.environment


def sandbox_means(start: str | None, online: bool, services: bool) -> Means:
    """What this machine gives to prove a change with.

    `start` starts the project where its Procfile does not; `online`: whether gates keep the network; `services`:
    whether processes beside the tests can be had.
    """
    import os
    import shutil
    import sys

    from pressplay.gates.proving.lacks import Means

    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return Means(
        tool=lambda name: shutil.which(name, path=path) is not None,
        packages=online,
        processes=services,
        deploys=True if start else None,
    )


def show(advice: Sequence[Advice], *, err: bool = False) -> None:
    """A line for each thing that is lacking; nothing where nothing is."""
    if advice:
        click.echo(f"\nNot provable yet ({len(advice)}):", err=err)
    for item in advice:
        click.echo(f"  {' '.join(plain(str(item)).split())}", err=err)
