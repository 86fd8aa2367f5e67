"""The ladder and its pages: who is asked to come, by which channel, and what happens when one fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tocsin.core.incident import events
from tocsin.core.incident.deadlines import moot, ring_due_at, step_deadline
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.state import Page, Status
from tocsin.core.model import Alarm, Notify, PersonId, RotaId, Withdraw
from tocsin.core.oncall import Seat, on_call
from tocsin.core.policy import Milestone, Person, Target


def start_round(draft: Draft, reason: str) -> None:
    """Begin the ladder again, its clock from now, and take what is due at once."""
    draft.add(events.RoundStarted(draft.state.round + 1, reason))
    take_due_steps(draft)


def take_due_steps(draft: Draft) -> None:
    """Take every rung whose time has come, in order."""
    while (index := _next_step(draft)) is not None:
        if step_deadline(draft.state, index, draft.level.ladder[index]).due_at > draft.now:
            return
        take_step(draft, index)


def take_step(draft: Draft, index: int) -> None:
    """Take one rung. Where it reaches nobody the next follows at once, and after the last the catch-all."""
    missing: list[str] = []
    until = Milestone.ACKNOWLEDGED
    step: int | None = index
    while step is not None:
        until = draft.level.ladder[step].until
        if _take_one(draft, step, missing):
            return
        step = _next_step(draft)
    _page_catch_all(draft, until, missing)


def advance(draft: Draft, missing: list[str]) -> None:
    """The path is blocked here: take the next rung now, or page the catch-all when there is none."""
    index = _next_step(draft)
    if index is None:
        _page_catch_all(draft, Milestone.ACKNOWLEDGED, missing)
    else:
        take_step(draft, index)


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
            if earlier.started_at == draft.now and earlier.until is until and not earlier.undeliverable:
                return
        withdraw(draft, earlier, "paged again")
    number = state.pages_count + 1
    rings = _rings(draft, person)
    if earlier is not None:
        rings = _no_later_than(rings, earlier, draft.now)
    draft.add(events.PageStarted(number, person.id, person.name, reason, until, rings))
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
                _send(draft, open_page, number)
            used.add(channel)


def go_around(draft: Draft, page_id: int) -> None:
    """A ring did not get through: the next by a channel not tried yet goes now, or else the ladder moves on.

    Later rings by channels that have been tried keep their times: the outbox is trying those already.
    """
    open_page = draft.state.page(page_id)
    if open_page is None:
        return
    tried = {ring.channel for number, ring in enumerate(open_page.rings) if number not in open_page.waiting}
    untried = [number for number in open_page.waiting if open_page.rings[number].channel not in tried]
    if untried:
        _send(draft, open_page, untried[0])
    pages = draft.state.pages
    if draft.state.status is Status.TRIGGERED and all(one.undeliverable for one in pages):
        advance(draft, [f"no channel reaches {one.person}" for one in pages])


def withdraw(draft: Draft, open_page: Page, reason: str) -> None:
    """Stop a page that has become moot."""
    draft.add(events.PageWithdrawn(open_page.id, open_page.person, reason))
    draft.effects.append(Withdraw(open_page.id))


def withdraw_moot(draft: Draft, reason: str) -> None:
    """Stop every open page whose purpose the incident's state has reached."""
    for open_page in draft.state.pages:
        if moot(draft.state, open_page.until):
            withdraw(draft, open_page, reason)


def _next_step(draft: Draft) -> int | None:
    ladder = draft.level.ladder
    taken = draft.state.steps_taken
    return next(
        (index for index in range(taken, len(ladder)) if not moot(draft.state, ladder[index].until)), None
    )


def _take_one(draft: Draft, index: int, missing: list[str]) -> bool:
    """Take one rung by itself; whether it finds anybody. Those it cannot reach are added to `missing`."""
    step = draft.level.ladder[index]
    found = _find(draft, step.targets)
    paged = tuple(person.id for person, _ in found.paged)
    draft.add(events.StepTaken(draft.state.round, index, paged, found.unreachable, found.answered))
    for person, why in found.paged:
        page(draft, person, f"{why}, step {index + 1} of {draft.level.id}, until {step.until}", step.until)
    missing += found.unreachable
    return bool(paged or found.answered)


def _page_catch_all(draft: Draft, until: Milestone, missing: list[str]) -> None:
    """The ladder has found nobody: page the catch-all, and when that is no use, say so aloud."""
    found = _find(draft, draft.policy.catch_all)
    asked = {open_page.person for open_page in draft.state.pages}
    for person, why in found.paged:
        if person.id not in asked:
            page(draft, person, f"{why}, catch-all: nobody else could be reached", until)
    somebody_knows = draft.state.answered or any(not one.undeliverable for one in draft.state.pages)
    if not somebody_knows:
        draft.add(events.NobodyReached(tuple(dict.fromkeys((*missing, *found.unreachable)))))
        draft.effects.append(Alarm(f"{draft.state.id}: nobody can be reached through the plan"))


@dataclass(frozen=True, slots=True)
class _Found:
    """The people behind some targets: whom to ask and why, in words who cannot be, and who has answered."""

    paged: tuple[tuple[Person, str], ...]
    unreachable: tuple[str, ...]
    answered: tuple[PersonId, ...]


def _find(draft: Draft, targets: tuple[Target, ...]) -> _Found:
    paged: dict[PersonId, tuple[Person, str]] = {}
    unreachable: list[str] = []
    answered: list[PersonId] = []
    for target in targets:
        if target.rota is not None:
            named = [(seat.person, seat.why) for seat in _on_call(draft, target.rota)]
            if not named:
                unreachable.append(f"nobody is on call: {target.rota}")
        else:
            named = [(target.person, "named by the plan")] if target.person else []
        for person_id, why in named:
            person = draft.view.people.get(person_id)
            if person_id in draft.state.answered:
                answered.append(person_id)
            elif person is None:
                unreachable.append(f"{person_id} is not in the directory")
            elif not person.channels:
                unreachable.append(f"{person_id} has no channel")
            else:
                paged.setdefault(person.id, (person, why))
    return _Found(tuple(paged.values()), tuple(unreachable), tuple(dict.fromkeys(answered)))


def _on_call(draft: Draft, rota: RotaId) -> tuple[Seat, ...]:
    """The steps are those of the pinned plan; who is on call is looked up in the plan of today."""
    rotas = {**draft.policy.rotas, **draft.view.rotas}
    return on_call(rotas, rota, draft.now, draft.view.overrides)


def _rings(draft: Draft, person: Person) -> tuple[events.Ring, ...]:
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


def _send(draft: Draft, open_page: Page, number: int) -> None:
    person, channel = open_page.person, open_page.rings[number].channel
    key = f"{draft.state.id}/{open_page.id}/{number}"
    draft.add(events.RingSent(open_page.id, number, person, channel, key))
    draft.effects.append(Notify(key, open_page.id, number, person, channel, draft.level.urgent))
