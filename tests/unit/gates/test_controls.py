"""Negative controls: what is spoilt, in which order, and that nothing but the changed program is."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_samples import GO, PYTHON, RUST, TYPESCRIPT
from trees import Content, Link, differing, tree

from pressplay.gates import syntax
from pressplay.gates.only_tests import Paths
from pressplay.gates.proving.controls import controls, sources, unread
from pressplay.gates.proving.model import Control, Project

Side = dict[str, Content]
IS_TEST = Paths().match


def _controls(head: Side, base: Side, most: int = 40) -> list[Control]:
    after, was = tree(head), tree(base)
    return controls(differing(head, base), after, was, sources(IS_TEST, was), most)


def _of(made: list[Control], kind: str) -> list[Control]:
    return [control for control in made if control.kind == kind]


BASE = """\
def total(items):
    return 0


def tax(price):
    return price * 2


class Cart:
    def __init__(self):
        self.a = 1
"""
HEAD = """\
def total(items):
    if not items:
        return 0
    return sum(items) + 1


def tax(price):
    return price * 3


class Cart:
    def __init__(self):
        self.a = "one"
"""


def test_they_begin_with_all_bodies_and_end_with_mutants():
    made = _controls({"cart.py": HEAD}, {"cart.py": BASE})
    assert [(control.kind, control.line, control.label) for control in made] == [
        ("bodies", 1, "2 functions return at once, total first"),
        ("body", 1, "total returns at once"),
        ("body", 7, "tax returns at once"),
        ("body", 12, "Cart.__init__ returns at once"),
        ("hunk", 2, "the base's text again: 1 line for 3 lines"),
        ("hunk", 8, "the base's text again: 1 line for 1 line"),
        ("hunk", 13, "the base's text again: 1 line for 1 line"),
        ("mutant", 2, "a negation is gone"),
        ("mutant", 3, "0 is 1"),
        ("mutant", 4, "a return gives nothing"),
        ("mutant", 4, "+ is -"),
        ("mutant", 4, "1 is 2"),
        ("mutant", 8, "a return gives nothing"),
        ("mutant", 8, "* is /"),
        ("mutant", 8, "3 is 4"),
        ("mutant", 13, "a text is another"),
    ]
    assert [control.weak for control in made[:4]] == [False, False, False, True]


def test_one_function_alone_is_not_emptied_twice():
    made = _controls({"a.py": HEAD}, {"a.py": HEAD.replace("price * 3", "price")})
    assert [control.kind for control in made[:2]] == ["bodies", "hunk"]


@pytest.mark.parametrize(
    ("path", "head", "weak"),
    [
        ("a.py", "class A:\n    def __init__(self):\n        self.a = 1\n", True),
        ("a.rs", "pub fn f() -> Error { Error::of(1) }\n", True),
        ("a.rs", "pub fn f() -> Error { Error::of(1) }\npub fn g() -> u8 { 3 }\n", False),
        ("a.go", "package a\nfunc f() http.Handler { return g }\nfunc g() int { return 2 }\n", False),
        ("a.go", "package a\nfunc f() http.Handler { return g }\n", True),
    ],
)
def test_what_panics_is_emptied_apart_if_there_is_more(path: str, head: str, weak: bool):
    made = _of(_controls({path: head}, {}), "bodies")
    assert [control.weak for control in made] == [weak]


def test_go_s_types_are_looked_for_in_the_package():
    head = {"p/a.go": "package p\n\nfunc f() Line { return first }\n", "p/b.go": "package p\n\ntype Line struct {\n}\n"}
    assert not _controls(head, {"p/b.go": head["p/b.go"]})[0].weak
    head["p/b.go"] = "package p\n\ntype Line interface {\n}\n"
    assert _controls(head, {"p/b.go": head["p/b.go"]})[0].weak


SWAPS = [
    ("a.py", "x = a == b", "x = a != b"),
    ("a.py", "x = a < b", "x = a <= b"),
    ("a.py", "x = a not in b", "x = a in b"),
    ("a.py", "x = a is not b", "x = a is b"),
    ("a.py", "x = a and b", "x = a or b"),
    ("a.py", "x = not a", "x =  a"),
    ("a.py", "x = True", "x = False"),
    ("a.py", "x = a * b", "x = a / b"),
    ("a.py", "x = 1.5", "x = 2.5"),
    ("a.py", 'x = "a"', 'x = "pressplaya"'),
    ("a.py", "if a: b", "if not (a): b"),
    ("a.js", "x = a === b", "x = a !== b"),
    ("a.js", "x = a && b", "x = a || b"),
    ("a.js", "x = !a", "x = a"),
    ("a.js", "if (a) b()", "if (!(a)) b()"),
    ("a.js", "function f() { return a }", "function f() { return undefined }"),
    ("a.ts", "x = false", "x = true"),
    ("a.ts", "x = a >= b", "x = a > b"),
    ("a.go", "package a\nvar x = a < b", "package a\nvar x = a <= b"),
    ("a.go", "package a\nvar x = !a", "package a\nvar x = a"),
    ("a.go", "package a\nfunc f() { if a { b() } }", "package a\nfunc f() { if !(a) { b() } }"),
    (
        "a.go",
        "package a\nfunc f() int { return a }",
        "package a\nfunc f() (pressPlay0 int) { if true { return }; return a }",
    ),
    ("a.rs", "const X: u8 = 7u8;", "const X: u8 = 8u8;"),
    ("a.rs", "const X: bool = a || b;", "const X: bool = a && b;"),
    ("a.rs", "fn f() { if a { b() } }", "fn f() { if !(a) { b() } }"),
    ("a.rs", "fn f() -> u8 { return a; }", "fn f() -> u8 { if true { return 0; } return a; }"),
]


@pytest.mark.parametrize(("path", "source", "mutated"), SWAPS)
def test_a_mutant_is_one_small_change(path: str, source: str, mutated: str):
    made = _of(_controls({path: source}, {}), "mutant")
    assert mutated.encode() in [control.files[path] for control in made]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.py", '"""A text."""'),
        ("a.py", "import a1"),
        ("a.py", "x: Literal[1]"),
        ("a.py", "@dec(1)\ndef f(): pass"),
        ("a.py", "while a < 1: a += 1"),
        ("a.py", "x = f'a{b}'"),
        ("a.py", "x = b'a'"),
        ("a.py", "def f():\n    return None"),
        ("a.js", "import a from './a'"),
        ("a.js", "'use strict'"),
        ("a.js", "for (let i = 0; i < 3; i++) f(i)"),
        ("a.ts", "type A = 'a' | 1"),
        ("a.ts", "let x: 'a'"),
        ("a.go", 'package a\nimport "fmt"'),
        ("a.go", "package a\nfunc f() { for i := 0; i < 3; i++ { g(1) } }"),
        ("a.go", "package a\ntype T [4]int"),
        ("a.rs", "#[allow(a = 1)]\nstruct A;"),
        ("a.rs", 'fn f() { println!("{}", 1 + 2) }'),
        ("a.rs", "fn f(a: A) { g(a.0) }"),
        ("a.rs", "fn f() { loop { g(1) } }"),
        ("a.rs", "#[cfg(test)]\nmod tests { const A: u8 = 1; }"),
        ("a.py", "# if a < 1: 2"),
    ],
)
def test_what_is_no_value_or_never_ends_is_left_alone(path: str, source: str):
    assert _of(_controls({path: source}, {}), "mutant") == []


def test_a_loop_over_things_is_not():
    source = "for a in b:\n    c = a + 1\n"
    assert len(_of(_controls({"a.py": source}, {}), "mutant")) == 2
    source = "package a\nfunc f() { for _, a := range b { g(a == 1) } }"
    assert len(_of(_controls({"a.go": source}, {}), "mutant")) == 2


def test_hunks_of_comments_and_of_blanks_are_not_taken_back():
    base = "x = 1\n\n# old\ny = f(2)\n"
    assert _controls({"a.py": base.replace("old", "new").replace("\n\n", "\n\n\n")}, {"a.py": base}) == []
    assert (
        _of(_controls({"a.py": base}, {"a.py": base + "g()\n"}), "hunk")[0].files["a.py"] == (base + "g()\n").encode()
    )


def test_a_new_file_is_not_taken_back():
    assert _of(_controls({"a.py": HEAD}, {}), "hunk") == []


def test_a_hunk_that_does_not_parse_is_dropped():
    base = "if a:\n    b()\n"
    head = "if (\n    a\n):\n    b()\n"
    assert [c.files["a.py"] for c in _of(_controls({"a.py": head}, {"a.py": base}), "hunk")] == [base.encode()]
    head = "if a:\n    b()\nelse:\n    c()\n\n\nd()\n"
    base = "if a:\n    b()\n\n\nd(\n)\n"
    for control in _of(_controls({"a.py": head}, {"a.py": base}), "hunk"):
        assert syntax.parse("a.py", (control.files["a.py"] or b"").decode()) is not None


def test_rust_s_own_tests_stay():
    base = RUST
    head = RUST.replace("        7\n", "        8\n").replace("helper(), 7", "helper(), 8")
    assert _controls({"src/a.rs": head}, {"src/a.rs": base}) == []
    head = head.replace("self.lines.first()", "self.lines.last()")
    made = _controls({"src/a.rs": head}, {"src/a.rs": base})
    assert [control.kind for control in made] == ["bodies", "hunk"]
    assert all(b"helper(), 8" in (control.files["src/a.rs"] or b"") for control in made)


def test_only_the_program_that_people_write_is_changed():
    head: Side = {
        "cart.py": HEAD,
        "tests/test_cart.py": HEAD,
        "gen/api_pb2.py": HEAD,
        "vendor/a.py": HEAD,
        "types.d.ts": "declare function f(): 1;",
        "README.md": "1",
        "third_party/b.py": HEAD,
        "link.py": Link("cart.py"),
    }
    base: Side = {"vendor/b.py": "1"}
    project = Project("", "python", "pytest", "junit", generated=("gen/", "*_pb2.py"))
    after, was = tree(head), tree(base)
    is_source = sources(IS_TEST, was, [project])
    made = controls(differing(head, base), after, was, is_source, 40)
    # A folder of others' code that the head brings is judged as its own.
    assert {path for control in made for path in control.files} == {"cart.py", "third_party/b.py"}
    assert [(problem.path, problem.why) for problem in unread(differing(head, base), after, was, is_source)] == [
        ("link.py", "a symbolic link")
    ]


def test_generated_files_are_named_from_the_project_s_folder():
    is_source = sources(IS_TEST, tree({}), [Project("api", "go", "go test", "go-json", generated=("/gen/*.go",))])
    assert [path for path in ("gen/a.go", "api/gen/a.go", "api/a.go", "apis/gen/a.go") if not is_source(path)] == [
        "api/gen/a.go"
    ]


def test_what_can_t_be_read_is_named():
    head: Side = {"a.py": b"# \xff\nx = 1\n", "b.py": "def f():\n    return g(1)\n\n\ndef broken(:\n    pass\n"}
    base: Side = {"b.py": "def f():\n    return g(2)\n"}
    after, was = tree(head), tree(base)
    problems = unread(differing(head, base), after, was, lambda path: True)
    assert [problem.path for problem in problems] == ["a.py", "b.py"]
    assert "line 5" in problems[1].why
    # What can be read of it has controls still.
    made = controls(differing(head, base), after, was, lambda path: True, 40)
    assert "f returns at once" in [control.label for control in made]


def test_a_file_with_a_byte_order_mark_keeps_it():
    made = _controls({"a.py": b"\xef\xbb\xbfdef f():\n    return 1\n"}, {})
    assert all((control.files["a.py"] or b"").startswith(b"\xef\xbb\xbfdef") for control in made)


def test_functions_that_are_too_many_are_emptied_in_groups():
    head = "".join(f"def f{n}():\n    return {n + 1}\n\n\n" for n in range(100))
    made = _controls({"a.py": head, "b.py": head.replace("f", "g").replace("deg", "def")}, {}, 11)
    groups = _of(made, "body")
    assert len(made) == 11
    assert len(groups) == 5
    # Each function is in one of them.
    assert (
        sum(
            (control.files.get(path) or b"").count(b"    if [0]: return\n")
            for control in groups
            for path in control.files
        )
        == 200
    )
    assert all(
        (_of(made, "bodies")[0].files[path] or b"").count(b"    if [0]: return\n") == 100 for path in ("a.py", "b.py")
    )
    mutated = _of(made, "mutant")
    assert {control.path for control in mutated} == {"a.py", "b.py"}


@pytest.mark.parametrize("most", [0, 1, 2, 3, 5, 8])
def test_there_are_never_more_than_asked_for(most: int):
    made = _controls({"a.py": HEAD, "b.py": HEAD}, {"a.py": BASE}, most)
    assert len(made) == most
    assert not made or made[0].kind == "bodies"


SAMPLES = {"a.py": PYTHON, "a.ts": TYPESCRIPT, "a.go": GO, "a.rs": RUST}


@pytest.mark.rule("R6")
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_every_control_spoils_the_changed_program_alone_and_parses(data: st.DataObject):
    chosen = data.draw(st.lists(st.sampled_from(sorted(SAMPLES)), unique=True))
    head: Side = dict(SAMPLES)
    base: Side = dict(SAMPLES)
    for path in chosen:
        lines = SAMPLES[path].splitlines(keepends=True)
        gone = data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=8))
        base[path] = "".join(line for at, line in enumerate(lines) if at not in gone)
    most = data.draw(st.integers(0, 30))
    made = _controls(head, base, most)
    assert len(made) <= most
    assert made == _controls(head, base, most)
    changed = differing(head, base)
    for control in made:
        assert control.files
        for path, content in control.files.items():
            assert path in changed
            assert content is not None
            # Of a new function that does nothing, the emptied form is itself.
            assert content.decode() != head[path] or control.label.endswith("does nothing, spoilt or not")
            assert syntax.parse(path, content.decode()) is not None
    order = [control.kind for control in made]
    assert order == sorted(order, key=["bodies", "body", "hunk", "mutant"].index)


def test_many_changed_lines_take_little_time():
    block = "def f{0}(a, b):\n    if a < {0} and b:\n        return a + {0}\n    return [a, b, {0}]\n\n\n"
    old = "".join(block.format(n) for n in range(60))
    new = old.replace("return a +", "return b *")
    assert new.count("return b *") * 100 > 2_000
    head: Side = {f"src/m{n}.py": new for n in range(100)}
    base: Side = {f"src/m{n}.py": old for n in range(100)}
    start = time.process_time()
    assert len(_controls(head, base, 60)) == 60
    assert time.process_time() - start < 6


def test_one_long_file_takes_little_time():
    old = "".join(f"x{n} = f({n % 7})\n" for n in range(4_000))
    new = "".join(f"x{n} = f({n % 7})\n" for n in range(4_000, 0, -1))
    start = time.process_time()
    _controls({"a.py": new}, {"a.py": old}, 20)
    assert time.process_time() - start < 4


STUBS = [
    ("a.py", "def old():\n    return 1 + 1\n", "\n\ndef new():\n    pass\n"),
    ("a.js", "function old() { return 1 + 1; }\n", "function add() {\n  return undefined;\n}\n"),
    ("src/a.rs", "fn old() -> u8 { 1 + 1 }\n", "fn new() -> Option<u8> {\n    None\n}\n"),
    ("a.go", "package a\n\nfunc old() int { return 1 + 1 }\n", "\nfunc add() int {\n\treturn 0\n}\n"),
]


@pytest.mark.parametrize(("path", "old", "new"), STUBS)
def test_a_new_function_that_does_nothing_is_a_control_that_nobody_can_notice(path: str, old: str, new: str) -> None:
    base, head = {path: old}, {path: old + new}
    (stub,) = _of(_controls(head, base), "bodies")
    assert dict(stub.files) == {path: (old + new).encode()}


def test_a_function_that_comes_to_do_nothing_is_no_stub() -> None:
    assert _of(_controls({"a.py": "def old():\n    pass\n"}, {"a.py": "def old():\n    log()\n"}), "bodies") == []


def test_beside_a_function_that_does_something_a_stub_is_no_control() -> None:
    head = "def new():\n    pass\n\n\ndef other():\n    return 1 + 1\n"
    (bodies,) = _of(_controls({"a.py": head}, {"a.py": ""}), "bodies")
    assert bodies.label == "other returns at once"
