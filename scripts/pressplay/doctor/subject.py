"""What is looked at: an installation's values, its cluster and GitHub, each asked once."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import httpx
import jwt

from pressplay import names
from pressplay.clock import Clock
from pressplay.cluster.argo_server import ArgoServer
from pressplay.cluster.port import Account, Cluster, Forbidden, Labels, Manifest, NoSuchKind
from pressplay.cluster.rate_limits import RateLimits
from pressplay.doctor.results import NotLookedAt
from pressplay.errors import InputError, PressPlayError
from pressplay.github.access import AppKey, GitHubAccess, signing_key
from pressplay.github.breaker import Breaker
from pressplay.github.calls import Client
from pressplay.settings import CONFIG_KEY, CONFIG_MAP, Settings, parse
from pressplay.validation import values as values_
from pressplay.validation.report import Invalid, Problem

KEYS = ("app-id", "private-key")
"""What a Secret with an App's key must hold."""

T = TypeVar("T")


class Subject:
    """One installation. What can't be had raises NotLookedAt with the reason, wherever it is asked for."""

    def __init__(
        self,
        namespace: str,
        clock: Clock,
        *,
        files: Sequence[tuple[str, str]] = (),
        cluster: Cluster | None = None,
        no_cluster: str = "",
        no_github: str = "",
        repos: Sequence[str] = (),
        keys: Mapping[str, AppKey] | None = None,
        argo: ArgoServer | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`files`: values files as (name, text), in the order of Helm's -f; `repos` narrows what is asked of GitHub.

        `no_cluster`, `no_github`: why it is not asked; empty: it is. `keys`: the Apps' keys by their names, in the
        place of the cluster's Secrets. `argo`: the Argo Server as it is reached from here, in the place of the address
        that the release has. `transport` replaces the network (the sandbox).
        """
        self.namespace, self.clock, self.repos, self.files = namespace, clock, tuple(repos), tuple(files)
        self.argo, self.transport = argo, transport
        self.no_cluster, self.no_github = no_cluster, no_github
        self._cluster, self._keys = cluster, keys
        self.clock_wrong = False
        """Whether the clock here is so far off GitHub's that no key is taken."""
        self._known: dict[tuple[Any, ...], Any] = {}

    def close(self) -> None:
        """Close the connections to GitHub."""
        for access in [access for access in self._known.values() if isinstance(access, GitHubAccess)]:
            access.close()

    def once(self, key: tuple[Any, ...], ask: Callable[[], T]) -> T:
        """What `ask` gives, or raises, asked once."""
        if key not in self._known:
            try:
                self._known[key] = ask()
            except (PressPlayError, NotLookedAt) as error:
                self._known[key] = error
        value = self._known[key]
        if isinstance(value, PressPlayError | NotLookedAt):
            raise value
        known: T = value
        return known

    # -- values and settings -------------------------------------------------------------------------------------------

    @cached_property
    def _read(self) -> tuple[dict[str, Any], list[Problem]]:
        try:
            return values_.load(self.files), []
        except Invalid as error:
            return {}, error.problems

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the values files."""
        return self._read[1]

    @property
    def values(self) -> dict[str, Any]:
        """The whole values that the files and the chart's defaults make."""
        if not self.files:
            raise NotLookedAt("no values file was given", "give them as to helm: -f values.yaml")
        if self.problems:
            raise NotLookedAt("the values files are wrong, see there")
        return self._read[0]

    @property
    def from_values(self) -> Settings:
        """The settings that an installation of these values has."""
        return self.once(("from values",), lambda: Settings.model_validate(values_.config(self.values, self.namespace)))

    @property
    def installed(self) -> Settings | None:
        """The settings of the release in the cluster, None without a release; InputError where they are none."""

        def ask() -> Settings | None:
            config_map = self.find("ConfigMap", self.namespace, CONFIG_MAP)
            return None if config_map is None else parse((config_map.get("data") or {}).get(CONFIG_KEY, ""))

        return self.once(("installed",), ask)

    @property
    def settings(self) -> Settings:
        """The settings that hold: the installed ones; without a cluster or a release those of the values files."""
        try:
            installed = self.installed
        except (NotLookedAt, PressPlayError):
            installed = None
        if installed is not None:
            return installed
        if self.files:
            return self.from_values
        raise NotLookedAt(
            "there are no settings to go by: those of a release could not be read, and no values file was given",
            "give the values files: -f values.yaml",
        )

    @property
    def without_settings(self) -> str:
        """Why there are no settings to go by, so that hardly anything could be looked at; empty where there are."""
        try:
            _ = self.settings
        except NotLookedAt as error:
            return str(error)
        return ""

    @property
    def release(self) -> Settings:
        """The settings of the release; NotLookedAt where none is installed."""
        try:
            installed = self.installed
        except InputError as error:
            raise NotLookedAt("the release's settings can't be read, see there") from error
        if installed is None:
            raise NotLookedAt("the release is not installed")
        return installed

    def need_release(self) -> None:
        """NotLookedAt where none is installed: what it lacks is no fault of its own then."""
        _ = self.release

    @property
    def repositories(self) -> list[str]:
        """Those that are listed, or of them those that were asked for."""
        return list(self.repos or sorted(self.settings.repositories))

    # -- the cluster ---------------------------------------------------------------------------------------------------

    @property
    def cluster(self) -> Cluster:
        """The cluster, where it is asked at all and answers."""
        if self.no_cluster or self._cluster is None:
            raise NotLookedAt(self.no_cluster or "no cluster is asked")
        return self._cluster

    def find(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """An object, or None where there is none."""
        cluster = self.cluster
        return self._cached(kind, namespace, (kind, namespace, name), lambda: cluster.get(kind, namespace, name))

    def listed(self, kind: str, namespace: str, labels: Labels | None = None) -> list[Manifest]:
        """All objects of a kind in a namespace (empty: in all) with these labels."""
        cluster, key = self.cluster, (kind, namespace, tuple((labels or {}).items()))
        return self._cached(kind, namespace, key, lambda: cluster.list(kind, namespace, labels))

    def may(self, account: Account, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """Whether an account may do something; see `Cluster.may`."""
        cluster, key = self.cluster, ("may", account, verb, resource, namespace, name)

        def ask() -> bool:
            try:
                return cluster.may(account, verb, resource, namespace, name)
            except Forbidden as error:
                raise NotLookedAt(
                    "you may not ask what others may",
                    "run it as somebody who may: kubectl auth can-i create subjectaccessreviews.authorization.k8s.io",
                ) from error

        return self.once(key, ask)

    def _cached(self, kind: str, namespace: str, key: tuple[Any, ...], ask: Callable[[], T]) -> T:
        def answer() -> T:
            try:
                return ask()
            except Forbidden as error:
                where = f"-n {namespace}" if namespace else "-A"
                raise NotLookedAt(
                    f"you may not read objects of the kind {kind}{f' in {namespace}' if namespace else ''}",
                    f"run it as somebody who may: kubectl auth can-i get {kind.lower()} {where}",
                ) from error
            except NoSuchKind as error:
                raise NotLookedAt(f"the API server does not know the kind {kind}, see the definitions") from error

        return self.once(key, answer)

    def data(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """What a Secret holds; None where there is none. It is compared and used here, and never told (R9)."""
        secret = self.find("Secret", namespace, name)
        return None if secret is None else decoded(secret)

    # -- GitHub --------------------------------------------------------------------------------------------------------

    def key(self, app: str) -> AppKey:
        """An App's key: of the files that were given, else of the Secret that our steps, or its agent, use."""
        if self._keys is not None:
            key = self._keys.get(names.slug(app))
            if key is None:
                raise NotLookedAt(f"--app-keys has no key of the App {app}", "put the file there, or leave it out")
            return key
        # QA's key lies beside the release, too.
        elsewhere = {agent.github_app for agent_id, agent in self.settings.agents.items() if agent_id != "qa"}
        namespace = self.settings.controller_namespace if app in elsewhere else self.settings.namespace
        name = names.app_secret(app)
        try:
            data = self.data(namespace, name)
        except NotLookedAt as error:
            raise NotLookedAt(f"its key is not at hand: {error}", error.do) from error
        if data is None or faults_of_key(data):
            raise NotLookedAt(f"the Secret {name} in {namespace} is wrong, see there")
        return AppKey(int(data["app-id"].decode().strip()), data["private-key"].decode())

    @property
    def access(self) -> GitHubAccess:
        """The way to GitHub, whether or not it is asked."""

        def ask() -> GitHubAccess:
            shared = None if self._cluster is None or self.no_cluster else _Read(self._cluster, self.namespace)
            breaker = Breaker(self.clock, shared)
            return GitHubAccess(self.settings.github, self.key, self.clock, self.transport, breaker)

        return self.once(("access",), ask)

    @property
    def github(self) -> GitHubAccess:
        """GitHub, where it is asked at all and answers."""
        if self.no_github:
            raise NotLookedAt(self.no_github)
        return self.access

    @property
    def harness(self) -> str:
        """The name of the harness's App."""
        return self.settings.github.harness_app

    def installation(self, app: str, repo: str) -> dict[str, Any]:
        """An App's installation on a repository. InputError, TryAgain as `GitHubAccess.installation_of`."""
        github = self.github
        self.key(app)
        return self.once(("installation", app, repo), lambda: github.installation_of(app, repo))

    def reaches(self, app: str, repo: str) -> bool:
        """Whether an App is installed on a repository and not suspended, as far as its key can tell."""
        try:
            return not self.installation(app, repo).get("suspended_at")
        except (NotLookedAt, InputError):
            return False

    def speaking(self, app: str, repo: str, **permissions: str) -> Client:
        """A client as an App for a repository; NotLookedAt where it can't speak there, which another check tells."""
        github = self.github
        self.key(app)
        try:
            return github.installation(app, repo, permissions)
        except InputError as error:
            raise NotLookedAt(f"the App {app} can't speak for this repository, see there") from error


def decoded(secret: Manifest) -> dict[str, bytes]:
    """What a Secret holds."""
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


def is_unready(workload: Manifest) -> bool:
    """Whether a Deployment or StatefulSet has fewer ready pods than it wants."""
    wanted = workload["spec"].get("replicas", 1)
    return int((workload.get("status") or {}).get("readyReplicas") or 0) < int(wanted)


class _Read(RateLimits):
    """What the installation knows of GitHub's rate limits: kept to, and left as it is."""

    def write(self, key: str, text: str) -> None:
        """Nothing is changed here."""


def faults_of_key(data: Mapping[str, bytes]) -> str:
    """What is wrong with the Secret of an App's key, as the end of a sentence; empty where nothing is."""
    absent = [key for key in KEYS if not data.get(key, b"").strip()]
    if absent:
        return f"lacks {' and '.join(absent)}"
    if not data["app-id"].strip().isdigit():
        return "has an app-id that is no number"
    return "" if _is_rsa(data["private-key"]) else "has a private-key that is no RSA key in PEM"


def _is_rsa(pem: bytes) -> bool:
    try:
        signing_key(pem.decode())
    except (ValueError, TypeError, jwt.PyJWTError):
        return False
    return True
