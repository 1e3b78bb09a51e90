"""Which installation a command speaks to: a sandbox's folder, or a namespace of the cluster in KUBECONFIG."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pressplay.commands import _sandbox

if TYPE_CHECKING:
    from pressplay.cluster.kubernetes import KubernetesCluster
    from pressplay.cluster.sqlite import SqliteCluster
    from pressplay.settings import Settings

DEFAULT_NAMESPACE = "press-play"

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True)
class Installation:
    """A cluster port and the namespace of an installation in it."""

    cluster: KubernetesCluster | SqliteCluster
    namespace: str

    def settings(self) -> Settings:
        """Its settings; InputError where there is no installation here."""
        from pressplay.steps.core.in_cluster import read_settings

        return read_settings(self.cluster, self.namespace)

    def check(self, repo: str | None) -> str | None:
        """The repository as the values spell it.

        InputError where there is no installation here, or it does not list the repository (R8, R10).
        """
        settings = self.settings()
        return None if repo is None else settings.listed(repo)


def installation_options(command: Decorated) -> Decorated:
    """Give a command `--state` and `--namespace`, and hand it the Installation as `installation`."""
    state = click.option(
        "--state", type=click.Path(file_okay=False, path_type=Path), help="A sandbox's folder (default: the cluster's)."
    )
    namespace = click.option(
        "--namespace", "-n", default=DEFAULT_NAMESPACE, show_default=True, help="Where the chart is installed."
    )

    def called(*args: Any, state: Path | None, namespace: str, **options: Any) -> Any:
        installation = open_installation(state, namespace)
        with closing(installation.cluster):
            return command(*args, installation=installation, **options)

    called.__doc__ = command.__doc__
    called.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    return state(namespace(called))  # type: ignore[return-value]


def open_installation(state: Path | None, namespace: str) -> Installation:
    """The installation in a sandbox's folder, or in the cluster."""
    if state is None:
        from pressplay.cluster.kubernetes import KubernetesCluster

        return Installation(KubernetesCluster.from_environment(), namespace)
    return Installation(_sandbox.open_cluster(state), namespace)
