"""Which commands a project's files ask for, and by whose configuration."""

from __future__ import annotations

import json

import pytest

from pressplay.gates.lint.detect import CUSTOM, detect, given, languages_of


class Tree:
    """Files by path."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def names(self, folder: str) -> frozenset[str]:
        prefix = f"{folder}/" if folder else ""
        return frozenset(path.removeprefix(prefix).split("/")[0] for path in self.files if path.startswith(prefix))

    def folders(self, folder: str) -> tuple[str, ...]:
        prefix = f"{folder}/" if folder else ""
        below = [path.removeprefix(prefix) for path in self.files if path.startswith(prefix)]
        return tuple(sorted({path.split("/")[0] for path in below if "/" in path}))

    def read(self, path: str) -> str | None:
        return self.files.get(path)


CARGO = "[package]\nname = 'x'\n"
RUFF = "[project]\nname = 'x'\n[tool.ruff]\nline-length = 100\n"
PACKAGE = json.dumps({"scripts": {"lint": "eslint .", "format:check": "prettier -c .", "build": "tsc"}})


def found(files: dict[str, str], base: dict[str, str] | None = None) -> dict[str, list[str]]:
    """Language → the lines that would be run, each after its folder."""
    tasks = detect(Tree(files), Tree(files if base is None else base))
    return {
        language: [f"{one.folder}: {one.command.line}".removeprefix(": ") for one in of_it]
        for language, of_it in tasks.items()
    }


CLIPPY = "cargo clippy --workspace --all-targets --all-features -- -D warnings"


@pytest.mark.rule("FR10")
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Cargo.toml": CARGO}, {"rust": ["cargo fmt --all --check", f"{CLIPPY} -W clippy::pedantic"]}),
        (
            {"Cargo.toml": CARGO + "[lints.clippy]\npedantic = 'warn'\n"},
            {"rust": ["cargo fmt --all --check", CLIPPY]},
        ),
        ({"pyproject.toml": "[project]\n"}, {"python": ["ruff check --no-cache --output-format=concise --isolated ."]}),
        (
            {"pyproject.toml": RUFF + "[tool.mypy]\nstrict = true\n"},
            {
                "python": [
                    "ruff check --no-cache --output-format=concise .",
                    "ruff format --no-cache --check .",
                    "mypy .",
                ]
            },
        ),
        (
            {"setup.py": "", "mypy.ini": "[mypy]\nfiles = src\n", "pyproject.toml": "[tool.black]\n[tool.ruff]\n"},
            {"python": ["ruff check --no-cache --output-format=concise .", "mypy"]},
        ),
        (
            {"package.json": PACKAGE, "package-lock.json": "{}"},
            {
                "typescript": [
                    "npm ci --ignore-scripts --no-audit --no-fund",
                    "npm run --silent lint",
                    "npm run --silent format:check",
                ]
            },
        ),
        (
            {"package.json": "{}", "tsconfig.json": "{}", ".prettierrc.json": "{}"},
            {
                "typescript": [
                    'PATH="$PWD/node_modules/.bin:$PATH" prettier --check .',
                    'PATH="$PWD/node_modules/.bin:$PATH" tsc --noEmit',
                ]
            },
        ),
        ({"script.py": ""}, {"python": ["ruff check --no-cache --output-format=concise --isolated ."]}),
        ({"README.md": "", "docs/conf.txt": ""}, {}),
        # package.json that holds commit hooks alone, a script beside a project of another language.
        ({"Cargo.toml": CARGO, "package.json": "{}", "build.py": ""}, ["rust"]),
        ({"go.mod": "module x\n", ".golangci.yml": ""}, ["go"]),
        ({"api/go.mod": "", "web/package.json": PACKAGE, "docs/x.md": ""}, ["typescript", "go"]),
        # What can't be read the tool itself refuses.
        ({"Cargo.toml": "[", "pyproject.toml": "]", "package.json": "["}, ["rust", "python"]),
    ],
)
def test_the_files_decide_what_is_run(files, expected):
    commands = found(files)
    assert (commands if isinstance(expected, dict) else list(commands)) == expected


def test_a_root_with_a_project_is_not_looked_below_and_odd_folders_never_are():
    assert list(found({"go.mod": "", "web/package.json": PACKAGE})) == ["go"]
    assert found({"$(touch x)/go.mod": "", "-x/Cargo.toml": CARGO, ".hidden/go.mod": ""}) == {}
    assert [line.split(":")[0] for line in found({"b/Cargo.toml": CARGO, "a/Cargo.toml": CARGO})["rust"]] == list(
        "aabb"
    )


@pytest.mark.rule("R6")
def test_a_pull_request_cannot_switch_off_what_the_default_branch_configures():
    base = {"pyproject.toml": RUFF + "[tool.mypy]\n", "package.json": PACKAGE, "go.mod": "", ".golangci.yml": ""}
    stripped = {"pyproject.toml": "[project]\n", "package.json": "{}", "go.mod": ""}
    assert found(stripped, base) == found(base)
    # Nor does it bring another way of its own.
    loud = {"Cargo.toml": CARGO + "[lints.clippy]\npedantic = 'allow'\n"}
    assert found(loud, {"Cargo.toml": CARGO}) == found({"Cargo.toml": CARGO})


def test_a_file_in_the_root_does_not_hide_the_projects_in_folders():
    base = {"backend/Cargo.toml": CARGO, "web/package.json": PACKAGE, "tools/notes.md": ""}
    linted = found({**base, "hide.py": "", "tools/x.py": ""}, base)
    assert linted == {**found(base), "python": ["ruff check --no-cache --output-format=concise --isolated ."]}


def test_a_first_project_of_its_language_is_linted_as_it_says_itself():
    assert found({"pyproject.toml": RUFF}, {"README.md": ""}) == found({"pyproject.toml": RUFF})
    assert languages_of(Tree({"pyproject.toml": RUFF, "Cargo.toml": CARGO})) == {"python", "rust"}


def test_the_commands_of_the_values_stand_alone():
    tasks = given(["make lint", "make 'check all'"])[CUSTOM]
    assert [(task.folder, task.command.label, task.command.line) for task in tasks] == [
        ("", "command 1", "make lint"),
        ("", "command 2", "make 'check all'"),
    ]
