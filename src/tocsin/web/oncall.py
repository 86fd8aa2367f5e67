"""The API about who is on call, stand-ins, and the calendar feeds."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, TypeVar

from litestar import Response, delete, get, post
from litestar.connection import Request
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from tocsin import limits
from tocsin.core.incident.asking import Unclear
from tocsin.core.model import PersonId
from tocsin.store import overrides
from tocsin.store.overrides import Arranged
from tocsin.store.transaction import Transaction
from tocsin.web import duty, rota_data
from tocsin.web.auth import PUBLIC, Viewer
from tocsin.web.bodies import FeedOf, StandIn
from tocsin.web.duty import board_of
from tocsin.web.rota_answers import (
    CalendarAnswer,
    EndedAnswer,
    FeedAnswer,
    GapsAnswer,
    LoadAnswer,
    OverrideAnswer,
    RemovedAnswer,
    WhoAnswer,
)
from tocsin.web.rota_data import Board, NotThere
from tocsin.web.services import Services

Asking = Request[Viewer, Any, Any]
From = Annotated[str | None, QueryParameter(name="from")]
To = Annotated[str | None, QueryParameter(name="to")]
T = TypeVar("T")

CALENDAR = timedelta(days=14)
GAPS = timedelta(days=30)
LISTED = 200
"""How many stand-ins are listed, the newest first."""


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
            return rota_data.who(board, duty.stand_ins(tx, board, when, ahead), when, board.rotas)

        return await _refusing(services.store.read(read))

    @get("/oncall/{rota:str}", summary="Turn after turn in one rota; two weeks from now, if not said")
    async def calendar(rota: FromPath[str], since: From = None, until: To = None) -> CalendarAnswer:
        def read(tx: Transaction) -> CalendarAnswer:
            board = board_of(tx, services)
            begins, ends = rota_data.stretch(since, until, board.zone, services.clock(), CALENDAR)
            arranged = duty.stand_ins(tx, board, begins, ends)
            return rota_data.calendar(board, arranged, board.rota(rota), begins, ends)

        return await _refusing(services.store.read(read))

    @get("/gaps", summary="Where nobody is on call and what else is odd; 30 days from now, if not said")
    async def gaps(since: From = None, until: To = None) -> GapsAnswer:
        def read(tx: Transaction) -> GapsAnswer:
            board = board_of(tx, services)
            begins, ends = rota_data.stretch(since, until, board.zone, services.clock(), GAPS)
            return rota_data.gaps(board, duty.stand_ins(tx, board, begins, ends), begins, ends)

        return await _refusing(services.store.read(read))

    @get("/load", summary="Hours, nights and weekends of everybody; 30 days from now, if not said")
    async def load(rota: FromQuery[str | None] = None, since: From = None, until: To = None) -> LoadAnswer:
        def read(tx: Transaction) -> LoadAnswer:
            board = board_of(tx, services)
            begins, ends = rota_data.stretch(since, until, board.zone, services.clock(), GAPS)
            of = [board.rota(rota)] if rota else list(board.rotas)
            return rota_data.carried(board, duty.stand_ins(tx, board, begins, ends), of, begins, ends)

        return await _refusing(services.store.read(read))

    return [who, calendar, gaps, load]


def _stand_ins(services: Services) -> list[HTTPRouteHandler]:
    @get("/overrides", summary="Who stands in for whom, the newest first, those that were taken back too")
    async def list_overrides() -> list[OverrideAnswer]:
        def read(tx: Transaction) -> list[OverrideAnswer]:
            board = board_of(tx, services)
            return [_override_answer(one, board) for one in overrides.newest(tx, LISTED)]

        return await services.store.read(read)

    @post("/overrides", status_code=200, summary="Let somebody stand in")
    async def add_override(request: Asking, data: JSONBody[StandIn]) -> OverrideAnswer:
        asked = {
            "rota": data.rota,
            "person": data.person,
            "from": data.since,
            "to": data.until,
            "for": data.replaces or "",
            "reason": data.reason,
        }
        made = await _refusing(duty.arrange(services, request.user, asked))
        board = await services.store.read(partial(board_of, services=services))
        return _override_answer(made, board)

    @delete("/overrides/{override:int}", status_code=200, summary="Take a stand-in back, from now on")
    async def remove_override(override: FromPath[int], request: Asking) -> RemovedAnswer:
        if not await duty.take_back(services, request.user, override):
            raise NotFoundException(f"There is no override {override} that still counts.")
        return {"removed": override}

    @post("/feeds", status_code=200, summary="A new secret address of a calendar; the one before it ends")
    async def add_feed(request: Asking, data: JSONBody[FeedOf]) -> FeedAnswer:
        url, rota = await _refusing(duty.new_feed(services, request.user, data.rota))
        return {"url": url, "rota": rota or "", "person": "" if rota else request.user.contact.id}

    @delete("/feeds", status_code=200, summary="The secret address of a calendar ends; your own, if not said")
    async def end_feed(request: Asking, rota: FromQuery[str | None] = None) -> EndedAnswer:
        if not await duty.end_feed(services, request.user, rota):
            raise NotFoundException("There is no address of that calendar.")
        return {"rota": rota or "", "person": "" if rota else request.user.contact.id}

    return [list_overrides, add_override, remove_override, add_feed, end_feed]


def public_feed(services: Services) -> HTTPRouteHandler:
    """The address that a calendar program asks. Whoever knows the secret may read, and nothing else."""

    @get("/oncall/{file:str}", opt={PUBLIC: True}, include_in_schema=False)
    async def show_feed(file: FromPath[str]) -> Response[str]:
        read = partial(duty.calendar, services=services, file=file, now=services.clock())
        text = await services.store.read(read)
        if text is None:
            raise NotFoundException("There is no calendar at this address; it may have been renewed.")
        return Response(text, media_type="text/calendar", headers={"cache-control": "private"})

    return show_feed


def _override_answer(one: Arranged, board: Board) -> OverrideAnswer:
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
        "zone": board.zone,
        "made_at": one.made_at.isoformat(),
        "removed_by": one.removed_by,
        "removed_at": one.removed_at.isoformat() if one.removed_at else None,
        "out_of_reach": override.person not in board.reached,
        "names": {
            id: board.names[id]
            for each in (override.person, override.replaces, override.by, one.removed_by)
            if each and (id := PersonId(each)) in board.names
        },
    }


async def _refusing(asked: Awaitable[T]) -> T:
    """What is asked; what is unclear is 400, and what is not there 404."""
    try:
        return await asked
    except Unclear as wrong:
        raise HTTPException(str(wrong), status_code=404 if isinstance(wrong, NotThere) else 400) from wrong
