"""Who may call: ServiceAccounts by TokenReview, a static token, and nobody else."""

from __future__ import annotations

import json
import stat

import pytest
from werkzeug.wrappers import Request, Response

from pressplay.cluster.tokens import ServiceAccount, TokenReviewer
from pressplay.errors import InputError, TryAgain
from pressplay.sandbox.server import Server
from pressplay.serve import auth
from pressplay.serve.auth import Authenticator
from pressplay.serve.config import AllowedCaller
from pressplay.serve.problems import Problem

pytestmark = pytest.mark.rule("FR9")
STATIC = "0123456789abcdef" * 2
AGENT, OTHER = ServiceAccount("agent-platform", "rex"), ServiceAccount("elsewhere", "default")
JWT = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"


class Reviews:
    """Knows tokens by heart, and counts how often it is asked."""

    def __init__(self, known):
        self.known, self.asked = known, []

    def review(self, token, audiences):
        self.asked.append((token, tuple(audiences)))
        found = self.known.get(token)
        if isinstance(found, Exception):
            raise found
        return found


def made(known=None, now=lambda: 0.0, accounts=("agent-platform/*",), **more):
    reviews = Reviews(known or {})
    callers = [AllowedCaller(service_account=account, repositories=["*/*"]) for account in accounts]
    return Authenticator(now, reviewer=reviews, audiences=["press-play"], callers=callers, **more), reviews


def status(authenticator, header, address="10.0.0.1"):
    try:
        return authenticator.caller(header, address).name
    except Problem as problem:
        return problem.status


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (f"Basic {STATIC}", 401),
        (f"Bearer {STATIC}", "local"),
        (f"bearer  {STATIC} ", "local"),
        (f"Bearer {STATIC}x", 401),
        (f"Bearer {STATIC[:-1]}", 401),
        ("Bearer grüße", 401),
        (f"Bearer {'x' * 9000}", 401),
        (f"Bearer {JWT}", 401),
        (f"Bearer {JWT}agent", "system:serviceaccount:agent-platform:rex"),
        (f"Bearer {JWT}other", 403),
    ],
)
def test_a_good_token_tells_who_calls_a_bad_one_is_401_and_anothers_403(header, expected):
    authenticator, _ = made({f"{JWT}agent": AGENT, f"{JWT}other": OTHER}, static=STATIC)
    assert status(authenticator, header) == expected


def test_without_a_static_token_none_is_taken():
    authenticator, reviews = made()
    assert status(authenticator, "Bearer ") == 401
    assert status(authenticator, f"Bearer {STATIC}") == 401
    assert reviews.asked == []


@pytest.mark.parametrize(
    ("accounts", "may"),
    [
        (["agent-platform/rex"], True),
        (["agent-platform/*"], True),
        (["agent-platform/r*", "x/y"], True),
        (["agent-platform/*x"], True),
        (["agent-platform/qa", "other/*"], False),
        (["agent-platform/re"], False),
        (["agent/*"], False),
        (["platform/rex"], False),
        (["agent-platform/rexx*"], False),
        # A dot is a dot.
        (["agent-platform/re."], False),
        ([], False),
    ],
)
def test_accounts_are_allowed_by_name_or_by_a_pattern_of_names(accounts, may):
    authenticator, _ = made({JWT: AGENT}, accounts=accounts)
    assert (status(authenticator, f"Bearer {JWT}") != 403) == may


def test_a_token_is_asked_for_once_a_minute_and_a_bad_one_every_ten_seconds():
    clock = [0.0]
    authenticator, reviews = made({JWT: AGENT}, now=lambda: clock[0])
    for clock[0] in (0, 30, 59, 61):
        authenticator.caller(f"Bearer {JWT}", "a")
    assert len(reviews.asked) == 2
    reviews.known, reviews.asked = {}, []
    for clock[0] in (130, 135, 141):
        assert status(authenticator, f"Bearer {JWT}") == 401
    assert len(reviews.asked) == 2
    assert reviews.asked[0] == (JWT, ("press-play",))


@pytest.mark.rule("R4")
def test_who_tries_tokens_is_not_looked_at_any_more_for_a_while():
    clock = [0.0]
    authenticator, reviews = made({JWT: AGENT}, now=lambda: clock[0])
    found = [status(authenticator, f"Bearer {JWT}x{n}") for n in range(40)]
    assert found == [401] * 30 + [429] * 10
    assert len(reviews.asked) == 30
    assert status(authenticator, f"Bearer {JWT}") == 429
    assert status(authenticator, f"Bearer {JWT}", "10.0.0.2") == str(AGENT)
    # Now it is known to be good, wherever it comes from.
    assert status(authenticator, f"Bearer {JWT}") == str(AGENT)
    clock[0] = 61
    assert status(authenticator, f"Bearer {JWT}") == str(AGENT)


@pytest.mark.parametrize("fault", [TryAgain("no answer"), InputError("forbidden")])
def test_where_tokens_cannot_be_looked_at_nobody_is_let_in_and_nobody_is_refused(fault):
    authenticator, reviews = made({JWT: fault})
    assert status(authenticator, f"Bearer {JWT}") == 503
    reviews.known[JWT] = AGENT
    assert status(authenticator, f"Bearer {JWT}") == str(AGENT)


@pytest.mark.rule("R9")
def test_neither_tokens_nor_parts_of_them_stand_in_what_is_kept_or_said():
    authenticator, _ = made({JWT: AGENT}, static=STATIC)
    authenticator.caller(f"Bearer {JWT}", "a")
    held = repr(authenticator.__dict__)
    assert JWT not in held
    assert STATIC not in held
    with pytest.raises(Problem) as refused:
        authenticator.caller(f"Bearer {JWT}secret", "a")
    assert "secret" not in str(refused.value)


# -- the API server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def api_server(tmp_path):
    """A stand-in for the API server's TokenReview, answering what `answers` holds; what was asked is in `asked`."""
    answers, asked = [], []

    @Request.application
    def app(request):
        asked.append((request.path, request.headers["Authorization"], json.loads(request.data)))
        code, body = answers[0] if len(answers) == 1 else answers.pop(0)
        return Response(body if isinstance(body, bytes) else json.dumps(body), code, content_type="application/json")

    server = Server(app, "api-server")
    (tmp_path / "token").write_text("own-token\n")
    reviewer = TokenReviewer(server.url, tmp_path)
    yield reviewer, answers, asked, tmp_path
    reviewer.close()
    server.close()


def reviewed(username="system:serviceaccount:agent-platform:rex", audiences=("press-play",), good=True):
    status_ = {"authenticated": good, "user": {"username": username, "uid": "1", "groups": []}}
    return {"kind": "TokenReview", "status": {**status_, **({"audiences": list(audiences)} if audiences else {})}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reviewed(), AGENT),
        (reviewed(good=False), None),
        (reviewed(audiences=("vault",)), None),
        # An API server that knows nothing of audiences says none: the token may have been made for anybody.
        (reviewed(audiences=()), None),
        (reviewed("alice"), None),
        (reviewed("system:serviceaccount:"), None),
        (reviewed("system:node:agent-platform:rex"), None),
    ],
)
def test_a_token_is_whose_the_api_server_says_if_it_was_made_for_us(api_server, answer, expected):
    reviewer, answers, asked, _ = api_server
    answers.append((201, answer))
    assert reviewer.review("the-token", ["press-play"]) == expected
    path, authorization, body = asked[0]
    assert path == "/apis/authentication.k8s.io/v1/tokenreviews"
    assert authorization == "Bearer own-token"
    assert body["spec"] == {"token": "the-token", "audiences": ["press-play"]}


def test_without_audiences_the_api_servers_own_count(api_server):
    reviewer, answers, asked, folder = api_server
    answers.append((201, reviewed(audiences=("https://kubernetes.default.svc",))))
    assert reviewer.review("the-token", []) == AGENT
    assert "audiences" not in asked[0][2]["spec"]
    (folder / "token").write_text("renewed")
    reviewer.review("the-token", [])
    assert asked[1][1] == "Bearer renewed"


@pytest.mark.parametrize(
    ("code", "body", "error"),
    [
        (500, {}, TryAgain),
        (429, {}, TryAgain),
        (201, b'{"status": {"authent', TryAgain),
        (201, b"[]", TryAgain),
        (403, {"message": "tokenreviews is forbidden"}, InputError),
    ],
)
def test_a_fault_of_the_api_server_is_told_apart_from_a_missing_right(api_server, code, body, error):
    reviewer, answers, _, _ = api_server
    answers.append((code, body))
    with pytest.raises(error, match="TokenReview"):
        reviewer.review("the-token", ["press-play"])


def test_where_no_api_server_answers_it_passes(tmp_path):
    (tmp_path / "token").write_text("own")
    reviewer = TokenReviewer("http://127.0.0.1:9", tmp_path)
    with pytest.raises(TryAgain):
        reviewer.review("t", [])
    reviewer.close()


def test_outside_a_pod_there_is_nobody_to_ask(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(InputError, match="in a pod only"):
        TokenReviewer.in_pod()


# -- the static token --------------------------------------------------------------------------------------------------


@pytest.mark.rule("R9")
def test_a_token_that_is_made_is_read_by_its_owner_alone(tmp_path):
    path = tmp_path / "folder" / "token"
    made_token = auth.make_token(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert auth.read_token(path) == made_token
    assert len(made_token) == 64


@pytest.mark.rule("R9")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_token_that_others_may_read_is_refused_with_what_to_do(tmp_path, mode):
    path = tmp_path / "token"
    path.write_text(STATIC)
    path.chmod(mode)
    with pytest.raises(InputError, match=rf"mode {mode:03o}\); chmod 600 .*use a new token"):
        auth.read_token(path)


@pytest.mark.parametrize("text", ["", "short", "has a space in the middle", "umlaut-umläut-umlaut"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(tmp_path, text):
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InputError, match="at least 16 letters"):
        auth.read_token(path)
    with pytest.raises(InputError, match="expected a file"):
        auth.read_token(tmp_path / "missing")
