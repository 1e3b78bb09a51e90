"""Which commands a project's files ask for, and by whose configuration."""

from __future__ import annotations

import json

import pytest
from trees import Link, tree

from pressplay.gates.lint.detect import CUSTOM, detect, given
from pressplay.github.committed import Unreadable

CARGO = "[package]\nname = 'x'\n"
RUFF = "[project]\nname = 'x'\n[tool.ruff]\nline-length = 100\n"
PACKAGE = json.dumps({"scripts": {"lint": "eslint .", "format:check": "prettier -c .", "build": "tsc"}})


def found(files: dict[str, str], base: dict[str, str] | None = None) -> dict[str, list[str]]:
    """Language → the lines that would be run, each after its folder."""
    tasks = detect(tree(files), tree(files if base is None else base))
    return {
        language: [f"{one.folder}: {one.command.line}".removeprefix(": ") for one in of_it]
        for language, of_it in tasks.items()
    }


RUFF_ALL = "--no-cache --no-respect-gitignore"
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
        (
            {"pyproject.toml": "[project]\n"},
            {"python": [f"ruff check {RUFF_ALL} --isolated --output-format=concise ."]},
        ),
        (
            {"pyproject.toml": RUFF + "[tool.mypy]\nstrict = true\n"},
            {
                "python": [
                    f"ruff check {RUFF_ALL} --output-format=concise .",
                    f"ruff format {RUFF_ALL} --check .",
                    "mypy .",
                ]
            },
        ),
        (
            {"setup.py": "", "mypy.ini": "[mypy]\nfiles = src\n", "pyproject.toml": "[tool.black]\n[tool.ruff]\n"},
            {"python": [f"ruff check {RUFF_ALL} --output-format=concise .", "mypy"]},
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
                    'PATH="$PWD/node_modules/.bin:$PATH" prettier --check --ignore-path .prettierignore .',
                    'PATH="$PWD/node_modules/.bin:$PATH" tsc --noEmit',
                ]
            },
        ),
        ({"script.py": ""}, {"python": [f"ruff check {RUFF_ALL} --isolated --output-format=concise ."]}),
        ({"README.md": "", "docs/conf.txt": ""}, {}),
        # package.json that holds commit hooks alone, a script beside a project of another language.
        ({"Cargo.toml": CARGO, "package.json": "{}", "build.py": ""}, ["rust"]),
        ({"go.mod": "module x\n", ".golangci.yml": ""}, ["go"]),
        ({"api/go.mod": "", "web/package.json": PACKAGE, "docs/x.md": ""}, ["typescript", "go"]),
        # A byte order mark is no part of the text.
        (
            {"Cargo.toml": "\ufeff[lints.clippy]\npedantic = 'warn'\n", "package.json": "\ufeff" + PACKAGE},
            {
                "rust": ["cargo fmt --all --check", CLIPPY],
                "typescript": ["npm run --silent lint", "npm run --silent format:check"],
            },
        ),
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
    assert linted == {**found(base), "python": [f"ruff check {RUFF_ALL} --isolated --output-format=concise ."]}


def test_a_first_project_of_its_language_is_linted_as_it_says_itself():
    assert found({"pyproject.toml": RUFF}, {"README.md": ""}) == found({"pyproject.toml": RUFF})


@pytest.mark.rule("R10")
@pytest.mark.parametrize("path", ["Cargo.toml", "pyproject.toml", "package.json"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[", "not (TOML|JSON)"), (b"\xff\xfe{\x00", "not UTF-8 text"), (Link("other"), "a symbolic link"),
        ("#" * 1_000_001, "larger than"), ("[" * 100_000, "not (TOML|JSON)"),
    ],
)  # fmt: skip
def test_what_is_there_and_cannot_be_read_is_not_taken_for_absent(path, content, why):
    with pytest.raises(Unreadable, match=f"{path}: {why}"):
        found({path: content})


def test_commands_that_could_look_at_nothing_say_how_to_ask():
    def asked(files: dict[str, str]) -> list[str]:
        return [one.command.sees for of_it in detect(tree(files), tree(files)).values() for one in of_it]

    assert all(asked({"a/x.py": "", "a/pyproject.toml": RUFF}))
    assert asked({"go.mod": "", "a.go": ""})[1:] == ["go list -e ./..."]
    assert not any(asked({"pyproject.toml": RUFF, "go.mod": "", "README.md": ""}))


def test_the_commands_of_the_values_stand_alone():
    tasks = given(["make lint", "make 'check all'"])[CUSTOM]
    assert [(task.folder, task.command.label, task.command.line) for task in tasks] == [
        ("", "command 1", "make lint"),
        ("", "command 2", "make 'check all'"),
    ]
