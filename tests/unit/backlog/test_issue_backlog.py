"""GitHub's issues as a backlog: what becomes of each issue, which tag stands for them, and issues in a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay import names
from pressplay.backlog import github_issues, graph, issues_file, tasks
from pressplay.backlog.github_issues import Selection
from pressplay.commands import _project
from pressplay.errors import InputError
from pressplay.github.issue_plans import Milestone, PlannedIssue
from pressplay.validation.markdown import items
from pressplay.validation.report import Invalid

REPO = "acme/shop"
CHOSEN = Selection("milestone", 3)


def issue(number: int, state: str = "open", **fields) -> PlannedIssue:
    return PlannedIssue(**{"repo": REPO, "number": number, "title": f"T{number}", "body": "", "state": state, **fields})


def backlog(issues, blockers=None, label: str = "press-play") -> tasks.Backlog:
    document = github_issues.document(CHOSEN, REPO, issues, blockers or {}, label)
    return tasks.read(github_issues.to_json(document), "milestone 3", CHOSEN.tag)


def test_an_issue_becomes_a_task_with_its_number_text_state_and_dependencies():
    read = backlog(
        [
            issue(12, body="Do it.\r\n\r\n### Acceptance criteria\r\n- [ ] a\r\n- b\r\n", labels=("fix", "ui")),
            issue(9, "completed"),
            issue(10, "not planned"),
            issue(11, is_pull=True),
        ],
        {12: [issue(9, "completed"), issue(10, "not planned"), issue(50, "completed")]},
    )
    assert [(task.id, task.number, task.status) for task in read.tasks] == [
        ("9", 800_000_009, "done"),
        ("10", 800_000_010, "cancelled"),
        ("12", 800_000_012, "pending"),
    ]
    task = read.tasks[-1]
    assert (task.title, task.description, task.details) == (
        "T12",
        "Issue #12.",
        "Do it.\n\n### Acceptance criteria\n- [ ] a\n- b\n",
    )
    assert (task.dependencies, task.acceptance_criteria, task.profile) == (("9", "10"), ("a", "b"), "fix")
    assert (read.kept_in, read.problems) == ("GitHub's issues", ())


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("fields", "blocker", "words"),
    [
        ({}, issue(50), 'is blocked by #50 ("T50"), which is open and not part of milestone 3; close it, take it in'),
        ({}, issue(2, repo="acme/other"), 'is blocked by acme/other#2 ("T2"), which is open'),
        ({"open_parts": 2}, None, "has 2 open sub-issues, which are its work: play them (-p issue=1), then it"),
        ({"labels": ("Press-Play",)}, None, "has the label press-play, by which the flow `issue` works on it"),
        ({"repo": "acme/other"}, None, "is an issue of another repository, where nothing is played from here"),
    ],
)
def test_a_fault_of_one_issue_is_that_tasks_problem(fields, blocker, words):
    read = backlog([issue(1, **fields), issue(2)], {1: [blocker]} if blocker else {})
    planned = graph.plan(read)
    (problem,) = planned.problems
    assert str(problem).startswith(f"task {'acme/other#1' if 'repo' in fields else '1'} {words}")
    assert "$" not in str(problem), "no place in a file that nobody wrote"
    assert [each.task.id for each in planned.playable] == ["2"]
    # Once it is closed, nothing of that matters.
    assert backlog([issue(1, "completed", **fields), issue(2)]).problems == ()


@given(
    st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["open", "completed", "not planned"])), max_size=8),
    st.dictionaries(st.integers(1, 8), st.lists(st.integers(1, 12), max_size=4)),
)
def test_whatever_blocks_what_no_task_plays_before_an_open_blocker(listed, blocked):
    states = dict(listed)
    if not states:
        return
    known = {number: issue(number, states.get(number, "open")) for number in range(1, 13)}
    blockers = {number: [known[other] for other in others] for number, others in blocked.items() if number in states}
    planned = graph.plan(backlog([known[number] for number in states], blockers))
    order = [int(each.task.id) for each in planned.playable]
    for place, number in enumerate(order):
        for other in blocked.get(number, []):
            assert known[other].state != "open" or other in order[:place]


def test_a_tag_stands_for_a_selection_and_no_tag_of_taskmasters_does():
    for selection in (CHOSEN, Selection("issue", 40)):
        assert github_issues.of_tag(selection.tag) == selection
        assert names.checked(selection.tag, "tag") == selection.tag
    assert github_issues.of_tag("milestone-3") is None
    for tag in ("github/milestone/0", "github/milestone/x", "github/", "github/issue/1/2"):
        with pytest.raises(InputError, match="expected github/milestone/NUMBER or github/issue/NUMBER"):
            github_issues.of_tag(tag)


def test_a_task_of_an_issue_has_one_number_in_all_selections():
    number = names.task_number(12, CHOSEN.tag)
    assert number == names.task_number("12", Selection("issue", 40).tag) == 800_000_012
    assert (names.kind_of(number), names.issue_of(number)) == ("task", 12)
    assert names.issue_of(names.issue_number(12)) == 12
    assert names.issue_of(12) is None
    assert names.kind_of(names.task_number("acme/other#1", CHOSEN.tag)) == "task"


@pytest.mark.parametrize(("wanted", "number"), [("2", 2), ("Version 2", 4), ("version 2 ", 4), ("2026", 5)], ids=str)
def test_a_milestone_is_named_by_its_number_or_its_title(wanted, number):
    known = [Milestone(2, "2026 plans"), Milestone(4, "Version 2"), Milestone(5, "2026")]
    assert github_issues.milestone_of(wanted, known, REPO) == number


@pytest.mark.parametrize(
    ("section", "listed"),
    [
        ("- a\n- b", ("a", "b")),
        ("1. a\n2) b\n* [x] c", ("a", "b", "c")),
        ("- a\n  more\n\n- b", ("a\n  more", "b")),
        ("It works.\n- a", ("It works.\n- a",)),
        ("- a\nmore", ("- a\nmore",)),
        ("", ()),
    ],
)
def test_a_section_that_is_a_list_has_items_and_any_other_is_one(section, listed):
    assert items(section) == listed


FILE = """issues:
- {number: 1, title: Parent}
- {number: 2, title: Done, state: closed, parent: 1, milestone: Version 1}
- {number: 3, title: Open, blocked_by: [2, 4], parent: 1, labels: [docs]}
- {number: 4, title: Outside, milestone: Version 2}
"""


def written(tmp_path, text: str):
    file = tmp_path / "issues.yaml"
    file.write_text(text)
    return file


def test_issues_of_a_file_are_selected_as_those_of_github(tmp_path):
    file = issues_file.read(written(tmp_path, FILE))
    assert file.milestones == (Milestone(1, "Version 1"), Milestone(2, "Version 2"))
    selection = file.selection("", "1")
    read = tasks.from_document(file.document(selection, REPO), "issues.yaml", selection.tag)
    assert [(task.id, task.status, task.dependencies, task.profile) for task in read.tasks] == [
        ("2", "done", (), None),
        ("3", "pending", ("2",), "docs"),
    ]
    assert str(read.problems[0]).startswith('task 3 is blocked by #4 ("Outside"), which is open')
    assert file.selection("version 2", "") == Selection("milestone", 2)


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("issues: []", "$.issues: "),
        ("issues:\n- {number: 1}", 'expected the key "title", got none; add it'),
        ("issues:\n- {number: 1, titel: a}", 'unknown key "titel"; did you mean'),
        ("issues:\n- {number: 1, title: a}\n- {number: 1, title: b}", ":3:4: $.issues[1].number: expected each number"),
        ("issues:\n- {number: 1, title: a, blocked_by: [2]}", "got 2, which is not in the file; correct it"),
        ("issues:\n- {number: 1, title: a, parent: 1}", "expected another issue of this file, got itself"),
        ("issues:\n- {number: 1, title: a, state_reason: completed}", "expected a closed issue, got an open one"),
    ],
)
def test_a_file_of_issues_that_is_wrong_says_where(tmp_path, text, words):
    with pytest.raises(Invalid) as refused:
        issues_file.read(written(tmp_path, text))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"milestone": "1"}, "expected --issues FILE"),
        ({"issues": "issues.yaml", "tag": "later"}, "--issues, --tag: expected one backlog"),
        (
            {"issues": "issues.yaml"},
            'expected --milestone or --issue, which say what of it is played; its milestones: 1 ("Ver',
        ),
        ({"issues": "issues.yaml", "milestone": "3"}, 'which has 1 ("Version 1"), 2 ("Version 2")'),
        ({"issues": "issues.yaml", "milestone": "1", "issue": "1"}, "--milestone and --issue exclude each other"),
        ({"issues": "issues.yaml", "issue": "3"}, "expected an issue with sub-issues in issues.yaml, which has 1"),
    ],
)
def test_options_that_choose_no_backlog_of_issues_are_refused(tmp_path, monkeypatch, options, words):
    written(tmp_path, FILE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    with pytest.raises(InputError) as refused:
        _project.of_folder(tmp_path / "shop", _project.Choices(**options))
    assert words in str(refused.value)
