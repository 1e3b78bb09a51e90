"""`pressplay play --serve`: a sandbox that stays, and takes webhooks that `pressplay event send` signs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from harness import project, task

PRESSPLAY = [sys.executable, "-c", "import pressplay.cli as c; c.run()"]
PUSH = {
    "ref": "refs/heads/main",
    "after": "0123456789abcdef0123456789abcdef01234567",
    "deleted": False,
    "repository": {"full_name": "local/project", "default_branch": "main"},
    "sender": {"login": "somebody", "type": "User"},
}


def send(url: str, payload: Path, secret: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["event", "send", str(payload), "--event", "push", "--url", url, "--secret-file", str(secret)]
    return subprocess.run([*PRESSPLAY, *arguments], capture_output=True, text=True, check=False, timeout=60)


def asked_for_comments(state: Path) -> str:
    """What `pressplay serve` of this sandbox answers for a pull request that is not there; by its own token alone."""
    served = subprocess.Popen(
        [*PRESSPLAY, "serve", "--sandbox", str(state), "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert served.stderr is not None
        url = next(found[1] for line in served.stderr if (found := re.search(r"HTTP at (\S+)/v1", line)))
        token = (state / "serve-token").read_text().strip()
        address, headers = f"{url}/v1/repos/local/project/pulls/1/comments", {"Authorization": f"Bearer {token}"}
        with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as client:
            assert client.get(address).status_code == 401
            return client.get(address, headers=headers, timeout=30).text
    finally:
        served.send_signal(signal.SIGTERM)
        served.communicate(timeout=60)


@pytest.mark.rule("R2")
@pytest.mark.rule("R8")
def test_a_sandbox_that_serves_takes_what_is_signed_refuses_the_rest_and_ends_when_asked(tmp_path):
    source, state, payload = project(tmp_path, [task(1, status="done")]), tmp_path / "state", tmp_path / "push.json"
    payload.write_text(json.dumps(PUSH))
    served = subprocess.Popen(
        [*PRESSPLAY, "play", str(source), "--agent", "true", "--serve", "--state", str(state)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert served.stderr is not None
        line = next(line for line in served.stderr if line.startswith("webhooks: "))
        url, secret = re.fullmatch(r"webhooks: (\S+), signed with the secret in (\S+)\n", line).groups()
        assert Path(secret).stat().st_mode & 0o777 == 0o600
        taken = send(url, payload, Path(secret))
        assert taken.returncode == 0, taken.stderr
        (tmp_path / "other").write_text("guessed")
        refused = send(url, payload, tmp_path / "other")
        assert refused.returncode != 0
        assert "400" in refused.stdout + refused.stderr
        assert "local/project has no pull request 1" in asked_for_comments(state)
    finally:
        served.send_signal(signal.SIGTERM)
        served.communicate(timeout=60)
    log = (state / "sandbox.log").read_text()
    assert "(push): starts signal as signal-" in log
    assert "refused: the signature is wrong" in log
