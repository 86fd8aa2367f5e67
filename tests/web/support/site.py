"""A whole server with pages on a fresh SQLite database: production store, engine and site, and a clock that
tests move.

    site.alert("prometheus", "checkout is down")
    browser = site.browser("ana")
    assert "checkout is down" in browser.get("/").text

Everything asynchronous runs on one loop in a thread of its own, as in a server; `serve` makes it one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import tempfile
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn

from tests.support.world import FakeChannel
from tocsin import limits
from tocsin.app.http import HttpServer
from tocsin.core.incident import Incident, commands
from tocsin.core.model import (
    Actor,
    ActorKind,
    AlertAction,
    AlertSeverity,
    Message,
    Outcome,
    PersonId,
    Receipt,
    Signal,
    SubjectId,
)
from tocsin.edges.sources import pagerduty
from tocsin.engine.apply import Applied
from tocsin.engine.context import Context
from tocsin.engine.engine import Channel, Engine
from tocsin.engine.intake import Intake
from tocsin.plan.people import read_people
from tocsin.plan.read import compile_files, version_of
from tocsin.store import directory, mailbox, plans, subjects
from tocsin.store.alerts import Received
from tocsin.store.database import sqlite_url
from tocsin.store.migrate import migrate
from tocsin.store.store import Store
from tocsin.store.transaction import Transaction
from tocsin.web.auth import sign_in_link, start_session
from tocsin.web.services import Changes, Services
from tocsin.web.signing import Signer
from tocsin.web.site import create_site, straight

T = TypeVar("T")
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # a Monday night; ana is primary, ben secondary
PLAN = (Path(__file__).parents[2] / "support/harbour/plan.yaml").read_text(encoding="utf-8")
PEOPLE = """
ana:
  name: Ana Costa
  email: ana@example.com
  zone: Europe/Lisbon
  channels: {mailbox: ana, email: ana@example.com}
ben: {name: Ben Okafor, email: ben@example.com, zone: Asia/Tokyo, channels: {mailbox: ben}}
chloe: {name: Chloe Martin, email: chloe@example.com, channels: {mailbox: chloe}}
dara: {name: Dara Nolan, email: dara@example.com, channels: {mailbox: dara}}
"""
HTML = {"accept": "text/html"}


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@cache
def _empty_database() -> bytes:
    """A database at today's schema: migrating once for all tests saves a third of their time."""
    with tempfile.TemporaryDirectory() as directory_path:
        path = Path(directory_path) / "tocsin.db"
        store = Store(sqlite_url(path))
        migrate(store.writing)
        store.close()
        return path.read_bytes()


class _Http(HttpServer):
    """The server's own, in a thread: only the main thread hears signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Mailbox:
    """The demo's channel: keeps what it is given where the mailbox page shows it."""

    at_once = limits.CHANNEL_MESSAGES

    def __init__(self, site: Site) -> None:
        self._site = site

    async def send(self, message: Message) -> Receipt:
        await self._site.store.write(lambda tx: mailbox.keep(tx, message, self._site.now))
        return Receipt(Outcome.ACCEPTED, "Kept in the local mailbox.")


class Site:
    """See the module's own words."""

    def __init__(
        self,
        directory_path: Path,
        *,
        demo: bool = True,
        public_url: str = "http://tocsin.example",
        plan: str = PLAN,
        people: str = PEOPLE,
    ) -> None:
        self.now = START
        self.running = False
        self.sent: list[tuple[datetime, str, Message]] = []
        self.signer = Signer(b"a secret for tests, not for servers")
        path = directory_path / "tocsin.db"
        path.write_bytes(_empty_database())
        self.store = Store(sqlite_url(path))
        files = {"plan.yaml": plan}
        compile_files(files)
        self.store.write_now(lambda tx: plans.keep(tx, version_of(files), files, self.now))
        self.store.write_now(lambda tx: directory.replace_people(tx, read_people(people)))
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._server: uvicorn.Server | None = None
        self._serving: Any = None
        self._wire(demo=demo, public_url=public_url)

    def _wire(self, *, demo: bool, public_url: str) -> None:
        self.email = FakeChannel("email", self.sent, self.clock)
        channels: dict[str, Channel] = {"mailbox": Mailbox(self), "email": self.email}
        context = Context(
            node="node-1",
            channels=frozenset(channels),
            link=self._link,
            sign_in_link=lambda tx, person, _now: self._sign_in_link(tx, person),
        )
        self.engine = Engine(self.store, context, channels, self.clock, self._changed)
        numbers = itertools.count(1)
        self.services = Services(
            store=self.store,
            engine=self.engine,
            intake=Intake(self.store, lambda: None),
            context=context,
            clock=self.clock,
            signer=self.signer,
            changes=Changes(),
            new_secret=lambda: f"secret-{next(numbers)}",
            parsers={"/v2/enqueue": partial(pagerduty.parse, new_key=lambda: "new key")},
            ready=self._ready,
            public_url=public_url,
            demo=demo,
        )
        self.app = create_site(self.services)

    def clock(self) -> datetime:
        """The time that everything goes by."""
        return self.now

    async def _ready(self) -> Mapping[str, str]:
        return {}

    def _link(self, bundle: str, person: PersonId, now: datetime) -> str:
        token = self.signer.sign("acknowledge", (bundle, person), now + timedelta(hours=24))
        return f"{self.services.public_url}/a/{token}"

    def _sign_in_link(self, tx: Transaction, person: PersonId) -> str:
        secret = self.services.new_secret()
        return sign_in_link(tx, person, self.now, secret=secret, public_url=self.services.public_url)

    def _changed(self, applied: Applied) -> None:
        self.services.changes.tell(applied)

    def run(self, awaited: Coroutine[Any, Any, T]) -> T:
        """Run on the server's loop, to the end."""
        return asyncio.run_coroutine_threadsafe(awaited, self.loop).result(30)

    def alert(
        self,
        integration: str,
        summary: str,
        *,
        severity: str = "critical",
        action: str = "trigger",
        key: str = "",
        send: bool = True,
        **more: Any,
    ) -> None:
        """A signal comes in, and everything that follows at once happens; without `send`, nothing is sent."""
        kind, level = AlertAction(action), AlertSeverity(severity)
        signal = Signal(kind, key or summary, summary, level, **({"source": integration} | more))
        self.run(self.services.intake.accept([Received(integration, signal, self.now)]))
        if send:
            self.settle()
        else:
            self.run(self.engine.triage_once())

    def ask(self, person: str, command: commands.IncidentCommand, incident: str = "") -> None:
        """A person asks something of an incident (the only one, unless named)."""
        id = SubjectId(incident or self.incident().id)
        self.run(self.engine.ask(id, commands.Asked(Actor(ActorKind.PERSON, person), command)))
        self.settle()

    def settle(self) -> None:
        """Turn all wheels until nothing is left to do at this instant."""

        async def turn() -> None:
            while (
                await self.engine.triage_once()
                + await self.engine.wake_once()
                + await self.engine.count_once()
                + await self.engine.send_once()
            ):
                await self.engine.sent()

        self.run(turn())

    def advance(self, **length: float) -> None:
        """Let time pass, stopping wherever something is due."""
        end = self.now + timedelta(**length)
        while (at := self.run(self.engine.next_at())) is not None and at <= end:
            self.now = max(self.now, at)
            self.settle()
        self.now = end

    def incidents(self) -> list[Incident]:
        """Every incident, the newest first."""
        listed = self.store.read_now(lambda tx: subjects.listing(tx, open_only=False, limit=1_000))
        return [one.state for one in listed]

    def incident(self) -> Incident:
        """The only incident."""
        (only,) = self.incidents()
        return only

    def links(self, person: str) -> list[str]:
        """The paths of the links that this person was sent by e-mail or mailbox, the oldest first."""
        found = self.store.read_now(lambda tx: mailbox.newest(tx, 100))
        name = self.store.read_now(directory.contacts)[PersonId(person)].name
        base = self.services.public_url
        return [row.link.removeprefix(base) for row in reversed(found) if row.person == name]

    def sign_in_path(self, person: str) -> str:
        """The path of a fresh one-time link."""
        link = self.store.write_now(lambda tx: self._sign_in_link(tx, PersonId(person)))
        return link.removeprefix(self.services.public_url)

    def cookie(self, person: str) -> tuple[str, str]:
        """Name and value of the cookie of a fresh session."""
        contact = self.store.read_now(directory.contacts)[PersonId(person)]
        cookie = self.run(start_session(self.services, contact))
        assert cookie.value is not None
        return cookie.key, cookie.value

    def browser(self, person: str = "", *, address: str = "127.0.0.1") -> Browser:
        """A browser without JavaScript, signed in where a person is named."""
        return Browser(self, dict([self.cookie(person)]) if person else {}, address)

    def dump(self) -> dict[str, list[str]]:
        """The whole database as text, to see whether anything changed."""

        def read(tx: Any) -> dict[str, list[str]]:
            names = tx.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
            return {
                name: sorted(json.dumps(list(row)) for row in tx.exec_driver_sql(f'SELECT * FROM "{name}"'))  # noqa: S608  # our own tables
                for name in names.all()
            }

        return self.store.read_now(read)

    def serve(self, port: int) -> None:
        """Answer real browsers on this port of 127.0.0.1, until `close`."""
        config = uvicorn.Config(
            straight(self.app),
            port=port,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        ended = self.services.context.meters.ended
        self._server = _Http(
            config, lambda: None, self.services.changes.close, lambda why: ended.labels(why).inc()
        )
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(), self.loop)
        while not self._server.started:
            self.run(asyncio.sleep(0.01))

    def stop_serving(self) -> None:
        """End the server as the real one does: streams first."""
        if self._server is not None:
            self._server.should_exit = True
            self._serving.result(10)
            self._server = None

    def close(self) -> None:
        """End everything."""
        self.stop_serving()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        self.store.close()


class Browser:
    """A browser without JavaScript: keeps cookies, wants HTML, says which page a request comes from."""

    def __init__(self, site: Site, cookies: dict[str, str], address: str) -> None:
        self._site = site
        transport = httpx.ASGITransport(app=straight(site.app), client=(address, 50_000))  # type: ignore[arg-type]  # two spellings of ASGI
        self._client = httpx.AsyncClient(transport=transport, base_url=site.services.public_url, headers=HTML)
        for name, value in cookies.items():
            self._client.cookies.set(name, value, domain=self._client.base_url.host)

    @property
    def cookies(self) -> dict[str, str]:
        """Names and values."""
        return dict(self._client.cookies)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Follow a link."""
        return self._site.run(self._client.get(path, headers=_spelled(headers)))

    def post(self, path: str, form: Mapping[str, str] | None = None, **headers: str) -> httpx.Response:
        """Press a button of a page of ours, unless the headers say otherwise."""
        sent = {"sec-fetch-site": "same-origin"} | _spelled(headers)
        return self._site.run(self._client.post(path, data=form or {}, headers=sent))

    def send(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """Send JSON, or nothing, as a script of our own page would."""
        sent = {"sec-fetch-site": "same-origin"} | _spelled(headers)
        return self._site.run(self._client.post(path, json=body, headers=sent))

    def ask(self, method: str, path: str, **headers: str) -> httpx.Response:
        """Any request. A stream of changes ends by itself, as when the server stops."""
        self._site.loop.call_later(0.1, self._site.services.changes.close)
        return self._site.run(self._client.request(method, path, headers=_spelled(headers)))


def _spelled(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
