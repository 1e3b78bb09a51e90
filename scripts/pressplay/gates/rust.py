"""What of a Rust source file is the program, and what its own tests: `#[cfg(test)] mod tests { … }` within it."""

from __future__ import annotations

from collections.abc import Iterator

from pressplay.gates.syntax import COMMENTS, SyntaxTree, parse, tokens

Program = tuple[tuple[str, bool], ...]
"""The words, signs, strings and comments of a program, each with whether a blank is before it."""
_DOCUMENTS = frozenset({"outer_doc_comment_marker"})


def program(text: str) -> Program | None:
    """A source file's program without its test modules, independent of its layout; None if it is undecided.

    A test module is at the top level, is marked `#[cfg(test)]`, has no attribute that leads to another
    file (`path`), and is a `mod`. Its attributes and documentation are its own. Source: The Rust Reference, Items,
    Conditional compilation.
    """
    source = parse("program.rs", text)
    if source is None:
        return None
    spans = iter(list(test_modules(source)))
    span = next(spans, None)
    kept: list[tuple[str, bool]] = []
    end = 0
    for token in tokens(source, source.root):
        while span is not None and span[1] <= token.begin:
            span = next(spans, None)
        if span is not None and span[0] <= token.begin:
            continue
        kept.append((token.text, token.begin > end))
        end = token.end
    if kept:
        # Whether the file begins with a blank changes nothing.
        kept[0] = (kept[0][0], False)
    return tuple(kept)


def test_modules(source: SyntaxTree) -> Iterator[tuple[int, int]]:
    """Where each test module of a file begins and ends."""
    begin: int | None = None
    tested = elsewhere = False
    for item in source.root.children:
        attribute = item.type == "attribute_item"
        if attribute or (item.type in COMMENTS and any(child.type in _DOCUMENTS for child in item.children)):
            begin = item.start_byte if begin is None else begin
            words = [token.text for token in tokens(source, item)]
            tested |= attribute and "".join(words) == "#[cfg(test)]"
            elsewhere |= attribute and "path" in words
        elif item.type not in COMMENTS:
            if item.type == "mod_item" and tested and not elsewhere and begin is not None:
                yield begin, item.end_byte
            begin, tested, elsewhere = None, False, False
