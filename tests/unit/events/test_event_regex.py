"""Go's regular expressions by Python's `re`: the same where they are taken, refused by name where they may differ."""

from __future__ import annotations

import pytest

from pressplay.errors import InputError
from pressplay.events import regex


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        # Go's $ is the end of the text only.
        ("^open$", "open", True),
        ("^open$", "open\n", False),
        ("^open$", "\nopen", False),
        ("open", "reopened", True),
        ("^(a|b)$", "b", True),
        (r"^(acme/(api|shop)|x/(y))$", "acme/shop", True),
        (r"^rex\[bot\]$", "rex[bot]", True),
        (r"^rex\[bot\]$", "rexb", False),
        (r"^/press-play(\s|$)", "/press-play\nnow", True),
        # \s, \d and \w are ASCII to Go, and \v is no \s.
        (r"^/press-play(\s|$)", "/press-play\u00a0now", False),
        (r"\s", "\v", False),
        (r"^\d+$", "\u0663", False),
        (r"^\w$", "é", False),
        (r"\bé", "aé", True),
        (r"a.c", "a\nc", False),
        ("[^a]", "\n", True),
        (r"^a{2,3}?$", "aaa", True),
        ("^a{,2}$", "a{,2}", True),
        ("^[]a-]+$", "]-a", True),
        (r"^[\d_]+$", "1_2", True),
        (r"^\Qa", "a", None),
        (r"a\z", "ba", True),
        ("(?i)^Acme/shop$", "acme/SHOP", True),
        ("(?i)^acme/shop$", "acme/shop-2", False),
        ("^acme/shop$", "Acme/Shop", False),
        ("", "anything", True),
    ],
)
def test_a_pattern_finds_what_go_finds(pattern: str, text: str, found: bool | None):
    if found is None:
        with pytest.raises(InputError):
            regex.compiled(pattern, "here")
    else:
        assert bool(regex.compiled(pattern, "here").search(text)) is found


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("(?=a)", r"lookaround \(\?="),
        ("(?!a)", "lookaround"),
        ("(?<=a)b", "lookaround"),
        ("(?<!a)b", "lookaround"),
        (r"(a)\1", r"backreference \\1"),
        ("(?P<x>a)", "the group"),
        ("a(?i)b", "the group"),
        ("(?i)(?i)a", "the group"),
        ("(?s)a", "the group"),
        (r"\pL", r"the escape \\p"),
        (r"\Za", r"the escape \\Z"),
        ("[[:alpha:]]", "the class"),
        (r"[\D]", r"the escape \\D"),
        ("a**", "after nothing that it could repeat"),
        ("a*+", "after nothing that it could repeat"),
        ("^*", "after nothing that it could repeat"),
        ("(*a)", "after nothing that it could repeat"),
        ("a{1001}", "the repeat count"),
        ("a{3,2}", "the repeat count"),
        ("[a", r"a \[ without its \]"),
        ("(a", "no regular expression"),
        ("a)", "no regular expression"),
        ("[b-a]", "no regular expression"),
        ("a\\", r"the escape \\"),
    ],
)
def test_what_may_mean_something_else_to_go_is_refused_by_name(pattern: str, named: str):
    with pytest.raises(InputError, match=named) as raised:
        regex.compiled(pattern, "Sensor x: spec.dependencies[3]")
    assert "Sensor x: spec.dependencies[3]" in str(raised.value)
