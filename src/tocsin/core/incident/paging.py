"""The ladder and its pages: who is asked to come, by which channel, and what happens when one fails."""

from __future__ import annotations

from datetime import timedelta

from tocsin.core.incident import events
from tocsin.core.incident.deadlines import moot, step_deadline
from tocsin.core.incident.draft import Draft
from tocsin.core.incident.state import Page
from tocsin.core.model import Alarm, Notify, PersonId, Withdraw
from tocsin.core.oncall import on_call
from tocsin.core.policy import NotifyRule, Person, Target, Until


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
    step = draft.level.ladder[index]
    reason = f"step {index + 1} of {draft.level.id}, until {step.until}"
    paged, unreachable = _resolve(draft, step.targets)
    draft.add(
        events.StepTaken(draft.state.round, index, tuple(person.id for person, _ in paged), unreachable)
    )
    for person, why in paged:
        page(draft, person, f"{why}, {reason}", step.until)
    if not paged:
        advance(draft, unreachable)


def advance(draft: Draft, unreachable: tuple[str, ...]) -> None:
    """The path is blocked here: take the next rung now, or page the catch-all when there is none."""
    index = _next_step(draft)
    if index is not None:
        take_step(draft, index)
        return
    paged, also = _resolve(draft, draft.policy.catch_all)
    fresh = [(person, why) for person, why in paged if not _has_page(draft, person.id)]
    for person, why in fresh:
        page(draft, person, f"{why}, catch-all: nobody else could be reached", Until.ACKNOWLEDGED)
    if not fresh:
        draft.add(events.NobodyReached((*unreachable, *also)))
        draft.effects.append(Alarm(f"{draft.state.id}: nobody can be reached through the plan"))


def page(draft: Draft, person: Person, reason: str, until: Until) -> None:
    """Ask one person to come; a page they still have open for this incident is replaced."""
    for earlier in draft.state.pages:
        if earlier.person == person.id:
            if earlier.started_at == draft.now:
                return
            withdraw(draft, earlier, "paged again")
    number = draft.state.pages_count + 1
    rings = _rings(draft, person)
    draft.add(events.PageStarted(number, person.id, person.name, reason, until, rings))
    ring_due(draft, number)


def ring_due(draft: Draft, page_id: int, *, at_once: int = 0) -> None:
    """Send the rings of a page that are due, and in any case the next `at_once` of them.

    Rings that fall due together, as after an outage, use each channel only once.
    """
    used: set[str] = set()
    while (open_page := draft.state.page(page_id)) and open_page.sent < len(open_page.rings):
        ring = open_page.rings[open_page.sent]
        if open_page.started_at + timedelta(seconds=ring.after_seconds) > draft.now and at_once <= 0:
            return
        at_once -= 1
        _ring(draft, open_page, ring, repeated=ring.channel in used)
        used.add(ring.channel)


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


def _has_page(draft: Draft, person: PersonId) -> bool:
    return any(open_page.person == person for open_page in draft.state.pages)


def _resolve(draft: Draft, targets: tuple[Target, ...]) -> tuple[list[tuple[Person, str]], tuple[str, ...]]:
    """The people behind the targets with why they are asked, and in words who could not be asked."""
    paged: dict[PersonId, tuple[Person, str]] = {}
    unreachable: list[str] = []
    for target in targets:
        if target.rota is not None:
            person_id = on_call(draft.policy.rotas[target.rota], draft.now)
            why = f"on call: {target.rota}"
        else:
            person_id, why = target.person, "named by the plan"
        person = draft.view.people.get(person_id) if person_id else None
        if person_id is None:
            unreachable.append(f"nobody is on call: {target.rota}")
        elif person is None:
            unreachable.append(f"{person_id} is not in the directory")
        elif not person.channels:
            unreachable.append(f"{person_id} has no channel")
        else:
            paged.setdefault(person.id, (person, why))
    return list(paged.values()), tuple(unreachable)


def _rings(draft: Draft, person: Person) -> tuple[events.Ring, ...]:
    """The personal rules as planned rings. Rules that name no channel the person has mean: all, at once."""
    rules = person.rules or draft.policy.notify_rules
    rings = _plan_rings(rules, person.channels)
    return rings or tuple(events.Ring(0, channel) for channel in sorted(person.channels))


def _plan_rings(rules: tuple[NotifyRule, ...], channels: frozenset[str]) -> tuple[events.Ring, ...]:
    planned = [
        events.Ring(int(rule.after.total_seconds()), channel)
        for rule in rules
        for channel in rule.channels
        if channel in channels
    ]
    return tuple(sorted(planned, key=lambda ring: ring.after_seconds))


def _ring(draft: Draft, open_page: Page, ring: events.Ring, *, repeated: bool) -> None:
    number, person = open_page.sent, open_page.person
    if repeated:
        skipped = events.RingSkipped(open_page.id, number, person, ring.channel, "just sent that way")
        draft.add(skipped)
        return
    key = f"{draft.state.id}/{open_page.id}/{number}"
    draft.add(events.RingSent(open_page.id, number, person, ring.channel, key))
    draft.effects.append(Notify(key, open_page.id, number, person, ring.channel, draft.level.urgent))
