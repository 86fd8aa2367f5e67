"""The link in a page: whoever holds it acknowledges what the message listed, and can do nothing else.

Mail scanners follow links, so a GET changes nothing. The link stands for itself: no session is needed, and
none is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from tocsin import limits
from tocsin.core.directory import Contact
from tocsin.core.incident import Incident, Status, commands
from tocsin.core.model import Actor, ActorKind, PersonId, Refused, SubjectId
from tocsin.store import directory, ledger, subjects
from tocsin.store.errors import Corrupt
from tocsin.store.transaction import Transaction
from tocsin.web import incidents
from tocsin.web.auth import PUBLIC, refuse_foreign
from tocsin.web.incidents import Shown
from tocsin.web.pages.frame import Asking, Frame, frame, render, times_for
from tocsin.web.pages.incidents import Row, row
from tocsin.web.sentences import Names, refusal, standing_at
from tocsin.web.services import Services
from tocsin.web.times import Reader

YOURS = "It is yours now. You will not be paged for it again unless it gets worse or is left too long."
ANSWERED = "Your page is answered."


@dataclass(frozen=True)
class Listed:
    """One incident of the message. `answer` says what became of it, once the button was pressed.

    `waits` is true while the button would still change something. `came` names the incident that the message
    listed, where it has been merged into this one since.
    """

    incident: Row
    standing: str
    answer: str
    refused: bool
    waits: bool
    came: str = ""


@dataclass(frozen=True)
class AcknowledgePage:
    """What the message listed, before and after the button."""

    frame: Frame
    name: str
    incidents: tuple[Listed, ...]
    waits: bool
    asked: bool


@dataclass(frozen=True)
class BadLinkPage:
    """The link is too old, or not one of ours: nothing about any incident."""

    frame: Frame
    hours: int


@dataclass(frozen=True)
class _Link:
    bundle: str
    contact: Contact


def routes(services: Services) -> list[HTTPRouteHandler]:
    """The link, and the button that it shows."""

    @get("/a/{token:str}", opt={PUBLIC: True}, include_in_schema=False)
    async def show(token: FromPath[str]) -> Response[str]:
        link = await _read(services, token)
        return _bad(services) if link is None else await _answer(services, link, {})

    @post("/a/{token:str}", opt={PUBLIC: True}, status_code=200, include_in_schema=False)
    async def acknowledge(token: FromPath[str], request: Asking) -> Response[str]:
        refuse_foreign(request, services.public_url, opaque=True)
        link = await _read(services, token)
        if link is None:
            return _bad(services)
        actor = Actor(ActorKind.PERSON, link.contact.id)
        asked = commands.Asked(actor, commands.Acknowledge("link"))
        answers: dict[SubjectId, Refused | None] = {}
        for incident in await services.store.read(partial(_incidents, link=link)):
            # One that cannot be read must not keep the others of the message from being taken.
            with suppress(Corrupt):
                answer = await services.engine.ask(incident, asked)
                answers[incident] = answer if isinstance(answer, Refused) else None
        return await _answer(services, link, answers)

    return [show, acknowledge]


async def _read(services: Services, token: str) -> _Link | None:
    """What the link stands for; None when it is forged, too old, or its person has left."""
    payload = services.signer.check("acknowledge", token, services.clock())
    if payload is None:
        return None
    bundle, person = payload
    contact = (await services.store.read(directory.contacts)).get(PersonId(person))
    return None if contact is None else _Link(bundle, contact)


def _incidents(tx: Transaction, link: _Link) -> dict[SubjectId, SubjectId]:
    """Where each incident of the message goes on, with the one that the message listed."""
    found: dict[SubjectId, SubjectId] = {}
    for id, person in ledger.of_bundle(tx, link.bundle):
        if person == link.contact.id:
            found.setdefault(_goes_on(tx, id, person), id)
    return found


def _goes_on(tx: Transaction, incident: SubjectId, person: PersonId) -> SubjectId:
    """The incident, or the one it was merged into, where its page waits; not what is kept from the person."""
    with suppress(Corrupt):
        stored = subjects.load_incident(tx, incident)
        if stored is not None and stored.state.merged_into is not None:
            into = subjects.load_incident(tx, stored.state.merged_into)
            if into is not None and _is_shown(into.state, person):
                return _goes_on(tx, into.state.id, person)
    return incident


def _is_shown(state: Incident, person: PersonId) -> bool:
    return not state.restricted_to or any(page.person == person for page in state.pages)


async def _answer(
    services: Services, link: _Link, answers: Mapping[SubjectId, Refused | None]
) -> Response[str]:
    times = times_for(services, link.contact)
    around = frame(services, None, times, "acknowledge")

    def read(tx: Transaction) -> tuple[Listed, ...]:
        people = incidents.names(tx)
        listed = []
        for id, named in _incidents(tx, link).items():
            with suppress(Corrupt):
                one = incidents.one(tx, services, id, people)
                if one is not None:
                    shown = _listed(one, link, people, times, answers.get(id), asked=id in answers)
                    listed.append(shown if named == id else replace(shown, came=f"{named} goes on here."))
        return tuple(listed)

    listed = await services.store.read(read)
    waits = any(one.waits for one in listed)
    return render(
        "acknowledge.html", AcknowledgePage(around, link.contact.name, listed, waits, bool(answers))
    )


def _listed(
    shown: Shown, link: _Link, people: Names, times: Reader, refused: Refused | None, *, asked: bool
) -> Listed:
    state, me = shown.state, link.contact.id
    if refused is not None:
        answer = refusal(refused, state, people, times)
    elif asked:
        mine = state.acknowledged_by is not None and state.acknowledged_by.id == me
        answer = YOURS if mine else ANSWERED
    else:
        answer = ""
    return Listed(
        row(shown, people, times),
        standing_at(state, people, times),
        answer,
        refused is not None,
        state.status is Status.TRIGGERED or any(page.person == me for page in state.pages),
    )


def _bad(services: Services) -> Response[str]:
    around = frame(services, None, times_for(services, None), "acknowledge")
    return render("bad_link.html", BadLinkPage(around, limits.LINK_HOURS), 410)
