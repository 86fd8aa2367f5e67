"""The API about who is on call, stand-ins, and the calendar feeds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Response, delete, get, post
from litestar.connection import Request
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from tocsin import limits
from tocsin.core.model import PersonId, RotaId
from tocsin.core.oncall import Override
from tocsin.store import directory, feeds, overrides, plans
from tocsin.store.overrides import Arranged
from tocsin.store.transaction import Transaction
from tocsin.store.writer import Lane
from tocsin.web import rota_data
from tocsin.web.auth import PUBLIC, Viewer
from tocsin.web.feed import AHEAD, BACK, feed
from tocsin.web.rota_answers import (
    CalendarAnswer,
    FeedAnswer,
    GapsAnswer,
    LoadAnswer,
    OverrideAnswer,
    RemovedAnswer,
    WhoAnswer,
)
from tocsin.web.rota_data import BadQuestion, Board, NotThere
from tocsin.web.services import Services

Asking = Request[Viewer, Any, Any]
From = Annotated[str | None, QueryParameter(name="from")]
To = Annotated[str | None, QueryParameter(name="to")]
T = TypeVar("T")

CALENDAR = timedelta(days=14)
GAPS = timedelta(days=30)
LISTED = 200
"""How many stand-ins are listed, the newest first."""
ENDING = ".ics"


class StandIn(msgspec.Struct, rename={"since": "from", "until": "to", "replaces": "for"}):
    """Who stands in: `for` whom (or in the first seat), `from` when `to` when, and why."""

    rota: str
    person: str
    since: str
    until: str
    replaces: str | None = None
    reason: str = ""


class FeedOf(msgspec.Struct):
    """Whose calendar: a rota's; without one, one's own."""

    rota: str | None = None


def routes(services: Services) -> list[HTTPRouteHandler]:
    """What stands under /api/v1."""
    return [*_questions(services), *_stand_ins(services)]


def _questions(services: Services) -> list[HTTPRouteHandler]:
    @get("/oncall", summary="Who is on call in every rota, now or at a time")
    async def who(at: FromQuery[str | None] = None) -> WhoAnswer:
        def read(tx: Transaction) -> WhoAnswer:
            board = board_of(tx, services)
            when = rota_data.moment(at, board.zone) if at else services.clock()
            ahead = when + timedelta(days=limits.CALENDAR_DAYS)
            return rota_data.who(board, overrides.between(tx, when, ahead), when, board.rotas)

        return await _answer(services.store.read, read)

    @get("/oncall/{rota:str}", summary="Turn after turn in one rota; two weeks from now, if not said")
    async def calendar(rota: FromPath[str], since: From = None, until: To = None) -> CalendarAnswer:
        def read(tx: Transaction) -> CalendarAnswer:
            board = board_of(tx, services)
            begins, ends = rota_data.stretch(since, until, board.zone, services.clock(), CALENDAR)
            arranged = overrides.between(tx, begins, ends)
            return rota_data.calendar(board, arranged, board.rota(rota), begins, ends)

        return await _answer(services.store.read, read)

    @get("/gaps", summary="Where nobody is on call and what else is odd; 30 days from now, if not said")
    async def gaps(since: From = None, until: To = None) -> GapsAnswer:
        def read(tx: Transaction) -> GapsAnswer:
            board = board_of(tx, services)
            begins, ends = rota_data.stretch(since, until, board.zone, services.clock(), GAPS)
            return rota_data.gaps(board, overrides.between(tx, begins, ends), begins, ends)

        return await _answer(services.store.read, read)

    @get("/load", summary="Hours, nights and weekends of everybody; 30 days from now, if not said")
    async def load(rota: FromQuery[str | None] = None, since: From = None, until: To = None) -> LoadAnswer:
        def read(tx: Transaction) -> LoadAnswer:
            board = board_of(tx, services)
            begins, ends = rota_data.stretch(since, until, board.zone, services.clock(), GAPS)
            of = [board.rota(rota)] if rota else list(board.rotas)
            return rota_data.carried(board, overrides.between(tx, begins, ends), of, begins, ends)

        return await _answer(services.store.read, read)

    return [who, calendar, gaps, load]


def _stand_ins(services: Services) -> list[HTTPRouteHandler]:
    @get("/overrides", summary="Who stands in for whom, the newest first, those that were taken back too")
    async def list_overrides() -> list[OverrideAnswer]:
        def read(tx: Transaction) -> list[OverrideAnswer]:
            zone = board_of(tx, services).zone
            return [_override_answer(one, zone) for one in overrides.newest(tx, LISTED)]

        return await services.store.read(read)

    @post("/overrides", status_code=200, summary="Let somebody stand in")
    async def add_override(request: Asking, data: JSONBody[StandIn]) -> OverrideAnswer:
        def write(tx: Transaction) -> OverrideAnswer:
            now = services.clock()
            board = board_of(tx, services)
            wanted = _wanted(tx, board, data, request.user.contact.id, now)
            made = overrides.add(tx, wanted, now)
            return _override_answer(Arranged(made, now, "", None), board.zone)

        return await _answer(partial(services.store.write, lane=Lane.ACT), write)

    @delete("/overrides/{override:int}", status_code=200, summary="Take a stand-in back, from now on")
    async def remove_override(override: FromPath[int], request: Asking) -> RemovedAnswer:
        remove = partial(overrides.remove, id=override, by=request.user.contact.id, now=services.clock())
        if not await services.store.write(remove, Lane.ACT):
            raise NotFoundException(f"There is no override {override} that still counts.")
        return {"removed": override}

    @post("/feeds", status_code=200, summary="A new secret address of a calendar; the one before it ends")
    async def add_feed(request: Asking, data: JSONBody[FeedOf]) -> FeedAnswer:
        secret, viewer = services.new_secret(), request.user.contact.id

        def write(tx: Transaction) -> FeedAnswer:
            rota = board_of(tx, services).rota(data.rota) if data.rota is not None else ""
            person = "" if rota else viewer
            feeds.renew(tx, secret, rota, person, by=viewer, now=services.clock())
            return {"url": f"{services.public_url}/oncall/{secret}{ENDING}", "rota": rota, "person": person}

        return await _answer(partial(services.store.write, lane=Lane.ACT), write)

    return [list_overrides, add_override, remove_override, add_feed]


def public_feed(services: Services) -> HTTPRouteHandler:
    """The address that a calendar program asks. Whoever knows the secret may read, and nothing else."""

    @get("/oncall/{file:str}", opt={PUBLIC: True}, include_in_schema=False)
    async def show_feed(file: FromPath[str]) -> Response[str]:
        now = services.clock()

        def read(tx: Transaction) -> str | None:
            found = feeds.find(tx, file.removesuffix(ENDING))
            return _feed(tx, board_of(tx, services), *found, now) if found else None

        text = await services.store.read(read) if file.endswith(ENDING) else None
        if text is None:
            raise NotFoundException("There is no calendar at this address; it may have been renewed.")
        return Response(text, media_type="text/calendar", headers={"cache-control": "private"})

    return show_feed


def board_of(tx: Transaction, services: Services) -> Board:
    """The rotas in force with everybody's names; without a plan there are none."""
    people = directory.contacts(tx)
    current = plans.current(tx)
    names = {id: one.name for id, one in people.items()}
    zones = {id: one.zone for id, one in people.items()}
    if current is None:
        return Board({}, "UTC", names, zones)
    policy = services.context.policy(tx, current[0])
    return Board(policy.rotas, policy.zone, names, zones)


def _override_answer(one: Arranged, zone: str) -> OverrideAnswer:
    """A stand-in with its record."""
    override = one.override
    return {
        "id": override.id,
        "rota": override.rota,
        "person": override.person,
        "for": override.replaces,
        "from": override.since.isoformat(),
        "to": override.until.isoformat(),
        "by": override.by,
        "reason": override.reason,
        "zone": zone,
        "made_at": one.made_at.isoformat(),
        "removed_by": one.removed_by,
        "removed_at": one.removed_at.isoformat() if one.removed_at else None,
    }


def _wanted(tx: Transaction, board: Board, data: StandIn, by: PersonId, now: datetime) -> Override:
    """The override that is asked for; raises BadQuestion when it cannot be."""
    rota = board.rota(data.rota)
    for person in (data.person, data.replaces):
        if person is not None and PersonId(person) not in board.names:
            raise BadQuestion(f"There is nobody called {person}. Name somebody by id, as people.yaml does.")
    since, until = rota_data.moment(data.since, board.zone), rota_data.moment(data.until, board.zone)
    if until <= max(since, now):
        raise BadQuestion("The end is past, or not after the beginning. Write the earlier time first.")
    if until - since > timedelta(days=limits.OVERRIDE_DAYS):
        remedy = "Change the plan instead."
        raise BadQuestion(f"Nobody stands in for more than {limits.OVERRIDE_DAYS} days. {remedy}")
    if overrides.count(tx, now) >= limits.OVERRIDES:
        remedy = "Take some back, or change the plan."
        raise BadQuestion(f"{limits.OVERRIDES} stand-ins are arranged already. {remedy}")
    replaces = PersonId(data.replaces) if data.replaces is not None else None
    reason = data.reason[: limits.REASON_CHARACTERS]
    # It cannot have counted before anybody knew of it.
    return Override(0, rota, PersonId(data.person), max(since, now), until, replaces, by, reason)


def _feed(tx: Transaction, board: Board, rota: str, person: str, now: datetime) -> str:
    arranged = overrides.between(tx, now - BACK, now + AHEAD)
    if rota:
        of = [RotaId(rota)] if RotaId(rota) in board.rotas else []
        return feed(f"On call: {rota}", board.rotas, of, now, arranged, board.names)
    whose = PersonId(person)
    title = f"On call: {board.names.get(whose, whose)}"
    return feed(title, board.rotas, board.rotas, now, arranged, board.names, whose)


async def _answer(store: Callable[..., Any], job: Callable[[Transaction], T]) -> T:
    try:
        answer: T = await store(job)
    except BadQuestion as wrong:
        raise HTTPException(str(wrong), status_code=404 if isinstance(wrong, NotThere) else 400) from wrong
    return answer
