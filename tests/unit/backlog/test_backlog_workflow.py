"""The generated play: what Argo is given, and that nothing of a backlog's text is in it."""

import json
import random
import re

import pytest
import yaml
from hera.workflows.models import Workflow, WorkflowTemplate
from hypothesis import given, settings
from hypothesis import strategies as st

from pressplay.backlog.graph import plan
from pressplay.backlog.tasks import read
from pressplay.backlog.workflow import begun_on, play_manifests, to_yaml
from pressplay.errors import InputError

KINDS = {"Workflow": Workflow, "WorkflowTemplate": WorkflowTemplate}
NODE_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")


def task(task_id, *needs, **fields):
    return {"id": task_id, "dependencies": list(needs), **fields}


def planned(*tasks, tag="master"):
    return plan(read(json.dumps({tag: {"tasks": list(tasks)}}), "tasks.json"))


def manifests(the_plan, **changed):
    given = {
        "repo": "acme/shop",
        "tag": the_plan.tag,
        "play": "play-0a1b2c3d-1",
        "namespace": "press-play",
        "parallelism": 3,
        **changed,
    }
    return play_manifests(the_plan, **given)


def entry(template):
    return next(part for part in template["spec"]["templates"] if part["name"] == template["spec"]["entrypoint"])


def nodes(template):
    return {node["name"]: node for node in entry(template)["dag"]["tasks"]}


def inputs(node):
    return {parameter["name"]: parameter["value"] for parameter in node["arguments"]["parameters"]}


def test_a_task_is_two_nodes_and_dependents_hang_on_the_merge():
    template, workflow = manifests(planned(task(1), task(2, 1), task(3, 1, 2)))
    assert list(nodes(template)) == ["t1", "t1-merged", "t2", "t2-merged", "t3", "t3-merged"]
    t2, merged = nodes(template)["t2"], nodes(template)["t2-merged"]
    assert t2["templateRef"] == {"name": "play-parts", "template": "start-task"}
    assert inputs(t2) == {"repo": "acme/shop", "tag": "master", "play": "play-0a1b2c3d-1", "task": "2", "rank": "1"}
    assert t2["depends"] == "t1-merged"
    assert merged["templateRef"] == {"name": "play-parts", "template": "await-merge"}
    assert inputs(merged) == {"repo": "acme/shop", "task": "2", "play": "play-0a1b2c3d-1"}
    assert (merged["depends"], merged["when"]) == ("t2", "{{tasks.t2.outputs.parameters.outcome}} != merged")
    assert nodes(template)["t3"]["depends"] == "t1-merged && t2-merged"
    assert workflow["spec"] == {"workflowTemplateRef": {"name": "play-0a1b2c3d-1"}, "priority": 0}


@pytest.mark.rule("R5")
def test_what_a_play_ended_with_is_proven_however_its_tasks_ended():
    since = "a" * 40
    template, _ = manifests(planned(task(1), task(2, 1)), since=since)
    (without, _) = manifests(planned(task(1), task(2, 1)))
    assert template["spec"]["templates"][1:] == without["spec"]["templates"]
    proof = nodes(template)["final-proof"]
    assert proof["templateRef"] == {"name": "play-parts", "template": "final-proof"}
    assert inputs(proof) == {"repo": "acme/shop", "tag": "master", "play": "play-0a1b2c3d-1", "since": since}
    assert proof["depends"] == "(play || play.Failed || play.Errored || play.Omitted)"
    # Either fails the play.
    assert entry(template)["dag"]["target"] == "play final-proof"
    assert nodes(template)["play"] == {"name": "play", "template": "play"}
    KINDS["WorkflowTemplate"].model_validate(template, extra="forbid")


def test_statuses_are_written_last_however_the_rest_ended():
    template, _ = manifests(planned(task(1)), since="a" * 40, statuses=True)
    last = nodes(template)["write-statuses"]
    assert last["templateRef"] == {"name": "play-parts", "template": "write-statuses"}
    assert inputs(last) == {"repo": "acme/shop", "tag": "master", "play": "play-0a1b2c3d-1"}
    assert last["depends"] == "(final-proof || final-proof.Failed || final-proof.Errored || final-proof.Omitted)"
    assert entry(template)["dag"]["target"] == "play final-proof write-statuses"
    KINDS["WorkflowTemplate"].model_validate(template, extra="forbid")
    template, _ = manifests(planned(task(1)), statuses=True)
    assert nodes(template)["write-statuses"]["depends"] == "(play || play.Failed || play.Errored || play.Omitted)"


@pytest.mark.rule("R7")
def test_the_commit_with_which_a_play_begins_is_one():
    with pytest.raises(InputError):
        manifests(planned(task(1)), since="{{=1}}")


def test_approved_releases_dependents_on_the_verdict():
    (template, _) = manifests(planned(task(1), task(2, 1)), release="approved")
    assert nodes(template)["t2"]["depends"] == "t1"
    assert set(entry(template)["dag"]["target"].split()) == {"t1-merged", "t2-merged"}


@pytest.mark.parametrize(
    ("tasks", "stacked", "depends"),
    [
        ([task(1), task(2, 1), task(3, 2)], {"2": "1", "3": "2"}, {"t2": "t1", "t3": "t2"}),
        # A commit can't hold both, so both must be merged.
        ([task(1), task(2), task(3, 1, 2)], {}, {"t3": "t1-merged && t2-merged"}),
        # The last of a chain holds the rest.
        ([task(1), task(2, 1), task(3, 1, 2)], {"2": "1", "3": "2"}, {"t2": "t1", "t3": "t1 && t2"}),
        ([task(1), task(2, 1), task(3, 2), task(4, 1, 3)], {"2": "1", "3": "2", "4": "3"}, {"t4": "t1 && t3"}),
        (
            [task(1), task(2, 1), task(3, 1), task(4, 2, 3), task(5, 4)],
            {"2": "1", "3": "1", "5": "4"},
            {"t4": "t2-merged && t3-merged", "t5": "t4"},
        ),
        # What is done needs no wait.
        ([task(1, status="done"), task(2), task(3, 1, 2)], {"3": "2"}, {"t3": "t2"}),
    ],
)
def test_approved_starts_a_task_on_the_one_head_that_holds_all_it_needs(tasks, stacked, depends):
    the_plan = planned(*tasks)
    assert begun_on(the_plan) == stacked
    (template, _) = manifests(the_plan, release="approved")
    assert {name: nodes(template)[name]["depends"] for name in depends} == depends
    assert begun_on(planned(task(1))) == {}


def test_every_task_is_a_target_longest_chain_behind_it_first():
    (template, _) = manifests(planned(task(9), task(10), task(11, 10), task(12, 11), task(13, 10), task(1)))
    assert entry(template)["dag"]["target"] == ("t10-merged t11-merged t1-merged t9-merged t13-merged t12-merged")
    assert entry(template)["dag"]["failFast"] is False
    assert entry(template)["parallelism"] == 3


def test_each_manifest_carries_our_labels_and_the_controllers_instance():
    for manifest in manifests(planned(task(1), task(2)), instance_id="blue"):
        assert manifest["metadata"]["labels"] == {
            "app.kubernetes.io/part-of": "press-play",
            "press-play/flow": "play",
            "press-play/play": "play-0a1b2c3d-1",
            "press-play/repo": "acme.shop",
            "workflows.argoproj.io/controller-instanceid": "blue",
        }


def test_blocked_and_finished_tasks_are_left_out():
    (template, _) = manifests(planned(task(1, status="done"), task(2, 1), task(3, 99), task(4, 3)))
    assert list(nodes(template)) == ["t2", "t2-merged"]
    assert "depends" not in nodes(template)["t2"]


def test_where_nothing_can_play_nothing_is_made():
    assert manifests(planned(task(1, 1))) == []


def test_odd_ids_are_integers_to_argo():
    the_plan = planned(task("HAM-1"), task("a b", "HAM-1"))
    (template, _) = manifests(the_plan)
    numbers = [row.task.number for row in the_plan.tasks]
    assert list(nodes(template)) == [name for number in numbers for name in (f"t{number}", f"t{number}-merged")]


def checked_parts(made, the_plan):
    """Hold every part against Argo's rules; returns each part's own tasks' numbers and those awaited from elsewhere."""
    parts = []
    for manifest in made:
        KINDS[manifest["kind"]].model_validate(manifest, extra="forbid")
    for template in made[::2]:
        known = {part["name"]: part for part in template["spec"]["templates"]}
        own = {int(name[1:]) for name in nodes(template) if NODE_NAME.fullmatch(name) and "-" not in name}
        gathered = [node for part in known.values() if part["name"] != "play" for node in part["dag"]["tasks"]]
        awaited = {
            int(inputs(node)["task"])
            for node in [*nodes(template).values(), *gathered]
            if "arguments" in node and node["templateRef"]["template"] == "await-merge" and "depends" not in node
        }
        assert own
        assert not own & awaited
        for part in known.values():
            names = [node["name"] for node in part["dag"]["tasks"]]
            assert len(names) == len(set(names)) <= 200
            assert all(NODE_NAME.fullmatch(name) for name in names)
            for node in part["dag"]["tasks"]:
                assert set((node.get("depends") or names[0]).split(" && ")) <= set(names)
                if "template" in node:
                    assert node["template"] in known
        parts.append((own, awaited))
    seen = set()
    for own, awaited in parts:
        assert awaited <= seen, "a part waits only for earlier ones"
        assert not own & seen
        seen |= own
    assert seen == {row.task.number for row in the_plan.playable}
    return parts


@pytest.mark.parametrize("release", ["merged", "approved"])
def test_beyond_a_hundred_tasks_further_workflows_wait_for_the_same_merges(release):
    tasks = [task(i, *([i - 1, i // 2] if i > 2 else [])) for i in range(1, 251)]
    the_plan = planned(*tasks)
    made = manifests(the_plan, release=release)
    parts = checked_parts(made, the_plan)
    assert [m["metadata"]["name"] for m in made[::2]] == [
        "play-0a1b2c3d-1",
        *(f"play-0a1b2c3d-1-{count}" for count in range(2, len(parts) + 1)),
    ]
    assert len(parts[0][0]) == 100
    first, second = nodes(made[0]), nodes(made[2])
    there = min(parts[1][1])
    assert inputs(second[f"t{there}-merged"]) == inputs(first[f"t{there}-merged"])
    assert second[f"t{there}-merged"]["templateRef"] == first[f"t{there}-merged"]["templateRef"]
    for number in parts[1][0]:
        wanted = {number - 1, number // 2}
        awaited = second[f"t{number}"]["depends"].split(" && ")
        assert {int(name.removeprefix("t").removesuffix("-merged")) for name in awaited} == wanted


def test_a_task_that_waits_for_hundreds_in_other_workflows_gathers_them():
    tasks = [*(task(i) for i in range(1, 501)), task(501, *range(1, 501)), task(502, 501)]
    the_plan = planned(*tasks)
    parts = checked_parts(manifests(the_plan), the_plan)
    assert set().union(*(awaited | own for own, awaited in parts if 501 in own)) >= set(range(1, 502))


@given(st.integers(0, 10_000), st.integers(90, 320), st.integers(0, 6), st.sampled_from(["merged", "approved"]))
@settings(max_examples=15, deadline=None)
def test_any_graph_keeps_argos_limits(seed, count, most, release):
    rng = random.Random(seed)
    tasks = [task(i, *rng.sample(range(1, i), min(i - 1, rng.randint(0, most)))) for i in range(1, count + 1)]
    the_plan = planned(*tasks)
    checked_parts(manifests(the_plan, release=release), the_plan)


@pytest.mark.rule("R7")
def test_no_text_of_a_backlog_reaches_argo():
    hostile = "{{workflow.uid}} {{=1+1}} $(rm -rf) \"'\n---\nevil: true"
    the_plan = planned(
        task(hostile, title=hostile, description=hostile, details=hostile, priority=hostile),
        task(2, hostile, title=hostile),
    )
    made = manifests(the_plan)
    text = json.dumps(made)
    assert "evil" not in text
    assert re.findall(r"\{\{.*?\}\}", text) == [
        f"{{{{tasks.t{row.task.number}.outputs.parameters.outcome}}}}" for row in the_plan.tasks
    ]
    for manifest in made:
        KINDS[manifest["kind"]].model_validate(manifest, extra="forbid")


@pytest.mark.rule("R7")
@pytest.mark.parametrize("changed", [{"tag": "{{x}}"}, {"repo": "a/b c"}, {"play": "p q"}, {"play": "p" * 64}])
def test_names_that_argo_would_evaluate_are_refused(changed):
    with pytest.raises(InputError):
        manifests(planned(task(1)), **changed)


TEXT = st.text(st.characters(codec="ascii"), max_size=8)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), TEXT)
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(["kind", "n", "y", "1e3", "", "a b"]), NESTED, min_size=1), max_size=2))
@settings(max_examples=30, deadline=None)
def test_the_yaml_says_what_the_manifests_say(documents):
    assert list(yaml.safe_load_all(to_yaml(documents))) == documents


@pytest.mark.parametrize("word", ["n", "Y", "on", "1e3", "0x1F", "12", "null", "~", "", "1:30", "2026-01-01", ".inf"])
def test_words_that_some_yaml_reads_as_something_else_are_quoted(word):
    assert to_yaml([{"a": word}]) == f'---\na: "{word}"\n'
