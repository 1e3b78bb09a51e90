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


class Report:
    """What a press printed so far; `context` prints into it."""

    def __init__(self, context: Context, subject: Subject) -> None:
        self.subject = subject
        """Whose report it is; whoever decides the tag puts it in."""
        self.lines: list[str] = []
        self._say = context.say
        self.context = replace(context, say=self._note)

    @property
    def name(self) -> str:
        """The ConfigMap that keeps it."""
        return names.play_report(self.subject.repo, self.subject.tag)

    def _note(self, line: str) -> None:
        self.lines.append(line)
        self._say(line)


@contextmanager
def keeping(context: Context, subject: Subject, mode: str) -> Iterator[Report]:
    """A report that is kept under `mode` when the block ends, also where an InputError refuses the press."""
    report = Report(context, subject)
    try:
        yield report
    except InputError as error:
        report.lines.append(f"refused: {error}")
        _keep(context, report, mode)
        raise
    _keep(context, report, mode)


def _keep(context: Context, report: Report, mode: str) -> None:
    subject = report.subject
    head = f"{subject.repo}, tag {subject.tag}, mode={mode}, {rfc3339(context.clock.now())}"
    # A refusal may quote what people wrote, and the text is read in a terminal.
    text = plain("\n".join([head, *report.lines, ""]))
    if len(whole := text.encode()) > _BYTES:
        text = f"{whole[:_BYTES].decode(errors='ignore')}\n… and {len(whole) - _BYTES} more bytes\n"
    metadata = {
        "name": report.name,
        "namespace": context.settings.namespace,
        "labels": {**PART_OF, LABEL: "press", "press-play/repo": names.repo_key(subject.repo)},
    }
    context.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {mode: text}})
