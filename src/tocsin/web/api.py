"""The API for programs and the command line: JSON in, JSON out, problems as RFC 9457 says."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, overload

from litestar import Response, Router, get, post
from litestar.connection import Request
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from tocsin.core.deeds import DECLARE, OF_AN_INCIDENT, REPIN, Deed
from tocsin.core.history import NAMES
from tocsin.core.incident import Status
from tocsin.core.incident.asking import Unclear, as_text
from tocsin.core.model import LevelId, Refused, ServiceId, SubjectId
from tocsin.engine.apply import Applied
from tocsin.engine.declare import PassedOn
from tocsin.store.transaction import Transaction
from tocsin.web import incidents, oncall, plan
from tocsin.web.auth import Viewer
from tocsin.web.bodies import body_of, check_no_body
from tocsin.web.incidents import Detail, Shown
from tocsin.web.sentences import sentence
from tocsin.web.services import Services

Asking = Request[Viewer, Any, Any]


@dataclass(frozen=True)
class Incident:
    """An incident in a list. Times are ISO 8601 in UTC."""

    id: SubjectId
    title: str
    service: ServiceId
    level: LevelId
    status: Status
    opened_at: str
    alerts: int
    next_deadline: str | None
    next_due_at: str | None


@dataclass(frozen=True)
class Done:
    """The incident after a command."""

    id: SubjectId
    status: Status
    version: int


@dataclass(frozen=True)
class Passed:
    """What was said went to an incident that whoever said it may not see."""

    passed_on: str


def router(services: Services) -> Router:
    """Everything under /api/v1 but the events address."""

    @get("/incidents", summary="List incidents")
    async def list_incidents(
        request: Asking,
        status: FromQuery[Literal["open", "all"]] = "open",
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    ) -> list[Incident]:
        def read(tx: Transaction) -> list[Shown]:
            people, open_only = incidents.names(tx), status == "open"
            return incidents.listed(tx, services, request.user, people, open_only=open_only, limit=limit)

        return [_incident(one) for one in await services.store.read(read)]

    async def declare(request: Asking, data: Any) -> Response[Done | Passed]:
        done = await _refusing(incidents.declare(services, request.user, _answers(DECLARE, data)))
        return Response(done, status_code=202 if isinstance(done, Passed) else 200)

    declare.__annotations__["data"] = JSONBody[body_of(DECLARE)]  # type: ignore[misc]  # made of the table

    @get("/incidents/{incident:str}", summary="One incident with its timeline, deadlines and deliveries")
    async def show_incident(incident: FromPath[str], request: Asking) -> dict[str, Any]:
        def read(tx: Transaction) -> dict[str, Any] | None:
            found = incidents.detail(tx, services, request.user, incident)
            return _detail(found) if found else None

        shown = await services.store.read(read)
        if shown is None:
            raise NotFoundException(f"There is no incident {incident}.")
        return shown

    opened = post("/incidents", status_code=200, summary=DECLARE.means)(declare)
    deeds = [_deed(services, deed) for deed in OF_AN_INCIDENT.values()]
    elsewhere = [*oncall.routes(services), *plan.routes(services)]
    return Router("/api/v1", route_handlers=[list_incidents, opened, show_incident, *deeds, *elsewhere])


def _deed(services: Services, deed: Deed) -> HTTPRouteHandler:
    """The address of one thing that can be asked. Its body has the deed's blanks."""

    async def with_body(incident: FromPath[str], request: Asking, data: Any) -> Done:
        return await _ask(services, request, incident, deed, _answers(deed, data))

    async def without_body(incident: FromPath[str], request: Asking) -> Done:
        await check_no_body(request, deed)
        return await _ask(services, request, incident, deed, {})

    handler = with_body if deed.blanks else without_body
    handler.__name__ = deed.name.replace("-", "_")
    handler.__annotations__ = {
        "incident": FromPath[str],
        "request": Asking,
        "return": Done,
        **({"data": JSONBody[body_of(deed)]} if deed.blanks else {}),  # type: ignore[misc]  # made of the table
    }
    path = f"/incidents/{{incident:str}}/{deed.name}"
    return post(path, status_code=200, summary=deed.means)(handler)


async def _ask(
    services: Services, request: Asking, incident: str, deed: Deed, answers: Mapping[str, str]
) -> Done:
    via = "cli" if request.headers.get("tocsin-client") == "cli" else "api"
    if deed is REPIN:
        return await _refusing(incidents.repin(services, request.user, incident, answers))
    return await _refusing(incidents.ask(services, request.user, incident, deed.name, answers, via))


def _answers(deed: Deed, body: object) -> dict[str, str]:
    """What a body fills in, as text."""
    return {blank.name: as_text(getattr(body, blank.name)) for blank in deed.blanks}


@overload
async def _refusing(asked: Awaitable[Applied | Refused]) -> Done: ...


@overload
async def _refusing(asked: Awaitable[Applied | PassedOn | Refused]) -> Done | Passed: ...


async def _refusing(asked: Awaitable[Applied | PassedOn | Refused]) -> Done | Passed:
    """The answer of the incident; what is unclear is 400."""
    try:
        answer = await asked
    except Unclear as unclear:
        raise HTTPException(str(unclear), status_code=400) from unclear
    return Passed(answer.reason) if isinstance(answer, PassedOn) else _done(answer)


def _done(answer: Applied | Refused) -> Done:
    if isinstance(answer, Refused):
        missing = answer.reason.startswith("There is no incident")
        raise HTTPException(answer.reason, status_code=404 if missing else 409)
    return Done(answer.incident, answer.state.status, answer.version)


def _incident(shown: Shown) -> Incident:
    state = shown.state
    return Incident(
        state.id,
        state.title,
        state.service,
        state.level,
        state.status,
        state.opened_at.isoformat(),
        state.alerts_count,
        shown.next.promise if shown.next else None,
        shown.next.due_at.isoformat() if shown.next else None,
    )


def _detail(found: Detail) -> dict[str, Any]:
    return {
        "incident": _incident(found.shown),
        "actions": found.actions,
        "deadlines": found.deadlines,
        "timeline": [
            {
                "number": number,
                "at": one.at,
                "actor": str(one.actor),
                "type": NAMES[type(one.event)],
                "sentence": sentence(one, found.names),
                "event": one.event,
            }
            for number, one in enumerate(found.timeline, 1)
        ],
        "alerts": found.alerts,
        "deliveries": [dict(row._mapping) for row in found.ledger],
    }
