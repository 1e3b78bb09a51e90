"""What the chart writes for `pressplay serve` is what the command reads, and the pod may do no more than it needs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from charts import DEFAULTS, ROOT, one, render

from pressplay import names
from pressplay.commands.serve import command
from pressplay.github.permissions import needed
from pressplay.serve import config
from pressplay.serve.operations import OPERATIONS
from pressplay.settings import CONFIG_KEY, CONFIG_MAP, parse
from pressplay.validation import helm
from pressplay.validation.values import load

pytestmark = pytest.mark.rule("FR9")
Documents = list[dict[str, Any]]
CALLERS = [{"serviceAccount": "agent-platform/*", "repositories": ["acme/shop"]}]
VALUES_FOLDER = ROOT / "tests/chart/values"
PLAIN, EVERYTHING = "06-comments-served", "05-everything"


def served(documents: Documents) -> Documents:
    return [d for d in documents if d["metadata"]["labels"].get("app.kubernetes.io/component") == "serve"]


def pod(documents: Documents) -> dict[str, Any]:
    found: dict[str, Any] = one(documents, "Deployment", "press-play-serve")["spec"]["template"]
    return found


@pytest.mark.parametrize("name", [PLAIN, EVERYTHING])
def test_the_command_reads_what_the_chart_writes(name: str, tmp_path):
    documents = render(name)[1]
    file = tmp_path / "serve.json"
    file.write_text(one(documents, "ConfigMap", "press-play-serve")["data"]["serve.json"])
    read = config.read(file)
    assert read.port == one(documents, "Service", "press-play-serve")["spec"]["ports"][0]["port"]
    assert "press-play-serve.press-play.svc" in read.hosts
    if name == PLAIN:
        assert read == config.Config(
            host="", port=8080, app="press-play-serve", hosts=read.hosts, audiences=["press-play"],
            callers=[config.AllowedCaller(service_account="agent-platform/*", repositories=["acme/*"])],
            stop=config.Stop(drain_seconds=5),
        )  # fmt: skip
    else:
        assert (read.app, read.people, read.limits.calls_per_minute) == ("Comment Reader", "everyone", 600)
        assert [caller.service_account for caller in read.callers] == ["runs/rex", "tools/*"]


@pytest.mark.parametrize("name", [PLAIN, EVERYTHING])
def test_each_argument_of_the_pod_is_the_commands_and_each_file_is_mounted(name: str):
    documents = render(name)[1]
    spec = pod(documents)["spec"]
    (container,) = spec["containers"]
    assert container["command"] == ["pressplay", "serve"]
    known = {option for parameter in command.params for option in parameter.opts}
    mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for argument in container["args"]:
        option, _, path = argument.partition("=")
        assert option in known
        assert any(path == place or path.startswith(f"{place}/") for place in mounted)
    app = json.loads(one(documents, "ConfigMap", "press-play-serve")["data"]["serve.json"])["app"]
    assert volumes["app"]["secret"]["secretName"] == names.app_secret(app)
    assert [item["path"] for item in volumes["app"]["secret"]["items"]] == ["app-id", "private-key"]
    assert volumes["config"]["configMap"]["name"] == CONFIG_MAP
    assert spec["terminationGracePeriodSeconds"] >= 30


@pytest.mark.rule("R9")
@pytest.mark.parametrize("name", [PLAIN, EVERYTHING])
def test_the_server_may_have_tokens_reviewed_and_nothing_else_of_the_cluster(name: str):
    documents = render(name)[1]
    rights = [
        d
        for d in documents
        if d["kind"] in ("RoleBinding", "ClusterRoleBinding")
        and any(subject["name"] == "press-play-serve" for subject in d["subjects"])
    ]
    assert [d["kind"] for d in rights] == (["ClusterRoleBinding"] if name == PLAIN else [])
    assert len([d for d in documents if d["kind"] == "ClusterRole"]) == len(rights)


def test_its_pods_meet_the_restricted_standard_and_write_nowhere():
    spec = pod(render(PLAIN)[1])["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
        "readOnlyRootFilesystem": True,
    }
    assert all(mount["readOnly"] for mount in container["volumeMounts"])


def test_what_the_network_lets_through():
    plain = one(render(PLAIN)[1], "NetworkPolicy", "press-play-serve")["spec"]
    assert plain["policyTypes"] == ["Ingress", "Egress"]
    assert callers(plain) == ["agent-platform"]
    assert [port["port"] for port in plain["egress"][1]["ports"]] == [443, 6443]
    assert plain["egress"][1]["to"][0]["ipBlock"] == {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}
    everything = one(render(EVERYTHING)[1], "NetworkPolicy", "press-play-serve")["spec"]
    assert callers(everything) == ["monitoring", "runs", "tools"]
    # GitHub Enterprise Server on a port of its own.
    assert [port["port"] for port in everything["egress"][1]["ports"]] == [6443, 8080]


def callers(policy: dict[str, Any]) -> list[str]:
    (rule,) = policy["ingress"]
    assert [port["port"] for port in rule["ports"]] == ["http"]
    return [one["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for one in rule["from"]]


@pytest.mark.parametrize("name", [PLAIN, EVERYTHING])
def test_services_policies_and_budgets_select_the_pods_and_no_others(name: str):
    documents = render(name)[1]
    labels = pod(documents)["metadata"]["labels"]
    for kind, path in (
        ("Deployment", ["selector", "matchLabels"]),
        ("Service", ["selector"]),
        ("NetworkPolicy", ["podSelector", "matchLabels"]),
        *([("PodDisruptionBudget", ["selector", "matchLabels"])] if name == EVERYTHING else []),
    ):
        selector: Any = one(documents, kind, "press-play-serve")["spec"]
        for key in path:
            selector = selector[key]
        assert selector.items() <= labels.items()
        assert selector["app.kubernetes.io/component"] == "serve"


def shown(template: str, **values: str) -> str:
    """One template for the repository acme/shop, with these values."""
    sets = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    return helm.run(
        ROOT, "template", "press-play", "chart", "--namespace", "press-play", "--set",
        "repositories.acme/shop.tag=master", "--set-json", f"serve.auth.callers={json.dumps(CALLERS)}", *sets,
        *(("--show-only", template) if template else ()),
    )  # fmt: skip


def test_new_settings_make_new_pods():
    def annotation(**values: str) -> str:
        text = shown("templates/serve/deployment.yaml", **values)
        return next(line for line in text.splitlines() if "press-play/settings:" in line)

    first = annotation()
    assert annotation(**{"workflows.ttlSeconds": "5"}) == first
    assert len({first, annotation(**{"limits.rounds": "4"}), annotation(**{"serve.people": "everyone"})}) == 3


def test_agents_are_given_its_tools_by_the_names_that_their_proxy_makes():
    documents = render(EVERYTHING)[1]
    agents = parse(one(documents, "ConfigMap", CONFIG_MAP)["data"][CONFIG_KEY]).agents
    tools = [names.proxied_tool("press-play", operation.name) for operation in OPERATIONS]
    assert tools[0] == "press_play_list_comments"
    assert agents["rex"].remote_tools == ["brave_search", "context7/docs", *tools]
    assert agents["painter"].remote_tools == tools
    assert agents["pr-comment"].remote_tools == []
    plain = parse(one(render(PLAIN)[1], "ConfigMap", CONFIG_MAP)["data"][CONFIG_KEY]).agents
    assert all(agent.remote_tools == [] for agent in plain.values())


def test_the_servers_own_app_has_its_key_beside_the_release_and_not_where_agents_run():
    documents = render(EVERYTHING)[1]
    found = [
        d["metadata"]["namespace"]
        for d in documents
        if d["kind"] == "ExternalSecret" and d["metadata"]["name"] == "github-app-comment-reader"
    ]
    assert found == ["press-play"]


@pytest.mark.rule("R5")
@pytest.mark.rule("R9")
@pytest.mark.parametrize("name", [PLAIN, EVERYTHING])
def test_no_key_is_in_its_pods_but_that_of_an_app_that_only_reads(name: str):
    documents = render(name)[1]
    config_ = parse(one(documents, "ConfigMap", CONFIG_MAP)["data"][CONFIG_KEY])
    app = json.loads(one(documents, "ConfigMap", "press-play-serve")["data"]["serve.json"])["app"]
    others = {config_.github.harness_app, *(agent.github_app for agent in config_.agents.values())}
    secrets = [v["secret"]["secretName"] for v in pod(documents)["spec"]["volumes"] if "secret" in v]
    assert secrets == [names.app_secret(app)]
    assert secrets[0] not in {names.app_secret(other) for other in others}
    assert set(needed(config_, serve_app=app)[app].permissions.values()) == {"read"}


def test_the_library_knows_as_which_app_the_chart_serves():
    for name in ("01-minimal", PLAIN, EVERYTHING):
        values = load([(name, (VALUES_FOLDER / f"{name}.yaml").read_text())])
        documents = served(render(name)[1])
        assert bool(names.serve_app(values)) is bool(documents)
        if documents:
            text = one(documents, "ConfigMap", "press-play-serve")["data"]["serve.json"]
            assert names.serve_app(values) == json.loads(text)["app"]


def test_without_repositories_or_callers_or_switched_off_there_is_nothing_of_it():
    assert served(render(DEFAULTS)[1]) == []
    assert served(render("01-minimal")[1]) == []
    assert "press-play-serve" in shown("")
    assert "press-play-serve" not in shown("", **{"serve.enabled": "false"})
