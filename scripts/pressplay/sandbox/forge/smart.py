"""git over HTTP: `git http-backend` behind the forge's tokens, permissions and rules."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from pressplay.sandbox.forge import events, gitdata, merge_queue, rules
from pressplay.sandbox.forge.errors import ApiError
from pressplay.sandbox.forge.http import authenticate, permitted_repo, request_path
from pressplay.sandbox.forge.store import Row, Session, Store

PATH = re.compile(r"/([^/]+)/([^/]+?)\.git/(info/refs|git-upload-pack|git-receive-pack)")
_CHUNK = 1 << 16
_MEMORY = 1 << 20
HOOK = """#!/bin/sh
# Written by the forge. The environment has the refs that a push may not touch, one on each line.
nl='
'
case "$nl$PRESSPLAY_REFUSED$nl" in
  *"$nl$1$nl"*)
    printf 'error: GH013: Repository rule violations found for %s.\\n' "$1" >&2
    printf '%s\\n' "$PRESSPLAY_REASON" >&2
    exit 1 ;;
esac
case "$nl$PRESSPLAY_FAST_FORWARD$nl" in
  *"$nl$1$nl"*)
    case "$2$3" in *0000000000000000000000000000000000000000*) exit 0 ;; esac
    if ! git merge-base --is-ancestor "$2" "$3"; then
      printf 'error: GH013: Repository rule violations found for %s.\\nCannot force-push to this branch\\n' "$1" >&2
      exit 1
    fi ;;
esac
"""


class SmartHTTP:
    """The WSGI application for `/{owner}/{name}.git/…`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request of git's."""
        try:
            return self._answer(environ, start_response)
        except ApiError as error:
            headers = [("Content-Type", "text/plain; charset=utf-8")]
            if error.status == 401:
                headers.append(("WWW-Authenticate", 'Basic realm="GitHub"'))
            start_response(f"{error.status} {error.message}", headers)
            return [f"{error.message}\n".encode()]

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match = PATH.fullmatch(request_path(environ))
        if match is None:
            raise ApiError(404, "Not Found")
        owner, name, service = match.groups()
        query = environ.get("QUERY_STRING", "")
        push = service == "git-receive-pack" or "service=git-receive-pack" in query
        with self.store.session(write=False) as session:
            session.actor = authenticate(session, environ.get("HTTP_AUTHORIZATION", ""))
            level = "write" if push else "read"
            repo = permitted_repo(session, f"{owner}/{name}", (("contents", level),), level)
            actor = session.actor
        if service != "git-receive-pack":
            with tempfile.SpooledTemporaryFile(_MEMORY) as body:
                _copy(environ, body)
                return self._run(repo, service, environ, start_response, body, {}, ())
        with tempfile.SpooledTemporaryFile(_MEMORY) as body:
            _copy(environ, body)
            with self.store.pushing(repo["full_name"]) as lock:
                with self.store.session(write=False) as session:
                    session.actor = actor
                    refused = _refused(session, repo, _commands(body))
                try:
                    return self._run(repo, service, environ, start_response, body, refused, (lock,))
                finally:
                    with self.store.session(write=True) as session:
                        session.actor = actor
                        events.sync(session, session.repo(repo["id"]))
                        merge_queue.advance(session, session.repo(repo["id"]))

    def _run(
        self,
        repo: Row,
        service: str,
        environ: dict[str, Any],
        start_response: Callable[..., Any],
        body: IO[bytes],
        extra: dict[str, str],
        keep: tuple[int, ...],
    ) -> Iterable[bytes]:
        body.seek(0, os.SEEK_END)
        length = body.tell()
        body.seek(0)
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_PROJECT_ROOT": str(self.store.git_root.resolve()),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": os.devnull,
            "PATH_INFO": f"/{repo['full_name']}.git/{service}",
            "QUERY_STRING": environ.get("QUERY_STRING", ""),
            "REQUEST_METHOD": environ["REQUEST_METHOD"],
            "CONTENT_TYPE": environ.get("CONTENT_TYPE", ""),
            "CONTENT_LENGTH": str(length),
            "REMOTE_USER": "forge",
            "REMOTE_ADDR": environ.get("REMOTE_ADDR", ""),
            "GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""),
            **extra,
        }
        # http-backend decides by the content's length and type alone; the body is already decompressed.
        process = subprocess.Popen(
            ["git", "http-backend"],
            env=env,
            stdin=_real_file(body),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=keep,
            # Ctrl-C is not for git: what is under way ends whole.
            process_group=0,
        )
        output: IO[bytes] = process.stdout  # type: ignore[assignment]
        status, headers = "200 OK", []
        for line in iter(output.readline, b""):
            text = line.decode("latin-1").rstrip("\r\n")
            if not text:
                break
            key, _, value = text.partition(":")
            if key.lower() == "status":
                status = value.strip()
            else:
                headers.append((key, value.strip()))
        if service == "git-receive-pack":
            # The push must be over before its refs are compared.
            answer = output.read()
            output.close()
            process.wait()
            start_response(status, [*headers, ("Content-Length", str(len(answer)))])
            return [answer]
        start_response(status, headers)
        return _Stream(process, output)


class _Stream:
    """A child's output as WSGI wants it, the child reaped at the end however that comes."""

    def __init__(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        self._process = process
        self._output = output

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._output.read(_CHUNK):
            yield chunk

    def close(self) -> None:
        """Let the child go."""
        self._output.close()
        self._process.wait()


def _real_file(body: IO[bytes]) -> int:
    body.fileno()  # rolls a spooled file over to disk, keeping its position
    body.flush()
    os.lseek(body.fileno(), 0, os.SEEK_SET)
    return body.fileno()


def _copy(environ: dict[str, Any], into: IO[bytes]) -> None:
    source: IO[bytes] = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated") or environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        left = None
    else:
        left = int(environ.get("CONTENT_LENGTH") or 0)
    if environ.get("HTTP_CONTENT_ENCODING") in ("gzip", "x-gzip"):
        raw = source.read() if left is None else source.read(left)
        into.write(gzip.decompress(raw))
        return
    while left is None or left > 0:
        chunk = source.read(_CHUNK if left is None else min(_CHUNK, left))
        if not chunk:
            break
        into.write(chunk)
        left = None if left is None else left - len(chunk)


def _commands(body: IO[bytes]) -> list[tuple[str, str, str]]:
    """What a push asks for, (old, new, ref) each: the packet lines before the first flush (gitprotocol-pack)."""
    body.seek(0)
    commands: list[tuple[str, str, str]] = []
    while True:
        size = body.read(4)
        if len(size) < 4 or size == b"0000":
            return commands
        line = body.read(int(size, 16) - 4).partition(b"\0")[0].decode(errors="surrogateescape").rstrip("\n")
        parts = line.split(" ", 2)
        if len(parts) == 3 and gitdata.is_sha(parts[0]):
            commands.append((parts[0], parts[1], parts[2]))


def _refused(session: Session, repo: Row, commands: list[tuple[str, str, str]]) -> dict[str, str]:
    """The environment by which the update hook refuses what the rules forbid this actor."""
    refused, reasons, strict = [], [], []
    for old, new, name in commands:
        if not name.startswith(("refs/heads/", "refs/tags/")):
            refused.append(name)
            reasons.append("deny updating a hidden ref")
            continue
        if not name.startswith("refs/heads/"):
            continue
        reason, fast_forward = rules.refuses_update(
            session,
            repo,
            name[11:],
            None if old == gitdata.ZERO else old,
            None if new == gitdata.ZERO else new,
            session.actor,
        )
        if new == gitdata.ZERO and name == f"refs/heads/{repo['default_branch']}":
            reason = "refusing to delete the current branch"
        if reason:
            refused.append(name)
            reasons.append(reason)
        if fast_forward:
            strict.append(name)
    return {
        "PRESSPLAY_REFUSED": "\n".join(refused),
        "PRESSPLAY_REASON": "\n".join(dict.fromkeys(reasons)),
        "PRESSPLAY_FAST_FORWARD": "\n".join(strict),
    }


def write_hook(git_directory: Path) -> None:
    """Put the update hook in place."""
    hook = git_directory / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)
