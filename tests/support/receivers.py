"""Where pages land: a real SMTP server and a real webhook receiver on loopback, on threads of their own."""

from __future__ import annotations

import asyncio
import email.policy
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.server import free_port


@dataclass(frozen=True)
class Received:
    """One message as it came in. `key` is the same for every attempt at it; `at` is when it was whole."""

    at: datetime
    channel: str
    to: str
    key: str
    repeat: bool
    subject: str
    text: str
    headers: dict[str, str]
    body: bytes

    @property
    def link(self) -> str:
        """The acknowledgement link in the text."""
        return self.text.partition("Acknowledge: ")[2].split()[0]


@dataclass
class Inbox:
    """Everything received, in order, by whatever channel. `delay_seconds` makes the answers slow."""

    messages: list[Received] = field(default_factory=list)
    delay_seconds: float = 0.0
    _news: threading.Condition = field(default_factory=threading.Condition)

    def put(self, message: Received) -> None:
        """Keep a message, and tell whoever waits."""
        with self._news:
            self.messages.append(message)
            self._news.notify_all()

    def wait(self, wanted: Callable[[Received], bool], within_seconds: float = 15) -> Received:
        """The first message that is wanted, once it is here; fails when it does not come in time."""
        ends = time.monotonic() + within_seconds
        with self._news:
            while True:
                for message in self.messages:
                    if wanted(message):
                        return message
                left = ends - time.monotonic()
                assert left > 0, f"it did not come; there came {[one.subject for one in self.messages]}"
                self._news.wait(left)


@contextmanager
def mail_server(inbox: Inbox, *, password: str = "") -> Iterator[int]:
    """An SMTP server; gives its port. With `password` it offers a login and refuses every other one."""
    port = free_port()

    def log_in(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, login: Any) -> AuthResult:
        right = isinstance(login, LoginPassword) and login.password.decode() == password
        return AuthResult(success=right, handled=False)

    controller = Controller(
        _MailHandler(inbox),
        hostname="127.0.0.1",
        port=port,
        authenticator=log_in if password else None,
        auth_require_tls=not password,
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


class _MailHandler:
    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Called by aiosmtpd with a whole mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = BytesParser(policy=email.policy.default).parsebytes(content)
        text = mail.get_body(("plain",))
        assert text is not None, "a page without text"
        self._inbox.put(
            Received(
                at=datetime.now(UTC),
                channel="email",
                to=envelope.rcpt_tos[0],
                key=mail["message-id"],
                repeat=mail["subject"].endswith("(may be a repeat)"),
                subject=mail["subject"],
                text=text.get_content(),
                headers={name.lower(): value for name, value in mail.items()},
                body=content,
            )
        )
        await asyncio.sleep(self._inbox.delay_seconds)
        return "250 taken"


@contextmanager
def webhook_server(inbox: Inbox) -> Iterator[str]:
    """A receiver of signed webhooks; gives its address. Signatures can be checked in `headers` and `body`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take one message."""
            body = self.rfile.read(int(self.headers["content-length"]))
            inbox.put(_webhook(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            time.sleep(inbox.delay_seconds)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *words: object) -> None:
            """The tests' output is not its place."""

    server = _HookServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _HookServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that is killed hangs up in the middle: that is what the tests are about."""


def _webhook(path: str, headers: dict[str, str], body: bytes) -> Received:
    content = json.loads(body)
    return Received(
        at=datetime.now(UTC),
        channel="webhook",
        to=path.strip("/"),
        key=content["key"],
        repeat=content["repeat"],
        subject=content["subject"],
        text=content["text"],
        headers=headers,
        body=body,
    )
