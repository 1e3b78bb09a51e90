"""git as an agent uses it: over HTTP, with a token of its App."""

from __future__ import annotations

import base64
import os
import subprocess

from github_world import REPO


class Git:
    """git as an agent's runner uses it: the token in a header from the environment."""

    def __init__(self, url, token):
        self.url = f"{url}/{REPO}.git"
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
            **{
                f"GIT_{who}_{what}": value
                for who in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", "Rex"), ("EMAIL", "rex@example.test"))
            },
        }

    def __call__(self, folder, *args, check=True):
        done = subprocess.run(
            ["git", "-C", str(folder), *args], env=self.environment, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def clone(self, folder):
        folder.parent.mkdir(exist_ok=True)
        self(folder.parent, "clone", "--quiet", self.url, str(folder))
        return folder

    def commit(self, folder, name, content, message="Work"):
        (folder / name).write_text(content)
        self(folder, "add", "--all")
        self(folder, "commit", "--quiet", "-m", message)
        return self(folder, "rev-parse", "HEAD").stdout.strip()
