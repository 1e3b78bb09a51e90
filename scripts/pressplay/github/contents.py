"""Files of a repository."""

from __future__ import annotations

import base64
import binascii

from pressplay.errors import InputError, TryAgain
from pressplay.github.calls import Client, call, find, part, raw


def default_branch(gh: Client, repo: str) -> str:
    """The repository's default branch."""
    return str(call(gh, "GET", f"/repos/{repo}")["default_branch"])


def read_file(gh: Client, repo: str, path: str, ref: str, most: int | None = None) -> bytes | None:
    """A file's bytes at a branch or commit, or None where there is none. Any size up to `most`, or GitHub's 100 MB.

    InputError where `path` is a folder, a submodule or a symbolic link, or is larger.
    """
    found = find(gh, f"/repos/{repo}/contents/{part(path.strip('/'))}?ref={part(ref)}")
    if found is None:
        return None
    kind = found.get("type") if isinstance(found, dict) else "dir"
    if kind != "file":
        raise InputError(f"{repo}: {path} at {ref}: expected a file, found a {kind}")
    if most is not None and found["size"] > most:
        raise InputError(f"{repo}: {path} at {ref}: expected at most {most} bytes, found {found['size']}")
    if found.get("encoding") == "base64":
        try:
            data = base64.b64decode(found["content"])
        except binascii.Error as error:
            raise TryAgain(f"{repo}: {path}: GitHub's answer broke off") from error
    else:
        # Above 1 MB the content is left out; the blob is served by its own address.
        data = raw(gh, f"/repos/{repo}/git/blobs/{found['sha']}")
    if len(data) != found["size"]:
        raise TryAgain(f"{repo}: {path}: GitHub's answer broke off ({len(data)} of {found['size']} bytes)")
    return data
