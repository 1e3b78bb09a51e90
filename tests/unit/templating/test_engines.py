"""Template engines: a name that is missing is an error with its place, and data is never evaluated."""

from pathlib import Path

import pytest

from pressplay.errors import InputError
from pressplay.templating import engine, template_files

HOSTILE = [
    "{{x}}",
    "{{{x}}}",
    "{{#title}}{{/title}}",
    "{{=1+1}}",
    "{{workflow.uid}}",
    "{{ nope",
    "[[ y ]]",
    "[% include 'other' %]",
    "[# hidden #]",
    "first\nsecond\r\nthird",
    "key: [value\n---\n- &a *a",
    "<b>\"q\" & 's'</b>",
    "$(rm -rf) `x`",
    "\u2028 é 🙂",
]


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="")
    return file


@pytest.mark.rule("R7")
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    ("name", "template"), [("t.j2", "<[[ title ]]>"), ("t.mustache", "<{{title}}|{{{title}}}|{{&title}}>")]
)
def test_text_goes_through_unharmed(tmp_path: Path, name: str, template: str, text: str) -> None:
    made = engine.render(write(tmp_path, name, template), {"title": text, "x": "EVALUATED", "y": "EVALUATED"})
    assert made == "<" + "|".join([text] * template.count("title")) + ">"


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("t.j2", "one\n[[ title ]]\n[[ titel ]]\n", ":3: nothing is named 'titel'; did you mean 'title'?"),
        ("t.j2", "[% if title == '' %]\n[[ titel ]]\n[% endif %]", ":2: nothing is named 'titel'"),
        ("t.mustache", "one\n{{title}}\n{{titel}}\n", ":3: nothing is named 'titel'; did you mean 'title'?"),
        ("t.mustache", "{{! a\n{{comment}}\n{{#title}}\n{{titel}}\n{{/title}}", ":4: nothing is named 'titel'"),
        ("t.mustache", "{{^title}}\n{{titel}}\n{{/title}}", ":2: nothing is named 'titel'"),
        ("t.mustache", "{{#titel}}{{/titel}}", ":1: nothing is named 'titel'"),
        ("t.mustache", "{{^titel}}{{/titel}}", ":1: nothing is named 'titel'"),
        ("t.mustache", "\n{{task.titel}}", ":2: nothing is named 'task.titel'; did you mean 'title'?"),
    ],
)
def test_a_missing_name_is_told_with_file_line_and_the_names_that_exist(
    tmp_path: Path, name: str, text: str, place: str
) -> None:
    file = write(tmp_path, name, text)
    with pytest.raises(InputError) as error:
        engine.render(file, {"title": "a title", "other": "x", "task": {"title": "inner"}})
    assert f"{file}{place}" in str(error.value)
    assert "the names that exist: " in str(error.value)
    assert "title" in str(error.value).rpartition("the names that exist: ")[2]


def test_a_missing_key_of_a_mapping_is_told_in_jinja_too(tmp_path: Path) -> None:
    file = write(tmp_path, "t.j2", "\n[[ task.titel ]]")
    with pytest.raises(InputError, match=r"t\.j2:2: .*titel.*it has: title"):
        engine.render(file, {"task": {"title": "x"}})


def test_a_missing_name_in_an_included_template_is_told_with_that_file(tmp_path: Path) -> None:
    file = write(tmp_path, "t.j2", "[% set given = 1 %]\n[% include 'shared/s.j2' %]")
    shared = write(tmp_path, "shared/s.j2", "[[ given ]]\n[[ nothing ]]\n")
    with pytest.raises(InputError) as error:
        engine.render(file, {"title": ""})
    assert f"{shared}:2: nothing is named 'nothing'" in str(error.value)
    shared.write_text("[[ given ]]")
    assert engine.render(file, {"title": ""}) == "1"


def test_personas_keep_double_braces_and_the_sandbox_holds(tmp_path: Path) -> None:
    assert engine.render(write(tmp_path, "t.j2", "{{ as it is }} {% so %}"), {}) == "{{ as it is }} {% so %}"
    with pytest.raises(InputError, match="unsafe"):
        engine.render(write(tmp_path, "u.j2", "[[ title.__class__.__mro__ ]]"), {"title": ""})


def test_mustache_sections(tmp_path: Path) -> None:
    parts = "{{#parts}}\n- {{id}} {{title}} of {{top}}{{#note}} ({{note}}){{/note}}\n{{/parts}}\n"
    template = parts + "{{^none}}\nnothing\n{{/none}}\n{{#words}}{{.}} {{/words}}"
    data = {
        "top": "T",
        "title": "outer",
        "parts": [{"id": 0, "title": "a", "note": ""}, {"id": 2, "note": "n"}],
        "none": [],
        "words": ["x", "{{top}}"],
    }
    made = engine.render(write(tmp_path, "t.mustache", template), data)
    assert made == "- 0 a of T\n- 2 outer of T (n)\nnothing\nx {{top}} "


def test_a_section_over_a_text_does_not_find_the_methods_of_a_text(tmp_path: Path) -> None:
    file = write(tmp_path, "t.mustache", "{{#details}}{{title}}: {{details}}{{/details}}")
    assert engine.render(file, {"title": "T", "details": "D"}) == "T: D"
    file = write(tmp_path, "u.mustache", "{{#details}}{{upper}}{{/details}}")
    with pytest.raises(InputError, match="nothing is named 'upper'"):
        engine.render(file, {"details": "D"})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.mustache", "{{> other}}", r":1: partial 'other' is not supported"),
        ("t.mustache", "a\n{{=<% %>=}}", r":2: set delimiter '<% %>' is not supported"),
        ("t.mustache", "{{#title}}", r"expected a Mustache template"),
        ("t.mustache", "{{title", r"expected a Mustache template"),
        ("t.mustache", "{{}}", r"a tag is empty"),
        ("t.mustache", "\n{{parts}}", r":2: 'parts' is no text but list; use it as a section"),
        ("t.j2", "a\n[% if %]", r":2: expected a Jinja template"),
        ("t.j2", "[% include 'gone.j2' %]", r"gone\.j2: expected a template that can be read"),
        ("t.j2", "[% include 't.j2' %]", r"it includes itself: t\.j2 → t\.j2"),
        ("t.txt", "", r"expected a template that ends in one of \.j2, \.mustache"),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        engine.render(write(tmp_path, name, text), {"title": "T", "parts": [1]})


def test_a_further_engine_is_a_file_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Percent:
        def render(self, template: Path, data: object) -> str:
            return template_files.read(template) % data

    monkeypatch.setitem(engine.ENGINES, ".percent", Percent)
    assert engine.render(write(tmp_path, "t.percent", "%(title)s"), {"title": "T"}) == "T"
