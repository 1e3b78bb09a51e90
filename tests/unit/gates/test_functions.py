"""Which functions a change touched, and how one is made to return at once, in each language."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_samples import GO, PYTHON, RUST, TYPESCRIPT

from pressplay.gates import syntax
from pressplay.gates.proving.changes import Lines, hunks, lines_of
from pressplay.gates.proving.emptying import applied, emptying
from pressplay.gates.proving.functions import code_lines, functions, touched


def _read(path: str, text: str) -> syntax.SyntaxTree:
    tree = syntax.parse(path, text)
    assert tree is not None
    return tree


def _emptied(path: str, text: str) -> dict[str, tuple[str, bool, bool]]:
    """Function → the file's lines that are another when it is emptied; whether it is weak, or a constructor."""
    tree = _read(path, text)
    result = {}
    for function in functions(path, tree):
        how = emptying(path, tree, function)
        if how is not None:
            after = applied(tree.text, how.edits)
            assert syntax.parse(path, after.decode()) is not None
            new = lines_of(after)
            shown = b"".join(new[line - 1] for hunk in hunks(tree.text, after) for line in hunk.new)
            result[function.name] = (" ".join(shown.decode().split()), how.weak, how.constructor)
    return result


def test_python():
    emptied = _emptied("cart.py", PYTHON)
    assert {name: shown for name, (shown, _, _) in emptied.items()} == {
        "price": "if [0]: return",
        "Cart.__init__": "if [0]: return",
        "Cart.total": "if [0]: return",
        "Cart.total.add": "if [0]: return",
        "Cart.save": "if [0]: return",
        "short": "def short(a): return; return a",
    }
    assert [name for name, (_, _, constructor) in emptied.items() if constructor] == ["Cart.__init__"]


def test_the_documentation_and_what_is_decorated_stay():
    tree = _read("cart.py", PYTHON)
    price = functions("cart.py", tree)[0]
    how = emptying("cart.py", tree, price)
    assert how is not None
    assert '    """The sum."""\n    if [0]: return\n    total = sum' in applied(tree.text, how.edits).decode()
    total = next(function for function in functions("cart.py", tree) if function.name == "Cart.total")
    assert PYTHON.splitlines()[total.first - 1].strip() == "@property"


def test_python_runs_when_all_is_emptied():
    tree = _read("cart.py", PYTHON)
    edits = [
        edit
        for function in functions("cart.py", tree)
        if (how := emptying("cart.py", tree, function)) is not None
        for edit in how.edits
    ]
    space: dict[str, object] = {}
    exec(compile(applied(tree.text, edits), "cart.py", "exec"), space)
    assert space["price"]([1]) is None
    assert space["double"](2) == 4


def test_in_other_words_it_does_what_it_did():
    tree = _read("cart.py", PYTHON)
    hows = [emptying("cart.py", tree, function) for function in functions("cart.py", tree)]
    space: dict[str, object] = {}
    text = applied(tree.text, [edit for how in hows if how is not None for edit in how.same])
    exec(compile(text, "cart.py", "exec"), space)
    before: dict[str, object] = {}
    exec(compile(tree.text, "cart.py", "exec"), before)
    assert text.count(b"if []: return") == 5
    assert space["double"](2) == before["double"](2) == 4
    assert space["price"].__code__.co_code != before["price"].__code__.co_code


@pytest.mark.parametrize(
    ("path", "source", "same"),
    [
        ("a.js", "function f() { return 1 }", "function f() { if (false) return undefined; return 1 }"),
        ("a.js", "const f = () => 42", "const f = () => (false ? undefined : (42))"),
        (
            "a.ts",
            "const f = (): number => 42",
            "const f = (): number => ((0 as any) ? undefined as any as never : (42))",
        ),
        (
            "a.go",
            "package a\nfunc f() int { return 42 }",
            "package a\nfunc f() (pressPlay0 int) { if false { return }; return 42 }",
        ),
        ("a.rs", "fn f() -> u8 { 42 }", "fn f() -> u8 { if false { return 0; } 42 }"),
        ("a.py", "def f(): return 42", "def f(): []; return 42"),
    ],
)
def test_the_same_program_in_other_words_differs_by_its_condition_alone(path: str, source: str, same: str):
    tree = _read(path, source)
    how = emptying(path, tree, functions(path, tree)[0])
    assert how is not None
    assert applied(tree.text, how.same).decode() == same


VALUE = "return undefined as any as never;"


def test_typescript():
    emptied = _emptied("cart.ts", TYPESCRIPT)
    assert {name: shown for name, (shown, _, _) in emptied.items()} == {
        "price": f"export function price(items: number[]): number {{ if ((1 as any)) {VALUE}",
        "double": "export const double = (x: number): number => ((1 as any) ? undefined as any as never : (x * 2));",
        "Cart.total": f"get total(): number {{ if ((1 as any)) {VALUE}",
        "": f"return this.lines.map((line) => {{ if ((1 as any)) {VALUE}",
        "Cart.clear": "clear(): void { if ((1 as any)) return;",
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("function f() { return 1 }", "function f() { if (true) return undefined; return 1 }"),
        ("const f = () => ({ a: 1 })", "const f = () => (true ? undefined : (({ a: 1 })))"),
        ("function* f() { yield 1 }", "function* f() { if (true) return; yield 1 }"),
        ("function f() { 'use strict'; g() }", "function f() { 'use strict'; if (true) return; g() }"),
        ("class A { constructor() { this.a = 1 } }", "class A { constructor() { if (true) return; this.a = 1 } }"),
        ("class A extends B { constructor() { super(); } }", None),
        ("function f() {}", None),
        ("function f() { /* nothing */ }", None),
        ("function f() { return undefined; }", None),
        ("const f = () => null", None),
        ("const f = () => 42", "const f = () => (true ? undefined : (42))"),
    ],
)
def test_javascript(source: str, expected: str | None):
    shown = [text for text, _, _ in _emptied("a.js", source).values()]
    assert shown == ([] if expected is None else [expected])


def test_go():
    emptied = _emptied("cart.go", GO)
    assert {name: shown for name, (shown, _, _) in emptied.items()} == {
        "Cart.Total": "func (c *Cart) Total(tax int) (pressPlay0 int, pressPlay1 error) { if true { return };",
        "New": "func New(url *url.URL) (pressPlay0 *url.URL) { if true { return };",
        "Find": "func Find(all map[string]*Cart) (pressPlay0 *Cart) { if true { pressPlay0 = new(Cart); return };",
        "Named": "func Named() (n int, err error) { if true { return };",
        "hook": 'var hook = func() { if true { return }; panic("hit") }',
        "Open": "func Open() (pressPlay0 http.Handler) { if true { return }; return mux }",
    }
    # `url` is the parameter there, so no value can be made: nil is all that is left, as of an interface.
    assert [name for name, (_, weak, _) in emptied.items() if weak] == ["New", "Open"]


def test_a_type_of_the_package_decides_whether_its_zero_value_serves():
    source = "package a\n\nfunc F() Line { return first }\n"
    tree = _read("a.go", source)
    function = functions("a.go", tree)[0]
    for declared, weak in (("struct {", False), ("int", False), ("interface {", True), ("func()", True), ("", True)):
        how = emptying("a.go", tree, function, {"Line": declared}.get)
        assert how is not None
        assert how.weak is weak


def test_rust():
    emptied = _emptied("cart.rs", RUST)
    returned = {name: shown.partition("if true ")[2] for name, (shown, _, _) in emptied.items()}
    made = "(::core::marker::PhantomData).zero()"
    assert returned["Cart.tax"] == "{ return 0; }"
    assert returned["Cart.with"] == "{ return self; }"
    assert returned["Cart.first"] == "{ return ::core::option::Option::None; }"
    assert returned["Cart.all"] == "{ ::core::todo!() }"
    assert returned["Cart.parse"] == "{ return ::core::result::Result::Ok(State::Empty); }"
    assert f"return Cart {{ lines: PressPlayZero::<Vec<u32>>{made}, tax:" in returned["Cart.new"]
    assert f"return PressPlayZero::<Error>{made};" in returned["Cart.error"]
    assert emptied.keys() == {f"Cart.{name}" for name in ("new", "tax", "with", "parse", "first", "all", "error")}
    assert [name for name, (_, weak, _) in emptied.items() if weak] == ["Cart.all", "Cart.error"]


@pytest.mark.parametrize(
    ("kind", "weak"),
    [
        ("()", False),
        ("bool", False),
        ("&'static str", False),
        ("String", False),
        ("std::collections::HashMap<u8, T>", False),
        ("Result<(), E>", False),
        ("std::io::Result<Vec<u8>>", False),
        ("fmt::Result", False),
        ("Result<T, E>", True),
        ("(u8, String)", False),
        ("(u8, T)", True),
        ("Box<u8>", False),
        ("Arc<Mutex<String>>", False),
        ("Box<dyn Fn()>", True),
        ("[u8; 32]", False),
        ("[u8; 64]", True),
        ("&[T]", False),
        ("&T", True),
        ("Vec<impl Iterator>", True),
    ],
)
def test_rust_knows_which_types_have_a_value(kind: str, weak: bool):
    emptied = _emptied("a.rs", f"fn f(x: u8) -> {kind} {{ g(x) }}")
    assert emptied["f"][1] is weak


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("a.rs", "fn f() -> u32 { 0 }"),
        ("a.rs", "fn f() -> Option<u8> { None }"),
        ("a.rs", "const fn f() -> Cart { g() }"),
        ("a.rs", 'fn f() { unimplemented!("later") }'),
        ("a.rs", "trait A { fn f(&self) -> u32; }"),
        ("a.rs", "#[test] fn f() { assert!(g()); }"),
        ("a.rs", "#[cfg(all(test, unix))] mod helpers { fn f() -> u8 { g() } }"),
        ("a.py", "def f(): pass"),
        ("a.py", "def f(): return None"),
        ("a.py", 'def f():\n    """Only text."""'),
        ("a.go", "package a\nfunc f() {}"),
        ("a.go", "package a\nfunc f() (int, error) { return 0, nil }"),
    ],
)
def test_what_nobody_could_notice_is_not_emptied(path: str, body: str):
    assert _emptied(path, body) == {}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("a.py", "def f(): return 42"),
        ("a.go", "package a\nfunc f() int { return 42 }"),
        ("a.rs", "fn f() -> u32 { 42 }"),
        ("a.rs", "#[cfg(any(test, unix))] fn f() -> u32 { 42 }"),
        ("a.rs", "#[cfg(not(test))] fn f() -> u32 { 42 }"),
    ],
)
def test_a_copied_constant_is_emptied(path: str, body: str):
    assert len(_emptied(path, body)) == 1


def _touched(path: str, base: str, head: str) -> list[str]:
    tree = _read(path, head)
    changes = hunks(base.encode(), tree.text)
    lines = Lines(line for hunk in changes for line in hunk.new)
    code = Lines(code_lines(path, tree, lines))
    gaps = [hunk.new.start for hunk in changes if not hunk.new]
    near = functions(path, tree, Lines([*code.numbers, *gaps]))
    return [function.name for function in touched(near, tree, code, gaps)]


@pytest.mark.parametrize(
    ("path", "head", "was", "now", "names"),
    [
        ("a.py", PYTHON, "total * tax", "total + tax", ["price"]),
        ("a.py", PYTHON, "return a + b", "return a - b", ["Cart.total.add"]),
        ("a.py", PYTHON, "add(*self.lines)", "add(1, 2)", ["Cart.total"]),
        ("a.py", PYTHON, "    @property\n", "", ["Cart.total"]),
        ("a.py", PYTHON, "The sum.", "A sum.", []),
        ("a.py", PYTHON, "import os", "import os, sys", []),
        ("a.py", PYTHON, "x * 2", "x * 3", []),
        ("a.py", PYTHON, "self.lines = []", "self.lines = [1]", ["Cart.__init__"]),
        ("a.ts", TYPESCRIPT, "// a comment", "// another", []),
        ("a.ts", TYPESCRIPT, "(a, b) => a + b", "(a, b) => a - b", ["price"]),
        ("a.ts", TYPESCRIPT, "x * 2", "x * 3", ["double"]),
        ("a.ts", TYPESCRIPT, "line.price", "line.cost", [""]),
        ("a.ts", TYPESCRIPT, "get total(): number {", "get total(): any {", ["Cart.total"]),
        ("a.go", GO, "c.sum * tax", "c.sum", ["Cart.Total"]),
        ("a.go", GO, 'panic("hit")', 'panic("no")', ["hook"]),
        ("a.go", GO, "\tn = 3\n", "", ["Named"]),
        ("a.rs", RUST, "self.lines.first()", "self.lines.last()", ["Cart.first"]),
        ("a.rs", RUST, "        7\n", "        8\n", []),
        ("a.rs", RUST, "    Full(u8),", "    Full(u16),", []),
    ],
)
def test_a_function_is_changed_if_a_line_of_its_own_is(path: str, head: str, was: str, now: str, names: list[str]):
    assert head.count(was) == 1
    assert _touched(path, head.replace(was, now), head) == names


def test_a_line_that_is_gone_changes_the_function_around_it():
    head = "def f(a):\n    b = 1\n    return a\n\n\ndef g():\n    return 2\n"
    assert _touched("a.py", head.replace("    return a\n", "    a += 1\n    return a\n"), head) == ["f"]
    assert _touched("a.py", head.replace("\n\ndef g", "\n\ndef h():\n    return 3\n\n\ndef g"), head) == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_functions_of_a_file_can_be_emptied_together(data: st.DataObject):
    path, text = data.draw(st.sampled_from([("a.py", PYTHON), ("a.ts", TYPESCRIPT), ("a.go", GO), ("a.rs", RUST)]))
    tree = _read(path, text)
    every = functions(path, tree)
    chosen = data.draw(st.lists(st.sampled_from(every), unique_by=lambda function: function.begin))
    edits = [edit for function in chosen if (how := emptying(path, tree, function)) is not None for edit in how.edits]
    after = applied(tree.text, edits).decode()
    assert syntax.parse(path, after) is not None
    assert (after == text) == (not edits)
    # Nothing is removed but the types of Go's results, which get names.
    if path != "a.go":
        rest = iter(after)
        assert all(letter in rest for letter in text)


_LETTERS = st.text("ab\n\r\t {}()é\x0b\x85\u2028", max_size=60)


@given(_LETTERS, _LETTERS)
def test_taking_back_all_hunks_gives_the_base(base: str, head: str):
    old, new = lines_of(base.encode()), lines_of(head.encode())
    assert b"".join(new) == head.encode()
    for hunk in reversed(hunks(base.encode(), head.encode())):
        new[hunk.new.start - 1 : hunk.new.stop - 1] = old[hunk.old.start - 1 : hunk.old.stop - 1]
    assert b"".join(new) == base.encode()
