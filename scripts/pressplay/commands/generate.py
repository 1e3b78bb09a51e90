"""`pressplay generate`: the files that are made from others and committed, and the check that they are true."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from pressplay.commands import _access_page, _pages
from pressplay.domain import accounts, flows
from pressplay.errors import PressPlayError
from pressplay.gates.proof import statement
from pressplay.templating import personas
from pressplay.validation import helm
from pressplay.validation.bundle import bundle
from pressplay.validation.packaged import packaged_schemas
from pressplay.validation.reference import reference

Files = dict[Path, str]
"""Path in the repository → what the file must hold."""

RENDER = _pages.RENDER
PLACEHOLDER = "example/repository"
"""Listed in the committed rendering, which else had no EventSource and Sensor; a sandbox puts its own in its place."""
SHOWN_LINES = 12


def _bundled(root: Path) -> Files:
    return {Path("chart/values.schema.json"): bundle(root / "schemas/values.schema.json")}


def _proof_schema(_root: Path) -> Files:
    return {Path("schemas/proof.schema.json"): statement.schema()}


def _personas(_root: Path) -> Files:
    return {Path(path): text for path, text in personas.generate().items()}


def _reference(root: Path) -> Files:
    return {Path("docs/reference/values.md"): reference((root / "chart/values.yaml").read_text(encoding="utf-8"))}


def _render(root: Path) -> Files:
    head = "# The chart, rendered with its defaults, for the sandbox. Made by `make generate`.\n"
    return {RENDER: head + helm.template(root, repositories=[PLACEHOLDER])}


def _command_line(_root: Path) -> Files:
    return {Path("docs/reference/command-line.md"): _pages.command_line()}


def _steps(root: Path) -> Files:
    return {Path("docs/reference/steps.md"): _pages.steps(root)}


def _workflows(root: Path) -> Files:
    return {Path("docs/reference/workflows.md"): _pages.workflows(root)}


def _flows(_root: Path) -> Files:
    return {Path("chart/files", flows.FILE): flows.text(), Path("docs/reference/flows.md"): _pages.flows_page()}


def _accounts(_root: Path) -> Files:
    return {Path("chart/files", accounts.FILE): accounts.text()}


def _access(root: Path) -> Files:
    return {Path("docs/reference/access.md"): _access_page.access(root)}


def _roles(_root: Path) -> Files:
    return {Path("docs/reference/roles.md"): _pages.roles_page()}


def _github_apps(_root: Path) -> Files:
    return {Path("docs/reference/github-apps.md"): _pages.github_apps()}


GENERATORS: dict[str, Callable[[Path], Files]] = {
    "flows": _flows,
    "accounts": _accounts,
    "values schema": _bundled,
    "proof schema": _proof_schema,
    "packaged copies": packaged_schemas,
    "personas": _personas,
    "values reference": _reference,
    "default render": _render,
    "GitHub Apps": _github_apps,
    "roles": _roles,
    "access": _access,
    "command line": _command_line,
    "steps": _steps,
    "workflows": _workflows,
}
"""In this order: the later ones read what the earlier ones write."""


@click.command("generate")
@click.option("--verify", is_flag=True, help="Write nothing; fail where a file is not what would be written.")
def command(verify: bool) -> None:
    """Write the files that are generated and committed (run in a clone of the repository)."""
    root = helm.repository()
    if verify:
        check(root)
        click.echo("generated files: all as they would be written")
        return
    for name, generate in GENERATORS.items():
        for path, text in generate(root).items():
            if _held(root / path) != text:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
                click.echo(f"{path}: written ({name})")


def check(root: Path) -> None:
    """PressPlayError naming every generated file that is not what would be written, with the first differing lines."""
    drifted = [_difference(path, held, text) for path, held, text in _drift(root)]
    if drifted:
        raise PressPlayError("\n".join([*drifted, "run `make generate`, look at what it changed, and commit it"]))


def _drift(root: Path) -> Iterator[tuple[Path, str | None, str]]:
    for generate in GENERATORS.values():
        for path, text in generate(root).items():
            held = _held(root / path)
            if held != text:
                yield path, held, text


def _held(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _difference(path: Path, held: str | None, text: str) -> str:
    if held is None:
        return f"{path}: is missing"
    lines = list(difflib.unified_diff(held.splitlines(), text.splitlines(), "committed", "generated", "", "", 1, ""))
    shown = "\n".join(f"    {line}" for line in lines[:SHOWN_LINES])
    return f"{path}: is not what is generated\n{shown}"
