"""The environment contract that a project's files propose: shapes of real public projects, and hostile ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import SUBMODULE, Link, tree

from pressplay.gates.proving import environment
from pressplay.gates.proving.detection import FILE, detect
from pressplay.gates.proving.model import Project
from pressplay.gates.proving.node_scripts import ENVIRONMENT, NAMES, package_tests

NPM = "npm ci --ignore-scripts --no-audit --no-fund"
NO_LOCK = "npm install --ignore-scripts --no-package-lock --no-audit --no-fund"
PYTEST = 'python3 -m pytest -q -p no:cacheprovider --junitxml="$REPORT" --continue-on-collection-errors'
CARGO = "cargo test --workspace --no-fail-fast"
GO = "go test -json -count=1 ./..."
JEST = f'{ENVIRONMENT}; jest --json --outputFile="$REPORT"'
VITEST = f'{ENVIRONMENT}; vitest --run --reporter=junit --outputFile="$REPORT"'


def package(test: str = "", **more: object) -> str:
    return json.dumps({**({"scripts": {"test": test}} if test else {}), **more})


def commands(files: dict[str, object]) -> dict[str, tuple[str, str]]:
    """Folder → test command and report."""
    return {project.folder: (project.test, project.report) for project in detect(tree(files)).environment.projects}


@pytest.mark.rule("FR10")
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"Cargo.toml": "[package]", "Cargo.lock": "", "src/lib.rs": "", "tests/cli.rs": ""},
            {"": (CARGO, "libtest")},
            id="ripgrep: a crate at the root",
        ),
        pytest.param(
            {"Cargo.toml": "[workspace]\nmembers = ['tokio', 'tokio-util']\n", "tokio/Cargo.toml": "[package]"},
            {"": (CARGO, "libtest")},
            id="tokio: a workspace is one project",
        ),
        pytest.param(
            {
                "rust/Cargo.toml": "[package]",
                "python/pyproject.toml": "[project]",
                "python/tests/test_a.py": "import pytest",
            },
            {"rust": (CARGO, "libtest"), "python": (PYTEST, "junit")},
            id="polars: languages in folders",
        ),
        pytest.param(
            {
                "pyproject.toml": "[dependency-groups]\ntests = ['pytest']",
                "src/flask/__init__.py": "",
                "tests/test_b.py": "",
            },
            {"": (f"PYTHONPATH=src {PYTEST}", "junit")},
            id="flask: a src layout with pytest",
        ),
        pytest.param(
            {"setup.py": "", "requirements-dev.txt": "pytest>=8\n", "requests/__init__.py": "", "tests/test_a.py": ""},
            {"": (PYTEST, "junit")},
            id="requests: pytest in a requirements file",
        ),
        pytest.param(
            {"setup.py": "", "tox.ini": "[testenv]\ncommands = pytest", "tests/test_a.py": ""},
            {"": (PYTEST, "junit")},
            id="pytest in tox.ini",
        ),
        pytest.param(
            {
                "pyproject.toml": "",
                "pkg/__init__.py": "",
                "tests/__init__.py": "",
                "tests/test_a.py": "import unittest",
            },
            {"": ("python3 -m unittest discover -v", "unittest")},
            id="unittest in a package",
        ),
        pytest.param(
            {"pyproject.toml": "", "pkg.py": "", "tests/test_a.py": "import unittest"},
            {"": ("python3 -m unittest discover -v -s tests", "unittest")},
            id="unittest in a folder that is no package",
        ),
        pytest.param(
            {"a.py": "", "unit/test_a.py": "", "integration/test_b.py": ""},
            {
                "": (
                    "failed=0; python3 -m unittest discover -v -s integration || failed=1; "
                    "python3 -m unittest discover -v -s unit || failed=1; (exit $failed)",
                    "unittest",
                )
            },
            id="unittest in two folders",
        ),
        pytest.param(
            {"manage.py": "", "requirements.txt": "django", "polls/__init__.py": "", "polls/tests.py": ""},
            {"": ("python3 manage.py test -v 2 --noinput", "unittest")},
            id="django-polls",
        ),
        pytest.param(
            {"go.mod": "module github.com/spf13/cobra", "cobra.go": "", "cobra_test.go": ""},
            {"": (GO, "go-json")},
            id="cobra: a module",
        ),
        pytest.param(
            {"services/api/go.mod": "module a", "services/web/package.json": package("jest"), "README.md": ""},
            {"services/api": (GO, "go-json"), "services/web": (JEST, "jest-json")},
            id="two levels",
        ),
        pytest.param(
            {"package.json": package("xo && ava && tsd", devDependencies={"ava": "6"}), "test.js": ""},
            {"": (f"{ENVIRONMENT}; ava --tap", "tap")},
            id="sindresorhus: linters beside the runner, no lock file",
        ),
        pytest.param(
            {"package.json": package("mocha --require test/support/env --reporter spec --check-leaks test/")},
            {
                "": (
                    f"{ENVIRONMENT}; mocha --require test/support/env --check-leaks test/ "
                    '--reporter xunit --reporter-option output="$REPORT"',
                    "junit",
                )
            },
            id="express: mocha with a reporter of its own",
        ),
        pytest.param(
            {"package.json": package("vitest", packageManager="pnpm@9"), "pnpm-lock.yaml": ""},
            {"": (VITEST, "junit")},
            id="vite app: vitest would watch",
        ),
        pytest.param(
            {"package.json": package("react-scripts test"), "yarn.lock": ""},
            {
                "": (
                    f'{ENVIRONMENT}; react-scripts test --json --outputFile="$REPORT" --watchAll=false',
                    "jest-json",
                )
            },
            id="create-react-app",
        ),
        pytest.param(
            {"package.json": package("node --test --test-reporter spec test/*.js")},
            {
                "": (
                    f'{ENVIRONMENT}; node --test --test-reporter=junit --test-reporter-destination="$REPORT" test/*.js',
                    "junit",
                )
            },
            id="node's own runner",
        ),
        pytest.param(
            {
                "package.json": package("pnpm -r test"),
                "pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n  - '!packages/docs'\n",
                "packages/core/package.json": package("jest"),
                "packages/cli/package.json": package("jest"),
                "packages/docs/package.json": package("jest"),
            },
            {
                "": (
                    f'{ENVIRONMENT}:"$PWD/packages/cli/node_modules/.bin"; jest --projects packages/cli packages/core '
                    '--json --outputFile="$REPORT"',
                    "jest-json",
                )
            },
            id="a pnpm workspace of jest packages is one project",
        ),
        pytest.param(
            {"pyproject.toml": "[tool.ruff]", "backend/go.mod": "", "frontend/package.json": package("vitest run")},
            {"": ("", "exit"), "backend": (GO, "go-json"), "frontend": (VITEST, "junit")},
            id="a tool's configuration at the root hides no folder",
        ),
        pytest.param(
            {"package.json": package(devDependencies={"husky": "9"}), "Cargo.toml": "[package]"},
            {"": (CARGO, "libtest")},
            id="commit hooks beside a crate",
        ),
        pytest.param({"go.mod": "", "scripts/release.py": ""}, {"": (GO, "go-json")}, id="a script is no project"),
        pytest.param({"README.md": "", "docs/index.md": ""}, {}, id="no project"),
        pytest.param(
            {"examples/a/package.json": package("jest"), "vendor/x/go.mod": "", "node_modules/y/package.json": "{}"},
            {},
            id="others' projects",
        ),
        pytest.param(
            {"package.json": package('echo "Error: no test specified" && exit 1')},
            {"": ("", "exit")},
            id="npm's placeholder is no test",
        ),
    ],
)
def test_shapes_of_real_projects(files: dict[str, object], expected: dict[str, tuple[str, str]]) -> None:
    assert commands(files) == expected


@pytest.mark.parametrize(
    ("files", "setup", "packages"),
    [
        ({"package.json": package("jest", dependencies={"a": "1"}), "package-lock.json": "{}"}, NPM, "node_modules"),
        (
            {"package.json": package("jest"), "pnpm-lock.yaml": ""},
            "pnpm install --frozen-lockfile --ignore-scripts",
            "node_modules",
        ),
        (
            {"package.json": package("jest"), "yarn.lock": "# yarn lockfile v1\n"},
            "yarn install --frozen-lockfile --ignore-scripts",
            "node_modules",
        ),
        (
            {"package.json": package("jest"), "yarn.lock": "# generated\n\n__metadata:\n  version: 8\n"},
            "YARN_NODE_LINKER=node-modules yarn install --immutable --mode=skip-build",
            "node_modules",
        ),
        ({"package.json": package("jest", devDependencies={"jest": "1"})}, NO_LOCK, "node_modules"),
        ({"package.json": package("node --test")}, "", ""),
        ({"package.json": package("node --test"), "package-lock.json": "", "node_modules/a/index.js": ""}, "", ""),
        ({"Cargo.toml": "", "Cargo.lock": ""}, "cargo fetch --locked", ""),
        ({"Cargo.toml": ""}, "cargo fetch", ""),
        ({"go.mod": ""}, "go mod download", ""),
        ({"go.mod": "", "vendor/modules.txt": ""}, "", ""),
        ({"pyproject.toml": "[project]\ndependencies = ['x']", "tests/test_a.py": ""}, "", ""),
    ],
)
def test_setup_runs_nothing_of_packages(files: dict[str, object], setup: str, packages: str) -> None:
    (project,) = detect(tree(files)).environment.projects
    assert (project.setup, project.packages) == ((setup,) if setup else (), (packages,) if packages else ())


def test_members_packages_are_kept_too() -> None:
    files = {
        "package.json": package("vitest", workspaces={"packages": ["packages/*"]}),
        "package-lock.json": "",
        "packages/a/package.json": "{}",
    }
    (project,) = detect(tree(files)).environment.projects
    assert (project.test, project.packages) == (VITEST, ("node_modules", "packages/a/node_modules"))


# --- scripts of a package.json ----------------------------------------------------------------------------------------

XUNIT = '--reporter xunit --reporter-option output="$REPORT"'
MOCHA = f"mocha {XUNIT}"
BAIL = f"mocha --bail {XUNIT}"


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("scripts", "build", "parts"),
    [
        ({"test": "npm run build && mocha", "build": "tsc -p ."}, ("tsc -p .",), (MOCHA,)),
        ({"pretest": "npm run lint && npm run b", "test": "mocha", "lint": "x", "b": "tsc"}, ("tsc",), (MOCHA,)),
        ({"test": "run-s lint b test:*", "lint": "x", "b": "tsc", "test:a": "mocha", "test:a:b": "y"}, ("tsc",),
         (MOCHA,)),
        ({"test": "yarn unit --bail", "unit": "mocha"}, (), (BAIL,)),
        ({"test": "npm run unit -- --bail", "unit": "mocha"}, (), (BAIL,)),
        ({"test": "yarn mocha"}, (), (MOCHA,)),
        ({"test": "pnpm exec mocha"}, (), (MOCHA,)),
        ({"test": "tsc --noEmit && prettier -c . && mocha && codecov"}, (), (MOCHA,)),
        ({"test": "jest --watchAll --json"}, (), ('jest --json --outputFile="$REPORT"',)),
        (
            {"test": "vitest watch --reporter dot --dir dev"},
            (),
            ('vitest --dir dev --run --reporter=junit --outputFile="$REPORT"',),
        ),
        ({"test:unit": "mocha"}, (), (MOCHA,)),
        ({"test": "make x && ./run-tests"}, ("make x",), ("./run-tests",)),
        ({"test": "jest -- pattern"}, (), ("jest -- pattern",)),
        ({"test": "tape test.js | tap-spec"}, (), ("tape test.js | tap-spec",)),
        ({"test": "mocha; rm -rf tmp"}, (), ("mocha; rm -rf tmp",)),
        ({"test": "mocha\nrm -rf tmp"}, (), ("mocha\nrm -rf tmp",)),
        ({"test": "eslint . ; mocha"}, (), ("eslint . ; mocha",)),
        ({"test": "mocha \"a && b\" 'c;d'"}, (), (f"mocha \"a && b\" 'c;d' {XUNIT}",)),
        ({"test": 'mocha "unclosed'}, (), ('mocha "unclosed',)),
        ({"test": "rm -rf mocha"}, (), ("rm -rf mocha",)),
        ({"test": "   "}, (), ()),
        ({"test": ["mocha"]}, (), ()),
        ({}, (), ()),
    ],
)  # fmt: skip
def test_scripts_are_written_out(scripts: dict[str, object], build: tuple[str, ...], parts: tuple[str, ...]) -> None:
    tests = package_tests(scripts)
    assert (tests.build, tuple(part.line for part in tests.parts), tests.why) == (build, parts, "")


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    "test",
    [
        "turbo run test",
        "lerna run test",
        "nx run-many -t test",
        "npm test --workspaces",
        "npm run unit --workspace=a",
        "pnpm -r test",
        "pnpm --filter a test",
        "yarn workspaces run test",
        "yarn workspaces foreach -A run test",
        "CI=1 npm run unit",
        "cross-env CI=1 yarn unit",
        "sh -c 'npm run unit'",
        "echo `npm run unit`",
        'mocha "$(npm run unit)"',
        "mocha || npm run unit",
        "mocha\nnpm run unit",
        "./node_modules/.bin/npm-run-all unit --parallel",
        "npm run nothing",
        "run-s nothing",
        "concurrently 'npm:unit'",
        "bun run --bun unit",
        "node --run unit",
    ],
)
def test_what_asks_for_a_script_of_the_pull_request_is_not_taken(test: str) -> None:
    tests = package_tests({"test": test, "unit": "mocha"})
    assert (tests.build, tests.parts) == ((), ())
    assert tests.why


def test_a_script_that_calls_itself_or_too_many_ends() -> None:
    assert package_tests({"test": "npm test"}).why == "calls itself"
    assert package_tests({"test": "npm run a", "a": "npm run b", "b": "npm run a"}).why == "calls itself"
    doubled = {f"s{n}": f"npm run s{n + 1} && npm run s{n + 1}" for n in range(30)}
    assert "more than" in package_tests({"test": "npm run s0", **doubled, "s30": "mocha"}).why
    assert "characters" in package_tests({"test": "x" * 5_000}).why
    assert "control" in package_tests({"test": "mocha \x1b[2J"}).why


WORDS = st.sampled_from(
    [
        "npm",
        "run",
        "test",
        "unit",
        "yarn",
        "pnpm",
        "mocha",
        "jest",
        "&&",
        ";",
        "'",
        '"',
        "\\",
        "\n",
        "--",
        "-r",
        "|",
        "(",
        "$(",
        "`",
    ]
)


@pytest.mark.rule("R6")
@given(
    st.dictionaries(st.sampled_from([*NAMES, "pretest", "posttest", "a"]), st.lists(WORDS, max_size=8).map(" ".join))
)
def test_no_manager_of_scripts_is_ever_in_a_command(scripts: dict[str, str]) -> None:
    tests = package_tests(scripts)
    for line in (*tests.build, *(part.line for part in tests.parts)):
        assert not {"npm", "yarn", "pnpm"} & set(re.split(r"[\s\"'(`]+", line))


@given(st.text(max_size=100))
def test_any_script_gives_a_contract_that_can_be_read(test: str) -> None:
    contract = detect(tree({"package.json": json.dumps({"scripts": {"test": test}})}))
    assert environment.read(environment.written(contract.environment, contract.advice).encode(), FILE).projects


# --- what can't be read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"package.json": "{"}, "not JSON"),
        ({"package.json": "[]"}, "without a table"),
        ({"package.json": Link("elsewhere.json")}, "a symbolic link"),
        ({"package.json": SUBMODULE}, "a submodule"),
        ({"package.json": b'"' + b"x" * 1_000_001}, "larger than"),
        ({"package.json": package("pnpm -r test"), "pnpm-workspace.yaml": "packages: *x"}, "not plain YAML"),
        ({"package.json": package("jest"), "yarn.lock": Link("/etc/passwd")}, "a symbolic link"),
    ],
)
def test_what_cant_be_read_makes_no_project_and_is_said(files: dict[str, object], words: str) -> None:
    contract = detect(tree(files))
    assert contract.environment.projects == ()
    assert [words in str(advice) for advice in contract.advice] == [True]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"package.json": package("turbo run test")}, "a pull request can change those"),
        ({"package.json": package("jest", dependencies={"a": "1"})}, "no lock file"),
        ({"package.json": package("./run")}, "how its tests report is not known"),
        ({"requirements.txt": "flask", "tests/test_a.py": ""}, "no setup is detected for Python"),
        ({"setup.py": "", "src_test.py": ""}, "neither pytest's nor named"),
        ({"Cargo.toml": "", "package.json": package("jest")}, "tests in rust and typescript"),
    ],
)
def test_says_what_was_not_detected(files: dict[str, object], words: str) -> None:
    assert words in "\n".join(map(str, detect(tree(files)).advice))


def test_the_head_of_a_monorepo_is_bounded() -> None:
    contract = detect(tree({f"p{n}/go.mod": "" for n in range(70)}))
    assert len(contract.environment.projects) == 50
    assert "only the first 50 of 70" in str(contract.advice[-1])


@given(
    st.dictionaries(
        st.sampled_from(
            ["package.json", "go.mod", "Cargo.toml", "pyproject.toml", "a/package.json", "a/b/pyproject.toml",
             "yarn.lock", "tests/test_a.py", "pnpm-workspace.yaml", "setup.cfg", "requirements.txt",
             "a/tests/test_b.py", "src/x/__init__.py"]
        ),
        st.binary(max_size=30) | st.sampled_from([b"{}", b'{"workspaces": ["*"], "scripts": {"test": 3}}', b"[a]"]),
    )
)  # fmt: skip
def test_any_files_give_a_contract(files: dict[str, object]) -> None:
    contract = detect(tree(files))
    if contract.environment.projects:
        again = environment.read(environment.written(contract.environment, contract.advice).encode(), FILE)
        assert again.projects == contract.environment.projects


# --- run for real -----------------------------------------------------------------------------------------------------

UNITTEST = """\
import unittest
import {0}


class T(unittest.TestCase):
    def test_it(self):
        self.assertEqual({0}.one(), 1)
"""
ONE = "def one(): return 1\n"


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": "", "pkg/__init__.py": ONE, "tests/test_a.py": UNITTEST.format("pkg")},
        {"pyproject.toml": "", "src/pkg/__init__.py": ONE, "tests/test_a.py": UNITTEST.format("pkg")},
        {"a.py": ONE, "tests/__init__.py": "", "tests/test_a.py": UNITTEST.format("a")},
        {"a.py": ONE, "test_a.py": UNITTEST.format("a")},
        {"a.py": ONE, "x/test_a.py": UNITTEST.format("a"), "y/test_b.py": UNITTEST.format("a")},
        {"pytest.ini": "", "setup.py": "", "src/pkg/__init__.py": ONE, "tests/test_a.py": UNITTEST.format("pkg")},
    ],
)  # fmt: skip
def test_detected_commands_find_python_tests(files: dict[str, str], tmp_path: Path) -> None:
    (project,) = detect(tree(files)).environment.projects
    done = run(project, files, tmp_path)
    assert done.returncode == 0, done.stderr
    report = tmp_path / "report"
    passed = report.read_text().count("<testcase") if report.exists() else done.stderr.count("... ok")
    assert passed == sum("test_" in path for path in files)
    module = next(path for path, text in files.items() if text == ONE)
    failed = run(project, {**files, module: "def one(): return 2\n"}, tmp_path)
    assert failed.returncode == 1


def run(project: Project, files: dict[str, str], place: Path) -> subprocess.CompletedProcess[str]:
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = {"PATH": path, "REPORT": str(place / "report"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["sh", "-c", project.test], cwd=place, env=variables, capture_output=True, text=True, check=False
    )


def test_members_reports_become_one_and_none_is_missed(tmp_path: Path) -> None:
    member = """\
#!/bin/sh
for word; do out=${word#output=}; done
[ ! -e no-report ] || exit 1
printf '<?xml version="1.0"?>\\n<testsuite><testcase classname="S" name="%s"/></testsuite>\\n' "${PWD##*/}" > "$out"
[ ! -e fails ]
"""
    files = {
        "package.json": package("turbo run test", workspaces=["packages/*"]),
        "packages/a/package.json": package("mocha"),
        "packages/b/package.json": package("mocha"),
    }
    (project,) = detect(tree(files)).environment.projects
    assert project.report == "junit"
    mocha = tmp_path / "node_modules/.bin/mocha"
    mocha.parent.mkdir(parents=True)
    mocha.write_text(member)
    mocha.chmod(0o755)
    assert run(project, files, tmp_path).returncode == 0
    report = (tmp_path / "report").read_text()
    assert report.count("<testsuite>") == 2
    assert "<?xml" not in report
    assert '<testcase classname="packages/a/S" name="a"/>' in report
    assert '<testcase classname="packages/b/S" name="b"/>' in report
    (tmp_path / "packages/a/fails").touch()
    assert run(project, files, tmp_path).returncode == 1
    assert (tmp_path / "report").read_text() == report
    for old in tmp_path.glob("report*"):
        old.unlink()
    (tmp_path / "packages/b/no-report").touch()
    assert run(project, files, tmp_path).returncode == 1
    assert not (tmp_path / "report").exists()
