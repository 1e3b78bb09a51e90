"""Names: unique, within their limits, functions of what they name alone (R1; design, Names and budgets)."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay import names
from pressplay.errors import InputError

OWNERS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", fullmatch=True)
REPOS = st.builds(
    "{}/{}".format, OWNERS, st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,60}[A-Za-z0-9]", fullmatch=True)
).filter(lambda name: not name.endswith(".git"))
TEXTS = st.text(max_size=80)
LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
DNS = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@given(TEXTS)
def test_a_label_is_legal_for_any_text(text):
    assert LABEL.fullmatch(names.label(text))


@given(TEXTS, TEXTS)
def test_different_texts_have_different_labels(one, other):
    if one != other:
        assert names.label(one) != names.label(other)


@given(st.lists(TEXTS, max_size=6), st.lists(TEXTS, max_size=6))
def test_r1_a_run_is_named_by_its_key_alone_and_keys_do_not_run_together(one, other):
    """("a", "bc") and ("ab", "c") are two runs."""
    assert (names.run_name(tuple(one)) == names.run_name(tuple(other))) == (one == other)
    assert len(names.run_name(tuple(one))) == names.RUN_NAME_LENGTH


@given(REPOS, REPOS)
def test_a_repository_key_is_a_legal_label_and_unique(one, other):
    if len(one) <= 63:
        assert LABEL.fullmatch(names.repo_key(one))
    assert (names.repo_key(one) == names.repo_key(other)) == (one == other)


@given(REPOS, st.sampled_from(["master", "v2", "Release 1"]), st.integers(1, 10**6), st.integers(1, 10**8))
def test_workflow_names_are_legal_and_say_their_play(repo, tag, count, number):
    play = names.play(repo, tag, count)
    assert names.play_count(play) == count
    for name in (play, names.task_workflow(play, number), f"{play}-100"):
        assert DNS.fullmatch(name)


@given(st.integers(1, names.HIGHEST_PLAIN_ID), st.integers(1, names.HIGHEST_PLAIN_ID))
def test_tasks_issues_and_pull_requests_share_no_number(one, other):
    kinds = {names.task_number(one), names.issue_number(other), names.pull_request_number(other)}
    assert len(kinds) == 3
    assert names.task_number(str(one)) == one
    assert names.task_number(one, "other-tag") not in kinds


@given(TEXTS, st.integers(1, names.HIGHEST_PLAIN_ID))
def test_a_group_of_alerts_shares_its_number_with_no_task_issue_or_pull_request(group, number):
    others = {names.task_number(number), names.issue_number(number), names.pull_request_number(number)}
    assert 500_000_000 <= names.alert_number(group) < 600_000_000
    assert names.alert_number(group) not in {*others, names.task_number(group, "a tag")}


@given(TEXTS, st.integers(1, names.HIGHEST_PLAIN_ID))
def test_the_documents_of_a_backlog_share_their_number_with_nothing_else(tag, number):
    found = names.documents_number(tag)
    assert 600_000_000 <= found < 700_000_000
    assert found != names.documents_number(tag, "docs")
    assert found not in {names.task_number(number), names.issue_number(number), names.alert_number(tag)}


def test_groups_of_alerts_have_numbers_of_their_own():
    groups = [f"dependabot:package-{number}" for number in range(200)]
    assert len({names.alert_number(group) for group in groups}) == len(groups)


FLOWS = ("pull-request", "comments", "triage", "security", "issue", "signal")


@given(st.sampled_from(FLOWS), REPOS, REPOS, st.integers(1, names.HIGHEST_PLAIN_ID), st.floats(0, 1e10))
def test_r1_a_flow_is_named_by_repository_subject_and_window_alone(flow, repo, other, number, now):
    window = names.window_at(now, 60)
    name = names.flow_workflow(flow, repo, number, window)
    assert DNS.fullmatch(name)
    assert name == names.flow_workflow(flow, repo, str(number), window)
    assert name not in {
        names.flow_workflow(flow, repo, number + 1, window),
        names.flow_workflow(flow, repo, number, window + 1),
        *([names.flow_workflow(flow, other, number, window)] if other != repo else []),
    }


@pytest.mark.parametrize("parts", [("Closed",), ("a_b",), ("x" * 60,), ("{{=1}}",), ("7-",)])
def test_a_flow_name_that_kubernetes_would_refuse_is_refused_here(parts):
    with pytest.raises(InputError, match="expected at most 63 lower-case letters, digits and -"):
        names.flow_workflow("signal", "acme/shop", *parts)


@given(st.floats(0, 1e10), st.integers(1, 86_400))
def test_a_window_begins_when_what_was_sent_within_it_has_arrived(now, seconds):
    window = names.window_at(now, seconds)
    assert window * seconds <= now < (window + 1) * seconds
    assert names.window_until(window, seconds) == (window + 1) * seconds + 10


@given(TEXTS)
def test_a_number_for_any_id_fits_the_controllers_field_and_the_budget(text):
    assert 0 < names.task_number(text, "a tag") < 2**31
    assert len(str(names.task_number(text, "a tag"))) <= 9


@pytest.mark.parametrize(
    "wrong", ["", "shop", "acme/", "/shop", "a/b/c", "acme/..", "acme/sh op", "acme/x.git", "{{a}}/b", "-a/b"]
)
def test_what_is_no_repository_is_refused(wrong):
    with pytest.raises(InputError, match="expected owner/name"):
        names.repo(wrong)


@given(TEXTS)
def test_r7_only_checked_characters_may_travel(text):
    legal = set(string.ascii_letters + string.digits + "._/-")
    if text and set(text) <= legal:
        assert names.checked(text, "x") == text
    else:
        with pytest.raises(InputError):
            names.checked(text, "x")


@pytest.mark.parametrize("app", ["rex", "Rex", "QA Agent", "Clippy_2"])
def test_apps_with_spaces_and_capitals_make_legal_keys(app):
    assert re.fullmatch(r"[-._a-zA-Z0-9]+", names.persona_file(app))
    assert DNS.fullmatch(names.app_secret(app))


@pytest.mark.parametrize("app", ["Rex", "Clippy Agent", "my_app"])
@pytest.mark.parametrize("account", ["", "acme", "A-9"])
def test_a_rate_limits_key_is_legal_and_tells_app_account_and_forge_apart(app, account):
    key = names.rate_limit("https://api.github.com", app, account)
    assert re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key)
    others = [
        names.rate_limit("https://ghes.example.com/api/v3", app, account),
        names.rate_limit("https://api.github.com", "other", account),
        names.rate_limit("https://api.github.com", app, "other"),
    ]
    assert key not in others


def test_the_room_for_a_coderuns_name_is_the_controllers_arithmetic():
    # 44 - 14 (agent-platform) - 2 digits - 1 digit
    assert names.coderun_room("agent-platform") == 27
    assert names.coderun_room("agent-platform", 400_000_000) == 20


def test_a_number_tells_what_it_stands_for():
    assert [names.kind_of(number) for number in (1, 99_999_999, names.task_number("x", "other"))] == ["task"] * 3
    assert names.kind_of(names.issue_number(7)) == "issue"
    assert names.plain_number(names.issue_number(7)) == 7
    assert names.kind_of(names.pull_request_number(names.HIGHEST_PLAIN_ID)) == "pull request"
    assert names.plain_number(names.pull_request_number(names.HIGHEST_PLAIN_ID)) == names.HIGHEST_PLAIN_ID
    assert names.kind_of(names.alert_number("code-scanning:js/sql-injection")) == "alerts"
    assert names.kind_of(names.documents_number("master")) == "documents"


@pytest.mark.parametrize("number", [0, -1, 100_000_000, 700_000_000, 2_000_000_001])
def test_a_number_of_nothing_is_refused(number):
    with pytest.raises(InputError, match="expected one of a task"):
        names.kind_of(number)


def test_only_issues_and_pull_requests_have_a_number_on_github():
    with pytest.raises(InputError, match="that of an issue"):
        names.plain_number(12)


def test_a_gates_run_is_named_for_what_it_judges_and_its_pods_fit():
    given = ("lint", "acme/shop", 7, "0123456789" * 4, "task-0a1b2c3d-1-12")
    name = names.gate_run(*given)
    assert name == names.gate_run(*given)
    assert re.fullmatch(r"gate-lint-[0-9a-f]{12}", name)
    others = [("acme/shop", 8, *given[3:]), ("acme/shop", 7, "1" * 40, given[4]), (*given[1:4], "task-0a1b2c3d-2-12")]
    assert len({name, *(names.gate_run("lint", *other) for other in others)}) == 4
    assert len(f"{name}-typescript-2") <= names.LABEL_LIMIT
