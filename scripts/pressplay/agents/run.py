"""One run of an agent by a command line: called, called again where a limit ended it, and handed over.

The contract on both sides: docs/how-to/real-agent.md. Beside the result, a folder `agent` has the transcript
(`transcript.jsonl`, what the command line reported) and `session.json`, by which a run that is started again goes on.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pressplay.agents import servers
from pressplay.agents.adapter import Adapter, Call, Report, Tokens
from pressplay.agents.process import Bounds, carry_out
from pressplay.domain.outcomes import Failure
from pressplay.errors import EXIT_FAILED, InputError

PROMPT = """\
Read task/instructions.md, then task/prompt.md and what they name, and do what this run is asked. Nobody can answer
questions while you work: where only a person can decide, hand over the result "blocked" with your question, as
task/instructions.md says, and end. Commit if you may; what you leave uncommitted is committed for you. Where you are to
hand over JSON, write it to task/result.json.
"""
GO_ON = """\
You were interrupted: {why}. Go on from what is there; don't begin again. If little is left to do, do that, commit, and
hand over as task/instructions.md says.
"""
TRIAL = "Answer with the one word ready, and use no tool.\n"
_GOES_ON = ("turns", "time")
_IN_TREE = "task/result.json"
"""Agents may write in the work tree alone; git ignores task/."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a user wants the command line called."""

    models: Mapping[str, str] = field(default_factory=dict)
    """The command line's model for a model of the values; the key "" is for all others."""
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    turns: int = 0
    calls: int = 2
    """How often it is called in one run, at most."""
    minutes: float = 25.0
    """Of one call."""
    stall_minutes: float = 10.0


@dataclass
class _Session:
    """What is known of the sessions of one run, over all its calls."""

    file: Path
    session: str = ""
    used: dict[str, dict[str, Tokens]] = field(default_factory=dict)
    """By session and model."""

    @staticmethod
    def of(file: Path) -> _Session:
        """As an earlier start of this run left it."""
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
            used = {name: {model: Tokens(**t) for model, t in of.items()} for name, of in known["used"].items()}
            return _Session(file, known["session"], used)
        except (OSError, ValueError, KeyError, TypeError):
            return _Session(file)

    def take(self, report: Report, adapter: Adapter, model: str) -> None:
        """Count a call, and keep it."""
        self.session = report.session
        used = {name or model: tokens for name, tokens in report.used.items()}
        if adapter.adds_up and used:
            self.used[report.session] = used
        else:
            for name, tokens in used.items():
                self.used.setdefault(report.session, {}).setdefault(name, Tokens()).add(tokens)
        kept = {name: {model: asdict(t) for model, t in of.items()} for name, of in self.used.items()}
        self.file.write_text(json.dumps({"session": self.session, "used": kept}), encoding="utf-8")

    def fields(self) -> dict[str, Any]:
        """`usage` and `model` of the result: the model is the one of which most came."""
        total: dict[str, Tokens] = {}
        for of in self.used.values():
            for name, tokens in of.items():
                total.setdefault(name, Tokens()).add(tokens)
        every = Tokens()
        for tokens in total.values():
            every.add(tokens)
        if not (every.input or every.cached or every.output):
            return {}
        usage: dict[str, float] = {
            "inputTokens": every.input,
            "cachedInputTokens": every.cached,
            "outputTokens": every.output,
            **({"costUSD": round(every.cost, 6)} if every.cost is not None else {}),
        }
        model = max(total, key=lambda name: total[name].output)
        return {"usage": usage, **({"model": model} if model else {})}


def run(
    adapter: Adapter, tree: Path, environment: Mapping[str, str], options: Options, say: Callable[[str], None]
) -> int:
    """Carry out the run that `environment` describes (PRESSPLAY_*), in `tree`; the exit status, 0 or failed.

    InputError where what the harness gives is not there.
    """
    handed_over = Path(_given(environment, "PRESSPLAY_RESULT"))
    folder = handed_over.parent / "agent"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    given, remote = servers.of_run(tree, environment)
    if remote:
        say(f"not to be had here, as only a cluster's gateway has them: {', '.join(remote)}")
    wanted = environment.get("PRESSPLAY_MODEL", "")
    sessions = _Session.of(folder / "session.json")
    call = Call(
        prompt=GO_ON.format(why="the model was not available for a while") if sessions.session else PROMPT,
        persona=_persona(Path(_given(environment, "PRESSPLAY_PERSONA"))),
        model=_chosen(options.models, wanted) or adapter.model(wanted),
        fallback=_chosen(options.fallbacks, wanted),
        turns=options.turns,
        servers=given,
        tree=tree,
        folder=folder,
        session=sessions.session,
        environment={**environment, "PRESSPLAY_RESULT": str(tree / _IN_TREE)},
    )
    if not call.session:
        (tree / _IN_TREE).unlink(missing_ok=True)
    bounds = Bounds(options.minutes * 60, options.stall_minutes * 60)
    for left in reversed(range(options.calls)):
        report, failure = carry_out(adapter, call, bounds, say, folder / "transcript.jsonl")
        sessions.take(report, adapter, call.model)
        if failure is None or failure.kind not in _GOES_ON or not left or not report.session:
            break
        say(f"{failure.message}; it goes on in the same session")
        call = replace(call, session=report.session, prompt=GO_ON.format(why=failure.message))
    handed = None if failure else _left(tree / _IN_TREE)
    failure = failure or _lacks(tree, environment, report, handed)
    result = handed or {}
    if failure is not None:
        result = {"failure": failure.as_json()}
        say(f"{adapter.name}: {failure.line}")
    part = handed_over.with_suffix(".part")
    part.write_text(json.dumps({**result, **sessions.fields()}, ensure_ascii=False), encoding="utf-8")
    part.replace(handed_over)
    return EXIT_FAILED if failure else 0


def trial(
    adapter: Adapter, folder: Path, environment: Mapping[str, str], options: Options, wanted: str
) -> Failure | None:
    """One call that asks for one word, in an empty folder; how it failed, if it did."""
    model = _chosen(options.models, wanted) or adapter.model(wanted)
    call = Call(
        prompt=TRIAL, persona="", model=model, turns=1, tree=folder, folder=folder, trial=True, environment=environment
    )
    failure = carry_out(adapter, call, Bounds(180.0, 90.0), lambda _line: None, None)[1]
    # Who ran out of turns was answered.
    return None if failure is not None and failure.kind == "turns" else failure


def _given(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(name):
        raise InputError(
            f"{name} is not set: the harness starts this, for each run (docs/how-to/real-agent.md); "
            "`pressplay play PROJECT --agent NAME` does it"
        )
    return environment[name]


def _chosen(by_alias: Mapping[str, str], wanted: str) -> str:
    return by_alias.get(wanted) or by_alias.get("", "")


def _persona(file: Path) -> str:
    """A persona's system prompt, without its front matter, which is the controller's."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"PRESSPLAY_PERSONA: {file}: expected a readable file: {error.strerror}") from error
    if text.startswith("---\n"):
        text = text.partition("\n---\n")[2] or text
    return text.strip()


def _left(file: Path) -> dict[str, Any] | None:
    """What the agent handed over, None where it left no file. InputError for what is no JSON object."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputError(f"{_IN_TREE}: expected JSON: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"{_IN_TREE}: expected a JSON object, got {type(document).__name__}")
    return document


def _lacks(
    tree: Path, environment: Mapping[str, str], report: Report, result: Mapping[str, Any] | None
) -> Failure | None:
    """What a run lacks that ended well by its own account, and handed over `result`."""
    role, head = environment.get("PRESSPLAY_ROLE"), environment.get("PRESSPLAY_HEAD", "")
    words = f"; its last words: {report.words}" if report.words else ""
    if role == "test" and result is None:
        return Failure("no-result", f"it left no verdict in {_IN_TREE}{words}")
    if role != "implement" or not head or (result or {}).get("result") in ("nothing", "blocked"):
        return None
    commits, edits = _git(tree, "rev-list", "--count", f"{head}..HEAD"), _git(tree, "status", "--porcelain")
    return Failure("no-change", f"it changed nothing{words}") if (commits, edits) == ("0", "") else None


def _git(tree: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"
