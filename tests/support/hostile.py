"""Texts that want to be evaluated, and the search for them where none may be."""

from __future__ import annotations

import sqlite3

from harness import World

CANARY = "kanarie7"
TEXTS = {
    "workflow-variable": "{{workflow.uid}}",
    "expression": "{{=1+1}} and {{=bad(}}",
    "open-tag": "{{ nope",
    "go-template": '{{ .Values.x }} {{- include "y" . }}',
    "shell": "$(rm -rf /tmp/nothing) `touch pwned` ; rm -rf x && $HOME 'a' \"b\" \\",
    "yaml": "a: [b\n- c: &x *x\n? !!python/object:os.system",
    "front-matter": "---\nname: root\n---\n# heading",
    "lines": "one\ntwo\r\nthree\n\n\tfour  ",
    "control": "\x01\x07\x1b[31mred\x1b[0m\x7f\x0b",
    "right-to-left": "\u202eevil\u202c \u200f\u2066x\u2069 \ufeff Grüße 🎉",
    "html": "</script><script>alert(1)</script><!-- press-play --> <!-- press-play: parked --> -->",
    "mustache": "{{{title}}} {{#tasks}}x{{/tasks}} {{>partial}} {{=<% %>=}}",
    "jinja": "[[ 7 * 7 ]] [% for x in y %]",
    "long": "0123456789" * 10_000,
}


def marked(text: str) -> str:
    return f"{CANARY} {text} {CANARY}"


def untouched_by_canaries(made: World, run: str = "CodeRun") -> None:
    """No object of the cluster, in whatever field, and no line of the log holds a hostile text."""
    with sqlite3.connect(made.sandbox.options.directory / "state.db") as connection:
        rows = connection.execute(
            "SELECT kind, name FROM objects WHERE instr(coalesce(body, '') || coalesce(status, ''), ?1)"
            " UNION ALL SELECT 'frozen', digest FROM frozen WHERE instr(body, ?1)",
            (CANARY,),
        ).fetchall()
        kinds = {row[0] for row in connection.execute("SELECT DISTINCT kind FROM objects")}
    assert {"Workflow", "WorkflowTemplate", "Pod", run} <= kinds
    assert rows == []
    assert [line for line in made.said if CANARY in line] == []
