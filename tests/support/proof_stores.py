"""Real stores for proofs, each a process of its own, and a proxy before them that asks who is there, or fails."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).parents[2]
BUCKET, REPOSITORY = "proofs", "team/proofs"
USER, PASSWORD = "harness", "a:pass word"
TOKEN = "given-by-the-token-service"


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def served(command: list[str], port: int, **environment: str) -> Iterator[str]:
    """A server's address, once it accepts connections."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, f"{command[0]} ended"
                assert time.monotonic() < until, f"{command[0]} does not answer"
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def registry() -> Iterator[str]:
    """An OCI registry: go-containerregistry's, which keeps everything in memory."""
    program = subprocess.run([ROOT / "tools/get", "registry"], capture_output=True, text=True, check=True).stdout
    port = free_port()
    with served([program.strip(), "-port", str(port)], port) as address:
        yield address


@contextmanager
def s3() -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    """A server of S3 that checks signatures and rights, and the access keys of `writer` and `reader` of BUCKET."""
    rights = {"writer": "s3:*", "reader": "s3:GetObject"}
    port = free_port()
    # For each user three calls, and one for the bucket; from then on only who signs is answered.
    with served(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        port,
        INITIAL_NO_AUTH_ACTION_COUNT=str(3 * len(rights) + 1),
    ) as address:
        options: dict[str, Any] = {
            "endpoint_url": f"http://{address}",
            "region_name": "us-east-1",
            "aws_access_key_id": "nobody",
            "aws_secret_access_key": "nothing",
            "config": Config(s3={"addressing_style": "path"}),
        }
        boto3.client("s3", **options).create_bucket(Bucket=BUCKET)
        iam, keys = boto3.client("iam", **options), {}
        for user, right in rights.items():
            iam.create_user(UserName=user)
            statement = {"Effect": "Allow", "Action": right, "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName=user, PolicyName=user, PolicyDocument=policy)
            key = iam.create_access_key(UserName=user)["AccessKey"]
            keys[user] = {"access-key-id": key["AccessKeyId"], "secret-access-key": key["SecretAccessKey"]}
        yield address, keys


class Proxy:
    """What is between a client and a server: nothing, a login (`basic`, `bearer`), or faults.

    `faults`: pairs of a pattern of `METHOD /path`, and the status that is answered instead. `asked`: each request.
    """

    def __init__(self, upstream: str, login: str = "") -> None:
        self.faults: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.login = login
        self.realm = ""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                line = f"{self.command} {self.path}"
                proxy.asked.append(line)
                status, headers, answer = proxy._answer(line, dict(self.headers), upstream, body)
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(answer))
                self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else answer)

            do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(
        self, line: str, headers: dict[str, str], upstream: str, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        for pattern, status in self.faults:
            if re.match(pattern, line):
                # In both protocols, as their servers write it.
                fault = {"code": "DENIED", "message": "the proxy says no"}
                xml = "<Error><Code>Denied</Code><Message>the proxy says no</Message></Error>"
                return status, {}, json.dumps({"errors": [fault]}).encode() if " /v2/" in line else xml.encode()
        authorization = headers.get("Authorization", "")
        known = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        if line.startswith("GET /token"):
            right = authorization == known
            return (200, {}, json.dumps({"token": TOKEN}).encode()) if right else (401, {}, b'{"details": "who?"}')
        if self.login and authorization != (known if self.login == "basic" else f"Bearer {TOKEN}"):
            realm = self.realm or f"http://{self.address}/token"
            challenge = {
                "basic": 'Basic realm="proofs"',
                "bearer": f'Bearer realm="{realm}",service="proofs",scope="repository:{REPOSITORY}:pull,push"',
            }[self.login]
            fault = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
            return 401, {"WWW-Authenticate": challenge}, json.dumps(fault).encode()
        method, _, path = line.partition(" ")
        connection = http.client.HTTPConnection(upstream, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()


@contextmanager
def proxied(upstream: str, login: str = "") -> Iterator[Proxy]:
    proxy = Proxy(upstream, login)
    try:
        yield proxy
    finally:
        proxy.close()


def docker_config(host: str, user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    """What a Secret of type kubernetes.io/dockerconfigjson holds."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {".dockerconfigjson": json.dumps({"auths": {host: {"auth": auth}}})}
