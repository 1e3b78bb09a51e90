"""A step's context in a real cluster: settings from the ConfigMap, Apps' keys from Secrets, real time."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable

from pressplay import __version__, names
from pressplay.clock import SystemClock
from pressplay.cluster.kubernetes import KubernetesCluster
from pressplay.cluster.port import Cluster
from pressplay.cluster.rate_limits import RateLimits
from pressplay.errors import InputError, TryAgain
from pressplay.github.access import AppKey, GitHubAccess
from pressplay.github.breaker import Breaker
from pressplay.settings import CONFIG_KEY, CONFIG_MAP, GitHub, Settings, parse
from pressplay.steps.core.context import Context
from pressplay.steps.core.waiting import Wait

_WATCH = 60.0
"""Seconds of one watch, after which the object is read once more: a server may forget a watch without a word."""
_PAUSE = 2.0


class Installation:
    """The installation in PRESSPLAY_NAMESPACE; InputError where the variable is not set.

    It keeps one session with the API server and one way to GitHub, with its tokens and answers, for all its contexts.
    """

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        """`before` is called before each request to the API server: what it raises keeps that from being sent."""
        self._namespace = os.environ.get("PRESSPLAY_NAMESPACE", "")
        if not self._namespace:
            raise InputError("PRESSPLAY_NAMESPACE is not set: expected the namespace that the chart is installed in")
        self._cluster = KubernetesCluster.from_environment(before)
        self._clock = SystemClock()
        self._breaker = Breaker(self._clock, RateLimits(self._cluster, self._namespace))
        self._keys: dict[str, AppKey] = {}
        self._github: tuple[GitHub, GitHubAccess] | None = None

    def context(self) -> Context:
        """A context with the settings as they are now, which reads each key once; InputError where it is not set up."""
        settings = read_settings(self._cluster, self._namespace)
        self._keys.clear()
        return Context(self._cluster, settings, self._access(settings.github), self._clock, _say)

    def _access(self, github: GitHub) -> GitHubAccess:
        if self._github is not None and self._github[0] != github:
            self._github[1].close()
            self._github = None
        if self._github is None:
            self._github = (github, GitHubAccess(github, self._key, self._clock, breaker=self._breaker))
        return self._github[1]

    def _key(self, app: str) -> AppKey:
        if app not in self._keys:
            self._keys[app] = app_key(self._cluster, self._namespace, app)
        return self._keys[app]


def context() -> Context:
    """The context of one step in the installation in PRESSPLAY_NAMESPACE; InputError where it is not set up."""
    return Installation().context()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def wait(context: Context, wait: Wait) -> None:
    """Return once what a step waits for is there, or its time is over, however long the API server is away."""
    while True:
        try:
            if wait.has_ended(context.cluster, context.clock.now()):
                return
            left = min(wait.until - context.clock.now(), _WATCH)
            if isinstance(context.cluster, KubernetesCluster):
                context.cluster.watch(wait.kind, wait.namespace, wait.name, wait.is_over, left)
        except TryAgain as error:
            context.say(f"{error}; it is tried again")
            context.clock.sleep(_PAUSE)


def read_settings(cluster: Cluster, namespace: str) -> Settings:
    """The settings of the installation in `namespace`; InputError where there is none."""
    config_map = cluster.get("ConfigMap", namespace, CONFIG_MAP)
    if config_map is None:
        raise InputError(f"namespace {namespace}: no ConfigMap {CONFIG_MAP}; is the chart installed there?")
    version = (config_map["metadata"].get("labels") or {}).get("app.kubernetes.io/version", __version__)
    return parse(config_map["data"][CONFIG_KEY], ours=version == __version__)


def app_key(cluster: Cluster, namespace: str, app: str) -> AppKey:
    """An App's key from its Secret; InputError, naming the Secret, where it is missing or incomplete."""
    name = names.app_secret(app)
    secret = cluster.get("Secret", namespace, name)
    data = (secret or {}).get("data") or {}
    if not {"app-id", "private-key"} <= set(data):
        raise InputError(f"namespace {namespace}: expected a Secret {name} with the keys app-id and private-key")
    return AppKey(
        app_id=int(base64.b64decode(data["app-id"]).decode().strip()),
        private_key=base64.b64decode(data["private-key"]).decode(),
    )
