"""The approval's text: made of the Statement alone, nothing left out that a maintainer must know, safe to show."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proof_documents import HEAD, criterion, facts, honest, minimal, waived

from pressplay.gates.acceptance.proof import SHOWN
from pressplay.gates.proof import build
from pressplay.gates.proof import statement as parts
from pressplay.gates.proof.text import approval_text

PAGE = Path(__file__).parents[3] / "docs/how-to/proof.md"


def section(text: str, title: str) -> str:
    return text.partition(f"### {title}\n")[2].partition("\n### ")[0]


@pytest.mark.parametrize(
    ("statement", "title", "line"),
    [
        (
            honest(),
            "What was asked",
            "**AC1** `The cart shows the sum of its items`: test `tests/test_cart.py::test_total`",
        ),
        (honest(), "What was asked", "test `tests/test_cart.py::test_empty`, probe `total`"),
        (honest(), "Tests that prove it", "`tests/test_cart.py::test_total`: failed on the base, notices `c1`"),
        (honest(), "Tests that prove it", "`tests/test_cart.py::test_empty`: did not build on the base"),
        (honest(), "Controls that nothing noticed", "mutant at `shop/cart.py:14`"),
        (honest(), "What the change brings in", "`package`: `money 1.2.0 (new)` in `pyproject.toml` (show)"),
        (honest(), "Probes", "1 of 1 held in `preview-7`."),
        (honest(), "Gates", "`press-play/lint`: pass: `ruff passed`"),
        (honest(), "Gates", "41 passed, 0 did not, 1 skipped; 39 that passed before still pass"),
        (honest(), "Judged by", "the environment contract: file"),
        (honest(), "What a person should look at", "so that no test depends on that code: 1."),
        (waived(), "Not shown", "**AC4** `The cart is usable without a mouse`"),
        (waived(), "What was asked", "**AC3** `Prices are rounded to whole euros`: not shown, accepted by `maria`"),
        (waived(), "Accepted by people", "`AC3` by `maria` at 2026-01-01T00:10:00Z (comment `123456`): `prices are"),
        (waived(), "Changed expectations", 'shown(199) == "1.99"` → `assert shown(199) == "2"`, asked for by `AC3`'),
        (waived(), "What a person should look at", "Criteria that nothing shows: 1."),
    ],
)
def test_a_maintainer_reads_it(statement, title, line):
    assert line in section(approval_text(statement), title)


def test_what_proves_nothing_is_not_listed_as_a_proof():
    text = approval_text(honest())
    assert "test_import" not in text
    assert "shop/cart.py:10" not in text


def test_what_nobody_looked_at_is_left_out():
    text = approval_text(minimal())
    assert re.findall(r"### (.+)", text) == ["What a person should look at", "Gates", "Judged by"]
    assert HEAD in text


def test_criteria_that_nobody_looked_at_are_not_called_shown():
    text = approval_text(honest(criteria=[criterion("AC1", "it works", looked=False)]))
    assert "### Not shown" not in text
    assert "Nobody recorded which test or probe shows those without one." in section(text, "What was asked")


def test_entries_that_are_not_in_the_document_are_counted():
    text = approval_text(honest(supply=[parts.SupplyFinding(kind="package", what="x")] * 5_000))
    hidden = int(re.search(r"… and (\d+) more", text)[1])
    assert text.count("- `package`: `x`") + hidden == 5_000


HOSTILE = "` @everyone [x](http://evil) <img src=x> ``` | #1\n\n# Approved\n"


@pytest.mark.rule("R7")
def test_strangers_texts_stay_in_code():
    task = replace(facts()["task"], title=HOSTILE, tag=HOSTILE, profile_source=HOSTILE)
    gate = parts.Gate(name=HOSTILE, outcome="pass", reason=HOSTILE)
    shown = parts.TestShown(id=HOSTILE, head="passed", proves=True, notices=(HOSTILE,))
    statement = honest(
        task=task,
        change=replace(facts()["change"], base=HOSTILE),
        gates=[gate],
        criteria=[criterion(HOSTILE, HOSTILE, ("test", HOSTILE)), criterion(HOSTILE, HOSTILE)],
        tests=replace(facts()["tests"], changed=(shown,), flaky=(HOSTILE,), lost=(HOSTILE,)),
        controls=[parts.ControlShown(id="c", kind="hunk", path=HOSTILE, line=1, label=HOSTILE, outcome="not noticed")],
        waivers=[parts.Waiver(subject=HOSTILE, person=HOSTILE, comment=HOSTILE, reason=HOSTILE)],
        changed_expectations=[
            parts.ChangedExpectation(path=HOSTILE, line=1, before=HOSTILE, after=HOSTILE, criterion=HOSTILE)
        ],
        supply=[parts.SupplyFinding(kind=HOSTILE, what=HOSTILE, path=HOSTILE)],
        versions=parts.Versions(pressplay=HOSTILE, images={HOSTILE: HOSTILE}),
        probes=replace(
            facts()["probes"], environment=HOSTILE, probes=(parts.ProbeShown(name=HOSTILE, kind=HOSTILE, held=True),)
        ),
    )
    # What remains once the spans of code are taken out is all ours.
    plain = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", approval_text(statement))
    for word in ("@", "evil", "<img", "# Approved"):
        assert word not in plain, plain


@settings(max_examples=20)
@given(st.integers(0, 1_000), st.text(min_size=300, max_size=600))
def test_it_always_fits_into_a_review(count, text):
    supply = [parts.SupplyFinding(kind="package", what=text, path=text)] * count
    assert len(approval_text(honest(supply=supply, criteria=[criterion("AC1", text)] * count))) < SHOWN


@pytest.mark.parametrize(("name", "statement"), [("honest", honest()), ("waived", waived())])
def test_the_page_shows_what_is_made(name, statement):
    shown = PAGE.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")[2].partition("<!-- end -->")[0]
    assert shown.strip() == "\n".join(["````markdown", approval_text(statement).strip(), "````"])


def test_the_page_shows_the_documents_beginning():
    page = PAGE.read_text(encoding="utf-8")
    assert f'"predicateType": "{parts.PREDICATE_TYPE}"' in page
    assert build.digest_of({}) not in page
