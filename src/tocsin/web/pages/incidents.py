"""The live list: what is open, the worst first, and what was over lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from tocsin.core.incident import Incident, Status
from tocsin.core.policy import Level
from tocsin.store.transaction import Transaction
from tocsin.web import incidents
from tocsin.web.auth import Viewer
from tocsin.web.incidents import Shown
from tocsin.web.pages.frame import EVERYTHING, Asking, Frame, address_of, frame, render, times_for
from tocsin.web.sentences import Names, counted, named, who
from tocsin.web.services import Services
from tocsin.web.times import Moment, Reader

OPEN_SHOWN = 100
LATELY_LOOKED_AT = 100
LATELY_SHOWN = 10


@dataclass(frozen=True)
class Badge:
    """A level as it is shown: `step` 0 is the loudest of four looks, whatever the plan calls its levels."""

    id: str
    name: str
    step: int


@dataclass(frozen=True)
class Due:
    """The next promise of an incident."""

    promise: str
    at: Moment


@dataclass(frozen=True)
class Row:
    """One incident in the list. `calls` is true while somebody is asked for and nobody has come."""

    id: str
    address: str
    title: str
    service: str
    level: Badge
    status: Status
    calls: bool
    standing: str
    alerts: str
    opened: Moment
    over: Moment | None
    due: Due | None
    trouble: str


@dataclass(frozen=True)
class IncidentsPage:
    """Everything the list shows. `try_it` are commands that send a first alert."""

    frame: Frame
    headline: str
    unanswered: int
    open: tuple[Row, ...]
    more: bool
    lately: tuple[Row, ...]
    try_it: tuple[str, ...]


def routes(services: Services) -> list[HTTPRouteHandler]:
    """The list, which is also the front page."""

    @get("/", include_in_schema=False)
    async def show(request: Asking) -> Response[str]:
        times = times_for(services, request.user.contact)
        around = frame(services, request.user, times, "incidents", page="/", watches=EVERYTHING)
        page = await services.store.read(
            partial(_page, services=services, viewer=request.user, around=around, times=times)
        )
        return render("incidents.html", page)

    return [show]


def _page(tx: Transaction, services: Services, viewer: Viewer, around: Frame, times: Reader) -> IncidentsPage:
    people = incidents.names(tx)
    found = incidents.listed(tx, services, viewer, people, open_only=True, limit=OPEN_SHOWN + 1)
    recent = incidents.listed(tx, services, viewer, people, open_only=False, limit=LATELY_LOOKED_AT)
    over = [one for one in recent if one.state.status.over]
    over.sort(key=lambda one: one.state.resolved_at or one.state.opened_at, reverse=True)
    unanswered = sum(map(_calls, found))
    taken = all(one.state.status is not Status.TRIGGERED for one in found)
    return IncidentsPage(
        frame=around,
        headline=headline(len(found), unanswered, taken=taken),
        unanswered=unanswered,
        open=tuple(row(one, people, times) for one in found[:OPEN_SHOWN]),
        more=len(found) > OPEN_SHOWN,
        lately=tuple(row(one, people, times) for one in over[:LATELY_SHOWN]),
        try_it=alert_commands(services.public_url),
    )


def headline(open_count: int, unanswered: int, *, taken: bool) -> str:
    """The whole list in one sentence."""
    if not open_count:
        return "All quiet"
    some = f"{open_count} open" if open_count <= OPEN_SHOWN else f"More than {OPEN_SHOWN} open"
    if unanswered:
        return f"{some}, {unanswered} unanswered"
    return f"{some}, all acknowledged" if taken else f"{some}, none calls for anybody"


def row(shown: Shown, people: Names, times: Reader) -> Row:
    """One incident as the list shows it."""
    state = shown.state
    return Row(
        id=state.id,
        address=address_of(state.id),
        title=state.title,
        service=shown.service_name,
        level=badge(shown.level),
        status=state.status,
        calls=_calls(shown),
        standing=standing(state, shown.level, people),
        alerts=counted(state.alerts_count, "alert", "alerts"),
        opened=times.moment(state.opened_at),
        over=times.moment(state.resolved_at) if state.resolved_at else None,
        due=Due(shown.next.promise, times.moment(shown.next.due_at)) if shown.next else None,
        trouble=shown.quarantined,
    )


def _calls(shown: Shown) -> bool:
    return shown.state.status is Status.TRIGGERED and shown.level.pages


def badge(level: Level) -> Badge:
    """How a level looks."""
    return Badge(level.id, level.name, min(level.rank, 3))


def standing(state: Incident, level: Level, people: Names) -> str:
    """Who has it, or who is being asked to take it."""
    if state.status.over or state.status is Status.MITIGATED:
        return state.status.capitalize()
    if state.acknowledged_by is not None:
        return f"Acknowledged by {who(state.acknowledged_by, people)}"
    if state.pages:
        return f"Paging {_listed([named(page.person, people) for page in state.pages])}"
    return "Nobody is being paged" if level.pages else "This level pages nobody"


def alert_commands(public_url: str) -> tuple[str, str]:
    """What sends an alert to the demo: from its own directory, and from anywhere."""
    port = urlsplit(public_url).port or 8080
    make = "make alert" if port == 8080 else f"make alert PORT={port}"
    return make, f'tocsin alert "Checkout is down" --url {public_url}'


def _listed(some: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(some))
