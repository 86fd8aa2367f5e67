"""Clients that let a server wait, over real connections: none keeps one for ever, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvicorn
import uvloop

from tests.web.support.site import free_port
from tocsin import limits
from tocsin.app import connections
from tocsin.app.connections import TOO_LONG, TOO_MANY, TOO_SLOW
from tocsin.app.http import HttpServer
from tocsin.app.start import CannotStart

PATIENCE = 1.0
"""How long the server of these tests waits; the real one's is longer than a test may take."""

LARGE = 64 * 1024 * 1024
HEAD = b"POST / HTTP/1.1\r\nHost: tocsin\r\nContent-Length: %d\r\n\r\n"
GET = b"GET %s HTTP/1.1\r\nHost: tocsin\r\n\r\n"


class Serving(HttpServer):
    """The real server before an application of a few lines, on a port of its own."""

    def __init__(self, **more: Any) -> None:
        self.port = free_port()
        config = uvicorn.Config(
            self.application,
            interface="asgi3",
            port=self.port,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
            **more,
        )
        self.ended: Counter[str] = Counter()
        self.left = 0
        self._ready = threading.Event()
        super().__init__(config, self._ready.set, lambda: None, lambda why: self.ended.update([why]))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/late":
            await asyncio.sleep(2 * PATIENCE)
        size, more = 0, True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                self.left += 1
                return
            size, more = size + len(event["body"]), event["more_body"]
        body = b"." * LARGE if scope["path"] == "/large" else str(size).encode()
        length = (b"content-length", str(len(body)).encode())
        headers = [] if scope["path"] == "/live" else [length]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if scope["path"] == "/live":
            await send({"type": "http.response.body", "body": b"begun", "more_body": True})
            await asyncio.sleep(2 * PATIENCE)
        await send({"type": "http.response.body", "body": body})

    @property
    def open(self) -> int:
        return len(self.server_state.connections)

    @contextmanager
    def running(self) -> Iterator[None]:
        def run() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self.serve())

        thread = threading.Thread(target=run)
        thread.start()
        assert self._ready.wait(10)
        yield
        self.should_exit = True
        thread.join(10)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setattr(limits, "CLIENT_SECONDS", PATIENCE)
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.1)
    serving = Serving()
    with serving.running():
        yield serving


def rest(client: socket.socket) -> bytes:
    """What comes until the server hangs up."""
    answer = b""
    try:
        while more := client.recv(65_536):
            answer += more
    except ConnectionError:
        pass
    return answer


def problem(answer: bytes) -> tuple[bytes, dict[str, Any]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    assert b"content-type: application/problem+json" in head
    return head.split(b"\r\n")[0], json.loads(body)


def said(sentence: str, status: int) -> dict[str, Any]:
    shape = {"type": "about:blank", "title": sentence, "status": status, "detail": sentence}
    return shape | {"message": sentence, "errors": [sentence]}


def trickle(client: socket.socket, sent: bytes = b"x") -> tuple[bytes, float]:
    """A byte now and then until the server has enough: what it says, and after how long."""
    began = time.monotonic()
    client.settimeout(0.05)
    while time.monotonic() < began + 8 * PATIENCE:
        try:
            client.sendall(sent)
            answer = client.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionError:
            answer = b""
        client.settimeout(10)
        return answer + rest(client) if answer else b"", time.monotonic() - began
    pytest.fail("it is still being waited for")


def until(holds: Callable[[], object]) -> None:
    ends = time.monotonic() + 8 * PATIENCE
    while not holds():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize("begun", [b"", b"POST / HTTP/1.1\r\nHost: toc", b"\r\n"], ids=["", "head", "blank"])
def test_a_head_that_does_not_end_is_hung_up_on(server: Serving, begun: bytes) -> None:
    with server.connect() as slow:
        slow.sendall(begun)
        answer, seconds = trickle(slow) if begun[:1] == b"P" else (rest(slow), PATIENCE)
    assert answer == b""
    assert PATIENCE <= seconds < 4 * PATIENCE
    assert server.ended == {"too slow": 1}


def test_a_body_that_does_not_end_hears_why(server: Serving) -> None:
    with server.connect() as slow:
        slow.sendall(HEAD % 4_000)
        answer, seconds = trickle(slow)
    start, told = problem(answer)
    assert start == b"HTTP/1.1 408 Request Timeout"
    assert told == said(TOO_SLOW, 408)
    assert TOO_SLOW == "The request was not all here within 20 seconds. Send it again."
    assert PATIENCE <= seconds < 4 * PATIENCE
    assert server.left == 1, "the application knows that nobody is there any more"
    assert server.ended == {"too slow": 1}


def test_an_answer_that_nobody_takes_is_thrown_away(server: Serving) -> None:
    with server.connect() as deaf:
        deaf.sendall(GET % b"/large")
        until(lambda: server.ended == {"too slow": 1} and server.open == 0)
        assert len(rest(deaf)) < LARGE


def test_who_takes_an_answer_slowly_gets_all_of_it(server: Serving) -> None:
    with server.connect() as slow:
        slow.sendall(GET % b"/large")
        got = 0
        ends = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < ends:
            got += len(slow.recv(2_000_000))
            time.sleep(0.1)
        slow.settimeout(0.5)
        try:
            while more := len(slow.recv(2_000_000)):
                got += more
        except TimeoutError:
            pass
        assert got > LARGE
    assert server.ended == {}


def test_a_connection_that_is_used_is_kept(server: Serving) -> None:
    with server.connect() as busy:
        for _ in range(25):
            busy.sendall(HEAD % 2 + b"{}")
            assert busy.recv(65_536).startswith(b"HTTP/1.1 200")
            time.sleep(0.1)
    assert server.ended == {}


@pytest.mark.parametrize("path", [b"/late", b"/live"])
def test_what_the_server_takes_its_time_over_is_not_the_clients_fault(server: Serving, path: bytes) -> None:
    with server.connect() as client:
        client.sendall(HEAD.replace(b" / ", b" %s " % path) % 400_000 + b"." * 200_000)
        client.sendall(b"." * 200_000)
        answer = client.recv(65_536)
        while b"400000" not in answer:
            more = client.recv(65_536)
            assert more, answer
            answer += more
    assert server.ended == {}


def test_a_head_without_measure_is_refused(server: Serving) -> None:
    with server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: tocsin\r\nX-Long: ")
        for _ in range(40):
            try:
                client.sendall(b"x" * 10_000)
            except ConnectionError:
                break
            time.sleep(0.01)
        client.settimeout(5)
        rest(client)
    assert server.ended == {"too long": 1}


def test_a_long_head_hears_why(server: Serving) -> None:
    with server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: tocsin\r\nX-Long: " + b"x" * limits.HEAD_BYTES)
        start, told = problem(rest(client))
    assert start == b"HTTP/1.1 431 Request Header Fields Too Large"
    assert told == said(TOO_LONG, 431)
    assert TOO_LONG == "The request's address and headers are longer than 65536 bytes. Send less of them."


def test_whoever_has_kept_it_waiting_longest_makes_room(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CLIENT_SECONDS", 60)
    monkeypatch.setattr(limits, "CONNECTIONS", 20)
    first = server.connect()
    first.sendall(b"POST / HT")
    time.sleep(0.3)
    slow = [server.connect() for _ in range(19)]
    until(lambda: server.open == 20)
    with server.connect() as healthy:
        healthy.sendall(HEAD % 2 + b"{}")
        assert healthy.recv(65_536).startswith(b"HTTP/1.1 200")
    assert rest(first) == b"", "it was the slowest"
    assert server.ended == {"too many": 1}
    many = [server.connect() for _ in range(60)]
    with server.connect() as healthy:
        healthy.sendall(HEAD % 2 + b"{}")
        assert healthy.recv(65_536).startswith(b"HTTP/1.1 200")
    assert server.open <= 20
    for one in (first, *slow, *many):
        one.close()


def test_a_flood_of_connections_costs_one_search_in_a_while(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CLIENT_SECONDS", 60)
    monkeypatch.setattr(limits, "CONNECTIONS", 200)
    monkeypatch.setattr(connections, "LOOK_SECONDS", 60)
    asked = Counter[str]()
    waits = connections.Connection.waits_for_client

    def counted(one: connections.Connection) -> bool:
        asked.update(["waits"])
        return waits(one)

    monkeypatch.setattr(connections.Connection, "waits_for_client", counted)
    flood = [server.connect() for _ in range(600)]
    until(lambda: server.ended["too many"] == 400)
    assert server.open == 200
    assert asked["waits"] < 6 * 200, "and not 200 for each of the 400"
    for one in flood:
        one.close()


def test_where_everybody_is_served_the_next_is_told_to_come_back(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONNECTIONS", 5)
    served = [server.connect() for _ in range(5)]
    for one in served:
        one.sendall(GET % b"/late")
    time.sleep(0.3)
    with server.connect() as next_one:
        start, told = problem(rest(next_one))
    assert start == b"HTTP/1.1 503 Service Unavailable"
    assert told == said(TOO_MANY, 503)
    for one in served:
        assert one.recv(65_536).startswith(b"HTTP/1.1 200")
        one.close()
    assert server.ended == {"too many": 1}


async def test_an_address_that_somebody_has_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        second = Serving()
        second.config.load()
        second.config.port = taken.getsockname()[1]
        with pytest.raises(CannotStart) as refused:
            await second.startup()
    assert str(refused.value) == (
        f"127.0.0.1 port {second.config.port} cannot be listened on: address already in use."
        " Name another with --host and --port."
    )


def test_a_greeting_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CLIENT_SECONDS", PATIENCE)
    pem = tmp_path / "server.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    serving = Serving(ssl_certfile=str(pem))
    with serving.running(), serving.connect() as silent:
        began = time.monotonic()
        assert rest(silent) == b""
        assert PATIENCE * 0.9 <= time.monotonic() - began < 4 * PATIENCE


def test_over_tls_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CLIENT_SECONDS", PATIENCE)
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.1)
    authority, pem = trustme.CA(), tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    serving = Serving(ssl_certfile=str(pem))
    with serving.running(), ExitStack() as open_:

        def client(sent: bytes) -> socket.socket:
            one = open_.enter_context(tls.wrap_socket(serving.connect(), server_hostname="127.0.0.1"))
            one.sendall(sent)
            return one

        slow, idle, deaf = client(HEAD % 100), client(b"GE"), client(GET % b"/large")
        assert problem(rest(slow))[1] == said(TOO_SLOW, 408)
        assert rest(idle) == b""
        until(lambda: serving.open == 0)
        assert len(rest(deaf)) < LARGE
    assert serving.ended == {"too slow": 3}
