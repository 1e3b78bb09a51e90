"""What a pull request may not decide about its own linting is the default branch's, and what it may is told."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from trees import SUBMODULE, Link, differing, tree

from pressplay.gates.lint.configuration import Configuration, is_reported, settle

pytestmark = pytest.mark.rule("R6")


def settled(head: dict[str, Any], base: dict[str, Any], *new: str, lines: tuple[str, ...] = ()) -> Configuration:
    return settle(differing(head, base), tree(head), tree(base), frozenset(new), lines)


def run(head: dict[str, Any], base: dict[str, Any], *new: str) -> dict[str, bytes | None]:
    """What the run takes of the default branch; nothing is left undecided."""
    made = settled(head, base, *new)
    assert made.undecided == []
    return {one.path: one.content for one in made.taken}


def undecided(head: dict[str, Any], base: dict[str, Any], *new: str) -> dict[str, str]:
    return {one.path: one.why for one in settled(head, base, *new).undecided}


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
    head = {"ruff.toml": b"x = 1", "pyproject.toml": b"[tool.ruff]\n", "clippy.toml": b"y"}
    assert run(head, {}, "python") == {"clippy.toml": None}


CONFIGURATION = [
    "ruff.toml", ".ruff.toml", "pyproject.toml", "sub/pyproject.toml", ".cargo/config.toml", ".cargo/config",
    "rustfmt.toml", ".rustfmt.toml", "clippy.toml", ".clippy.toml", "Cargo.toml", "package.json", ".eslintrc",
    "web/.eslintrc.json", "eslint.config.mjs", ".eslintignore", "biome.json", ".golangci.yml", ".gitignore",
    "RUFF.TOML", ".npmrc",
]  # fmt: skip


@pytest.mark.rule("R10")
@pytest.mark.parametrize("path", CONFIGURATION)
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (Link("README.md"), "a symbolic link"),
        (SUBMODULE, "a submodule"),
        (b"#" * 1_000_001, "larger than"),
        (b"\xff\xfe#\x00", "not UTF-8 text"),
    ],
)
@pytest.mark.parametrize("before", [{}, {"it": b"# strict\n"}])
def test_configuration_that_cannot_be_read_is_undecided(path, content, why, before):
    base = {"README.md": b"x", **dict.fromkeys([path] if before else [], b"{}" if path.endswith("json") else b"")}
    assert undecided({"README.md": b"x", path: content}, base)[path].startswith(why)
    # Nor is it, where the default branch's can't be read.
    if not isinstance(content, Link):
        assert path in undecided({"README.md": b"x", path: b"{}" if path.endswith("json") else b""}, {path: content})


@pytest.mark.parametrize("path", ["Cargo.toml", "pyproject.toml", "package.json"])
@pytest.mark.parametrize("broken", [b"[", b"[" * 100_000, b"\xff\xfe", b"[]\n[]\n", b" " * 250_001])
def test_a_manifest_that_cannot_be_read_is_undecided(path, broken):
    fine = b"{}" if path.endswith("json") else b""
    assert path in undecided({path: broken}, {path: fine})
    assert path in undecided({path: fine + b" "}, {path: broken})


def test_a_byte_order_mark_hides_nothing():
    head = {"ruff.toml": "\ufeffexclude = ['*']\n", "pyproject.toml": "\ufeff[tool.ruff]\nexclude = ['*']\n"}
    head |= {"package.json": '\ufeff{"scripts": {"lint": "true"}}'}
    made = run(head, {"ruff.toml": b"", "pyproject.toml": b"", "package.json": b'{"scripts": {"lint": "eslint ."}}'})
    assert made.pop("ruff.toml") == b""
    assert b"exclude" not in (made.pop("pyproject.toml") or b"")
    assert json.loads(made.pop("package.json") or b"")["scripts"] == {"lint": "eslint ."}


def test_links_are_followed_only_to_what_is_the_default_branchs():
    base = {"ruff.toml": Link("conf/strict.toml"), "conf/strict.toml": b"line-length = 80\n", "a.py": b"x"}
    assert undecided({**base, "a.py": b"y"}, base) == {}
    why = undecided({**base, "conf/strict.toml": b"exclude = ['*']\n"}, base)
    assert why == {"ruff.toml": "a symbolic link to something that the pull request changes"}
    for target in ("/etc/hostname", "../../x", "a\\b"):
        assert undecided({**base, "x.txt": Link(target)}, base).keys() == {"x.txt"}
    assert undecided({**base, ".cargo": Link("conf")}, base).keys() == {".cargo"}
    assert undecided({**base, "docs": Link("conf")}, base) == {}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (".cargo/config.toml", b"[alias]\nclippy = 'version'\n"), ("rust-toolchain", b"[toolchain]\npath = '/x'\n"),
        (".npmrc", b"script-shell=/bin/true\n"), (".yarnrc.yml", b"yarnPath: x\n"),
        ("ruff.toml", b"exclude = ['*']\n"), ("pyproject.toml", b"[tool.ruff]\nextend-exclude = ['src']\n"),
        (".rustfmt.toml", b"disable_all_formatting = true\n"), ("Cargo.toml", b"[workspace]\nexclude = ['a']\n"),
        (".eslintignore", b"src\n"), ("package.json", b'{"eslintIgnore": ["src"]}'),
    ],
)  # fmt: skip
def test_the_first_project_of_a_language_takes_nothing_out(path, content):
    assert undecided({path: content}, {}, "python", "rust", "typescript").keys() == {path}


def test_what_configuration_runs_or_extends_is_the_default_branchs():
    base = {
        "package.json": b'{"scripts": {"prelint": "sh scripts/a.sh", "lint": "npm run js && ./ci/b.sh", '
        b'"js": "node scripts/c.js --x", "typecheck": "tsc -p .", "start": "node src/index.js"}}',
        "scripts/a.sh": b"", "ci/b.sh": b"", "scripts/c.js": b"", "src/index.js": b"",
        "eslint.config.mjs": b"import rules from './lint/rules.js';\n", "lint/rules.js": b"require('./deep')",
        "lint/deep.cjs": b"", ".eslintrc.json": b'{"extends": ["./base.json", "airbnb"]}', "base.json": b"{}",
        "ruff.toml": b"extend = 'conf/ruff.toml'\n", "tsconfig.json": b'{"extends": "./tsconfig.base.json"}',
        "tsconfig.base.json": b"{}", "conf/other.py": b"",
    }  # fmt: skip
    changed = {path: b"head" for path in base if not path.endswith("package.json")}
    changed["conf/ruff.toml"] = b"head"
    made = settled({**base, **changed}, base)
    assert made.undecided == []
    assert base.keys() - {one.path for one in made.taken} == {"package.json", "src/index.js", "conf/other.py"}
    assert {one.path: one.content for one in made.taken}["lint/deep.cjs"] == b""


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("make lint", "Makefile"), ("just check", "justfile"), ("./scripts/check --all", "scripts/check"),
        ("cd x && bash scripts/l.sh", "scripts/l.sh"), ("python3 -m ruff check", "ruff.py"),
        ("python -m tools.lint", "tools/lint.py"), ("node --x=1 lint.js", "lint.js"), ("sh -c 'sh a.sh'", "a.sh"),
        ("eslint -c conf/x.json .", "conf/x.json"), ("eslint --config=conf/x.json .", "conf/x.json"),
        ("eslint --rulesdir rules .", "rules/a.js"), ("pre-commit run -a", ".pre-commit-config.yaml"),
        ("CI=1 scripts/x", "scripts/x"), ("tox -e lint", "tox.ini"),
    ],
)  # fmt: skip
def test_what_named_commands_run_is_the_default_branchs(line, path):
    for base in ({}, {path: b"strict"}):
        made = settled({path: b"loose", "src/a.py": b"x"}, base, lines=(line,))
        assert [(one.path, one.content) for one in made.taken] == [(path, base.get(path))]


def test_what_a_command_looks_at_is_the_pull_requests():
    head = {"src/a.py": b"x", "lib/b.js": b"x"}
    assert settled(head, {}, lines=("ruff check src/a.py", "eslint lib/b.js", "black --check src lib")).taken == []


def test_a_script_that_make_runs_is_the_default_branchs():
    base = {"Makefile": b"lint:\n\t@./ci/lint.sh\n\tpython3 ci/x.py\n", "ci/lint.sh": b"a", "ci/x.py": b"a"}
    made = settled({**base, "ci/lint.sh": b"b", "ci/x.py": b"b"}, base, lines=("make lint",))
    assert {one.path for one in made.taken} == {"ci/lint.sh", "ci/x.py"}


def test_what_compilers_and_workflows_are_told_is_named():
    assert settled({"web/tsconfig.json": b"{}", "b.ts": b""}, {}).own == ["web/tsconfig.json"]
    assert run({"tsconfig.json": b'{"exclude": ["src"]}'}, {"tsconfig.json": b"{}"}) == {"tsconfig.json": b"{}"}
    assert is_reported(".github/workflows/ci.yml")
    assert not is_reported("src/workflows/ci.yml")
