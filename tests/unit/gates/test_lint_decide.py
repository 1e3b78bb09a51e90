"""Each way round the lint gate that is decided before a tool runs, one row each, and its honest twin."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from trees import SUBMODULE, Link, differing, tree

from pressplay.gates.lint.decide import LARGEST_CODE, Decided, decide
from pressplay.gates.lint.lint_plan import LintPlan, listed

pytestmark = [pytest.mark.rule("R6"), pytest.mark.rule("R10")]


def decided(head: Mapping[str, Any], base: Mapping[str, Any], *lines: str) -> Decided:
    return decide(differing(head, base), tree(head), tree(base), lines)


def lock(**packages: Any) -> str:
    return json.dumps({"lockfileVersion": 3, "packages": {"": {}, **packages}})


def package(**fields: Any) -> str:
    return json.dumps({"scripts": {"lint": "eslint ."}, "devDependencies": {"eslint": "9.1.0"}, **fields})


ESLINT = {
    "version": "9.1.0",
    "resolved": "https://registry.npmjs.org/eslint/-/eslint-9.1.0.tgz",
    "bin": {"eslint": "x"},
}
LEFT = {"version": "1.0.0", "resolved": "https://registry.npmjs.org/left/-/left-1.0.0.tgz"}
NPM = {"package.json": package(), "package-lock.json": lock(**{"node_modules/eslint": ESLINT}), "a.js": "x\n"}
YARN = {"package.json": package(), "yarn.lock": 'eslint@9.1.0:\n  resolved "https://registry.yarnpkg.com/e.tgz"\n'}
PNPM = {"package.json": package(), "pnpm-lock.yaml": "packages:\n  eslint@9.1.0:\n    resolution: {integrity: x}\n"}
CARGO = "[package]\nname = 'x'\n"
WORK = {
    "Cargo.toml": "[workspace]\nmembers = ['crates/*']\n",
    "crates/a/Cargo.toml": CARGO,
    "crates/a/src/lib.rs": "fn a() {}\n",
    "crates/b/Cargo.toml": CARGO,
    "crates/b/src/lib.rs": "fn b() {}\n",
}
RUST = {"Cargo.toml": CARGO, "src/lib.rs": "fn a() {}\n"}
BUILT = {**RUST, "build.rs": "fn main() {}\n"}
MACRO = {**RUST, "m/Cargo.toml": CARGO + "[lib]\nproc-macro = true\n", "m/src/lib.rs": "", "m/x/Cargo.toml": CARGO}
GO = {"go.mod": "module x\n\ngo 1.25\n", "a.go": "package a\n"}
PYTHON = {"pyproject.toml": "[project]\nname = 'x'\n", "a.py": "x = 1\n"}
Files = dict[str, Any]
_BIN = "package.json", package(bin={"eslint": "./fake.js"})

UNDECIDED: list[tuple[str, Files, Files, str]] = [
    # name, base, what the head has otherwise (None: not at all), the path that is undecided
    ("committed eslint", NPM, {"node_modules/.bin/eslint": "#!/bin/sh\n"}, "node_modules/.bin/eslint"),
    ("deep node_modules", NPM, {"web/node_modules/x/i.js": ""}, "web/node_modules/x/i.js"),
    ("linked node_modules", NPM, {"node_modules": Link("lib")}, "node_modules"),
    ("node_modules as a submodule", NPM, {"node_modules": SUBMODULE}, "node_modules"),
    ("odd case of node_modules", NPM, {"Node_Modules/.bin/eslint": ""}, "Node_Modules/.bin/eslint"),
    ("committed .venv", PYTHON, {".venv/bin/ruff": ""}, ".venv/bin/ruff"),
    ("committed vendor/bin", GO, {"vendor/bin/golangci-lint": ""}, "vendor/bin/golangci-lint"),
    ("committed target", RUST, {"target/debug/x": ""}, "target/debug/x"),
    ("linked target", RUST, {"target": Link("src")}, "target"),
    ("committed .cargo/bin", RUST, {".cargo/bin/cargo-clippy": ""}, ".cargo/bin/cargo-clippy"),
    ("local eslint", NPM, {"package.json": package(devDependencies={"eslint": "file:./fake"})}, "package.json"),
    ("other eslint", NPM, {"package.json": package(devDependencies={"eslint": "8.0.0"})}, "package.json"),
    ("eslint taken out", NPM, {"package.json": package(devDependencies={})}, "package.json"),
    ("override", NPM, {"package.json": package(overrides={"eslint": "file:./fake"})}, "package.json"),
    ("resolution", YARN, {"package.json": package(resolutions={"eslint": "npm:fake@1"})}, "package.json"),
    ("pnpm patch", PNPM, {"package.json": package(pnpm={"patchedDependencies": {}})}, "package.json"),
    ("package manager", NPM, {"package.json": package(packageManager="yarn@9")}, "package.json"),
    ("program by that name", NPM, dict([_BIN]), "package.json"),
    ("workspace by that name", NPM, {"p/package.json": json.dumps({"name": "eslint"})}, "p/package.json"),
    ("lock replaced", NPM, {"package-lock.json": lock(**{"node_modules/eslint": {"link": True}})}, "package-lock.json"),
    ("lock with another program", NPM, {"package-lock.json": lock(**{"node_modules/eslint": ESLINT,
        "node_modules/z": {**LEFT, "bin": {"eslint": "z"}}})}, "package-lock.json"),
    ("lock with a tarball", NPM, {"package-lock.json": lock(**{"node_modules/eslint": ESLINT,
        "node_modules/z": {"resolved": "https://evil.test/z.tgz"}})}, "package-lock.json"),
    ("lock with git", NPM, {"package-lock.json": lock(**{"node_modules/eslint": ESLINT,
        "node_modules/z": {"resolved": "git+ssh://git@github.com/a/z.git#1"}})}, "package-lock.json"),
    ("lock without eslint", NPM, {"package-lock.json": lock(x={})}, "package-lock.json"),
    ("lock of another manager", NPM, {"yarn.lock": "eslint@1:\n"}, "yarn.lock"),
    ("lock gone", NPM, {"package-lock.json": None}, "package-lock.json"),
    ("lock that can't be read", NPM, {"package-lock.json": "{"}, "package-lock.json"),
    ("yarn.lock with another eslint", YARN, {"yarn.lock": "eslint@8.0.0:\n"}, "yarn.lock"),
    ("yarn.lock with a tarball", YARN, {"yarn.lock": YARN["yarn.lock"] + "z@1:\n  resolved \"https://evil.test/z\"\n"},
     "yarn.lock"),
    ("pnpm-lock with a link", PNPM, {"pnpm-lock.yaml": PNPM["pnpm-lock.yaml"] + "  z@link:./fake:\n"},
     "pnpm-lock.yaml"),
    ("first project brings .npmrc", {"README.md": ""}, {**NPM, ".npmrc": "registry=http://x\n"}, ".npmrc"),
    ("another project's scripts", {"web/package.json": package()}, {"api/package.json": package()}, "api/package.json"),
    ("loader", NPM, {".pnp.cjs": ""}, ".pnp.cjs"),
    ("build script", RUST, {"build.rs": "fn main() { println!(\"cargo:rustc-env=CLIPPY_ARGS=\") }\n"}, "build.rs"),
    ("changed build script", BUILT, {"build.rs": "fn main() { }\n"}, "build.rs"),
    ("build script by name", RUST, {"Cargo.toml": CARGO + "build = 'b.rs'\n", "b.rs": ""}, "b.rs"),
    ("another build script", {**BUILT, "b.rs": ""}, {"Cargo.toml": CARGO + "build = 'b.rs'\n"}, "Cargo.toml"),
    ("module of a build script", BUILT, {"build/x.rs": ""}, "build/x.rs"),
    ("included in a build script", {**BUILT, "build.rs": 'include!("gen/x.rs");\n'}, {"gen/x.rs": ""}, "gen/x.rs"),
    ("linked build script", RUST, {"build.rs": Link("src/lib.rs")}, "build.rs"),
    ("procedural macro", MACRO, {"m/src/lib.rs": "fn x() {}\n"}, "m/src/lib.rs"),
    ("new procedural macro", {**RUST, "m/Cargo.toml": CARGO},
     {"m/Cargo.toml": CARGO + "[lib]\ncrate-type = ['proc-macro']\n"}, "m/Cargo.toml"),
    ("used by a build script", {**RUST, "Cargo.toml": CARGO + "[build-dependencies]\nh = {path = 'h'}\n",
        "h/Cargo.toml": CARGO, "h/src/lib.rs": ""}, {"h/src/lib.rs": "fn h() {}\n"}, "h/src/lib.rs"),
    ("manifest that can't be read", WORK, {"crates/a/Cargo.toml": "["}, "crates/a/Cargo.toml"),
    ("excluded package", WORK, {"Cargo.toml": "[workspace]\nmembers = ['crates/*']\nexclude = ['crates/b']\n"},
     "crates/b/Cargo.toml"),
    ("package taken out", WORK, {"Cargo.toml": "[workspace]\nmembers = ['crates/a']\n"}, "crates/b/Cargo.toml"),
    ("a workspace of its own", WORK, {"crates/b/Cargo.toml": CARGO + "[workspace]\n"}, "crates/b/Cargo.toml"),
    ("another workspace", WORK, {"crates/b/Cargo.toml": CARGO + "workspace = '../a'\n"}, "crates/b/Cargo.toml"),
    ("new package beside", WORK, {"extra/Cargo.toml": CARGO, "extra/src/lib.rs": ""}, "extra/Cargo.toml"),
    ("package too deep", WORK, {"crates/a/c/Cargo.toml": CARGO}, "crates/a/c/Cargo.toml"),
    ("package by a path without a workspace", RUST, {"Cargo.toml": CARGO + "[dependencies]\nc = {path='c'}\n",
        "c/Cargo.toml": CARGO}, "c/Cargo.toml"),
    ("targets not found", RUST, {"Cargo.toml": CARGO + "autotests = false\n"}, "Cargo.toml"),
    ("nested module", GO, {"sub/go.mod": "module y\n", "sub/b.go": "package b\n"}, "sub/go.mod"),
    ("ignored folders", GO, {"go.mod": GO["go.mod"] + "ignore ./sub\n"}, "go.mod"),
    ("block of ignored folders", GO, {"go.mod": GO["go.mod"] + "ignore (\n\t./sub\n)\n"}, "go.mod"),
    ("go.work", GO, {"go.work": "use ./sub\n"}, "go.work"),
    ("manifest gone", RUST, {"Cargo.toml": None}, "src/lib.rs"),
    ("manifest moved from the code", {"api/go.mod": "module x\n", "api/a.go": "package a\n"},
     {"api/go.mod": None, "api/x/go.mod": "module x\n"}, "api/a.go"),
    ("package.json gone", NPM, {"package.json": None}, "a.js"),
    ("code without a project", {"README.md": ""}, {"a/b/c.rs": ""}, "a/b/c.rs"),
    ("linked code", PYTHON, {"b.py": Link("data.txt"), "data.txt": "import os\n"}, "b.py"),
    ("code too large", PYTHON, {"b.py": "#" * (LARGEST_CODE + 1)}, "b.py"),
    ("code in UTF-16", PYTHON, {"b.py": "import os\n".encode("utf-16")}, "b.py"),
    ("first project leaves out", {"README.md": ""}, {**PYTHON, "ruff.toml": "exclude = ['*']\n"}, "ruff.toml"),
]  # fmt: skip


def changed(base: Files, head: Files) -> Files:
    return {path: content for path, content in {**base, **head}.items() if content is not None}


@pytest.mark.parametrize(("base", "head", "path"), [row[1:] for row in UNDECIDED], ids=[row[0] for row in UNDECIDED])
def test_what_cannot_be_decided_is_named_with_its_path(base, head, path):
    made = decided(changed(base, head), base)
    assert path in {one.path for one in made.undecided}
    assert all(one.why and "\n" not in one.why for one in made.undecided)


HONEST: list[tuple[str, Files, Files]] = [
    ("new package of a registry", NPM, {"package.json": package(dependencies={"left": "^1.0.0 || 2.x"}),
        "package-lock.json": lock(**{"node_modules/eslint": ESLINT, "node_modules/left": LEFT})}),
    ("yarn.lock with one more", YARN, {"yarn.lock": YARN["yarn.lock"] + "left@1:\n  resolved "
        '"https://registry.yarnpkg.com/left.tgz"\n'}),
    ("pnpm-lock with one more", PNPM, {"pnpm-lock.yaml": PNPM["pnpm-lock.yaml"] + "  left@1.0.0:\n    resolution: {}\n"
    }),
    ("program of the project's own", NPM, {"package.json": package(bin={"shop": "./shop.js"})}),
    ("committed before", {**NPM, "node_modules/x/i.js": "a"}, {"a.js": "y\n"}),
    ("removed from node_modules", {**NPM, "node_modules/x/i.js": "a"}, {"node_modules/x/i.js": None}),
    ("version and dependencies", RUST, {"Cargo.toml": CARGO + "version = '2.0.0'\n[dependencies]\na = '1'\n"}),
    ("code beside a build script", BUILT, {"src/lib.rs": "fn b() {}\n"}),
    ("code beside a macro", MACRO, {"src/lib.rs": "fn b() {}\n"}),
    ("new member", WORK, {"crates/c/Cargo.toml": CARGO, "crates/c/src/lib.rs": ""}),
    ("new member by its path", WORK, {"crates/a/Cargo.toml": CARGO + "[dependencies]\nc = {path='../../c'}\n",
        "c/Cargo.toml": CARGO}),
    ("deleted member", WORK, {"crates/b/Cargo.toml": None, "crates/b/src/lib.rs": None}),
    ("folder by the name target", RUST, {"src/target/mod.rs": ""}),
    ("module's dependencies", GO, {"go.mod": "module x\n\ngo 1.25\n\nrequire (\n\ta.test/b v1.0.0\n)\n"}),
    ("project moved", {"api/go.mod": "module x\n", "api/a.go": "package a\n"},
     {"api/go.mod": None, "api/a.go": None, "svc/go.mod": "module x\n", "svc/a.go": "package a\n"}),
    ("project and code gone", {**PYTHON, **GO}, {"go.mod": None, "a.go": None}),
    ("first project", {"README.md": ""}, {**PYTHON, "ruff.toml": "line-length = 100\n"}),
    ("first package", {"README.md": ""}, WORK),
    ("documents", {"README.md": ""}, {"docs/a.md": "# a\n"}),
    ("large data", PYTHON, {"data.csv": "1,2\n" * 2_500_000}),
    ("link within", PYTHON, {"docs": Link("README.md"), "README.md": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("base", "head"), [row[1:] for row in HONEST], ids=[row[0] for row in HONEST])
def test_an_honest_change_is_decided(base, head):
    made = decided(changed(base, head), base)
    assert made.undecided == []
    assert made.marks == []


def test_marks_count_where_they_are_new_and_a_move_adds_none():
    base = {**PYTHON, "old.py": "# ruff: noqa\nimport os\n", "notes.txt": "# ruff: noqa\nimport sys\n"}
    moved = changed(base, {"old.py": None, "new.py": base["old.py"]})
    assert decided(moved, base).marks == []
    copied = changed(base, {"new.py": base["notes.txt"], "a.py": "x = 1\nimport os  # noqa\n"})
    assert [(one.kind, one.place) for one in decided(copied, base).marks] == [("place", "a.py:2"), ("file", "new.py:1")]


@pytest.mark.parametrize(
    ("base", "path"),
    [
        (PYTHON, "dist/x.py"), (PYTHON, "x.rs"), (GO, "vendor/a/b.go"), (GO, "testdata/b.go"), (GO, "x/y.py"),
        ({"api/go.mod": "module x\n"}, "other/b.go"),
    ],
)  # fmt: skip
def test_code_that_no_command_looks_at_is_shown(base, path):
    made = decided({**base, path: "x\n"}, base)
    assert made.unseen == [path]
    assert made.undecided == []
    assert decided({**base, path: "x\n"}, {**base, path: "x\n"}).unseen == []
    # What the values' commands look at is their matter.
    assert decided({**base, path: "x\n"}, base, "make lint").unseen == []


def test_a_submodule_is_shown():
    assert decided({**PYTHON, "lib": SUBMODULE}, PYTHON).unseen == ["lib"]


def test_a_plan_of_whatever_was_found_fits_into_a_parameter():
    names = listed(f"\u5b57{n}/" + "\U0001f600" * 300 for n in range(10_000))
    lists: dict[str, Any] = dict.fromkeys(("taken", "own", "places", "whole", "conditions", "unseen"), names)
    made = LintPlan(**lists, undecided=[(name, "w" * 120) for name in names], whys={f"{n}" * 100: 1 for n in range(9)})
    assert 1 <= len(names) < 300
    assert len(made.packed()) < 100_000
    assert LintPlan.unpacked(made.packed()).taken == names
    assert LintPlan(taken=["a"]).count("taken") == 1
    assert len(listed(["a" * 9_999_999] * 99)[0]) < 300


@pytest.mark.parametrize("size", [1, 2])
def test_a_large_pull_request_is_decided_in_time(size):
    """1,000 files, or 2,000, and 1 or 2 MB of code that asks for the worst: linear."""
    files: Files = {f"src/d{n % 50}/f{n}.rs": f"fn f{n}() {{}}\n#[allow(x)]\n" for n in range(1_000 * size)}
    files["src/big.rs"] = "#[cfg(x)] allow(" * (60_000 * size)
    began = time.process_time()
    made = decided({**RUST, **files}, RUST)
    assert len(made.marks) > 1_000 * size
    assert time.process_time() - began < 20 * size
