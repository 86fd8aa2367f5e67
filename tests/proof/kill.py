"""`kill -9` under load: whatever was promised before is kept after, and nobody is paged twice unawares.

figures = prove(kills=100, database="", seed=7, progress=print)
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import Connection, func, select

from tests.proof.audit import Audit, Found, Outage, Record
from tests.proof.load import Load
from tests.support.receivers import Inbox, mail_server, webhook_server
from tests.support.server import Server, until
from tocsin.core.model import PersonId
from tocsin.store import access, directory
from tocsin.store.access import TokenKind
from tocsin.store.database import sqlite_url
from tocsin.store.migrate import migrate
from tocsin.store.schema import alerts, outbox, subjects
from tocsin.store.store import Store

READY_SECONDS_MAX = 10.0
LATE_SECONDS_MAX = 10.0
"""What a server promises after a start. `patience` multiplies both on a machine that is shared."""
QUIET_SECONDS_MAX = 45
INTEGRATIONS = [f"source-{number}" for number in range(24)]
SECRET = "a secret that all nodes of the proof know"

PLAN = """
plan: The plan of the proof
levels:
  P1:
    acknowledge_within: 2s
    acknowledgement_lasts: 1h
    repeat_every: 1h
    ladder:
      - {after: 0s, page: "on call: primary"}
      - {after: 1s, page: ben}
      - {after: 2s, page: chloe, until: resolved}
  P2: {repeat_every: 1h, ladder: [{after: 0s, page: ben}]}
classify:
  - {severity: critical, level: P1}
  - {severity: error, level: P2}
rotas:
  primary: {people: [ana], shift: 1w, starts: "2026-01-05 09:00"}
catch_all: [chloe]
notify:
  - {after: 0s, by: [email]}
  - {after: 1s, by: [webhook]}
"""
PEOPLE = """
ana: {{name: Ana, channels: {{email: ana@example.com, webhook: {{to: "{hooks}/ana", secret: {secret}}}}}}}
ben: {{name: Ben, channels: {{webhook: {{to: "{hooks}/ben", secret: {secret}}}}}}}
chloe: {{name: Chloe, channels: {{email: chloe@example.com}}}}
"""
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Figures:
    """What a run did and what came of it."""

    seed: int
    kills: int
    accepted: int
    unanswered: int
    incidents: int
    messages: int
    repeats: int
    ready_seconds_max: float
    late_seconds_p99: float
    late_seconds_max: float

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.accepted} events accepted ({self.unanswered} requests unanswered),"
            f" {self.incidents} incidents, {self.messages} messages ({self.repeats} repeats, all marked),"
            f" ready within {self.ready_seconds_max:.1f} s,"
            f" late p99 {self.late_seconds_p99:.2f} s, at most {self.late_seconds_max:.2f} s"
        )


@dataclass
class Ground:
    """A database with plan, people, keys and receivers, on which servers are started and ended under load."""

    folder: Path
    database: str
    seed: int
    inbox: Inbox
    settings: Mapping[str, str]
    keys: Mapping[str, str]
    token: str
    patience: float = 1.0
    outages: list[Outage] = field(default_factory=list)
    faults: list[Outage] = field(default_factory=list)
    ready_seconds: list[float] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def server(self, name: str = "one", **settings: str) -> Server:
        """A node, not started. Its name stays the same over its lives."""
        node = {"node": name} if self.database else {}
        return Server(self.folder / name, {**self.settings, **node, **settings})

    def load(self, server: Server) -> Load:
        """Sources that send to this node, and a responder who acknowledges there."""
        return Load(server.port, self.keys, self.seed, lambda: self._acknowledge(server))

    def start(self, server: Server) -> None:
        """Start it; it is ready in time."""
        self.ready_seconds.append(server.start(READY_SECONDS_MAX * self.patience))

    @contextmanager
    def outage(self, *, fault: bool) -> Iterator[None]:
        """The block ends a server or a database and brings it back to where it is starting."""
        since = datetime.now(UTC)
        yield
        outage = Outage(since, datetime.now(UTC))
        self.outages.append(outage)
        if fault:
            self.faults.append(outage)

    def kill(self, server: Server) -> None:
        """`kill -9`, a moment of nothing, a new start; now and then killed again while it is starting."""
        with self.outage(fault=True):
            server.kill()
            time.sleep(self.random.choice((0, 0, 0.3)))
            server.launch()
        if self.random.random() < 0.2:
            time.sleep(self.random.uniform(0, 1))
            return self.kill(server)
        self.ready_seconds.append(server.wait_ready(READY_SECONDS_MAX * self.patience))

    def finish(self, load: Load, *, exact: bool = True, late_seconds_max: float = LATE_SECONDS_MAX) -> Found:
        """End the load, wait until nothing is left to do, and hold the server to its promises."""
        load.end()
        store = Store(self.database or sqlite_url(self.folder / "one" / "data" / "tocsin.db"))
        try:
            until(lambda: store.read_now(_quiet), QUIET_SECONDS_MAX)
            record = Record(
                told=load.told(),
                acknowledged=self.acknowledged,
                received=self.inbox.messages,
                outages=self.outages,
                faults=self.faults,
                exact=exact,
            )
            found = store.read_now(lambda tx: Audit(tx, record).run())
        finally:
            store.close()
        late = found.late_seconds[-1]
        assert late <= late_seconds_max * self.patience, f"{late:.1f} s late"
        return found

    def figures(self, load: Load, found: Found, *, answers: tuple[str, ...] = ("202", "none")) -> Figures:
        """The run in numbers; no source may have heard another answer than these ("none": it was cut off)."""
        heard, told = load.answers(), load.told()
        assert heard.keys() <= set(answers), f"the sources heard {heard}"
        return Figures(
            seed=self.seed,
            kills=len(self.faults),
            accepted=sum(one.accepted for one in told.values()),
            unanswered=heard["none"],
            incidents=found.incidents,
            messages=found.messages,
            repeats=found.repeats,
            ready_seconds_max=max(self.ready_seconds),
            late_seconds_p99=found.late_seconds[int(len(found.late_seconds) * 0.99)],
            late_seconds_max=found.late_seconds[-1],
        )

    def _acknowledge(self, server: Server) -> None:
        try:
            listed = server.get("/api/v1/incidents", self.token)
            if listed.status_code != 200:
                return
            waiting = [one["id"] for one in listed.json() if one["status"] == "triggered"]
            if len(waiting) > 3:
                id = self.random.choice(waiting)
                if server.post(f"/api/v1/incidents/{id}/acknowledge", None, self.token).status_code == 200:
                    self.acknowledged.append(id)
        except httpx.TransportError:
            pass  # it is down just now


def _quiet(tx: Connection) -> bool:
    """Nothing waits for triage, no promise falls due for a while, and nothing is on its way.

    In this order, the way that work takes: nodes go on working between one look and the next.
    """
    soon = datetime.now(UTC) + timedelta(minutes=10)
    waiting = (
        select(func.count()).select_from(alerts).where(alerts.c.dirty == 1),
        select(func.count()).select_from(subjects).where(subjects.c.due_at < soon),
        select(func.count()).select_from(outbox).where(outbox.c.state.in_(("waiting", "leased"))),
    )
    return not any(tx.scalar(one) for one in waiting)


@contextmanager
def ground(database: str, seed: int, patience: float = 1.0) -> Iterator[Ground]:
    """A fresh ground; `database` is the address of an empty PostgreSQL database, or "" for SQLite."""
    inbox = Inbox(delay_seconds=0.1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-proof-")))
        mail, hooks = stack.enter_context(mail_server(inbox)), stack.enter_context(webhook_server(inbox))
        (folder / "plan").mkdir()
        (folder / "plan" / "plan.yaml").write_text(PLAN)
        (folder / "people.yaml").write_text(PEOPLE.format(hooks=hooks, secret=WEBHOOK_SECRET))
        settings = {
            "plan": str(folder / "plan"),
            "people": str(folder / "people.yaml"),
            "smtp_host": "127.0.0.1",
            "smtp_port": str(mail),
            "smtp_from": "tocsin@example.com",
            "egress_allow": "127.0.0.0/8",
        }
        if database:
            settings |= {"database": database, "secret": SECRET}
        keys = {name: f"routing-key-of-the-proof-{name}" for name in INTEGRATIONS}
        token = "tocsin_token-of-the-proof"
        _prepare(database or _new_sqlite(folder), keys, token)
        yield Ground(folder, database, seed, inbox, settings, keys, token, patience)


def _new_sqlite(folder: Path) -> str:
    (folder / "one" / "data").mkdir(parents=True)
    return sqlite_url(folder / "one" / "data" / "tocsin.db")


def _prepare(url: str, keys: Mapping[str, str], token: str) -> None:
    store = Store(url)
    now = datetime.now(UTC)

    def fill(tx: Connection) -> None:
        for name, key in keys.items():
            directory.add_key(tx, name, key, now)
        year = now + timedelta(days=365)
        access.add(tx, token, TokenKind.API, PersonId("ana"), "proof", now, year)

    try:
        migrate(store.writing)
        store.write_now(fill)
    finally:
        store.close()


def prove(
    kills: int, database: str, seed: int, progress: Callable[[str], None], patience: float = 1.0
) -> Figures:
    """Kill one server that many times under load and check that every promise was kept.

    `database` as for `ground`. The same seed sends the same events and kills after the same pauses; what is
    under way at that moment is up to the machine.
    """
    with ground(database, seed, patience) as here, here.server() as server:
        here.start(server)
        load = here.load(server)
        load.start()
        while len(here.faults) < kills:
            time.sleep(here.random.uniform(0.2, 1.2))
            here.kill(server)
            progress(f"kill {len(here.faults)} of {kills}: ready again in {here.ready_seconds[-1]:.1f} s")
        time.sleep(0.5)
        found = here.finish(load)
    return here.figures(load, found)
