"""Statements that tests and the page docs/how-to/proof.md show: an honest approval, and one with a waiver."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pressplay.gates.acceptance.proof import ProbeCheck, ProbeProof, Proof
from pressplay.gates.proof import build
from pressplay.gates.proof import statement as parts

HEAD, BASE, TREE = "4f0c3b9e" * 5, "9a1d77c2" * 5, "c3d2e1f0" * 5
MADE_AT = 1_767_225_600.0

ANSWERS = Proof(
    commit=HEAD,
    environment="preview-7",
    url="http://127.0.0.1:8000",
    plan="sha256:" + "5" * 64,
    started="2026-01-01T00:00:00Z",
    ended="2026-01-01T00:00:04Z",
    probes=(
        ProbeProof(
            name="total",
            kind="http",
            asked="GET /cart",
            attempts=1,
            came="200",
            fault="",
            checks=(ProbeCheck("status", "200", "200", True),),
        ),
    ),
)


def criterion(id_: str, text: str, *evidence: tuple[str, str], looked: bool = True) -> parts.CriterionShown:
    shown = tuple(parts.Evidence(kind=kind, name=name) for kind, name in evidence)  # type: ignore[arg-type]
    return parts.CriterionShown(
        id=id_,
        text=text,
        digest=parts.digest(text),
        source="acceptanceCriteria",
        shown_by=shown if looked else None,
    )


def facts(**changes: Any) -> dict[str, Any]:
    """What `build.statement` takes: all that can be known of an honest change."""
    return {
        "source": "https://github.com/acme/shop",
        "task": parts.Task(
            repo="acme/shop",
            pull=7,
            kind="task",
            number=12,
            tag="master",
            profile="feature",
            profile_source="tasks.json",
            title="Add a total to the cart",
            title_digest=parts.digest("Add a total to the cart"),
        ),
        "change": parts.Change(head=HEAD, base="main", base_commit=BASE, merge_base=BASE, tree=TREE),
        "made_at": MADE_AT,
        "gates": [
            parts.Gate(name="lint", outcome="pass", reason="ruff passed", at="2026-01-01T00:00:00Z"),
            parts.Gate(name="acceptance", outcome="pass", reason="1 probe held", at="2026-01-01T00:00:05Z"),
        ],
        "versions": parts.Versions(
            pressplay="0.1.0",
            images={"python": "press-play/gate-python@sha256:" + "1" * 64},
            environment=parts.Contract(origin="file", digest="sha256:" + "2" * 64, languages=("python",)),
        ),
        "criteria": [
            criterion("AC1", "The cart shows the sum of its items", ("test", "tests/test_cart.py::test_total")),
            criterion("AC2", "An empty cart shows 0", ("test", "tests/test_cart.py::test_empty"), ("probe", "total")),
        ],
        "tests": parts.Tests(
            passed=41,
            failed=0,
            skipped=1,
            kept=39,
            lost=(),
            flaky=(),
            changed=(
                parts.TestShown(
                    id="tests/test_cart.py::test_total",
                    base="failed",
                    head="passed",
                    proves=True,
                    why="it failed on the base by an assertion",
                    notices=("c1",),
                ),
                parts.TestShown(
                    id="tests/test_cart.py::test_empty",
                    base="missing",
                    head="passed",
                    proves=True,
                    notices=("c1", "c2"),
                ),
                parts.TestShown(
                    id="tests/test_cart.py::test_import", base="missing", head="passed", proves=False, why="no control"
                ),
            ),
        ),
        "controls": [
            parts.ControlShown(
                id="c1",
                kind="bodies",
                path="shop/cart.py",
                line=10,
                outcome="noticed",
                noticed_by=("tests/test_cart.py::test_total",),
            ),
            parts.ControlShown(
                id="c2", kind="mutant", path="shop/cart.py", line=14, label="`>` for `>=`", outcome="not noticed"
            ),
        ],
        "probes": build.probes(ANSWERS, None, ""),
        "waivers": [],
        "changed_expectations": [],
        "supply": [
            parts.SupplyFinding(kind="package", what="money 1.2.0 (new)", path="pyproject.toml", outcome="show")
        ],
        "people": [parts.Person(login="maria", did="asked for it", at="2026-01-01T00:00:00Z")],
        **changes,
    }


def honest(**changes: Any) -> parts.Statement:
    return build.statement(**facts(**changes))


def waived() -> parts.Statement:
    """A changed expectation that a person accepted, and a criterion that nothing shows."""
    waiver = parts.Waiver(
        subject="AC3",
        person="maria",
        comment="123456",
        at="2026-01-01T00:10:00Z",
        reason="prices are shown without cents on purpose",
    )
    criteria = [
        *facts()["criteria"],
        criterion("AC3", "Prices are rounded to whole euros", ("waiver", "maria")),
        criterion("AC4", "The cart is usable without a mouse"),
    ]
    changed = parts.ChangedExpectation(
        path="tests/test_price.py",
        line=8,
        before='assert shown(199) == "1.99"',
        after='assert shown(199) == "2"',
        criterion="AC3",
    )
    return honest(criteria=criteria, waivers=[waiver], changed_expectations=[changed])


def minimal() -> parts.Statement:
    """What is known where no gate but lint has looked."""
    known = facts()
    task = replace(known["task"], tag=None, profile=None, profile_source=None, title=None, title_digest=None)
    change = parts.Change(head=HEAD, base="main")
    return build.statement(
        source=known["source"],
        task=task,
        change=change,
        made_at=MADE_AT,
        gates=known["gates"][:1],
        versions=parts.Versions(pressplay="0.1.0"),
    )
