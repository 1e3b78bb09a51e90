"""Checks of the project's CI count only where the pull request leaves alone what they run; one row a case."""

from __future__ import annotations

import pytest

from pressplay.github.comparison import Changed, Comparison
from pressplay.steps.gate_pods import ci_files

pytestmark = pytest.mark.rule("R5")
LEFT_AT = "b" * 40
WORKFLOW = """
on: pull_request
jobs:
  test:
    steps:
      - uses: actions/checkout@v4
      - run: ./ci/run.sh && make check
      - run: python tools/report.py
      - run: npm test
"""
BASE = {
    ".github/workflows/test.yml": WORKFLOW,
    "package.json": '{"scripts": {"test": "jest"}, "devDependencies": {"jest": "30"}}',
}


class Side:
    """Files of a commit, from texts by path."""

    def __init__(self, texts):
        self.texts = texts

    def text(self, path):
        return self.texts.get(path, "")

    def paths(self, folder):
        return sorted(path for path in self.texts if path.rpartition("/")[0] == folder)


@pytest.mark.parametrize(
    ("changed", "head", "touched"),
    [
        (["src/app.py", "tests/test_app.py"], {}, []),
        ([".github/workflows/test.yml"], {}, [".github/workflows/test.yml"]),
        ([".github/workflows/new.yml"], {}, [".github/workflows/new.yml"]),
        ([".github/actions/setup/action.yml"], {}, [".github/actions/setup/action.yml"]),
        (["ci/run.sh"], {}, ["ci/run.sh"]),
        (["tools/report.py"], {}, ["tools/report.py"]),
        (["ci/other.sh"], {}, []),
        (["Makefile"], {}, ["Makefile"]),
        (["services/api/Makefile"], {}, ["services/api/Makefile"]),
        # No workflow of the base starts tox.
        (["tox.ini"], {}, []),
        # What `npm test` runs is in its scripts.
        (["package.json"], {"package.json": '{"scripts": {"test": "jest"}, "devDependencies": {"jest": "31"}}'}, []),
        (["package.json"], {"package.json": '{"scripts": {"test": "exit 0"}}'}, ["package.json"]),
        (["package.json"], {"package.json": "{"}, ["package.json"]),
    ],
)
def test_what_ci_runs_is_read_from_the_base(monkeypatch, changed, head, touched):
    whole = Comparison(LEFT_AT, tuple(Changed(path, path, "modified") for path in changed))
    monkeypatch.setattr(ci_files, "Files", lambda _gh, _repo, commit: Side(BASE if commit == LEFT_AT else BASE | head))
    assert ci_files.changed(object(), "acme/shop", whole, "a" * 40) == touched


def test_a_change_that_nobody_saw_whole_counts_as_one_of_the_workflows(monkeypatch):
    monkeypatch.setattr(ci_files, "Files", lambda *_: Side(BASE))
    assert ci_files.changed(object(), "acme/shop", Comparison(LEFT_AT, (), seen=False), "a" * 40)
