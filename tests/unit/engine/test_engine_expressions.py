"""Expressions, conditions and paths give what expr-lang, govaluate and gjson give; the rest is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.sandbox.engine import conditions, gojson, paths
from pressplay.sandbox.engine.conditions import ConditionError
from pressplay.sandbox.engine.expression import ExpressionError, UnknownFunction, UnknownName, program

ENVIRONMENT: dict[str, Any] = {
    "inputs": {"parameters": {"round": "2", "repo": "acme/shop", "list": '["a","b"]', "empty": ""}},
    "steps": {
        "test": {"outputs": {"parameters": {"outcome": "changes"}}, "status": "Succeeded"},
        "prepare-again": {"outputs": {"parameters": {"state": None}}},
    },
    "item": "1",
    "lastRetry": {"exitCode": "75", "message": "main: Error (exit code 1): failure condition 'x' evaluated true"},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("asInt(inputs.parameters.round) + 1", 3),
        ("asInt(lastRetry.exitCode) not in [1, 2]", True),
        ("asInt(lastRetry.exitCode) not in [1, 2] and not (lastRetry.message contains 'failure')", False),
        ("not (lastRetry.message contains 'failure condition' or lastRetry.message contains 'NotFound')", False),
        ("(steps.test.outputs.parameters.outcome ?? 'none') == 'changes'", True),
        ("steps['prepare-again'].outputs.parameters.state ?? steps.test.status", "Succeeded"),
        ("(steps.test.outputs.parameters.state ?? steps.test.status) == 'go'", False),
        ("steps.test?.missing?.deeper", None),
        ("replace(inputs.parameters.repo, '/', '.')", "acme.shop"),
        ("split(inputs.parameters.repo, '/')[0]", "acme"),
        ("inputs.parameters.repo startsWith 'acme' && inputs.parameters.repo endsWith 'shop'", True),
        ("inputs.parameters.repo matches '^[a-z]+/[a-z]+$'", True),
        ("sprig.trunc(8, sprig.sha256sum('x'))", "2d711642"),
        ("sprig.trunc(-2, 'abc')", "bc"),
        ("sprig.b64dec(sprig.b64enc('a b'))", "a b"),
        ("sprig.default('d', inputs.parameters.empty)", "d"),
        ("jsonpath(inputs.parameters.list, '$[1]')", "b"),
        ("toJson({'b': [1, 2.5, true, nil], 'a': '<x>'})", '{"a":"\\u003cx\\u003e","b":[1,2.5,true,null]}'),
        ("count([1, 5, 9], {# > 2})", 2),
        ("any([1, 2], {# == 2}) and all([1, 2], # > 0)", True),
        ("map([{'n': 1}, {'n': 2}], {.n})", [1, 2]),
        ("len(join(['a', 'b'], ','))", 3),
        ("2 ** 3 ** 2", 512.0),
        ("-7 % 3", -1),
        ("7 / 2", 3.5),
        ("1 == 1.0 ? 'same' : 'other'", "same"),
        ("item == '1'", True),
        ("lastRetry.exitCode == 75", False),
        ("sprig.upper(inputs.parameters.round) == 2", False),
        ("item in [1, '2']", False),
        ("string(asFloat('2'))", "2"),
        ("[1, 2, 3][1:]", [2, 3]),
        ('`raw \\n` + "\\u0041"', "raw \\nA"),
    ],
)
def test_expressions_give_what_expr_lang_gives(text: str, value: Any) -> None:
    assert program(text).run(ENVIRONMENT) == value


@pytest.mark.parametrize(
    "text", ["env('HOME')", "sprig.env('HOME')", "now()", "let x = 1; x", "1 | string()", "a.b()", "1..3"]
)
def test_what_is_not_known_is_refused_by_name(text: str) -> None:
    with pytest.raises(UnknownFunction, match="not known here"):
        program(text)


@pytest.mark.parametrize("text", ["", "1 +", "(1", "'open", "1 2", "a.", "{1", "%"])
def test_what_is_no_expression_is_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        program(text)


@pytest.mark.parametrize("text", ["'a' + 1", "asInt('x')", "1 < 'a'", "!1", "[1][3]", "steps.no.deeper", "'a' - 'b'"])
def test_values_that_do_not_fit_are_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        program(text).run(ENVIRONMENT)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("item == 2 ? 'two' : 'other'", "invalid operation: == (mismatched types string and int)"),
        ("true == 1", "invalid operation: == (mismatched types bool and int)"),
        ("false && item < 2", "invalid operation: < (mismatched types string and int)"),
        ("item + 1", "invalid operation: + (mismatched types string and int)"),
        ("toJson(lastRetry) - 2.5", "invalid operation: - (mismatched types string and float64)"),
        ("(true ? 'a' : lastRetry.exitCode) == 1", "invalid operation: == (mismatched types string and int)"),
        ("item in [1, 2]", "cannot use string as type int in array"),
        ("1 in {'a': 1}", "cannot use int as type string in map key"),
        ("item ? 1 : 2", "non-bool expression (type string) used as condition"),
        ("not item", "invalid operation: not (mismatched type string)"),
        ("filter(['a'], # == 1)", "invalid operation: == (mismatched types string and int)"),
        ("any([1], # + 1)", "predicate should return boolean (got int)"),
        ("map('ab', #)", "builtin map takes only array (got string)"),
        ("item.name", "type string has no field name"),
        ("item[0]", "type string[int] is undefined"),
        ("lastRetry[1]", "cannot use int to get an element from map[string]interface {}"),
        ("['a']['b']", "array elements can only be selected using an integer (got string)"),
        ("lastRetry[1:]", "cannot slice map[string]interface {}"),
        ("item['a':]", "non-integer slice index string"),
        ("true || tasks.a == 1", "unknown name tasks"),
    ],
)
def test_types_that_do_not_fit_end_even_what_is_never_reached(text: str, why: str) -> None:
    """Each of these is what expr-lang v1.17.8 says on compiling it."""
    with pytest.raises(ExpressionError) as caught:
        program(text).run(ENVIRONMENT)
    assert str(caught.value) == why


@pytest.mark.parametrize("text", ["upper(2)", "jsonpath('{}', 2)", "keys(item)", "len(2)", "abs(item)", "int([1])"])
def test_arguments_that_no_function_takes_end_even_what_is_never_reached(text: str) -> None:
    with pytest.raises(ExpressionError, match=f"to call {text.partition('(')[0]}"):
        program(f"true ? 'x' : {text}").run(ENVIRONMENT)


def test_a_missing_variable_is_told_by_its_name() -> None:
    with pytest.raises(UnknownName, match="unknown name tasks"):
        program("tasks.a ?? 'x'").run(ENVIRONMENT)


def test_names_behind_a_fallback_need_not_be_there() -> None:
    assert program("steps.a.outputs.parameters.x ?? inputs.parameters.y").names == (
        "steps",
        "inputs",
        "inputs.parameters",
        "inputs.parameters.y",
    )


_NUMBERS = st.integers(-1000, 1000).map(str)
_TREES = st.recursive(
    _NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    max_leaves=12,
)


@given(_TREES)
def test_arithmetic_agrees_with_pythons(text: str) -> None:
    assert program(text).run({}) == eval(text)


@given(st.lists(st.tuples(st.sampled_from(["+", "-", "*"]), st.integers(0, 99)), max_size=8), st.integers(0, 99))
def test_precedence_agrees_with_pythons(rest: list[tuple[str, int]], first: int) -> None:
    text = str(first) + "".join(f" {op} {number}" for op, number in rest)
    assert program(text).run({}) == eval(text)


_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(_JSON)
def test_gos_json_reads_back_as_the_same(value: Any) -> None:
    assert json.loads(gojson.dumps(value)) == value


@given(_FLOATS)
def test_gos_numbers_read_back_as_the_same(value: float) -> None:
    assert float(gojson.number(value)) == value


@pytest.mark.parametrize(
    ("text", "goes"),
    [
        ("", True),
        ("'Succeeded' == 'Failed'", False),
        ("Succeeded != Failed && 1 < 2", True),
        ("true", True),
        ("'2' == 2", False),
        ("!(1 > 2) || false", True),
        ("'abc' =~ '^a'", True),
        ("'b' in ('a', 'b')", True),
        ("1 + 2 * 3 == 7 ? true : false", True),
        ("'a' < 'b'", True),
    ],
)
def test_when_decides_as_govaluate(text: str, goes: bool) -> None:
    assert conditions.when(text) is goes


@pytest.mark.parametrize("text", ["two words", "'open", "1 +", "'a' && true", "3"])
def test_a_when_that_is_none_is_an_error(text: str) -> None:
    with pytest.raises(ConditionError):
        conditions.when(text)


CODERUN = {"status": {"phase": "Failed", "n": 3, "conditions": [{"type": "Ready"}]}, "metadata": {"name": "x"}}


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("status.phase in (Succeeded, Failed)", True),
        ("status.phase == Failed", True),
        ("status.phase = Failed, metadata.name != x", False),
        ("status.other != x", True),
        ("status.other notin (x)", True),
        ("!status.other", True),
        ("status.phase", True),
        ("status.n > 2, status.n < 4", True),
        ("status.conditions.0.type=Ready", True),
    ],
)
def test_conditions_are_label_selectors_over_paths(text: str, met: bool) -> None:
    assert all(part.matches(CODERUN) for part in conditions.selector(text)) is met


@pytest.mark.parametrize("text", ["status.phase ~ x", "conditions.#(type==Ready).status=True", "a in", "n > x"])
def test_conditions_that_cannot_be_judged_are_refused(text: str) -> None:
    with pytest.raises(ConditionError):
        conditions.selector(text)


def test_kubectls_paths_print_what_is_there_and_nothing_for_the_rest() -> None:
    assert paths.kubectl_jsonpath(CODERUN, "{.status.phase}-{.status.n}/{.no.such}{.status.conditions[0].type}") == (
        "Failed-3/Ready"
    )
    with pytest.raises(paths.PathError):
        paths.check_kubectl_jsonpath("{.items[*].name}")


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("90s", 90), ("1h1m1.5s", 3661.5), ("250ms", 0.25)])
def test_durations_are_gos(text: str, seconds: float) -> None:
    assert conditions.duration(text) == seconds
    with pytest.raises(ConditionError):
        conditions.duration(text + "x")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(1, "1 second"), (45.9, "45 seconds"), (61, "1 minute 1 seconds"), (7200, "2 hours 0 minutes")],
)
def test_spans_are_told_in_argos_words(seconds: float, told: str) -> None:
    assert conditions.humanize(seconds) == told
