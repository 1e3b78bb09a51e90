"""A proof is kept, travels and is shown: without secrets, within its sizes, each stranger's text in its place."""

from __future__ import annotations

import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressplay.errors import InputError
from pressplay.gates.acceptance import packing, proof
from pressplay.gates.acceptance.proof import (
    PACKED,
    SHOWN,
    ProbeCheck,
    ProbeProof,
    Proof,
    cut,
    markdown,
    reason,
    safe,
    summary,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HELD = ProbeProof("lists", "http", "GET http://shop/", 1, "status 200", "", (ProbeCheck("status", "200", "200", True),))
FAILED = ProbeProof(
    "adds", "http", "POST http://shop/", 3, "status 500", "", (ProbeCheck("status", "201", "500", False),)
)
FAULTY = ProbeProof("logs", "logs", "log of pod a", 0, "", "refused: namespace", ())


def made(*probes: ProbeProof) -> Proof:
    return Proof(COMMIT, "preview", "http://shop/", "sha256:00", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", probes)


@pytest.mark.rule("R5")
def test_a_proof_passes_only_where_every_probe_held_and_there_is_one():
    assert made(HELD).passed
    assert not made().passed
    assert not made(HELD, FAILED).passed
    assert not made(HELD, FAULTY).passed
    bare = ProbeProof("x", "http", "", 1, "", "", ())
    assert not made(bare).passed, "nothing expected is nothing proved"
    assert made(HELD, FAILED, FAULTY).failed == ("adds", "logs")


@pytest.mark.rule("R7")
def test_the_reason_is_one_sentence_of_ours():
    assert reason(made(HELD)) == "1 probe held at 0123456789ab"
    assert reason(made(HELD, FAILED, FAULTY)) == "2 of 3 probes did not hold at 0123456789ab: adds, logs"
    assert reason(made()) == "nothing was probed"
    many = [ProbeProof(f"p{n}", "http", "evil", 1, "evil", "evil", ()) for n in range(50)]
    text = reason(made(*many))
    assert text.endswith("p8, p9 and 40 more")
    assert re.fullmatch(r"[A-Za-z0-9 ,:._-]+", text)
    assert "evil" not in text


def test_the_summary_names_commit_environment_and_what_failed():
    text = summary(made(HELD, FAILED))
    assert text == (
        f"**Acceptance failed:** 1 of 2 probes held at `{COMMIT}` in `preview` (`http://shop/`). Failed: `adds`."
    )
    assert summary(made(HELD)).startswith("**Acceptance passed:** 1 of 1 probe held at")


def test_markdown_shows_what_was_asked_what_came_and_what_of_it_was_expected():
    text = markdown(made(HELD, FAILED, FAULTY))
    assert text.index("`adds` failed (http, 3 tries)") < text.index("`lists` held (http)"), "what failed comes first"
    assert "- **failed**: `status`, expected `201`, got `500`" in text
    assert "- `refused: namespace`" in text
    assert "````\nPOST http://shop/\n````" in text
    assert "````\nstatus 500\n````" in text
    assert "sha256:00" in text


def test_a_proof_comes_back_the_same():
    whole = made(HELD, FAILED, FAULTY)
    assert Proof.from_json(whole.to_json()) == whole
    assert Proof.unpack(whole.pack()) == whole
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", whole.pack())


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        made(HELD).to_json()[:-1],
        made(HELD).to_json().replace('"ok":true', '"ok":"true"'),
        made(HELD).to_json().replace('"attempts":1', '"attempts":1,"more":2'),
    ],
)
def test_what_is_no_proof_is_refused(text: str):
    with pytest.raises(InputError, match="expected a proof as the acceptance gate writes it"):
        Proof.from_json(text)
    with pytest.raises(InputError):
        Proof.unpack(packing.pack(text))
    with pytest.raises(InputError):
        Proof.unpack("!")


TEXTS = st.text(max_size=60) | st.text(alphabet="`~\n <>@*_[]()#|!\\EVIL", max_size=60)
CHECKS = st.builds(ProbeCheck, TEXTS, TEXTS, TEXTS, st.booleans())
PROBES = st.builds(
    ProbeProof,
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True),
    st.sampled_from(["http", "logs", "workload"]),
    TEXTS.map(safe),
    st.integers(0, 21),
    TEXTS.map(safe),
    TEXTS.map(safe),
    st.lists(CHECKS, max_size=3).map(
        lambda found: tuple(ProbeCheck(safe(one.what), safe(one.expected), safe(one.got), one.ok) for one in found)
    ),
)


@given(st.lists(PROBES, max_size=3))
@settings(max_examples=40, deadline=None)
def test_any_proof_comes_back_the_same(probes):
    whole = made(*probes)
    assert Proof.from_json(whole.to_json()) == whole
    assert Proof.unpack(whole.pack()) == whole


def _outside_of_code(text: str) -> str:
    """Markdown without its fences and code spans, as CommonMark has them."""
    text = re.sub(r"^(`{3,})\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", text)


@pytest.mark.rule("R7")
@given(st.lists(PROBES, min_size=1, max_size=3))
@settings(max_examples=80, deadline=None)
def test_no_stranger_s_text_stands_outside_of_code(probes):
    mark = "EVIL"
    marked = [
        ProbeProof(
            one.name.replace("EVIL", ""),
            one.kind,
            f"{mark}{one.asked}{mark}",
            one.attempts,
            f"{mark}{one.came}\n{mark}",
            f"{mark}{one.fault}{mark}",
            tuple(
                ProbeCheck(f"{mark}{c.what}", f"{c.expected}{mark}", f"{mark}{c.got}{mark}", c.ok) for c in one.checks
            ),
        )
        for one in probes
    ]
    assert mark not in _outside_of_code(markdown(made(*marked)))
    assert mark not in _outside_of_code(summary(made(*marked)))


def _noise(count: int, seed: int) -> str:
    letters = string.ascii_letters + string.digits + "`~<>|@äöü漢字"
    return "".join(random.Random(seed).choices(letters, k=count))


@pytest.mark.rule("R4")
@pytest.mark.parametrize("checks", [1, 40])
def test_the_largest_proof_is_cut_until_it_fits_and_says_so(checks: int):
    probes = [
        ProbeProof(
            f"probe-{n}-{_noise(20, n)}".encode("ascii", "ignore").decode().translate(str.maketrans("", "", "`~<>|@")),
            "http",
            _noise(8192, n),
            21,
            _noise(8192, n + 1000),
            _noise(1000, n),
            tuple(ProbeCheck(_noise(200, n + c), _noise(300, c), _noise(300, n - c), False) for c in range(checks)),
        )
        for n in range(50)
    ]
    whole = made(*probes)
    packed = whole.pack()
    assert len(packed) <= PACKED
    back = Proof.unpack(packed)
    assert back.failed == whole.failed
    assert [[check.ok for check in probe.checks] for probe in back.probes] == [[False] * checks] * 50
    assert "more characters)" in back.probes[0].fault
    shown = markdown(whole)
    assert len(shown) < SHOWN
    assert summary(whole) in shown
    assert reason(back) == reason(whole)


def test_cutting_says_how_much_is_missing_and_keeps_what_is_short():
    whole = made(HELD)
    assert cut(whole, 8192) == whole
    assert cut(made(ProbeProof("x", "http", "a" * 100, 1, "", "", ())), 32).probes[0].asked == "a" * 32 + (
        "… (68 more characters)"
    )


@pytest.mark.rule("R9")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("key ghp_" + "a" * 36, "key [redacted: GitHub token]"),
        ('{"password": "correct horse"}', '{"password": [redacted: secret]}'),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\x00b\rc", "a\\x00b\\rc"),
        ("evil\u202etxt", "evil\\u202etxt"),
        ("half \ud800", "half \\ud800"),
        ("a\r\nb\tc\n", "a\nb\tc\n"),
        ("größe 漢字 🍵", "größe 漢字 🍵"),
    ],
)
def test_text_is_made_safe(text: str, wanted: str):
    assert safe(text) == wanted


@pytest.mark.rule("R9")
def test_headers_are_hidden_by_their_names_and_secrets_in_the_others():
    for name in (
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "X-Api-Key",
        "X-Auth-Token",
        "X-Vault-Token",
        "Proxy-Authorization",
    ):
        assert proof.header(name, "Basic YWRtaW46aHVudGVyMg==") == f"{name}: [hidden]"
    assert proof.header("X-Trace", "ghp_" + "a" * 36) == "X-Trace: [redacted: GitHub token]"
    assert proof.header("Accept", "text/html") == "Accept: text/html"
