"""A plan carried out against real servers and the sandbox's cluster: what came back is the proof."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import httpx
import pytest
import yaml
from strangers import answer, drips, resets, says, stranger

from pressplay.clock import SystemClock, VirtualClock
from pressplay.cluster.sqlite import LOG_FILE, SqliteCluster
from pressplay.errors import TryAgain
from pressplay.gates.acceptance import probes
from pressplay.gates.acceptance.probe_plan import ProbePlan
from pressplay.gates.acceptance.probes import Target, run
from pressplay.gates.acceptance.proof import Proof, markdown, reason
from pressplay.gates.acceptance.reach import Reach
from pressplay.sandbox.engine import set_node

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOCAL = Reach(hosts=("127.0.0.1",), namespaces=("shop",), loopback=True)


def plan(*entries: str) -> ProbePlan:
    """A plan of these probes, also where it shows nothing of a change."""
    return ProbePlan.from_json(json.dumps({"probes": [yaml.safe_load(entry) for entry in entries]}))


def http(expect: str, path: str = "/", name: str = "a", rest: str = "") -> str:
    return f"{{name: {name}, http: {{path: '{path}', expect: {{{expect}}}{rest}}}}}"


def at(url: str, wanted: ProbePlan, clock=None, reach: Reach = LOCAL, cluster=None, **more) -> Proof:
    return run(wanted, Target(url, "preview", COMMIT, "shop"), reach, cluster, clock or SystemClock(), **more)


@pytest.mark.rule("R5")
def test_where_everything_works_the_proof_passes_and_names_commit_and_plan():
    said: list[str] = []
    wanted = plan(http("status: 200, contains: ['${COMMIT}']"))
    with stranger(says(answer("200 OK", f"version {COMMIT}".encode(), "Server: x\r\nX-Other: y\r\n"))) as server:
        found = at(server.url, wanted, say=said.append)
    assert found.passed
    assert (found.commit, found.environment, found.url, found.plan) == (
        COMMIT,
        "preview",
        f"{server.url}/",
        wanted.digest,
    )
    (probe,) = found.probes
    assert probe.asked == f"GET {server.url}/"
    assert probe.came == f"status 200\nContent-Length: 48\nServer: x\n\nversion {COMMIT}"
    assert said == ["probe a: try 1: held"]
    assert reason(found) == "1 probe held at 0123456789ab"


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("behave", "expect", "came"),
    [
        (says(answer("500 Oops", b"Traceback")), "status: 200", "status 500"),
        (says(answer("200 OK", b"Welcome")), "status: 200, contains: [Tea]", "Welcome"),
        (says(answer("200 OK", b'{"items": []}')), "status: 200, json: {/items/0/name: Tea}", '{"items": []}'),
        (says(answer("404 Not Found")), "status: 200", "status 404"),
        (resets(), "status: 200", ""),
        (says(b"nonsense"), "status: 200", ""),
    ],
)
def test_where_nothing_works_the_proof_fails_and_says_what_came(behave, expect: str, came: str):
    with stranger(behave) as server:
        found = at(server.url, plan(http(expect)))
    assert not found.passed
    assert came in found.probes[0].came
    assert found.probes[0].fault or any(not check.ok for check in found.probes[0].checks)
    assert came in markdown(found)


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://169.254.169.254/latest/meta-data/iam/", "link-local"),
        ("http://metadata.google.internal/", "a metadata service"),
        ("http://[fd00:ec2::254]/", "a metadata service"),
        ("http://127.0.0.1:1/", "this machine itself"),
        ("http://localhost/", "this machine itself"),
        ("http://db.prod.svc:5432/", "allowed namespaces (shop)"),
        ("https://kubernetes.default.svc/api/v1/secrets", "the Kubernetes API"),
        ("https://evil.example.com/", "allowed hosts (127.0.0.1)"),
        ("http://10.0.0.1/", "allowed hosts"),
    ],
)
def test_a_probe_of_what_it_may_not_touch_is_refused_and_not_tried_again(url: str, told: str):
    entry = f"{{name: a, http: {{url: '{url}', expect: {{status: 200}}}}, retries: {{times: 5}}}}"
    with stranger(says(answer())) as server:
        found = at(server.url, plan(entry), VirtualClock())
    (probe,) = found.probes
    assert not found.passed
    assert probe.fault.startswith("refused: ")
    assert told in probe.fault
    assert (probe.attempts, probe.came, probe.checks) == (1, "", ())
    assert server.asked == []


@pytest.mark.rule("R8")
def test_a_name_that_was_rebound_between_two_probes_is_refused_at_the_second():
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    reach = Reach(hosts=("shop.example.test",), loopback=True)
    with stranger(says(answer())) as server:
        url = f"http://shop.example.test:{server.port}"
        wanted = plan(http("status: 200"), http("status: 200", name="b"))
        found = at(url, wanted, reach=reach, resolve=lambda _name, _port: answers.pop(0))
        assert len(server.asked) == 1
    assert [probe.passed for probe in found.probes] == [True, False]
    assert "link-local" in found.probes[1].fault


@pytest.mark.rule("R8")
def test_a_redirect_to_a_metadata_service_is_shown_and_not_followed():
    location = "http://169.254.169.254/latest/meta-data/"
    with stranger(says(answer("302 Found", b"", f"Location: {location}\r\n"))) as server:
        found = at(server.url, plan(http("status: 200, contains: [ami-id]")))
        assert len(server.asked) == 1
    (probe,) = found.probes
    assert not probe.passed
    assert probe.checks[0].got == "302"
    assert f"Location: {location}" in probe.came


@pytest.mark.rule("R4")
def test_a_huge_body_is_cut_and_what_stands_in_the_cut_off_part_is_not_known():
    with stranger(drips(b"HTTP/1.1 200 OK\r\n\r\nbegin", b"x" * 65536, 0)) as server:
        found = at(server.url, plan(http("status: 200, contains: [begin], notContains: [end], equals: y")))
    status, contains, absent, equals = found.probes[0].checks
    assert (status.ok, contains.ok, absent.ok, equals.ok) == (True, True, False, False)
    assert absent.got == "a body longer than what is read"
    assert "only its first 262144 bytes were read" in found.probes[0].came
    assert len(found.probes[0].came) < 10_000


@pytest.mark.rule("R4")
@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["slow headers", "slow body"])
def test_a_slow_answer_is_cut_off_and_does_not_hold(head: bytes):
    with stranger(drips(head or b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n", 0.05)) as server:
        started = time.monotonic()
        found = at(server.url, plan(http("status: 200", rest=", timeoutSeconds: 1")))
    assert time.monotonic() - started < 5
    (probe,) = found.probes
    assert probe.fault == "no whole answer within 1 s"
    assert [check.ok for check in probe.checks] == [False]
    assert ("X-Slow: 1" in probe.came) == bool(head), "what had come by then is shown"


def test_bytes_that_are_no_utf_8_are_shown_as_such():
    with stranger(says(answer("200 OK", b"caf\xe9 \x00\x1b[2J\xff"))) as server:
        found = at(server.url, plan(http("status: 200, contains: ['café']")))
    assert not found.passed
    assert found.probes[0].came.endswith("caf\\xe9 \\x00\\x1b[2J\\xff")
    assert Proof.unpack(found.pack()) == found


@pytest.mark.rule("R4")
def test_a_gzip_bomb_is_not_unpacked():
    bomb = gzip.compress(b"ok" * 5_000_000)
    with stranger(says(answer("200 OK", bomb, "Content-Encoding: gzip\r\n"))) as server:
        found = at(server.url, plan(http("status: 200, contains: [ok]")))
    assert not found.passed
    assert "compressed body" in found.probes[0].checks[1].got


def test_tries_go_on_until_one_holds_and_wait_in_between():
    clock = VirtualClock()
    started = clock.now()
    statuses = iter(["503 No", "503 No", "200 OK", "500 Later"])

    def behave(connection, _asked: bytes) -> None:
        connection.sendall(answer(next(statuses)))

    with stranger(behave) as server:
        entry = "{name: a, http: {path: /, expect: {status: 200}}, retries: {times: 9, everySeconds: 7}}"
        found = at(server.url, plan(entry), clock)
        assert len(server.asked) == 3
    assert found.passed
    assert found.probes[0].attempts == 3
    assert clock.now() - started == 14


def test_tries_that_are_used_up_leave_the_last_one():
    clock = VirtualClock()
    with stranger(says(answer("503 No"))) as server:
        entry = "{name: a, http: {path: /, expect: {status: 200}}, retries: {times: 2}}"
        found = at(server.url, plan(entry), clock)
        assert len(server.asked) == 3
    assert (found.passed, found.probes[0].attempts) == (False, 3)


@pytest.mark.rule("R4")
def test_all_probes_together_end_by_one_deadline():
    clock = VirtualClock()
    started = clock.now()
    with stranger(says(answer("503 No"))) as server:
        entry = "{name: a, http: {path: /, expect: {status: 200}}, retries: {times: 20, everySeconds: 60}}"
        found = at(server.url, plan(entry, http("status: 200", name="b")), clock, seconds=100)
        assert len(server.asked) == 2
    assert clock.now() - started == 100
    assert [probe.attempts for probe in found.probes] == [2, 0]
    assert found.probes[1].fault == "not made: the 100 s for all probes were up"
    assert not found.passed


@pytest.mark.rule("R9")
def test_secrets_in_requests_and_answers_are_not_in_the_proof():
    token, cookie = "ghp_" + "a1B2" * 9, "session=abcdefghijklmnop"
    headers = f"Set-Cookie: {cookie}\r\nAuthorization: Bearer {token}\r\nLocation: /?token={token}\r\n"
    body = f'{{"password": "correct horse battery", "t": "{token}"}}'.encode()
    entry = (
        "{name: a, http: {path: /, method: POST,"
        " headers: {Authorization: 'Basic YWRtaW46aHVudGVyMg==', X-Api-Key: k3y},"
        " json: {password: 'correct horse battery'},"
        f" expect: {{status: 200, headers: {{Set-Cookie: session, Authorization: Bearer}}, contains: ['{token}']}}}}}}"
    )
    with stranger(says(answer("200 OK", body, headers))) as server:
        found = at(server.url, plan(entry))
        assert b"YWRtaW46aHVudGVyMg==" in server.asked[0], "it is sent"
    assert found.passed
    for text in (found.to_json(), markdown(found), reason(found)):
        for secret in (token, "abcdefghijklmnop", "YWRtaW46", "correct horse", "k3y"):
            assert secret not in text
    assert "Authorization: [hidden]" in found.probes[0].asked


def test_a_deployment_without_an_address_has_no_paths():
    found = at("", plan(http("status: 200")))
    assert found.probes[0].fault == "refused: the deployment has no address that a path could be below"
    assert found.url == ""


def test_in_process_a_transport_stands_for_the_network():
    app = httpx.MockTransport(lambda request: httpx.Response(200, text=f"{request.method} {request.url.path}"))
    found = at(
        "http://127.0.0.1:1", plan(http("status: 200, contains: ['GET /x']", "/x")), VirtualClock(), transport=app
    )
    assert found.passed
    refused = at(
        "http://127.0.0.1:1", plan("{name: a, http: {url: 'http://evil.test/', expect: {status: 200}}}"), transport=app
    )
    assert refused.probes[0].fault.startswith("refused: ")


@pytest.fixture
def cluster(tmp_path: Path):
    made = SqliteCluster(tmp_path / "state.db", VirtualClock(), set_node)
    yield made
    made.close()


def pod(cluster: SqliteCluster, name: str, log: bytes | None, tmp_path: Path, namespace: str = "shop", **more) -> None:
    annotations = {LOG_FILE: f"logs/{name}"} if log is not None else {}
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": "shop"}, "annotations": annotations},
            "spec": {"containers": [{"name": "web", "image": f"reg/shop:{COMMIT}"}]},
        }
    )
    cluster.set_status(
        "Pod", namespace, name, {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    )
    if log is not None:
        (tmp_path / "logs").mkdir(exist_ok=True)
        (tmp_path / "logs" / name).write_bytes(log)


LOGS = "{name: a, logs: {matchLabels: {app: shop}, expect: {lines: [added Tea], absent: [panic]}}}"


def test_lines_of_logs_are_looked_for_in_all_the_pods(cluster: SqliteCluster, tmp_path: Path):
    pod(cluster, "shop-1", b"start\n", tmp_path)
    pod(cluster, "shop-2", b"start\nadded Tea ghp_" + b"a" * 36 + b"\nmore\n", tmp_path)
    found = at("", plan(LOGS), cluster=cluster)
    assert found.passed
    (probe,) = found.probes
    assert probe.asked == "log of pods app=shop in shop, the last 600 s"
    assert "added Tea [redacted: GitHub token]" in probe.came
    assert "more" not in probe.came, "of logs that hold only what was looked for is shown"


def test_a_log_without_its_line_shows_its_last_ones(cluster: SqliteCluster, tmp_path: Path):
    pod(cluster, "shop-1", "".join(f"line {n} \x1b[0m\n" for n in range(100)).encode() + b"panic: caf\xe9\n", tmp_path)
    found = at("", plan(LOGS), cluster=cluster)
    lines, absent = found.probes[0].checks
    assert (lines.ok, absent.ok) == (False, False)
    assert lines.got.startswith("in none of 1 pods")
    assert "line 99 \\x1b[0m" in found.probes[0].came
    assert "panic: caf\\xe9" in found.probes[0].came
    assert "line 50" not in found.probes[0].came


@pytest.mark.rule("R4")
def test_of_a_huge_log_the_end_is_read(cluster: SqliteCluster, tmp_path: Path):
    pod(cluster, "shop-1", b"panic\n" + b"x" * probes.LOG + b"\nadded Tea\n", tmp_path)
    found = at("", plan(LOGS), cluster=cluster)
    lines, absent = found.probes[0].checks
    assert (lines.ok, absent.ok, absent.got) == (True, False, "a log longer than what is read")


@pytest.mark.rule("R4")
def test_of_very_many_pods_some_are_read_and_the_rest_is_not_known(cluster: SqliteCluster, tmp_path: Path):
    for n in range(probes.PODS + 1):
        pod(cluster, f"shop-{n:02}", b"added Tea\n", tmp_path)
    found = at("", plan(LOGS), cluster=cluster)
    assert [check.ok for check in found.probes[0].checks] == [True, False]


def test_without_a_pod_there_is_no_line(cluster: SqliteCluster):
    for entry in (LOGS, "{name: a, logs: {pod: gone, expect: {lines: [x]}}}"):
        found = at("", plan(entry), cluster=cluster)
        assert found.probes[0].checks[0].got == "no pod to read"
        assert not found.passed


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    "entry",
    [
        "{name: a, logs: {namespace: prod, pod: db-0, expect: {lines: [x]}}}",
        "{name: a, logs: {namespace: kube-system, matchLabels: {app: shop}, expect: {lines: [x]}}}",
        "{name: a, workload: {namespace: prod, kind: Deployment, name: db, expect: {ready: true}}}",
    ],
)
def test_another_namespace_is_refused_before_the_cluster_is_asked(entry: str, cluster: SqliteCluster, tmp_path: Path):
    pod(cluster, "db-0", b"x\n", tmp_path, namespace="prod")
    pod(cluster, "dns", b"x\n", tmp_path, namespace="kube-system")
    found = at("", plan(entry), cluster=cluster)
    assert found.probes[0].fault.startswith("refused: namespace")
    assert not found.passed
    assert found.probes[0].came == ""


@pytest.mark.rule("R8")
def test_a_namespace_that_nobody_names_is_none(cluster: SqliteCluster):
    target = Target("", "preview", COMMIT, "")
    found = run(plan(LOGS), target, LOCAL, cluster, VirtualClock())
    assert found.probes[0].fault.startswith('refused: namespace ""')


def test_a_workload_that_becomes_ready_is_waited_for(cluster: SqliteCluster):
    name = {"name": "web", "namespace": "shop", "generation": 1}
    cluster.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": name, "spec": {"replicas": 1}})
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 0}
    cluster.set_status("Deployment", "shop", "web", status)

    class Clock(VirtualClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            cluster.set_status("Deployment", "shop", "web", {"availableReplicas": 1})

    entry = "{name: a, workload: {kind: Deployment, name: web, expect: {ready: true}}, retries: {times: 3}}"
    found = at("", plan(entry), Clock(), cluster=cluster)
    assert found.passed
    assert found.probes[0].attempts == 2
    assert found.probes[0].came == "1 of 1 replicas ready, 1 of the newest revision"
    missing = at("", plan(entry.replace("web", "cart")), VirtualClock(), cluster=cluster)
    assert missing.probes[0].checks[0].got == "there is none of this name"


def test_a_cluster_that_does_not_answer_is_a_probe_that_did_not_hold(cluster: SqliteCluster, tmp_path: Path):
    pod(cluster, "shop-1", None, tmp_path)
    found = at("", plan(LOGS), cluster=cluster)
    assert "expected the annotation press-play/log-file" in found.probes[0].fault

    class Busy:
        def list(self, *_args):
            raise TryAgain("GET pods: 503 busy \x1b[0m")

    found = at("", plan(LOGS), cluster=Busy())
    assert found.probes[0].fault == "GET pods: 503 busy \\x1b[0m"
    found = at("", plan(LOGS))
    assert found.probes[0].fault == "refused: there is no cluster here to look into"


def test_probes_are_made_in_their_order_each_whatever_became_of_the_one_before():
    with stranger(says(answer("200 OK", b"x"))) as server:
        wanted = plan(
            http("status: 500, contains: [y]", "/1", "one"), http("status: 200", "/2", "two"), LOGS.replace("a,", "l,")
        )
        found = at(server.url, wanted)
        assert [asked.split()[1] for asked in server.asked] == [b"/1", b"/2"]
    assert found.failed == ("one", "l")
