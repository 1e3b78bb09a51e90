"""What a change brings in: each kind, in each manager's files, and its honest twin."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
import tomlkit
import yaml
from hypothesis import given
from hypothesis import strategies as st
from trees import SUBMODULE, Content, Link, differing, tree

from pressplay.gates.only_tests import Paths
from pressplay.gates.supply.judge import Inspection, Judgement, inspect, policy
from pressplay.gates.supply.model import KINDS, Action, Finding, Kind
from pressplay.settings import Supply

pytestmark = pytest.mark.rule("R6")

Tree = Mapping[str, Content]
POLICY: dict[Kind, Action] = policy(Supply())
TOKEN = "ghp_" + "abC1dEf2GhI3jKl4MnO5pQr6StU7vWx8YzA9"
AWS = "AKIA" + "Q3ZB7KTW5DX2MRPL"


def inspected(head: Tree, base: Tree | None = None) -> Inspection:
    """What a change brings in; files of the base stay, unless the head has them otherwise."""
    base = base or {}
    whole = {**base, **head}
    return inspect(differing(whole, base), tree(whole), tree(base), Paths({}).match)


def kinds(head: Tree, base: Tree | None = None) -> set[str]:
    """The kinds that a person would have to read more of than a list of packages."""
    made = inspected(head, base)
    assert made.undecided == ()
    return {finding.kind for finding in made.findings} - {"packages"}


def named(head: Tree, base: Tree | None = None) -> set[str]:
    """The new or moved packages."""
    return {finding.text for finding in inspected(head, base).findings if finding.kind == "packages"}


def npm(**fields: Any) -> str:
    return json.dumps({"name": "shop", "version": "1.0.0", **fields})


def npm_lock(*packages: tuple[str, Mapping[str, Any]], **root: Any) -> str:
    entries = {"": {"name": "shop", **root}, **{f"node_modules/{name}": dict(entry) for name, entry in packages}}
    return json.dumps({"lockfileVersion": 3, "packages": entries})


def at_npm(name: str, version: str = "1.3.0", host: str = "https://registry.npmjs.org", **fields: Any) -> Any:
    file = f"{name.rpartition('/')[2]}-{version}.tgz"
    return name, {"version": version, "resolved": f"{host}/{name}/-/{file}", "integrity": "sha512-a", **fields}


LEFT = {"left": "^1.3.0"}
PINNED = npm_lock(at_npm("left"), dependencies=LEFT)
PYPROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = [%s]\n'
UV = 'version = 1\n[[package]]\nname = "shop"\nversion = "1"\nsource = { editable = "." }\n'
CARGO = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'
CARGO_LOCK = 'version = 4\n[[package]]\nname = "shop"\nversion = "0.1.0"\ndependencies = [%s]\n'
CRATES = "registry+https://github.com/rust-lang/crates.io-index"


def uv(name: str, source: str = '{ registry = "https://pypi.org/simple" }', needs: str = "") -> str:
    return f'[[package]]\nname = "{name}"\nversion = "2.0"\nsource = {source}\ndependencies = [{needs}]\n'


def crate(name: str, source: str = CRATES, checksum: str = "ab", needs: str = "") -> str:
    return (
        f'[[package]]\nname = "{name}"\nversion = "1.2.3"\nsource = "{source}"\nchecksum = "{checksum}"\n'
        f"dependencies = [{needs}]\n"
    )


# --- packages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "now", "was", "wanted"),
    [
        ("requirements.txt", "a==1.0\nb>=2 # why\n", "a==1.0\n", {"pypi b >=2"}),
        ("requirements-dev.txt", "a[x]==1.1 ; python_version > '3'\n", "a==1.0\n", {"pypi a ==1.1"}),
        ("pyproject.toml", PYPROJECT % '"a", "b<3"', PYPROJECT % '"a"', {"pypi b <3"}),
        ("pyproject.toml", '[dependency-groups]\ndev = ["c", {include-group = "x"}]\n', "", {"pypi c"}),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3"\nd = {version = "^1"}\n', "", {"pypi d ^1"}),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "1"\n', '[[package]]\nname = "a"\nversion = "2"\n',
         {"pypi a 1"}),
        ("uv.lock", UV + uv("a"), UV, {"pypi a 2.0"}),
        ("Pipfile", '[packages]\na = "*"\nb = {version = "~=1"}\n', "", {"pypi a", "pypi b ~=1"}),
        ("Pipfile.lock", '{"default": {"a": {"version": "==1"}}}', "", {"pypi a 1"}),
        ("package.json", npm(devDependencies=LEFT), npm(), {"npm left ^1.3.0"}),
        ("package.json", npm(dependencies={"l": "npm:left@^1"}), npm(), {"npm left ^1"}),
        ("package.json", npm(overrides={"a": {"@x/b": "2"}}, resolutions={"**/c": "3"}), npm(), {"npm @x/b 2",
         "npm c 3"}),
        ("package-lock.json", PINNED, npm_lock(), {"npm left 1.3.0"}),
        ("package-lock.json", '{"dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "2"}}}}}',
         "{}",
         {"npm a 1", "npm b 2"}),
        ("pnpm-lock.yaml", "packages:\n  '@x/a@1.0.0(b@2)':\n    resolution: {integrity: sha512-x}\n", "",
         {"npm @x/a 1.0.0"}),
        ("pnpm-lock.yaml", "packages:\n  /a@1.0.0:\n    resolution: {integrity: sha512-x}\n", "", {"npm a 1.0.0"}),
        ("yarn.lock",
         '"@x/a@^1", "@x/a@^1.1":\n  version "1.2.0"\n  resolved "https://registry.yarnpkg.com/@x/a/-/a-1.2.0.tgz#1"\n',
         "", {"npm @x/a 1.2.0"}),
        ("yarn.lock", '__metadata:\n  version: 8\n"a@npm:^1":\n  version: 1.0.0\n  resolution: "a@npm:1.0.0"\n', "",
         {"npm a 1.0.0"}),
        ("Cargo.toml", CARGO + '[dependencies]\na = "1"\n', CARGO, {"crates a 1"}),
        ("Cargo.toml", CARGO + '[target."cfg(unix)".dev-dependencies]\nb = {package = "a", version = "1"}\n', CARGO,
         {"crates a 1"}),
        ("Cargo.lock", CARGO_LOCK % '"a"' + crate("a"), CARGO_LOCK % "", {"crates a 1.2.3"}),
        ("go.mod", "module m\nrequire x.test/a v1.0.0 // indirect\nrequire (\n\tx.test/b v2.0.0\n)\n", "module m\n",
         {"go x.test/a v1.0.0", "go x.test/b v2.0.0"}),
        ("go.sum", "x.test/a v1.0.0 h1:a\nx.test/a v1.0.0/go.mod h1:b\n", "", {"go x.test/a v1.0.0"}),
    ],
)  # fmt: skip
def test_new_and_moved_packages_are_shown_and_nothing_else(path, now, was, wanted):
    # Of a lock file alone nothing is asked for: that is another finding.
    assert named({path: now}, {path: was}) == wanted
    assert named({path: now}, {path: now}) == set()


@pytest.mark.parametrize(
    ("path", "now"),
    [
        ("requirements.txt", "a @ https://x.test/a.whl\n"),
        ("requirements.txt", "git+https://x.test/a#egg=a\n"),
        ("requirements.txt", "-e ../a\n"),
        ("requirements.txt", "./a.whl\n"),
        ("requirements.txt", "--extra-index-url https://x.test\na\n"),
        ("requirements.txt", "--index-url=https://x.test\n"),
        ("pyproject.toml", PYPROJECT % '"a @ git+https://x.test/a"'),
        ("pyproject.toml", '[tool.poetry.dependencies]\na = {git = "https://x.test/a"}\n'),
        ("pyproject.toml", '[[tool.poetry.source]]\nname = "x"\nurl = "https://x.test"\n'),
        ("pyproject.toml", '[tool.uv.sources]\na = {url = "https://x.test/a.whl"}\n'),
        ("pyproject.toml", '[[tool.uv.index]]\nurl = "https://x.test"\n'),
        ("poetry.lock",
         '[[package]]\nname = "a"\nversion = "1"\nsource = {type = "url", url = "https://x.test/a.whl"}\n'),
        ("uv.lock", UV + uv("a", '{ git = "https://x.test/a" }')),
        ("uv.lock", UV + uv("a", '{ registry = "https://x.test/simple" }')),
        ("Pipfile", '[packages]\na = {git = "https://x.test/a"}\n'),
        ("Pipfile", '[[source]]\nurl = "https://x.test/simple"\n'),
        ("Pipfile.lock", '{"default": {"a": {"git": "https://x.test/a"}}}'),
        *(
            ("package.json", npm(dependencies={"a": spec}))
            for spec in (
                "git+https://x.test/a", "github:x/a", "x/a", "x/a#main", "https://x.test/a.tgz", "file:../a", "../a",
                "git@x.test:a.git", "https://github.com/x/a.git", "link:/a",
            )
        ),
        ("package.json", npm(overrides={"a": "https://x.test/a.tgz"})),
        ("package-lock.json", npm_lock(at_npm("left", host="https://x.test"))),
        ("package-lock.json", npm_lock(at_npm("left", host="http://registry.npmjs.org"))),
        ("package-lock.json", npm_lock(("left", {"version": "1", "resolved": "git+ssh://git@x.test/a.git#1"}))),
        ("package-lock.json", npm_lock(("left", {"link": True, "resolved": "../a"}))),
        ("pnpm-lock.yaml", "packages:\n  a@1.0.0:\n    resolution: {tarball: 'https://x.test/a.tgz'}\n"),
        ("pnpm-lock.yaml", "packages:\n  a@1.0.0:\n    resolution: {type: git, repo: 'https://x.test/a', commit: b}\n"),
        ("pnpm-lock.yaml",
         "packages:\n  a@https://x.test/a.tgz:\n    resolution: {integrity: x}\n    version: 1.0.0\n"),
        ("yarn.lock", 'a@^1:\n  version "1.2.0"\n  resolved "https://x.test/a/-/a-1.2.0.tgz#1"\n'),
        ("yarn.lock",
         '__metadata:\n  version: 8\n"a@npm:^1":\n  version: 1.0.0\n  resolution: "a@https://x.test/a.tgz"\n'),
        ("Cargo.toml", CARGO + '[dependencies]\na = {git = "https://x.test/a"}\n'),
        ("Cargo.toml", CARGO + '[dependencies]\na = {path = "../a"}\n'),
        ("Cargo.toml", CARGO + '[patch.crates-io]\na = {git = "https://x.test/a"}\n'),
        ("Cargo.toml", CARGO + '[dependencies]\na = {version = "1", registry = "mine"}\n'),
        ("Cargo.lock", CARGO_LOCK % '"a"' + crate("a", "git+https://x.test/a#1")),
        ("Cargo.lock", CARGO_LOCK % '"a"' + crate("a", "registry+https://x.test/index")),
        ("go.mod", "module m\nreplace x.test/a => y.test/a v1.0.0\n"),
        ("go.mod", "module m\nreplace (\n\tx.test/a v1.0.0 => ../a\n)\n"),
        (".npmrc", "registry=https://x.test\n"),
        ("web/.yarnrc.yml", "npmRegistryServer: https://x.test\n"),
        (".cargo/config.toml", '[source.crates-io]\nreplace-with = "x"\n'),
        ("pip.conf", "[global]\nindex-url = https://x.test\n"),
        ("third_party/a", SUBMODULE),
    ],
)  # fmt: skip
def test_packages_from_elsewhere_are_a_source_to_decide_on(path, now):
    assert "sources" in kinds({path: now})


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ({"package.json": npm(dependencies={"a": "file:libs/a"})}, {"libs/a/package.json": npm()}),
        ({"web/package.json": npm(dependencies={"a": "workspace:*"})}, {}),
        ({"Cargo.toml": CARGO + '[dependencies]\na = {path = "a"}\n'}, {"a/Cargo.toml": CARGO}),
        ({"b/Cargo.toml": CARGO + '[dependencies]\na = {path = "../a"}\n'}, {"a/Cargo.toml": CARGO}),
        ({"go.mod": "module m\nreplace x.test/a => ./a\n"}, {"a/go.mod": "module a\n"}),
        ({"requirements.txt": "-e ./a\n-r other.txt\n--require-hashes\n"}, {"a/pyproject.toml": PYPROJECT % ""}),
        ({"requirements.txt": "--index-url https://pypi.org/simple\n"}, {}),
        ({"pyproject.toml": '[tool.uv.sources]\na = {workspace = true}\n'}, {}),
        ({"uv.lock": UV}, {}),
        ({"package-lock.json": npm_lock(("a", {"link": True, "resolved": "libs/a"}))}, {"libs/a/package.json": npm()}),
    ],
)  # fmt: skip
def test_a_package_of_the_repository_itself_is_no_source(head, base):
    assert kinds(head, base) == set()


def test_a_registry_that_the_base_uses_is_no_new_source():
    base = {
        "package.json": npm(dependencies={"right": "^1"}),
        "package-lock.json": npm_lock(at_npm("right", host="https://x.test")),
    }
    lock = npm_lock(
        at_npm("right", host="https://x.test"),
        at_npm("left", host="https://x.test"),
        dependencies={"right": "^1", **LEFT},
    )
    both = {"package.json": npm(dependencies={"right": "^1", **LEFT}), "package-lock.json": lock}
    assert kinds(both, base) == set()


# --- lock files -------------------------------------------------------------------------------------------------------

AGREE: list[tuple[dict[str, str], dict[str, str]]] = [
    (
        {"package.json": npm(dependencies=LEFT), "package-lock.json": PINNED},
        {"package.json": npm(dependencies=LEFT), "package-lock.json": npm_lock()},
    ),
    (
        {
            "package.json": npm(dependencies=LEFT),
            "pnpm-lock.yaml": "importers:\n  .:\n    dependencies:\n      left: {specifier: ^1.3.0, version: 1.3.0}\n"
            "packages:\n  left@1.3.0:\n    resolution: {integrity: x}\n",
        },
        {"package.json": npm(dependencies=LEFT), "pnpm-lock.yaml": "importers: {.: {}}\npackages: {}\n"},
    ),
    (
        {"package.json": npm(dependencies=LEFT),
         "yarn.lock": 'left@^1.3.0:\n  version "1.3.0"\n  dependencies:\n    a "1"\na@1:\n  version "1"\n'},
        {"package.json": npm(dependencies=LEFT), "yarn.lock": 'a@1:\n  version "1"\n'},
    ),
    (
        {"pyproject.toml": PYPROJECT % '"Left_Pad"', "uv.lock": UV + uv("left-pad")},
        {"pyproject.toml": PYPROJECT % '"left-pad"', "uv.lock": UV},
    ),
    (
        {"pyproject.toml": PYPROJECT % '"a"', "poetry.lock": '[[package]]\nname = "a"\nversion = "1"\n'},
        {"pyproject.toml": PYPROJECT % '"a"', "poetry.lock": ""},
    ),
    (
        {"Cargo.toml": CARGO + '[dependencies]\na = "1"\n', "Cargo.lock": CARGO_LOCK % '"a"' + crate("a")},
        {"Cargo.toml": CARGO + '[dependencies]\na = "1"\n', "Cargo.lock": CARGO_LOCK % ""},
    ),
    (
        {"go.mod": "module m\nrequire x.test/a v1.0.0\n", "go.sum": "x.test/a v1.0.0 h1:a\n"},
        {"go.mod": "module m\nrequire x.test/a v1.0.0\n", "go.sum": ""},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("agree", "lacking"), AGREE)
def test_a_lock_file_must_have_what_its_manifest_newly_asks_for(agree, lacking):
    assert kinds(agree) == set()
    if "yarn.lock" in lacking:
        lacking = {"package.json": lacking["package.json"], "yarn.lock": ""}
    assert "lock_files" in kinds(lacking)
    # What was so before is nobody's doing.
    assert kinds({"README.md": "x\n"}, lacking) == set()


@pytest.mark.parametrize(
    "head",
    [
        {"package.json": npm(), "package-lock.json": PINNED},
        {"package.json": npm(dependencies={"left": "^2.0.0"}), "package-lock.json": PINNED},
        {"package.json": npm(dependencies=LEFT), "package-lock.json": npm_lock(("left", at_npm("evil")[1]),
         dependencies=LEFT)},
        {"pyproject.toml": PYPROJECT % "", "uv.lock": UV + uv("evil")},
        {"pyproject.toml": PYPROJECT % "", "uv.lock": UV.replace("[[p",
         "[[p") + 'dependencies = [{ name = "evil" }]\n' + uv("evil")},
        {"Cargo.toml": CARGO, "Cargo.lock": CARGO_LOCK % '"evil"' + crate("evil")},
        {"package.json": npm(), "yarn.lock": 'evil@^1:\n  version "1.0.0"\n'},
    ],
    ids=["pinned alone", "another range", "another's tarball", "uv", "uv, written into the root", "cargo", "yarn"],
)  # fmt: skip
def test_a_lock_file_pins_nothing_that_nobody_asks_for(head):
    assert "lock_files" in kinds(head)


def test_what_a_package_asks_for_may_be_pinned():
    lock = npm_lock(at_npm("left", dependencies={"right": "^1"}), at_npm("right"), dependencies=LEFT)
    assert kinds({"package.json": npm(dependencies=LEFT), "package-lock.json": lock}) == set()
    rust = CARGO_LOCK % '"a"' + crate("a", needs='"b 1.2.3"') + crate("b")
    assert kinds({"Cargo.toml": CARGO + '[dependencies]\na = "1"\n', "Cargo.lock": rust}) == set()


def test_the_same_version_with_another_checksum_is_another_thing():
    base = {"Cargo.toml": CARGO + '[dependencies]\na = "1"\n', "Cargo.lock": CARGO_LOCK % '"a"' + crate("a")}
    assert kinds({"Cargo.lock": CARGO_LOCK % '"a"' + crate("a", checksum="cd")}, base) == {"lock_files"}
    left = {"package.json": npm(dependencies=LEFT), "package-lock.json": PINNED}
    assert kinds({"package-lock.json": PINNED.replace("sha512-a", "sha512-b")}, left) == {"lock_files"}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("package.json", "{"),
        ("package.json", b"\xff\xfe{}"),
        ("package.json", Link("other.json")),
        ("package-lock.json", "[]"),
        ("pnpm-lock.yaml", "a: [\n"),
        ("uv.lock", "=\n"),
        ("Cargo.toml", "[package\n"),
        ("requirements.txt", "what is this?\n"),
        ("requirements.txt", "a=1\n"),
    ],
)
def test_a_package_file_that_cannot_be_read_is_undecided_and_never_passes(path, content):
    made = inspected({path: content})
    assert [undecided.path for undecided in made.undecided] == [path]
    assert Judgement(made, dict.fromkeys(KINDS, "show"), accepted=True).outcome == "error"


# --- install scripts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ({"package.json": npm(scripts={"postinstall": "node x.js"})}, {"package.json": npm()}),
        ({"package.json": npm(scripts={"prepare": "node y.js"})},
         {"package.json": npm(scripts={"prepare": "node x.js"})}),
        ({"package.json": npm(pnpm={"onlyBuiltDependencies": ["a"]})}, {"package.json": npm()}),
        ({"package-lock.json": npm_lock(at_npm("left", hasInstallScript=True))},
         {"package.json": npm(dependencies=LEFT)}),
        ({"pnpm-lock.yaml": "packages:\n  left@1:\n    resolution: {integrity: x}\n    requiresBuild: true\n"},
         {"package.json": npm(dependencies=LEFT)}),
        ({"setup.py": "import os\n"}, {"setup.py": "\n"}),
        ({"crates/a/build.rs": "fn main() {}\n"}, {}),
        ({"Cargo.toml": CARGO + 'build = "b.rs"\n'}, {"Cargo.toml": CARGO}),
        ({"pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "b"\nbackend-path = ["."]\n'}, {}),
        ({"pyproject.toml": PYPROJECT % "" + '[build-system]\nrequires = ["evil"]\n'},
         {"pyproject.toml": PYPROJECT % ""}),
        ({"src/x.pth": "import os\n"}, {}),
        ({"sitecustomize.py": "x = 1\n"}, {}),
    ],
)  # fmt: skip
def test_code_that_runs_when_something_is_installed(head, base):
    assert kinds(head, base) == {"install_scripts"}


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ({"package.json": npm(scripts={"test": "node --test", "build": "tsc"})}, {}),
        (
            {"package.json": npm(scripts={"postinstall": "x"}, private=True)},
            {"package.json": npm(scripts={"postinstall": "x"})},
        ),
        ({"pyproject.toml": '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'}, {}),
        ({"pyproject.toml": PYPROJECT % '"a"'}, {"pyproject.toml": PYPROJECT % ""}),
        ({"Cargo.toml": CARGO + "build = false\n"}, {"Cargo.toml": CARGO}),
    ],
)
def test_scripts_that_no_installation_runs(head, base):
    assert kinds(head, base) == set()


# --- files ------------------------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n\x00\x00"


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ({"a.so": b"\x7fELF\x00"}, {"binaries"}),
        ({"a.bin": b"ab\x01\x02\xff"}, {"binaries"}),
        ({"a.png": b"\x7fELF\x00"}, {"binaries"}),
        ({"a.py": PNG}, {"binaries"}),
        ({"a.txt": "x" * 9_000 + "\0"}, {"binaries"}),
        ({"logo.png": PNG, "f.woff2": b"wOF2\x00", "a.ico": b"\x00\x00\x01\x00\x01"}, set()),
        ({"old.txt": "gr\xfc\xdfe\n".encode("latin-1")}, set()),
        ({"data.csv": "1,2\n" * 300_000}, {"large_files"}),
        ({"l": Link("/etc/passwd")}, {"links"}),
        ({"a/l": Link("../../x")}, {"links"}),
        ({"l": Link("m"), "m": Link("l")}, {"links"}),
        ({"a/l": Link("../b.txt"), "b.txt": "x\n"}, set()),
        ({".github/workflows/ci.yml": "on: push\n"}, {"workflows"}),
        ({".gitlab-ci.yml": "a: b\n"}, {"workflows"}),
        ({"Jenkinsfile": "node {}\n"}, {"workflows"}),
        ({".press-play/gates.yaml": "x: 1\n"}, {"workflows"}),
        ({".press-play/acceptance/1.yaml": "probes: []\n"}, set()),
        ({"Dockerfile": "FROM python:3.12 AS build\nFROM build\nFROM scratch\n"}, {"images"}),
        ({"docker/app.dockerfile": "FROM --platform=linux/amd64 node\n"}, {"images"}),
        ({"Dockerfile": f"FROM python@sha256:{'a' * 64} AS build\nFROM build\n"}, set()),
        ({"from.txt": "FROM python:3.12\n"}, set()),
        ({"a.py": "ok = 'a\u202eb'\n"}, {"hidden_text"}),
        ({"README.md": "hello\U000e0041\U000e0042\n"}, {"hidden_text"}),
        ({"a.js": "const a\u200b = 1;\n"}, {"hidden_text"}),
        ({"a.md": "\U0001f469\u200d\U0001f52c \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \ufe0f\n"}, set()),
        ({"a.md": "\ufeffhello\n"}, set()),
    ],
)  # fmt: skip
def test_what_a_file_is(head, wanted):
    assert kinds(head) == wanted


def test_a_workflow_and_a_script_that_it_runs_are_the_same_to_a_reviewer():
    base = {
        ".github/workflows/ci.yml": "run: ./tools/check.sh\n",
        "tools/check.sh": "true\n",
        "tools/other.sh": "true\n",
    }
    assert kinds({"tools/check.sh": "exit 0\n"}, base) == {"workflows"}
    assert kinds({"tools/other.sh": "exit 0\n"}, base) == set()
    gone = inspect([".github/workflows/ci.yml"], tree({"a": "b"}), tree(base), Paths({}).match)
    assert [finding.kind for finding in gone.findings] == ["workflows"]


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("R9")
@pytest.mark.parametrize(
    "line",
    [
        f"token = '{TOKEN}'",
        f"aws: {AWS}",
        "-----BEGIN RSA PRIVATE KEY-----",
        "url = 'https://bot:hunter2hunter2@api.shop.io/x'",
        "stripe = 'sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc'",
        "SG." + "ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf09kqeF8tAmbihYzrnopKc1s5cr3X",
    ],
)
def test_a_secret_in_an_added_line_is_refused_and_not_quoted(line):
    made = inspected({"a.py": f"x = 1\n{line}\n"}, {"a.py": "x = 1\n"})
    (finding,) = [finding for finding in made.findings if finding.kind == "secrets"]
    assert (finding.path, finding.line) == ("a.py", 2)
    judged = Judgement(made, POLICY)
    assert judged.outcome == "fail"
    for secret in (TOKEN, AWS, "hunter2", "4eC39HqLyjWDarjtT1zdp7dc", "TwL2iGABf9DHoTf09kqeF8tAmbihYzrnopKc1s5cr3X"):
        assert secret not in finding.text + judged.markdown() + judged.reason()


@pytest.mark.parametrize(
    "line",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "token = 'ghp_" + "x" * 36 + "'",
        "constraint pk_orders_customer_identifier_created unique",
        "postgres://shop:shop12345@localhost:5432/shop",
        "postgres://shop:shop12345@db/shop",
        "https://user:password@example.com/x",
        "https://${USER}:${TOKEN}@api.shop.io",
        "password = 'correct horse battery'",
        "commit 0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_what_only_looks_like_a_secret_passes(line):
    assert kinds({"a.txt": f"{line}\n"}) == set()


def test_a_secret_that_was_there_before_is_not_this_changes():
    assert kinds({"a.txt": f"more\n  {TOKEN}\n"}, {"a.txt": f"{TOKEN}\n"}) == set()


# --- the test runner --------------------------------------------------------------------------------------------------

GO = "package shop\n"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("shop.py", "import pytest"),
        ("shop.py", "from _pytest import runner"),
        ("shop.py", "    import json, unittest"),
        ("shop.py", "p = __import__('_pytest.runner')"),
        ("shop.py", "m = importlib.import_module('pytest')"),
        ("shop.py", "sys.modules['shop'] = x"),
        ("shop.py", "import sys as s"),
        ("shop.py", "getattr(os, '_exit')(0)"),
        ("shop.py", "from sys import argv, modules"),
        ("shop.py", "from inspect import stack"),
        ("shop.py", "m = getattr(sys, 'modu' + 'les')"),
        ("shop.py", "f = inspect.stack()"),
        ("shop.py", "f = sys._getframe(1).f_back"),
        ("shop.py", "os._exit(0)"),
        ("shop.py", "from os import _exit; _exit(0)"),
        ("shop.py", "if 'PYTEST_CURRENT_TEST' in os.environ: pass"),
        ("shop.py", "open(os.environ['REPORT'], 'w')"),
        ("shop.py", "p = os.environ.get('GATE_WORK')"),
        ("shop.py", "def broken(:\n    import pytest"),
        ("lib/shop.js", "const j = require('jest-circus');"),
        ("lib/shop.ts", "import { vi } from 'vitest';"),
        ("lib/shop.js", "if (process.env.JEST_WORKER_ID) x();"),
        ("lib/shop.js", "process.exit(0);"),
        ("lib/shop.js", "globalThis.expect = () => 1;"),
        ("lib/shop.js", "require.cache[x] = y;"),
        ("lib/shop.mjs", "const p = process.env.REPORT;"),
        ("lib/shop.js", "process.reallyExit(0)"),
        ("shop.go", 'import "testing"'),
        ("shop.go", 'var t = flag.Lookup("test.v")'),
        ("shop.go", "func f() { os.Exit(0) }"),
        ("shop.go", "var _, f, _, _ = runtime.Caller(1)"),
        ("src/lib.rs", "fn f() -> bool { cfg!(test) }"),
        ("src/lib.rs", "fn f() { std::process::exit(0) }"),
        ("src/lib.rs", "#[cfg(not(test))]\nfn f() {}"),
        ("src/lib.rs", 'fn f() { let _ = std::env::var("RUST_TEST_THREADS"); }'),
    ],
)
def test_program_code_that_reaches_for_the_test_runner(path, line):
    begin = GO if path.endswith(".go") else ""
    assert kinds({path: f"{begin}{line}\n"}, {path: begin}) == {"test_runner"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/test_shop.py", "import pytest\nimport sys\nsys.modules\n"),
        ("tests/conftest.py", "from _pytest import runner\n"),
        ("shop.py", "# import pytest, os._exit(0), sys.modules\nx = 1\n"),
        ("shop.py", '"""Run it with pytest.\n\nimport unittest\n"""\n'),
        ("shop.py", "print('run pytest. os._exit is bad, sys.modules too')\n"),
        ("shop.py", "flag = getattr(os, 'O_BINARY', 0)\n"),
        ("shop.py", "import sys\nsys.exit(1)\nmodules = sys.argv\n"),
        ("shop.py", "report = os.environ['REPORTS_FOLDER']\n"),
        ("src/shop.test.ts", "import { vi } from 'vitest';\nprocess.exit(0);\n"),
        ("bin/shop.js", "process.exit(1);\n"),
        ("shop.js", "#!/usr/bin/env node\nprocess.exit(1);\n"),
        ("src/cli.ts", "process.exit(1);\n"),
        ("lib/shop.js", "// process.exit(0)\nconst test = /jest/;\n"),
        ("main.go", 'package main\n\nimport "os"\n\nfunc main() { os.Exit(1) }\n'),
        ("shop_test.go", 'package shop\n\nimport "testing"\n'),
        ("src/main.rs", "fn main() { std::process::exit(1) }\n"),
        (
            "src/lib.rs",
            "pub fn f() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { std::process::abort() }\n}\n",
        ),
    ],
)
def test_tests_programs_and_comments_may_name_it(path, text):
    assert kinds({path: text}) == set()


def test_a_program_that_the_package_names_may_exit():
    base = {"package.json": npm(bin={"shop": "src/run.js"})}
    assert kinds({"src/run.js": "process.exit(1);\n"}, base) == set()
    assert kinds({"src/lib.js": "process.exit(1);\n"}, base) == {"test_runner"}


def test_a_line_that_was_there_before_is_not_this_changes():
    assert kinds({"shop.py": "x = 1\nimport pytest\n"}, {"shop.py": "import pytest\n"}) == set()


def test_lines_are_counted_as_people_do():
    made = inspected({"shop.py": '"""A\n\nB"""\n\nx = 1\nsys.modules\n'})
    assert [(finding.kind, finding.line) for finding in made.findings] == [("test_runner", 6)]


# --- the judgement ----------------------------------------------------------------------------------------------------


def judged(*found_kinds: Kind, accepted: bool = False, **policy: Action) -> Judgement:
    findings = tuple(Finding(kind, "a`b.txt", "is so", "some`thing") for kind in found_kinds)
    return Judgement(Inspection(findings), {**POLICY, **policy}, accepted=accepted)  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("made", "outcome", "reason"),
    [
        (judged(), "pass", "it brings in nothing but code of its own"),
        (judged("packages"), "pass", "it brings in: 1 new or moved package"),
        (judged("packages", "workflows"), "error", "it brings in 1 workflow file"),
        (judged("secrets", "workflows"), "fail", "it brings in what is refused: 1 secret"),
        (judged("workflows", accepted=True), "pass", "a person accepted what it brings in: 1 workflow file"),
        (judged("secrets", accepted=True), "fail", "it brings in what is refused: 1 secret"),
        (judged("packages", packages="refuse"), "fail", "it brings in what is refused: 1 new or moved package"),
        (judged("packages", packages="park"), "error",
         "it brings in 1 new or moved package"),
        (judged("secrets", secrets="show"), "pass", "it brings in: 1 secret"),
    ],
)  # fmt: skip
def test_the_values_say_what_is_done(made, outcome, reason):
    assert (made.outcome, made.reason()) == (outcome, reason)


def test_the_values_say_what_to_do_about_every_kind():
    assert list(POLICY) == list(KINDS)
    assert policy(Supply(**dict.fromkeys(KINDS, "park"))) == dict.fromkeys(KINDS, "park")


def test_the_defaults_are_those_of_the_values():
    refused = {kind for kind in KINDS if POLICY[kind] == "refuse"}
    assert refused == {"secrets", "hidden_text", "links", "lock_files"}
    assert {kind for kind in KINDS if POLICY[kind] == "show"} == {"packages", "images", "large_files"}


def test_only_what_was_read_and_is_not_refused_can_be_accepted():
    assert judged("workflows").acceptable
    assert not judged("workflows", "secrets").acceptable
    assert not Judgement(inspected({"package.json": "{"}), POLICY).acceptable


@pytest.mark.rule("R7")
def test_the_check_quotes_paths_and_lines_and_is_bounded():
    text = judged("packages", "secrets").markdown()
    assert "``a`b.txt``: ``some`thing``: is so" in text
    assert text.index("### Refused") < text.index("### Shown")
    many = tuple(Finding("packages", "p" * 300, "is so", f"{n}{'x' * 300}") for n in range(500))
    all_kinds = tuple(Finding(kind, "p" * 300, "is so", f"{n}{'x' * 300}") for kind in KINDS for n in range(60))
    assert "and 460 more new or moved packages" in Judgement(Inspection(many), POLICY).markdown()
    assert len(Judgement(Inspection(all_kinds), POLICY).markdown()) < 60_100


@given(st.sets(st.sampled_from(KINDS)), st.sampled_from(KINDS), st.booleans())
def test_a_further_finding_never_turns_a_refusal_into_a_pass(some, more, accepted):
    order = {"pass": 0, "error": 1, "fail": 2}
    before, after = judged(*some, accepted=accepted), judged(*some, more, accepted=accepted)
    assert order[after.outcome] >= order[before.outcome]


WORDS = [
    "dependencies", "devDependencies", "overrides", "pnpm", "scripts", "packages", "node_modules/a", "a@1.0.0",
    "resolved", "resolution", "importers", ".", "snapshots", "requires", "project", "tool", "poetry", "uv",
    "sources", "index",
    "source", "git", "path", "build-system", "package", "default", "hashes", "target", "patch", "name", "version",
    "workspace",
]  # fmt: skip
SHAPES = st.recursive(
    st.sampled_from(["", "1", "^1", "git+https://x", "../a", "npm:a@1", "==1", 1, True, 2.5]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(WORDS), SHAPES, max_size=4))
def test_whatever_shape_a_file_has_the_gate_ends(document):
    files = {"package.json": npm(), "pnpm-lock.yaml": yaml.safe_dump(document)}
    inspected(files)
    inspected({"package.json": npm(**document), "package-lock.json": json.dumps(document)})
    inspected({"Pipfile.lock": json.dumps(document), "Pipfile": tomlkit.dumps(document)})
    inspected({"pyproject.toml": tomlkit.dumps(document), "uv.lock": tomlkit.dumps(document)})
    inspected({"Cargo.toml": tomlkit.dumps(document), "Cargo.lock": tomlkit.dumps(document)})


@given(st.text(alphabet="ab@/:.^~\"'{}[]=\n\t #-+1", max_size=200), st.sampled_from(
    ["requirements.txt", "package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "Cargo.toml", "Cargo.lock",
     "go.mod", "go.sum", "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock"]
))  # fmt: skip
def test_whatever_a_file_holds_the_gate_ends(text, path):
    inspected({path: text})


def test_a_hostile_change_costs_seconds_not_minutes():
    begin = time.monotonic()
    inspected(
        {
            "a.py": "sys . " * 100_000,
            "b.js": "process" * 100_000,
            "c.txt": "AKIA" * 200_000,
            "yarn.lock": "a@" * 300_000,
        }
    )
    assert time.monotonic() - begin < 20
