"""What is asked of an API server: real HTTP on this machine, answered as kube-apiserver does."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml

from pressplay.cluster.argo_server import ArgoServer
from pressplay.cluster.kubernetes import KubernetesCluster, configured
from pressplay.cluster.port import Account, Forbidden, NoCluster, NoSuchKind, NotIn
from pressplay.errors import InputError, TryAgain

Server = tuple[KubernetesCluster, dict[str, tuple[int, bytes]], list[str]]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A cluster whose API server answers each path with what the dict says, and what it was asked."""
    answers = {"/version/": (200, b'{"major": "1", "minor": "34", "gitVersion": "v1.34.0"}')}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            code, body = answers.get(urlsplit(self.path).path, (404, failure(404, 'pods "gone" not found')))
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json" if code >= 400 else "text/plain")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append(f"{self.path} {body}")
            code, answer = answers[urlsplit(self.path).path]
            self.send_response(code)
            self.send_header("Content-Length", str(len(answer)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{httpd.server_port}"}}],
            "users": [{"name": "me", "user": {"token": "t"}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(file))
        with contextlib.closing(KubernetesCluster()) as cluster:
            yield cluster, answers, asked
        httpd.shutdown()
        thread.join(5)


def failure(code: int, message: str) -> bytes:
    return json.dumps({"kind": "Status", "apiVersion": "v1", "code": code, "message": message}).encode()


def test_a_container_s_log_is_asked_for_with_its_age_and_of_a_long_one_the_end_is_kept(server: Server):
    cluster, answers, asked = server
    answers["/api/v1/namespaces/shop/pods/web-0/log"] = (200, b"x" * 300_000 + b"\nthe end\n")
    assert cluster.logs("shop", "web-0", "web", 60, 9) == b"\nthe end\n"
    query = parse_qs(urlsplit(asked[0]).query)
    assert (query["container"], query["sinceSeconds"]) == (["web"], ["60"])
    assert cluster.logs("shop", "web-0", "", 60, 1_000_000) == b"x" * 300_000 + b"\nthe end\n"
    assert "container" not in asked[1]


def test_bytes_that_are_no_text_come_as_they_are(server: Server):
    cluster, answers, _ = server
    answers["/api/v1/namespaces/shop/pods/web-0/log"] = (200, bytes(range(256)))
    assert cluster.logs("shop", "web-0", "web", 60, 1000) == bytes(range(256))


def test_a_pod_that_is_gone_has_no_log(server: Server):
    assert server[0].logs("shop", "gone", "web", 60, 1000) is None


@pytest.mark.parametrize(
    ("code", "message", "raised"),
    [
        (403, 'pods "web-0" is forbidden: User "x" cannot get resource "pods/log"', InputError),
        (429, "too many requests", TryAgain),
        (500, "Get https://10.0.0.1:10250/containerLogs: connect: refused", TryAgain),
    ],
)
def test_faults_are_told_apart(server: Server, code: int, message: str, raised: type[Exception]):
    cluster, answers, _ = server
    answers["/api/v1/namespaces/shop/pods/web-0/log"] = (code, failure(code, message))
    with pytest.raises(raised, match=str(code)):
        cluster.logs("shop", "web-0", "web", 60, 1000)


def test_a_container_that_never_started_has_written_nothing(server: Server):
    cluster, answers, _ = server
    said = 'container "web" in pod "web-0" is waiting to start: ContainerCreating'
    answers["/api/v1/namespaces/shop/pods/web-0/log"] = (400, failure(400, said))
    assert cluster.logs("shop", "web-0", "web", 60, 1000) == b""


@pytest.mark.rule("R7")
def test_a_name_stays_a_part_of_the_path(server: Server):
    cluster, _, asked = server
    assert cluster.logs("shop", "../../secrets/a?x=", "web", 60, 1000) is None
    assert asked[0].startswith("/api/v1/namespaces/shop/pods/..%2F..%2Fsecrets%2Fa%3Fx%3D/log?")


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", "/apis/apps/v1/namespaces/shop/deployments/web"),
        ("StatefulSet", "/apis/apps/v1/namespaces/shop/statefulsets/web"),
        ("DaemonSet", "/apis/apps/v1/namespaces/shop/daemonsets/web"),
    ],
)
def test_workloads_are_found(server: Server, kind: str, path: str):
    cluster, answers, _ = server
    answers[path] = (200, json.dumps({"kind": kind, "metadata": {"name": "web"}}).encode())
    assert cluster.get(kind, "shop", "web") == {"kind": kind, "metadata": {"name": "web"}}


@pytest.mark.parametrize(
    ("kind", "namespace", "path"),
    [
        ("Namespace", "", "/api/v1/namespaces/x"),
        ("StorageClass", "", "/apis/storage.k8s.io/v1/storageclasses/x"),
        ("CustomResourceDefinition", "", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x"),
        ("EventBus", "ns", "/apis/argoproj.io/v1alpha1/namespaces/ns/eventbus/x"),
        ("NetworkPolicy", "ns", "/apis/networking.k8s.io/v1/namespaces/ns/networkpolicies/x"),
    ],
)
def test_what_doctor_reads_lies_where_kubernetes_has_it(server: Server, kind: str, namespace: str, path: str):
    cluster, answers, _ = server
    answers[path] = (200, json.dumps({"kind": kind, "metadata": {"name": "x"}}).encode())
    found = cluster.get(kind, namespace, "x")
    assert found is not None
    assert found["kind"] == kind


def test_of_all_namespaces_and_without_a_label(server: Server):
    cluster, answers, asked = server
    answers["/apis/apps/v1/deployments"] = (200, json.dumps({"items": [{"metadata": {"name": "a"}}]}).encode())
    assert [one["metadata"]["name"] for one in cluster.list("Deployment", "", {"a": "1", "b": None})] == ["a"]
    cluster.list("Deployment", "", {"c": NotIn({"3", "2"})})
    assert [parse_qs(urlsplit(path).query)["labelSelector"] for path in asked] == [["a=1,!b"], ["c notin (2,3)"]]


def test_nobody_asks_for_the_servers_version_but_who_wants_it(server: Server):
    """Each step's process would, once: 64 of 581 requests of a task were for it."""
    cluster, _, requests = server
    assert cluster.get("ConfigMap", "ns", "gone") is None
    assert requests == ["/api/v1/namespaces/ns/configmaps/gone"]
    cluster.server_version()
    assert requests[1:] == ["/version/"]


def test_the_servers_version(server: Server):
    assert server[0].server_version() == "v1.34.0"


@pytest.mark.parametrize("allowed", [True, False])
def test_what_an_account_may_is_the_servers_word(server: Server, allowed: bool):
    cluster, answers, asked = server
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    answers[path] = (201, json.dumps({"status": {"allowed": allowed}}).encode())
    assert cluster.may(Account("agents", "rex"), "get", "pods/log", "shop", "web-0") is allowed
    assert cluster.may(Account("agents", "rex"), "create", "tokenreviews.authentication.k8s.io", "") is allowed
    first, second = (json.loads(one.removeprefix(f"{path} "))["spec"] for one in asked)
    assert first == {
        "user": "system:serviceaccount:agents:rex",
        "groups": ["system:serviceaccounts", "system:serviceaccounts:agents", "system:authenticated"],
        "resourceAttributes": {
            **{"verb": "get", "resource": "pods", "subresource": "log"},
            **{"namespace": "shop", "name": "web-0"},
        },
    }
    assert second["resourceAttributes"] == {
        **{"verb": "create", "group": "authentication.k8s.io", "resource": "tokenreviews"},
    }


@pytest.mark.parametrize("code", [401, 403])
def test_who_may_not_is_told_apart(server: Server, code: int):
    cluster, answers, _ = server
    answers["/api/v1/namespaces/shop/secrets/s"] = (code, failure(code, "no"))
    with pytest.raises(Forbidden, match=f"secrets/s in namespace shop: {code} no"):
        cluster.get("Secret", "shop", "s")


def test_a_kind_that_is_not_served_is_told_apart_from_an_object_that_is_not_there(server: Server):
    cluster, answers, _ = server
    assert cluster.get("Sensor", "shop", "s") is None
    said = "the server could not find the requested resource"
    answers["/apis/argoproj.io/v1alpha1/namespaces/shop/sensors/s"] = (404, failure(404, said))
    with pytest.raises(NoSuchKind):
        cluster.get("Sensor", "shop", "s")


def test_whether_a_cluster_is_named_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/none:{tmp_path}/config")
    assert not configured()
    (tmp_path / "config").touch()
    assert configured()
    monkeypatch.delenv("KUBECONFIG")
    assert not configured()
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").touch()
    assert configured()


@pytest.mark.parametrize(
    ("status", "message", "ended"),
    [(200, "", True), (404, "gone", False), (500, "no suspend nodes matching id=n", False)],
)
def test_a_wait_is_ended_through_the_argo_server(status: int, message: str, ended: bool):
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, json={"message": message})

    argo = ArgoServer("https://argo.test/", token="t", transport=httpx.MockTransport(answer))
    with contextlib.closing(KubernetesCluster(argo)) as cluster:
        assert cluster.set_node("ns", "w", "n", "Succeeded", {"outcome": "merged"}) is ended
    assert str(asked[0].url) == "https://argo.test/api/v1/workflows/ns/w/set"
    assert asked[0].headers["authorization"] == "Bearer t"
    assert json.loads(asked[0].content)["outputParameters"] == '{"outcome": "merged"}'


@pytest.mark.parametrize(("status", "raised"), [(503, TryAgain), (403, InputError)])
def test_an_argo_server_that_refuses(status: int, raised: type[Exception]):
    argo = ArgoServer("https://argo.test", token="", transport=httpx.MockTransport(lambda _: httpx.Response(status)))
    with contextlib.closing(KubernetesCluster(argo)) as cluster, pytest.raises(raised, match=str(status)):
        cluster.set_node("ns", "w", "n", "Succeeded", {})


def test_the_argo_server_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PRESSPLAY_ARGO_URL", raising=False)
    assert ArgoServer.from_environment() is None
    monkeypatch.setenv("PRESSPLAY_ARGO_URL", "https://argo.test/")
    monkeypatch.setenv("PRESSPLAY_ARGO_TOKEN", "t")
    found = ArgoServer.from_environment()
    assert found is not None
    assert (found.url, found.token) == ("https://argo.test", "t")
    monkeypatch.setenv("PRESSPLAY_ARGO_AUTH", "none")
    found = ArgoServer.from_environment()
    assert found is not None
    assert found.token == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("apiVersion: v1", "current-context"),
        ("[]", "KUBECONFIG can't be read"),
        ("a: [", "flow node"),
        ("current-context: gone", "gone"),
        (
            yaml.safe_dump(
                {
                    "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
                    "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                    "users": [
                        {
                            "name": "a",
                            "user": {
                                "exec": {
                                    "apiVersion": "client.authentication.k8s.io/v1",
                                    "command": "sh",
                                    "args": ["-c", "echo your session has expired >&2; exit 1"],
                                }
                            },
                        }
                    ],
                    "current-context": "a",
                }
            ),
            "your session has expired",
        ),
    ],
    ids=["no current context", "a list", "no YAML", "a context that is not there", "an expired login"],
)
def test_a_kubeconfig_that_leads_nowhere_is_told(text, told, tmp_path, monkeypatch):
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(file))
    cluster = KubernetesCluster()
    with pytest.raises(NoCluster, match="no cluster to use") as raised:
        cluster.get("ConfigMap", "press-play", "press-play-config")
    assert told in str(raised.value)
    cluster.close()
