"""The zero value of what a function returns, in Go and Rust, as source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pressplay.gates.syntax import COMMENTS, SyntaxTree

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True)
class GoResults:
    """How a function of Go's returns its zero values."""

    node: Node | None
    """Its results, as they are."""
    named: str | None
    """The results with names, so that a bare `return` gives their zero values; None if they have names, or none is
    there."""
    assigned: str
    """Assignments that make what is nil otherwise."""
    weak: bool


_GO_ZEROS = frozenset(
    {
        "bool", "byte", "complex128", "complex64", "error", "float32", "float64", "int", "int16", "int32",
        "int64", "int8", "rune", "string", "uint", "uint16", "uint32", "uint64", "uint8", "uintptr",
    }
)  # fmt: skip
_GO_KNOWN = frozenset({"time.Time", "time.Duration", "time.Month", "time.Weekday", "json.RawMessage", "sync.Mutex"})
_GO_VALUES = re.compile(r"\[|(?:struct|map|" + "|".join(sorted(_GO_ZEROS)) + r")\b")


def go(source: SyntaxTree, function: Node, declared: Callable[[str], str]) -> GoResults:
    """The results of a function's node. `declared` gives the source of a type of the package by its name."""
    node = function.child_by_field_name("result")
    if node is None:
        return GoResults(None, None, "", weak=False)
    if node.type != "parameter_list":
        results: list[tuple[str, Node]] = [("", node)]
    else:
        results = []
        for part in node.named_children:
            kind = part.child_by_field_name("type")
            if kind is not None:
                names = [source.of(name) for name in part.children_by_field_name("name")]
                results += [(name, kind) for name in names or [""]]
    shadowed = set(_go_parameters(source, function))
    weak = False
    signature, assigned = [], []
    for number, (name, kind) in enumerate(results):
        made = _go_made(source, kind, shadowed)
        weak |= made is None and not _go_has_zero(source, kind, declared)
        own = name if name and name != "_" else f"pressPlay{number}"
        if made is not None and (name != "_"):
            assigned.append(f"{own} = {made}; ")
        signature.append(f"{own} {source.of(kind)}")
    named = None if any(name for name, _ in results) else f"({', '.join(signature)})"
    return GoResults(node, named, "".join(assigned), weak)


def _go_parameters(source: SyntaxTree, function: Node) -> Iterator[str]:
    """Names that may stand for something else in the body than in the signature."""
    for part in ("receiver", "parameters", "result"):
        holder = function.child_by_field_name(part)
        if holder is not None and holder.type == "parameter_list":
            for declaration in holder.named_children:
                yield from (source.of(name) for name in declaration.children_by_field_name("name"))


def _go_made(source: SyntaxTree, kind: Node, shadowed: set[str]) -> str | None:
    """What makes a value that is not nil of a pointer or a map; None for any other type."""
    text = source.of(kind)
    if {"new", *re.findall(r"\w+", text)} & shadowed:
        return None
    if kind.type == "map_type":
        return f"{text}{{}}"
    return f"new({text[1:].lstrip()})" if kind.type == "pointer_type" else None


def _go_has_zero(source: SyntaxTree, kind: Node, declared: Callable[[str], str]) -> bool:
    """Whether a type's zero value can be used: it is no nil that panics."""
    text = source.of(kind)
    if kind.type in ("slice_type", "array_type", "struct_type"):
        return True
    if kind.type == "generic_type" and (name := kind.child_by_field_name("type")) is not None:
        text = source.of(name)
    return text in _GO_ZEROS or text in _GO_KNOWN or _GO_VALUES.match(declared(text)) is not None


@dataclass(frozen=True)
class RustZero:
    """A statement that returns a zero value."""

    text: str
    weak: bool


_RUST_NUMBERS = frozenset({"i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"})
_RUST_CONSTANTS: Mapping[str, str] = {
    **dict.fromkeys(_RUST_NUMBERS, "0"),
    "f32": "0.0",
    "f64": "0.0",
    "bool": "false",
    "char": r"'\0'",
    "()": "()",
}
_RUST_DEFAULTS = frozenset(
    {
        "Option", "String", "Vec", "VecDeque", "HashMap", "HashSet", "BTreeMap", "BTreeSet", "BinaryHeap",
        "LinkedList", "PathBuf", "OsString", "Duration", "PhantomData", "AtomicBool", "AtomicI32",
        "AtomicI64", "AtomicIsize", "AtomicU32", "AtomicU64", "AtomicUsize",
    }
)  # fmt: skip
_RUST_AROUND = frozenset({"Box", "Rc", "Arc", "Cell", "RefCell", "Mutex", "RwLock", "Cow", "Reverse", "Wrapping"})
"""Types that have a default where their last parameter has one."""
# A method of the type itself goes before a trait's, and does not count where its bounds don't hold: so the default is
# taken where there is one, and every type compiles.
_RUST_ITEMS = (
    "struct PressPlayZero<T>(::core::marker::PhantomData<T>); "
    "#[allow(dead_code)] impl<T: ::core::default::Default> PressPlayZero<T> "
    "{ fn zero(self) -> T { ::core::default::Default::default() } } "
    "#[allow(dead_code)] trait PressPlayPanic<T> { fn zero(self) -> T; } "
    "impl<T> PressPlayPanic<T> for PressPlayZero<T> { fn zero(self) -> T { ::core::todo!() } } "
)


def rust(source: SyntaxTree, function: Node, owner: Node | None) -> RustZero | None:
    """What makes a function return its zero value; None if that would not compile.

    `owner`: the implementation or trait that it belongs to.
    """
    kind = function.child_by_field_name("return_type")
    modifiers = next((source.of(child) for child in function.children if child.type == "function_modifiers"), "")
    constant = re.search(r"\bconst\b", modifiers) is not None
    if kind is None:
        return RustZero("return;", weak=False)
    text = _squeezed(source, kind)
    if text == "!":
        return None
    own = _receiver(source, function)
    if own is not None and text in (own, own.replace("Self", _type_of(source, owner) or "Self")):
        return RustZero("return self;", weak=False)
    if text.startswith("Option<") and "impl" not in re.findall(r"\w+", text):
        return RustZero("return ::core::option::Option::None;", weak=False)
    if text in _RUST_CONSTANTS:
        return RustZero(f"return {_RUST_CONSTANTS[text]};", weak=False)
    if re.fullmatch(r"&(?:'\w+)?str", text):
        return RustZero('return "";', weak=False)
    if constant:
        return None
    if re.search(r"\bimpl\b|!", source.of(kind)):
        return RustZero("::core::todo!()", weak=True)
    zero = _Rust(source, owner).zero(kind)
    items = _RUST_ITEMS if "PressPlayZero" in zero.text else ""
    return RustZero(f"{items}return {zero.text};", zero.weak)


def _squeezed(source: SyntaxTree, node: Node) -> str:
    return re.sub(r"\s+", "", source.of(node))


def _receiver(source: SyntaxTree, function: Node) -> str | None:
    """The type of `self` as the signature would spell it; None for a function without."""
    parameters = function.child_by_field_name("parameters")
    for part in parameters.named_children if parameters is not None else []:
        if part.type == "self_parameter":
            text = re.sub(r"\s+", " ", source.of(part))
            if text in ("self", "mut self"):
                return "Self"
            if re.fullmatch(r"&(?: ?'\w+)? ?(?:mut )?self", text):
                return re.sub(r"\s+", "", text.replace("self", "Self"))
    return None


def _type_of(source: SyntaxTree, owner: Node | None) -> str | None:
    kind = owner.child_by_field_name("type") if owner is not None and owner.type == "impl_item" else None
    return None if kind is None else _squeezed(source, kind)


class _Rust:
    """Zero values of the types that a file names."""

    _DEEPEST = 4

    def __init__(self, source: SyntaxTree, owner: Node | None) -> None:
        self._source = source
        self._self = owner.child_by_field_name("type") if owner is not None and owner.type == "impl_item" else None
        self._types: dict[str, tuple[Node, bool]] = {}
        self._defaults: set[str] = set()
        self._declare()

    def _declare(self) -> None:
        """The types at the top of the file, and which of them have a default."""
        attributes: list[str] = []
        for item in self._source.root.children:
            if item.type == "attribute_item":
                attributes.append(_squeezed(self._source, item))
                continue
            if item.type in COMMENTS:
                continue
            name = item.child_by_field_name("name")
            if item.type in ("struct_item", "enum_item") and name is not None:
                plain = item.child_by_field_name("type_parameters") is None
                self._types[self._source.of(name)] = item, plain
                if any(re.match(r"#\[derive\(.*\bDefault\b", text) for text in attributes):
                    self._defaults.add(self._source.of(name))
            trait = item.child_by_field_name("trait")
            if item.type == "impl_item" and trait is not None and self._source.of(trait).endswith("Default"):
                kind = item.child_by_field_name("type")
                if kind is not None:
                    self._defaults.add(re.split(r"[<\s]", self._source.of(kind))[0])
            attributes = []

    def zero(self, kind: Node, depth: int = 0) -> RustZero:
        """An expression of a type."""
        if kind.type == "tuple_type":
            parts = [self.zero(part, depth) for part in kind.named_children if part.type not in COMMENTS]
            text = "".join(f"{part.text}, " for part in parts)
            return RustZero(f"({text.rstrip()})", any(part.weak for part in parts))
        name, arguments = self._named(kind)
        if name == "Result" and arguments:
            inside = self.zero(arguments[0], depth)
            return RustZero(f"::core::result::Result::Ok({inside.text})", inside.weak)
        if re.fullmatch(r"(?:(?:std|core)::)?fmt::Result", _squeezed(self._source, kind)):
            return RustZero("::core::result::Result::Ok(())", weak=False)
        if self._has_default(kind):
            return self._default(kind, weak=False)
        own = self._made(kind, depth)
        return self._default(kind, weak=True) if own is None else own

    def _default(self, kind: Node, weak: bool) -> RustZero:
        text = re.sub(r"\s+", " ", self._source.of(kind))
        return RustZero(f"PressPlayZero::<{text}>(::core::marker::PhantomData).zero()", weak)

    def _named(self, kind: Node) -> tuple[str, list[Node]]:
        """A type's last name, and its parameters without lifetimes."""
        holder = kind.child_by_field_name("type_arguments")
        arguments = [] if holder is None else [n for n in holder.named_children if n.type != "lifetime"]
        inner = kind.child_by_field_name("type") if kind.type == "generic_type" else kind
        text = self._source.of(inner if inner is not None else kind)
        return re.sub(r"\s+", "", text).rpartition("::")[2], arguments

    def _has_default(self, kind: Node) -> bool:
        if kind.type == "unit_type" or kind.type == "primitive_type":
            return True
        if kind.type == "tuple_type":
            return all(self._has_default(part) for part in kind.named_children)
        if kind.type == "array_type":
            element = kind.child_by_field_name("element")
            length = kind.child_by_field_name("length")
            short = length is not None and re.fullmatch(r"[12]?\d|3[0-2]", self._source.of(length)) is not None
            return short and element is not None and self._has_default(element)
        if kind.type == "reference_type":
            inner = kind.child_by_field_name("type")
            return inner is not None and (
                self._source.of(inner) == "str"
                or (inner.type == "array_type" and inner.child_by_field_name("length") is None)
            )
        name, arguments = self._named(kind)
        if name == "Self" and self._self is not None:
            name = self._named(self._self)[0]
        if name in _RUST_AROUND and arguments:
            return self._has_default(arguments[-1])
        return name in _RUST_DEFAULTS or name in self._defaults

    def _made(self, kind: Node, depth: int) -> RustZero | None:
        """A value of a type of this file: a structure of zero values, or a variant without any."""
        name, arguments = self._named(kind)
        if name == "Self" and self._self is not None:
            name, arguments = self._named(self._self)
        if depth > self._DEEPEST or arguments or name not in self._types or not self._types[name][1]:
            return None
        if kind.type not in ("type_identifier",):
            return None
        item = self._types[name][0]
        body = item.child_by_field_name("body")
        if item.type == "enum_item":
            return self._variant(name, body)
        if body is None:
            return RustZero(name, weak=False)
        if any(child.type == "attribute_item" and "cfg" in self._source.of(child) for child in body.named_children):
            return None
        if body.type == "ordered_field_declaration_list":
            kinds = body.children_by_field_name("type")
            zeros = [self.zero(field, depth + 1) for field in kinds]
            parts = [zero.text for zero in zeros]
            text = f"{name}({', '.join(parts)})"
        else:
            fields = [child for child in body.named_children if child.type == "field_declaration"]
            pairs = [(field.child_by_field_name("name"), field.child_by_field_name("type")) for field in fields]
            known = [(self._source.of(own), typed) for own, typed in pairs if own is not None and typed is not None]
            zeros = [self.zero(typed, depth + 1) for _, typed in known]
            parts = [f"{own}: {zero.text}" for (own, _), zero in zip(known, zeros, strict=True)]
            text = f"{name} {{ {', '.join(parts)} }}"
        return None if any(zero.weak for zero in zeros) else RustZero(text, weak=False)

    def _variant(self, name: str, body: Node | None) -> RustZero | None:
        for variant in body.named_children if body is not None else []:
            own = variant.child_by_field_name("name") if variant.type == "enum_variant" else None
            if own is not None and variant.child_by_field_name("body") is None:
                return RustZero(f"{name}::{self._source.of(own)}", weak=False)
        return None
