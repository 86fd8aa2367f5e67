"""The one door out, against real servers on loopback; names come from tables: nothing leaves the machine."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from tests.edges.servers import (
    Authority,
    Names,
    Script,
    answer,
    bytes_of,
    dripping,
    free_port,
    http_server,
    silence,
)
from tocsin.edges.addresses import Network
from tocsin.edges.egress import Answer, Egress, system_resolver
from tocsin.edges.errors import EdgeError

LOOPBACK = (ip_network("127.0.0.0/8"),)
INTERNAL = (
    "hooks.example is an internal address; "
    "if Tocsin should call it, the operator can put its network on the allow list."
)


def door(names: Names | None = None, allow: tuple[Network, ...] = LOOPBACK, pem: str = "") -> Egress:
    return Egress(allow=allow, resolve=names or Names(hooks_example=["127.0.0.1"]), authorities_pem=pem)


async def call(
    egress: Egress,
    url: str,
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    body: bytes = b"{}",
    timeout_seconds: float = 5,
    answer_bytes_max: int = 1000,
) -> Answer:
    return await egress.request(
        method,
        url,
        headers=headers or {},
        body=body,
        timeout_seconds=timeout_seconds,
        answer_bytes_max=answer_bytes_max,
    )


async def refusal(egress: Egress, url: str, **more: object) -> tuple[str, bool, bool]:
    with pytest.raises(EdgeError) as caught:
        await call(egress, url, **more)  # type: ignore[arg-type] # the caller's options, passed on
    return str(caught.value), caught.value.retryable, caught.value.sent


async def test_a_request_arrives_whole_and_its_answer_comes_back() -> None:
    script = answer("202 Accepted", b"thanks", "X-Queue: a", "X-Queue: b")
    async with http_server(script) as server:
        got = await call(door(), f"http://hooks.example:{server.port}/in?k=1#x", headers={"X-Page": "7"})
    assert got == Answer(202, {"content-length": "6", "x-queue": "a, b"}, b"thanks")
    assert server.requests[0][0].startswith("POST /in?k=1 HTTP/1.1\r\n")
    assert server.requests[0][1] == b"{}"
    headers = server.headers()
    assert headers["host"] == f"hooks.example:{server.port}"
    assert (headers["x-page"], headers["connection"], headers["accept-encoding"]) == (
        "7",
        "close",
        "identity",
    )


async def test_an_ipv6_host_is_named_in_brackets() -> None:
    async with http_server(answer("200 OK")) as server:
        await call(door(), f"http://[::ffff:127.0.0.1]:{server.port}/", method="GET", body=b"")
    assert server.headers()["host"] == f"[::ffff:7f00:1]:{server.port}"
    assert "content-length" not in server.headers()


@pytest.mark.parametrize(
    "addresses",
    [
        "127.0.0.1",
        "::1",
        "10.0.0.1",
        "169.254.169.254",
        "::ffff:127.0.0.1",
        "8.8.8.8 127.0.0.1",
        "fe80::1%lo",
    ],
)
async def test_a_name_that_leads_inside_is_refused_before_dialling(addresses: str) -> None:
    async with http_server(answer("200 OK")) as server:
        egress = door(Names(hooks_example=[addresses]), allow=())
        assert await refusal(egress, f"http://hooks.example:{server.port}/") == (INTERNAL, False, False)
    assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "127.0.0.1."])
async def test_an_internal_address_is_refused_without_a_look_up(host: str) -> None:
    names = Names()
    sentence, retryable, sent = await refusal(door(names, allow=()), f"http://{host}:9/")
    assert sentence.endswith("on the allow list.")
    assert (retryable, sent, names.asked) == (False, False, [])


async def test_the_allow_list_is_no_wider_than_written() -> None:
    async with http_server(answer("200 OK")) as server:
        url = f"http://hooks.example:{server.port}/"
        assert (await call(door(allow=(ip_network("127.0.0.1/32"),)), url)).status == 200
        assert await refusal(door(allow=(ip_network("127.0.0.2/32"),)), url) == (INTERNAL, False, False)


async def test_a_name_is_looked_up_once_and_the_checked_address_dialled() -> None:
    """The rebinding attack: a second look-up would lead elsewhere, so there must not be one."""
    async with http_server(answer("200 OK")) as server:
        names = Names(hooks_example=["127.0.0.1", "10.9.9.9"])
        egress = door(names)
        url = f"http://hooks.example:{server.port}/"
        assert (await call(egress, url)).status == 200
        assert names.asked == ["hooks.example"]
        # A later request asks anew and checks anew: nothing is remembered.
        assert await refusal(egress, url) == (INTERNAL, False, False)
    assert server.connections == 1


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with http_server(answer("200 OK")) as server:
        names = Names(hooks_example=["127.0.0.2 127.0.0.3 127.0.0.1"])
        assert (await call(door(names), f"http://hooks.example:{server.port}/")).status == 200


@pytest.mark.parametrize("location", ["http://169.254.169.254/latest/", "https://hooks.example/elsewhere"])
async def test_a_redirect_is_an_answer_and_not_followed(location: str) -> None:
    names = Names(hooks_example=["127.0.0.1"])
    async with http_server(answer("302 Found", b"", f"Location: {location}")) as server:
        got = await call(door(names), f"http://hooks.example:{server.port}/")
    assert (got.status, got.headers["location"], server.connections) == (302, location, 1)
    assert names.asked == ["hooks.example"]


async def test_the_answer_is_cut_at_its_limit() -> None:
    async with http_server(answer("200 OK", b"x" * 5000)) as server:
        url = f"http://hooks.example:{server.port}/"
        assert await call(door(), url, answer_bytes_max=5000) == Answer(
            200, {"content-length": "5000"}, b"x" * 5000
        )
        assert (await call(door(), url, answer_bytes_max=4999)).truncated
        assert (await call(door(), url, answer_bytes_max=0)).body == b""


async def test_an_endless_answer_ends_at_its_limit() -> None:
    script = dripping(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"y" * 400, 0)
    async with http_server(script) as server:
        got = await call(door(), f"http://hooks.example:{server.port}/")
    assert (got.status, len(got.body), got.truncated) == (200, 1000, True)


SLOW = "hooks.example did not answer within 0.2 seconds."
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "script",
    [silence, dripping(HEAD, b"X-A: b\r\n"), dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n")],
    ids=["nothing", "headers without end", "continue without end"],
)
async def test_a_slow_answer_is_given_up_after_the_whole_time(script: Script) -> None:
    began = time.monotonic()
    async with http_server(script) as server:
        url = f"http://hooks.example:{server.port}/?token=hush"
        assert await refusal(door(), url, timeout_seconds=0.2) == (SLOW, True, True)
        assert time.monotonic() - began < 1


async def test_a_status_counts_even_if_its_body_never_ends() -> None:
    script = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b".")
    async with http_server(script) as server:
        got = await call(door(), f"http://hooks.example:{server.port}/", timeout_seconds=0.2)
    assert (got.status, got.truncated) == (200, True)


async def test_a_status_counts_even_if_its_body_breaks_off() -> None:
    async with http_server(bytes_of(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\npart")) as server:
        got = await call(door(), f"http://hooks.example:{server.port}/")
    assert (got.status, got.body, got.truncated) == (200, b"part", True)


async def test_a_slow_look_up_counts_towards_the_time() -> None:
    async def resolve(host: str) -> Sequence[str]:
        await asyncio.sleep(5)
        return ["127.0.0.1"]

    egress = Egress(resolve=resolve)
    assert await refusal(egress, "http://hooks.example/", timeout_seconds=0.2) == (SLOW, True, False)


async def test_what_never_left_is_told_from_what_may_have_arrived() -> None:
    port = await free_port()
    assert await refusal(door(), f"http://hooks.example:{port}/") == (
        "hooks.example did not accept a connection.",
        True,
        False,
    )
    assert await refusal(door(), "http://nowhere.example/") == (
        "nowhere.example has no address; check its spelling.",
        True,
        False,
    )
    for script in (bytes_of(b""), bytes_of(b"SSH-2.0-OpenSSH\r\n"), bytes_of(b"HTTP/1.1 2")):
        async with http_server(script) as server:
            assert await refusal(door(), f"http://hooks.example:{server.port}/") == (
                "hooks.example closed the connection or did not answer in HTTP.",
                True,
                True,
            )


async def test_tls_is_verified_for_the_name_that_was_asked_for() -> None:
    authority = Authority()
    async with http_server(answer("200 OK"), authority.server_tls("hooks.example")) as server:
        url = f"https://hooks.example:{server.port}/"
        assert (await call(door(pem=authority.pem), url)).status == 200
        stranger = await refusal(door(), url)
    assert stranger == (
        "The TLS certificate of hooks.example was not accepted: unable to get local issuer certificate.",
        True,
        False,
    )
    # The certificate names the address that is dialled; what counts is the host in the URL.
    async with http_server(answer("200 OK"), authority.server_tls("127.0.0.1")) as server:
        other = await refusal(door(pem=authority.pem), f"https://hooks.example:{server.port}/")
        assert (await call(door(pem=authority.pem), f"https://127.0.0.1:{server.port}/")).status == 200
    assert other == (
        "The TLS certificate of hooks.example was not accepted: "
        "Hostname mismatch, certificate is not valid for 'hooks.example'.",
        True,
        False,
    )


async def test_a_server_without_tls_is_not_spoken_to_in_the_clear() -> None:
    async with http_server(answer("200 OK")) as server:
        _, retryable, sent = await refusal(door(), f"https://hooks.example:{server.port}/", timeout_seconds=1)
    assert (retryable, sent, server.requests) == (True, False, [])


@pytest.mark.parametrize("value", ["hush\r\nX-More: 1", "hush\n", "hush\0", "hüsh", " hush"])
async def test_a_header_cannot_break_out_of_its_line(value: str) -> None:
    sentence = "The value of the header X-Token holds a character that HTTP does not allow."
    got = await refusal(door(), "http://hooks.example/", headers={"X-Token": value})
    assert got == (sentence, False, False)


@pytest.mark.parametrize("name", ["X Token", "X\r\nY", "", "hOst", "Transfer-Encoding", "Content-Length"])
async def test_a_header_of_ours_cannot_be_replaced(name: str) -> None:
    sentence = f"The header {name!a} cannot be set: Tocsin writes it itself, or it is no name."
    assert await refusal(door(), "http://hooks.example/", headers={name: "hush"}) == (sentence, False, False)


async def test_a_method_is_a_plain_word() -> None:
    sentence = "The HTTP method must be a word in capital letters."
    assert await refusal(door(), "http://hooks.example/", method="GET /x") == (sentence, False, False)


async def test_the_systems_resolver_knows_loopback_and_nothing_invented() -> None:
    egress = Egress(allow=(*LOOPBACK, ip_network("::1/128")))
    async with http_server(answer("200 OK")) as server:
        assert (await call(egress, f"http://localhost:{server.port}/")).status == 200
    assert (await refusal(egress, "http://nowhere.invalid/"))[1:] == (True, False)


async def test_names_that_nobody_answers_for_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    healed, asked = threading.Event(), Counter[str]()

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        asked.update([host])
        if host != "well.example":
            healed.wait(10)
            raise OSError("no answer")
        return [(0, 0, 0, "", ("192.0.2.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    resolve = system_resolver()
    dead = [f"dead-{number}.example" for number in range(50)]
    waiting = [asyncio.ensure_future(resolve(host)) for host in dead * 3]
    async with asyncio.timeout(5):
        assert await resolve("well.example") == ("192.0.2.1",)
    waiting[0].cancel()
    healed.set()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in ends[1:]} == {OSError}
    assert set(asked.values()) == {1}, "who asks meanwhile hears the same answer"
    with pytest.raises(OSError, match="no answer"):
        await resolve(dead[0])
    assert asked[dead[0]] == 2, "and whoever asks later asks anew"


async def test_the_operators_relay_may_be_internal_and_is_dialled_at_the_first_address_that_answers() -> None:
    async with http_server(answer("200 OK")) as server:
        egress = door(Names(relay_internal=["127.0.0.9 127.0.0.1"]), allow=())
        with await egress.dial_operators_relay("relay.internal", server.port, 5) as connection:
            assert connection.getpeername() == ("127.0.0.1", server.port)
            assert not connection.getblocking()


async def test_a_relay_that_is_down_or_unknown_says_so() -> None:
    port = await free_port()
    for host in ("hooks.example", "nowhere.example"):
        with pytest.raises(EdgeError) as caught:
            await door().dial_operators_relay(host, port, 5)
        assert str(caught.value) == f"The relay {host} did not accept a connection on port {port}."
        assert (caught.value.retryable, caught.value.sent) == (True, False)
