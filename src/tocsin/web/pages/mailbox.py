"""The demo's mailbox: what would have been sent, so that a first page lands without any account anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from tocsin.store import mailbox
from tocsin.web.auth import PUBLIC, is_local, viewer_of
from tocsin.web.pages.frame import EVERYTHING, Asking, Frame, frame, render, times_for
from tocsin.web.pages.incidents import alert_commands
from tocsin.web.services import Services
from tocsin.web.times import Moment, Reader

MESSAGES_SHOWN = 50


@dataclass(frozen=True)
class Letter:
    """A message that was received. `link` leads to the acknowledgement page."""

    id: int
    person: str
    subject: str
    text: str
    link: str
    at: Moment


@dataclass(frozen=True)
class MailboxPage:
    """Everything received, the newest first."""

    frame: Frame
    letters: tuple[Letter, ...]
    try_it: tuple[str, ...]


def routes(services: Services) -> list[HTTPRouteHandler]:
    """The mailbox exists in the demo alone: elsewhere there is no such page."""
    if not services.demo:
        return []

    @get("/mailbox", opt={PUBLIC: True}, include_in_schema=False)
    async def show(request: Asking) -> Response[str]:
        viewer = await viewer_of(services, request)
        if viewer is None and not is_local(request):
            # The letters hold links that sign in: a foreign name that leads here must not open them.
            raise NotFoundException("The demo's mailbox is open to its own machine, or after signing in.")
        times = times_for(services, viewer.contact if viewer else None)
        around = frame(services, viewer, times, "mailbox", page="/mailbox", watches=EVERYTHING)
        received = await services.store.read(partial(mailbox.newest, limit=MESSAGES_SHOWN))
        letters = tuple(_letter(one, times) for one in received)
        return render("mailbox.html", MailboxPage(around, letters, alert_commands(services.public_url)))

    return [show]


def _letter(received: Any, times: Reader) -> Letter:
    return Letter(
        received.id,
        received.person,
        received.subject,
        received.text,
        # The path alone: the demo may answer at another name or port than it did when the message was sent.
        urlsplit(received.link).path,
        times.moment(received.at),
    )
