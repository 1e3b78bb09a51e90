"""A Pratt parser for expr-lang: from text to a tree. Source: expr-lang's language definition."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pressplay.sandbox.engine.expression.errors import ExpressionError, UnknownFunction
from pressplay.sandbox.engine.expression.functions import FUNCTIONS, WITH_PREDICATE
from pressplay.sandbox.engine.expression.tree import (
    Binary,
    Call,
    Condition,
    List,
    Literal,
    Map,
    Member,
    Name,
    Node,
    Pointer,
    Predicate,
    Slice,
    Unary,
)

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
  | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
  | (?P<op>\?\.|\?\?|\*\*|==|!=|<=|>=|&&|\|\||\.\.|[-+*/%^<>!?:.,()\[\]{}\#|;=])
    )""",
    re.VERBOSE | re.DOTALL,
)
_BINDING = {
    "||": 10,
    "or": 10,
    "&&": 15,
    "and": 15,
    "==": 20,
    "!=": 20,
    "<": 20,
    ">": 20,
    "<=": 20,
    ">=": 20,
    "in": 20,
    "not in": 20,
    "matches": 20,
    "contains": 20,
    "startsWith": 20,
    "endsWith": 20,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
_UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
_WORDS = {"in", "not", "and", "or", "matches", "contains", "startsWith", "endsWith"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def parse(text: str) -> Node:
    """The tree of an expression; ExpressionError if it is none, UnknownFunction if it needs what we do not have."""
    return _Parser(text).parse()


@dataclass
class _Parser:
    text: str
    tokens: list[tuple[str, str]] = field(default_factory=list)
    position: int = 0
    depth: int = 0

    def __post_init__(self) -> None:
        at, end = 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None or match.lastgroup is None:
                raise ExpressionError(f"{self.text!r}: unexpected character {self.text[at : at + 1]!r}")
            kind = match.lastgroup
            self.tokens.append((kind, match.group(kind)))
            at = match.end()
        self.tokens.append(("end", ""))

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position]

    def take(self) -> tuple[str, str]:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def accept(self, op: str) -> bool:
        if self.peek() == ("op", op):
            self.position += 1
            return True
        return False

    def expect(self, op: str) -> None:
        if not self.accept(op):
            raise ExpressionError(f"{self.text!r}: expected {op!r}, got {self.peek()[1] or 'the end'!r}")

    def parse(self) -> Node:
        if len(self.tokens) == 1:
            raise ExpressionError("an empty expression")
        node = self.expression(0)
        kind, text = self.peek()
        if text in ("|", ";", "="):
            raise UnknownFunction(f"{self.text!r}: {text!r} is not known here")
        if kind != "end":
            raise ExpressionError(f"{self.text!r}: unexpected {text!r}")
        return node

    def infix(self) -> str | None:
        kind, text = self.peek()
        if kind == "name" and text == "not" and self.tokens[self.position + 1] == ("name", "in"):
            return "not in"
        if (kind == "op" or text in _WORDS) and text in _BINDING:
            return text
        return None

    def expression(self, least: int) -> Node:
        left = self.prefix()
        while (op := self.infix()) is not None and _BINDING[op] >= least:
            self.position += 2 if op == "not in" else 1
            binding = _BINDING[op]
            # Powers group to the right, everything else to the left.
            left = Binary(op, left, self.expression(binding if op in ("**", "^") else binding + 1))
        if least == 0 and self.accept("?"):
            then = self.expression(0)
            self.expect(":")
            left = Condition(left, then, self.expression(0))
        if least == 0 and self.peek() == ("op", ".."):
            raise UnknownFunction(f"{self.text!r}: '..' is not known here")
        return left

    def prefix(self) -> Node:
        kind, text = self.peek()
        if text in _UNARY and (kind == "op" or text == "not"):
            self.take()
            return Unary(text, self.expression(_UNARY[text]))
        return self.postfix(self.primary())

    def primary(self) -> Node:
        kind, text = self.take()
        if kind == "number":
            return Literal(_number(text))
        if kind == "string":
            return Literal(text[1:-1] if text[0] == "`" else _unescape(text))
        if kind == "name":
            return self.named(text)
        if text == "(":
            node = self.expression(0)
            self.expect(")")
            return node
        if text == "[":
            return List(self.items("]"))
        if text == "{":
            return self.mapping()
        if self.depth and text == "#":
            return Pointer()
        if self.depth and text == "." and self.peek()[0] == "name":
            return Member(Pointer(), Literal(self.take()[1]))
        raise ExpressionError(f"{self.text!r}: unexpected {text or 'end'!r}")

    def named(self, text: str) -> Node:
        if text in ("true", "false"):
            return Literal(text == "true")
        if text in ("nil", "null"):
            return Literal(None)
        if text in ("let", "if"):
            raise UnknownFunction(f"{self.text!r}: {text!r} is not known here")
        if self.peek() == ("op", "("):
            return self.call(text)
        return Name(text)

    def call(self, name: str) -> Node:
        self.expect("(")
        if name not in FUNCTIONS and name not in WITH_PREDICATE:
            raise UnknownFunction(f"{self.text!r}: the function {name!r} is not known here")
        if name not in WITH_PREDICATE:
            return Call(name, self.items(")"))
        first = self.expression(0)
        if name == "count" and self.accept(")"):
            return Call(name, (first, Predicate(Pointer())))
        self.expect(",")
        self.depth += 1
        braces = self.accept("{")
        body = self.expression(0)
        if braces:
            self.expect("}")
        self.depth -= 1
        self.accept(",")
        self.expect(")")
        return Call(name, (first, Predicate(body)))

    def items(self, close: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self.accept(close):
            if items:
                self.expect(",")
                if self.accept(close):
                    break
            items.append(self.expression(0))
        return tuple(items)

    def mapping(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self.accept("}"):
            if pairs:
                self.expect(",")
                if self.accept("}"):
                    break
            kind, text = self.take()
            if kind == "op" and text == "(":
                key: Node = self.expression(0)
                self.expect(")")
            elif kind in ("string", "name", "number"):
                key = Literal(_unescape(text) if kind == "string" else text)
            else:
                raise ExpressionError(f"{self.text!r}: a map's key cannot be {text!r}")
            self.expect(":")
            pairs.append((key, self.expression(0)))
        return Map(tuple(pairs))

    def postfix(self, node: Node) -> Node:
        while True:
            if self.accept(".") or (optional := self.accept("?.")):
                optional = self.tokens[self.position - 1][1] == "?."
                kind, text = self.take()
                if optional and text == "[":
                    node = self.index(node, optional=True)
                    continue
                if kind != "name":
                    raise ExpressionError(f"{self.text!r}: expected a name after '.', got {text!r}")
                call = self.peek() == ("op", "(")
                node = self.method(node, text) if call else Member(node, Literal(text), optional)
            elif self.accept("["):
                node = self.index(node)
            else:
                return node

    def method(self, target: Node, name: str) -> Node:
        if not isinstance(target, Name) or f"{target.name}.{name}" not in FUNCTIONS:
            base = target.name if isinstance(target, Name) else "…"
            raise UnknownFunction(f"{self.text!r}: the function '{base}.{name}' is not known here")
        self.expect("(")
        return Call(f"{target.name}.{name}", self.items(")"))

    def index(self, target: Node, optional: bool = False) -> Node:
        if self.accept(":"):
            end = None if self.peek() == ("op", "]") else self.expression(0)
            self.expect("]")
            return Slice(target, None, end)
        key = self.expression(0)
        if self.accept(":"):
            end = None if self.peek() == ("op", "]") else self.expression(0)
            self.expect("]")
            return Slice(target, key, end)
        self.expect("]")
        return Member(target, key, optional)


def _number(text: str) -> int | float:
    clean = text.replace("_", "")
    if clean.lower().startswith("0x"):
        return int(clean, 16)
    return float(clean) if re.search(r"[.eE]", clean) else int(clean)


def _unescape(text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        body = match.group(1)
        if body[0] in "uxU":
            return chr(int(body[1:], 16))
        return _ESCAPES.get(body, body)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|.)", replaced, text[1:-1], flags=re.DOTALL)
