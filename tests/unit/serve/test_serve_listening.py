"""Where the server listens: in a cluster on every address that its pod has, of either family."""

from __future__ import annotations

import socket

import pytest

from pressplay.serve.run import listening


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_without_an_address_it_listens_on_all_of_both_families(family, address):
    if family == socket.AF_INET6 and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with listening("", 0) as server, socket.socket(family) as client:
        client.settimeout(5)
        client.connect((address, server.getsockname()[1]))


def test_where_there_is_no_ipv6_it_listens_on_ipv4(monkeypatch):
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with listening("", 0) as server:
        assert server.family == socket.AF_INET


def test_an_address_of_its_own_is_kept():
    with listening("127.0.0.1", 0) as server:
        assert server.getsockname()[0] == "127.0.0.1"
