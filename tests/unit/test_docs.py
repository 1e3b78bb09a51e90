"""The documentation says what is: help texts, links, commands, values, messages."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pressplay.cli import COMMANDS, main
from pressplay.commands import _pages
from pressplay.steps.registry import all_steps
from pressplay.validation import values

ROOT = Path(__file__).parents[2]
DOOR = ("README.md", "CONTRIBUTING.md", "AGENTS.md", "SECURITY.md", "CHANGELOG.md")
PAGES = [*(ROOT / name for name in DOOR), *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN = [page for page in PAGES if page.name not in ("prd.md", "values.md")]
"""What we write: prd.md is given to us, values.md is made from values.yaml."""
TROUBLESHOOT = ROOT / "docs/how-to/troubleshoot.md"

_FENCE = re.compile(r"^(```+)(\w*)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"(?<![\w/.-])pressplay ([a-z][a-z-]*)")
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")
_SET = re.compile(r"--set[ =]'?([A-Za-z][\w./-]*)=")
_MODULE = re.compile(r"pressplay(?:\.[a-z_]+)+")
_FILE = re.compile(r"(?:chart|docs|schemas|scripts|tests)/[\w./-]+")
_KEY = re.compile(r"[a-z][A-Za-z]+(?:\.(?:[A-Za-z-]+|<[a-z]+>))+")
DEFAULTS = yaml.safe_load((ROOT / "chart/values.yaml").read_text(encoding="utf-8"))


def _ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _help_blocks() -> Iterator[tuple[str, str, str]]:
    for page in PAGES:
        for fence in _FENCE.finditer(page.read_text(encoding="utf-8")):
            first, _, rest = fence[3].partition("\n")
            if fence[2] == "console" and first.startswith("$ pressplay") and first.endswith("--help"):
                yield _ids(page), first.removeprefix("$ "), rest


@pytest.mark.parametrize(("page", "command", "shown"), list(_help_blocks()), ids=lambda value: value.splitlines()[0])
def test_a_help_text_in_the_documentation_is_what_the_command_prints(
    page: str, command: str, shown: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(command.split()[1:]) == 0
    assert shown == capsys.readouterr().out, f"{page}: run `make generate`, or copy what `{command}` prints"


def test_the_readme_shows_help():
    assert ("README.md", "pressplay play --help") in [(page, command) for page, command, _ in _help_blocks()]


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_every_relative_link_leads_somewhere(page: Path):
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{_ids(page)}: {target} leads nowhere"
        if anchor:
            assert anchor in _anchors(found), f"{_ids(page)}: {target}: no such heading"


def test_the_index_names_every_page():
    linked = set(_LINK.findall((ROOT / "docs/README.md").read_text(encoding="utf-8")))
    pages = {str(page.relative_to(ROOT / "docs")) for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert pages - {"README.md"} <= linked


def _shown_commands(page: Path) -> Iterator[str]:
    """What the page shows to be typed: fenced and indented blocks, line by line, and code within sentences."""
    text = page.read_text(encoding="utf-8")
    for fence in _FENCE.finditer(text):
        if fence[2] in ("", "console", "bash", "sh"):
            yield from fence[3].replace("\\\n", " ").splitlines()
    rest = _FENCE.sub("", text)
    yield from (line for line in rest.splitlines() if line.startswith("    "))
    yield from _CODE.findall(rest)


@pytest.mark.parametrize("page", WRITTEN, ids=_ids)
def test_every_command_and_option_that_is_named_exists(page: Path):
    absent = {"doctor", "apps", "serve"} if page.name in ("README.md", "architecture.md") else set()
    for shown in _shown_commands(page):
        for name in _COMMAND.findall(shown):
            assert name in set(COMMANDS) | absent, f"{_ids(page)}: {shown!r}: no command {name}"
        if shown.lstrip("$ ").startswith("pressplay ") and "…" not in shown:
            words = re.sub(r'"[^"]*"', '""', shown.split("#")[0])
            known = _options(_COMMAND.findall(words)[:1])
            assert set(_OPTION.findall(words)) <= known, f"{_ids(page)}: {shown!r}: unknown option"


def _options(names: list[str]) -> set[str]:
    text = _pages.command_line()
    found = {"--help", "--version"}
    for name in names:
        # With the commands that stand below it.
        section = re.split(rf"\n## pressplay (?!{name} )", text.partition(f"## pressplay {name}\n")[2])[0]
        found |= set(_OPTION.findall(section))
    return found


def _added(page: Path) -> set[str]:
    """The files that the patches of an example add: those in the folder named for its page."""
    patches = (patch.read_text(encoding="utf-8") for patch in page.with_suffix("").glob("*.patch"))
    return {name for text in patches for name in re.findall(r"^--- /dev/null\n\+\+\+ b/(.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", WRITTEN, ids=_ids)
def test_every_module_and_file_that_is_named_exists(page: Path):
    for name in _CODE.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if _MODULE.fullmatch(name):
            assert pkgutil.resolve_name(name), f"{_ids(page)}: {name}"
        elif _FILE.fullmatch(name):
            assert (ROOT / name).exists() or name in _added(page), f"{_ids(page)}: there is no {name}"


@pytest.mark.parametrize("page", WRITTEN, ids=_ids)
def test_every_make_target_that_is_named_exists(page: Path):
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for shown in _shown_commands(page):
        for target in re.findall(r"^\s*make ([a-z][a-z0-9-]*)", shown):
            assert target in targets, f"{_ids(page)}: {shown!r}: no target {target}"


def _exists(path: str) -> bool:
    here = DEFAULTS
    keys = path.split(".")
    for at, key in enumerate(keys):
        if keys[0] == "repositories" and at == 1:
            here = DEFAULTS["defaults"]
            continue
        if keys[0] == "agents" and at == 1 and key == "<id>":
            key = "rex"
        if not isinstance(here, dict) or key not in here:
            # What may stand below an empty map is the user's.
            return here == {} and at > 0
        here = here[key]
    return True


@pytest.mark.parametrize("page", WRITTEN, ids=_ids)
def test_every_value_that_is_named_exists(page: Path):
    text = page.read_text(encoding="utf-8")
    paths = list(_SET.findall(text))
    for code in _CODE.findall(_FENCE.sub("", text)):
        name = re.split(r"[:=] ?", code)[0]
        if (
            _KEY.fullmatch(name)
            and name.partition(".")[0] in DEFAULTS
            and not name.endswith((".yaml", ".json", ".md", ".log"))
        ):
            paths.append(name)
    for path in paths:
        assert _exists(path), f"{_ids(page)}: {path} is not in chart/values.yaml"


@pytest.mark.parametrize("page", WRITTEN, ids=_ids)
def test_every_values_file_that_is_shown_is_valid(page: Path):
    for fence in _FENCE.finditer(page.read_text(encoding="utf-8")):
        if fence[2] == "yaml" and fence[3].startswith("# values.yaml"):
            assert values.validate([(_ids(page), fence[3])]) == []


def _sources() -> str:
    """All texts of library and chart, with the seams of strings that go over several lines closed."""
    files = [*(ROOT / "scripts/pressplay").rglob("*.py"), *(ROOT / "chart/templates").rglob("*.*")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files if "demo/project" not in str(file))
    return re.sub(r"""["']\s*\n\s*f?["']""", "", text)


def test_every_message_in_troubleshoot_is_one_that_the_code_says():
    said = _sources()
    headings = re.findall(r"^### `(.+)`$", TROUBLESHOOT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(headings) > 30
    unknown = [
        heading
        for heading in headings
        if not all(part.strip() in said for part in heading.split("…") if len(part.strip()) > 2)
    ]
    assert unknown == []


def test_every_limit_is_told():
    text = (ROOT / "docs/how-to/limits-and-parking.md").read_text(encoding="utf-8")
    for name, default in DEFAULTS["limits"].items():
        assert f"| `limits.{name}` | {default} |" in text


def test_the_pages_made_from_the_code_leave_nothing_out():
    commands = _pages.command_line()
    assert [name for name in COMMANDS if f"\n## pressplay {name}\n" not in commands] == []
    steps = _pages.steps(ROOT)
    assert [name for name in all_steps() if f"\n### {name}\n" not in steps] == []
    workflows = _pages.workflows(ROOT)
    named = re.findall(r"^### WorkflowTemplate `(.+)`$", workflows, re.MULTILINE)
    rendered = yaml.safe_load_all((ROOT / _pages.RENDER).read_text(encoding="utf-8"))
    wanted = {found["metadata"]["name"] for found in rendered if found and found["kind"] == "WorkflowTemplate"}
    assert sorted(named) == sorted(wanted)


def test_the_picture_of_the_flow_reads_on_light_and_dark():
    picture = (ROOT / "docs/images/flow.svg").read_text(encoding="utf-8")
    dark = picture.partition("prefers-color-scheme: dark")[2]
    for name in re.findall(r"^    \.([a-z]+) \{[^}]*(?:fill|stroke): #", picture, re.MULTILINE):
        assert re.search(rf"\.{name}[ ,]", dark), f"class {name} has no colours for dark"
