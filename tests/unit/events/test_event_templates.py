"""Paths into events, and Go templates: what gjson, text/template and sprig make of the same (compared once)."""

from __future__ import annotations

from typing import Any

import pytest

from pressplay import names
from pressplay.errors import InputError
from pressplay.events import gotemplate, paths

NOW = 1_767_225_617.9
EVENT: dict[str, Any] = {
    "body": {
        "number": 7,
        "large": 1234567,
        "zero": 0,
        "half": 1.5,
        "text": "acme/shop",
        "null": None,
        "yes": True,
        "list": [{"number": 3}, None],
        "labels": ["bug", {"name": "bug"}, {"name": "press-play", "color": "red"}],
        "odd": [{"name": True}, {"name": 0}],
        "X-GitHub-Event": "push",
    }
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("body.number", 7),
        ("body.X-GitHub-Event", "push"),
        ("body.null", None),
        ("body.missing", paths.MISSING),
        ("body.null.x", paths.MISSING),
        ("body.text.x", paths.MISSING),
        ("body.list.0.number", 3),
        ("body.list.2.number", paths.MISSING),
        ("body.list.number", paths.MISSING),
        ('body.labels.#(name=="press-play").color', "red"),
        ('body.labels.#(name=="later").name', paths.MISSING),
        # gjson takes a text that is no number for 0; the pattern on .name makes that harmless.
        ('body.odd.#(name=="press-play").name', 0),
        ('body.odd.#(name=="true").name', True),
        ('body.text.#(name=="x").name', paths.MISSING),
    ],
)
def test_a_path_leads_where_gjson_leads(path: str, found: object):
    got = paths.parse(path, "here").get(EVENT)
    assert got is found or (type(got), got) == (type(found), found)


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    "path",
    [
        "",
        "a..b",
        "a.",
        ".a",
        "a|b",
        "a.*",
        "a.b?",
        "@this",
        "a.#",
        "a.#.b",
        'a.#(b!="c").d',
        "a.#(b).c",
        r"a\.b",
        "{a,b}",
        "!x",
    ],
)
def test_a_path_with_more_than_that_is_refused(path: str):
    with pytest.raises(InputError, match="here: path"):
        paths.parse(path, "here")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (-0.0, "-0"),
        ("x", "x"),
        ([1, {"b": "<é>", "a": None}], '[1,{"a":null,"b":"\\u003cé\\u003e"}]'),
    ],
)
def test_a_value_is_the_text_that_gjson_makes_of_it(value: object, text: str):
    assert paths.as_text(value) == text


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("plain", "plain"),
        ("{{ .Input.body.text }}", "acme/shop"),
        # A float to Go: seven digits get an exponent.
        ("{{ .Input.body.number }}", "7"),
        ("{{ .Input.body.large }}", "1.234567e+06"),
        ("{{ .Input.body.large | int64 }}", "1234567"),
        ("{{int64 .Input.body.half}}", "1"),
        ("{{ .Input.body.yes }}", "true"),
        ("a-{{ .Input.body.missing }}", "a-<no value>"),
        ("a-{{ .Input.body.missing.deeper }}", "a-<no value>"),
        ("a-{{ .Input.body.null }}", "a-<no value>"),
        ("{{ (index .Input.body.list 0).number | int64 }}", "3"),
        ("{{ (index .Input.body.list 1).number | int64 }}", "0"),
        ('{{ replace "/" "." .Input.body.text }}', "acme.shop"),
        (
            '{{ printf "%d:%s" (len .Input.body.text) .Input.body.text | sha256sum | trunc 8 }}',
            names.digest("acme/shop", length=8),
        ),
        ("{{ div (now | unixEpoch | int64) 60 }}", str(names.window_at(NOW, 60))),
        (
            "{{ add (mul (div (now | unixEpoch | int64) 60) 60) 70 }}",
            str(names.window_until(names.window_at(NOW, 60), 60)),
        ),
        ("{{ div -7 2 }}", "-3"),
        ('{{ printf "%v%%" .Input.body.list }}', "[map[number:3] <nil>]%"),
        ("{{ mul 9223372036854775807 2 }}", "-2"),
        ('{{ int64 "12" }}{{ int64 "x" }}{{ int64 "3.7" }}{{ int64 "017" }}{{ int64 "0x1f" }}', "12031531"),
    ],
)
def test_a_template_makes_what_go_makes_of_it(template: str, made: str):
    assert gotemplate.parse(template, "here").render(EVENT, NOW) == made


@pytest.mark.rule("R7")
@pytest.mark.parametrize(
    "template",
    [
        "{{ .Input.body.missing }}",
        "{{ .Input.body.null.x }}",
        "{{ .Input.body.text.x }}",
        "{{ (index .Input.body.list 2).number }}",
        "{{ index .Input.body.text 0 }}",
        "{{ sha256sum .Input.body.number }}",
        '{{ replace "/" "." .Input.body.missing }}',
        "{{ trunc 3 .Input.body.list }}",
        "{{ trunc -3 .Input.body.text }}",
        "{{ div 1 .Input.body.zero }}",
        "{{ len .Input.body.number }}",
        "{{ now }}",
        "{{ unixEpoch .Input.body.text }}",
        '{{ printf "%d" .Input.body.number }}',
        '{{ printf "%s" .Input.body.number }}',
        '{{ printf "%s" }}',
        '{{ printf "x" .Input.body.number }}',
        '{{ printf "%q" .Input.body.text }}',
    ],
)
def test_a_template_that_fails_tells_no_value(template: str):
    with pytest.raises(gotemplate.TemplateFailed) as raised:
        gotemplate.parse(template, "here").render(EVENT, NOW)
    assert "acme" not in str(raised.value)


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{ .Input.x", "without its"),
        ("{{ if .Input.x }}", "'if' is not known here"),
        ("{{ range .Input.x }}", "'range' is not known"),
        ("{{ .Input.x | upper }}", "'upper' is not known"),
        ("{{ env .Input.x }}", "'env' is not known"),
        ("{{ $x := .Input.x }}", "is not known here"),
        ("{{- .Input.x }}", "is not known here"),
        ("{{ . }}", "is not known here"),
        ("{{ .Input.X-GitHub }}", "is not known here"),
        (r'{{ "a\n" }}', "is not known here"),
        ("{{ 1.5 }}", "is not known here"),
        ("{{ div 1 }}", "div with 1 arguments"),
        ("{{ now 1 }}", "now with 1 arguments"),
        ("{{ (len .Input }}", r"a \( without its \)"),
        ("{{ len .Input) }}", "one too many"),
        ("{{ .Input.x .Input.y }}", "expected one value"),
        ("{{ .Input.x | .Input.y }}", "expected one value"),
        ("{{ }}", "expected one value"),
        ("{{ len | | len }}", "expected one value|arguments"),
        ('{{ printf "a""b" }}', "expected a space before"),
    ],
)
def test_a_template_with_more_than_that_is_refused_by_name(template: str, named: str):
    with pytest.raises(InputError, match=named) as raised:
        gotemplate.parse(template, "Sensor x: spec.triggers[0]")
    assert str(raised.value).startswith("Sensor x: spec.triggers[0]")
