"""The proof as a Statement: what is in it, what never is, and what is refused when it is read."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proof_documents import BASE, HEAD, facts, honest, minimal, waived

from pressplay.domain.criteria import Criterion
from pressplay.domain.entries import Details, GateEntry, Waiver
from pressplay.gates.proof import build
from pressplay.gates.proof import statement as parts
from pressplay.validation import packaged
from pressplay.validation.report import Invalid

ALL = pytest.mark.parametrize("statement", [honest(), waived(), minimal()], ids=["honest", "waived", "minimal"])
TOKEN = "ghp_" + "a1" * 18


@ALL
def test_what_is_written_is_read_again(statement):
    assert parts.from_json(statement.to_json(), "proof") == statement


def test_digests_and_commits_stay_whole():
    predicate = honest().predicate
    assert predicate.task.title_digest == parts.digest(predicate.task.title)
    assert predicate.change.base_commit == predicate.change.merge_base == BASE
    assert predicate.versions.environment.languages == ("python",)
    assert honest().predicate_type == parts.PREDICATE_TYPE


@ALL
def test_any_validator_accepts_it_by_the_schema(statement):
    jsonschema.Draft202012Validator.check_schema(packaged.schema("proof"))
    jsonschema.Draft202012Validator(packaged.schema("proof")).validate(json.loads(statement.to_json()))


@ALL
def test_it_is_an_in_toto_statement_about_the_head(statement):
    document = json.loads(statement.to_json())
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["subject"] == [{"name": "git+https://github.com/acme/shop", "digest": {"gitCommit": HEAD}}]
    assert document["predicateType"] == parts.PREDICATE_TYPE
    assert document["predicate"]["change"]["head"] == statement.commit == HEAD


def test_what_nobody_looked_at_is_absent_and_what_is_empty_is_not():
    whole, least = (json.loads(statement.to_json())["predicate"] for statement in (honest(), minimal()))
    assert set(least) == {"task", "change", "madeAt", "gates", "versions", "leftOut"}
    assert (whole["waivers"], whole["changedExpectations"]) == ([], [])


def changed(*path, to=None, drop=False):
    document = json.loads(honest().to_json())
    holder = document
    for part in path[:-1]:
        holder = holder[part]
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = to
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (changed("predicate", "verdict", to="fine"), 'unknown key "verdict"'),
        (changed("predicate", "task", "mood", to="fine"), 'unknown key "mood"'),
        (changed("predicate", "gates", drop=True), 'expected the key "gates"'),
        (changed("_type", to="https://in-toto.io/Statement/v0.1"), "Statement/v1"),
        (changed("predicateType", to="https://slsa.dev/provenance/v1"), "press-play.dev/proof/v1"),
        (changed("subject", to=[]), "at least 1"),
        (changed("predicate", "change", "head", to="main"), "$.predicate.change.head"),
        (changed("predicate", "change", "head", to="0" * 40), "expected one commit"),
        (changed("predicate", "gates", 0, "outcome", to="maybe"), "$.predicate.gates[0].outcome"),
        (changed("predicate", "tests", "passed", to=-1), "$.predicate.tests.passed"),
        (changed("predicate", "tests", "passed", to="41"), "$.predicate.tests.passed"),
        (changed("predicate", "tests", to=None), "$.predicate.tests"),
        (changed("predicate", "madeAt", to="yesterday"), "$.predicate.madeAt"),
        (honest().to_json().replace('"base":"main"', '"base":"main","base":"other"'), "each key once"),
        ("[]", "expected a map"),
        ("{", "expected JSON"),
        ("[" * 5_000, "expected JSON"),
        (json.dumps("x" * parts.LARGEST), "at most"),
    ],
)
def test_what_is_not_as_the_schema_says_is_refused_with_its_place(text, expected):
    with pytest.raises(Invalid) as error:
        parts.from_json(text, "proof.json")
    assert str(error.value).startswith("proof.json")
    assert expected in str(error.value)


def test_what_the_schema_refuses_is_not_written():
    with pytest.raises(Invalid):
        replace(honest(), subject=(parts.Subject(name="x", digest=parts.GitDigest(git_commit="main")),)).to_json()


@pytest.mark.rule("R9")
@pytest.mark.parametrize(
    "changes",
    [
        {"task": replace(facts()["task"], title=f"use {TOKEN}")},
        {"gates": [parts.Gate(name="lint", outcome="pass", reason=f"printed {TOKEN}")]},
        {"criteria": [build.criterion(Criterion("AC1", f"it takes {TOKEN}", "details"), None)]},
        {"waivers": [parts.Waiver(subject="AC1", person="m", comment="1", reason=f"because {TOKEN}")]},
        {"supply": [parts.SupplyFinding(kind="secret", what=TOKEN)]},
    ],
)
def test_no_secret_gets_into_it(changes):
    assert TOKEN not in honest(**changes).to_json()


def test_a_tests_id_is_not_taken_for_a_secret_by_its_files_name():
    id_ = "tests/test_token.py::test_that_it_is_renewed_in_time"
    shown = parts.TestShown(id=id_, head="passed", proves=True)
    tests = replace(facts()["tests"], changed=(shown,))
    assert honest(tests=tests).predicate.tests.changed[0].id == id_


@given(st.text(max_size=2_000))
def test_any_title_gives_a_document_without_what_does_not_show(title):
    statement = honest(task=replace(facts()["task"], title=title))
    kept = statement.predicate.task.title
    assert all(letter.isprintable() or letter in "\n\t" for letter in kept)
    assert len(kept) <= parts.TEXT + 60
    assert parts.from_json(statement.to_json(), "proof") == statement


@pytest.mark.parametrize("count", [parts.MOST, parts.MOST + 1, 1_000])
def test_long_lists_are_cut_and_counted(count):
    control = replace(facts()["controls"][0], noticed_by=("t" * 600,) * 40, label="l" * 2_000)
    statement = honest(controls=[control] * count)
    held = len(statement.predicate.controls)
    assert len(statement.to_json().encode()) <= parts.LARGEST
    assert held + statement.predicate.left_out.get("controls", 0) == count
    assert 10 <= held <= parts.MOST


@pytest.mark.parametrize(
    ("outcome", "expected"), [("pass", "pass"), ("fail", "fail"), ("error", "error"), ("brilliant", "error")]
)
def test_a_verdict_that_is_not_known_is_no_pass(outcome, expected):
    entry = GateEntry(gate="lint", head=HEAD, outcome=outcome, reason="r", at=0, details=Details(detail="d"))
    made = build.gate(entry)
    assert (made.outcome, made.at) == (expected, None)
    assert made.details == build.digest_of({"detail": "d", "look": "", "todo": ""})
    assert build.gate(replace(entry, details=None)).details is None


def test_a_waiver_stands_beside_what_else_shows_a_criterion():
    entry = Criterion("AC1", "it works", "details")
    waiver = Waiver(subject="AC1", head=HEAD, by="maria", comment="1", because="fine")
    assert build.criterion(entry, None).shown_by is None
    assert build.criterion(entry, ()).shown_by == ()
    assert [evidence.kind for evidence in build.criterion(entry, (), waiver).shown_by] == ["waiver"]
    assert build.waiver(waiver) == parts.Waiver(subject="AC1", person="maria", comment="1", reason="fine")
