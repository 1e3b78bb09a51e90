"""What probes may touch: every form in which something else can be named, or hidden behind a name, is refused."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pressplay.errors import InputError
from pressplay.gates.acceptance.reach import Address, OutOfReach, Reach, host, parse

PREVIEW = parse("https://shop.preview.example.com")
REACH = Reach(hosts=("shop.preview.example.com", "*.cdn.example.com"), namespaces=("preview",), api=("10.96.0.1",))


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.preview.example.com/products",
        "https://SHOP.preview.example.com./",
        "http://shop.preview.example.com:8080/",
        "https://eu.img.cdn.example.com/a.png",
        "http://web.preview.svc/",
        "http://web.preview.svc.cluster.local:8080/healthz",
    ],
)
def test_the_allowed_hosts_and_services_may_be_asked(url):
    REACH.admit(parse(url), PREVIEW)


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://169.254.169.254/latest/meta-data/", "link-local"),
        ("http://[fe80::a9fe:a9fe]/", "link-local"),
        ("http://[fd00:ec2::254]/latest/meta-data/", "a metadata service"),
        ("http://[fd20:ce::254]/", "a metadata service"),
        ("http://100.100.100.200/latest/meta-data/", "a metadata service"),
        ("http://168.63.129.16/machine", "a metadata service"),
        ("http://192.0.0.192/opc/v1/instance/", "a metadata service"),
        ("http://metadata.google.internal/computeMetadata/v1/", "a metadata service"),
        ("http://METADATA.google.internal./computeMetadata/v1/", "a metadata service"),
        ("http://metadata/", "a metadata service"),
        ("http://127.0.0.1:6443/", "this machine itself"),
        ("http://127.8.9.10/", "this machine itself"),
        ("http://[::1]/", "this machine itself"),
        ("http://localhost/", "this machine itself"),
        ("http://admin.localhost/", "this machine itself"),
        ("http://0.0.0.0:8080/", "an unspecified address"),
        ("http://[::]/", "an unspecified address"),
        ("http://0.1.2.3/", "an unspecified address"),
        ("http://224.0.0.1/", "a multicast address"),
        ("http://[ff02::1]/", "a multicast address"),
        ("http://255.255.255.255/", "a reserved address"),
        ("http://[2002:a9fe:a9fe::]/", "an address that hides another one"),
        ("http://[::7f00:1]/", "an address that hides another one"),
        ("http://192.88.99.1/", "an address that hides another one"),
        ("http://[fec0::1]/", "a site-local address"),
        ("http://[feff:ffff::1]/", "a site-local address"),
        ("http://192.0.0.8/", "a reserved address"),
        ("https://kubernetes.default.svc/api", "the Kubernetes API"),
        ("https://kubernetes.default.svc.cluster.local/api", "the Kubernetes API"),
        ("https://kubernetes.default/api", "the Kubernetes API"),
        ("https://10.96.0.1/api", "the Kubernetes API"),
        ("http://db.prod.svc/", "expected one of the allowed namespaces (preview)"),
        ("http://db.prod.svc.cluster.local/", "expected one of the allowed namespaces (preview)"),
        ("http://10-0-0-7.prod.pod.cluster.local/", "expected a Service of the cluster"),
        ("http://pod.web.preview.svc.cluster.local/", "expected a Service of the cluster"),
        ("http://db.prod/", "expected one of the allowed hosts"),
        ("http://10.0.0.7/", "expected one of the allowed hosts"),
        ("http://93.184.216.34/", "expected one of the allowed hosts"),
        ("https://example.com/", "expected one of the allowed hosts"),
        ("https://cdn.example.com/", "expected one of the allowed hosts"),
        ("https://evilcdn.example.com/", "expected one of the allowed hosts"),
        ("https://shop.preview.example.com.evil.test/", "expected one of the allowed hosts"),
    ],
)
def test_what_is_not_allowed_is_refused_by_its_name(url, told):
    with pytest.raises(OutOfReach) as raised:
        REACH.admit(parse(url), PREVIEW)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://017700000001/",
        "http://127.1/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://0xa9fea9fe/",
        "http://169.254.169.254.0x0/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[1::2::3]/",
        "http://①②⑦.0.0.1/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://lⓞcalhost/",
        "http://shop.preview.example.com@169.254.169.254/",
        "http://user:secret@shop.preview.example.com/",
        "http://shop.preview.example.com:80@evil.test/",
        "http://shop.preview.example.com\\@evil.test/",
        "http://shop.preview.example.com\\.evil.test/",
        "http://evil.test#@shop.preview.example.com/",
        "http://evil.test\t.example.com/",
        "http://shop.preview.example.com /",
        "http://shop.preview.example.com:0/",
        "http://shop.preview.example.com:65536/",
        "http://shop.preview.example.com:/",
        "http://shop.preview.example.com:80:80/",
        "http://shop..example.com/",
        "http://-a.example.com/",
        "http://%31%32%37.0.0.1/",
        "http:///etc/passwd",
        "http:/shop.preview.example.com/",
        "//shop.preview.example.com/",
        "file:///etc/passwd",
        "gopher://shop.preview.example.com/",
        "ftp://shop.preview.example.com/",
        "unix:///var/run/docker.sock",
        "javascript:alert(1)",
        "https://shop.preview.example.com/\r\nHost: evil",
        "",
    ],
)
def test_an_address_in_an_odd_spelling_is_refused(url):
    with pytest.raises(OutOfReach):
        parse(url)


@pytest.mark.parametrize(
    ("resolved", "told"),
    [
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("fd00:ec2::254", "a metadata service"),
        ("100.100.100.200", "a metadata service"),
        ("127.0.0.1", "this machine itself"),
        ("::1", "this machine itself"),
        ("::ffff:127.0.0.1", "this machine itself"),
        ("0.0.0.0", "an unspecified address"),
        ("224.0.0.251", "a multicast address"),
        ("240.0.0.1", "a reserved address"),
        ("2002:7f00:1::", "an address that hides another one"),
        ("64:ff9b:1::a01:203", "an address that hides another one"),
        ("192.88.99.0", "an address that hides another one"),
        ("192.88.99.255", "an address that hides another one"),
        ("::ffff:192.88.99.1", "an address that hides another one"),
        ("64:ff9b::c058:6301", "an address that hides another one"),
        ("fec0::", "a site-local address"),
        ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a site-local address"),
        ("192.0.0.170", "a reserved address"),
        ("::ffff:0:a01:203", "a reserved address"),
        ("100:0:0:1::1", "a reserved address"),
        ("2001:20::1", "a reserved address"),
        ("2001:2::1", "a reserved address"),
        ("3fff:fff:ffff::1", "a reserved address"),
        ("5f00::1", "a reserved address"),
        ("198.18.0.1", "a private address"),
        ("203.0.113.9", "a private address"),
        ("2001:db8::1", "a private address"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "an address that hides another one"),
        ("10.96.0.1", "the Kubernetes API"),
        ("10.1.2.3", "a private address"),
        ("192.168.1.1", "a private address"),
        ("172.16.0.9", "a private address"),
        ("100.64.0.1", "a private address"),
        ("fd12::1", "a private address"),
        ("::ffff:10.1.2.3", "a private address"),
        ("64:ff9b::a01:203", "a private address"),
        ("nonsense", "expected an IP address"),
    ],
)
def test_an_allowed_name_that_leads_elsewhere_is_refused(resolved, told):
    with pytest.raises(OutOfReach) as raised:
        REACH.admit_address(PREVIEW, resolved, PREVIEW)
    assert told in str(raised.value)
    assert "shop.preview.example.com" in str(raised.value)


def test_a_public_address_is_fine_and_a_private_one_where_its_network_is_allowed():
    REACH.admit_address(PREVIEW, "93.184.216.34", PREVIEW)
    REACH.admit_address(PREVIEW, "2606:2800:220:1::1", PREVIEW)
    inside = Reach(hosts=REACH.hosts, networks=("10.1.0.0/16", "fd12::/16"), api=("10.1.0.1",))
    inside.admit_address(PREVIEW, "10.1.2.3", PREVIEW)
    inside.admit_address(PREVIEW, "fd12::7", PREVIEW)
    inside.admit_address(PREVIEW, "::ffff:10.1.2.3", PREVIEW)
    for other in ("10.2.0.1", "10.1.0.1", "169.254.169.254", "127.0.0.1"):
        with pytest.raises(OutOfReach):
            inside.admit_address(PREVIEW, other, PREVIEW)


def test_a_service_lies_at_a_private_address_but_never_at_the_api_s_or_a_metadata_service_s():
    service = parse("http://web.preview.svc:8080/")
    REACH.admit_address(service, "10.96.7.7", PREVIEW)
    for other in ("10.96.0.1", "169.254.169.254", "127.0.0.1", "::1"):
        with pytest.raises(OutOfReach):
            REACH.admit_address(service, other, PREVIEW)


def test_an_address_that_is_listed_as_such_may_be_private():
    reach = Reach(hosts=("10.0.0.7", "fd12::7"))
    for url in ("http://10.0.0.7:8080/", "http://[fd12:0::7]/"):
        address = parse(url)
        reach.admit(address, None)
        reach.admit_address(address, address.host, None)
    with pytest.raises(OutOfReach):
        reach.admit(parse("http://10.0.0.8/"), None)


def test_this_machine_may_be_asked_only_where_it_is_the_deployment_and_only_at_its_port():
    own = parse("http://127.0.0.1:8000")
    local = Reach(hosts=("127.0.0.1",), loopback=True)
    local.admit(own.below("/x"), own)
    local.admit_address(own, "127.0.0.1", own)
    for url in ("http://127.0.0.1:8001/", "http://localhost:8000/", "https://127.0.0.1:8000/", "http://[::1]:8000/"):
        with pytest.raises(OutOfReach, match="this machine itself"):
            local.admit(parse(url), own)
    with pytest.raises(OutOfReach, match="this machine itself"):
        Reach(hosts=("127.0.0.1",)).admit(own, own)


def test_what_the_pod_is_told_of_the_api_is_never_asked(monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "172.20.0.1")
    reach = Reach(hosts=("api.example.com", "172.20.0.1"), networks=("172.16.0.0/12",))
    with pytest.raises(OutOfReach, match="the Kubernetes API"):
        reach.admit(parse("https://172.20.0.1/"), None)
    with pytest.raises(OutOfReach, match="the Kubernetes API"):
        reach.admit_address(parse("https://api.example.com/"), "172.20.0.1", None)


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    "settings_",
    [
        {"hosts": ("*",)},
        {"hosts": ("*.",)},
        {"hosts": ("https://example.com",)},
        {"hosts": ("example.com:443",)},
        {"hosts": ("a.*.example.com",)},
        {"hosts": ("*.10.0.0.1",)},
        {"hosts": ("",)},
        {"networks": ("10.0.0.0/33",)},
        {"networks": ("10.0.0.1/8",)},
        {"networks": ("everything",)},
    ],
)
def test_a_setting_that_is_none_is_refused(settings_):
    with pytest.raises(InputError, match=r"allowed (host|network)"):
        Reach(**settings_)


def test_no_namespace_is_allowed_unless_it_is_named():
    REACH.admit_namespace("preview")
    for other in ("", "prod", "preview-2", "kube-system", "*"):
        with pytest.raises(OutOfReach, match=r"allowed namespaces \(preview\)"):
            REACH.admit_namespace(other)


LABELS = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6)


@given(st.lists(LABELS, max_size=3), st.lists(LABELS, min_size=1, max_size=2))
@settings(deadline=None)
def test_a_pattern_takes_what_stands_below_its_suffix_and_nothing_else(labels, suffix):
    allowed = Reach(hosts=(f"*.{'.'.join(suffix)}.example",))
    below = ".".join([*labels, *suffix, "example"])
    address = Address("https", below, 443, "/")
    if labels:
        allowed.admit(address, None)
    else:
        with pytest.raises(OutOfReach):
            allowed.admit(address, None)
    with pytest.raises(OutOfReach):
        allowed.admit(Address("https", f"x{'.'.join(suffix)}.example", 443, "/"), None)
    with pytest.raises(OutOfReach):
        allowed.admit(Address("https", f"{below}.test", 443, "/"), None)


@given(V4)
@settings(max_examples=200, deadline=None)
def test_of_all_ipv4_addresses_a_name_may_only_lie_at_public_ones(address):
    public = address.is_global and not address.is_multicast and not address.is_reserved
    # Global for some versions of `ipaddress`: protocols' own, and 6to4's relays.
    public &= not any(address in ipaddress.ip_network(other) for other in ("192.0.0.0/24", "192.88.99.0/24"))
    hidden = [str(address), f"::ffff:{address}", str(ipaddress.IPv6Address((0x64FF9B << 96) | int(address)))]
    for spelling in hidden:
        try:
            REACH.admit_address(PREVIEW, spelling, PREVIEW)
        except OutOfReach:
            assert not public or str(address) == "168.63.129.16"
        else:
            assert public


@given(V6)
@settings(max_examples=200, deadline=None)
def test_of_all_ipv6_addresses_a_name_may_only_lie_at_public_ones(address):
    try:
        REACH.admit_address(PREVIEW, str(address), PREVIEW)
    except OutOfReach:
        return
    assert address.is_global
    assert not address.is_multicast


def _spellings(address: ipaddress.IPv4Address) -> list[str]:
    """What resolvers in the manner of inet_aton take for this address, but its plain form."""
    a, b, c, d = address.packed
    whole = int(address)
    return [
        str(whole),
        hex(whole),
        f"0{whole:o}",
        f"{a}.{whole & 0xFFFFFF}",
        f"{a}.{b}.{whole & 0xFFFF}",
        f"0x{a:x}.{b}.{c}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{b}.{c}.{d}.",
        f"0{a}.{b}.{c}.{d}",
    ]


@given(V4, st.integers(0, 8))
@settings(max_examples=200, deadline=None)
def test_no_spelling_of_an_address_gets_past_what_refuses_the_address(address, which):
    text = _spellings(address)[which]
    try:
        found = parse(f"http://{text}/").host
    except OutOfReach:
        return
    assert found == str(address)


@given(st.text(max_size=60) | st.text(alphabet="htps:/[]@%.0x1ab#?\\", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_an_address_in_one_spelling_or_refused(text):
    for url in (text, f"http://{text}"):
        try:
            found = parse(url)
        except OutOfReach:
            continue
        assert parse(str(found)) == found
        assert host(f"[{found.host}]" if ":" in found.host else found.host) == found.host


@pytest.mark.parametrize(
    ("base", "path", "whole"),
    [
        ("http://a.test", "/x?y=1", "http://a.test/x?y=1"),
        ("http://a.test/", "/x", "http://a.test/x"),
        ("http://a.test:8080/shop/?q=1", "/x", "http://a.test:8080/shop/x"),
        ("https://[2001:db8::1]:443/", "/", "https://[2001:db8::1]/"),
        ("https://a.test?x=1", "/y", "https://a.test/y"),
    ],
)
def test_a_path_stands_below_the_deployment_s_own(base, path, whole):
    assert str(parse(base).below(path)) == whole
