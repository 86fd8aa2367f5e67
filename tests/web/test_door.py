"""What a sender hears at the door, over a real connection."""

from __future__ import annotations

import gzip
import json
import logging
import resource
import socket
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.web.support.site import Site, free_port
from tocsin import limits
from tocsin.app import connections
from tocsin.store import directory
from tocsin.store.alerts import Received
from tocsin.store.errors import StoreFull

KEY = "a routing key of prometheus"
DOOR = "/v2/enqueue"


def event(key: str = "checkout") -> dict[str, Any]:
    return {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": key,
        "payload": {"summary": "checkout is down", "source": "eu-west", "severity": "critical"},
    }


@pytest.fixture
def sender(site: Site) -> Iterator[httpx.Client]:
    """A sender with a key that counts, connected to a server on a port of its own."""
    add = partial(directory.add_key, integration="prometheus", key=KEY, now=site.now)
    site.store.write_now(add)
    port = free_port()
    site.serve(port)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


def heard(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def no(sentence: str) -> dict[str, Any]:
    """A refusal in PagerDuty's own shape."""
    return {"status": "error", "message": sentence, "errors": [sentence]}


def test_what_is_stored_is_accepted(sender: httpx.Client, site: Site) -> None:
    accepted = {"status": "success", "message": "Event processed", "dedup_key": "checkout"}
    assert heard(sender.post(DOOR, json=event())) == (202, accepted)
    site.settle()
    assert site.incident().title == "checkout is down"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_a_post_brings_events(sender: httpx.Client, method: str) -> None:
    answer = sender.request(method, DOOR)
    assert heard(answer) == (405, no("Events come in by POST."))
    assert answer.headers["allow"] == "POST"


def test_a_body_that_is_too_large_is_refused_and_counted(sender: httpx.Client) -> None:
    answer = sender.post(DOOR, content=b" " * (limits.BODY_BYTES + 1))
    assert heard(answer) == (
        413,
        no("The body is larger than 524288 bytes. Send fewer events at a time."),
    )
    assert 'tocsin_intake_refused_total{status="413"} 1.0' in sender.get("/metrics").text


def test_the_largest_body_is_read(sender: httpx.Client) -> None:
    body = json.dumps(event()).encode()
    assert sender.post(DOOR, content=body.ljust(limits.BODY_BYTES)).status_code == 202


GZIPPED = {"content-encoding": "gzip"}
WHOLE = gzip.compress(json.dumps(event()).encode())


@pytest.mark.parametrize("headers", [GZIPPED, {"content-encoding": "x-gzip"}, {}], ids=["gzip", "x-gzip", ""])
def test_gzip_is_unpacked_whether_or_not_the_sender_says_so(
    sender: httpx.Client, site: Site, headers: dict[str, str]
) -> None:
    assert sender.post(DOOR, content=WHOLE, headers=headers).status_code == 202
    site.settle()
    assert site.incident().title == "checkout is down"


def test_gzip_that_unpacks_to_too_much_is_refused_and_not_unpacked(sender: httpx.Client) -> None:
    largest = gzip.compress(json.dumps(event()).encode().ljust(limits.BODY_BYTES))
    assert sender.post(DOOR, content=largest).status_code == 202
    packing = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packing.compress(b" " * 1_000_000) for _ in range(400)) + packing.flush()
    assert len(bomb) < limits.BODY_BYTES
    before = memory_peak()
    answer = sender.post(DOOR, content=bomb, headers=GZIPPED)
    assert heard(answer) == (413, no("The body is larger than 524288 bytes. Send fewer events at a time."))
    assert memory_peak() - before < 50_000


def memory_peak() -> int:
    """The most kilobytes that this process, and the server in it, have held at once."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("body", [WHOLE[:-3], WHOLE[:2], WHOLE[:12] + b"!" + WHOLE[13:], WHOLE + WHOLE])
def test_gzip_that_is_damaged_is_refused(sender: httpx.Client, body: bytes) -> None:
    sentence = (
        "The body begins as gzip and cannot be unpacked: it is damaged, or its end is missing. Send it whole."
    )
    assert heard(sender.post(DOOR, content=body, headers=GZIPPED)) == (400, no(sentence))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_a_body_in_another_encoding_is_told_which_to_use(sender: httpx.Client, encoding: str) -> None:
    answer = sender.post(DOOR, content=json.dumps(event()).encode(encoding))
    assert heard(answer) == (415, no("The body is UTF-16 or UTF-32. Send JSON as UTF-8."))
    assert 'tocsin_intake_refused_total{status="415"} 1.0' in sender.get("/metrics").text


def test_a_body_compressed_otherwise_is_told_what_is_read(sender: httpx.Client) -> None:
    answer = sender.post(DOOR, content=b"\x8b\x03", headers={"content-encoding": "br"})
    sentence = "The body is compressed (Content-Encoding: br). Send it as it is, or as gzip."
    assert heard(answer) == (415, no(sentence))
    plain = sender.post(DOOR, json=event(), headers={"content-encoding": "br"})
    assert plain.status_code == 202, "what can be read is taken, whatever its header says"


def test_a_sender_is_told_when_to_come_back(
    sender: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INTAKE_WAITING_SIGNALS", 0)
    answer = sender.post(DOOR, json=event())
    assert heard(answer) == (
        429,
        no("More events wait than this server can store just now. Send this again."),
    )
    assert answer.headers["retry-after"] == "1"
    assert site.incidents() == []
    monkeypatch.undo()
    assert sender.post(DOOR, json=event()).status_code == 202


def test_a_sender_is_told_when_nothing_can_be_stored(
    sender: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_received: list[Received]) -> None:
        raise StoreFull("The database has no room left.")

    monkeypatch.setattr(site.services.intake, "accept", refuse)
    answer = sender.post(DOOR, json=event())
    assert heard(answer) == (
        503,
        no("The server's disk is full: nothing of this request was stored. Send this again."),
    )
    assert answer.headers["retry-after"] == "1"


def test_a_sender_that_leaves_in_the_middle_is_no_trouble(sender: httpx.Client, site: Site) -> None:
    head = f"POST {DOOR} HTTP/1.1\r\nHost: tocsin\r\nContent-Length: 400\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sender.base_url.port or 0), timeout=10) as leaving:
        leaving.sendall(head.encode() + b"{")
    assert sender.post(DOOR, json=event()).status_code == 202
    assert "tocsin_intake_refused_total{status=" not in sender.get("/metrics").text


def head(path: str, length: int, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: tocsin", f"Content-Length: {length}", *more, "", ""]
    return "\r\n".join(lines).encode()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose patience is shorter than a test's."""
    monkeypatch.setattr(limits, "CLIENT_SECONDS", 1)
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.1)


def test_a_hundred_who_send_slowly_hold_up_nobody(
    hasty: None, sender: httpx.Client, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """To the intake, the API, and a form of a page, with a session each where it wants one."""
    name, value = site.cookie("ana")
    signed_in = (f"Cookie: {name}={value}", "Sec-Fetch-Site: same-origin")
    json_body, form = "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded"
    site.alert("prometheus", "search is down")
    heads = [
        head(DOOR, 400),
        head("/api/v1/incidents", 400, json_body, *signed_in),
        head(f"/incidents/{site.incident().id}/note", 400, form, *signed_in),
        head("/sign-in", 400, form, "Sec-Fetch-Site: same-origin"),
    ]
    slow = [socket.create_connection(("127.0.0.1", sender.base_url.port or 0), 10) for _ in range(100)]
    for number, one in enumerate(slow):
        one.sendall(heads[number % len(heads)] + b"{")
    before = site.dump()
    assert sender.post(DOOR, json=event()).status_code == 202
    heard = []
    for one in slow:
        with one:
            answer = b""
            while more := one.recv(65_536):
                answer += more
            heard.append((answer.split(b"\r\n")[0], json.loads(answer.partition(b"\r\n\r\n")[2])["detail"]))
    assert set(heard) == {(b"HTTP/1.1 408 Request Timeout", connections.TOO_SLOW)}
    counted = sender.get("/metrics").text.partition('tocsin_connections_ended_total{why="too slow"} ')[2]
    assert float(counted.split()[0]) >= 100, "the sender's own may have idled for as long"
    assert sender.post(DOOR, json=event()).status_code == 202
    after = site.dump()
    assert {name for name in after if after[name] != before[name]} == {"alerts"}
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []
