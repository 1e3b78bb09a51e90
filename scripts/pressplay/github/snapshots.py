"""A snapshot: what people said on a pull request as it was at one moment, unchangeable.

It is JSON on the branch `press-play/context/snapshot-<hash>`; only the hash travels (R7).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from pressplay import names
from pressplay.errors import InputError
from pressplay.github import contents, refs
from pressplay.github.calls import Client
from pressplay.github.conversation import DATA, Said, Thread
from pressplay.github.conversation import markdown as thread_markdown

FILE = "comments.json"
PREFIX = "snapshot-"
"""What the ledger's entries of snapshots, and the ends of their branches, begin with."""
HASH_LENGTH = 12
_OURS = re.compile(r"[A-Za-z0-9._/:#+-]*")
"""What names, numbers, times and addresses of ours hold: no end of a line among it."""


@dataclass(frozen=True)
class Snapshot:
    """All that is unanswered on a pull request at one moment, with the threads that it stands in."""

    hash: str
    repository: str
    pull_request: int
    head: str
    taken_at: str
    threads: tuple[Thread, ...]

    def ids(self) -> list[str]:
        """The ids of what is unanswered."""
        return sorted(one for thread in self.threads for one in thread.waiting())


def hash_of(ids: Iterable[str], again: int = 0) -> str:
    """The hash that names a snapshot: of what is unanswered, in whatever order it was found, and of nothing else.

    `again` counts how often just this was taken up before: after it was superseded, or because a person asks for it.
    """
    return names.digest("snapshot", again, *sorted(set(ids)), length=HASH_LENGTH)


def dump(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON in ASCII: whatever the texts hold, half characters too, is the same when it is read."""
    return (json.dumps(asdict(snapshot), indent=1, ensure_ascii=True) + "\n").encode()


def load(content: bytes) -> Snapshot:
    """What `dump` made; InputError where it is something else."""
    try:
        found = json.loads(content)
        threads = []
        for thread in found.pop("threads"):
            said = [Said(**{**one, "suggestions": tuple(one["suggestions"])}) for one in thread.pop("said")]
            threads.append(Thread(**thread, said=tuple(said)))
        snapshot = Snapshot(**found, threads=tuple(threads))
        _check(snapshot)
        return snapshot
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{FILE}: expected a snapshot of comments, as Press Play wrote it") from error


def _check(snapshot: Snapshot) -> None:
    """ValueError or TypeError where a field is not what we write: who may push may write to the branch too."""
    for thread in snapshot.threads:
        where = (*(text or "" for text in (thread.path, thread.diff_hunk)), *_texts(thread.said))
        if not all(isinstance(text, str) for text in where):
            raise TypeError("texts")
        ours = (thread.id, thread.kind, thread.url, thread.side or "", thread.state or "", *_words(thread.said))
        if not all(isinstance(text, str) and _OURS.fullmatch(text) for text in ours):
            raise ValueError("names")
        numbers = [number for number in (thread.line, thread.start_line, thread.omitted) if number is not None]
        flags = [
            thread.outdated,
            thread.resolved,
            *(flag for one in thread.said for flag in (one.ours, one.unanswered)),
        ]
        if not (all(type(number) is int for number in numbers) and all(type(flag) is bool for flag in flags)):
            raise TypeError("numbers")
    told = (snapshot.hash, snapshot.repository, snapshot.head, snapshot.taken_at)
    if type(snapshot.pull_request) is not int or not all(_OURS.fullmatch(text) for text in told):
        raise ValueError("what it is of")


def _texts(said: Iterable[Said]) -> Iterator[str]:
    for one in said:
        yield from (one.author, one.body, *one.suggestions)


def _words(said: Iterable[Said]) -> Iterator[str]:
    for one in said:
        yield from (one.id, one.created_at, one.association, one.updated_at)


def branch(hash_: str) -> str:
    """The branch that holds a snapshot."""
    return names.context_branch(f"{PREFIX}{names.checked(hash_, 'snapshot')}")


def keep(gh: Client, snapshot: Snapshot, base: str, known: str = "") -> str:
    """Commit a snapshot to its branch, on top of the branch `base`; its commit.

    One that is there is left as it is where it is the commit `known`; whatever else is there nobody has vouched for.
    """
    there = branch(snapshot.hash)
    if known and refs.find_head(gh, snapshot.repository, there) == known:
        return known
    message = f"Comments on #{snapshot.pull_request}: {snapshot.hash}"
    at = refs.head(gh, snapshot.repository, base)
    return refs.commit_files(gh, snapshot.repository, there, {FILE: dump(snapshot)}, message, at)


def find(gh: Client, repo: str, hash_: str, most: int | None = None, commit: str = "") -> Snapshot | None:
    """A kept snapshot, or None where it is gone; InputError for one of more than `most` bytes.

    At a `commit`, which nobody can change, where that is known; else as its branch is now.
    """
    content = contents.read_file(gh, repo, FILE, commit or branch(hash_), most)
    return None if content is None else load(content)


def read(gh: Client, repo: str, hash_: str, commit: str = "") -> Snapshot:
    """A kept snapshot, as `find` has it; InputError where it is gone."""
    found = find(gh, repo, hash_, commit=commit)
    if found is None:
        raise InputError(
            f"{repo}: the branch {branch(hash_)} is gone, and with it the comments that are to be answered"
        )
    return found


def kept(gh: Client, repo: str) -> list[str]:
    """The hashes of the snapshots that are kept."""
    prefix = names.context_branch(PREFIX)
    return [found.removeprefix(prefix) for found in refs.branches_with_prefix(gh, repo, prefix)]


def markdown(snapshot: Snapshot) -> str:
    """The snapshot for reading. Every line of text that somebody wrote begins with `> `; no other line does."""
    lines = [
        f"# What is unanswered on #{snapshot.pull_request}",
        "",
        f"Taken at {snapshot.taken_at}, commit `{snapshot.head}`, snapshot `{snapshot.hash}`.",
        DATA,
    ]
    for thread in snapshot.threads:
        lines += thread_markdown(thread, answered)
    return "\n".join(lines) + "\n"


def answered(one: Said) -> str:
    """What a snapshot tells of a comment in it."""
    return "one of our own agents" if one.ours else "unanswered" if one.unanswered else "answered before"
