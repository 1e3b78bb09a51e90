"""Pods' logs from an API server: real HTTP on this machine, answered as kube-apiserver does."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from pressplay.cluster.kubernetes import KubernetesCluster
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
            if self.path != "/version/":
                asked.append(self.path)
            code, body = answers.get(urlsplit(self.path).path, (404, failure(404, 'pods "gone" not found')))
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json" if code >= 400 else "text/plain")
            self.end_headers()
            self.wfile.write(body)

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
