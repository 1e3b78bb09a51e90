"""Whether the merges of the base that runs made keep what the base has (R6). Only a step without a key looks (git).

What only the base changed stays as it is there, and no mark of a conflict is left. What a later push changed again is
that push's, and judged as such.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pressplay import names
from pressplay.domain.entries import Entries
from pressplay.domain.roles import CONFLICT
from pressplay.github import comparison, pulls
from pressplay.github.calls import Client
from pressplay.steps.core import merged_trees
from pressplay.steps.core.context import Context, Subject
from pressplay.steps.review import kept_tests
from pressplay.steps.review.conflicts import Conflict
from pressplay.steps.review.kept_tests import Finding

if TYPE_CHECKING:
    from pressplay.github.clone import Tree

_MARKER = re.compile(rb"^(?:<{7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_LARGEST = 10_000_000
"""Bytes of the largest file that is searched for the marks of a conflict."""


def findings(context: Context, gh: Client, subject: Subject, pull: pulls.Pull, entries: Entries) -> list[Finding]:
    """What the head lacks of its base because a run merged it wrongly. `gh` may read contents."""
    merges = [
        (Conflict.of_cause(run.cause), run.new_head)
        for run in entries.runs
        if run.role == CONFLICT.name and run.outcome == "done" and run.new_head
    ]
    if not merges:
        return []
    from pressplay.github.clone import Clone

    repo, head, base = subject.repo, pull.head_sha, names.shown_branch(pull.base_ref)
    lost, marked = set[str](), set[str]()
    with tempfile.TemporaryDirectory(prefix="press-play-") as folder:
        clone = Clone(Path(folder))
        for conflict, after in merges:
            if not comparison.contains(gh, repo, head, after):
                # A forced push took it out; what is there now was pushed by somebody else.
                continue
            merged = merged_trees.merge(context, gh, clone, repo, conflict.base, conflict.head)
            clone.fetch(context.remote(repo), [after, head])
            was, made, now = clone.tree(conflict.base), clone.tree(after), clone.tree(head)
            lost |= {
                path
                for path, entry in was.entries.items()
                if path not in merged.changed
                and made.entries.get(path) != entry
                and now.entries.get(path) == made.entries.get(path)
            }
            marked |= {path for path in merged.conflicts if _is_marked(now, path) and not _is_marked(was, path)}
    refused: list[Finding] = []
    if lost:
        reason = f"a merge of {base} does not keep what it has in files without a conflict"
        refused.append(Finding(reason, kept_tests.paths(sorted(lost)), "rex"))
    if marked:
        reason = f"a merge of {base} left the marks of the conflict in the files"
        refused.append(Finding(reason, kept_tests.paths(sorted(marked)), "rex"))
    return refused


def _is_marked(tree: Tree, path: str) -> bool:
    entry = tree.entries.get(path)
    if entry is None or entry.kind != "file":
        return False
    return bool(_MARKER.search(tree.content(path, _LARGEST) or b""))
