"""Comments served from a pod: whose tokens it takes, by the word of a real API server, and that it reads the forge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cluster import CONTROLLER, kubectl
from installation import NAMESPACE, REPO, Installed, install, project_of
from services import forwarded

pytestmark = [pytest.mark.rule("FR9"), pytest.mark.timeout(900)]
PATH = f"/v1/repos/{REPO}/pulls/77/comments"


@pytest.fixture
def installed(controller_namespace: str, tmp_path: Path) -> Iterator[Installed]:
    # Helm waits until the pod is ready.
    callers = [{"serviceAccount": f"{CONTROLLER}/*", "repositories": [REPO]}]
    serve = {"enabled": True, "auth": {"callers": callers}}
    yield from install(tmp_path, project_of(tmp_path), "never", settings={"serve": serve})


def token(namespace: str, *options: str) -> dict[str, str]:
    made = kubectl("create", "token", "default", "-n", namespace, *options).strip()
    return {"Authorization": f"Bearer {made}"}


def test_a_pod_takes_the_tokens_that_were_made_for_it_and_reads_the_forge(installed: Installed):
    good = token(CONTROLLER, "--audience", "press-play")
    with forwarded(NAMESPACE, "press-play-serve", 8080) as url:
        found = httpx.get(url + PATH, headers=good, timeout=60)
        assert (found.status_code, found.json()["error"]["code"]) == (404, "not_found")
        assert f"{REPO} has no pull request 77" in found.json()["error"]["message"]
        for headers, status in (
            ({}, 401),
            (token(CONTROLLER), 401),
            (token(CONTROLLER, "--audience", "vault"), 401),
            (token(NAMESPACE, "--audience", "press-play"), 403),
        ):
            assert httpx.get(url + PATH, headers=headers, timeout=60).status_code == status
        metrics = httpx.get(f"{url}/metrics").text
    assert 'pressplay_serve_authentications_total{outcome="unauthorized"} 3.0' in metrics
