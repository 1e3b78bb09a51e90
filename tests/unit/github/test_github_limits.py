"""GitHub's rate limits: whoever meets one, nobody of the installation calls before the time that GitHub names."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest
from github_world import REPO, URL
from hypothesis import given
from hypothesis import strategies as st

from pressplay import names, settings
from pressplay.clock import VirtualClock, parse_rfc3339
from pressplay.cluster.rate_limits import RateLimits
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.errors import InputError, TryAgain
from pressplay.github import comments, contents, pulls
from pressplay.github.access import AppKey, GitHubAccess
from pressplay.github.breaker import LONGEST_SECONDS, Breaker, RateLimited, limit_of
from pressplay.sandbox.forge import Fault

NOW = VirtualClock().now()
HTTP_DATE = format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True)
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
PRIMARY = "API rate limit exceeded for installation ID 1."


class Memory:
    """What several breakers share, and how often each of them asks."""

    def __init__(self, **texts):
        self.texts, self.reads, self.writes, self.broken = dict(texts), 0, 0, None

    def read(self):
        self.reads += 1
        if self.broken:
            raise self.broken
        return self.texts

    def write(self, key, text):
        self.writes += 1
        if self.broken:
            raise self.broken
        self.texts[key] = text


def answer(status, message="", **headers):
    return httpx.Response(
        status, json={"message": message}, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


@pytest.mark.parametrize(
    ("response", "primary", "seconds"),
    [
        (answer(429, retry_after="60"), False, 60),
        (answer(429, retry_after=HTTP_DATE), False, 90),
        (answer(429, retry_after=HTTP_DATE, date=HTTP_DATE), False, 0),
        (answer(429, retry_after="soon"), False, None),
        (answer(429), False, None),
        (httpx.Response(429, text="<html>slow down</html>"), False, None),
        (answer(403, SECONDARY), False, None),
        (answer(403, SECONDARY, retry_after="120"), False, 120),
        (answer(403, "You have triggered an abuse detection mechanism."), False, None),
        (answer(403, PRIMARY, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW) + 1800)), True, 1800),
        (answer(429, PRIMARY, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW) + 1800)), True, 1800),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(NOW) + 99), date=HTTP_DATE), True, 9),
        (answer(403, x_ratelimit_remaining="0", x_ratelimit_reset="later"), True, None),
        (answer(403, SECONDARY, x_ratelimit_remaining="0", retry_after="7"), False, 7),
        (httpx.Response(200, json={"errors": [{"type": "RATE_LIMITED"}]}), False, None),
    ],
)
def test_the_time_that_github_names_is_read_by_githubs_own_clock(response, primary, seconds):
    found = limit_of(response, NOW)
    assert found is not None
    assert found.primary == primary
    assert found.seconds == (None if seconds is None else pytest.approx(seconds, abs=1))


@pytest.mark.parametrize(
    "response",
    [
        answer(200, x_ratelimit_remaining="0"),
        answer(403, "Resource not accessible by integration", x_ratelimit_remaining="12"),
        answer(404, x_ratelimit_remaining="0"),
        answer(503, retry_after="3"),
        httpx.Response(200, json={"data": {}, "errors": [{"type": "FORBIDDEN"}]}),
        httpx.Response(200, json={"errors": "none"}),
        httpx.Response(200, json=["errors"]),
    ],
)
def test_what_is_no_limit_is_none(response):
    assert limit_of(response, NOW) is None


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_whatever_stands_in_the_headers_the_breaker_is_open_for_an_hour_at_most(after, reset, date):
    headers = {"retry-after": after, "x-ratelimit-reset": reset, "date": date, "x-ratelimit-remaining": "0"}
    raw = [(name.encode(), text.encode()) for name, text in headers.items() if text]
    found = limit_of(httpx.Response(429, headers=raw), NOW)
    assert found is not None
    clock = VirtualClock()
    error = Breaker(clock).hold("k", found.seconds, "GET /x")
    assert clock.now() < error.until <= clock.now() + LONGEST_SECONDS + 1


def is_held(breaker, *keys):
    try:
        breaker.check(keys, "GET /x")
    except RateLimited:
        return True
    return False


def test_nobody_calls_before_the_time_and_everybody_after():
    clock = VirtualClock()
    breaker = Breaker(clock)
    assert not is_held(breaker, "a")
    error = breaker.hold("a", 90, "GET /x")
    assert error.until == clock.now() + 90
    clock.sleep(89)
    assert is_held(breaker, "b", "a")
    assert not is_held(breaker, "b")
    clock.sleep(1)
    assert not is_held(breaker, "a")


def test_without_a_time_it_is_a_minute_and_twice_as_long_each_time_it_is_met_again():
    clock = VirtualClock()
    breaker, lasted = Breaker(clock), []
    for _ in range(8):
        until = breaker.hold("a", None, "").until
        # Calls that were under way when it was met lengthen nothing.
        clock.sleep(1)
        assert breaker.hold("a", None, "").until <= until + 1
        lasted.append(until - (clock.now() - 1))
        clock.sleep(lasted[-1])
    assert lasted == [60, 120, 240, 480, 960, 1920, 3840, LONGEST_SECONDS]
    clock.sleep(2 * LONGEST_SECONDS)
    assert breaker.hold("a", None, "").until == clock.now() + 60


@pytest.mark.parametrize("names_time", [90, None])
def test_a_longer_hold_is_not_shortened_by_a_shorter_one(names_time):
    clock = VirtualClock()
    breaker = Breaker(clock, Memory())
    until = breaker.hold("a", 1800, "").until
    clock.sleep(5)
    assert breaker.hold("a", names_time, "").until == until


# -- several processes -------------------------------------------------------------------------------------------------


def test_what_one_process_meets_another_that_starts_then_keeps_to(tmp_path):
    clock = VirtualClock()
    cluster = SqliteCluster(tmp_path / "state.db", clock, lambda *_: None)
    first, second = (Breaker(clock, RateLimits(cluster, "press-play")) for _ in range(2))
    first.hold(names.rate_limit(URL, "press-play", "acme"), 90, "")
    assert is_held(second, names.rate_limit(URL, "press-play", "acme"))
    assert not is_held(second, names.rate_limit(URL, "qa", "acme"))
    clock.sleep(90)
    assert not is_held(second, names.rate_limit(URL, "press-play", "acme"))
    data = cluster.get("ConfigMap", "press-play", names.RATE_LIMITS)["data"]
    assert [parse_rfc3339(json.loads(text)["until"]) for text in data.values()] == [NOW + 90]


def test_the_shared_state_is_read_once_a_minute_and_not_for_each_call():
    clock, memory = VirtualClock(), Memory()
    breaker = Breaker(clock, memory)
    for _ in range(100):
        breaker.check(["a"], "")
        clock.sleep(0.5)
    assert memory.reads == 1
    clock.sleep(60)
    breaker.check(["a"], "")
    assert (memory.reads, memory.writes) == (2, 0)


def test_who_meets_a_limit_learns_of_a_longer_one_and_does_not_overwrite_it():
    clock, memory = VirtualClock(), Memory()
    late, early = Breaker(clock, memory), Breaker(clock, memory)
    late.check(["a"], "")
    until = early.hold("a", 1800, "").until
    assert late.hold("a", 60, "").until == until
    assert memory.writes == 1


@pytest.mark.parametrize("error", [TryAgain("down"), InputError("Forbidden")], ids=["out of reach", "not allowed"])
def test_a_shared_state_that_is_out_of_reach_leaves_each_process_its_own(error):
    clock, memory = VirtualClock(), Memory()
    memory.broken = error
    breaker = Breaker(clock, memory)
    assert not is_held(breaker, "a")
    breaker.hold("a", 60, "")
    assert is_held(breaker, "a")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"until": "2099-01-01T00:00:00Z", "guessed": 0}),
        json.dumps({"until": "yesterday", "guessed": 0}),
        json.dumps({"guessed": 0}),
        json.dumps({"until": 12, "guessed": 0}),
        json.dumps([1]),
        "{",
        "",
    ],
)
def test_a_clock_that_is_wrong_or_a_text_that_is_not_ours_holds_nobody_back(text):
    assert not is_held(Breaker(VirtualClock(), Memory(a=text)), "a")


def test_a_clock_that_was_set_back_holds_nobody_back_for_longer_than_an_hour():
    clock = VirtualClock()
    breaker = Breaker(clock, memory := Memory())
    breaker.hold("a", 3600, "")
    behind = VirtualClock(NOW - 7200)
    assert not is_held(Breaker(behind, memory), "a")


def test_threads_share_one_breaker():
    clock = VirtualClock()
    breaker, seen = Breaker(clock, Memory()), []
    threads = [threading.Thread(target=lambda: seen.append(breaker.hold("a", None, "").until)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {clock.now() + 60}


# -- at each call ------------------------------------------------------------------------------------------------------


def other(world):
    """Another process' access to the same forge, with nothing shared but `world`'s breaker."""
    return GitHubAccess(
        settings.GitHub(apiURL=f"{URL}/api/v3", gitURL=URL, webURL=URL),
        lambda app: AppKey(world.apps[app].id, world.apps[app].private_key),
        world.clock,
        httpx.WSGITransport(world.forge.wsgi),
        world.access._wire.breaker,
    )


def asked(world):
    """Count the requests from now on."""
    seen, whole = [], world.forge._web._fault
    world.forge._web._fault = lambda method, path: (seen.append((method, path)), whole(method, path))[1]
    return seen


LIMITS = {
    "429": Fault(status=429, headers={"Retry-After": "300"}, message="slow down"),
    "429 until a date": Fault(
        status=429, headers={"Retry-After": format_datetime(datetime.fromtimestamp(NOW + 300, UTC), usegmt=True)}
    ),
    "secondary": Fault(status=403, headers={"Retry-After": "300"}, message=SECONDARY),
    "primary": Fault(
        status=403,
        headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 300)},
        message=PRIMARY,
    ),
}


@pytest.mark.rule("R3")
@pytest.mark.parametrize("kind", LIMITS)
def test_a_limit_at_one_call_keeps_all_of_the_app_from_calling_until_it_is_over(github_world, kind):
    clock, gh = github_world.clock, github_world.client("rex")
    again, qa = other(github_world), github_world.client("qa")
    github_world.forge.faults.append(replace(LIMITS[kind]))
    with pytest.raises(RateLimited, match=rf"GET /repos/{REPO} as App 'rex': .* before 2026-01-01T00:05:00Z") as met:
        contents.default_branch(gh, REPO)
    assert met.value.exit_code == 75
    seen = asked(github_world)
    for call in (
        lambda: contents.default_branch(gh, REPO),
        lambda: pulls.all_pulls(gh, REPO),
        lambda: comments.resolved(gh, REPO, 1),
        lambda: again.token("rex", REPO, {"contents": "read"}),
    ):
        clock.sleep(60)
        with pytest.raises(RateLimited, match=r"not asked: .* before 2026-01-01T00:05:00Z"):
            call()
    assert seen == []
    # Another App has limits of its own.
    assert contents.default_branch(qa, REPO) == "main"
    clock.sleep(60)
    assert contents.default_branch(gh, REPO) == "main"


def test_the_hour_of_one_installation_is_not_that_of_another_account_but_calls_too_fast_are_the_apps(github_world):
    github_world.forge.create_repository("other/shop", None)
    github_world.forge.install("rex", "other/shop")
    own = github_world.client("rex")
    others = github_world.access.installation("rex", "other/shop", {"contents": "read"})
    for kind, goes_on in (("primary", True), ("secondary", False)):
        github_world.forge.faults.append(replace(LIMITS[kind]))
        with pytest.raises(RateLimited):
            contents.default_branch(own, REPO)
        if goes_on:
            assert contents.default_branch(others, "other/shop") == "main"
        else:
            with pytest.raises(RateLimited):
                contents.default_branch(others, "other/shop")
        github_world.clock.sleep(300)


def test_a_limit_of_graphql_is_kept_to_by_everything(github_world):
    pull, gh = github_world.pull(), github_world.client("rex")
    comments.resolved(gh, REPO, pull.number)
    github_world.forge.enforce_rate_limit(1)
    with pytest.raises(RateLimited, match="POST /api/graphql"):
        comments.resolved(gh, REPO, pull.number)
    github_world.forge.enforce_rate_limit(None)
    with pytest.raises(RateLimited, match="not asked"):
        contents.default_branch(gh, REPO)


def test_the_forges_own_limit_is_met_once_and_waited_out(github_world):
    gh = github_world.client("rex")
    assert contents.default_branch(gh, REPO) == "main"
    github_world.forge.enforce_rate_limit(1)
    with pytest.raises(RateLimited) as met:
        pulls.all_pulls(gh, REPO)
    github_world.clock.sleep(met.value.until - github_world.clock.now())
    assert pulls.all_pulls(gh, REPO) == []
