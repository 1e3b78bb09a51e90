"""The base's trees as changes to the head's: as it is, and with the head's tests upon it.

An overlay is path → content, or None where there is no file. Files that must go come first, so that a file can take
the place of a folder.

Manifests and lock files are the base's: the head must not choose what its tests are measured with. Tests that need a
package which the head brings do not build on the base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pressplay.gates import rust, syntax
from pressplay.gates.lint.files import Files
from pressplay.github.committed import Unreadable

Overlay = dict[str, bytes | None]
LARGEST = 10_000_000
"""Bytes of a file that an overlay can hold."""


def before(changed: Iterable[str], head: Files, base: Files) -> Overlay:
    """The base as it is. Unreadable for what can't be laid: a link, a submodule, a file above `LARGEST`."""
    return _ordered({path: _content(base, path) for path in _differing(changed, head, base)})


def base_with_tests(changed: Iterable[str], head: Files, base: Files, is_test: Callable[[str], bool]) -> Overlay:
    """The base's program with the head's tests, fixtures and snapshots (`is_test`).

    Of a Rust file that holds both, the program is the base's and the test modules are the head's. Unreadable for what
    can't be laid, as in `before`, and for a Rust file that can't be read.
    """
    overlay: Overlay = {}
    for path in _differing(changed, head, base):
        if is_test(path):
            continue
        content = _content(base, path)
        if content is not None and path.endswith(".rs"):
            content = _spliced(path, content, _content(head, path))
        overlay[path] = content
    return _ordered(overlay)


def head_with_tests(changed: Iterable[str], head: Files, base: Files, is_test: Callable[[str], bool]) -> Overlay:
    """The head's program with the base's tests upon it, as `base_with_tests` lays it the other way round."""
    paths = sorted(set(changed))
    upon_base = base_with_tests(paths, base, head, is_test)
    wanted = {path: upon_base[path] if path in upon_base else _content(base, path) for path in paths}
    return _ordered({path: content for path, content in wanted.items() if content != _content(head, path)})


def _differing(changed: Iterable[str], head: Files, base: Files) -> list[str]:
    return [path for path in sorted(set(changed)) if head.entries.get(path) != base.entries.get(path)]


def _content(files: Files, path: str) -> bytes | None:
    return files.content(path, LARGEST)


def _ordered(overlay: Overlay) -> Overlay:
    return dict(sorted(overlay.items(), key=lambda item: (item[1] is not None, item[0])))


def _spliced(path: str, base: bytes, head: bytes | None) -> bytes:
    """The base's program with the head's test modules at its end; the base's own text if those are the same."""
    old, kept = _divided(path, base)
    new, _ = _divided(path, head or b"")
    if old == new:
        return base
    spliced = kept.rstrip(b"\n") + b"\n" + b"".join(b"\n" + module + b"\n" for module in new)
    if rust.program(spliced.decode()) != rust.program(base.decode()):
        raise Unreadable(path, "its program and its tests can't be told apart")
    return spliced


def _divided(path: str, content: bytes) -> tuple[list[bytes], bytes]:
    """A Rust file's test modules, and the rest of it."""
    tree = syntax.read(path, content)
    if tree is None or tree.root.has_error:
        raise Unreadable(path, "can't be read as Rust")
    modules: list[bytes] = []
    rest: list[bytes] = []
    end = 0
    for first, last in rust.test_modules(tree):
        modules.append(tree.text[first:last])
        rest.append(tree.text[end:first])
        end = last
    rest.append(tree.text[end:])
    return modules, b"".join(rest)
