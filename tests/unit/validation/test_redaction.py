"""What goes where others read it: without secrets, and without a way out of its place."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.validation import redaction
from pressplay.validation.markdown import code, fence
from pressplay.validation.redaction import redact

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.rule("R9")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("push ghp_" + "a" * 36 + " now", "push [redacted: GitHub token] now"),
        ("ghs_" + "B2" * 18, "[redacted: GitHub token]"),
        ("github_pat_" + "A1_" * 20, "[redacted: GitHub token]"),
        ("id AKIA" + "Q" * 16, "id [redacted: AWS key]"),
        (f"a\n{KEY}\nb", "a\n[redacted: private key]\nb"),
        ("cut\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\nbnNz", "cut\n[redacted: private key]"),
        (f"jwt {JWT}.", "jwt [redacted: JWT]."),
        ("Authorization: Bearer abc.def", "Authorization: [redacted: authorization]"),
        ("https://bot:hunter2hunter2@example.com/x", "https://[redacted: password in an address]@example.com/x"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfi", "AWS_SECRET_ACCESS_KEY=[redacted: secret]"),
        ("db-password: 'correct horse battery'", "db-password: [redacted: secret]"),
        ('{"client_secret": "c2VjcmV0c2VjcmV0"}', '{"client_secret": [redacted: secret]}'),
        ("x-my-client_secret_2=c2VjcmV0c2VjcmV0", "x-my-client_secret_2=[redacted: secret]"),
        ("xoxb-123456789012-abcdef", "[redacted: Slack token]"),
    ],
)
def test_secrets_are_taken_out_and_their_kind_stays(text, wanted):
    assert redact(text) == wanted
    assert redact(redact(text)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "token = ***",
        "expected a token, got None",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "tests/test_tokens.py::test_secret PASSED",
        "https://github.com/acme/shop/actions/runs/1:2",
        "thread 'main' panicked at src/lib.rs:3:5",
        "secret: none",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


@pytest.mark.rule("R7")
@given(st.text(alphabet="`a \n~"))
def test_no_text_closes_its_fence_or_its_span(text):
    assert len(fence(text)) >= 4
    assert fence(text) not in text
    span = code(text)
    ticks = span[: len(span) - len(span.lstrip("`"))]
    assert "\n" not in span
    assert span.endswith(ticks)
    inner = span[len(ticks) : -len(ticks)]
    assert ticks not in inner
    assert not inner.startswith("`")
    assert not inner.endswith("`")


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    "piece", ["a.", "token", "-eyJ", "eyJ-", 'token="', "password='", "-----BEGIN ", "://a:", "sk-", "\n", "secret: "]
)
def test_a_hostile_text_costs_no_more_than_its_length(piece):
    started = time.monotonic()
    redact((piece * 100_000)[:100_000])
    assert time.monotonic() - started < 2


PIECES = (
    *(
        "token",
        "Secret",
        "\u017fecret",
        "PASSWORD",
        "api_key",
        "api_\u212aey",
        "credent\u0131als",
        "Authorization: ",
        "\u0131",
    ),
    *("authorizat\u0130on: ", "Bearer ", "Basic ", ":", "=", "=>", " ", "\n", '"', "'", "://", "@", ".", "-", "_"),
    *("AKIA", "AIza", "xoxb-", "sk-", "npm_", "pypi-", "glpat-", "SG.", "AccountKey=", "eyJ", "ghp_", "github_pat_"),
    *("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----", "A1b2C3d4", "ABCDEFGH12345678", "x" * 43),
)


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_the_words_that_are_looked_for_first_hide_no_secret(text):
    """As without them: each pattern on each text."""
    expected = text
    for kind, _, pattern in redaction._KINDS:
        mark = f"[redacted: {kind}]"
        expected = pattern.sub(rf"\1{mark}" if pattern.groups else mark, expected)
    assert redact(text) == expected
