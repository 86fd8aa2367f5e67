"""Several people at once, by every door, on real servers: one of them is first, and the others hear why not.

On SQLite that is one server. On PostgreSQL two nodes share a database, and half of everybody asks each. What
is left afterwards is read from the database alone.
"""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Connection, select

from tests.support.postgres import Cluster
from tests.support.server import Server, until
from tocsin.core.incident import Incident, Status, events
from tocsin.core.incident.state.fold import fold_all
from tocsin.core.model import PersonId
from tocsin.store import access, mailbox, overrides, subjects
from tocsin.store.access import TokenKind
from tocsin.store.schema import deliveries, outbox
from tocsin.store.schema import subjects as subjects_table
from tocsin.web.auth import cookie_name

PEOPLE = ("ana", "ben", "chloe", "dara", "eve")
PLAN = """
plan: Races
zone: Europe/London
levels:
  P1: {repeat_every: 1h, ladder: &ladder [
    {after: 0m, page: ana}, {after: 10m, page: ben}, {after: 20m, page: chloe}, {after: 30m, page: dara}]}
  P2: {repeat_every: 1h, ladder: [{after: 0m, page: ana}, {after: 10m, page: ben}]}
  P3: {urgent: false}
roles: {Commander: {}, Scribe: {}}
rotas: {primary: {people: [ana], starts: 2026-01-05 09:00}}
services: {checkout: Checkout, catalogue: Catalogue, search: Search}
catch_all: [eve]
notify: [{after: 0m, by: [mailbox]}]
""".replace("&ladder ", "")
DIRECTORY = "\n".join(f"{one}: {{name: {one.title()} Q, channels: {{mailbox: {one}}}}}" for one in PEOPLE)
SERVICES = ("checkout", "catalogue", "search")
SAME_ORIGIN = {"sec-fetch-site": "same-origin", "accept": "text/html"}
NOTED: dict[str, tuple[type, ...]] = {
    "acknowledge": (events.Acknowledged,),
    "resolve": (events.Resolved,),
    "reopen": (events.Reopened,),
    "close": (events.Closed,),
    "level": (events.LevelRaised, events.LevelLowered),
    "escalate": (events.Escalated,),
    "assign": (events.RoleAssigned,),
    "merge": (events.MergedInto,),
}
"""What a deed that was done leaves in the history: one of these, once."""
NOT_TWICE: dict[type, tuple[type, ...]] = {
    events.Acknowledged: (events.RoundStarted,),
    events.Resolved: (events.Reopened,),
    events.Closed: (events.Reopened,),
    events.Reopened: (events.Resolved, events.Closed),
    events.MergedInto: (),
}
"""What does not happen again before one of these."""


ON_CALL_ANYWAY = "Ben Q is on call in primary all that time anyway. Name somebody else, or another time."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered; `said` is the reason where it did not do what it was asked."""

    deed: str
    incident: str
    status: int
    said: str

    @property
    def done(self) -> bool:
        return self.status in (200, 303) and not self.said


Ask = Callable[[], Answer]


@dataclass
class Nodes:
    """The servers of one database, and the doors of everybody."""

    servers: Sequence[Server]
    chance: random.Random = field(default_factory=lambda: random.Random(5))

    def __post_init__(self) -> None:
        self.tokens = {one: self.servers[0].new_token(one) for one in PEOPLE}
        self.cookies = {one: self._session(one) for one in PEOPLE}

    def _session(self, person: str) -> str:
        secret, now = f"tocsin_{random.randbytes(24).hex()}", datetime.now(UTC)
        ends = now + timedelta(hours=1)
        with self.servers[0].store() as store:
            store.write_now(
                lambda tx: access.add(tx, secret, TokenKind.SESSION, PersonId(person), "tests", now, ends)
            )
        return secret

    def _any(self) -> Server:
        return self.chance.choice(self.servers)

    def api(self, person: str, incident: str, deed: str, body: Any = None) -> Ask:
        """Ask by the API."""
        server = self._any()

        def ask() -> Answer:
            answer = server.post(f"/api/v1/incidents/{incident}/{deed}", body, self.tokens[person])
            return Answer(deed, incident, answer.status_code, answer.json().get("detail", ""))

        return ask

    def stand_in(self, by: str, person: str, ends: datetime) -> Ask:
        """Let somebody stand in from now on, by the API."""
        server = self._any()
        body = {"rota": "primary", "person": person, "from": datetime.now(UTC).isoformat()}

        def ask() -> Answer:
            asked = body | {"to": ends.isoformat()}
            answer = server.post("/api/v1/overrides", asked, self.tokens[by])
            return Answer("stand in", "", answer.status_code, answer.json().get("detail", ""))

        return ask

    def page(self, person: str, incident: str, deed: str, form: dict[str, str] | None = None) -> Ask:
        """Press a button of the incident's page."""
        server = self._any()
        cookie = f"{cookie_name(server.url)}={self.cookies[person]}"

        def ask() -> Answer:
            headers = SAME_ORIGIN | {"cookie": cookie}
            path = f"/incidents/{incident}/{deed}"
            answer = server.post(path, data=form or {"nothing": ""}, headers=headers)
            said = re.findall(r'<p class="notice" data-once>(.*?)</p>', answer.text)
            return Answer(deed, incident, answer.status_code, unescape(" ".join(said)))

        return ask

    def link(self, path: str, incident: str) -> Ask:
        """Press the button behind the link of a page."""
        server = self._any()

        def ask() -> Answer:
            answer = server.post(path, headers=SAME_ORIGIN)
            (said,) = re.findall(r'<p class="answer[^"]*">(.*?)</p>', answer.text)
            refused = 'class="answer refused"' in answer.text
            return Answer("acknowledge", incident, answer.status_code, unescape(said) if refused else "")

        return ask

    def declare(self, service: str, level: str = "P1") -> str:
        """A new incident, declared by eve; its id, once ana has been sent its page."""
        asked = {"title": f"{service} is down", "service": service, "level": level}
        made = self.servers[0].post("/api/v1/incidents", asked, self.tokens["eve"])
        assert made.status_code == 200, made.text
        return str(made.json()["id"])

    def link_of(self, incident: str) -> str:
        """The path of the link that ana was sent."""
        found: list[str] = []

        def sent() -> bool:
            with self.servers[0].store() as store:
                rows = store.read_now(lambda tx: mailbox.newest(tx, 20))
            found[:] = [
                one.link for one in rows if one.person == "Ana Q" and incident in one.text + one.subject
            ]
            return bool(found)

        until(sent)
        return re.sub(r"^https?://[^/]+", "", found[0])

    def end(self) -> None:
        """Nothing is open any more."""
        for one in self.servers[0].get("/api/v1/incidents", self.tokens["eve"]).json():
            self.api("eve", one["id"], "resolve", {"reason": "the race is over"})()

    def history(self, incident: str) -> list[Any]:
        """The events alone."""
        with self.servers[0].store() as store:
            return [one.event for one in store.read_now(lambda tx: subjects.history_of(tx, incident))]

    def state(self, incident: str) -> Incident:
        """As it is stored."""
        with self.servers[0].store() as store:
            stored = store.read_now(lambda tx: subjects.load_incident(tx, incident))
        assert stored is not None
        return stored.state


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Servers for all races: starting them takes longer than a race."""
    folder = tmp_path_factory.mktemp("races")
    (folder / "plan").mkdir()
    (folder / "plan/plan.yaml").write_text(PLAN)
    (folder / "people.yaml").write_text(DIRECTORY)
    settings = {"plan": str(folder / "plan"), "people": str(folder / "people.yaml"), "secret": "s" * 40}
    with ExitStack() as stack:
        names = ["one"]
        if request.param == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgres")
            settings["database"] = stack.enter_context(cluster.database())
            names.append("two")
        servers = [
            stack.enter_context(Server(folder / name, settings | {"node": name}, demo=True)) for name in names
        ]
        for server in servers:
            server.start()
        yield Nodes(servers)


@pytest.fixture
def nodes(shared: Nodes) -> Iterator[Nodes]:
    """Nothing is open before a race; after it everything is as it must be."""
    shared.end()
    yield shared
    with shared.servers[0].store() as store:
        until(lambda: store.read_now(_all_is_sent))
        assert store.read_now(lambda tx: list(_problems(tx))) == []
    for server in shared.servers:
        assert server.ready(), (
            server._process and server._process.poll(),
            server.get("/readyz").text,
            server.said(),
        )
        assert [one for one in server.log_lines() if one["level"] in ("error", "critical")] == []


def _all_is_sent(tx: Connection) -> bool:
    states = tx.scalars(select(outbox.c.state)).all()
    outcomes = tx.scalars(select(deliveries.c.outcome)).all()
    return {*states} <= {"sent", "withdrawn"} and "sending" not in outcomes


def _problems(tx: Connection) -> Iterator[str]:
    """What is wrong in the database: with any incident, and with what was sent."""
    rings: list[str] = []
    for id in tx.scalars(select(subjects_table.c.id)).all():
        stored, history = subjects.load_incident(tx, id), subjects.history_of(tx, id)
        assert stored is not None
        if fold_all(history) != stored.state or len(history) != stored.version:
            yield f"{id}: the snapshot is not what its events fold to"
        happened = [one.event for one in history]
        yield from (f"{id}: {words}" for words in _twice(happened))
        rings += [one.key for one in happened if isinstance(one, events.RingSent)]
    if sorted(rings) != sorted(tx.scalars(select(outbox.c.key)).all()):
        yield "rings that were decided and rings in the outbox differ"
    sent = Counter(one.key for one in mailbox.newest(tx, 1_000))
    yield from (f"{key} came {times} times" for key, times in sent.items() if times > 1)
    if {*sent} != {*tx.scalars(select(deliveries.c.bundle)).all()}:
        yield "messages that were sent and messages that came differ"


def _twice(happened: Sequence[Any]) -> Iterator[str]:
    """What happened again though nothing had come between, and who was paged twice in one round."""
    fresh: set[type] = set()
    paged: list[str] = []
    for event in happened:
        kind = type(event)
        if kind in fresh:
            yield f"{kind.__name__} twice"
        fresh = {one for one in fresh if kind not in NOT_TWICE[one]} | ({kind} & NOT_TWICE.keys())
        if kind is events.RoundStarted:
            paged = []
        if kind is events.PageStarted:
            if event.person in paged:
                yield f"{event.person} was paged twice in one round: {event.reason}"
            paged.append(event.person)


def race(nodes: Nodes, asks: Sequence[Ask]) -> list[Answer]:
    """All of them at once. Each is answered, and whatever is not done has a sentence that says why."""
    order = nodes.chance.sample(list(asks), len(asks))
    barrier = threading.Barrier(len(order))

    def run(ask: Ask) -> Answer:
        barrier.wait(10)
        return ask()

    with ThreadPoolExecutor(len(order)) as pool:
        answers = list(pool.map(run, order))
    for one in answers:
        assert one.status in (200, 303, 400, 404, 409), one
        assert one.done or re.fullmatch(r"[A-Z].*\.", one.said), one
    return answers


def as_many(nodes: Nodes, answers: Sequence[Answer]) -> None:
    """Whatever was said to be done is in the history, once."""
    for deed, incident in {(one.deed, one.incident) for one in answers}:
        done = sum(one.done for one in answers if (one.deed, one.incident) == (deed, incident))
        noted = [one for one in nodes.history(incident) if isinstance(one, NOTED[deed])]
        assert len(noted) == done, (deed, incident, noted)


def test_one_acknowledgement_counts_by_whatever_door_it_comes(nodes: Nodes) -> None:
    for service in SERVICES:
        id = nodes.declare(service)
        link = nodes.link_of(id)
        answers = race(
            nodes,
            [
                *(nodes.link(link, id) for _ in range(3)),
                *(nodes.api(person, id, "acknowledge") for person in ("ana", "ana", "ben", "chloe")),
                *(nodes.page(person, id, "acknowledge") for person in ("ana", "ana", "ben", "dara")),
            ],
        )
        as_many(nodes, answers)
        assert [one.done for one in answers].count(True) == 1
        (by,) = [one.by for one in nodes.history(id) if isinstance(one, events.Acknowledged)]
        first = f"{by.id.title()} Q"
        for one in answers:
            assert one.done or re.fullmatch(
                f"({id}|This) was already acknowledged by {first}( at ..:..)?\\.", one.said
            )
        assert nodes.state(id).status is Status.ACKNOWLEDGED


def test_a_course_is_one_course_whoever_is_first(nodes: Nodes) -> None:
    because = {"reason": "they raced"}
    for service in SERVICES:
        id = nodes.declare(service)
        answers = race(
            nodes,
            [
                nodes.api("ana", id, "acknowledge"),
                nodes.page("ben", id, "acknowledge"),
                nodes.api("ben", id, "resolve", because),
                nodes.api("chloe", id, "resolve", because),
                nodes.page("dara", id, "resolve", because),
                nodes.api("ana", id, "reopen", because),
                nodes.page("ben", id, "reopen", because),
                nodes.api("eve", id, "close", because),
                nodes.page("chloe", id, "close", because),
            ],
        )
        as_many(nodes, answers)
        again = race(nodes, [nodes.api(one, id, "reopen", because) for one in PEOPLE])
        as_many(nodes, [*answers, *again])
        assert not nodes.state(id).status.over
        # Whoever is paged anew is asked once.
        assert Counter(one.person for one in nodes.state(id).pages) <= Counter(PEOPLE)


def test_levels_roles_and_steps_are_given_once(nodes: Nodes) -> None:
    for service in SERVICES:
        id = nodes.declare(service, "P2")
        answers = race(
            nodes,
            [
                *(nodes.api(one, id, "level", {"level": "P1", "reason": "worse"}) for one in ("ana", "ben")),
                nodes.page("chloe", id, "level", {"level": "P1", "reason": "worse"}),
                nodes.api("dara", id, "level", {"level": "P3", "reason": "nothing"}),
                *(nodes.api(one, id, "assign", {"role": "Commander", "person": "ana"}) for one in PEOPLE[:3]),
                nodes.page("ben", id, "assign", {"role": "Commander", "person": "ana"}),
                nodes.api("dara", id, "assign", {"role": "Commander", "person": "ben"}),
                *(nodes.api(one, id, "escalate", {"reason": "now"}) for one in PEOPLE),
            ],
        )
        as_many(nodes, answers)
        history = nodes.history(id)
        roles = [one.person for one in history if isinstance(one, events.RoleAssigned)]
        levels = [one.level for one in history if isinstance(one, events.LevelRaised | events.LevelLowered)]
        for given in (roles, ["P2", *levels]):
            assert all(one != other for one, other in pairwise(given)), given
        assert nodes.state(id).roles == {"Commander": roles[-1]}
        assert nodes.state(id).level == levels[-1]


def test_incidents_that_are_merged_into_each_other_leave_one(nodes: Nodes) -> None:
    for _ in range(3):
        ids = [nodes.declare(service) for service in SERVICES]
        pairs = [(one, other) for one in ids for other in ids if one != other]
        asks = [nodes.api("ana", one, "merge", {"into": other}) for one, other in pairs]
        asks += [nodes.page("ben", one, "merge", {"into": other}) for one, other in pairs]
        answers = race(nodes, asks)
        as_many(nodes, answers)
        states = {id: nodes.state(id) for id in ids}
        gone = {id: one.merged_into for id, one in states.items() if one.merged_into is not None}
        (left,) = [id for id, one in states.items() if not one.status.over]
        assert {*gone} == {*ids} - {left}
        absorbed = [
            (one.incident, id) for id in ids for one in nodes.history(id) if isinstance(one, events.Absorbed)
        ]
        assert sorted(absorbed) == sorted(gone.items())
        assert {id: [one.person for one in state.pages] for id, state in states.items()} == {
            id: ["ana"] if id == left else [] for id in ids
        }
        nodes.end()


def test_a_stand_in_is_arranged_once_whichever_nodes_are_asked(nodes: Nodes) -> None:
    ends = datetime.now(UTC)
    for _ in range(3):
        ends += timedelta(hours=1)
        asks = [nodes.stand_in(person, "ben", ends) for person in (*PEOPLE, *PEOPLE)]
        answers = race(nodes, asks)
        assert sum(one.done for one in answers) == 1
        assert {one.said for one in answers if not one.done} == {ON_CALL_ANYWAY}
        with nodes.servers[0].store() as store:
            (made,) = store.read_now(lambda tx: overrides.standing(tx, datetime.now(UTC)))
            store.write_now(partial(overrides.remove, id=made.id, by="eve", now=datetime.now(UTC)))


def test_stand_ins_that_differ_are_all_arranged(nodes: Nodes) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    asks = [nodes.stand_in("eve", person, ends) for person in ("ben", "chloe", "dara")]
    answers = race(nodes, asks)
    assert [one.said for one in answers if not one.done] == []
    with nodes.servers[0].store() as store:
        made = store.read_now(lambda tx: overrides.standing(tx, datetime.now(UTC)))
        assert sorted(one.person for one in made) == ["ben", "chloe", "dara"]
