"""What a press, or `mode=show`, printed: kept in a ConfigMap, since the log goes with its Pod.

One ConfigMap for each repository and tag, with a key for each mode; the newest text replaces the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from pressplay import names
from pressplay.clock import rfc3339
from pressplay.cluster.ledger import PART_OF
from pressplay.errors import InputError
from pressplay.plaintext import plain
from pressplay.steps.core.context import Context, Subject

LABEL = "press-play/report"
_BYTES = 400_000
"""Of one text. The API server takes a mebibyte for both."""


@contextmanager
def keeping(context: Context, subject: Subject, mode: str) -> Iterator[Context]:
    """A context whose log is kept under `mode` when the block ends, also where an InputError refuses the press."""
    lines = [f"{subject.repo}, tag {subject.tag}, mode={mode}, {rfc3339(context.clock.now())}"]

    def say(line: str) -> None:
        lines.append(line)
        context.say(line)

    try:
        yield replace(context, say=say)
    except InputError as error:
        lines.append(f"refused: {error}")
        _keep(context, subject, mode, lines)
        raise
    _keep(context, subject, mode, lines)


def _keep(context: Context, subject: Subject, mode: str, lines: list[str]) -> None:
    # A refusal may quote what people wrote, and the text is read in a terminal.
    text = plain("\n".join([*lines, ""]))
    if len(whole := text.encode()) > _BYTES:
        text = f"{whole[:_BYTES].decode(errors='ignore')}\n… and {len(whole) - _BYTES} more bytes\n"
    metadata = {
        "name": names.play_report(subject.repo, subject.tag),
        "namespace": context.settings.namespace,
        "labels": {**PART_OF, LABEL: "press", "press-play/repo": names.repo_key(subject.repo)},
    }
    context.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {mode: text}})
