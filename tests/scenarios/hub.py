"""A forge on the network and `pressplay serve` as a process of its own: what the scenarios of comments begin with."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from pressplay.clock import SystemClock
from pressplay.sandbox.forge import Forge

REPO = "acme/shop"
PRESSPLAY = [sys.executable, "-c", "import pressplay.cli as c; c.run()"]


class Hub:
    """A forge that answers on the network, with a pull request and an App that may read it and no more."""

    def __init__(self, folder: Path) -> None:
        source = folder / "source"
        source.mkdir()
        (source / "README.md").write_text("# Shop\n")
        self.forge = Forge(folder / "state.db", folder / "git", SystemClock(), "http://127.0.0.1")
        self.forge.create_repository(REPO, source)
        self.forge.create_user("maintainer")
        self.forge.grant(REPO, "maintainer", "admin")
        app = self.forge.create_app(
            "reader", "Reader", {"pull_requests": "read", "contents": "read", "metadata": "read"}, []
        )
        self.forge.install("reader", REPO)
        self.server = self.forge.serve("127.0.0.1", 0)
        self.key = folder / "reader.pem"
        self.key.write_text(app.private_key)
        self.person = httpx.Client(
            base_url=f"{self.server.url}/api/v3/repos/{REPO}",
            headers={"Authorization": f"Bearer {self.forge.user_token('maintainer')}"},
        )
        head = self.person.get("/git/ref/heads/main").json()["object"]["sha"]
        self._post("/git/refs", ref="refs/heads/work", sha=head)
        content = {"message": "work", "content": "eA==", "branch": "work"}
        self.head = self.person.put("/contents/work.txt", json=content).json()["commit"]["sha"]
        self.number = self._post("/pulls", title="Work", head="work", base="main")["number"]
        self.options = [
            *("--repo", REPO, "--github-url", f"{self.server.url}/api/v3"),
            *("--app", "reader", "--app-id", str(app.id), "--app-key", str(self.key)),
        ]
        self.app_id, self._token = app.id, folder / "token"
        self.listening = ["--listen", "127.0.0.1:0", "--token-file", str(self._token)]

    @property
    def headers(self) -> dict[str, str]:
        """Those of who has the token that the server made."""
        return {"Authorization": f"Bearer {self._token.read_text().strip()}"}

    def _post(self, address: str, **fields: Any) -> dict[str, Any]:
        answer = self.person.post(address, json=fields)
        assert answer.is_success, answer.text
        return answer.json()

    def says(self, body: str) -> int:
        return self._post(f"/issues/{self.number}/comments", body=body)["id"]

    def on_line(self, body: str) -> int:
        fields = {"body": body, "commit_id": self.head, "path": "work.txt", "line": 1}
        return self._post(f"/pulls/{self.number}/comments", **fields)["id"]

    def pour(self, size: int, comments: int, others: int) -> None:
        """So many comments, and threads and reviews, at once; of so many characters of four bytes each."""
        at = time.time()
        with self.forge._store.session(write=True) as session:
            who = session.row("SELECT id FROM forge_users WHERE login = 'maintainer'")["id"]
            issue = session.row("SELECT id FROM forge_issues WHERE number = ?", self.number)["id"]
            common = {"user_id": who, "issue_id": issue, "body": "\U0001f600" * size}
            times = {"created_at": at, "updated_at": at}
            place = {"path": "work.txt", "line": 1, "side": "RIGHT", "diff_hunk": "@@ -0,0 +1 @@\n+x"}
            commits = {"commit_id": self.head, "original_commit_id": self.head}
            for _ in range(comments):
                session.insert("forge_comments", **common, **times)
            for _ in range(others):
                session.insert("forge_review_comments", **common, **times, **place, **commits)
                session.insert("forge_reviews", **common, state="COMMENTED", commit_id=self.head, submitted_at=at)

    def close(self) -> None:
        self.person.close()
        self.server.close()
        self.forge.close()


@contextlib.contextmanager
def serving(*options: str, command: Sequence[str] = PRESSPLAY, env: dict[str, str] | None = None):
    """The server's process, its address, and the lines that it wrote."""
    process = subprocess.Popen([*command, "serve", *options], stderr=subprocess.PIPE, text=True, env=env)
    lines: list[str] = []
    rest = threading.Thread(target=lambda: lines.extend(process.stderr or []))
    try:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"serving: MCP at (http://\S+)/mcp", line):
                break
        else:
            raise AssertionError("".join(lines))
        rest.start()
        url = found[1].replace("0.0.0.0", "127.0.0.1")
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            client.get(f"{url}/healthz")
        yield process, url, lines
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)
        if rest.ident is not None:
            rest.join(20)
        if process.stderr is not None:
            process.stderr.close()
