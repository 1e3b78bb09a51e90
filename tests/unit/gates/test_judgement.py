"""What runs of tests show of a change: what passes, what fails, what is undecided, and the dishonest shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.domain.profiles import PROFILES, Profile
from pressplay.errors import InputError
from pressplay.gates.proving.evidence import ProbeRuns, names
from pressplay.gates.proving.judge import Bounds, judge
from pressplay.gates.proving.judgement import PACKED, SHOWN, Judgement, markdown
from pressplay.gates.proving.model import Control, ControlKind, TestResult, TestRun
from pressplay.gates.proving.results import WHOLE

pytestmark = pytest.mark.rule("R5")
RESULTS = {
    "p": TestResult("passed"),
    "f": TestResult("failed", "1 != 2"),
    "m": TestResult("missing", "no attribute"),
    "u": TestResult("missing", "No module", unbuilt=True),
    "e": TestResult("error", "a fixture"),
    "s": TestResult("skipped"),
}


def run(tests: str = "", problem: Any = "", exit_status: int | None = None) -> TestRun:
    """A run from `old:p new:f`."""
    results = {part.rpartition(":")[0]: RESULTS[part.rpartition(":")[2]] for part in tests.split()}
    red = any(result.status not in ("passed", "skipped") for result in results.values())
    status = exit_status if exit_status is not None else int(red or bool(problem))
    return TestRun(results, None if problem == "lost" else status, problem, "the log", 1.0)


def control(kind: ControlKind = "bodies", weak: bool = False) -> Control:
    return Control(kind, "shop/cart.py", 3, "total()", {}, weak)


def runs(**variants: str | TestRun | Sequence[TestRun]) -> dict[str, Sequence[TestRun]]:
    """Base and head run three times; a text may hold several runs, with `/` between them."""
    made: dict[str, Sequence[TestRun]] = {}
    for variant, given_ in variants.items():
        if isinstance(given_, str):
            each = [run(text) for text in given_.split("/")]
            made[variant] = each * 3 if variant in ("base", "head") and len(each) == 1 else each
        else:
            made[variant] = [given_] * 3 if isinstance(given_, TestRun) else given_
    return made


def judged(
    profile: Profile = "feature",
    controls: Mapping[str, Control] | None = None,
    changed: Sequence[str] = (),
    bounds: Bounds = Bounds(),  # noqa: B008
    probes: Sequence[ProbeRuns] = (),
    accepted: Mapping[str, str] | None = None,
    **variants: Any,
) -> Judgement:
    named = {f"c{n}": control(kind) for n, kind in enumerate(("bodies", "body"), start=1) if f"c{n}" in variants}
    given_ = list((controls if controls is not None else named).items())
    return judge(profile, runs(**variants), given_, frozenset(changed), bounds, probes, accepted)


def kinds(judgement: Judgement) -> list[str]:
    return [finding.kind for finding in judgement.refusing]


HONEST = {
    "before": "old:p",
    "base": "old:p new:f",
    "head": "old:p new:p",
    "c1": "old:p new:f",
    "c2": "old:p new:f",
}
MODULE = HONEST | {"base": "old:p file:u"}
"""A new module: on the base the file of its tests can't be loaded."""

WITH_HUNK = {"c1": control("bodies"), "c2": control("body"), "c3": control("hunk")}
IN_NEW_FILE = Control("body", "shop/returns.py", 1, "refund()", {})

# what, profile, variants over HONEST, further arguments, outcome, kinds of findings that refuse
SHAPES: list[tuple[str, Profile, dict[str, Any], dict[str, Any], str, list[str]]] = [
    ("honest", "feature", {}, {}, "pass", []),
    ("a new module", "feature", MODULE, {}, "pass", []),
    ("honest, and old tests fail before and now", "feature",
     {"before": "old:f", "head": "old:f new:p"}, {}, "pass", []),
    ("a test that was changed", "feature", {"before": "old:p new:p"}, {"changed": ["new"]}, "pass", []),
    ("a test that was there unchanged", "feature", {"before": "old:p new:f"}, {}, "fail", ["unproven", "bodies"]),
    ("a table of cases that a test reads was changed", "feature", {"before": "old:p new:p"}, {}, "pass", []),
    ("the base's program crashes, here and there", "fix", {"base": "old:p new:f/new:f/old:p new:f"}, {}, "pass", []),
    ("the base's program crashes in another test each time", "fix",
     {"base": "old:e new:f/old:p new:f/old:p new:f"}, {}, "pass", []),
    ("a test is flaky on the base", "fix",
     {"base": "old:p new:f/old:p new:p/new:f"}, {}, "fail", ["flaky", "unproven"]),
    ("one that says nothing with the base's program", "feature",
     {"before": "old:p new:p", "base": "old:p new:m"}, {}, "fail", ["unproven", "bodies"]),
    ("one that notices nothing", "feature",
     {"before": "old:p new:p", "c1": "old:p new:p", "c2": "old:p new:p"}, {}, "fail", ["unproven", "bodies", "body"]),
    ("it notices by an attribute that was never set", "feature",
     {"c1": "old:p new:m", "c2": "old:p new:m"}, {}, "pass", []),
    ("a refactoring, of which the run with the base's tests was lost", "refactor",
     {"base": "old:p", "head": "old:p", "kept": [run(problem="lost")]}, {}, "undecided", ["no-results"]),
    ("a refactoring that the base's tests don't build with", "refactor",
     {"base": "old:p", "head": "old:p", "kept": [run(problem="build")]}, {}, "fail", ["lost"]),
    # dishonest
    ("no test at all", "feature",
     {"base": "old:p", "head": "old:p", "c1": "old:p", "c2": "old:p"}, {}, "fail", ["unproven", "bodies", "body"]),
    ("import-only", "feature",
     MODULE | {"c1": "old:p new:p", "c2": "old:p new:p"}, {}, "fail", ["unproven", "bodies", "body"]),
    ("hasattr-only", "feature", {"c1": "old:p new:p", "c2": "old:p new:p"}, {}, "fail", ["unproven", "bodies", "body"]),
    ("always-true", "feature",
     {"base": "old:p new:p", "c1": "old:p new:p", "c2": "old:p new:p"}, {}, "fail", ["unproven", "bodies", "body"]),
    ("what was there before, tested again", "feature", {"base": "old:p new:p"}, {}, "fail", ["unproven", "bodies"]),
    ("always-red", "feature", {"head": "old:p new:f"}, {}, "fail", ["red", "unproven", "bodies", "body"]),
    ("skipped", "feature", {"head": "old:p new:s", "base": "old:p new:s"}, {}, "fail", ["unproven", "bodies", "body"]),
    ("a deleted test", "feature", {"head": "new:p"}, {}, "fail", ["lost"]),
    ("a test that is skipped now", "feature", {"head": "old:s new:p"}, {}, "fail", ["lost"]),
    ("a test that fails now", "feature", {"head": "old:f new:p"}, {}, "fail", ["lost"]),
    ("one that looks at the program's text", "feature",
     {"same": "old:p new:f"}, {}, "fail", ["unproven", "bodies", "body"]),
    ("one that can't be loaded in other words", "feature", {"same": "old:p new:u"}, {}, "pass", []),
    ("one that looks at the text beside one that proves", "feature",
     {"base": "old:p new:f text:f", "head": "old:p new:p text:p", "c1": "old:p new:f text:f", "c2": "old:p new:f",
      "same": "old:p new:p text:f"}, {}, "pass", []),
    ("one body is a stub", "feature", {"c2": "old:p new:p"}, {}, "fail", ["body"]),
    ("one body is noticed by an old test", "feature", {"c2": "old:f new:p"}, {}, "pass", []),
    ("flaky at the head", "feature",
     {"head": "old:p new:p/old:p new:f/old:p new:p"}, {}, "fail", ["flaky", "unproven", "bodies", "body"]),
    ("flaky on the base", "feature",
     {"base": "old:p new:f/old:p new:p/old:p new:f"}, {}, "fail", ["flaky", "unproven", "bodies"]),
    ("gone in one run", "feature",
     {"head": "old:p new:p/old:p/old:p new:p"}, {}, "fail", ["flaky", "unproven", "bodies", "body"]),
    ("an old test that is flaky now", "feature",
     {"head": "old:p new:p/old:f new:p/old:p new:p"}, {}, "fail", ["flaky"]),
    ("an old test that is flaky on the base alone", "feature",
     {"base": "old:p new:f/old:f new:f/old:p new:f"}, {}, "pass", []),
    ("a command that fails beside its tests", "feature",
     {"head": run("old:p new:p", exit_status=1)}, {}, "fail", ["exit"]),
    ("a fixture that breaks on the base", "feature", {"base": "old:p new:e"}, {}, "pass", []),
    # bounds
    ("a body that only reports", "feature", {"c2": "old:p new:p"}, {"bounds": Bounds(bodies="report")}, "pass", []),
    ("hunks and mutants report", "feature",
     {"c3": "old:p new:p", "c4": "old:p new:p"},
     {"controls": {"c1": control(), "c3": control("hunk"), "c4": control("mutant")}}, "pass", []),
    ("hunks refuse", "feature",
     {"c3": "old:p new:p"}, {"controls": {"c1": control(), "c3": control("hunk")}, "bounds": Bounds(hunks="refuse")},
     "fail", ["hunk"]),
    ("mutants refuse", "feature",
     {"c3": "old:p new:p"},
     {"controls": {"c1": control(), "c3": control("mutant")}, "bounds": Bounds(mutants="refuse")}, "fail", ["mutant"]),
    # controls that say nothing
    ("no function changed", "feature", {}, {"controls": {}}, "pass", []),
    ("no function changed, import-only", "feature", MODULE, {"controls": {}}, "fail", ["unproven"]),
    ("no function changed, a hunk is noticed", "feature",
     MODULE | {"c1": "old:p new:f"}, {"controls": {"c1": control("hunk")}}, "pass", []),
    ("no function changed, a hunk takes the name", "feature",
     MODULE | {"c1": "old:p new:m"}, {"controls": {"c1": control("hunk")}}, "fail", ["unproven"]),
    ("a hunk does not make up for bodies", "feature",
     MODULE | {"c1": "old:p new:p", "c2": "old:p new:f"}, {"controls": {"c1": control(), "c2": control("hunk")}},
     "fail", ["unproven", "bodies"]),
    ("bodies do not build", "feature", {"c1": run(problem="build")}, {}, "pass", []),
    ("what a changed function did before, unseen on the base", "feature",
     MODULE | {"c3": "old:p new:p"}, {"controls": WITH_HUNK}, "fail", ["unproven", "bodies"]),
    ("what is new, unseen on the base", "feature",
     MODULE | {"c3": "old:p new:f"}, {"controls": WITH_HUNK}, "pass", []),
    ("the hunk taken back does not build", "feature",
     MODULE | {"c3": run(problem="build")}, {"controls": WITH_HUNK}, "pass", []),
    ("a new file beside a changed one", "feature",
     MODULE | {"c3": "old:p new:p"}, {"controls": WITH_HUNK | {"c2": IN_NEW_FILE}}, "pass", []),
    ("no control builds", "feature",
     {"c1": run(problem="build"), "c2": run(problem="build")}, {}, "undecided", ["controls"]),
    ("no control builds, a new module", "feature",
     MODULE | {"c1": run(problem="build"), "c2": run(problem="build")}, {}, "fail", ["unproven"]),
    ("with emptied bodies its tests can't be loaded", "feature",
     {"c1": "old:p file:u", "c2": "old:p file:u"}, {}, "undecided", ["controls"]),
    ("with one body others' tests can't be loaded", "feature", {"c2": "new:p file:u"}, {}, "pass", []),
    ("controls for which there was no time", "feature", {"c1": [], "c2": []}, {}, "pass", []),
    ("weak bodies, and it failed on the base", "feature", {}, {"controls": {"c1": control(weak=True)}}, "pass", []),
    ("weak bodies, and a new module", "feature",
     MODULE, {"controls": {"c1": control(weak=True)}}, "fail", ["unproven", "bodies"]),
    ("weak bodies that nothing reaches", "feature",
     {"c1": "old:p new:p"}, {"controls": {"c1": control(weak=True)}}, "fail", ["unproven", "bodies"]),
    # other profiles
    ("honest", "fix", {}, {}, "pass", []),
    ("only names are missing on the base", "fix", {"base": "old:p new:m"}, {}, "fail", ["unproven"]),
    ("hasattr-only", "fix", {"c1": "old:p new:p", "c2": "old:p new:p"}, {}, "fail", ["unproven"]),
    ("a constant that was wrong", "fix",
     {"c1": "old:p new:p", "c3": "old:p new:f"}, {"controls": {"c1": control(), "c3": control("mutant")}}, "pass", []),
    ("a body that nothing notices", "fix", {"c2": "old:p new:p"}, {}, "pass", []),
    ("no test", "fix", {"base": "old:p", "head": "old:p"}, {}, "fail", ["unproven"]),
    ("honest", "refactor", {"base": "old:p", "head": "old:p", "c1": "old:p"}, {}, "pass", []),
    ("a test fails now", "refactor", {"head": "old:f"}, {}, "fail", ["lost", "unproven"]),
    ("a test moved, and passes as it was", "refactor",
     {"head": "moved:p", "base": "moved:p", "kept": "old:p"}, {}, "pass", []),
    ("a test moved, and fails as it was", "refactor",
     {"head": "moved:p", "base": "moved:p", "kept": "old:f"}, {}, "fail", ["lost"]),
    ("nothing ran before", "refactor", {"before": "", "base": "", "head": ""}, {}, "fail", ["unproven"]),
    ("new tests hold on both", "refactor", {"before": "", "base": "new:p", "head": "new:p"}, {}, "pass", []),
    ("honest", "dependencies", {"base": "old:p", "head": "old:p"}, {}, "pass", []),
    ("it breaks", "dependencies", {"base": "old:p", "head": "old:e"}, {}, "fail", ["lost", "unproven"]),
    ("accepted", "removal",
     {"before": "old:p gone:p", "base": "old:p", "head": "old:p"}, {"accepted": {"gone": "AC1"}}, "pass", []),
    ("not accepted", "removal", {"before": "old:p gone:p", "base": "old:p", "head": "old:p"}, {}, "fail", ["lost"]),
    ("another is accepted", "removal",
     {"before": "old:p gone:p", "base": "old:p", "head": "old:p"}, {"accepted": {"old": "AC1"}}, "fail", ["lost"]),
    ("honest", "tests", {"base": "old:p new:p"}, {}, "pass", []),
    ("always-true", "tests",
     {"base": "old:p new:p", "c1": "old:p new:p", "c2": "old:p new:p"}, {}, "fail", ["always-true"]),
    ("one of two is always true", "tests",
     {"head": "old:p new:p idle:p", "base": "old:p new:p idle:p", "c1": "new:f idle:p", "c2": "new:f idle:p"}, {},
     "fail", ["always-true"]),
    ("always-red", "tests", {"base": "old:p new:f", "head": "old:p new:f"}, {}, "fail", ["red", "unproven"]),
    ("no new test", "tests", {"base": "old:p", "head": "old:p"}, {}, "fail", ["unproven"]),
    ("no controls", "tests", {"base": "old:p new:p"}, {"controls": {}}, "undecided", ["controls"]),
    ("honest", "docs", {"base": "old:p", "head": "old:p"}, {}, "pass", []),
    ("it breaks a test", "docs", {"base": "old:p", "head": "old:f"}, {}, "fail", ["lost"]),
]  # fmt: skip


@pytest.mark.rule("R6")
@pytest.mark.parametrize(
    ("profile", "variants", "arguments", "outcome", "refused"),
    [row[1:] for row in SHAPES],
    ids=[f"{row[1]}: {row[0]}" for row in SHAPES],
)
def test_each_shape_of_a_change_has_its_outcome(
    profile: Profile, variants: dict[str, Any], arguments: dict[str, Any], outcome: str, refused: list[str]
):
    judgement = judged(profile, **(HONEST | variants | arguments))
    assert (judgement.outcome, kinds(judgement)) == (outcome, refused), judgement.reason()
    if outcome == "fail":
        assert judgement.fixer in ("rex", "qa")


RUNS: list[tuple[str, dict[str, Any], str, str]] = [
    # what, variants over HONEST, outcome, kind
    *(
        (f"{problem} at the head", {"head": run(problem=problem)}, "undecided", "no-results")
        for problem in ("setup", "tool", "lost", "report")
    ),
    *(
        (f"{problem} on the base", {"before": run(problem=problem)}, "undecided", "no-results")
        for problem in ("setup", "build", "timeout", "tool", "lost", "tampered")
    ),
    *(
        (f"{problem} with the head's tests", {"base": run(problem=problem)}, "undecided", "no-results")
        for problem in ("setup", "tool", "lost")
    ),
    *(
        (f"{end} on both", {"before": run(problem=end), "head": run(problem=end)}, "undecided", "no-results")
        for end in ("setup", "build", "timeout", "tool", "lost", "report")
    ),
    ("the head does not build", {"head": run(problem="build")}, "fail", "build"),
    ("the head's tests never end", {"head": run(problem="timeout")}, "fail", "timeout"),
    ("one of its runs does not end", {"head": [run("new:p"), run(problem="timeout")]}, "undecided", "no-results"),
    ("a run changed the packages", {"head": run(problem="tampered")}, "fail", "tampered"),
    ("its tests did so on the base", {"base": run(problem="tampered")}, "fail", "tampered"),
    ("the head was not run", {"head": []}, "undecided", "no-results"),
    ("the base was not run", {"before": []}, "undecided", "no-results"),
    ("a runner without tests writes no report", {"before": run(problem="report"), "base": "new:f"}, "pass", ""),
    ("nor with the head's", dict.fromkeys(("before", "base"), run(problem="report")), "undecided", "no-results"),
    ("the base does not build with the head's tests", {"base": run(problem="build")}, "pass", ""),
    ("the runner can't load the head's tests on the base", {"base": run(problem="report")}, "pass", ""),
    ("the base never ends with the head's tests", {"base": run(problem="timeout")}, "pass", ""),
]  # fmt: skip


@pytest.mark.parametrize(("variants", "outcome", "kind"), [row[1:] for row in RUNS], ids=[row[0] for row in RUNS])
@pytest.mark.parametrize("profile", ["feature", "docs"])
def test_what_nobody_can_know_is_undecided_and_asks_no_agent(
    profile: Profile, variants: dict[str, Any], outcome: str, kind: str
):
    judgement = judged(profile, **(HONEST | variants))
    assert (judgement.outcome, kinds(judgement)) == (outcome, [kind] if kind else []), judgement.reason()
    if outcome == "undecided":
        assert judgement.fixer is None
        assert judgement.reason()


def test_without_anything_to_run_only_documents_pass():
    for profile in PROFILES:
        judgement = judge(profile, {}, [], frozenset(), Bounds())
        if profile == "docs":
            assert judgement.outcome == "pass"
        else:
            assert (judgement.outcome, kinds(judgement)) == ("undecided", ["nothing-to-run"])
            assert "test command" in judgement.reason()


NEW, HELD_BEFORE = {"base": [False], "head": [True]}, {"base": [True], "head": [True]}
PROBES: list[tuple[str, Profile, list[dict[str, Any]], dict[str, Any], str, list[str]]] = [
    ("a new one", "feature", [NEW], {}, "pass", []),
    ("a new one", "fix", [NEW], {}, "pass", []),
    ("one that held before", "feature", [HELD_BEFORE], {}, "fail", ["not-new", "unproven"]),
    ("one that held before", "fix", [HELD_BEFORE], {}, "fail", ["not-new", "unproven"]),
    ("one that held before", "refactor", [HELD_BEFORE], {}, "pass", []),
    ("both", "feature", [NEW, HELD_BEFORE], {}, "pass", []),
    ("it does not hold", "feature", [{"base": [False], "head": [False]}], {}, "fail", ["probe", "unproven"]),
    ("it holds at times", "feature", [{"base": [False], "head": [True, False]}], {}, "fail", ["probe", "unproven"]),
    ("it was not carried out", "feature", [{"base": [False], "head": [None]}], {}, "fail", ["probe", "unproven"]),
    ("nobody knows of the base", "feature", [{"base": [None], "head": [True]}], {}, "fail", ["unproven"]),
    ("the base was not asked", "feature", [{"head": [True]}], {}, "fail", ["unproven"]),
    ("emptied bodies are noticed", "feature", [NEW | {"c1": [False]}], {"controls": {"c1": control()}}, "pass", []),
    ("they are not", "feature", [NEW | {"c1": [True]}], {"controls": {"c1": control()}}, "fail", ["bodies"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "probes", "arguments", "outcome", "refused"),
    [row[1:] for row in PROBES],
    ids=[f"{row[1]}: {row[0]}" for row in PROBES],
)
def test_probes_alone_can_prove(
    profile: Profile, probes: list[dict[str, Any]], arguments: dict[str, Any], outcome: str, refused: list[str]
):
    made = [ProbeRuns(f"p{number}", each) for number, each in enumerate(probes)]
    judgement = judged(profile, probes=made, **arguments)
    assert (judgement.outcome, kinds(judgement)) == (outcome, refused), judgement.reason()


def test_a_plan_of_nothing_but_old_probes_is_refused_beside_tests_that_prove():
    assert kinds(judged(probes=[ProbeRuns("p", HELD_BEFORE)], **HONEST)) == ["not-new"]
    assert judged(probes=[ProbeRuns("p", HELD_BEFORE), ProbeRuns("q", NEW)], **HONEST).outcome == "pass"


def test_a_probe_notices_a_body_that_no_test_does():
    variants = HONEST | {"c2": "old:p new:p"}
    assert kinds(judged(**variants)) == ["body"]
    probe = ProbeRuns("p", NEW | {"c2": [False]})
    assert judged(probes=[probe], **variants).outcome == "pass"


def test_what_is_shown_of_each_test_and_control():
    judgement = judged(
        **(HONEST | {"head": "old:p new:p idle:p", "base": "old:p new:f idle:u", "before": "old:p gone:f"})
    )
    proving, idle = judgement.tests
    assert (proving.id, proving.new, proving.on_base, proving.on_head) == ("new", True, "failed", "passed")
    assert (proving.notices, proving.proves) == (("c1", "c2"), True)
    assert (idle.id, idle.on_base, idle.notices, idle.proves) == ("idle", "missing", (), False)
    assert judgement.proving == {"new"}
    assert [(made.id, made.outcome, made.by) for made in judgement.controls] == [
        ("c1", "noticed", ("new",)),
        ("c2", "noticed", ("new",)),
    ]
    assert (judgement.kept, judgement.lost, judgement.flaky) == (1, (), ())
    assert judgement.seconds == 9.0
    assert judgement.reason() == (
        "as a feature: 1 test of the base still passes, 1 of 2 new or changed tests prove the change, "
        "2 of 2 controls noticed"
    )


def test_a_whole_command_counts_as_changed_where_any_test_is():
    variants = {"before": "x:p", "base": "x:f", "head": "x:p", "c1": "x:f", "c2": "x:f"}
    whole = {key: run(f"{'whole'}:{text[-1]}") for key, text in variants.items()}
    renamed = {
        key: replace(each, tests={f"cli::{WHOLE}": result for result in each.tests.values()})
        for key, each in whole.items()
    }
    assert judged(changed=["test_sells"], **renamed).outcome == "pass"
    assert kinds(judged(**renamed)) == ["unproven", "bodies"]


@pytest.mark.parametrize(
    ("id_", "name"),
    [
        ("tests.test_cart.TestCart::test_total[2-3]", "test_total"),
        ("src/lib.rs::cart::tests::total", "total"),
        ("example.com/shop/cart::TestTotal/of_two", "TestTotal"),
        ("cart.test.js::cart > adds a book", "adds a book"),
        ("cart.test.js::cart > adds a book", "'adds a book'"),
        ("services/api::tests.test_cart::test_total", "test_total"),
    ],
)
def test_a_test_is_known_by_its_name_in_the_source(id_: str, name: str):
    assert name in names(id_)
    assert names("tests.test_cart::") == frozenset() or "" not in names("tests.test_cart::")


HOSTILE = "`` </details> | @everyone \n# x \x1b[31m token=abcdefghijklmnop1234 ![x](http://evil)"


def large(tests: int = 3, text: str = HOSTILE) -> Judgement:
    results = {f"t{n} {text}": RESULTS["p"] for n in range(tests)}
    made = {
        "before": [TestRun({f"gone{n} {text}": RESULTS["p"] for n in range(tests)}, 0)],
        "base": [TestRun({}, 1)],
        "head": [TestRun(results, 0)],
        "c1": [TestRun(results, 0)],
    }
    spoilt = Control("bodies", f"a{text}", 1, text, {})
    return judge("feature", made, [("c1", spoilt)], frozenset(), Bounds(), [ProbeRuns(f"p{text}", NEW)])


@pytest.mark.rule("R7")
def test_it_is_shown_with_strangers_texts_in_code_alone():
    text = markdown(large())
    assert "\x1b" not in text
    assert "abcdefghijklmnop1234" not in text
    outside = re.sub(r"(?s)(`{4,})text\n.*?\n\1", "", text)
    outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", outside)
    assert "@everyone" not in outside
    assert "evil" not in outside
    assert re.fullmatch(r"[A-Za-z0-9 ,;:.'-]+", large().reason())


@pytest.mark.parametrize("tests", [0, 3, 200, 3000])
def test_it_fits_where_it_is_shown_and_carried(tests: int):
    judgement = large(tests, "x" * 280)
    text = markdown(judgement)
    assert len(text) < SHOWN
    packed = judgement.pack()
    assert len(packed) <= PACKED
    unpacked = Judgement.unpack(packed)
    assert (unpacked.outcome, unpacked.kept, unpacked.reason()) == (
        judgement.outcome,
        judgement.kept,
        judgement.reason(),
    )
    if tests <= 3:
        assert unpacked == judgement


@pytest.mark.parametrize("text", ["", "{}", '{"profile":"chore","outcome":"pass"}', "[1]", "\x00"])
def test_what_is_no_judgement_is_refused(text: str):
    with pytest.raises(InputError, match="expected a judgement"):
        Judgement.from_json(text)


STATUSES = st.sampled_from("pfmuesx")
"""x: the test has no result."""
IDS = ("a", "b", "c")


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, list[dict[str, str]]]:
    """What three tests did in each run of each variant."""
    counts = {"before": 1, "base": 2, "head": 2, "c1": 1, "c2": 1, "c3": 1, "c4": 1}
    return {variant: [{id_: draw(STATUSES) for id_ in IDS} for _ in range(count)] for variant, count in counts.items()}


CONTROLS = {"c1": control(), "c2": control("body"), "c3": control("mutant"), "c4": control("hunk")}


def of_world(
    profile: Profile, world: dict[str, list[dict[str, str]]], spoilt: Mapping[str, Control] = CONTROLS
) -> Judgement:
    made = {
        variant: [run(" ".join(f"{id_}:{status}" for id_, status in each.items() if status != "x")) for each in group]
        for variant, group in world.items()
    }
    return judge(profile, made, list(spoilt.items()), frozenset({"b"}), Bounds())


@pytest.mark.rule("R6")
@given(st.sampled_from(["feature", "fix"]), worlds(), st.sets(st.sampled_from(sorted(CONTROLS))))
def test_a_feature_or_fix_never_passes_where_no_new_test_failed_anywhere(
    profile: Profile, world: dict[str, list[dict[str, str]]], chosen: set[str]
):
    judgement = of_world(profile, world, {id_: CONTROLS[id_] for id_ in chosen})
    if judgement.outcome == "pass":
        (first, *_) = [test for test in judgement.tests if test.proves]
        where = ["base", *chosen]
        failures = [each[first.id] for variant in where for each in world[variant]]
        assert any(status in "fm" for status in failures)
        assert all(each[first.id] == "p" for each in world["head"])
        assert any(each[first.id] != "p" for each in world["base"])


@pytest.mark.rule("R6")
@given(
    st.sampled_from(PROFILES),
    worlds(),
    st.sets(st.sampled_from(sorted(CONTROLS))),
    st.sampled_from([{0}, {1}, {0, 1}]),
    st.sampled_from(IDS),
    st.sampled_from("fmues"),
)
def test_a_worse_result_at_the_head_never_makes_it_pass(
    profile: Profile, world: dict[str, list[dict[str, str]]], chosen: set[str], at: set[int], id_: str, worse: str
):
    """Than passing in each run: passing in one of them alone is flaky, which is worse than to be skipped in both."""
    spoilt = {name: CONTROLS[name] for name in chosen}
    for each in world["head"]:
        each[id_] = "p"
    better = of_world(profile, world, spoilt)
    for number in at:
        world["head"][number][id_] = worse
    if of_world(profile, world, spoilt).outcome == "pass":
        assert better.outcome == "pass"


@given(st.sampled_from(PROFILES), worlds())
def test_it_travels_whole_and_is_shown(profile: Profile, world: dict[str, list[dict[str, str]]]):
    judgement = of_world(profile, world)
    assert Judgement.unpack(judgement.pack()) == judgement
    assert judgement.reason()
    assert markdown(judgement).startswith("**Tests ")
    assert (judgement.outcome == "fail") <= (judgement.fixer is not None)


MERGED: list[tuple[str, dict[str, Any], str, list[str]]] = [
    # what, variants, outcome, what refuses
    ("both sides still hold", {}, "pass", []),
    ("a test of the base fails now", {"head": "theirs:f old:p new:p"}, "fail", ["lost"]),
    ("a test of the change fails now", {"head": "theirs:p old:p new:f"}, "fail", ["red"]),
    ("a test of the base is gone", {"head": "old:p new:p"}, "fail", ["lost"]),
    ("it does not build", {"head": run(problem="build")}, "fail", ["build"]),
    ("a test varies", {"head": "theirs:p old:p new:p/theirs:p old:p new:f"}, "fail", ["flaky"]),
    ("the base is broken, but not by this", {"before": "theirs:f old:p", "head": "theirs:f old:p new:p"}, "pass", []),
    ("the base does not build", {"before": run(problem="build")}, "undecided", ["no-results"]),
    ("a container was lost", {"head": run(problem="lost")}, "undecided", ["no-results"]),
    ("nothing proves anything again", {"head": "theirs:p old:p"}, "pass", []),
    ("a probe does not hold", {"probes": [ProbeRuns("cart", {"head": [True, False]})]}, "fail", ["probe"]),
    ("a probe holds on the base too", {"probes": [ProbeRuns("cart", {"base": [True], "head": [True]})]}, "pass", []),
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("variants", "outcome", "refused"), [row[1:] for row in MERGED], ids=[row[0] for row in MERGED]
)
def test_a_merged_tree_only_has_to_hold(
    profile: Profile, variants: dict[str, Any], outcome: str, refused: list[str]
) -> None:
    """The change was proven at its head; neither base runs with its tests nor controls are made again."""
    given_ = {"before": "theirs:p old:p", "head": "theirs:p old:p new:p"} | variants
    probes = given_.pop("probes", ())
    judgement = judge(profile, runs(**given_), (), frozenset(), Bounds(), probes, merged=True)
    assert (judgement.outcome, kinds(judgement)) == (outcome, refused), judgement.reason()
