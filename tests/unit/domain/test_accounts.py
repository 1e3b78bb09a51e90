"""The table of service accounts: what is wrong in it is named, and each step has one."""

from __future__ import annotations

import pytest

from pressplay.domain import accounts
from pressplay.errors import InputError

ACCOUNT = """
accounts:
  - name: reader
    about: Reads.
    {0}
    rules: [{{in: release, resources: [configmaps], verbs: [{1}], why: settings}}]
"""


def table(what: str = "steps: [look]", verbs: str = "get") -> str:
    return ACCOUNT.format(what, verbs)


def test_an_account_runs_steps_as_the_service_account_of_its_name():
    (account,) = accounts.parse(table())
    assert (account.service_account, account.steps) == ("press-play-reader", ("look",))
    assert accounts.account("approver").service_account == "press-play"
    assert accounts.of_step("plan").name == "planner"


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (table(verbs="'*'"), "verbs"),
        (table(verbs=""), "verbs"),
        (table("steps: [look]\n    applies: [a/b]"), "one of steps and applies"),
        (table("applies: [a/b]\n    keys: [harness]"), "expected no keys"),
        (table("steps: [look]\n    keys: [another]"), "keys"),
        (table("steps: [look]\n    secret: x"), "secret"),
        (table("steps: [look, look]"), "the same step"),
    ],
)
def test_what_is_wrong_in_the_table_is_named(text: str, message: str):
    with pytest.raises((InputError, ValueError), match=message):
        accounts.parse(text)


@pytest.mark.rule("R10")
def test_a_step_without_an_account_is_refused():
    with pytest.raises(InputError, match="names no account"):
        accounts.of_step("another")
    with pytest.raises(InputError, match="expected one of reader"):
        accounts.account("another")
