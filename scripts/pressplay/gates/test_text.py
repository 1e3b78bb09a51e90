"""What a file's test text holds, by its syntax: tests, what they assert, what switches them off.

One walk over the tree of `gates.syntax`, in the file's order, so that its time grows with the file alone. A reader a
language says what a node is. Calls and their parts (`expect(a).not.toBe(b)`) are looked at as one chain, once.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from pressplay.gates.syntax import COMMENTS, SyntaxTree, Token, tokens

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass
class Test:
    """A test. Its name and texts are people's (R7)."""

    name: str
    line: int
    assertions: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)


@dataclass
class Tests:
    """The tests of a file, or of several."""

    tests: list[Test] = field(default_factory=list)
    assertions: Counter[str] = field(default_factory=Counter)
    """Those outside of every test: of helpers."""
    skips: Counter[str] = field(default_factory=Counter)
    """What switches off more than one test: of a file, a class, a `describe`."""
    only: Counter[str] = field(default_factory=Counter)
    """Marks that switch off all other tests."""
    lines: dict[str, int] = field(default_factory=dict)
    """The first line of each assertion or skip."""

    def asserted(self, without: Iterable[Test] = ()) -> Counter[str]:
        """Everything that is asserted, but by the tests in `without`."""
        left_out = {id(test) for test in without}
        total = Counter(self.assertions)
        for test in self.tests:
            if id(test) not in left_out:
                total.update(test.assertions)
        return total


@dataclass(frozen=True)
class _Place:
    """The position of a node in the test text."""

    test: Test | None = None
    condition: str = ""
    """What Go's tests compare by `if`, before they call `t.Error`."""
    within: bool = True
    """Whether it is test text at all."""


class _Chain:
    """Calls and members that lead to one another: `expect(a).not.toBe(b)` is named expect, not, toBe."""

    def __init__(self, source: SyntaxTree, outermost: Node, links: Mapping[str, tuple[str, str]]) -> None:
        self.outermost = outermost
        self.parts: list[Node] = []
        """The parts besides links and names: arguments, and a head that is not a name."""
        self.calls: list[Node] = []
        """The outermost first."""
        named: list[str] = []
        node = outermost
        while node.type in links:
            link, name = links[node.type]
            inner = node.child_by_field_name(link) if link else next(iter(node.named_children), None)
            if inner is None:
                break
            own = node.child_by_field_name(name) if name else None
            if own is not None and "argument" not in name:
                named.append(source.of(own))
            elif own is not None:
                self.calls.append(node)
                self.parts.append(own)
            self.parts.extend(
                child for child in node.named_children if child.id not in (inner.id, own.id if own else -1)
            )
            node = inner
        self.head = node
        simple = node.type in ("identifier", "this", "field_identifier", "self", "property_identifier")
        scoped = node.type in ("scoped_identifier", "generic_function")
        named.append(source.of(node) if simple else _last_name(source, node) if scoped else "")
        if not (simple or scoped):
            self.parts.append(node)
        self.names = named[::-1]


def _last_name(source: SyntaxTree, node: Node) -> str:
    words = [token.text for token in tokens(source, node) if token.kind == "identifier"]
    return words[-1] if words else ""


class _TooDeep(Exception):
    """So much of the file is nested in itself that looking at all of it would take more than its size allows."""


_NESTED = 5
"""How often each byte of a file may be looked at, on the average."""


class _Reader(ABC):
    """Collects what one file holds."""

    links: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Type of a link of a chain → the field that leads on, the field of its name or arguments."""
    imports: frozenset[str] = frozenset()

    def __init__(self, source: SyntaxTree) -> None:
        self.source = source
        self.result = Tests()
        self.stack: list[tuple[Node, _Place]] = []
        self.bodies: list[tuple[Test, Node]] = []
        self.left = _NESTED * len(source.text) + 10_000
        """Bytes that may still be looked at."""

    def read(self, whole: bool) -> Tests:
        self.stack.append((self.source.root, _Place(within=whole)))
        while self.stack:
            node, place = self.stack.pop()
            if node.type in self.imports:
                continue
            if node.type in self.links:
                chain = _Chain(self.source, node, self.links)
                if not self.chain(chain, node, place):
                    self.push(chain.parts, place)
            elif not self.node(node, place):
                self.push(node.children, place)
        end = 0
        for test, body in self.bodies:
            # A test within another is part of the outer test's body.
            if not test.assertions and body.start_byte >= end:
                # Its calls are all that we know of it.
                self.note(test.assertions, self.plain(body), body)
                end = body.end_byte
        return self.result

    def push(self, nodes: Sequence[Node], place: _Place) -> None:
        self.stack.extend((node, place) for node in reversed(nodes))

    @abstractmethod
    def node(self, node: Node, place: _Place) -> bool:
        """Whether a node that is not a chain was handled, including its children."""

    @abstractmethod
    def chain(self, chain: _Chain, node: Node, place: _Place) -> bool:
        """Whether a chain was handled, including its parts. `node` is the whole expression, including an `await`."""

    def test(self, name: str, node: Node, body: Node) -> Test:
        test = Test(name, node.start_point.row + 1)
        self.result.tests.append(test)
        self.bodies.append((test, body))
        return test

    def asserts(self, node: Node, place: _Place, before: str = "") -> bool:
        """Take a node for an assertion; True."""
        return self.note_assertion(before + self.plain(node), node, place) if place.within else True

    def note_assertion(self, text: str, node: Node, place: _Place) -> bool:
        self.note(place.test.assertions if place.test else self.result.assertions, text, node)
        return True

    def skips(self, text: str, node: Node, place: _Place) -> None:
        if place.within:
            self.note(place.test.skips if place.test else self.result.skips, text, node)

    def note(self, kept: Counter[str], text: str, node: Node) -> None:
        kept[text] += 1
        self.result.lines.setdefault(text, node.start_point.row + 1)

    def words(self, node: Node) -> list[Token]:
        """The tokens of a node without comments."""
        self.left -= node.end_byte - node.start_byte
        if self.left < 0:
            raise _TooDeep
        return [token for token in tokens(self.source, node) if token.kind not in COMMENTS]

    def plain(self, node: Node) -> str:
        """The text of a node without its layout, which a formatter may alter, and without comments."""
        words = self.words(node)
        text: list[str] = []
        for at, word in enumerate(words):
            last = at + 1 < len(words) and words[at + 1].text in (")", "]", "}")
            if word.text == "," and last and not (word.within == "tuple" and word.siblings == 1):
                continue
            joined = bool(text) and text[-1][-1:].isalnum() and word.text[:1].isalnum()
            text.append(f" {word.text}" if joined else word.text)
        return "".join(text)


class _Python(_Reader):
    links: ClassVar = {"call": ("function", "arguments"), "attribute": ("object", "attribute")}
    imports = frozenset({"import_statement", "import_from_statement", "future_import_statement"})
    _SKIPS = frozenset({"skipif", "skipIf", "skipUnless", "xfail", "importorskip", "expectedFailure", "skipTest"})

    def node(self, node: Node, place: _Place) -> bool:
        kind = node.type
        if kind == "decorated_definition":
            defined = node.child_by_field_name("definition")
            if defined is not None and defined.type == "function_definition":
                inner = self._function(defined, place)
                self.push([child for child in node.children if child.type == "decorator"], inner)
                return True
        elif kind == "function_definition":
            self._function(node, place)
            return True
        elif kind == "assert_statement":
            # Brackets around it are layout: a formatter breaks the line within them.
            parts = [self._bare(part) for part in node.named_children if part.type not in COMMENTS]
            return self.note_assertion("assert " + ",".join(self.plain(part) for part in parts), node, place)
        elif kind == "raise_statement":
            words = self.plain(node)
            if re.match(r"raise AssertionError\b", words):
                return self.asserts(node, place)
        elif kind == "with_statement":
            return self._with(node, place)
        elif kind == "assignment":
            self._assignment(node, place)
        elif kind == "identifier":
            name = self.source.of(node)
            if name in ("expectedFailure", "SkipTest"):
                self.skips(name, node, place)
        return False

    def _bare(self, node: Node) -> Node:
        inside = [child for child in node.named_children if child.type not in COMMENTS]
        return inside[0] if node.type == "parenthesized_expression" and len(inside) == 1 else node

    def _function(self, node: Node, place: _Place) -> _Place:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None and self.source.of(name).startswith("test"):
            place = _Place(self.test(self.source.of(name), node, body), within=place.within)
        self.push(node.children, place)
        return place

    def _with(self, node: Node, place: _Place) -> bool:
        clause, body = node.named_children[0], node.child_by_field_name("body")
        words = {token.text for token in self.words(clause) if token.kind == "identifier"}
        if body is None or not any(re.fullmatch(r"raises|warns|assert[A-Z]\w*", word) for word in words):
            return False
        self.asserts(clause, place, "with ")
        self.push([body], place)
        return True

    def _assignment(self, node: Node, place: _Place) -> None:
        left = node.child_by_field_name("left")
        name = self.source.of(left).rpartition(".")[2] if left is not None else ""
        if name.startswith("collect_ignore") or (name == "__test__" and self.plain(node).endswith("=False")):
            self.skips(self.plain(node), node, place)

    def chain(self, chain: _Chain, node: Node, place: _Place) -> bool:
        names = chain.names
        first, last = names[0], names[-1]
        own = first in ("self", "cls") and re.match(r"assert|fail", names[1] if len(names) > 1 else "")
        called = len(names) > 1 and any(name.startswith("assert_") for name in names[1:])
        if own or called or names[:2] in (["pytest", "raises"], ["pytest", "fail"], ["pytest", "warns"]):
            return self.asserts(node, place)
        bare = last in ("skip", "SkipTest") and (len(names) == 1 or first in ("pytest", "unittest") or "mark" in names)
        if bare or last in self._SKIPS:
            self.skips(self.plain(node), node, place)
        return False


class _Go(_Reader):
    links: ClassVar = {"call_expression": ("function", "arguments"), "selector_expression": ("operand", "field")}
    imports = frozenset({"import_declaration"})
    _FAILS = frozenset({"Error", "Errorf", "Fatal", "Fatalf", "Fail", "FailNow"})
    _NEVER = re.compile(r"//\s*(?:go:build|\+build)\s+(?:ignore|never)\b")

    def node(self, node: Node, place: _Place) -> bool:
        if node.type in ("function_declaration", "method_declaration"):
            name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
            if name is not None and body is not None and re.match(r"Test|Fuzz|Example", self.source.of(name)):
                self.push([body], _Place(self.test(self.source.of(name), node, body)))
                return True
        elif node.type == "if_statement":
            return self._if(node, place)
        elif node.type == "expression_case":
            value = node.child_by_field_name("value")
            condition = f"case {self.plain(value)}:" if value is not None else ""
            self.push(node.children, _Place(place.test, condition))
            return True
        elif node.type == "comment" and self._NEVER.match(self.source.of(node)):
            self.skips(self.source.of(node), node, place)
        return False

    def _if(self, node: Node, place: _Place) -> bool:
        fields = {name: node.child_by_field_name(name) for name in ("initializer", "condition", "alternative")}
        alternative = fields.pop("alternative")
        head = [part for part in fields.values() if part is not None]
        condition = "if " + ";".join(self.plain(part) for part in head) + " "
        for child in reversed(node.named_children):
            if alternative is not None and child.id == alternative.id:
                self.push([child], _Place(place.test, condition + "else "))
            elif any(child.id == part.id for part in head):
                self.push([child], place)
            else:
                self.push([child], _Place(place.test, condition))
        return True

    def chain(self, chain: _Chain, node: Node, place: _Place) -> bool:
        names = chain.names
        if not chain.calls:
            return False
        if len(names) == 2 and names[0] in ("t", "b", "f", "tb", "c"):
            if names[1] in self._FAILS:
                return self.asserts(node, place, place.condition)
            if names[1] in ("Skip", "Skipf", "SkipNow"):
                self.skips(f"{place.condition}{self.plain(node)}", node, place)
        if names == ["testing", "Short"]:
            self.skips(f"{place.condition}testing.Short()", node, place)
        if names[0] in ("Expect", "Eventually", "Consistently") or any(
            name.lower() in ("assert", "require") for name in names[:-1]
        ):
            return self.asserts(node, place)
        return False


class _ECMAScript(_Reader):
    links: ClassVar = {
        "call_expression": ("function", "arguments"),
        "member_expression": ("object", "property"),
        "subscript_expression": ("object", ""),
        "non_null_expression": ("", ""),
    }
    imports = frozenset({"import_statement"})
    _TESTS = re.compile(r"[xf]?(?:it|test|specify)")
    _SUITES = re.compile(r"[xf]?(?:describe|suite|context)")
    _SKIPS = frozenset({"skip", "skipIf", "runIf", "todo", "fails", "failing", "fixme"})
    _HOOKS = frozenset(
        {
            "before", "after", "beforeEach", "afterEach", "beforeAll", "afterAll", "use", "step", "extend", "info",
            "slow", "setTimeout", "describe", "configure", "expect", "mock",
        }
    )  # fmt: skip

    def node(self, node: Node, place: _Place) -> bool:
        if node.type in ("await_expression", "return_statement"):
            inner = node.named_children[-1] if node.named_children else None
            if inner is not None and inner.type in self.links:
                chain = _Chain(self.source, inner, self.links)
                if not self.chain(chain, node, place):
                    self.push(chain.parts, place)
                return True
        return False

    def chain(self, chain: _Chain, node: Node, place: _Place) -> bool:
        first, rest = chain.names[0], chain.names[1:]
        if first == "Deno" and rest[:1] == ["test"]:
            first, rest = "test", rest[1:]
        if re.match(r"(?:expect|assert)(?:$|[A-Z])", first) or "should" in rest:
            return self.asserts(node, place)
        if first == "t" and rest and rest[0] not in ("test", *self._HOOKS) and chain.calls:
            return self.asserts(node, place)
        if (first == "this" and rest == ["skip"]) or (first == "pending" and not rest and chain.calls):
            self.skips(".".join(chain.names), node, place)
        elif chain.calls and rest[:1] == ["describe"] and first == "test":
            self._suite(chain, "", rest[1:], node)
        elif chain.calls and self._SUITES.fullmatch(first):
            self._suite(chain, first[0] if first[0] in "xf" else "", rest, node)
        elif chain.calls and self._TESTS.fullmatch(first) and not self._HOOKS.intersection(rest):
            return self._test(chain, first, rest)
        return False

    def _suite(self, chain: _Chain, mark: str, rest: list[str], node: Node) -> None:
        title = self._arguments(chain)[:1]
        text = ".".join([*chain.names, *(self.plain(argument) for argument in title)])
        if mark == "f" or "only" in rest:
            self.note(self.result.only, text, node)
        elif mark == "x" or self._SKIPS.intersection(rest):
            self.note(self.result.skips, text, node)

    def _test(self, chain: _Chain, first: str, rest: list[str]) -> bool:
        arguments = self._arguments(chain)
        if not arguments:
            return False
        title, body = self.plain(arguments[0]), arguments[-1]
        test = self.test(title, chain.outermost, body)
        inner = _Place(test)
        options = {
            self.plain(key)
            for argument in arguments
            if argument.type == "object"
            for pair in argument.named_children
            if (key := pair.child_by_field_name("key")) is not None
            and (value := pair.child_by_field_name("value")) is not None
            and value.type not in ("false", "undefined")
        }
        if first[0] == "f" or "only" in {*rest, *options}:
            self.note(self.result.only, f"{'.'.join(chain.names)} {title}", chain.outermost)
        if first[0] == "x" or self._SKIPS.intersection({*rest, *options}):
            self.skips(".".join([*chain.names, *sorted(self._SKIPS & options)]), chain.outermost, inner)
        if "each" in rest and len(chain.calls) > 1 and (cases := chain.calls[-1].child_by_field_name("arguments")):
            # Different cases make a different test.
            self.note(test.assertions, f"each{self.plain(cases)}", cases)
        self.push(chain.parts, inner)
        return True

    def _arguments(self, chain: _Chain) -> list[Node]:
        own = chain.calls[0].child_by_field_name("arguments")
        return [] if own is None else [child for child in own.named_children if child.type not in COMMENTS]


class _Rust(_Reader):
    links: ClassVar = {
        "call_expression": ("function", "arguments"),
        "field_expression": ("value", "field"),
        "await_expression": ("", ""),
        "try_expression": ("", ""),
    }
    imports = frozenset({"use_declaration", "macro_definition"})
    _ASSERT = re.compile(r"(?:prop_)?(?:debug_)?assert\w*|panic|unreachable")
    _TESTS = frozenset({"test", "rstest", "test_case", "quickcheck"})

    def node(self, node: Node, place: _Place) -> bool:
        if node.type in ("source_file", "declaration_list", "block"):
            self._items(node, place)
            return True
        if node.type == "macro_invocation":
            macro = node.child_by_field_name("macro")
            if macro is not None and self._ASSERT.fullmatch(_last_name(self.source, macro)):
                return self.asserts(node, place)
        elif node.type == "token_tree":
            self._macro(node, place)
            return True
        return False

    def chain(self, chain: _Chain, node: Node, place: _Place) -> bool:
        if chain.calls and re.match(r"assert", chain.names[0]):
            return self.asserts(node, place)
        return False

    def _items(self, node: Node, place: _Place) -> None:
        """The items of a block, each with the attributes before it."""
        pending: list[Node] = []
        left: list[tuple[Node, _Place]] = []
        for item in node.children:
            if item.type == "attribute_item":
                pending.append(item)
            elif item.type not in COMMENTS:
                left.append((item, self._item(item, pending, place) if pending else place))
                pending = []
        self.stack.extend(reversed(left))

    def _item(self, item: Node, attributes: list[Node], place: _Place) -> _Place:
        texts = {self.plain(attribute): attribute for attribute in attributes}
        paths = {text: re.split(r"[(=\[\]]", text.removeprefix("#["))[0].rpartition("::")[2] for text in texts}
        name, body = item.child_by_field_name("name"), item.child_by_field_name("body")
        if item.type == "function_item" and name is not None and body is not None and self._TESTS & set(paths.values()):
            test = self.test(self.source.of(name), item, body)
            place = _Place(test)
            for text, path in paths.items():
                if path == "test_case":
                    self.note(test.assertions, text, texts[text])
        elif any(path == "cfg" and re.search(r"\btest\b", text) and "not(" not in text for text, path in paths.items()):
            place = _Place(place.test)
        for text, path in paths.items():
            off = path in ("ignore", "should_panic") or re.match(r"#\[cfg\((?:any\(\)|FALSE|false|not\(test\))\)", text)
            if off or (path == "cfg_attr" and re.search(r"\b(?:ignore|should_panic)\b", text)):
                self.skips(text, texts[text], place)
        return place

    def _macro(self, tree: Node, place: _Place) -> None:
        """The content of a macro's brackets, which the grammar leaves as plain tokens."""
        parts = tree.children
        left: list[tuple[Node, _Place]] = []
        for at, part in enumerate(parts):
            if part.type != "token_tree":
                continue
            before = self._sign(parts[at - 1]) if at else ""
            called = self._sign(parts[at - 2]) if at > 1 else ""
            if before == "!" and self._ASSERT.fullmatch(called):
                self.asserts(part, place, f"{called}!")
            elif before == "#" and self.source.text[part.start_byte : part.start_byte + 1] == b"[":
                self._marked(part, place)
            else:
                left.append((part, place))
        self.stack.extend(reversed(left))

    def _sign(self, node: Node) -> str:
        return "" if node.type == "token_tree" else self.source.of(node)

    def _marked(self, attribute: Node, place: _Place) -> None:
        text = self.plain(attribute)
        path = re.split(r"[(=\]]", text.removeprefix("["))[0].rpartition("::")[2]
        if path in self._TESTS and place.within:
            self.result.tests.append(Test(path, attribute.start_point.row + 1))
        elif path in ("ignore", "should_panic"):
            self.skips(f"#{text}", attribute, place)


_READERS: Mapping[str, type[_Reader]] = {
    "python": _Python,
    "go": _Go,
    "typescript": _ECMAScript,
    "rust": _Rust,
}


def read(language: str, source: SyntaxTree, *, whole: bool) -> Tests | None:
    """The tests of a file of this language (`gates.tests.LANGUAGES`); None if it is undecided.

    `whole`: all of it is test text. Else only what its language marks as such is: in Rust `#[test]` and `#[cfg(test)]`.
    """
    try:
        return _READERS[language](source).read(whole)
    except _TooDeep:
        return None


def entries(path: str, text: str) -> Iterator[str]:
    """The entries of a snapshot file; for an unknown format, the whole file as one entry."""
    mark = {".snap": "exports[", ".ambr": "# name:"}.get(path[path.rfind(".") :])
    if mark is None or f"\n{mark}" not in f"\n{text}":
        yield text
        return
    parts = re.split(rf"^(?={re.escape(mark)})", text, flags=re.MULTILINE)
    yield from (part.strip() for part in parts[1:])
