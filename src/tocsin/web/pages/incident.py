"""One incident whole: what can be done, what is promised, who was told and how, and what happened."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from tocsin.core.deeds import DEEDS
from tocsin.core.incident.asking import Unclear
from tocsin.core.model import Deadline, DeadlineState, PersonId, Refused
from tocsin.store.alerts import Alert
from tocsin.store.transaction import Transaction
from tocsin.web import incidents
from tocsin.web.incidents import Detail
from tocsin.web.pages import deliveries
from tocsin.web.pages.actions import NOTHING, Actions, Tried, actions, filled_in
from tocsin.web.pages.deliveries import Paged, Told, paged
from tocsin.web.pages.frame import Asking, Frame, address_of, frame, render, times_for
from tocsin.web.pages.incidents import Row, row
from tocsin.web.pages.room import Room, by_hand, room
from tocsin.web.sentences import Names, counted, refusal, sentence, standing_at
from tocsin.web.services import Services
from tocsin.web.times import Moment, Reader
from tocsin.web.tones import Tone, tone

TIMELINE_SHOWN = 200


@dataclass(frozen=True)
class Promise:
    """A deadline as it is shown."""

    id: str
    words: str
    at: Moment
    state: DeadlineState
    by_hand: bool


@dataclass(frozen=True)
class AlertShown:
    """An alert that joined, in its source's words."""

    id: int
    summary: str
    severity: str
    origin: str
    key: str
    status: str
    count: str
    links: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One line of the timeline. `number` counts the incident's events."""

    number: int
    at: Moment
    words: str
    tone: Tone


@dataclass(frozen=True)
class IncidentPage:
    """Everything the page of one incident shows. `notice` answers what the reader just asked for."""

    frame: Frame
    incident: Row
    standing: str
    actions: Actions
    notice: str
    promises: tuple[Promise, ...]
    room: Room
    paged: tuple[Paged, ...]
    told: tuple[Told, ...]
    alerts: tuple[AlertShown, ...]
    alerts_more: str
    timeline: tuple[Line, ...]
    timeline_more: int


@dataclass(frozen=True)
class _Told:
    """What the reader hears besides the incident itself."""

    refused: Refused | None = None
    tried: Tried = NOTHING
    whole: bool = False


def routes(services: Services) -> list[HTTPRouteHandler]:
    """The page, and whatever can be asked on it."""

    @get("/incidents/{incident:str}", include_in_schema=False)
    async def show(incident: FromPath[str], request: Asking) -> Response[str]:
        told = _Told(whole="all" in request.query_params)
        return await _answer(services, request, incident, told, 200)

    @post("/incidents/{incident:str}/{deed:str}", status_code=200, include_in_schema=False)
    async def ask(incident: FromPath[str], deed: FromPath[str], request: Asking) -> Response[str]:
        if deed not in DEEDS:
            raise NotFoundException(f"There is no page incidents/{incident}/{deed}.")
        form = await request.form()
        answers = {blank.name: filled_in(form, blank) for blank in DEEDS[deed].blanks}
        try:
            answer = await incidents.ask(services, request.user, incident, deed, answers, "web")
        except Unclear as unclear:
            told = _Told(tried=Tried(deed, answers, unclear))
            return await _answer(services, request, incident, told, 400)
        if isinstance(answer, Refused):
            told = _Told(answer, Tried(deed, answers))
            return await _answer(services, request, incident, told, 409)
        # See other: a reload after the button reads the page again instead of pressing the button again.
        return Redirect(address_of(incident), status_code=303)

    return [show, ask]


async def _answer(
    services: Services, request: Asking, incident: str, told: _Told, status: int
) -> Response[str]:
    times = times_for(services, request.user.contact)
    page = address_of(incident) + ("?all" if told.whole else "")
    around = frame(services, request.user, times, "incidents", page=page, watches=incident)

    def read(tx: Transaction) -> IncidentPage | None:
        found = incidents.detail(tx, services, request.user, incident)
        viewer = request.user.contact.id
        return None if found is None else _page(found, viewer, found.names, around, times, told)

    found = await services.store.read(read)
    if found is None:
        raise NotFoundException(f"There is no incident {incident}.")
    return render("incident.html", found, status)


def _page(
    found: Detail, viewer: PersonId, people: Names, around: Frame, times: Reader, told: _Told
) -> IncidentPage:
    state = found.shown.state
    hand = by_hand(state, found.policy)
    lines = [
        Line(number, times.moment(one.at), sentence(one, people, times.zone), tone(one.event))
        for number, one in enumerate(found.timeline, start=1)
    ]
    # What became of each message stands beside the people it went to.
    shown = lines if told.whole else [one for one in lines if one.tone is not Tone.QUIET][-TIMELINE_SHOWN:]
    more = state.alerts_count - len(found.alerts)
    return IncidentPage(
        frame=around,
        incident=row(found.shown, people, times),
        standing=standing_at(state, people, times),
        actions=actions(state, found.policy, viewer, people, found.actions, told.tried),
        notice=refusal(told.refused, state, people, times) if told.refused else "",
        promises=tuple(_promise(one, times, hand) for one in sorted(found.deadlines, key=_urgency)),
        room=room(state, found.policy, people, times),
        paged=paged(found.timeline, found.ledger, people, times, over=state.status.over),
        told=deliveries.told(found.timeline, found.ledger, people, times),
        alerts=tuple(_alert(one) for one in found.alerts),
        alerts_more=counted(more, "alert", "alerts") if more > 0 else "",
        timeline=tuple(reversed(shown)),
        timeline_more=len(lines) - len(shown),
    )


def _urgency(deadline: Deadline) -> int:
    """What can still be kept stands first."""
    return (DeadlineState.DUE, DeadlineState.BROKEN, DeadlineState.KEPT).index(deadline.state)


def _promise(deadline: Deadline, times: Reader, hand: Set[str]) -> Promise:
    words = deadline.promise[:1].upper() + deadline.promise[1:]
    return Promise(deadline.id, words, times.moment(deadline.due_at), deadline.state, deadline.id in hand)


def _alert(alert: Alert) -> AlertShown:
    signal = alert.signal()
    origin = [alert.integration, signal.source, signal.component, signal.group, signal.event_class]
    return AlertShown(
        id=alert.id,
        summary=signal.summary,
        severity=signal.severity.value,
        origin=" · ".join(dict.fromkeys(filter(None, origin))),
        key=signal.dedup_key if signal.dedup_key != signal.summary else "",
        status=alert.status,
        count=f"{alert.count:,} times" if alert.count > 1 else "",
        # A source's words must never become anything but a link: no javascript:, no data:.
        links=tuple(link for link in signal.links if link.lower().startswith(("https://", "http://"))),
    )
