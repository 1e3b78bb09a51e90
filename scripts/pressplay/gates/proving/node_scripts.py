"""The test script of a package.json as command lines of our own, with the runner's reporter.

A pull request may change what `npm test` runs. So scripts of the default branch are written out here, with the scripts
that they call, and nothing of it asks the package manager for a script.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pressplay.gates.proving.model import ReportKind
from pressplay.plaintext import plain

ENVIRONMENT = 'export CI=true PATH="$PWD/node_modules/.bin:$PATH"'
"""What `npm run` gives to a script. `CI`: no runner watches files or writes new snapshots."""
NAMES = ("test", "test:unit", "unit")
"""The scripts that are taken for a package's tests: the first that is there."""
LONGEST = 4_000
"""Characters of a script's text; a longer one is not looked at."""
_MOST = 50
"""Commands of one script, written out."""
_PLACEHOLDER = "no test specified"
"""In the script that `npm init` writes."""


@dataclass(frozen=True)
class Part:
    """One test command."""

    line: str
    report: ReportKind


@dataclass(frozen=True)
class PackageTests:
    """How one package's tests are built and run, in the package's folder."""

    build: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    """Empty: there are none, or `why` says why not."""
    why: str = ""
    """Why its test script can't be written out, as the end of a sentence."""


class _Unknown(Exception):
    """A script that can't be written out: why, as the end of a sentence."""


def package_tests(scripts: Mapping[str, Any]) -> PackageTests:
    """How the tests of a package with these scripts are run; without parts where it has none, or they are unknown."""
    name = next((name for name in NAMES if isinstance(scripts.get(name), str) and scripts[name].strip()), None)
    if name is None or _PLACEHOLDER in scripts[name]:
        return PackageTests()
    try:
        commands = list(_Scripts(scripts).written_out(name))
    except _Unknown as error:
        return PackageTests(why=str(error))
    build: list[str] = []
    parts: list[Part] = []
    for text in commands:
        if _is_left_out(text):
            continue
        part = _part(text)
        if part is not None:
            parts.append(part)
        elif parts:
            # What follows a test may be a test that we do not know.
            parts.append(Part(text, "exit"))
        else:
            build.append(text)
    if not parts:
        # No runner that we know: the last command is the test.
        return PackageTests(tuple(build[:-1]), (Part(build[-1], "exit"),)) if build else PackageTests()
    return PackageTests(tuple(build), tuple(parts))


def command(parts: Sequence[tuple[str, Part]]) -> Part:
    """One test command of several, each with the folder that it runs in ('' for where the whole runs).

    Their JUnit reports become one file, in which the folder precedes each class. Where they report in other ways, the
    exit status alone counts.
    """
    if len(parts) == 1 and not parts[0][0]:
        return Part(f"{ENVIRONMENT}; {parts[0][1].line}", parts[0][1].report)
    plain = [folder for folder, part in parts if folder and part.line == _JEST]
    if len(plain) == len(parts):
        projects = " ".join(shlex.quote(folder) for folder in plain)
        # Where the root has no jest of its own, a member has.
        line = f'{ENVIRONMENT}:"$PWD/{plain[0]}/node_modules/.bin"; jest --projects {projects}{_JEST_FLAGS}'
        return Part(line, "jest-json")
    runs, reads = "", ""
    merged = all(part.report == "junit" for _, part in parts)
    for number, (folder, part) in enumerate(parts, start=1):
        inside = f"cd {shlex.quote(folder)} && {ENVIRONMENT} && " if folder else ""
        report = f'export REPORT="$REPORT.{number}" && ' if merged else ""
        runs += f" ({report}{inside}{part.line}) || failed=1;"
        named = f's#<testcase classname="#&{folder}/#; ' if folder else ""
        reads += f" sed '{named}s/<?xml[^>]*?>//' \"$REPORT.{number}\" &&"
    line = f"{ENVIRONMENT}; failed=0;{runs}"
    if merged:
        # A part without a report would be tests that nobody misses.
        line += f" {{ echo '<testsuites>' &&{reads} echo '</testsuites>'; }} > \"$REPORT\" || rm -f \"$REPORT\";"
    return Part(f"{line} (exit $failed)", "junit" if merged else "exit")


# --- scripts written out ----------------------------------------------------------------------------------------------

_CALL = re.compile(
    r"(?:npm|(?P<direct>pnpm|yarn|bun))(?P<run> run| run-script| exec)?(?: --silent| -s| --if-present)*"
    r" (?P<name>[\w@][\w:.@/-]*)(?P<rest> --(?= |$))?(?P<more> .*)?"
)
"""A command that runs a script of the package.json, or, of the `direct` ones, a program."""
_SEQUENCE = re.compile(r"(?:run-s|run-p|npm-run-all2?)(?: -[\w-]+)*(?P<names>(?: [\w:.@/*-]+)+)")
"""A command of npm-run-all, without arguments for the scripts."""
_TEST = ("test", "t", "tst")
_OTHERS = "run run-script exec workspaces workspace recursive multi dlx x npm npx node create install add up set config"
_OTHER = frozenset(_OTHERS.split())
"""Commands of yarn, pnpm and bun that are neither scripts nor programs."""
_RUN_SCRIPTS = "npm pnpm yarn bun run-s run-p npm-run-all npm-run-all2 turbo lerna nx wireit rush moon concurrently"
_MANAGERS = frozenset(_RUN_SCRIPTS.split())
"""Programs that run scripts of package.json files."""
_NODE_RUN = re.compile(r"\bnode\b.*\s[\"']?--run\b", re.DOTALL)
_DELEGATES = "runs scripts of package.json by a program, and a pull request can change those"


class _Scripts:
    """The scripts of one package.json."""

    def __init__(self, scripts: Mapping[str, Any]) -> None:
        self._scripts = {name: text for name, text in scripts.items() if isinstance(text, str) and text.strip()}
        self._calls = 0

    def written_out(self, name: str, trail: tuple[str, ...] = ()) -> Iterator[str]:
        """The commands of a script, with those of the scripts that it calls; _Unknown if they can't be had."""
        self._calls += 1
        if name in trail:
            raise _Unknown("calls itself")
        if self._calls > _MOST:
            raise _Unknown(f"runs more than {_MOST} commands")
        for hook in (f"pre{name}", name, f"post{name}"):
            for segment in _segments(self._scripts.get(hook, "")):
                yield from self._called(segment, (*trail, name))

    def _called(self, segment: str, trail: tuple[str, ...]) -> Iterator[str]:
        """What a command runs, where it is a script of the package; else the command itself."""
        plain = " ".join(segment.split())
        call, sequence = _CALL.fullmatch(plain), _SEQUENCE.fullmatch(plain)
        name = self._name(call) if call is not None else ""
        if call is not None and name:
            more = call["more"] or ""
            options = not call["direct"] and not call["rest"] and more.lstrip().startswith("-")
            if options or not _MANAGERS.isdisjoint(_programs(more)):
                raise _Unknown(_DELEGATES)
            yield from self._of(name, more, trail)
            return
        if sequence is not None:
            for pattern in sequence["names"].split():
                for name in self._matching(pattern):
                    yield from self._of(name, "", trail)
            return
        program = call is not None and call["direct"] and call["run"] in (None, " run", " exec")
        if call is not None and program and call["name"] not in _OTHER:
            # `yarn jest` runs the program, unless there is a script of that name.
            segment = f"{call['name']}{call['rest'] or ''}{call['more'] or ''}"
        if not _MANAGERS.isdisjoint(_programs(segment)) or _NODE_RUN.search(segment):
            raise _Unknown(_DELEGATES)
        yield segment

    def _of(self, name: str, more: str, trail: tuple[str, ...]) -> Iterator[str]:
        """The commands of a script, the last with more arguments; none of the lint gate's."""
        if _LINT_NAMES.fullmatch(name):
            return
        commands = list(self.written_out(name, trail))
        yield from commands[:-1]
        yield from (f"{command}{more}" for command in commands[-1:])

    def _name(self, call: re.Match[str]) -> str:
        """The script that a command calls; empty if it calls none."""
        name = "test" if call["name"] in _TEST else call["name"]
        is_call = call["direct"] or call["run"] in (" run", " run-script") or name == "test"
        return name if is_call and call["run"] != " exec" and name in self._scripts else ""

    def _matching(self, pattern: str) -> list[str]:
        """The scripts that a name or a pattern of npm-run-all means: `*` is anything but a colon."""
        glob = re.compile(re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^:]*"))
        names = [name for name in self._scripts if glob.fullmatch(name)]
        if not names:
            raise _Unknown("names a script that is not there")
        return names


def _segments(text: str) -> list[str]:
    """The commands of a script, which are joined by `&&`; all as one if the shell must do more than that."""
    if len(text) > LONGEST:
        raise _Unknown(f"has more than {LONGEST} characters")
    if plain(text) != text:
        raise _Unknown("has control characters")
    return _split(text) or ([text.strip()] if text.strip() else [])


def _split(text: str) -> list[str]:
    """The commands of a text which only joins commands by `&&`; none if the shell must do more than that."""
    segments, quote, start, at = [], "", 0, 0
    while at < len(text):
        letter = text[at]
        if letter == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif text.startswith("&&", at):
            segments.append(text[start:at])
            at += 1
            start = at + 1
        elif letter in ";|&()<>`\n" or (letter == "#" and text[at - 1 : at] in ("", " ", "\t")):
            return []
        at += 1
    segments = [segment.strip() for segment in (*segments, text[start:])]
    return [] if quote or not all(segments) else segments


def _programs(segment: str) -> set[str]:
    """The names of all programs that a command may start, and words that only look like one."""
    return {_program(word) for word in re.split(r"[\s\"'`;|&()<>{}$]+", segment)}


def _program(word: str) -> str:
    """A program's name, of the word that starts it."""
    return re.sub(r"\.[cm]?js$", "", word.rpartition("/")[2])


# --- what a command is ------------------------------------------------------------------------------------------------

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_LINT_NAMES = re.compile(r"(?:lint|format|fmt|prettier|eslint|typecheck|type-check|check-types|types)(?:[:-].*)?")
"""Scripts that are the lint gate's: on a control, they would fail before any test runs."""
_NOT_TESTS = """
eslint prettier standard semistandard ts-standard xo tslint stylelint biome oxlint dprint tsd publint attw knip
size-limit bundlesize codecov coveralls husky commitlint is-ci only-allow echo vue-tsc svelte-check
"""
_LEFT_OUT = frozenset(_NOT_TESTS.split())
"""Programs that are the lint gate's, or report to others: no test needs them."""
_TYPES = re.compile(r"tsc\b.*\s--no-?emit\b.*", re.DOTALL | re.IGNORECASE)
_STARTERS = "cross-env env npx bunx c8 nyc node tsx ts-node dotenv exec time"
_LEADING = frozenset(_STARTERS.split())
"""Programs that start the program which their arguments name."""


def _words(text: str) -> list[str]:
    """A command's words, from its program on; empty if the shell must do more than start a program."""
    if len(_split(text)) != 1:
        return []
    try:
        words = shlex.split(text)
    except ValueError:
        return []
    while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0] == "cross-env"):
        words.pop(0)
    return words


def _is_left_out(text: str) -> bool:
    words = _words(text)
    if words[:1] == ["npx"]:
        words.pop(0)
    if not words:
        return False
    reports = words[0] in ("c8", "nyc") and words[1:2] in (["report"], ["check-coverage"])
    return reports or _program(words[0]) in _LEFT_OUT or _TYPES.fullmatch(text.strip()) is not None


def _part(text: str) -> Part | None:
    """A test command with its runner's reporter; None if no runner that we know is in it."""
    words = _words(text)
    if not words:
        return None
    programs = [_program(word) for word in words]
    if programs[0] in ("react-scripts", "craco"):
        name = programs[0] if words[1:2] == ["test"] else ""
    elif programs[0] in _LEADING:
        name = next((program for program in programs if program in _RUNNERS and program != "node"), "")
        name = name or ("node" if "--test" in words else "")
    else:
        name = programs[0]
    if name not in _RUNNERS:
        return None
    # What comes after `--` is no option.
    return Part(text, "exit") if "--" in words else _RUNNERS[name](text)


_JEST_FLAGS = ' --json --outputFile="$REPORT"'
_JEST = f"jest{_JEST_FLAGS}"
_VALUE = r"(?:=|\s+)(?:\"[^\"]*\"|'[^']*'|\S+)"


def _without(text: str, *options: str) -> str:
    """A command without options: patterns, each of an option with its value, if it has one."""
    for option in options:
        text = re.sub(rf"\s+(?:{option})(?=\s|$)", "", text)
    return text.strip()


def _jest(text: str) -> Part:
    text = _without(text, "--watch(?:All)?(?:=true)?", "--json", f"--outputFile{_VALUE}")
    return Part(f"{text}{_JEST_FLAGS}", "jest-json")


def _react(text: str) -> Part:
    return Part(f"{_jest(text).line} --watchAll=false", "jest-json")


def _vitest(text: str) -> Part:
    text = re.sub(r"(\bvitest\S*)\s+(?:run|watch|dev)(?=\s|$)", r"\1", text, count=1)
    text = _without(text, f"--reporter{_VALUE}", f"--outputFile{_VALUE}", "--ui", "--watch(?:=true)?", "--run")
    return Part(f'{text} --run --reporter=junit --outputFile="$REPORT"', "junit")


def _mocha(text: str) -> Part:
    text = _without(text, f"(?:--reporter|-R){_VALUE}", f"(?:--reporter-options?|-O){_VALUE}", "--watch|-w")
    return Part(f'{text} --reporter xunit --reporter-option output="$REPORT"', "junit")


def _node(text: str) -> Part:
    text = _without(text, f"--test-reporter(?:-destination)?{_VALUE}", "--watch")
    # Options must precede the files.
    flags = r'--test --test-reporter=junit --test-reporter-destination="$REPORT"'
    return Part(re.sub(r"(?<!\S)--test(?!\S)", flags, text, count=1), "junit")


_RUNNERS: Mapping[str, Callable[[str], Part]] = {
    "jest": _jest,
    "react-scripts": _react,
    "craco": _react,
    "vitest": _vitest,
    "mocha": _mocha,
    "_mocha": _mocha,
    "ts-mocha": _mocha,
    "node": _node,
    "ava": lambda text: Part(f"{text} --tap", "tap"),
    "tape": lambda text: Part(text, "tap"),
    "tap": lambda text: Part(f"{text} --reporter=tap", "tap"),
}
"""A test runner → how it is made to report. Source: each one's command-line reference."""
