"""`pressplay eval`: how often the gates, or whole plays by agents, approve what is wrong and refuse what is right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pressplay.commands import _sandbox
from pressplay.domain.profiles import PROFILES
from pressplay.errors import InputError

if TYPE_CHECKING:
    from pressplay.evaluation.agent_trials import AgentFigures, AgentTrial
    from pressplay.evaluation.corpus import Case
    from pressplay.evaluation.figures import Bounds, Figures, Trial
    from pressplay.gates.proving import job

T = TypeVar("T")
_PART = click.FloatRange(0, 1)


@click.command("eval")
@click.argument("corpus", type=click.Path(exists=True, file_okay=False, path_type=Path), default="tests/corpus")
@click.option("--only", metavar="GLOB", default="*", help="The cases to take, as in python-service/fix-*.")
@click.option("--profile", type=click.Choice(PROFILES), help="Only cases of this proof profile.")
@click.option("--trials", metavar="K", type=click.IntRange(min=1), default=1, show_default=True, help="Trials a case.")
@click.option("--jobs", metavar="N", type=click.IntRange(min=1), default=1, show_default=True, help="Trials at a time.")
@click.option(
    "--controls", metavar="N", type=click.IntRange(min=0), default=20, show_default=True, help="As tests.controls.most."
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=".cache/eval",
    show_default=True,
    help="Where fetched packages stay.",
)
@click.option(
    "--agent",
    metavar="NAME|COMMAND",
    help="Have these agents play the corpus' honest cases as tasks, as `pressplay play --agent`, and judge what they "
    "hand in by tests that they have not read.",
)
@click.option("--chart", metavar="FILE", help="With --agent: your own rendered chart, with your personas and limits.")
@click.option("--gates-online", is_flag=True, help="With --agent: as `pressplay play --gates-online`.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, for programs.")
@click.option("--max-false-approvals", metavar="N", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--max-false-refusals", metavar="PART", type=_PART, default=0.05, show_default=True)
@click.option("--max-undecided", metavar="PART", type=_PART, default=0.05, show_default=True)
def command(
    corpus: Path,
    only: str,
    profile: str | None,
    trials: int,
    jobs: int,
    controls: int,
    cache: Path,
    agent: str | None,
    chart: str | None,
    gates_online: bool,
    as_json: bool,
    max_false_approvals: int,
    max_false_refusals: float,
    max_undecided: float,
) -> int:
    """Run the gates over a corpus of changes of which the truth is known, and count where they are wrong.

    With --agent, agents play its tasks, and their work is judged: compare two personas or two models by the figures of
    both. CORPUS is a folder such as tests/corpus of Press Play's repository. Exit status 1 where a bound is broken, 2
    where the corpus is wrong.
    """
    # The gates' commands run behind the sandbox's wall.
    _sandbox.require()
    from pressplay.evaluation import corpus as corpora
    from pressplay.evaluation.figures import Bounds
    from pressplay.gates.proving import job

    cases = [case for case in corpora.read(corpus, only) if profile in (None, case.profile)]
    if not cases:
        raise InputError(f"{corpus}: no case of the profile {profile} is named {only!r}")
    if agent is not None:
        options = [*(["--chart", chart] if chart else []), *(["--gates-online"] if gates_online else [])]
        return _by_agents(cases, trials, jobs, cache, agent, options, max_false_approvals, as_json=as_json)
    if chart or gates_online:
        raise InputError("--chart and --gates-online are for plays: give --agent, too")
    work = [(case, number) for case in cases for number in range(1, trials + 1)]
    done = _carry_out(work, jobs, cache, job.Bounds(most=controls))
    bounds = Bounds(max_false_approvals, max_false_refusals, max_undecided)
    return _report(done, bounds, as_json=as_json)


def _carry_out(work: Sequence[tuple[Case, int]], jobs: int, cache: Path, bounds: job.Bounds) -> list[Trial]:
    """The trials' results in the order of `work`; progress on standard error."""
    from pressplay.evaluation.figures import wrong
    from pressplay.evaluation.trial import trial
    from pressplay.evaluation.workshop import Workshop

    workshop = Workshop(cache.resolve(), lambda text: click.echo(text, err=True))

    def line(result: Trial) -> str:
        fault = wrong(result)
        seconds = sum(result.seconds.values())
        text = f"{result.case.id}: {result.decision}, {seconds:.0f} s{f': {fault.upper()}' if fault else ''}"
        return f"{text}\n{_indented(f'{result.gate}: {result.reason}')}" if fault and result.reason else text

    return _side_by_side(work, jobs, lambda case, number: trial(case, number, workshop, bounds), line)


def _side_by_side(
    work: Sequence[tuple[Case, int]], jobs: int, carry_out: Callable[[Case, int], T], line: Callable[[T], str]
) -> list[T]:
    """The trials' results in the order of `work`; a line for each on standard error as it ends."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(carry_out, case, number): at for at, (case, number) in enumerate(work)}
        results: dict[int, T] = {}
        try:
            for future in as_completed(waiting):
                result = results[waiting[future]] = future.result()
                click.echo(f"[{len(results)}/{len(work)}] {line(result)}", err=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[at] for at in range(len(work))]


def _by_agents(
    cases: Sequence[Case],
    trials: int,
    jobs: int,
    cache: Path,
    agent: str,
    options: Sequence[str],
    max_false_approvals: int,
    *,
    as_json: bool,
) -> int:
    """Have agents play the cases that are tasks, and report what became of their work."""
    from pressplay.evaluation.agent_trials import SetUp, figures, tasks_of, trial
    from pressplay.evaluation.workshop import Workshop

    tasks = tasks_of(cases)
    if not tasks:
        raise InputError("no case is a task for agents: expected honest ones with tests of their own; see --only")
    workshop, set_up = Workshop(cache.resolve(), lambda text: click.echo(text, err=True)), SetUp(agent, options)
    work = [(case, number) for case in tasks for number in range(1, trials + 1)]

    def line(result: AgentTrial) -> str:
        text = f"{result.case.id}: {result.state}, {result.truth}, {result.runs} runs"
        return f"{text}\n{_indented(result.reason)}" if result.reason else text

    done = _side_by_side(work, jobs, lambda case, number: trial(case, number, set_up, workshop), line)
    whole = figures(done)
    broken = (
        [f"merged and wrong: expected at most {max_false_approvals}, got {whole.merged_wrong}"]
        if whole.merged_wrong > max_false_approvals
        else []
    )
    if as_json:
        document = {
            "all": _of_figures(whole),
            "trials": [_of_agent_trial(result) for result in done],
            "broken": broken,
        }
        click.echo(json.dumps(document, indent=2))
        return 1 if broken else 0
    rows = [("all", whole)]
    for by in ("language", "profile"):
        keys = sorted({_key(result, by) for result in done})
        rows += [(f"{by} {key}", figures(result for result in done if _key(result, by) == key)) for key in keys]
    click.echo(_table([("", *_AGENT_COLUMNS), *(_agent_row(*row) for row in rows)]))
    for text in broken:
        click.echo(f"\n{text}")
    return 1 if broken else 0


_AGENT_COLUMNS = ("trials", "merged", "merged and wrong", "refused and right", "runs", "seconds", "tokens", "cost")


def _key(result: AgentTrial, by: str) -> str:
    return result.language if by == "language" else result.case.profile


def _agent_row(name: str, of: AgentFigures) -> tuple[str, ...]:
    counts = (of.trials, of.merged, of.merged_wrong, of.refused_right)
    return (name, *map(str, counts), f"{of.runs:.1f}", f"{of.seconds:.0f}", f"{of.tokens:,}", f"{of.cost:.2f}")


def _of_figures(of: AgentFigures) -> dict[str, Any]:
    return {
        "trials": of.trials,
        "merged": of.merged,
        "mergedWrong": of.merged_wrong,
        "refusedRight": of.refused_right,
        "runs": round(of.runs, 2),
        "seconds": round(of.seconds, 1),
        "tokens": of.tokens,
        "cost": of.cost,
    }


def _of_agent_trial(result: AgentTrial) -> dict[str, Any]:
    return {
        "case": result.case.id,
        "trial": result.number,
        "language": result.language,
        "profile": result.case.profile,
        "state": result.state,
        "truth": result.truth,
        "reason": result.reason,
        "runs": result.runs,
        "rounds": result.rounds,
        "seconds": result.seconds,
        "tokens": result.tokens,
        "cost": result.cost,
    }


def _report(trials: Sequence[Trial], bounds: Bounds, *, as_json: bool) -> int:
    from pressplay.evaluation.figures import figures, grouped, wrong

    whole = figures(trials)
    groups = {by: grouped(trials, by) for by in ("profile", "language", "kind")}
    broken = whole.broken(bounds)
    if as_json:
        document = {
            "all": _document(whole),
            **{by: {key: _document(value) for key, value in group.items()} for by, group in groups.items()},
            "trials": [_of_trial(result) for result in trials],
            "broken": broken,
        }
        click.echo(json.dumps(document, indent=2))
        return 1 if broken else 0
    gates = tuple(whole.seconds)
    rows = [("all", whole)]
    for by in ("language", "profile"):
        rows += [(f"{by} {key}", value) for key, value in groups[by].items()]
    click.echo(_table([("", *_COLUMNS, *(f"{gate}, s" for gate in gates)), *(_row(*row, gates) for row in rows)]))
    faulty = [result for result in trials if wrong(result)]
    if faulty:
        click.echo(f"\nWrong ({len(faulty)}):")
    for result in faulty:
        click.echo(f"  {result.case.id}: {wrong(result)} by {result.gate or 'no gate'}")
        click.echo(_indented(result.reason or result.case.why))
    for line in broken:
        click.echo(f"\n{line}")
    return 1 if broken else 0


_COLUMNS = ("trials", "honest", "false approvals", "false refusals", "undecided", "unseen approved")


def _row(name: str, of: Figures, gates: Iterable[str]) -> tuple[str, ...]:
    return (
        name,
        str(of.trials),
        str(of.honest),
        str(of.false_approvals),
        f"{of.false_refusals} ({of.refusal_rate:.1%})",
        f"{of.undecided} ({of.undecided_rate:.1%})",
        f"{of.unseen_approved} of {of.unseen}",
        *(f"{of.seconds[gate]:.1f}" if gate in of.seconds else "" for gate in gates),
    )


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as a Markdown table, in columns of one width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    return "\n".join([lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]])


def _document(of: Figures) -> dict[str, Any]:
    return {
        "trials": of.trials,
        "honest": of.honest,
        "falseApprovals": of.false_approvals,
        "falseRefusals": of.false_refusals,
        "undecided": of.undecided,
        "unseen": of.unseen,
        "unseenApproved": of.unseen_approved,
        "seconds": {gate: round(seconds, 1) for gate, seconds in of.seconds.items()},
    }


def _of_trial(result: Trial) -> dict[str, Any]:
    from pressplay.evaluation.figures import wrong

    return {
        "case": result.case.id,
        "trial": result.number,
        "language": result.language,
        "profile": result.case.profile,
        "kind": result.case.kind or "honest",
        "decision": result.decision,
        "wrong": wrong(result),
        "gate": result.gate,
        "reason": result.reason,
        "seconds": {gate: round(seconds, 1) for gate, seconds in result.seconds.items()},
    }


def _indented(text: str) -> str:
    from pressplay.plaintext import plain

    return "\n".join(f"    {plain(line)[:300]}" for line in text.splitlines()[:8])
