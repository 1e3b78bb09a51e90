"""Every document of the default rendering and of five differing ones, against every schema there is offline."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from charts import DEFAULTS, ROOT, VALUES, one, render
from hera.events import models as events_models
from hera.workflows import models

from pressplay import names, patch
from pressplay.domain import accounts
from pressplay.github.breaker import LONGEST_SECONDS
from pressplay.sandbox.engine.conditions import duration
from pressplay.sandbox.engine.expression import program
from pressplay.settings import CONFIG_KEY, CONFIG_MAP, parse
from pressplay.templating import personas
from pressplay.validation import helm
from pressplay.validation import values as merging

Documents = list[dict[str, Any]]
KUBERNETES = ("1.27", "1.34", "1.37")
ARGO = {
    "Workflow": models.Workflow,
    "WorkflowTemplate": models.WorkflowTemplate,
    "CronWorkflow": models.CronWorkflow,
}
EVENTS = {"EventSource": events_models.EventSource, "Sensor": events_models.Sensor}
CORE = (
    *("configmap-v1", "service-v1", "serviceaccount-v1", "role-rbac-v1", "rolebinding-rbac-v1", "job-batch-v1"),
    *("clusterrole-rbac-v1", "clusterrolebinding-rbac-v1", "deployment-apps-v1", "networkpolicy-networking-v1"),
    "poddisruptionbudget-policy-v1",
)
CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding")
EXTERNAL_SECRET = json.loads((Path(__file__).parent / "schemas/externalsecret.json").read_text())
EVENT_BUS = json.loads((Path(__file__).parent / "schemas/eventbus.json").read_text())
LONG_INTEGERS = {"maxPayloadSize", "appID", "installationID"}
OURS = "press-play"


def argo(documents: Documents) -> Documents:
    """What Argo Workflows owns."""
    return [d for d in documents if d["kind"] in ARGO]


def core(documents: Documents) -> Documents:
    return [d for d in documents if not d["apiVersion"].startswith(("argoproj.io/", "external-secrets.io/"))]


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_knows_every_field(documents: Documents, version: str):
    assert core(documents)
    for document in core(documents):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.rule("R3")
def test_the_tries_of_a_step_outlast_the_hour_of_a_rate_limit():
    """As Argo reckons (processNodeRetries): duration times factor to the number of tries, no more than the cap."""
    _, documents = render(DEFAULTS)
    (step,) = one(documents, "WorkflowTemplate", "reconcile")["spec"]["templates"]
    retry, backoff = step["retryStrategy"], step["retryStrategy"]["backoff"]
    first, cap, most = (duration(backoff[key]) for key in ("duration", "cap", "maxDuration"))
    waits = [min(first * int(backoff["factor"]) ** n, cap) for n in range(int(retry["limit"]))]
    a_minute_a_try = 60 * len(waits)
    assert sum(waits) >= LONGEST_SECONDS + 60
    assert sum(waits) + a_minute_a_try <= most


@pytest.mark.rule("R3")
@pytest.mark.parametrize(
    ("exit_code", "message", "again"),
    [
        ("-1", 'pods "x" is forbidden: failed quota: compute: must specify limits.memory for: init,wait', False),
        ("-1", "pod deleted", True),
        ("75", "main: Error (exit code 75)", True),
        ("2", "main: Error (exit code 2)", False),
    ],
)
def test_a_step_is_tried_again_unless_another_try_ends_alike(exit_code: str, message: str, again: bool):
    """The first text is the API server's for a ResourceQuota that counts what a container does not name."""
    _, documents = render(DEFAULTS)
    (step,) = one(documents, "WorkflowTemplate", "reconcile")["spec"]["templates"]
    last = {"lastRetry": {"exitCode": exit_code, "message": message}}
    assert program(step["retryStrategy"]["expression"]).run(last) is again


def test_argo_knows_every_field(documents: Documents):
    found = argo(documents)
    assert {d["metadata"]["name"] for d in found if d["kind"] == "WorkflowTemplate"} >= {
        "coderun-template", "docsrun-template", "press-play", "task", "pull-request", "signal", "reconcile",
    }  # fmt: skip
    for document in found:
        ARGO[document["kind"]].model_validate(document, extra="forbid")


def test_argo_events_knows_every_field(documents: Documents, values: dict[str, Any]):
    found = {d["kind"]: copy.deepcopy(d) for d in documents if d["kind"] in (*EVENTS, "EventBus")}
    if not values["repositories"] or not values["events"]["enabled"]:
        assert found == {}
        return
    assert found.keys() == {*EVENTS, *(["EventBus"] if values["events"]["bus"]["create"] else [])}
    if values["events"]["bus"]["create"]:
        jsonschema.validate(found.pop("EventBus"), EVENT_BUS)
    # hera's models are made from protobuf: to them a long integer is a text, and a trigger's resource so many bytes.
    github = found["EventSource"]["spec"]["github"]["github"]
    for part in (github["webhook"], github.get("githubApp", {})):
        for key in LONG_INTEGERS & part.keys():
            assert type(part[key]) is int
            part[key] = str(part[key])
    for trigger in found["Sensor"]["spec"]["triggers"]:
        workflow = trigger["template"]["k8s"]["source"].pop("resource")
        models.Workflow.model_validate(workflow, extra="forbid")
    for kind, document in found.items():
        assert document.pop("apiVersion") == "argoproj.io/v1alpha1"
        assert document.pop("kind") == kind
        EVENTS[kind].model_validate(document, extra="forbid")


def test_the_external_secrets_operator_knows_every_field(documents: Documents, values: dict[str, Any]):
    found = [d for d in documents if d["kind"] == "ExternalSecret"]
    assert bool(found) == (values["secrets"]["mode"] == "external")
    for document in found:
        jsonschema.validate(document, EXTERNAL_SECRET)


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Tells kubeconform where its schemas are, all offline: Kubernetes' from kubernetes-validate, Argo's from hera."""
    folder = tmp_path_factory.mktemp("schemas")
    for kind, model in ARGO.items():
        strict = forbid(model.model_json_schema(by_alias=True))
        (folder / f"{kind.lower()}-argoproj-v1alpha1.json").write_text(json.dumps(strict))
    for event_kind, event_model in EVENTS.items():
        schema = event_model.model_json_schema(by_alias=True)
        schema["properties"] |= {"apiVersion": {"const": "argoproj.io/v1alpha1"}, "kind": {"const": event_kind}}
        strict = forbid(schema)
        strict["$defs"]["K8SResource"] = {"type": "object"}
        for part in strict["$defs"].values():
            for key in LONG_INTEGERS & part.get("properties", {}).keys():
                part["properties"][key] = {"type": "integer"}
        (folder / f"{event_kind.lower()}-argoproj-v1alpha1.json").write_text(json.dumps(strict))
    (folder / "eventbus-argoproj-v1alpha1.json").write_text(json.dumps(EVENT_BUS))
    for version in ("v1", "v1beta1"):
        (folder / f"externalsecret-external-secrets-{version}.json").write_text(json.dumps(EXTERNAL_SECRET))
    kubernetes = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    (strict_folder,) = kubernetes.glob("v1.34.*-local-strict")
    for name in ("_definitions", *CORE):
        # They refer to one another by paths on a server that is not there.
        schema = json.loads(
            (strict_folder / f"{name}.json").read_text().replace("/api/_definitions.json", "_definitions.json")
        )
        (folder / f"{name}.json").write_text(json.dumps({key: part for key, part in schema.items() if key != "$id"}))
    return ["-schema-location", f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"]


def forbid(schema: Any) -> Any:
    """The schema with no room for unknown fields."""
    if isinstance(schema, list):
        return [forbid(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: forbid(value) for key, value in schema.items()}
    if isinstance(inner.get("properties"), dict) and inner.get("type") == "object":
        inner.setdefault("additionalProperties", False)
    return inner


def test_kubeconform_accepts_it_strictly(values_name: str, schemas: list[str]):
    program = subprocess.run([ROOT / "tools/get", "kubeconform"], capture_output=True, text=True, check=True)
    text, documents = render(values_name)
    done = subprocess.run(
        [program.stdout.strip(), "-strict", "-summary", "-output", "json", *schemas],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told.get("resources", []) == []
    assert told["summary"] == {"valid": len(documents), "invalid": 0, "errors": 0, "skipped": 0}


def test_kubeconform_would_find_a_misspelt_field(schemas: list[str]):
    program = subprocess.run([ROOT / "tools/get", "kubeconform"], capture_output=True, text=True, check=True)
    text = render(DEFAULTS)[0].replace("  entrypoint:", "  entrypiont:", 1)
    done = subprocess.run([program.stdout.strip(), "-strict", *schemas], input=text, capture_output=True, text=True)
    assert done.returncode == 1
    assert "entrypiont" in done.stdout


def test_helm_lint_has_nothing_to_say(values_name: str):
    files = [argument for path in VALUES if path.stem == values_name for argument in ("--values", str(path))]
    said = helm.run(ROOT, "lint", "--strict", "chart", "--namespace", "press-play", *files)
    assert "1 chart(s) linted, 0 chart(s) failed" in said
    assert "[WARNING]" not in said


def test_the_steps_can_read_their_settings(documents: Documents, values: dict[str, Any]):
    settings = parse(one(documents, "ConfigMap", CONFIG_MAP)["data"][CONFIG_KEY])
    assert settings.namespace == "press-play"
    assert settings.controller_namespace == values["controller"]["namespace"]
    assert settings.instance_id == values["argo"]["instanceID"]
    assert settings.github.model_dump(by_alias=True) == values["github"]
    assert settings.limits.model_dump(by_alias=True) == {k: v for k, v in values["limits"].items() if k != "runsAtOnce"}
    assert settings.events.model_dump() == {key: values["events"][key] for key in ("enabled", "start", "label")}
    assert settings.flows.model_dump(by_alias=True) == values["flows"]
    assert settings.repositories.keys() == values["repositories"].keys()
    for name, own in values["repositories"].items():
        merged = patch.merge(values["defaults"], own)
        wanted = {key: value for key, value in merged.items() if value != ""}
        assert settings.repository(name).model_dump(by_alias=True, exclude_none=True) == wanted
    assert settings.agents.keys() == values["agents"].keys()
    for key, agent in values["agents"].items():
        assert settings.agents[key].github_app == agent["githubApp"]
        assert settings.agents[key].local_tools == agent.get("tools", {}).get("local", [])
    assert settings.coderun_extra == values["coderun"]["extraSpec"]


@pytest.mark.rule("R4")
def test_each_listed_repository_has_semaphores_and_there_is_one_for_all(documents: Documents, values: dict[str, Any]):
    assert one(documents, "ConfigMap", "press-play-limits")["data"] == {
        "global": str(values["limits"]["runsAtOnce"])
    } | {
        f"repo.{names.repo_key(name)}": str(own.get("runsAtOnce", values["defaults"]["runsAtOnce"]))
        for name, own in values["repositories"].items()
    } | {
        f"tasks.{names.repo_key(name)}": str(own.get("parallelism", values["defaults"]["parallelism"]))
        for name, own in values["repositories"].items()
    }


@pytest.mark.rule("R7")
def test_the_agents_find_their_prompts_byte_for_byte(documents: Documents, values: dict[str, Any]):
    merged = values["agentsConfigMap"]["mode"] == "merge"
    place = (
        ("press-play-agents", "press-play")
        if merged
        else (values["agentsConfigMap"]["name"], values["controller"]["namespace"])
    )
    data = dict(one(documents, "ConfigMap", *place)["data"])
    index = yaml.safe_load(data.pop("press-play-agents.press-play.yaml" if merged else "agents.yaml"))["agents"]
    enabled = {key: agent for key, agent in values["agents"].items() if agent["enabled"]}
    assert index.keys() == enabled.keys()
    assert data == {names.persona_file(a["githubApp"]): personas.render(key, values) for key, a in enabled.items()}
    for key, agent in enabled.items():
        front = yaml.safe_load(data[index[key]["systemPrompt"]].split("---\n")[1])
        assert front["name"] == agent["githubApp"]
        assert front["description"] == agent["description"]
        assert front["model"] == agent["model"]


@pytest.mark.rule("R5")
def test_the_harness_key_lies_only_where_no_agent_runs(documents: Documents, values: dict[str, Any]):
    harness = names.app_secret(values["github"]["harnessApp"])
    there = {
        d["metadata"]["namespace"]
        for d in documents
        if d["kind"] == "ExternalSecret" and d["metadata"]["name"] == harness
    }
    assert there == (set() if values["secrets"]["mode"] == "existing" else {"press-play"})
    assert values["controller"]["namespace"] != "press-play"


@pytest.mark.rule("R9")
def test_our_pods_may_read_the_keys_of_two_apps_and_what_proofs_need_and_no_other_secret(
    documents: Documents, values: dict[str, Any]
):
    rules = {
        role["metadata"]["name"]: (role["metadata"]["namespace"], rule["resourceNames"], rule["verbs"])
        for role in documents
        if role["kind"] == "Role"
        for rule in role["rules"]
        if "secrets" in rule["resources"] and rule["verbs"] != ["create"]
    }
    # Who makes a checkout's token can't read it.
    made = [
        role["metadata"]["name"]
        for role in documents
        if role["kind"] == "Role"
        and any(("secrets" in r["resources"], "create" in r["verbs"]) == (True, True) for r in role["rules"])
    ]
    assert made == ["press-play-runner", "press-play-gates"]
    harness = names.app_secret(values["github"]["harnessApp"])
    qa = names.app_secret(values["agents"]["qa"]["githubApp"])
    # Where proofs have a key or a store of their own, that key and the credentials of that store.
    proof = values["proof"]
    own = [*filter(None, [proof["signingKey"]["secret"], (proof.get(proof["store"]) or {}).get("secret")])]
    of_account = {"approver": [harness, qa, *own]}
    holders = [account.name for account in accounts.accounts() if account.keys]
    assert rules == {f"press-play-{name}": ("press-play", of_account.get(name, [harness]), ["get"]) for name in holders}
    for role in (d for d in documents if d["kind"] == "ClusterRole"):
        assert role["metadata"]["name"] == "press-play-press-play-serve"
        assert role["rules"] == [
            {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}
        ]
    assert not any(
        "*" in rule[key]
        for d in documents
        if d["kind"] in ("Role", "ClusterRole")
        for rule in d["rules"]
        for key in ("apiGroups", "resources", "verbs")
    )


def test_each_role_is_bound_to_one_of_our_accounts(documents: Documents, values: dict[str, Any]):
    kinds = {"Role": "RoleBinding", "ClusterRole": "ClusterRoleBinding"}
    roles = {(d["metadata"].get("namespace"), d["metadata"]["name"]) for d in documents if d["kind"] in kinds}
    bindings = [d for d in documents if d["kind"] in kinds.values()]
    assert roles == {(d["metadata"].get("namespace"), d["roleRef"]["name"]) for d in bindings}
    assert all(kinds[d["roleRef"]["kind"]] == d["kind"] for d in bindings)
    subjects = [subject for d in bindings for subject in d["subjects"]]
    assert {s["namespace"] for s in subjects} == {"press-play"}
    account = values["serviceAccount"]["name"] or "press-play"
    bound = {f"press-play-{name}" for name in ("agents", "sensor", "serve")} | {account}
    bound |= {own.service_account for own in accounts.accounts() if own.name != accounts.APPROVER}
    assert {s["name"] for s in subjects} <= bound
    used = set(re.findall(r"serviceAccountName: (\S+)", yaml.safe_dump_all(documents)))
    # These two are bound to nothing at all.
    assert used <= bound | {"press-play-eventsource", "press-play-gate"}


def test_everything_says_whose_it_is(documents: Documents, values: dict[str, Any]):
    for document in documents:
        labels = document["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == OURS
        assert labels["helm.sh/chart"].startswith("press-play-")
        assert labels.items() >= values["commonLabels"].items()
        assert all(len(value) <= names.LABEL_LIMIT for value in labels.values())
        if document["kind"] in CLUSTER_WIDE:
            assert "namespace" not in document["metadata"]
            # Another installation's has another name.
            assert document["metadata"]["name"].startswith("press-play-press-play")
            continue
        # Where probes may look they are given the right to, and nothing else is made.
        elsewhere = values["defaults"]["acceptance"]["namespaces"] if document["kind"].startswith("Role") else []
        assert document["metadata"]["namespace"] in ("press-play", values["controller"]["namespace"], *elsewhere)


def test_the_library_makes_the_same_settings_of_values_as_the_chart(documents: Documents, values: dict[str, Any]):
    config = json.loads(one(documents, "ConfigMap", CONFIG_MAP)["data"][CONFIG_KEY])
    assert merging.config(values, "press-play") == config


def test_argo_objects_carry_the_instance_id_where_there_is_one(documents: Documents, values: dict[str, Any]):
    wanted = values["argo"]["instanceID"] or None
    key = "workflows.argoproj.io/controller-instanceid"
    for document in argo(documents):
        assert document["metadata"]["labels"].get(key) == wanted
        if document["kind"] == "WorkflowTemplate":
            assert document["spec"]["workflowMetadata"]["labels"].get(key) == wanted
        assert document["metadata"]["labels"]["press-play/flow"]


def test_all_installed_documents_have_different_names(documents: Documents):
    keys = [(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in documents]
    assert len(keys) == len(set(keys))


@pytest.mark.rule("R4")
def test_the_pause_is_never_rendered_so_no_upgrade_ends_it(documents: Documents):
    assert "press-play-pause" not in {d["metadata"]["name"] for d in documents}


def test_pods_meet_the_restricted_standard_by_default():
    for document in argo(render(DEFAULTS)[1]):
        for template in document["spec"].get("templates", []):
            if "container" not in template:
                continue
            pod, container = template["securityContext"], template["container"]["securityContext"]
            assert pod["runAsNonRoot"] is True
            assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
            assert container["allowPrivilegeEscalation"] is False
            assert container["capabilities"] == {"drop": ["ALL"]}


def test_two_renderings_of_the_same_values_are_the_same(values_name: str):
    files = [path for path in VALUES if path.stem == values_name]
    assert helm.template(ROOT, files) == render(values_name)[0]


@pytest.mark.rule("R2")
def test_an_expression_that_allows_for_skipped_steps_first_names_one_that_was_not():
    """One whose first operand can be known without a step is evaluated before any has run (argo-differences.md)."""
    text, _ = render(DEFAULTS)
    found = [written for written in re.findall(r"\{\{=(.*?)\}\}", text) if "?." in written]
    assert len(found) > 20
    for written in found:
        assert re.match(r"\(*(steps|tasks)(\.[\w]+|\['[\w-]+'\])\.(outputs\.|status)", written), written
