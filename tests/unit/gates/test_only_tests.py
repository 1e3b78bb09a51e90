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
        ".press-play/acceptance/12.yaml", "src/charts/__tests__/bar.tsx", "deploy/test_render.py",
        "charts/testdata/wanted.txt",
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
        "deploy/overlays/e2e/kustomization.yaml", "charts/shop/templates/tests/job.yaml", "deploy/tests/x.json",
        "clusters/e2e/apps.yaml", "k8s/e2e/seed.js", "manifests/tests/hook.py", "tests/e2e/kustomization.yaml",
        "tests/charts/Chart.yaml", "tests/chart/values-prod.yaml",
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", ["added", "modified", "removed"])
def test_everything_else_may_not(path, status):
    assert found(changed(path, status)) == [Offence(path, "path")]


MANIFEST = "apiVersion: apps/v1\nkind: Deployment\n"


@pytest.mark.parametrize("path", ["e2e/shop.yaml", "tests/e2e/shop.yml", "test/shop.json"])
def test_a_manifest_in_a_folder_that_may_be_an_environment_is_no_test(path):
    text = MANIFEST if not path.endswith(".json") else '{\n  "apiVersion": "v1",\n  "kind": "Pod"\n}'
    for before, after, status in (("", text, "added"), (text, "", "removed"), (text, "a: 1", "modified")):
        sides = Side({path: before}), Side({path: after})
        assert found(changed(path, status), None, *sides) == [Offence(path, "manifest")]
    # Where the values say what is a test, they decide; and data of no manifest's form are data.
    assert found(changed(path, "added"), Paths({"other": [path]}), Side(), Side({path: text})) == []
    assert found(changed(path, "added"), None, Side(), Side({path: "kind: apple\n# apiVersion: no\n"})) == []


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
    assert said == (
        "QA may change only tests, but changed 2 files outside the tests' paths, 1 symbolic link, "
        "more changed files than can be looked through"
    )


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
        "#[no_mangle] #[cfg(test)] mod t { }\n" + PROGRAM.replace("pub fn", "#[inline] pub fn"),
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


@pytest.mark.parametrize(
    "after",
    [
        PROGRAM + TESTS + '"unclosed\n',
        PROGRAM + TESTS + "/* unclosed\n",
        PROGRAM + TESTS.rstrip()[:-1],
        PROGRAM + TESTS + "\ufffd",
        # On the editions of 2015 and 2018 `ér"` is a name and a string that ends at the next quote.
        PROGRAM + '#[cfg(test)] mod t { m!(); ér"\\"; } pub fn backdoor() {} const X: &str = r"\\"; }\n',
    ],
)
def test_what_the_parser_cannot_read_is_undecided_and_never_passes(after):
    for before in (PROGRAM, PROGRAM + TESTS):
        offences = inline(before, after)
        assert offences == [Offence("src/lib.rs", "undecided")]
        assert reason(offences) == "QA may change only tests, but changed 1 file that can't be read as its language"
        assert inline(after, before) == offences


def test_an_attribute_of_the_programs_cannot_be_handed_to_a_test_module():
    before = "#[no_mangle]\npub fn a() {}\n"
    assert inline(before, "#[no_mangle]\n#[cfg(test)]\nmod t {}\npub fn a() {}\n") == [Offence("src/lib.rs", "program")]
    documented = "/// Told by its help.\npub struct A;\n"
    assert inline(documented, documented.replace("pub", "#[cfg(test)]\nmod t {}\npub")) == [
        Offence("src/lib.rs", "program")
    ]
    assert inline(before, f"#[cfg(test)]\n#[allow(unused)]\nmod t {{}}\n{before}") == []


def test_a_name_that_no_scanner_of_ascii_reads_hides_no_program():
    """In a macro's brackets every token is allowed: `ér"\\"` is a name and an open string on old editions."""
    hidden = PROGRAM + '#[cfg(test)] mod t { m!(ér"\\", 1); } pub fn backdoor() {}\nmod u { m!("\\", 1); }\n'
    assert inline(PROGRAM, hidden) in ([Offence("src/lib.rs", "program")], [Offence("src/lib.rs", "undecided")])


def test_a_new_rust_file_of_tests_alone_is_no_program():
    assert inline("", TESTS, "added") == []
    assert inline(TESTS, "", "removed") == []
    assert inline("", PROGRAM + TESTS, "added") == [Offence("src/lib.rs", "program")]
    assert inline(PROGRAM + TESTS, "", "removed") == [Offence("src/lib.rs", "program")]


PIECES = st.sampled_from(
    [
        "fn a() { }",
        "const A: char = 'x';",
        "fn b<'a>() {}",
        'const B: &str = "s { ";',
        'm!(r#"} " "#);',
        "/* { /* } */ */",
        "// } mod\n",
        "m! { ( [ ] ) }",
        "const C: u8 = b'{';",
        "const D: char = '\\u{7d}';",
        "mod inner { #[cfg(test)] mod t { } }",
        "#[allow(unused)] struct A;",
    ]
)


@given(st.lists(PIECES), st.lists(PIECES), st.lists(PIECES))
def test_a_test_module_is_found_between_whatever_program(above, inside, below):
    top, bottom = "\n".join(above), "\n".join(below)
    body = "\n".join(inside)
    module = f"\n#[cfg(test)]\nmod t {{\n{body}\n}}\n"
    without = rust.program(f"{top}\n{bottom}")
    assert without is not None
    assert rust.program(f"{top}{module}{bottom}") == without


WORDS = st.lists(st.sampled_from([*"{}()[];!ab", "m!", '"', "'", "/*", "*/", "//", "r#", "\\", " ", "\n", "fn", "mod"]))


@given(WORDS, WORDS)
def test_two_programs_are_taken_for_one_only_where_they_differ_in_blanks(one, other):
    programs = [rust.program(f"m! {{ {''.join(words)} }}") for words in (one, other)]
    if None not in programs and programs[0] == programs[1]:
        assert "".join("".join(one).split()) == "".join("".join(other).split())


def test_the_values_know_the_languages_that_the_gate_knows():
    assert set(TestPaths.model_fields) == {*LANGUAGES, OTHER}
    assert Paths(TestPaths().model_dump()).match("tests/test_cart.py")
