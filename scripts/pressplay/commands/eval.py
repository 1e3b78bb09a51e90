"""`pressplay eval`: how often the gates approve what is wrong, and refuse what is right."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pressplay.commands import _sandbox
from pressplay.domain.profiles import PROFILES
from pressplay.errors import InputError

if TYPE_CHECKING:
    from pressplay.evaluation.corpus import Case
    from pressplay.evaluation.figures import Bounds, Figures, Trial
    from pressplay.gates.proving import job

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
    as_json: bool,
    max_false_approvals: int,
    max_false_refusals: float,
    max_undecided: float,
) -> int:
    """Run the gates over a corpus of changes of which the truth is known, and count where they are wrong.

    CORPUS is a folder such as tests/corpus of Press Play's repository. Exit status 1 where a bound is broken, 2 where
    the corpus is wrong.
    """
    # The gates' commands run behind the sandbox's wall.
    _sandbox.require()
    from pressplay.evaluation import corpus as corpora
    from pressplay.evaluation.figures import Bounds
    from pressplay.gates.proving import job

    cases = [case for case in corpora.read(corpus, only) if profile in (None, case.profile)]
    if not cases:
        raise InputError(f"{corpus}: no case of the profile {profile} is named {only!r}")
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
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(trial, case, number, workshop, bounds): at for at, (case, number) in enumerate(work)}
        results: dict[int, Trial] = {}
        try:
            for future in as_completed(waiting):
                result = results[waiting[future]] = future.result()
                fault = wrong(result)
                seconds = sum(result.seconds.values())
                line = f"[{len(results)}/{len(work)}] {result.case.id}: {result.decision}, {seconds:.0f} s"
                click.echo(f"{line}{f': {fault.upper()}' if fault else ''}", err=True)
                if fault and result.reason:
                    click.echo(_indented(f"{result.gate}: {result.reason}"), err=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[at] for at in range(len(work))]


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
