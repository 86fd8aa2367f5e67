"""Which addresses are dialled and which URLs are read: tables of hostile ones."""

from ipaddress import ip_address, ip_network

import pytest

from tocsin import limits
from tocsin.edges.addresses import dialled, in_dialling_order, target_of
from tocsin.edges.errors import EdgeError

INTERNAL = {
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "private ten": "10.0.0.1",
    "carrier-grade NAT": "100.64.0.1",
    "carrier-grade NAT, its end": "100.127.255.255",
    "another cloud's metadata": "100.100.100.200",
    "loopback": "127.0.0.1",
    "loopback, further on": "127.255.255.254",
    "the metadata address": "169.254.169.254",
    "link-local": "169.254.0.1",
    "private 172": "172.31.255.255",
    "private 192": "192.168.1.1",
    "protocol assignments": "192.0.0.192",
    "6to4 relay": "192.88.99.1",
    "a host agent": "168.63.129.16",
    "documentation": "203.0.113.7",
    "benchmarks": "198.19.0.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "unspecified v6": "::",
    "loopback v6": "::1",
    "v4-compatible loopback": "::127.0.0.1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:a9fe:a9fe",
    "mapped private": "::ffff:10.0.0.1",
    "translated loopback": "64:ff9b::7f00:1",
    "translated metadata": "64:ff9b::169.254.169.254",
    "local translation": "64:ff9b:1::1",
    "6to4 of loopback": "2002:7f00:1::",
    "6to4 of a public address": "2002:808:808::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "link-local v6": "fe80::1",
    "link-local v6 with a zone": "fe80::1%eth0",
    "site-local": "fec0::1",
    "unique local": "fd00:ec2::254",
    "multicast v6": "ff02::1",
    "documentation v6": "2001:db8::1",
    "documentation v6, the new one": "3fff::1",
    "discard": "100::1",
    "SRv6": "5f00::1",
}


@pytest.mark.parametrize("address", INTERNAL.values(), ids=INTERNAL.keys())
def test_an_internal_address_is_never_dialled(address: str) -> None:
    assert dialled(ip_address(address), ()) is None


@pytest.mark.parametrize(
    ("address", "dials"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("100.128.0.1", "100.128.0.1"),
        ("172.32.0.1", "172.32.0.1"),
        ("2606:4700::1111", "2606:4700::1111"),
        ("2001:4860:4860::8888", "2001:4860:4860::8888"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("64:ff9b::8.8.8.8", "64:ff9b::808:808"),
    ],
)
def test_a_public_address_is_dialled_as_what_it_is(address: str, dials: str) -> None:
    assert str(dialled(ip_address(address), ())) == dials


@pytest.mark.parametrize(
    ("address", "network", "dials"),
    [
        ("10.1.2.3", "10.1.0.0/16", "10.1.2.3"),
        ("10.2.2.3", "10.1.0.0/16", "None"),
        ("::ffff:10.1.2.3", "10.1.0.0/16", "10.1.2.3"),
        ("::1", "::1/128", "::1"),
        ("fd00::5", "fd00::/8", "fd00::5"),
        # A translator's idea of 10.1.2.3 need not be ours: it is listed by its own name or not at all.
        ("64:ff9b::10.1.2.3", "10.1.0.0/16", "None"),
        ("64:ff9b::10.1.2.3", "64:ff9b::/96", "64:ff9b::a01:203"),
    ],
)
def test_the_allow_list_opens_just_what_it_names(address: str, network: str, dials: str) -> None:
    assert str(dialled(ip_address(address), (ip_network(network),))) == dials


def test_the_families_take_turns() -> None:
    found = [ip_address(text) for text in ("2606::1", "2606::2", "2606::3", "8.8.8.8", "8.8.4.4")]
    order = [str(address) for address in in_dialling_order(found)]
    assert order == ["2606::1", "8.8.8.8", "2606::2", "8.8.4.4", "2606::3"]
    assert in_dialling_order([]) == ()


CHARACTERS = (
    "The address holds a space, backslash or special character; "
    "write %20 and the like, and international host names in their xn-- form."
)
NO_HOST = "The address has no host name that Tocsin can call; check the part after //."
A_NUMBER = "The host is a number; write an IPv4 address as four plain numbers."
SCHEME = "The address must begin with https:// or http://."
USER = "The address holds a user name or password before an @; send credentials another way."
UNREADABLE = "The address cannot be read; check its host and port."

TOO_LONG = "The address is longer than 2,048 characters; shorten it."

REFUSED_URLS = [
    ("file:///etc/passwd", SCHEME),
    ("ftp://example.com/", SCHEME),
    ("gopher://127.0.0.1:6379/_FLUSHALL", SCHEME),
    ("data:text/plain,hello", SCHEME),
    ("javascript:alert(1)", SCHEME),
    ("//example.com/", SCHEME),
    ("example.com", SCHEME),
    ("", SCHEME),
    ("http:example.com", NO_HOST),
    ("http:///path", NO_HOST),
    ("https://", NO_HOST),
    ("http://user:password@example.com/", USER),
    ("http://example.com@169.254.169.254/", USER),
    ("http://@example.com/", USER),
    ("http://example.com:80@127.0.0.1/", USER),
    ("http://2130706433/", A_NUMBER),
    ("http://0x7f000001/", A_NUMBER),
    ("http://0x7f.0.0.1/", A_NUMBER),
    ("http://0177.0.0.1/", A_NUMBER),
    ("http://127.1/", A_NUMBER),
    ("http://127.0.0.01/", A_NUMBER),
    ("http://127.0.0.1.5/", A_NUMBER),
    ("http://example.0x/", A_NUMBER),
    ("http://example.com\\@127.0.0.1/", CHARACTERS),
    ("http://exam\tple.com/", CHARACTERS),
    ("http://example.com/\r\nHost: internal", CHARACTERS),
    (" http://example.com/", CHARACTERS),
    ("http://example.com/a b", CHARACTERS),
    ("http://ⓔxample.com/", CHARACTERS),
    ("http://127。0。0。1/", CHARACTERS),
    ("http://exa%6dple.com/", NO_HOST),
    ("http://example..com/", NO_HOST),
    ("http://-example.com/", NO_HOST),
    ("http://example.com,127.0.0.1/", NO_HOST),
    (f"http://{'a' * 64}.com/", NO_HOST),
    (f"http://{'a.' * 130}com/", NO_HOST),
    ("http://[fe80::1%25eth0]/", NO_HOST),
    ("http://[::1/", UNREADABLE),
    ("http://[v1.fe80]/", NO_HOST),
    ("http://[::g]/", UNREADABLE),
    ("http://a:b:c/", UNREADABLE),
    ("http://example.com:99999/", UNREADABLE),
    ("http://example.com:port/", UNREADABLE),
    ("http://example.com:0/", "The address names port 0, which nothing listens on."),
    ("http://example.com/" + "a" * limits.LINK_CHARACTERS, TOO_LONG),
]


@pytest.mark.parametrize(("url", "sentence"), REFUSED_URLS)
def test_an_odd_url_is_refused_with_a_remedy(url: str, sentence: str) -> None:
    with pytest.raises(EdgeError) as caught:
        target_of(url)
    assert (str(caught.value), caught.value.retryable, caught.value.sent) == (sentence, False, False)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://Example.COM", "example.com", 443, "/", "example.com"),
        ("https://example.com./x?y=1#z", "example.com", 443, "/x?y=1", "example.com"),
        ("http://my_host:8080/", "my_host", 8080, "/", "my_host:8080"),
        ("HTTP://8.8.8.8:80/?q", "8.8.8.8", 80, "/?q", "8.8.8.8"),
        ("https://[2606:4700::0001]/", "2606:4700::1", 443, "/", "[2606:4700::1]"),
        ("https://[2606:4700::1]:8443/", "2606:4700::1", 8443, "/", "[2606:4700::1]:8443"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://1.example:/", "1.example", 443, "/", "1.example"),
    ],
)
def test_a_plain_url_is_read(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = target_of(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)
