"""The base's trees as overlays on the head's: exactly the base's program, with the head's tests upon it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import SUBMODULE, Content, Link, differing, tree

from pressplay.gates import rust
from pressplay.gates.only_tests import Paths
from pressplay.gates.proving import base_tree
from pressplay.gates.proving.base_tree import Overlay, base_with_tests, before
from pressplay.github.committed import Unreadable

Side = dict[str, Content]
IS_TEST = Paths().match


def _laid(head: Side, overlay: Overlay) -> Side:
    """The head's tree with an overlay, laid in its order."""
    result = dict(head)
    for path, content in overlay.items():
        result.pop(path, None)
        if content is not None:
            assert not any(other.startswith(f"{path}/") or path.startswith(f"{other}/") for other in result)
            result[path] = content
    return result


def _both(head: Side, base: Side) -> tuple[Side, Side]:
    """The tree of the base with the head's tests, and the base's."""
    changed = differing(head, base)
    after, was = tree(head), tree(base)
    return _laid(head, base_with_tests(changed, after, was, IS_TEST)), _laid(head, before(changed, after, was))


BASE: Side = {
    "cart.py": b"def total(): return 1\n",
    "gone.py": b"x = 1\n",
    "pyproject.toml": b"[project]\n",
    "tests/test_cart.py": b"def test_total(): assert True\n",
    "tests/test_gone.py": b"def test_gone(): assert True\n",
    "tests/fixtures/cart.json": b"{}\n",
    "same.py": b"y = 1\n",
}
HEAD: Side = {
    "cart.py": b"def total(): return 2\n",
    "new.py": b"z = 1\n",
    "pyproject.toml": b"[project]\ndependencies = ['evil']\n",
    "tests/test_cart.py": b"def test_total(): assert total() == 2\n",
    "tests/test_new.py": b"def test_new(): assert z\n",
    "tests/fixtures/cart.json": b"[]\n",
    "same.py": b"y = 1\n",
}


def test_the_program_is_the_base_s_and_the_tests_are_the_head_s():
    laid, was = _both(HEAD, BASE)
    assert laid == {
        "cart.py": BASE["cart.py"],
        "gone.py": BASE["gone.py"],
        "pyproject.toml": BASE["pyproject.toml"],
        "same.py": BASE["same.py"],
        **{path: content for path, content in HEAD.items() if path.startswith("tests/")},
    }
    assert was == BASE


def test_what_is_the_same_is_not_laid():
    assert "same.py" not in before([*HEAD, *BASE], tree(HEAD), tree(BASE))


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ({"a/b": b"1"}, {"a": b"1"}),
        ({"a": b"1"}, {"a/b": b"1", "a/c/d": b"2"}),
    ],
)
def test_a_file_takes_the_place_of_a_folder(head: Side, base: Side):
    assert _both(head, base) == (base, base)


@pytest.mark.parametrize(
    ("head", "base", "why"),
    [
        ({}, {"a": Link("b")}, "a symbolic link"),
        ({"a": b"1"}, {"a": Link("b")}, "a symbolic link"),
        ({"a": b"1"}, {"a": SUBMODULE}, "a submodule"),
        ({}, {"a.rs": b"fn broken( {"}, "can't be read as Rust"),
        ({"a.rs": b"fn broken( {"}, {"a.rs": b"fn f() {}"}, "can't be read as Rust"),
        ({"a.rs": Link("b.rs")}, {"a.rs": b"fn f() {}"}, "a symbolic link"),
        ({"a.rs": b"fn f() {}"}, {"a.rs": b"// \xff\nfn f() {}"}, "can't be read as Rust"),
    ],
)
def test_what_can_t_be_laid_is_named(head: Side, base: Side, why: str):
    with pytest.raises(Unreadable, match=why) as caught:
        _both(head, base)
    assert caught.value.path in ("a", "a.rs")


def test_a_file_too_large_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(base_tree, "LARGEST", 3)
    with pytest.raises(Unreadable, match="larger than 3 bytes"):
        before(["a"], tree({}), tree({"a": b"1234"}))


def test_links_that_stay_or_go_are_no_matter():
    base: Side = {"link": Link("a"), "a": b"1"}
    head: Side = {"link": Link("a"), "a": b"2", "new": Link("a")}
    assert _both(head, base) == (base, base)


PROGRAM = b"use a::b;\n\npub fn total() -> u32 {\n    1\n}\n"
OLD_TESTS = b"\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn old() {}\n}\n"
NEW_TESTS = b"\n/// Of totals.\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn new() { assert_eq!(total(), 2); }\n}\n"


@pytest.mark.parametrize(
    ("base", "head", "tests"),
    [
        (PROGRAM + OLD_TESTS, PROGRAM.replace(b"1", b"2") + NEW_TESTS, NEW_TESTS),
        (PROGRAM, PROGRAM.replace(b"1", b"2") + NEW_TESTS, NEW_TESTS),
        (PROGRAM + OLD_TESTS, PROGRAM.replace(b"1", b"2"), b""),
        (OLD_TESTS + PROGRAM, NEW_TESTS + b"pub fn other() {}\n", NEW_TESTS),
        (PROGRAM + OLD_TESTS + b"fn last() {}", NEW_TESTS + NEW_TESTS.replace(b"mod tests", b"mod more"), NEW_TESTS),
        (PROGRAM + OLD_TESTS, PROGRAM + b"#[cfg(test)]\nmod tests;\n", b"#[cfg(test)]\nmod tests;"),
    ],
)
def test_a_rust_file_has_the_base_s_program_and_the_head_s_tests(base: bytes, head: bytes, tests: bytes):
    overlay = base_with_tests(["src/cart.rs"], tree({"src/cart.rs": head}), tree({"src/cart.rs": base}), IS_TEST)
    spliced = overlay["src/cart.rs"]
    assert spliced is not None
    assert rust.program(spliced.decode()) == rust.program(base.decode())
    assert tests.strip() in spliced
    assert b"old()" not in spliced


def test_a_rust_file_whose_tests_are_the_same_is_the_base_s_to_the_byte():
    base, head = PROGRAM + OLD_TESTS + b"\n// end", PROGRAM.replace(b"1", b"2") + OLD_TESTS
    assert base_with_tests(["a.rs"], tree({"a.rs": head}), tree({"a.rs": base}), IS_TEST) == {"a.rs": base}


_PATHS = st.sampled_from(
    ["a.py", "b.go", "a/b.ts", "a", "a/c/d", "Cargo.toml", "tests/t.py", "a/b_test.go", "x/__snapshots__/y.snap"]
)
_CONTENT = st.sampled_from([b"", b"1\n", b"2\n"])


@st.composite
def _sides(draw: st.DrawFn) -> Side:
    files = draw(st.dictionaries(_PATHS, _CONTENT))
    # A commit has no file in the place of a folder.
    return {path: files[path] for path in files if not any(other.startswith(f"{path}/") for other in files)}


@pytest.mark.rule("R6")
@given(_sides(), _sides())
def test_the_overlays_give_exactly_the_base_s_program(head: Side, base: Side):
    changed = differing(head, base)
    after, was = tree(head), tree(base)
    overlay = base_with_tests(changed, after, was, IS_TEST)
    laid = {path: content for path, content in {**head, **overlay}.items() if content is not None}
    for files, program in ((laid, True), (laid, False)):
        wanted = base if program else head
        assert {path: files[path] for path in files if IS_TEST(path) is not program} == {
            path: wanted[path] for path in wanted if IS_TEST(path) is not program
        }
    assert set(overlay) <= set(changed)
    assert _laid(head, before(changed, after, was)) == base
