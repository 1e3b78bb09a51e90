"""What changed files are besides text of the project: binaries, links, workflows, secrets, hidden characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase

from pressplay.gates.lint.files import Files, leads_to, name_of, table
from pressplay.gates.supply import npm, python
from pressplay.gates.supply.model import Finding
from pressplay.gates.supply.packages import LARGEST, is_lock
from pressplay.github.committed import Unreadable
from pressplay.validation.redaction import certain_secrets, redact

LARGE = 1_000_000
"""Bytes above which a file is shown, and no longer read."""
_MAGIC: tuple[tuple[bytes, tuple[str, ...]], ...] = (
    (b"\x89PNG\r\n\x1a\n", ("png", "apng")),
    (b"\xff\xd8\xff", ("jpg", "jpeg")),
    (b"GIF8", ("gif",)),
    (b"RIFF", ("webp",)),
    (b"BM", ("bmp",)),
    (b"\x00\x00\x01\x00", ("ico",)),
    (b"II*\x00", ("tif", "tiff")),
    (b"MM\x00*", ("tif", "tiff")),
    (b"wOFF", ("woff",)),
    (b"wOF2", ("woff2",)),
    (b"\x00\x01\x00\x00", ("ttf",)),
    (b"OTTO", ("otf",)),
)
"""How images and fonts begin, and the suffixes that such a file must have."""
_CONTROLS = frozenset(range(0x20)) - frozenset(b"\t\n\v\f\r\x1b")
_HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\u2060-\u2064\U000e0000-\U000e01ef]")
"""Characters that reorder or hide text: Unicode's bidirectional controls (UAX 9), spaces without a width, tags, and
the variation selectors that nobody's keyboard has. Joiners stay: scripts and emoji need them."""
_WORKFLOWS = (
    ".github/workflows/*", ".github/actions/*", ".github/dependabot.y*ml", ".github/CODEOWNERS", "CODEOWNERS",
    "docs/CODEOWNERS", ".gitlab-ci.yml", ".gitlab/ci/*", "Jenkinsfile*", ".jenkins/*", ".circleci/*", ".travis.yml",
    "azure-pipelines*.yml", ".azure-pipelines/*", "bitbucket-pipelines.yml", ".buildkite/*", ".drone.yml",
    ".woodpecker*", ".tekton/*", "cloudbuild*.y*ml", "appveyor.yml", ".pre-commit-config.yaml", ".husky/*",
    ".githooks/*", ".gitattributes", ".gitmodules", "ci/*", ".ci/*", "renovate.json*", ".devcontainer/*",
    ".vscode/tasks.json", ".envrc", ".press-play/*", ".taskmaster/requirements.yaml",
)  # fmt: skip
"""What runs, or decides what runs, outside the program: on servers, on people's machines, in gates."""
_PROBES = ".press-play/acceptance/"
_SCRIPTS = (".sh", ".bash", ".ps1", ".bat", ".cmd")
_RUN_ON_INSTALL = ("setup.py", "build.rs", "binding.gyp", "*.pth", "sitecustomize.py", "usercustomize.py")
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?", re.IGNORECASE)


def of_file(path: str, head: Files, base: Files) -> Iterator[Finding]:
    """What a changed file is. Unreadable for a file whose content decides and can't be read."""
    entry = head.entries.get(path)
    if entry is None:
        # A workflow that is gone runs no more.
        if _is_workflow(path, base):
            yield Finding("workflows", path, "decides what runs outside the program, and is gone")
        return
    if entry.kind == "submodule":
        yield Finding("sources", path, "a submodule: code of another repository", entry.sha)
        return
    if _is_workflow(path, base):
        yield Finding("workflows", path, "decides what runs outside the program")
    if entry.kind == "link":
        if leads_to(head, path) is None:
            yield Finding("links", path, "a symbolic link that leads out of the repository", head.target(path)[:200])
        return
    yield from _installs(path, head, base)
    try:
        content = head.content(path, LARGEST if is_lock(path) else LARGE) or b""
    except Unreadable as error:
        yield Finding("large_files", path, error.why)
        return
    if _is_binary(path, content):
        yield Finding("binaries", path, "not text, and neither an image nor a font")
        return
    if b"\x00" in content[:_HEAD]:
        return
    try:
        before = (base.content(path, LARGEST) if path in base.entries else b"") or b""
    except Unreadable:
        before = b""
    if not is_lock(path):
        yield from _of_lines(path, content.decode(errors="replace"), before.decode(errors="replace"))


_HEAD = 8_000
"""Bytes at the beginning in which git looks for what text does not have."""


def added_lines(now: str, was: str) -> list[tuple[int, str]]:
    """The lines that a text has and had nowhere before, each with its number; what was moved is not added."""
    there = Counter(line.strip() for line in was.split("\n"))
    added = []
    for number, line in enumerate(now.split("\n"), start=1):
        key = line.strip()
        if there[key] > 0:
            there[key] -= 1
        elif key:
            added.append((number, line))
    return added


def _of_lines(path: str, now: str, was: str) -> Iterator[Finding]:
    docker = fnmatchcase(name_of(path).lower(), "*dockerfile*") or name_of(path).lower().startswith("containerfile")
    stages = {match["stage"].lower() for line in now.split("\n") if (match := _FROM.match(line)) and match["stage"]}
    for number, line in added_lines(now, was):
        for kind in certain_secrets(line):
            yield Finding("secrets", path, f"looks like a secret ({kind})", redact(line).strip()[:200], number)
        hidden = _HIDDEN.findall(line)
        if hidden:
            codes = ", ".join(dict.fromkeys(f"U+{ord(letter):04X}" for letter in hidden))
            yield Finding("hidden_text", path, "characters that reorder or hide text", codes[:200], number)
        image = _FROM.match(line) if docker else None
        if image and "@sha256:" not in image["image"] and image["image"].lower() not in {"scratch", *stages}:
            yield Finding("images", path, "a base image without a digest", image["image"][:200], number)


def _is_binary(path: str, content: bytes) -> bool:
    head = content[:_HEAD]
    suffix = name_of(path).rpartition(".")[2].lower()
    if any(content.startswith(magic) and suffix in suffixes for magic, suffixes in _MAGIC):
        return False
    if suffix == "avif" and content[4:12] == b"ftypavif":
        return False
    if b"\x00" in content:
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        # Text of an older encoding has no control characters.
        return any(byte in _CONTROLS for byte in head)
    return False


def _is_workflow(path: str, base: Files) -> bool:
    if path.startswith(_PROBES):
        return False
    if any(fnmatchcase(path, glob) for glob in _WORKFLOWS):
        return True
    return path.endswith(_SCRIPTS) and any(path in source for source in _sources(base))


def _sources(base: Files) -> Iterator[str]:
    """The texts of the base's workflows: a script that one of them names is part of it."""
    for path in base.entries:
        if fnmatchcase(path, ".github/*/*.y*ml") or path in (".gitlab-ci.yml", "Jenkinsfile"):
            try:
                yield (base.content(path) or b"").decode(errors="replace")
            except Unreadable:
                continue


def _installs(path: str, head: Files, base: Files) -> Iterator[Finding]:
    """Code that runs when the project is installed or built."""
    name = name_of(path)
    if any(fnmatchcase(name, glob) for glob in _RUN_ON_INSTALL):
        yield Finding("install_scripts", path, "runs when the project is installed or built")
    elif name == "package.json":
        was = npm.hooks(_table(base, path))
        for key, line in npm.hooks(table(head, path)).items():
            if was.get(key) != line:
                yield Finding(
                    "install_scripts", path, "runs, or lets run, when it is installed", f"{key}: {line}"[:200]
                )
    elif name == "pyproject.toml":
        built, before = python.build_system(table(head, path)), python.build_system(_table(base, path))
        if built != before and not (before is None and path not in base.entries and _is_usual(built)):
            yield Finding("install_scripts", path, "changes what builds the project")
    elif name == "Cargo.toml":
        package, before = (_package(manifest) for manifest in (table(head, path), _table(base, path)))
        if package.get("build") not in (None, False, before.get("build")):
            yield Finding("install_scripts", path, "names a build script", str(package["build"])[:200])


_BACKENDS = re.compile(
    r"(?:setuptools\.build_meta|hatchling\.build|poetry\.core\.masonry\.api|flit_core\.buildapi|uv_build|pdm\.backend|maturin)"
)


def _is_usual(built: object) -> bool:
    """Whether a new project is built by a backend that many use."""
    if built is None:
        return True
    backend = built.get("build-backend") if isinstance(built, dict) and "backend-path" not in built else None
    return isinstance(backend, str) and _BACKENDS.fullmatch(backend) is not None


def _table(files: Files, path: str) -> dict[str, object]:
    """As `table`; empty for what can't be read, so that all of the head's is new."""
    try:
        return table(files, path)
    except Unreadable:
        return {}


def _package(manifest: dict[str, object]) -> dict[str, object]:
    package = manifest.get("package")
    return package if isinstance(package, dict) else {}
