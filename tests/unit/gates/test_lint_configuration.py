"""What a pull request may not decide about its own linting is the default branch's, and what it may is told."""

from __future__ import annotations

import json
import tomllib

import pytest

from pressplay.gates.lint.configuration import is_told, silenced, taken

pytestmark = pytest.mark.rule("R6")


def run(head: dict[str, bytes], base: dict[str, bytes], *new: str) -> dict[str, bytes | None]:
    paths = [path for path in head.keys() | base.keys() if head.get(path) != base.get(path)]
    return {one.path: one.content for one in taken(paths, head.get, base.get, frozenset(new))}


@pytest.mark.parametrize(
    "path",
    [
        "clippy.toml", "crates/a/rustfmt.toml", ".cargo/config.toml", "rust-toolchain", "ruff.toml", "src/.ruff.toml",
        "mypy.ini", "setup.cfg", "eslint.config.mjs", "web/.eslintrc.json", ".prettierrc", ".prettierignore",
        ".golangci.yml", ".gitignore", ".ignore",
    ],
)  # fmt: skip
def test_a_linters_own_file_is_the_default_branchs(path):
    assert run({path: b"loose"}, {path: b"strict"}) == {path: b"strict"}
    assert run({path: b"loose"}, {}) == {path: None}
    assert run({}, {path: b"strict"}) == {path: b"strict"}
    assert run({path: b"same"}, {path: b"same"}) == {}


@pytest.mark.parametrize("path", ["src/lib.rs", "ruff.toml.md", "config.toml", "cargo/config.toml", "README.md"])
def test_any_other_file_is_the_pull_requests(path):
    assert run({path: b"new"}, {path: b"old"}) == {}


def test_of_a_manifest_only_the_linters_part_is_taken():
    base = b'[package]\nname = "x"\nversion = "1.0.0"\n\n[lints.clippy]\npedantic = "deny"\n'
    head = b'[package]\nname = "x"\nversion = "2.0.0" # next\n\n[dependencies]\na = "1"\n'
    head += b'\n[lints.clippy]\npedantic = "allow"\n'
    made = run({"Cargo.toml": head}, {"Cargo.toml": base})["Cargo.toml"]
    assert made is not None
    read = tomllib.loads(made.decode())
    assert read["lints"] == {"clippy": {"pedantic": "deny"}}
    assert read["package"]["version"] == "2.0.0"
    assert read["dependencies"] == {"a": "1"}
    assert b"# next" in made
    # Nothing to take: the file stays to the byte.
    assert run({"Cargo.toml": head.replace(b"allow", b"deny")}, {"Cargo.toml": base}) == {}


def test_a_part_that_only_the_pull_request_has_does_not_count():
    base, head = (
        b"[project]\nname = 'x'\n",
        b"[project]\nname = 'x'\n\n[tool.ruff.lint]\nignore = ['ALL']\n\n[tool.pytest]\nx = 1\n",
    )
    made = run({"pyproject.toml": head}, {"pyproject.toml": base})["pyproject.toml"]
    assert tomllib.loads((made or b"").decode()) == {"project": {"name": "x"}, "tool": {"pytest": {"x": 1}}}
    # A member that is new altogether brings none either.
    made = run({"crates/new/Cargo.toml": b"[package]\nname='n'\n[lints.clippy]\nall='allow'\n"}, {})[
        "crates/new/Cargo.toml"
    ]
    assert "lints" not in tomllib.loads((made or b"").decode())


def test_npm_scripts_are_the_default_branchs_and_packages_the_pull_requests():
    base = {"scripts": {"lint": "eslint ."}, "dependencies": {"a": "1"}}
    head = {"scripts": {"lint": "true"}, "dependencies": {"a": "2"}, "eslintConfig": {"rules": {}}}
    made = run({"package.json": json.dumps(head).encode()}, {"package.json": json.dumps(base).encode()})["package.json"]
    assert json.loads(made or b"") == {"dependencies": {"a": "2"}, "scripts": {"lint": "eslint ."}}


def test_the_first_project_of_a_language_brings_its_own_configuration():
    head = {"ruff.toml": b"x", "pyproject.toml": b"[tool.ruff]\n", "clippy.toml": b"y"}
    assert run(head, {}, "python") == {"clippy.toml": None}


@pytest.mark.parametrize("broken", [b"[", b"\xff\xfe", b"[[[[[" * 10_000])
def test_a_manifest_that_cannot_be_read_is_left_to_its_tool(broken):
    assert (
        run({"Cargo.toml": broken, "package.json": broken}, {"Cargo.toml": b"[lints]\n", "package.json": b"{}"}) == {}
    )
    # One that can't be read on the default branch configures nothing there.
    assert run({"Cargo.toml": b"[lints.clippy]\nall='allow'\n"}, {"Cargo.toml": broken}).keys() == {"Cargo.toml"}


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("import os  # noqa: F401", 1), ("x = y  # type: ignore[arg-type]", 1), ("# ruff: noqa", 1), ("# fmt: off", 1),
        ("#![allow(clippy::all)]", 1), ("#[expect(dead_code)]", 1), ("#[rustfmt::skip]", 1),
        ("#[cfg_attr(not(test), allow(unused))]", 1), ("x() //nolint:errcheck", 1), ("/* eslint-disable */", 1),
        ("// @ts-ignore", 1), ("<!-- prettier-ignore -->", 1),
        ("# allow(me)", 0), ("#[derive(Debug)]", 0), ("noqa = 1", 0), ("// allow", 0), ("#[cfg(test)]", 0),
    ],
)  # fmt: skip
def test_marks_that_silence_a_linter_are_counted(line, count):
    text = f"before\n{line}\nafter\n".encode()
    assert silenced(["a"], {"a": text}.get, {}.get) == count
    assert silenced(["a"], {"a": text}.get, {"a": text}.get) == 0
    assert silenced(["a"], {}.get, {"a": text}.get) == 0


def test_what_compilers_and_workflows_are_told_is_named():
    assert is_told("tsconfig.json")
    assert is_told("web/tsconfig.base.json")
    assert is_told(".github/workflows/ci.yml")
    assert not is_told("src/workflows/ci.yml")
