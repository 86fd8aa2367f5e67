"""Pages: one person asked to come, by which channels and when, until they answer or it is moot."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.incident import events
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.promises.deadlines import moot, ring_due_at
from tocsin.core.incident.state.open_page import Page
from tocsin.core.model import Notify, Withdraw
from tocsin.core.policy import Milestone, Person


def page(draft: Draft, person: Person, reason: str, until: Milestone) -> None:
    """Ask one person to come; a page they still have open for this incident is replaced.

    Being asked again never puts off what the earlier page was about to send.
    """
    state = draft.state
    earlier = next((one for one in state.pages if one.person == person.id), None)
    if earlier is not None:
        if earlier.id > state.round_pages:
            # Two steps of one round name them: the longer promise stands, and at one instant one page does.
            until = max(until, earlier.until, key=list(Milestone).index)
            if earlier.started_at == draft.now and earlier.until is until and not earlier.turned_away:
                return
        withdraw(draft, earlier, "paged again")
    number = state.pages_count + 1
    rings = plan_rings(draft, person)
    if earlier is not None:
        rings = _no_later_than(rings, earlier, draft.now)
    draft.add(events.PageStarted(number, person.id, person.name, reason, until, rings))
    ring_due(draft, number)


def cross_over(draft: Draft, person: Person, earlier: Page, reason: str) -> None:
    """Ask somebody who has not answered the page of another incident, which this replaces."""
    rings = _no_later_than(plan_rings(draft, person), earlier, draft.now)
    number = draft.state.pages_count + 1
    draft.add(events.PageStarted(number, person.id, person.name, reason, earlier.until, rings))
    ring_due(draft, number)


def ring_due(draft: Draft, page_id: int) -> None:
    """Send the rings of a page that are due. Those due together, as after an outage, use a channel once."""
    used: set[str] = set()
    open_page = draft.state.page(page_id)
    for number in open_page.waiting if open_page else ():
        assert open_page is not None
        if ring_due_at(open_page, number) <= draft.now:
            channel = open_page.rings[number].channel
            if channel in used:
                _skip(draft, open_page, number)
            else:
                send(draft, open_page, number)
            used.add(channel)


def withdraw(draft: Draft, open_page: Page, reason: str) -> None:
    """Stop a page that has become moot."""
    draft.add(events.PageWithdrawn(open_page.id, open_page.person, reason))
    draft.effects.append(Withdraw(open_page.id))


def withdraw_moot(draft: Draft, reason: str) -> None:
    """Stop every open page whose purpose the incident's state has reached."""
    for open_page in draft.state.pages:
        if moot(draft.state, open_page.until):
            withdraw(draft, open_page, reason)


def plan_rings(draft: Draft, person: Person) -> tuple[events.Ring, ...]:
    """The personal rules as planned rings. Rules that name no channel the person has mean: all, at once."""
    rules = person.rules or draft.policy.notify_rules
    usable = [rule for rule in rules if person.channels.intersection(rule.channels)]
    if not usable:
        return tuple(events.Ring(0, channel) for channel in sorted(person.channels))
    # When the channels of the first rules are missing here, whoever waits for them must not wait longer.
    first, first_usable = min(rule.after for rule in rules), min(rule.after for rule in usable)
    planned = [
        events.Ring(int((first if rule.after == first_usable else rule.after).total_seconds()), channel)
        for rule in usable
        for channel in rule.channels
        if channel in person.channels
    ]
    return tuple(sorted(planned, key=lambda ring: ring.after_seconds))


def _no_later_than(rings: tuple[events.Ring, ...], earlier: Page, now: datetime) -> tuple[events.Ring, ...]:
    """The rings of a new page, the first of each channel no later than the page it replaces would send it."""
    promised: dict[str, int] = {}
    if rings[0].after_seconds and not earlier.reached:
        # What was sent may still wait to go out, and ends with its page: nobody falls silent by being asked.
        tried = {ring.channel for number, ring in enumerate(earlier.rings) if number not in earlier.waiting}
        promised = dict.fromkeys(tried.difference(earlier.refused), 0)
    for number in earlier.waiting:
        left = int((ring_due_at(earlier, number) - now).total_seconds())
        promised.setdefault(earlier.rings[number].channel, max(0, left))
    moved = [
        events.Ring(min(ring.after_seconds, promised.pop(ring.channel, ring.after_seconds)), ring.channel)
        for ring in rings
    ]
    return tuple(sorted(moved, key=lambda ring: ring.after_seconds))


def _skip(draft: Draft, open_page: Page, number: int) -> None:
    channel = open_page.rings[number].channel
    draft.add(events.RingSkipped(open_page.id, number, open_page.person, channel, "just sent that way"))


def send(draft: Draft, open_page: Page, number: int) -> None:
    """Give ring number `number` of a page to the outbox."""
    person, channel = open_page.person, open_page.rings[number].channel
    key = f"{draft.state.id}/{open_page.id}/{number}"
    draft.add(events.RingSent(open_page.id, number, person, channel, key))
    draft.effects.append(Notify(key, open_page.id, number, person, channel, draft.level.urgent))
