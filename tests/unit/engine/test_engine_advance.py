"""What the engine does beyond the conformance cases: faults, locks between Workflows, refusals, and being killed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from engine_harness import NAMESPACE, World, parameters

from pressplay.errors import InputError
from pressplay.sandbox.engine import InvalidSpec, UnknownConstruct, advance, validate

COMMON = yaml.safe_load("""
- name: run
  inputs:
    parameters: [{name: id}, {name: end, value: Succeeded}, {name: seconds, value: '1'}]
  resource:
    action: apply
    successCondition: status.phase in (Succeeded)
    failureCondition: status.phase in (Failed)
    manifest: |
      apiVersion: agents.platform/v1
      kind: CodeRun
      metadata: {name: "{{inputs.parameters.id}}"}
      spec: {env: {SECONDS: "{{inputs.parameters.seconds}}", END: "{{inputs.parameters.end}}"}}
  outputs:
    parameters: [{name: phase, valueFrom: {jsonPath: '{.status.phase}'}}]
- name: pod
  inputs:
    parameters: [{name: seconds, value: '5'}, {name: out, value: made}]
  container:
    image: any
    env: [{name: SECONDS, value: '{{inputs.parameters.seconds}}'}, {name: OUT, value: '{{inputs.parameters.out}}'}]
  outputs:
    parameters: [{name: made, valueFrom: {path: /tmp/out, default: nothing}}]
- name: wait
  suspend: {}
  outputs:
    parameters: [{name: outcome, valueFrom: {supplied: {}}}, {name: link, valueFrom: {supplied: {}, default: none}}]
""")


RUN_R = "{name: a, template: run, arguments: {parameters: [{name: id, value: r}]}}"
TOLD = {
    "name": "told",
    "resource": {
        "action": "apply",
        "manifest": "{kind: CodeRun, metadata: {name: r}, spec: {env: {}}}",
        "successCondition": "status.phase in (Succeeded)",
    },
    "outputs": {"parameters": [{"name": "message", "valueFrom": {"jsonPath": "{.status.message}"}}]},
}


def workflow(main: str, name: str = "w", **spec: Any) -> dict[str, Any]:
    """A Workflow whose entrypoint is `main` (YAML of a template's body, or a list of templates)."""
    body = yaml.safe_load(main)
    templates = body if isinstance(body, list) else [{"name": "main", **body}]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"entrypoint": "main", "templates": [*templates, *copy.deepcopy(COMMON)], **spec},
    }


def started(main: str, **spec: Any) -> World:
    world = World()
    world.submit(workflow(main, **spec))
    world.settle()
    return world


def found(world: World, name: str = "w") -> dict[str, Any]:
    return world.objects[("Workflow", NAMESPACE, name)]


def told(world: World, name: str = "w") -> tuple[str, str]:
    status = found(world, name)["status"]
    return status["phase"], status.get("message", "")


ONE_POD = "steps: [[{name: a, template: pod}]]"


# --- lost pods and being killed (R3) ---


@pytest.mark.rule("R3")
def test_an_apply_is_repeated_until_its_object_is_seen() -> None:
    world = World()
    world.submit(workflow(f"steps: [[{{name: b, template: pod}}, {RUN_R}]]"))
    first = world.step(found(world), act=False)
    second = world.step(found(world), act=False)
    assert [action["kind"] for action in first.actions] == ["Pod", "CodeRun"]
    assert second == first
    world.run()
    assert told(world) == ("Succeeded", "")
    assert len(world.created) == 2


@pytest.mark.rule("R3")
def test_a_pod_that_was_seen_and_is_gone_is_lost_and_retried_where_the_strategy_says_so() -> None:
    world = started("""
      - name: main
        steps: [[{name: a, template: tried}]]
      - name: tried
        retryStrategy: {limit: '2', retryPolicy: Always, expression: 'asInt(lastRetry.exitCode) not in [1, 2]'}
        container: {image: any}
    """)
    first = world.node("w", "[0].a(0)")
    assert first["phase"] == "Running"
    world.delete("Pod", first["id"])
    world.run()
    assert (world.node("w", "[0].a(0)")["phase"], world.node("w", "[0].a(0)")["message"]) == ("Error", "pod deleted")
    assert world.node("w", "[0].a(1)")["phase"] == "Succeeded"
    assert world.node("w", "[0].a")["type"] == "Retry"


@pytest.mark.rule("R3")
def test_a_lost_pod_without_a_retry_strategy_fails_the_workflow() -> None:
    world = started(ONE_POD)
    world.delete("Pod", world.node("w", "[0].a")["id"])
    world.run()
    assert world.node("w", "[0].a")["message"] == "pod deleted"
    assert told(world)[0] == "Failed"


def test_an_object_that_vanishes_fails_its_node() -> None:
    world = started(f"steps: [[{RUN_R}]]")
    world.delete("CodeRun", "r")
    world.run()
    assert "has been deleted while its status was still being checked" in world.node("w", "[0].a")["message"]


@pytest.mark.rule("R1")
def test_create_of_what_exists_fails_and_apply_of_it_attaches() -> None:
    created = yaml.safe_dump([{**COMMON[0], "name": "main", "resource": {**COMMON[0]["resource"], "action": "create"}}])
    arguments = {"parameters": [{"name": "id", "value": "r"}]}
    world = World()
    world.submit(workflow(created, arguments=arguments))
    world.run()
    assert told(world)[0] == "Succeeded"
    world.submit(workflow(created, name="second", arguments=arguments))
    world.submit(workflow(created.replace("create", "apply"), name="third", arguments=arguments))
    world.run()
    assert "AlreadyExists" in told(world, "second")[1]
    assert told(world, "third")[0] == "Succeeded"
    assert world.created == [("CodeRun", NAMESPACE, "r")]


def test_a_pod_is_told_its_outputs_and_whose_it_is() -> None:
    world = started(ONE_POD)
    pod = world.objects[("Pod", NAMESPACE, world.node("w", "[0].a")["id"])]
    assert pod["metadata"]["labels"] == {"workflows.argoproj.io/workflow": "w"}
    assert json.loads(pod["metadata"]["annotations"]["press-play/outputs"]) == [
        {"name": "made", "path": "/tmp/out", "default": "nothing"}
    ]


# --- time ---


def test_a_leaf_past_its_deadline_fails_and_its_pod_is_told_to_stop() -> None:
    world = World()
    world.submit(
        workflow(
            "- {name: main, activeDeadlineSeconds: 3, container: {image: any, env: [{name: SECONDS, value: '9'}]}}"
        )
    )
    result = world.step(found(world))
    assert result.actions[0]["spec"]["activeDeadlineSeconds"] == 3
    world.settle()
    world.clock.sleep(3)
    world.settle()
    assert told(world) == ("Failed", "Pod was active on the node longer than the specified deadline")
    pod = world.objects[("Pod", NAMESPACE, "w")]
    assert pod["metadata"]["annotations"]["press-play/stop"] == told(world)[1]


@pytest.mark.parametrize(("strategy", "handled"), [("Stop", True), ("Terminate", False)])
def test_shutdown_ends_what_runs_and_only_stop_runs_the_exit_hook(strategy: str, handled: bool) -> None:
    world = started(
        """
        - {name: main, steps: [[{name: a, template: pod}, {name: b, template: wait}]]}
        - {name: bye, suspend: {duration: 0s}}
        """,
        hooks={"exit": {"template": "bye"}},
    )
    found(world)["spec"]["shutdown"] = strategy
    world.settle()
    assert told(world) == ("Failed", f"Stopped with strategy '{strategy}'")
    assert ("w.onExit" in {node["name"] for node in found(world)["status"]["nodes"].values()}) is handled
    pod = world.objects[("Pod", NAMESPACE, world.node("w", "[0].a")["id"])]
    assert "press-play/stop" in pod["metadata"]["annotations"]


def test_a_suspended_workflow_goes_on_when_it_is_resumed() -> None:
    world = started(ONE_POD, suspend=True)
    assert found(world)["status"]["nodes"] == {}
    found(world)["spec"]["suspend"] = False
    world.run()
    assert told(world)[0] == "Succeeded"


def test_backoff_waits_longer_each_time_and_ends_at_its_limit() -> None:
    world = World()
    world.submit(
        workflow("""
          - name: main
            retryStrategy:
              limit: '9'
              retryPolicy: Always
              backoff: {duration: 10s, factor: '2', cap: 30s, maxDuration: 2m}
            inputs: {parameters: [{name: id, value: r}]}
            container: {image: any, env: [{name: CODE, value: '1'}, {name: SECONDS, value: '0'}]}
        """)
    )
    starts = world.clock.now()
    world.run()
    attempts = [node for node in found(world)["status"]["nodes"].values() if node["type"] == "Pod"]
    at = sorted(int(node["startedAt"][14:16]) * 60 + int(node["startedAt"][17:19]) for node in attempts)
    assert at == [0, 10, 30, 60, 90, 120]
    assert told(world) == ("Failed", "Backoff would exceed max duration limit")
    assert world.clock.now() == starts + 120


# --- waits ---


@pytest.mark.rule("R3")
def test_set_ends_a_wait_with_the_outputs_that_it_is_given_and_no_others() -> None:
    world = started("""
      steps:
      - - {name: a, template: wait}
      - - name: b
          template: pod
          arguments: {parameters: [{name: out, value: '{{steps.a.outputs.parameters.outcome}}'}]}
    """)
    assert world.set("w", "[0].a", {"outcome": "merged"})
    assert not world.set("w", "[0].a", {"outcome": "again"})
    world.run()
    # As in Argo, a default is for a wait whose time ran out.
    assert parameters(world.node("w", "[0].a")["outputs"]) == {"outcome": "merged"}
    assert parameters(world.node("w", "[1].b")["outputs"]) == {"made": "merged"}


def test_a_retry_whose_last_attempt_has_no_message_has_none() -> None:
    world = started("""
    - {name: main, steps: [[{name: a, template: held}]]}
    - {name: held, suspend: {}, retryStrategy: {limit: 2, retryPolicy: OnError}}
    """)
    assert world.set("w", "[0].a(0)", {}, "Failed")
    world.run()
    assert world.node("w", "[0].a")["phase"] == "Failed"
    assert "message" not in world.node("w", "[0].a")


def test_set_of_an_output_that_is_not_expected_is_refused_and_changes_nothing() -> None:
    world = started("steps: [[{name: a, template: wait}]]")
    before = copy.deepcopy(found(world))
    with pytest.raises(InputError, match="node is not expecting output parameter 'nope'"):
        world.set("w", "[0].a", {"nope": "x"})
    assert found(world) == before


def test_an_exit_handlers_pod_knows_how_the_workflow_ended() -> None:
    world = World()
    said = {"name": "bye", "container": {"image": "any", "env": [{"name": "SAID", "value": "{{workflow.status}}"}]}}
    world.submit(
        workflow(
            f"- {{name: main, steps: [[{{name: a, template: pod}}]]}}\n- {json.dumps(said)}",
            hooks={"exit": {"template": "bye"}},
        )
    )
    world.run()
    pod = world.objects[("Pod", NAMESPACE, world.node("w", "onExit")["id"])]
    assert pod["spec"]["containers"][0]["env"][0]["value"] == "Succeeded"


def test_set_of_a_node_that_is_not_there_or_runs_no_wait_changes_nothing() -> None:
    world = started(ONE_POD)
    assert not world.set("w", "[0].a", {})


@pytest.mark.rule("R7")
@pytest.mark.parametrize("text", ["{{workflow.uid}}", "{{=1+1}}", "x {{ nope", "{{=bad(}} x"])
def test_text_that_a_real_argo_would_evaluate_ends_what_it_came_to(text: str) -> None:
    world = started("steps: [[{name: a, template: wait}]]")
    world.set("w", "[0].a", {"outcome": text})
    assert world.node("w", "[0].a")["phase"] == "Error"
    assert "'outcome'" in world.node("w", "[0].a")["message"]

    world = World()
    world.submit(workflow(ONE_POD, arguments={"parameters": [{"name": "title", "value": text}]}))
    world.run()
    assert told(world)[0] == "Error"
    assert "spec.arguments.parameters.title" in told(world)[1]

    world = started(ONE_POD)
    pod = world.objects[("Pod", NAMESPACE, world.node("w", "[0].a")["id"])]
    pod["status"] = {"phase": "Succeeded", "exitCode": 0, "outputs": {"made": text}}
    world.settle()
    assert world.node("w", "[0].a")["phase"] == "Error"
    assert "'made'" in world.node("w", "[0].a")["message"]

    world = started("- {name: main, steps: [[{name: a, template: told}]]}\n- " + json.dumps(TOLD))
    world.objects[("CodeRun", NAMESPACE, "r")]["status"] = {"phase": "Succeeded", "message": text}
    world.settle()
    assert world.node("w", "[0].a")["phase"] == "Error"
    assert "'message'" in world.node("w", "[0].a")["message"]


# --- locks ---

LOCKED = """
- name: main
  synchronization: {mutexes: [{name: only}]}
  steps: [[{name: a, template: run, arguments: {parameters: [{name: id, value: '{{workflow.name}}'}]}}]]
"""


def test_a_freed_lock_goes_to_the_highest_priority_then_to_the_oldest() -> None:
    world = World()
    world.submit(workflow(LOCKED, name="first"))
    world.settle()
    for name, priority, created in (("late", 0, "2"), ("early", 0, "1"), ("urgent", 5, "3")):
        spec = {"priority": priority} if priority else {}
        world.submit(workflow(LOCKED, name=name, **spec), creationTimestamp=f"2026-01-01T00:00:0{created}Z")
    world.run()
    assert [name for _, _, name in world.created] == ["first", "urgent", "early", "late"]
    assert world.most_running == 1


def test_holding_and_waiting_are_recorded_as_argo_records_them_and_gone_at_the_end() -> None:
    world = World()
    world.submit(workflow(LOCKED, name="first"))
    world.submit(workflow(LOCKED, name="second"), creationTimestamp="2026-01-02T00:00:00Z")
    world.settle()
    holder = f"{NAMESPACE}/first/first"
    assert found(world, "first")["status"]["synchronization"] == {
        "mutex": {"holding": [{"mutex": f"{NAMESPACE}/Mutex/only", "holder": holder}]}
    }
    assert found(world, "second")["status"]["synchronization"] == {
        "mutex": {"waiting": [{"mutex": f"{NAMESPACE}/Mutex/only", "holder": holder}]}
    }
    waiting = world.node("second", ".")
    assert (waiting["phase"], waiting["synchronizationStatus"]) == ("Pending", {"waiting": f"{NAMESPACE}/Mutex/only"})
    assert waiting["message"] == f"Waiting for {NAMESPACE}/Mutex/only lock. Lock status: 0/1"
    assert world.locks.waiters([f"{NAMESPACE}/Mutex/only"]) == [(NAMESPACE, "second")]
    world.run()
    assert all("synchronization" not in each["status"] for each in world.workflows())
    assert world.locks.waiters([f"{NAMESPACE}/Mutex/only"]) == []
    assert world.locks.holders(f"{NAMESPACE}/Mutex/only") == frozenset()


def test_a_workflow_may_be_locked_as_a_whole() -> None:
    world = World()
    for name in ("first", "second"):
        world.submit(workflow(ONE_POD, name=name, synchronization={"mutexes": [{"name": "whole"}]}))
    world.settle()
    assert told(world, "second") == ("Pending", f"Waiting for {NAMESPACE}/Mutex/whole lock. Lock status: 0/1")
    world.run()
    assert (told(world, "first")[0], told(world, "second")[0]) == ("Succeeded", "Succeeded")
    assert world.most_running == 1


def test_two_locks_are_taken_together_or_not_at_all() -> None:
    both = LOCKED.replace("[{name: only}]", "[{name: only}, {name: other}]")
    world = World()
    world.submit(workflow(LOCKED, name="first"))
    world.settle()
    world.submit(workflow(both, name="second"), creationTimestamp="2026-01-02T00:00:00Z")
    world.submit(workflow(LOCKED.replace("only", "other"), name="third"), creationTimestamp="2026-01-03T00:00:00Z")
    world.settle()
    # As in Argo, who waits for two locks stands before others in the queue of the one that is free.
    assert [name for _, _, name in world.created] == ["first"]
    world.run()
    assert [name for _, _, name in world.created] == ["first", "second", "third"]


@pytest.mark.rule("R3")
def test_a_lock_that_its_own_node_holds_is_waited_for_for_ever_as_in_argo() -> None:
    world = started("""
      - name: main
        synchronization: {mutexes: [{name: only}]}
        steps: [[{name: a, template: inner}]]
      - name: inner
        synchronization: {mutexes: [{name: only}]}
        suspend: {duration: 0s}
    """)
    assert world.node("w", "[0].a")["phase"] == "Pending"


# --- parallelism ---


def test_the_workflows_parallelism_counts_pods() -> None:
    world = World()
    world.submit(
        workflow(
            """
            steps:
            - - name: a
                template: run
                withItems: [1, 2, 3, 4, 5]
                arguments: {parameters: [{name: id, value: 'r-{{item}}'}]}
            """,
            parallelism=2,
        )
    )
    world.run()
    assert told(world)[0] == "Succeeded"
    assert world.most_running == 2


def test_tasks_start_in_the_order_of_the_targets() -> None:
    tasks = [
        {"name": f"t{n}", "template": "one", "arguments": {"parameters": [{"name": "id", "value": f"r{n}"}]}}
        for n in range(1, 13)
    ]
    handed = {"parameters": [{"name": "id", "value": "{{inputs.parameters.id}}"}]}
    one = {
        "name": "one",
        "inputs": {"parameters": [{"name": "id"}]},
        "steps": [[{"name": "r", "template": "run", "arguments": handed}]],
    }
    main = {"name": "main", "parallelism": 1, "dag": {"tasks": tasks, "target": "t3 t12 t1 t2"}}
    world = World()
    world.submit(workflow(yaml.safe_dump([main, one])))
    world.run()
    assert [name for _, _, name in world.created] == ["r3", "r12", "r1", "r2"]


# --- freezing ---


def test_a_changed_workflow_template_does_not_touch_what_runs() -> None:
    world = World()
    main = yaml.safe_load("""
      name: main
      steps: [[{name: a, template: wait}], [{name: b, templateRef: {name: parts, template: pod}}]]
    """)
    for name, templates in (("flow", [main, COMMON[2]]), ("parts", COMMON)):
        spec = {"entrypoint": "main", "templates": copy.deepcopy(templates)}
        world.put({"kind": "WorkflowTemplate", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
    world.submit({**workflow("suspend: {}"), "spec": {"workflowTemplateRef": {"name": "flow"}}})
    world.settle()
    status = found(world)["status"]
    assert set(status["storedTemplates"]) == {"namespaced/parts/pod"}
    assert status["storedWorkflowTemplateSpec"]["entrypoint"] == "main"
    del world.objects[("WorkflowTemplate", NAMESPACE, "flow")]
    del world.objects[("WorkflowTemplate", NAMESPACE, "parts")]
    world.set("w", "[0].a", {"outcome": "go"})
    world.run()
    assert told(world)[0] == "Succeeded"
    node = world.node("w", "[1].b")
    assert (node["templateRef"], node["templateScope"]) == ({"name": "parts", "template": "pod"}, "local/")


# --- recursion ---


def test_recursion_ends_at_a_hundred() -> None:
    world = started("- {name: main, steps: [[{name: again, template: main}]]}")
    errors = [node for node in found(world)["status"]["nodes"].values() if node["phase"] == "Error"]
    assert len(errors) == 1
    assert errors[0]["message"].startswith("Maximum recursion depth exceeded")
    assert told(world)[0] == "Failed"


# --- refusals ---


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("main", "place", "construct"),
    [
        ("script: {image: x, source: y}", "templates.main", "script"),
        ("{daemon: true, container: {image: x}}", "templates.main", "daemon"),
        ("{memoize: {key: x}, suspend: {}}", "templates.main", "memoize"),
        ("{inputs: {artifacts: []}, suspend: {}}", "inputs", "artifacts"),
        ("steps: [[{name: a, template: pod, hooks: {exit: {template: pod}}}]]", "steps[0].a", "hooks"),
        ("steps: [[{name: a, inline: {suspend: {}}}]]", "steps[0].a", "inline"),
        ("steps: [[{name: a, template: pod, withSequence: {count: '3'}}]]", "steps[0].a", "withSequence"),
        ("dag: {tasks: [{name: a, template: pod, hooks: {}}]}", "dag.tasks.a", "hooks"),
        ("resource: {action: delete, manifest: x}", "resource.action", "delete"),
        (
            "resource: {action: apply, manifest: x, successCondition: 'a.#(b==c)=d'}",
            "resource.successCondition",
            "a.#(b==c)=d",
        ),
        (
            "{suspend: {}, retryStrategy: {retryPolicy: OnTransientError}}",
            "retryStrategy.retryPolicy",
            "OnTransientError",
        ),
        ("{steps: [], parallelism: '{{workflow.name}}'}", "parallelism", "{{workflow.name}}"),
        ("container: {image: x, args: ['{{ open']}", "text", "without its own"),
        ("container: {image: x, args: ['{{=env(\"HOME\")}}']}", "expression", "'env' is not known"),
        ("container: {image: x, args: ['{{workflow.duration}}']}", "variable", "workflow.duration"),
        (
            "{suspend: {}, outputs: {parameters: [{name: a, valueFrom: {supplied: {}}, globalName: b}]}}",
            "outputs.parameters.a",
            "globalName",
        ),
    ],
)
def test_unknown_constructs_are_refused_by_template_path_and_name(main: str, place: str, construct: str) -> None:
    with pytest.raises(UnknownConstruct) as refused:
        validate(workflow(main), World())
    for part in ("template main", place, construct):
        assert part in str(refused.value)
    world = World()
    world.submit(workflow(main))
    world.run()
    assert told(world) == ("Error", str(refused.value))


@pytest.mark.parametrize(
    ("main", "message"),
    [
        ("steps: [[{name: a, template: 'no'}]]", "templates.main.steps[0].a template name 'no' undefined"),
        (
            "steps: [[{name: a, template: run}]]",
            "templates.main.steps[0].a templates.run inputs.parameters.id was not supplied",
        ),
        ("dag: {tasks: [{name: a, template: pod, depends: b}]}", "templates.main sorting failed: invalid dependency b"),
        (
            "dag: {tasks: [{name: a, template: pod, depends: b}, {name: b, template: pod, depends: a}]}",
            "templates.main sorting failed: graph with cycle",
        ),
        ("{suspend: {}, timeout: 1h}", "Suspend template doesn't support timeout field"),
        (
            "{steps: [], activeDeadlineSeconds: 9}",
            "templates.main.activeDeadlineSeconds is only valid for leaf templates",
        ),
        (
            "dag: {tasks: [{name: b, template: pod}, {name: c, template: pod, depends: b, continueOn: {error: yes}}]}",
            "templates.main cannot use 'continueOn' when using 'depends'. "
            "Instead use 'dep-task.Failed'/'dep-task.Errored'",
        ),
        ("dag: {target: z, tasks: [{name: a, template: pod}]}", "templates.main.targets: target 'z' is not defined"),
        (
            "container: {image: x, args: ['{{inputs.parameters.z}}']}",
            "templates.main: failed to resolve {{inputs.parameters.z}}",
        ),
        (
            "steps: [[{name: a, templateRef: {name: x, template: y}}]]",
            "templates.main.steps[0].a template reference x.y not found",
        ),
        (
            "{steps: [], outputs: {parameters: [{name: o, valueFrom: {parameter: '{{steps.a.status}}'}}]}}",
            "templates.main.outputs failed to resolve {{steps.a.status}}",
        ),
    ],
)
def test_what_argo_refuses_at_the_start_is_refused_in_its_words(main: str, message: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        validate(workflow(main), World())
    assert str(refused.value) == f"invalid spec: {message}"


def test_nothing_that_is_given_is_changed() -> None:
    world = started(ONE_POD)
    given = found(world)
    before = copy.deepcopy(given)
    world.delete("Pod", world.node("w", "[0].a")["id"])
    assert advance(given, world, world.clock.now()).status != given["status"]
    assert given == before


def test_an_ended_workflow_stays_as_it_is() -> None:
    world = started("suspend: {duration: 0s}")
    again = advance(found(world), world, world.clock.now())
    assert (again.status, again.actions, again.watches, again.wake_at) == (
        found(world)["status"],
        (),
        frozenset(),
        None,
    )
