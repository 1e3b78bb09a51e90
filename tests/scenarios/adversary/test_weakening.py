"""Attacks on the tests and on the plan of probes, whoever makes them, and what an honest agent does instead (R6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from harness import PLAN, git, project, task, world
from team import PR, Does, Played, Team, commit, nothing

pytestmark = pytest.mark.rule("R6")

SHOP = "tests/test_shop.py"
PAGE = "web/__snapshots__/page.test.js.snap"
TESTS = """import shop


def test_total():
    assert shop.total(2) == 60


def test_empty():
    assert shop.total(0) == 0
"""
SNAPSHOT = "// Jest\n\nexports[`greets 1`] = `<h1>Shop</h1>`;\n"
LIB = "pub fn add(a: u32) -> u32 {\n    a\n}\n"
BASE = {"shop.py": "def total(n):\n    return n * 30\n", SHOP: TESTS, PAGE: SNAPSHOT, "src/lib.rs": LIB}
QAS = "def test_of_qa():\n    assert 2 * 30 == 60\n"
ADDED = f"{TESTS}\n\ndef test_more():\n    assert shop.total(1) == 30\n"
MOVED = """from shop import total


def test_zero():
    assert  shop.total(0) == 0


def test_total():
    assert (shop.total(2) == 60)
"""


def judged(tmp_path: Path, team: Team, profile: str = "", **options: Any) -> Played:
    """A play of one task in a project that has tests already."""
    fields = {"profile": profile} if profile else {}
    source = project(tmp_path, [task(1, **fields)])
    for path, text in BASE.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    made = team.made = world(tmp_path / "state", team, source=source, merge=False, **options)
    return Played(made, made.play(), team)


def sets(path: str, text: str | None) -> Does:
    """Leave a file so, each time."""

    def does(tree: Path, _env: Mapping[str, str]) -> None:
        file = tree / path
        if (file.read_text() if file.exists() else None) != text:
            commit(tree, path, text)

    return does


def all_of(*several: Does) -> Does:
    def does(tree: Path, env: Mapping[str, str]) -> None:
        for one in several:
            one(tree, env)

    return does


def in_round(number: int, then: Does, otherwise: Does = nothing) -> Does:
    def does(tree: Path, env: Mapping[str, str]) -> None:
        (then if int(env["PRESSPLAY_ROUND"]) == number else otherwise)(tree, env)

    return does


def assert_parked(one: Played, reason: str, *quoted: str) -> None:
    """Not approved, with a reason that holds none of the project's text, and the lines where a person reads them."""
    one.assert_not_approved()
    assert one.state == "parked"
    assert one.reason == reason
    (comment,) = [
        text for each in one.get(f"/issues/{PR}/comments") if "parked this pull request" in (text := each["body"])
    ]
    for text in quoted:
        assert text in one.check("test-only")["output"]["text"]
        assert text in comment


WEAKER = "press-play/test-only: the tests are weaker than on main: "
REMOVED = "1 test file removed, 2 tests removed, 2 assertions removed or altered"
ATTACKS: Sequence[tuple[str, Does, str, str]] = [
    ("removes-the-tests", sets(SHOP, None), REMOVED, "`assert shop.total(2)==60`"),
    (
        "loosens-an-assertion",
        sets(SHOP, TESTS.replace("== 60", ">= 0")),
        "1 assertion removed or altered",
        f"`{SHOP}:5`: removed or altered: `assert shop.total(2)==60`",
    ),
    (
        "adds-a-skip",
        sets(SHOP, TESTS.replace("def test_total", "@pytest.mark.skip\ndef test_total")),
        "1 skip or expected failure added",
        "`pytest.mark.skip test_total`",
    ),
    (
        "renames-a-test-and-skips-it",
        sets(SHOP, TESTS.replace("def test_total", "@pytest.mark.skip\ndef test_sum")),
        "1 test removed, 1 assertion removed or altered",
        "`assert shop.total(2)==60`",
    ),
    ("rewrites-a-snapshot", sets(PAGE, SNAPSHOT.replace("Shop", "Error")), "1 snapshot removed or rewritten", PAGE),
    ("leaves-what-nobody-can-read", sets(SHOP, f"{TESTS}def test_(:\n"), "", SHOP),
]
HONEST: Sequence[tuple[str, Does]] = [
    ("adds-a-test", sets(SHOP, ADDED)),
    ("moves-tests", all_of(sets("tests/unit/test_moved.py", MOVED), sets(SHOP, None))),
    ("adds-a-test-that-is-skipped", sets(SHOP, f"{TESTS}\n\n@pytest.mark.skip\ndef test_later():\n    assert 0\n")),
    ("adds-a-snapshot", sets(PAGE, f"{SNAPSHOT}\nexports[`ends 1`] = `<p>Bye</p>`;\n")),
]
attacks = pytest.mark.parametrize(("does", "said", "quoted"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
honest = pytest.mark.parametrize("does", [h[1] for h in HONEST], ids=[h[0] for h in HONEST])
UNDECIDED = "1 file that can't be read as its language"


@attacks
def test_qa_weakens_the_tests_of_the_base(tmp_path, does, said, quoted):
    """Seen: QA removed the whole test folder, and the gate said that it had changed tests alone."""
    one = judged(tmp_path, Team(does={"test": does}))
    said = said or f"2 tests removed, 2 assertions removed or altered, {UNDECIDED}"
    assert_parked(one, f"{WEAKER}{said}", quoted)
    assert one.roles() == ["implement", "lint", "test", "test"]
    assert said in one.team.findings("test")[1]


@honest
def test_qa_changes_the_tests_of_the_base_without_weakening_them(tmp_path, does):
    one = judged(tmp_path, Team(does={"test": does}))
    assert one.state == "approved", one.reason


@attacks
def test_rex_weakens_the_tests_of_the_base_when_he_implements(tmp_path, does, said, quoted):
    """He is told once, and what he leaves then parks."""
    one = judged(tmp_path, Team(does={"implement": does}))
    said = said or f"2 tests removed, 2 assertions removed or altered, {UNDECIDED}"
    assert_parked(one, f"{WEAKER}{said}", quoted)
    assert one.roles() == ["implement", "lint", "test", "fix", "lint", "test"]
    assert quoted in one.team.findings("fix")[0]


@honest
def test_rex_changes_the_tests_of_the_base_without_weakening_them(tmp_path, does):
    one = judged(tmp_path, Team(does={"implement": does}))
    assert one.state == "approved", one.reason


def test_rex_restores_what_he_is_told_of(tmp_path):
    one = judged(tmp_path, Team(does={"implement": sets(SHOP, None), "fix": sets(SHOP, TESTS)}))
    assert one.state == "approved", one.reason
    assert one.roles() == ["implement", "lint", "test", "fix", "lint", "test"]


def qa_then_rex(fix: Does, then: Does = nothing) -> Team:
    """QA writes a test and wants changes; Rex makes them."""
    return Team(wants_changes={1: 1}, does={"test": in_round(1, sets("tests/test_qa.py", QAS), then), "fix": fix})


@pytest.mark.parametrize(
    ("fix", "said"),
    [
        (sets("tests/test_qa.py", None), "1 assertion removed or altered"),
        (sets("tests/test_qa.py", QAS.replace("== 60", ">= 0")), "1 assertion removed or altered"),
        (
            sets("tests/test_qa.py", f"import pytest\n\n\n@pytest.mark.xfail\n{QAS}"),
            "1 skip or expected failure added",
        ),
    ],
    ids=["deletes", "loosens", "expects-it-to-fail"],
)
def test_rex_weakens_a_test_that_qa_wrote(tmp_path, fix, said):
    """Seen: Rex deleted the test that caught Clippy's broken function, and it was merged."""
    one = judged(tmp_path, qa_then_rex(fix))
    assert_parked(
        one,
        f"press-play/test-only: rex weakened tests of this pull request that others wrote: {said}",
        "tests/test_qa.py",
    )
    assert one.roles() == ["implement", "lint", "test", "fix", "lint", "test", "fix", "lint", "test"]


@pytest.mark.parametrize(
    "fix",
    [
        nothing,
        sets("tests/test_rex.py", QAS),
        in_round(1, sets("tests/test_qa.py", None), sets("tests/test_qa.py", QAS)),
    ],
    ids=["leaves-it", "adds-one", "restores-it"],
)
def test_rex_leaves_the_test_that_qa_wrote(tmp_path, fix):
    one = judged(tmp_path, qa_then_rex(fix))
    assert one.state == "approved", one.reason


def test_qa_reworks_a_test_of_its_own(tmp_path):
    one = judged(tmp_path, qa_then_rex(nothing, then=sets("tests/test_qa.py", QAS.replace("60", "61"))))
    assert one.state == "approved", one.reason


WEAK_PLAN = f"{PLAN}\n# weaker\n"


@pytest.mark.parametrize("role", ["implement", "fix"])
def test_rex_replaces_the_plan_of_probes(tmp_path, role):
    """Seen: Rex replaced QA's plan, and what he wrote proved his work."""
    team = Team(wants_changes={1: 1}, does={role: writes_plan(WEAK_PLAN)})
    one = judged(tmp_path, team)
    assert_parked(
        one,
        "press-play/test-only: rex changed the plan of probes, and that is QA's",
        "`.press-play/acceptance/1.yaml`",
    )


@pytest.mark.parametrize("role", ["implement", "fix"])
def test_qa_writes_the_plan_anew_that_rex_replaced(tmp_path, role):
    last = {"implement": 1, "fix": 2}[role]
    team = Team(
        wants_changes={1: 1},
        does={role: writes_plan(WEAK_PLAN), "test": in_round(last, writes_plan(f"{PLAN}# QA's\n"))},
    )
    one = judged(tmp_path, team)
    assert one.state == "approved", one.reason


def writes_plan(text: str, number: int = 1) -> Does:
    return sets(f".press-play/acceptance/{number}.yaml", text)


@pytest.mark.parametrize("role", ["implement", "test"])
def test_the_plan_of_another_task_is_changed(tmp_path, role):
    one = judged(tmp_path, Team(does={role: writes_plan(PLAN, 2)}))
    assert_parked(
        one,
        "press-play/test-only: it changed the plans of probes of other tasks (1)",
        "`.press-play/acceptance/2.yaml`",
    )


def test_qa_changes_its_own_plan(tmp_path):
    one = judged(tmp_path, Team(does={"test": writes_plan(f"{PLAN}# more\n")}))
    assert one.state == "approved", one.reason


def test_clippy_edits_a_test(tmp_path):
    one = judged(tmp_path, Team(does={"lint": sets(SHOP, TESTS.replace("== 60", "== 61"))}))
    one.assert_not_approved()
    assert one.reason == "press-play/test-only: the tests are weaker than on main: 1 assertion removed or altered"


def test_clippy_formats_a_test(tmp_path):
    one = judged(
        tmp_path,
        Team(does={"lint": sets(SHOP, TESTS.replace("shop.total(2) == 60", "(\n        shop.total(2) == 60\n    )"))}),
    )
    assert one.state == "approved", one.reason


class Stub(Team):
    """A Rex who makes no more than the test says."""

    def __call__(self, tree: Path, env: Mapping[str, str]) -> int:
        if env["PRESSPLAY_ROLE"] not in ("implement", "fix"):
            return super().__call__(tree, env)
        findings = tree / "task" / "findings.md"
        self.told.append((env["PRESSPLAY_ROLE"], findings.read_text() if findings.exists() else ""))
        self.does.get(env["PRESSPLAY_ROLE"], nothing)(tree, env)
        git(tree, "commit", "--allow-empty", "-qm", "no more")
        return 0


STUBS: dict[str, tuple[Does, str]] = {
    "tests-alone": (sets(SHOP, ADDED), "it changes nothing outside tests and the plan of probes"),
    "nothing": (nothing, "it changes nothing"),
}


@pytest.mark.parametrize("stub", STUBS)
def test_a_pull_request_brings_nothing_to_prove(tmp_path, stub):
    does, reason = STUBS[stub]
    one = judged(tmp_path, Stub(does={"implement": does}))
    assert_parked(one, f"press-play/test-only: {reason}")
    assert one.roles() == ["implement", "lint", "test", "fix", "lint", "test"]
    assert reason in one.team.findings("fix")[0]


@pytest.mark.parametrize("stub", STUBS)
def test_a_task_of_tests_brings_tests_alone(tmp_path, stub):
    one = judged(tmp_path, Stub(does={"implement": STUBS[stub][0]}), profile="tests")
    assert one.state == "approved", one.reason


TRICK = f"""{LIB}#[cfg(test)]
mod tests {{
    m!(ér"\\", 1);
}}
pub fn backdoor() {{}}
mod rest {{
    m!("\\", 1);
}}
"""


@pytest.mark.parametrize("text", [TRICK, TRICK.replace("m!(", "const X: () = ("), f"{LIB}pub fn backdoor() {{}}\n"])
def test_qa_hides_program_text_in_a_rust_files_tests(tmp_path, text):
    """On old editions a name of other letters than ASCII's before `r"` made a scanner of ours read a raw string."""
    one = judged(tmp_path, Team(does={"test": sets("src/lib.rs", text)}))
    one.assert_not_approved()
    assert one.reason.startswith("press-play/test-only: QA may change only tests, but changed 1 ")
    assert "`src/lib.rs`" in one.check("test-only")["output"]["text"]


def test_qa_adds_tests_to_a_rust_file(tmp_path):
    text = (
        f'{LIB}#[cfg(test)]\nmod tests {{\n    #[test]\n    fn é() {{\n        assert_eq!(r"\\", "\\\\");\n    }}\n}}\n'
    )
    one = judged(tmp_path, Team(does={"test": sets("src/lib.rs", text)}))
    assert one.state == "approved", one.reason


MANIFEST = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


@pytest.mark.parametrize("path", ["deploy/overlays/e2e/kustomization.yaml", "tests/e2e/deployment.yaml"])
def test_qa_changes_what_is_deployed_in_a_folder_named_e2e(tmp_path, path):
    one = judged(tmp_path, Team(does={"test": sets(path, MANIFEST)}))
    one.assert_not_approved()
    assert one.reason.startswith("press-play/test-only: QA may change only tests, but changed 1 ")


def test_qa_adds_data_of_tests_in_a_folder_named_e2e(tmp_path):
    one = judged(tmp_path, Team(does={"test": sets("tests/e2e/orders.yaml", "orders: 2\n")}))
    assert one.state == "approved", one.reason
