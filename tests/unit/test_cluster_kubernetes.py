"""The port to Kubernetes over real HTTP, as far as no cluster is needed: what a Pod printed."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest


class Api(http.server.BaseHTTPRequestHandler):
    """Answers for one Pod of each kind."""

    asked: list[str]

    def do_GET(self):
        self.asked.append(self.path)
        status, body = 200, b"said \xff\n"
        if self.path.startswith("/version"):
            body = json.dumps({"major": "1", "minor": "34", "gitVersion": "v1.34.0"}).encode()
        elif "/pods/waiting/" in self.path:
            status, body = 400, self.refusal(400, "container is waiting to start")
        elif "/pods/gone/" in self.path:
            status, body = 404, self.refusal(404, 'pods "gone" not found')
        elif "/pods/forbidden/" in self.path:
            status, body = 403, self.refusal(403, "pods/log is forbidden")
        elif "/pods/busy/" in self.path:
            status, body = 500, self.refusal(500, "no")
        elif self.path.endswith("/configmaps/x"):
            body = json.dumps({"kind": "ConfigMap", "metadata": {"name": "x"}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def refusal(code, message):
        return json.dumps({"kind": "Status", "status": "Failure", "message": message, "code": code}).encode()

    def log_message(self, *_):
        pass


@pytest.fixture
def asked(tmp_path, monkeypatch) -> Iterator[list[str]]:
    seen: list[str] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Api,), {"asked": seen}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "press-play"}}],
        "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    yield seen
    server.shutdown()
    server.server_close()


ASK = """
import json, sys
from pressplay.cluster.kubernetes import KubernetesCluster
from pressplay.errors import PressPlayError
cluster, said = KubernetesCluster(), []
for pod in ("x", "waiting", "gone", "forbidden", "busy"):
    try:
        said.append(cluster.log("press-play", pod, 4000))
    except PressPlayError as error:
        said.append(f"{type(error).__name__}: {error}")
print(json.dumps([said, cluster.get("ConfigMap", "press-play", "x")]))
"""


def test_what_a_pod_printed_is_read_cut_and_a_pod_with_nothing_to_say_is_no_fault(asked):
    # In a process of its own: kr8s leaves its connections to the end of one.
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True, timeout=60)
    said, found = json.loads(done.stdout)
    assert said[:3] == ["said \ufffd\n", "", ""]
    assert said[3].startswith("InputError: GET pods/forbidden/log")
    assert ": 403 " in said[3]
    assert said[4].startswith("TryAgain: GET pods/busy/log")
    assert "/api/v1/namespaces/press-play/pods/x/log?container=main&limitBytes=4000" in asked
    assert found == {"kind": "ConfigMap", "metadata": {"name": "x"}}
