"""What a play's end asks of a deployment: the probes of several tasks that can be asked anywhere, checked again."""

from __future__ import annotations

import json

import pytest

from pressplay.errors import InputError
from pressplay.gates.acceptance import packing, probe_plan
from pressplay.gates.acceptance.end_plan import EndPlan
from pressplay.gates.acceptance.probe_plan import ProbePlan, task_of
from pressplay.gates.acceptance.probe_types import DEPLOYED

pytestmark = pytest.mark.rule("R5")
SHA = "a" * 40
COMMAND = "- {name: run, command: {argv: [cat, a], expect: {stdout: {contains: [a tenth less]}}}}\n"
PATH = "- {name: asks, http: {path: /a, expect: {status: 200, contains: [a tenth less]}}}\n"
URL = "- {name: calls, http: {url: 'http://shop.preview.svc:80/a', expect: {status: 200}}}\n"
GONE = "- {name: gone, http: {path: /old, expect: {status: 404, contains: [moved away]}}}\n"
LOGS = "- {name: says, logs: {matchLabels: {app: x}, expect: {lines: [a tenth less]}}}\n"
LOGS_THERE = "- {name: says, logs: {namespace: preview, matchLabels: {app: x}, expect: {lines: [a tenth less]}}}\n"
WORKLOAD = "- {name: runs, workload: {kind: Deployment, name: shop, expect: {labels: {a: b}}}}\n"


def plan(*probes: str) -> ProbePlan:
    return probe_plan.read(f"description: what it shows\nprobes:\n{''.join(probes)}".encode(), "plan.yaml")


def names(end: EndPlan) -> list[str]:
    return [probe.name for probe in end.plan.probes(SHA)] if end.plan else []


@pytest.mark.parametrize(
    ("probes", "namespace", "left", "elsewhere"),
    [
        ((PATH,), "", ["7/asks"], ()),
        ((PATH, COMMAND), "", ["7/asks"], ()),
        ((COMMAND,), "", [], ()),
        # A place of its own is another deployment's.
        ((URL, PATH), "staging", ["7/asks"], (7,)),
        ((LOGS_THERE, URL), "staging", [], (7,)),
        ((LOGS_THERE, PATH), "staging", ["7/asks"], (7,)),
        ((LOGS_THERE,), "preview", ["7/says"], ()),
        ((LOGS, WORKLOAD), "staging", ["7/says", "7/runs"], ()),
        # Nobody knows where the deployment's workloads are.
        ((LOGS, PATH), "", ["7/asks"], (7,)),
    ],
)
def test_only_what_can_be_asked_of_another_deployment_is_asked_of_it(probes, namespace, left, elsewhere):
    end = EndPlan.of({7: plan(*probes)}, (), namespace)
    assert (names(end), end.elsewhere) == (left, elsewhere)
    assert bool(end.lacks()) == bool(elsewhere)
    assert EndPlan.unpack(end.pack(), "the kept one") == end


def test_what_is_not_asked_is_named_by_its_tasks():
    end = EndPlan.of({3: plan(PATH), 2: plan(URL, COMMAND)}, (9, 8), "")
    assert names(end) == ["3/asks"]
    assert "probes of task 2 name a place" in end.lacks()
    assert "probes of tasks 9, 8 were not run" in end.lacks()


def test_what_several_tasks_ask_is_checked_again_by_whoever_carries_it_out():
    joined, _ = probe_plan.joined({12: plan(PATH, LOGS), 3: plan(PATH)}, DEPLOYED)
    assert joined is not None
    assert ProbePlan.unpack_part(joined.pack()) == joined
    assert [task_of(probe.name) for probe in joined.probes(SHA)] == [12, 12, 3]
    # A name with a task is no name that QA may give.
    with pytest.raises(InputError):
        ProbePlan.unpack(joined.pack())


def test_a_part_that_only_asks_for_what_is_gone_is_carried_out():
    whole = plan(COMMAND, GONE)
    part = whole.only(DEPLOYED)
    assert part is not None
    assert ProbePlan.unpack_part(part.pack()) == part
    with pytest.raises(InputError, match="asserts nothing"):
        ProbePlan.unpack(part.pack())


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"probes": []},
        {"probes": [{"name": "1/a"}]},
        {"probes": [{"name": "1/2/a", "http": {"path": "/a", "expect": {"status": 200}}}]},
        {"probes": [{"name": "x/a", "http": {"path": "/a", "expect": {"status": 200}}}]},
        {"probes": [{"name": "1/a", "http": {"path": "//evil.test/", "expect": {"status": 200}}}]},
        {"probes": [{"name": "1/a", "http": {"path": "/a", "expect": {"status": 200}, "later": 1}}]},
        {"probes": [{"name": "1/a", "http": {"path": "/a", "expect": {"status": 200}}}] * 2},
        {"probes": [{"name": "1/a", "http": {"url": "http://u:p@a.test/", "expect": {"status": 200}}}]},
        {"probes": ["1/a"]},
        {"probes": [{"name": 1}], "more": 1},
    ],
)
def test_what_is_no_part_of_a_plan_is_refused(document):
    with pytest.raises(InputError):
        ProbePlan.unpack_part(packing.pack(json.dumps(document)), "parameter plan")


@pytest.mark.parametrize(
    ("name", "task"), [("12/a", 12), ("12/a/b", 12), ("a", None), ("a/b", None), ("/a", None), ("running-commit", None)]
)
def test_a_probe_s_task_is_in_its_name(name, task):
    assert task_of(name) == task
