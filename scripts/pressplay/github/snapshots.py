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
from pressplay.github.conversation import DATA, Remark, Thread
from pressplay.github.conversation import markdown as thread_markdown

FILE = "comments.json"
PREFIX = "snapshot-"
"""What the end of a snapshot's branch begins with."""
HASH_LENGTH = 12
_OURS = re.compile(r"[A-Za-z0-9._/:#+-]*")
"""The characters of our own names, numbers, times and addresses: no line breaks."""


@dataclass(frozen=True)
class Snapshot:
    """Everything unanswered on a pull request at one moment, with its threads."""

    hash: str
    repository: str
    pull_request: int
    head: str
    taken_at: str
    threads: tuple[Thread, ...]

    def ids(self) -> list[str]:
        """The ids of the unanswered remarks."""
        return sorted(id_ for thread in self.threads for id_ in thread.waiting())


def hash_of(ids: Iterable[str], again: int = 0) -> str:
    """The hash that names a snapshot: of the ids of its unanswered remarks, in any order, and of nothing else.

    `again` counts how often the same ids had a snapshot before: it was superseded, or a person asks again.
    """
    return names.digest("snapshot", again, *sorted(set(ids)), length=HASH_LENGTH)


def dump(snapshot: Snapshot) -> bytes:
    """The snapshot as JSON in ASCII: any text, even with lone surrogates, reads back unchanged."""
    return (json.dumps(asdict(snapshot), indent=1, ensure_ascii=True) + "\n").encode()


def load(content: bytes) -> Snapshot:
    """The snapshot that `dump` wrote; InputError for anything else."""
    try:
        document = json.loads(content)
        threads = []
        for thread in document.pop("threads"):
            remarks = [Remark(**{**item, "suggestions": tuple(item["suggestions"])}) for item in thread.pop("said")]
            threads.append(Thread(**thread, said=tuple(remarks)))
        snapshot = Snapshot(**document, threads=tuple(threads))
        _check(snapshot)
        return snapshot
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{FILE}: expected a snapshot of comments, as Press Play wrote it") from error


def _check(snapshot: Snapshot) -> None:
    """ValueError or TypeError if a field is not what we write: who may push may also write to this branch."""
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
            *(flag for remark in thread.said for flag in (remark.ours, remark.unanswered)),
        ]
        if not (all(type(number) is int for number in numbers) and all(type(flag) is bool for flag in flags)):
            raise TypeError("numbers")
    identity = (snapshot.hash, snapshot.repository, snapshot.head, snapshot.taken_at)
    if type(snapshot.pull_request) is not int or not all(_OURS.fullmatch(text) for text in identity):
        raise ValueError("what it is of")


def _texts(remarks: Iterable[Remark]) -> Iterator[str]:
    for remark in remarks:
        yield from (remark.author, remark.body, *remark.suggestions)


def _words(remarks: Iterable[Remark]) -> Iterator[str]:
    for remark in remarks:
        yield from (remark.id, remark.created_at, remark.association, remark.updated_at)


def branch(hash_: str) -> str:
    """The branch that holds a snapshot."""
    return names.context_branch(f"{PREFIX}{names.checked(hash_, 'snapshot')}")


def keep(gh: Client, snapshot: Snapshot, base: str, known: str = "") -> str:
    """Commit a snapshot to its branch, on top of the branch `base`; its commit.

    A branch at the commit `known` is left as it is; anything else on it could be from anybody, and is replaced.
    """
    name = branch(snapshot.hash)
    if known and refs.find_head(gh, snapshot.repository, name) == known:
        return known
    message = f"Comments on #{snapshot.pull_request}: {snapshot.hash}"
    at = refs.head(gh, snapshot.repository, base)
    return refs.commit_files(gh, snapshot.repository, name, {FILE: dump(snapshot)}, message, at)


def find(gh: Client, repo: str, hash_: str, most: int | None = None, commit: str = "") -> Snapshot | None:
    """A kept snapshot, or None if it is gone; InputError for one of more than `most` bytes.

    At a `commit`, which nobody can change, if it is known; else as its branch is now.
    """
    content = contents.read_file(gh, repo, FILE, commit or branch(hash_), most)
    return None if content is None else load(content)


def read(gh: Client, repo: str, hash_: str, commit: str = "") -> Snapshot:
    """A kept snapshot, as `find` has it; InputError if it is gone."""
    snapshot = find(gh, repo, hash_, commit=commit)
    if snapshot is None:
        raise InputError(
            f"{repo}: the branch {branch(hash_)} is gone, and with it the comments that are to be answered"
        )
    return snapshot


def kept(gh: Client, repo: str) -> list[str]:
    """The hashes of the snapshots that are kept."""
    prefix = names.context_branch(PREFIX)
    return [name.removeprefix(prefix) for name in refs.branches_with_prefix(gh, repo, prefix)]


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


def answered(remark: Remark) -> str:
    """How a snapshot describes the state of a remark."""
    return "one of our own agents" if remark.ours else "unanswered" if remark.unanswered else "answered before"
