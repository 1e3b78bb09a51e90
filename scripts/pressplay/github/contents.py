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
    """A file's bytes at a branch or commit, or None if there is none. Any size up to `most`, or GitHub's 100 MB.

    InputError if `path` is a folder, a submodule or a symbolic link, or is larger.
    """
    entry = find(gh, f"/repos/{repo}/contents/{part(path.strip('/'))}?ref={part(ref)}")
    if entry is None:
        return None
    kind = entry.get("type") if isinstance(entry, dict) else "dir"
    if kind != "file":
        raise InputError(f"{repo}: {path} at {ref}: expected a file, got a {kind}")
    if most is not None and entry["size"] > most:
        raise InputError(f"{repo}: {path} at {ref}: expected at most {most} bytes, got {entry['size']}")
    if entry.get("encoding") == "base64":
        try:
            data = base64.b64decode(entry["content"])
        except binascii.Error as error:
            raise TryAgain(f"{repo}: {path}: GitHub's answer broke off") from error
    else:
        # Above 1 MB the content is left out; the blob is served by its own address.
        data = raw(gh, f"/repos/{repo}/git/blobs/{entry['sha']}")
    if len(data) != entry["size"]:
        raise TryAgain(f"{repo}: {path}: GitHub's answer broke off ({len(data)} of {entry['size']} bytes)")
    return data
