"""Agents measured: what is merged and wrong breaks the promise, what is refused and right is lost work."""

from __future__ import annotations

from pathlib import Path

import pytest
from case_tasks import CORPUS

from pressplay.errors import InputError
from pressplay.evaluation import agent_trials, corpus
from pressplay.evaluation.agent_trials import AgentTrial, Ended, SetUp, Truth, figures, tasks_of
from pressplay.evaluation.corpus import files_of
from pressplay.evaluation.workshop import Workshop

(CASE,) = corpus.read(CORPUS, "python-service/fix-border")


def trial(ended: Ended, truth: Truth, runs: int = 3, cost: float = 0.5) -> AgentTrial:
    return AgentTrial(CASE, 1, "python", ended, truth, ended, runs=runs, seconds=10.0, tokens=100, cost=cost)


def test_what_is_counted():
    made = figures(
        [
            trial("merged", "right"),
            trial("merged", "wrong"),
            trial("merged", "unknown"),
            trial("refused", "right", runs=5),
            trial("refused", "wrong"),
            trial("refused", "unknown"),
        ]
    )
    assert (made.trials, made.merged, made.merged_wrong, made.refused_right) == (6, 3, 1, 1)
    assert (made.runs, made.seconds, made.tokens, made.cost) == (20 / 6, 10.0, 600, 3.0)
    assert figures([]).trials == 0


def test_a_task_for_agents_is_an_honest_case_with_tests_that_stay_hidden():
    cases = tasks_of(corpus.read(CORPUS, "python-service/*"))
    names = {case.name for case in cases}
    assert {"fix-border", "feature-volume"} <= names
    assert "special-cased-border" not in names
    assert "docs-requests" not in names, "nothing would tell whether it is right"


@pytest.mark.rule("R5")
@pytest.mark.parametrize(("handed_in", "truth"), [("fix-border", "right"), ("special-cased-border", "wrong")])
def test_the_truth_is_the_hidden_tests_whatever_the_agents_tests_say(handed_in: str, truth: str, tmp_path: Path):
    (case,) = corpus.read(CORPUS, f"python-service/{handed_in}")
    files = {path: (content, False) for path, content in {**files_of(case.base), **case.head_files()}.items()}
    judged, why = agent_trials._judge(CASE, files, Workshop(tmp_path, print))
    assert judged == truth
    assert bool(why) == (truth == "wrong")


def test_where_nothing_was_handed_in_nothing_is_known(tmp_path: Path):
    assert agent_trials._judge(CASE, None, Workshop(tmp_path, print)) == ("unknown", "")


def test_a_play_that_can_not_begin_says_why(tmp_path: Path):
    with pytest.raises(InputError, match=r"the play ended with status 2 and no summary:\n(.|\n)*no-such-chart"):
        agent_trials.trial(CASE, 1, SetUp("true", ("--chart", "no-such-chart.yaml")), Workshop(tmp_path, print))
