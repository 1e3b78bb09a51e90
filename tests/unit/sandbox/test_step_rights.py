"""A step of the sandbox reaches what the Roles of its account allow, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pressplay.chart import rendered_chart
from pressplay.clock import VirtualClock
from pressplay.cluster.port import Cluster, Forbidden
from pressplay.cluster.rate_limits import RateLimits
from pressplay.cluster.sqlite import SqliteCluster
from pressplay.errors import InputError
from pressplay.github.access import AppKey
from pressplay.sandbox.configuration import install
from pressplay.sandbox.engine import set_node
from pressplay.sandbox.step_rights import StepContexts, app_key
from pressplay.steps.core.context import Context

pytestmark = pytest.mark.rule("NFR5")
OWN, AGENTS = "press-play", "agent-platform"
Of = Callable[[str], Context]


class Access:
    """Stands for the way to GitHub: it keeps what it was made with."""

    def __init__(self, keys: Callable[[str], AppKey], _breaker: object) -> None:
        self.keys = keys

    def close(self) -> None:
        pass


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SqliteCluster]:
    made = SqliteCluster(tmp_path / "state.db", VirtualClock(0.0), set_node)
    yield made
    made.close()


@pytest.fixture
def of(cluster: SqliteCluster) -> Of:
    settings = install(cluster, rendered_chart(), "http://127.0.0.1", ["acme/shop"], 4, {})
    for name in ("github-app-press-play", "github-app-qa-agent"):
        data = {"app-id": "MQ==", "private-key": "aw=="}
        cluster.create(thing("Secret", name, data=data))
    context = Context(cluster, settings, None, VirtualClock(0.0))  # type: ignore[arg-type]
    return StepContexts(context, Access).of  # type: ignore[arg-type]


def thing(kind: str, name: str, namespace: str = OWN, **rest: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}


WORKFLOW = {**thing("Workflow", "w"), "apiVersion": "argoproj.io/v1alpha1", "spec": {}}
CALLS: dict[str, Callable[[Cluster], object]] = {
    "a ledger read": lambda c: c.get("ConfigMap", OWN, "ledger-1"),
    "a ledger written": lambda c: c.apply(thing("ConfigMap", "ledger-1", data={})),
    "all ledgers": lambda c: c.list("ConfigMap", OWN),
    "a Pod made": lambda c: c.create(thing("Pod", "p")),
    "a Pod deleted": lambda c: c.delete("Pod", OWN, "p"),
    "a Pod's status": lambda c: c.set_status("Pod", OWN, "p", {}),
    "a log": lambda c: c.logs(OWN, "p", "", 1, 1),
    "a Secret made": lambda c: c.create(thing("Secret", "s")),
    "all Secrets": lambda c: c.list("Secret", OWN),
    "a Secret changed": lambda c: c.apply(thing("Secret", "github-app-press-play")),
    "a Secret deleted": lambda c: c.delete("Secret", OWN, "github-app-press-play"),
    "a Workflow made": lambda c: c.create(WORKFLOW),
    "a wait ended": lambda c: c.set_node(OWN, "w", "n", "Succeeded", {}),
    "a play": lambda c: c.create({**WORKFLOW, "kind": "WorkflowTemplate"}),
    "a run deleted": lambda c: c.delete("CodeRun", AGENTS, "r"),
    "rights asked for": lambda c: c.may(None, "get", "pods", OWN),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(
    ("step", "allowed"),
    [
        ("gate-lint-checkout", {"a ledger read"}),
        ("gate-changes-verdict", {"a ledger read", "a ledger written"}),
        ("plan", {"a ledger read", "a ledger written", "all ledgers", "a Workflow made", "a play"}),
        ("signal", {"a ledger read", "a ledger written", "all ledgers", "a Workflow made", "a wait ended"}),
        ("run-agent", {"a ledger read", "a ledger written", "a run deleted", "a Secret made"}),
        ("gate-tests-verdict", {"a ledger read", "a ledger written", "a Pod deleted", "a log", "a Secret made"}),
        ("acceptance-probe", set()),
        (
            "reconcile",
            {
                *(
                    "a ledger read",
                    "a ledger written",
                    "all ledgers",
                    "a Pod deleted",
                    "a Workflow made",
                    "a wait ended",
                ),
                "a run deleted",
            },
        ),
    ],
)
def test_a_step_may_what_its_account_may(of: Of, step: str, allowed: set[str]):
    cluster = of(step).cluster
    taken, refused = set(), list[str]()
    for name, call in CALLS.items():
        try:
            call(cluster)
        except Forbidden as error:
            refused.append(str(error))
        else:
            taken.add(name)
    assert taken == allowed
    assert all("system:serviceaccount:press-play:press-play" in message for message in refused)


@pytest.mark.rule("R9")
def test_a_step_has_the_keys_of_its_account(of: Of):
    def keys_of(step: str) -> list[str]:
        held = []
        for app in ("press-play", "qa-agent", "rex"):
            try:
                app_key(of(step).cluster, OWN, app)
            except Forbidden:
                continue
            held.append(app)
        return held

    assert keys_of("pr-conclude") == ["press-play", "qa-agent"]
    for step in ("plan", "pr-accept", "signal", "run-collect", "gate-lint-plan", "gate-token", "reconcile"):
        assert keys_of(step) == ["press-play"]
    for step in ("gate-changes-read", "gate-lint-checkout", "gate-tests-checkout", "acceptance-probe"):
        assert keys_of(step) == []


def test_who_may_not_create_the_rate_limits_changes_those_that_are_there(of: Of, cluster: SqliteCluster):
    limits = RateLimits(of("gate-lint-checkout").cluster, OWN)
    limits.write("a", "1")
    assert limits.read() == {}, "it is left to an account that may create it"
    RateLimits(of("gate-changes-verdict").cluster, OWN).write("b", "2")
    limits.write("a", "1")
    assert limits.read() == {"a": "1", "b": "2"}
    assert cluster.get("ConfigMap", OWN, "press-play-rate-limits") is not None


@pytest.mark.rule("R10")
def test_a_step_without_an_account_has_no_context(of: Of):
    with pytest.raises(InputError, match="names no account"):
        of("another")
