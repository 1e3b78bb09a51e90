"""`pressplay serve` as the chart starts it: the rendered settings, a mounted key, tokens reviewed over TLS, a drain."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import yaml
from hub import REPO, Hub, serving
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from pressplay.validation import helm

pytestmark = pytest.mark.rule("FR9")
OWN = "own.token.ofthepod"
TOKENS = {"good.token.ofrex": ("agent-platform", "rex"), "other.token.ofsomebody": ("elsewhere", "default")}


@pytest.fixture
def hub(tmp_path):
    made = Hub(tmp_path)
    yield made
    made.close()


@contextlib.contextmanager
def api_server(folder: Path):
    """The API server's TokenReview over TLS, and a pod's token and authority in `folder`; its port."""
    authority = trustme.CA()
    folder.mkdir()
    authority.cert_pem.write_to_path(folder / "ca.crt")
    (folder / "token").write_text(OWN)

    @Request.application
    def app(request: Request) -> Response:
        assert request.headers["Authorization"] == f"Bearer {OWN}"
        spec = request.get_json()["spec"]
        assert spec["audiences"] == ["press-play"]
        found = TOKENS.get(spec["token"])
        status: dict[str, Any] = {"authenticated": False}
        if found is not None:
            user = {"username": f"system:serviceaccount:{found[0]}:{found[1]}"}
            status = {"authenticated": True, "user": user, "audiences": spec["audiences"]}
        return Response(json.dumps({"kind": "TokenReview", "status": status}), 201, content_type="application/json")

    class Quiet(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(20)
        server.server_close()


def chart_documents() -> list[dict[str, Any]]:
    """The chart with comments served to the controller's namespace."""
    values = {
        "repositories": {REPO: {}},
        "serve.auth.callers": [{"serviceAccount": "agent-platform/*", "repositories": [REPO]}],
    }
    sets = [word for key, value in values.items() for word in ("--set-json", f"{key}={json.dumps(value)}")]
    root = helm.repository()
    text = helm.run(root, "template", helm.RELEASE, "chart", "--namespace", helm.NAMESPACE, *sets)
    return [document for document in yaml.safe_load_all(text) if document]


def mounted(hub: Hub, folder: Path) -> tuple[list[str], Path]:
    """What the rendered Deployment mounts, set for this machine, and its arguments; and the folder of the App's key."""
    documents = chart_documents()
    maps = {d["metadata"]["name"]: d["data"] for d in documents if d["kind"] == "ConfigMap"}
    (deployment,) = (d for d in documents if d["kind"] == "Deployment" and d["metadata"]["name"] == "press-play-serve")
    serve, config = (
        json.loads(maps["press-play-serve"]["serve.json"]),
        json.loads(maps["press-play-config"]["config.json"]),
    )
    serve |= {"port": 0, "host": "127.0.0.1", "stop": {"drainSeconds": 4, "seconds": 10}}
    config["repositories"] = {REPO: {}}
    config["github"] |= {"apiURL": f"{hub.server.url}/api/v3", "gitURL": hub.server.url, "webURL": hub.server.url}
    files = {"serve/serve.json": serve, "config/config.json": config}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(json.dumps(content))
    (folder / "app").mkdir()
    (folder / "app/app-id").write_text(str(hub.app_id))
    (folder / "app/private-key").write_text(hub.key.read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return [argument.replace("/etc/press-play", str(folder)) for argument in container["args"]], folder / "app"


@pytest.mark.rule("R3")
@pytest.mark.rule("R9")
def test_the_charts_pod_answers_serviceaccounts_says_when_it_is_not_ready_and_drains(hub, tmp_path):
    hub.says("hello")
    account = tmp_path / "account"
    with api_server(account) as port:
        arguments, key = mounted(hub, tmp_path / "mounted")
        # Where a pod finds its own token cannot be made here.
        told = f"import pathlib, pressplay.cluster.tokens as t; t.FOLDER = pathlib.Path({str(account)!r})"
        command = [sys.executable, "-c", f"{told}; import pressplay.cli as c; c.run()"]
        env = {**os.environ, "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
        with (
            serving(*arguments, command=command, env=env) as (process, url, lines),
            httpx.Client(base_url=url) as client,
        ):
            path = f"/v1/repos/{REPO}/pulls/{hub.number}/comments"

            def asked(token: str) -> httpx.Response:
                return client.get(path, headers={"Authorization": f"Bearer {token}"}, timeout=30)

            assert asked("good.token.ofrex").json()["threads"][0]["said"][0]["body"] == "hello"
            assert [asked(token).status_code for token in ("other.token.ofsomebody", "made.up.token", "x")] == [
                403,
                401,
                401,
            ]
            assert client.get("/readyz").status_code == 200
            (key / "private-key").rename(key / "away")
            missing = client.get("/readyz")
            assert missing.status_code == 503
            assert missing.text.startswith("there is no key of the App 'press-play-serve', as which comments are read")
            assert "lacks app-id (a number) or private-key" in missing.text
            assert "`pressplay apps` creates the App" in missing.text
            (key / "away").rename(key / "private-key")
            process.send_signal(signal.SIGTERM)
            until = time.monotonic() + 3
            while client.get("/readyz").text != "stopping\n":
                assert time.monotonic() < until
            # Who has not heard of it yet is answered all the same.
            assert asked("good.token.ofrex").status_code == 200
            assert process.wait(20) == 0
    log = "".join(lines)
    assert "system:serviceaccount:agent-platform:rex" in log
    for secret in (*TOKENS, OWN, "PRIVATE", base64.b64encode(b"PRIVATE").decode(), "hello"):
        assert secret not in log
