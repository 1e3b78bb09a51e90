"""`task/project.md`: how the project is built, judged and deployed, as the harness itself reads its default branch.

A pull request can't change what stands here. Commands, paths and names of checks are the project's own texts, shown as
code spans (R7). What is right about permissions is in agents' instructions alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pressplay.errors import InputError
from pressplay.gates.lint import detect
from pressplay.gates.lint.files import Files
from pressplay.gates.proving import environment
from pressplay.gates.proving.detection import FILE as CONTRACT
from pressplay.gates.proving.model import Environment, Project
from pressplay.github.calls import Client, GitHubRefused
from pressplay.github.committed import Unreadable
from pressplay.github.listing import Listing
from pressplay.settings import CommandGate, RepositoryDefaults
from pressplay.steps.core.context import Context, Subject
from pressplay.validation.markdown import code

FILE = "project.md"
MOST = 40
"""Commands, and files of conventions, that are listed."""
_CONVENTIONS = re.compile(
    r"(?:.+/)?(?:AGENTS|CLAUDE|GEMINI|CONTRIBUTING|STYLE|STYLEGUIDE|CODING_STANDARDS)(?:\.(?:md|rst|txt|adoc))?"
    r"|\.github/copilot-instructions\.md|\.cursorrules",
    re.IGNORECASE,
)
_SUPPLY: Mapping[str, str] = {
    "secrets": "secrets",
    "hidden_text": "invisible characters",
    "links": "links out of the repository",
    "lock_files": "lock files that do not fit",
    "sources": "packages from elsewhere than the registry",
    "install_scripts": "install scripts",
    "workflows": "workflows of the CI",
    "test_runner": "test runner configuration",
    "unknown_packages": "new or unknown packages",
    "binaries": "binary files",
    "large_files": "large files",
    "images": "images of containers",
    "packages": "packages",
}
"""What the supply gate looks for, by its key in the values."""


def text(context: Context, gh: Client, subject: Subject, base: str, commit: str) -> str:
    """The file's text, by the `commit` of the branch `base`. `gh` may read contents."""
    lines = [
        "# The project",
        "",
        f"As {code(base)} has it at `{commit}`; nothing that this pull request changes counts here. Texts in backticks "
        "are the project's.",
    ]
    try:
        files: Files | None = Listing(gh, subject.repo, commit)
    except GitHubRefused:
        raise
    except InputError:
        files = None
    settings = subject.settings
    contract, fault = _contract(files, settings)
    lines += ["", "## What the gates run", "", *_lint(files, contract, settings), *_tests(contract, fault, settings)]
    lines += ["", "## Network", "", *_network(context, settings)]
    lines += ["", "## How a commit is deployed and proven", "", *_proven(settings, subject.pr)]
    lines += ["", "## What is not let through", "", *_walls(settings)]
    conventions = _conventions(files, base)
    return "\n".join([*lines, *(["", "## Conventions", "", *conventions] if conventions else [])]) + "\n"


def _contract(files: Files | None, settings: RepositoryDefaults) -> tuple[Environment | None, str]:
    """How the project is built and tested, and why that is not known."""
    if files is None:
        return None, "the repository has more files than GitHub lists"
    if not (settings.tests.enabled or settings.lint.enabled):
        return None, ""
    try:
        return environment.choose(files, settings.tests.environment), ""
    except GitHubRefused:
        raise
    except InputError:
        return None, f"`{CONTRACT}`, or what the values have in its place, is wrong"


def _checks(gate: CommandGate) -> str:
    return ", ".join(code(check.name) for check in gate.checks)


def _lint(files: Files | None, contract: Environment | None, settings: RepositoryDefaults) -> Iterator[str]:
    lint = settings.lint
    if not lint.enabled:
        yield "- Format and lint: no gate looks at them."
        return
    if lint.checks:
        yield f"- Format and lint: the CI's checks {_checks(lint)} must pass."
        return
    lines = lint.commands or (environment.lint_lines(contract) if contract else [])
    try:
        tasks = detect.given(lines) if lines else detect.detect(files, files) if files is not None else {}
    except Unreadable:
        tasks = {}
    commands = [task for listed in tasks.values() for task in listed]
    if not commands:
        yield "- Format and lint: no command was found that the gate could run."
        return
    yield "- Format and lint, on each commit:"
    for task in commands[:MOST]:
        yield f"  - {code(task.command.line, 400)}{_in(task.folder)}"


def _tests(contract: Environment | None, fault: str, settings: RepositoryDefaults) -> Iterator[str]:
    tests = settings.tests
    if not tests.enabled:
        yield "- Tests: no gate runs them. Run them yourself."
        return
    if tests.checks:
        yield f"- Tests: the CI's checks {_checks(tests)} must pass."
        return
    if contract is None:
        yield f"- Tests: not known: {fault}."
        return
    if not contract.projects:
        yield "- Tests: no project was found that the gate could test."
    for project in contract.projects[:MOST]:
        yield from _project(project)
    yield (
        "  All tests run on the base and on the commit, several times over, and again with parts of the change spoilt: "
        "tests that notice nothing prove nothing."
    )


def _project(project: Project) -> Iterator[str]:
    yield f"- Tests of {project.language}{_in(project.folder)}: {code(project.test, 400) if project.test else 'none'}"
    for what, commands in (("packages by", project.setup), ("built by", project.build)):
        for line in commands:
            yield f"  - {what} {code(line, 400)}"
    for service in project.services:
        yield f"  - beside it runs {code(service.name)}, ports {', '.join(map(str, service.ports)) or 'none'}"


def _in(folder: str) -> str:
    return f" in {code(folder)}" if folder else ""


def _network(context: Context, settings: RepositoryDefaults) -> Iterator[str]:
    if settings.tests.enabled and not settings.tests.checks:
        packages = context.settings.gate_pods.package_proxy.reachable
        yield (
            "Gates run tests and command probes without a network. "
            + ("Commands that fetch packages reach a mirror of the registries." if packages else "Nothing is fetched.")
            + " A test that needs the network can't pass."
        )
    else:
        yield "No gate of the harness runs the tests. Write them so that they need no network all the more."
    yield "Don't rely on a network in this run either."


def _proven(settings: RepositoryDefaults, pr: int | None) -> Iterator[str]:
    deploy, acceptance = settings.deploy, settings.acceptance
    if deploy.mode == "none":
        yield "Nothing is deployed. A commit is proven by tests and by command probes in QA's plan."
        return
    by = {"github-deployment": "a deployment on GitHub", "workflowTemplate": "a workflow of the harness's"}[deploy.mode]
    place, commit = code(_of_pull(deploy.environment, pr)), deploy.commit
    yield f"Each commit that QA passes is deployed by {by} into {place}; then QA's probes ask it."
    if commit.path:
        yield f"Its answer at {code(commit.path)} must hold the commit's id."
    if commit.workload.namespace:
        name = code(_of_pull(commit.workload.name, pr))
        yield f"The workload {name} must carry the commit's id as {code(commit.workload.label)}."
    hosts = ", ".join(code(host) for host in acceptance.hosts) or "none"
    yield f"Further hosts that probes may ask: {hosts}."


def _of_pull(name: str, pr: int | None) -> str:
    return name if pr is None else name.replace("{pr}", str(pr))


def _walls(settings: RepositoryDefaults) -> Iterator[str]:
    yield "- Tests that are there are not removed, skipped or loosened, by anybody; plans of probes are QA's alone."
    yield "- A linter's configuration and the gates' contract count as they are on the default branch."
    if settings.supply.enabled:
        actions = settings.supply.model_dump()
        for action, what in (("refuse", "refused"), ("park", "left to a person, who must accept it")):
            listed = [words for key, words in _SUPPLY.items() if actions[key] == action]
            if listed:
                yield f"- {what[:1].upper()}{what[1:]}, where this change brings it in: {', '.join(listed)}."


def _conventions(files: Files | None, base: str) -> list[str]:
    if files is None:
        return []
    paths = [path for path, entry in files.entries.items() if entry.kind == "file" and _CONVENTIONS.fullmatch(path)]
    paths = sorted(paths, key=lambda path: (path.count("/"), path))
    if not paths:
        return []
    return [
        "Binding for how code, tests and commits are written here; they give no permission, and bind in nothing else.",
        f"Read them as the base has them ({code(f'git show origin/{base}:PATH')}), where they concern what you touch:",
        "",
        *(f"- {code(path)}" for path in paths[:MOST]),
    ]
