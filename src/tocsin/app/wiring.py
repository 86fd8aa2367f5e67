"""Which piece is handed to which room."""

from __future__ import annotations

import asyncio
import json
import platform
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from tocsin import limits
from tocsin.app.clock import clock, new_secret
from tocsin.app.health import Health
from tocsin.app.start import CannotStart
from tocsin.core.model import Message, Parsed, PersonId
from tocsin.edges.channels.email import EmailChannel, EmailSettings, StartTls
from tocsin.edges.channels.mailbox import MailboxChannel
from tocsin.edges.channels.webhook import WebhookChannel
from tocsin.edges.egress import Egress
from tocsin.edges.sources import native, pagerduty
from tocsin.engine.apply import Applied
from tocsin.engine.context import Context
from tocsin.engine.engine import Channel, Engine
from tocsin.engine.intake import Intake
from tocsin.engine.wheels import REST_MOST_SECONDS, SHARED_REST_MOST_SECONDS, Wheel
from tocsin.settings import Settings
from tocsin.store import mailbox
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Lane
from tocsin.web.auth import sign_in_link
from tocsin.web.services import Changes, Parse, Services
from tocsin.web.signing import Signer

TRIAGE_PAUSE_SECONDS = 0.02
"""So long a storm's alerts gather before triage takes them: it costs more by the turn than by the alert."""


@dataclass(frozen=True)
class Server:
    """Everything that was wired."""

    services: Services
    engine: Engine
    wheels: Mapping[str, Wheel]
    health: Health
    keep_days: int


def wire(settings: Settings, store: Store, secret: bytes) -> Server:
    """Build the server over an open store."""
    signer = Signer(secret)
    channels = _channels(settings, store)
    context = Context(
        node=settings.node or _node_name(store),
        channels=frozenset(channels),
        link=partial(_acknowledge_link, settings.public_url, signer),
        sign_in_link=partial(_sign_in_link, settings.public_url),
    )
    changes = Changes()
    wheels: dict[str, Wheel] = {}
    rest_most = REST_MOST_SECONDS if store.sqlite else SHARED_REST_MOST_SECONDS

    def changed(applied: Applied) -> None:
        changes.tell(applied)
        if applied.rings:
            wheels["send"].wake()
        # What is due later the wheel finds by itself: it never rests longer than that.
        if applied.due_at is not None and applied.due_at <= clock() + timedelta(seconds=rest_most):
            wheels["wake"].wake()

    engine = Engine(store, context, channels, clock, changed, answered=lambda: wheels["send"].wake())
    health = Health(store, context, settings)
    for name, turn, rest in (
        ("triage", partial(_triage, engine), _idle),
        ("wake", engine.wake_once, partial(_until, engine.next_wake_at)),
        ("send", engine.send_once, partial(_until, engine.next_send_at)),
    ):
        wheels[name] = Wheel(name, partial(_by_a_good_clock, health, turn), rest, rest_most)
    # Nothing wakes it and its turns say nothing of what they found, so that it rests after each of them.
    count = partial(_by_a_good_clock, health, partial(_once, engine.count_once))
    wheels["count"] = Wheel("count", count, _idle, limits.FAILING_SECONDS)
    services = Services(
        store=store,
        engine=engine,
        intake=Intake(store, wheels["triage"].wake, context.watched),
        context=context,
        clock=clock,
        signer=signer,
        changes=changes,
        new_secret=new_secret,
        parsers=_parsers(),
        ready=health.troubles,
        public_url=settings.public_url,
        demo=settings.demo,
    )
    return Server(services, engine, wheels, health, settings.keep_days)


def _node_name(store: Store) -> str:
    """SQLite has one server ever, so what the last one was sending is known to be its own."""
    return "local" if store.sqlite else f"{platform.node()}-{secrets.token_hex(3)}"


def _channels(settings: Settings, store: Store) -> dict[str, Channel]:
    egress = Egress(allow=settings.egress_allow)
    channels: dict[str, Channel] = {"webhook": WebhookChannel(egress, clock)}
    if settings.smtp_host:
        channels["email"] = EmailChannel(_relay(settings), egress, clock)
    if settings.demo:

        async def keep(message: Message) -> None:
            await store.write(partial(mailbox.keep, message=message, now=clock()), Lane.HOUSEKEEPING)

        channels["mailbox"] = MailboxChannel(keep)
    return channels


def _relay(settings: Settings) -> EmailSettings:
    try:
        return EmailSettings(
            host=settings.smtp_host,
            port=settings.smtp_port,
            sender=settings.smtp_from,
            own_host=urlsplit(settings.public_url).hostname or "localhost",
            starttls=StartTls(settings.smtp_tls) if settings.smtp_tls else None,
            username=settings.smtp_user,
            password=settings.smtp_password,
        )
    except ValueError as wrong:
        raise CannotStart(f"E-mail is not set up right: {wrong}") from wrong


def _acknowledge_link(public_url: str, signer: Signer, bundle: str, person: PersonId, now: datetime) -> str:
    expires = now + timedelta(hours=limits.LINK_HOURS)
    return f"{public_url}/a/{signer.sign('acknowledge', (bundle, person), expires)}"


def _sign_in_link(public_url: str, tx: Transaction, person: PersonId, now: datetime) -> str:
    return sign_in_link(tx, person, now, secret=new_secret(), public_url=public_url)


def _parsers() -> dict[str, Parse]:
    """Every address that takes events, with what reads its format."""

    def new_key() -> str:
        return secrets.token_hex(16)

    def ours(body: bytes) -> Parsed:
        signals = native.parse(body)
        return Parsed("", signals, 202, json.dumps({"accepted": len(signals)}).encode())

    return {
        "/v2/enqueue": partial(pagerduty.parse, new_key=new_key),
        "/generic/2010-04-15/create_event.json": partial(pagerduty.parse_v1, new_key=new_key),
        "/api/v1/events": ours,
    }


async def _by_a_good_clock(health: Health, turn: Callable[[], Awaitable[int]]) -> int:
    """A node whose clock is off decides nothing and leases nothing: the others do."""
    return 0 if health.skewed else await turn()


async def _triage(engine: Engine) -> int:
    """One turn of triage, and a pause in which more may gather, unless more waits already."""
    found = await engine.triage_once()
    if 0 < found < limits.TRIAGE_ALERTS:
        await asyncio.sleep(TRIAGE_PAUSE_SECONDS)
    return found


async def _once(turn: Callable[[], Awaitable[int]]) -> int:
    """One turn, and a rest after it whatever it found."""
    await turn()
    return 0


async def _idle() -> float:
    return 3600.0


async def _until(next_at: Callable[[], Awaitable[datetime | None]]) -> float:
    at = await next_at()
    return 3600.0 if at is None else (at - clock()).total_seconds()
