"""The sandbox's cluster: what the port promises, held by the SQLite adapter."""

from __future__ import annotations

import json
import sqlite3
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pressplay.clock import VirtualClock
from pressplay.cluster import pause
from pressplay.cluster.ledger import Ledger
from pressplay.cluster.port import Account, NotIn
from pressplay.cluster.sqlite import LOG_FILE, Key, SqliteCluster
from pressplay.domain.entries import Base
from pressplay.errors import InputError, TryAgain
from pressplay.patch import merge
from pressplay.sandbox.engine import set_node
from pressplay.settings import CONFIG_KEY
from pressplay.settings import CONFIG_MAP as SETTINGS_MAP

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=12,
)


@pytest.fixture
def cluster(tmp_path):
    made = SqliteCluster(tmp_path / "state.db", VirtualClock(), set_node)
    yield made
    made.close()


def config(name: str, data: dict, **labels: str) -> dict:
    metadata = {"name": name, "namespace": "ns", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def test_create_is_once_and_apply_merges_null_removes(cluster):
    assert cluster.create(config("a", {"x": "1", "y": "2"}))
    assert not cluster.create(config("a", {"x": "9"}))
    cluster.apply(config("a", {"x": None, "z": "3"}))
    assert cluster.get("ConfigMap", "ns", "a")["data"] == {"y": "2", "z": "3"}
    assert cluster.delete("ConfigMap", "ns", "a")
    assert not cluster.delete("ConfigMap", "ns", "a")
    assert cluster.get("ConfigMap", "ns", "a") is None


def test_lists_by_labels(cluster):
    for name, label in (("a", "1"), ("b", "2"), ("c", "1")):
        cluster.create(config(name, {}, l=label, all="yes"))
    assert [c["metadata"]["name"] for c in cluster.list("ConfigMap", "ns", {"l": "1", "all": "yes"})] == ["a", "c"]
    assert [c["metadata"]["name"] for c in cluster.list("ConfigMap", "ns", {"all": "yes", "l": None})] == []
    cluster.create(config("d", {}, all="yes"))
    assert [c["metadata"]["name"] for c in cluster.list("ConfigMap", "ns", {"all": "yes", "l": None})] == ["d"]
    assert [c["metadata"]["name"] for c in cluster.list("ConfigMap", "ns", {"l": NotIn({"1"})})] == ["b", "d"]
    assert cluster.list("ConfigMap", "ns", {"l": NotIn({"1", "2"}), "all": "no"}) == []
    assert cluster.list("ConfigMap", "other") == []


def test_changes_tell_what_was_written_and_deleted_by_whichever_process(cluster, tmp_path):
    other = SqliteCluster(tmp_path / "state.db", VirtualClock(), set_node)
    before = cluster.version()
    other.create(config("a", {}))
    other.create(config("b", {}))
    other.delete("ConfigMap", "ns", "a")
    assert list(cluster.changes(before)) == [Key("ConfigMap", "ns", "b"), Key("ConfigMap", "ns", "a")]
    assert cluster.changes(cluster.version()) == {}
    other.close()


def test_a_status_written_on_what_has_changed_meanwhile_is_refused(cluster):
    workflow = {"kind": "Workflow", "metadata": {"name": "w", "namespace": "ns"}, "spec": {}}
    cluster.create(workflow)
    read = cluster.get("Workflow", "ns", "w")
    cluster.apply(workflow | {"spec": {"suspend": True}})
    assert cluster.put_status(read, {"phase": "Running"}, {}) is None
    assert "status" not in cluster.get("Workflow", "ns", "w")


def test_an_apply_that_changes_nothing_is_no_write(cluster):
    cluster.create(config("a", {"x": "1"}))
    before = cluster.version()
    cluster.apply(config("a", {"x": "1"}))
    assert cluster.version() == before


def test_r1_two_writers_of_one_ledger_lose_nothing(cluster, tmp_path):
    def write(part: int) -> None:
        own = SqliteCluster(tmp_path / "state.db", VirtualClock(), set_node)
        for i in range(20):
            Ledger(own, "ns", "acme/shop").record("task", 1, Base(try_=part * 100 + i, base="main"))
        own.close()

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Ledger(cluster, "ns", "acme/shop").entries("task", 1).all(Base)) == 80


def test_a_run_is_counted_once_however_often_it_is_told(cluster):
    ledger = Ledger(cluster, "ns", "acme/shop")
    for run in ("a", "a", "b"):
        ledger.count("2026-01-31", run)
    assert ledger.tally("2026-01-31") == 2
    assert Ledger(cluster, "ns", "acme/other").tally("2026-01-31") == 0


def test_r1_tallies_of_past_days_are_pruned_and_no_others(cluster):
    ledger = Ledger(cluster, "ns", "acme/shop")
    for span in ("2026-01-29", "2026-01-30", "2026-01-31", "play-01234567-1"):
        ledger.count(span, "run")
    Ledger(cluster, "ns", "acme/other").count("2026-01-01", "run")
    assert ledger.prune_tallies(before="2026-01-30") == 1
    assert [ledger.tally(span) for span in ("2026-01-29", "2026-01-30", "2026-01-31", "play-01234567-1")] == [
        0,
        1,
        1,
        1,
    ]
    assert Ledger(cluster, "ns", "acme/other").tally("2026-01-01") == 1


def test_r4_pause_of_one_repository_leaves_others_and_continue_of_all_does_not_end_it(cluster):
    pause.pause(cluster, "ns", "acme/shop")
    assert pause.is_paused(cluster, "ns", "acme/shop")
    assert not pause.is_paused(cluster, "ns", "acme/other")
    pause.pause(cluster, "ns", None)
    assert pause.is_paused(cluster, "ns", "acme/other")
    pause.go_on(cluster, "ns", None)
    assert pause.is_paused(cluster, "ns", "acme/shop")
    assert not pause.is_paused(cluster, "ns", "acme/other")


@pytest.mark.parametrize(
    ("written", "by", "why"),
    [
        ('{"by": "ann", "why": "the freeze", "at": "2026-01-01T00:00:00Z"}', "ann", "the freeze"),
        # By hand, by an earlier version, and what only looks like ours.
        ("until the\x1b[31m audit\nis over", "", "until the audit is over"),
        ("paused", "", ""),
        ("[1]", "", "[1]"),
        ("{}", "", ""),
    ],
)
def test_r4_a_pause_says_by_whom_and_why(cluster, written, by, why):
    cluster.create({**config(pause.CONFIG_MAP, {"acme.shop": written})})
    held = pause.of(cluster, "ns", "acme/shop")
    assert held is not None
    assert (held.by, held.why, held.in_values) == (by, why, False)
    assert held.origin.startswith(f"paused by {by or 'somebody'}")


@pytest.mark.parametrize(
    ("defaults", "own", "why"),
    [("", "the freeze", "the freeze"), ("all rest", None, "all rest"), ("all rest", "", ""), ("", None, "")],
)
def test_r4_a_pause_in_the_values_is_lifted_there_alone(cluster, defaults, own, why):
    repositories = {"acme/shop": {} if own is None else {"paused": own}}
    settings = {"namespace": "ns", "controllerNamespace": "c", "repositories": repositories}
    text = json.dumps({**settings, "defaults": {"paused": defaults}})
    cluster.create(config(SETTINGS_MAP, {CONFIG_KEY: text}))
    pause.go_on(cluster, "ns", "acme/shop")
    held = pause.of(cluster, "ns", "acme/shop")
    assert (held.why if held else "") == why
    assert held is None or (held.in_values and "upgrade" in held.ended_by)


def test_r3_a_full_disk_is_a_passing_fault_and_loses_nothing(cluster, tmp_path):
    cluster.create(config("a", {"x": "1"}))
    pages = cluster._connection.execute("PRAGMA page_count").fetchone()[0]
    cluster._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(TryAgain, match="is the disk full"):
        cluster.create(config("b", {"x": "y" * 200_000}))
    cluster._connection.execute("PRAGMA max_page_count=1000000")
    assert cluster.create(config("b", {"x": "y" * 200_000}))
    assert cluster.get("ConfigMap", "ns", "a")["data"] == {"x": "1"}
    assert sqlite3.connect(tmp_path / "state.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)


@given(JSON, JSON)
def test_merge_is_rfc_7386(target, patch):
    merged = merge(target, patch)
    assert merge(merged, patch) == merged
    if not isinstance(patch, dict):
        assert merged == patch
    else:
        for name, value in patch.items():
            if value is None:
                assert name not in merged
            elif not isinstance(value, dict):
                assert merged[name] == value
        for name, value in target.items() if isinstance(target, dict) else ():
            if name not in patch:
                assert merged[name] == value


def written(cluster, tmp_path, log_file: str | None, data: bytes | None = b"one\ntwo\nthree\n") -> None:
    annotations = {} if log_file is None else {LOG_FILE: log_file}
    metadata = {"name": "web", "namespace": "ns", "annotations": annotations}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}})
    if data is not None:
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "web").write_bytes(data)


def test_a_pod_s_log_is_the_file_that_it_names_and_of_a_long_one_the_end(cluster, tmp_path):
    written(cluster, tmp_path, "logs/web")
    assert cluster.logs("ns", "web", "", 600, 1000) == b"one\ntwo\nthree\n"
    assert cluster.logs("ns", "web", "any", 1, 6) == b"three\n"
    assert cluster.logs("ns", "gone", "", 600, 1000) is None
    assert cluster.logs("other", "web", "", 600, 1000) is None


def test_a_pod_that_wrote_nothing_yet_has_an_empty_log(cluster, tmp_path):
    written(cluster, tmp_path, str(tmp_path / "logs" / "web"), None)
    assert cluster.logs("ns", "web", "", 600, 1000) == b""


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    "log_file", [None, "", ".", "..", "../secret", "/etc/passwd", "logs/../../secret", "logs/link"]
)
def test_no_log_lies_outside_of_the_sandbox_s_folder(cluster, tmp_path, log_file):
    written(cluster, tmp_path, log_file)
    (tmp_path / "logs" / "link").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match="a file in the sandbox's folder"):
        cluster.logs("ns", "web", "", 600, 1000)


def rbac(kind: str, namespace: str, name: str, **rest: object) -> dict:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}


def test_what_an_account_may_is_what_roles_and_bindings_give_it(cluster):
    rules = [
        {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"], "verbs": ["get", "list"]},
        {"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": ["*"]},
    ]
    cluster.create(rbac("Role", "ns", "reader", rules=rules))
    who = {"kind": "ServiceAccount", "name": "me", "namespace": "here"}
    cluster.create(rbac("RoleBinding", "ns", "b", roleRef={"kind": "Role", "name": "reader"}, subjects=[who]))
    me = Account("here", "me")
    assert cluster.may(me, "get", "pods", "ns")
    assert cluster.may(me, "get", "pods/log", "ns")
    assert cluster.may(me, "update", "workflows.argoproj.io", "ns")
    assert cluster.may(me, "get", "secrets", "ns", "a")
    for refused in (
        *(("list", "pods", "ns"), ("get", "pods/exec", "ns"), ("get", "pods", "other"), ("get", "secrets", "ns")),
        *(("get", "secrets", "ns", "b"), ("get", "deployments.apps", "ns")),
    ):
        assert not cluster.may(me, *refused), refused
    assert not cluster.may(Account("there", "me"), "get", "pods", "ns")


def test_groups_and_the_clusters_roles_count_too(cluster):
    rules = [{"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}]
    cluster.create(rbac("ClusterRole", "", "reviewer", rules=rules))
    group = {"kind": "Group", "name": "system:serviceaccounts:here"}
    role = {"kind": "ClusterRole", "name": "reviewer"}
    cluster.create(rbac("ClusterRoleBinding", "", "b", roleRef=role, subjects=[group]))
    assert cluster.may(Account("here", "any"), "create", "tokenreviews.authentication.k8s.io", "")
    assert cluster.may(Account("here", "any"), "create", "tokenreviews.authentication.k8s.io", "ns")
    assert not cluster.may(Account("there", "any"), "create", "tokenreviews.authentication.k8s.io", "")


# -- owners ------------------------------------------------------------------------------------------------------------


def thing(kind: str, name: str, *owners: dict) -> dict:
    """An object that these own."""
    references = [
        {"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]} for owner in owners
    ]
    metadata = {"name": name, "namespace": "ns", "labels": {"l": "1"}}
    if references:
        metadata["ownerReferences"] = references
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {}}


def made_of(cluster: SqliteCluster, kind: str, name: str, *owners: dict) -> dict:
    assert cluster.create(thing(kind, name, *owners))
    return cluster.get(kind, "ns", name)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_what_has_an_owner_goes_with_it(cluster, kind):
    claim = made_of(cluster, "PersistentVolumeClaim", "c")
    made_of(cluster, kind, "owned", claim)
    made_of(cluster, kind, "free")
    # A write keeps the owner.
    cluster.apply(thing(kind, "owned") | {"data": {"x": "1"}})
    before = cluster.version()
    cluster.delete("PersistentVolumeClaim", "ns", "c")
    assert [left["metadata"]["name"] for left in cluster.list(kind, "ns")] == ["free"]
    if kind != "Secret":
        assert Key(kind, "ns", "owned") in cluster.changes(before)
        assert cluster.list(kind, "ns", {"metadata.ownerReferences": claim["metadata"]["uid"]}) == []


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_of_two_owners_the_last_takes_it_along(cluster, kind):
    owners = [made_of(cluster, "PersistentVolumeClaim", name) for name in ("a", "b")]
    made_of(cluster, kind, "owned", *owners)
    cluster.delete("PersistentVolumeClaim", "ns", "a")
    assert cluster.get(kind, "ns", "owned") is not None
    cluster.delete("PersistentVolumeClaim", "ns", "b")
    assert cluster.get(kind, "ns", "owned") is None


def test_what_the_owned_owns_goes_too(cluster):
    claim = made_of(cluster, "PersistentVolumeClaim", "c")
    inner = made_of(cluster, "ConfigMap", "inner", claim)
    made_of(cluster, "ConfigMap", "innermost", inner)
    made_of(cluster, "Secret", "innermost", inner)
    cluster.delete("PersistentVolumeClaim", "ns", "c")
    assert cluster.list("ConfigMap", "ns") + cluster.list("Secret", "ns") == []


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_what_comes_after_its_owner_went_does_not_stay(cluster, kind):
    claim = made_of(cluster, "PersistentVolumeClaim", "c")
    cluster.delete("PersistentVolumeClaim", "ns", "c")
    # Another one of that name is not the owner.
    made_of(cluster, "PersistentVolumeClaim", "c")
    assert cluster.create(thing(kind, "late", claim))
    assert cluster.get(kind, "ns", "late") is None
