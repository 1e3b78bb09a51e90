"""The gate on tests (R6): what a change takes away from them is found, in each language; what adds is never refused."""

from __future__ import annotations

import time
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.gates.tests import Weakening, is_test, weakened
from pressplay.github.comparison import MOST_FILES, Changed, Comparison

PYTHON = """\
import pytest
from shop.cart import Cart


@pytest.fixture
def cart():
    return Cart()


def test_total_of_two(cart):
    cart.add("apple", 2, price=30)
    assert cart.total() == 60


def test_add_refuses_none(cart):
    with pytest.raises(ValueError, match="name"):
        cart.add(None)
    assert (
        cart.lines
        == []
    ), "nothing is added"
"""
RUST = """\
pub fn add(a: u32, b: u32) -> u32 {
    assert!(a < 1000);
    a + b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1, 2), 3);
        assert_eq!(
            add(2, 2),
            4,
            "two and two",
        );
    }
}
"""
TYPESCRIPT = """\
import { render } from "./page";

describe("page", () => {
  it("greets", async () => {
    const page = await render();
    expect(page.title).toBe("Shop");
    expect(page.items.map((item) => item.name))
      .toEqual(["apple"]);
  });
});
"""
GO = """\
package cart

import "testing"

func TestTotal(t *testing.T) {
	got := Total(2, 30)
	if got != 60 {
		t.Errorf("Total = %d, want 60", got)
	}
	require.NoError(t, check())
}
"""
FILES = {"tests/test_cart.py": PYTHON, "src/lib.rs": RUST, "src/page.test.ts": TYPESCRIPT, "cart/cart_test.go": GO}


def judged(before: dict[str, str], after: dict[str, str], renamed: dict[str, str] | None = None) -> Weakening:
    """What the gate says of two trees; `renamed`: new path → old."""
    renamed = renamed or {}
    changed = [
        Changed(
            path,
            renamed.get(path, path),
            "renamed" if path in renamed else "added" if path not in before else "modified",
        )
        for path in after
        if renamed.get(path) or before.get(path) != after[path]
    ]
    changed += [Changed(p, p, "removed") for p in before if p not in after and p not in renamed.values()]
    return weakened(Comparison("base", tuple(changed)), before.__getitem__, after.__getitem__)


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("tests/test_cart.py", "    assert cart.total() == 60\n", "", "1 assertion removed or altered"),
        ("tests/test_cart.py", "== 60", "in (60, 61)", "1 assertion removed or altered"),
        ("tests/test_cart.py", "    assert cart", "    # assert cart", "1 assertion removed or altered"),
        ("tests/test_cart.py", "        == []\n", "        in ([], None)\n", "1 assertion removed or altered"),
        (
            "tests/test_cart.py",
            "def test_total",
            "@pytest.mark.xfail\ndef test_total",
            "1 skip or expected failure added",
        ),
        (
            "tests/test_cart.py",
            '    cart.add("apple',
            '    pytest.skip()\n    cart.add("apple',
            "1 skip or expected failure added",
        ),
        ("tests/test_cart.py", "def test_total", "def total", "1 test removed"),
        ("src/lib.rs", "        assert_eq!(add(1, 2), 3);\n", "", "1 assertion removed or altered"),
        ("src/lib.rs", "            4,\n", "            5,\n", "1 assertion removed or altered"),
        ("src/lib.rs", "    #[test]\n", '    #[test]\n    #[ignore = "later"]\n', "1 skip or expected failure added"),
        ("src/lib.rs", "    #[test]\n", "    #[test]\n    #[should_panic]\n", "1 skip or expected failure added"),
        ("src/lib.rs", "    #[test]\n", "", "1 test removed"),
        ("src/page.test.ts", '    expect(page.title).toBe("Shop");\n', "", "1 assertion removed or altered"),
        ("src/page.test.ts", '["apple"]', "expect.anything()", "1 assertion removed or altered"),
        ("src/page.test.ts", "  it(", "  it.skip(", "1 skip or expected failure added"),
        ("src/page.test.ts", "  it(", "  xit(", "1 skip or expected failure added"),
        ("src/page.test.ts", "describe(", "describe.only(", "1 skip or expected failure added"),
        ("cart/cart_test.go", "got != 60", "got < 60", "1 assertion removed or altered"),
        ("cart/cart_test.go", "\trequire.NoError(t, check())\n", "", "1 assertion removed or altered"),
        ("cart/cart_test.go", "\tgot :=", '\tt.Skip("flaky")\n\tgot :=', "1 skip or expected failure added"),
        ("cart/cart_test.go", "package cart", "//go:build ignore\n\npackage cart", "1 skip or expected failure added"),
    ],
)
def test_what_is_taken_away_is_named(path, old, new, said):
    assert old in FILES[path]
    assert str(judged(FILES, {**FILES, path: FILES[path].replace(old, new, 1)})) == said


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (
            "tests/test_cart.py",
            "    assert (\n        cart.lines\n        == []\n    ), ",
            "    assert (cart.lines == []), ",
        ),
        ("tests/test_cart.py", "def test_total_of_two", "def test_total_of_three"),
        ("tests/test_cart.py", "import pytest\n", "import pytest  # not skipped\n# pytest.skip() would hide it\n"),
        ("src/lib.rs", "    assert!(a < 1000);\n", ""),
        ("src/lib.rs", "    a + b\n", "    a.saturating_add(b)\n"),
        ("src/lib.rs", '            "two and two",\n        );', '            "two and two"\n        );'),
        ("src/page.test.ts", "    const page", "    // Told twice.\n    const page"),
        ("cart/cart_test.go", "\tgot := Total(2, 30)\n", "\tgot := Total(2, 30)\n\tt.Log(got)\n"),
    ],
)
def test_what_takes_nothing_away_passes(path, old, new):
    assert old in FILES[path]
    assert not judged(FILES, {**FILES, path: FILES[path].replace(old, new, 1)})


@pytest.mark.rule("R6")
def test_a_removed_test_file_is_named_and_a_moved_or_renamed_one_is_not():
    rest = {path: text for path, text in FILES.items() if path != "tests/test_cart.py"}
    assert str(judged(FILES, rest)) == "1 test file removed, 2 tests removed, 3 assertions removed or altered"
    assert not judged(FILES, {**rest, "tests/unit/test_basket.py": PYTHON})
    assert not judged(FILES, {**rest, "tests/test_basket.py": PYTHON}, {"tests/test_basket.py": "tests/test_cart.py"})
    hidden = judged(FILES, {**rest, "old/cart.py": PYTHON}, {"old/cart.py": "tests/test_cart.py"})
    assert (hidden.tests, hidden.assertions) == (2, 3)
    assert str(judged({"tests/helpers.py": "X = 1\n"}, {})) == "1 test file removed"


@pytest.mark.rule("R6")
def test_what_github_does_not_name_any_more_is_not_vouched_for():
    many = tuple(Changed(f"docs/{n}.md", f"docs/{n}.md", "added") for n in range(MOST_FILES))
    found = weakened(Comparison("base", many), {}.__getitem__, {}.__getitem__)
    assert str(found) == "more changed files than can be looked through"
    assert found


def test_files_of_no_tests_are_never_read():
    read: list[str] = []

    def reads(path: str) -> str:
        read.append(path)
        return ""

    names = ("src/app.py", "README.md", "tests/data.json", "cart/cart.go", "src/page.ts", "tests/test_a.py")
    weakened(Comparison("base", tuple(Changed(name, name, "modified") for name in names)), reads, reads)
    assert read == ["tests/test_a.py", "tests/test_a.py"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("tests/test_a.py", True),
        ("pkg/a_test.py", True),
        ("tests/conftest.py", True),
        ("src/attestation.py", False),
        ("crates/x/tests/it.rs", True),
        ("web/__tests__/a.jsx", True),
        ("web/a.spec.ts", True),
        ("web/latest.ts", False),
        ("a_test.go", True),
        ("tests/README.md", False),
    ],
)
def test_test_files_are_told_by_name_or_folder(path, wanted):
    assert is_test(path) is wanted


MORE = {
    "tests/test_cart.py": (
        [
            "    assert 1 == 1\n",
            "    assert cart is not None, 'told'\n",
            "    with pytest.raises(KeyError):\n        cart['x']\n",
        ],
        '    cart.add("apple", 2, price=30)\n',
    ),
    "src/lib.rs": (["        assert!(true);\n", "        assert_ne!(add(1, 1), 3);\n"], "    fn adds() {\n"),
    "src/page.test.ts": (
        ["    expect(1).toBe(1);\n", "    await expect(go()).rejects.toThrow();\n"],
        "    const page = await render();\n",
    ),
    "cart/cart_test.go": (
        ['\tif got == 0 {\n\t\tt.Fatal("none")\n\t}\n', "\tassert.True(t, ok)\n"],
        "\tgot := Total(2, 30)\n",
    ),
}


@pytest.mark.rule("R6")
@given(st.data())
def test_a_change_that_only_adds_assertions_is_never_refused(data):
    after = dict(FILES)
    for path, (assertions, where) in MORE.items():
        added = "".join(data.draw(st.lists(st.sampled_from(assertions), max_size=6), label=path))
        after[path] = after[path].replace(where, where + added, 1)
    moved = data.draw(st.booleans())
    if moved:
        old = "tests/test_cart.py"
        new = str(PurePosixPath("tests", "deep", "test_moved.py"))
        after[new] = after.pop(old)
        assert not judged(FILES, after, {new: old})
    else:
        assert not judged(FILES, after)


@pytest.mark.rule("R6")
@given(st.data())
def test_no_assertion_can_be_taken_away_unseen_however_many_are_added(data):
    path = data.draw(st.sampled_from(sorted(MORE)))
    assertions, where = MORE[path]
    kept = {
        "tests/test_cart.py": "    assert cart.total() == 60\n",
        "src/lib.rs": "        assert_eq!(add(1, 2), 3);\n",
        "src/page.test.ts": '    expect(page.title).toBe("Shop");\n',
        "cart/cart_test.go": "\trequire.NoError(t, check())\n",
    }[path]
    added = "".join(data.draw(st.lists(st.sampled_from(assertions), max_size=6)))
    after = FILES[path].replace(where, where + added, 1).replace(kept, "", 1)
    assert judged(FILES, {**FILES, path: after}).assertions == 1


SHOULD_PANIC = """
#[cfg(test)]
mod tests {
    #[test]
    #[should_panic]
    fn overflows() {
        add(u32::MAX, 1);
    }

    proptest! {
        #[test]
        fn adds_all(a in 0..9u32) {
            prop_assert_eq!(add(a, 0), a);
        }
    }

    #[test]
    fn matches() {
        match add(1, 1) {
            2 => assert!(true),
            other => panic!("{other}"),
        }
    }
}
"""
NODE = """\
import test from "node:test";

test("adds", async (t) => {
  t.equal(add(1, 2), 3);
  await expect(slow()).resolves.toBe(1);
  checkAll(add);
});

it.each([[1, 2], [2, 3]])("adds one to %d", (a, b) => {
  checks(a, b);
});
"""
SUITE = """\
package cart

func (s *Suite) TestTotal() {
	s.Equal(60, Total())
}

func TestCases(t *testing.T) {
	switch got := Total(); {
	case got != 60:
		t.Fatal("other")
	}
	if err := check(); err != nil {
		t.Error(err)
	} else if Total() == 0 {
		t.Error("none")
	}
}
"""
UNITTEST = """\
import unittest


class TestCart(unittest.TestCase):
    def test_total(self):
        self.assertEqual(Cart().total(), 0)
        with self.assertRaises(ValueError):
            Cart().add(None)
        check_lines(Cart())

    def test_mail(self):
        self.mail.send.assert_called_once_with("a")
"""
OTHERS = {
    "src/panics.rs": SHOULD_PANIC,
    "web/add.test.mjs": NODE,
    "cart/suite_test.go": SUITE,
    "test_unit.py": UNITTEST,
}


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("src/panics.rs", "add(u32::MAX, 1)", "panic!()", "1 assertion removed or altered"),
        ("src/panics.rs", "prop_assert_eq!(add(a, 0), a)", "add(a, 0)", "1 assertion removed or altered"),
        ("src/panics.rs", "2 => assert!(true)", "_ => {}", "1 assertion removed or altered"),
        ("web/add.test.mjs", "t.equal(add(1, 2), 3)", "add(1, 2)", "1 assertion removed or altered"),
        ("web/add.test.mjs", "await expect(slow())", "expect(slow())", "1 assertion removed or altered"),
        ("web/add.test.mjs", '"adds", async', '"adds", { skip: true }, async', "1 skip or expected failure added"),
        ("web/add.test.mjs", "[[1, 2], [2, 3]]", "[[1, 2]]", "1 assertion removed or altered"),
        ("cart/suite_test.go", "s.Equal(60, Total())", "s.Equal(Total(), Total())", "1 assertion removed or altered"),
        ("cart/suite_test.go", "case got != 60", "case got < 60", "1 assertion removed or altered"),
        (
            "cart/suite_test.go",
            "err := check(); err != nil",
            "err := check(); false",
            "1 assertion removed or altered",
        ),
        ("cart/suite_test.go", "Total() == 0 {", "Total() < 0 {", "1 assertion removed or altered"),
        ("test_unit.py", "self.assertRaises(ValueError)", "suppress(ValueError)", "1 assertion removed or altered"),
        ("test_unit.py", "assert_called_once_with", "called_with", "1 assertion removed or altered"),
        (
            "test_unit.py",
            "    def test_mail",
            "    @unittest.skip\n    def test_mail",
            "1 skip or expected failure added",
        ),
    ],
)
def test_what_other_styles_of_tests_assert_is_seen(path, old, new, said):
    assert old in OTHERS[path]
    assert str(judged(OTHERS, {**OTHERS, path: OTHERS[path].replace(old, new, 1)})) == said


@pytest.mark.rule("R6")
def test_a_new_test_may_be_switched_off_and_stands_for_nothing_then():
    path = "tests/test_cart.py"
    later = "\n\n@pytest.mark.skip\ndef test_later():\n    assert cart.total() == 60\n"
    assert not judged(FILES, {**FILES, path: PYTHON + later})
    # What it asserts is asserted no more.
    moved = PYTHON.replace("    assert cart.total() == 60\n", "") + later
    assert str(judged(FILES, {**FILES, path: moved})) == "1 assertion removed or altered"
    # A whole new file that is switched off hides what it took over.
    rest = {name: text for name, text in FILES.items() if name != path}
    off = {**rest, "tests/test_new.py": f"{PYTHON}\n\npytestmark = pytest.mark.skip\n"}
    assert judged(FILES, off).assertions == 3
    only = {**FILES, "src/new.test.ts": TYPESCRIPT.replace("it(", "it.only(")}
    assert str(judged(FILES, only)) == "1 skip or expected failure added"


SNAPSHOTS = {
    "web/__snapshots__/a.snap": "// Jest\n\nexports[`one 1`] = `1`;\n\nexports[`two 1`] = `2`;\n",
    "tests/__snapshots__/a.ambr": "# serializer\n# name: one\n  1\n# ---\n# name: two\n  2\n# ---\n",
    "src/snapshots/a.snap": "---\nsource: a.rs\n---\n1\n",
    "pkg/testdata/wanted.golden": "1\n",
}


@pytest.mark.rule("R6")
@pytest.mark.parametrize("path", SNAPSHOTS)
def test_snapshots_may_be_added_and_moved_and_not_rewritten_or_removed(path):
    text = SNAPSHOTS[path]
    said = "1 snapshot removed or rewritten"
    assert str(judged(SNAPSHOTS, {**SNAPSHOTS, path: text.replace("1\n", "3\n").replace("= `1`", "= `3`")})) == said
    rest = {name: one for name, one in SNAPSHOTS.items() if name != path}
    assert judged(SNAPSHOTS, rest).snapshots >= 1
    moved = str(PurePosixPath(path).with_stem("b"))
    assert not judged(SNAPSHOTS, {**rest, moved: text}, {moved: path})
    assert not judged(SNAPSHOTS, {**rest, moved: text})
    assert not judged({}, {path: text})


def test_entries_may_be_added_to_a_file_of_snapshots():
    jest, ambr = "web/__snapshots__/a.snap", "tests/__snapshots__/a.ambr"
    assert not judged(SNAPSHOTS, {**SNAPSHOTS, jest: f"{SNAPSHOTS[jest]}\nexports[`three 1`] = `3`;\n"})
    assert not judged(SNAPSHOTS, {**SNAPSHOTS, ambr: f"{SNAPSHOTS[ambr]}# name: three\n  3\n# ---\n"})


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("path", "broken"),
    [
        ("tests/test_cart.py", PYTHON + "def test_(:\n"),
        ("src/lib.rs", RUST + "}\n"),
        ("src/page.test.ts", TYPESCRIPT + "});\n"),
        ("cart/cart_test.go", GO + "}\n"),
        ("tests/test_cart.py", PYTHON.replace("apple", "appl\ufffd")),
    ],
)
def test_what_the_parser_cannot_read_is_undecided_on_either_side(path, broken):
    for before, after in ((FILES[path], broken), (broken, FILES[path]), (broken, broken + "\n")):
        found = judged({**FILES, path: before}, {**FILES, path: after})
        assert found.undecided == 1
        assert str(found).endswith("1 file that can't be read as its language")
    assert judged({}, {path: broken})


def test_a_vue_file_with_tests_is_undecided_and_one_without_is_not():
    assert judged({"web/tests/A.vue": "<script>expect(1)</script>"}, {"web/tests/A.vue": "<script/>"}).undecided == 1
    assert not judged({"web/tests/A.vue": "<template/>"}, {"web/tests/A.vue": "<p/>"})


@pytest.mark.rule("R6")
def test_each_loss_is_told_with_its_place():
    lost = judged(FILES, {**FILES, "tests/test_cart.py": PYTHON.replace("== 60", "== 61")}).losses
    assert [(one.kind, one.path, one.line, one.text) for one in lost] == [
        ("assertion", "tests/test_cart.py", 12, "assert cart.total()==60")
    ]


REPEATED = {
    "tests/a.rs": "#[test]\nfn a%d() { assert_eq!(add(1, 2), 3); }\n",
    "test_a.py": "def test_a%d():\n    assert add(1, 2) == 3\n",
    "a_test.go": 'func TestA%d(t *testing.T) {\n\tif x != 1 { t.Error("a") }\n}\n',
    "a.test.ts": 'it("a%d", () => { expect(add(1, 2)).toBe(3); });\n',
}
NESTED = {
    "a_test.go": (
        "package a\nfunc TestA(t *testing.T) {",
        "if f(func() bool {",
        "return true",
        "}) { t.Error() }",
        "}",
    ),
    "a.test.ts": ("", 'it("a", () => {', "", "});", ""),
    "test_a.py": ("x = ", "pytest.skip(", "1", ")", ""),
    "tests/a.rs": ("fn a() {", "m!((", "", "));", "}"),
    "src/a.rs": ("", "#[cfg(test)]\n", "fn x() {}\n", "", ""),
    "src/b.rs": ("fn test() { let x = ", 'r#"', "", "", "; }"),
    "b.test.ts": ("x = ", "expect(", "1", ").a", ""),
}


def repeated(path: str, size: int) -> str:
    each = REPEATED[path]
    begin = "package a\n" if path.endswith(".go") else ""
    return begin + "".join(each % number for number in range(size // len(each)))


def nested(path: str, size: int) -> str:
    begin, opens, inside, closes, end = NESTED[path]
    times = size // len(opens + closes)
    return f"{begin}{opens * times}{inside}{closes * times}{end}"


@pytest.mark.parametrize(
    ("path", "make"), [*((path, repeated) for path in REPEATED), *((path, nested) for path in NESTED)]
)
def test_the_time_grows_with_the_file_however_it_is_made(path, make):
    """Of the processor's time; the scanners took 167 s for 240 kB of `#[cfg(test)]`."""

    def seconds(size: int) -> float:
        text = make(path, size)
        begin = time.thread_time()
        weakened(Comparison("base", (Changed(path, path, "modified"),)), lambda _: text, lambda _: text)
        return time.thread_time() - begin

    small, large = seconds(5_000), seconds(20_000)
    # Four times the size: linear is 4, quadratic 16. What is hostile is broken off after a second and its size's share.
    assert large < 9 * small + 1.5
