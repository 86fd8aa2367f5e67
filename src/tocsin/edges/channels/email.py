"""Pages as e-mail, through the operator's own relay."""

from __future__ import annotations

import asyncio
import email.policy
import hashlib
import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

import aiosmtplib

from tocsin import limits
from tocsin.core.model import Message, Outcome, Receipt
from tocsin.edges.channels import receipt_of
from tocsin.edges.egress import Egress
from tocsin.edges.errors import EdgeError

# Only 7-bit characters: a relay without 8BITMIME takes them too.
_BODY = email.policy.SMTP.clone(cte_type="7bit")
_HEADERS = _BODY.clone(max_line_length=200)  # a Message-ID that is folded is not found by all mail programs
_LINE_ENDS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")  # and other controls
_UNFIT_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_NAME = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_NAME}")
_HOST = re.compile(rf"{_NAME}|[0-9A-Fa-f:]+")


class StartTls(StrEnum):
    """Whether the connection to the relay is encrypted. If it is, the relay's certificate is verified."""

    NEVER = "never"
    OFFERED = "offered"
    REQUIRED = "required"


@dataclass(frozen=True)
class EmailSettings:
    """The operator's relay. `own_host` is this server's public name, for the greeting and message ids.

    Without `starttls`, TLS is required, except to a relay on this machine. Raises ValueError, as a sentence,
    for what could leak the password or could never send.
    """

    host: str
    port: int
    sender: str
    own_host: str
    starttls: StartTls | None = None
    username: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.sender):
            raise ValueError(f"The sender {self.sender!r} is no e-mail address such as tocsin@example.com.")
        if not _HOST.fullmatch(self.own_host):
            raise ValueError(f"The own host {self.own_host!r} is no host name such as tocsin.example.com.")
        if self.username and self.encryption is StartTls.OFFERED:
            raise ValueError("A relay with a user name needs TLS 'required': an offer can be suppressed.")

    @property
    def encryption(self) -> StartTls:
        """What holds: `starttls`, or else what fits the host."""
        if self.starttls is not None:
            return self.starttls
        return StartTls.NEVER if _is_loopback(self.host) else StartTls.REQUIRED


@dataclass(slots=True)
class _Progress:
    """How far one attempt got."""

    text_out: bool = False
    """The text may have begun to go out."""
    in_step: bool = False
    """The relay's last answer was whole, so that it can be told goodbye."""


class EmailChannel:
    """Sends each message on a connection of its own.

    What the relay says of the message is taken at its word: 4xx is tried again, 5xx fails for good. Trouble
    with the relay itself (greeting, TLS, login) is tried again, since the operator can mend it. A connection
    that is lost after the text began to go out leaves the message unknown.
    """

    name = "email"
    at_once = limits.CHANNEL_MESSAGES

    def __init__(
        self,
        settings: EmailSettings,
        egress: Egress,
        clock: Callable[[], datetime],
        timeout_seconds: float = limits.CHANNEL_TIMEOUT_SECONDS,
    ) -> None:
        self._settings = settings
        self._egress = egress
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    async def send(self, message: Message) -> Receipt:
        if not _ADDRESS.fullmatch(message.address):
            return Receipt(Outcome.FAILED, "The address is no e-mail address such as ana@example.com.")
        text = render(message, self._settings, self._clock())
        client: aiosmtplib.SMTP | None = None
        progress = _Progress()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                client = await self._client()
                await client.connect()
                return await _deliver(client, self._settings.sender, message.address, text, progress)
        except EdgeError as error:
            return receipt_of(error)
        except aiosmtplib.SMTPResponseException as error:
            progress.in_step = error.code > 0
            return _refusal(self._settings.host, error, progress)
        except (aiosmtplib.SMTPException, OSError) as error:  # TimeoutError and TLS errors are OSErrors
            return _breakdown(self._settings.host, error, progress)
        finally:
            if client is not None:
                await _hang_up(client, progress)

    async def _client(self) -> aiosmtplib.SMTP:
        settings, encryption = self._settings, self._settings.encryption
        relay = await self._egress.dial_operators_relay(settings.host, settings.port, self._timeout_seconds)
        return aiosmtplib.SMTP(
            hostname=settings.host,  # the name that the certificate must bear
            sock=relay,
            local_hostname=_greeting(settings.own_host),
            start_tls={StartTls.NEVER: False, StartTls.OFFERED: None, StartTls.REQUIRED: True}[encryption],
            tls_context=None if encryption is StartTls.NEVER else self._egress.relay_tls,
            username=settings.username or None,
            password=settings.password or None,
            timeout=self._timeout_seconds,
        )


def render(message: Message, settings: EmailSettings, now: datetime) -> bytes:
    """The whole mail: headers, the text, and the text as HTML with the link as a button.

    The Message-ID comes from the message's key, so that mail programs can tell a repeat. Nothing in the
    message can add a header: whatever would end a line becomes a space.
    """
    mail = EmailMessage(_BODY)
    again = " (may be a repeat)" if message.repeat else ""
    mail["From"] = f"Tocsin <{settings.sender}>"
    mail["To"] = message.address
    mail["Subject"] = _LINE_ENDS.sub(" ", message.subject).strip() + again
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()}@{settings.own_host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"  # Exchange's absence notes heed only this
    mail["List-Id"] = f"Tocsin pages <pages.{settings.own_host}>"
    if message.urgent:
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    text = _UNFIT_IN_TEXT.sub("\ufffd", message.text)
    has_link = message.link in text
    mail.set_content(text if has_link else f"{text.rstrip()}\n\nAcknowledge: {message.link}\n")
    mail.add_alternative(_html(text, message.link), subtype="html")
    return mail.as_bytes(policy=_HEADERS)


def _html(text: str, link: str) -> str:
    """Styles stand in the tags: mail programs drop style sheets."""
    lines = [line for line in text.splitlines() if not link or link not in line]  # the button says it
    words = html.escape("\n".join(lines).strip()).replace("\n", "<br>\n")
    button = (
        f'<p><a href="{html.escape(link)}" style="display:inline-block;padding:14px 28px;'
        "background:#b42318;color:#ffffff;font-size:18px;font-weight:bold;text-decoration:none;"
        'border-radius:6px">Acknowledge</a></p>\n'
    )
    return (
        '<!doctype html>\n<html><body style="font-family:sans-serif;font-size:16px">\n'
        f"<p>{words}</p>\n{button if link else ''}</body></html>\n"
    )


async def _deliver(
    client: aiosmtplib.SMTP, sender: str, address: str, text: bytes, progress: _Progress
) -> Receipt:
    await client.mail(sender)
    await client.rcpt(address)
    # From here on a lost connection means that the relay may have the text. (The library sends DATA and the
    # text in one call: a loss between the two counts as unknown too, which costs no more than a repeat.)
    progress.text_out = True
    reply = await client.data(text)
    progress.in_step = True
    return Receipt(Outcome.ACCEPTED, "The relay took the message.", _words(reply.message))


def _refusal(host: str, error: aiosmtplib.SMTPResponseException, progress: _Progress) -> Receipt:
    said = f"{error.code} {_words(error.message)}".strip()
    about_message = isinstance(
        error,
        aiosmtplib.SMTPSenderRefused | aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError,
    )
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        # Its words may quote the user name.
        return Receipt(Outcome.RETRYING, f"The relay {host} refused the login ({error.code}).")
    if about_message and 500 <= error.code < 600:
        return Receipt(Outcome.FAILED, f"The relay {host} refused the message: {said}")
    if progress.text_out and not 400 <= error.code < 500:
        return Receipt(Outcome.UNKNOWN, f"The relay {host} answered the text with: {said}")
    return Receipt(Outcome.RETRYING, f"The relay {host} refused for now: {said}")


def _breakdown(host: str, error: Exception, progress: _Progress) -> Receipt:
    if isinstance(error, aiosmtplib.SMTPException):
        reason = _words(error.message)
    elif isinstance(error, TimeoutError):
        reason = "it did not answer in time"
    else:
        # Only TLS errors have one; the module ssl itself is egress's business.
        reason = getattr(error, "verify_message", "") or "the connection failed"
    sentence = f"The relay {host} broke off: {reason.rstrip('.')}."
    if progress.text_out:
        return Receipt(Outcome.UNKNOWN, f"{sentence} The message may have arrived.")
    return Receipt(Outcome.RETRYING, sentence)


async def _hang_up(client: aiosmtplib.SMTP, progress: _Progress) -> None:
    """Says goodbye where the relay would understand it. The receipt is settled: nothing here changes it."""
    try:
        if progress.in_step and client.is_connected:
            async with asyncio.timeout(limits.SMTP_QUIT_TIMEOUT_SECONDS):
                await client.quit()
    except (aiosmtplib.SMTPException, OSError):
        pass
    finally:
        client.close()


def _words(reply: str) -> str:
    """A relay's reply as one short line."""
    return _LINE_ENDS.sub(" ", reply).strip()[: limits.REPLY_CHARACTERS]


def _greeting(host: str) -> str:
    """The name for EHLO; an address goes in brackets."""
    address = _address(host)
    if address is None:
        return host
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
