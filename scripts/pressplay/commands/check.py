"""`pressplay check`: what the gates will say of an agent's commits, before it hands them over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pressplay.errors import EXIT_FAILED, InputError

if TYPE_CHECKING:
    import pygit2

    from pressplay.domain.roles import Role
    from pressplay.github.commits import Commits
    from pressplay.steps.runs.check_file import Rules


@dataclass(frozen=True)
class Refusal:
    """What a gate will refuse."""

    gate: str
    reason: str
    details: str = ""


@click.command("check")
@click.option("--role", help="The run's role (default: PRESSPLAY_ROLE, else that of task/gates.json).")
@click.option(
    "--result",
    "result_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that is handed over (default: PRESSPLAY_RESULT).",
)
@click.pass_context
def command(ctx: click.Context, role: str | None, result_file: Path | None) -> None:
    """Judge the commits in this work tree as the gates will, by the gates' own code.

    Looks at what the run committed since it began (tests, plans of probes, files outside of the tests), at what the
    whole branch brings in (the supply gate), at the plan of probes and at the file that is handed over. Tests, linters
    and probes are not run: task/project.md has their commands, `pressplay acceptance` tries a plan. Exit status 0 where
    nothing is refused, 1 where something is, 2 where this is no work tree of a run.
    """
    from pressplay.domain.roles import ROLES
    from pressplay.steps.runs.check_file import FILE, Rules

    tree = Path.cwd()
    where = tree / "task" / FILE
    try:
        rules = Rules.load(where.read_bytes(), f"task/{FILE}")
    except OSError as error:
        raise InputError(f"{where}: expected the rules of a run; start it in the run's work tree") from error
    name = role or os.environ.get("PRESSPLAY_ROLE") or rules.role
    if name not in ROLES:
        raise InputError(f"role {name!r}: expected one of {', '.join(ROLES)}")
    result = result_file or (Path(text) if (text := os.environ.get("PRESSPLAY_RESULT")) else None)
    refusals = list(_refusals(tree, rules, ROLES[name], result))
    for refusal in refusals:
        click.echo(f"refused by {refusal.gate}: {refusal.reason}")
        if refusal.details:
            click.echo("".join(f"    {line}\n" for line in refusal.details.splitlines()), nl=False)
    if refusals:
        ctx.exit(EXIT_FAILED)
    click.echo("nothing is refused so far; tests, linters and probes were not run")


def _refusals(tree: Path, rules: Rules, role: Role, result: Path | None) -> Iterator[Refusal]:
    import pygit2

    from pressplay.github.clone import Clone
    from pressplay.github.commits import Commits

    try:
        repository = pygit2.Repository(str(tree))
        head = str(repository.head.peel(pygit2.Commit).id)
        base = repository.revparse_single(f"origin/{rules.base}").peel(pygit2.Commit).id
        merge_base = repository.merge_base(base, repository.head.target)
        begun = repository.revparse_single(rules.head).peel(pygit2.Commit).id if rules.head else merge_base
    except (pygit2.GitError, KeyError, ValueError) as error:
        raise InputError(
            f"{tree}: expected a work tree with origin/{rules.base} and the run's commit: {error}"
        ) from error
    clone = Clone.of(repository)
    yield from _uncommitted(repository)
    if begun is not None:
        yield from _of_role(Commits(clone, str(begun), head), rules, role)
    if merge_base is not None:
        yield from _supply(Commits(clone, str(merge_base), head), rules)
    yield from _plan(Commits(clone, head, head), rules, role)
    yield from _result(tree, role, result)


def _uncommitted(repository: pygit2.Repository) -> Iterator[Refusal]:
    import pygit2.enums

    ignored = pygit2.enums.FileStatus.IGNORED
    left = [path for path, status in repository.status().items() if status not in (ignored, 0)]
    if left:
        yield Refusal("hand-over", f"{len(left)} files are not committed, and only commits count", "\n".join(left[:20]))


def _of_role(run: Commits, rules: Rules, role: Role) -> Iterator[Refusal]:
    """What the role's own commits may not do."""
    from pressplay.domain.roles import COMMENTS, CRITERIA, TEST
    from pressplay.gates import only_tests, tests
    from pressplay.github.commits import Side

    compared = run.compared()
    after, before = (Side(tree) for tree in run.trees)
    if role == CRITERIA:
        return
    if role == TEST:
        paths = only_tests.Paths(rules.test_paths.model_dump())
        offences = only_tests.only_tests(compared, paths, before, after)
        if offences:
            listed = "\n".join(offence.path for offence in offences[:20])
            yield Refusal("test-only", only_tests.reason(offences), listed)
    elif any(file.path.startswith(only_tests.ACCEPTANCE) for file in compared.files):
        yield Refusal("test-only", "a plan of probes is changed, and those are QA's")
    weaker = tests.weakened(compared, before.text, after.text)
    if weaker and role != COMMENTS:
        listed = "\n".join(f"{loss.path}:{loss.line} {loss.text}".strip() for loss in weaker.losses[:20])
        yield Refusal("test-only", f"tests are weaker: {weaker}", listed)


def _supply(whole: Commits, rules: Rules) -> Iterator[Refusal]:
    """What the branch brings in that the supply gate refuses; what it leaves to a person is none of the agent's."""
    from pressplay.gates.only_tests import Paths
    from pressplay.gates.supply import judge

    if not rules.supply.enabled:
        return
    head, base = whole.trees
    changed = whole.clone.differing(whole.base, whole.head)
    inspection = judge.inspect(changed, head, base, Paths(rules.test_paths.model_dump()).match)
    judged = judge.Judgement(inspection, judge.policy(rules.supply), 0, False)
    if judged.outcome == "fail":
        yield Refusal("supply", judged.reason(), judged.markdown())


def _plan(at: Commits, rules: Rules, role: Role) -> Iterator[Refusal]:
    """What is wrong with QA's plan of probes."""
    from pressplay.domain.roles import TEST
    from pressplay.gates.acceptance import probe_plan
    from pressplay.github.commits import Side

    if role != TEST:
        return
    text = Side(at.trees[0]).text(rules.plan)
    if not text:
        return
    try:
        probe_plan.read(text.encode(), rules.plan, frozenset(rules.criteria) or None)
    except InputError as error:
        yield Refusal("test-only", probe_plan.unusable(rules.plan), str(error))


def _result(tree: Path, role: Role, result: Path | None) -> Iterator[Refusal]:
    """What is wrong with the file that is handed over, and which contested points QA's verdict leaves unanswered."""
    from pressplay.domain.roles import TEST
    from pressplay.steps.comments.review_text import FILE as REVIEW
    from pressplay.steps.runs import contests
    from pressplay.validation import outcomes

    if result is None:
        return
    if not result.exists():
        if role == TEST:
            yield Refusal("hand-over", f"{result}: there is no verdict yet")
        return
    try:
        outcome = outcomes.read(result.read_bytes(), result.name)
        outcome.check(role)
    except InputError as error:
        yield Refusal("hand-over", "the file that is handed over is wrong", str(error))
        return
    review = tree / "task" / REVIEW
    if role == TEST and review.exists():
        contested = re.findall(r"^### (contest-\S+)$", review.read_text(encoding="utf-8"), re.MULTILINE)
        open_points = [id_ for id_ in contested if not contests.answers(outcome.verdict, id_)]
        if open_points and outcome.result in ("pass", "changes"):
            yield Refusal("test-only", "the verdict does not answer what is contested", "\n".join(open_points))
