"""The port to a cluster: everything that Press Play asks of Kubernetes and Argo, in a few verbs.

Adapters: `cluster.kubernetes` for a real cluster, `cluster.sqlite` for the sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

from pressplay.errors import InputError

Manifest = dict[str, Any]
"""A Kubernetes object as JSON has it."""


class NotIn(frozenset[str]):
    """Any value of a label but these, or no such label: `notin` of a label selector."""


Labels = Mapping[str, str | NotIn | None]
"""What labels objects must have; None: must not have it, with any value."""


def matches(manifest: Manifest, labels: Labels) -> bool:
    """Whether an object has the labels that are wanted."""
    has = manifest["metadata"].get("labels") or {}
    return all(
        has.get(label) not in wanted if isinstance(wanted, NotIn) else has.get(label) == wanted
        for label, wanted in labels.items()
    )


NodePhase = Literal["Succeeded", "Failed"]


class Forbidden(InputError):
    """Whoever asks may not: the server answered 401 or 403."""


class NoSuchKind(InputError):
    """The API server serves no objects of this kind: its definition is not there."""


class NoCluster(InputError):
    """There is no cluster to ask: no configuration names one."""


class Account(NamedTuple):
    """A ServiceAccount."""

    namespace: str
    name: str


class Cluster(Protocol):
    """What a step may ask of a cluster. Kinds are named by `kind` alone (`ConfigMap`, `Workflow`, `CodeRun` …).

    What belongs to no namespace (`Namespace`, `StorageClass` …) has an empty one; a list over an empty one is of all.

    Every method raises TryAgain for a passing fault (a conflict, a 429, a 5xx, no answer) and InputError for what
    stays wrong (Forbidden, Invalid, an unknown kind), with the server's own words.
    """

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The object, or None if there is none."""
        ...

    def list(self, kind: str, namespace: str, labels: Labels | None = None) -> list[Manifest]:
        """All objects of a kind in a namespace that carry all of `labels`, by name."""
        ...

    def create(self, manifest: Manifest) -> bool:
        """Create the object; False, with nothing changed, if one of this name exists."""
        ...

    def apply(self, manifest: Manifest) -> Manifest:
        """Create the object or merge `manifest` into it (RFC 7386: null removes); `status` stays."""
        ...

    def set_status(self, kind: str, namespace: str, name: str, status: Mapping[str, Any]) -> bool:
        """Merge into the object's status (RFC 7386); False if there is no such object."""
        ...

    def delete(self, kind: str, namespace: str, name: str) -> bool:
        """Delete the object; False if there was none."""
        ...

    def set_node(
        self,
        namespace: str,
        workflow: str,
        node_id: str,
        phase: NodePhase,
        outputs: Mapping[str, str],
        message: str = "",
    ) -> bool:
        """End a suspended node of a Workflow with a phase and output parameters, as Argo Server's `set` does.

        False, and nothing changed, where the Workflow or the node is not there or no longer runs.
        """
        ...

    def logs(self, namespace: str, pod: str, container: str, since_seconds: int, limit_bytes: int) -> bytes | None:
        """What a container of a Pod wrote in the last `since_seconds`, its newest `limit_bytes`; None without the Pod.

        `container`: empty for a Pod that has only one. Empty if it never started, or its node dropped the log.
        It is data of the code that ran there (R7).
        """
        ...

    def server_version(self) -> str:
        """The version of the API server: `v1.34.4`."""
        ...

    def may(self, account: Account, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """Whether an account may do this to a resource (`secrets`, `pods/log`, `workflows.argoproj.io`).

        `namespace`: empty for what belongs to none; `name`: the one of this name, empty for any.
        """
        ...
