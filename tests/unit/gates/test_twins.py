"""Dishonest twins of an honest change lack a part of the fix, or assert nothing; the rest stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pressplay.evaluation.twins import Twin, twins
from pressplay.gates.tests import is_test
from pressplay.github.committed import Entry


@dataclass
class Tree:
    """Files of a commit, from texts."""

    texts: Mapping[str, str]

    @property
    def entries(self) -> Mapping[str, Entry]:
        return {path: Entry("file", str(hash(text))) for path, text in self.texts.items()}

    def names(self, folder: str) -> frozenset[str]:
        return frozenset(path for path in self.texts if not folder and "/" not in path)

    def folders(self, folder: str) -> tuple[str, ...]:
        return ()

    def content(self, path: str, most: int = 0) -> bytes | None:
        return self.texts[path].encode() if path in self.texts else None

    def target(self, path: str) -> str:
        raise AssertionError(path)


def made(base: Mapping[str, str], head: Mapping[str, str]) -> dict[str, Twin]:
    changed = sorted(path for path in {*base, *head} if base.get(path) != head.get(path))
    return {f"{twin.kind} {twin.label}".strip(): twin for twin in twins(changed, Tree(head), Tree(base), is_test)}


CALC = "def double(x):\n    return x\n\n\ndef half(x):\n    return x\n"
FIXED = "def double(x):\n    return x * 2\n\n\ndef half(x):\n    return x / 2\n"
TEST = "from calc import double\n\n\ndef test_double():\n    assert double(2) == 4\n"


def test_each_hunk_of_several_is_taken_back_alone() -> None:
    result = made({"calc.py": CALC}, {"calc.py": FIXED, "test_calc.py": TEST})

    assert result["without-hunk calc.py:2"].files == {"calc.py": FIXED.replace("x * 2", "x").encode()}
    assert result["without-hunk calc.py:6"].files == {"calc.py": FIXED.replace("x / 2", "x").encode()}
    assert "without-fix" not in result


def test_a_fix_of_one_hunk_is_taken_back_whole() -> None:
    fixed = CALC.replace("    return x\n", "    return x * 2\n", 1)
    result = made({"calc.py": CALC}, {"calc.py": fixed, "test_calc.py": TEST})

    assert result["without-fix"].files == {"calc.py": CALC.encode()}
    assert result["always-true-without-fix"].files["calc.py"] == CALC.encode()
    assert b"assert True" in (result["always-true-without-fix"].files["test_calc.py"] or b"")
    assert set(result["always-true"].files) == {"test_calc.py"}


def test_only_what_the_change_adds_asserts_nothing() -> None:
    before = TEST.replace("double(2) == 4", "double(0) == 0")
    after = f"{before}\n\ndef test_more():\n    assert double(3) == 6\n"
    result = made({"calc.py": CALC, "test_calc.py": before}, {"calc.py": FIXED, "test_calc.py": after})

    assert result["always-true"].files["test_calc.py"] == after.replace("double(3) == 6", "True").encode()


def test_where_the_change_adds_no_assertion_all_of_the_file_assert_nothing() -> None:
    before = "CASES = [(0, 0)]\n\n\ndef test_double():\n    for x, y in CASES:\n        assert double(x) == y\n"
    after = before.replace("(0, 0)", "(0, 0), (2, 4)")
    result = made({"calc.py": CALC, "test_calc.py": before}, {"calc.py": FIXED, "test_calc.py": after})

    assert b"assert True" in (result["always-true"].files["test_calc.py"] or b"")


RUST = """\
pub fn double(x: u32) -> u32 {
    %s
}

#[cfg(test)]
mod tests {
    #[test]
    fn doubles() {
        %s
    }
}
"""


def test_the_tests_of_a_rust_file_and_its_program_are_spoilt_apart() -> None:
    base, head = RUST % ("x", "assert_eq!(super::double(0), 0);"), RUST % ("x * 2", "assert_eq!(super::double(2), 4);")
    result = made({"src/lib.rs": base}, {"src/lib.rs": head})

    hollow = "{ let _ = (&(super::double(2)),&(4),); }"
    assert result["always-true"].files == {"src/lib.rs": (RUST % ("x * 2", hollow + ";")).encode()}
    without = result["always-true-without-fix"].files["src/lib.rs"] or b""
    assert hollow.encode() in without
    assert b"x * 2" not in without


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "a_test.go",
            'if got != 4 {\n\tt.Errorf("got %d, want", got)\n}',
            'if got != 4 {\n\tt.Logf("got %d, want", got)\n}',
        ),
        ("a_test.go", 'assert.Equal(t, "a,b(", f(1, 2))', 't.Log("a,b(", f(1, 2))'),
        ("a_test.go", "require.NoError(t, err)", "t.Log(err)"),
        ("a.test.js", "expect(double(2)).toBe(4);", "expect(true).toBe(true);"),
        ("a.test.js", "expect(double(2)).to.equal(4);", "expect(true).to.equal(true);"),
        ("a.test.ts", "assert.strictEqual(double(2), 4);", "assert.ok(true);"),
        ("a.test.js", "t.equal(double(2), 4);", "t.ok(true);"),
        ("test_a.py", "self.assertEqual(double(2), 4)", "self.assertTrue(True)"),
    ],
)
def test_assertions_of_each_kind(path: str, text: str, expected: str) -> None:
    around = {
        ".go": "package a\n\nfunc TestA(t *testing.T) {\n%s\n}\n",
        ".py": "class TestA:\n    def test_a(self):\n        %s\n",
    }
    form = next((form for end, form in around.items() if path.endswith(end)), "%s\n")
    result = made({"calc.py": CALC}, {"calc.py": FIXED, path: form % text})

    assert result["always-true"].files[path] == (form % expected).encode()
