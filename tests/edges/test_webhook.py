"""Webhooks against a real HTTP server, verified by the Standard Webhooks project's own library."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
import standardwebhooks

from tests.edges.messages import NOW, clock, page
from tests.edges.servers import Names, Script, answer, bytes_of, free_port, http_server, silence
from tocsin.core.model import Outcome, Receipt
from tocsin.edges.channels.webhook import WebhookChannel, webhook_id
from tocsin.edges.egress import Egress

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def channel(timeout_seconds: float = 5, now: Callable[[], datetime] = clock) -> WebhookChannel:
    names = Names(hooks_example=["127.0.0.1"])
    egress = Egress(allow=(ip_network("127.0.0.0/8"),), resolve=names)
    return WebhookChannel(egress, now, timeout_seconds)


async def posted(script: Script, timeout_seconds: float = 5) -> Receipt:
    async with http_server(script) as server:
        message = page(address=f"http://hooks.example:{server.port}/in?token=hush", secret=SECRET)
        return await channel(timeout_seconds).send(message)


@pytest.mark.parametrize("secret", [SECRET, SECRET.rstrip("=")], ids=["padded", "unpadded"])
async def test_a_receiver_can_verify_the_message(secret: str) -> None:
    async with http_server(answer("200 OK")) as server:
        message = page(address=f"http://hooks.example:{server.port}/in", secret=secret, repeat=True)
        # The library compares with the real time, so this one message is signed with it.
        real = channel(now=lambda: datetime.now(UTC))
        assert await real.send(message) == Receipt(Outcome.ACCEPTED, "The webhook answered 200.")
    headers = server.headers()
    assert standardwebhooks.Webhook(secret).verify(server.requests[0][1], headers) == {
        "type": "page",
        "key": "INC-7/page/1/ring/1",
        "repeat": True,
        "person": "ana",
        "subject": "SEV1 Checkout: Error rate is 7%",
        "text": "Ana, you are being paged.\n\nSEV1 Checkout: Error rate is 7% (INC-7)\n",
        "link": "https://tocsin.example/a/b?c=1&d=2",
        "incidents": ["INC-7"],
        "urgent": True,
    }
    assert headers["content-type"] == "application/json"


async def test_the_id_is_the_same_for_a_repeat_and_the_time_is_the_clocks() -> None:
    async with http_server(answer("200 OK")) as server:
        address = f"http://hooks.example:{server.port}/"
        for repeat in (False, True):
            await channel().send(page(address=address, secret=SECRET, repeat=repeat))
    first, second = server.headers(0), server.headers(1)
    assert first["webhook-id"] == second["webhook-id"] == webhook_id("INC-7/page/1/ring/1")
    assert "." not in first["webhook-id"]
    assert first["webhook-timestamp"] == str(int(NOW.timestamp()))


GOOD, LATER, NEVER = Outcome.ACCEPTED, Outcome.RETRYING, Outcome.FAILED


@pytest.mark.parametrize(
    ("status", "outcome", "detail"),
    [
        ("200 OK", GOOD, "The webhook answered 200."),
        ("204 No Content", GOOD, "The webhook answered 204."),
        ("408 Request Timeout", LATER, "The webhook answered 408."),
        ("425 Too Early", LATER, "The webhook answered 425."),
        ("429 Too Many Requests", LATER, "The webhook answered 429."),
        ("500 Internal Server Error", LATER, "The webhook answered 500."),
        ("503 Service Unavailable", LATER, "The webhook answered 503."),
        ("301 Moved", NEVER, "The webhook answered 301, a redirect; set the address that it leads to."),
        ("400 Bad Request", NEVER, "The webhook answered 400 and refuses the message."),
        ("404 Not Found", NEVER, "The webhook answered 404 and refuses the message."),
        ("410 Gone", NEVER, "The webhook answered 410: it is gone and wants no more messages."),
    ],
)
async def test_a_status_decides(status: str, outcome: Outcome, detail: str) -> None:
    assert await posted(answer(status, b"words", "Location: /elsewhere")) == Receipt(outcome, detail)


MAYBE = "The message may have arrived."


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        (bytes_of(b""), f"hooks.example closed the connection or did not answer in HTTP. {MAYBE}"),
        (silence, f"hooks.example did not answer within 0.3 seconds. {MAYBE}"),
    ],
    ids=["hung up", "silent"],
)
async def test_a_lost_answer_is_unknown(script: Script, detail: str) -> None:
    assert await posted(script, 0.3) == Receipt(Outcome.UNKNOWN, detail)


async def test_what_never_left_is_tried_again() -> None:
    port = await free_port()
    got = await channel().send(page(address=f"http://hooks.example:{port}/", secret=SECRET))
    assert got == Receipt(Outcome.RETRYING, "hooks.example did not accept a connection.")


async def test_an_internal_address_fails_for_good() -> None:
    got = await channel().send(page(address="http://10.0.0.1/latest?token=hush", secret=SECRET))
    assert got == Receipt(
        Outcome.FAILED,
        "10.0.0.1 is an internal address; "
        "if Tocsin should call it, the operator can put its network on the allow list.",
    )


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_!", "hush", SECRET.removeprefix("whsec_"), "whsec_ü"]
)
async def test_nothing_goes_out_unsigned(secret: str) -> None:
    async with http_server(answer("200 OK")) as server:
        address = f"http://hooks.example:{server.port}/"
        got = await channel().send(page(address=address, secret=secret))
    sentence = "The webhook's signing secret is not whsec_ and base64; set a new one."
    assert got == Receipt(Outcome.FAILED, sentence)
    assert server.connections == 0
