"""Ways round the lint gate, played with the real tools of this machine; each with its honest twin."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pygit2
import pytest
from harness import REPO
from lint_gate import Gate, missing
from lint_gate import gate as made_gate
from trees import Content, Link, index_of

from pressplay.github import checks, contents, pulls, refs
from pressplay.sandbox.setup import MAINTAINER

pytestmark = [pytest.mark.rule("R5"), pytest.mark.rule("R6")]

RUFF = {
    "pyproject.toml": "[project]\nname = 'shop'\nversion = '1.0.0'\n",
    "ruff.toml": "line-length = 100\n",
    "shop.py": "x = 1\n",
}
BAD = "import os\n"
"""What ruff finds fault with."""
CARGO = "[package]\nname = 'shop'\nversion = '0.1.0'\nedition = '2021'\n"
CLEAN = "//! The shop.\n\n/// One more.\n#[must_use]\npub fn more(x: u32) -> u32 {\n    x + 1\n}\n"
NEEDLESS = "//! The shop.\n\n/// One more.\n#[must_use]\npub fn more(x: u32) -> u32 {\n    return x + 1;\n}\n"
"""What Clippy finds fault with."""
RUST = {"Cargo.toml": CARGO}
FAKE = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def gate(tmp_path) -> Iterator[Gate]:
    made = made_gate(tmp_path)
    yield made
    made.sandbox.close()


def opened(gate: Gate, base: Mapping[str, Content], head: Mapping[str, Content]) -> pulls.Pull:
    """A pull request of Rex's over these files: as git makes commits, links included."""
    gate.count += 1
    gh = gate.sandbox.github.installation("rex", REPO, {"contents": "write", "pull_requests": "write"})
    main, branch = contents.default_branch(gh, REPO), f"work-{gate.count}"
    gate.base({path: _bytes(content) for path, content in base.items()})
    git = pygit2.Repository(str(gate.sandbox.forge.git_path(REPO)))
    before = git[refs.head(gh, REPO, main)].peel(pygit2.Commit)
    index = pygit2.Index()
    index.read_tree(before.tree)
    for entry in index_of(head, git):
        index.add(entry)
    who = pygit2.Signature("rex", "rex@example.test")
    sha = git.create_commit(None, who, who, "Work", index.write_tree(git), [before.id])
    refs.commit_files(gh, REPO, branch, {"notes.txt": b"notes\n"}, "Notes", str(before.id))
    git.references[f"refs/heads/{branch}"].set_target(sha)
    gate.sandbox.forge.sync(REPO, MAINTAINER)
    return pulls.open_pull(gh, REPO, branch, main, "Work", "Please.")


def _bytes(content: Content) -> bytes:
    assert isinstance(content, str)
    return content.encode()


def lint(gate: Gate, base: Mapping[str, Content], head: Mapping[str, Content]) -> tuple[str, str, str]:
    """What the gate says: its outcome, its reason, and the check's text."""
    pull = opened(gate, base, head)
    outcome = gate.finish(gate.start(pull))
    gh = gate.sandbox.context.harness(REPO, checks="read")
    conclusion = {"pass": "success", "fail": "failure", "error": "action_required"}[outcome]
    assert checks.own(gh, REPO, pull.head_sha, "press-play/lint").conclusion == conclusion
    return outcome, gate.verdict(pull).reason, gate.text(pull)


def needs(language: str) -> None:
    if missing(language):
        pytest.skip(f"{missing(language)} is not on this machine")


# --- configuration ---------------------------------------------------------------------------------------------------

LOOSE = "exclude = ['*.py']\n"


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"ruff.toml": Link("loose.toml"), "loose.toml": LOOSE}, "ruff.toml"),
        ({"sub/ruff.toml": Link("../loose.toml"), "loose.toml": LOOSE, "sub/bad.py": BAD}, "sub/ruff.toml"),
        ({"ruff.toml": "#" * 1_000_001 + "\n" + LOOSE}, "ruff.toml"),
        ({"pyproject.toml": f"{RUFF['pyproject.toml']}[tool.ruff]\n{LOOSE}#{'x' * 1_000_000}\n"}, "pyproject.toml"),
        ({"ruff.toml": LOOSE.encode("utf-16")}, "ruff.toml"),
    ],
    ids=["link", "link in a folder", "too large", "too large a part", "UTF-16"],
)
def test_configuration_that_cannot_be_read_parks(gate, files, path):
    outcome, reason, text = lint(gate, RUFF, {**files, "bad.py": BAD})
    assert outcome == "error"
    assert "it can't be decided what is linted" in reason
    assert "where a linter's configuration is expected" in reason
    assert f"`{path}`: " in text
    assert path not in reason


def test_configuration_behind_a_byte_order_mark_is_the_default_branchs(gate):
    loose = {"ruff.toml": f"\ufeff{LOOSE}", "pyproject.toml": f"\ufeff{RUFF['pyproject.toml']}[tool.ruff]\n{LOOSE}"}
    outcome, reason, text = lint(gate, RUFF, {**loose, "bad.py": BAD})
    assert outcome == "fail"
    assert "taken from the default branch: 2" in reason
    assert "bad.py:1:8: F401" in text


def test_configuration_that_can_be_read_passes_and_is_named(gate):
    outcome, reason, text = lint(gate, RUFF, {"ruff.toml": "line-length = 90\n", "good.py": "y = 2\n"})
    assert outcome == "pass"
    assert "linters' files taken from the default branch: 1" in reason
    assert "`ruff.toml`" in text


# --- what the code itself takes out -----------------------------------------------------------------------------------


def test_code_that_takes_itself_out_of_linting_fails(gate):
    outcome, reason, text = lint(gate, RUFF, {"bad.py": f"# ruff: noqa\n{BAD}"})
    assert outcome == "fail"
    assert "new marks that take whole files out of linting, or silence all rules: 1" in reason
    assert "`bad.py:1`" in text


def test_a_rule_that_is_silenced_at_a_place_is_shown(gate):
    outcome, reason, text = lint(gate, RUFF, {"bad.py": "import os  # noqa: F401\n"})
    assert outcome == "pass"
    assert "new marks that silence a linter: 1" in reason
    assert "`bad.py:1`" in text


def test_code_that_git_ignores_is_linted_all_the_same(gate):
    outcome, _, text = lint(gate, {**RUFF, ".gitignore": "gen/\n"}, {"gen/bad.py": BAD})
    assert outcome == "fail"
    assert "gen/bad.py:1:8: F401" in text


def test_code_in_a_folder_that_git_ignores_passes_where_it_is_clean(gate):
    assert lint(gate, {**RUFF, ".gitignore": "gen/\n"}, {"gen/good.py": "y = 2\n"})[0] == "pass"


def test_a_configuration_that_leaves_everything_out_is_no_pass(gate):
    outcome, reason, _ = lint(gate, {**RUFF, "ruff.toml": LOOSE}, {"bad.py": BAD})
    assert outcome == "error"
    assert "ruff check sees no file, though there are files of its language" in reason


def test_a_configuration_that_leaves_something_out_passes(gate):
    outcome, _, _ = lint(gate, {**RUFF, "ruff.toml": "exclude = ['old']\n"}, {"good.py": "y = 2\n"})
    assert outcome == "pass"


# --- tools -----------------------------------------------------------------------------------------------------------

NPM = {
    "package.json": json.dumps({"name": "shop", "scripts": {"lint": "node check.js"}}),
    "check.js": "process.exit(require('fs').readFileSync('shop.js', 'utf8').includes('var') ? 1 : 0)\n",
    "shop.js": "let x = 1;\n",
}


def scripted(**fields: Any) -> dict[str, str]:
    return {"package.json": json.dumps({**json.loads(NPM["package.json"]), **fields})}


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"node_modules/.bin/eslint": FAKE}, "node_modules/.bin/eslint"),
        (
            {**scripted(devDependencies={"eslint": "file:./fake"}), "fake/package.json": "{}"},
            "package.json",
        ),
        (scripted(bin={"eslint": "./fake.js"}), "package.json"),
        (scripted(overrides={"eslint": "npm:fake@1"}), "package.json"),
        ({"package-lock.json": "{}"}, "package-lock.json"),
    ],
    ids=["committed", "local package", "program", "override", "lock file"],
)
def test_a_linter_that_the_pull_request_replaces_parks(gate, files, path):
    outcome, reason, text = lint(gate, NPM, {**files, "shop.js": "var x = 1;\n"})
    assert outcome == "error"
    assert "it can't be decided what is linted and by what" in reason
    assert f"`{path}`: " in text


def test_a_script_that_lints_is_the_default_branchs(gate):
    needs("typescript")
    outcome, reason, text = lint(gate, NPM, {"check.js": "process.exit(0)\n", "shop.js": "var x = 1;\n"})
    assert outcome == "fail"
    assert "linters' files taken from the default branch: 1" in reason
    assert "`check.js`" in text


def test_the_default_branchs_linter_passes_what_is_clean(gate):
    needs("typescript")
    assert lint(gate, NPM, {**scripted(dependencies={"left": "^1.0.0"}), "shop.js": "let y = 2;\n"})[0] == "pass"


# --- Rust ------------------------------------------------------------------------------------------------------------

SILENT = 'fn main() {\n    println!("cargo::rustc-env=CLIPPY_ARGS=");\n}\n'


def test_a_build_script_that_empties_clippys_arguments_parks(gate):
    base = {**RUST, "src/lib.rs": CLEAN}
    outcome, reason, text = lint(gate, base, {"src/lib.rs": NEEDLESS, "build.rs": SILENT})
    assert outcome == "error"
    assert "a build script, which the compiler runs while it lints" in reason
    assert "`build.rs`: " in text


def test_code_that_is_hidden_from_clippy_fails(gate):
    needs("rust")
    hidden = "//! The shop.\n\n#[cfg(not(clippy))]\nmod bad;\n"
    outcome, reason, text = lint(gate, {**RUST, "src/lib.rs": CLEAN}, {"src/lib.rs": hidden, "src/bad.rs": NEEDLESS})
    assert outcome == "fail"
    assert "new marks that take whole files out of linting, or silence all rules: 1" in reason
    assert "`src/lib.rs:3`" in text


WORK = {
    "Cargo.toml": "[workspace]\nmembers = ['a', 'b']\nresolver = '2'\n",
    "a/Cargo.toml": CARGO.replace("shop", "a"),
    "a/src/lib.rs": CLEAN,
    "b/Cargo.toml": CARGO.replace("shop", "b"),
    "b/src/lib.rs": CLEAN,
}


@pytest.mark.parametrize(
    "files",
    [
        {"Cargo.toml": "[workspace]\nmembers = ['a']\nexclude = ['b']\nresolver = '2'\n"},
        {"Cargo.toml": "[workspace]\nmembers = ['a']\nresolver = '2'\n"},
        {"b/Cargo.toml": CARGO.replace("shop", "b") + "[workspace]\n"},
    ],
    ids=["excluded", "no member", "a workspace of its own"],
)
def test_a_package_that_leaves_the_workspace_parks(gate, files):
    outcome, reason, text = lint(gate, WORK, {**files, "b/src/lib.rs": NEEDLESS})
    assert outcome == "error"
    assert "a package outside the workspace that is linted" in reason
    assert "`b/Cargo.toml`: " in text


def test_cargos_configuration_is_the_default_branchs(gate):
    needs("rust")
    alias = {".cargo/config.toml": "[alias]\nclippy = 'version'\n\n[env]\nCLIPPY_ARGS = { value = '', force = true }\n"}
    outcome, _, text = lint(gate, {**RUST, "src/lib.rs": CLEAN}, {**alias, "src/lib.rs": NEEDLESS})
    assert outcome == "fail"
    assert "needless_return" in text


def test_a_clean_change_of_a_rust_project_passes(gate):
    needs("rust")
    honest = {"Cargo.toml": CARGO.replace("0.1.0", "0.2.0"), "src/lib.rs": CLEAN.replace("x + 1", "x + 2")}
    outcome, _, text = lint(gate, {**RUST, "src/lib.rs": CLEAN}, honest)
    assert outcome == "pass", text


# --- nothing to look at ----------------------------------------------------------------------------------------------


def test_a_project_whose_manifest_is_gone_parks(gate):
    base = {"svc/go.mod": "module shop\n", "svc/a.go": "package a\n"}
    moved = {"svc/b.go": "package a\n", "svc/go.mod": Link("nowhere/go.mod")}
    outcome, _, text = lint(gate, base, moved)
    assert outcome == "error"
    assert "`svc/go.mod`: " in text or "`svc/b.go`: " in text


def test_code_without_a_project_is_no_pass(gate):
    outcome, reason, text = lint(gate, {}, {"a/b/c.rs": "fn main() {}\n"})
    assert outcome == "error"
    assert "name the commands to run in lint.commands" in reason
    assert "`a/b/c.rs`: " in text


def test_documents_alone_pass(gate):
    outcome, reason, _ = lint(gate, {}, {"a/b/c.md": "# c\n"})
    assert outcome == "pass"
    assert "no code that the lint gate knows" in reason


def test_code_that_no_command_looks_at_is_shown(gate):
    outcome, reason, text = lint(gate, RUFF, {"dist/bad.py": BAD, "other/x.go": "package x\n"})
    assert outcome == "pass", text
    assert "changed files that no command looks at: 2" in reason
    assert "`dist/bad.py`" in text


def test_code_that_a_command_looks_at_passes_without_a_word(gate):
    outcome, reason, _ = lint(gate, RUFF, {"good.py": "y = 2\n"})
    assert (outcome, reason) == ("pass", "ruff check, ruff format passed")


def test_a_rule_that_is_silenced_fails_where_the_values_say_so(tmp_path):
    made = made_gate(tmp_path, suppressions="refuse")
    outcome, reason, text = lint(made, RUFF, {"bad.py": "import os  # noqa: F401\n"})
    made.sandbox.close()
    assert outcome == "fail"
    assert "new marks that silence a linter, which lint.suppressions refuses: 1" in reason
    assert "`bad.py:1`" in text
