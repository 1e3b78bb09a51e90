"""The project's requirements.yaml, read from the default branch: a pull request can't change what its agents get.

It is checked against the settings before a play begins, and again before each run.
"""

from __future__ import annotations

from collections.abc import Mapping

from pressplay import names
from pressplay.errors import InputError
from pressplay.github import contents
from pressplay.github.calls import Client, GitHubRefused
from pressplay.settings import Agent
from pressplay.steps.core.context import Context, Subject
from pressplay.validation import requirements
from pressplay.validation.markdown import code
from pressplay.validation.report import Invalid, Problem
from pressplay.validation.requirements import Given, Requirements

PROBLEMS_SHOWN = 3
"""How many problems the reason lists; `pressplay validate` shows them all."""


def check(agents: Mapping[str, Agent], gh: Client, subject: Subject, base: str) -> None:
    """Raise Invalid, with all problems, if the file requests what it may not have. No file is no problem."""
    file = _read(gh, subject, base)
    if file is None:
        return
    problems = [*file.malformed, *_refused(agents, subject, file, None)]
    if problems:
        raise Invalid(problems)


def given(context: Context, gh: Client, subject: Subject, base: str, agent_id: str, agent: Agent) -> tuple[Given, str]:
    """What a run of the agent gets, and an empty text; or nothing, and why the run may not begin."""
    where = names.requirements_file(subject.settings.docs_project_directory or "")
    try:
        file = _read(gh, subject, base)
    except GitHubRefused:
        raise
    except Invalid as error:
        return Given(), _reason(where, [], [problem.line for problem in error.problems])
    except InputError:
        return Given(), f"`{where}` on the default branch is no file"
    if file is not None:
        if file.malformed:
            # Unknown keys and wrong values are anybody's text (R7): only the lines are shown.
            return Given(), _reason(where, [], [problem.line for problem in file.malformed])
        refused = _refused(context.settings.agents, subject, file, agent_id)
        if refused:
            return Given(), _reason(where, refused, [])
    return requirements.given(file, agent_id, agent), ""


def _read(gh: Client, subject: Subject, base: str) -> Requirements | None:
    path = names.requirements_file(subject.settings.docs_project_directory or "")
    content = contents.read_file(gh, subject.repo, path, base)
    return None if content is None else requirements.load(content, f"{subject.repo}@{base}:{path}")


def _refused(agents: Mapping[str, Agent], subject: Subject, file: Requirements, only: str | None) -> list[Problem]:
    return file.refused(agents, subject.settings.secrets or (), only)


def _reason(where: str, refused: list[Problem], lines: list[int]) -> str:
    if refused:
        listed = [f"line {p.line}, {code(f'{p.path}: {p.message}', 400)}" for p in refused[:PROBLEMS_SHOWN]]
        more = f"; and {len(refused) - PROBLEMS_SHOWN} more" if len(refused) > PROBLEMS_SHOWN else ""
        problem = f"asks for what may not be had: {'; '.join(listed)}{more}"
    else:
        problem = f"is wrong in line {', '.join(str(line) for line in dict.fromkeys(lines))}"
    return f"`{where}` on the default branch {problem} (`pressplay validate --requirements` tells all of it)"
