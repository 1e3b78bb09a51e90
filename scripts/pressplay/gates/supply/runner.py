"""Program code that reaches for the test runner: it runs in the runner's process, and could forge its results.

A net, not a wall: it reads lines, as a parser of the language sees them without comments. What forges results and is
written in another way, the reports' own checks must notice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import PurePosixPath

from pressplay.gates import rust, syntax
from pressplay.gates.lint.files import Files, folder_of, name_of, text
from pressplay.gates.supply.contents import added_lines
from pressplay.gates.supply.model import Finding
from pressplay.gates.tests import language_of
from pressplay.github.committed import Unreadable

_ENVIRONMENT = (
    r"(?:environ|getenv|GetEnv|Getenv|LookupEnv|env::var(?:_os)?|process\.env)(?:\.get)?\W{1,6}(?:GATE_\w+|REPORT\b)"
)
_RUNNERS = r"_?pytest|unittest2?|doctest|nose2?|_hypothesis_pytestplugin|pluggy"
_JS_RUNNERS = r"jest(?:-\w+)*|@jest/\w+(?:-\w+)*|vitest|mocha|node:test|ava|jasmine|tap|@playwright/test|cypress"
_PATTERNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "python": (
        (rf"^\s*(?:from|import)\s+(?:[\w.]+\s*,\s*)*(?:{_RUNNERS})\b", "imports a test runner"),
        (rf"""(?:__import__|import_module)\(\s*["'](?:{_RUNNERS})\b""", "imports a test runner"),
        (r"\b_?pytest\.|\bunittest\.(?!mock\b)", "names a test runner"),
        (r"\bsys\s*\.\s*modules\b|\bfrom\s+sys\s+import\b.*\bmodules\b|\bimport\s+(?:sys|inspect|gc|builtins)\s+as\b"
         r"|\bgetattr\s*\(\s*(?:(?:sys|inspect)\b|os\s*,\s*(?:[\"']_|[^\"'\s]))",
         "reaches into the modules that are loaded"),
        (r"\bfrom\s+inspect\s+import\b.*\b(?:stack|currentframe)\b"
         r"|\binspect\s*\.\s*(?:stack|currentframe|trace|getouterframes)\b|\b_getframe\b|\b_current_frames\b"
         r"|\bf_back\b|\bf_globals\b|\btb_frame\b", "reads its callers' frames"),
        (r"\bos\s*\.\s*(?:_exit|abort|kill|killpg)\b|\b_exit\s*\(", "ends the process at once"),
        (r"\bgc\s*\.\s*get_(?:objects|referrers)\b", "searches all objects"),
        (r"\bsys\s*\.\s*(?:settrace|setprofile|monitoring|meta_path|path_hooks|addaudithook)\b",
         "traces the interpreter"),
        (r"\bPYTEST_\w+", "asks whether it runs in a test"),
    ),
    "typescript": (
        (rf"""(?:\bfrom|\brequire\s*\(|\bimport\s*\(|\bimport)\s*["'](?:{_JS_RUNNERS})(?:/[^"']*)?["']""",
         "imports a test runner"),
        (r"\bimport\.meta\.vitest\b|\b(?:VITEST|JEST_WORKER_ID|VITEST_\w+|NODE_TEST_CONTEXT|MOCHA_\w+)\b",
         "asks whether it runs in a test"),
        (r"\b(?:jest|vi|vitest)\s*\.\s*(?:fn|mock|spyOn|\w*Timers)\b"
         r"|\bglobal(?:This)?\s*\.\s*(?:expect|describe|it|test)\b", "names a test runner"),
        (r"\brequire\s*\.\s*(?:cache|main)\b.{0,20}=(?!=)|\bModule\s*\.\s*_\w+|\bprocess\s*\.\s*(?:binding|_\w+)\b",
         "reaches into the modules that are loaded"),
        (r"\bprocess\s*\.\s*(?:reallyExit|abort|kill)\b", "ends the process at once"),
    ),
    "go": (
        (r"""^\s*(?:import\s+)?(?:[\w.]+\s+)?"testing(?:/\w+)?"\s*$""", "imports a test runner"),
        (r"""\bflag\s*\.\s*Lookup\s*\(\s*"test\.|"-test\.|\btesting\s*\.\s*Testing\b""",
         "asks whether it runs in a test"),
        (r"\bruntime\s*\.\s*(?:Callers?|Stack|CallersFrames)\b|\bdebug\s*\.\s*Stack\b", "reads its callers' frames"),
        (r"\bsyscall\s*\.\s*(?:Exit|Kill)\b", "ends the process at once"),
    ),
    "rust": (
        (r"\bcfg\s*!\s*\(\s*test\b|\bcfg\s*\(\s*(?:not\s*\(\s*)?test\b|\b(?:RUST_TEST_\w+|NEXTEST\w*)\b",
         "asks whether it runs in a test"),
        (r"\bextern\s+crate\s+test\b|\bpanic\s*::\s*(?:set_hook|take_hook)\b", "names a test runner"),
        (r"\bprocess\s*::\s*abort\b|\blibc\s*::\s*_?exit\b", "ends the process at once"),
    ),
}  # fmt: skip
"""Language → patterns of a line, and what such a line does."""
_EXITS: Mapping[str, str] = {
    "typescript": r"\bprocess\s*\.\s*exit\b",
    "go": r"\bos\s*\.\s*Exit\b",
    "rust": r"\bprocess\s*::\s*exit\b",
}
"""What a program may do, and a library may not: it ends the runner with the status that it likes."""
_PROGRAM_FOLDERS = frozenset({"bin", "cmd", "scripts", "tools", "examples"})
_PROGRAM_NAMES = frozenset({"cli", "main", "server", "app", "start", "__main__"})


def reaches(path: str, head: Files, base: Files) -> list[Finding]:
    """The added lines of a program file that reach for the test runner. Unreadable for what can't be read."""
    language = _language(path)
    if language is None:
        return []
    now = text(head, path) or ""
    try:
        was = (text(base, path) or "") if path in base.entries else ""
    except Unreadable:
        was = ""
    added = dict(added_lines(now, was))
    lines = _code(path, now) if added else {}
    patterns = [*_PATTERNS[language], (_ENVIRONMENT, "reads the gate's own variables")]
    if language in _EXITS and not _is_program(path, now, head):
        patterns.append((_EXITS[language], "ends the process, in a library"))
    return [
        Finding("test_runner", path, label, added[number].strip()[:200], number)
        for number, line in sorted(lines.items())
        if number in added
        for label in dict.fromkeys(label for pattern, label in patterns if re.search(pattern, line))
    ]


def _language(path: str) -> str | None:
    language = language_of(path)
    names = {".py": "python", ".rs": "rust", ".go": "go"}
    return None if language is None else names.get(PurePosixPath(path).suffix, "typescript")


def _code(path: str, source: str) -> dict[int, str]:
    """Line → its code, without comments and documentation; as it is, where no parser can read the file."""
    plain = dict(enumerate(source.split("\n"), start=1))
    if not syntax.readable(path):
        return plain
    tree = syntax.parse(path, source)
    if tree is None:
        return plain
    tests = list(rust.test_modules(tree)) if path.endswith(".rs") else []
    lines: dict[int, str] = defaultdict(str)
    end, number, at = 0, 1, 0
    for token in syntax.tokens(tree, tree.root):
        number, at = number + tree.text.count(b"\n", at, token.begin), token.begin
        alone = token.within == "expression_statement" and token.siblings == 1
        is_text = token.kind in ("string", "concatenated_string") and (alone or " " in token.text.strip())
        inside = any(begin <= token.begin < over for begin, over in tests)
        if token.kind not in syntax.COMMENTS and not is_text and not inside:
            blank = " " if token.begin > end else ""
            for offset, part in enumerate(token.text.split("\n")):
                lines[number + offset] += f"{'' if offset else blank}{part}"
        end = token.end
    return lines


def _is_program(path: str, source: str, head: Files) -> bool:
    """Whether a file is a program's entry, which may end its process."""
    folders, stem = folder_of(path).split("/"), name_of(path).partition(".")[0]
    if source.startswith("#!") or stem in _PROGRAM_NAMES or not _PROGRAM_FOLDERS.isdisjoint(folders):
        return True
    if path.endswith(".go"):
        return re.search(r"^package main\b", source, re.MULTILINE) is not None
    return _is_named(path, head)


def _is_named(path: str, head: Files) -> bool:
    """Whether a package.json beside it, or above, names it as a program."""
    folder = folder_of(path)
    while True:
        if "package.json" in head.names(folder):
            manifest = text(head, f"{folder}/package.json" if folder else "package.json") or ""
            named = re.search(r'"bin"\s*:\s*(?:"[^"]*"|\{[^}]*\})', manifest)
            return named is not None and path.removeprefix(f"{folder}/" if folder else "") in named[0]
        if not folder:
            return False
        folder = folder_of(folder)
