"""When a limit ends, by the words of command lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pressplay.agents.failures import Fault, ends_at, kind_of

NOW = datetime(2026, 11, 29, 21, 0, tzinfo=UTC).timestamp()


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> float:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("words", "until"),
    [
        ("Your limit resets at 2026-11-29T22:45:32Z.", at(29, 22, 45) + 32),
        ("Claude AI usage limit reached|1795992332", 1795992332.0),
        ("You’ve hit your usage limit. … or try again at 10:45 PM.", at(29, 22, 45)),
        ("You've hit your limit · resets 5am (UTC)", at(30, 5)),
        ("resets 11pm (Europe/Berlin)", at(29, 22)),
        ("resets Dec 1, 5pm (UTC)", at(1, 17, month=12)),
        ("try again at Dec 1st, 2026 3:04 PM.", at(1, 15, 4, month=12)),
        ("try again in 3 days 4 hours 5 minutes", NOW + 3 * 86400 + 4 * 3600 + 300),
        ("Your quota will reset after 3h22m10s.", NOW + 3 * 3600 + 22 * 60 + 10),
        ("Please retry in 41.5s.", NOW + 41.5),
        ("resets at 2026-11-29T20:00:00Z", None),
        ("resets at 2027-11-29T20:00:00Z", None),
        ("resets 5am (Nowhere/Nothing)", at(30, 5)),
        ("resets Feb 31, 5pm", None),
        ("rate limit exceeded", None),
        ("", None),
    ],
)
def test_the_end_of_a_limit(words: str, until: float | None) -> None:
    assert ends_at(Fault(words), NOW, UTC) == until


def test_a_time_without_a_zone_is_the_machines() -> None:
    zone = timezone(timedelta(hours=2))
    assert ends_at(Fault("try again at 11:30 PM"), NOW, zone) == at(29, 21, 30)


def test_a_time_that_is_named_apart_counts_more() -> None:
    assert ends_at(Fault("in 5 minutes", until=NOW + 7), NOW) == NOW + 7


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("anything", 401), "key"),
        (Fault("anything", 403), "key"),
        (Fault("Missing bearer or basic authentication in header", 401), "login"),
        (Fault("anything", 429), "limit"),
        (Fault("anything", 503), "overload"),
        (Fault("anything", 529), "overload"),
        (Fault("RESOURCE_EXHAUSTED"), "limit"),
        (Fault("connect ECONNREFUSED 127.0.0.1:1"), "overload"),
        (Fault("a mystery"), "crash"),
        (Fault("Skipping system settings file '/tmp/x'"), "setup"),
    ],
)
def test_the_class_of_a_fault(fault: Fault, kind: str) -> None:
    assert kind_of(fault) == kind
