"""Snapshots of comments: the files for a run, the ones that wait, and the thread that an answer belongs to.

A run of the role `comments` gets a snapshot as `task/comments.json`, and as text in `task/comments.md`.
"""

from __future__ import annotations

from pressplay.domain import entries as entries_
from pressplay.domain.entries import Entries
from pressplay.errors import InputError
from pressplay.github import snapshots
from pressplay.github.calls import Client
from pressplay.github.conversation import Thread
from pressplay.github.snapshots import FILE, Snapshot


def files(gh: Client, repo: str, hash_: str, commit: str) -> dict[str, bytes]:
    """A snapshot's files in `task/`, by name; `commit` as for `snapshots.find`."""
    snapshot = snapshots.read(gh, repo, hash_, commit)
    return {
        FILE: snapshots.dump(snapshot),
        "comments.md": snapshots.markdown(snapshot).encode(errors="backslashreplace"),
    }


def unanswered(entries: Entries) -> set[str]:
    """The hashes of a pull request's snapshots that wait for answers; the branches of others can be deleted."""
    return {entry.hash for entry in entries.all(entries_.Snapshot) if not entry.answered}


def answer_marker(hash_: str, thread: str) -> str:
    """The hidden marker of an agent's answer."""
    return f"answer-{hash_}-{thread}"


def thread_of(snapshot: Snapshot, key: str) -> Thread:
    """The thread of a key in an agent's `answers`: the thread's id, the id of a comment in it, or a bare number.

    InputError, with the known ids, for an unknown key or an ambiguous number.
    """
    matching = [
        thread for thread in snapshot.threads if key == thread.id or key in {remark.id for remark in thread.said}
    ]
    if not matching and key.isdecimal():
        ends = f"-{int(key)}"
        matching = [
            t for t in snapshot.threads if t.id.endswith(ends) or any(remark.id.endswith(ends) for remark in t.said)
        ]
    if len(matching) != 1:
        known = ", ".join(thread.id for thread in snapshot.threads)
        raise InputError(f"answers: expected the id of a thread or comment of task/{FILE} as key: one of {known}")
    return matching[0]
