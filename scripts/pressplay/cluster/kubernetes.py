"""The `Cluster` port over a real Kubernetes (kr8s), and the Argo Server for `set_node`.

Sources: Kubernetes API conventions (server-side apply is left to Argo's resource templates; here an object is created
or merged, so that writers of different keys of a ConfigMap never lose one another's), Argo Server's
`PUT /api/v1/workflows/{namespace}/{name}/set`.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import yaml
from kr8s import APITimeoutError, ServerError
from kr8s.asyncio import Api

from pressplay.cluster import rbac
from pressplay.cluster.argo_server import ArgoServer, words
from pressplay.cluster.kinds import KINDS
from pressplay.cluster.port import Account, Forbidden, Labels, Manifest, NoCluster, NodePhase, NoSuchKind, NotIn
from pressplay.errors import InputError, TryAgain

_PAGE = 500
_LONGEST_LOG = 64 * 1024 * 1024
"""Bytes of a log that are read to reach its end; a kubelet rotates a log at 10 MiB by default."""
_LOG_SECONDS = 60
_CONNECT_SECONDS = 10.0
_PASSING = (408, 409, 425, 429)
_IN_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_MERGE = {"Content-Type": "application/merge-patch+json"}


def configured() -> bool:
    """Whether anything names a cluster: KUBECONFIG, the file that is taken without it, or the pod that this runs in."""
    named = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    files = [*named.split(os.pathsep), *([] if os.environ.get("KUBECONFIG") else [str(_IN_POD)])]
    return any(Path(file).is_file() for file in files)


class KubernetesCluster:
    """See `pressplay.cluster.port.Cluster`. One call at a time; safe to share between threads."""

    def __init__(self, argo: ArgoServer | None = None, before: Callable[[], None] = lambda: None) -> None:
        """Use the cluster of KUBECONFIG, or in a pod that of the ServiceAccount.

        `argo`: the Argo Server, needed only to end waits. `before` is called before each request; what it raises keeps
        that from being sent.
        """
        self._lock = threading.Lock()
        self._runner = asyncio.Runner()
        self._api: Any = None
        self._argo = argo
        self._before = before

    @classmethod
    def from_environment(cls, before: Callable[[], None] = lambda: None) -> KubernetesCluster:
        """With the Argo Server that the environment names (`ArgoServer.from_environment`); `before` as above."""
        return cls(ArgoServer.from_environment(), before)

    def close(self) -> None:
        """Close the connections and the loop that they live in."""
        with self._lock:
            session = getattr(self._api, "_session", None)
            if session is not None:
                self._runner.run(session.aclose())
            self._runner.close()

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """See `Cluster.get`."""
        return self._call("GET", kind, namespace, name)

    def list(self, kind: str, namespace: str, labels: Labels | None = None) -> list[Manifest]:
        """See `Cluster.list`; in pages, so that a large namespace is not one answer."""
        api_version = KINDS[kind][0] if kind in KINDS else ""
        selector = ",".join(_requirement(label, wanted) for label, wanted in (labels or {}).items())
        items: list[Manifest] = []
        token = ""
        while True:
            query = {"limit": str(_PAGE), "labelSelector": selector, "continue": token}
            page = self._call("GET", kind, namespace, "", query={k: v for k, v in query.items() if v}) or {}
            # A list leaves out what all its items share.
            items += [{"apiVersion": api_version, "kind": kind, **item} for item in page.get("items", [])]
            token = page.get("metadata", {}).get("continue", "")
            if not token:
                return sorted(items, key=lambda item: item["metadata"]["name"])

    def create(self, manifest: Manifest) -> bool:
        """See `Cluster.create`."""
        kind, namespace, _ = _identity(manifest)
        try:
            self._call("POST", kind, namespace, "", manifest)
        except _ExistsError:
            return False
        return True

    def apply(self, manifest: Manifest) -> Manifest:
        """See `Cluster.apply`."""
        kind, namespace, name = _identity(manifest)
        patch = {key: value for key, value in manifest.items() if key != "status"}
        merged = self._call("PATCH", kind, namespace, name, patch, headers=_MERGE)
        if merged is not None:
            return merged
        try:
            created = self._call("POST", kind, namespace, "", _without_nulls(patch))
        except _ExistsError:
            created = self._call("PATCH", kind, namespace, name, patch, headers=_MERGE)
        return created or manifest

    def set_status(self, kind: str, namespace: str, name: str, status: Mapping[str, Any]) -> bool:
        """See `Cluster.set_status`."""
        patch = {"status": dict(status)}
        return self._call("PATCH", kind, namespace, f"{name}/status", patch, headers=_MERGE) is not None

    def delete(self, kind: str, namespace: str, name: str) -> bool:
        """See `Cluster.delete`."""
        return self._call("DELETE", kind, namespace, name) is not None

    def set_node(
        self,
        namespace: str,
        workflow: str,
        node_id: str,
        phase: NodePhase,
        outputs: Mapping[str, str],
        message: str = "",
    ) -> bool:
        """See `Cluster.set_node`."""
        if self._argo is None:
            raise InputError(
                "no address of the Argo Server: set argo.server.url in the chart's values, or PRESSPLAY_ARGO_URL (and "
                "_TOKEN, _CA) where you call pressplay yourself; what waits is also woken by reconcile within minutes"
            )
        body = {
            "namespace": namespace,
            "name": workflow,
            "nodeFieldSelector": f"id={node_id}",
            "phase": phase,
            "message": message,
            "outputParameters": json.dumps(dict(outputs)) if outputs else "",
        }
        self._before()
        answer = self._argo.call("PUT", f"/api/v1/workflows/{quote(namespace)}/{quote(workflow)}/set", body)
        if answer.is_success:
            return True
        text = words(answer)
        # Argo answers 500, "set only targets suspend nodes: no suspend nodes matching …", for a wait that has ended.
        if answer.status_code == 404 or "no suspend nodes matching" in text:
            return False
        if answer.status_code >= 500 or answer.status_code in _PASSING:
            raise TryAgain(f"Argo Server: {answer.status_code} {text}")
        raise InputError(f"Argo Server: PUT …/set: {answer.status_code} {text}; see argo.server in the chart's values")

    def logs(self, namespace: str, pod: str, container: str, since_seconds: int, limit_bytes: int) -> bytes | None:
        """See `Cluster.logs`. Kubernetes' own `limitBytes` keeps a log's beginning, so its end is kept here."""
        query = {"container": container, "sinceSeconds": str(since_seconds), "limitBytes": str(_LONGEST_LOG)}
        url = f"pods/{quote(pod, safe='')}/log?{urlencode({k: v for k, v in query.items() if v})}"
        try:
            with self._lock:
                return self._runner.run(self._tail(namespace, url, limit_bytes))
        except InputError as error:
            # A container that never started, or whose log its node has thrown away.
            if ": 400 " in str(error):
                return b""
            raise

    def watch(
        self, kind: str, namespace: str, name: str, is_over: Callable[[Manifest | None], bool], seconds: float
    ) -> None:
        """Return once the object, None when it is deleted, is as `is_over` wants it, or after `seconds`.

        TryAgain if the server ends the watch with a fault. One that is not there yet is waited for.
        """
        version, plural = KINDS[kind]
        query = {"fieldSelector": f"metadata.name={name}", "watch": "true", "timeoutSeconds": str(max(1, int(seconds)))}
        with self._lock:
            self._runner.run(self._watch(version, namespace, f"{plural}?{urlencode(query)}", is_over, seconds))

    def server_version(self) -> str:
        """See `Cluster.server_version`."""
        answer = self._send("GET", "", "", "", {"base": "/version"})
        return str(json.loads(answer or b"{}").get("gitVersion", ""))

    def may(self, account: Account, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """See `Cluster.may`: a SubjectAccessReview, which the server answers and keeps nothing of."""
        group, plural, sub = rbac.parts(resource)
        wanted = {"verb": verb, "group": group, "resource": plural, "subresource": sub}
        wanted |= {"namespace": namespace, "name": name}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": rbac.user(account),
                "groups": rbac.groups(account),
                "resourceAttributes": {key: value for key, value in wanted.items() if value},
            },
        }
        options = {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}
        answer = self._send("POST", "authorization.k8s.io/v1", "", "subjectaccessreviews", options)
        return bool(json.loads(answer or b"{}").get("status", {}).get("allowed"))

    def _call(
        self,
        method: str,
        kind: str,
        namespace: str,
        name: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Manifest | None:
        """One request; None for 404."""
        if kind not in KINDS:
            raise InputError(f"kind {kind!r}: expected one of {', '.join(sorted(KINDS))}")
        version, plural = KINDS[kind]
        url = f"{plural}/{name}" if name else plural
        if query:
            url += f"?{urlencode(query)}"
        options: dict[str, Any] = {}
        if body is not None:
            options["content"] = json.dumps(body)
            options["headers"] = dict(headers or {"Content-Type": "application/json"})
        answer = self._send(method, version, namespace, url, options)
        if answer is None:
            return None
        result: Manifest = json.loads(answer)
        return result

    def _send(self, method: str, version: str, namespace: str, url: str, options: dict[str, Any]) -> bytes | None:
        """One request; the answer's body, None for 404."""
        self._before()
        with self._lock:
            return self._runner.run(self._request(method, version, namespace, url, options))

    async def _request(
        self, method: str, version: str, namespace: str, url: str, options: dict[str, Any]
    ) -> bytes | None:
        try:
            if self._api is None:
                self._api = await _connect()
            async with self._api.call_api(method, version=version, namespace=namespace, url=url, **options) as answer:
                body: bytes = answer.content
                return body
        except (ServerError, APITimeoutError, httpx.HTTPError) as error:
            _fault(error, method, namespace, url)
            return None
        except RuntimeError as error:
            # After a 401 kr8s runs the credentials program again.
            raise _no_cluster(error) from error

    async def _watch(
        self, version: str, namespace: str, url: str, is_over: Callable[[Manifest | None], bool], seconds: float
    ) -> None:
        try:
            if self._api is None:
                self._api = await _connect()
            patience = httpx.Timeout(_CONNECT_SECONDS, read=seconds + _CONNECT_SECONDS)
            async with self._api.call_api(
                "GET", version=version, namespace=namespace, url=url, stream=True, timeout=patience
            ) as answer:
                async for line in answer.aiter_lines():
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise TryAgain(f"GET {url}: {event['object'].get('message', 'the watch ended')}")
                    if is_over(None if event["type"] == "DELETED" else event["object"]):
                        return
        except (ServerError, APITimeoutError, httpx.HTTPError) as error:
            _fault(error, "GET", namespace, url)

    async def _tail(self, namespace: str, url: str, most: int) -> bytes | None:
        """The last `most` bytes of a text; None for 404. It is read in pieces, and no longer than a minute."""
        kept = b""
        try:
            if self._api is None:
                self._api = await _connect()
            async with (
                asyncio.timeout(_LOG_SECONDS),
                self._api.call_api("GET", version="v1", namespace=namespace, url=url, stream=True) as answer,
            ):
                async for piece in answer.aiter_bytes():
                    kept = (kept + piece)[-most:]
        except TimeoutError as error:
            raise TryAgain(f"GET {url}: not read within {_LOG_SECONDS} s") from error
        except (ServerError, APITimeoutError, httpx.HTTPError) as error:
            _fault(error, "GET", namespace, url)
            return None
        return kept


def _fault(error: Exception, method: str, namespace: str, url: str) -> None:
    """Raise the port's error for a fault; return if the server says that there is no such thing (404)."""
    if not isinstance(error, ServerError):
        raise TryAgain(f"{method} {url}: {type(error).__name__}") from error
    code = error.response.status_code if error.response is not None else 500
    if code == 404 and "the server could not find the requested resource" not in str(error):
        return
    if code == 409 and method == "POST":
        raise _ExistsError from error
    if code in _PASSING or code >= 500:
        raise TryAgain(f"{method} {url}: {code} {error}") from error
    refused = Forbidden if code in (401, 403) else NoSuchKind if code == 404 else InputError
    where = f" in namespace {namespace}" if namespace else ""
    raise refused(f"{method} {url or 'version'}{where}: {code} {error}") from error


class _Api(Api):
    """Without asking for the server's version first: each process would, and the doctor is there for it."""

    async def _check_version(self) -> None:
        pass


async def _connect() -> Any:
    try:
        return await _Api(bypass_factory=True)
    # kr8s raises these for an invalid KUBECONFIG, and RuntimeError if the credentials program fails.
    except (ValueError, OSError, LookupError, TypeError, AttributeError, RuntimeError, yaml.YAMLError) as error:
        raise _no_cluster(error) from error


def _no_cluster(error: Exception) -> NoCluster:
    message = " ".join(str(error).split())
    if isinstance(error, LookupError | TypeError | AttributeError):
        message = f"KUBECONFIG can't be read: {type(error).__name__} {message}"
    return NoCluster(f"no cluster to use ({message}): set KUBECONFIG, or give a sandbox's folder with --state")


def _requirement(label: str, wanted: str | NotIn | None) -> str:
    if isinstance(wanted, NotIn):
        return f"{label} notin ({','.join(sorted(wanted))})"
    return f"!{label}" if wanted is None else f"{label}={wanted}"


class _ExistsError(Exception):
    """An object of this name is there already."""


def _identity(manifest: Manifest) -> tuple[str, str, str]:
    return manifest["kind"], manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value
