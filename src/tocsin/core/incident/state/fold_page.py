"""What events about pages add up to."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.evolve import evolve
from tocsin.core.incident import events
from tocsin.core.incident.state.incident import Incident
from tocsin.core.incident.state.open_page import Page
from tocsin.core.model import Actor, ActorKind, Outcome, PersonId


def fold_page(state: Incident, event: events.PageEvent, at: datetime) -> Incident:
    """The state after one more event about a page."""
    if isinstance(event, events.PageStarted):
        waiting = tuple(range(len(event.rings)))
        page = Page(event.page, event.person, event.until, at, event.rings, waiting)
        paged_at = {**state.paged_at, event.person: at}
        return evolve(state, pages=(*state.pages, page), pages_count=event.page, paged_at=paged_at)
    if isinstance(event, events.PageAnswered):
        state = answered(state, Actor(ActorKind.PERSON, event.person))
    if isinstance(event, events.PageAnswered | events.PageWithdrawn):
        return evolve(state, pages=tuple(page for page in state.pages if page.id != event.page))
    return evolve(
        state,
        pages=tuple(_ring(page, event) if page.id == event.page else page for page in state.pages),
    )


def answered(state: Incident, by: Actor) -> Incident:
    """Somebody has taken it."""
    if by.kind is not ActorKind.PERSON or by.id in state.answered:
        return state
    return evolve(state, answered=(*state.answered, PersonId(by.id)))


def _ring(page: Page, event: events.RingEvent) -> Page:
    if isinstance(event, events.RingSent | events.RingSkipped):
        return evolve(page, waiting=tuple(number for number in page.waiting if number != event.ring))
    if event.outcome is Outcome.FAILED:
        # What it refused for good it would refuse again: its later rings are off.
        left = tuple(number for number in page.waiting if page.rings[number].channel != event.channel)
        return evolve(page, waiting=left, refused=(*page.refused, event.channel))
    if event.outcome is Outcome.RETRYING:
        return evolve(page, busy=(*page.busy, event.channel))
    return evolve(page, reached=page.reached or event.outcome is Outcome.ACCEPTED)
