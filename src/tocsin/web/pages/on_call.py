"""Who is on call: now, in the next days, where nobody is, and who stands in; and one's own calendar."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

from litestar import Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Redirect

from tocsin import limits
from tocsin.core.deeds import STAND_IN
from tocsin.core.incident.asking import Unclear
from tocsin.core.model import PersonId
from tocsin.core.oncall import findings, turns
from tocsin.engine.context import NoPlan
from tocsin.plan.document import YEARS
from tocsin.store import feeds, overrides
from tocsin.store.transaction import Transaction
from tocsin.web import duty
from tocsin.web.auth import Viewer
from tocsin.web.pages.actions import NOTHING, Action, Tried, filled_in, form
from tocsin.web.pages.frame import Asking, Frame, frame, render, times_for
from tocsin.web.pages.rotas import (
    Calendar,
    Odd,
    RotaShown,
    StandsIn,
    calendar,
    looks,
    mine,
    now_and_then,
    odd,
    rota_shown,
    stands_in,
)
from tocsin.web.pages.timeline import Timeline, Window
from tocsin.web.rota_data import Board
from tocsin.web.services import Services
from tocsin.web.times import Moment, Reader

HERE = "/on-call"
DAYS = 14
AHEAD = timedelta(days=DAYS)
GAPS = timedelta(days=30)
ODD_SHOWN = 5

From = Annotated[str | None, QueryParameter(name="from")]


@dataclass(frozen=True)
class OwnFeed:
    """The address of the reader's own calendar: since when there is one; `url` only when it was just made."""

    made: Moment | None
    url: str


@dataclass(frozen=True)
class Shown:
    """What is shown of the rotas of a plan."""

    rotas: tuple[RotaShown, ...]
    timeline: Timeline
    earlier: str
    later: str
    calendars: tuple[Calendar, ...]
    odd: tuple[Odd, ...]
    odd_more: int
    arranged: tuple[StandsIn, ...]
    form: Action


@dataclass(frozen=True)
class OnCallPage:
    """Everything. `mine` is the reader's own part in a sentence; without rotas there is nothing `shown`."""

    frame: Frame
    notice: str
    mine: str
    shown: Shown | None
    planned: bool
    feed: OwnFeed


@dataclass(frozen=True)
class Answer:
    """What the page says of what the reader has just asked for."""

    tried: Tried = NOTHING
    notice: str = ""
    url: str = ""
    status: int = 200


def routes(services: Services) -> list[HTTPRouteHandler]:
    """The page and its buttons."""
    return [*_page_itself(services), *_feed_buttons(services)]


def _page_itself(services: Services) -> list[HTTPRouteHandler]:
    @get(HERE, include_in_schema=False)
    async def show(request: Asking, since: From = None) -> Response[str]:
        return await _answer(services, request, Answer(), _day(since) if since else None)

    @post(f"{HERE}/stand-in", status_code=200, include_in_schema=False)
    async def stand_in(request: Asking) -> Response[str]:
        filled = await request.form()
        answers = {blank.name: filled_in(filled, blank) for blank in STAND_IN.blanks}
        try:
            await duty.arrange(services, request.user, answers, request.user.contact.zone)
        except Unclear as unclear:
            return await _answer(
                services, request, Answer(Tried(STAND_IN.name, answers, unclear), status=400)
            )
        return Redirect(HERE, status_code=303)

    @post(f"{HERE}/take-over", status_code=200, include_in_schema=False)
    async def take_over(request: Asking) -> Response[str]:
        filled = await request.form()
        asked = {name: str(filled.get(name, "")) for name in ("rota", "to", "for")}
        asked |= {"person": request.user.contact.id, "from": services.clock().isoformat()}
        try:
            await duty.arrange(services, request.user, asked)
        except Unclear as unclear:
            return await _answer(services, request, Answer(notice=str(unclear), status=409))
        return Redirect(HERE, status_code=303)

    @post(f"{HERE}/take-back", status_code=200, include_in_schema=False)
    async def take_back(request: Asking) -> Response[str]:
        number = str((await request.form()).get("override", ""))
        if number.isdecimal() and await duty.take_back(services, request.user, int(number[:20])):
            return Redirect(HERE, status_code=303)
        return await _answer(services, request, Answer(notice="That stand-in had ended already.", status=409))

    return [show, stand_in, take_over, take_back]


def _feed_buttons(services: Services) -> list[HTTPRouteHandler]:
    @post(f"{HERE}/feed", status_code=200, include_in_schema=False)
    async def new_feed(request: Asking) -> Response[str]:
        url, _ = await duty.new_feed(services, request.user, None)
        return await _answer(services, request, Answer(url=url))

    @post(f"{HERE}/feed-end", status_code=200, include_in_schema=False)
    async def end_feed(request: Asking) -> Response[str]:
        await duty.end_feed(services, request.user, None)
        return Redirect(HERE, status_code=303)

    return [new_feed, end_feed]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        said = f"`{text[:80]}` is no day that can be shown. Write it like 2026-11-23."
        raise HTTPException(said, status_code=400)
    return day


async def _answer(
    services: Services, request: Asking, answer: Answer, first: date | None = None
) -> Response[str]:
    times = times_for(services, request.user.contact)
    address = f"{HERE}?from={first}" if first else HERE
    around = frame(services, request.user, times, "on call", page=address)
    read = partial(
        _page, services=services, viewer=request.user, around=around, times=times, answer=answer, first=first
    )
    return render("on_call.html", await services.store.read(read), answer.status)


def _page(
    tx: Transaction,
    services: Services,
    viewer: Viewer,
    around: Frame,
    times: Reader,
    answer: Answer,
    first: date | None,
) -> OnCallPage:
    board, me = duty.board_of(tx, services), viewer.contact.id
    made = feeds.made_at(tx, rota="", person=me)
    own = OwnFeed(times.moment(made) if made else None, answer.url)
    try:
        policy = services.context.newest_policy(tx)
    except NoPlan:
        return OnCallPage(around, answer.notice, "", None, planned=False, feed=own)
    if not board.rotas:
        return OnCallPage(around, answer.notice, "", None, planned=True, feed=own)
    today = times.now.astimezone(ZoneInfo(times.zone)).date()
    window = Window(first or today, DAYS, times.zone)
    reach = timedelta(days=limits.OVERRIDE_DAYS)
    earliest, latest = min(window.since, times.now), max(window.until, times.now)
    arranged = duty.stand_ins(tx, board, earliest - reach, latest + 2 * reach)
    listed = {rota: tuple(window.turns(board.rotas, rota, arranged)) for rota in board.rotas}
    present = {rota: now_and_then(board.rotas, rota, times.now, arranged) for rota in board.rotas}
    found = findings(board.rotas, times.now, times.now + GAPS, arranged)
    found.sort(key=lambda one: one.since)
    tried = answer.tried if answer.tried is not NOTHING else _likely(board, me, times)
    shown = Shown(
        rotas=tuple(rota_shown(rota, some, board, me, times) for rota, some in present.items()),
        timeline=window.drawn(listed, looks(board), board.names, times),
        earlier=f"{HERE}?from={window.first - timedelta(days=DAYS)}",
        later=f"{HERE}?from={window.first + timedelta(days=DAYS)}",
        calendars=tuple(calendar(rota, some, board, times) for rota, some in listed.items()),
        odd=tuple(odd(one, board, times) for one in found[:ODD_SHOWN]),
        odd_more=max(0, len(found) - ODD_SHOWN),
        arranged=tuple(stands_in(one, board, times) for one in overrides.arranged(tx, times.now)),
        form=form(STAND_IN, "Arrange a stand-in", replace(policy, rotas=board.rotas), board.names, tried),
    )
    ahead = {rota: turns(board.rotas, rota, times.now, times.now + AHEAD, arranged) for rota in board.rotas}
    return OnCallPage(around, answer.notice, mine(present, ahead, me, times), shown, planned=True, feed=own)


def _likely(board: Board, me: PersonId, times: Reader) -> Tried:
    """What is filled in already: mostly one arranges it for oneself, and at once."""
    now = times.now.astimezone(ZoneInfo(times.zone))
    rota = next(iter(board.rotas)) if len(board.rotas) == 1 else ""
    person = me if me in board.names else ""
    return Tried(STAND_IN.name, {"rota": rota, "person": person, "from": f"{now:%Y-%m-%dT%H:%M}"})
