"""To open an incident by hand: what is wrong, with which service, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from tocsin.core.deeds import DECLARE
from tocsin.core.incident.asking import Unclear
from tocsin.core.model import Refused
from tocsin.engine.declare import PassedOn
from tocsin.store.transaction import Transaction
from tocsin.web import incidents
from tocsin.web.pages.actions import NOTHING, Action, Tried, filled_in, form
from tocsin.web.pages.frame import Asking, Frame, address_of, frame, render, times_for
from tocsin.web.services import Services


@dataclass(frozen=True)
class DeclarePage:
    """The form. `notice` says why what was asked was refused."""

    frame: Frame
    form: Action
    notice: str


def routes(services: Services) -> list[HTTPRouteHandler]:
    """The form, and its button."""

    @get("/declare", include_in_schema=False)
    async def show(request: Asking) -> Response[str]:
        return await _answer(services, request, NOTHING, "", 200)

    @post("/declare", status_code=200, include_in_schema=False)
    async def declare(request: Asking) -> Response[str]:
        filled = await request.form()
        answers = {blank.name: filled_in(filled, blank) for blank in DECLARE.blanks}
        try:
            answer = await incidents.declare(services, request.user, answers)
        except Unclear as unclear:
            return await _answer(services, request, Tried(DECLARE.name, answers, unclear), "", 400)
        if isinstance(answer, Refused):
            return await _answer(services, request, Tried(DECLARE.name, answers), answer.reason, 409)
        if isinstance(answer, PassedOn):
            return await _answer(services, request, NOTHING, answer.reason, 202)
        return Redirect(address_of(answer.incident), status_code=303)

    return [show, declare]


async def _answer(
    services: Services, request: Asking, tried: Tried, notice: str, status: int
) -> Response[str]:
    times = times_for(services, request.user.contact)
    around = frame(services, request.user, times, "incidents")

    def read(tx: Transaction) -> DeclarePage:
        policy = services.context.current_policy(tx, times.now)
        return DeclarePage(around, form(DECLARE, "Open it", policy, incidents.names(tx), tried), notice)

    return render("declare.html", await services.store.read(read), status)
