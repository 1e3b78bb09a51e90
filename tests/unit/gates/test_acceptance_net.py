"""Strangers' servers on this machine: whatever they send, and however slowly, the gate ends in time and says so."""

from __future__ import annotations

import gzip
import ipaddress
import ssl
import time
from pathlib import Path

import pytest
import trustme
from strangers import Stranger, answer, drips, resets, says, stranger

from pressplay.gates.acceptance import net
from pressplay.gates.acceptance.net import BODY, Ask, Client, NoAnswer, ProbeAnswer
from pressplay.gates.acceptance.reach import OutOfReach, Reach, parse
from pressplay.github import wire

NAME = "preview.example.test"
HERE = ("127.0.0.1",)


def ask(server: Stranger, seconds: float = 3.0, path: str = "/", method: str = "GET", **more) -> ProbeAnswer:
    own = parse(server.url)
    client = Client(Reach(hosts=HERE, loopback=True), own)
    return client.send(Ask(method, own.below(path), **more), seconds)


def test_what_comes_back_comes_back_whole():
    with stranger(says(answer("201 Created", "größer".encode(), "X-A: 1\r\nx-a: 2\r\n"))) as server:
        found = ask(server, path='/a/../b?q=%20"', method="POST", headers=(("Accept", "text/plain"),), body=b"{}")
    assert (found.status, found.body.decode(), found.cut) == (201, "größer", False)
    assert found.header("X-A") == "1, 2"
    assert found.header("absent") is None
    (asked,) = server.asked
    head, _, body = asked.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == 'POST /a/../b?q=%20" HTTP/1.1', "the path goes as it is written"
    assert f"host: 127.0.0.1:{server.port}" in map(str.lower, lines)
    assert {"accept: text/plain", "accept-encoding: identity", "connection: close", "content-length: 2"} <= {
        line.lower() for line in lines
    }
    assert body == b"{}"


@pytest.mark.rule("R4")
def test_of_a_huge_body_only_the_beginning_is_read():
    with stranger(drips(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, 0)) as server:
        started = time.monotonic()
        found = ask(server, seconds=30)
    assert (found.status, len(found.body), found.cut) == (200, BODY, True)
    assert time.monotonic() - started < 10


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: 1\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"y"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"H", b""),
    ],
    ids=["slow body", "slow chunks", "slow headers", "a slow header", "hints without end", "nothing"],
)
def test_what_drips_is_cut_off_by_the_wall_clock(head: bytes, piece: bytes):
    with stranger(drips(head, piece, 0.05)) as server:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match=r"no whole answer within 0\.4 s") as raised:
            ask(server, seconds=0.4)
    assert time.monotonic() - started < 5
    partial = raised.value.partial
    assert (partial is not None) == head.endswith(b"\r\n\r\n"), "what had come by then is kept"
    if partial:
        assert partial.status == 200
        assert b"x" in partial.body


@pytest.mark.rule("R4")
@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Many: 1\r\n" * 500),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"y" * 5000),
        (b"", b"HTTP/1.1 103 Early Hints\r\nX-Fill: 123456789012345678901234567890\r\n\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 5000),
    ],
    ids=["many headers", "a long header", "hints without end", "a long chunk head"],
)
def test_headers_without_end_are_cut_off_by_size(head: bytes, piece: bytes):
    with stranger(drips(head, piece, 0)) as server, pytest.raises(NoAnswer, match="the answer is not HTTP"):
        ask(server, seconds=30)


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data/", "/elsewhere", "file:///etc/passwd", "//metadata.google.internal/"],
)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_what_came_back_and_is_not_followed(location: str, status: str):
    with stranger(says(answer(status, b"", f"Location: {location}\r\n"))) as server:
        found = ask(server)
        assert found.status == int(status[:3])
        assert found.header("location") == location
        assert len(server.asked) == 1


def test_no_bytes_are_too_odd_to_be_kept():
    body = bytes(range(256)) + b"\xff\xfe caf\xe9"
    with stranger(says(answer("200 OK", body, "X-Odd: caf\xe9\r\n"))) as server:
        found = ask(server)
    assert found.body == body
    assert found.header("X-Odd") == "café"


@pytest.mark.rule("R4")
def test_a_compressed_body_is_not_unpacked():
    bomb = gzip.compress(b"\0" * 10_000_000)
    assert len(bomb) < BODY
    with stranger(says(answer("200 OK", bomb, "Content-Encoding: gzip\r\n"))) as server:
        found = ask(server)
    assert found.body == bomb


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        (resets(), r"the connection broke: .*reset"),
        (resets(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), r"the connection broke: .*reset"),
        (says(b""), "the answer is not HTTP: Server disconnected"),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), "the answer is not HTTP"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "the answer is not HTTP: peer closed"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "the answer is not HTTP"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "the answer is not HTTP"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "the answer is not HTTP"),
        (says(b"HTTP/1.1 999999 Odd\r\n\r\n"), "the answer is not HTTP"),
        (says(b"\0" * 1000), "the answer is not HTTP"),
    ],
)
def test_a_broken_answer_is_told_as_such(behave, told: str):
    with stranger(behave) as server, pytest.raises(NoAnswer, match=told):
        ask(server)


def test_a_closed_port_is_told_as_such():
    with stranger(says(b"")) as server:
        pass
    with pytest.raises(NoAnswer, match="could not connect: Connection refused"):
        ask(server)


@pytest.mark.rule("R8")
def test_the_environment_s_proxies_and_passwords_are_not_used(monkeypatch, tmp_path: Path):
    with stranger(says(answer("418 Proxy"))) as proxy, stranger(says(answer())) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login a password b\n")
        monkeypatch.setenv("NETRC", str(netrc))
        assert ask(server).status == 200
        assert proxy.asked == []
        assert b"authorization" not in server.asked[0].lower()


class Names:
    """A resolver that is told what to say, one answer after the other, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, name: str, port: int) -> list[str]:
        self.asked.append(name)
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def named(server: Stranger, resolve, *hosts: str) -> tuple[Client, Ask]:
    """A client for a deployment that is known by a name and lies on this machine."""
    own = parse(f"http://{NAME}:{server.port}")
    return Client(Reach(hosts=hosts or (NAME,), loopback=True), own, resolve=resolve), Ask("GET", own)


@pytest.mark.rule("R8")
def test_a_name_is_resolved_once_a_request_and_the_checked_address_is_the_one_that_is_asked():
    with stranger(says(answer())) as server:
        resolve = Names(["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"])
        client, request = named(server, resolve)
        assert client.send(request, 3).status == 200
        assert resolve.asked == [NAME]
        assert f"host: {NAME}:{server.port}".encode() in server.asked[0].lower()
        with pytest.raises(OutOfReach, match=r"at 169\.254\.169\.254: a link-local address"):
            client.send(request, 3)
        assert len(server.asked) == 1, "nothing was sent anywhere"
        assert client.send(request, 3).status == 200


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    "bad", ["169.254.169.254", "10.0.0.1", "::ffff:169.254.169.254", "fd00:ec2::254", "0.0.0.0", "fe80::1%lo"]
)
def test_a_name_with_one_bad_address_among_good_ones_is_not_asked_at_all(bad: str):
    with stranger(says(answer())) as server:
        client, request = named(server, Names(["127.0.0.1", bad]))
        with pytest.raises(OutOfReach):
            client.send(request, 3)
        assert server.asked == []


@pytest.mark.rule("R8")
def test_another_port_of_this_machine_behind_an_allowed_name_is_not_asked():
    with stranger(says(answer())) as server, stranger(says(answer())) as other:
        client, _ = named(server, Names(["127.0.0.1"]), NAME, "other.example.test")
        with pytest.raises(OutOfReach, match="this machine itself"):
            client.send(Ask("GET", parse(f"http://other.example.test:{other.port}/")), 3)
        assert other.asked == []


def test_of_several_addresses_the_next_is_tried_where_one_does_not_answer():
    with stranger(says(answer())) as server:
        client, request = named(server, Names(["127.0.0.2", "127.0.0.1"]))
        assert client.send(request, 3).status == 200


def test_a_name_that_does_not_resolve_or_not_in_time_is_told_as_such():
    def slow(_name: str, _port: int) -> list[str]:
        time.sleep(4)
        return ["127.0.0.1"]

    with stranger(says(answer())) as server:
        client, request = named(server, Names(OSError(-2, "Name or service not known"), []))
        with pytest.raises(NoAnswer, match="could not connect: the name does not resolve"):
            client.send(request, 3)
        with pytest.raises(NoAnswer, match="could not connect: the name has no address"):
            client.send(request, 3)
        client, request = named(server, slow)
        started = time.monotonic()
        with pytest.raises(NoAnswer, match="no whole answer"):
            client.send(request, 0.2)
        assert time.monotonic() - started < 3


@pytest.mark.rule("R8")
def test_in_a_cluster_no_search_domain_makes_a_service_of_a_host_s_name():
    resolve = Names(OSError(), OSError(), OSError())
    reach = Reach(hosts=("*.dev",), namespaces=("preview",))
    client = Client(reach, None, resolve=resolve)
    for url in ("http://shop.dev/", "http://web.preview.svc/", "http://web.preview.svc.cluster.local/"):
        with pytest.raises(NoAnswer):
            client.send(Ask("GET", parse(url)), 3)
    assert resolve.asked == ["shop.dev.", "web.preview.svc", "web.preview.svc.cluster.local."]


def test_what_is_refused_by_name_is_neither_resolved_nor_asked():
    resolve = Names()
    client = Client(Reach(hosts=(NAME,)), parse(f"http://{NAME}"), resolve=resolve)
    with pytest.raises(OutOfReach):
        client.send(Ask("GET", parse("http://metadata.google.internal/")), 3)
    assert resolve.asked == []


def test_the_system_resolves_names_and_each_address_stands_once():
    assert net.system_resolver("localhost", 80).count("127.0.0.1") == 1


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(monkeypatch, tmp_path, authority):
    """That authority is trusted, as one in SSL_CERT_FILE is."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    wire.tls.cache_clear()
    yield
    wire.tls.cache_clear()


def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    return context


def secure(server: Stranger, name: str, address: str = "127.0.0.1") -> ProbeAnswer:
    own = parse(f"https://{name}:{server.port}")
    client = Client(Reach(hosts=(name,), loopback=True), own, resolve=lambda _name, _port: [address])
    return client.send(Ask("GET", own), 3)


@pytest.mark.rule("R8")
def test_over_tls_the_certificate_is_the_name_s_though_the_connection_is_the_address_s(authority, trusting):
    context = tls(authority)
    seen: list[str] = []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    with stranger(says(answer()), context) as server:
        assert secure(server, NAME).status == 200
        assert seen == [NAME]
        with pytest.raises(NoAnswer, match="certificate is not valid: Hostname mismatch"):
            secure(server, "other.example.test")
    assert len(server.asked) == 1


def test_a_certificate_that_nobody_vouches_for_is_told_as_such(authority):
    wire.tls.cache_clear()
    with stranger(says(answer()), tls(authority)) as server:
        with pytest.raises(NoAnswer, match="certificate is not valid: unable to get local issuer"):
            secure(server, NAME)
        assert server.asked == []


def test_plain_http_where_tls_was_expected_is_told_as_such():
    with stranger(drips(b"", b"HTTP/1.1 400 Bad\r\n\r\n", 0.1)) as server:
        own = parse(f"https://127.0.0.1:{server.port}")
        client = Client(Reach(hosts=HERE, loopback=True), own)
        with pytest.raises(NoAnswer):
            client.send(Ask("GET", own), 0.5)


def test_an_address_of_version_6_is_asked():
    assert ipaddress.ip_address("::1").is_loopback
    own = parse("http://[::1]:9")
    client = Client(Reach(hosts=("::1",), loopback=True), own)
    with pytest.raises(NoAnswer, match="could not connect"):
        client.send(Ask("GET", own), 3)
