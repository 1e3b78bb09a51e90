"""What probes may touch: hosts, namespaces, addresses. Everything else is refused, for every author of a plan.

A plan is written by an agent and the deployment runs strangers' code, so neither decides where the harness connects
to. A host is judged by its name before anything is sent (`Reach.admit`), and each address that the name resolves to
again when the connection is made (`Reach.admit_address`): a name's owner may point it anywhere, and elsewhere a
second later. The pod's NetworkPolicy limits it further.

Sources: the IANA registries of special-purpose addresses, as `ipaddress` has them; the metadata services of AWS
(169.254.169.254, fd00:ec2::/32), Google (fd20:ce::254), Azure (168.63.129.16), Alibaba (100.100.100.200) and Oracle
(192.0.0.192); WHATWG URL, "ends in a number", for the spellings of IPv4 addresses that resolvers take.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pressplay.errors import InputError
from pressplay.validation.report import shown

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYWHERE = ("0.0.0.0/0", "::/0")
"""Networks for a person's own machine, where private addresses are allowed, too."""

_URL = re.compile(r"(?i:(https?))://([^/?\\]*)([/?].*)?")
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")
_PRINTABLE = re.compile(r"[!-~]+")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SERVICE = re.compile(r"([^.]+)\.([^.]+)\.svc(?:\.cluster\.local)?")
_DEFAULT_PORTS = {"http": 80, "https": 443}

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"})
_API_SERVICE = ("kubernetes", "default")
_METADATA = tuple(
    ipaddress.ip_network(text)
    for text in ("100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", "fd00:ec2::/32", "fd20:ce::254/128")
)
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HIDING = tuple(ipaddress.ip_network(text) for text in ("::/96", "64:ff9b:1::/48", "192.88.99.0/24"))
"""IPv4-compatible addresses (RFC 4291), NAT64 as each network likes it (RFC 8215), 6to4's relays (RFC 7526)."""
_RESERVED = tuple(
    ipaddress.ip_network(text) for text in ("192.0.0.0/24", "100:0:0:1::/64", "2001::/23", "3fff::/20", "5f00::/16")
)
"""Of IANA's registries, what some versions of `ipaddress` take for global: protocols' own addresses (RFC 6890), the
dummy prefix (RFC 9780), documentation (RFC 9637), SRv6's segments (RFC 9602)."""


class OutOfReach(InputError):
    """A probe names, or its name leads to, what it may not touch. The text says what and why; it may quote the plan."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL, taken apart and put into one spelling: lower case, no final dot, the port always there."""

    scheme: str
    host: str
    """A name, or an IP address; one of version 6 without brackets."""
    port: int
    target: str
    """Path and query as they go over the wire; begins with `/`."""

    @property
    def authority(self) -> str:
        """Host and port as the `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def below(self, path: str) -> Address:
        """The address of `path` (which begins with `/`) below this one's own path."""
        base = self.target.partition("?")[0].rstrip("/")
        return Address(self.scheme, self.host, self.port, base + path)


def parse(url: str) -> Address:
    """The parts of a URL; OutOfReach unless it is plainly http or https, a host, a port and a path.

    What URL parsers read differently (user names, backslashes, numbers as hosts, other scripts) is refused.
    """
    url_parts = _URL.fullmatch(url) if _PRINTABLE.fullmatch(url) else None
    if url_parts is None:
        raise OutOfReach(f"address {shown(url)}: expected http:// or https://, a host and a path, in printable ASCII")
    if "#" in url:
        raise OutOfReach(f"address {shown(url)}: expected none with #: that part is never sent")
    scheme, authority, target = url_parts[1].lower(), url_parts[2], url_parts[3] or "/"
    if "@" in authority:
        raise OutOfReach(f"address {shown(url)}: expected a host without a user's name and password before it")
    parts = _AUTHORITY.fullmatch(authority)
    port = int(parts[2] or _DEFAULT_PORTS[scheme]) if parts else 0
    if parts is None or not 1 <= port <= 65535:
        raise OutOfReach(f"address {shown(url)}: expected a host and a port between 1 and 65535")
    return Address(scheme, host(parts[1]), port, target if target.startswith("/") else f"/{target}")


def host(text: str) -> str:
    """A host in the one spelling that `Address` has; OutOfReach for what is neither a name nor a plain IP address."""
    name = text.lower()
    if name.startswith("["):
        try:
            address = ipaddress.IPv6Address(name[1:-1])
        except ValueError as error:
            raise OutOfReach(f"host {shown(text)}: expected an IPv6 address in the brackets") from error
        if address.scope_id is not None or address.ipv4_mapped is not None:
            raise OutOfReach(f"host {shown(text)}: expected a plain IPv6 address, without a zone or an IPv4 one in it")
        return str(address)
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise OutOfReach(f"host {shown(text)}: expected a name of letters, digits, - and dots (other scripts as xn--…)")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError as error:
            raise OutOfReach(
                f"host {shown(text)}: expected an IPv4 address as four decimal numbers, for example 192.0.2.1"
            ) from error
    return name


def ip(text: str) -> IPAddress | None:
    """`text` as an IP address; None for a name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def service(name: str) -> tuple[str, str] | None:
    """Name and namespace of the Kubernetes Service that a host name refers to; None for any other name."""
    match = _SERVICE.fullmatch(name)
    return (match[1], match[2]) if match else None


def _kubernetes_api() -> tuple[str, ...]:
    """The API server's host, from the environment that Kubernetes gives each pod."""
    text = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    return (text,) if text else ()


@dataclass(frozen=True)
class Reach:
    """What probes of one gate may touch. InputError for an invalid pattern or network."""

    hosts: tuple[str, ...] = ()
    """Exact names or addresses, and `*.suffix` for every name below a suffix (not the suffix itself)."""
    namespaces: tuple[str, ...] = ()
    """Namespaces whose Services, logs and workloads may be looked at, by their exact names."""
    networks: tuple[str, ...] = ()
    """Networks (`10.0.0.0/8`) in which the names of `hosts` may lie; without, they must lie at public addresses."""
    loopback: bool = False
    """Whether a deployment on this machine may be called (the sandbox, a laptop): at its own port, no other."""
    api: tuple[str, ...] = field(default_factory=_kubernetes_api)
    """Addresses and names of the Kubernetes API, never called; by default the one in the pod's environment."""

    def __post_init__(self) -> None:
        for pattern in self.hosts:
            try:
                wild, known = _pattern(pattern)
            except OutOfReach as error:
                raise InputError(f"allowed host {shown(pattern)}: expected a host or *.suffix: {error}") from error
            if wild and ip(known) is not None:
                raise InputError(f"allowed host {shown(pattern)}: expected *. before a name, not an address")
        for network in self.networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise InputError(f"allowed network {shown(network)}: expected one such as 10.0.0.0/8") from error

    def admit(self, address: Address, own: Address | None) -> None:
        """OutOfReach if a request to `address` is not allowed; `own` is the deployment's address."""
        name = address.host
        if _is_local(name):
            if not self._is_own(address, own):
                raise OutOfReach(f"host {shown(name)}: this machine itself may not be asked")
            return
        literal = ip(name)
        if literal is not None and self._never(literal):
            raise OutOfReach(f"host {shown(name)}: {self._never(literal)} may not be asked")
        its_service = service(name)
        if its_service == _API_SERVICE or name in ("kubernetes", "kubernetes.default", *self.api):
            raise OutOfReach(f"host {shown(name)}: the Kubernetes API may not be asked")
        if name in _METADATA_NAMES:
            raise OutOfReach(f"host {shown(name)}: a metadata service may not be asked")
        if its_service is not None:
            self.admit_namespace(its_service[1])
        elif name.endswith((".svc", ".cluster.local")):
            raise OutOfReach(f"host {shown(name)}: expected a Service of the cluster as <service>.<namespace>.svc")
        elif not self._listed(name):
            raise OutOfReach(f"host {shown(name)}: expected one of the allowed hosts ({_listing(self.hosts)})")

    def admit_namespace(self, namespace: str) -> None:
        """OutOfReach for a namespace that probes may not look into."""
        if namespace not in self.namespaces:
            raise OutOfReach(
                f"namespace {shown(namespace)}: expected one of the allowed namespaces ({_listing(self.namespaces)})"
            )

    def admit_address(self, address: Address, resolved: str, own: Address | None) -> None:
        """OutOfReach if a connection to `resolved`, one of the IP addresses of `address`'s host, is not allowed."""
        where = f"host {shown(address.host)} at {resolved}"
        try:
            outer = ipaddress.ip_address(resolved)
        except ValueError as error:
            raise OutOfReach(f"{where}: expected an IP address") from error
        for inner in _meant(outer):
            if inner.is_loopback and self._is_own(address, own):
                continue
            reason = self._never(inner)
            if reason:
                raise OutOfReach(f"{where}: {reason} may not be asked")
            if not inner.is_global and not self._at_home(address.host, inner):
                raise OutOfReach(
                    f"{where}: a private address, which is in none of the allowed networks ({_listing(self.networks)})"
                )

    def _is_own(self, address: Address, own: Address | None) -> bool:
        return self.loopback and own is not None and address.origin == own.origin

    def _listed(self, name: str) -> bool:
        for pattern in self.hosts:
            wild, known = _pattern(pattern)
            if name.endswith(f".{known}") if wild else name == known:
                return True
        return False

    def _at_home(self, name: str, address: IPAddress) -> bool:
        """Whether this name may lie at a private address: a Service, an address listed as such, an allowed network."""
        if service(name) is not None or ip(name) == address:
            return True
        return any(_within(address, ipaddress.ip_network(network)) for network in self.networks)

    def _never(self, address: IPAddress) -> str:
        """The kind of a forbidden address; empty if the address is not forbidden."""
        if any(_within(address, network) for network in _METADATA):
            return "a metadata service"
        if address.is_link_local or (isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None):
            return "a link-local address (there the metadata services are)"
        if str(address) in self.api:
            return "the Kubernetes API"
        if address.is_loopback:
            return "this machine itself"
        if address.is_multicast:
            return "a multicast address"
        if address.is_unspecified or _within(address, _THIS_NETWORK):
            return "an unspecified address"
        if any(_within(address, network) for network in _HIDING):
            return "an address that hides another one"
        if isinstance(address, ipaddress.IPv6Address):
            if address.sixtofour is not None or address.teredo is not None:
                return "an address that hides another one"
            if address.is_site_local:
                return "a site-local address"
        reserved = address.is_reserved or any(_within(address, network) for network in _RESERVED)
        return "a reserved address" if reserved else ""


def _pattern(text: str) -> tuple[bool, str]:
    """Whether a pattern is `*.suffix`, and its host in the spelling of `Address`."""
    if ":" in text:
        return False, host(text if text.startswith("[") else f"[{text}]")
    return text.startswith("*."), host(text.removeprefix("*."))


def _is_local(name: str) -> bool:
    address = ip(name)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)


def _meant(address: IPAddress) -> Iterator[IPAddress]:
    """The address, or the IPv4 one that it is a spelling of (mapped, or reached through NAT64 of RFC 6052)."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif _within(address, _NAT64):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address


def _within(address: IPAddress, network: IPNetwork) -> bool:
    return address.version == network.version and address in network


def _listing(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none are"
