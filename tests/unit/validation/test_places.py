"""YAML and JSON with the place of every path."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pressplay.validation.report import Invalid, Problem, json_path
from pressplay.validation.yamlsource import load_json, load_yaml

YAML = """\
# a comment
agents:
  rex:
    tools: [a, b]
  "odd key": {x: 1}
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 2, 1),
        (("agents",), 2, 1),
        (("agents", "rex", "tools"), 4, 5),
        (("agents", "rex", "tools", 1), 4, 16),
        (("agents", "odd key", "x"), 5, 15),
        (("agents", "rex", "missing", 3), 3, 3),
    ],
)
def test_a_path_in_yaml_has_its_line_and_column_or_what_is_around_it(path, line, column):
    place = load_yaml(YAML, "values.yaml").place(path)
    assert (place.file, place.line, place.column) == ("values.yaml", line, column)


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 1, 1),
        (("master",), 2, 2),
        (("master", "tasks", 0), 3, 3),
        (("master", "tasks", 0, "id"), 3, 4),
        (("master", "tasks", 1, "id"), 4, 6),
        (("master", "tasks", 1, "dependencies", 1), 4, 37),
    ],
)
def test_a_path_in_json_has_its_line_and_column_tabs_and_all(path, line, column):
    text = '{\n\t"master": {"tasks": [\n\t\t{"id": 1},\n   { "id":2, "dependencies" : [ 1 , 3]}]}\n}'
    source = load_json(text, "tasks.json")
    assert source.value == json.loads(text)
    place = source.place(path)
    assert (place.line, place.column) == (line, column)


def test_a_key_that_stands_twice_is_a_problem_in_both():
    (twice,) = load_yaml("a:\n  b: 1\n  b: 2\n", "f").problems
    assert str(twice) == 'f:3:3: $.a.b: expected each key once, got "b" again (first in line 2); keep one of them'
    (twice,) = load_json('{"a": 1,\n "a": 2}', "f").problems
    assert str(twice).startswith('f:2:2: $.a: expected each key once, got "a" again')


def test_merge_keys_and_aliases_are_read_as_helm_reads_them():
    source = load_yaml("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n", "f")
    assert source.value["use"] == {"x": 1, "y": 3}
    assert source.problems == ()


def test_a_date_stays_text_and_an_empty_file_is_nothing():
    assert load_yaml("day: 2026-01-31\n", "f").value == {"day": "2026-01-31"}
    assert load_yaml("# only a comment\n", "f").value is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [\n b: 1", "f:2:6: $: expected one YAML document"),
        ("a: 1\n---\nb: 2", "f:2:1: $: expected one YAML document"),
        ("a: !!python/object:os.system x", "f:1:4: $: expected one YAML document"),
        ("a: &a [*a]", "f:1:4: $: expected one YAML document"),
        ("{[1]: 2}", "f:1:2: $: expected one YAML document"),
        ("a: \x00", "f: $: expected one YAML document"),
        ("a: !!int abc", "f:1:4: $: expected one YAML document, got something else (a value that is no int)"),
        ("a: " + "9" * 5000, "a value that is no int"),
        ("a: !!float x", "a value that is no float"),
        ("a: !!bool x", "a value that is no bool"),
        ('a: !!int ""', "a value that is no int"),
        ("[" * 1000 + "]" * 1000, "f: $: expected a YAML document, got one that is nested"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(6)),
            "aliases that unfold without end",
        ),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_place(text, told):
    with pytest.raises(Invalid) as raised:
        load_yaml(text, "f")
    assert told in str(raised.value)


def test_broken_json_is_refused_with_its_place():
    with pytest.raises(Invalid, match=r"f:2:3: \$: expected JSON"):
        load_json('{"a":\n  ]}', "f")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, st.sampled_from([None, 1, "\t"]))
@settings(max_examples=60, deadline=None)
def test_json_is_read_as_the_standard_library_reads_it(value, indent):
    source = load_json(json.dumps(value, indent=indent), "f")
    assert source.value == value


@given(VALUES)
@settings(max_examples=40, deadline=None)
def test_yaml_is_read_as_pyyaml_reads_it(value):
    text = yaml.safe_dump(value, allow_unicode=False)
    assert load_yaml(text, "f").value == value


def test_paths_and_problems_are_written_for_people():
    assert json_path(["master", "tasks", 3, "odd key", "a.b"]) == '$.master.tasks[3]["odd key"]["a.b"]'
    assert str(Problem("f", 0, 0, "$", "what")) == "f: $: what"


def test_beyond_fifty_problems_the_rest_is_counted():
    text = str(Invalid([Problem("f", i, 1, "$", "x") for i in range(1, 60)]))
    assert text.splitlines()[-1] == "and 9 more problems"
