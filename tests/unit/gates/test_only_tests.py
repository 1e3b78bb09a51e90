"""The test-only gate: QA changes tests and nothing else, by whatever way it is tried (R6)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.gates import rust
from pressplay.gates.only_tests import OTHER, Offence, Paths, only_tests, reason
from pressplay.gates.tests import LANGUAGES
from pressplay.github.comparison import MOST_FILES, Changed, Comparison
from pressplay.settings import TestPaths

pytestmark = pytest.mark.rule("R6")


@dataclass
class Side:
    """Files by path: text, or a mode where that is no plain file's."""

    texts: dict[str, str] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)

    def mode(self, path: str) -> str | None:
        return self.modes.get(path, "100644")

    def text(self, path: str) -> str:
        return self.texts.get(path, "")


def changed(path: str, status: str = "modified", before: str = "") -> Comparison:
    return Comparison("base", (Changed(path, before or path, status),))


def found(compared: Comparison, paths: Paths | None = None, before: Side | None = None, after: Side | None = None):
    return only_tests(compared, paths or Paths(), before or Side(), after or Side())


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_cart.py", "shop/test_cart.py", "conftest.py", "tests/data/cart.json", "tests/fixtures/a.png",
        "crates/a/tests/it.rs", "web/src/page.test.tsx", "web/__tests__/page.js", "web/__snapshots__/page.snap",
        "pkg/cart_test.go", "pkg/testdata/golden.txt", "test/fixtures/a.yaml", "e2e/shop.spec.ts",
        ".press-play/acceptance/12.yaml",
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", ["added", "modified", "removed"])
def test_tests_by_their_languages_conventions_may_change(path, status):
    assert found(changed(path, status)) == []


@pytest.mark.parametrize(
    "path",
    [
        "shop/cart.py", "web/src/page.tsx", "pkg/cart.go", "README.md", "pyproject.toml", "Cargo.toml",
        "package.json", ".github/workflows/test.yml", ".github/actions/test/action.yml", ".github/tests/x.sh",
        "k8s/overlays/test/deployment.yaml", "contest/data.json", "latests/x.json", "tests", "test",
        ".press-play/acceptance.yaml", ".press-play/other/acceptance/x.yaml", "testdata",
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", ["added", "modified", "removed"])
def test_everything_else_may_not(path, status):
    assert found(changed(path, status)) == [Offence(path, "path")]


def test_a_file_that_moves_must_be_a_test_at_both_ends():
    assert found(changed("tests/b_test.py", "renamed", "tests/a_test.py")) == []
    assert found(changed("tests/cart.py", "renamed", "shop/cart.py")) == [Offence("shop/cart.py", "path")]
    assert found(changed("shop/cart.py", "renamed", "tests/cart.py")) == [Offence("shop/cart.py", "path")]
    # A copy leaves its source as it was.
    assert found(changed("tests/cart_copy.py", "copied", "shop/cart.py")) == []


@pytest.mark.parametrize(("mode", "why"), [("120000", "link"), ("160000", "submodule"), (None, "link")])
@pytest.mark.parametrize("path", ["tests/test_cart.py", "tests/helpers", ".press-play/acceptance/12.yaml"])
def test_a_link_or_a_submodule_is_no_test_wherever_it_lies(path, mode, why):
    modes = {} if mode is None else {path: mode}
    after = Side(modes=modes)
    if mode is None:
        after.mode = lambda _path: None  # type: ignore[method-assign]
    assert found(changed(path, "added"), after=after) == [Offence(path, why)]
    assert found(changed(path), after=after) == [Offence(path, why)]
    # To take one away is no harm, nor is what stood there before.
    assert found(changed(path, "removed"), before=after) == []
    assert found(changed(path), before=after) == []


def test_what_github_does_not_show_cannot_be_vouched_for():
    files = tuple(Changed(f"tests/test_{n}.py", f"tests/test_{n}.py", "added") for n in range(MOST_FILES))
    assert found(Comparison("base", files)) == [Offence("", "unseen")]


def test_globs_of_the_values_take_the_place_of_a_languages_conventions():
    paths = Paths({"python": ["checks/", "!checks/vendor/"], "other": ["/data/*.json"], "rust": []})
    assert paths.match("checks/a/b.py")
    assert not paths.match("checks/vendor/b.py")
    assert not paths.match("tests/test_cart.py")
    assert paths.match("data/x.json")
    assert not paths.match("tests/data/x.json")
    assert paths.match("crates/a/tests/it.rs")
    assert paths.match(".press-play/acceptance/x.yaml")


def test_a_reason_holds_counts_and_no_path():
    said = reason([Offence("a{{=1}}.py", "path"), Offence("b.py", "path"), Offence("l", "link"), Offence("", "unseen")])
    assert said == "2 files outside the tests' paths, 1 symbolic link, more changed files than can be looked through"


# --- a Rust file that holds its own tests ----------------------------------------------------------------------------

PROGRAM = """//! Adds. #[cfg(test)] mod tests { }

pub fn add<'a>(a: &'a u32, b: u32) -> u32 {
    let _ = ("}", '{', '\\'', b'"', r#"#[cfg(test)] mod x { "#, "\\"}");
    /* mod /* nested { */ */
    a + b
}
"""
TESTS = """
#[cfg(test)]
#[allow(clippy::all)]
mod tests {
    use super::add;

    #[test]
    fn adds() {
        assert_eq!(add(&1, 2), 3, "}} {");
    }
}
"""


def inline(before: str, after: str, status: str = "modified") -> list[Offence]:
    return found(changed("src/lib.rs", status), None, Side({"src/lib.rs": before}), Side({"src/lib.rs": after}))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PROGRAM, PROGRAM + TESTS),
        (PROGRAM + TESTS, PROGRAM),
        (PROGRAM + TESTS, PROGRAM + TESTS.replace("3", "4")),
        (PROGRAM + TESTS + "\npub fn after() {}\n", PROGRAM + TESTS.replace("3", "4") + "\npub fn after() {}\n"),
        (PROGRAM, PROGRAM + "#[cfg(test)]\nmod tests;\n"),
        (PROGRAM, PROGRAM + TESTS + TESTS.replace("mod tests", "pub(crate) mod more")),
        (PROGRAM, "#[cfg(test)] mod early { }\n" + PROGRAM),
    ],
)
def test_a_rust_files_own_tests_may_change_where_its_program_does_not(before, after):
    assert inline(before, after) == []


@pytest.mark.parametrize(
    "after",
    [
        PROGRAM.replace("a + b", "a - b") + TESTS,
        PROGRAM + TESTS + "pub fn backdoor() {}\n",
        PROGRAM + TESTS.replace("#[cfg(test)]", "#[cfg(any(test, unix))]"),
        PROGRAM + TESTS.replace("#[cfg(test)]", "#[cfg(not(test))]"),
        PROGRAM + TESTS.replace("#[cfg(test)]", ""),
        PROGRAM + TESTS.replace("mod tests", "fn tests()"),
        PROGRAM + '#[cfg(test)]\n#[path = "../evil.rs"]\nmod tests;\n',
        PROGRAM + '#[cfg(test)]\n#[cfg_attr(all(), path = "../evil.rs")]\nmod tests { }\n',
        PROGRAM + "#[cfg(test)] use std::process;\n",
        PROGRAM + TESTS + '"unclosed\n',
        PROGRAM + TESTS + "/* unclosed\n",
        PROGRAM + TESTS.rstrip()[:-1],
        PROGRAM + "/* #[cfg(test)] mod x { */ pub fn backdoor() {} /* } */\n",
        PROGRAM + 'const X: &str = "#[cfg(test)] mod x {"; pub fn backdoor() {} const Y: &str = "}";\n',
        PROGRAM + "pub mod inner { #[cfg(test)] mod tests { } pub fn backdoor() {} }\n",
        PROGRAM.replace("//! Adds.", "//! Subtracts.") + TESTS,
        PROGRAM.replace("a + b", "a +b") + TESTS,
    ],
)
def test_a_rust_files_program_may_not_change_however_it_is_dressed(after):
    assert inline(PROGRAM, after) == [Offence("src/lib.rs", "program")]
    assert inline(PROGRAM + TESTS, after) == [Offence("src/lib.rs", "program")]


def test_a_new_rust_file_of_tests_alone_is_no_program():
    assert inline("", TESTS, "added") == []
    assert inline(TESTS, "", "removed") == []
    assert inline("", PROGRAM + TESTS, "added") == [Offence("src/lib.rs", "program")]
    assert inline(PROGRAM + TESTS, "", "removed") == [Offence("src/lib.rs", "program")]


PIECES = st.sampled_from(
    [
        "fn a() { }",
        "'x'",
        "'a",
        '"s { "',
        'r#"} " "#',
        "/* { /* } */ */",
        "// } mod\n",
        "{ ( [ ] ) }",
        "b'{'",
        "#![x]",
        "'\\u{7d}'",
    ]
)


@given(st.lists(PIECES), st.lists(PIECES), st.lists(PIECES))
def test_a_test_module_is_found_between_whatever_program(above, inside, below):
    top, bottom = "\n".join(above), "\n".join(below)
    body = "\n".join(inside)
    module = f"\n#[cfg(test)]\nmod t {{\n{body}\n}}\n"
    assert rust.program(f"{top}{module}{bottom}") == rust.program(f"{top}\n{bottom}")


@given(st.text(alphabet="{}()[]\"'/*#r\\ \n!ab;", max_size=60), st.text(alphabet="{}()[]\"'/*#r\\ \n!ab;", max_size=60))
def test_two_programs_are_taken_for_one_only_where_they_differ_in_blanks(one, other):
    if rust.program(one) == rust.program(other):
        assert "".join(one.split()) == "".join(other.split())


def test_the_values_know_the_languages_that_the_gate_knows():
    assert set(TestPaths.model_fields) == {*LANGUAGES, OTHER}
    assert Paths(TestPaths().model_dump()).match("tests/test_cart.py")
