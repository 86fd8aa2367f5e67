"""E-mail against a real SMTP server (aiosmtpd) on loopback."""

import asyncio
import email
import email.policy
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.edges.messages import clock, page
from tests.edges.servers import Authority, Names, free_port
from tocsin.core.model import Message, Outcome, Receipt
from tocsin.edges.channels.email import EmailChannel, EmailSettings, StartTls, render
from tocsin.edges.channels.mailbox import MailboxChannel
from tocsin.edges.egress import Egress

SETTINGS = EmailSettings("relay.example", 25, "tocsin@example.com", "tocsin.example", StartTls.NEVER)


@dataclass
class Relay:
    """What the server got, and what it says at each step."""

    rcpt: str = "250 OK"
    data: str | None = "250 2.0.0 Ok: queued as 4F2A"
    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    greetings: list[str] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        self.greetings.append(session.host_name or "")
        if self.data is None:
            cast(asyncio.WriteTransport, server.transport).abort()
            return "421 gone"
        if self.data == "silence":
            await asyncio.sleep(1)
            return "250 late"
        return self.data

    def mail(self) -> EmailMessage:
        content = self.envelopes[-1].content
        assert isinstance(content, bytes)
        read = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(read, EmailMessage)
        return read


@asynccontextmanager
async def relay(made: Relay, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Relay]:
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(made, hostname="relay.example", tls_context=tls, loop=loop, **options)

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await asyncio.sleep(0.02)


def channel(settings: EmailSettings, pem: str = "", timeout_seconds: float = 5) -> EmailChannel:
    egress = Egress(resolve=Names(relay_example=["127.0.0.1"]), authorities_pem=pem)
    return EmailChannel(settings, egress, clock, timeout_seconds)


async def sent(made: Relay, message: Message | None = None, timeout_seconds: float = 5) -> Receipt:
    async with relay(made):
        settings = replace(SETTINGS, port=made.port)
        return await channel(settings, timeout_seconds=timeout_seconds).send(message or page())


async def test_a_page_arrives_whole() -> None:
    made = Relay()
    assert await sent(made) == Receipt(
        Outcome.ACCEPTED, "The relay took the message.", "2.0.0 Ok: queued as 4F2A"
    )
    envelope, mail = made.envelopes[0], made.mail()
    assert (envelope.mail_from, envelope.rcpt_tos) == ("tocsin@example.com", ["ana@example.com"])
    assert made.greetings == ["tocsin.example"]
    assert mail["From"] == "Tocsin <tocsin@example.com>"
    assert mail["To"] == "ana@example.com"
    assert mail["Subject"] == "SEV1 Checkout: Error rate is 7%"
    assert mail["Date"] == "Fri, 31 Jan 2025 12:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "Tocsin pages <pages.tocsin.example>"
    assert (mail["Importance"], mail["X-Priority"]) == ("high", "1")
    plain, rich = bodies(mail)
    assert plain == (
        "Ana, you are being paged.\n\nSEV1 Checkout: Error rate is 7% (INC-7)\n\n"
        "Acknowledge: https://tocsin.example/a/b?c=1&d=2\n"
    )
    assert '<a href="https://tocsin.example/a/b?c=1&amp;d=2" style=' in rich
    assert "SEV1 Checkout: Error rate is 7% (INC-7)" in rich


def bodies(mail: EmailMessage) -> tuple[str, str]:
    """The plain and the HTML text, with our line ends."""
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    return plain.get_content().replace("\r\n", "\n"), rich.get_content().replace("\r\n", "\n")


def rendered(message: Message) -> EmailMessage:
    read = email.message_from_bytes(render(message, SETTINGS, clock()), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def test_a_repeat_says_so_and_keeps_its_id() -> None:
    first, second, other = rendered(page()), rendered(page(repeat=True)), rendered(page(key="another"))
    assert second["Subject"] == "SEV1 Checkout: Error rate is 7% (may be a repeat)"
    assert first["Message-ID"] == second["Message-ID"] != other["Message-ID"]
    local, _, host = first["Message-ID"].strip("<>").partition("@")
    assert (len(local), host) == (64, "tocsin.example")


def test_a_link_that_the_text_holds_is_not_said_twice() -> None:
    link = "https://tocsin.example/a"
    mail = rendered(page(text=f"Paged.\n\nAcknowledge: {link}\n", link=link, urgent=False))
    plain, rich = bodies(mail)
    assert plain.count(link) == 1
    assert rich.count(link) == 1
    assert "Importance" not in mail


def test_a_message_without_a_link_has_no_button() -> None:
    mail = rendered(page(link=""))
    assert "Acknowledge" not in mail.as_string()


@pytest.mark.parametrize(
    "subject",
    [
        "Down\r\nBcc: eve@example.com",
        "Down\nBcc: eve@example.com",
        "Down\rBcc: eve@example.com",
        "Down\r\n\r\nBcc: eve@example.com",
        "Down\x0b\x85\u2028\u2029Bcc: eve@example.com",
        "Down\0\x1b\ud800 Bcc: eve@example.com",
    ],
)
async def test_a_subject_cannot_add_a_header(subject: str) -> None:
    made = Relay()
    assert (await sent(made, page(subject=subject))).outcome is Outcome.ACCEPTED
    mail = made.mail()
    assert "Bcc" not in mail
    assert mail["Subject"].replace(" ", "") == "DownBcc:eve@example.com"
    assert made.envelopes[0].rcpt_tos == ["ana@example.com"]


async def test_a_text_is_escaped_and_keeps_its_dots_and_letters() -> None:
    made = Relay()
    text = "Grüße 🚨 <script>alert(1)</script>\n.\n..hidden\nnul\0\n" + "x" * 2000
    assert (await sent(made, page(text=text, subject="Größe " * 40))).outcome is Outcome.ACCEPTED
    mail = made.mail()
    plain, rich = bodies(mail)
    assert plain.startswith(text.replace("\0", "\ufffd"))
    assert "<script>" not in rich
    assert mail["Subject"] == ("Größe " * 40).strip()
    content = made.envelopes[0].content
    assert isinstance(content, bytes)
    assert content.isascii()
    assert max(map(len, content.splitlines())) <= 200


GOOD, LATER, NEVER, MAYBE = Outcome.ACCEPTED, Outcome.RETRYING, Outcome.FAILED, Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("made", "outcome", "detail"),
    [
        (Relay(rcpt="550 5.1.1 no such user"), NEVER, "refused the message: 550 5.1.1 no such user"),
        (Relay(rcpt="451 4.7.1 greylisted"), LATER, "refused for now: 451 4.7.1 greylisted"),
        (Relay(data="554 5.7.1 spam"), NEVER, "refused the message: 554 5.7.1 spam"),
        (Relay(data="452 4.3.1 disk full"), LATER, "refused for now: 452 4.3.1 disk full"),
        (Relay(data="999 what"), MAYBE, "answered the text with: 999 what"),
    ],
    ids=["no such user", "greylisted", "spam", "disk full", "nonsense"],
)
async def test_the_relays_word_decides(made: Relay, outcome: Outcome, detail: str) -> None:
    assert await sent(made) == Receipt(outcome, f"The relay relay.example {detail}")


async def test_a_lost_answer_is_unknown() -> None:
    for made in (Relay(data=None), Relay(data="silence")):
        got = await sent(made, timeout_seconds=0.3)
        assert got.outcome is MAYBE
        assert got.detail.startswith("The relay relay.example broke off: ")
        assert got.detail.endswith("The message may have arrived.")
        assert len(made.envelopes) == 1


async def test_a_relay_that_is_down_is_tried_again() -> None:
    port = await free_port()
    got = await channel(replace(SETTINGS, port=port)).send(page())
    assert got == Receipt(LATER, f"The relay relay.example did not accept a connection on port {port}.")


async def test_a_relay_that_never_greets_is_tried_again() -> None:
    async def quiet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.close()

    server = await asyncio.start_server(quiet, "127.0.0.1", 0)
    async with server:
        settings = replace(SETTINGS, port=server.sockets[0].getsockname()[1])
        got = await channel(settings, timeout_seconds=0.2).send(page())
        assert got == Receipt(LATER, "The relay relay.example broke off: it did not answer in time.")
        await asyncio.sleep(0.3)


async def test_tls_is_verified_where_it_is_spoken() -> None:
    authority = Authority()
    ours, other = authority.server_tls("relay.example"), authority.server_tls("other.example")
    unverified = (
        "The relay relay.example broke off: Hostname mismatch, certificate is not valid for 'relay.example'."
    )
    stranger = "The relay relay.example broke off: unable to get local issuer certificate."
    taken = "The relay took the message."
    for starttls, tls, pem, outcome, detail, encrypted in [
        (StartTls.REQUIRED, ours, authority.pem, GOOD, taken, [True]),
        (StartTls.OFFERED, ours, authority.pem, GOOD, taken, [True]),
        (StartTls.NEVER, ours, authority.pem, GOOD, taken, [False]),
        (StartTls.OFFERED, None, authority.pem, GOOD, taken, [False]),
        (
            StartTls.REQUIRED,
            None,
            authority.pem,
            LATER,
            "The relay relay.example broke off: SMTP STARTTLS extension not supported by server.",
            [],
        ),
        (StartTls.REQUIRED, other, authority.pem, LATER, unverified, []),
        (StartTls.OFFERED, other, authority.pem, LATER, unverified, []),
        (StartTls.REQUIRED, ours, "", LATER, stranger, []),
    ]:
        async with relay(Relay(), tls) as made:
            settings = replace(SETTINGS, port=made.port, starttls=starttls)
            got = await channel(settings, pem).send(page())
        assert (got.outcome, got.detail, made.encrypted) == (outcome, detail, encrypted)


async def test_a_login_goes_only_over_tls_and_its_refusal_names_no_secret() -> None:
    authority = Authority()
    made = Relay()

    def check(server: SMTP, session: Session, envelope: Envelope, way: str, data: Any) -> AuthResult:
        made.logins.append(data.password)
        return AuthResult(success=data.password == b"open sesame", handled=False)

    tls = authority.server_tls("relay.example")
    async with relay(made, tls, authenticator=check, auth_required=True):
        right = replace(
            SETTINGS, port=made.port, starttls=StartTls.REQUIRED, username="ana", password="open sesame"
        )
        assert (await channel(right, authority.pem).send(page())).outcome is GOOD
        got = await channel(replace(right, password="hush"), authority.pem).send(page())
        assert got == Receipt(LATER, "The relay relay.example refused the login (535).")
        assert set(made.logins) == {b"open sesame", b"hush"}
        assert made.encrypted == [True]
        none = await channel(replace(right, username="", password=""), authority.pem).send(page())
        assert none.outcome is NEVER
    assert "sesame" not in repr(right)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana",
        "@example.com",
        "ana@",
        "ana@example.com\r\nRCPT TO:<eve@example.com>",
        "ana@example.com, eve@example.com",
        "Ana <ana@example.com>",
        "ana@example.com> NOTIFY=NEVER",
        ".ana@example.com",
        "ana@example.com\n",
        "änä@example.com",
    ],
)
async def test_what_is_no_address_fails_for_good(address: str) -> None:
    made = Relay()
    sentence = "The address is no e-mail address such as ana@example.com."
    assert await sent(made, page(address=address)) == Receipt(NEVER, sentence)
    assert made.envelopes == []


@pytest.mark.parametrize(
    ("host", "starttls", "holds"),
    [
        ("relay.example", None, StartTls.REQUIRED),
        ("10.0.0.1", None, StartTls.REQUIRED),
        ("localhost", None, StartTls.NEVER),
        ("127.0.0.1", None, StartTls.NEVER),
        ("::1", None, StartTls.NEVER),
        ("localhost", StartTls.REQUIRED, StartTls.REQUIRED),
        ("relay.example", StartTls.NEVER, StartTls.NEVER),
    ],
)
def test_tls_is_required_off_this_machine(host: str, starttls: StartTls | None, holds: StartTls) -> None:
    assert replace(SETTINGS, host=host, starttls=starttls).encryption is holds


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"sender": "Tocsin"},
            "The sender 'Tocsin' is no e-mail address such as tocsin@example.com.",
        ),
        (
            {"own_host": "tocsin example"},
            "The own host 'tocsin example' is no host name such as tocsin.example.com.",
        ),
        (
            {"username": "ana", "starttls": StartTls.OFFERED},
            "A relay with a user name needs TLS 'required': an offer can be suppressed.",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        replace(SETTINGS, **changes)


async def test_the_mailbox_keeps_what_it_is_given() -> None:
    kept: list[Message] = []

    async def keep(message: Message) -> None:
        kept.append(message)

    assert await MailboxChannel(keep).send(page()) == Receipt(GOOD, "Kept in the local mailbox.")
    assert kept == [page()]
