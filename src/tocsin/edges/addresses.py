"""Which addresses may be dialled, and how a URL is read: once and strictly, leaving no second reading."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from tocsin import limits
from tocsin.edges.errors import EdgeError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Our own table (IANA's special-purpose registries): what `ipaddress` calls private changes between patch
# releases of Python.
_REFUSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; one cloud's metadata lives here too
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent, a public address that only the machine itself reaches
        "169.254.0.0/16",  # link-local, with the clouds' metadata at 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments, another cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays, retired
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")  # all else is loopback, private, link-local, multicast or unassigned
_REFUSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo (2001::/32) among them: it hides an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: hides an IPv4 address
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NO_HOST = "The address has no host name that Tocsin can call; check the part after //."
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Target:
    """Where a URL leads. `path` holds the query too, and may hold secrets: it is not for messages."""

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None
    """The host when it is written as an address."""

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def dialled(address: Address, allow: Sequence[Network]) -> Address | None:
    """The address to dial for `address`, or None when it is internal and not on the allow list.

    An IPv4 address in IPv6 clothes is undressed and dialled as what it is. Behind NAT64 the IPv4 address
    counts, but only a public one: what a translator takes for private networks is not ours to know.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in allow):
        return address
    if isinstance(address, IPv4Address):
        return None if any(address in network for network in _REFUSED_V4) else address
    if address in _NAT64:
        embedded = IPv4Address(int(address) & 0xFFFF_FFFF)
        return None if any(embedded in network for network in _REFUSED_V4) else address
    if address not in _PUBLIC_V6 or any(address in network for network in _REFUSED_V6):
        return None
    return address


def in_dialling_order(addresses: Sequence[Address]) -> tuple[Address, ...]:
    """The same addresses, the two families in turn: if one does not get through, the other is tried next."""
    first = [address for address in addresses if address.version == addresses[0].version]
    second = [address for address in addresses if address.version != addresses[0].version]
    ranked = [(rank, family, address) for family in (first, second) for rank, address in enumerate(family)]
    return tuple(address for _, _, address in sorted(ranked, key=lambda entry: entry[0]))


def target_of(url: str) -> Target:
    """Reads a URL that somebody typed; raises EdgeError (not retryable, not sent) for all but plain http(s).

    The messages quote no more than the host, since paths, queries and passwords may be secret.
    """
    if len(url) > limits.LINK_CHARACTERS:
        raise _refused(f"The address is longer than {limits.LINK_CHARACTERS:,} characters; shorten it.")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        # urlsplit drops line breaks and tabs, browsers turn backslashes round: each reads another URL.
        raise _refused(
            "The address holds a space, backslash or special character; "
            "write %20 and the like, and international host names in their xn-- form."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("The address cannot be read; check its host and port.") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise _refused("The address must begin with https:// or http://.")
    if "@" in parts.netloc:
        raise _refused("The address holds a user name or password before an @; send credentials another way.")
    if port == 0:
        raise _refused("The address names port 0, which nothing listens on.")
    host = (parts.hostname or "").removesuffix(".")
    if ("[" in parts.netloc) != (":" in host):
        raise _refused(_NO_HOST)
    address = _literal(host)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, str(address or host), port or _DEFAULT_PORTS[parts.scheme], path, address)


def _literal(host: str) -> Address | None:
    """The address that `host` spells, or None for a name; raises EdgeError for what is neither.

    The system's resolver takes 2130706433, 0x7f.1 and 0177.0.0.1 for addresses; nobody means well by those.
    """
    if ":" in host and "%" not in host:
        try:
            return IPv6Address(host)
        except ValueError:
            raise _refused("The host in brackets is not an IPv6 address.") from None
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused(_NO_HOST)
    if not _NUMBER.fullmatch(labels[-1]):
        return None
    try:
        return ip_address(host)
    except ValueError:
        raise _refused("The host is a number; write an IPv4 address as four plain numbers.") from None


def _refused(sentence: str) -> EdgeError:
    return EdgeError(sentence, retryable=False, sent=False)
